"""`publisher reschedule`: the plan first, then only the bytes of the dates."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from publisher.system import locks
from tests.acceptance.sites import Site, a_site

PART = "series: {{name: Tools, part: {}}}\n"


def a_tool_series(folder: Path) -> Site:
    """Give a site with a series of a public part and three to come, over a change of clocks."""
    site = a_site(folder)
    site.write("adze", reveal="2026-01-13", status="published", more=PART.format(1))
    site.write("bevel", reveal="2099-03-10", more=PART.format(2))
    site.write("chisel", reveal="2099-03-17T18:30:00+01:00 # late", more=PART.format(3))
    site.write("drill", reveal="'2099-03-24T09:00'", more=PART.format(4))
    site.run("adopt", "--yes", "--no-build")
    return site


def dates(site: Site) -> dict[str, str]:
    """Give what stands behind `reveal:` in each file."""
    blog = site.folder / "content" / "blog"
    found = {path.stem: re.search("reveal: (.*)", path.read_text()) for path in blog.glob("*.md")}
    return {name: match[1] for name, match in sorted(found.items()) if match}


def due(site: Site) -> list[tuple[str, str]]:
    entries = site.run("calendar", "--json").json()["entries"]
    return [(e["post"], e["local"]) for e in entries if e["action"] == "release"]


def test_post_moves_and_only_its_date_changes(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    before = site.files()

    shown = site.run("reschedule", "bevel", "--to", "2099-03-12T08:00", "--yes")

    assert shown.out == (
        "bevel  Tue 2099-03-10 09:00 +01:00  ->  Thu 2099-03-12 08:00 +01:00\n"
        "bevel: moved to 2099-03-12 08:00 +01:00\n"
    )
    name = "content/blog/bevel.md"
    after = before[name].replace(b"2099-03-10", b"2099-03-12T08:00:00+01:00")
    assert (site.folder / name).read_bytes() == after
    changed = {path for path, data in site.files().items() if before.get(path) != data}
    assert {path for path in changed if path.startswith("content")} == {name}
    assert due(site)[0] == ("bevel", "2099-03-12T08:00:00+01:00")


def test_following_parts_move_by_as_much_on_the_clocks_of_the_site(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)

    shown = site.run("reschedule", "bevel", "--to", "+7d", "--shift-following", "--yes")

    assert dates(site) == {
        "adze": "2026-01-13",
        "bevel": "2099-03-17",
        "chisel": "2099-03-24T18:30:00+01:00 # late",
        "drill": "'2099-03-31T09:00'",
    }
    assert shown.out.splitlines()[:4] == [
        "bevel   Tue 2099-03-10 09:00 +01:00  ->  Tue 2099-03-17 09:00 +01:00",
        "chisel  Tue 2099-03-17 18:30 +01:00  ->  Tue 2099-03-24 18:30 +01:00",
        "drill   Tue 2099-03-24 09:00 +01:00  ->  Tue 2099-03-31 09:00 +02:00",
        "        daylight saving time changes in between; the local time stays",
    ]


def test_offset_in_the_file_follows_the_clocks(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)

    site.run("reschedule", "chisel", "--to", "+21d", "--yes")

    assert dates(site)["chisel"] == "2099-04-07T18:30:00+02:00 # late"


def test_released_parts_and_parts_without_a_date_stay(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    site.write("easel", status="draft", more=PART.format(5))
    site.run("release", "chisel", "--yes")

    shown = site.run("reschedule", "bevel", "--to", "+7d", "--shift-following", "--yes")

    assert "chisel: skipped: chisel is live already" in shown.err
    assert "easel: skipped: it has no date" in shown.err
    assert dates(site)["chisel"] == "2099-03-17T18:30:00+01:00 # late"
    assert dates(site)["drill"] == "'2099-03-31T09:00'"


def test_ledger_knows_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    site.run("tick")

    site.run("reschedule", "bevel", "--to", "2099-05-04", "--yes")

    found = site.run("status", "--json").json()["releases"]
    bevel = next(row for row in found if row["post"] == "bevel")
    assert bevel["release_at"] == "2099-05-04T07:00:00Z"
    assert (
        "rescheduled with `publisher reschedule`, "
        "from 2099-03-10 09:00 +01:00 to 2099-05-04 09:00 +02:00"
    ) in site.run("log", "bevel").out


def test_pages_that_name_the_old_day_are_listed(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    (site.folder / "content" / "index.md").write_text(
        "# Tools\n\n[Bevel](/blog/bevel)\n\n"
        '<RevealStamp date="Tuesday, March 10th" relative />\n\nComes on 10 March 2099.\n'
        "In 2098 it was on March 10, 2098.\n"
    )

    shown = site.run("reschedule", "bevel", "--to", "+1d", "--yes")

    assert (
        "\nthese still name the old date; edit them yourself:\n"
        "  content/index.md:5: Tuesday, March 10th\n"
        "  content/index.md:7: 10 March 2099\n"
    ) in shown.out
    assert "March 10, 2098" not in shown.out


def test_announcement_with_its_own_time_is_named_and_stays(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    own = "announce: {x: {at: '2099-03-10T12:00'}}\n"
    path = site.write("bevel", reveal="2099-03-10", more=own)

    shown = site.run("reschedule", "bevel", "--to", "+7d", "--yes")

    assert (
        "its announcement on x keeps its own time: 2099-03-10 12:00 +01:00; "
        "that is before the release"
    ) in shown.out
    assert own in path.read_text()


def test_order_that_is_broken_is_said(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)

    shown = site.run("reschedule", "bevel", "--to", "2099-03-20", "--yes")

    assert "part 3 (chisel) would come before part 2 (bevel); use --shift-following" in shown.out


def test_part_that_would_come_before_an_earlier_one_is_told_when_it_fits(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)

    shown = site.run("reschedule", "drill", "--to", "2099-03-12", "--shift-following", "--yes")

    assert (
        "part 4 (drill) would come before part 3 (chisel); "
        "2099-03-17 18:30 +01:00 is the earliest possible date\n"
    ) in shown.out
    assert "--shift-following moves" not in shown.out


@pytest.mark.parametrize(
    ("span", "at"),
    [
        ("+2w", "2099-03-24T09:00:00+01:00"),
        ("+7 d", "2099-03-17T09:00:00+01:00"),
        ("+1w1d6h", "2099-03-18T15:00:00+01:00"),
    ],
)
def test_span_may_have_weeks_and_blanks(span: str, at: str, tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)

    site.run("reschedule", "bevel", "--to", span, "--yes")

    assert ("bevel", at) in due(site)


@pytest.mark.parametrize("to", ["soon", "+soon", "next week", "+7"])
def test_what_is_no_instant_is_answered_with_the_spans(to: str, tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)

    shown = site.run("reschedule", "bevel", "--to", to, "--yes", code=2)

    assert "+7d, +2w, +6h" in " ".join(shown.err.split())


def test_hint_is_written_as_hugo_takes_it(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    jobs = tmp_path / "jobs.yaml"
    jobs.write_text(jobs.read_text().replace("generator: vitepress", "generator: hugo"))
    site.write("saw", reveal="2099-03-10", status="scheduled", more="draft: true\n")

    shown = site.run("reschedule", "saw", "--to", "2099-03-29T02:30", "--yes", code=2)

    assert "give an offset: 2099-03-29T02:30:00+01:00" in " ".join(shown.err.split())


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("adze", "--to", "+7d"), 1, "adze is public already: its file says published"),
        (("bevel", "--to", "2026-01-01"), 2, "`publisher release bevel` releases it now"),
        (("bevel", "--to", "-90000d"), 2, "is longer than ten years"),
        (("bevel", "--to", "soon"), 2, "'soon' is not a date"),
        (("bevel", "--to", "+soon"), 2, "+soon is not a duration"),
        (("bevel", "--to", "2099-03-29T02:30"), 2, "write 2099-03-29T03:30:00, or give"),
        (("bevel", "--to", "2099-10-25T02:30"), 2, "exists twice in Europe/Oslo"),
        (("idea", "--to", "+7d"), 1, "has no release date"),
        (("lone", "--to", "+7d", "--shift-following"), 1, "lone is not part of a series"),
        (("nobody", "--to", "+7d"), 1, "there is no post 'nobody'"),
    ],
)
def test_move_that_makes_no_sense_is_refused(
    arguments: tuple[str, ...], code: int, complaint: str, tmp_path: Path
) -> None:
    site = a_tool_series(tmp_path)
    site.write("idea", status="draft")
    site.write("lone", reveal="2099-03-10")
    before = site.files()

    shown = site.run("reschedule", *arguments, "--yes", code=code)

    assert complaint in " ".join(shown.err.split())
    assert site.files() == before


def test_part_that_would_come_in_the_lost_hour_stops_all_of_it(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    site.write("drill", reveal="2099-03-22T02:30", more=PART.format(4))
    before = site.files()

    shown = site.run("reschedule", "bevel", "--to", "+7d", "--shift-following", "--yes", code=1)

    assert "drill: release time 2099-03-29 02:30 does not exist in Europe/Oslo" in shown.err
    assert "publisher reschedule drill --to …" in shown.err
    assert site.files() == before


def test_live_post_is_not_moved(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    site.run("release", "bevel", "--yes")
    before = dates(site)

    shown = site.run("reschedule", "bevel", "--to", "+7d", "--yes", code=1)

    assert "`publisher withdraw bevel` unpublishes it" in shown.err
    assert dates(site) == before


def test_post_that_was_asked_for_is_not_moved(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    with locks.hold(site.folder / ".publisher", locks.DAEMON):
        site.run("release", "bevel", "--yes")

        shown = site.run("reschedule", "bevel", "--to", "+7d", "--yes", code=1)

    assert "cannot be moved: its release was requested" in shown.err


def test_same_instant_is_nothing_to_do(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    before = site.files()

    shown = site.run("reschedule", "bevel", "--to", "2099-03-10T08:00Z")

    assert "nothing to do" in shown.err
    assert site.files() == before


def test_without_yes_the_plan_is_shown_and_nothing_done(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    before = site.files()

    shown = site.run("reschedule", "bevel", "--to", "+7d", code=2)

    assert "->  Tue 2099-03-17 09:00 +01:00" in shown.out
    assert "without a terminal this needs --yes" in shown.err
    assert site.files() == before


def test_file_that_cannot_be_changed_safely_is_refused_before_anything_moves(
    tmp_path: Path,
) -> None:
    site = a_tool_series(tmp_path)
    site.write("drill", reveal=">-\n  2099-03-24", more=PART.format(4))
    before = site.files()

    shown = site.run("reschedule", "bevel", "--to", "+7d", "--shift-following", "--yes", code=1)

    assert "cannot set the release date to 2099-03-31T09:00:00+02:00" in shown.err
    assert site.files() == before


# --- cut short -------------------------------------------------------------------------------

# Kills the program where it would put a second changed post in place.
MORTAL = """\
import os, signal, sys
from publisher.cli import main

