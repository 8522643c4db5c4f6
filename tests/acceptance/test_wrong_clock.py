"""The real daemon on a machine whose clock is ahead of the site's."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from tests.acceptance.programs import World, a_world, names

HOUR = timedelta(hours=1)
SENTENCE = "is not due yet by the site's clock: the clock of this machine is 60 minutes ahead"


def is_untouched(world: World) -> bool:
    return all(path.read_bytes() == old for path, old in world.before.items())


def test_post_that_is_due_by_our_clock_only_is_held_and_everybody_says_why(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        world.write("pattern")
        world.web.clock_ahead = -HOUR

        with world.daemon() as daemon:
            told = daemon.wait_for("person.needed", post="pattern")
            daemon.wait_until_ready()
            status = world.status()
            why = world.site.run("why", "pattern")
            code = daemon.end()
        tick = world.site.run("tick", code=3)

        assert code == 0
        assert SENTENCE in told["reason"]
        assert "clock.ahead" in names(daemon.events)
        assert [hold["post"] for hold in status["waiting"]] == ["pattern"]
        assert SENTENCE in status["waiting"][0]["why"]
        assert SENTENCE in " ".join(why.out.split())
        assert SENTENCE in " ".join(tick.out.split())
        assert is_untouched(world)
        assert (world.steps(), world.posts("hook")) == ([], [])


def test_held_post_is_released_once_the_clocks_agree(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        world.write("pattern")
        world.web.clock_ahead = -HOUR
        world.site.run("tick", code=3)
        world.web.clock_ahead = timedelta(0)

        world.recover()

        assert world.states() == {"hook": "confirmed"}
        assert world.status()["waiting"] == []
        world.assert_sound()


def test_reading_commands_ask_nobody_for_the_time(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        world.write("pattern")

        for command in ("status", "calendar"):
            world.site.run(command)
        world.site.run("tick", "--dry-run")

        assert world.web.requests == []


def test_site_is_not_asked_for_the_time_when_told_not_to(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        jobs = tmp_path / "jobs.yaml"
        jobs.write_text(json.dumps({**json.loads(jobs.read_text()), "verify": {"clock": False}}))
        world.write("pattern")
        world.web.clock_ahead = -HOUR

        world.recover()

        assert world.states() == {"hook": "confirmed"}
        assert {request.method for request in world.web.requests} == {"GET"}
