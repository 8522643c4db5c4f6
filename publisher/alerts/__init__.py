"""Tells the operator what failed or waits: once, again when it gets worse, and when it is over.

After every tick the causes that stand are compared with what the ledger says was told. Sending is
the affair of a thread; what it achieved is recorded at the next tick, or at the end. A crash in
between means that something is told twice, never that it is not told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from queue import SimpleQueue
from zoneinfo import ZoneInfo

from publisher.alerts.dedup import is_news, noted, told
from publisher.alerts.messages import AlertMessage, Writer
from publisher.alerts.rules import (
    Facts,
    Finding,
    Level,
    failed_tick,
    findings_of,
    is_hidden,
    subject_of,
)
from publisher.alerts.sending import Address, Errand, Pinger, address_at, ask
from publisher.alerts.store import Board
from publisher.engine.release import Library
from publisher.engine.tick import Engine, Tick
from publisher.ledger import Alert
from publisher.model import DeliveryRecord, Outcome, PostId
from publisher.model.errors import PublisherError
from publisher.plan.backoff import BACKOFF, backoff
from publisher.system.report import Report, info, warn
from publisher.views.issues import issues_of_tick

__all__ = ["Address", "Alerts", "Level", "Pinger", "address_at", "ask"]


class Titles:
    """The titles of posts, read when the first is asked for."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: Mapping[PostId, str] | None = None

    def of(self, post: PostId) -> str:
        """Give a post's title; its id where the file cannot be read."""
        if self._known is None:
            try:
                self._known = {found.id: found.title for found in self._library.scan().posts}
            except PublisherError:
                self._known = {}
        return self._known.get(post) or post


@dataclass(frozen=True, slots=True)
class _Result:
    message: AlertMessage
    left: tuple[int, ...]  # addresses that did not take it
    at: datetime


