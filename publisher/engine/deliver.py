"""Carry one delivery through its states: claim, prepare, intend, send, record.

The order is the guarantee: the intent is committed and synced before the request leaves, the
receipt after the answer. A crash between leaves a row that says so. Nothing here retries: it
records what happened and when it may be tried again, and the planner decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from publisher.channels.compose import Voice, compose
from publisher.ledger import Ledger
from publisher.model import (
    DUPLICATE,
    CanPrepare,
    Cause,
    Channel,
    DeliveryRecord,
    DeliveryState,
    Image,
    Message,
    Outcome,
    Post,
    Receipt,
    RecoveryKind,
)
from publisher.model.errors import (
    DuplicateContent,
    LedgerError,
    NotDelivered,
    PublisherError,
    StaleError,
)
from publisher.plan.backoff import backoff
from publisher.system.clock import Clock
from publisher.system.report import Report, info, warn
from publisher.text.printable import escaped

ANSWERED_LENGTH = 500  # characters of an id or address that a service gave


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChannel:
    """A channel that is ready to be used, with its voice and the longest a send may take."""

    channel: Channel
    voice: Voice
    timeout: timedelta

    @property
    def is_readable(self) -> bool:
        """Tell whether the service can be asked what it holds; some only for some accounts."""
        is_looked_up = self.channel.recovery.kind is RecoveryKind.LOOKUP
        return is_looked_up and hasattr(self.channel, "find")


@dataclass(slots=True, kw_only=True)
class Sender:
    ledger: Ledger
    clock: Clock
    owner: str
    report: Report
    load_image: Callable[[Post], bytes | None]

    def deliver(
        self, record: DeliveryRecord, post: Post, open_channel: OpenChannel, *, schedule_rev: int
    ) -> None:
        """Send one planned delivery; ends in sent, planned, failed, held or uncertain."""
        now = self.clock.now()
        try:
            message = self._message(record, post, open_channel)
        except Exception as error:  # noqa: BLE001 - too long, or a channel that cannot count
            self._hold(record, Cause.TEXT_UNUSABLE, _to_correct(error))
            return
        if self._is_repeat(record, message, open_channel):
            reason = f"{record.key.channel} refuses a text that it has had already; reword it"
            self._hold(record, Cause.TEXT_REPEATED, reason)
            return
        lease_until = now + 3 * open_channel.timeout
        try:
            record = self.ledger.claim(record, owner=self.owner, lease_until=lease_until, now=now)
        except StaleError:
            return  # somebody else acted between our view and now
        prepared = self._prepare(record, message, open_channel)
        if prepared is None:
            return
        begun_s = self.clock.monotonic()
        now = self.clock.now()
        message = replace(message, at=now)
        intent = self.ledger.intend(
            prepared,
            payload=to_payload(message),
            deadline=now + open_channel.timeout,
            schedule_rev=schedule_rev,
            now=now,
            era=self.clock.era,
            monotonic_s=begun_s,
        )
        if intent is None:
            info(self.report, "delivery.returned", **names_of(record), reason="the gate closed")
            return
        self.send(intent, message, open_channel, begun_s=begun_s)

    def _message(self, record: DeliveryRecord, post: Post, open_channel: OpenChannel) -> Message:
        message = compose(post, open_channel.voice, text=record.text)
        return replace(message, image_bytes=self.load_image(post))

    def _is_repeat(
        self, record: DeliveryRecord, message: Message, open_channel: OpenChannel
    ) -> bool:
        """Tell whether a service that refuses repeats had these words, not chosen anew."""
        if not open_channel.voice.limits.refuses_repeats or record.text is not None:
            return False
        return is_repeat(message, self.ledger.sent_payloads(record.key))

    def _prepare(
        self, record: DeliveryRecord, message: Message, open_channel: OpenChannel
    ) -> DeliveryRecord | None:
        """Make the draft, once for each wording; ``None`` when the claim was given back."""
        if not hasattr(open_channel.channel, "prepare"):
            return record
        wording = hashlib.sha256(to_payload(message).encode()).hexdigest()[:16]
        if record.draft is not None and record.draft.startswith(wording + ":"):
            return record
        key = f"{record.key.idempotency_key}-{wording}"
        try:
            reference = cast("CanPrepare", open_channel.channel).prepare(message, key=key)
        except DuplicateContent as error:
            reason = f"{error.what}; look whether the service has it already, else change its text"
            self._hold(self._give_back(record, reason, wait=timedelta(0)), Cause.DUPLICATE, reason)
            return None
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing is public yet
            self._not_prepared(record, error)
            return None
        draft = f"{wording}:{reference or ''}"
        return self.ledger.keep_draft(record, draft, now=self.clock.now())

    def _not_prepared(self, record: DeliveryRecord, error: Exception) -> None:
        """Give the claim back: to be tried again, or held where that can never help."""
        refusal = error if isinstance(error, NotDelivered) else NotDelivered(reason_of(error))
        reason = refusal.what if refusal.needs_auth else reason_of(error)
        record = self._give_back(record, reason, wait=refusal.retry_after or backoff(1))
        if refusal.needs_auth:
            self.ledger.close_channel(record.key.channel, reason, now=self.clock.now())
        if refusal.permanent:
            self._hold(record, Cause.TEXT_UNUSABLE, _to_correct(error))
        else:
            warn(self.report, "delivery.not_prepared", **names_of(record), reason=reason)

    def _give_back(self, record: DeliveryRecord, reason: str, *, wait: timedelta) -> DeliveryRecord:
        now = self.clock.now()
        return self.ledger.release_claim(
            record, cause=Cause.REFUSED, reason=reason, not_before=now + wait, now=now
        )

    def _hold(self, record: DeliveryRecord, cause: Cause, reason: str) -> None:
        now = self.clock.now()
        self.ledger.settle(record, DeliveryState.HELD, cause=cause, reason=reason, now=now)
        warn(self.report, "delivery.held", **names_of(record), reason=reason)

    def send(
        self, record: DeliveryRecord, message: Message, open_channel: OpenChannel, *, begun_s: float
    ) -> None:
        """Send under an open intent and record what came of it."""
        try:
            self.ledger.keep_mark()
        except LedgerError as error:  # an older copy of the ledger could not be told any more
            self._not_sent(record, NotDelivered(error.what, why=error.why, hint=error.hint))
            return
        if self.clock.monotonic() - begun_s > open_channel.timeout.total_seconds():
            # Paused since the intent: others may have taken us for dead (rule R3).
            self._not_sent(record, NotDelivered("abandoned: the intent was too old to act on"))
            return
        info(self.report, "delivery.sending", **names_of(record))
        draft = reference_of(record.draft)
        key = record.key.idempotency_key
        try:
            receipt = open_channel.channel.send(message, key=key, draft=draft)
        except NotDelivered as error:
            self._not_sent(record, error)
        except DuplicateContent as error:
            self._duplicate(record, error)
        except Exception as error:  # noqa: BLE001 - anything else leaves the outcome unknown
            self._unknown(record, reason_of(error))
        else:
            self._accepted(record, receipt, open_channel)

    def _accepted(
        self, record: DeliveryRecord, receipt: Receipt, open_channel: OpenChannel
    ) -> None:
        now = self.clock.now()
        receipt = printable(receipt)
        reason = receipt.note
        if receipt.missing:
            reason = f"{receipt.missing}; it is never sent twice: send it to them yourself"
        record = self.ledger.record_outcome(
            record,
            Outcome.ACCEPTED,
            now=now,
            receipt=receipt,
            reason=reason,
            is_held=bool(receipt.missing),
        )
        names = names_of(record)
        if record.state is not DeliveryState.SENT:
            warn(self.report, f"delivery.{record.state}", **names, reason=record.reason)
            return
        info(self.report, "delivery.sent", **names, url=receipt.remote_url or receipt.remote_id)
        if not open_channel.is_readable:
            self.ledger.confirm(record, now=now)

    def _not_sent(self, record: DeliveryRecord, error: NotDelivered) -> None:
        now = self.clock.now()
        wait = error.retry_after if error.retry_after is not None else backoff(record.attempts)
        wait += timedelta(seconds=int(record.key.idempotency_key[:2], 16) / 64)  # spread
        reason = error.what if error.needs_auth else reason_of(error)
        record = self.ledger.record_outcome(
            record,
            Outcome.NOT_SENT,
            now=now,
            reason=reason,
            not_before=now + wait,
            permanent=error.permanent,
        )
        if error.needs_auth:
            self.ledger.close_channel(record.key.channel, error.what, now=now)
        warn(
            self.report, "delivery.not_sent", **names_of(record), state=record.state, reason=reason
        )

    def _duplicate(self, record: DeliveryRecord, error: DuplicateContent) -> None:
        if error.remote_id is None:
            reason = f"{error.what}; that is evidence of an earlier one"
            self._unknown(record, reason, evidence=DUPLICATE)
            return
        receipt = printable(Receipt(remote_id=error.remote_id, remote_url=error.remote_url))
        record = self.ledger.record_outcome(
            record,
            Outcome.FOUND,
            now=self.clock.now(),
            receipt=receipt,
            evidence=DUPLICATE,
            reason=error.what,
        )
        info(self.report, "delivery.sent", **names_of(record), evidence="duplicate")

    def _unknown(self, record: DeliveryRecord, reason: str, *, evidence: str = "response") -> None:
        now = self.clock.now()
        record = self.ledger.record_outcome(
            record, Outcome.UNKNOWN, now=now, reason=reason, evidence=evidence
        )
        warn(self.report, "delivery.uncertain", **names_of(record), reason=reason)


def to_payload(message: Message) -> str:
    """Write down the exact words of a message; what is looked up or repeated is this."""
    facts = asdict(replace(message, image_bytes=None))
    facts["at"] = message.at.isoformat() if message.at else None
    return json.dumps(facts, ensure_ascii=False, sort_keys=True)


def from_payload(payload: str) -> Message:
    """Read back what ``to_payload`` wrote; the image's bytes are not kept."""
    facts = json.loads(payload)
    image, at = facts.pop("image"), facts.pop("at")
    return Message(
        **facts,
        image=Image(**image) if image else None,
        at=datetime.fromisoformat(at) if at else None,
    )


