"""What the ledger's machine knows for certain: true time, the service, processes, requests.

Kept apart from the ledger on purpose: what the ledger believes is judged by this.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from publisher.ledger import Ledger
from publisher.model import (
    ChannelName,
    DeliveryKey,
    DeliveryRecord,
    Flip,
    PlannedDelivery,
    PostId,
    Receipt,
)

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SEND = MINUTE  # no request arrives later than this after its intent
SETTLE = 5 * MINUTE  # "not found" counts only after this and SEND
POSTS = (PostId("one"), PostId("two"))
KEYED = ChannelName("mail")  # repeats under the same key are one
ASKED = ChannelName("x")  # can be looked up
CHANNELS = (ASKED, KEYED)


@dataclass(slots=True, eq=False)
class Request:
    """What may reach the service under one intent."""

    record: DeliveryRecord
    left_s: float  # true seconds
    has_arrived: bool = False


@dataclass(slots=True)
class Process:
    """One that works on the ledger, with records of its own that may have become stale."""

    ledger: Ledger
    name: str
    lives: int = 0
    claims: dict[int, tuple[DeliveryRecord, int]] = field(default_factory=dict)  # with their rev
    intents: dict[int, Request] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return f"{self.name}-{self.lives}"

    def die(self) -> None:
        self.lives += 1
        self.claims.clear()
        self.intents.clear()


@dataclass(slots=True)
class Service:
    """What readers see, and the requests that may still reach it."""

    posts: Counter[DeliveryKey] = field(default_factory=Counter)
    in_air: list[Request] = field(default_factory=list)
    true_s: float = 0.0

    def leave(self, record: DeliveryRecord) -> Request:
        request = Request(record, self.true_s)
        self.in_air.append(request)
        return request

    def can_arrive(self, request: Request) -> bool:
        is_young = self.true_s - request.left_s <= SEND.total_seconds()
        return request in self.in_air and not request.has_arrived and is_young

    def arrive(self, request: Request) -> None:
        key = request.record.key
        if key.channel != KEYED or not self.posts[key]:
            self.posts[key] += 1
        request.has_arrived = True

    def lose(self, request: Request) -> None:
        self.in_air.remove(request)

    def awaits(self, key: DeliveryKey) -> bool:
        """Tell whether a request of this delivery may still arrive."""
        return any(r.record.key == key and self.can_arrive(r) for r in self.in_air)

    def receipt(self, key: DeliveryKey) -> Receipt:
        return Receipt(remote_id=str(key))


@cache
def new_ledger() -> dict[str, bytes]:
    """Give the files of a ledger whose posts are live, with their launches planned."""
    with TemporaryDirectory() as folder:
        with open_ledger(Path(folder)) as ledger:
            for post in POSTS:
                ledger.begin_release(a_flip(post, START), **facts(post, START), now=START)
                reveal(ledger, post, START)
            ledger.adopt((), now=START)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def open_ledger(folder: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{folder}/ledger.sqlite3", site="s", now=START)


def facts(post: PostId, at: datetime) -> dict[str, object]:
    return {"path": post, "digest": "d", "release_at": at}


def a_flip(post: PostId, at: datetime) -> Flip:
    keys = [DeliveryKey(site="s", post=post, channel=channel) for channel in CHANNELS]
    planned = tuple(PlannedDelivery(key=key, at=at) for key in keys)
    return Flip(post=post, at=at, deliveries=planned)


def reveal(ledger: Ledger, post: PostId, at: datetime) -> None:
    """Flip, rebuild, verify."""
    gen = ledger.record_flip(post, digest="d", now=at)
    ledger.record_rebuild(gen=gen, started_at=at, ok=True, reason="", retry_at=None, now=at)
    ledger.record_verified(post, gen=gen, now=at)