@dataclass(slots=True, kw_only=True)
class Alerts:
    """All is done in the thread that calls, except for the sending.

    ``wake`` is called when a sending ended, so that it is recorded soon. ``report`` may be called
    from another thread, and is no sign that the tick is alive.
    """

    engine: Engine
    zone: ZoneInfo
    addresses: Sequence[Address]
    pinger: Pinger | None
    report: Report
    wake: Callable[[], None] = lambda: None
    _errand: Errand = field(default_factory=lambda: Errand("alerts"))
    _results: SimpleQueue[_Result] = field(default_factory=SimpleQueue)
    # Told, but some address did not take it:
    _owed: list[AlertMessage] = field(default_factory=list)
    _failures: int = 0  # in a row, of all addresses
    _retry_at: datetime | None = None
    _board: Board = field(init=False)

    def __post_init__(self) -> None:
        self._board = Board(self.engine.ledger)

    def settle(self, done: Tick | PublisherError) -> None:
        """Look at what a tick left, or at why it failed, and tell what is new of it."""
        if self.pinger is not None and isinstance(done, Tick):
            self.pinger.ping()
        if not self.addresses:
            return
        now = self.engine.clock.now()
        self._take_results()
        try:
            self._settle(done, now)
        except PublisherError as error:  # the ledger fails: that is worth an alert of its own
            self._settle(error, now)

    def _settle(self, done: Tick | PublisherError, now: datetime) -> None:
        causes = self._causes(done, now)
        title = Titles(self.engine.library)
        known = self._board.read()
        found = noted(
            known,
            causes,
            now,
            is_hidden=partial(is_hidden, done),
            subject=lambda cause: subject_of(cause, title.of),
        )
        changes: dict[str, Alert | None] = {k: a for k, a in found.items() if known.get(k) != a}
        self._board.change({**changes, **dict.fromkeys(known.keys() - found)}, now=now)
        self._tell([alert for alert in found.values() if is_news(alert)], causes, title, now)

    def finish(self, seconds: float) -> None:
        """Give what is under way a little time, and record what came of it."""
        end_s = self.engine.clock.monotonic() + seconds
        self._errand.wait(seconds)
        if self.pinger is not None:
            self.pinger.wait(max(0.0, end_s - self.engine.clock.monotonic()))
        self._take_results()

    # --- what stands ---------------------------------------------------------------------

    def _causes(self, done: Tick | PublisherError, now: datetime) -> dict[str, Finding]:
        if isinstance(done, PublisherError):
            cause = failed_tick(done)
            return {cause.key: cause}
        engine = self.engine
        names = {plan.name for plan in engine.policy.channels}
        view = engine.ledger.view(settled=False)
        closed = {**view.closed_channels, **engine.open_channels.closed}
        facts = Facts(
            done=done,
            issues=issues_of_tick(engine.ledger, done.plan),
            view=view,
            unusable=engine.open_channels.closed.keys(),
            closed={name: why for name, why in closed.items() if name in names},
            settles={
                name: open_channel.timeout + open_channel.channel.recovery.settle
                for name, open_channel in engine.open_channels.ready.items()
                if name not in closed
            },
            streak=self._streak,
            verify_timeout=engine.verify_timeout,
            now=now,
        )
        return findings_of(facts)

    def _streak(self, record: DeliveryRecord, outcome: Outcome) -> int:
        count = 0
        for attempt in reversed(self.engine.ledger.attempts(record)):
            if attempt.outcome is not outcome:
                break
            count += 1
        return count

    # --- telling -------------------------------------------------------------------------

    def _tell(
        self, news: Sequence[Alert], causes: Mapping[str, Finding], title: Titles, now: datetime
    ) -> None:
        if self._errand.is_under_way or not self._results.empty():
            return
        due = [
            message for message in self._owed if message.not_before and message.not_before <= now
        ]
        messages = list(due)
        if news and (self._retry_at is None or now >= self._retry_at):
            writer = Writer(
                site=self.engine.policy.site,
                zone=self.zone,
                title=title.of,
                attempts=self.engine.ledger.attempts,
            )
            everywhere = tuple(range(len(self.addresses)))
            messages += [replace(each, to=everywhere) for each in writer.write(news, causes, now)]
        if messages:
            self._owed = [message for message in self._owed if message not in due]
            self._errand.begin(lambda: self._carry(messages))

    def _carry(self, messages: Sequence[AlertMessage]) -> None:
        """Send messages, until one is taken by nobody."""
        for message in messages:
            left = []
            for number in message.to:
                reason = self.addresses[number].send(message)
                if reason:
                    left.append(number)
                    name = self.addresses[number].name
                    warn(self.report, "alert.failed", address=name, reason=reason)
            self._results.put(_Result(message, tuple(left), self.engine.clock.now()))
            if message.alerts and len(left) == len(message.to):
                break
        self.wake()

    def _take_results(self) -> None:
        while not self._results.empty():
            result = self._results.get()
            message, left = result.message, result.left
            is_taken = len(left) < len(message.to)
            if is_taken and message.alerts:
                self._record(message, result.at)
                self._failures, self._retry_at = 0, None
            elif message.alerts:
                self._failures += 1
                self._retry_at = result.at + backoff(self._failures)
                continue  # it stays news, and is written anew
            if left:
                self._owe(message, left, result.at)

    def _owe(self, message: AlertMessage, left: tuple[int, ...], at: datetime) -> None:
        """Try the other addresses again, a few times."""
        tries = message.tries + 1
        if tries > len(BACKOFF):
            names = ", ".join(self.addresses[number].name for number in left)
            warn(self.report, "alert.dropped", address=names, what=message.title)
            return
        not_before = at + backoff(tries)
        self._owed.append(replace(message, alerts=(), to=left, tries=tries, not_before=not_before))

    def _record(self, message: AlertMessage, at: datetime) -> None:
        """Remember that the operator knows."""
        known = self._board.read()
        changes = {alert.cause: told(known.get(alert.cause), alert, at) for alert in message.alerts}
        words = {Level.OVER: "over", Level.TRYING: "fails", Level.WAITING: "waits"}
        news = [
            f"told: {words.get(Level(alert.level), 'still waits')}: {alert.what}"
            for alert in message.alerts
        ]
        self._board.change(changes, now=at, news=news)
        for alert in message.alerts:
            degree = Level(alert.level).name.lower()  # a log line has a level of its own
            info(self.report, "alert.told", cause=alert.cause, degree=degree, what=alert.what)
