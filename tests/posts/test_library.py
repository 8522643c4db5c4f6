"""Reading posts from a folder: what is found, what it says, and what a second look costs."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher.model import (
    AnnounceRule,
    ChannelName,
    Embargo,
    Image,
    LedgerView,
    Post,
    PostId,
    PostState,
    ReleaseState,
    Series,
)
from publisher.model.errors import PostError
from publisher.posts.library import Library
from tests.factories import NOW, a_release, a_view
from tests.posts.sites import a_library, a_text, rules, the_post, write

JPEG = b"\xff\xd8\xff\xe0 and so on"


def read(project: Path, text: str, *, name: str = "blog/a.md", **changes: Any) -> Post:
    """Give the post that a site with only this file has."""
    write(project, name, text)
    return the_post(a_library(project, **changes).scan())


# --- fields ----------------------------------------------------------------------------------


def test_a_post_says_everything_about_itself(tmp_path: Path) -> None:
    write(tmp_path, "public/images/p.jpg", JPEG)
    write(
        tmp_path,
        "blog/pattern-that-prevents.md",
        """---
title: The Pattern That Prevents Chaos
description: One sentence for cards and mails
date: 2027-03-09
status: scheduled
id: pattern
series: {name: Chronicles, part: 2}
hero: {image: /images/p.jpg, alt: A workbench}
tags: [workflow, planning]
announce:
  x: "Six steps. No chaos. {url}"
  linkedin: {text: "Long text", after: 2h}
  newsletter: {subject: "Chaos", at: 2027-03-10T07:00}
teaser: What to expect
---