posts = []

def die(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith(".md"):
        posts.append(arguments[1])
        if len(posts) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
main(sys.argv[1:], prog_name="publisher")
"""
MOVED = {
    "adze": "2026-01-13",
    "bevel": "2099-03-12",
    "chisel": "2099-03-19T18:30:00+01:00 # late",
    "drill": "'2099-03-26T09:00'",
}


def cut_short(site: Site, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MORTAL, *arguments],
        cwd=site.folder,
        env=site.all_environ(),
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("to", ["+2d", "2099-03-12"])
def test_move_that_was_cut_short_is_finished_by_doing_it_again(to: str, tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    command = ("reschedule", "bevel", "--to", to, "--shift-following", "--yes")
    cut_short(site, *command)
    part_way = dates(site)

    shown = site.run(*command)

    assert part_way["bevel"] == "2099-03-12"
    assert part_way["chisel"] == "2099-03-17T18:30:00+01:00 # late"
    assert dates(site) == MOVED
    assert "an earlier `publisher reschedule` was interrupted; still to move:" in shown.out
    assert "nothing else is done" in shown.err


def test_move_that_was_cut_short_is_finished_by_the_next_tick(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    cut_short(site, "reschedule", "bevel", "--to", "+2d", "--shift-following", "--yes")

    shown = site.run("tick")
    again = site.run("tick")

    assert dates(site) == MOVED
    assert "drill: moved to 2099-03-26 09:00 +01:00\n" in shown.out
    assert "moved" not in again.out


def test_move_that_was_finished_is_not_taken_up_again(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    command = ("reschedule", "bevel", "--to", "+2d", "--shift-following", "--yes")
    cut_short(site, *command)
    site.run(*command)

    site.run("reschedule", "drill", "--to", "2099-04-01", "--yes")

    assert dates(site)["bevel"] == "2099-03-12"
    assert dates(site)["drill"].startswith("'2099-04-01")


def test_what_was_changed_since_a_move_was_cut_short_stays(tmp_path: Path) -> None:
    site = a_tool_series(tmp_path)
    cut_short(site, "reschedule", "bevel", "--to", "+2d", "--shift-following", "--yes")
    drill = site.write("drill", reveal="2099-06-01", more=PART.format(4))
    chisel = site.folder / "content" / "blog" / "chisel.md"
    chisel.write_text(chisel.read_text().replace("2099-03-17", "2099-05-01"))

    site.run("reschedule", "bevel", "--to", "2099-03-13", "--yes")

    assert dates(site)["bevel"] == "2099-03-13"
    assert "2099-06-01" in drill.read_text()
    assert "2099-05-01" in chisel.read_text()
