"""What the channels conclude from each way in which a request can end; judged once for all.

Certainly not sent (``NotDelivered``): no connection, DNS, a TLS handshake that failed, and the
refusals 400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 426 and 429. Accepted: 2xx, whatever its
body says, or whether that came at all. Everything else (no answer in time, reset connection,
redirect, 409, 5xx) leaves the outcome unknown. Nothing is retried and no redirect is followed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from publisher.channels import ChannelContext
from publisher.model.errors import NotDelivered
from publisher.model.secret import Secret, redact
from publisher.system import http
from publisher.system.http import NoAnswer, Response, Timeouts, Trouble
from publisher.text.printable import escaped

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0  # for connecting, sending and the whole answer
ANSWER_BYTES = 4_000_000  # of a body; a page of 100 posts on X has some 300,000
LONGEST_WAIT = timedelta(days=31)

REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 426, 429})
# An image that is refused so is left out.
IMAGE_REFUSALS = frozenset({400, 413, 415, 422})
WITHOUT_IMAGE = "it went out without its image"


class UnknownOutcome(Exception):
    """The request may have been accepted; the text is free of secrets."""


class Http:
    """Sends the requests of one channel: each within a time limit, none repeated.

    ``secrets`` are cut out of every text that leaves in an error.
    """

    def __init__(
        self,
        *,
        service: str,
        context: ChannelContext,
        secrets: tuple[Secret, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        answer_s = context.answer_within(ANSWER_TIMEOUT_S)
        self._service = service
        self._secrets = secrets
        self._headers = dict(headers or {})
        self._timeouts = Timeouts(
            total_s=answer_s, connect_s=min(CONNECT_TIMEOUT_S, answer_s), silence_s=answer_s
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        retry_after: Callable[[Response], timedelta | None] | None = None,
        accept: frozenset[int] = frozenset(),
        headers: Mapping[str, str | None] | None = None,
        **arguments: Any,
    ) -> Response:
        """Send one request and return its answer when the status is 2xx or in ``accept``.

        ``retry_after`` reads the wait out of a 429; the default reads Retry-After. A header that
        is None is left out; ``arguments`` are those of ``http.send``.

        :raises NotDelivered: when certainly nothing was processed.
        :raises UnknownOutcome: when that cannot be told.
        """
        fields = {**self._headers, **(headers or {})}
        given = {name: value for name, value in fields.items() if value is not None}
        try:
            answer = http.send(
                method,
                url,
                headers=given,
                timeouts=self._timeouts,
                limit_of=lambda status: ANSWER_BYTES,
                **arguments,
            )
        except NoAnswer as error:
            raise self._judge(error, url) from None
        if answer.ok or answer.status_code in accept:
            return answer
        raise self.refusal(answer, retry_after=retry_after)

    def pages(self, count: int) -> Iterator[int]:
        """Count the pages of a list, as long as there is time for another.

        :raises UnknownOutcome: when the list goes on after ``count`` pages, or for too long.
        """
        end_s = time.monotonic() + self._timeouts.total_s
        for page in range(count):
            yield page
            if time.monotonic() > end_s:
                raise UnknownOutcome(f"{self._service} answers too slowly to be read back")
        raise UnknownOutcome(f"{self._service} has more posts than can be read back")

    def refusal(
        self,
        response: Response,
        *,
        retry_after: Callable[[Response], timedelta | None] | None = None,
        hint: str = "",
    ) -> NotDelivered | UnknownOutcome:
        """Give the exception for an answer that is no success; ``hint`` is for permanent ones."""
        status = response.status_code
        what = f"{self._service} answered {status}: {self.excerpt(response) or '(empty)'}"
        if status not in REFUSALS:
            moved = "; the address has moved, correct it" if response.target else ""
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

    def excerpt(self, response: Response) -> str:
        """Give the beginning of an answer on one line, without secrets."""
        text = response.content[:20_000].decode("utf-8", "replace").replace("\\/", "/")
        return escaped(redact(" ".join(text.split()), self._secrets)[:300])

    def _judge(self, error: NoAnswer, url: str) -> NotDelivered | UnknownOutcome:
        """Turn the lack of an answer into what it proves about the request."""
        what = f"{self._service}: {_host(url)} {error.words}"
        if error.is_sent:
            return UnknownOutcome(what)
        is_permanent = error.trouble is Trouble.MALFORMED
        hint = "check the channel's address and that its token has no spaces or line breaks"
        if error.trouble is Trouble.UNTRUSTED:
            hint = "check the channel's address and the clock of this machine"
        elif not is_permanent:
            hint = ""
        return NotDelivered(what, permanent=is_permanent, why="nothing was sent", hint=hint)


def _host(url: str) -> str:
    """Name scheme, host and port only: user, path and query may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a malformed address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def answered_at(response: Response) -> datetime | None:
    """Read the service's clock, the ``Date`` header (RFC 9110 section 6.6.1), in UTC."""
    return _date(response.headers.get("Date", ""))


def retry_after_header(response: Response) -> timedelta | None:
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
