"""The ledger against a truthful service: any order of steps, losses and crashes, few rules.

Two processes with records of their own work on one file, each of which may take the other for
dead, while the wall clock is set back and forth. I1 to I12 are the invariants of the ledger, as
named in each assertion: I1 and I3 to I9 hold after every rule, I2 and I10 in the end, I12 within
the rules. I11, that a flip changes only the bytes of the state, is `test_flip_property`'s; that
commands may be repeated, the other half of I12, is the acceptance tests'.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from publisher.ledger import Event, Ledger
from publisher.ledger.deliveries import Deliveries
from publisher.ledger.observing import Observing
from publisher.ledger.releases import Releases
from publisher.ledger.sending import Sending
from publisher.model import (
    EDGES,
    LAUNCH,
    Cause,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    LedgerView,
    Observe,
    Outcome,
    PostId,
    Receipt,
    ReleaseRecord,
    ReleaseState,
    Sight,
)
from publisher.model.errors import LedgerError, StaleError
from tests.properties.ledger_model import (
    ASKED,
    CHANNELS,
    KEYED,
    MINUTE,
    POSTS,
    SEND,
    SETTLE,
    START,
    Process,
    Request,
    Service,
    a_flip,
    facts,
    new_ledger,
    open_ledger,
    reveal,
)

D = DeliveryState
R = ReleaseState
WORDS = "Read it"
# What may be decided about a delivery without sending it, by whom ever.
SETTLES = {
    (D.PLANNED, D.HELD),
    (D.PLANNED, D.SKIPPED),
    (D.PLANNED, D.CANCELLED),
    (D.HELD, D.PLANNED),
    (D.HELD, D.SENT),
    (D.HELD, D.CANCELLED),
    (D.FAILED, D.PLANNED),
    (D.FAILED, D.CANCELLED),
    (D.CANCELLED, D.PLANNED),
    (D.SKIPPED, D.PLANNED),
    (D.UNCERTAIN, D.HELD),
    (D.UNCERTAIN, D.SENT),
    (D.UNCERTAIN, D.PLANNED),
    (D.SENT, D.HELD),
}
DECIDED = tuple(sorted({old for old, _ in SETTLES}))
ENDS = st.sampled_from([*["answer", "lost"] * 4, *["refused"] * 2, "never", "foreign", "duplicate"])
RELEASE_STEPS = st.sampled_from(
    [
        *["all"] * 8,
        *["begin", "flip", "build", "break", "verify", "miss", "want another"],
        *["forget", "retry", "ask", "build again", "want a build"],
    ]
)
TROUBLES = st.sampled_from(["mistaken", "mistaken", "recover", "kill", "kill", "reboot"])
MEANWHILE = st.sampled_from(
    [*["nothing"] * 12, "edited", "edited", "withdrawn", "closed", "taken for dead"]
)
AGAIN = st.sampled_from(["again", "again-2", "again-3"])
SIGHTS = st.sampled_from([*[Sight.MOVED] * 6, *Sight])
REASONS = st.sampled_from(["decided", "withdrawn: decided", "deleted: decided"])
POST = st.sampled_from(POSTS)
CHANNEL = st.sampled_from(CHANNELS)
WHO = st.sampled_from([0, 1])


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        for name, data in new_ledger().items():
            (Path(self.folder.name) / name).write_bytes(data)
        self.processes = [Process(self.open(), name) for name in ("a", "b")]
        self.service = Service()
        self.now = START
        self.boots = 0
        self.booted_s = 0.0
        self.backups = 0
        self.dropped: set[DeliveryKey] = set()  # by a person who did not look
        self.first_seen: dict[tuple[int, int, int], float] = {}  # id, fence, boot
        self.old: list[DeliveryRecord] = []
        self.fences: dict[int, int] = {}
        self.built_gen = 0
        self.log: list[Event] = []
        self.logged: dict[tuple[object, ...], str | None] = {}
        self.view = self.ledger.view()

    def open(self) -> Ledger:
        return open_ledger(Path(self.folder.name))

    # --- what the machine knows --------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        return self.processes[0].ledger

    @property
    def monotonic_s(self) -> float:
        return self.service.true_s - self.booted_s

    def records(self, *states: DeliveryState) -> list[DeliveryRecord]:
        return [r for r in self.view.deliveries.values() if r.state in states]

    def is_public(self, key: DeliveryKey) -> bool:
        state = self.ledger.view().releases[key.post].state
        return state is R.LIVE or (state is R.BASELINE and key.occasion != LAUNCH)

    def is_fresh(self, record: DeliveryRecord) -> bool:
        row = self.ledger.view().deliveries[record.key]
        return (row.state, row.fence) == (record.state, record.fence)

    def twice(self, act: Callable[[], object]) -> None:
        """Do an act that must be safe to repeat, and repeat it."""
        act()
        before = self.ledger.view(), self.ledger.events(limit=1)
        act()
        assert (self.ledger.view(), self.ledger.events(limit=1)) == before, "I12"

    def refused(self, act: Callable[[], object], error: type[LedgerError] = StaleError) -> None:
        """Do what must be refused and change nothing."""
        before = self.ledger.view(), self.ledger.events(limit=1)
        with pytest.raises(error):
            act()
        assert (self.ledger.view(), self.ledger.events(limit=1)) == before, "R1"

    def use(
        self, record: DeliveryRecord, act: Callable[[], DeliveryRecord | None]
    ) -> DeliveryRecord | None:
        """Act with a record as it was read; if somebody else used it meanwhile, in vain (R1)."""
        if self.is_fresh(record):
            return act()
        self.refused(act)
        return None

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        """Take one of the steps that are possible now; one rule, so that we weigh them."""
        steps = [
            name
            for name, (weight, needs) in WEIGHTS.items()
            if needs is None or needs(self)
            for _ in range(weight)
        ]
        step = getattr(self, data.draw(st.sampled_from(steps)))
        step(data.draw(WHO), data)

    # --- releases ----------------------------------------------------------------------

    def tend_a_release(self, who: int, data: st.DataObject) -> None:
        """Take one step of a release, in time or out of turn, or all of them."""
        post = data.draw(POST)
        step = data.draw(RELEASE_STEPS)
        ledger, record = self.processes[who].ledger, self.view.releases[post]
        match step:
            case "all":
                self.begin(post)
                if ledger.view().releases[post].state is R.REVEALING:
                    reveal(ledger, post, self.now)
            case "begin":
                self.begin(post)
            case "flip":
                self.flip(ledger, record)
            case "build" | "break":
                self.rebuild(ledger, ok=step == "build")
            case "verify":
                self.verify(ledger, record)
            case "miss" | "want another":
                self.fail(ledger, record, rebuild=step == "want another")
            case "forget":
                self.twice(lambda: ledger.forget_step(post, now=self.now))
            case "retry":
                self.twice(lambda: ledger.retry_steps([post], now=self.now))
                assert ledger.view().rebuild_retry_at is None
            case "ask":
                self.ask_for_a_release(ledger, record)
            case "build again" | "want a build":
                self.build_again(ledger, None if step == "want a build" else record)

    def begin(self, post: PostId) -> None:
        def act() -> None:
            self.ledger.begin_release(a_flip(post, self.now), **facts(post, self.now), now=self.now)

        if self.ledger.view().releases[post].state is R.LIVE:
            self.refused(act)
        else:
            self.twice(act)

    def flip(self, ledger: Ledger, record: ReleaseRecord) -> None:
        act = lambda: ledger.record_flip(record.post, digest="d", now=self.now)  # noqa: E731
        if record.state is R.REVEALING:
            assert act() == self.view.dirty_gen + 1
        else:
            self.refused(act)

    def rebuild(self, ledger: Ledger, *, ok: bool) -> None:
        ledger.record_rebuild(
            gen=max(self.view.dirty_gen - 1, 1),
            started_at=self.now,
            ok=ok,
            reason="" if ok else "exit 1",
            retry_at=None if ok else self.now + MINUTE,
            now=self.now,
        )

    def verify(self, ledger: Ledger, record: ReleaseRecord) -> None:
        gen = self.view.built_gen
        is_built = record.flip_gen is not None and record.flip_gen <= gen
        act = lambda: ledger.record_verified(record.post, gen=gen, now=self.now)  # noqa: E731
        if record.state is R.REVEALING and is_built:
            act()
        else:
            self.refused(act)

    def fail(self, ledger: Ledger, record: ReleaseRecord, *, rebuild: bool) -> None:
        """Note that a step failed; only a release under way may want another build."""

        def act() -> None:
            retry_at = self.now + MINUTE
            ledger.fail_step(
                record.post,
                cause=Cause.PAGE_WRONG if rebuild else Cause.NOT_LIVE,
                reason="no page",
                retry_at=retry_at,
                rebuild=rebuild,
                now=self.now,
            )

        if not rebuild or (record.flip_gen is not None and record.state is R.REVEALING):
            act()
            assert ledger.view().releases[record.post].failures == record.failures + 1
        else:
            self.refused(act, LedgerError)

    def build_again(self, ledger: Ledger, record: ReleaseRecord | None) -> None:
        if record is None:
            ledger.request_rebuild(reason="edited", now=self.now)
            assert ledger.view().dirty_gen == self.view.dirty_gen + 1
            return

        def act() -> None:
            ledger.build_again(record.post, cause=Cause.WITHDRAWN, reason="r", now=self.now)

        if record.state in (R.LIVE, R.REVEALING):
            self.refused(act)
        else:
            act()
            found = ledger.view()
            assert found.releases[record.post].flip_gen == found.dirty_gen > self.view.dirty_gen

    def ask_for_a_release(self, ledger: Ledger, record: ReleaseRecord) -> None:
        def act() -> None:
            ledger.request_release(
                record.post, now=self.now, reason="asked", **facts(record.post, self.now)
            )

        if record.state in (R.LIVE, R.REVEALING):
            self.refused(act, LedgerError)
        else:
            self.twice(act)

    def look(self, who: int, data: st.DataObject) -> None:
        post = data.draw(POST)
        sight = data.draw(SIGHTS)
        minutes = data.draw(st.integers(-60, 2))
        seen = self.seen(post, sight, minutes)
        self.twice(lambda: self.processes[who].ledger.observe(seen, now=self.now))

    def seen(self, post: PostId, sight: Sight, minutes: int) -> Observe:
        at = self.now + timedelta(minutes=minutes)
        return Observe(post=post, sight=sight, path=post, digest=sight, release_at=at, why="seen")

    def adopt(self, who: int, data: st.DataObject) -> None:
        posts = data.draw(st.lists(st.sampled_from([*POSTS, "old", "older"]), unique=True))
        before = self.view.releases
        seen = [self.seen(post, Sight.BASELINE, -30) for post in posts]
        counts: list[int] = []

        self.twice(lambda: counts.append(self.processes[who].ledger.adopt(seen, now=self.now)))

        public = {R.BASELINE, R.LIVE, R.REVEALING}
        new = [post for post in posts if post not in before or before[post].state not in public]
        assert counts == [len(new), 0], "I12"

    def announce_again(self, who: int, data: st.DataObject) -> None:
        post = data.draw(POST)
        channel = data.draw(CHANNEL)
        occasion = data.draw(AGAIN)
        minutes = data.draw(st.integers(-5, 5))
        key = DeliveryKey(site="s", post=post, channel=channel, occasion=occasion)
        at = self.now + minutes * MINUTE
        self.twice(
            lambda: self.processes[who].ledger.add_delivery(
                key, at=at, text="Again", reason="asked", now=self.now
            )
        )

    # --- sending -----------------------------------------------------------------------

    def take(self, who: int, data: st.DataObject) -> None:
        """Claim a delivery and leave it there for now, with an intent or without."""
        self.deliver(who, data, steps=data.draw(st.sampled_from([0, 0, 1])), end="")

    def take_and_send(self, who: int, data: st.DataObject) -> None:
        end = data.draw(ENDS)
        self.deliver(who, data, steps=2, end=end)

    def deliver(self, who: int, data: st.DataObject, *, steps: int, end: str) -> None:
        process = self.processes[who]
        record = data.draw(st.sampled_from(self.records(D.PLANNED)))
        self.claim(process, record)
        self.meanwhile(self.processes[1 - who].ledger, record, data.draw(MEANWHILE))
        if steps > 0:
            self.intend(process, record.id)
        if steps > 1 and record.id in process.intents:
            self.end(process, record.id, end)

    def meanwhile(self, ledger: Ledger, record: DeliveryRecord, what: str) -> None:
        """Let another process do something during a claim."""
        key = record.key
        if what == "edited":
            ledger.observe(self.seen(key.post, Sight.MOVED, -7), now=self.now)
        elif what == "withdrawn":
            ledger.observe(self.seen(key.post, Sight.WITHDRAWN, -7), now=self.now)
        elif what == "closed":
            ledger.close_channel(key.channel, "sign in", now=self.now)
        elif what == "taken for dead":
            ledger.recover(owner_alive=lambda owner: False, now=self.now)

    def claim(self, process: Process, record: DeliveryRecord) -> None:
        lease = self.now + 3 * MINUTE
        claimed = process.ledger.claim(record, owner=process.owner, lease_until=lease, now=self.now)
        revision = self.ledger.view().releases[record.key.post].schedule_rev
        process.claims[record.id] = claimed, revision

    def go_on(self, who: int, data: st.DataObject) -> None:
        """Go on with a claim made earlier; anything may have happened since."""
        step = data.draw(st.sampled_from(["intend", "intend", "prepare", "give back"]))
        process = data.draw(st.sampled_from([p for p in self.processes if p.claims]))
        number = data.draw(st.sampled_from(sorted(process.claims)))
        if step == "intend":
            self.intend(process, number)
            return
        record, revision = process.claims.pop(number)
        if step == "prepare":
            kept = self.use(
                record, lambda: process.ledger.keep_draft(record, "draft", now=self.now)
            )
            if kept is not None:
                process.claims[number] = kept, revision
        else:
            self.use(
                record,
                lambda: process.ledger.release_claim(
                    record, reason="later", not_before=self.now + MINUTE, now=self.now
                ),
            )

    def intend(self, process: Process, number: int) -> None:
        record, revision = process.claims.pop(number)
        intent = self.use(
            record,
            lambda: process.ledger.intend(
                record,
                payload=WORDS,
                deadline=self.now + SEND,
                schedule_rev=revision,
                now=self.now,
            ),
        )
        if intent is None:
            return
        view = self.ledger.view()
        release = view.releases[record.key.post]
        self.begin_request(process, intent)
        assert release.schedule_rev == revision, "the gate"
        assert record.not_before <= self.now, "I5"
        assert record.key.channel not in view.closed_channels, "the gate"
        if release.state is R.LIVE:
            assert release.due_at is None or release.due_at <= self.now, "I5"

    def begin_request(self, process: Process, intent: DeliveryRecord) -> None:
        assert self.is_public(intent.key), "I5, I6"
        process.ledger.keep_mark()
        process.intents[intent.id] = self.service.leave(intent)

    def send(self, who: int, data: st.DataObject) -> None:
        end = data.draw(ENDS)
        process = data.draw(st.sampled_from([p for p in self.processes if p.intents]))
        self.end(process, data.draw(st.sampled_from(sorted(process.intents))), end)

    def arrive(self, who: int, data: st.DataObject) -> None:
        """Let a request arrive whose process may be dead, or taken for it."""
        request = data.draw(st.sampled_from(self.service.in_air))
        if self.service.can_arrive(request):
            self.service.arrive(request)

    def end(self, process: Process, number: int, end: str) -> None:
        """Let the process hear what came of a request, or give it up."""
        request = process.intents.pop(number)
        record = request.record
        outcome, receipt = self.answer(request, end)
        now = self.now
        done = self.use(
            record,
            lambda: process.ledger.record_outcome(
                record,
                outcome,
                now=now,
                reason=end,
                receipt=receipt,
                not_before=now + MINUTE if outcome is Outcome.NOT_SENT else None,
                permanent=end == "never",
            ),
        )
        if done is not None and end == "foreign" and receipt is not None:
            is_known = receipt.remote_id != str(record.key)
            assert done.state is (D.HELD if is_known else D.SENT)

    def answer(self, request: Request, end: str) -> tuple[Outcome, Receipt | None]:
        key = request.record.key
        if end in ("refused", "never") and not request.has_arrived:
            self.service.lose(request)
            return Outcome.NOT_SENT, None
        if end == "duplicate" and self.service.posts[key] and not request.has_arrived:
            self.service.lose(request)
            return Outcome.FOUND, self.service.receipt(key)
        if end in ("answer", "foreign") and self.service.can_arrive(request):
            self.service.arrive(request)
        if end in ("answer", "foreign") and request.has_arrived:
            receipt = self.foreign(key) if end == "foreign" else self.service.receipt(key)
            return Outcome.ACCEPTED, receipt
        return Outcome.UNKNOWN, None

    def foreign(self, key: DeliveryKey) -> Receipt:
        """Give a receipt that names another announcement of the channel, if there is one."""
        others = [
            record.remote_id
            for record in self.ledger.view().deliveries.values()
            if record.key != key and record.key.channel == key.channel and record.remote_id
        ]
        return Receipt(remote_id=others[0]) if others else self.service.receipt(key)

    # --- uncertain and sent --------------------------------------------------------------

    def reconcile(self, who: int, data: st.DataObject) -> None:
        is_foreign = data.draw(st.booleans())
        process = self.processes[who]
        record = data.draw(st.sampled_from(self.records(D.UNCERTAIN, D.SENT)))
        if record.state is D.SENT:
            process.ledger.confirm(record, now=self.now)
        elif record.key.channel == KEYED:
            self.repeat(process, record)
        else:
            self.look_up(process, record, is_foreign=is_foreign)

    def repeat(self, process: Process, record: DeliveryRecord) -> None:
        """Send the same words under the same key again; other words are refused."""

        def again(words: str) -> DeliveryRecord | None:
            return process.ledger.intend_again(
                record,
                owner=process.owner,
                payload=words,
                deadline=self.now + SEND,
                now=self.now,
            )

        is_open = self.is_open(record.key)
        if is_open:
            self.refused(lambda: again("Other words"), LedgerError)
        intent = again(WORDS)
        assert (intent is not None) == is_open, "I5"
        if intent is not None:
            self.begin_request(process, intent)

    def is_open(self, key: DeliveryKey) -> bool:
        return self.is_public(key) and key.channel not in self.ledger.view().closed_channels

    def look_up(
        self, process: Process, record: DeliveryRecord, *, is_foreign: bool = False
    ) -> None:
        """Ask the service; believe "absent" only after the settle time (R5)."""
        seen_s = process.ledger.observe_uncertain(
            record, era=str(self.boots), monotonic_s=self.monotonic_s
        )
        place = record.id, record.fence, self.boots
        assert seen_s == self.first_seen.setdefault(place, self.monotonic_s), "R5"
        if self.service.posts[record.key]:
            receipt = self.foreign(record.key) if is_foreign else self.service.receipt(record.key)
            found = process.ledger.record_found(record, receipt, now=self.now)
            is_own = receipt.remote_id == str(record.key)
            assert found.state is (D.SENT if is_own else D.HELD)
        elif self.monotonic_s - seen_s >= (SEND + SETTLE).total_seconds():
            assert not self.service.awaits(record.key), "R5"
            process.ledger.record_absent(record, now=self.now, not_before=self.now)

    # --- people and planner --------------------------------------------------------------

    def decide(self, who: int, data: st.DataObject) -> None:
        """Decide about a delivery; whoever says that it is there or not has looked."""
        reason = data.draw(REASONS)
        record = data.draw(st.sampled_from(self.records(*DECIDED)))
        legal = sorted(new for old, new in SETTLES if old is record.state)
        self.settle(who, record, data.draw(st.sampled_from(legal)), reason)

    def decide_what_cannot_be(self, who: int, data: st.DataObject) -> None:
        to = data.draw(st.sampled_from(list(D)))
        record = data.draw(st.sampled_from(self.records(*D)))
        if (record.state, to) not in SETTLES:
            self.settle(who, record, to, "decided")

    def settle(self, who: int, record: DeliveryRecord, to: DeliveryState, reason: str) -> None:
        is_legal = (record.state, to) in SETTLES
        if is_legal and not self.is_true(record, to):
            return
        attempts = self.ledger.attempts(record)
        may_be_out = any(attempt.outcome is Outcome.UNKNOWN for attempt in attempts)
        is_asked = record.state in (D.HELD, D.UNCERTAIN)
        act = lambda: self.processes[who].ledger.settle(  # noqa: E731
            record, to, reason=reason, now=self.now, due_at=self.now
        )
        if not is_legal or (to is D.PLANNED and may_be_out and not is_asked):
            self.refused(act, LedgerError)
            return
        act()
        if record.state is D.HELD and to is D.CANCELLED:
            self.dropped.add(record.key)
        elif to is not D.CANCELLED:
            self.dropped.discard(record.key)

    def is_true(self, record: DeliveryRecord, to: DeliveryState) -> bool:
        """Tell whether somebody who looked at the service would decide like this."""
        is_out = self.service.posts[record.key] > 0
        if to is D.SENT:
            return is_out
        if to is not D.PLANNED:
            return True
        if record.state is D.CANCELLED and record.key in self.dropped:
            return not is_out or any(
                attempt.outcome is Outcome.UNKNOWN for attempt in self.ledger.attempts(record)
            )
        return not is_out and not self.service.awaits(record.key)

    def name_the_wrong_post(self, who: int, data: st.DataObject) -> None:
        """Say of a delivery that it is one which the ledger knows as another."""
        record = data.draw(st.sampled_from(self.records(D.HELD, D.UNCERTAIN)))
        receipt = self.foreign(record.key)
        if receipt.remote_id == str(record.key):
            return
        self.refused(
            lambda: self.processes[who].ledger.settle(
                record, D.SENT, reason="", now=self.now, remote_id=receipt.remote_id
            ),
            LedgerError,
        )

    def move(self, who: int, data: st.DataObject) -> None:
        minutes = data.draw(st.integers(-30, 30))
        record = data.draw(st.sampled_from(self.records(D.PLANNED)))
        at = self.now + minutes * MINUTE
        moved = self.processes[who].ledger.move(record, at=at, reason="edited", now=self.now)
        assert (moved.state, moved.due_at, moved.not_before) == (D.PLANNED, at, at)

    def turn_a_channel(self, who: int, data: st.DataObject) -> None:
        channel = data.draw(CHANNEL)
        is_closed = data.draw(st.sampled_from([True, False, False]))
        ledger = self.processes[who].ledger
        if is_closed:
            self.twice(lambda: ledger.close_channel(channel, "sign in", now=self.now))
        else:
            self.twice(lambda: ledger.open_channel(channel, now=self.now))

    # --- time, crashes, copies -------------------------------------------------------------

    def pass_time(self, who: int, data: st.DataObject) -> None:
        """Let seconds pass while the wall clock is set ahead or back by some minutes."""
        seconds = data.draw(st.sampled_from([1, 61, 200, 400]))
        self.let_pass(seconds, data.draw(st.sampled_from([0, 0, 0, -30, -1, 1, 30])))

    def let_pass(self, seconds: int, minutes: int) -> None:
        self.now += timedelta(seconds=seconds, minutes=minutes)
        self.service.true_s += seconds

    def trouble(self, who: int, data: st.DataObject) -> None:
        """End processes at any line; take over from the dead, or from those that seem so."""
        what = data.draw(
            st.sampled_from(["mistaken", "mistaken", "recover", "kill", "kill", "reboot"])
        )
        if what == "kill":
            self.processes[who].die()
        if what == "reboot":
            self.boots += 1
            self.booted_s = self.service.true_s
            for process in self.processes:
                process.die()
        self.recover(who, is_mistaken=what == "mistaken")

    def recover(self, who: int, *, is_mistaken: bool) -> None:
        alive = set() if is_mistaken else {process.owner for process in self.processes}
        self.twice(
            lambda: self.processes[who].ledger.recover(
                owner_alive=lambda owner: owner in alive, now=self.now
            )
        )
        owned = [r for r in self.ledger.view().deliveries.values() if r.owner is not None]
        assert {record.owner for record in owned} <= alive

    def reopen(self, who: int, data: st.DataObject) -> None:
        """Close the file and open it again; a copy made before says the same."""
        process = self.processes[who]
        self.backups += 1
        copy = Path(self.folder.name) / f"copy-{self.backups}"
        copy.mkdir()
        process.ledger.backup(copy / "ledger.sqlite3")
        process.ledger.close()
        process.ledger = self.open()

        url = f"sqlite:///{copy}/ledger.sqlite3"
        with closing(Ledger.open(url, site="s", now=self.now, read_only=True)) as copied:
            assert copied.view().deliveries == process.ledger.view().deliveries
            assert copied.events(limit=10**6) == process.ledger.events(limit=10**6)

    def act_on_an_old_record(self, who: int, data: st.DataObject) -> None:
        """Whatever is done with a record that somebody used since: nothing happens (R1)."""
        old = data.draw(st.sampled_from(self.old))
        acts = _acts(self.processes[who].ledger, old, self.now)
        self.refused(data.draw(st.sampled_from(acts)), LedgerError)

    # --- invariants --------------------------------------------------------------------

    @invariant()
    def hold(self) -> None:
        previous, self.view = self.view, self.ledger.view()
        self.old += [
            record
            for key, record in previous.deliveries.items()
            if record.fence != self.view.deliveries[key].fence
        ]
        assert self.processes[1].ledger.view() == self.view
        assert all(count <= 1 for count in self.service.posts.values()), "I1"
        for record in self.view.deliveries.values():
            self.check_delivery(record)
        self.check_releases(self.view)
        self.check_log(self.view)

    def check_delivery(self, record: DeliveryRecord) -> None:
        is_out = self.service.posts[record.key] > 0
        if record.state in (D.SENT, D.CONFIRMED):
            assert is_out, "I3"
        if is_out and record.key not in self.dropped:
            assert record.state in (D.SENT, D.CONFIRMED, D.SENDING, D.UNCERTAIN, D.HELD), "I4"
        assert record.fence >= self.fences.get(record.id, 0), "I9"
        if record.fence == self.fences.get(record.id):
            return
        self.fences[record.id] = record.fence
        found = [attempt.outcome for attempt in self.ledger.attempts(record)]
        assert found.count(None) == (record.state is D.SENDING), "I9, R2"
        assert record.state is not D.PLANNED or Outcome.UNKNOWN not in found, "R4"

    def check_releases(self, view: LedgerView) -> None:
        assert self.built_gen <= view.built_gen <= view.dirty_gen
        self.built_gen = view.built_gen
        for release in view.releases.values():
            if release.state is R.LIVE:
                assert release.flip_gen is not None
                assert release.flip_gen <= min(release.verified_gen or 0, view.built_gen), "I5"
        launched = {
            key.post
            for key, record in view.deliveries.items()
            if key.occasion == LAUNCH and record.state in (D.CLAIMED, D.SENDING)
        }
        assert not launched - set(POSTS), "I6"

    def check_log(self, view: LedgerView) -> None:
        newest = self.ledger.events(limit=200)  # a step makes fewer
        seq = self.log[-1].seq if self.log else 0
        for event in newest:
            if event.seq <= seq:
                continue
            assert event.seq == seq + 1, "I8"
            seq = event.seq
            self.log.append(event)
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
        """From the last fault on, everything that is due ends, in time and with a cause."""
        for process in self.processes:
            process.die()
        self.now = max(self.now, self.longest_wait())
        for channel in CHANNELS:
            self.ledger.open_channel(channel, now=self.now)
        sweeps = 0
        while not self.is_quiet():
            self.sweep()
            self.let_pass(60, 0)
            sweeps += 1
            assert sweeps <= (SEND + SETTLE) / MINUTE + 2, "I10"
        for record in self.ledger.view().deliveries.values():
            is_ended = record.state is D.CONFIRMED
            is_stopped = record.state in (D.HELD, D.FAILED, D.CANCELLED, D.SKIPPED)
            is_early = record.state is D.PLANNED and not self.is_public(record.key)
            assert is_ended or is_early or (is_stopped and record.reason), "I2"
        self.hold()
        assert self.ledger.events(limit=10**6) == self.log, "I8"
        assert self.ledger.check() == []
        for process in self.processes:
            process.ledger.close()
        self.folder.cleanup()

    def longest_wait(self) -> datetime:
        """Give the instant at which nothing waits for a date any more."""
        view = self.ledger.view()
        dates = [record.not_before for record in view.deliveries.values()]
        dates += [record.due_at for record in view.releases.values() if record.due_at is not None]
        return max(dates)

    def is_quiet(self) -> bool:
        view = self.ledger.view()
        busy = (D.CLAIMED, D.SENDING, D.UNCERTAIN, D.SENT)
        return not any(
            record.state in busy or (record.state is D.PLANNED and self.is_public(key))
            for key, record in view.deliveries.items()
        )

    def sweep(self) -> None:
        """Do what a tick does, with a service that answers: all that can be done now."""
        process = self.processes[0]
        process.ledger.recover(owner_alive=lambda owner: False, now=self.now)
        before = None
        while before != self.ledger.view():
            before = self.ledger.view()
            for record in before.deliveries.values():
                self.bring_to_rest(process, record)

    def bring_to_rest(self, process: Process, record: DeliveryRecord) -> None:
        key = record.key
        match record.state:
            case D.UNCERTAIN if key.channel == ASKED:
                self.look_up(process, record)
            case D.UNCERTAIN if self.is_open(key):
                self.repeat(process, record)
            case D.UNCERTAIN:
                process.ledger.settle(record, D.HELD, reason="look there", now=self.now)
            case D.SENT:
                process.ledger.confirm(record, now=self.now)
            case D.PLANNED if self.is_public(key):
                self.claim(process, record)
                self.intend(process, record.id)
        if record.id in process.intents:
            self.end(process, record.id, "answer")


# How often each step is taken, and what must be there for it.
WEIGHTS: dict[str, tuple[int, Callable[[LedgerMachine], object] | None]] = {
    "take_and_send": (6, lambda m: m.records(D.PLANNED)),
    "tend_a_release": (4, None),
    "look": (4, None),
    "adopt": (1, None),
    "announce_again": (3, None),
    "take": (4, lambda m: m.records(D.PLANNED)),
    "go_on": (6, lambda m: any(process.claims for process in m.processes)),
    "send": (4, lambda m: any(process.intents for process in m.processes)),
    "arrive": (2, lambda m: m.service.in_air),
    "reconcile": (5, lambda m: m.records(D.UNCERTAIN, D.SENT)),
    "decide": (4, lambda m: m.records(*DECIDED)),
    "decide_what_cannot_be": (1, None),
    "name_the_wrong_post": (1, lambda m: m.records(D.HELD, D.UNCERTAIN)),
    "move": (1, lambda m: m.records(D.PLANNED)),
    "turn_a_channel": (1, None),
    "pass_time": (4, None),
    "trouble": (4, None),
    "reopen": (1, None),
    "act_on_an_old_record": (2, lambda m: m.old),
}


def _acts(ledger: Ledger, old: DeliveryRecord, at: datetime) -> list[Callable[[], object]]:
    """Give everything that may be done with a record."""
    receipt = Receipt(remote_id="late")
    return [
        lambda: ledger.claim(old, owner="late", lease_until=at, now=at),
        lambda: ledger.keep_draft(old, "late", now=at),
        lambda: ledger.release_claim(old, reason="late", not_before=at, now=at),
        lambda: ledger.move(old, at=at, reason="late", now=at),
        lambda: ledger.intend(old, payload=WORDS, deadline=at, schedule_rev=1, now=at),
        lambda: ledger.intend_again(old, owner="late", payload=WORDS, deadline=at, now=at),
        lambda: ledger.record_outcome(old, Outcome.NOT_SENT, now=at),
        lambda: ledger.record_outcome(old, Outcome.UNKNOWN, now=at),
        lambda: ledger.record_outcome(old, Outcome.ACCEPTED, now=at, receipt=receipt),
        lambda: ledger.record_outcome(old, Outcome.FOUND, now=at, receipt=receipt),
        lambda: ledger.confirm(old, now=at),
        lambda: ledger.record_found(old, receipt, now=at),
        lambda: ledger.record_absent(old, now=at, not_before=at),
        lambda: ledger.observe_uncertain(old, era="late", monotonic_s=0.0),
        *[lambda to=to: ledger.settle(old, to, reason="late", now=at) for to in D],
    ]


def test_every_method_that_changes_the_ledger_is_tried_by_the_machine() -> None:
    parts = (Observing, Releases, Deliveries, Sending)
    methods = {name for part in parts for name in vars(part) if not name.startswith("_")}

    source = inspect.getsource(sys.modules[__name__])

    assert {name for name in methods if f"ledger.{name}(" not in source} == set()


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(
    max_examples=settings.default.max_examples // 4,  # each is as long as many of other tests
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
