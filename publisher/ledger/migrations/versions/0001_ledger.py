"""Create the ledger: what was released, what was announced, and each step on the way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DOUBLE: sa.Double[float] = sa.Double().with_variant(sa.REAL(), "sqlite")

_EDGES = {
    "planned": ("claimed", "cancelled", "skipped", "held"),
    "claimed": ("planned", "sending", "cancelled"),
    "sending": ("sent", "planned", "failed", "uncertain"),
    "uncertain": ("sent", "planned", "sending", "held"),
    "sent": ("confirmed", "held"),
    "confirmed": (),
    "failed": ("planned", "cancelled"),
    "held": ("planned", "sent", "cancelled"),
    "cancelled": ("planned",),
    "skipped": ("planned",),
}

_TRIGGERS = (
    # --- deliveries ---
    """
    CREATE TRIGGER deliveries_legal BEFORE UPDATE OF state ON deliveries
    WHEN NEW.state <> OLD.state AND NOT EXISTS (
      SELECT 1 FROM delivery_edges WHERE from_state = OLD.state AND to_state = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'illegal transition of a delivery'); END
    """,
    """
    CREATE TRIGGER deliveries_fence BEFORE UPDATE OF fence ON deliveries
    WHEN NEW.fence < OLD.fence
    BEGIN SELECT RAISE(ABORT, 'the fence of a delivery moved back'); END
    """,
    """
    CREATE TRIGGER deliveries_key BEFORE UPDATE OF id, release_id, channel, occasion, idem_key
    ON deliveries
    BEGIN SELECT RAISE(ABORT, 'the key of a delivery is frozen'); END
    """,
    """
    CREATE TRIGGER deliveries_stay BEFORE DELETE ON deliveries
    BEGIN SELECT RAISE(ABORT, 'deliveries are never deleted'); END
    """,
    # R4. Only `held` may be dropped with an attempt unresolved: a person says "whatever it was".
    """
    CREATE TRIGGER deliveries_no_forget BEFORE UPDATE OF state ON deliveries
    WHEN NEW.state <> OLD.state
      AND (NEW.state IN ('planned', 'failed', 'skipped')
           OR (NEW.state = 'cancelled' AND OLD.state <> 'held'))
      AND EXISTS (SELECT 1 FROM attempts WHERE delivery_id = NEW.id AND outcome = 'unknown')
    BEGIN SELECT RAISE(ABORT, 'an attempt with unknown outcome is unresolved'); END
    """,
    # R2, both ends: an intent is open exactly while its delivery is `sending`.
    """
    CREATE TRIGGER deliveries_intent_first BEFORE UPDATE OF state ON deliveries
    WHEN NEW.state = 'sending' AND OLD.state <> 'sending'
      AND NOT EXISTS (SELECT 1 FROM attempts WHERE delivery_id = NEW.id AND outcome IS NULL)
    BEGIN SELECT RAISE(ABORT, 'sending needs an intent'); END
    """,
    """
    CREATE TRIGGER deliveries_intent_ends BEFORE UPDATE OF state ON deliveries
    WHEN OLD.state = 'sending' AND NEW.state <> 'sending'
      AND EXISTS (SELECT 1 FROM attempts WHERE delivery_id = NEW.id AND outcome IS NULL)
    BEGIN SELECT RAISE(ABORT, 'the attempt is still open'); END
    """,
    """
    CREATE TRIGGER deliveries_log_insert AFTER INSERT ON deliveries
    BEGIN
      INSERT INTO events (at, kind, site, post, channel, occasion, to_state, fence, reason)
      SELECT NEW.changed_at, 'delivery', site, post, NEW.channel, NEW.occasion, NEW.state,
             NEW.fence, NEW.reason
      FROM releases WHERE id = NEW.release_id;
    END
    """,
    """
    CREATE TRIGGER deliveries_log_update AFTER UPDATE OF state ON deliveries
    WHEN NEW.state <> OLD.state
    BEGIN
      INSERT INTO events
        (at, kind, site, post, channel, occasion, from_state, to_state, fence, reason)
      SELECT NEW.changed_at, 'delivery', site, post, NEW.channel, NEW.occasion, OLD.state,
             NEW.state, NEW.fence, NEW.reason
      FROM releases WHERE id = NEW.release_id;
    END
    """,
    # --- attempts ---
    """
    CREATE TRIGGER attempts_frozen BEFORE UPDATE ON attempts
    WHEN NEW.delivery_id <> OLD.delivery_id OR NEW.n <> OLD.n OR NEW.fence <> OLD.fence
      OR NEW.payload <> OLD.payload OR NEW.intent_at <> OLD.intent_at
      OR NEW.deadline_at <> OLD.deadline_at
    BEGIN SELECT RAISE(ABORT, 'an attempt is frozen'); END
    """,
    """
    CREATE TRIGGER attempts_outcome BEFORE UPDATE OF outcome ON attempts
    WHEN NEW.outcome IS NOT OLD.outcome AND OLD.outcome IS NOT NULL
      AND NOT (OLD.outcome = 'unknown' AND ifnull(NEW.outcome, '') IN ('found', 'absent'))
    BEGIN SELECT RAISE(ABORT, 'the outcome of an attempt is settled'); END
    """,
    """
    CREATE TRIGGER attempts_stay BEFORE DELETE ON attempts
    BEGIN SELECT RAISE(ABORT, 'attempts are never deleted'); END
    """,
    # --- releases ---
    """
    CREATE TRIGGER releases_key BEFORE UPDATE OF id, site, post ON releases
    BEGIN SELECT RAISE(ABORT, 'the key of a release is frozen'); END
    """,
    """
    CREATE TRIGGER releases_stay BEFORE DELETE ON releases
    BEGIN SELECT RAISE(ABORT, 'releases are never deleted'); END
    """,
    """
    CREATE TRIGGER releases_log_insert AFTER INSERT ON releases
    BEGIN
      INSERT INTO events (at, kind, site, post, to_state, reason)
      VALUES (NEW.changed_at, 'release', NEW.site, NEW.post, NEW.state, NEW.reason);
    END
    """,
    """
    CREATE TRIGGER releases_log_update AFTER UPDATE OF state ON releases
    WHEN NEW.state <> OLD.state
    BEGIN
      INSERT INTO events (at, kind, site, post, from_state, to_state, reason)
      VALUES (NEW.changed_at, 'release', NEW.site, NEW.post, OLD.state, NEW.state, NEW.reason);
    END
    """,
    # --- events ---
    """
    CREATE TRIGGER events_frozen BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """,
    """
    CREATE TRIGGER events_stay BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """,
)


def upgrade() -> None:
    _create_meta()
    _create_releases()
    _create_look_ups()
    _create_deliveries()
    _create_attempts()
    _create_history()
    for trigger in _TRIGGERS:
        op.execute(trigger)


def _create_meta() -> None:
    op.create_table(
        "meta",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("adopted_at", _INSTANT),
        sa.Column("dirty_gen", sa.Integer, nullable=False),
        sa.Column("built_gen", sa.Integer, nullable=False),
        sa.Column("rebuild_failures", sa.Integer, nullable=False),
        sa.Column("rebuild_retry_at", _INSTANT),
        sa.Column("rebuild_reason", sa.Text, nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.CheckConstraint("built_gen <= dirty_gen", name="built_after_flipped"),
        sqlite_strict=True,
    )
    op.create_table(
        "closed_channels",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("closed_at", _INSTANT, nullable=False),
        sqlite_strict=True,
    )


def _create_releases() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("post", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("release_at", _INSTANT),
        sa.Column("requested_at", _INSTANT),
        sa.Column("schedule_rev", sa.Integer, nullable=False),
        sa.Column("first_seen_at", _INSTANT),
        sa.Column("missing_since", _INSTANT),
        sa.Column("flip_gen", sa.Integer),
        sa.Column("verified_gen", sa.Integer),
        sa.Column("live_at", _INSTANT),
        sa.Column("verified_url", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("retry_at", _INSTANT),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.UniqueConstraint("site", "post", name="one_release"),
        sa.CheckConstraint(
            "state IN ('baseline', 'scheduled', 'revealing', 'live', 'withdrawn', 'gone')",
            name="known_state",
        ),
        sa.CheckConstraint(
            "state <> 'live' OR (live_at IS NOT NULL AND flip_gen IS NOT NULL"
            " AND verified_gen IS NOT NULL AND verified_gen >= flip_gen)",
            name="live_is_verified",
        ),
        sqlite_strict=True,
    )


def _create_look_ups() -> None:
    states = op.create_table(
        "delivery_states",
        sa.Column("state", sa.Text, primary_key=True),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    edges = op.create_table(
        "delivery_edges",
        sa.Column("from_state", sa.Text, sa.ForeignKey("delivery_states.state"), primary_key=True),
        sa.Column("to_state", sa.Text, sa.ForeignKey("delivery_states.state"), primary_key=True),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.bulk_insert(states, [{"state": state} for state in _EDGES])
    op.bulk_insert(
        edges,
        [{"from_state": old, "to_state": new} for old, news in _EDGES.items() for new in news],
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("release_id", sa.Integer, sa.ForeignKey("releases.id"), nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("occasion", sa.Text, nullable=False),
        sa.Column("idem_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, sa.ForeignKey("delivery_states.state"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("not_before", _INSTANT, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until", _INSTANT),
        sa.Column("draft", sa.Text),
        sa.Column("remote_id", sa.Text),
        sa.Column("remote_url", sa.Text),
        sa.Column("evidence", sa.Text),
        sa.Column("uncertain_era", sa.Text),
        sa.Column("uncertain_since_s", _DOUBLE),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.UniqueConstraint("release_id", "channel", "occasion", name="one_delivery"),
        sa.UniqueConstraint("idem_key", name="one_idem_key"),
        sa.CheckConstraint(
            "state NOT IN ('sent', 'confirmed') OR evidence IS NOT NULL", name="sent_has_evidence"
        ),
        sa.CheckConstraint(
            "state NOT IN ('claimed', 'sending')"
            " OR (owner IS NOT NULL AND lease_until IS NOT NULL)",
            name="claim_has_owner",
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "one_remote",
        "deliveries",
        ["channel", "remote_id"],
        unique=True,
        sqlite_where=sa.text("remote_id IS NOT NULL"),
        postgresql_where=sa.text("remote_id IS NOT NULL"),
    )


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("delivery_id", sa.Integer, sa.ForeignKey("deliveries.id"), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("intent_at", _INSTANT, nullable=False),
        sa.Column("deadline_at", _INSTANT, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("ended_at", _INSTANT),
        sa.Column("reason", sa.Text, nullable=False),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'not_sent', 'unknown', 'found', 'absent')",
            name="known_outcome",
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "one_open_attempt",
        "attempts",
        ["delivery_id"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )


def _create_history() -> None:
    op.create_table(
        "rebuilds",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("gen", sa.Integer, nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=False),
        sa.Column("ok", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.CheckConstraint("ok IN (0, 1)", name="ok_is_boolean"),
        sqlite_strict=True,
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("post", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("occasion", sa.Text),
        sa.Column("from_state", sa.Text),
        sa.Column("to_state", sa.Text),
        sa.Column("fence", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_index("events_of_post", "events", ["site", "post"])
