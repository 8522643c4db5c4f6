"""``python -m tests.torture``: all parts, a line for each, a table, and 1 if anything was bad."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.torture import parts, tracing
from tests.torture.crowd import kill_in_a_crowd
from tests.torture.parts import Share
from tests.torture.stage import Scenario, Verdict
from tests.torture.tracing import Fault

PIECES = 4  # in which the trials of a scenario are shared out
COLUMNS = ("trials", "duplicates", "lost", "corrupt", "half-written", "crashed", "held")
FIELDS = ("trials", "duplicates", "lost", "corrupt", "torn", "crashed", "held")
KILLS, FAILURES, STEPS, ROWS, CROWD, ORDER = (
    "system calls, killed",
    "system calls, failing",
    "log lines, killed",
    "log lines, 2-5 kills in a row",
    "three processes, killed",
    "requests before the ledger was synced",
)
TRACED = (KILLS, FAILURES, ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A piece of a part that one process does."""

    part: str
    name: str
    perform: Callable[[Path], Verdict]


def perform(unit: Unit) -> tuple[Verdict, float]:
    """Do a unit in a folder of its own, and tell how long it took."""
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder:
        return unit.perform(Path(folder) / "here"), time.monotonic() - begun_s


def units(options: argparse.Namespace) -> Iterator[Unit]:
    """Give all the work there is, the longest first."""
    yield Unit(
        part=CROWD,
        name=f"{options.posts} posts",
        perform=partial(
            kill_in_a_crowd, posts=options.posts, kills=options.kills, seed=options.seed
        ),
    )
    for part, kill, scenarios in (
        (KILLS, parts.kill_at_calls, parts.KILLED),
        (FAILURES, parts.fail_calls, parts.FAULTY),
        (STEPS, parts.kill_at_steps, parts.STEPPED),
    ):
        pieces = 1 if part == STEPS else PIECES
        for scenario in scenarios:
            for index in range(pieces):
                share = Share(every=options.every, index=index, of=pieces)
                name = f"{scenario.name} {index + 1} of {pieces}"
                work = partial(kill, scenario=scenario, share=share)
                yield Unit(part=part, name=name, perform=work)
    rows = range(options.seed, options.seed + options.rows)
    for index in range(PIECES):
        seeds = rows[index::PIECES]
        work = partial(parts.kill_in_a_row, scenario=parts.EVERYWHERE, seeds=seeds)
        yield Unit(part=ROWS, name=f"{index + 1} of {PIECES}", perform=work)
    for channels in parts.ORDERED:
        work = partial(parts.check_order, channels=channels)
        yield Unit(part=ORDER, name="+".join(channels), perform=work)


def unit_of(words: str) -> Unit:
    """Make the unit that repeats one trial, as a failing one names itself."""
    first, *rest = words.split()
    if first == "crowd":
        posts, kills, seed = map(int, rest)
        work = partial(kill_in_a_crowd, posts=posts, kills=kills, seed=seed)
        return Unit(part=CROWD, name=words, perform=work)
    start, channels = first.split("/")
    scenario = Scenario(start=start, channels=tuple(channels.split("+")))
    kind, number = rest[:2]
    if kind == "row":
        work = partial(parts.kill_in_a_row, scenario=scenario, seeds=[int(number)])
    elif kind == "step":
        work = partial(parts.kill_once, scenario=scenario, n=int(number))
    else:
        error = "" if rest[2] == "KILL" else rest[2]
        fault = Fault(call=kind, n=int(number), error=error)
        work = partial(parts.strike_once, scenario=scenario, fault=fault)
    return Unit(part="one trial", name=words, perform=work)


def main() -> int:
    """Do everything, print what came of it, and give the exit code."""
    options = _options()
    begun_s = time.monotonic()
    todo = [unit_of(options.only)] if options.only else list(units(options))
    todo = [unit for unit in todo if options.part in unit.part]
    if why := tracing.why_not():
        todo = [unit for unit in todo if unit.part not in TRACED]
        print(f"skipped: all that needs strace: {why}")
    sums = {unit.part: Verdict() for unit in todo}
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(perform, unit): unit for unit in todo}
        for future in as_completed(futures):
            unit, (verdict, took_s) = futures[future], future.result()
            sums[unit.part] += verdict
            _tell(unit, verdict, took_s)
    _show(sums)
    print(f"{time.monotonic() - begun_s:.0f} s")
    total = sum(sums.values(), start=Verdict())
    return 0 if total.is_good and all(verdict.trials for verdict in sums.values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="do every n-th trial only")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--seed", type=int, default=1, help="of what is random")
    parser.add_argument("--rows", type=int, default=40, help="rows of kills")
    parser.add_argument("--posts", type=int, default=200, help="posts that three processes release")
    parser.add_argument("--kills", type=int, default=100, help="kills of the three processes")
    parser.add_argument("--part", default="", help="only parts with these words in their name")
    parser.add_argument("--only", default="", metavar="TRIAL", help="repeat one trial")
    return parser.parse_args()


def _tell(unit: Unit, verdict: Verdict, took_s: float) -> None:
    counts = [
        f"{getattr(verdict, field)} {name}" for name, field in zip(COLUMNS, FIELDS, strict=True)
    ]
    if verdict.missed:
        counts.append(f"{verdict.missed} did not happen")
    if verdict.shadowed:
        counts.append(f"{verdict.shadowed} calls out of reach")
    print(f"{unit.part}, {unit.name}: {', '.join(counts)} ({took_s:.0f} s)", flush=True)
    for note in verdict.notes:
        print(f"  {note}", flush=True)


def _show(sums: dict[str, Verdict]) -> None:
    width = max((len(part) for part in sums), default=0)
    print("\n" + _row(f"{'part':{width}}", COLUMNS))
    for part, verdict in sums.items():
        print(_row(f"{part:{width}}", [str(getattr(verdict, field)) for field in FIELDS]))


def _row(name: str, cells: Sequence[str]) -> str:
    shown = [f"{cell:>{len(head)}}" for cell, head in zip(cells, COLUMNS, strict=True)]
    return " | ".join([name, *shown])


if __name__ == "__main__":
    sys.exit(main())
