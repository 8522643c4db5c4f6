"""The attempts of a delivery: begun, ended, resolved; and whose a remote id is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, select, update

from publisher.ledger.schema import attempts, deliveries, releases
from publisher.model import DeliveryRecord, Outcome, Receipt


def insert_attempt(
    connection: Connection,
    record: DeliveryRecord,
    payload: str,
    deadline: datetime,
    now: datetime,
) -> None:
    newest = func.coalesce(func.max(attempts.c.n), 0) + 1
    n = select(newest).where(attempts.c.delivery_id == record.id).scalar_subquery()
    connection.execute(
        attempts.insert().values(
            delivery_id=record.id,
            n=n,
            fence=record.fence + 1,  # as of the change to `sending` that follows
            payload=payload,
            intent_at=now,
            deadline_at=deadline,
            reason="",
        )
    )


def end_attempt(
    connection: Connection, record: DeliveryRecord, outcome: Outcome, reason: str, now: datetime
) -> None:
    connection.execute(
        update(attempts)
        .where(attempts.c.delivery_id == record.id, attempts.c.outcome.is_(None))
        .values(outcome=outcome.value, ended_at=now, reason=reason)
    )


def has_unresolved(connection: Connection, record: DeliveryRecord) -> bool:
    """Tell whether an attempt of the delivery may have gone out."""
    unknown = select(exists().where(_unknown_of(record)))
    return bool(connection.execute(unknown).scalar())


def resolve(connection: Connection, record: DeliveryRecord, outcome: Outcome) -> None:
    """Say of all attempts of unknown outcome what became of them."""
    connection.execute(update(attempts).where(_unknown_of(record)).values(outcome=outcome.value))


def holder_of(connection: Connection, record: DeliveryRecord, remote_id: str | None) -> str:
    """Name the other delivery of the channel that has this remote id; empty when none has."""
    if not remote_id:
        return ""
    found = connection.execute(
        select(releases.c.post, deliveries.c.channel, deliveries.c.occasion)
        .join_from(deliveries, releases)
        .where(
            deliveries.c.channel == record.key.channel,
            deliveries.c.remote_id == remote_id,
            deliveries.c.id != record.id,
        )
    ).first()
    return "" if found is None else "/".join(found)


def _unknown_of(record: DeliveryRecord) -> ColumnElement[bool]:
    return (attempts.c.delivery_id == record.id) & (attempts.c.outcome == Outcome.UNKNOWN.value)


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
