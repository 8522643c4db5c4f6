"""The one HTTP client of the channels; it judges once, for all of them, what an error proves.

Certainly not sent (``NotDelivered``): no connection, DNS, TLS, and the refusals 400, 401, 402,
403, 404, 405, 410, 413, 415, 422, 426 and 429. Everything else (time-out while waiting for the
answer, reset connection, 409, 5xx, an unreadable success) leaves the outcome unknown.
Rule R6 and R8 of the delivery states: no retries and no redirects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError, SSLError

from publisher.errors import NotDelivered
from publisher.secret import Secret, redact

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0

REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 426, 429})


class UnknownOutcome(Exception):
    """The request may have been accepted; the text is free of secrets."""


class Http:
    """A ``requests`` session with time limits, without redirects, that never repeats itself."""

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
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": "publisher (+static site announcements)"})
        self._session.headers.update(headers or {})

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

        ``retry_after`` reads the wait out of a 429; the default reads Retry-After in seconds.

        :raises NotDelivered: when certainly nothing was processed.
        :raises UnknownOutcome: when that cannot be told.
        """
        arguments.setdefault("timeout", self._timeout)
        try:
            response = self._session.request(method, url, allow_redirects=False, **arguments)
        except requests.RequestException as error:
            raise self._judge(error, url) from None
        if 200 <= response.status_code < 300 or response.status_code in accept:
            return response
        answer = redact(" ".join(response.text.split())[:300], self._secrets)
        what = f"{self._service} answered {response.status_code}: {answer or '(empty)'}"
        if response.status_code not in REFUSALS:
            raise UnknownOutcome(what)
        if response.status_code == 429:
            raise NotDelivered(what, retry_after=(retry_after or seconds_header)(response))
        if response.status_code == 401:
            raise NotDelivered(
                what,
                needs_auth=True,
                why="the credentials are wrong or have expired",
                hint=f"renew the credentials of {self._service}, then `publisher retry`",
            )
        raise NotDelivered(what, permanent=True)

    def _judge(self, error: requests.RequestException, url: str) -> Exception:
        """Turn a transport error into what it proves about the request."""
        cause = error.args[0] if error.args else None
        reason = getattr(cause, "reason", None)
        host = url.split("?")[0]
        text = redact(f"{self._service}: {type(error).__name__} for {host}", self._secrets)
        never_connected = isinstance(
            error, requests.ConnectTimeout | requests.exceptions.SSLError
        ) or isinstance(reason, NewConnectionError | NameResolutionError | SSLError)
        malformed = isinstance(
            error,
            requests.exceptions.InvalidURL
            | requests.exceptions.MissingSchema
            | requests.exceptions.InvalidSchema
            | requests.exceptions.InvalidHeader,
        )
        if malformed:
            return NotDelivered(text, permanent=True, hint="check the channel's api_url")
        if never_connected:
            return NotDelivered(text, why="no connection was made, so nothing was sent")
        return UnknownOutcome(text)


def seconds_header(response: requests.Response) -> timedelta | None:
    """Read ``Retry-After`` as whole seconds; its date form and nonsense give ``None``."""
    value = response.headers.get("Retry-After", "")
    return timedelta(seconds=int(value)) if value.isdigit() else None
