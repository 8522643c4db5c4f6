"""The manifest: what stands in the stage for each file of the project, and what was known of it.

It is written before and after the files themselves: a row without a stamp says that its file may
be anything, and must be made again or go. Whoever cannot read it starts anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from publisher.embargo.hidden import Hidden
from publisher.model import Embargo, PostId
from publisher.model.errors import PublisherError

VERSION = 5  # of the tables, and of how files are staged

Kind = Literal["copy", "page", "embargoed", "placeholder", "link", "folder", "installed"]

_Row = tuple[bytes | str | None, ...]

_SCHEMA = """
CREATE TABLE facts (facts TEXT NOT NULL);
CREATE TABLE files (
  path BLOB PRIMARY KEY, kind TEXT NOT NULL, stamp TEXT, facts BLOB NOT NULL, staged TEXT NOT NULL,
  names BLOB NOT NULL, targets BLOB NOT NULL, links BLOB NOT NULL,
  placeholders BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE texts (
  path BLOB PRIMARY KEY, known BLOB NOT NULL, targets BLOB NOT NULL, post BLOB NOT NULL,
  url BLOB NOT NULL, policy BLOB NOT NULL, text BLOB NOT NULL, shown BLOB NOT NULL,
  is_bundled INTEGER NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What stands in the stage under one path, and what it was made from.

    ``stamp`` is the source's and ``staged`` the staged file's. ``names`` are how the
    text writes the images that it shows to everybody, ``targets`` what it shows of images under
    embargo, as written; ``links`` are the paths of the site that a page may link to;
    ``placeholders`` are the files (path, path of the original or "") that it needs beside it.
    """

    kind: Kind
    stamp: str | None
    facts: str = ""
    staged: str = ""
    names: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    placeholders: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is known of an unreleased text; ``known`` says of which version, under which facts.

    ``url`` is that of a post, and "" where the file never was one.
    """

    known: str
    targets: tuple[str, ...]
    url: str
    policy: Embargo


@dataclass(slots=True)
class Manifest:
    """The rows of a manifest in memory; ``save`` writes what was changed."""

    database: sqlite3.Connection
    files: dict[str, Entry] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)

    def set(self, path: str, entry: Entry) -> None:
        self.files[path] = entry
        self._touched.add(path)

    def drop(self, path: str) -> None:
        self.files.pop(path, None)
        self._touched.add(path)

    def announce(self, paths: Mapping[str, Kind]) -> None:
        """Record durably that these files are about to change."""
        rows = []
        for path, kind in paths.items():
            known = self.files.get(path) or Entry(kind=kind, stamp=None)
            entry = Entry(kind=known.kind, stamp=None, placeholders=known.placeholders)
            self.files[path] = entry
            rows.append(_row(path, entry))
        if rows:
            self._write(rows)

    def save(self) -> None:
        """Record all that was set and dropped."""
        touched, self._touched = self._touched, set()
        gone = [(_bytes(path),) for path in touched if path not in self.files]
        self._write([_row(path, self.files[path]) for path in touched if path in self.files], gone)

    def add_text(self, path: str, known: str, targets: Iterable[str], hidden: Hidden) -> None:
        """Keep the text of an unreleased post, for as long as its file is the same."""
        note = Note(known=known, targets=tuple(targets), url=hidden.url, policy=hidden.policy)
        self.notes[path] = note
        names = (*map(_bytes, (path, known)), _packed(note.targets))
        shown = (hidden.post, hidden.url, hidden.policy.value, hidden.text, hidden.shown)
        self.database.execute(
            "INSERT OR REPLACE INTO texts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*names, *map(_bytes, shown), hidden.is_bundled),
        )

    def keep_texts(self, wanted: Iterable[str]) -> None:
        """Forget the texts of all other files."""
        kept = set(wanted)
        gone = [(_bytes(path),) for path in self.notes if path not in kept]
        self.database.executemany("DELETE FROM texts WHERE path = ?", gone)

    def _write(self, rows: Iterable[_Row], gone: Iterable[tuple[bytes]] = ()) -> None:
        database = self.database
        database.executemany("DELETE FROM files WHERE path = ?", gone)
        database.executemany(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
        )
        database.commit()

    def load(self) -> None:
        """Read all rows, less the texts."""
        rows = self.database.execute(
            "SELECT path, kind, stamp, facts, staged, names, targets, links, placeholders"
            " FROM files"
        )
        for path, kind, stamp, facts, staged, names, targets, links, made in rows:
            placeholders = _unpacked(made)
            self.files[_text(path)] = Entry(
                kind=kind,
                stamp=stamp,
                facts=_text(facts),
                staged=staged,
                names=_unpacked(names),
                targets=_unpacked(targets),
                links=_unpacked(links),
                placeholders=tuple(zip(placeholders[::2], placeholders[1::2], strict=True)),
            )
        rows = self.database.execute("SELECT path, known, targets, url, policy FROM texts")
        for path, known, targets, url, policy in rows:
            self.notes[_text(path)] = Note(
                known=_text(known),
                targets=_unpacked(targets),
                url=_text(url),
                policy=Embargo(_text(policy)),
            )


@contextmanager
def open_manifest(file: Path, facts: str, *, begin_anew: Callable[[], None]) -> Iterator[Manifest]:
    """Open the manifest that was written under these facts; others hold it off meanwhile.

    Where there is none that can be relied on, ``begin_anew`` is called, and a new one is begun.

    :raises PublisherError: when another process has it open, or it cannot be written.
    """
    try:
        manifest = _loaded(file, facts)
        if manifest is None:
            begin_anew()
            manifest = _begun(file, facts)
        try:
            yield manifest
        finally:
            manifest.database.close()
    except sqlite3.Error as error:
        raise _unusable(file, error) from error


def read_texts(file: Path) -> tuple[Hidden, ...]:
    """Read the texts of all unreleased posts, in order of path.

    :raises PublisherError: when they cannot be read.
    """
    try:
        database = _connect(file)
        try:
            rows = database.execute(
                "SELECT path, post, url, policy, text, shown, is_bundled FROM texts ORDER BY path"
            )
            return tuple(
                Hidden(
                    post=PostId(_text(post)),
                    path=_text(path),
                    url=_text(url),
                    policy=Embargo(_text(policy)),
                    text=_text(text),
                    shown=_text(shown),
                    is_bundled=bool(is_bundled),
                )
                for path, post, url, policy, text, shown, is_bundled in rows
            )
        finally:
            database.close()
    except sqlite3.Error as error:
        raise _unusable(file, error) from error


def _unusable(file: Path, error: sqlite3.Error) -> PublisherError:
    is_busy = _is_busy(error)
    return PublisherError(
        f"{file}: {'another publisher process is staging' if is_busy else error}",
        why="it keeps what stands in the staged copy of the site",
        hint="try again when it is done" if is_busy else "make room, or delete that folder",
    )


def _loaded(file: Path, facts: str) -> Manifest | None:
    if not file.is_file():
        return None
    database = _connect(file)
    try:
        version = database.execute("PRAGMA user_version").fetchone()
        found = version == (VERSION,) and database.execute("SELECT facts FROM facts").fetchall()
        if found == [(facts,)]:
            manifest = Manifest(database)
            manifest.load()
            return manifest
    except (sqlite3.Error, ValueError, TypeError) as error:
        database.close()
        if _is_busy(error):
            raise
        return None
    except BaseException:
        database.close()
        raise
    database.close()
    return None


def _begun(file: Path, facts: str) -> Manifest:
    for old in (file, file.with_name(f"{file.name}-journal")):
        old.unlink(missing_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    database = _connect(file)
    try:
        database.executescript(_SCHEMA)
        database.execute("INSERT INTO facts VALUES (?)", (facts,))
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.commit()
    except BaseException:  # a full disk: the error would keep it open, and locked
        database.close()
        raise
    return Manifest(database)


def _connect(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=5)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
    except BaseException:
        database.close()
        raise
    return database


def _is_busy(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY


def _row(path: str, entry: Entry) -> _Row:
    return (
        _bytes(path),
        entry.kind,
        entry.stamp,
        _bytes(entry.facts),
        entry.staged,
        _packed(entry.names),
        _packed(entry.targets),
        _packed(entry.links),
        _packed(word for pair in entry.placeholders for word in pair),
    )


def _packed(words: Iterable[str]) -> bytes:
    """Join words, each with a NUL behind it: neither paths nor posts hold any."""
    return b"".join(_bytes(word) + b"\0" for word in words)


def _unpacked(data: bytes) -> tuple[str, ...]:
    return tuple(_text(data).split("\0")[:-1]) if data else ()


def _text(data: bytes) -> str:
    return str(data, "utf-8", "surrogatepass")


def _bytes(text: str) -> bytes:
    """Write text, names of files that are no text, and halves of characters."""
    return text.encode("utf-8", "surrogatepass")
