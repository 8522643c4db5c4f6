"""Speed, as figures to compare within one run (`make bench`); nothing here is a gate.

The groups put beside each other what should cost alike, or should not.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from publisher.plan import plan
from publisher.plan.calendar import preview
from publisher.posts.library import Library
from tests.factories import HOUR, NOW, a_policy, a_post, a_release, a_view
from tests.worlds import World, a_world


def a_large_world(folder: Path, count: int) -> World:
    world = a_world(folder, NOW)
    for number in range(count):
        world.write(f"p{number}", at=NOW + timedelta(hours=number + 1))
    return world


@pytest.mark.benchmark(group="scan of 1,000 posts: all new, then all known")
@pytest.mark.parametrize("is_warm", [False, True], ids=["cold", "warm"])
def test_scan(benchmark, tmp_path: Path, is_warm: bool) -> None:
    world = a_large_world(tmp_path, 1_000)
    library = Library(world.settings, world.root)
    library.scan()

    benchmark(lambda: (library if is_warm else Library(world.settings, world.root)).scan())


@pytest.mark.benchmark(group="plan: ten times the posts")
@pytest.mark.parametrize("count", [1_000, 10_000])
def test_plan(benchmark, count: int) -> None:
    posts = [a_post(f"p{n}", release_at=NOW + n * HOUR) for n in range(1, count)]
    view = a_view([a_release(post) for post in posts])

    benchmark(plan, posts, view, a_policy(), NOW)


@pytest.mark.benchmark(group="calendar: ten times the releases")
@pytest.mark.parametrize("count", [100, 1_000])
def test_calendar(benchmark, count: int) -> None:
    posts = [a_post(f"p{n}", release_at=NOW + n * HOUR) for n in range(1, count)]

    benchmark(preview, posts, a_view(), a_policy(), NOW)


@pytest.mark.benchmark(group="quiet tick: ten times the posts")
@pytest.mark.parametrize("count", [100, 1_000])
def test_quiet_tick(benchmark, tmp_path: Path, count: int) -> None:
    world = a_large_world(tmp_path, count)
    with world.engine() as engine:
        engine.tick()

        benchmark(engine.tick)
