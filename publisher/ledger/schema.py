"""The tables of the ledger, and the type of its instants.

Triggers, and the texts that guard what happened, are in ``migrations/versions``. A change here
needs a new revision there; a test compares the two. What PostgreSQL alone needs is said there only:
naming it here would load its dialect at every start.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from publisher.model import Outcome, ReleaseState

HEAD = "0002"  # the newest revision; revisions are numbered, so they sort

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as whole microseconds since 1970 in UTC.

    :raises ValueError: for a naive datetime, before anything is written.
    """

    impl = BigInteger().with_variant(Integer(), "sqlite")  # STRICT tables know no BIGINT
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant needs a time zone: {value!r}")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    quoted = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({quoted})", name=f"known_{column}")


metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("site", Text, primary_key=True),
    Column("adopted_at", Instant),
    Column("dirty_gen", Integer, nullable=False),
    Column("built_gen", Integer, nullable=False),
    Column("rebuild_failures", Integer, nullable=False),
    Column("rebuild_retry_at", Instant),
    Column("rebuild_reason", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    CheckConstraint("built_gen <= dirty_gen", name="built_after_flipped"),
    sqlite_strict=True,
)

# What tells an older copy of this ledger from the ledger itself: one row for the whole file.
provenance = Table(
    "provenance",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("intents", Integer, nullable=False),  # ever written; a trigger counts them
    Column("restored_at", Instant),  # set: an older copy was put back and is not adopted yet
    Column("reason", Text, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
    sqlite_strict=True,
)

closed_channels = Table(
    "closed_channels",
    metadata,
    Column("site", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("closed_at", Instant, nullable=False),
    sqlite_strict=True,
)

releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Text, nullable=False),
    Column("post", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("release_at", Instant),
    Column("requested_at", Instant),
    Column("schedule_rev", Integer, nullable=False),
    Column("first_seen_at", Instant),
    Column("missing_since", Instant),
    Column("flip_gen", Integer),
    Column("verified_gen", Integer),
    Column("live_at", Instant),
    Column("verified_url", Text),
    Column("failures", Integer, nullable=False),
    Column("retry_at", Instant),
    Column("reason", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("site", "post", name="one_release"),
    _one_of("state", ReleaseState),
    CheckConstraint(
        "state <> 'live' OR (live_at IS NOT NULL AND flip_gen IS NOT NULL"
        " AND verified_gen IS NOT NULL AND verified_gen >= flip_gen)",
        name="live_is_verified",
    ),
    sqlite_strict=True,
)

delivery_states = Table(
    "delivery_states",
    metadata,
    Column("state", Text, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

delivery_edges = Table(
    "delivery_edges",
    metadata,
    Column("from_state", Text, ForeignKey("delivery_states.state"), primary_key=True),
    Column("to_state", Text, ForeignKey("delivery_states.state"), primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("release_id", Integer, ForeignKey("releases.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("occasion", Text, nullable=False),
    Column("idem_key", Text, nullable=False),
    Column("state", Text, ForeignKey("delivery_states.state"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("text", Text),
    Column("fence", Integer, nullable=False),
    Column("owner", Text),
    Column("lease_until", Instant),
    Column("draft", Text),
    Column("remote_id", Text),
    Column("remote_url", Text),
    Column("evidence", Text),
    Column("uncertain_era", Text),
    Column("uncertain_since_s", Double().with_variant(REAL(), "sqlite")),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("release_id", "channel", "occasion", name="one_delivery"),
    UniqueConstraint("idem_key", name="one_idem_key"),
    CheckConstraint(
        "state NOT IN ('sent', 'confirmed') OR evidence IS NOT NULL", name="sent_has_evidence"
    ),
    CheckConstraint(
        "state NOT IN ('claimed', 'sending') OR (owner IS NOT NULL AND lease_until IS NOT NULL)",
        name="claim_has_owner",
    ),
    sqlite_strict=True,
)
Index(
    "one_remote",
    deliveries.c.channel,
    deliveries.c.remote_id,
    unique=True,
    sqlite_where=text("remote_id IS NOT NULL"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", Integer, ForeignKey("deliveries.id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("fence", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("intent_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    Column("outcome", Text),
    Column("ended_at", Instant),
    Column("reason", Text, nullable=False),
    Column("era", Text),  # the boot that `monotonic_s` counts in
    Column("monotonic_s", Double().with_variant(REAL(), "sqlite")),
    _one_of("outcome", Outcome),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index(
    "one_open_attempt",
    attempts.c.delivery_id,
    unique=True,
    sqlite_where=text("outcome IS NULL"),
)

# What the operator was told of, or is to be told, while it lasts.
alerts = Table(
    "alerts",
    metadata,
    Column("site", Text, primary_key=True),
    Column("cause", Text, primary_key=True),
    Column("what", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("since_at", Instant, nullable=False),
    Column("told_level", Integer, nullable=False),  # 0: not told yet
    Column("told_at", Instant),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

rebuilds = Table(
    "rebuilds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Text, nullable=False),
    Column("gen", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("ok", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("ok IN (0, 1)", name="ok_is_boolean"),
    sqlite_strict=True,
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("post", Text),
    Column("channel", Text),
    Column("occasion", Text),
    Column("from_state", Text),
    Column("to_state", Text),
    Column("fence", Integer),
    Column("reason", Text, nullable=False),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)
Index("events_of_post", events.c.site, events.c.post)
