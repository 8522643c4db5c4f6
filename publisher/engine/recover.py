"""Find out what became of a delivery whose answer was lost: by key, by look-up, or by a person.

What is repeated or looked up are the exact words of the attempt, as the ledger kept them: the
post may have been edited since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from publisher.engine.deliver import (
    OpenChannel,
    Sender,
    from_payload,
    names_of,
    printable,
    reason_of,
    reference_of,
)
from publisher.ledger import Attempt, Ledger
from publisher.model import (
    DUPLICATE,
    CanFind,
    Cause,
    DeliveryRecord,
    DeliveryState,
    Outcome,
    Receipt,
    RecoveryKind,
)
from publisher.plan.backoff import backoff
from publisher.system.clock import Clock
from publisher.system.report import Report, info, warn

KEY_MARGIN = 0.1  # of a key's life: the service's clock and ours may differ


@dataclass(slots=True, kw_only=True)
class Reconciler:
    ledger: Ledger
    clock: Clock
    sender: Sender
    report: Report
    stale_after: timedelta

    def reconcile(self, record: DeliveryRecord, open_channel: OpenChannel) -> None:
        """Settle an uncertain delivery, or read an accepted one back, as its channel allows."""
        if record.state is DeliveryState.SENT:
            self._read_back(record, open_channel)
            return
        begun_s = self.clock.monotonic()  # first: a send is given up if all this took too long
        recovery = open_channel.channel.recovery
        age = self.clock.now() - (record.first_attempt_at or record.due_at)
        if recovery.kind is RecoveryKind.KEY and record.evidence != DUPLICATE:
            self._use_key(record, open_channel, begun_s=begun_s)
        elif recovery.kind is RecoveryKind.LOOKUP:
            self._look_up(record, open_channel, age=age)
        else:
            self._ask(record, open_channel, "the service cannot be asked")

    def _use_key(
        self, record: DeliveryRecord, open_channel: OpenChannel, *, begun_s: float
    ) -> None:
        """Repeat under the same key while the service surely knows it.

        How long it has known it counts from the first attempt that may have arrived. The wall
        clock may have been set back since; the other one begins anew with each boot.
        """
        life = open_channel.channel.recovery.key_life
        if life is None:
            self._repeat(record, open_channel, begun_s=begun_s)
            return
        first = self._first_unknown(record)
        if first.era != self.clock.era or first.monotonic_s is None:
            why = "the machine was rebooted"
            if first.era is None or first.monotonic_s is None:
                why = "it was sent before this ledger recorded the boot"
            self._ask(record, open_channel, f"{why}, so the key's age is unknown")
            return
        age = max(
            self.clock.now() - first.intent_at, timedelta(seconds=begun_s - first.monotonic_s)
        )
        if age < usable_life(life, open_channel.timeout):
            self._repeat(record, open_channel, begun_s=begun_s)
        else:
            self._ask(record, open_channel, "the service no longer knows its key")

    def _since(self, attempt: Attempt) -> timedelta:
        """Give how long ago an attempt was, by the clock that nobody can set where it tells."""
        if attempt.era == self.clock.era and attempt.monotonic_s is not None:
            return timedelta(seconds=self.clock.monotonic() - attempt.monotonic_s)
        return self.clock.now() - attempt.intent_at

    def _first_unknown(self, record: DeliveryRecord) -> Attempt:
        attempts = self.ledger.attempts(record)
        unknown = (attempt for attempt in attempts if attempt.outcome is Outcome.UNKNOWN)
        return next(unknown, attempts[0])

    def _waited(self, record: DeliveryRecord) -> timedelta:
        """Give how long it has been uncertain by the clock that nobody can set."""
        seen_s = self.ledger.observe_uncertain(
            record, era=self.clock.era, monotonic_s=self.clock.monotonic()
        )
        return timedelta(seconds=self.clock.monotonic() - seen_s)

    def _repeat(self, record: DeliveryRecord, open_channel: OpenChannel, *, begun_s: float) -> None:
        """Send the same words under the same key again, where the service honours that."""
        now = self.clock.now()
        last = self.ledger.attempts(record)[-1]
        is_repeated = record.attempts > 1
        if is_repeated and timedelta(0) <= self._since(last) < backoff(record.attempts - 1):
            return
        payload = last.payload
        intent = self.ledger.intend_again(
            record,
            owner=self.sender.owner,
            payload=payload,
            deadline=now + open_channel.timeout,
            now=now,
            era=self.clock.era,
            monotonic_s=begun_s,
        )
        if intent is None:
            self._ask(record, open_channel, "its page is not public any more")
        else:
            self.sender.send(intent, from_payload(payload), open_channel, begun_s=begun_s)

    def _look_up(
        self, record: DeliveryRecord, open_channel: OpenChannel, *, age: timedelta
    ) -> None:
        """Look until it is found, or until its absence means something (rule R5)."""
        waited = self._waited(record)
        try:
            receipt = self._find(record, open_channel)
        except Exception as error:  # noqa: BLE001 - a look-up that fails says nothing
            reason = reason_of(error)
            warn(self.report, "delivery.not_looked_up", **names_of(record), reason=reason)
            if age > self.stale_after:
                self._ask(record, open_channel, f"looking it up keeps failing: {reason}")
            return
        now = self.clock.now()
        if receipt is not None:
            record = self.ledger.record_found(record, printable(receipt), now=now)
            info(self.report, "delivery.sent", **names_of(record), evidence="lookup")
        elif waited < open_channel.timeout + open_channel.channel.recovery.settle:
            return
        elif record.evidence == DUPLICATE:  # sending the same words again would go on for ever
            self._ask(
                record,
                open_channel,
                "it is not among the posts of that time, so an older one has "
                "the same words; other words need --drop, then `publisher reannounce --text`",
            )
        else:
            self.ledger.record_absent(record, now=now, not_before=now)
            info(self.report, "delivery.absent", **names_of(record))

    def _read_back(self, record: DeliveryRecord, open_channel: OpenChannel) -> None:
        """Confirm what was accepted; what cannot be seen after the settle time is held."""
        now = self.clock.now()
        if not open_channel.is_readable or record.evidence != "response":
            self.ledger.confirm(record, now=now)
            return
        age = self._since(self.ledger.attempts(record)[-1])
        is_over = age >= open_channel.timeout + open_channel.channel.recovery.settle
        try:
            receipt = self._find(record, open_channel)
        except Exception as error:  # noqa: BLE001 - it was accepted; reading back may wait
            reason = reason_of(error)
            warn(self.report, "delivery.not_read_back", **names_of(record), reason=reason)
            is_over, receipt = age > self.stale_after, None
        if receipt is not None:
            self.ledger.confirm(record, now=now, receipt=printable(receipt))
            info(self.report, "delivery.confirmed", **names_of(record))
        elif is_over:
            where = record.remote_url or open_channel.channel.recovery.look_at or "what is there"
            reason = f"was accepted ({record.remote_id}) but is not to be seen; look at {where}"
            self.ledger.settle(
                record, DeliveryState.HELD, cause=Cause.NOT_SEEN, reason=reason, now=now
            )
            warn(self.report, "delivery.held", **names_of(record), reason=reason)

    def _find(self, record: DeliveryRecord, open_channel: OpenChannel) -> Receipt | None:
        first = self.ledger.attempts(record)[0]
        last = self.ledger.attempts(record)[-1]
        return cast("CanFind", open_channel.channel).find(
            from_payload(last.payload),
            key=record.key.idempotency_key,
            draft=reference_of(record.draft),
            since=first.intent_at,
        )

    def _ask(self, record: DeliveryRecord, open_channel: OpenChannel, why: str) -> None:
        """Hold an uncertain delivery for a person, with the place to look and the command."""
        look_at = open_channel.channel.recovery.look_at
        reason = f"may have gone out ({record.reason}); {why}: look at {look_at or 'the channel'}"
        self.ledger.settle(
            record,
            DeliveryState.HELD,
            cause=Cause.UNKNOWN_OUTCOME,
            reason=reason,
            now=self.clock.now(),
        )
        warn(self.report, "delivery.held", **names_of(record), reason=reason)


def usable_life(life: timedelta, timeout: timedelta) -> timedelta:
    """Give how long a key may be used: its life less what a repeat itself may take.

    It may begin ``timeout`` after it was decided, and arrive long after we gave it up.
    """
    return life - max(life * KEY_MARGIN, 4 * timeout)
