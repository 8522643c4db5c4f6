"""Places in a series, badges, and what themes are told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from publisher.model import Embargo, Post, PostState, ReleaseState, Series
from publisher.posts.series import Neighbour, Place, badge, places, series_data
from tests.factories import NOW, SITE, a_post, a_release, a_view

DAY = timedelta(days=1)


def a_part(part: int, *, parts: int = 3, **changes: Any) -> Post:
    """Give a part that is to come."""
    series = Series(name="Tools", part=part, parts=parts)
    facts = {"title": f"Title {part}", "release_at": NOW + part * DAY, "series": series}
    return a_post(f"part-{part}", **{**facts, **changes})


def published(part: int, **changes: Any) -> Post:
    facts = {"state": PostState.PUBLISHED, "release_at": NOW - (10 - part) * DAY}
    return a_part(part, **{**facts, **changes})


# --- places ----------------------------------------------------------------------------------


def test_neighbours_are_linked_only_when_they_are_released() -> None:
    found = places([a_part(3), published(1), a_part(2)])

    assert found["part-2"] == Place(
        name="Tools",
        part=2,
        parts=3,
        previous=Neighbour(part=1, title="Title 1", url="https://chronicles.example/blog/part-1"),
        next=Neighbour(part=3, release_at=NOW + 3 * DAY),
    )
    assert found["part-2"].label == "Part 2 of 3"


def test_ends_have_one_neighbour() -> None:
    found = places([published(1), published(2, parts=2)])

    assert found["part-1"].previous is None
    assert found["part-2"].next is None


def test_draft_is_nobodys_neighbour() -> None:
    draft = a_part(2, state=PostState.DRAFT, release_at=None)

    found = places([published(1), draft, published(3)])

    assert found["part-1"].next == Neighbour(
        part=3, title="Title 3", url="https://chronicles.example/blog/part-3"
    )
    assert found["part-2"].previous is not None


@pytest.mark.parametrize(
    ("posts", "is_complete"),
    [
        ([published(1), published(2), published(3)], True),
        ([published(1), published(2), a_part(3)], False),
        ([published(1), published(3)], False),
        ([published(1, parts=1)], True),
    ],
)
def test_series_is_complete_when_every_part_is_released(
    posts: list[Post], is_complete: bool
) -> None:
    assert {place.is_complete for place in places(posts).values()} == {is_complete}


def test_posts_without_a_series_have_no_place() -> None:
    assert places([a_post()]) == {}


# --- badges ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (NOW, "just published"),
        (NOW + 3 * DAY - timedelta(seconds=1), "just published"),
        (NOW + 3 * DAY, "Published March 9"),
        (NOW + 400 * DAY, "Published March 9, 2027"),
    ],
)
def test_badge_settles_after_its_time(now: datetime, text: str) -> None:
    post = a_post(state=PostState.PUBLISHED, release_at=NOW)

    found = badge(post, a_view(), SITE, now)

    assert found is not None
    assert (found.text, found.is_new) == (text, text == "just published")


def test_badge_goes_by_the_day_of_the_sites_zone() -> None:
    late = datetime(2027, 3, 9, 23, 30, tzinfo=UTC)
    post = a_post(state=PostState.PUBLISHED, release_at=late)

    found = badge(post, a_view(), SITE, late + 30 * DAY)

    assert found is not None
    assert found.text == "Published March 10"


def test_badge_counts_from_the_instant_the_page_was_live() -> None:
    post = a_post(state=PostState.PUBLISHED, release_at=NOW - 5 * DAY)
    view = a_view([a_release(post, ReleaseState.LIVE, live_at=NOW - DAY)])

    found = badge(post, view, SITE, NOW)

    assert found is not None
    assert (found.text, found.until) == ("just published", NOW + 2 * DAY)


def test_badge_of_a_late_release_is_new_in_the_build_that_reveals_it() -> None:
    post = a_post(state=PostState.PUBLISHED, release_at=NOW - 5 * DAY)
    view = a_view([a_release(post, ReleaseState.REVEALING, flip_gen=1)])

    found = badge(post, view, SITE, NOW)

    assert found is not None
    assert found.is_new


def test_post_without_any_date_has_no_badge() -> None:
    assert badge(a_post(state=PostState.PUBLISHED, release_at=None), a_view(), SITE, NOW) is None


# --- data for themes -------------------------------------------------------------------------


def test_themes_are_told_of_released_and_coming_parts() -> None:
    posts = [published(1, parts=2, release_at=NOW - DAY), a_part(2, parts=2, teaser="Soon")]

    data = series_data(posts, a_view(), SITE, NOW, embargo=Embargo.REDACT)

    first = {"part": 1, "title": "Title 1", "url": "https://chronicles.example/blog/part-1"}
    assert data == {
        "generated_at": "2027-03-09T08:00:00Z",
        "series": {
            "Tools": {
                "name": "Tools",
                "parts": 2,
                "released": 1,
                "is_complete": False,
                "next_at": "2027-03-11T08:00:00Z",
                "list": [
                    {"post": "part-1", **first},
                    {"post": "part-2", "part": 2, "release_at": "2027-03-11T08:00:00Z"},
                ],
            }
        },
        "posts": {
            "part-1": {
                "id": "part-1",
                "title": "Title 1",
                "description": "Six steps from an idea to a finished piece.",
                "teaser": None,
                "url": "https://chronicles.example/blog/part-1",
                "path": "/blog/part-1",
                "is_released": True,
                "at": "2027-03-08T08:00:00Z",
                "on": "2027-03-08",
                "badge": {
                    "text": "just published",
                    "is_new": True,
                    "until": "2027-03-11T08:00:00Z",
                },
                "series": {
                    "name": "Tools",
                    "part": 1,
                    "parts": 2,
                    "label": "Part 1 of 2",
                    "previous": None,
                    "next": {"part": 2, "release_at": "2027-03-11T08:00:00Z"},
                    "is_complete": False,
                },
            },
            "part-2": {
                "id": "part-2",
                "title": "Title 2",
                "description": "Six steps from an idea to a finished piece.",
                "teaser": "Soon",
                "url": "https://chronicles.example/blog/part-2",
                "path": "/blog/part-2",
                "is_released": False,
                "at": "2027-03-11T08:00:00Z",
                "on": "2027-03-11",
                "badge": None,
                "series": {
                    "name": "Tools",
                    "part": 2,
                    "parts": 2,
                    "label": "Part 2 of 2",
                    "previous": first,
                    "next": None,
                    "is_complete": False,
                },
            },
        },
    }
    assert json.loads(json.dumps(data)) == data


@pytest.mark.parametrize(
    ("hidden", "embargo"),
    [
        (a_part(2), Embargo.OMIT),
        (a_part(2, embargo=Embargo.OMIT), Embargo.REDACT),
        (a_part(2, state=PostState.DRAFT), Embargo.REDACT),
    ],
)
def test_post_without_a_page_is_not_named(hidden: Post, embargo: Embargo) -> None:
    told = json.dumps(series_data([published(1), hidden], a_view(), SITE, NOW, embargo=embargo))

    assert "Title 1" in told
    assert "Title 2" not in told
    assert "part-2" not in told


def test_series_of_drafts_is_not_named() -> None:
    draft = a_part(1, state=PostState.DRAFT)

    assert series_data([draft], a_view(), SITE, NOW)["series"] == {}


def test_order_of_the_posts_does_not_matter() -> None:
    posts = [published(1), a_part(2), a_part(3), a_post("lone")]

    forwards = series_data(posts, a_view(), SITE, NOW)
    backwards = series_data(posts[::-1], a_view(), SITE, NOW)

    assert json.dumps(forwards) == json.dumps(backwards)


def test_longer_badges_are_settled_later() -> None:
    post = a_post(state=PostState.PUBLISHED, release_at=NOW)
    site = replace(SITE, badge_for=timedelta(days=10))

    found = badge(post, a_view(), site, NOW + 9 * DAY)

    assert found is not None
    assert found.is_new
