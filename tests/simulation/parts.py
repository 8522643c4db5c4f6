"""What a simulated publisher is made of: its files, its site, its ledger, its engine."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from greenlet import getcurrent

from publisher.ledger import Ledger, connecting
from publisher.model import (
    AnnounceRule,
    ChannelName,
    LedgerView,
    Observe,
    Post,
    PostId,
    PostState,
    Sight,
)
from publisher.model.errors import PostError
from publisher.plan.effective import effective
from publisher.posts.library import FlipResult, Scan
from publisher.site.site import Look, RebuildResult
from tests.simulation.quick import Quick
from tests.simulation.schedule import START, Machine, Process

SITE = "sample"
OLD = PostId("old")  # public when the site was adopted


# --- the ledger ----------------------------------------------------------------------------


@cache
def _template() -> bytes:
    """Give an adopted ledger that holds one old post, made by the real migrations."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        with Ledger.open(f"sqlite:///{path}", site=SITE, now=START) as ledger:
            old = Observe(post=OLD, sight=Sight.BASELINE, path=f"{OLD}.md", digest="", why="old")
            ledger.adopt([old], now=START)
        connection = sqlite3.connect(path)
        try:
            return connection.serialize()
        finally:
            connection.close()


@cache
def _database() -> tuple[sqlite3.Connection, Quick]:
    """Give the one connection all worlds of this process use, one after the other.

    No strand leaves a transaction half done, so one connection shows just what several would.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.deserialize(_template())
    for pragma in ("foreign_keys = ON", "trusted_schema = OFF", "journal_mode = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    return connection, Quick(connection)


def new_database() -> sqlite3.Connection:
    """Empty the ledger for the next world.

    A world lives in one transaction that is undone after it, each of its own being a savepoint:
    SQLite keeps what it knows of the schema and of the statements, a seventh of the time.
    """
    connection, _ = _database()
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    return connection


class PlayedLedger(Ledger):
    """The real ledger in memory; a process may be killed before, in and after each commit."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.site = SITE
        self.path = Path("played")
        self._read_only = False
        self._is_writing = False
        self._views = {}
        self._connection, self._quick = _database()

    def keep_mark(self) -> None:
        pass

    def _require_marked(self, connection: Any) -> None:
        pass

    def _stay_with_file(self, now: datetime) -> None:
        pass

    def _data_version(self) -> int:
        return self._connection.total_changes

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        yield self._quick

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        if self._is_writing:  # a part of the transaction under way
            yield self._quick
            return
        self.machine.point()
        with connecting.in_words(self.path):
            self._connection.execute("SAVEPOINT begun")
            self._is_writing = True
            try:
                yield self._quick
                self.machine.point(pause_s=0, is_quick=True)
            except BaseException:
                self._connection.execute("ROLLBACK TO begun")
                raise
            finally:
                self._connection.execute("RELEASE begun")
                self._is_writing = False
        self.machine.point()


# --- the files -----------------------------------------------------------------------------


@dataclass(slots=True)
class Files:
    """The posts as their author keeps them; a flip changes one, all or nothing.

    With an embargo, posts that say published wait for their date.
    """

    machine: Machine
    channels: tuple[ChannelName, ...]
    has_embargo: bool = False
    posts: dict[PostId, Post] = field(default_factory=dict)
    away: dict[PostId, Post] = field(default_factory=dict)  # deleted, to be restored perhaps

    def write(self, name: PostId, *, at: datetime | None, state: PostState, words: str) -> None:
        text = f"{words} {{url}}"
        self.posts[name] = self._signed(
            Post(
                id=name,
                path=f"{name}.md",
                digest="",
                state=state,
                release_at=at,
                title=words,
                slug=name,
                url=f"https://chronicles.example/{name}",
                announce={channel: AnnounceRule(text=text) for channel in self.channels},
            )
        )

    def edit(self, name: PostId, **changes: Any) -> None:
        self.posts[name] = self._signed(replace(self.posts[name], **changes))

    def delete(self, name: PostId) -> None:
        self.away[name] = self.posts.pop(name)

    def restore(self, name: PostId) -> None:
        self.posts[name] = self.away.pop(name)

    def scan(self, view: LedgerView | None = None, now: datetime | None = None) -> Scan:
        posts = tuple(self.posts[name] for name in sorted(self.posts))
        if view is not None and now is not None:
            posts = effective(posts, view, now)
        return Scan(posts=posts, problems=())

    def body(self, post: Post) -> str:
        return post.title

    def flip(self, post: Post) -> FlipResult:
        self.machine.point()
        known = self.posts.get(post.id)
        if known is None or known.digest != post.digest:
            raise PostError(f"{post.path} changed since it was read")
        self.edit(post.id, state=PostState.PUBLISHED)
        result = FlipResult(digest=self.posts[post.id].digest, changed=(post.path,))
        self.machine.point()
        return result

    def _signed(self, post: Post) -> Post:
        said = f"{post.state}|{post.release_at}|{post.title}"
        is_public = post.state is PostState.PUBLISHED
        until = post.release_at if self.has_embargo and is_public else None
        digest = hashlib.sha256(said.encode()).hexdigest()
        return replace(post, digest=digest, withheld_until=until)


# --- the site ------------------------------------------------------------------------------


@dataclass(slots=True)
class PlayedSite:
    """What is public: what the last build that ended found published."""

    machine: Machine
    files: Files
    random: Random
    fault_rate: float
    built: frozenset[PostId] = frozenset()
    ever_live: set[PostId] = field(default_factory=set)

    def pull(self, now: datetime) -> bool | None:
        return None

    def push(self, view: LedgerView, now: datetime) -> None:
        pass

    def troubles(self) -> Mapping[str, str]:
        return {}

    def is_outdated(self, scan: Scan, view: LedgerView, now: datetime) -> bool:
        return False

    def rebuild(
        self, posts: Sequence[PostId], view: LedgerView, now: datetime, stop: threading.Event
    ) -> RebuildResult:
        self.machine.point()
        posts = self.files.scan(view, now).posts
        found = frozenset(post.id for post in posts if post.state is PostState.PUBLISHED)
        self.machine.sleep(self.random.uniform(1, 30))
        if not self.machine.calm and self.random.random() < self.fault_rate / 3:
            return RebuildResult(ok=False, reason="exit code 1", tail="", seconds=1)
        self.built = found
        self.machine.point()
        return RebuildResult(ok=True, reason="", tail="", seconds=1)

    def verify(self, post: Post, body: str) -> Look:
        self.machine.point()
        self.machine.sleep(self.random.uniform(0.05, 2))
        if post.id not in self.built:
            return Look(ok=False, reason="not in the output", needs_rebuild=True)
        if not self.machine.calm and self.random.random() < self.fault_rate / 2:
            return Look(ok=False, reason="not live yet")
        self.ever_live.add(post.id)
        return Look(ok=True)


@dataclass(slots=True)
class TickLock:
    """One tick at a time, as with the real lock file: a killed process lets go of it.

    Where it is broken (a state folder that two machines see) it holds only in calm times.
    """

    machine: Machine
    is_broken: bool = False
    holder: Process | None = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        if self.is_broken and not self.machine.calm:
            yield
            return
        process: Process = getcurrent().process
        while self.holder is not None:
            self.machine.sleep(0.5)
        self.holder = process
        try:
            yield
        finally:
            self.holder = None
