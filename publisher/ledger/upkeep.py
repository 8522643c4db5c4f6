"""Copies of the ledger, and looking it over for damage and for what its rules forbid."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from publisher.ledger.database import Database
from publisher.model.errors import LedgerError
from publisher.system.files import os_errors_as, sync

# Queries for what can never be, each giving the words for what it finds. Triggers keep most of
# it away; another program, an older publisher or a mistake of ours may not have had them. Numbers
# of events may have gaps: a transaction that was undone takes its own with it.
_RULES = (
    """
    WITH newest AS (
      SELECT site, post, channel, occasion, to_state, max(seq) FROM events
      WHERE kind = 'delivery' GROUP BY site, post, channel, occasion)
    SELECT r.post || '/' || d.channel || '/' || d.occasion || ' is ' || d.state
      || ', but the newest event about it says ' || coalesce(n.to_state, 'nothing')
    FROM deliveries d JOIN releases r ON r.id = d.release_id
    LEFT JOIN newest n ON n.site = r.site AND n.post = r.post AND n.channel = d.channel
      AND n.occasion = d.occasion
    WHERE n.to_state IS NOT d.state
    """,
    """
    WITH newest AS (
      SELECT site, post, to_state, max(seq) FROM events
      WHERE kind = 'release' GROUP BY site, post)
    SELECT 'the release of ' || r.post || ' is ' || r.state
      || ', but the newest event about it says ' || coalesce(n.to_state, 'nothing')
    FROM releases r LEFT JOIN newest n ON n.site = r.site AND n.post = r.post
    WHERE n.to_state IS NOT r.state
    """,
    """
    WITH steps AS (
      SELECT *, lag(to_state) OVER (
        PARTITION BY site, post, channel, occasion ORDER BY seq) AS earlier
      FROM events WHERE kind = 'delivery')
    SELECT 'event ' || s.seq || ' says that ' || post || '/' || channel || '/' || occasion
      || ' went from ' || coalesce(from_state, 'nothing') || ' to ' || to_state
      || CASE WHEN earlier IS NOT from_state
           THEN ', but it was ' || coalesce(earlier, 'nothing') ELSE ', which is no step' END
    FROM steps s
    WHERE earlier IS NOT from_state
      OR (from_state IS NOT NULL
          AND (from_state, to_state) NOT IN (SELECT from_state, to_state FROM delivery_edges))
    """,
    """
    SELECT r.post || '/' || d.channel || '/' || d.occasion || ' is ' || d.state
      || ', with open attempts: ' || count(a.n)
    FROM deliveries d JOIN releases r ON r.id = d.release_id
    LEFT JOIN attempts a ON a.delivery_id = d.id AND a.outcome IS NULL
    GROUP BY d.id HAVING count(a.n) <> (d.state = 'sending')
    """,
    """
    SELECT 'the ledger counts ' || counted || ' attempts and holds ' || held
    FROM (SELECT coalesce(sum(intents), 0) AS counted FROM provenance),
         (SELECT count(*) AS held FROM attempts)
    WHERE counted < held
    """,
)
_BACKUP = re.compile(r"ledger-\d{8}T\d{6}Z(-\d+)?\.sqlite")


class Upkeep(Database):
    """Changes nothing in the ledger."""

    def check(self) -> list[str]:
        """List what is damaged in the file, or against the ledger's rules; empty: all is well."""
        try:
            with self._reading() as connection:
                lines = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
                loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                damage = [str(line) for line in lines if line != "ok"] + [
                    f"a row of {table} points to a row of {parent} that is not there"
                    for table, _, parent, _ in loose
                ]
                if damage:
                    return damage  # what a damaged file says of its rows means nothing
                return [
                    str(line)
                    for rule in _RULES
                    for line in connection.exec_driver_sql(rule).scalars()
                ]
        except LedgerError as error:
            return [error.what]

    def backup(self, target: Path) -> None:
        """Copy the ledger to ``target`` while others may write; whole and checked, or not at all.

        :raises LedgerError: when ``target`` exists, or the copy cannot be made or is damaged.
        """
        if target.exists():
            raise _exists(target)
        if not self.path.exists():
            raise LedgerError(f"{self.path}: there is no ledger yet, so nothing to copy")
        hint = "check the folder, and the space left on that disk"
        with os_errors_as(LedgerError, str(target), "the backup cannot be written", hint=hint):
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            os.close(handle)
            part = Path(name)
            try:
                self._copy(part)
                sync(part)
                _name(part, target)
                sync(target.parent)
            finally:
                part.unlink(missing_ok=True)

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


def next_backup(folder: Path, now: datetime) -> Path:
    """Give a free name for a copy that is made now; the second of one second is the ``-2``."""
    stem = f"ledger-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return next(path for name in names if not (path := folder / f"{name}.sqlite").exists())


def drop_old_backups(newest: Path, *, keep: int) -> list[Path]:
    """Delete all but ``keep`` copies beside the one just made; give those deleted.

    Only files named as ``next_backup`` does are touched, and never ``newest``, whatever the clock
    said when the others were made.

    :raises LedgerError: when one cannot be deleted.
    """
    why = f"the new one is whole: {newest.name}"
    hint = "check who owns the folder and the files in it"
    trouble = "old backups cannot be deleted"
    with os_errors_as(LedgerError, str(newest.parent), trouble, why=why, hint=hint):
        copies = [path for path in newest.parent.iterdir() if _is_backup(path)]
        others = sorted((path for path in copies if path.name != newest.name), key=_age)
        dropped = others[: max(0, len(others) - (keep - 1))]
        for path in dropped:
            path.unlink()
        return dropped


def _age(copy: Path) -> tuple[str, int]:
    second, _, number = copy.stem.removeprefix("ledger-").partition("-")
    return second, int(number or 1)


def _is_backup(path: Path) -> bool:
    return bool(_BACKUP.fullmatch(path.name)) and path.is_file() and not path.is_symlink()


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
