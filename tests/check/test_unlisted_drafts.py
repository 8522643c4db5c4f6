"""What `check` says of pages outside of the posts that the stage holds back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from publisher import check
from publisher.config.settings import RebuildSettings
from publisher.model import Embargo, Problem
from tests.check.test_check import NOW, settings_of
from tests.posts.sites import a_library, a_text, write


def strays_of(
    project: Path, *, generator: str = "vitepress", embargo: Embargo = Embargo.REDACT, **facts: Any
) -> list[Problem]:
    library = a_library(project, generator=generator, **facts)
    settings = settings_of(library, embargo=embargo)
    found = check.run(settings, library, now=NOW, environ={})
    return [problem for problem in found if problem.rule == "stray"]


@pytest.mark.parametrize(
    ("generator", "state", "advice"),
    [
        ("vitepress", "status: draft", "status: published"),
        ("vitepress", "status: scheduled", "status: published"),
        ("hugo", "draft: true", "draft: false"),
        ("jekyll", "published: false", "published: true"),
    ],
)
def test_a_page_that_the_stage_holds_back_is_named_with_its_reason(
    tmp_path: Path, generator: str, state: str, advice: str
) -> None:
    write(tmp_path, "blog/door.md", a_text(state=advice))
    write(tmp_path, "about.md", f"---\ntitle: About\n{state}\n---\n\nAbout us.\n")

    (stray,) = strays_of(tmp_path, generator=generator)

    assert (stray.severity, stray.path, stray.line) == ("warning", "content/about.md", 3)
    assert stray.message.startswith(f"says {state} and is not a post: ")
    assert f"write {advice} once it may be seen" in stray.hint


def test_a_page_whose_frontmatter_is_broken_is_named_as_well(tmp_path: Path) -> None:
    write(tmp_path, "blog/door.md", a_text())
    write(tmp_path, "about.md", "---\ntitle: [\nstatus: draft\n---\n\nAbout us.\n")

    (stray,) = strays_of(tmp_path)

    assert (stray.path, stray.line) == ("content/about.md", None)
    assert stray.message.startswith("says in its status that it is unreleased and is not a post: ")


def test_pages_that_are_public_and_posts_are_no_strays(tmp_path: Path) -> None:
    write(tmp_path, "blog/door.md", a_text(state="status: draft"))
    write(tmp_path, "about.md", "---\ntitle: About\nstatus: published\n---\n\nAbout us.\n")
    write(tmp_path, "plain.md", "status: draft\n")

    assert strays_of(tmp_path) == []


@pytest.mark.parametrize(
    ("generator", "post", "other"),
    [
        ("hugo", "content/posts/door.md", "archetypes/default.md"),
        ("hugo", "content/posts/door.md", "themes/t/exampleSite/content/posts/a.md"),
        ("jekyll", "_posts/2027-03-01-door.md", "_drafts/next.md"),
    ],
)
def test_what_its_generator_makes_no_page_of_is_no_matter(
    tmp_path: Path, generator: str, post: str, other: str
) -> None:
    write(tmp_path, post, a_text(state="draft: false"))
    write(tmp_path, other, "---\ntitle: New\ndraft: true\npublished: false\n---\n\nText.\n")

    assert strays_of(tmp_path, generator=generator, posts=(post,)) == []


def test_without_embargo_such_pages_are_the_sites_own_business(tmp_path: Path) -> None:
    write(tmp_path, "blog/door.md", a_text())
    write(tmp_path, "about.md", "---\ntitle: About\nstatus: draft\n---\n\nAbout us.\n")

    assert strays_of(tmp_path, embargo=Embargo.OFF) == []


def test_the_embargo_of_one_post_is_enough(tmp_path: Path) -> None:
    write(tmp_path, "blog/door.md", a_text("embargo: redact"))
    write(tmp_path, "about.md", "---\ntitle: About\nstatus: draft\n---\n\nAbout us.\n")

    assert [stray.path for stray in strays_of(tmp_path, embargo=Embargo.OFF)] == [
        "content/about.md"
    ]


# --- with a future date -------------------------------------------------------------------------

TO_COME = "---\ntitle: News\ndate: 2099-06-01\n---\n\nNews.\n"


def of_rule(project: Path, rule: str, *, embargo: Embargo, command: str) -> list[Problem]:
    library = a_library(project, generator="hugo")
    built = RebuildSettings(command=tuple(command.split()), output=project / "public")
    settings = settings_of(library, embargo=embargo, rebuild=built)
    found = check.run(settings, library, now=NOW, environ={})
    return [problem for problem in found if problem.rule == rule]


def test_a_page_with_a_date_to_come_is_named_with_its_instant(tmp_path: Path) -> None:
    write(tmp_path, "blog/door.md", a_text(state="draft: false"))
    write(tmp_path, "news/n.md", TO_COME)

    (stray,) = strays_of(tmp_path, generator="hugo")

    assert (stray.severity, stray.path) == ("warning", "content/news/n.md")
    assert stray.message == (
        "has a future date and is not a post: the site is built without it until 2099-06-01 09:00"
    )


@pytest.mark.parametrize("name", ["news/n.md", "blog/n.md"])
def test_without_embargo_nothing_holds_what_the_generator_is_told_to_build(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path, name, TO_COME)

    (found,) = of_rule(
        tmp_path, "published-in-future", embargo=Embargo.OFF, command="hugo --buildFuture"
    )

    assert (found.severity, found.path) == ("warning", f"content/{name}")
    assert "hugo is told to build " in found.message


@pytest.mark.parametrize("name", ["news/n.md", "blog/n.md"])
@pytest.mark.parametrize(
    ("embargo", "command"), [(Embargo.OFF, "hugo"), (Embargo.REDACT, "hugo --buildFuture")]
)
def test_what_the_generator_or_the_stage_holds_is_not_public(
    tmp_path: Path, name: str, embargo: Embargo, command: str
) -> None:
    write(tmp_path, name, TO_COME)

    assert of_rule(tmp_path, "published-in-future", embargo=embargo, command=command) == []


@pytest.mark.parametrize(
    ("path", "text", "line", "said"),
    [
        ("pages/a.rst", ".. title: A\n.. status: draft\n\nText.\n", 2, "status: draft"),
        ("pages/a.adoc", "= A\n:draft:\n\nText.\n", 2, "draft"),
    ],
)
def test_a_header_that_is_no_frontmatter_is_named_with_its_line(
    tmp_path: Path, path: str, text: str, line: int, said: str
) -> None:
    write(tmp_path, path, text)

    (stray,) = strays_of(tmp_path, generator="nikola")

    assert (stray.path, stray.line) == (f"content/{path}", line)
    assert stray.message.startswith(f"says {said} and is not a post: ")
