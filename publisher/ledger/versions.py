"""The revision of a ledger's schema: read, required, and brought up to date."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

from publisher.ledger import schema
from publisher.ledger.connecting import no_ledger
from publisher.model.errors import LedgerError

MARKED_SINCE = "0002"  # ledgers of earlier revisions have no mark beside them


def revision_of(connection: Connection, path: Path) -> str | None:
    """Read the schema's revision; ``None`` when the file holds nothing yet."""
    tables = set(sqlalchemy.inspect(connection).get_table_names())
    if not tables:
        return None
    if not {"alembic_version", "deliveries"} <= tables:
        raise no_ledger(path)
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
    return str(found.scalar_one())


def require_head(revision: str | None, path: Path) -> None:
    if revision is not None and revision > schema.HEAD:
        raise LedgerError(
            f"{path}: this ledger was written by a newer publisher",
            why=f"its schema is {revision}, this program knows {schema.HEAD}",
            hint="install that version or a later one",
        )
    if revision != schema.HEAD:
        raise LedgerError(
            f"{path}: this ledger was written by an older publisher",
            why=f"its schema is {revision}, this program needs {schema.HEAD}",
            hint="run `publisher db upgrade`",
        )


def connect_nothing(path: Path) -> Engine:
    """Make the engine of an empty ledger in memory, for reading one that is not there yet."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        migrate(connection, path)
        # With an identity it would seem to have lost the mark beside it.
        connection.exec_driver_sql("DROP TRIGGER provenance_stays")
        connection.exec_driver_sql("DELETE FROM provenance")
    return engine


def migrate(connection: Connection, path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "publisher.ledger:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise LedgerError(f"{path}: the ledger cannot be upgraded: {error}") from error
