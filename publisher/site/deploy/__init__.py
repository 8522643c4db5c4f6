"""Makes a build public, once it was searched for leaks: a command, a deploy hook, GitHub.

All of it may be repeated: the caller tries again after a failure, with a back-off of its own.
Whether the site then really shows the post is ``verify``'s business.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypedDict

from publisher.config.settings import DeploySettings
from publisher.model.errors import PublisherError, SiteError
from publisher.model.secret import Secret, SecretRef, redact
from publisher.site.deploy.github import start_workflow
from publisher.site.deploy.hook import call_hook
from publisher.system import processes
from publisher.system.processes import Command

__all__ = ["DeployResult", "deploy"]

# An environment variable may hold 128 KiB (Linux); an id has 100 characters at most.
MOST_POSTS = 200
SHORTEST_SECRET = 7  # characters; starring shorter ones would maim ordinary words


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployResult:
    """What was done, in words, and what went wrong; ``reason`` is empty when ``ok``.

    ``tail`` holds the last lines of the command.
    """

    ok: bool
    reason: str
    steps: tuple[str, ...]
    tail: str


def deploy(
    settings: DeploySettings,
    *,
    project: Path,
    environ: Mapping[str, str],
    resolve: Callable[[SecretRef], Secret],
    output: Path | None,
    posts: Sequence[str],
    stop: threading.Event,
    keep_open: tuple[int, ...] = (),
) -> DeployResult:
    """Run the command, call the hook, start the workflow; the first failure ends it.

    The command runs in ``project`` with ``environ``, which holds no credentials of ours, and
    gets ``PUBLISHER_OUTPUT`` and ``PUBLISHER_POSTS`` (ids with spaces between, the first 200).
    ``keep_open``: see ``processes.run``. Nothing is done when a secret cannot be fetched. Never
    raises for what a command or service does.
    """
    steps: list[str] = []
    tail = ""
    hook = token = None
    reason = ""
    try:
        if settings.hook is not None:
            hook = _fetch("deploy.hook", settings.hook, resolve)
        if settings.github is not None:
            token = _fetch("deploy.github.token", settings.github.token, resolve)
        posts = posts[:MOST_POSTS]
        if settings.command:
            run = Command(
                arguments=settings.command, cwd=project, timeout=settings.timeout, name="deploy"
            )
            told = {**environ, "PUBLISHER_POSTS": " ".join(posts)}
            if output is not None:
                told["PUBLISHER_OUTPUT"] = str(output)
            result = processes.run(run, environ=told, stop=stop, keep_open=keep_open)
            tail = result.tail
            if result.error is not None:
                raise result.error
            steps.append(f"ran `{run.shown}`")
        limits = _Limits(private=settings.private, timeout=settings.timeout, stop=stop)
        if hook is not None:
            steps.append(call_hook(hook, **limits))
        if settings.github is not None and token is not None:
            steps.append(start_workflow(settings.github, token=token, posts=posts, **limits))
    except PublisherError as error:
        reason = error.one_line
    hidden = _hidden(hook, token)
    return DeployResult(
        ok=not reason,
        reason=redact(reason, hidden),
        steps=tuple(redact(step, hidden) for step in steps),
        tail=redact(tail, hidden),
    )


class _Limits(TypedDict):
    private: bool
    timeout: timedelta
    stop: threading.Event


def _fetch(key: str, ref: SecretRef, resolve: Callable[[SecretRef], Secret]) -> Secret:
    try:
        return resolve(ref)
    except PublisherError as error:
        raise SiteError(f"{key}: {error.what}", why=error.why, hint=error.hint) from None


def _hidden(hook: Secret | None, token: Secret | None) -> tuple[Secret, ...]:
    """Give what may be shown nowhere, the hook's path without its host as well."""
    whole = "" if hook is None else hook.reveal()
    path = whole.partition("://")[2].partition("/")[2]
    values = (whole, path, "" if token is None else token.reveal())
    return tuple(Secret(value) for value in values if len(value) > SHORTEST_SECRET)
