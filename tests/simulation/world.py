"""One seed: a world is made, lives through its faults, comes to rest, and is judged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random

from publisher.channels.compose import Voice
from publisher.engine.deliver import OpenChannel, Sender
from publisher.engine.recover import Reconciler
from publisher.engine.tick import Engine, OpenChannels
from publisher.ledger.delivery_rows import OWNED
from publisher.model import (
    ChannelName,
    ChannelPlan,
    Deliver,
    Limits,
    Policy,
    PostId,
    PostState,
    ReleaseState,
)
from publisher.system.clock import Clock
from publisher.system.report import Event
from tests.simulation import judge
from tests.simulation.parts import (
    OLD,
    SITE,
    Files,
    PlayedLedger,
    PlayedSite,
    TickLock,
    new_database,
)
from tests.simulation.people import Author, Operator
from tests.simulation.schedule import START, Machine, Process
from tests.simulation.services import KINDS, LAG_S, TIMEOUT_S, Line, Service, open_line

HOUR_S = 3600.0
FAULTS_S = 10 * HOUR_S  # how long things go wrong
SWEEP_S = 15.0
LAST_LOOK_S, LAST_LOOKS = 10.0, 60
LAZY_SWEEP_S = 3600.0  # a sweep that finds nothing new waits twice as long next time, up to this


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The parts a mutant may replace, each by one that lacks one guard."""

    ledger: Callable[[Machine], PlayedLedger] = PlayedLedger
    sender: Callable[..., Sender] = Sender
    reconciler: Callable[..., Reconciler] = Reconciler
    site: Callable[..., PlayedSite] = PlayedSite
    line: Callable[[Service], Line] = open_line
    clock: Callable[[Machine], Clock] = lambda machine: machine
    operator: Callable[..., Operator] = Operator
    drop: tuple[str, ...] = ()  # triggers that say the same


