"""The one HTTP client of the channels; it judges once, for all of them, what an error proves.

Certainly not sent (``NotDelivered``): no connection, DNS, an untrusted certificate, and the
refusals 400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 426 and 429. Everything else (time-out
while waiting for the answer, reset connection, redirect, 409, 5xx, an unreadable success) leaves
the outcome unknown. Nothing is retried and no redirect is followed.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from publisher.errors import NotDelivered
from publisher.secret import Secret, redact

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
LONGEST_WAIT = timedelta(days=31)

REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 426, 429})


class UnknownOutcome(Exception):
    """The request may have been accepted; the text is free of secrets."""


class Http:
    """A ``requests`` session with time limits, without redirects, that never repeats itself.

    ``secrets`` are cut out of every text that leaves in an error.
    """

    def __init__(
        self,
        *,
        service: str,
        secrets: tuple[Secret, ...] = (),
        headers: Mapping[str, str] | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._service = service
        self._secrets = secrets
        self._timeout = (CONNECT_TIMEOUT_S, answer_timeout_s)
        self._session = _Session()
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": "publisher (+static site announcements)"})
        # Hours pass between two announcements: a connection kept open would be dead by then, and
        # a reset on a dead connection cannot be told from a reset after the request.
        self._session.headers.update({"Connection": "close"})
        self._session.headers.update(headers or {})
        # urllib3 logs paths at DEBUG and, of answers with odd headers, at WARNING; the path of a
        # webhook is its password.
        logging.getLogger("urllib3").setLevel(logging.ERROR)

    def request(
        self,
        method: str,
        url: str,
        *,
        retry_after: Callable[[requests.Response], timedelta | None] | None = None,
        accept: frozenset[int] = frozenset(),
        **arguments: Any,
    ) -> requests.Response:
        """Send one request and return its answer when the status is 2xx or in ``accept``.

        ``retry_after`` reads the wait out of a 429; the default reads Retry-After.

        :raises NotDelivered: when certainly nothing was processed.
        :raises UnknownOutcome: when that cannot be told.
        """
        arguments.setdefault("timeout", self._timeout)
        try:
            response = self._session.request(method, url, allow_redirects=False, **arguments)
        except UnicodeEncodeError:  # a header, before the first byte left; the error shows it whole
            raise self._malformed("UnicodeEncodeError", url) from None
        except requests.RequestException as error:
            raise self._judge(error, url) from None
        if 200 <= response.status_code < 300 or response.status_code in accept:
            return response
        raise self.refusal(response, retry_after=retry_after)

    def refusal(
        self,
        response: requests.Response,
        *,
        retry_after: Callable[[requests.Response], timedelta | None] | None = None,
        hint: str = "",
    ) -> NotDelivered | UnknownOutcome:
        """Give the exception for an answer that is no success; ``hint`` is for permanent ones."""
        status = response.status_code
        what = f"{self._service} answered {status}: {self.excerpt(response) or '(empty)'}"
        if status not in REFUSALS:
            moved = "; the address has moved, correct it" if response.is_redirect else ""
            return UnknownOutcome(what + moved)
        if status == 429:
            return NotDelivered(what, retry_after=(retry_after or retry_after_header)(response))
        if status == 401:
            return NotDelivered(
                what,
                needs_auth=True,
                why="the credentials are wrong or have expired",
                hint=f"renew the credentials of {self._service}, then `publisher retry`",
            )
        return NotDelivered(what, permanent=True, hint=hint)

    def excerpt(self, response: requests.Response) -> str:
        """Give the beginning of an answer on one line, without secrets."""
        text = response.content[:20_000].decode("utf-8", "replace").replace("\\/", "/")
        return redact(" ".join(text.split()), self._secrets)[:300]

    def _judge(self, error: requests.RequestException, url: str) -> Exception:
        """Turn a transport error into what it proves about the request."""
        cause = error.args[0] if error.args else None
        reason = getattr(cause, "reason", None)
        text = f"{self._service}: {type(error).__name__} for {_host(url)}"
        malformed = isinstance(
            error,
            requests.exceptions.InvalidURL
            | requests.exceptions.MissingSchema
            | requests.exceptions.InvalidSchema
            | requests.exceptions.InvalidHeader,
        )
        if malformed:
            return self._malformed(type(error).__name__, url)
        if isinstance(error, requests.exceptions.SSLError) and _is_untrusted(reason):
            return NotDelivered(
                text,
                why="the server's certificate is not trusted, so nothing was sent",
                hint="check the channel's address and the clock of this machine",
            )
        if isinstance(error, requests.ConnectTimeout) or isinstance(
            reason, NewConnectionError | NameResolutionError
        ):
            return NotDelivered(text, why="no connection was made, so nothing was sent")
        return UnknownOutcome(text)

    def _malformed(self, kind: str, url: str) -> NotDelivered:
        return NotDelivered(
            f"{self._service}: {kind} for {_host(url)}",
            permanent=True,
            why="the request could not be written, so nothing was sent",
            hint="check the channel's address and that its token has no spaces or line breaks",
        )


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Never look at Location: requests would parse it even where it may not follow it."""
        return None


def _is_untrusted(reason: object) -> bool:
    """Tell a failed certificate check from other TLS errors.

    Only that check is sure to come before the request: urllib3 wraps a connection torn while
    the answer was read in the same ``SSLError``.
    """
    cause = reason.args[0] if isinstance(reason, Exception) and reason.args else None
    return isinstance(cause, ssl.SSLCertVerificationError)


def _host(url: str) -> str:
    """Name scheme, host and port only: user, path and query may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a malformed address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def answered_at(response: requests.Response) -> datetime | None:
    """Read the service's clock, the ``Date`` header (RFC 9110 section 6.6.1), in UTC."""
    return _date(response.headers.get("Date", ""))


def retry_after_header(response: requests.Response) -> timedelta | None:
    """Read ``Retry-After`` (RFC 9110 section 10.2.3), seconds or a date; nonsense gives ``None``.

    A date counts from the answer's own ``Date``.
    """
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal() and value.isascii() and len(value) < 10:
        return min(timedelta(seconds=int(value)), LONGEST_WAIT)
    until, now = _date(value), answered_at(response)
    if until is None or now is None:
        return None
    return min(max(until - now, timedelta(0)), LONGEST_WAIT)


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
