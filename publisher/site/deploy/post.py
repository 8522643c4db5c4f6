"""Sends one POST to where ``jobs.yaml`` says: guarded, bounded in time, no redirect followed.

What the refusals of a service mean is known to ``hook`` and ``github``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from urllib.parse import SplitResult, urlsplit

from publisher.model.errors import SiteError
from publisher.model.secret import Secret
from publisher.system.address_guard import AGAIN, resolve
from publisher.system.http import NoAnswer, Response, Timeouts, Trouble, send

CONNECT_S = 10.0
ANSWER_S = 30.0
BODY_BYTES = 65_536

REDIRECT, ELSE = 300, 0  # for any redirect, for any other status

Advice = Mapping[int, tuple[str, str]]  # by status: why it refused, what to do

_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a request goes; ``name`` is all of it that may be shown."""

    name: str
    host: str
    url: str = field(repr=False)


def read_address(url: Secret, what: str, *, key: str, private: bool) -> Address:
    """Read a web address and name it: ``what`` "at HOST".

    :raises SiteError: when it cannot be used, without quoting it; ``key`` is where it stands.
    """
    parts = _split(url.reveal())
    authority, hint = _authority(parts), f"correct {key} in jobs.yaml, or the secret it names"
    if not authority:
        raise SiteError(f"{what} is not a web address", hint=hint)
    name = f"{what} at {authority}"
    if "@" in parts.netloc:
        raise SiteError(f"{name} contains a user name or password", hint=hint)
    if parts.scheme != "https" and not private:
        raise SiteError(
            f"{name} is not an https address",
            why="anybody on the way could read it, and use it",
            hint="write https://, or set deploy.private: true for one in your own network",
        )
    return Address(name=name, host=parts.hostname or "", url=url.reveal())


def post(
    address: Address,
    body: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    wants_words: bool = False,
    private: bool,
    timeout: timedelta,
    stop: threading.Event,
) -> Response:
    """Send ``body`` as JSON once and give what answered.

    ``wants_words``: with the body of an answer that is no success.

    The whole takes no longer than ``timeout``, nor than connecting and answering may; whoever
    was reached by then may still act on it.

    :raises SiteError: when no answer came, with what went wrong in words.
    """
    if stop.is_set():
        raise SiteError(f"{address.name} was not asked: publisher was asked to end")
    total_s = min(timeout.total_seconds(), CONNECT_S + ANSWER_S)
    try:
        return send(
            "POST",
            address.url,
            data=body,
            headers={"Content-Type": "application/json", **(headers or {})},
            timeouts=Timeouts(total_s=total_s, connect_s=CONNECT_S, silence_s=ANSWER_S),
            limit_of=lambda status: BODY_BYTES if wants_words and not 200 <= status < 300 else 0,
            resolve=partial(resolve, name=address.name, private=private),
            stop=stop,
        )
    except NoAnswer as error:
        what = f"{address.name} {error.words}"
        if error.trouble is Trouble.UNTRUSTED:
            why = "somebody else may be answering, so nothing was sent"
            hint = "correct it; for a certificate of your own set SSL_CERT_FILE to its file"
            raise SiteError(what, why=why, hint=hint) from None
        hint = "" if error.trouble is Trouble.STOPPED else AGAIN
        raise SiteError(what, hint=hint) from None


def refusal(name: str, answer: Response, advice: Advice, *, said: str = "") -> SiteError:
    """Make the error for an answer that is no success; ``said`` are the service's own words."""
    status = answer.status_code
    what = f"{name} answered {status}{said and f': {said}'}"
    if 300 <= status < 400:
        place = _authority(_split(answer.headers.get("location", ""))) or "a place it does not name"
        what, status = f"{what}; it redirects to {place}", REDIRECT
    elif status not in advice and (status in (408, 425, 429) or status >= 500):
        why = "it is asked too often" if status == 429 else "it has trouble of its own"
        return SiteError(what, why=why, hint=AGAIN)
    why, hint = advice.get(status, advice[ELSE])
    return SiteError(what, why=why, hint=hint)


def _split(url: str) -> SplitResult:
    """Split a URL; one that cannot be read, or holds what no URL may, has no parts."""
    try:
        parts = urlsplit(url if re.fullmatch(r"[!-~]+", url) else "")
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def _authority(parts: SplitResult) -> str:
    """Give host and port of a web address, the port where it is not the usual one."""
    host, usual = parts.hostname or "", _PORTS.get(parts.scheme)
    if not _HOST.fullmatch(host) or usual is None or parts.port == 0:
        return ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"
