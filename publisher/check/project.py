"""What is wrong around the posts: the settings, the generator, the build, its deployment, git.

Nothing is asked over the network, and no name looked up.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path, PurePosixPath

from publisher.check.links import NOWHERE
from publisher.config import resolve
from publisher.config.settings import GitSettings, Settings
from publisher.embargo.embargoed_text import needs_stage
from publisher.generators.base import as_yaml
from publisher.generators.file_kinds import PAGES
from publisher.generators.project import walk
from publisher.model import Embargo, Post, PostState, Problem
from publisher.model.errors import GitError, PublisherError, SiteError
from publisher.model.secret import Secret
from publisher.site.deploy.github import require_target
from publisher.site.deploy.post import read_address
from publisher.site.git import Repository
from publisher.system import tree
from publisher.system.address_guard import require
from publisher.system.files import read_file
from publisher.system.tree import compile_globs

STAGE = "stage"  # as large as the site; who tracks it tracks the ledger beside it


def check_project(
    settings: Settings, posts: Sequence[Post], environ: Mapping[str, str]
) -> Iterator[Problem]:
    """Find what would keep every release from happening, or let out more than it should."""
    yield from _check_files(settings)
    yield from check_generator(settings)
    yield from _check_inherited_drafts(settings)
    yield from _check_commands(settings, environ)
    yield from _check_deploy(settings, posts, environ)
    yield from _check_git(settings, posts, environ)


# --- the files ------------------------------------------------------------------------------


def _check_files(settings: Settings) -> Iterator[Problem]:
    """Find a ``site.posts`` that means no file, or files that publisher cannot read.

    What is no Markdown can be neither redacted nor quoted.
    """
    site = settings.site
    globs = compile_globs(site.posts)
    root = os.path.relpath(site.root, settings.project)
    files = tree.walk(site.root, globs.base, without=site.generator.output, needed=NOWHERE)
    found = [PurePosixPath(path) for path, _ in files if globs.matches(path)]
    if not found:
        hint = "write the folder of your posts, below site.root"
        if any("{" in glob for glob in site.posts):
            hint = "braces are not understood, and match nothing: write a pattern without them"
        message = f"site.posts: {', '.join(site.posts)} matches no file in {site.root}"
        yield Problem.error("posts-empty", settings.file.name, message, hint)
    for path in found:
        if path.suffix.lower() not in PAGES:
            yield Problem.error(
                "post-format",
                PurePosixPath(root, path).as_posix(),
                "matches site.posts and is not Markdown: "
                f"publisher cannot read posts in {path.suffix or 'a file without a suffix'}",
                "write it in Markdown, or let site.posts match Markdown only: "
                f"{globs.bases[0]}/**/*.md",
            )


# --- the generator --------------------------------------------------------------------------


def check_generator(settings: Settings) -> Iterator[Problem]:
    """Warn where the generator judges dates itself, or reads them in another zone.

    Then two clocks decide what is public, or the addresses may hold another day.
    """
    generator, site, file = settings.site.generator, settings.site, settings.file.name
    switch = generator.date_switch(site.root, settings.rebuild.command if settings.rebuild else ())
    if switch:
        first = ""
        if generator.withholds_on_request:  # so publisher does not wait for dates in its stead
            draft = f"{generator.state_key}: {as_yaml(generator.values[PostState.DRAFT])}"
            first = (
                f"first write {draft} into all future posts, or they become public at once; then "
            )
        yield Problem.warning(
            "generator-judges-dates",
            file,
            f"{generator.name} hides posts with a future date itself: "
            "it can hold back a released post",
            first + switch,
        )
    theirs = generator.zone(generator.read_config(site.root))
    if theirs is not None and theirs.key != site.zone.key:
        yield Problem.warning(
            "zone-differs",
            file,
            f"site.timezone is {site.zone.key}, and the configuration of {generator.name} says "
            f"{theirs.key}: a date without an offset means two instants, and sometimes two days",
            f"write timezone: {theirs.key} into {file}, or the other one there",
        )


def builds_all(settings: Settings) -> bool:
    """Tell whether we have a generator build what it would keep back until its date."""
    generator = settings.site.generator
    if settings.rebuild is None or not generator.withholds:
        return False
    return not generator.date_switch(settings.site.root, settings.rebuild.command)


def _check_inherited_drafts(settings: Settings) -> Iterator[Problem]:
    """Warn of what makes drafts of pages that say nothing: publisher takes them for public."""
    generator, root = settings.site.generator, settings.site.root
    for found in walk(settings.project, root, settings.own_files):
        file = Path(found.entry.path)
        if found.kind != "file" or not file.is_relative_to(root):
            continue
        path = file.relative_to(root).as_posix()
        said = ""
        with suppress(PublisherError, ValueError, RecursionError):  # its generator will say so
            sets = generator.inherited(path, partial(_read, file, path))
            said = next(filter(None, map(generator.hidden_by, sets)), "")
        if said:
            hidden = f"{generator.state_key}: {as_yaml(generator.values[PostState.DRAFT])}"
            yield Problem.warning(
                "inherited-state",
                found.path,
                f"says {said} for pages that say nothing themselves: "
                "publisher does not follow that, and takes them for public",
                f"write {hidden} into each of these pages",
            )


def _read(file: Path, path: str) -> bytes:
    return read_file(file, path).data


# --- the build and its deployment -----------------------------------------------------------


def _check_commands(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Find commands whose program would not be found."""
    root, project = settings.site.root, settings.project
    rebuild = settings.rebuild.command if settings.rebuild else ()
    commands = (
        ("rebuild", rebuild, root, "nothing is ever released"),
        ("deploy", settings.deploy.command, project, "no build goes public"),
    )
    for name, command, folder, effect in commands:
        if not command or _is_program(command[0], folder, environ):
            continue
        hint = f"without it {effect}: install it, or add its folder to PATH"
        places = [place / "node_modules" / ".bin" / command[0] for place in (folder, project)]
        if any(file.exists() for file in places):
            words = ", ".join(["npx", *command])
            hint = f"it is in node_modules/.bin, which is not searched: write [{words}]"
        message = f"{name}.command: there is no program {command[0]!r} here"
        yield Problem.error(f"{name}-missing", settings.file.name, message, hint)


