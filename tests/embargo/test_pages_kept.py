"""Files among the posts that cannot be used: which stay public, and which are not released."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.model import Embargo, Problem, ReleaseState
from publisher.posts.library import Scan
from tests.factories import NOW, a_release, a_view
from tests.posts.sites import a_library, a_text, write

TWICE = "---\ntitle: A\ntitle: B\n---\nText.\n"


def scan(project: Path, text: str, *known: ReleaseState) -> Scan:
    """Scan a site with the one file, whose post the ledger knows in the states ``known``."""
    library = a_library(project, embargo=Embargo.REDACT)
    write(project, "blog/a.md", a_text())
    (post,) = library.scan().posts
    write(project, "blog/a.md", text)
    return library.scan(a_view([a_release(post, state) for state in known]), NOW)


def severities(problems: tuple[Problem, ...]) -> set[str]:
    return {problem.severity for problem in problems}


@pytest.mark.parametrize(
    "text",
    ["No frontmatter.\n", TWICE, a_text("slug: [a]", state="status: published", body="")],
)
def test_a_public_file_in_error_is_worth_a_warning(tmp_path: Path, text: str) -> None:
    found = scan(tmp_path, text.replace("2027-03-09", "2020-03-09"))

    assert (found.posts, found.withheld) == ((), frozenset())
    assert found.unreadable == {"content/blog/a.md"}
    assert severities(found.problems) == {"warning"}


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (TWICE.replace("title: B", "title: B\nstatus: scheduled"), ()),
        (TWICE.replace("title: B", "title: B\ndate: 2099-01-01"), ()),
        (TWICE, (ReleaseState.SCHEDULED,)),
        ("", (ReleaseState.WITHDRAWN,)),
    ],
)
def test_a_file_in_error_that_is_not_released_is_withheld(
    tmp_path: Path, text: str, known: tuple[ReleaseState, ...]
) -> None:
    found = scan(tmp_path, text, *known)

    assert found.withheld == {"content/blog/a.md"}
    assert severities(found.problems) == {"error"}


def test_a_file_whose_post_is_live_stays_public(tmp_path: Path) -> None:
    found = scan(tmp_path, TWICE, ReleaseState.LIVE)

    assert found.withheld == frozenset()
    assert severities(found.problems) == {"warning"}


def test_of_posts_with_one_id_only_those_that_are_not_released_are_withheld(tmp_path: Path) -> None:
    public, coming = "status: published", "status: scheduled"
    write(tmp_path, "blog/old.md", a_text("id: same", "date: 2020-01-01", state=public))
    write(tmp_path, "blog/new.md", a_text("id: same", "date: 2099-01-01", state=coming))

    found = a_library(tmp_path).scan(a_view(), NOW)

    assert found.withheld == {"content/blog/new.md"}
    assert [(p.path, p.severity) for p in found.problems] == [
        ("content/blog/new.md", "error"),
        ("content/blog/old.md", "warning"),
    ]
