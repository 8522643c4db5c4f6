"""The parts of the torture: which trials there are, and one trial of each."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from tests.acceptance.programs import ALL
from tests.torture.stage import Ended, Scenario, Stage, Verdict, a_stage
from tests.torture.tracing import (
    FILE_CALLS,
    NET_CALLS,
    Call,
    Fault,
    broken_orders,
    files_of,
    reach,
    read_recording,
    recording_options,
)

# Runs publisher and kills it where it would write its n-th log line.
MORTAL = """\
import itertools, logging, os, signal, sys
from publisher.cli import main

lines = itertools.count(1)

def die(record):
    if next(lines) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return True

logging.getLogger("publisher").addFilter(die)
main(sys.argv[2:], prog_name="publisher")
"""

PAGE = Scenario(start="page", channels=("keyed",))
# One channel for each way to find out what became of a request, and two with drafts or files.
CLASSES = ("keyed", "newsletter", "x", "hook", "outbox")
KILLED = (
    PAGE,
    *(Scenario(start="send", channels=(name,)) for name in CLASSES),
    *(Scenario(start="again", channels=(name,)) for name in ("keyed", "newsletter", "x", "outbox")),
    Scenario(start="send", channels=ALL),
)
FAULTY = (
    PAGE,
    *(Scenario(start="send", channels=(name,)) for name in ("keyed", "newsletter", "outbox")),
)
EVERYWHERE = Scenario(start="page", channels=ALL)
ORDERED = (*((name,) for name in ("keyed", "newsletter", "x", "hook")), ALL)
STEPPED = (EVERYWHERE, *(Scenario(start="page", channels=(name,)) for name in CLASSES))

DISK = ("ENOSPC", "EIO", "EINTR")
ERRORS = {
    **dict.fromkeys(("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "openat"), DISK),
    **dict.fromkeys(("rename", "link", "unlink"), DISK),
    **dict.fromkeys(("connect", "sendto", "recvfrom", "flock", "poll"), ("EINTR",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which of a list of trials to do: every ``every``-th, and of those one of ``of``."""

    every: int = 1
    index: int = 0
    of: int = 1

    def take(self, trials: Sequence[Fault]) -> Sequence[Fault]:
        return trials[self.every // 2 :: self.every][self.index :: self.of]

    def numbers(self) -> Iterator[int]:
        """Count from the first trial on without an end."""
        return count(1 + self.every // 2 + self.index * self.every, self.every * self.of)


ALL_OF_IT = Share()


# --- system calls ----------------------------------------------------------------------------


def kill_at_calls(folder: Path, scenario: Scenario, share: Share = ALL_OF_IT) -> Verdict:
    """Kill a tick at its system calls that write, sync, rename, connect or send."""
    return _strike(folder, scenario, share, _kills, lambda ended: ended.was_killed)


def fail_calls(folder: Path, scenario: Scenario, share: Share = ALL_OF_IT) -> Verdict:
    """Let single system calls of a tick fail as a full or broken disk or a signal makes them."""
    return _strike(folder, scenario, share, _failures, lambda ended: ended.was_injected)


def strike_once(folder: Path, scenario: Scenario, fault: Fault) -> Verdict:
    """Repeat one trial by itself."""
    with a_stage(folder, scenario) as stage:
        calls = record(stage)
        fault = replace(fault, paths=files_of(calls, fault.call, stage.folder))
        return _trial(stage, scenario, fault, lambda ended: ended.was_killed or ended.was_injected)


def record(stage: Stage) -> list[Call]:
    """Give the system calls of an undisturbed tick."""
    stage.restore()
    ended = stage.trace(recording_options())
    assert ended.code in (0, 3), ended
    return read_recording(stage.recording)


def _strike(
    folder: Path,
    scenario: Scenario,
    share: Share,
    faults_of: Callable[[Stage, Sequence[Call]], Sequence[Fault]],
    has_happened: Callable[[Ended], bool],
) -> Verdict:
    verdict = Verdict()
    with a_stage(folder, scenario) as stage:
        calls = record(stage)
        if share.index == 0:
            verdict += Verdict(shadowed=_shadowed(stage, calls))
        for fault in share.take(faults_of(stage, calls)):
            verdict += _trial(stage, scenario, fault, has_happened)
    return verdict


def _trial(
    stage: Stage, scenario: Scenario, fault: Fault, has_happened: Callable[[Ended], bool]
) -> Verdict:
    stage.restore()
    ended = stage.strike(fault)
    if not has_happened(ended):
        return Verdict(missed=1)
    verdict = Verdict(trials=1)
    if ended.crashed:
        verdict += Verdict(crashed=1, notes=(f"crashed: {ended.code} {ended.said}",))
    verdict += stage.recover(stage.tick)
    if verdict.is_good:
        return verdict
    name = f"{scenario.name} {fault.call} {fault.n} {fault.error or 'KILL'}"
    again = f"python -m tests.torture --only '{name}'"
    return replace(
        verdict, notes=(f"{again}\n  {'; '.join(verdict.notes)}\n{ended.trace[-2000:]}",)
    )


def _kills(stage: Stage, calls: Sequence[Call]) -> list[Fault]:
    return [
        Fault(call=name, n=n, paths=paths)
        for name in (*FILE_CALLS, *NET_CALLS)
        for paths in [files_of(calls, name, stage.folder)]
        for n in reach(calls, name, paths)[0]
    ]


def _failures(stage: Stage, calls: Sequence[Call]) -> list[Fault]:
    return [
        Fault(call=name, n=n, error=error, paths=paths)
        for name, errors in ERRORS.items()
        for paths in [files_of(calls, name, stage.folder)]
        for n in reach(calls, name, paths)[0]
        for error in errors
    ]


def _shadowed(stage: Stage, calls: Sequence[Call]) -> int:
    """Count the calls of the program that strace cannot single out."""
    names = (*FILE_CALLS, *NET_CALLS)
    return sum(reach(calls, name, files_of(calls, name, stage.folder))[1] for name in names)


# --- the order of writing and sending --------------------------------------------------------


def check_order(folder: Path, channels: tuple[str, ...]) -> Verdict:
    """Count the requests of releases; lost are those that left before the ledger was on disk.

    Each channel is recorded by itself, since channels write beside each other.
    """
    sends = broken = 0
    for channel in channels:
        with a_stage(folder / channel, Scenario(start="page", channels=(channel,))) as stage:
            ports = frozenset(service.port for service in stage.world.services.values())
            calls, ledger = record(stage), stage.world.site.ledger
            found = broken_orders(calls, ledger, ports)
            unsynced = [call for call in calls if call.name not in ("fsync", "fdatasync")]
            assert broken_orders(unsynced, ledger, ports)[1], "it would see nothing"
            sends, broken = sends + found[0], broken + found[1]
    note = f"{broken} requests left while writes to the ledger were not on disk"
    return Verdict(trials=sends, lost=broken, notes=(note,) if broken else ())


# --- steps -----------------------------------------------------------------------------------


def kill_at_steps(folder: Path, scenario: Scenario, share: Share = ALL_OF_IT) -> Verdict:
    """Kill a tick at each line of its log."""
    verdict = Verdict()
    with a_stage(folder, scenario) as stage:
        for n in share.numbers():
            found = _kill_at_step(stage, scenario, n)
            if not found.trials:
                break  # it has fewer lines
            verdict += found
    return verdict


def kill_once(folder: Path, scenario: Scenario, n: int) -> Verdict:
    """Repeat one kill at a line of the log."""
    with a_stage(folder, scenario) as stage:
        return _kill_at_step(stage, scenario, n)


def _kill_at_step(stage: Stage, scenario: Scenario, n: int) -> Verdict:
    stage.restore()
    if not _die(stage, n):
        return Verdict(missed=1)
    found = stage.recover(stage.start) + Verdict(trials=1)
    again = f"python -m tests.torture --only '{scenario.name} step {n}'"
    return found if found.is_good else replace(found, notes=(again, *found.notes))


def kill_in_a_row(folder: Path, scenario: Scenario, seeds: Sequence[int]) -> Verdict:
    """Kill a tick at two to five random lines of its log, one run after the other."""
    verdict = Verdict()
    with a_stage(folder, scenario) as stage:
        for seed in seeds:
            chance = random.Random(seed)
            stage.restore()
            numbers = [chance.randint(1, 6) for _ in range(chance.randint(2, 5))]
            kills = sum(_die(stage, n) for n in numbers)
            found = stage.recover(stage.start) + Verdict(trials=kills)
            again = f"python -m tests.torture --only '{scenario.name} row {seed}'"
            verdict += found if found.is_good else replace(found, notes=(again, *found.notes))
    return verdict


def _die(stage: Stage, n: int) -> bool:
    """Run a tick that is killed at its n-th log line; false when it has fewer."""
    ended = stage.run([sys.executable, "-c", MORTAL, str(n)], "-v", "tick")
    assert not ended.crashed, ended
    return ended.was_killed
