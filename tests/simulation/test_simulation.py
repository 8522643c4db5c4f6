"""Five thousand worlds come out well; each guard taken out, one of them does not."""

from __future__ import annotations

import pytest

from tests.simulation.__main__ import play_batch
from tests.simulation.mutants import MUTANTS, SEEDS
from tests.simulation.world import play

PARTS = 40
WORLDS = 5_000 // PARTS


@pytest.mark.parametrize("part", range(PARTS))
def test_no_world_sees_a_duplicate_or_a_loss(part: int) -> None:
    tally = play_batch(None, range(part * WORLDS, (part + 1) * WORLDS))

    assert tally.bad == {}
    assert tally.seeds == WORLDS
    assert tally.kills > WORLDS
    assert tally.lost > WORLDS


@pytest.mark.parametrize("guard", MUTANTS)
def test_without_this_guard_a_world_comes_to_harm(guard: str) -> None:
    seed = SEEDS[guard]

    assert play(seed, MUTANTS[guard]).bad
    assert not play(seed).bad


def test_the_same_seed_tells_the_same_story() -> None:
    first: list[str] = []
    second: list[str] = []

    play(17, tell=first.append)
    play(17, tell=second.append)

    assert len(first) > 20
    assert first == second
