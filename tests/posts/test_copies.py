"""Copies that sync tools and downloads leave beside a post."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from publisher.model import Post
from publisher.posts.copies import find_copies
from tests.factories import a_post

DATE = datetime(2027, 3, 9, 8, tzinfo=UTC)


def posts_at(*names: str, text: str = "", title: str = "") -> list[Post]:
    """Give an original and others, each with a text of its own unless ``text`` is given."""
    return [
        a_post(
            f"post{number}",
            path=f"blog/{name}.md",
            text_digest=text or name,
            title=title or "The same title",
        )
        for number, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "pattern.sync-conflict-20270308-101112-ABCDEFG",
        "pattern (Ada's conflicted copy 2027-03-08)",
        "pattern (conflicted copy 2027-03-08 101112)",
        "pattern_conflict-20270308-101112",
        "pattern (1)",
        "pattern(2)",
        "pattern 2",
        "pattern copy",
        "pattern copy 3",
        "pattern - Copy",
        "pattern - Copy (2)",
        "Copy of pattern",
        "pattern-DESKTOP-AB12CD3",
    ],
)
def test_name_that_a_sync_tool_makes_is_a_copy(name: str) -> None:
    (original, copy) = posts_at("pattern", name)

    assert find_copies([original, copy]) == {copy.path: original}


@pytest.mark.parametrize("name", ["pattern 2", "pattern (1)", "pattern-PART-TWO", "pattern copy"])
def test_sequel_with_a_title_of_its_own_is_no_copy(name: str) -> None:
    assert find_copies([*posts_at("pattern"), *posts_at(name, title="Another title")]) == {}


@pytest.mark.parametrize("name", ["pattern-1", "old-pattern", "pattern.bak"])
def test_same_text_under_a_name_that_holds_the_originals_is_a_copy(name: str) -> None:
    original, copy = posts_at("pattern", name, text="the same")

    assert find_copies([copy, original]) == {copy.path: original}


def test_same_text_under_another_name_or_without_a_body_is_no_copy() -> None:
    assert find_copies(posts_at("one", "two", text="the same")) == {}
    assert find_copies([a_post("pattern"), a_post("pattern-1", title="Another title")]) == {}


def test_conflict_file_without_its_original_is_a_post() -> None:
    assert find_copies(posts_at("pattern.sync-conflict-20270308-101112-ABCDEFG")) == {}


@pytest.mark.parametrize(
    "name",
    [
        "pattern (Konfliktkopie von Ada 2027-03-08)",
        "pattern (競合コピー 2027-03-08)",
        "pattern_DiskStation_Mar-08-101112-2027_Conflict",
        "pattern - Kopie",
        "pattern-Adas-MacBook-Pro",
        "pattern~1",
        "pattern-1",
    ],
)
def test_a_name_that_holds_the_originals_is_a_copy_where_title_and_date_are_the_same(
    name: str,
) -> None:
    (original, copy) = (
        replace(post, release_at=DATE) for post in posts_at("pattern", name, title="A pattern")
    )

    assert find_copies([original, copy]) == {copy.path: original}
    assert find_copies([original, replace(copy, title="Another")]) == {}


@pytest.mark.parametrize("name", ["patterns", "pattern.de", "pattern.pt-br", "a-way"])
def test_another_name_or_a_translation_is_no_copy(name: str) -> None:
    posts = [replace(post, release_at=DATE) for post in posts_at("pattern", name)]

    assert find_copies(posts) == {}