Text.
""",
    )

    post = the_post(a_library(tmp_path).scan())

    assert post == Post(
        id=PostId("pattern"),
        has_own_id=True,
        path="content/blog/pattern-that-prevents.md",
        digest=post.digest,
        text_digest=post.text_digest,
        state=PostState.SCHEDULED,
        release_at=datetime(2027, 3, 9, 8, 0, tzinfo=UTC),
        title="The Pattern That Prevents Chaos",
        description="One sentence for cards and mails",
        slug="pattern-that-prevents",
        url="https://example.org/blog/pattern-that-prevents",
        tags=("workflow", "planning"),
        series=Series(name="Chronicles", part=2, parts=2),
        hero=Image(
            url="https://example.org/images/p.jpg", path="public/images/p.jpg", alt="A workbench"
        ),
        teaser="What to expect",
        announce={
            ChannelName("x"): AnnounceRule(text="Six steps. No chaos. {url}"),
            ChannelName("linkedin"): AnnounceRule(text="Long text", after=timedelta(hours=2)),
            ChannelName("newsletter"): AnnounceRule(
                subject="Chaos", at=datetime(2027, 3, 10, 6, 0, tzinfo=UTC)
            ),
        },
    )
    assert a_library(tmp_path).body(post) == "\nText.\n"


@pytest.mark.parametrize(
    ("generator", "head", "state", "explicit"),
    [
        ("vitepress", "status: draft\ndate: 2027-03-09", "draft", True),
        ("vitepress", "status: scheduled\ndate: 2027-03-09", "scheduled", True),
        ("vitepress", "status: published\ndate: 2027-03-09", "published", True),
        ("vitepress", "date: 2027-03-09", "published", True),
        ("hugo", "draft: true\ndate: 2027-03-09", "draft", True),  # `date` is when it was made
        ("hugo", "draft: true\npublishDate: 2027-03-09", "scheduled", False),
        ("hugo", "draft: true\nreveal: 2027-03-09", "scheduled", True),
        ("hugo", "draft: false\npublishDate: 2027-03-09", "published", True),
        ("hugo", "publishDate: 2027-03-09", "published", False),
        ("jekyll", "published: false\ndate: 2027-03-09", "scheduled", False),
        ("jekyll", "published: true\ndate: 2027-03-09", "published", True),
        ("astro", "draft: true\npubDate: 2027-03-09", "scheduled", False),
        ("astro", "draft: TRUE", "draft", True),
        ("eleventy", "draft: true\ndate: 2027-03-09", "scheduled", False),
    ],
)
def test_each_generator_says_state_in_its_own_way(
    tmp_path: Path, generator: str, head: str, state: str, explicit: bool
) -> None:
    write(tmp_path, "blog/a.md", f"---\ntitle: A\ndescription: B\n{head}\n---\nText.\n")

    (post,) = a_library(tmp_path, generator=generator).scan().posts

    assert (post.state, post.explicit) == (state, explicit)


@pytest.mark.parametrize(
    ("generator", "name", "head", "until"),
    [
        ("hugo", "a.md", "publishDate: 2027-03-09", "2027-03-09T09:00:00+01:00"),
        ("hugo", "a.md", "date: 2027-03-09T10:30:00Z", "2027-03-09T10:30:00+00:00"),
        ("hugo", "a.md", "publishDate: 2026-01-09\ndate: 2027-03-09", "2026-01-09T09:00:00+01:00"),
        ("hugo", "a.md", "Date: 2027-03-09", "2027-03-09T09:00:00+01:00"),
        ("hugo", "a.md", "draft: true\ndate: 2027-03-09", None),
        ("hugo", "a.md", "date: 2027-03-28T02:30:00", "2027-03-29T00:00:00+02:00"),
        ("hugo", "a.md", "date: 2027-06-01 9am", "2027-06-02T00:00:00+02:00"),
        ("hugo", "a.md", "date: 'Sat, 05 Jun 2027 09:00:00 +0200'", "2027-06-05T07:00:00+00:00"),
        ("hugo", "a.md", "date: 05 juin 2027", "2028-01-01T00:00:00+01:00"),
        ("jekyll", "2027-03-09-a.md", "published: true", "2027-03-09T09:00:00+01:00"),
        ("nikola", "a.md", "date: 2027-03-09", "2027-03-09T09:00:00+01:00"),
        ("eleventy", "2027-03-09-a.md", "date: 2027-03-09", None),
        ("vitepress", "a.md", "date: 2027-03-09", None),
    ],
)
def test_date_withholds_a_published_post_where_its_generator_would(
    tmp_path: Path, generator: str, name: str, head: str, until: str | None
) -> None:
    write(tmp_path, f"blog/{name}", f"---\ntitle: A\ndescription: B\n{head}\n---\nText.\n")

    (post,) = a_library(tmp_path, generator=generator).scan().posts

    assert post.withheld_until == (datetime.fromisoformat(until) if until else None)


def test_date_that_nobody_understands_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "blog/a.md", "---\ntitle: A\ndescription: B\ndate: soon\n---\nText.\n")

    scan = a_library(tmp_path, generator="hugo").scan()

    assert scan.posts == ()
    assert [(problem.rule, problem.line) for problem in scan.problems] == [("bad-date", 4)]


def test_date_that_withholds_a_post_is_in_its_url(tmp_path: Path) -> None:
    write(tmp_path, "blog/a.md", "---\ntitle: A\ndescription: B\ndate: 2027-03-09\n---\nText.\n")

    scan = a_library(tmp_path, generator="hugo", post_url="/{year}/{slug}").scan()

    assert [post.url for post in scan.posts] == ["https://example.org/2027/a"]
    assert scan.problems == ()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("reveal: 2027-04-01T12:00:00+02:00",), datetime(2027, 4, 1, 10, 0, tzinfo=UTC)),
        (('date: "2027-03-09T10:30"',), datetime(2027, 3, 9, 9, 30, tzinfo=UTC)),
        (("date: 2027-03-09 10:30:00",), datetime(2027, 3, 9, 9, 30, tzinfo=UTC)),
        (("time: 07:15",), datetime(2027, 3, 9, 6, 15, tzinfo=UTC)),
        (("reveal:",), datetime(2027, 3, 9, 8, 0, tzinfo=UTC)),
    ],
)
def test_the_release_may_be_said_in_several_ways(
    tmp_path: Path, lines: tuple[str, ...], expected: datetime
) -> None:
    assert read(tmp_path, a_text(*lines)).release_at == expected


def test_an_instant_that_clocks_show_twice_is_noted(tmp_path: Path) -> None:
    post = read(tmp_path, a_text("date: 2026-10-25T02:30:00+02:00"))

    assert post.release_zone_note == "02:30 exists twice that night, +02:00 taken"


YAML = """---
title: A
description: B
date: 2027-03-09
status: scheduled
---
Text.
"""
TOML = """+++
title = "A"
description = "B"
date = 2027-03-09
status = "scheduled"
+++
Text.
"""
JSON = """{
  "title": "A", "description": "B", "date": "2027-03-09",
  "status": "scheduled", "x": {"y": 1}
}

