"""What makes a build public: the deploy command, the hook, the workflow on GitHub.

Nothing is asked and no name looked up: what a service says is seen when it is asked in earnest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address

from publisher.config import resolve
from publisher.config.settings import Settings
from publisher.embargo.hidden import holds
from publisher.model import Embargo, Post, Problem
from publisher.model.errors import PublisherError, SiteError
from publisher.model.secret import Secret, SecretRef
from publisher.site.deploy.github import require_target
from publisher.site.deploy.post import read_address
from publisher.system.address_guard import require


def check_deploying(
    settings: Settings, posts: Sequence[Post], environ: Mapping[str, str]
) -> Iterator[Problem]:
    """Find what would keep a build from going public, or let more go than should."""
    yield from _check_command(settings, environ)
    yield from _check_build(settings, posts)
    yield from _check_hook(settings, environ)
    yield from _check_github(settings)
    yield from _check_sources(settings)


def _check_command(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    command = settings.deploy.command
    if not command:
        return
    program = command[0]
    if "/" in program:
        is_there = os.access(settings.project / program, os.X_OK)
    else:
        is_there = shutil.which(program, path=environ.get("PATH", os.defpath)) is not None
    if is_there:
        return
    hint = "without it no build goes public: install it, or add its folder to PATH"
    if (settings.project / "node_modules" / ".bin" / program).exists():
        words = ", ".join(["npx", *command])
        hint = f"it is in node_modules/.bin, which is not searched: write [{words}]"
    message = f"deploy.command: there is no program {program!r} here"
    yield _problem(settings, "deploy-missing", message, hint)


def _check_build(settings: Settings, posts: Sequence[Post]) -> Iterator[Problem]:
    """Find a command that would deploy what no stage and no search has seen."""
    is_bare = settings.deploy.command and settings.rebuild is None
    if is_bare and holds(settings.embargo, posts):
        yield _problem(
            settings,
            "unbuilt-deploy",
            "deploy.command without rebuild.command would deploy posts under embargo: "
            "it runs where the sources are, and nothing is staged or searched before",
            "let rebuild.command build the site, and deploy.command take its output",
        )


def _check_hook(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    hook, private = settings.deploy.hook, settings.deploy.private
    url = _fetch(hook, environ)
    if url is None:
        return
    try:
        _require_address(url, "the deploy hook", key="deploy.hook", private=private)
    except SiteError as error:
        yield _problem(settings, "deploy-hook", _said(error), error.hint)


def _check_github(settings: Settings) -> Iterator[Problem]:
    github, private = settings.deploy.github, settings.deploy.private
    if github is None:
        return
    url, key = Secret(github.api_url), "deploy.github.api_url"
    try:
        require_target(github)
        _require_address(url, "GitHub", key=key, private=private)
    except SiteError as error:
        yield _problem(settings, "deploy-github", _said(error), error.hint)


def _check_sources(settings: Settings) -> Iterator[Problem]:
    """Warn where a service builds the sources itself, from a branch without embargo."""
    deploy = settings.deploy
    is_asked = deploy.hook is not None or deploy.github is not None
    has_branch = settings.git is not None and settings.git.deploy_branch is not None
    if is_asked and settings.embargo is not Embargo.OFF and not has_branch:
        yield _problem(
            settings,
            "deploy-sources",
            "a deploy hook or workflow builds the site from its repository, where the posts "
            "under embargo stand in full",
            "set git.deploy_branch and let the service build that branch; "
            "or publish what was built here, with deploy.command",
            severity="warning",
        )


def _fetch(hook: SecretRef | None, environ: Mapping[str, str]) -> Secret | None:
    """Give the hook's address, if it can be had here; ``secret-missing`` says if it cannot."""
    if hook is None:
        return None
    try:
        return resolve(hook, environ)
    except PublisherError:
        return None


def _require_address(url: Secret, what: str, *, key: str, private: bool) -> None:
    """Insist on an address that may be asked, as far as it shows by itself.

    :raises SiteError: when it may not be, or is none.
    """
    address = read_address(url, what, key=key, private=private)
    try:
        number = ip_address(address.host)
    except ValueError:
        return
    require(number, name=address.name, private=private)


def _said(error: SiteError) -> str:
    return "; ".join(part for part in (error.what, error.why) if part)


def _problem(
    settings: Settings, rule: str, message: str, hint: str, *, severity: str = "error"
) -> Problem:
    return Problem(
        rule=rule, severity=severity, path=settings.file.name, line=None, message=message, hint=hint
    )
