"""Simulated time and processes: who runs next is the seed's choice, never the machine's.

Each process is made of strands (greenlets), as a real one is of threads. A strand runs until it
sleeps; a kill takes all strands of a process at once, wherever they are.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from random import Random

from greenlet import getcurrent, greenlet

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process of this strand is no more; nothing may be done on the way out."""


@dataclass(slots=True, eq=False)
class Process:
    """``restart`` is called some time after it was killed."""

    name: str
    restart: Callable[[], None] | None = None
    is_mortal: bool = True
    is_alive: bool = True
    strands: list[Strand] = field(default_factory=list)


class Strand(greenlet):  # type: ignore[misc]
    process: Process
    wake: int  # the entry of the schedule that may wake it; others are void


@dataclass(slots=True)
class Machine:
    """The computer the publishers run on: its clocks, and what is scheduled on it.

    ``now_s`` is true time. The wall clock is off by ``off_s``; the monotonic one counts from
    the last boot and means nothing after the next.
    """

    random: Random
    now_s: float = 0.0
    off_s: float = 0.0
    booted_s: float = 0.0
    boots: int = 0
    kills: int = 0
    steps: int = 0
    pauses: int = 0
    calm: bool = False  # no more faults: the world may come to rest
    kill_rate: float = 0.0  # per point
    pause_rate: float = 0.0
    processes: list[Process] = field(default_factory=list)
    _queue: list[tuple[float, float, int, Strand | Callable[[], None]]] = field(
        default_factory=list
    )
    _numbers: count[int] = field(default_factory=count)
    _hub: greenlet = field(default_factory=getcurrent)

    # --- the clock that publishers see ---------------------------------------------------

    @property
    def era(self) -> str:
        return f"boot {self.boots}"

    def now(self) -> datetime:
        return START + timedelta(seconds=self.now_s + self.off_s)

    def monotonic(self) -> float:
        return self.now_s - self.booted_s

    def step_clock(self, seconds: float) -> None:
        self.off_s += seconds
        self.steps += 1

    # --- strands -------------------------------------------------------------------------

    def start(self, process: Process, run: Callable[[], None], *, in_s: float = 0.0) -> Strand:
        strand = Strand(run, self._hub)
        strand.process = process
        process.strands.append(strand)
        if process not in self.processes:
            self.processes.append(process)
        self._wake(strand, in_s)
        return strand

    def call(self, act: Callable[[], None], *, in_s: float) -> None:
        """Do something that belongs to no process: a request on its way, a fault to come."""
        self._push(in_s, act)

    def sleep(self, seconds: float) -> None:
        strand = getcurrent()
        self._wake(strand, seconds)
        self._hub.switch()

    def run(self, until_s: float) -> None:
        """Let the world go on until ``until_s``."""
        while self._queue and self._queue[0][0] <= until_s:
            at_s, _, number, what = heapq.heappop(self._queue)
            self.now_s = max(self.now_s, at_s)
            if not isinstance(what, Strand):
                what()
            elif what.process.is_alive and what.wake == number:
                self._resume(what)
        self.now_s = max(self.now_s, until_s)

    def run_together(self, parts: Sequence[Callable[[], None]]) -> Sequence[Future[None]]:
        """Run the parts as strands of the process that asks, and wait for all of them."""
        waiting = getcurrent()
        left = len(parts)

        def run(part: Callable[[], None]) -> None:
            nonlocal left
            part()
            left -= 1
            if not left:
                self._wake(waiting, 0.0)

        for part in parts:
            self.start(waiting.process, partial(run, part))
        self._hub.switch()
        return []

    # --- faults --------------------------------------------------------------------------

    def point(self, *, pause_s: float = 3000.0, is_quick: bool = False) -> None:
        """A place where a process may be killed or held up; ``pause_s`` at the most.

        Where it ``is_quick`` nobody else gets a turn: others wait for the database.
        """
        process: Process = getcurrent().process
        if self.calm or not process.is_mortal:
            return
        dice = self.random.random()
        if dice < self.kill_rate:
            self._die(process)
            raise Killed
        if is_quick:
            return
        if dice < self.kill_rate + self.pause_rate and pause_s:
            self.pauses += 1
            self.sleep(self.random.uniform(0.1, 1.0) * pause_s)
        elif dice > 0.7:
            self.sleep(self.random.uniform(0.0, 0.2))

    def kill(self, process: Process) -> None:
        """Kill a process from outside."""
        if process.is_alive:
            self._die(process)
            self._bury(process)

    def reboot(self) -> None:
        """Kill all and begin a new era."""
        for process in list(self.processes):
            if process.is_mortal:
                self.kill(process)
        self.boots += 1
        self.booted_s = self.now_s

    def _die(self, process: Process) -> None:
        self.kills += 1
        process.is_alive = False

    def _bury(self, process: Process) -> None:
        for strand in process.strands:
            if strand:  # begun and not over
                with suppress(Killed):
                    strand.throw(Killed)
        self.processes.remove(process)
        if process.restart is not None:
            self.call(process.restart, in_s=self.random.uniform(1, 60))

    def _resume(self, strand: Strand) -> None:
        try:
            strand.switch()
        except Killed:
            self._bury(strand.process)

    def _wake(self, strand: Strand, in_s: float) -> None:
        strand.wake = self._push(in_s, strand)

    def _push(self, in_s: float, what: Strand | Callable[[], None]) -> int:
        number = next(self._numbers)
        heapq.heappush(self._queue, (self.now_s + in_s, self.random.random(), number, what))
        return number
