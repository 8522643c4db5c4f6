"""Starts a workflow on GitHub: ``workflow_dispatch``, or ``repository_dispatch`` with an event.

Source: GitHub's REST API, version 2022-11-28, which GitHub Enterprise Server speaks as well
(docs.github.com/rest/actions/workflows and /rest/repos/repos, checked 2026-11-21): 204 without a
body, or 200 with the run's details where asked for. Which we do not: servers that do not know
that question answer 400.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from publisher.config.settings import GitHubSettings
from publisher.model.errors import SiteError
from publisher.model.secret import Secret
from publisher.site.deploy.post import ELSE, REDIRECT, post, read_address, refusal
from publisher.system.address_guard import AGAIN
from publisher.system.http import Response

API_VERSION = "2022-11-28"
EVENT_LENGTH = 100  # characters
SAID_LENGTH = 200

_NAME = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
_REPOSITORY = re.compile(f"{_NAME}/{_NAME}")


def start_workflow(
    settings: GitHubSettings,
    *,
    token: Secret,
    posts: Sequence[str],
    private: bool,
    timeout: timedelta,
    stop: threading.Event,
) -> str:
    """Start the workflow once, and give what was done in words.

    A workflow gets no inputs: GitHub refuses those it does not declare. An event carries the ids
    of the posts in ``client_payload``. As with a hook, accepted is not deployed, and started
    twice is built twice.

    :raises SiteError: when GitHub did not accept, with what to do about it.
    """
    path, body, done = _order(settings, posts)
    url = Secret(f"{settings.api_url.rstrip('/')}/repos/{settings.repository}/{path}")
    address = read_address(url, "GitHub", key="deploy.github.api_url", private=private)
    if not re.fullmatch(r"[!-~]+", token.reveal()):
        raise SiteError(
            "the token of GitHub holds spaces, line breaks or letters that no token has",
            hint="copy it again to where deploy.github.token says",
        )
    headers = {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": API_VERSION,
        "Authorization": f"Bearer {token.reveal()}",
    }
    answer = post(
        address,
        json.dumps(body).encode(),
        headers=headers,
        wants_words=True,
        private=private,
        timeout=timeout,
        stop=stop,
    )
    if answer.ok:
        return f"{address.name} accepted {done} ({answer.status_code})"
    raise _refusal(address.name, answer, settings, token)


def require_target(settings: GitHubSettings) -> None:
    """Insist on settings that name a repository, and in it one workflow or one event.

    :raises SiteError: when they do not.
    """
    workflow, event = settings.workflow, settings.event
    if not _REPOSITORY.fullmatch(settings.repository):
        raise SiteError("deploy.github.repository is not a name", hint="write it as owner/name")
    if (workflow is None) == (event is None):
        which = "neither a workflow nor" if event is None else "both a workflow and"
        raise SiteError(
            f"deploy.github names {which} an event",
            hint="write workflow: for workflow_dispatch, or event: for repository_dispatch",
        )
    if event is not None and len(event) > EVENT_LENGTH:
        raise SiteError(
            f"deploy.github.event is longer than {EVENT_LENGTH} characters", hint="shorten it"
        )


def _order(settings: GitHubSettings, posts: Sequence[str]) -> tuple[str, dict[str, Any], str]:
    """Give the path below the repository, the body, and the words for it."""
    require_target(settings)
    repository, ref = settings.repository, settings.ref
    if settings.workflow is not None:
        file = settings.workflow.rpartition("/")[2]  # GitHub wants no folder
        done = f"workflow_dispatch of {file} on {ref} in {repository}"
        return f"actions/workflows/{quote(file, safe='')}/dispatches", {"ref": ref}, done
    body = {"event_type": settings.event, "client_payload": {"posts": list(posts)}}
    return "dispatches", body, f"repository_dispatch of {settings.event} in {repository}"


def _refusal(name: str, answer: Response, settings: GitHubSettings, token: Secret) -> SiteError:
    said = _said(answer, token)
    file, repository = settings.workflow, settings.repository
    permission = "Contents" if file is None else "Actions"
    needed = f"{permission}: write (fine-grained), or repo (classic)"
    thing = "repository" if file is None else "repository or workflow"
    advice = {
        REDIRECT: (
            "the repository was renamed or moved, and redirects are not followed",
            "write its new name in deploy.github.repository",
        ),
        401: (
            "the token is wrong, was revoked or has expired",
            "make a new one and put it where deploy.github.token says",
        ),
        403: ("the token may not do this", f"give it {needed}, for {repository}"),
        404: (
            f"the {thing} has another name, or the token may not see it",
            f"compare with the address in your browser; the token needs {needed}",
        ),
        422: _invalid(said, settings),
        ELSE: ("it refused", "compare deploy.github in jobs.yaml with docs/howto/deploy.md"),
    }
    limited = _rate_limit(answer, said)
    if limited:
        advice[answer.status_code] = limited, AGAIN
    return refusal(name, answer, advice, said=said)


def _invalid(said: str, settings: GitHubSettings) -> tuple[str, str]:
    file, ref = settings.workflow, settings.ref
    if file is None:
        return "the event cannot be sent", "correct deploy.github.event"
    if "ref" in said.lower():
        return f"there is no branch or tag {ref}", "correct deploy.github.ref"
    if "input" in said.lower():
        return "the workflow requires an input", f"give each input in {file} a default"
    return (
        f"{file} cannot be started on {ref}",
        f"write `workflow_dispatch:` below `on:` in it, on {ref} and on the default branch",
    )


def _rate_limit(answer: Response, said: str) -> str:
    """Say that GitHub asks to wait, which it also does with 403; else nothing."""
    is_spent = answer.headers.get("x-ratelimit-remaining") == "0"
    is_asked = "retry-after" in answer.headers or "rate limit" in said.lower()
    if answer.status_code != 429 and not (answer.status_code == 403 and (is_spent or is_asked)):
        return ""
    reset = answer.headers.get("x-ratelimit-reset", "")
    if is_spent and re.fullmatch(r"[0-9]{1,10}", reset):
        until = datetime.fromtimestamp(int(reset), UTC)
        return f"the token asked too often; it may again at {until:%Y-%m-%d %H:%M} UTC"
    return "the token asked too often"


def _said(answer: Response, token: Secret) -> str:
    """Give GitHub's message as one short line."""
    try:
        message = json.loads(answer.content)["message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    if not isinstance(message, str):
        return ""
    line = " ".join(message.replace(token.reveal(), "********").split())[:SAID_LENGTH]
    return "".join(c for c in line if c.isprintable())
