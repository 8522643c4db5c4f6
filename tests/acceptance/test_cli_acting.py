"""The commands that act: they show what they will do, ask, do it once, and say how it went."""

from __future__ import annotations

import os
import pty
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.system import locks
from tests.acceptance.sites import TIMEOUT_S, Site, a_faulty_site, a_series, a_site
from tests.platforms.server import Fault
from tests.platforms.webhook import WebhookPlatform

AGAIN = ("reannounce", "pattern", "--reason", "conference week")


def answer_on_a_terminal(site: Site, answer: str, *arguments: str) -> int:
    """Run a command whose standard input is a terminal, and type an answer; give its code."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        return subprocess.run(
            site.command(*arguments),
            cwd=site.folder,
            env=site.all_environ(),
            stdin=theirs,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        ).returncode
    finally:
        os.close(ours)
        os.close(theirs)


def minutes_ago(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()  # noqa: TID251


# --- asking --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("adopt",),
        ("release", "door"),
        AGAIN,
        ("retry", "pattern/x"),
        ("resolve", "pattern/x", "--drop"),
    ],
    ids=" ".join,
)
def test_without_a_terminal_nothing_is_done_without_yes(
    arguments: tuple[str, ...], refused: Site
) -> None:
    refused.write("late", reveal="2026-01-01")
    before = refused.files()

    shown = refused.run(*arguments, code=2)

    assert "nothing was done: without a terminal this needs --yes" in shown.err
    assert refused.files() == before


@pytest.mark.parametrize(("answer", "code", "state"), [("n\n", 1, "scheduled"), ("y\n", 0, "live")])
def test_on_a_terminal_the_answer_decides(
    answer: str, code: int, state: str, lived_in: Site
) -> None:
    ended = answer_on_a_terminal(lived_in, answer, "release", "door")

    found = lived_in.run("status", "--json").json()["releases"]
    assert (ended, found[0]["post"], found[0]["state"]) == (code, "door", state)


# --- adopt ---------------------------------------------------------------------------------


def test_adopt_shows_what_becomes_baseline_and_what_is_to_come(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    shown = site.run("adopt", "--yes")

    assert shown.out == (
        "1 post already public; never announced:\n"
        "  plane: The Plane\n"
        "2 posts will stay scheduled:\n"
        "  2099-03-10 09:00 +01:00  pattern: The Pattern\n"
        "  2099-03-24 18:30 +01:00  door: The Door\n"
        "adopted: 1 post recorded as public\n"
    )
    assert site.outbox == []


def test_adopting_twice_is_adopting_once(tmp_path: Path) -> None:
    site = a_series(tmp_path)
    site.run("adopt", "--yes")
    before = site.files()

    shown = site.run("adopt", "--yes")

    assert shown.out == "already adopted; nothing to do\n"
    assert site.files() == before


def test_adopt_names_what_was_scheduled_for_a_date_that_is_over(tmp_path: Path) -> None:
    site = a_site(tmp_path / "site")
    site.write("chisel", reveal="2020-03-09T09:00:00+01:00")

    shown = site.run("adopt", "--yes")

    assert shown.out == (
        "1 post already public; never announced:\n"
        "  chisel: The Chisel\n"
        "of these, scheduled for a past date (`publisher release POST` releases one):\n"
        "  2020-03-09 09:00 +01:00  chisel: The Chisel\n"
        "0 posts will stay scheduled\n"
        "adopted: 1 post recorded as public\n"
    )
    assert "    publisher release chisel\n" in site.run("status", code=3).out


def test_adopting_again_does_not_take_away_a_release_that_is_due(tmp_path: Path) -> None:
    site = a_site(tmp_path / "site")
    site.write("chisel", reveal="2099-03-09T09:00:00+01:00")
    site.run("adopt", "--yes")
    site.write("chisel", reveal="2020-03-09T09:00:00+01:00")

    shown = site.run("adopt", "--yes")

    assert shown.out == "already adopted; nothing to do\n"
    assert site.run("status", "--json", code=None).json()["releases"][0]["state"] == "scheduled"


# --- tick ----------------------------------------------------------------------------------


def test_tick_releases_and_announces_what_is_due(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    site.run("adopt", "--yes")
    site.write("fresh", reveal=minutes_ago(1))

    shown = site.run("tick")

    assert shown.out.splitlines()[0] == "fresh: flipped (content/blog/fresh.md)"
    assert shown.out.splitlines()[2] == "fresh: live at https://site.example/blog/fresh"
    assert sorted(shown.out.splitlines()[3:]) == [
        "fresh/newsletter/launch: sent",
        "fresh/x/launch: sent",
    ]
    assert [(e["channel"], e["link"]) for e in site.outbox] == [
        ("newsletter", "https://site.example/blog/fresh"),
        ("x", "https://site.example/blog/fresh"),
    ]


def test_second_tick_has_nothing_to_do(lived_in: Site) -> None:
    shown = lived_in.run("tick")

    assert shown.out == "nothing is due; next at 2099-03-24 18:30 +01:00\n"
    assert len(lived_in.outbox) == 2


def test_tick_of_an_unadopted_ledger_ends_with_3(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    shown = site.run("tick", code=3)

    assert "`publisher adopt`" in shown.out


def test_tick_ends_with_1_when_the_build_fails_and_shows_its_output(lived_in: Site) -> None:
    (lived_in.folder / "content" / "broken").touch()
    lived_in.write("fresh", reveal=minutes_ago(1))

    shown = lived_in.run("tick", code=1)

    assert "the rebuild for fresh failed: " in shown.out
    assert "  the generator does not like this\n" in shown.err
    assert len(lived_in.outbox) == 2


@pytest.mark.parametrize("name", ["fresh", "content/blog/fresh.md"], ids=["by id", "by path"])
def test_retry_of_a_post_goes_on_at_once_after_its_build_was_mended(
    name: str, lived_in: Site
) -> None:
    broken = lived_in.folder / "content" / "broken"
    broken.touch()
    lived_in.write("fresh", reveal=minutes_ago(1))
    lived_in.run("tick", code=1)
    stuck = lived_in.run("status", code=3)
    broken.unlink()

    shown = lived_in.run("retry", name, "--yes")

    assert "the rebuild failed: " in stuck.out
    assert "fresh: revealing, its release continues now\n" in shown.out
    assert "fresh: live at https://site.example/blog/fresh\n" in shown.out
    assert len(lived_in.outbox) == 4


def test_tick_ends_with_1_when_a_post_cannot_be_read_and_goes_on_with_the_others(
    lived_in: Site,
) -> None:
    lived_in.write("odd", reveal="2099-02-30")
    lived_in.write("fresh", reveal=minutes_ago(1))

    shown = lived_in.run("tick", code=1)

    assert "error: content/blog/odd.md:4: " in shown.err
    assert "fresh: live at https://site.example/blog/fresh\n" in shown.out


# --- release -------------------------------------------------------------------------------


def test_release_shows_the_texts_then_releases_ahead_of_the_date(lived_in: Site) -> None:
    shown = lived_in.run("release", "door", "--yes", "--reason", "it leaked")

    path = lived_in.folder / "content" / "blog" / "door.md"
    assert shown.out.startswith(
        "content/blog/door.md: status changes to published, and the site is rebuilt"
    )
    assert "x               57/280  The Door\n" in shown.out
    assert "door/x/launch: sent\n" in shown.out
    assert "status: published\n" in path.read_text()
    assert "it leaked" in lived_in.run("log", "door").out


def test_release_of_what_is_live_is_refused(lived_in: Site) -> None:
    shown = lived_in.run("release", "pattern", "--yes", code=1)

    assert shown.err == "error: pattern is live already\n  see `publisher why pattern`\n"


def test_release_of_what_was_public_before_points_to_reannounce(lived_in: Site) -> None:
    shown = lived_in.run("release", "plane", "--yes", code=1)

    assert "`publisher reannounce plane --reason …`" in shown.err
    assert len(lived_in.outbox) == 2


def test_release_stands_although_the_date_was_edited_just_before(lived_in: Site) -> None:
    lived_in.write("door", reveal="2099-07-01", more="announce: {newsletter: false}\n")

    lived_in.run("release", "door", "--yes")

    assert "https://site.example/blog/door" in [entry["link"] for entry in lived_in.outbox]


def test_release_of_an_unadopted_site_is_refused(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    shown = site.run("release", "pattern", "--yes", code=1)

    assert "run `publisher adopt`" in shown.err


def test_daemon_is_left_to_do_it(lived_in: Site) -> None:
    with locks.hold(lived_in.folder / ".publisher", locks.DAEMON):
        shown = lived_in.run("release", "door", "--yes")

    found = lived_in.run("why", "door", "--json").json()
    assert "the daemon does it within 15 s" in shown.err
    assert found["file_says"] == "scheduled"
    assert found["coming"][0]["why"] == "asked for with `publisher release`"


# --- reannounce ----------------------------------------------------------------------------


def test_reannouncing_twice_repeats_nothing(lived_in: Site) -> None:
    lived_in.run(*AGAIN, "--occasion", "week", "--channel", "x", "--text", "Again: {url}", "--yes")
    sent = lived_in.outbox

    shown = lived_in.run(*AGAIN, "--occasion", "week", "--channel", "x", "--yes")

    assert shown.out == "pattern/x/week: already confirmed; nothing is repeated\n"
    assert lived_in.outbox == sent
    assert sent[1]["text"] == "Again: https://site.example/blog/pattern"


def test_reannouncing_names_the_day_and_takes_every_channel_of_the_post(lived_in: Site) -> None:
    lived_in.run(*AGAIN, "--yes")

    found = lived_in.run("status", "--json").json()["deliveries"]
    again = [d for d in found if d["occasion"].startswith("again-20")]
    assert [(d["channel"], d["state"]) for d in again] == [
        ("newsletter", "confirmed"),
        ("x", "confirmed"),
    ]
    assert "conference week" in lived_in.run("log").out


def test_baseline_can_be_announced_by_hand(lived_in: Site) -> None:
    lived_in.run("reannounce", "plane", "--reason", "it is old", "--channel", "x", "--yes")

    assert "https://site.example/blog/plane" in [entry["link"] for entry in lived_in.outbox]


def test_later_announcement_waits_for_its_instant(lived_in: Site) -> None:
    lived_in.run(*AGAIN, "--at", "2099-05-01T09:00", "--occasion", "may", "--channel", "x", "--yes")

    entries = lived_in.run("calendar", "--json", "--from", "2099-05-01").json()["entries"]
    assert [(e["at"], e["occasion"]) for e in entries] == [("2099-05-01T07:00:00Z", "may")]
    assert len(lived_in.outbox) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("reannounce", "door", "--reason", "r"), 1, "door is not live: it is scheduled"),
        (("reannounce", "pattern"), 2, "Missing option '--reason'"),
        ((*AGAIN, "--channel", "news"), 1, "there is no channel 'news' in jobs.yaml"),
        ((*AGAIN, "--text", "{uri}"), 1, "names {uri}, which does not exist"),
        ((*AGAIN, "--at", "2026-01-01"), 2, "2026-01-01 is in the past"),
        (
            (*AGAIN, "--occasion", "launch"),
            2,
            "launch names the first announcement; choose another name",
        ),
    ],
)
def test_announcement_that_makes_no_sense_is_refused(
    arguments: tuple[str, ...], code: int, complaint: str, lived_in: Site
) -> None:
    before = lived_in.files()

    shown = lived_in.run(*arguments, "--yes", code=code)

    assert complaint in shown.err
    assert lived_in.files() == before


# --- retry and resolve ----------------------------------------------------------------------


def test_refused_announcement_is_sent_by_retry(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_faulty_site(tmp_path, platform, Fault.refuse(400))
        waiting = site.run("status", "--json", code=3).json()["waiting"]

        shown = site.run("retry", "pattern/x", "--yes")

        assert [hold["command"] for hold in waiting] == ["publisher retry pattern/x/launch"]
        assert "pattern/x/launch: failed, will be sent: " in shown.out
        assert "pattern/x/launch: sent\n" in shown.out
        assert len(platform.accepted) == 1


@pytest.mark.parametrize("what", [(), ("pattern",), ("x",)])
def test_retry_takes_all_of_a_post_of_a_channel_or_of_the_site(
    what: tuple[str, ...], tmp_path: Path
) -> None:
    with WebhookPlatform() as platform:
        site = a_faulty_site(tmp_path, platform, Fault.refuse(400))

        site.run("retry", *what, "--yes")

        assert len(platform.accepted) == 1


def test_channel_with_renewed_credentials_is_opened_by_retry(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_faulty_site(tmp_path, platform, Fault.refuse(401))
        waiting = site.run("status", "--json", code=3).json()["waiting"]

        site.run("retry", "x", "--yes")

        assert [hold["command"] for hold in waiting] == ["publisher retry x"]
        assert len(platform.accepted) == 1


@pytest.mark.parametrize("what", ["pattern/x", "pattern", "x"])
def test_what_may_have_gone_out_is_never_retried(what: str, tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_faulty_site(tmp_path, platform, Fault.accept_then_reset())

        shown = site.run("retry", what, "--yes", code=None)

        assert "publisher resolve pattern/x/launch --sent URL" in shown.err
        assert len(platform.accepted) == 1


@pytest.mark.parametrize(
    ("options", "state", "count"),
    [
        (("--sent", "https://x.example/1"), "confirmed", 1),
        (("--not-sent",), "confirmed", 2),
        (("--drop",), "cancelled", 1),
    ],
)
def test_uncertain_announcement_is_settled_by_a_person(
    options: tuple[str, ...], state: str, count: int, tmp_path: Path
) -> None:
    with WebhookPlatform(honours_keys=False) as platform:
        site = a_faulty_site(tmp_path, platform, Fault.accept_then_reset())
        waiting = site.run("status", "--json", code=3).json()["waiting"]

        site.run("resolve", "pattern/x", *options, "--yes")

        found = site.run("status", "--json").json()["deliveries"]
        assert waiting[0]["command"] == "publisher resolve pattern/x/launch --sent URL"
        assert [delivery["state"] for delivery in found] == [state]
        assert len(platform.accepted) == count


def test_address_of_another_announcement_is_refused(tmp_path: Path) -> None:
    with WebhookPlatform(honours_keys=False) as platform:
        site = a_faulty_site(tmp_path, platform, Fault.accept_then_reset())
        site.run("resolve", "pattern/x", "--sent", "https://x.example/1", "--yes")
        platform.faults.append(Fault.accept_then_reset())
        site.run(*AGAIN, "--occasion", "week", "--yes", code=None)

        shown = site.run("resolve", "pattern/x", "--sent", "https://x.example/1", "--yes", code=1)

        assert "https://x.example/1 is pattern/x/launch" in shown.err


def test_settled_delivery_cannot_be_settled_again(lived_in: Site) -> None:
    shown = lived_in.run("resolve", "pattern/x", "--not-sent", "--yes", code=1)

    assert "pattern/x/launch is confirmed" in shown.err


def test_resolve_wants_exactly_one_answer(lived_in: Site) -> None:
    shown = lived_in.run("resolve", "pattern/x", "--drop", "--not-sent", code=2)

    assert "give one of --sent URL, --not-sent and --drop" in shown.err


def test_two_ticks_at_once_announce_once(tmp_path: Path) -> None:
    site = a_series(tmp_path)
    site.run("adopt", "--yes")
    site.write("fresh", reveal=minutes_ago(1))

    ticks = [
        subprocess.Popen(
            site.command("tick"),
            cwd=site.folder,
            env=site.all_environ(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    codes = [tick.wait(timeout=TIMEOUT_S) for tick in ticks]

    events = site.run("log", "fresh", "--json", "--limit", "200").json()["events"]
    sent = [e for e in events if (e["kind"], e["to_state"]) == ("delivery", "sent")]
    assert codes == [0, 0, 0]
    assert sorted(event["channel"] for event in sent) == ["newsletter", "x"]


# --- two ticks at once -----------------------------------------------------------------------


def test_tick_beside_another_ends_at_once_and_says_so(lived_in: Site) -> None:
    with locks.hold(lived_in.folder / ".publisher", locks.TICK):
        shown = lived_in.run("tick")

    assert shown.out.startswith(f"another publisher process is at work: {os.getpid()}, since ")
    assert lived_in.run("tick", code=None).out.startswith("another") is False
