"""The program with one guard taken out: each must come to harm in some world, or guards nothing.

``SEEDS`` names for each guard a seed that shows the harm. Replay one with
``make simulate SEED=… WITHOUT="…"``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from publisher.engine.deliver import OpenChannel, Sender, to_payload
from publisher.engine.recover import Reconciler
from publisher.ledger import delivery_rows
from publisher.model import (
    DeliveryRecord,
    DeliveryState,
    LedgerView,
    Message,
    Outcome,
    Post,
    Receipt,
    ReleaseState,
)
from publisher.model.errors import DuplicateContent, NotDelivered
from publisher.site.site import Look
from publisher.system.clock import Clock
from tests.simulation.parts import OLD, PlayedLedger, PlayedSite
from tests.simulation.services import Line, Service, open_line
from tests.simulation.world import Guards

_D = DeliveryState


# --- the order: intent first, and soon ------------------------------------------------------


class SendsFirst(Sender):
    """Writes the intent down only after the request (R2)."""

    def deliver(
        self, record: DeliveryRecord, post: Post, open_channel: OpenChannel, *, schedule_rev: int
    ) -> None:
        now = self.clock.now()
        message = self._message(record, post, open_channel)
        lease_until = now + 3 * open_channel.timeout
        record = self.ledger.claim(record, owner=self.owner, lease_until=lease_until, now=now)
        try:
            receipt = open_channel.channel.send(message, key=record.key.idempotency_key, draft=None)
        except Exception as error:  # noqa: BLE001
            self._give_back(record, str(error), wait=timedelta(minutes=1))
            return
        intent = self.ledger.intend(
            record,
            payload=to_payload(message),
            deadline=now + open_channel.timeout,
            schedule_rev=schedule_rev,
            now=now,
        )
        if intent is not None:
            self._accepted(intent, receipt, open_channel)


class SendsLate(Sender):
    """Acts upon an intent of any age (R3)."""

    def send(
        self, record: DeliveryRecord, message: Message, open_channel: OpenChannel, *, begun_s: float
    ) -> None:
        super().send(record, message, open_channel, begun_s=self.clock.monotonic())


class Wrong(Line):
    """A line that misunderstands; mixed into the line that the service needs."""

    @classmethod
    def open(cls, service: Service) -> Line:
        kind = type(open_line(service))
        return type(cls.__name__, (cls, kind), {})(service)


# --- what is not known ----------------------------------------------------------------------


class ForgetsUnknown(PlayedLedger):
    """Takes a later "not sent" for an answer about the earlier attempts, too (R4)."""

    def record_outcome(
        self, record: DeliveryRecord, outcome: Outcome, **facts: Any
    ) -> DeliveryRecord:
        if outcome is Outcome.NOT_SENT:
            with self._writing() as connection:
                delivery_rows.resolve(connection, record, Outcome.ABSENT)
        return super().record_outcome(record, outcome, **facts)


class TakesDeathForRefusal(PlayedLedger):
    """Plans again at once what a process was sending when it died."""

    def recover(self, *, owner_alive: Callable[[str], bool], now: datetime) -> list[DeliveryRecord]:
        records = super().recover(owner_alive=owner_alive, now=now)
        return [
            self.record_absent(record, now=now, not_before=now)
            if record.state is _D.UNCERTAIN
            else record
            for record in records
        ]


class Guesses(Reconciler):
    """Takes for absent what nobody can look up."""

    def _ask(self, record: DeliveryRecord, open_channel: OpenChannel, why: str) -> None:
        now = self.clock.now()
        self.ledger.record_absent(record, now=now, not_before=now)


class TakesSilenceForRefusal(Wrong):
    """Calls it not sent when no answer came (R6)."""

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        try:
            return super().send(message, key=key, draft=draft)
        except OSError as error:
            raise NotDelivered(str(error)) from error


class TakesDuplicateForRefusal(Wrong):
    """Calls it refused for good when the service has it already (R7)."""

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        try:
            return super().send(message, key=key, draft=draft)
        except DuplicateContent as error:
            raise NotDelivered(str(error), permanent=True) from error


class RepeatsByItself(Wrong):
    """Repeats a request that got no answer, as HTTP clients like to (R8)."""

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        try:
            return super().send(message, key=key, draft=draft)
        except OSError:
            return super().send(message, key=key, draft=draft)


# --- time -----------------------------------------------------------------------------------


def _impatient(service: Service) -> Line:
    """Takes the first "not found" for an answer (R5)."""
    line = open_line(service)
    line.recovery = replace(line.recovery, settle=timedelta(hours=-1))
    return line


def _trusting(service: Service) -> Line:
    """Believes that the service remembers keys for ever."""
    line = open_line(service)
    line.recovery = replace(line.recovery, key_life=None)
    return line


@dataclass(slots=True)
class WallClock:
    """Counts seconds by the clock that people set."""

    clock: Clock
    era: str = "always"

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.now().timestamp()


def _by_the_wall(**parts: Any) -> Reconciler:
    return Reconciler(**{**parts, "clock": WallClock(parts["clock"])})


# --- who may, and when ----------------------------------------------------------------------


class Unfenced(PlayedLedger):
    """Changes a row whatever became of it since it was read (R1)."""

    def _now(self, record: DeliveryRecord) -> DeliveryRecord:
        found = self.view().deliveries[record.key]
        return replace(found, state=record.state) if found.state is record.state else record

    def intend(self, record: DeliveryRecord, **facts: Any) -> DeliveryRecord | None:
        return super().intend(self._now(record), **facts)

    def record_outcome(
        self, record: DeliveryRecord, outcome: Outcome, **facts: Any
    ) -> DeliveryRecord:
        return super().record_outcome(self._now(record), outcome, **facts)

    def record_absent(self, record: DeliveryRecord, **facts: Any) -> DeliveryRecord:
        return super().record_absent(self._now(record), **facts)


class AsksOnce(PlayedLedger):
    """Does not ask the gate again in the transaction of the intent."""

    def _gate(self, *facts: Any) -> tuple[str, datetime | None]:
        return "", None


class BelievesTheBuild(PlayedSite):
    """Calls a page live because it was built."""

    def verify(self, post: Post, body: str) -> Look:
        return Look(ok=True)


class AnnouncesTheOld(PlayedLedger):
    """Forgets that a post was public when the site was adopted."""

    def view(self, *, settled: bool = True) -> LedgerView:
        view = super().view(settled=settled)
        old = view.releases[OLD]
        if old.state is ReleaseState.BASELINE:
            waiting = replace(old, state=ReleaseState.SCHEDULED)
            return replace(view, releases={**view.releases, OLD: waiting})
        return view


MUTANTS: Mapping[str, Guards] = {
    "intent before the request": Guards(sender=SendsFirst),
    "deadline of an intent": Guards(sender=SendsLate),
    "memory of unknown attempts": Guards(ledger=ForgetsUnknown),
    "death is not a refusal": Guards(ledger=TakesDeathForRefusal),
    "silence is not a refusal": Guards(line=TakesSilenceForRefusal.open),
    "duplicate is evidence": Guards(line=TakesDuplicateForRefusal.open),
    "no guessing": Guards(reconciler=Guesses),
    "no repeats by the client": Guards(line=RepeatsByItself.open),
    "settle time": Guards(line=_impatient),
    "settle time on the monotonic clock": Guards(reconciler=_by_the_wall),
    "life of a key": Guards(line=_trusting),
    "fence": Guards(ledger=Unfenced),
    "gate asked again": Guards(ledger=AsksOnce),
    "live page seen": Guards(site=BelievesTheBuild),
    "baseline": Guards(ledger=AnnouncesTheOld),
}

SEEDS: Mapping[str, int] = {
    "intent before the request": 1,
    "deadline of an intent": 79,
    "memory of unknown attempts": 14,
    "death is not a refusal": 14,
    "silence is not a refusal": 4,
    "duplicate is evidence": 290,
    "no guessing": 1,
    "no repeats by the client": 4,
    "settle time": 12,
    "settle time on the monotonic clock": 553,
    "life of a key": 14,
    "fence": 13878,
    "gate asked again": 16,
    "live page seen": 4,
    "baseline": 0,
}