Text.
"""


@pytest.mark.parametrize("text", [YAML, TOML, JSON])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_frontmatter_may_be_yaml_toml_or_json(
    tmp_path: Path, text: str, newline: str, mark: str
) -> None:
    post = read(tmp_path, mark + text.replace("\n", newline))

    assert (post.title, post.state, post.release_at) == (
        "A",
        PostState.SCHEDULED,
        datetime(2027, 3, 9, 8, 0, tzinfo=UTC),
    )
    assert a_library(tmp_path).body(post).strip() == "Text."


@pytest.mark.parametrize(
    ("name", "lines", "post_id", "slug"),
    [
        ("blog/my-post.md", (), "my-post", "my-post"),
        ("blog/my-post/index.md", (), "my-post", "my-post"),
        ("blog/my-post.md", ("id: other", "slug: better"), "other", "better"),
        ("blog/my-post.md", ("id: 42", "slug: 43"), "42", "43"),
    ],
)
def test_id_and_slug_fall_back_to_the_name(
    tmp_path: Path, name: str, lines: tuple[str, ...], post_id: str, slug: str
) -> None:
    post = read(tmp_path, a_text(*lines), name=name)

    assert (post.id, post.slug) == (post_id, slug)


def test_a_jekyll_name_holds_date_and_slug(tmp_path: Path) -> None:
    text = "---\ntitle: A\ndescription: B\npublished: false\n---\nText.\n"

    post = read(
        tmp_path,
        text,
        name="blog/2027-03-09-my-post.md",
        generator="jekyll",
        post_url="/{year}/{month}/{day}/{slug}.html",
    )

    assert post.url == "https://example.org/2027/03/09/my-post.html"
    assert post.release_at == datetime(2027, 3, 9, 8, 0, tzinfo=UTC)
    assert post.state is PostState.SCHEDULED


def test_the_url_holds_the_local_day(tmp_path: Path) -> None:
    text = a_text("reveal: 2027-03-31T23:30:00Z")

    post = read(tmp_path, text, post_url="/{year}/{month}/{day}/{id}")

    assert post.url == "https://example.org/2027/04/01/a"


@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ("tags: one, two,, one", ("one", "two")),
        ("tags: [2027, a]", ("2027", "a")),
        ("tags:", ()),
    ],
)
def test_tags_are_a_list_or_text_with_commas(
    tmp_path: Path, line: str, tags: tuple[str, ...]
) -> None:
    assert read(tmp_path, a_text(line)).tags == tags


def test_a_series_knows_its_length(tmp_path: Path) -> None:
    write(tmp_path, "blog/a.md", a_text("series: {name: S, part: 1}"))
    write(tmp_path, "blog/b.md", a_text("series: {name: S, part: 4}"))
    write(tmp_path, "blog/c.md", a_text("series: {name: T, part: 1}"))

    posts = a_library(tmp_path).scan().posts

    assert [post.series and post.series.parts for post in posts] == [4, 4, 1]


@pytest.mark.parametrize(
    ("line", "image"),
    [
        (
            "hero: /a b.jpg",
            Image(url="https://example.org/a%20b.jpg", path="static/a b.jpg", alt=""),
        ),
        (
            "hero: {image: https://cdn.example/p.jpg, alt: P}",
            Image(url="https://cdn.example/p.jpg", path=None, alt="P"),
        ),
    ],
)
def test_a_hero_image_is_a_file_or_a_url(tmp_path: Path, line: str, image: Image | None) -> None:
    write(tmp_path, "static/a b.jpg", JPEG)

    assert read(tmp_path, a_text(line)).hero == image


@pytest.mark.parametrize(
    ("lines", "off", "rules"),
    [
        (("announce: false",), True, {}),
        (("announce: true",), False, {}),
        (("announce:",), False, {}),
        (("announce: {x: false}",), False, {"x": AnnounceRule(enabled=False)}),
        (
            ("announce: {x: true, linkedin: }",),
            False,
            {"x": AnnounceRule(), "linkedin": AnnounceRule()},
        ),
        (("announce: {x: {enabled: false}}",), False, {"x": AnnounceRule(enabled=False)}),
        (
            ("announce: {x: {at: 2027-03-10}}",),
            False,
            {"x": AnnounceRule(at=datetime(2027, 3, 10, 8, 0, tzinfo=UTC))},
        ),
    ],
)
def test_announcements_can_be_ruled_per_channel(
    tmp_path: Path, lines: tuple[str, ...], off: bool, rules: dict[str, AnnounceRule]
) -> None:
    post = read(tmp_path, a_text(*lines))

    assert (post.announce_off, post.announce) == (off, rules)


# --- finding ---------------------------------------------------------------------------------


def test_posts_come_in_order_of_path(tmp_path: Path) -> None:
    for name in ("blog/b.md", "blog/2027/c.md", "blog/a.md"):
        write(tmp_path, name, a_text())

    assert [post.path for post in a_library(tmp_path).scan().posts] == [
        "content/blog/2027/c.md",
        "content/blog/a.md",
        "content/blog/b.md",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "blog/.drafts/a.md",
        "blog/.a.md",
        "blog/node_modules/pkg/readme.md",
        ".vitepress/dist/blog/a.md",
        "about.md",
        "blog/a.txt",
        "blog/a.md/real.txt",
    ],
)
def test_other_files_are_no_posts(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, a_text())

    scan = a_library(tmp_path).scan()

    assert (scan.posts, scan.problems) == ((), ())


def test_the_output_folder_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "dist/blog/a.md", a_text())

    scan = a_library(tmp_path, generator="astro", posts=("**/*.md",)).scan()

    assert (scan.posts, scan.problems) == ((), ())


@pytest.mark.parametrize("text", ["# Blog\n", "---\ntitle: Blog\nstatus: published\n---\n"])
def test_the_page_of_a_section_is_no_post(tmp_path: Path, text: str) -> None:
    write(tmp_path, "blog/index.md", text)

    scan = a_library(tmp_path).scan()

    assert (scan.posts, scan.problems) == ((), ())


def test_the_bundle_of_a_hugo_post_is_a_post_though_it_says_no_more_than_its_date(
    tmp_path: Path,
) -> None:
    text = "---\ntitle: A trip\ndescription: Out\ndate: 2027-03-09\n---\n\nText.\n"
    write(tmp_path, "blog/trip/index.md", text)
    write(tmp_path, "blog/_index.md", text)

    (post,) = a_library(tmp_path, generator="hugo").scan().posts

    assert (post.id, post.withheld_until) == ("trip", datetime(2027, 3, 9, 8, tzinfo=UTC))


@pytest.mark.parametrize("name", ["blog/trip/index.md", "blog/_index.md"])
def test_the_draft_of_a_section_page_is_a_post(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, "---\ntitle: A trip\ndescription: Out\nstatus: draft\n---\n\nText.\n")

    scan = a_library(tmp_path).scan()

    assert [(post.path, post.state) for post in scan.posts] == [
        (f"content/{name}", PostState.DRAFT)
    ]


@pytest.mark.parametrize(
    ("generator", "line", "rule"),
    [("vitepress", "status: drafft", "bad-state"), ("hugo", "Draft: true", "key-case")],
)
def test_a_section_page_of_unknown_state_is_complained_of(
    tmp_path: Path, generator: str, line: str, rule: str
) -> None:
    write(tmp_path, "blog/trip/index.md", f"---\ntitle: A trip\n{line}\n---\n\nText.\n")

    scan = a_library(tmp_path, generator=generator).scan()

    assert scan.posts == ()
    assert rule in [problem.rule for problem in scan.problems]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("blog/**/*.md", ["blog/a.md", "blog/x/b.md", "blog/x/y/c.md"]),
        ("blog/*.md", ["blog/a.md"]),
        ("blog/*/*.md", ["blog/x/b.md"]),
        ("**/[bc].md", ["blog/x/b.md", "blog/x/y/c.md"]),
        ("**/[!b].md", ["blog/a.md", "blog/x/y/c.md"]),
        ("blog/x/**", ["blog/x/b.md", "blog/x/y/c.md"]),
        ("./blog/?.md", ["blog/a.md"]),
        ("blog/x+y/*.md", []),
    ],
)
@pytest.mark.parametrize("generator", ["vitepress", "astro"])
def test_a_glob_picks_the_posts(
    tmp_path: Path, glob: str, expected: list[str], generator: str
) -> None:
    for name in ("blog/a.md", "blog/x/b.md", "blog/x/y/c.md"):
        write(tmp_path, name, a_text(state="draft: true"))
    (tmp_path / "content/blog/x+y").mkdir()

    posts = a_library(tmp_path, posts=(glob,), generator=generator).scan().posts

    assert [post.path.removeprefix("content/") for post in posts] == expected


def test_pages_are_all_markdown_files(tmp_path: Path) -> None:
    for name in ("index.md", "blog/a.md", "blog/.hidden.md", "node_modules/x/readme.md"):
        write(tmp_path, name, a_text())

    pages = list(a_library(tmp_path).pages())

    assert [page.path for page in pages] == ["content/blog/a.md", "content/index.md"]
    assert all(page.file.is_file() for page in pages)


# --- scanning again --------------------------------------------------------------------------


def opened_by_scan(library: Library) -> list[str]:
    """Scan, and give the names of the content files that were opened for it.

    An audit hook stays for the life of the process; this one is deaf afterwards.
    """
    opened: list[str] = []
    is_watching = True

    def watch(event: str, details: tuple[object, ...]) -> None:
        if is_watching and event == "open" and str(details[0]).endswith(".md"):
            opened.append(Path(str(details[0])).name)

    sys.addaudithook(watch)
    library.scan()
    is_watching = False
    return opened


def test_a_second_scan_opens_only_what_changed(tmp_path: Path) -> None:
    for name in ("a", "b", "broken"):
        write(tmp_path, f"blog/{name}.md", a_text() if name != "broken" else "---\na: [\n---\n")
    write(tmp_path, "index.md", "# Home\n")
    library = a_library(tmp_path)
    first = library.scan()

    nothing = opened_by_scan(library)
    write(tmp_path, "blog/b.md", a_text("title: Other"))
    changed = opened_by_scan(library)

    assert nothing == []
    assert changed == ["b.md"]
    assert library.scan().problems == first.problems


def test_a_scan_sees_what_came_changed_and_went(tmp_path: Path) -> None:
    library = a_library(tmp_path)
    write(tmp_path, "blog/a.md", a_text())
    write(tmp_path, "blog/b.md", a_text())
    library.scan()

    (tmp_path / "content/blog/a.md").unlink()
    write(tmp_path, "blog/b.md", a_text("title: Changed"))
    write(tmp_path, "blog/c.md", a_text())

    assert [(p.id, p.title) for p in library.scan().posts] == [("b", "Changed"), ("c", "A title")]


def test_an_edit_that_keeps_size_and_mtime_is_seen(tmp_path: Path) -> None:
    file = write(tmp_path, "blog/a.md", a_text("title: One"))
    library = a_library(tmp_path)
    library.scan()
    status = file.stat()

    write(tmp_path, "blog/a.md", a_text("title: Two"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert library.scan().posts[0].title == "Two"


def test_a_missing_image_is_seen_when_it_comes(tmp_path: Path) -> None:
    write(tmp_path, "blog/a.md", a_text("hero: /p.jpg"))
    library = a_library(tmp_path)
    missing = library.scan()

    write(tmp_path, "public/p.jpg", JPEG)
    found = library.scan()

    assert [problem.rule for problem in missing.problems] == ["missing-image"]
    assert [post.hero and post.hero.path for post in missing.posts] == [None]
    assert [post.hero and post.hero.path for post in found.posts] == ["public/p.jpg"]
    assert found.problems == ()


def test_reading_shows_the_file_as_it_is_now(tmp_path: Path) -> None:
    post = read(tmp_path, a_text())
    write(tmp_path, "blog/a.md", a_text("extra: 1", body="New text."))

    document = a_library(tmp_path).read(post)

    assert (document.metadata["extra"], document.body) == (1, "\nNew text.\n")
    assert document.text.split("\n")[document.body_line - 1 :][1] == "New text."


def test_a_post_that_is_gone_cannot_be_read(tmp_path: Path) -> None:
    post = read(tmp_path, a_text())
    (tmp_path / "content/blog/a.md").unlink()

    with pytest.raises(PostError, match=r"content/blog/a\.md: cannot be read"):
        a_library(tmp_path).body(post)


def test_a_site_may_be_the_project_itself(tmp_path: Path) -> None:
    library = Library(a_library(tmp_path).site, tmp_path / "content")
    write(tmp_path, "blog/a.md", a_text())

    post = the_post(library.scan())

    assert post.path == "blog/a.md"
    assert library.body(post) == "\nText.\n"


# --- preview blocks --------------------------------------------------------------------------


def test_preview_blocks_without_a_post_are_reported_with_their_line(tmp_path: Path) -> None:
    block = "<PostPreview blurred>\n\nText.\n\n</PostPreview>\n"
    write(tmp_path, "blog/a.md", a_text())
    write(tmp_path, "index.md", f"---\ntitle: Home\n---\n\n# One\n\n{block}")
    write(tmp_path, "series.md", f"# One\n\n[A](/blog/a)\n\n{block}\n# Two\n\n{block}")

    assert rules(a_library(tmp_path).orphans()) == [
        ("orphan-preview", "content/index.md", 7),
        ("orphan-preview", "content/series.md", 13),
    ]


# --- copies ----------------------------------------------------------------------------------


COPY = "pattern.sync-conflict-20270308-101112-ABCDEFG"


def test_copy_of_a_scheduled_post_is_named_and_held(tmp_path: Path) -> None:
    for name in ("pattern", COPY):
        write(tmp_path, f"blog/{name}.md", a_text("id: pattern", body="One text."))

    scan = a_library(tmp_path).scan(a_view(), NOW)

    assert [post.path for post in scan.posts] == ["content/blog/pattern.md"]
    assert [(p.rule, p.severity, p.path) for p in scan.problems] == [
        ("conflict-copy", "error", f"content/blog/{COPY}.md")
    ]


def test_copy_that_is_public_is_named_and_stays(tmp_path: Path) -> None:
    for name in ("pattern", COPY):
        write(tmp_path, f"blog/{name}.md", a_text(state="status: published", body="One text."))

    scan = a_library(tmp_path).scan(a_view(), NOW)

    assert len(scan.posts) == 2
    assert [(p.rule, p.severity) for p in scan.problems] == [("conflict-copy", "warning")]


def test_post_that_was_released_is_no_copy(tmp_path: Path) -> None:
    for name in ("pattern", "pattern 2"):
        write(tmp_path, f"blog/{name}.md", a_text(body="One text."))
    first = a_library(tmp_path).scan().posts
    path = "content/blog/pattern 2.md"
    release = a_release(replace(first[0], id=PostId("pattern-2"), path=path), ReleaseState.LIVE)

    scan = a_library(tmp_path).scan(a_view([release]), NOW)

    assert [post.path for post in scan.posts] == [path, "content/blog/pattern.md"]
    assert scan.problems == ()


def test_a_folder_of_posts_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    library = a_library(tmp_path, generator="hugo", posts=("news/**/*.md",))

    with pytest.raises(PostError, match="content/news: there is no such folder"):
        library.scan()


# --- what the file's name says ----------------------------------------------------------------


@pytest.mark.parametrize("generator", ["vitepress", "hugo", "astro", "mkdocs", "nikola"])
def test_a_date_in_the_name_of_a_file_counts_where_no_key_gives_one(
    tmp_path: Path, generator: str
) -> None:
    write(tmp_path, "blog/2027-03-09-kettles.md", "---\ntitle: Kettles\n---\n\nText.\n")
    library = a_library(tmp_path, generator=generator, embargo=Embargo.REDACT)

    (post,) = library.scan(LedgerView(), datetime(2027, 3, 1, tzinfo=UTC)).posts

    assert (post.state, post.release_at) == (
        PostState.SCHEDULED,
        datetime(2027, 3, 9, 8, tzinfo=UTC),
    )


@pytest.mark.parametrize("name", ["2027-13-09-kettles", "20270309-kettles", "9-3-2027-kettles"])
def test_a_name_that_begins_with_no_day_has_no_date(tmp_path: Path, name: str) -> None:
    write(tmp_path, f"blog/{name}.md", "---\ntitle: Kettles\ndescription: x\n---\n\nText.\n")

    (post,) = a_library(tmp_path).scan().posts

    assert post.release_at is None


@pytest.mark.parametrize(
    ("generator", "name", "title"),
    [
        ("jekyll", "2027-03-09-no-title", "No Title"),
        ("vitepress", "the_old kettle", "The Old Kettle"),
        ("hugo", "iPhone", "IPhone"),
    ],
)
def test_a_post_without_any_title_is_called_by_its_name(
    tmp_path: Path, generator: str, name: str, title: str
) -> None:
    write(tmp_path, f"blog/{name}.md", "---\ndate: 2027-03-09\n---\n\nText.\n")

    (post,) = a_library(tmp_path, generator=generator).scan().posts

    assert (post.title, post.has_title) == (title, False)
