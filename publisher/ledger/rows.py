"""What the rows of all tables have in common: how they are added, the log, what is the site's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, TableClause, Update, bindparam, update
from sqlalchemy.dialects.sqlite import insert

from publisher.ledger.schema import events, meta
from publisher.model import ChannelName, Outcome, PostId

IS_OF_SITE = meta.c.site == bindparam("of_site")


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


def insert_row(connection: Connection, table: TableClause, row: dict[str, Any]) -> None:
    connection.execute(_insert_row(table, tuple(row)), row)


@cache
def _insert_row(table: TableClause, columns: tuple[str, ...]) -> Insert:
    return table.insert().values({name: bindparam(name) for name in columns})


def insert_new(connection: Connection, table: TableClause, row: dict[str, Any]) -> bool:
    """Insert a row unless its key is there already; tell whether it was inserted."""
    return connection.execute(_insert_new(table, tuple(row)), row).rowcount == 1


@cache
def _insert_new(table: TableClause, columns: tuple[str, ...]) -> Insert:
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    return insert(table).values(values).on_conflict_do_nothing()


def log(
    connection: Connection, site: str, kind: str, *, now: datetime, reason: str, **values: Any
) -> None:
    """Append an event that no trigger writes."""
    row = {"site": site, "kind": kind, "at": now, "reason": reason, **values}
    insert_row(connection, events, row)


# --- of the site -----------------------------------------------------------------------------


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
