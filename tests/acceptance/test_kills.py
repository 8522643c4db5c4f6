"""The real daemon, killed at every place where it hurts, and started again.

After each kill: nothing is announced twice, nothing is lost, the ledger knows what it cannot
know, and every post's file holds its old bytes or its new ones.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.programs import ALL, World, a_world, comes_true, hang, until

PAGE_STEPS = (
    "service.started",
    "release.begun",
    "flip.done",
    "rebuild.started",
    "rebuild.done",
    "release.live",
)
ANNOUNCED = dict.fromkeys(ALL, "confirmed")

# What is left of a delivery whose request may have left, while nobody has it: the service with
# keys is asked again at once, those that can be asked are asked for some minutes, the others need
# a person.
LOST = {
    "x": ("uncertain", 0),
    "linkedin": ("held", 0),
    "newsletter": ("uncertain", 0),
    "keyed": ("confirmed", 1),
    "hook": ("held", 0),
    "outbox": ("confirmed", 1),
}


# --- the page ------------------------------------------------------------------------------


@pytest.mark.parametrize("event", PAGE_STEPS)
def test_killed_on_the_way_to_the_live_page_everything_is_announced_once(
    event: str, tmp_path: Path
) -> None:
    with a_world(tmp_path, *ALL) as world:
        world.write("pattern")
        world.die_at(event)

        world.recover()

        assert world.states() == ANNOUNCED
        assert [len(world.posts(channel)) for channel in ALL] == [1] * len(ALL)
        world.assert_sound()


@pytest.mark.parametrize("step", ["start", "middle"])
def test_build_of_a_killed_daemon_never_meets_the_next_one(step: str, tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.write("pattern")
        world.hold_build(step)
        with world.daemon() as killed:
            until(lambda: step in world.steps(), killed)
            killed.kill()

        with world.daemon() as daemon:
            daemon.wait_for("rebuild.started")
            is_met = comes_true(lambda: world.steps().count("start") > 1, within_s=0.5)
            world.let_build()
            daemon.wait_until_ready()
            code = daemon.end()

        assert not is_met
        assert code == 0
        assert world.steps() == ["start", "middle", "end"] * 2
        assert world.states() == {"outbox": "confirmed"}
        world.assert_sound()


def test_killed_during_the_build_each_channel_is_told_once(tmp_path: Path) -> None:
    with a_world(tmp_path, *ALL) as world:
        world.write("pattern")
        world.hold_build("middle")
        with world.daemon() as killed:
            until(lambda: "middle" in world.steps(), killed)
            killed.kill()
        announced = [world.posts(channel) for channel in ALL]
        world.let_build()

        world.recover()

        assert announced == [[]] * len(ALL)
        assert world.states() == ANNOUNCED
        world.assert_sound()


# --- a delivery ----------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ALL)
def test_killed_before_the_request_left_it_is_found_out_as_the_channel_allows(
    channel: str, tmp_path: Path
) -> None:
    with a_world(tmp_path, channel) as world:
        world.write("pattern")
        world.die_at(f"delivery.sending channel={channel}")

        world.recover()

        assert (world.states()[channel], len(world.posts(channel))) == LOST[channel]
        world.assert_sound()


@pytest.mark.parametrize("channel", ALL)
def test_killed_after_the_answer_was_recorded_nothing_is_repeated(
    channel: str, tmp_path: Path
) -> None:
    with a_world(tmp_path, channel) as world:
        world.write("pattern")
        world.die_at(f"delivery.sent channel={channel}")

        world.recover()

        assert (world.states()[channel], len(world.posts(channel))) == ("confirmed", 1)
        assert channel == "outbox" or world.sends(channel) == 1
        world.assert_sound()


def kill_while_it_hangs(world: World, channel: str, *, is_accepted: bool) -> None:
    """Kill the daemon while it waits for the answer of a service that says nothing."""
    world.write("pattern")
    world.services[channel].faults.append(hang(channel, is_accepted=is_accepted))
    with world.daemon() as killed:
        until(lambda: world.sends(channel), killed)
        until(lambda: world.posts(channel) or not is_accepted, killed)
        killed.kill()


@pytest.mark.parametrize("channel", ["x", "newsletter"])
def test_post_whose_answer_was_lost_is_found_by_looking_it_up(channel: str, tmp_path: Path) -> None:
    with a_world(tmp_path, channel) as world:
        kill_while_it_hangs(world, channel, is_accepted=True)

        world.recover()

        record = world.deliveries()[channel]
        assert (record.state, record.evidence) == ("confirmed", "lookup")
        assert record.remote_id
        assert (len(world.posts(channel)), world.sends(channel)) == (1, 1)
        world.assert_sound()


def test_post_whose_answer_was_lost_is_repeated_under_its_key(tmp_path: Path) -> None:
    with a_world(tmp_path, "keyed") as world:
        kill_while_it_hangs(world, "keyed", is_accepted=True)

        world.recover()

        requests = world.services["keyed"].requests
        assert world.states() == {"keyed": "confirmed"}
        assert len({request.headers["idempotency-key"] for request in requests}) == 1
        assert len({request.body for request in requests}) == 1
        assert (len(world.posts("keyed")), len(requests)) == (1, 2)
        world.assert_sound()


@pytest.mark.parametrize("channel", ["linkedin", "hook"])
def test_post_that_nobody_can_ask_about_waits_for_a_person(channel: str, tmp_path: Path) -> None:
    with a_world(tmp_path, channel) as world:
        kill_while_it_hangs(world, channel, is_accepted=True)

        world.recover()

        (waiting,) = world.status()["waiting"]
        assert waiting["command"] == f"publisher resolve pattern/{channel}/launch --sent URL"
        assert "may have gone out" in waiting["why"]
        assert any("--not-sent" in command for command in waiting["commands"])
        assert (world.states()[channel], world.sends(channel)) == ("held", 1)
        world.assert_sound()


@pytest.mark.parametrize("channel", ["x", "linkedin", "newsletter", "keyed", "hook"])
def test_request_that_the_service_never_acted_on_is_not_taken_for_sent(
    channel: str, tmp_path: Path
) -> None:
    with a_world(tmp_path, channel) as world:
        kill_while_it_hangs(world, channel, is_accepted=False)

        world.recover()

        assert (world.states()[channel], len(world.posts(channel))) == LOST[channel]
        world.assert_sound()


def test_status_says_what_is_being_looked_up(tmp_path: Path) -> None:
    with a_world(tmp_path, "x") as world:
        kill_while_it_hangs(world, "x", is_accepted=False)
        world.recover()

        (delivery,) = world.status()["deliveries"]

        assert (delivery["state"], delivery["attempts"]) == ("uncertain", 1)
        assert delivery["reason"] == "its process ended while it was being sent"


# --- a person decides ------------------------------------------------------------------------


def test_person_who_found_the_post_settles_it(tmp_path: Path) -> None:
    url = "https://receiver.example/7"
    with a_world(tmp_path, "hook") as world:
        kill_while_it_hangs(world, "hook", is_accepted=True)
        world.recover()

        world.site.run("resolve", "pattern/hook", "--sent", url, "--yes")
        world.recover()

        record = world.deliveries()["hook"]
        assert (record.state, record.remote_url) == ("confirmed", url)
        assert world.status()["waiting"] == []
        assert world.sends("hook") == 1
        world.assert_sound()


def test_person_who_found_nothing_has_it_sent_once_more(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        kill_while_it_hangs(world, "hook", is_accepted=False)
        world.recover()

        world.site.run("resolve", "pattern/hook", "--not-sent", "--yes")
        world.recover()

        assert world.states() == {"hook": "confirmed"}
        assert world.status()["waiting"] == []
        assert (len(world.posts("hook")), world.sends("hook")) == (1, 2)
        world.assert_sound()


def test_decision_given_twice_sends_once(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        kill_while_it_hangs(world, "hook", is_accepted=False)
        world.recover()
        world.site.run("resolve", "pattern/hook", "--not-sent", "--yes")

        world.site.run("resolve", "pattern/hook", "--not-sent", "--yes", code=1)

        assert (len(world.posts("hook")), world.sends("hook")) == (1, 2)


# --- again and again -----------------------------------------------------------------------


def test_killed_at_every_step_of_one_release_it_is_announced_once(tmp_path: Path) -> None:
    with a_world(tmp_path, "keyed") as world:
        world.write("pattern")
        for event in (*PAGE_STEPS, "delivery.sending", "delivery.sent"):
            world.die_at(event)

        world.recover()

        assert world.states() == {"keyed": "confirmed"}
        assert len(world.posts("keyed")) == 1
        world.assert_sound()
