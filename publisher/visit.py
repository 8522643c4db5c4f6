"""Visits a web address once: a fresh connection, a firm time limit, nothing followed.

What the answer means is for the caller to judge.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

import requests
from urllib3.exceptions import ReadTimeoutError

from publisher.addresses import shown
from publisher.errors import SiteError

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    target: str | None  # of a redirect
    headers: Mapping[str, str]  # in any case
    body: bytes  # empty unless the status is 200


def visit(
    url: str,
    *,
    method: str = "GET",
    limit: int = 0,
    timeouts: tuple[float, float],
    within_s: float | None = None,
) -> Answer:
    """Ask for ``url`` and give the answer with the first ``limit`` bytes of its body.

    ``timeouts`` bound the connection and each silence; the whole is bounded by ``within_s``,
    or by their sum. Caches are asked not to answer.

    :raises SiteError: when no answer came, with what went wrong in words.
    """
    future: Future[Answer] = Future()
    within_s = sum(timeouts) if within_s is None else within_s

    def work() -> None:
        try:
            future.set_result(_request(method, url, limit=limit, timeouts=timeouts))
        except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
            future.set_exception(error)

    # In a thread: no limit of a socket covers slow DNS or a trickle.
    threading.Thread(target=work, name="visit", daemon=True).start()
    try:
        return future.result(timeout=within_s)
    except TimeoutError:
        what = f"{shown(url)} does not answer: not complete within {within_s:g} s"
        raise SiteError(what) from None
    except (OSError, ValueError) as error:  # requests has its own kind, and lets plain ones out
        what = f"{shown(url)} does not answer: {_trouble(error, timeouts)}"
        raise SiteError(what) from None


def _request(method: str, url: str, *, limit: int, timeouts: tuple[float, float]) -> Answer:
    headers = {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "User-Agent": "publisher (+static site announcements)",
    }
    with requests.Session() as session:
        session.trust_env = False
        request = session.prepare_request(requests.Request(method, url, headers=headers))
        # Session.send would read the whole body of a redirect, however long
        adapter = session.get_adapter(request.url or url)
        with adapter.send(request, stream=True, timeout=timeouts) as response:
            is_redirect = response.status_code in REDIRECT_STATUSES
            target = session.get_redirect_target(response) if is_redirect else None
            body = bytearray()
            if response.status_code == 200 and limit:
                for chunk in response.iter_content(65_536):
                    body += chunk
                    if len(body) >= limit:
                        break
            return Answer(
                status=response.status_code,
                target=target,
                headers=response.headers,
                body=bytes(body[:limit]),
            )


def _trouble(error: Exception, timeouts: tuple[float, float]) -> str:
    """Say in a few words what went wrong, out of the chain of wrapped errors."""
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {timeouts[0]:g} s"
    if isinstance(error, ValueError):
        return "it is no usable web address"
    if not isinstance(error, requests.RequestException):
        return f"it cannot be asked: {error}"  # such as without a bundle of certificates
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, requests.ReadTimeout | ReadTimeoutError):
            return f"nothing came for {timeouts[1]:g} s"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        inner = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__
    return "the connection broke off"
