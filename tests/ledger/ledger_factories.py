"""Ledgers and rows for tests, each brought to the state that a test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from publisher.ledger import Ledger
from publisher.ledger.mark import mark_path
from publisher.model import (
    LAUNCH,
    ChannelName,
    DeliveryKey,
    DeliveryRecord,
    Flip,
    Observe,
    Outcome,
    PlannedDelivery,
    PostId,
    Receipt,
    Sight,
)

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
POST = PostId("pattern")
X = ChannelName("x")


def a_ledger(folder: Path, **options: Any) -> Ledger:
    arguments = {"site": "sample", "now": NOW, **options}
    return Ledger.open(f"sqlite:///{folder}/state/ledger.sqlite3", **arguments)


def a_begun_ledger(folder: Path) -> Ledger:
    """Open a ledger that is a copy of one just created, which is quicker than creating it."""
    a_file(folder).parent.mkdir(mode=0o700)
    for path, content in zip(_files(folder), _new_ledger(), strict=True):
        path.write_bytes(content)
    return a_ledger(folder)


@cache
def _new_ledger() -> list[bytes]:
    with TemporaryDirectory() as folder:
        a_ledger(Path(folder)).close()
        return [path.read_bytes() for path in _files(Path(folder))]


def _files(folder: Path) -> tuple[Path, Path]:
    return a_file(folder), mark_path(a_file(folder))


def a_file(folder: Path) -> Path:
    return folder / "state" / "ledger.sqlite3"


def a_key(channel: str = "x", post: str = POST, occasion: str = LAUNCH) -> DeliveryKey:
    return DeliveryKey(
        site="sample", post=PostId(post), channel=ChannelName(channel), occasion=occasion
    )


def a_sight(sight: Sight, **changes: Any) -> Observe:
    seen = {"post": POST, "path": "blog/pattern.md", "digest": "d1", "release_at": NOW}
    return Observe(sight=sight, **{**seen, "why": "seen", **changes})


def a_flip(*keys: DeliveryKey, post: str = POST, at: datetime = NOW) -> Flip:
    planned = tuple(PlannedDelivery(key=key, at=at) for key in keys or (a_key(post=post),))
    return Flip(post=PostId(post), at=at, deliveries=planned, why="due")


def begin(ledger: Ledger, flip: Flip | None = None, *, now: datetime = NOW) -> None:
    ledger.begin_release(
        flip or a_flip(), path="blog/pattern.md", digest="d1", release_at=NOW, now=now
    )


def reveal(ledger: Ledger, post: str = POST, *, now: datetime = NOW) -> None:
    """Flip, rebuild and verify a release that has begun."""
    gen = ledger.record_flip(PostId(post), digest="d2", now=now)
    ledger.record_rebuild(gen=gen, started_at=now, ok=True, reason="", retry_at=None, now=now)
    ledger.record_verified(PostId(post), gen=gen, now=now)


def planned(ledger: Ledger, *keys: DeliveryKey) -> DeliveryRecord:
    """Give a delivery whose gate is open."""
    begin(ledger, a_flip(*keys))
    reveal(ledger)
    return read(ledger, keys[0] if keys else None)


def claimed(ledger: Ledger, *keys: DeliveryKey, owner: str = "daemon") -> DeliveryRecord:
    return claim(ledger, planned(ledger, *keys), owner=owner)


def sending(ledger: Ledger, *keys: DeliveryKey) -> DeliveryRecord:
    return intend(ledger, claimed(ledger, *keys))


def uncertain(ledger: Ledger, *keys: DeliveryKey) -> DeliveryRecord:
    record = sending(ledger, *keys)
    return ledger.record_outcome(record, Outcome.UNKNOWN, now=NOW, reason="timed out")


def sent(ledger: Ledger, *keys: DeliveryKey, remote_id: str = "42") -> DeliveryRecord:
    receipt = Receipt(remote_id=remote_id, remote_url="https://x.test/42")
    return ledger.record_outcome(sending(ledger, *keys), Outcome.ACCEPTED, now=NOW, receipt=receipt)


def claim(ledger: Ledger, record: DeliveryRecord, *, owner: str = "daemon") -> DeliveryRecord:
    return ledger.claim(record, owner=owner, lease_until=SOON, now=NOW)


def intend(ledger: Ledger, record: DeliveryRecord, *, payload: str = "Read it") -> DeliveryRecord:
    intended = ledger.intend(record, payload=payload, deadline=SOON, schedule_rev=1, now=NOW)
    assert intended is not None
    return intended


def read(ledger: Ledger, key: DeliveryKey | None = None) -> DeliveryRecord:
    return ledger.view().deliveries[key or a_key()]


def outcomes(ledger: Ledger, record: DeliveryRecord) -> list[str | None]:
    return [attempt.outcome for attempt in ledger.attempts(record)]
