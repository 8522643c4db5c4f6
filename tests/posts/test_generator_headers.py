"""Posts with the header of their generator: read, flipped, moved and withheld like frontmatter."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.embargo.redact.document import write_document
from publisher.generators import GENERATORS
from publisher.model import PostState
from publisher.posts.flip import set_state
from publisher.posts.reschedule import set_date
from publisher.text.frontmatter import parse
from tests.posts.sites import a_library, write

PELICAN = """\
Title: The pattern: a story
Date: 2027-03-09 10:20
Category: Python
Tags: one, two
Summary: First line
    and the second
Status: draft

Body text.
"""
NIKOLA = """\
<!--
.. title: The pattern: a story
.. slug: pattern
.. date: 2027-03-09 10:20:00 UTC+01:00
.. tags: one, two
.. description:
.. status: draft
-->

Body text.
"""
NIKOLA_BARE = NIKOLA.replace("<!--\n", "").replace("-->\n", "")
FORMS = pytest.mark.parametrize(
    ("generator", "text"),
    [("pelican", PELICAN), ("nikola", NIKOLA), ("nikola", NIKOLA_BARE)],
    ids=["pelican", "nikola", "nikola-bare"],
)
DATE = datetime(2027, 3, 9, 9, 20, tzinfo=UTC)


@FORMS
def test_a_header_is_read(tmp_path: Path, generator: str, text: str) -> None:
    write(tmp_path, "blog/pattern.md", text)

    scan = a_library(tmp_path, generator=generator).scan()

    (post,) = scan.posts
    assert (post.title, post.state, post.release_at) == (
        "The pattern: a story",
        PostState.SCHEDULED,
        DATE,
    )
    assert post.tags == ("one", "two")
    assert parse(text.encode(), "x").body.strip() == "Body text."


def test_a_value_goes_on_in_lines_that_are_indented() -> None:
    assert parse(PELICAN.encode(), "x").metadata["summary"] == "First line and the second"


@FORMS
def test_a_flip_changes_the_state_and_no_other_byte(generator: str, text: str) -> None:
    flipped = set_state(text.encode(), GENERATORS[generator], PostState.PUBLISHED, "x").decode()

    assert flipped == text.replace("tatus: draft", "tatus: published")


@FORMS
def test_a_state_is_added_where_there_is_none(generator: str, text: str) -> None:
    without = "".join(line for line in text.splitlines(True) if "tatus" not in line)

    data = set_state(without.encode(), GENERATORS[generator], PostState.DRAFT, "x")

    assert parse(data, "x").metadata["status"] == "draft"
    assert parse(data, "x").body == parse(text.encode(), "x").body


@FORMS
def test_a_date_is_moved_in_the_way_it_is_written(
    tmp_path: Path, generator: str, text: str
) -> None:
    site = a_library(tmp_path, generator=generator).site
    at = datetime(2027, 3, 10, 9, 20, tzinfo=UTC)

    moved = set_date(text.encode(), site, at, "x").decode()

    assert moved == text.replace("2027-03-09", "2027-03-10")


@FORMS
def test_what_is_written_is_read_again(generator: str, text: str) -> None:
    document = parse(text.encode(), "x")

    again = parse(write_document(document.format, document.metadata, "Other.\n").encode(), "x")

    assert (again.format, again.metadata, again.body) == (
        document.format,
        document.metadata,
        "Other.\n",
    )


def test_a_header_without_a_date_takes_that_of_the_files_name(tmp_path: Path) -> None:
    write(tmp_path, "blog/2027-03-09-pattern.md", "Title: The pattern\n\nBody text.\n")

    (post,) = a_library(tmp_path, generator="pelican").scan().posts

    assert (post.title, post.release_at) == ("The pattern", datetime(2027, 3, 9, 8, tzinfo=UTC))


@pytest.mark.parametrize("generator", ["vitepress", "hugo", "nikola"])
def test_the_header_of_another_generator_is_no_frontmatter(tmp_path: Path, generator: str) -> None:
    write(tmp_path, "blog/pattern.md", PELICAN)

    scan = a_library(tmp_path, generator=generator).scan()

    assert scan.posts == ()
    assert [problem.rule for problem in scan.problems] == ["no-frontmatter"]


@pytest.mark.parametrize(
    "text",
    [
        "Note: this is a sentence.\n\nText.\n",
        "Date: 2027-03-09\n\nText.\n",
        "Title: A title\nand a line that goes on\nDate: 2027-03-09\n\nText.\n",
    ],
)
def test_a_text_that_begins_with_a_colon_is_no_header(text: str) -> None:
    assert parse(text.encode(), "x").format is None
