"""What a file says of not being released, as far as it can be read at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from publisher.config.settings import SiteSettings
from publisher.generators import GENERATORS
from publisher.model import Embargo
from publisher.posts.file_state import read_file_state
from tests.factories import NOW

SOON = f"{NOW + timedelta(days=30):%Y-%m-%d}"


def says_unreleased(
    generator: str,
    text: str | bytes,
    *,
    path: str = "blog/x.md",
    is_post: bool = True,
    embargo: Embargo = Embargo.REDACT,
) -> bool:
    site = SiteSettings(
        name="sample",
        url="https://example.org",
        root=Path("site"),
        posts=("blog/*.md",),
        generator=GENERATORS[generator],
        zone=ZoneInfo("Europe/Oslo"),
        release_time=NOW.time(),
    )
    data = text.encode() if isinstance(text, str) else text
    found = read_file_state(data, path, replace(site, embargo=embargo), is_post=is_post)
    return found.is_unreleased(NOW, embargo)


@pytest.mark.parametrize(
    ("generator", "text"),
    [
        ("hugo", "A page without any frontmatter.\n"),
        ("hugo", ""),
        ("hugo", '---\ntitle: T\ndraft: "false"\n---\n'),
        ("hugo", "---\ntitle: T\ndraft: 0\n---\n"),
        ("hugo", "---\ntitle: T\ndraft:\n---\n"),
        ("hugo", "---\ntitle: T\ndraft: no\n---\n"),
        ("hugo", "+++\ntitle = 'T'\ndraft = 'false'\n+++\n"),
        ("hugo", "---\ntags: &t [a]\nkeywords: *t\n---\n"),
        ("hugo", "---\ntitle: T\n\nNever closed, with a word on draft: true things.\n"),
        ("hugo", b"---\ntitle: caf\xe9\ndate: 2020-01-01\n---\n"),
        ("jekyll", "---\ncategories: a\ncategories: b\n---\n"),
        ("jekyll", '---\ntitle: T\npublished: "true"\n---\n'),
        ("jekyll", "---\ntitle: T\npublished: yes\n---\n"),
        ("jekyll", "---\ntitle: T\n...\n\npublished: false\n"),
        ("vitepress", "---\ntitle: T\nstatus: experimental\n---\n"),
        ("vitepress", "---\ntitle: [A\nstatus: published\n---\n"),
        ("vitepress", "---\ntitle: [A\ndescription: |\n  status: draft\n---\n"),
        ("vitepress", '{"title": "T", "status": "published", }\n\nText.\n'),
    ],
)
def test_a_file_that_says_nothing_of_the_kind_is_public(generator: str, text: str | bytes) -> None:
    assert not says_unreleased(generator, text)


@pytest.mark.parametrize(
    ("generator", "text"),
    [
        ("hugo", '---\ntitle: [A\ndraft: "true"\n---\n'),
        ("hugo", "---\ndraft: yes\n---\n"),
        ("hugo", "---\ndraft: false\ndraft: true\n---\n"),
        ("hugo", "---\ndraft: true\ndraft: false\n---\n"),
        ("hugo", "\n\n---\ndraft: true\n---\n"),
        ("hugo", "+++\ntitle = \ndraft = true\n+++\n"),
        ("hugo", "---\ntitle: T\ndraft: true\n"),
        ("hugo", b"---\ntitle: caf\xe9\ndraft: true\n---\n"),
        ("hugo", f"---\ntitle: [A\npublishDate: {SOON}\n---\n"),
        ("jekyll", "---\npublished: no\n---\n"),
        ("jekyll", '---\ntitle: "A\npublished: false\n---\n'),
        ("vitepress", "---\ntitle: [A\nstatus: scheduled\n---\n"),
        ("vitepress", "---\nstatus: schduled\n---\n"),
        ("vitepress", f"---\ntitle: [A\ndate: {SOON}\n---\n"),
        ("vitepress", f"---\ndate: 2020-01-01\ndate: {SOON}\n---\n"),
        ("vitepress", f"---\ntitle: [A\nreveal: '{SOON}T09:00:00+01:00'\n---\n"),
        ("vitepress", f'{{"title": "T", "date": "{SOON}", }}\n\nText.\n'),
        ("vitepress", '{"title": "T", "status": "draft", }\n\nText.\n'),
    ],
)
def test_a_file_that_says_so_on_any_line_is_unreleased(generator: str, text: str | bytes) -> None:
    assert says_unreleased(generator, text)


def test_the_date_in_a_name_counts_though_the_file_cannot_be_read() -> None:
    assert says_unreleased("jekyll", "---\ntitle: [A\n---\n", path=f"_posts/{SOON}-x.md")


def test_without_an_embargo_only_drafts_are_unreleased() -> None:
    to_come = f"---\ntitle: [A\ndate: {SOON}\n---\n"

    assert not says_unreleased("vitepress", to_come, embargo=Embargo.OFF)
    assert says_unreleased("vitepress", "---\nstatus: draft\n---\n", embargo=Embargo.OFF)


def test_the_date_of_a_page_that_is_no_post_is_its_generators_business() -> None:
    to_come = f"---\ntitle: T\ndate: {SOON}\n---\n"

    assert not says_unreleased("vitepress", to_come, is_post=False)
    assert says_unreleased("hugo", to_come, is_post=False)
