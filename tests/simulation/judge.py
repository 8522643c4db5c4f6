"""The invariants: what must hold whatever happened, numbered as in the docs on reliability."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from publisher.ledger import Ledger
from publisher.model import EDGES, LAUNCH, DeliveryState, PostState, ReleaseState
from tests.simulation.parts import OLD, Files
from tests.simulation.services import LAG_S, Service

_D = DeliveryState
SENT = (_D.SENT, _D.CONFIRMED)
MAYBE = (*SENT, _D.SENDING, _D.UNCERTAIN, _D.HELD)
ABSENT = (_D.PLANNED, _D.CLAIMED, _D.FAILED, _D.CANCELLED)
OVER = (_D.CONFIRMED, _D.HELD, _D.CANCELLED, _D.FAILED, _D.SKIPPED)


class Violation(BaseException):  # no handler of the program may take it for a failure
    """An invariant does not hold: ``rule`` is its number or name."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule


def gate(connection: sqlite3.Connection, key: str, ever_live: Iterable[str]) -> None:
    """I5 and I6, asked when a request leaves: as the ledger had it when it was intended."""
    row = connection.execute(
        "SELECT r.post, d.occasion, r.state, r.release_at, r.requested_at, a.intent_at,"
        " d.not_before, d.state,"
        " EXISTS (SELECT 1 FROM attempts u WHERE u.delivery_id = d.id AND u.outcome = 'unknown')"
        " FROM deliveries d JOIN releases r ON r.id = d.release_id"
        " LEFT JOIN attempts a ON a.delivery_id = d.id"
        " WHERE d.idem_key = ? ORDER BY a.n DESC LIMIT 1",
        (key,),
    ).fetchone()
    post, occasion, state, release_at, requested_at, intent_at, not_before, delivery, is_repeat = (
        row
    )
    if intent_at is None or delivery != "sending":
        raise Violation("R2", f"{post}/{occasion} was sent without an intent ({delivery})")
    if state == ReleaseState.BASELINE:
        if occasion == LAUNCH:
            raise Violation("I6", f"{post} was public before and is launched")
        return
    if post not in ever_live:
        raise Violation("I5", f"{post} was announced before it was live")
    if is_repeat:
        return  # under its key: what may have gone out is finished first, whatever was edited
    due = [at for at in (release_at, requested_at) if at is not None]
    if state == ReleaseState.LIVE and due and min(due) > intent_at:
        raise Violation("I5", f"{post} was announced before its instant")
    if not_before > intent_at:
        raise Violation("I5", f"{post}/{occasion} was announced before its own instant")


def history(connection: sqlite3.Connection) -> None:
    """I6 to I9, from the events: only listed edges, none missing, no intent after a withdrawal."""
    states: dict[tuple[str, str, str], str] = {}
    releases: dict[str, str] = {}
    fences: dict[tuple[str, str, str], int] = {}
    edges = {(str(old), str(new)) for old, new in EDGES}
    rows = connection.execute(
        "SELECT kind, post, channel, occasion, from_state, to_state, fence FROM events"
        " WHERE kind IN ('delivery', 'release') ORDER BY seq"
    )
    for kind, post, channel, occasion, old, new, fence in rows:
        if kind == "release":
            releases[post] = new
            continue
        key = (post, channel, occasion)
        if states.get(key) != old:
            raise Violation("I8", f"{key}: {states.get(key)}, then {old} to {new}")
        if old is not None and (old, new) not in edges:
            raise Violation("I7", f"{key}: {old} to {new}")
        if fence < fences.get(key, 0):
            raise Violation("I9", f"{key}: the fence went from {fences[key]} to {fence}")
        if new == "sending" and releases.get(post) not in ("live", "baseline"):
            raise Violation("I6", f"{key}: intended while {releases.get(post)}")
        states[key], fences[key] = new, fence
    for state, *key in connection.execute(
        "SELECT d.state, r.post, d.channel, d.occasion FROM deliveries d"
        " JOIN releases r ON r.id = d.release_id"
    ):
        if states[tuple(key)] != state:
            raise Violation("I8", f"{key} is {state}, but its last event says {states[tuple(key)]}")
    many = connection.execute(
        "SELECT delivery_id FROM attempts WHERE outcome IS NULL GROUP BY 1 HAVING count(*) > 1"
    ).fetchall()
    if many:
        raise Violation("I9", f"deliveries {many} have several open attempts")


def truth(ledger: Ledger, services: Iterable[Service]) -> None:
    """I1, I3 and I4: the ledger and the services agree."""
    deliveries = {r.key.idempotency_key: r for r in ledger.view().deliveries.values()}
    seen: Counter[str] = Counter()
    for service in services:
        for post in service.posts:
            seen[post.key] += 1
            if post.key not in deliveries:
                raise Violation("I4", f"{post.id} has no delivery")
            record = deliveries[post.key]
            # What a service hides for longer than it says is taken for absent; it refuses the next.
            hides = service.kind.lag_s > LAG_S
            is_hidden = hides and record.state in ABSENT
            if record.state not in MAYBE and not is_hidden:
                raise Violation("I4", f"{record.key} is {record.state}, and {post.id} is there")
    for key, number in seen.items():
        if number > 1:
            raise Violation("I1", f"{deliveries[key].key} was posted {number} times")
    for key, record in deliveries.items():
        if record.key.post == OLD and record.key.occasion == LAUNCH:
            raise Violation("I6", f"{record.key}: it was public when the site was adopted")
        if record.state in SENT and not seen[key]:
            raise Violation("I3", f"{record.key} is {record.state}, and nothing is there")


def rest(ledger: Ledger) -> None:
    """I2 and I10: what is left is over, or waits for a stated reason."""
    view = ledger.view(settled=False)
    for record in view.deliveries.values():
        is_free = record.key.channel not in view.closed_channels  # else it waits for a person
        if is_free and record.state not in OVER and record.state is not _D.PLANNED:
            raise Violation("I10", f"{record.key} is still {record.state}: {record.reason}")
        if record.state in (_D.HELD, _D.FAILED, _D.CANCELLED) and not record.reason:
            raise Violation("I2", f"{record.key} is {record.state} without a reason")


def losses(ledger: Ledger, files: Files, services: Iterable[Service], now: datetime) -> None:
    """I2: at the very end, every post that is due is live, and its announcements are there."""
    view = ledger.view()
    keys = {post.key for service in services for post in service.posts}
    for name, post in files.posts.items():
        if name == OLD or post.release_at is None or post.release_at > now:
            continue
        release = view.releases.get(name)
        if release is None or release.state is ReleaseState.BASELINE:
            continue  # published by hand before it was ever seen
        if release.state is not ReleaseState.LIVE or post.state is not PostState.PUBLISHED:
            raise Violation("I2", f"{name} is {release.state}, {post.state}: {release.reason}")
        launches = [r for r in view.deliveries.values() if r.key.post == name]
        if not any(r.key.occasion == LAUNCH for r in launches):
            raise Violation("I2", f"{name} is live and has no launch")
    for record in view.deliveries.values():
        if record.state is not _D.CONFIRMED or record.key.idempotency_key not in keys:
            raise Violation(
                "I2", f"{record.key} is {record.state} in the end, not there: {record.reason}"
            )
