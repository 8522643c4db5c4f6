"""A date to come is a schedule, for every generator, unless the file says draft."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.generators import GENERATORS
from publisher.model import Embargo, PostState, ReleaseState
from publisher.posts.library import Library
from tests.factories import a_release, a_view
from tests.posts.sites import a_library, write

AT = datetime(2027, 3, 9, 8, 0, tzinfo=UTC)  # 09:00 in Oslo
BEFORE, AFTER = AT - timedelta(days=8), AT + timedelta(days=8)
KEYS = {name: generator.date_keys[0] for name, generator in GENERATORS.items()}


def a_site(project: Path, generator: str = "vitepress", *, more: str = "") -> Library:
    library = a_library(project, generator=generator, embargo=Embargo.REDACT)
    lines = f"title: A door\ndescription: Of one.\n{KEYS[generator]}: 2027-03-09\n{more}"
    write(project, "blog/door.md", f"---\n{lines}---\nText.\n")
    return library


@pytest.mark.parametrize("generator", sorted(GENERATORS))
def test_date_to_come_alone_is_a_schedule(generator: str, tmp_path: Path) -> None:
    (post,) = a_site(tmp_path, generator).scan(a_view(), BEFORE).posts

    assert (post.state, post.release_at) == (PostState.SCHEDULED, AT)
    assert post.explicit


@pytest.mark.parametrize("key", ["pubDate", "pubDatetime", "publishDate", "publishedAt"])
@pytest.mark.parametrize("generator", ["vitepress", "astro", "eleventy"])
def test_date_under_the_keys_of_themes_is_a_schedule(
    generator: str, key: str, tmp_path: Path
) -> None:
    library = a_library(tmp_path, generator=generator, embargo=Embargo.REDACT)
    write(tmp_path, "blog/door.md", f"---\ntitle: A\ndescription: B\n{key}: 2027-03-09\n---\n")

    (post,) = library.scan(a_view(), BEFORE).posts

    assert post.state is PostState.SCHEDULED


@pytest.mark.parametrize("generator", sorted(GENERATORS))
def test_date_that_is_over_alone_is_public(generator: str, tmp_path: Path) -> None:
    (post,) = a_site(tmp_path, generator).scan(a_view(), AFTER).posts

    assert post.state is PostState.PUBLISHED


@pytest.mark.parametrize(
    ("generator", "line"),
    [
        ("vitepress", "status: published\n"),
        ("astro", "draft: false\n"),
        ("jekyll", "published: true\n"),
        ("pelican", "status: published\n"),
        ("hugo", "reveal: 2027-03-09\npublishDate: 2027-01-01\n"),
    ],
)
def test_public_word_does_not_bring_a_post_out_ahead_of_its_date(
    generator: str, line: str, tmp_path: Path
) -> None:
    lines = f"title: A door\ndescription: Of one.\n{line}"
    if "reveal" not in line:
        lines += f"{KEYS[generator]}: 2027-03-09\n"
    library = a_library(tmp_path, generator=generator, embargo=Embargo.OMIT)
    write(tmp_path, "blog/door.md", f"---\n{lines}---\nText.\n")

    (post,) = library.scan(a_view(), BEFORE).posts

    assert post.state is PostState.SCHEDULED


@pytest.mark.parametrize("generator", ["vitepress", "astro", "eleventy", "mkdocs", "pelican"])
def test_release_of_such_a_post_changes_no_byte(generator: str, tmp_path: Path) -> None:
    library = a_site(tmp_path, generator)
    (post,) = library.scan(a_view(), BEFORE).posts

    result = library.flip(post)

    assert (result.changed, result.digest) == ((), post.digest)


@pytest.mark.parametrize("off", ["site", "post"])
def test_without_an_embargo_it_is_public(off: str, tmp_path: Path) -> None:
    library = a_site(tmp_path, more="embargo: off\n" if off == "post" else "")
    if off == "site":
        library.site = replace(library.site, embargo=Embargo.OFF)

    (post,) = library.scan(a_view(), BEFORE).posts

    assert post.state is PostState.PUBLISHED


def test_post_with_an_embargo_of_its_own_waits(tmp_path: Path) -> None:
    library = a_site(tmp_path, more="embargo: omit\n")
    library.site = replace(library.site, embargo=Embargo.OFF)

    (post,) = library.scan(a_view(), BEFORE).posts

    assert post.state is PostState.SCHEDULED


@pytest.mark.parametrize(
    "state", [ReleaseState.BASELINE, ReleaseState.REVEALING, ReleaseState.LIVE]
)
def test_what_is_public_stays_public_when_its_date_moves(
    state: ReleaseState, tmp_path: Path
) -> None:
    library = a_site(tmp_path)
    (raw,) = library.scan().posts
    earlier = a_release(replace(raw, release_at=BEFORE - timedelta(days=9)), state)

    (post,) = library.scan(a_view([earlier]), BEFORE).posts

    assert post.state is PostState.PUBLISHED


@pytest.mark.parametrize("generator", ["hugo", "astro", "eleventy", "mkdocs"])
def test_draft_flag_with_a_date_that_is_over_is_a_draft(generator: str, tmp_path: Path) -> None:
    library = a_site(tmp_path, generator, more="draft: true\n")

    (post,) = library.scan(a_view(), AFTER).posts

    assert post.state is PostState.DRAFT


def test_draft_flag_that_was_seen_before_its_date_is_scheduled(tmp_path: Path) -> None:
    library = a_site(tmp_path, "astro", more="draft: true\n")
    (seen,) = library.scan(a_view(), BEFORE).posts

    (post,) = library.scan(a_view([a_release(seen)]), AFTER).posts

    assert post.state is PostState.SCHEDULED


def test_draft_keeps_being_a_draft_whatever_its_date(tmp_path: Path) -> None:
    library = a_site(tmp_path, more="status: draft\n")

    assert [library.scan(a_view(), now).posts[0].state for now in (BEFORE, AFTER)] == [
        PostState.DRAFT,
        PostState.DRAFT,
    ]
