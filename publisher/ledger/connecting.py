"""The way into the SQLite file: connections, their settings, and its complaints in words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from publisher.model.errors import LedgerBusyError, LedgerError, LedgerUnavailable

BUSY_TIMEOUT_S = 10


def connect(path: Path, *, read_only: bool) -> Engine:
    """Make the engine for a file that is there; connects when it is first used."""
    uri = f"file:{quote(str(path))}?mode={'ro' if read_only else 'rw'}"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            uri,
            uri=True,
            isolation_level=None,
            check_same_thread=False,  # the pool hands a connection to one thread at a time
        ),
        poolclass=QueuePool,
        max_overflow=-1,
        hide_parameters=True,  # texts of posts under embargo stay out of error messages
    )
    event.listen(engine, "connect", _set_read_pragmas if read_only else _set_write_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def has_wal_fix(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite is free of the WAL-reset bug.

    With two or more connections it corrupts files from 3.7.0 to 3.51.2; fixed in 3.51.3, and in
    3.50.7 and 3.44.6 (sqlite.org/wal.html#walresetbug, checked 2026-11-20).
    """
    if version[:2] == (3, 44):
        return version >= (3, 44, 6)
    if version[:2] == (3, 50):
        return version >= (3, 50, 7)
    return version >= (3, 51, 3)


def journal_pragmas(version: tuple[int, int, int]) -> tuple[str, str]:
    """Give the settings under which a commit that returned survives a power loss."""
    if has_wal_fix(version):
        return ("journal_mode = WAL", "synchronous = FULL")
    return ("journal_mode = PERSIST", "synchronous = EXTRA")


def _set_write_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    _set_common_pragmas(connection)
    version = sqlite3.sqlite_version_info
    for pragma in journal_pragmas((version[0], version[1], version[2])):
        connection.execute(f"PRAGMA {pragma}")


def _set_read_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    _set_common_pragmas(connection)
    connection.execute("PRAGMA query_only = ON")


def _set_common_pragmas(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")


def _begin(connection: Connection) -> None:
    # A deferred transaction that turns from reading to writing fails at once, whatever the
    # busy timeout, when another one wrote meanwhile: so writers take the lock first.
    is_writing = connection.get_execution_options().get("write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


# --- complaints -----------------------------------------------------------------------------


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn what SQLite complains about into what a person can do about it."""
    try:
        yield
    except DBAPIError as error:
        raise _explain(error.orig, path) from error
    except sqlite3.Error as error:
        raise _explain(error, path) from error


def _explain(error: Any, path: Path) -> LedgerError:
    name: str = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerBusyError(
            f"{path}: another process has been writing for more than {BUSY_TIMEOUT_S} s",
            hint="try again; if it stays so, see who holds the file open",
        )
    if name.startswith("SQLITE_CONSTRAINT"):
        return LedgerError(f"the ledger refuses this: {error}", why="nothing was changed")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_FORMAT")):
        return damaged(path, str(error))
    if name == "SQLITE_NOTADB":
        return no_ledger(path)
    if name in ("SQLITE_READONLY_ROLLBACK", "SQLITE_READONLY_RECOVERY"):
        return LedgerError(
            f"{path}: a process ended in the middle of a write, which is to be undone first",
            hint="run `publisher db upgrade`, or start the daemon: either puts it in order",
        )
    if name == "SQLITE_FULL":
        return LedgerUnavailable(
            f"{path}: the disk is full",
            why="this step was not recorded and everything before it is kept",
            hint="free some space; the next tick goes on from there",
        )
    return LedgerUnavailable(
        f"{path}: the ledger cannot be read or written: {error}",
        why="this step was not recorded and everything before it is kept",
        hint="check the disk, and who may write to the file and its folder",
    )


def damaged(path: Path, found: str) -> LedgerError:
    return LedgerError(
        f"{path}: the ledger is damaged: {found}",
        why="nothing is sent on the word of a damaged ledger",
        hint="keep the file, and put the newest backup in its place",
    )


def no_ledger(path: Path) -> LedgerError:
    return LedgerError(
        f"{path}: is not a ledger of publisher",
        why="it was left as it is",
        hint="check `ledger` and `state_dir` in jobs.yaml",
    )
