"""The ledger against a scripted service: any order of steps, losses and crashes, few rules.

Numbers I1 to I12 are the invariants of the delivery states, as named in each assertion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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
DECIDED = (D.HELD, D.FAILED, D.CANCELLED, D.SKIPPED, D.SENT)
ENDS = st.sampled_from(["answer", "lost", "lost", "lost", "refused", "refused", "never", "crash"])
SIGHTS = st.sampled_from([*[Sight.MOVED] * 4, *Sight])


@cache
def new_ledger() -> bytes:
    """Give a ledger whose posts are live, with their launches planned."""
    with TemporaryDirectory() as folder:
        with open_ledger(Path(folder)) as ledger:
            for post in POSTS:
                begin(ledger, post, START)
                reveal(ledger, post, START)
        return (Path(folder) / "ledger.sqlite3").read_bytes()


def begin(ledger: Ledger, post: PostId, at: datetime) -> None:
    keys = [DeliveryKey(site="s", post=post, channel=channel) for channel in CHANNELS]
    planned = tuple(PlannedDelivery(key=key, at=at) for key in keys)
    flip = Flip(post=post, at=at, deliveries=planned)
    ledger.begin_release(flip, path=post, digest="d", release_at=at, now=at)


def reveal(ledger: Ledger, post: PostId, at: datetime) -> None:
    """Flip, rebuild, verify; verifying is refused before there is a rebuild."""
    gen = ledger.record_flip(post, digest="d", now=at)
    with pytest.raises(StaleError):
        ledger.record_verified(post, gen=gen, now=at)
    ledger.record_rebuild(gen=gen, started_at=at, ok=True, reason="", retry_at=None, now=at)
    ledger.record_verified(post, gen=gen, now=at)


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
        self.logged: dict[tuple[object, ...], str | None] = {}
        self.seq = 0
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
        before = self.ledger.view(), self.ledger.events(limit=1)
        act()
        assert (self.ledger.view(), self.ledger.events(limit=1)) == before, "I12"

    # --- releases ----------------------------------------------------------------------

    @rule(post=st.sampled_from(POSTS))
    def release(self, post: PostId) -> None:
        if self.view.releases[post].state is ReleaseState.LIVE:
            with pytest.raises(StaleError):
                begin(self.ledger, post, self.now)
            with pytest.raises(StaleError):
                reveal(self.ledger, post, self.now)
        else:
            self.twice(lambda: begin(self.ledger, post, self.now))
            reveal(self.ledger, post, self.now)

    @rule(post=st.sampled_from(POSTS), sight=SIGHTS, minutes=st.integers(-60, 10))
    def look(self, post: PostId, sight: Sight, minutes: int) -> None:
        self.twice(lambda: self.see(post, sight, minutes=minutes))

    def see(self, post: PostId, sight: Sight, *, minutes: int) -> None:
        at = self.now + timedelta(minutes=minutes)
        seen = Observe(post=post, sight=sight, path=post, digest=sight, release_at=at, why="seen")
        self.ledger.observe(seen, now=self.now)

    @rule(post=st.sampled_from(POSTS), channel=st.sampled_from(CHANNELS))
    def announce_again(self, post: PostId, channel: ChannelName) -> None:
        key = DeliveryKey(site="s", post=post, channel=channel, occasion="again")
        self.twice(
            lambda: self.ledger.add_delivery(
                key, at=self.now, text="Again", reason="asked", now=self.now
            )
        )

    # --- sending -----------------------------------------------------------------------

    @precondition(lambda self: self.records(D.PLANNED))
    @rule(data=st.data(), steps=st.integers(0, 9), end=ENDS, arrives=st.booleans())
    def deliver(self, data: st.DataObject, steps: int, end: str, arrives: bool) -> None:
        """Claim a delivery, and mostly go on from there."""
        record = data.draw(st.sampled_from(self.records(D.PLANNED)))
        lease = self.now + timedelta(minutes=3)
        record = self.ledger.claim(record, owner=str(self.owner), lease_until=lease, now=self.now)
        if steps == 0:
            self.ledger.release_claim(record, reason="later", not_before=None, now=self.now)
        elif steps > 1:
            self.intend(record)
        if steps > 2 and record.id in self.on_air:
            self.end(record.id, end, arrives=arrives)

    @precondition(lambda self: self.records(D.CLAIMED))
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """Go on with a claim made earlier; its post may have changed since."""
        self.intend(data.draw(st.sampled_from(self.records(D.CLAIMED))))

    def intend(self, record: DeliveryRecord) -> None:
        release = self.view.releases[record.key.post]
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
    @rule(data=st.data(), end=ENDS, arrives=st.booleans())
    def send(self, data: st.DataObject, end: str, arrives: bool) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.on_air))), end, arrives=arrives)

    def end(self, number: int, end: str, *, arrives: bool) -> None:
        """Send what is under an intent; let it arrive or not, and its answer too."""
        record = self.on_air.pop(number)
        receipt = self.arrive(record) if arrives or end == "answer" else None
        if end == "crash":
            self.crash()
            return
        outcome = Outcome.UNKNOWN
        if end == "answer":
            outcome = Outcome.ACCEPTED
        elif not arrives and end != "lost":
            outcome = Outcome.NOT_SENT
        self.ledger.record_outcome(
            record,
            outcome,
            now=self.now,
            reason=end,
            receipt=receipt if end == "answer" else None,
            permanent=end == "never",
        )

    @rule()
    def restart(self) -> None:
        """End the process at any line and recover in the next one."""
        self.crash()
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

    @precondition(lambda self: self.records(*DECIDED))
    @rule(data=st.data(), drop=st.booleans())
    def decide(self, data: st.DataObject, drop: bool) -> None:
        """Look at the service, say what is there, and have it announced or not."""
        record = data.draw(st.sampled_from(self.records(*DECIDED)))
        attempts = self.ledger.attempts(record)
        to = D.CANCELLED if drop and record.state in (D.HELD, D.FAILED) else D.PLANNED
        if record.state is D.HELD and self.remote[record.key]:
            to = D.SENT
        may_be_out = any(attempt.outcome is Outcome.UNKNOWN for attempt in attempts)
        if record.state is D.SENT:
            self.ledger.confirm(record, now=self.now)
        elif may_be_out and record.state is not D.HELD:
            with pytest.raises(LedgerError, match="may have gone out"):
                self.ledger.settle(record, to, reason="retry", now=self.now)
        else:
            self.ledger.settle(record, to, reason="decided", now=self.now, due_at=self.now)

    @precondition(lambda self: self.records(D.PLANNED))
    @rule(data=st.data(), to=st.sampled_from([D.HELD, D.SKIPPED, D.CANCELLED]))
    def put_aside(self, data: st.DataObject, to: DeliveryState) -> None:
        record = data.draw(st.sampled_from(self.records(D.PLANNED)))
        self.ledger.settle(record, to, reason="put aside", now=self.now)

    @rule(minutes=st.integers(-5, 60), channel=st.sampled_from(CHANNELS), close=st.integers(0, 3))
    def pass_time(self, minutes: int, channel: ChannelName, close: int) -> None:
        self.now += timedelta(minutes=minutes)
        if close == 3:
            self.twice(lambda: self.ledger.close_channel(channel, "sign in", now=self.now))
        elif self.view.closed_channels:
            self.twice(lambda: self.ledger.open_channel(channel, now=self.now))

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
        assert record.fence >= self.fences.get(record.id, 0), "I9"
        if record.fence == self.fences.get(record.id):
            return
        self.fences[record.id] = record.fence
        found = [attempt.outcome for attempt in self.ledger.attempts(record)]
        assert found.count(None) == (record.state is D.SENDING), "I9, R2"
        assert record.state is not D.PLANNED or Outcome.UNKNOWN not in found, "R4"

    def check_log(self, view: LedgerView) -> None:
        for event in self.ledger.events(limit=60):
            if event.seq <= self.seq:
                continue
            assert event.seq == self.seq + 1, "I8"
            self.seq = event.seq
            if event.kind in ("release", "delivery"):
                place = (event.post, event.channel, event.occasion)
                assert event.from_state == self.logged.get(place), "I8"
                self.logged[place] = event.to_state
            if event.kind == "delivery" and event.from_state is not None:
                assert (D(event.from_state), D(event.to_state)) in EDGES, "I7"
        current = {(k.post, k.channel, k.occasion): r.state for k, r in view.deliveries.items()}
        current |= {(post, None, None): r.state for post, r in view.releases.items()}
        assert self.logged == current, "I8"

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
    max_examples=12,
    stateful_step_count=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
