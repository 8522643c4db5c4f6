"""A site that can be put back to where it was, the program run upon it, and a verdict."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from publisher.model import DeliveryState, PostId
from publisher.model.errors import PublisherError
from publisher.system import locks
from tests.acceptance.programs import World, a_world, comes_true, hang, until
from tests.acceptance.sites import ROOT
from tests.torture import tracing
from tests.torture.tracing import Fault
from tests.torture.warm import Warm

LIMIT_S = 600.0  # for one run; a thousand deliveries on a busy machine take minutes
LATER = tuple(timedelta(minutes=n) for n in (0, 7, 14, 30, 60))  # when all is put right

SURE = frozenset({DeliveryState.SENT, DeliveryState.CONFIRMED})
FOR_A_PERSON = frozenset({DeliveryState.HELD, DeliveryState.FAILED})
QUIET = FOR_A_PERSON | {
    DeliveryState.CONFIRMED,
    DeliveryState.CANCELLED,
    DeliveryState.SKIPPED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended: its exit code (minus the signal), what it said, and strace's trace."""

    code: int
    said: str
    trace: str = ""

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def was_injected(self) -> bool:
        return "(INJECTED)" in self.trace

    @property
    def crashed(self) -> bool:
        """Tell whether it met something that nobody thought of."""
        words = ("Traceback", "internal error: ")
        return any(word in self.said for word in words) or self.code not in (0, 1, 3, -9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of it. ``trials`` are kills or failures that really happened.

    ``missed`` were tried and did not happen, ``shadowed`` are calls that strace cannot single out.
    All the others but ``held`` must be 0.
    Lost: believed announced but not public, or neither public nor waiting for a person when all
    is quiet. Corrupt: a ledger that is damaged or does not know of a public announcement. Torn:
    a post that is neither its old bytes nor its new ones. Crashed: an error nobody thought of.
    """

    trials: int = 0
    duplicates: int = 0
    lost: int = 0
    corrupt: int = 0
    torn: int = 0
    crashed: int = 0
    held: int = 0
    missed: int = 0
    shadowed: int = 0
    notes: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        bad = (self.duplicates, self.lost, self.corrupt, self.torn, self.crashed)
        return not any(bad)

    def __add__(self, other: Verdict) -> Verdict:
        names = [each.name for each in fields(Verdict)]
        return Verdict(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(kw_only=True)
class Stage:
    """A world with a point in its life to which it can be put back."""

    world: World
    warm: Warm
    spare: Path  # where the point is kept
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.world.site.folder

    @property
    def recording(self) -> Path:
        return self.spare.with_name("trace")

    # --- the point

    def keep(self) -> None:
        """Remember everything as it is now: files, and what the services know."""
        self._rest()
        shutil.rmtree(self.spare, ignore_errors=True)
        shutil.copytree(self.folder, self.spare, ignore=shutil.ignore_patterns("notify*"))
        for name, service in self.world.services.items():
            facts = {k: v for k, v in vars(service).items() if isinstance(v, list | dict | int)}
            self._known[name] = copy.deepcopy(facts)

    def restore(self) -> None:
        self._rest()
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        shutil.copytree(self.spare, self.folder, dirs_exist_ok=True)
        for name, facts in self._known.items():
            vars(self.world.services[name]).update(copy.deepcopy(facts))

    def _rest(self) -> None:
        """Wait for a build that outlived the program."""
        state_dir = self.folder / ".publisher"
        assert comes_true(lambda: not locks.is_held(state_dir, locks.BUILD))

    # --- runs

    def strike(self, fault: Fault) -> Ended:
        """Run one tick and let the fault happen to it."""
        return self.trace(fault.options())

    def trace(self, options: Sequence[str]) -> Ended:
        """Run one tick under strace."""
        output = self.recording
        pid = self._fork(timedelta(0))
        with tracing.traced(pid, options, output):
            ended = self._see_through(pid)
        return replace(ended, trace=output.read_text())

    def tick(self, ahead: timedelta = timedelta(0)) -> Ended:
        """Run one tick, by a clock that may be ahead."""
        return self._see_through(self._fork(ahead))

    def _fork(self, ahead: timedelta) -> int:
        return self.warm.fork(
            ["--config", str(self.folder / "jobs.yaml"), "tick"],
            environ=self.world.site.all_environ(),
            said=self.spare.with_name("said"),
            ahead=ahead,
        )

    def _see_through(self, pid: int) -> Ended:
        """Let a forked run begin, and wait for its end."""
        # Not by SIGKILL, which would pass for a trial.
        timer = threading.Timer(LIMIT_S, os.kill, [pid, signal.SIGABRT])
        timer.start()
        try:
            self.warm.begin()
            code = self.warm.wait()
        finally:
            timer.cancel()
        return Ended(code=code, said=self.spare.with_name("said").read_text())

    def start(self) -> Ended:
        """Run one tick as anybody does, not forked."""
        return self.run(self.world.site.command(), "tick")

    def run(self, command: Sequence[str], *arguments: str) -> Ended:
        done = subprocess.run(
            [*command, "--config", str(self.folder / "jobs.yaml"), *arguments],
            cwd=ROOT,
            env=self.world.site.all_environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Ended(code=done.returncode, said=done.stdout)

    # --- what came of it

    def recover(self, first: Callable[[], Ended]) -> Verdict:
        """Run the program until nothing is left to do, at most an hour later; then judge.

        ``first`` is the first of these runs.
        """
        notes: list[str] = []
        for ahead in LATER:
            done = self.tick(ahead) if ahead else first()
            if done.crashed:
                notes.append(f"the run {ahead} later crashed: {done.code} {done.said}")
            if self._is_quiet():
                break
        return self.judge() + Verdict(crashed=len(notes), notes=tuple(notes))

    def _is_quiet(self) -> bool:
        try:
            states = self._states()
        except PublisherError:
            return False
        return all(state in QUIET for channel in states.values() for state in channel)

    def _states(self) -> dict[str, list[DeliveryState | None]]:
        """Give the state of every post's launch by channel; none where the ledger has no row."""
        with self.world._ledger() as ledger:
            known = {key: record.state for key, record in ledger.view().deliveries.items()}
        launches = {(key.post, key.channel): state for key, state in known.items()}
        return {
            channel: [launches.get((PostId(path.stem), channel)) for path in self.world.before]
            for channel in self.world.channels
        }

    def judge(self) -> Verdict:
        """Compare what is public with what the ledger believes, delivery by delivery."""
        verdict = self._judge_ledger()
        if verdict.corrupt:
            return verdict
        for channel, states in self._states().items():
            posts = self.world.posts(channel)
            doubles = len(posts) - len(set(posts))
            note = (f"{channel}: announced twice: {posts}",) if doubles else ()
            verdict += Verdict(duplicates=doubles, notes=note)
            verdict += _judge_channel(channel, states, len(set(posts)))
        for path, old in self.world.before.items():
            verdict += _judge_post(path, old)
        return verdict

    def _judge_ledger(self) -> Verdict:
        with closing(sqlite3.connect(self.world.site.ledger)) as connection:
            try:
                found = connection.execute("PRAGMA integrity_check").fetchall()
                found += connection.execute("PRAGMA foreign_key_check").fetchall()
            except sqlite3.DatabaseError as error:
                found = [(str(error),)]
        if found == [("ok",)]:
            return Verdict()
        return Verdict(corrupt=1, notes=(f"the ledger is damaged: {found}",))


def _judge_channel(channel: str, states: Sequence[DeliveryState | None], public: int) -> Verdict:
    sure = sum(state in SURE for state in states)
    unsure = sum(state in FOR_A_PERSON for state in states)
    open_ = len(states) - sure - unsure
    unknown = max(0, public - sure - unsure)  # public, but the ledger would send it again
    missing = max(0, sure - public)
    if not (open_ or unknown or missing):
        return Verdict(held=unsure)
    note = f"{channel}: {public} public, the ledger has {[str(state) for state in states]}"
    lost = missing + max(0, open_ - unknown)
    return Verdict(lost=lost, corrupt=unknown, held=unsure, notes=(note,))


def _judge_post(path: Path, old: bytes) -> Verdict:
    new = old.replace(b"status: scheduled", b"status: published")
    found = path.read_bytes() if path.exists() else b""
    if found not in (old, new):
        return Verdict(torn=1, notes=(f"{path.name}: {found!r}",))
    if found == old:
        return Verdict(lost=1, notes=(f"{path.name} was never released",))
    left = [file.name for file in path.parent.iterdir() if file.suffix != ".md"]
    return Verdict(torn=len(left), notes=(f"left behind: {left}",) if left else ())


# --- where a trial begins --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A release at a certain point, and the channels that it is announced on.

    ``page``: nothing was done. ``send``: the page is live and nothing was sent. ``again``: the
    program was killed before it read the answer of a service that had accepted the announcement.
    """

    start: str
    channels: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.start}/{'+'.join(self.channels)}"


@contextmanager
def a_stage(folder: Path, scenario: Scenario) -> Iterator[Stage]:
    """Make a site where everything is as the scenario says."""
    with ExitStack() as stack:
        site, spare = folder / "site", folder / "spare"
        site.mkdir(parents=True)
        world = stack.enter_context(a_world(site, *scenario.channels))
        stage = Stage(world=world, warm=stack.enter_context(Warm()), spare=spare)
        let_hang_up(world)
        world.write("pattern")
        if scenario.start != "page":
            _die_at(world, "release.live")
        if scenario.start == "again":
            _lose_the_answer(world, scenario.channels[0])
        stage.keep()
        yield stage


def let_hang_up(world: World) -> None:
    """Keep servers from complaining of requests that break off in the middle."""
    for server in (world.web, *world.services.values()):
        server._server.handle_error = lambda *_: None  # type: ignore[method-assign]


def _die_at(world: World, words: str) -> None:
    with world.program("-v", "tick", dies_at=words) as program:
        code = program.wait()
    assert code == -signal.SIGKILL, program.log


def _lose_the_answer(world: World, channel: str) -> None:
    if channel not in world.services:
        _die_at(world, "delivery.sending")
        return
    world.services[channel].faults.append(hang(channel, is_accepted=True))
    with world.program("tick") as program:
        until(lambda: world.posts(channel), program)
        program.kill()
