"""Let the ledger know that it was restored, and what the operator was told.

``provenance`` counts the intents ever written to this ledger. A file beside the ledger keeps the
same count, so that an older copy put back in its place is noticed; until a person has adopted it,
it takes no intent. An attempt knows its second on the clock that nobody can set: how long a
service has known its key must not depend on the one that people do.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_DOUBLE: sa.Double[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
_INSTANT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_TRIGGERS = (
    "DROP TRIGGER attempts_frozen",
    """
    CREATE TRIGGER attempts_frozen BEFORE UPDATE ON attempts
    WHEN NEW.delivery_id <> OLD.delivery_id OR NEW.n <> OLD.n OR NEW.fence <> OLD.fence
      OR NEW.payload <> OLD.payload OR NEW.intent_at <> OLD.intent_at
      OR NEW.deadline_at <> OLD.deadline_at
      OR NEW.era IS NOT OLD.era OR NEW.monotonic_s IS NOT OLD.monotonic_s
    BEGIN SELECT RAISE(ABORT, 'an attempt is frozen'); END
    """,
    """
    CREATE TRIGGER attempts_counted AFTER INSERT ON attempts
    BEGIN UPDATE provenance SET intents = intents + 1; END
    """,
    """
    CREATE TRIGGER attempts_not_restored BEFORE INSERT ON attempts
    WHEN EXISTS (SELECT 1 FROM provenance WHERE restored_at IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'this ledger was restored and is not adopted yet'); END
    """,
    """
    CREATE TRIGGER provenance_counts_up BEFORE UPDATE OF intents ON provenance
    WHEN NEW.intents < OLD.intents
    BEGIN SELECT RAISE(ABORT, 'the count of intents moved back'); END
    """,
    """
    CREATE TRIGGER provenance_stays BEFORE DELETE ON provenance
    BEGIN SELECT RAISE(ABORT, 'provenance is never deleted'); END
    """,
    """
    CREATE TRIGGER provenance_identity BEFORE UPDATE OF one, id ON provenance
    BEGIN SELECT RAISE(ABORT, 'the identity of a ledger is frozen'); END
    """,
)


def upgrade() -> None:
    op.create_table(
        "provenance",
        sa.Column("one", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("intents", sa.Integer, nullable=False),
        sa.Column("restored_at", _INSTANT),
        sa.Column("reason", sa.Text, nullable=False),
        sa.CheckConstraint("one = 1", name="one_row"),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO provenance (one, id, intents, reason)"
        " SELECT 1, lower(hex(randomblob(16))), count(*), '' FROM attempts"
    )
    op.create_table(
        "alerts",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("cause", sa.Text, primary_key=True),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("since_at", _INSTANT, nullable=False),
        sa.Column("told_level", sa.Integer, nullable=False),
        sa.Column("told_at", _INSTANT),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.add_column("attempts", sa.Column("era", sa.Text))
    op.add_column("attempts", sa.Column("monotonic_s", _DOUBLE))
    for trigger in _TRIGGERS:
        op.execute(trigger)
