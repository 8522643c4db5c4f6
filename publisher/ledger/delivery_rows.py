"""The rows of deliveries and their attempts: how they are read, and how any of it is changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Update, and_, bindparam, exists, func, select, update

from publisher.ledger.schema import OF_DELIVERY, OF_RELEASE, attempts, deliveries, releases
from publisher.model import Cause, DeliveryKey, DeliveryRecord, DeliveryState, Outcome, Receipt
from publisher.model.errors import StaleError

NEWLY_UNCERTAIN = {"uncertain_era": None, "uncertain_since_s": None}
OWNED = frozenset({DeliveryState.CLAIMED, DeliveryState.SENDING})
_STATES = {state.value: state for state in DeliveryState}  # faster than calling the enum

IS_AS_READ = and_(
    deliveries.c.id == bindparam("read_id"),
    deliveries.c.state == bindparam("read_state"),
    deliveries.c.fence == bindparam("read_fence"),
)
_FRESH = select(deliveries.c.id).where(IS_AS_READ)


@cache  # building a statement takes longer than running it
def delivery_query(site: str) -> Select[Any]:
    return (
        select(
            deliveries.c.id,
            releases.c.post,
            deliveries.c.channel,
            deliveries.c.occasion,
            deliveries.c.state,
            deliveries.c.reason,
            deliveries.c.cause,
            deliveries.c.due_at,
            deliveries.c.not_before,
            deliveries.c.text,
            deliveries.c.fence,
            deliveries.c.owner,
            deliveries.c.lease_until,
            deliveries.c.draft,
            deliveries.c.remote_id,
            deliveries.c.remote_url,
            deliveries.c.evidence,
            func.count(attempts.c.n),
            func.min(attempts.c.intent_at),
            func.max(attempts.c.intent_at),
        )
        .join_from(deliveries, releases, OF_RELEASE)
        .outerjoin(attempts, OF_DELIVERY)
        .where(releases.c.site == site)
        .group_by(deliveries.c.id, releases.c.id)
    )


def to_delivery(row: Sequence[Any], site: str) -> DeliveryRecord:
    return DeliveryRecord(
        id=row[0],
        key=DeliveryKey(site=site, post=row[1], channel=row[2], occasion=row[3]),
        state=_STATES[row[4]],
        reason=row[5],
        cause=row[6] and Cause(row[6]),
        due_at=row[7],
        not_before=row[8],
        text=row[9],
        fence=row[10],
        owner=row[11],
        lease_until=row[12],
        draft=row[13],
        remote_id=row[14],
        remote_url=row[15],
        evidence=row[16],
        attempts=row[17],
        first_attempt_at=row[18],
        last_attempt_at=row[19],
    )


def require_state(record: DeliveryRecord, state: DeliveryState) -> None:
    if record.state is not state:
        raise stale(record, expected=state)


def require_fresh(connection: Connection, record: DeliveryRecord) -> None:
    """Refuse a record that is not what the row says (R1)."""
    if connection.execute(_FRESH, as_read(record)).first() is None:
        raise stale(record)


def change(
    connection: Connection,
    record: DeliveryRecord,
    *,
    now: datetime,
    to: DeliveryState | None = None,
    **values: Any,
) -> DeliveryRecord:
    """Change the columns named, and the state, of the very row that was read (R1).

    Every change raises the fence, so a record can be used once. A new reason takes the cause of the
    old one away, unless it has one of its own.

    :raises StaleError: when the row is not as it was read.
    """
    state = to or record.state
    if "reason" in values:
        values.setdefault("cause", None)  # that of an earlier reason is over
    if state not in OWNED:
        values |= {"owner": None, "lease_until": None}
    values |= {"state": state.value, "changed_at": now}
    changed = connection.execute(_change(tuple(values)), {**as_read(record), **values})
    if changed.rowcount != 1:
        raise stale(record)
    site = record.key.site
    row = connection.execute(_one_delivery(site), {"read_id": record.id}).one()
    return to_delivery(row, site)


@cache
def _one_delivery(site: str) -> Select[Any]:
    return delivery_query(site).where(deliveries.c.id == bindparam("read_id"))


@cache
def _change(columns: tuple[str, ...]) -> Update:
    """Build the one statement that changes these columns of a delivery as it was read (R1)."""
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    return update(deliveries).where(IS_AS_READ).values(fence=deliveries.c.fence + 1, **values)


def as_read(record: DeliveryRecord) -> dict[str, Any]:
    return {
        "read_id": record.id,
        "read_state": record.state.value,
        "read_fence": record.fence,
    }


def stale(record: DeliveryRecord, *, expected: DeliveryState | None = None) -> StaleError:
    state = expected or record.state
    return StaleError(
        f"{record.key} is not {state} any more, or somebody else has it",
        why="it changed since it was read",
        hint="run the command again",
    )


# --- attempts --------------------------------------------------------------------------------

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
