"""Blogs whose posts have Pelican's or Nikola's own header in place of frontmatter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.generators.test_dates import edit
from tests.generators.test_generators import everything_told
from tests.generators.workbench import ADDRESS, Workbench, a_workbench

pytestmark = pytest.mark.generators

PUBLIC = "A plane that was never sharpened teaches patience"
NIKOLA = "<!--\n.. title: {}\n.. slug: {}\n.. date: {}\n.. tags: \n-->\n"
PELICAN = "Title: {}\nSlug: {}\nDate: {}\nTags: tools\n"
PAST = "2026-01-13 09:00:00 UTC"
FAR = "2099-03-10 09:00:00 UTC+01:00"
DRAFTS = pytest.mark.parametrize(
    ("name", "public", "draft"),
    [
        (
            "nikola",
            NIKOLA.format("The Plane", "plane", PAST),
            NIKOLA.format("The Pattern", "pattern", f"{PAST}\n.. status: draft"),
        ),
        (
            "nikola",
            NIKOLA.format("The Plane", "plane", PAST),
            NIKOLA.format("The Pattern", "pattern", FAR),
        ),
        (
            "pelican",
            PELICAN.format("The Plane", "plane", "2026-01-13 09:00"),
            PELICAN.format("The Pattern", "pattern", "2026-01-13 09:00\nStatus: draft"),
        ),
    ],
    ids=["nikola-draft", "nikola-to-come", "pelican-draft"],
)


def a_blog(name: str, folder: Path, **heads: str) -> Workbench:
    """Give the generator's site with other headers before its posts."""
    bench = a_workbench(name, folder)
    for stem, head in heads.items():
        file = bench.post.with_name(f"{stem}.md")
        file.write_text(head + file.read_text().split("---\n", 2)[2])
    bench.publisher("init", "--no-build")
    return bench


@DRAFTS
def test_its_pages_stay_and_what_is_no_page_yet_is_held(
    name: str, public: str, draft: str, tmp_path: Path
) -> None:
    bench = a_blog(name, tmp_path / "site", plane=public, pattern=draft)

    said = bench.publisher("check", "--json")
    bench.publisher("embargo", "--build")

    assert [p for p in json.loads(said)["problems"] if p["severity"] == "error"] == []
    assert any(PUBLIC in text for file, text in bench.files("**/*.html").items() if "plane" in file)
    assert everything_told(bench) == {}


@pytest.mark.parametrize(
    ("name", "header", "page"),
    [
        ("nikola", NIKOLA.format("The Pattern", "pattern", FAR), "/posts/pattern/"),
        ("pelican", PELICAN.format("The Pattern", "pattern", "2099-03-10 09:00"), "/pattern.html"),
    ],
)
def test_a_post_whose_header_says_only_a_date_is_released_and_announced(
    name: str, header: str, page: str, tmp_path: Path
) -> None:
    bench = a_blog(name, tmp_path / "site", pattern=header)
    before = bench.post.read_bytes()

    bench.publisher("rehearse", "--scratch", "scratch")

    sent = [json.loads(f.read_text()) for f in bench.folder.glob("scratch/outbox/*.json")]
    assert [one["link"] for one in sent] == [f"{ADDRESS}{page}"]
    assert bench.post.read_bytes() == before


def test_the_dates_that_nikola_writes_into_frontmatter_are_read(tmp_path: Path) -> None:
    bench = a_workbench("nikola", tmp_path / "site")
    edit(bench.post.with_name("plane.md"), "2026-01-13 09:00:00", PAST)
    edit(bench.post, "2099-03-10 09:00:00", FAR)
    bench.publisher("init", "--no-build")

    said = bench.publisher("check")
    bench.publisher("embargo", "--build")

    assert said == "no problems\n"
    assert "2099-03-10T08:00:00" in bench.publisher("calendar", "--json")
    assert "The Pattern" in bench.page()
    assert everything_told(bench) == {}
