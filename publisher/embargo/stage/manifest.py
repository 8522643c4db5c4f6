"""The manifest: what stands in the stage for each file of the project, and what each file says.

A file that is new in the stage is recorded before it is written, so that none is ever unknown.
Whoever cannot read the manifest starts anew.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from publisher.embargo.embargoed_text import EmbargoedText
from publisher.model import Embargo, PostId
from publisher.model.errors import PublisherError

VERSION = 6  # of the tables, and of how files are staged

Kind = Literal["public", "embargoed", "placeholder", "link", "folder", "installed"]

_SCHEMA = """
CREATE TABLE facts (facts TEXT NOT NULL);
CREATE TABLE files (path BLOB PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE told (path BLOB PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE held (path BLOB PRIMARY KEY, row TEXT NOT NULL, text TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in the stage under one path, and what it was made from.

    ``stamp`` is the source's and ``staged`` the staged file's; ``facts`` is what the file was made
    from besides. ``placeholders`` are the files (path, path of the original or "") that it needs.
    """

    kind: Kind
    stamp: str = ""
    facts: str = ""
    staged: str = ""
    placeholders: tuple[tuple[str, str], ...] = ()

    def is_made_like(self, other: Entry) -> bool:
        mine, others = (self.kind, self.stamp, self.facts), (other.kind, other.stamp, other.facts)
        return bool(self.staged) and mine == others


@dataclass(frozen=True, slots=True)
class Told:
    """What one version of a file says, if it is public.

    ``stamp`` and ``facts`` say which version, and what it was read under. ``state`` and ``until``
    are as in ``FileState``. ``names`` are how it writes the images that it shows to everybody,
    ``targets`` the images in its preview blocks of unreleased posts, as written; ``links`` are the
    paths of the site that it may link to.
    """

    stamp: str
    facts: str
    state: str = ""
    until: str = ""
    names: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    has_blocks: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What one version of a file says, if it is under embargo; its text is in ``read_texts``.

    ``targets`` are the images that it shows anywhere, ``links`` those of what is shown as written.
    ``url`` is that of a post, and "" where the file never was one.
    """

    stamp: str
    facts: str
    url: str
    policy: str
    targets: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(slots=True)
class Manifest:
    """The rows of a manifest in memory; ``save`` writes what was changed."""

    database: sqlite3.Connection
    files: dict[str, Entry] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)
    _read: set[str] = field(default_factory=set)

    def set(self, path: str, entry: Entry) -> None:
        self.files[path] = entry
        self._touched.add(path)

    def drop(self, path: str) -> None:
        self.files.pop(path, None)
        self._touched.add(path)

    def announce(self, entries: Mapping[str, Entry]) -> None:
        """Record durably which files are about to come, for the case that we are killed."""
        if new := entries.keys() - self.files.keys():
            for path in new:
                self.set(path, Entry(entries[path].kind))
            self.save()

    def set_told(self, path: str, told: Told) -> None:
        self.told[path] = told
        self._read.add(path)

    def set_held(self, path: str, held: Held, text: EmbargoedText) -> None:
        """Keep the text of an unreleased file, for as long as the file is the same."""
        self.held[path] = held
        values = (text.post, text.url, text.policy, text.text, text.shown, text.is_bundled)
        rows = (_key(path), _row(held), json.dumps(values))
        self.database.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", rows)

    def keep(self, told: Iterable[str], held: Iterable[str]) -> None:
        """Forget what all other files say."""
        for table, rows, kept in (("told", self.told, set(told)), ("held", self.held, set(held))):
            gone = [path for path in rows if path not in kept]
            self._delete(table, gone)
            for path in gone:
                del rows[path]

    def save(self) -> None:
        """Record all that was set and dropped."""
        for table, rows, touched in (
            ("files", self.files, self._touched),
            ("told", self.told, self._read),
        ):
            self._delete(table, touched - rows.keys())
            self._insert(table, ((path, rows[path]) for path in touched & rows.keys()))
        self._touched, self._read = set(), set()
        self.database.commit()

    def load(self) -> None:
        """Read all rows, less the texts."""
        self.files = {path: Entry(*row) for path, row in self._rows("files")}
        self.told = {path: Told(*row) for path, row in self._rows("told")}
        self.held = {path: Held(*row) for path, row in self._rows("held")}

    def _rows(self, table: str) -> Iterator[tuple[str, Any]]:
        for path, row in self.database.execute(f"SELECT path, row FROM {table}"):  # noqa: S608
            yield _path(path), map(_frozen, json.loads(row))

    def _insert(self, table: str, rows: Iterable[tuple[str, Any]]) -> None:
        written = ((_key(path), _row(row)) for path, row in rows)
        self.database.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", written)  # noqa: S608

    def _delete(self, table: str, paths: Iterable[str]) -> None:
        gone = ((_key(path),) for path in paths)
        self.database.executemany(f"DELETE FROM {table} WHERE path = ?", gone)  # noqa: S608


@contextmanager
def open_manifest(file: Path, facts: str, *, begin_anew: Callable[[], None]) -> Iterator[Manifest]:
    """Open the manifest that was written under these facts; others hold it off meanwhile.

    Where there is none that can be relied on, ``begin_anew`` is called, and a new one is begun.

    :raises PublisherError: when another process has it open, or it cannot be written.
    """
    with ExitStack() as stack:
        stack.enter_context(_errors_in_words(file))
        manifest = None
        if file.is_file():
            database = stack.enter_context(_connected(file))
            if (manifest := _loaded(database, facts)) is None:
                database.close()
        if manifest is None:
            begin_anew()
            manifest = _begun(stack.enter_context(_created(file)), facts)
        yield manifest


def read_texts(file: Path) -> tuple[EmbargoedText, ...]:
    """Read the texts of all unreleased posts, in order of path.

    :raises PublisherError: when they cannot be read.
    """
    with _errors_in_words(file), _connected(file) as database:
        rows = database.execute("SELECT path, text FROM held ORDER BY path")
        return tuple(_text_of(_path(path), json.loads(text)) for path, text in rows)


def _text_of(path: str, row: Any) -> EmbargoedText:
    post, url, policy, text, shown, is_bundled = row
    return EmbargoedText(
        post=PostId(post),
        path=path,
        url=url,
        policy=Embargo(policy),
        text=text,
        shown=shown,
        is_bundled=is_bundled,
    )


@contextmanager
def _errors_in_words(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        is_busy = _is_busy(error)
        raise PublisherError(
            f"{file}: {'another publisher process is staging' if is_busy else error}",
            why="it keeps what stands in the staged copy of the site",
            hint="try again when it is done" if is_busy else "make room, or delete that folder",
        ) from error


def _loaded(database: sqlite3.Connection, facts: str) -> Manifest | None:
    """Give the manifest; ``None`` for that of another version or place, or a damaged one."""
    try:
        version = database.execute("PRAGMA user_version").fetchone()
        if version != (VERSION,) or database.execute("SELECT facts FROM facts").fetchall() != [
            (facts,)
        ]:
            return None
        manifest = Manifest(database)
        manifest.load()
        return manifest
    except (sqlite3.Error, ValueError, TypeError) as error:
        if _is_busy(error):
            raise
        return None


def _begun(database: sqlite3.Connection, facts: str) -> Manifest:
    database.executescript(_SCHEMA)
    database.execute("INSERT INTO facts VALUES (?)", (facts,))
    database.execute(f"PRAGMA user_version = {VERSION}")
    database.commit()
    return Manifest(database)


@contextmanager
def _created(file: Path) -> Iterator[sqlite3.Connection]:
    for old in (file, file.with_name(f"{file.name}-journal")):
        old.unlink(missing_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    with _connected(file) as database:
        yield database


@contextmanager
def _connected(file: Path) -> Iterator[sqlite3.Connection]:
    """Connect, and keep others out; closed in any case, so that a full disk leaves no lock."""
    with closing(sqlite3.connect(file, timeout=5)) as database:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        yield database


def _is_busy(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY


def _key(path: str) -> bytes:
    """Write a path, also one whose bytes are no text."""
    return path.encode("utf-8", "surrogatepass")


def _path(key: bytes) -> str:
    return str(key, "utf-8", "surrogatepass")


def _row(row: Entry | Told | Held) -> str:
    return json.dumps([getattr(row, name) for name in row.__slots__])


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
