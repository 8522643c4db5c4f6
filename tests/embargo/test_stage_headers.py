"""Posts that say their data in a header of the generator's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.config.settings import Settings
from publisher.embargo.stage import Stage, Staged
from publisher.generators import GENERATORS
from publisher.model import Embargo
from publisher.posts.library import Library
from tests.embargo.staged_sites import SECRET, a_site, staged, write
from tests.factories import NOW

BODY = f"\n{SECRET}\n"
LATER = datetime(2027, 6, 1, 7, tzinfo=UTC)  # 09:00 in Oslo
OLD = "2026-01-13 09:00:00 UTC"


def update(settings: Settings, now: datetime = NOW) -> Staged:
    scan = Library(settings.site, settings.project).scan(now=now)
    return Stage(settings).update(scan, now=now)


def nikola(*lines: str) -> str:
    """Give a post as ``nikola new_post`` writes it."""
    head = "\n".join(f".. {line}" for line in ("title: T", "slug: t", *lines, "tags: "))
    return f"<!--\n{head}\n-->\n{BODY}"


def pelican(*lines: str) -> str:
    return "\n".join(["Title: T", *lines, BODY])


def a_blog(project: Path, generator: str, **changes: Embargo) -> Settings:
    return a_site(project, generator=GENERATORS[generator], posts=("posts/**/*",), **changes)


@pytest.mark.parametrize(
    ("generator", "path", "text"),
    [
        ("nikola", "posts/x.md", nikola(f"date: {OLD}")),
        ("nikola", "posts/x.md", nikola(f"date: {OLD}", "status: published").replace("\n", "\r\n")),
        ("nikola", "posts/x.md", nikola(f"date: {OLD}", "status: private")),
        ("nikola", "posts/x.md", nikola(f"date: {OLD}", "status: ")),
        ("nikola", "posts/x.rst", f".. title: T\n.. date: {OLD}\n{BODY}"),
        ("pelican", "posts/x.md", pelican("Date: 2026-01-13 09:00")),
        ("pelican", "posts/x.md", pelican("status: EmbargoedText")),
        ("pelican", "posts/x.md", f"date: 2026-01-13\n{BODY}"),
        ("pelican", "posts/x.rst", f"T\n#\n\n:date: 2026-01-13\n{BODY}"),
        # What says nothing that we know is as public as its generator makes it.
        ("nikola", "posts/x.md", nikola(f"date: {OLD}", "status: unsure")),
        ("nikola", "posts/x.md", f"<!-- the title: T -->\n{BODY}"),
        ("nikola", "posts/x.md", BODY),
        ("pelican", "posts/x.md", pelican("Status: draft of mine")),
        ("pelican", "posts/x.md", f"Tags: a\nAuthor: B\n{BODY}"),
        ("vitepress", "posts/x.md", pelican("Date: 2026-01-13")),
        ("hugo", "posts/x.org", f"#+title: T\n#+date: 2026-01-13\n{BODY}"),
    ],
)
def test_a_public_post_with_a_header_of_its_generator_stays_as_it_is(
    tmp_path: Path, generator: str, path: str, text: str
) -> None:
    settings = a_blog(tmp_path, generator)
    write(tmp_path, path, text)

    found, again = update(settings), update(settings)

    assert (staged(settings, path) or b"").decode() == text
    assert (found.hidden, again.changed) == ((), ())


@pytest.mark.parametrize(
    ("generator", "path", "text"),
    [
        ("nikola", "posts/x.md", nikola(f"date: {OLD}", "status: draft")),
        ("nikola", "posts/x.md", nikola(f"date: {OLD}\n \n.. status: draft")),
        ("nikola", "posts/x.md", nikola("date: 2099-01-13 09:00:00 UTC")),
        ("pelican", "posts/x.md", pelican("Status: draft")),
        ("pelican", "posts/x.md", pelican("status: skip")),
        ("pelican", "posts/x.md", pelican("Date: 2099-01-13", "Status: published")),
    ],
)
def test_what_says_in_such_a_header_that_it_is_not_released_is_held(
    tmp_path: Path, generator: str, path: str, text: str
) -> None:
    settings = a_blog(tmp_path, generator)
    write(tmp_path, path, text)

    found = update(settings)

    assert SECRET not in (staged(settings, path) or b"").decode()
    assert SECRET in found.hidden[0].text


def test_a_post_with_a_header_is_held_until_its_date(tmp_path: Path) -> None:
    settings = a_blog(tmp_path, "nikola")
    write(tmp_path, "posts/x.md", nikola("date: 2027-06-01 09:00:00 UTC+02:00"))

    early = len(update(settings, LATER - timedelta(minutes=1)).hidden)
    held = staged(settings, "posts/x.md") or b""
    come = len(update(settings, LATER).hidden)

    assert (early, come) == (1, 0)
    assert SECRET not in held.decode()
    assert SECRET in (staged(settings, "posts/x.md") or b"").decode()


def test_a_post_with_such_a_header_that_becomes_a_draft_is_removed(tmp_path: Path) -> None:
    settings = a_blog(tmp_path, "pelican", embargo=Embargo.OMIT)
    write(tmp_path, "posts/x.md", pelican("Date: 2026-01-13"))
    update(settings)
    write(tmp_path, "posts/x.md", pelican("Date: 2026-01-13", "Status: draft"))

    Stage(settings).update(Library(settings.site, settings.project).scan(), now=NOW)

    assert staged(settings, "posts/x.md") is None