def _is_program(name: str, folder: Path, environ: Mapping[str, str]) -> bool:
    if "/" in name:
        return os.access(folder / name, os.X_OK)
    return shutil.which(name, path=environ.get("PATH", os.defpath)) is not None


def _check_deploy(
    settings: Settings, posts: Sequence[Post], environ: Mapping[str, str]
) -> Iterator[Problem]:
    deploy, file = settings.deploy, settings.file.name
    if deploy.command and settings.rebuild is None and needs_stage(settings.embargo, posts):
        yield Problem.error(
            "unbuilt-deploy",
            file,
            "deploy.command without rebuild.command would deploy posts under embargo: "
            "it runs where the sources are, and nothing is staged or searched before",
            "let rebuild.command build the site, and deploy.command take its output",
        )
    if deploy.hook is not None:
        with suppress(PublisherError):  # `secret-missing` says if it cannot be had here
            url = resolve(deploy.hook, environ)
            yield from _check_address(settings, url, "the deploy hook", "deploy.hook")
    if deploy.github is not None:
        try:
            require_target(deploy.github)
        except SiteError as error:
            yield _of_deploy("deploy-github", settings, error)
        else:
            url = Secret(deploy.github.api_url)
            yield from _check_address(settings, url, "GitHub", "deploy.github.api_url")
    is_asked = deploy.hook is not None or deploy.github is not None
    has_branch = settings.git is not None and settings.git.deploy_branch is not None
    if is_asked and settings.embargo is not Embargo.OFF and not has_branch:
        yield Problem.warning(
            "deploy-sources",
            file,
            "a deploy hook or workflow builds the site from its repository, where the posts "
            "under embargo stand in full",
            "set git.deploy_branch and let the service build that branch; "
            "or publish what was built here, with deploy.command",
        )


def _check_address(settings: Settings, url: Secret, what: str, key: str) -> Iterator[Problem]:
    """Find an address that may not be asked, as far as it shows by itself."""
    private = settings.deploy.private
    try:
        address = read_address(url, what, key=key, private=private)
        with suppress(ValueError):  # a name, which is not looked up here
            require(ip_address(address.host), name=address.name, private=private)
    except SiteError as error:
        yield _of_deploy(
            "deploy-hook" if key == "deploy.hook" else "deploy-github", settings, error
        )


def _of_deploy(rule: str, settings: Settings, error: SiteError) -> Problem:
    message = "; ".join(filter(None, (error.what, error.why)))
    return Problem.error(rule, settings.file.name, message, error.hint)


# --- git ------------------------------------------------------------------------------------


def _check_git(
    settings: Settings, posts: Sequence[Post], environ: Mapping[str, str]
) -> Iterator[Problem]:
    """Find git settings that cannot work, and remotes where unreleased posts can be read.

    Without ``git:`` in ``jobs.yaml`` a missing repository, or a missing git, is no problem.
    """
    try:
        repository = Repository.open(
            settings.project, settings.git or GitSettings(), environ=environ
        )
        if settings.git is not None:
            repository.check_settings()
        yield from _public_remotes(settings, posts, repository)
        yield from _tracked_state(settings, repository)
    except GitError as error:
        if settings.git is not None:
            yield Problem.of("git-unusable", settings.file.name, error)


def _public_remotes(
    settings: Settings, posts: Sequence[Post], repository: Repository
) -> Iterator[Problem]:
    """Warn of remotes on a public forge, where sources may show what the embargo withholds."""
    waiting = [post.path for post in posts if post.state is not PostState.PUBLISHED]
    is_held = settings.embargo is not Embargo.OFF
    concerned = waiting or ([post.path for post in posts] if is_held else [])
    remotes = repository.public_remotes() if concerned else ()
    if not remotes or not repository.tracked(concerned):
        return
    begin = f"unreleased posts: {len(waiting)}, and the" if waiting else "the"
    for remote in remotes:
        yield Problem.warning(
            "public-sources",
            settings.file.name,
            f"{begin} remote {remote} of the sources is on a public forge",
            "if that repository is public, posts can be read there before their release, also in "
            "its history: push the sources to a private one, and let git.deploy_branch feed the "
            "public one",
        )


def _tracked_state(settings: Settings, repository: Repository) -> Iterator[Problem]:
    """Warn of a ledger in the history, where a checkout would put an old one in its place."""
    state = settings.state_dir
    if not state.resolve().is_relative_to(settings.project.resolve()):
        return
    files = [
        os.path.relpath(file, settings.project)
        for top in state.glob("*")
        if top.name != STAGE
        for file in (top, *top.rglob("*"))
        if file.is_symlink() or file.is_file()
    ]
    tracked = repository.tracked(files)
    if tracked:
        folder = os.path.relpath(state, settings.project)
        more = f" and {len(tracked) - 1} more of state_dir" if len(tracked) > 1 else ""
        yield Problem.warning(
            "state-tracked",
            settings.file.name,
            f"git tracks {min(tracked)}{more}: the ledger is for this machine alone, "
            "and a checkout can put an old one in its place",
            f"write {folder}/ into .gitignore, and run `git rm -r --cached {folder}`",
        )
