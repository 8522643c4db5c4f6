"""The ledger against a scripted service: any order of steps, losses and crashes, few rules.

Numbers I1 to I12 are the invariants of the delivery states, as named in each assertion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from publisher.errors import LedgerError, StaleError
from publisher.ledger import Ledger
from publisher.model import (
    EDGES,
    LAUNCH,
    ChannelName,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Flip,
    LedgerView,
    Observe,
    Outcome,
    PlannedDelivery,
    PostId,
    Receipt,
    ReleaseState,
    Sight,
)

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
POSTS = (PostId("one"), PostId("two"))
KEYED = ChannelName("mail")  # repeats under the same key are one
CHANNELS = (ChannelName("x"), KEYED)
D = DeliveryState


@cache
def new_ledger() -> bytes:
    with TemporaryDirectory() as folder:
        open_ledger(Path(folder)).close()
        return (Path(folder) / "ledger.sqlite3").read_bytes()


def open_ledger(folder: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{folder}/ledger.sqlite3", site="s", now=START)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        (Path(self.folder.name) / "ledger.sqlite3").write_bytes(new_ledger())
        self.ledger = open_ledger(Path(self.folder.name))
        self.now = START
        self.owner = 0  # each number is one process; smaller ones are dead
        self.remote: Counter[DeliveryKey] = Counter()
        self.on_air: dict[int, DeliveryRecord] = {}  # intents whose process is alive
        self.old: list[DeliveryRecord] = []
        self.fences: dict[int, int] = {}
        self.view = self.ledger.view()

    # --- what the machine knows --------------------------------------------------------

    def records(self, *states: DeliveryState) -> list[DeliveryRecord]:
        return [r for r in self.view.deliveries.values() if r.state in states]

    def arrive(self, record: DeliveryRecord) -> Receipt:
        """Let the request of a delivery reach the service."""
        if record.key.channel != KEYED or not self.remote[record.key]:
            self.remote[record.key] += 1
        return Receipt(remote_id=str(record.key))

    def crash(self) -> None:
        self.owner += 1
        self.on_air.clear()

    def twice(self, act: Callable[[], object]) -> None:
        """Do an act that must be safe to repeat, and repeat it (I12)."""
        act()
        before = self.ledger.view(), self.ledger.events(limit=10_000)
        act()
        assert (self.ledger.view(), self.ledger.events(limit=10_000)) == before, "I12"

    # --- releases ----------------------------------------------------------------------

    @rule(post=st.sampled_from(POSTS), minutes=st.integers(-60, 60))
    def see_new(self, post: PostId, minutes: int) -> None:
        sight = Sight.NEW if minutes > 0 else Sight.BASELINE
        self.twice(lambda: self.see(post, sight, minutes=minutes))

    @precondition(lambda self: self.view.releases)
    @rule(
        data=st.data(),
        sight=st.sampled_from(
            [Sight.MOVED, Sight.MISSING, Sight.BACK, Sight.GONE, Sight.WITHDRAWN]
        ),
        minutes=st.integers(-60, 60),
    )
    def see_more(self, data: st.DataObject, sight: Sight, minutes: int) -> None:
        post = data.draw(st.sampled_from(sorted(self.view.releases)))
        self.twice(lambda: self.see(post, sight, minutes=minutes))

    def see(self, post: PostId, sight: Sight, *, minutes: int) -> None:
        at = self.now + timedelta(minutes=minutes)
        seen = Observe(post=post, sight=sight, path=post, digest=sight, release_at=at, why="seen")
        self.ledger.observe(seen, now=self.now)

    @rule(post=st.sampled_from(POSTS))
    def begin(self, post: PostId) -> None:
        keys = [DeliveryKey(site="s", post=post, channel=channel) for channel in CHANNELS]
        due = self.view.releases[post].due_at if post in self.view.releases else None
        at = due or self.now
        planned = tuple(PlannedDelivery(key=key, at=at) for key in keys)
        flip = Flip(post=post, at=at, deliveries=planned)
        release = self.view.releases.get(post)

        def act() -> None:
            self.ledger.begin_release(flip, path=post, digest="d", release_at=at, now=self.now)

        if release is not None and release.state is ReleaseState.LIVE:
            with pytest.raises(StaleError):
                act()
        else:
            self.twice(act)

    @rule(post=st.sampled_from(POSTS))
    def reveal(self, post: PostId) -> None:
        """Flip, rebuild, verify: refused in every state but one."""
        release = self.view.releases.get(post)
        if release is None or release.state is not ReleaseState.REVEALING:
            with pytest.raises(StaleError):
                self.ledger.record_flip(post, digest="d", now=self.now)
            return
        gen = self.ledger.record_flip(post, digest="d", now=self.now)
        with pytest.raises(StaleError):
            self.ledger.record_verified(post, gen=gen, now=self.now)
        self.ledger.record_rebuild(
            gen=gen, started_at=self.now, ok=True, reason="", retry_at=None, now=self.now
        )
        self.ledger.record_verified(post, gen=gen, now=self.now)

    @precondition(lambda self: self.view.releases)
    @rule(data=st.data(), channel=st.sampled_from(CHANNELS))
    def announce_again(self, data: st.DataObject, channel: ChannelName) -> None:
        post = data.draw(st.sampled_from(sorted(self.view.releases)))
        key = DeliveryKey(site="s", post=post, channel=channel, occasion="again")
        self.twice(
            lambda: self.ledger.add_delivery(
                key, at=self.now, text="Again", reason="asked", now=self.now
            )
        )

    # --- sending -----------------------------------------------------------------------

    @precondition(lambda self: self.records(D.PLANNED))
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        record = data.draw(st.sampled_from(self.records(D.PLANNED)))
        lease = self.now + timedelta(minutes=3)
        self.ledger.claim(record, owner=str(self.owner), lease_until=lease, now=self.now)

    @precondition(lambda self: self.records(D.CLAIMED))
    @rule(data=st.data(), back=st.booleans())
    def intend(self, data: st.DataObject, back: bool) -> None:
        record = data.draw(st.sampled_from(self.records(D.CLAIMED)))
        release = self.view.releases[record.key.post]
        if back:
            self.ledger.release_claim(record, reason="later", not_before=None, now=self.now)
            return
        intent = self.ledger.intend(
            record,
            payload="Read it",
            deadline=self.now + timedelta(minutes=1),
            schedule_rev=release.schedule_rev,
            now=self.now,
        )
        if intent is None:
            return
        self.on_air[intent.id] = intent
        if release.state is ReleaseState.BASELINE:
            assert record.key.occasion != LAUNCH, "I6"
        else:
            assert release.state is ReleaseState.LIVE, "I5, I6"
            assert release.due_at is None or release.due_at <= self.now, "I5"
        assert record.not_before <= self.now, "I5"
        assert record.key.channel not in self.view.closed_channels

    @precondition(lambda self: self.on_air)
    @rule(
        data=st.data(),
        end=st.sampled_from(["answer", "no answer", "lost", "refused", "never", "crash"]),
        arrives=st.booleans(),
    )
    def send(self, data: st.DataObject, end: str, arrives: bool) -> None:
        record = self.on_air.pop(data.draw(st.sampled_from(sorted(self.on_air))))
        outcome, receipt = Outcome.UNKNOWN, None
        if end == "crash":
            if arrives:
                self.arrive(record)
            self.crash()
            return
        if end == "answer":
            outcome, receipt = Outcome.ACCEPTED, self.arrive(record)
        elif end == "no answer":
            self.arrive(record)
        elif end in ("refused", "never"):
            outcome = Outcome.NOT_SENT
        self.ledger.record_outcome(
            record, outcome, now=self.now, reason=end, receipt=receipt, permanent=end == "never"
        )

    @rule()
    def restart(self) -> None:
        """End the process at any line, open the ledger again and recover."""
        self.crash()
        self.ledger.close()
        self.ledger = open_ledger(Path(self.folder.name))
        self.twice(self.recover)

    def recover(self) -> None:
        self.ledger.recover(owner_alive=lambda owner: owner == str(self.owner), now=self.now)

    @precondition(lambda self: self.records(D.UNCERTAIN))
    @rule(data=st.data(), ask=st.booleans())
    def reconcile(self, data: st.DataObject, ask: bool) -> None:
        record = data.draw(st.sampled_from(self.records(D.UNCERTAIN)))
        if ask:
            self.ledger.settle(record, D.HELD, reason="look there", now=self.now)
        elif record.key.channel == KEYED:
            intent = self.ledger.intend_again(
                record,
                owner=str(self.owner),
                payload="Read it",
                deadline=self.now + timedelta(minutes=1),
                now=self.now,
            )
            if intent is not None:
                self.on_air[intent.id] = intent
        else:
            self.look_up(record)

    def look_up(self, record: DeliveryRecord) -> None:
        if self.remote[record.key]:
            self.ledger.record_found(record, Receipt(remote_id=str(record.key)), now=self.now)
        else:
            self.ledger.record_absent(record, now=self.now, not_before=self.now)

    # --- people ------------------------------------------------------------------------

    @precondition(lambda self: self.records(D.HELD))
    @rule(data=st.data(), drop=st.booleans())
    def resolve(self, data: st.DataObject, drop: bool) -> None:
        """Look at the service and say what is there."""
        record = data.draw(st.sampled_from(self.records(D.HELD)))
        to = D.SENT if self.remote[record.key] else D.CANCELLED if drop else D.PLANNED
        self.ledger.settle(record, to, reason="looked", now=self.now)

    @precondition(lambda self: self.records(D.PLANNED))
    @rule(data=st.data(), to=st.sampled_from([D.HELD, D.SKIPPED, D.CANCELLED]))
    def settle(self, data: st.DataObject, to: DeliveryState) -> None:
        record = data.draw(st.sampled_from(self.records(D.PLANNED)))
        self.ledger.settle(record, to, reason="decided", now=self.now)

    @precondition(lambda self: self.records(D.FAILED, D.CANCELLED, D.SKIPPED))
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        record = data.draw(st.sampled_from(self.records(D.FAILED, D.CANCELLED, D.SKIPPED)))
        unresolved = [a for a in self.ledger.attempts(record) if a.outcome is Outcome.UNKNOWN]
        if unresolved:
            with pytest.raises(LedgerError, match="may have gone out"):
                self.ledger.settle(record, D.PLANNED, reason="retry", now=self.now)
        else:
            self.ledger.settle(record, D.PLANNED, reason="retry", now=self.now, due_at=self.now)

    @precondition(lambda self: self.records(D.SENT))
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        self.ledger.confirm(data.draw(st.sampled_from(self.records(D.SENT))), now=self.now)

    @rule(channel=st.sampled_from(CHANNELS), close=st.booleans())
    def turn(self, channel: ChannelName, close: bool) -> None:
        if close:
            self.twice(lambda: self.ledger.close_channel(channel, "sign in", now=self.now))
        else:
            self.twice(lambda: self.ledger.open_channel(channel, now=self.now))

    @rule(minutes=st.integers(-5, 60))
    def pass_time(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def act_on_an_old_record(self, data: st.DataObject) -> None:
        """Whatever a process does with a record that somebody else used: nothing happens (R1)."""
        old = data.draw(st.sampled_from(self.old))
        at = self.now
        acts: list[Callable[[], object]] = [
            lambda: self.ledger.claim(old, owner="late", lease_until=at, now=at),
            lambda: self.ledger.intend(old, payload="", deadline=at, schedule_rev=1, now=at),
            lambda: self.ledger.record_outcome(old, Outcome.NOT_SENT, now=at),
            lambda: self.ledger.record_outcome(old, Outcome.ACCEPTED, now=at),
            lambda: self.ledger.record_absent(old, now=at, not_before=at),
            lambda: self.ledger.settle(old, D.PLANNED, reason="", now=at),
            lambda: self.ledger.settle(old, D.CANCELLED, reason="", now=at),
        ]
        before = self.ledger.view()

        with pytest.raises(LedgerError):
            data.draw(st.sampled_from(acts))()

        assert self.ledger.view() == before

    # --- invariants --------------------------------------------------------------------

    @invariant()
    def hold(self) -> None:
        previous, self.view = self.view, self.ledger.view()
        self.old += [
            record
            for key, record in previous.deliveries.items()
            if record.fence != self.view.deliveries[key].fence
        ]
        assert all(count <= 1 for count in self.remote.values()), "I1"
        for record in self.view.deliveries.values():
            self.check_delivery(record)
        self.check_log(self.view)

    def check_delivery(self, record: DeliveryRecord) -> None:
        is_remote = self.remote[record.key] > 0
        if record.state in (D.SENT, D.CONFIRMED):
            assert is_remote, "I3"
        if is_remote:
            assert record.state in (D.SENT, D.CONFIRMED, D.SENDING, D.UNCERTAIN, D.HELD), "I4"
        attempts = self.ledger.attempts(record)
        is_open = [attempt.outcome is None for attempt in attempts]
        assert sum(is_open) == (record.state is D.SENDING), "I9, R2"
        assert record.fence >= self.fences.get(record.id, 0), "I9"
        self.fences[record.id] = record.fence
        if record.state is D.PLANNED:
            assert all(a.outcome is not Outcome.UNKNOWN for a in attempts), "R4"

    def check_log(self, view: LedgerView) -> None:
        events = self.ledger.events(limit=10_000)
        assert [event.seq for event in events] == list(range(1, len(events) + 1)), "I8"
        last: dict[tuple[object, ...], str | None] = {}
        for event in events:
            if event.kind in ("release", "delivery"):
                place = (event.post, event.channel, event.occasion)
                assert event.from_state == last.get(place), "I8"
                last[place] = event.to_state
            if event.kind == "delivery" and event.from_state is not None:
                assert (D(event.from_state), D(event.to_state)) in EDGES, "I7"
        current = {(k.post, k.channel, k.occasion): r.state for k, r in view.deliveries.items()}
        current |= {(post, None, None): r.state for post, r in view.releases.items()}
        assert last == current, "I8"

    # --- quiescence --------------------------------------------------------------------

    def teardown(self) -> None:
        """From the last fault on, everything that is due ends with a cause (I2)."""
        self.crash()
        self.recover()
        self.now += timedelta(days=1)
        for channel in CHANNELS:
            self.ledger.open_channel(channel, now=self.now)
        for record in self.ledger.view().deliveries.values():
            if record.state is D.UNCERTAIN:
                self.look_up(record)
        self.deliver_all()
        view = self.ledger.view()
        public = {
            post for post, release in view.releases.items() if release.state is ReleaseState.LIVE
        }
        for key, record in view.deliveries.items():
            if key.post in public:
                assert record.state in (D.SENT, D.CONFIRMED) or record.reason, "I2"
                assert record.state is not D.PLANNED, "I2"
        self.view = replace(view)
        self.hold()
        assert self.ledger.check() == []
        self.ledger.close()
        self.folder.cleanup()

    def deliver_all(self) -> None:
        view = self.ledger.view()
        for record in view.deliveries.values():
            if record.state is not D.PLANNED:
                continue
            claimed = self.ledger.claim(record, owner="last", lease_until=self.now, now=self.now)
            intent = self.ledger.intend(
                claimed,
                payload="Read it",
                deadline=self.now,
                schedule_rev=view.releases[record.key.post].schedule_rev,
                now=self.now,
            )
            if intent is not None:
                receipt = self.arrive(intent)
                self.ledger.record_outcome(intent, Outcome.ACCEPTED, now=self.now, receipt=receipt)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
