"""The real daemon: its instants, its signals, and everything that may run beside it."""

from __future__ import annotations

import signal
from datetime import datetime
from pathlib import Path

import requests

from tests.acceptance.programs import ALL, PatientWebhook, Program, a_world, names, until

TEXT = "One morning the pattern lay on the bench"


# --- a release ------------------------------------------------------------------------------


def test_post_is_released_built_checked_and_announced_at_its_instant(tmp_path: Path) -> None:
    with a_world(tmp_path, "keyed", "outbox") as world:
        path = world.write("pattern", due_s=6)
        page = f"{world.web.url}/blog/pattern"
        before = requests.get(page, timeout=10).status_code

        with world.daemon() as daemon:
            begun = daemon.wait_for("release.begun")
            for channel in world.channels:
                daemon.wait_for("delivery.sent", channel=channel)
            code = daemon.end()

        first = names(daemon.events)
        assert first.index("post.observed") < first.index("release.begun")
        assert 0 <= int(begun["late_ms"]) < 1000
        assert datetime.fromisoformat(begun["at"]) >= datetime.fromisoformat(begun["due"])
        assert (before, code) == (404, 0)
        assert TEXT in requests.get(page, timeout=10).text
        assert "status: published" in path.read_text()
        assert world.states() == {"keyed": "confirmed", "outbox": "confirmed"}
        world.assert_sound()


def test_nothing_is_announced_before_the_live_page_shows_the_post(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        world.write("pattern")
        world.web.next(404)

        with world.daemon() as daemon:
            waiting = daemon.wait_for("verify.waiting")
            daemon.wait_for("delivery.sent")
            code = daemon.end()

        told = names(daemon.events)
        assert told.index("verify.waiting") < told.index("release.live")
        assert told.index("release.live") < told.index("delivery.sending")
        assert "answered 404" in waiting["reason"]
        assert code == 0
        world.assert_sound()


def test_nothing_is_announced_while_the_build_fails(tmp_path: Path) -> None:
    with a_world(tmp_path, *ALL) as world:
        world.write("pattern")
        (tmp_path / "control" / "broken").touch()

        daemon = world.recover()
        (tmp_path / "control" / "broken").unlink()
        again = world.site.run("tick", code=3)  # too soon: it is tried again after a minute

        failed = daemon.wait_for("rebuild.failed")
        assert "failed with exit code 1" in failed["reason"]
        daemon.wait_for("rebuild.output", line="the generator does not like this")
        assert "nothing is due; next at" in again.out
        assert world.steps() == ["start"]
        assert set(world.states().values()) == {"planned"}
        assert [world.posts(channel) for channel in ALL] == [[]] * len(ALL)
        world.assert_sound()


def test_failed_build_says_why_the_post_waits_and_until_when(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.write("pattern")
        (tmp_path / "control" / "broken").touch()
        world.recover()

        holds = world.site.run("why", "pattern", "--json").json()["holds"]

        waiting = next(hold for hold in holds if "failed with exit code 1" in hold["why"])
        assert waiting["until"] == world.status()["next_due"]
        release = world.status()["releases"][0]
        assert (release["state"], release["failures"]) == ("revealing", 1)
        assert "failed with exit code 1" in release["reason"]


# --- beside the daemon ----------------------------------------------------------------------


def test_second_daemon_is_refused_and_says_who_holds_the_ledger(tmp_path: Path) -> None:
    with a_world(tmp_path) as world, world.daemon() as daemon:
        daemon.wait_until_ready()

        refused = world.site.run("run", code=75)

        assert f"held by the publisher process {daemon.popen.pid}" in refused.err
        assert daemon.end() == 0


def test_commands_beside_a_daemon_that_builds_neither_wait_nor_disturb(tmp_path: Path) -> None:
    with a_world(tmp_path, *ALL) as world:
        world.write("pattern")
        world.hold_build("middle")
        with world.daemon() as daemon:
            until(lambda: "middle" in world.steps(), daemon)

            status = world.status()
            calendar = world.site.run("calendar", "--json").json()
            log = world.site.run("log", "--json").json()
            world.let_build()
            daemon.wait_until_ready()
            code = daemon.end()

        assert status["releases"][0]["state"] == "revealing"
        assert {entry["action"] for entry in calendar["entries"]} == {"announce"}
        assert "pattern" in {event["post"] for event in log["events"]}
        assert code == 0
        assert set(world.states().values()) == {"confirmed"}
        world.assert_sound()


def test_tick_beside_a_daemon_at_work_ends_at_once_and_repeats_nothing(tmp_path: Path) -> None:
    with a_world(tmp_path, *ALL) as world:
        world.write("pattern")
        world.hold_build("middle")
        with world.daemon() as daemon:
            until(lambda: "middle" in world.steps(), daemon)
            with world.program("tick") as tick:
                code = tick.wait()
            before = world.steps()
            world.let_build()
            until(lambda: set(world.states().values()) == {"confirmed"}, daemon)
            ended = daemon.end()

        assert (code, ended) == (0, 0)
        assert before == ["start", "middle"]
        assert world.steps() == ["start", "middle", "end"]
        world.assert_sound()


def test_two_ticks_at_once_announce_once(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook", "outbox") as world:
        world.write("pattern")

        with world.program("tick") as one, world.program("tick") as other:
            codes = (one.wait(), other.wait())

        assert codes == (0, 0)
        assert world.steps() == ["start", "middle", "end"]
        assert (len(world.posts("hook")), world.sends("hook")) == (1, 1)
        world.assert_sound()


# --- signals --------------------------------------------------------------------------------


def ask_to_end(daemon: Program, event: str) -> None:
    """Send SIGTERM and wait until the log answers."""
    daemon.popen.send_signal(signal.SIGTERM)
    daemon.wait_for(event, signal="SIGTERM")


def test_delivery_under_way_is_finished_and_nothing_new_begun(tmp_path: Path) -> None:
    with a_world(tmp_path, "patient") as world:
        service = world.services["patient"]
        assert isinstance(service, PatientWebhook)
        world.write("pattern", due_s=-20)
        world.write("door", due_s=-10)
        with world.daemon() as daemon:
            until(lambda: world.posts("patient"), daemon)

            ask_to_end(daemon, "service.stopping")
            ask_to_end(daemon, "signal.ignored")
            service.may_answer.set()
            code = daemon.wait()

        assert code == 0
        assert world.states("pattern") == {"patient": "confirmed"}
        assert world.states("door") == {"patient": "planned"}
        assert world.sends("patient") == 1
        world.recover()
        assert world.states("door") == {"patient": "confirmed"}
        assert world.sends("patient") == 2
        world.assert_sound()


def test_build_under_way_is_ended_and_done_afresh_by_the_next_daemon(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.write("pattern")
        world.hold_build("middle")
        with world.daemon() as daemon:
            until(lambda: "middle" in world.steps(), daemon)
            code = daemon.end()
        world.let_build()

        world.recover()

        assert code == 0
        assert "rebuild.failed" not in names(daemon.events)
        assert world.steps() == ["start", "middle", "start", "middle", "end"]
        assert world.states() == {"outbox": "confirmed"}
        world.assert_sound()
