"""Between rows and values: how a delivery is read, how any of it is changed, what is logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    RowMapping,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from publisher.errors import StaleError
from publisher.ledger.schema import attempts, deliveries, events, meta, releases
from publisher.model import (
    ChannelName,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Outcome,
    PostId,
    ReleaseRecord,
    ReleaseState,
)

# Parts of rows that several modules write.
NO_STEP = {"failures": 0, "retry_at": None, "reason": ""}
NOT_FLIPPED = {"flip_gen": None, "verified_gen": None, "verified_url": None, "live_at": None}
NEWLY_UNCERTAIN = {"uncertain_era": None, "uncertain_since_s": None}
UNDER_WAY = frozenset({ReleaseState.REVEALING, ReleaseState.LIVE})
_STATES = {state.value: state for state in DeliveryState}  # faster than calling the enum
OWNED = frozenset({DeliveryState.CLAIMED, DeliveryState.SENDING})

IS_OF_SITE = meta.c.site == bindparam("of_site")
_RELEASE_COLUMNS = [c for c in releases.c if c.name not in ("id", "site", "changed_at")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the ledger's log; ``kind`` says what the states mean, if it has any.

    ``release`` and ``delivery`` are changes of state. ``observed``, ``requested``, ``flipped``,
    ``verified``, ``step_failed`` and ``moved`` tell of a post; ``adopted``, ``restored``,
    ``rebuild``, ``channel`` and ``alert`` (the operator was told) of the site.
    """

    seq: int
    at: datetime
    kind: str
    post: PostId | None
    channel: ChannelName | None
    occasion: str | None
    from_state: str | None
    to_state: str | None
    fence: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a delivery; without outcome it is under way.

    ``monotonic_s`` is the second of its intent on the clock that never steps, in the boot ``era``.
    """

    n: int
    fence: int
    payload: str
    intent_at: datetime
    deadline_at: datetime
    outcome: Outcome | None
    ended_at: datetime | None
    reason: str
    era: str | None = None
    monotonic_s: float | None = None


IS_AS_READ = and_(
    deliveries.c.id == bindparam("read_id"),
    deliveries.c.state == bindparam("read_state"),
    deliveries.c.fence == bindparam("read_fence"),
)
_FRESH = select(deliveries.c.id).where(IS_AS_READ)


# --- releases --------------------------------------------------------------------------------


@cache
def release_query(site: str) -> Select[Any]:
    return select(*_RELEASE_COLUMNS).where(releases.c.site == site)


def to_release(row: RowMapping) -> ReleaseRecord:
    return ReleaseRecord(**{**row, "state": ReleaseState(row["state"])})


def find_release(connection: Connection, site: str, post: PostId) -> ReleaseRecord | None:
    found = connection.execute(_one_release(site), {"named": post})
    row = found.mappings().first()
    return None if row is None else to_release(row)


@cache
def _one_release(site: str) -> Select[Any]:
    return release_query(site).where(releases.c.post == bindparam("named"))


IS_OF_POST = and_(releases.c.site == bindparam("of_site"), releases.c.post == bindparam("of_post"))
RELEASE_ID = select(releases.c.id).where(IS_OF_POST)


def new_release(
    site: str,
    post: PostId,
    *,
    state: ReleaseState,
    path: str,
    digest: str,
    release_at: datetime | None,
    reason: str,
    now: datetime,
) -> dict[str, Any]:
    """Give the row of a post that was never seen before."""
    return {
        "site": site,
        "post": post,
        "path": path,
        "digest": digest,
        "state": state.value,
        "release_at": release_at,
        "schedule_rev": 1,
        "first_seen_at": now,
        "failures": 0,
        "reason": reason,
        "changed_at": now,
    }


def change_release(
    connection: Connection,
    site: str,
    post: PostId,
    *expected: ColumnElement[bool],
    now: datetime,
    **values: Any,
) -> None:
    """Change the columns named where the row is as expected.

    ``expected`` are constants of a module, so that each statement is built once; what is compared
    may be a value that is written (``bindparam`` of its column).

    :raises StaleError: when it is not.
    """
    if "state" in values:
        values["state"] = values["state"].value
    values |= {"of_site": site, "of_post": post, "changed_at": now}
    changed = connection.execute(_change_release(tuple(values), *expected), values)
    if changed.rowcount != 1:
        raise StaleError(
            f"{post} is not at this step of its release",
            why="it is not in the ledger, or was withdrawn, deleted or released meanwhile",
            hint=f"see `publisher why {post}`",
        )


@cache
def _change_release(names: tuple[str, ...], *expected: ColumnElement[bool]) -> Update:
    values: dict[str, Any] = {name: bindparam(name) for name in names if name in releases.c}
    return update(releases).where(IS_OF_POST, *expected).values(values)


def change_meta(connection: Connection, site: str, *, now: datetime, **values: Any) -> None:
    values["changed_at"] = now
    connection.execute(_change_meta(tuple(values)), {"of_site": site, **values})


@cache
def _change_meta(columns: tuple[str, ...]) -> Update:
    return update(meta).where(IS_OF_SITE).values({name: bindparam(name) for name in columns})


def next_gen(connection: Connection, site: str, now: datetime) -> int:
    """Count one more change of the files that no rebuild covers yet."""
    changed = connection.execute(_NEXT_GEN, {"of_site": site, "now": now})
    return int(changed.scalar_one())


_NEXT_GEN = (
    update(meta)
    .where(IS_OF_SITE)
    .values(dirty_gen=meta.c.dirty_gen + 1, changed_at=bindparam("now"))
    .returning(meta.c.dirty_gen)
)


# --- deliveries ------------------------------------------------------------------------------


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
        .join_from(deliveries, releases)
        .outerjoin(attempts)
        .where(releases.c.site == site)
        .group_by(deliveries.c.id, releases.c.id)
    )


def to_delivery(row: Sequence[Any], site: str) -> DeliveryRecord:
    return DeliveryRecord(
        id=row[0],
        key=DeliveryKey(site=site, post=row[1], channel=row[2], occasion=row[3]),
        state=_STATES[row[4]],
        reason=row[5],
        due_at=row[6],
        not_before=row[7],
        text=row[8],
        fence=row[9],
        owner=row[10],
        lease_until=row[11],
        draft=row[12],
        remote_id=row[13],
        remote_url=row[14],
        evidence=row[15],
        attempts=row[16],
        first_attempt_at=row[17],
        last_attempt_at=row[18],
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

    Every change raises the fence, so a record can be used once.

    :raises StaleError: when the row is not as it was read.
    """
    state = to or record.state
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


# --- both ------------------------------------------------------------------------------------


def insert_row(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    connection.execute(_insert_row(table, tuple(row)), row)


@cache
def _insert_row(table: Table, columns: tuple[str, ...]) -> Insert:
    return table.insert().values({name: bindparam(name) for name in columns})


def insert_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its key is there already; tell whether it was inserted."""
    return connection.execute(_insert_new(table, tuple(row)), row).rowcount == 1


@cache
def _insert_new(table: Table, columns: tuple[str, ...]) -> Insert:
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    return insert(table).values(values).on_conflict_do_nothing()


def log(
    connection: Connection, site: str, kind: str, *, now: datetime, reason: str, **values: Any
) -> None:
    """Append an event that no trigger writes."""
    row = {"site": site, "kind": kind, "at": now, "reason": reason, **values}
    insert_row(connection, events, row)
