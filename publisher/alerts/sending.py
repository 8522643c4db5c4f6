"""Sending to the outside, in threads of its own: no server there may ever delay a tick.

Addresses are secrets as a whole; they are known by number and service only.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher.alerts.messages import AlertMessage
from publisher.alerts.rules import Level
from publisher.config.addresses import understand
from publisher.model.secret import Secret
from publisher.system.clock import Clock
from publisher.system.report import Report, warn
from publisher.text.printable import without_controls

if TYPE_CHECKING:
    from apprise import NotifyBase

SEND_S = 12.0  # the longest that one address is waited for
PING_TIMEOUT_S = 10.0
# Sweeps come every 15 s and other ticks between them; healthchecks.io takes five a minute.
PING_GAP_S = 12.0
COMPLAIN_GAP_S = 3600.0


class Errand:
    """One thing at a time, done in a daemon thread; the process may end without it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None

    @property
    def is_under_way(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def begin(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=work, name=self._name, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)


# --- addresses -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """Where alerts go; without a service it cannot be used, and ``complaint`` says why."""

    name: str
    service: NotifyBase | None = None
    complaint: str = ""
    errand: Errand = field(default_factory=lambda: Errand("alert"), compare=False, repr=False)

    def send(self, message: AlertMessage, *, within_s: float = SEND_S) -> str:
        """Send a message; give why it did not go out in time, or nothing when it did.

        A service that never ends its answer is left, and asked nothing until it does.
        """
        if self.errand.is_under_way:
            return "its last answer has no end yet"
        reasons: list[str] = []
        self.errand.begin(lambda: reasons.append(self._send(message)))
        self.errand.wait(within_s)
        return reasons[0] if reasons else f"it did not answer within {within_s:g} s"

    def _send(self, message: AlertMessage) -> str:
        service = self.service
        if service is None:
            return self.complaint
        from apprise import Apprise, LogCapture, NotifyFormat, NotifyType, OverflowMode

        kinds = {
            Level.OVER: NotifyType.SUCCESS,
            Level.TRYING: NotifyType.WARNING,
            Level.WAITING: NotifyType.FAILURE,
            Level.OVERDUE: NotifyType.FAILURE,
        }
        if service.overflow_mode is OverflowMode.UPSTREAM:  # refused there, if too long
            service.overflow_mode = OverflowMode.SPLIT
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # it shows addresses at WARNING
        apprise = Apprise(service)
        try:
            with LogCapture(level=logging.WARNING) as words:  # type: ignore[no-untyped-call]
                is_sent = apprise.notify(
                    title=without_controls(message.title),
                    body=without_controls(message.body),
                    notify_type=kinds[message.level],
                    body_format=NotifyFormat.TEXT,
                )
                said = words.getvalue()
        except Exception as error:  # noqa: BLE001 - whatever a service's plugin may do
            return type(error).__name__  # its words may hold the address
        return "" if is_sent else _reason(said)


def address_at(number: int, url: Secret) -> Address:
    """Give the address of a URL, the ``number``-th of the list."""
    service = understand(url.reveal())
    name = f"alerts.{number}"
    if service is None:
        return Address(name, complaint="is not a URL that Apprise understands")
    return Address(f"{name} ({service.service_name})", service)


def _reason(said: str) -> str:
    """Take out of Apprise's words what holds no part of an address."""
    status = re.search(r"error=(\d{3})\b", said)
    if status:
        return f"it answered {status[1]}"
    return "it cannot be reached" if "onnection" in said else "it was not accepted"


# --- the dead man's switch -----------------------------------------------------------------


class Pinger:
    """Asks for a URL, so that somebody else notices when we no longer do."""

    def __init__(self, url: Secret, *, clock: Clock, report: Report) -> None:
        self._url = url
        self._clock = clock
        self._report = report
        self._errand = Errand("ping")
        self._pinged_s: float | None = None
        self._complained_s: float | None = None

    def ping(self) -> None:
        """Ask, unless that is under way or was done just now."""
        if self._errand.is_under_way or _is_within(PING_GAP_S, self._pinged_s, self._clock):
            return
        self._pinged_s = self._clock.monotonic()
        self._errand.begin(self._ask)

    def wait(self, seconds: float) -> None:
        self._errand.wait(seconds)

    def _ask(self) -> None:
        reason = ask(self._url)
        if reason and not _is_within(COMPLAIN_GAP_S, self._complained_s, self._clock):
            self._complained_s = self._clock.monotonic()
            warn(self._report, "ping.failed", reason=reason)


def ask(url: Secret) -> str:
    """Get a URL and follow no redirect; give why nobody heard it, or nothing when one did."""
    from publisher.system.http import NoAnswer, Timeouts, send

    try:
        answer = send("GET", url.reveal(), timeouts=Timeouts(total_s=PING_TIMEOUT_S))
    except NoAnswer as error:
        return f"it {error.words}"
    is_heard = answer.status_code < 300 or answer.status_code == 429  # it hears too much
    return "" if is_heard else f"it answered {answer.status_code}"


def _is_within(gap_s: float, before_s: float | None, clock: Clock) -> bool:
    return before_s is not None and clock.monotonic() - before_s < gap_s