@dataclass(slots=True)
class Tally:
    """What happened in a world, or in many."""

    seeds: int = 0
    posts: int = 0
    attempts: int = 0
    kills: int = 0
    pauses: int = 0
    steps: int = 0
    lost: int = 0
    held: int = 0
    bad: dict[int, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        for name in ("seeds", "posts", "attempts", "kills", "pauses", "steps", "lost", "held"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.bad |= other.bad


class World:
    """``tell`` is given each thing that happens, for a person who replays one seed."""

    def __init__(
        self, seed: int, guards: Guards = Guards(), tell: Callable[[str], None] | None = None
    ) -> None:
        random = self.random = Random(seed)
        self.guards, self.tell = guards, tell
        self.machine = Machine(Random(random.random()))
        self.is_locked = random.random() < 0.5
        self.fault_rate = random.choice([0.2, 0.5, 0.9])
        self.is_stormy = random.random() < 0.3
        kills, pauses = ([0.05], [0.05, 0.15]) if self.is_stormy else ([], [])
        self.machine.kill_rate = random.choice([0.0, 0.01, 0.03, *kills])
        self.machine.pause_rate = random.choice([0.0, 0.01, 0.03, *pauses])
        self.connection: sqlite3.Connection = new_database()
        for trigger in guards.drop:
            self.connection.execute(f"DROP TRIGGER {trigger}")
        names = random.sample(sorted(KINDS), random.choice([1, 1, 2]))
        self.channels = tuple(ChannelName(name) for name in names)
        self.files = Files(self.machine, self.channels, has_embargo=seed % 7 == 3)
        self.site = guards.site(self.machine, self.files, random, self.fault_rate)
        self.services = {
            name: Service(name, KINDS[name], self.machine, random, self._watch, self.fault_rate)
            for name in self.channels
        }
        self.lock = TickLock(self.machine, is_broken=not self.is_locked)
        self.operator = guards.operator(
            machine=self.machine,
            ledger=guards.ledger(self.machine),
            services=self.services,
            files=self.files,
            random=random,
        )
        self.author = Author(
            machine=self.machine,
            files=self.files,
            random=random,
            may_reword=all(KINDS[name].lag_s <= LAG_S for name in names),
        )
        self._write_posts()

    def live(self) -> Tally:
        """Play the world from its first moment to its rest.

        :raises Violation: at the first invariant that does not hold.
        """
        for number in range(1 if self.is_locked else 2):
            self._start_publisher(f"publisher {number + 1}", in_s=number * 0.3)
        people = Process("operator", is_mortal=False)
        self.machine.start(people, partial(self._visit, people), in_s=HOUR_S)
        for _ in range(self.random.choice([0, 1, 2, 4])):
            self._later(self._edit)
        for _ in range(self.random.choice([0, 1, 3]) + 40 * self._is_ticking_wildly()):
            self._later(self._step_clock)
        for _ in range(self.random.choice([0, 1, 3])):
            self._later(self._kill_one)
        for at in [post.release_at for post in self.files.posts.values() if post.release_at]:
            if self.is_stormy:  # an edit at the worst moment: just when it goes out
                soon_s = (at - START).total_seconds() + self.random.uniform(0, 60)
                self.machine.call(self._edit, in_s=soon_s)
        if self.random.random() < 0.15:
            self._later(self.machine.reboot)
        self.machine.run(FAULTS_S)
        self._rest()
        return self._tally()

    # --- what happens ------------------------------------------------------------------

    def _write_posts(self) -> None:
        self.files.write(OLD, at=None, state=PostState.PUBLISHED, words="An old post")
        self.site.built = frozenset({OLD})
        self.site.ever_live.add(OLD)
        for number in range(self.random.choice([1, 1, 1, 2, 3])):
            at = START + timedelta(hours=self.random.uniform(0.01, 6))
            name = PostId(f"p{number + 1}")
            state = PostState.PUBLISHED if self.files.has_embargo else PostState.SCHEDULED
            self.files.write(name, at=at, state=state, words=f"Post {name}")

    def _is_ticking_wildly(self) -> bool:
        return self.is_stormy and self.random.random() < 0.5

    def _later(self, act: Callable[[], None]) -> None:
        self.machine.call(act, in_s=self.random.uniform(0, FAULTS_S))

    def _edit(self) -> None:
        self._say("the author edits")
        self.author.edit()

    def _step_clock(self) -> None:
        step_s = self.random.choice([1, 60, 600, 3600]) * self.random.choice([-1, 1])
        self._say(f"the clock steps by {step_s} s")
        self.machine.step_clock(step_s)

    def _kill_one(self) -> None:
        mortals = [process for process in self.machine.processes if process.is_mortal]
        if mortals:
            process = self.random.choice(mortals)
            self._say(f"{process.name} is killed")
            self.machine.kill(process)

    def _visit(self, people: Process) -> None:
        while not self.machine.calm:
            self._say("the operator looks")
            self.operator.act()
            self.machine.sleep(self.random.uniform(0.5, 4) * HOUR_S)

    # --- publishers --------------------------------------------------------------------

    def _start_publisher(self, name: str, *, in_s: float = 0.0) -> None:
        process = Process(name)
        process.restart = partial(self._start_publisher, name)
        self.machine.start(process, partial(self._publish, name), in_s=in_s)

    def _publish(self, name: str) -> None:
        """Run a publisher: tick, wait for the next instant or sweep, and again."""
        self._say(f"{name} starts")
        engine = self._engine(name)
        sweep_s = SWEEP_S
        while True:
            done = engine.tick()
            is_busy = any(isinstance(action, Deliver) for action in done.performed)
            sweep_s = SWEEP_S if is_busy else min(sweep_s * 2, LAZY_SWEEP_S)
            wait_s = sweep_s
            if done.plan.next_at is not None:
                to_next_s = (done.plan.next_at - self.machine.now()).total_seconds()
                wait_s = min(wait_s, max(to_next_s, 0.5))
            self.machine.sleep(wait_s)

    def _engine(self, name: str) -> Engine:
        machine, guards = self.machine, self.guards
        ledger = guards.ledger(machine)
        clock = guards.clock(machine)
        report = partial(self._report, name)
        sender = guards.sender(
            ledger=ledger, clock=clock, owner=name, report=report, load_image=lambda post: None
        )
        reconciler = guards.reconciler(
            ledger=ledger,
            clock=clock,
            sender=sender,
            report=report,
            stale_after=timedelta(hours=24),
        )
        plans = tuple(ChannelPlan(name=channel) for channel in self.channels)
        return Engine(
            library=self.files,
            ledger=ledger,
            site=self.site,
            open_channels=OpenChannels(
                ready={name: self._open_channel(name) for name in self.channels}
            ),
            policy=Policy(site=SITE, channels=plans),
            sender=sender,
            reconciler=reconciler,
            clock=clock,
            tick_lock=self.lock.hold,
            report=report,
            verify_timeout=timedelta(minutes=15),
            is_tree_busy=lambda: False,
            run_together=machine.run_together,
        )

    def _open_channel(self, name: ChannelName) -> OpenChannel:
        voice = Voice(channel=name, template="", subject="", limits=Limits())
        line = self.guards.line(self.services[name])
        return OpenChannel(channel=line, voice=voice, timeout=timedelta(seconds=TIMEOUT_S))

    # --- judgement ---------------------------------------------------------------------

    def _watch(self, key: str) -> None:
        if self.is_locked:
            judge.gate(self.connection, key, self.site.ever_live)

    def _rest(self) -> None:
        """Let faults end, time pass and people settle what waits; everything must come out."""
        machine = self.machine
        machine.calm = True
        self.author.tidy()
        self._say("calm")
        view = self.operator.ledger.view
        for _ in range(8):
            machine.run(machine.now_s + 2 * HOUR_S)
            self._let_end()
            judge.truth(self.operator.ledger, self.services.values())
            judge.rest(self.operator.ledger)
            self._settle_all()
            if self._is_over():
                break
            waits = [record.not_before for record in view(settled=False).deliveries.values()]
            waits += [p.release_at for p in self.files.posts.values() if p.release_at is not None]
            ahead_s = max((at - machine.now()).total_seconds() for at in waits) if waits else 0
            machine.run(machine.now_s + max(ahead_s, 0) + HOUR_S)
        judge.truth(self.operator.ledger, self.services.values())
        judge.history(self.connection)
        judge.losses(self.operator.ledger, self.files, self.services.values(), self.machine.now())

    def _let_end(self) -> None:
        """Give what has just begun its time; what hangs is judged all the same."""
        for _ in range(LAST_LOOKS):
            if not self._is_under_way():
                return
            self.machine.run(self.machine.now_s + LAST_LOOK_S)

    def _is_under_way(self) -> bool:
        view = self.operator.ledger.view(settled=False)
        deliveries = {record.state for record in view.deliveries.values()}
        releases = {record.state for record in view.releases.values()}
        return bool(deliveries & OWNED) or ReleaseState.REVEALING in releases

    def _settle_all(self) -> None:
        people = Process("operator at the end", is_mortal=False)
        self.machine.start(people, self.operator.settle_in_the_end)
        self.machine.run(self.machine.now_s + HOUR_S)

    def _is_over(self) -> bool:
        left = self.operator.ledger.view(settled=False).deliveries
        now = self.machine.now()
        coming = [p for p in self.files.posts.values() if p.release_at and p.release_at > now]
        return not left and not coming and not self._is_under_way()

    def _tally(self) -> Tally:
        attempts, held = self.connection.execute(
            "SELECT (SELECT count(*) FROM attempts),"
            " (SELECT count(*) FROM events WHERE to_state = 'held')"
        ).fetchone()
        return Tally(
            seeds=1,
            posts=sum(len(service.posts) for service in self.services.values()),
            attempts=attempts,
            kills=self.machine.kills,
            pauses=self.machine.pauses,
            steps=self.machine.steps,
            lost=sum(service.lost for service in self.services.values()),
            held=held,
        )

    # --- telling -----------------------------------------------------------------------

    def _report(self, name: str, event: Event) -> None:
        if self.tell is not None:
            self._say(f"{name}: {event}")

    def _say(self, text: str) -> None:
        if self.tell is not None:
            self.tell(f"{self.machine.now_s:10.1f}  {text}")


def play(seed: int, guards: Guards = Guards(), tell: Callable[[str], None] | None = None) -> Tally:
    """Play one seed; a violation is in the tally, under its seed."""
    world = World(seed, guards, tell)
    try:
        return world.live()
    except judge.Violation as error:
        tally = world._tally()
        tally.bad[seed] = str(error)
        return tally
