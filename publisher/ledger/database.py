"""One SQLite file: created, upgraded and checked when it is opened; read and written after.

An older copy that was put in its place is noticed here (see ``mark``); what is done about it is
``restoring``'s. What the rows mean does not belong here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import PoolProxiedConnection

from publisher.ledger import schema
from publisher.ledger.connecting import connect, damaged, in_words
from publisher.ledger.filesystem import (
    MOUNTS,
    create_file,
    identity_of,
    is_there,
    path_of,
    refuse_remote,
)
from publisher.ledger.mark import (
    REMEDY,
    Mark,
    belongs,
    doubt_of,
    mark_path,
    parse_mark,
    provenance_of,
    read_mark,
    refuse_lost,
    write_mark,
)
from publisher.ledger.rows import log
from publisher.ledger.versions import (
    MARKED_SINCE,
    connect_nothing,
    migrate,
    require_head,
    revision_of,
)
from publisher.model import LedgerView
from publisher.model.errors import LedgerError

# Alembic keeps the migration under way in a global of its own; one at a time per process.
_MIGRATING = threading.Lock()


class Database:
    """The file of a ledger; its parts (``Releases``, ``Deliveries``, …) are built upon it.

    May be used from several threads: each transaction checks out a connection of its own.
    """

    def __init__(
        self,
        path: Path,
        *,
        site: str,
        now: datetime,
        read_only: bool,
        check: bool,
        mounts: Path = MOUNTS,
    ) -> None:
        self.site = site
        self.path = path
        self._read_only = read_only
        self._mounts = mounts
        self._watching = threading.Lock()
        self._watcher: PoolProxiedConnection | None = None
        self._views: dict[bool, tuple[int, LedgerView]] = {}  # what `Reading.view` gave last
        self._under_way = threading.local()  # the transaction that a thread writes in
        self._heeded: int | None = None  # the data version that was compared with the mark
        refuse_lost(path)
        if not read_only:
            refuse_remote(path, mounts)
            create_file(path)
        self._connect(now, check=check)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        site: str,
        now: datetime,
        read_only: bool = False,
        check: bool = False,
        mounts: Path = MOUNTS,
    ) -> Self:
        """Open the ledger at ``url`` (``sqlite:////absolute/path``).

        For writing, the file (mode 0600) and its folder (0700) are created, and an older schema
        is upgraded; a ledger that may be an older copy then takes no attempt until it is adopted.
        ``read_only`` changes no byte; a ledger that does not exist yet is empty. ``check`` looks
        through the whole file for damage. ``mounts`` lists the file systems of this machine.

        :raises LedgerError: when it cannot be used, with what to do about it; nothing is lost.
        """
        path = path_of(url)
        return cls(path, site=site, now=now, read_only=read_only, check=check, mounts=mounts)

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
        """Begin a transaction that holds the write lock from its start; all of it or nothing.

        Within another one of this thread it is a part of that one.

        :raises LedgerError: when the file was replaced since it was opened.
        """
        if self._read_only:
            raise LedgerError(f"{self.path}: the ledger was opened for reading only")
        outer: Connection | None = getattr(self._under_way, "connection", None)
        if outer is not None:
            yield outer
            return
        with in_words(self.path), self._engine.begin() as connection:
            self._require_same_file()  # now: whichever file was opened stays open until the end
            self._under_way.connection = connection
            try:
                yield connection
            finally:
                self._under_way.connection = None

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

    def _connect(self, now: datetime, *, check: bool) -> None:
        exists = not self._read_only or is_there(self.path)
        self._file = identity_of(self.path)
        self._use(
            connect(self.path, read_only=self._read_only) if exists else connect_nothing(self.path)
        )
        try:
            if check:
                self._require_sound()
            if exists:
                self._begin(now)
        except BaseException:
            self._file = None
            self.close()
            raise

    def _begin(self, now: datetime) -> None:
        """Bring the schema up to date and give the site its row in ``meta``, the first time."""
        found = read_mark(self.path)  # before what the ledger says: see `mark`
        known = select(schema.meta.c.site).where(schema.meta.c.site == self.site)
        with self._reading() as connection:
            revision = revision_of(connection, self.path)
            is_begun = revision == schema.HEAD and connection.execute(known).first() is not None
            is_begun = is_begun and _is_settled(connection, found)
        if self._read_only and revision is None:
            self.close()
            self._use(connect_nothing(self.path))
        elif self._read_only:
            require_head(revision, self.path)
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
            revision = revision_of(connection, self.path)  # another process may have been first
            if revision is None or revision < schema.HEAD:
                migrate(connection, self.path)
            else:
                require_head(revision, self.path)
            connection.execute(insert(schema.meta).values(row).on_conflict_do_nothing())
            is_unmarked = revision is None or revision < MARKED_SINCE
            is_marked = self._heed_mark(connection, now, is_unmarked=is_unmarked)
        if is_unmarked and is_marked:
            self.keep_mark()  # not before: if the upgrade fails, this id is never heard of again

    # --- the mark ------------------------------------------------------------------------

    def _heed_mark(self, connection: Connection, now: datetime, *, is_unmarked: bool) -> bool:
        """Take no attempt from now on where this may be an older copy; else tell it has its mark.

        ``is_unmarked``: the ledger is new, or older than marks. No mark beside it is no reason for
        doubt then, nor is one that counts nothing: whoever broke off at this left it.
        """
        found, known = read_mark(self.path), provenance_of(connection)
        mark = parse_mark(found)
        is_first = is_unmarked and (found is None or (mark is not None and mark.intents == 0))
        doubt = "" if is_first else doubt_of(found, known, name=mark_path(self.path).name)
        if doubt and not known.restored:
            values = {"restored_at": now, "reason": doubt}
            connection.execute(update(schema.provenance).values(values))
            for site in connection.execute(select(schema.meta.c.site)).scalars().all():
                log(connection, site, "restored", now=now, reason=doubt)
        if doubt or known.restored:
            return False
        if not belongs(found, known):
            write_mark(self.path, Mark(ledger=known.id, intents=0))
        return True

    def _require_marked(self, connection: Connection) -> None:
        """Refuse an older copy before it takes an intent, which would make up for a lost one.

        :raises LedgerError: when it may be one.
        """
        found, known = read_mark(self.path), provenance_of(connection)
        doubt = doubt_of(found, known, name=mark_path(self.path).name)
        if doubt or known.restored:
            raise LedgerError(doubt or known.restored, hint=REMEDY)

    def keep_mark(self) -> None:
        """Write into the mark that the intents so far were made; to be called before each send.

        :raises LedgerError: when that cannot be done, or the file is an older copy; nothing may
            be sent then.
        """
        with self._writing() as connection:
            self._require_marked(connection)
            known = provenance_of(connection)
            mark = Mark(ledger=known.id, intents=known.intents)
            if parse_mark(read_mark(self.path)) != mark:
                write_mark(self.path, mark)

    def _stay_with_file(self, now: datetime) -> None:
        """Open the file anew if another one has its name by now; compare it with its mark.

        :raises LedgerError: when there is none, or it cannot be used.
        """
        here = identity_of(self.path)
        if here is None:
            raise LedgerError(
                f"{self.path}: the ledger's file is gone",
                why="nothing is released or announced without it",
                hint="put it back, or the newest backup; it is then opened by itself",
            )
        if here != self._file:
            self.close()
            self._views.clear()
            refuse_remote(self.path, self._mounts)
            create_file(self.path)
            self._connect(now, check=True)
        version = self._data_version()
        if version == self._heeded:
            return
        found = read_mark(self.path)
        with self._reading() as connection:
            is_settled = _is_settled(connection, found)
        if not is_settled:
            self._begin_site(now)
        self._heeded = version

    def _require_same_file(self) -> None:
        here = identity_of(self.path)
        if here is None or here != self._file:
            raise LedgerError(
                f"{self.path}: the ledger's file was replaced while it was in use",
                why="this step was not recorded, and nothing is sent on the word of the old file",
                hint="run the command again; the daemon opens the new file at its next tick",
            )

    def _require_sound(self) -> None:
        with self._reading() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
        if found != ["ok"]:
            raise damaged(self.path, str(found[0]))


def _is_settled(connection: Connection, found: bytes | None) -> bool:
    """Tell whether there is nothing to do about the mark that was read before."""
    known = provenance_of(connection)
    is_sure = belongs(found, known) and not doubt_of(found, known, name="")
    return is_sure or bool(known.restored)
