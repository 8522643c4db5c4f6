"""The tables of the ledger as statements name them, and the type of its instants.

What a column may hold, and what the ledger refuses, is in ``migrations/versions``, once. A test
compares the names here with what the migrations make.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnClause, Dialect, TableClause, TypeDecorator, column, table

HEAD = "0004"  # the newest revision; revisions are numbered, so they sort

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as whole microseconds since 1970 in UTC.

    :raises ValueError: for a naive datetime, before anything is written.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant needs a time zone: {value!r}")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


def _table(name: str, columns: str, *, instants: str = "") -> TableClause:
    plain: list[ColumnClause[Any]] = [column(name) for name in columns.split()]
    return table(name, *plain, *(column(name, Instant()) for name in instants.split()))


meta = _table(
    "meta",
    "site dirty_gen built_gen rebuild_failures rebuild_reason",
    instants="adopted_at rebuild_retry_at changed_at",
)
# What tells an older copy of this ledger from the ledger itself: one row for the whole file.
# ``restored_at`` is set while an older copy was put back and is not adopted yet.
provenance = _table("provenance", "one id intents reason", instants="restored_at")
closed_channels = _table("closed_channels", "site channel reason", instants="closed_at")
releases = _table(
    "releases",
    "id site post path digest state schedule_rev flip_gen verified_gen verified_url failures"
    " reason cause",
    instants="release_at requested_at first_seen_at missing_since live_at retry_at changed_at",
)
deliveries = _table(
    "deliveries",
    "id release_id channel occasion idem_key state reason cause text fence owner draft remote_id"
    " remote_url evidence uncertain_era uncertain_since_s",
    instants="due_at not_before lease_until changed_at",
)
# ``era`` is the boot that ``monotonic_s`` counts in.
attempts = _table(
    "attempts",
    "delivery_id n fence payload outcome reason era monotonic_s",
    instants="intent_at deadline_at ended_at",
)
# What the operator was told of, or is to be told, while it lasts; ``told_level`` 0: not told yet.
alerts = _table("alerts", "site cause what level told_level", instants="since_at told_at")
# What a person asked for by command and is not performed yet: ``to_state`` to withdraw a post,
# ``from_at`` and ``to_at`` to move its release.
requests = _table("requests", "site post to_state reason", instants="from_at to_at asked_at")
rebuilds = _table("rebuilds", "id site gen ok reason", instants="started_at ended_at")
events = _table(
    "events",
    "seq kind site post channel occasion from_state to_state fence reason",
    instants="at",
)

OF_RELEASE = deliveries.c.release_id == releases.c.id
OF_DELIVERY = attempts.c.delivery_id == deliveries.c.id
