"""Makes a build public, once it was searched for leaks: a command, a deploy hook, GitHub.

All of it may be repeated: the caller tries again after a failure, with a back-off of its own.
Whether the site then really shows the post is ``verify``'s business.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from publisher.config.settings import DeploySettings
from publisher.model.errors import PublisherError, SiteError
from publisher.model.secret import Secret, SecretRef, redact
from publisher.site.deploy.github import start_workflow
from publisher.site.deploy.hook import call_hook
from publisher.system import processes
from publisher.system.processes import TAIL_LINES, Command

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
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    secrets = _Secrets()
    reason = ""
    try:
        secrets = _fetch(settings, resolve)
        if settings.command:
            run = _command(settings, project)
            told = _told(environ, output, posts)
            processes.run(run, environ=told, on_line=tail.append, stop=stop, keep_open=keep_open)
            steps.append(f"ran `{run.shown}`")
        for step in _requests(settings, secrets, posts[:MOST_POSTS], stop):
            steps.append(step)  # noqa: PERF402 - those before a failure count
    except PublisherError as error:
        reason = error.one_line
    hidden = secrets.all
    return DeployResult(
        ok=not reason,
        reason=redact(reason, hidden),
        steps=tuple(redact(step, hidden) for step in steps),
        tail=redact("\n".join(tail), hidden),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Secrets:
    hook: Secret | None = None
    token: Secret | None = None

    @property
    def all(self) -> tuple[Secret, ...]:
        """Give what may be shown nowhere, the hook's path without its host as well."""
        whole = "" if self.hook is None else self.hook.reveal()
        path = whole.partition("://")[2].partition("/")[2]
        values = (whole, path, "" if self.token is None else self.token.reveal())
        return tuple(Secret(value) for value in values if len(value) > SHORTEST_SECRET)


def _fetch(settings: DeploySettings, resolve: Callable[[SecretRef], Secret]) -> _Secrets:
    def fetch(key: str, ref: SecretRef) -> Secret:
        try:
            return resolve(ref)
        except PublisherError as error:
            raise SiteError(f"{key}: {error.what}", why=error.why, hint=error.hint) from None

    hook: Secret | None = None
    if isinstance(settings.hook, SecretRef):
        hook = fetch("deploy.hook", settings.hook)
    elif settings.hook is not None:
        hook = Secret(settings.hook)
    if settings.github is None:
        return _Secrets(hook=hook)
    return _Secrets(hook=hook, token=fetch("deploy.github.token", settings.github.token))


def _command(settings: DeploySettings, project: Path) -> Command:
    return Command(arguments=settings.command, cwd=project, timeout=settings.timeout, name="deploy")


def _told(
    environ: Mapping[str, str], output: Path | None, posts: Sequence[str]
) -> Mapping[str, str]:
    """Give the environment of the command."""
    told = {**environ, "PUBLISHER_POSTS": " ".join(posts[:MOST_POSTS])}
    if output is not None:
        told["PUBLISHER_OUTPUT"] = str(output)
    return told


def _requests(
    settings: DeploySettings, secrets: _Secrets, posts: Sequence[str], stop: threading.Event
) -> Iterator[str]:
    """Send what is to be sent, and give what each request did."""
    private, timeout = settings.private, settings.timeout
    if secrets.hook is not None:
        yield call_hook(secrets.hook, private=private, timeout=timeout, stop=stop)
    if settings.github is not None and secrets.token is not None:
        yield start_workflow(
            settings.github,
            token=secrets.token,
            posts=posts,
            private=private,
            timeout=timeout,
            stop=stop,
        )
