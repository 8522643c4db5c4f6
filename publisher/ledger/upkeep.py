"""Copies of the ledger, and looking it over for damage."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from publisher.errors import LedgerError
from publisher.ledger.database import Database


class Upkeep(Database):
    """Changes nothing in the ledger."""

    def check(self) -> list[str]:
        """List what is damaged in the file; empty when all is well."""
        try:
            with self._reading() as connection:
                damage = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
                loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        except LedgerError as error:
            return [error.what]
        return [str(line) for line in damage if line != "ok"] + [
            f"a row of {table} points to a row of {parent} that is not there"
            for table, _, parent, _ in loose
        ]

    def backup(self, target: Path) -> None:
        """Copy the ledger to ``target`` while others may write; whole and checked, or not at all.

        :raises LedgerError: when ``target`` exists, or the copy cannot be made or is damaged.
        """
        if target.exists():
            raise _exists(target)
        if not self.path.exists():
            raise LedgerError(f"{self.path}: there is no ledger yet, so nothing to copy")
        try:
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            os.close(handle)
            part = Path(name)
            try:
                self._copy(part)
                _sync(part)
                _name(part, target)
                _sync(target.parent)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise LedgerError(
                f"{target}: the backup cannot be written: {error.strerror}",
                hint="check the folder, and the space left on that disk",
            ) from error

    def _copy(self, part: Path) -> None:
        with self._reading() as connection, closing(sqlite3.connect(part)) as copy:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)  # noqa: S101 - tells mypy
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, whatever the ledger uses
            found = copy.execute("PRAGMA quick_check").fetchone()[0]
        if found != "ok":
            raise LedgerError(
                f"{self.path}: the copy is damaged: {found}",
                why="so the ledger may be; no backup was made",
                hint="run `publisher db check`",
            )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _name(part: Path, target: Path) -> None:
    """Give the finished copy its name; a file that is there already stays."""
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise _exists(target) from None
    except OSError:  # a file system without hard links
        if target.exists():
            raise _exists(target) from None
        part.rename(target)


def _exists(target: Path) -> LedgerError:
    return LedgerError(f"{target}: exists already", why="a backup never overwrites a file")
