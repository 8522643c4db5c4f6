"""One SQLite file: created, upgraded and checked when it is opened; read and written after.

What the rows mean does not belong here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy
from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import PoolProxiedConnection

from publisher.errors import LedgerError
from publisher.ledger import schema
from publisher.ledger.connecting import connect, connect_nothing, damaged, in_words, no_ledger
from publisher.model import LedgerView

# Alembic keeps the migration under way in a global of its own; one at a time per process.
_MIGRATING = threading.Lock()


class Database:
    """The file of a ledger; its parts (``Releases``, ``Deliveries``, …) are built upon it.

    May be used from several threads: each transaction checks out a connection of its own.
    """

    def __init__(
        self, path: Path, *, site: str, now: datetime, read_only: bool, check: bool
    ) -> None:
        self.site = site
        self.path = path
        self._read_only = read_only
        self._watching = threading.Lock()
        self._watcher: PoolProxiedConnection | None = None
        self._views: dict[bool, tuple[int, LedgerView]] = {}  # what `Reading.view` gave last
        if not read_only:
            _create_file(path)
        is_there = not read_only or _is_there(path)
        self._use(connect(path, read_only=read_only) if is_there else connect_nothing())
        try:
            if is_there:
                self._begin(now)
            if check:
                self._require_sound()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(
        cls, url: str, *, site: str, now: datetime, read_only: bool = False, check: bool = False
    ) -> Self:
        """Open the ledger at ``url`` (``sqlite:////absolute/path``).

        For writing, the file (mode 0600) and its folder (0700) are created, and an older schema
        is upgraded. ``read_only`` changes no byte; a ledger that does not exist yet is empty.
        ``check`` looks through the whole file for damage.

        :raises LedgerError: when it cannot be used, with what to do about it; nothing is lost.
        """
        return cls(_path_of(url), site=site, now=now, read_only=read_only, check=check)

    def close(self) -> None:
        """Close the connections that no thread is using."""
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Begin a transaction that sees one state of the ledger and never waits for a writer."""
        with in_words(self.path), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Begin a transaction that holds the write lock from its start; all of it or nothing."""
        if self._read_only:
            raise LedgerError(f"{self.path}: the ledger was opened for reading only")
        with in_words(self.path), self._engine.begin() as connection:
            yield connection

    def _data_version(self) -> int:
        """Give a number that changes when anybody else commits (sqlite.org, PRAGMA data_version).

        The connection that asks never writes, so that our own commits count as well.
        """
        with in_words(self.path), self._watching:
            if self._watcher is None:
                self._watcher = self._engine.raw_connection()
            cursor = self._watcher.cursor()
            return int(cursor.execute("PRAGMA data_version").fetchone()[0])

    def _use(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(write=False)

    def _begin(self, now: datetime) -> None:
        """Bring the schema up to date and give the site its row in ``meta``, the first time."""
        known = select(schema.meta.c.site).where(schema.meta.c.site == self.site)
        with self._reading() as connection:
            revision = _revision(connection, self.path)
            is_begun = revision == schema.HEAD and connection.execute(known).first() is not None
        if self._read_only and revision is None:
            self.close()
            self._use(connect_nothing())
        elif self._read_only:
            _require_head(revision, self.path)
        elif not is_begun:
            self._begin_site(now)

    def _begin_site(self, now: datetime) -> None:
        row = {
            "site": self.site,
            "dirty_gen": 0,
            "built_gen": 0,
            "rebuild_failures": 0,
            "rebuild_reason": "",
            "changed_at": now,
        }
        with _MIGRATING, self._writing() as connection:
            revision = _revision(connection, self.path)  # another process may have been first
            if revision is None or revision < schema.HEAD:
                _migrate(connection, self.path)
            else:
                _require_head(revision, self.path)
            connection.execute(insert(schema.meta).values(row).on_conflict_do_nothing())

    def _require_sound(self) -> None:
        with self._reading() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
        if found != ["ok"]:
            raise damaged(self.path, str(found[0]))


# --- files -----------------------------------------------------------------------------------


def _path_of(url: str) -> Path:
    """Take the path out of the URL, character by character: nothing in it is an escape."""
    scheme, _, name = url.partition(":///")
    path = Path(name)
    if scheme == "sqlite" and path.is_absolute():
        return path
    raise LedgerError(  # the URL itself is not shown: it may hold a password
        f"no ledger can be kept there: its URL begins with {scheme.partition(':')[0]!r}",
        why="only a SQLite file with an absolute path can hold it",
        hint="write `ledger: sqlite`, or sqlite:////absolute/path/of/ledger.sqlite3",
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise _unusable(path, error) from error


def _create_file(path: Path) -> None:
    """Create the file for its owner only, or take others' rights away from it.

    An existing file is never opened here: closing it would drop the locks that SQLite holds on
    it anywhere in this process (sqlite.org/howtocorrupt.html, checked 2026-11-20).
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if path.is_dir():
            raise IsADirectoryError(21, "is a directory")
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise _unusable(path, error) from error


# --- versions --------------------------------------------------------------------------------


def _revision(connection: Connection, path: Path) -> str | None:
    """Read the schema's revision; ``None`` when the file holds nothing yet."""
    tables = set(sqlalchemy.inspect(connection).get_table_names())
    if not tables:
        return None
    if not {"alembic_version", "deliveries"} <= tables:
        raise no_ledger(path)
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
    return str(found.scalar_one())


def _require_head(revision: str | None, path: Path) -> None:
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


def _migrate(connection: Connection, path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "publisher:alembic")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise LedgerError(f"{path}: the ledger cannot be upgraded: {error}") from error


def _unusable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(
        f"{path}: the ledger cannot be created or opened: {error.strerror}",
        why="without it nothing is released or announced",
        hint="check `ledger` and `state_dir` in jobs.yaml, and who owns that folder",
    )
