"""Play many seeds, or tell one step by step: ``python -m tests.simulation --help``."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from publisher.system.clock import SystemClock
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import Guards, Tally, play

BATCH = 250  # seeds that one process plays before it reports


def play_batch(guards: str | None, seeds: range) -> Tally:
    gc.set_threshold(100_000)  # a world is thrown away whole; looking for cycles took a sixth
    total = Tally()
    for seed in seeds:
        total.add(play(seed, MUTANTS[guards] if guards else Guards()))
    return total


def play_many(seeds: range, *, jobs: int, without: str | None = None) -> Iterator[Tally]:
    """Give the tally so far, each time some more seeds are done."""
    batches = [seeds[first : first + BATCH] for first in range(0, len(seeds), BATCH)]
    total = Tally()
    if jobs == 1:
        tallies: Iterable[Tally] = map(partial(play_batch, without), batches)
        yield from _sum(total, tallies)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from _sum(total, pool.map(partial(play_batch, without), batches))


def _sum(total: Tally, tallies: Iterable[Tally]) -> Iterator[Tally]:
    for tally in tallies:
        total.add(tally)
        yield total


def describe(tally: Tally, seconds: float) -> str:
    duplicates = sum("I1:" in what for what in tally.bad.values())
    losses = sum("I2:" in what for what in tally.bad.values())
    return (
        f"{tally.seeds:,} seeds, {tally.seeds / seconds:.0f} per second: {tally.posts:,} posts, "
        f"{tally.attempts:,} attempts, {tally.lost:,} lost requests or answers, "
        f"{tally.kills:,} kills, {tally.pauses:,} pauses, {tally.steps:,} clock steps, "
        f"{tally.held:,} held; duplicates {duplicates}, losses {losses}, "
        f"other {len(tally.bad) - duplicates - losses}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes (default: 2)")
    parser.add_argument("--seed", type=int, help="play this one, and tell it step by step")
    parser.add_argument("--without", choices=sorted(MUTANTS), help="take this guard out")
    chosen = parser.parse_args()
    if chosen.seed is not None:
        tally = play(chosen.seed, MUTANTS.get(chosen.without, Guards()), tell=print)
        print(tally.bad.get(chosen.seed, "all is well"))
        return 1 if tally.bad else 0
    clock = SystemClock()
    begun_s = clock.monotonic()
    tally = Tally()
    told: set[int] = set()
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    for tally in play_many(seeds, jobs=chosen.jobs, without=chosen.without):
        for seed in sorted(set(tally.bad) - told):
            print(f"seed {seed}: {tally.bad[seed]}", flush=True)
        told |= set(tally.bad)
        if sys.stderr.isatty():
            print(f"\r{tally.seeds:,} seeds", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    print(describe(tally, clock.monotonic() - begun_s))
    return 1 if tally.bad else 0


if __name__ == "__main__":
    sys.exit(main())
