"""Between rows and values of releases: how one is read, and how it is changed."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Update,
    and_,
    bindparam,
    select,
    update,
)

from publisher.ledger.schema import releases
from publisher.model import Cause, PostId, ReleaseRecord, ReleaseState
from publisher.model.errors import StaleError

# Parts of rows that several modules write.
NO_STEP = {"failures": 0, "retry_at": None, "reason": "", "cause": None}
NOT_FLIPPED = {"flip_gen": None, "verified_gen": None, "verified_url": None, "live_at": None}
UNDER_WAY = frozenset({ReleaseState.REVEALING, ReleaseState.LIVE})
_RELEASE_COLUMNS = [c for c in releases.c if c.name not in ("id", "site", "changed_at")]


@cache
def release_query(site: str) -> Select[Any]:
    return select(*_RELEASE_COLUMNS).where(releases.c.site == site)


def to_release(row: RowMapping) -> ReleaseRecord:
    cause = row["cause"] and Cause(row["cause"])
    return ReleaseRecord(**{**row, "state": ReleaseState(row["state"]), "cause": cause})


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
    cause: Cause | None = None,
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
        "cause": cause,
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
    if "reason" in values:
        values.setdefault("cause", None)  # that of an earlier reason is over
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
