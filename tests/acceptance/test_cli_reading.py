"""The commands that look: what they print, and that they change nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from icalendar import Calendar

from tests.acceptance.sites import Site, a_series, a_site

NOW = ("--now", "2099-03-01T12:00")
READING = (
    ("check",),
    ("calendar",),
    ("calendar", "--json"),
    ("calendar", "--ics"),
    ("calendar", "--markdown", "--from", "2099-03-10", "--to", "2099-03-24"),
    ("preview", "pattern"),
    ("preview", "door", "--json"),
    ("status",),
    ("status", "--json"),
    ("why", "pattern"),
    ("why", "door", "--json"),
    ("log",),
    ("log", "pattern", "--json"),
    ("tick", "--dry-run"),
    ("tick", "--dry-run", "--json", "--now", "2099-03-24T19:00"),
    ("db", "check"),
    ("config", "schema"),
    ("systemd",),
)

MAKES_NOTHING = (
    ("check",),
    ("calendar",),
    ("preview", "pattern"),
    ("status",),
    ("why", "pattern"),
    ("log",),
    ("tick", "--dry-run"),
    ("backup",),
    ("db", "check"),
)


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_reading_leaves_every_byte_as_it_was(arguments: tuple[str, ...], lived_in: Site) -> None:
    before = lived_in.files()

    lived_in.run(*arguments)

    assert lived_in.files() == before


@pytest.mark.parametrize("arguments", MAKES_NOTHING, ids=" ".join)
def test_reading_makes_no_ledger(arguments: tuple[str, ...], tmp_path: Path) -> None:
    site = a_series(tmp_path)

    site.run(*arguments, code=None)

    assert not (tmp_path / ".publisher").exists()


# --- calendar ------------------------------------------------------------------------------


def test_calendar_as_text(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    shown = site.run("calendar", *NOW)

    assert shown.out == (
        "waits for a person (needs action):\n"
        "  1 existing post is not adopted yet (first: plane). Run `publisher adopt`; until then "
        "nothing is released or announced\n"
        "    publisher adopt\n"
        "\n"
        "Tuesday, 2099-03-10\n"
        "  09:00 +01:00  The Pattern\n"
        "                https://site.example/blog/pattern\n"
        "    09:00 +01:00  newsletter      81  The Pattern\n"
        "    09:00 +01:00  x               66/280  The Pattern\n"
        "\n"
        "Tuesday, 2099-03-24\n"
        "  18:30 +01:00  The Door\n"
        "                https://site.example/blog/door\n"
        "    18:30 +01:00  x               57/280  The Door\n"
    )
    assert shown.err == (
        "the site is not adopted yet; this is the calendar after `publisher adopt`\n"
    )


def test_calendar_as_json(lived_in: Site) -> None:
    found = lived_in.run("calendar", "--json", *NOW).json()

    release = {
        "at": "2099-03-24T17:30:00Z",
        "local": "2099-03-24T18:30:00+01:00",
        "action": "release",
        "post": "door",
        "title": "The Door",
        "url": "https://site.example/blog/door",
        "state": "scheduled",
        "why": "due",
    }
    assert found == {
        "site": "sample",
        "now": "2099-03-01T11:00:00Z",
        "timezone": "Europe/Oslo",
        "entries": [
            release,
            {
                **release,
                "action": "announce",
                "state": "planned",
                "why": "the page is live",
                "channel": "x",
                "occasion": "launch",
                "text": "The Door\n\nAbout the door.\n\nhttps://site.example/blog/door",
                "length": 57,
                "limit": 280,
                "cost_usd": None,
            },
        ],
    }


def test_calendar_knows_what_a_post_on_x_costs(tmp_path: Path) -> None:
    site = a_series(
        tmp_path,
        channels="  x: {type: x, api_key: {env: A}, api_secret: {env: B},"
        " access_token: {env: C}, access_token_secret: {env: D}}\n",
    )

    entries = site.run("calendar", "--json", *NOW).json()["entries"]

    assert [entry.get("cost_usd") for entry in entries] == [None, 0.015, None, 0.015]


def test_calendar_shows_the_complaint_in_the_place_of_a_text_that_cannot_be_written(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path)
    site.write("long", reveal="2099-03-10", more=f"announce: {{x: '{'word ' * 80}'}}\n")

    entries = site.run("calendar", "--json", *NOW).json()["entries"]

    assert (entries[2]["channel"], entries[2]["text"], entries[2]["length"]) == ("x", None, None)
    assert "the text for x counts" in entries[2]["why"]


def test_span_of_the_calendar_holds_its_first_and_its_last_day(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    first = site.run("calendar", "--json", "--to", "2099-03-10", *NOW).json()["entries"]
    last = site.run("calendar", "--json", "--from", "2099-03-24", *NOW).json()["entries"]

    assert {entry["post"] for entry in first} == {"pattern"}
    assert {entry["post"] for entry in last} == {"door"}


def test_calendar_as_icalendar_has_a_stable_uid_for_each_entry(tmp_path: Path) -> None:
    site = a_series(tmp_path)
    before = site.run("calendar", "--ics", *NOW).out
    site.write("pattern", reveal="2099-04-14T07:00")

    after = site.run("calendar", "--ics", *NOW).out

    expected = {
        "release/pattern@sample",
        "announce/pattern/x/launch@sample",
        "announce/pattern/newsletter/launch@sample",
        "release/door@sample",
        "announce/door/x/launch@sample",
    }
    assert {str(event["UID"]) for event in Calendar.from_ical(before).events} == expected
    assert {str(event["UID"]) for event in Calendar.from_ical(after).events} == expected
    assert "DTSTART:20990414T050000Z" in after


def test_calendar_as_markdown(lived_in: Site) -> None:
    shown = lived_in.run("calendar", "--markdown", *NOW).out

    assert shown == (
        "# Calendar of sample\n"
        "\n"
        "As of 2099-03-01 12:00 +01:00; times in Europe/Oslo.\n"
        "\n"
        "## Tuesday, 2099-03-24\n"
        "\n"
        "- **18:30 +01:00** release [The Door](<https://site.example/blog/door>)\n"
        "\n"
        "- **18:30 +01:00** x: door, 57/280\n"
        "\n"
        "  ```text\n"
        "  The Door\n"
        "\n"
        "  About the door.\n"
        "\n"
        "  https://site.example/blog/door\n"
        "  ```\n"
    )


def test_empty_calendar_says_so(tmp_path: Path) -> None:
    site = a_site(tmp_path)

    assert site.run("calendar").out == "nothing is coming\n"


def test_calendar_says_that_posts_are_missing_from_it(tmp_path: Path) -> None:
    site = a_series(tmp_path)
    (tmp_path / "content" / "blog" / "pattern.md").write_text("---\ntitle: [\nstatus: draft\n---\n")

    shown = site.run("calendar", *NOW)

    assert "1 file cannot be used: see `publisher check`" in shown.err


def test_titles_cannot_command_the_terminal(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    path = site.write("evil", reveal="2099-03-10")
    path.write_text(path.read_text().replace("The Evil", '"The \\e[2J Evil"'))

    shown = site.run("calendar", *NOW)

    assert "The [2J Evil" in shown.out
    assert "\x1b" not in shown.out


# --- preview -------------------------------------------------------------------------------


def test_preview_shows_each_announcement_as_it_will_be_sent(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    shown = site.run("preview", "pattern", *NOW)

    assert shown.out == (
        "The Pattern  (pattern, content/blog/pattern.md)\n"
        "https://site.example/blog/pattern\n"
        "\n"
        "newsletter: planned  2099-03-10 09:00 +01:00  81\n"
        "  subject  The Pattern\n"
        "  link     https://site.example/blog/pattern\n"
        "  | The Pattern\n"
        "  |\n"
        "  | About the pattern.\n"
        "  |\n"
        "  | Read it here <https://site.example/blog/pattern>\n"
        "\n"
        "x: planned  2099-03-10 09:00 +01:00  66/280\n"
        "  link     https://site.example/blog/pattern\n"
        "  | The Pattern\n"
        "  |\n"
        "  | About the pattern.\n"
        "  |\n"
        "  | https://site.example/blog/pattern\n"
    )


@pytest.mark.parametrize("name", ["door", "content/blog/door.md", "the-door"])
def test_post_is_known_by_id_path_and_slug(name: str, tmp_path: Path) -> None:
    site = a_site(tmp_path)
    site.write("door", reveal="2099-03-10", more="slug: the-door\n")

    assert site.run("preview", name, "--json").json()["post"] == "door"


def test_unknown_post_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    shown = site.run("preview", "patterns", code=1)

    assert shown.err == "error: there is no post 'patterns'\n  did you mean pattern?\n"


def test_preview_of_what_was_sent_shows_the_words_that_went_out(lived_in: Site) -> None:
    lived_in.write("pattern", reveal="2099-03-10", status="published", more="tags: [late]\n")
    path = lived_in.folder / "content" / "blog" / "pattern.md"
    path.write_text(path.read_text().replace("About the pattern", "Edited since"))

    announcements = lived_in.run("preview", "pattern", "--json").json()["announcements"]

    assert [announcement["state"] for announcement in announcements] == ["confirmed"] * 2
    assert all("About the pattern." in announcement["text"] for announcement in announcements)


def test_preview_says_why_an_announcement_is_not_planned(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    found = site.run("preview", "door", "--json", *NOW).json()["announcements"]

    assert [(a["channel"], a["state"], a["at"]) for a in found] == [
        ("newsletter", None, None),
        ("x", "planned", "2099-03-24T17:30:00Z"),
    ]
    assert found[0]["why"] == "switched off by `announce` in the post"


# --- status, why, log -----------------------------------------------------------------------


def test_status_as_json(lived_in: Site) -> None:
    found = lived_in.run("status", "--json", *NOW).json()

    delivery = found["deliveries"][1]
    assert list(found) == [
        "releases",
        "deliveries",
        "next_due",
        "under_way",
        "waiting",
        "left_out",
        "daemon",
        "jobs_file",
    ]
    assert [(r["post"], r["state"]) for r in found["releases"]] == [
        ("door", "scheduled"),
        ("pattern", "live"),
        ("plane", "baseline"),
    ]
    assert {**delivery, "remote_url": re.sub("^file:.*#", "#", delivery["remote_url"])} == {
        "post": "pattern",
        "channel": "x",
        "occasion": "launch",
        "state": "confirmed",
        "remote_id": delivery["remote_id"],
        "remote_url": f"#{delivery['remote_id']}",
        "due_at": delivery["due_at"],
        "attempts": 1,
        "cause": None,
        "reason": "",
    }
    assert (found["next_due"], found["waiting"]) == ("2099-03-24T17:30:00Z", [])


def test_status_as_text(lived_in: Site) -> None:
    assert lived_in.run("status", *NOW).out == (
        "next due: 2099-03-24 18:30 +01:00\n"
        "releases: 1 baseline, 1 live, 1 scheduled\n"
        "deliveries: 2 confirmed\n"
    )


def test_status_ends_with_3_and_the_command_when_a_person_must_act(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    found = site.run("status", "--json", code=3).json()

    assert [hold["command"] for hold in found["waiting"]] == ["publisher adopt"]
    assert found["next_due"] is None


def test_why_tells_the_whole_story_of_a_post(lived_in: Site) -> None:
    found = lived_in.run("why", "pattern", "--json").json()

    assert (found["file_says"], found["release"]["state"]) == ("published", "live")
    assert [(d["channel"], d["tries"][0]["outcome"]) for d in found["deliveries"]] == [
        ("newsletter", "accepted"),
        ("x", "accepted"),
    ]


def test_why_says_what_a_post_waits_for(lived_in: Site) -> None:
    shown = lived_in.run("why", "door", *NOW).out

    assert "  waits: under embargo until 2099-03-24 18:30 +01:00\n" in shown


def test_log_lists_the_events_of_a_post_in_order(lived_in: Site) -> None:
    events = lived_in.run("log", "pattern", "--json").json()["events"]

    assert [(e["from_state"], e["to_state"]) for e in events if e["kind"] == "release"] == [
        (None, "scheduled"),
        ("scheduled", "revealing"),
        ("revealing", "live"),
    ]
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)


def test_log_shows_local_times_with_offset_and_no_more_than_asked_for(lived_in: Site) -> None:
    lines = lived_in.run("log", "--limit", "3").out.splitlines()

    assert len(lines) == 3
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? \+0[12]:00  ", line) for line in lines)


# --- check ---------------------------------------------------------------------------------


def test_check_as_json(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    path = site.write("odd", reveal="2099-02-30")

    found = site.run("check", "--json", code=1).json()["problems"]

    assert {"error"} == {problem["severity"] for problem in found}
    assert list(found[0]) == ["rule", "severity", "path", "line", "message", "hint"]
    assert (found[0]["path"], found[0]["line"]) == (str(path.relative_to(tmp_path)), 4)


def test_check_lists_what_is_wrong_in_jobs_yaml(tmp_path: Path) -> None:
    site = a_site(tmp_path, more="policies: {burst: 5}\n")

    shown = site.run("check", code=1)

    assert shown.out.splitlines()[0].startswith("jobs.yaml:11: error: unknown key policies")
    assert "did you mean policy?" in shown.out


def test_check_of_a_clean_site_is_silent_and_fine(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    site.write("plane", reveal="2026-01-13", status="published")

    shown = site.run("check")

    assert (shown.out, shown.err) == ("", "no problems\n")


# --- what if it were then -------------------------------------------------------------------


def test_dry_run_shows_what_a_tick_would_do(lived_in: Site) -> None:
    shown = lived_in.run("tick", "--dry-run", "--now", "2099-03-24T18:30")

    assert shown.out == (
        "door: would be released at https://site.example/blog/door\n"
        "door/x/launch: would be sent: The Door About the door. https://site.example/blog/door\n"
    )


def test_dry_run_says_what_comes_too_late_to_be_announced(lived_in: Site) -> None:
    shown = lived_in.run("tick", "--dry-run", "--now", "2099-03-26", code=3)

    assert shown.out == (
        "door: would be released at https://site.example/blog/door\n"
        "door/x/launch: would be held: was due 2099-03-24 18:30 +01:00, too late\n"
    )


def test_dry_run_of_an_unadopted_ledger_does_nothing_either(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    shown = site.run("tick", "--dry-run", "--now", "2099-03-24T18:30", code=3)

    assert shown.out.startswith("nothing is due\nwaits for a person (needs action):\n")


def test_instant_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    shown = site.run("calendar", "--now", "tomorrow", code=2)

    assert "Invalid value for --now: 'tomorrow' is not a date" in shown.err
