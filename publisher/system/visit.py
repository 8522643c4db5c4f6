"""Visits a web address once, as a reader would: nothing followed, and caches asked to stand back.

What the answer means is for the caller to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from publisher.model.errors import SiteError
from publisher.system.http import (
    NoAnswer,
    Patience,
    Place,
    Trouble,
    exchange,
    look_up,
    write,
)
from publisher.text.urls import shown

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Accept-Encoding": "gzip, deflate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    target: str | None  # of a redirect
    headers: Mapping[str, str]  # in any case
    body: bytes  # empty unless the status is 200


class CannotAskError(SiteError):
    """This machine cannot ask anybody: that says nothing of the site."""


def visit(
    url: str,
    *,
    method: str = "GET",
    limit: int = 0,
    timeouts: tuple[float, float],
    within_s: float | None = None,
    resolve: Callable[[str, int], Sequence[Place]] = look_up,
) -> Answer:
    """Ask for ``url`` and give the answer with the first ``limit`` bytes of its body.

    ``timeouts`` bound the connection and each silence; the whole is bounded by ``within_s``,
    or by their sum. ``resolve`` may refuse to look a host up.

    :raises SiteError: when no answer came, with what went wrong in words.
    """
    connect_s, silence_s = timeouts
    total_s = sum(timeouts) if within_s is None else within_s
    patience = Patience(total_s=total_s, connect_s=connect_s, silence_s=silence_s)
    try:
        answer = exchange(
            write(method, url, headers=_HEADERS),
            patience=patience,
            limit_of=lambda status: limit if status == 200 else 0,
            resolve=resolve,
        )
        if not answer.is_whole:
            raise NoAnswer(answer.trouble or Trouble.BROKEN, is_sent=True)
    except NoAnswer as error:
        what = f"{shown(url)} does not answer: {_words(error, patience)}"
        kind = CannotAskError if error.trouble is Trouble.UNABLE else SiteError
        raise kind(what) from None
    target = answer.headers.get("Location") if answer.status in REDIRECT_STATUSES else None
    return Answer(
        status=answer.status,
        target=target.encode("latin-1").decode("utf-8", "replace") if target else None,
        headers=answer.headers,
        body=answer.body,
    )


def _words(error: NoAnswer, patience: Patience) -> str:
    match error.trouble:
        case Trouble.LATE:
            return f"not complete within {patience.total_s:g} s"
        case Trouble.LATE_CONNECTION:
            return f"no connection within {patience.connect_s:g} s"
        case Trouble.SILENT:
            return f"nothing came for {patience.silence_s:g} s"
        case Trouble.MALFORMED:
            return "it is no usable web address"
        case Trouble.UNABLE:
            return f"it cannot be asked: {error.detail}"
        case Trouble.UNTRUSTED:
            return f"its certificate is not trusted: {error.detail}"
        case Trouble.NO_NAME:
            return error.detail or "its host cannot be found"
        case Trouble.NO_CONNECTION:
            return error.detail or "no connection was made"
        case Trouble.NO_TLS:
            return "it speaks no TLS that can be understood"
        case Trouble.NO_HTTP:
            return "what it answers is not HTTP"
        case _:
            return error.detail or "the connection broke off"
