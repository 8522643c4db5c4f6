"""Asks the site what time it is, to notice that the clock of this machine is wrong.

Every web server puts its time on each answer (`Date`, RFC 9110 section 6.6.1). What follows from
a difference is the planner's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from publisher.model.errors import SiteError
from publisher.plan import CLOCK_TOLERANCE
from publisher.system.clock import Clock
from publisher.system.http import CannotAskError, Response, Timeouts, visit
from publisher.system.report import Report, warn

# For a whole request: a release may wait for it.
TIMEOUTS = Timeouts(total_s=3.0, connect_s=3.0, silence_s=3.0)
NO_HEAD = frozenset({405, 501})
LASTING_S = 600.0  # how long an answer is good for
HOLDING_S = 10.0  # and one that holds something: it is asked for anew at each sweep
SILENCE_S = 120.0  # how long a site that said nothing is left alone
OUTLIVING_S = 60.0  # how long what it said before is believed then
STEP_S = 2.0  # our clock moved by more against the monotonic one: it was set


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """``offset_s`` is wall time minus monotonic time when the site was asked."""

    ahead: timedelta | None
    offset_s: float
    at_s: float
    said_at_s: float  # earlier than ``at_s`` when it was silent then

    def serves(self, now_s: float, lasting: timedelta) -> bool:
        if self.ahead is None:
            return now_s + lasting.total_seconds() < self.at_s + SILENCE_S
        if self.ahead > CLOCK_TOLERANCE:  # never for long: it may be the site that is wrong
            return now_s < self.at_s + HOLDING_S
        return now_s + lasting.total_seconds() < self.at_s + LASTING_S


@dataclass(slots=True, kw_only=True)
class SiteClock:
    """Knows by how much our clock is ahead of the site's at ``url``; asks when it must."""

    url: str
    clock: Clock
    report: Report
    _last: _Answer | None = None  # what came of the last request
    _told: str = field(default="right")  # what was last said of our clock

    def ahead(self, *, lasting: timedelta = timedelta(0)) -> timedelta | None:
        """Give our time minus the site's; ``None`` when the site does not say. Never fails.

        An earlier answer serves for ten minutes, as long as nobody set our clock; ``lasting`` says
        for how long from now it must. One that holds something serves for less than a sweep, and
        for a minute when the site then falls silent.
        """
        offset_s, now_s = self._offset_s(), self.clock.monotonic()
        last = self._last
        if last is not None and abs(offset_s - last.offset_s) > STEP_S:
            last = None
        if last is not None and last.serves(now_s, lasting):
            return last.ahead
        ahead, said_at_s = self._ask(), now_s
        if ahead is None and last is not None and now_s <= last.said_at_s + OUTLIVING_S:
            ahead, said_at_s = last.ahead, last.said_at_s
        self._last = _Answer(ahead=ahead, offset_s=offset_s, at_s=now_s, said_at_s=said_at_s)
        if ahead is not None:
            self._tell(ahead)
        return ahead

    def _offset_s(self) -> float:
        return self.clock.now().timestamp() - self.clock.monotonic()

    def _ask(self) -> timedelta | None:
        try:
            return self._compared()
        except CannotAskError as error:
            warn(self.report, "clock.unknown", site=self.url, reason=error.what)
            return None
        except SiteError:
            return None
        except Exception as error:  # noqa: BLE001 - no trouble with asking may stop a release
            reason = f"the site's clock cannot be asked: {error!r}"
            warn(self.report, "clock.unknown", site=self.url, reason=reason)
            return None

    def _compared(self) -> timedelta | None:
        before_at, before_s = self.clock.now(), self._offset_s()
        answer = self._visit("HEAD")
        if answer.status_code in NO_HEAD:
            before_at, before_s = self.clock.now(), self._offset_s()
            answer = self._visit("GET")
        after_at = self.clock.now()
        if abs(self._offset_s() - before_s) > STEP_S:
            return None  # our clock was set meanwhile
        return _compare(before_at + (after_at - before_at) / 2, answer)

    def _visit(self, method: str) -> Response:
        return visit(self.url, method=method, timeouts=TIMEOUTS)

    def _tell(self, ahead: timedelta) -> None:
        """Warn once of a difference; again only after our clock was right in between."""
        told = "right"
        if abs(ahead) > CLOCK_TOLERANCE:
            told = "ahead" if ahead > timedelta(0) else "behind"
        if told not in ("right", self._told):
            effect = {"ahead": "too early: they are held", "behind": "that much late"}[told]
            reason = f"releases would come {effect}; see `timedatectl`"
            seconds = round(abs(ahead).total_seconds())
            warn(self.report, f"clock.{told}", seconds=seconds, site=self.url, reason=reason)
        self._told = told


def _compare(now: datetime, answer: Response) -> timedelta | None:
    """Give ``now`` minus the site's time, as far as every reading of the answer grants it.

    A cached answer tells when it was made and how long ago that was (`Age`, RFC 9111 section
    5.1). Some caches rewrite `Date` to their own time and send `Age` none the less
    (fastly.com/documentation, Date, checked 2026-11-20): the site's time is one or the other, or
    between them.
    """
    age = answer.headers.get("Age", "0")
    try:
        if not (age.isascii() and age.isdecimal()):
            return None
        made_at = parsedate_to_datetime(answer.headers["Date"])
        made_at = made_at if made_at.tzinfo else made_at.replace(tzinfo=UTC)
        most = now - made_at
        least = most - timedelta(seconds=int(age))
    except (KeyError, ValueError, OverflowError):  # no date, none that is, or none near ours
        return None
    return max(least, min(most, timedelta(0)))
