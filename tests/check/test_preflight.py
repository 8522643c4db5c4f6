"""A trial build releases every coming post in a copy, and says what would go wrong."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher import config
from publisher.check.preflight import Preflight, preflight
from publisher.posts.address_book import AddressBook
from publisher.views.site_state import look

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
JOBS = """
site:
  name: sample
  url: https://site.example
  posts: "posts/**/*.md"
  generator: eleventy
  timezone: UTC
embargo: redact
rebuild: {{command: ["{python}", build.py], output: out}}
verify: {{live: false, feed: /feed.xml}}
channels: {{log: {{type: outbox}}}}
"""
# Puts each post below its year, leaves out what is marked hidden, and lists all but what is quiet.
BUILD = """
import pathlib, re
out, feed = pathlib.Path("out"), []
out.mkdir(exist_ok=True)
for file in sorted(pathlib.Path("posts").rglob("*.md")):
    head, body = re.match(r"---\\n(.*?)\\n---\\n(.*)", file.read_text(), re.S).groups()
    if "hidden: true" in head:
        continue
    title = re.search(r"title: (.*)", head)[1]
    image = re.search(r"card: (.*)", head)
    card = f'<meta property="og:image" content="{image[1]}">' if image else ""
    page = out / "2027" / file.stem / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"<html><head><title>{title}</title>{card}</head><body>{body}</body></html>")
    if "quiet: true" not in head:
        feed.append(f"<item><link>https://site.example/2027/{file.stem}/</link></item>")
(out / "feed.xml").write_text(f"<rss><channel>{''.join(feed)}</channel></rss>")
"""
TEXT = "The oldest kettle in the shop came from a ship that never reached its harbour."


def try_site(folder: Path, posts: Mapping[str, str], *, build: str = BUILD) -> Preflight:
    (folder / "jobs.yaml").write_text(JOBS.format(python=sys.executable))
    (folder / "build.py").write_text(build)
    for name, head in posts.items():
        file = folder / "posts" / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f"---\ntitle: About {file.stem}\ndescription: x\ndate: 2027-03-09\ndraft: true\n{head}"
            f"---\n\n{TEXT} It is {file.stem}.\n"
        )
    settings = config.load(folder / "jobs.yaml", environ={})
    return preflight(look(settings, now=NOW), environ={})


def rules(found: Preflight) -> list[tuple[str, str, str]]:
    return [(problem.rule, problem.severity, problem.path) for problem in found.problems]


def test_each_coming_post_is_found_at_the_address_that_it_will_have(tmp_path: Path) -> None:
    found = try_site(tmp_path, {"kettles": "", "teas/lanterns": ""})

    assert rules(found) == []
    assert dict(found.addresses) == {
        "kettles": "https://site.example/2027/kettles/",
        "lanterns": "https://site.example/2027/lanterns/",
    }


def test_the_addresses_found_are_those_of_the_calendar_from_then_on(tmp_path: Path) -> None:
    try_site(tmp_path, {"kettles": ""})

    seen = look(config.load(tmp_path / "jobs.yaml", environ={}), now=NOW)

    assert seen.posts["kettles"].url == "https://site.example/2027/kettles/"


def test_the_site_itself_stays_as_it_was(tmp_path: Path) -> None:
    try_site(tmp_path, {"kettles": ""})

    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert names == {
        "jobs.yaml",
        "build.py",
        "posts",
        "posts/kettles.md",
        ".publisher",
        ".publisher/addresses.json",
    }
    assert "draft: true" in (tmp_path / "posts/kettles.md").read_text()


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("hidden: true\n", ("trial-page", "error", "posts/kettles.md")),
        ("card: /images/none.png\n", ("trial-page", "error", "posts/kettles.md")),
        ("quiet: true\n", ("trial-list", "warning", "posts/kettles.md")),
    ],
)
def test_what_would_go_wrong_on_the_day_is_said_before(
    tmp_path: Path, head: str, problem: tuple[str, str, str]
) -> None:
    found = try_site(tmp_path, {"kettles": head, "lanterns": ""})

    assert rules(found) == [problem]


def test_an_address_that_changes_at_the_release_is_said_before(tmp_path: Path) -> None:
    moved = BUILD.replace('"2027"', '("drafts" if "Coming" in body else "2027")')
    try_site(tmp_path, {"kettles": ""})
    book = AddressBook(tmp_path / ".publisher")
    (known,) = book.read().values()
    former = "https://site.example/drafts/kettles/"
    book.write({"posts/kettles.md": type(known)(url=former, file=known.file, source="1 1")})

    found = try_site(tmp_path, {"kettles": ""}, build=moved)

    assert rules(found) == [("trial-address", "warning", "posts/kettles.md")]
    assert book.read()["posts/kettles.md"].url == former


def test_a_build_that_fails_is_the_one_problem(tmp_path: Path) -> None:
    found = try_site(tmp_path, {"kettles": ""}, build="raise SystemExit('no such theme')")

    assert rules(found) == [("trial-build", "error", "jobs.yaml")]
    assert "no such theme" in found.problems[0].hint
