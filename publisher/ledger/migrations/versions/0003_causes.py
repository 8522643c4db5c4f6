"""Say in a column why a release or a delivery is where it is.

Until now the words of ``reason`` said it, and decisions were made by how they begin. Those words
are read here for the last time. Alerts about the whole site are kept by their cause, too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CAUSES = (
    *("not_adopted", "restored", "untrusted", "build_failed"),
    *("due", "not_built", "not_checked", "not_read_back"),
    *("draft", "draft_over", "no_date", "not_due", "already_public", "renamed", "unreadable"),
    *("missing", "clock_ahead", "flip_failed", "page_wrong", "not_live"),
    *("withdrawn", "deleted", "rescheduled", "readdressed"),
    *("page_not_public", "sending", "switched_off", "post_missing", "channel_removed"),
    *("channel_closed", "channel_unusable", "overdue", "refused", "interrupted", "unknown_outcome"),
    *("too_late", "not_seen", "text_unusable", "text_repeated", "duplicate", "incomplete"),
    *("id_taken", "held", "retried", "dropped"),
)
_BUILT = "SELECT built_gen FROM meta WHERE meta.site = releases.site"
_RELEASES = (
    ("rescheduled", "reason LIKE 'rescheduled%'"),
    ("readdressed", "state = 'withdrawn' AND reason LIKE '%its address changed%'"),
    ("withdrawn", "state = 'withdrawn' OR reason LIKE 'withdrawn%'"),
    ("deleted", "state = 'gone'"),
    ("clock_ahead", "state = 'scheduled' AND retry_at IS NOT NULL"),
    ("flip_failed", "state = 'revealing' AND failures > 0 AND flip_gen IS NULL"),
    ("page_wrong", f"state = 'revealing' AND failures > 0 AND flip_gen > ({_BUILT})"),
    ("not_live", "state = 'revealing' AND failures > 0"),
)
_HELD = (
    ("restored", "may have gone out after this copy was made%"),
    ("unknown_outcome", "may have gone out (%"),
    ("not_seen", "was accepted (% but is not to be seen%"),
    ("incomplete", "%; it is never sent twice: send it to them yourself%"),
    ("too_late", "late by %"),
    ("id_taken", "the service named %, which % has already%"),
    ("text_repeated", "% refuses a text that it has had already%"),
    ("duplicate", "%; if that is it, `publisher resolve % --sent URL`%"),
    ("text_unusable", "%, then `publisher retry %"),
)
_DELIVERIES = (
    ("withdrawn", "state = 'cancelled' AND reason LIKE 'withdrawn%'"),
    ("deleted", "state = 'cancelled' AND reason LIKE 'deleted%'"),
    ("dropped", "state = 'cancelled' AND reason LIKE 'dropped with%'"),
    *((cause, f"state = 'held' AND reason LIKE '{words}'") for cause, words in _HELD),
    ("interrupted", "reason LIKE 'its process ended%'"),
    ("unknown_outcome", "state = 'uncertain'"),
    (
        "refused",
        "state = 'failed' OR (state = 'planned' AND reason <> '' AND not_before > due_at)",
    ),
)
_ALERTS = (
    ("site/restored", "site/publisher adopt --after-restore%"),
    ("site/not_adopted", "site/publisher adopt%"),
    ("site/untrusted", "site/publisher %"),
    ("site/unreadable", "site/held"),
)


def upgrade() -> None:
    causes = op.create_table(
        "causes",
        sa.Column("cause", sa.Text, primary_key=True),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.bulk_insert(causes, [{"cause": cause} for cause in _CAUSES])
    for table, rules in (("releases", _RELEASES), ("deliveries", _DELIVERIES)):
        op.execute(f"ALTER TABLE {table} ADD COLUMN cause TEXT REFERENCES causes (cause)")
        for cause, condition in rules:
            _set(table, cause, f"cause IS NULL AND ({condition})")
    for key, words in _ALERTS:
        _set("alerts", key, f"cause LIKE '{words}'")


def _set(table: str, cause: str, condition: str) -> None:
    """Run a statement of constants as it is: neither a colon nor a percent sign is special."""
    statement = f"UPDATE OR REPLACE {table} SET cause = '{cause}' WHERE {condition}"  # noqa: S608
    op.get_bind().exec_driver_sql(statement)
