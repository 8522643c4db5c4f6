"""Keep what a person asked for by command until it is performed: one row for each wish."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INSTANT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("post", sa.Text, primary_key=True),
        sa.Column("to_state", sa.Text),
        sa.Column("from_at", _INSTANT),
        sa.Column("to_at", _INSTANT),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_at", _INSTANT, nullable=False),
        sa.CheckConstraint(
            "(to_state IN ('draft', 'scheduled') AND from_at IS NULL AND to_at IS NULL)"
            " OR (to_state IS NULL AND from_at IS NOT NULL AND to_at IS NOT NULL)",
            name="withdraw_or_reschedule",
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
