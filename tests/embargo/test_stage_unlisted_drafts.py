"""What is held though it is no post: pages without frontmatter of ours, and those with a date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.embargo.stage import Stage
from publisher.generators import GENERATORS
from publisher.generators.file_kinds import TEXT_MAX_BYTES
from publisher.model import Embargo
from publisher.posts.library import Library
from tests.embargo.staged_sites import PUBLIC, SECRET, a_site, staged, update, write
from tests.factories import NOW

BODY = f"\n{SECRET}\n"
LATER = datetime(2027, 6, 1, 7, tzinfo=UTC)  # 09:00 in Oslo
TO_COME = f"---\ntitle: News\ndate: 2027-06-01\n---\n{BODY}"


# --- what says that it is a draft, in any way its generator knows ---------------------------------


@pytest.mark.parametrize(
    ("generator", "path", "text"),
    [
        ("hugo", "content/x.adoc", f"---\ntitle: T\ndraft: true\n---\n{BODY}"),
        ("hugo", "content/x.org", f"#+title: T\n#+DRAFT: true\n{BODY}"),
        ("hugo", "content/x.rst", f"---\ndraft: true\n---\n{BODY}"),
        ("hugo", "content/x.pdc", f"+++\ndraft = true\n+++\n{BODY}"),
        ("hugo", "content/x.htm", f"---\ndraft: true\n---\n<p>{SECRET}</p>\n"),
        ("hugo", "content/x.ADOC", f"= T\n:page-draft: true\n{BODY}"),
        ("jekyll", "x.adoc", f"= T\n:page-published: false\n{BODY}"),
        ("jekyll", "x.asciidoc", f"= T\n:draft:\n{BODY}"),
        ("jekyll", "x.textile", f"---\npublished: false\n---\n{BODY}"),
        ("jekyll", "x.txt", f"---\npublished: false\n---\n{BODY}"),
        ("eleventy", "x.njk", f"---\ndraft: true\n---\n{BODY}"),
        ("eleventy", "x.liquid", f"---\ndraft: true\n---\n{BODY}"),
        ("eleventy", "x.njk", f"---js\n{{\n  draft: true,\n}}\n---\n{BODY}"),
        ("eleventy", "x.html", f'---json\n{{"title": "T",\n"draft": true}}\n---\n{BODY}'),
        ("astro", "src/content/x.mdoc", f"---\ndraft: true\n---\n{BODY}"),
        ("nikola", "pages/x.rst", f".. title: T\r\n.. status: draft\r\n{BODY}"),
        ("nikola", "pages/x.md", f"<!--\n.. title: T\n.. status: draft\n-->\n{BODY}"),
        ("nikola", "pages/x.txt", f".. status: draft\n{BODY}"),
        ("nikola", "pages/x.rst", f"T\n=\n\n:status: draft\n{BODY}"),
        ("pelican", "content/x.rst", f"T\n#\n\n:status: draft\n{BODY}"),
        ("pelican", "content/pages/x.md", f"Title: T\nStatus: draft\n{BODY}"),
        (
            "pelican",
            "content/x.html",
            f'<html><head>\n<meta name="status" content="draft" />\n</head>{BODY}</html>',
        ),
    ],
)
def test_a_draft_is_known_in_every_format_of_its_generator(
    tmp_path: Path, generator: str, path: str, text: str
) -> None:
    settings = a_site(tmp_path, generator=GENERATORS[generator])
    write(tmp_path, path, text)

    found = update(settings)

    assert staged(settings, path) is None
    assert found.withheld == (f"site/{path}",)
    assert SECRET in found.hidden[0].text


@pytest.mark.parametrize(
    ("generator", "path", "text"),
    [
        ("hugo", "content/x.org", f"#+draft: false\n{BODY}"),
        ("hugo", "content/x.adoc", f"= T\n:!draft:\n{BODY}"),
        ("hugo", "layouts/x.html", '{{ define "main" }}\n{{ .draft }}\n'),
        ("nikola", "pages/x.md", f"<!--\n.. status: published\n-->\n{BODY}"),
        ("nikola", "pages/x.rst", f".. title: T\n\nTo hide it write:\n\n.. status: draft\n{BODY}"),
        ("pelican", "content/x.md", f"Title: T\n\nStatus: draft\n{BODY}"),
        ("pelican", "content/x.rst", f"T\n#\n\nSo:\n\n    :status: draft\n{BODY}"),
        ("eleventy", "x.njk", "{% set draft = true %}\n"),
        ("eleventy", "data/x.json", '{"draft": true}\n'),
        ("vitepress", "x.txt", "status: draft\n"),
        ("vitepress", "x.adoc", f"{'filler' * TEXT_MAX_BYTES}"),
    ],
)
def test_what_only_looks_like_a_draft_is_staged_as_it_is(
    tmp_path: Path, generator: str, path: str, text: str
) -> None:
    settings = a_site(tmp_path, generator=GENERATORS[generator])
    write(tmp_path, path, text)

    first, second = update(settings), update(settings)

    assert first.withheld == ()
    assert (staged(settings, path) or b"").decode() == text
    assert second.changed == ()


def test_the_text_of_a_nikola_page_is_held_with_what_is_said_of_it_in_a_file_beside_it(
    tmp_path: Path,
) -> None:
    settings = a_site(tmp_path, generator=GENERATORS["nikola"])
    write(tmp_path, "pages/x.rst", SECRET)
    write(tmp_path, "pages/y.rst", PUBLIC)
    write(tmp_path, "pages/x.meta", ".. title: T\n.. status: published\n")
    update(settings)
    before = staged(settings, "pages/x.rst")
    write(tmp_path, "pages/x.meta", ".. title: T\n.. date: 2020-01-01\n\n.. status: draft\n")

    found = update(settings)

    assert before == SECRET.encode()
    assert found.withheld == ("site/pages/x.meta", "site/pages/x.rst")
    assert staged(settings, "pages/x.rst") is None
    assert staged(settings, "pages/y.rst") == PUBLIC.encode()


def test_pages_of_one_folder_are_no_bundle_of_its_index(tmp_path: Path) -> None:
    settings = a_site(tmp_path, generator=GENERATORS["nikola"])
    write(tmp_path, "pages/index.rst", f".. status: draft\n{BODY}")
    write(tmp_path, "pages/y.rst", f".. title: T\n\n{PUBLIC}\n")

    found = update(settings)

    assert found.withheld == ("site/pages/index.rst",)
    assert staged(settings, "pages/y.rst") is not None


# --- what has a future date ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generator", "path", "text"),
    [
        ("hugo", "content/news/n.md", TO_COME),
        ("hugo", "content/news/n.md", TO_COME.replace("date", "Date")),
        ("hugo", "content/news/_index.md", TO_COME),
        ("hugo", "content/news/n.md", TO_COME.replace("date:", "date: 2020-01-01\npublishDate:")),
        ("hugo", "content/news/n.adoc", TO_COME),
        ("nikola", "pages/n.md", TO_COME),
        ("jekyll", "_docs/n.md", TO_COME),
        ("jekyll", "en/_posts/2027-06-01-n.md", f"---\ntitle: T\n---\n{BODY}"),
    ],
)
def test_a_page_with_a_date_to_come_is_held_until_it_has_come(
    tmp_path: Path, generator: str, path: str, text: str
) -> None:
    settings = a_site(tmp_path, generator=GENERATORS[generator])
    write(tmp_path, path, text)

    early = update(settings, NOW)
    held, (hidden,) = staged(settings, path), early.hidden
    last = update(settings, LATER - timedelta(minutes=1))
    come = update(settings, LATER)
    again = update(settings, LATER + timedelta(days=1))

    assert (early.withheld, last.withheld) == ((f"site/{path}",),) * 2
    assert held is None
    assert SECRET in hidden.text
    assert (come.withheld, come.changed) == ((), (f"site/{path}",))
    assert (staged(settings, path) or b"").decode() == text
    assert again.changed == ()


@pytest.mark.parametrize(
    ("generator", "path", "text"),
    [
        ("hugo", "content/news/n.org", f"#+title: T\n#+date: <2027-06-01 Tue>\n{BODY}"),
        ("hugo", "content/news/n.md", TO_COME.replace("2027-06-01", "2027-06-01 9am CEST")),
        ("nikola", "pages/n.rst", f".. title: T\n.. date: 2027-06-01 09:00:00 UTC+02\n{BODY}"),
    ],
)
def test_a_date_that_only_the_generator_understands_holds_to_the_end_of_its_day(
    tmp_path: Path, generator: str, path: str, text: str
) -> None:
    settings = a_site(tmp_path, generator=GENERATORS[generator])
    write(tmp_path, path, text)

    early = update(settings, NOW).withheld
    last = update(settings, datetime(2027, 6, 1, 21, 59, tzinfo=UTC)).withheld
    come = update(settings, datetime(2027, 6, 1, 22, tzinfo=UTC)).withheld

    assert (early, last, come) == ((f"site/{path}",), (f"site/{path}",), ())


@pytest.mark.parametrize(
    ("generator", "path"),
    [
        ("jekyll", "news/n.md"),  # Jekyll waits for documents of collections only
        ("vitepress", "news/n.md"),
        ("pelican", "content/news/n.md"),
    ],
)
def test_a_date_is_no_matter_where_the_generator_does_not_wait_for_it(
    tmp_path: Path, generator: str, path: str
) -> None:
    settings = a_site(tmp_path, generator=GENERATORS[generator])
    write(tmp_path, path, TO_COME)

    assert update(settings).withheld == ()
    assert staged(settings, path) == TO_COME.encode()


@pytest.mark.parametrize("date", ["{{ .Date }}", "soon", "2027-02-30", "2020-06-01", ""])
def test_what_is_no_date_to_come_holds_nothing(tmp_path: Path, date: str) -> None:
    settings = a_site(tmp_path, generator=GENERATORS["hugo"])
    write(tmp_path, "content/n.md", f"---\ntitle: T\ndate: {date}\n---\n{BODY}")

    assert update(settings).withheld == ()


def test_without_embargo_dates_are_the_sites_own_business(tmp_path: Path) -> None:
    settings = a_site(tmp_path, generator=GENERATORS["hugo"], embargo=Embargo.OFF)
    write(tmp_path, "content/news/n.md", TO_COME)

    assert update(settings).withheld == ()


def test_a_post_in_error_whose_date_is_to_come_does_not_go_public(tmp_path: Path) -> None:
    settings = a_site(tmp_path, generator=GENERATORS["hugo"])
    write(tmp_path, "blog/x.md", TO_COME.replace("title", "embargo: nonsense\ntitle"))

    update(settings)
    held = staged(settings, "blog/x.md")
    Stage(settings).update(Library(settings.site, settings.project).scan(), now=LATER)

    assert held is None
    assert staged(settings, "blog/x.md") is not None