def is_repeat(message: Message, payloads: Iterable[str]) -> bool:
    """Tell whether one of the messages sent before has the same words."""
    words = message.text.split()
    return any(from_payload(payload).text.split() == words for payload in payloads)


def reference_of(draft: str | None) -> str | None:
    """Take the service's reference out of the stored ``wording:reference``."""
    return (draft.partition(":")[2] or None) if draft is not None else None


def names_of(record: DeliveryRecord) -> dict[str, object]:
    key = record.key
    return {"post": key.post, "channel": key.channel, "occasion": key.occasion}


def _to_correct(error: Exception) -> str:
    """Say what must be corrected before the delivery is sent; an error's hint says how."""
    how = "" if isinstance(error, PublisherError) and error.hint else "; correct it"
    return f"{reason_of(error)}{how}"


def reason_of(error: Exception) -> str:
    said = error.one_line if isinstance(error, PublisherError) else str(error)
    return escaped(said) or type(error).__name__


def printable(receipt: Receipt) -> Receipt:
    """Give a receipt whose texts can be stored and shown: a service answers what it likes."""
    return Receipt(
        remote_id=escaped(str(receipt.remote_id))[:ANSWERED_LENGTH],
        remote_url=escaped(str(receipt.remote_url))[:ANSWERED_LENGTH] or None
        if receipt.remote_url is not None
        else None,
        note=escaped(receipt.note),
        missing=escaped(receipt.missing),
    )
