"""Moving a post's date: what changes, what stays, and what is refused."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.generators import GENERATORS
from publisher.model import PostState
from publisher.model.errors import PostError
from publisher.posts.reschedule import set_date
from tests.factories import SITE
from tests.posts.sites import a_library, a_text, the_post, write

HUGO = replace(SITE, generator=GENERATORS["hugo"])
SAME_TIME = datetime(2027, 3, 16, 8, 0, tzinfo=UTC)  # 09:00 in Oslo
AFTERNOON = datetime(2027, 3, 16, 13, 30, tzinfo=UTC)  # 14:30 in Oslo
SUMMER = datetime(2027, 4, 6, 7, 0, tzinfo=UTC)  # 09:00 in Oslo, and +02:00
FIRST = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)  # the first 02:30 of that night

LOOKALIKES = """---
x: [{{date: 2027-03-09}}, "date: 2027-03-09"]
t: |
  date: 2027-03-09
# date: 2027-03-09
date: {}   # date: 2027-03-09
mydate: 2027-03-09
updated: 2027-03-09
---
date: 2027-03-09
"""


@pytest.mark.parametrize(
    ("before", "after", "at"),
    [
        ("date: 2027-03-09", "date: 2027-03-16", SAME_TIME),
        ("date: 2027-03-09", "date: 2027-04-06", SUMMER),
        ("date: 'Mar 09 2027'", "date: '2027-03-16'", SAME_TIME),
        ("date: 2027/03/09 # x", "date: 2027-03-16T14:30:00+01:00 # x", AFTERNOON),
        ("date: Tue, 09 Mar 2027 09:00 GMT", "date: 2027-03-16", SAME_TIME),
        ("date: 2027-03-09", "date: 2027-03-16T14:30:00+01:00", AFTERNOON),
        ("date:   '2027-03-09'  # soon", "date:   '2027-03-16'  # soon", SAME_TIME),
        ('"date" : "2027-03-09"', '"date" : "2027-03-16"', SAME_TIME),
        ("date:\n  2027-03-09", "date:\n  2027-03-16", SAME_TIME),
        ("date: 2027-03-09T09:00", "date: 2027-03-16T14:30", AFTERNOON),
        ("date: 2027-03-09 9:00   # x", "date: 2027-03-16 9:00   # x", SAME_TIME),
        ("date: 2027-03-09T09:00:00", "date: 2027-04-06T09:00:00", SUMMER),
        ("date: 2027-03-09T09:00:00.000", "date: 2027-04-06T09:00:00.000", SUMMER),
        ("date: 2027-03-09T09:00:00+01:00", "date: 2027-04-06T09:00:00+02:00", SUMMER),
        ("date: 2027-03-09 09:00:00 +0100", "date: 2027-04-06 09:00:00 +0200", SUMMER),
        ("date: 2027-03-09T09:00+01", "date: 2027-04-06T09:00+02", SUMMER),
        ("date: 2027-03-09T08:00:00Z", "date: 2027-04-06T07:00:00Z", SUMMER),
        ("date: 2027-03-09 08:00:00 UTC", "date: 2027-04-06 07:00:00 UTC", SUMMER),
        ("date: '2027-03-09 08:00 GMT'", "date: '2027-04-06 07:00 GMT'", SUMMER),
        ("date: 2027-03-09 09:00:00 UTC+01:00", "date: 2027-04-06 09:00:00 UTC+02:00", SUMMER),
        ("date: 2027-03-09 02:30:00 UTC-05:30", "date: 2027-04-06 01:30:00 UTC-05:30", SUMMER),
        ("date: 2027-03-09T03:00:00-05:00", "date: 2027-04-06T02:00:00-05:00", SUMMER),
        ("date: 2027-03-09T09:00", "date: 2027-10-31T02:30+02:00", FIRST),
        ("date: 2027-03-09", "date: 2027-10-31T02:30:00+02:00", FIRST),
        ("date: 2027-03-09\ntime: '10:00'", "date: 2027-03-16\ntime: '09:00'", SAME_TIME),
        ("date: 2027-03-09\ntime: 9:00", "date: 2027-03-16\ntime: 14:30", AFTERNOON),
        ("time: 09:00\ndate: 2027-03-09", "time: 09:00\ndate: 2027-04-06", SUMMER),
        (
            "# time: 10:00\n# date: 2020-01-01\ndate: 2027-03-09\ntime: 09:00:00",
            "# time: 10:00\n# date: 2020-01-01\ndate: 2027-03-16\ntime: 09:00:00",
            SAME_TIME,
        ),
        (
            "# date: 2020-01-01\ndate: 2027-03-16\ntime: 09:00",
            "# date: 2020-01-01\ndate: 2027-03-16\ntime: 14:30",
            AFTERNOON,
        ),
        (
            "date: 2027-03-09\nreveal: 2027-03-09T09:00",
            "date: 2027-03-09\nreveal: 2027-03-16T09:00",
            SAME_TIME,
        ),
    ],
)
def test_date_is_moved_in_the_way_its_author_writes(before: str, after: str, at: datetime) -> None:
    changed = set_date(f"---\n{before}\nz: 1\n---\nText\n".encode(), SITE, at, "a.md")

    assert changed.decode() == f"---\n{after}\nz: 1\n---\nText\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LOOKALIKES.format("2027-03-09"), LOOKALIKES.format("2027-03-16")),
        ("---\n{a: 1, date: 2027-03-09}\n---\n", "---\n{a: 1, date: 2027-03-16}\n---\n"),
        ("+++\ndate = 2027-03-09\n+++\n", "+++\ndate = 2027-03-16\n+++\n"),
        (
            "+++\ndate = 2027-03-09 09:00:00+01:00\n[x]\ndate = 2027-03-09\n+++\n",
            "+++\ndate = 2027-03-16 09:00:00+01:00\n[x]\ndate = 2027-03-09\n+++\n",
        ),
        (
            "+++\ndate = 2027-03-09\ntime = 10:00:00\n+++\n",
            "+++\ndate = 2027-03-16\ntime = 09:00:00\n+++\n",
        ),
        ('{"date": "2027-03-09"}\n', '{"date": "2027-03-16"}\n'),
        (
            '{"date": "2027-03-09T10:00", "b": {"date": "2027-03-09"}}\n',
            '{"date": "2027-03-16T09:00", "b": {"date": "2027-03-09"}}\n',
        ),
        (
            "\ufeff---\r\ndate: 2027-03-09\r\n---\r\n\r\n",
            "\ufeff---\r\ndate: 2027-03-16\r\n---\r\n\r\n",
        ),
    ],
)
def test_date_is_moved_in_every_format_and_nothing_beside_it(before: str, after: str) -> None:
    assert set_date(before.encode(), SITE, SAME_TIME, "a.md").decode() == after


def test_key_of_the_generator_is_the_one_that_moves() -> None:
    text = b"---\ndate: 2027-01-01\npublishDate: 2027-03-09T09:00:00+01:00\ndraft: true\n---\n"

    changed = set_date(text, HUGO, SUMMER, "a.md")

    assert changed == text.replace(b"2027-03-09T09:00:00+01:00", b"2027-04-06T09:00:00+02:00")


@pytest.mark.parametrize("state", ["", "draft: false\n"])
def test_date_for_which_the_generator_alone_waits_moves(tmp_path: Path, state: str) -> None:
    text = "---\ntitle: Kettle\ndescription: Old.\n{}date: {}\n---\n\nText.\n"
    file = write(tmp_path, "blog/a.md", text.format(state, "2027-03-09T09:00:00+01:00"))
    library = a_library(tmp_path, generator="hugo")
    post = replace(the_post(library.scan()), release_at=datetime(2027, 3, 9, 8, 0, tzinfo=UTC))

    library.reschedule(post, SUMMER)

    assert file.read_text() == text.format(state, "2027-04-06T09:00:00+02:00")


def test_date_of_a_draft_that_releases_nothing_is_refused(tmp_path: Path) -> None:
    text = "---\ntitle: Kettle\ndescription: Old.\ndraft: true\ndate: 2027-03-09\n---\n\nText.\n"
    file = write(tmp_path, "blog/a.md", text)
    library = a_library(tmp_path, generator="hugo")

    with pytest.raises(PostError):
        library.reschedule(the_post(library.scan()), SUMMER)

    assert file.read_text() == text


def test_date_that_is_right_already_leaves_every_byte() -> None:
    text = b"---\ndate: 2027-03-16T10:00:00+02:00\n---\n"

    assert set_date(text, SITE, SAME_TIME, "a.md") == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("---\ntitle: x\n---\n", "has no release date in its frontmatter"),
        ("no frontmatter\n", "has no release date in its frontmatter"),
        ('---\ndate: "2027-\\x303-09"\n---\n', "cannot be changed safely"),
        ("---\ndate: >-\n  2027-03-09\n---\n", "cannot be changed safely"),
    ],
)
def test_what_cannot_be_changed_safely_is_refused_with_what_to_write(
    text: str, complaint: str
) -> None:
    with pytest.raises(PostError) as caught:
        set_date(text.encode(), SITE, SAME_TIME, "a.md")

    assert complaint in caught.value.why
    assert "date: 2027-03-16T09:00:00+01:00" in caught.value.hint


def test_time_that_exists_twice_cannot_stand_in_a_key_of_its_own() -> None:
    with pytest.raises(PostError) as caught:
        set_date(b"---\ndate: 2027-03-09\ntime: 09:00\n---\n", SITE, FIRST, "a.md")

    assert "exists twice" in caught.value.why
    assert "2027-10-31T02:30:00+02:00" in caught.value.hint


# --- in the file -----------------------------------------------------------------------------


def test_rescheduled_post_reads_as_rescheduled_and_keeps_its_mode(tmp_path: Path) -> None:
    file = write(tmp_path, "blog/a.md", a_text())
    file.chmod(0o640)
    library = a_library(tmp_path)
    post = the_post(library.scan())

    result = library.reschedule(post, SAME_TIME)

    again = the_post(library.scan())
    assert (again.release_at, again.state) == (SAME_TIME, PostState.SCHEDULED)
    assert (result.digest, result.changed) == (again.digest, (post.path,))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [entry.name for entry in file.parent.iterdir()] == ["a.md"]


def test_rescheduling_twice_is_rescheduling_once(tmp_path: Path) -> None:
    file = write(tmp_path, "blog/a.md", a_text())
    library = a_library(tmp_path)
    library.reschedule(the_post(library.scan()), SAME_TIME)
    before = file.stat()

    result = library.reschedule(the_post(library.scan()), SAME_TIME)

    assert result.changed == ()
    assert file.stat() == before


def test_post_that_changed_since_it_was_read_is_left_alone(tmp_path: Path) -> None:
    file = write(tmp_path, "blog/a.md", a_text())
    library = a_library(tmp_path)
    post = the_post(library.scan())
    file.write_text(a_text() + "More.\n")

    with pytest.raises(PostError, match="changed since it was read"):
        library.reschedule(post, SAME_TIME)

    assert file.read_text() == a_text() + "More.\n"


def test_post_can_be_looked_at_as_it_would_be(tmp_path: Path) -> None:
    file = write(tmp_path, "blog/a.md", a_text())
    library = a_library(tmp_path)
    post = the_post(library.scan())

    moved = library.redated(post, SAME_TIME)

    assert (moved.id, moved.release_at) == (post.id, SAME_TIME)
    assert file.read_text() == a_text()
