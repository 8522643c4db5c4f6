"""The attempts of a delivery: begun, ended, resolved; and whose a remote id is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, func, select, update

from publisher.ledger.schema import OF_RELEASE, attempts, deliveries, releases
from publisher.model import DeliveryRecord, Outcome, Receipt

_NEXT = select(func.coalesce(func.max(attempts.c.n), 0) + 1).where(
    attempts.c.delivery_id == bindparam("of")
)
_INSERT = attempts.insert().values(
    delivery_id=bindparam("of"),
    n=_NEXT.scalar_subquery(),
    fence=bindparam("fence"),
    payload=bindparam("payload"),
    intent_at=bindparam("intent_at"),
    deadline_at=bindparam("deadline_at"),
    era=bindparam("era"),
    monotonic_s=bindparam("monotonic_s"),
    reason="",
)
_END = (
    update(attempts)
    .where(attempts.c.delivery_id == bindparam("of"), attempts.c.outcome.is_(None))
    .values(
        outcome=bindparam("outcome"), ended_at=bindparam("ended_at"), reason=bindparam("reason")
    )
)
_IS_UNKNOWN = and_(
    attempts.c.delivery_id == bindparam("of"), attempts.c.outcome == Outcome.UNKNOWN.value
)
_HAS_UNKNOWN = select(exists().where(_IS_UNKNOWN))
_HOLDER = (
    select(releases.c.post, deliveries.c.channel, deliveries.c.occasion)
    .join_from(deliveries, releases, OF_RELEASE)
    .where(
        deliveries.c.channel == bindparam("channel"),
        deliveries.c.remote_id == bindparam("named"),
        deliveries.c.id != bindparam("of"),
    )
)
_RESOLVE = update(attempts).where(_IS_UNKNOWN).values(outcome=bindparam("outcome"))


def insert_attempt(
    connection: Connection,
    record: DeliveryRecord,
    payload: str,
    deadline: datetime,
    now: datetime,
    *,
    era: str | None,
    monotonic_s: float | None,
) -> None:
    row = {
        "of": record.id,
        "fence": record.fence + 1,  # as of the change to `sending` that follows
        "payload": payload,
        "intent_at": now,
        "deadline_at": deadline,
        "era": era,
        "monotonic_s": monotonic_s,
    }
    connection.execute(_INSERT, row)


def end_attempt(
    connection: Connection, record: DeliveryRecord, outcome: Outcome, reason: str, now: datetime
) -> None:
    values = {"of": record.id, "outcome": outcome.value, "ended_at": now, "reason": reason}
    connection.execute(_END, values)


def has_unresolved(connection: Connection, record: DeliveryRecord) -> bool:
    """Tell whether an attempt of the delivery may have gone out."""
    return bool(connection.execute(_HAS_UNKNOWN, {"of": record.id}).scalar())


def resolve(connection: Connection, record: DeliveryRecord, outcome: Outcome) -> None:
    """Say of all attempts of unknown outcome what became of them."""
    connection.execute(_RESOLVE, {"of": record.id, "outcome": outcome.value})


def holder_of(connection: Connection, record: DeliveryRecord, remote_id: str | None) -> str:
    """Name the other delivery of the channel that has this remote id; empty when none has."""
    if not remote_id:
        return ""
    found = connection.execute(
        _HOLDER, {"of": record.id, "channel": record.key.channel, "named": remote_id}
    ).first()
    return "" if found is None else "/".join(found)


def evidence_of(receipt: Receipt | None, evidence: str) -> dict[str, Any]:
    if receipt is None:
        return {"evidence": evidence}
    # An empty id says nothing, and would be the same for every delivery.
    return {
        "evidence": evidence,
        "remote_id": receipt.remote_id or None,
        "remote_url": receipt.remote_url,
    }


def belongs_elsewhere(receipt: Receipt, holder: str) -> str:
    return f"the service named {receipt.remote_id}, which {holder} has already; look there"
