"""What a rehearsal prints, on terminals of any width."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from publisher.model import ChannelName, PostId
from publisher.rehearse.report import Announced, Rehearsal, Row

AT = datetime(2027, 3, 9, 8, tzinfo=UTC)
NEXT_DAY = datetime(2027, 3, 10, 9, tzinfo=UTC)


def a_row(name: str, title: str, *announced: Announced, verified: bool = True) -> Row:
    return Row(
        post=PostId(name),
        title=title,
        release_at=AT,
        flipped=True,
        built=True,
        verified=verified,
        announced=announced,
    )


def on_channel(name: str, at: datetime = AT, *, ok: bool = True) -> Announced:
    return Announced(channel=ChannelName(name), at=at, ok=ok)


def printed(width: int, *rows: Row) -> list[str]:
    console = Console(file=StringIO(), width=width)
    Rehearsal(
        rows=rows,
        troubles=(),
        tail=(),
        zone=ZoneInfo("Europe/Oslo"),
        before_page=None,
        site_page=Path("demo/site/index.html"),
        outbox_page=None,
    ).render(console)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


ROWS = (
    a_row(
        "chaos",
        "The Pattern That Prevents Chaos in a Workshop",
        on_channel("mastodon"),
        on_channel("newsletter", NEXT_DAY, ok=False),
        verified=False,
    ),
    a_row("jigs", "A Drawer Full of Jigs"),
)


def test_a_narrow_terminal_gets_a_list_in_which_nothing_is_cut_but_titles() -> None:
    lines = printed(40, *ROWS)

    assert lines == [
        "2027-03-09 09:00 +01:00",
        "  The Pattern That Prevents Chaos in a …",
        "  flipped ✓  built ✓  verified ✗",
        "  mastodon",
        "  newsletter 03-10 10:00 ✗",
        "2027-03-09 09:00 +01:00",
        "  A Drawer Full of Jigs",
        "  flipped ✓  built ✓  verified ✓",
        "  nowhere",
        "",
        "demo/site/index.html",
        "  the site after the last release",
    ]


@pytest.mark.parametrize("width", [40, 60, 70, 80, 90, 120])
def test_all_columns_are_readable_or_there_are_none(width: int) -> None:
    text = "\n".join(printed(width, *ROWS))

    assert ("Flipped" in text and "Verified" in text) or "verified ✗" in text
    assert "newsletter 03-10 10:00 ✗" in text
    assert "The Pattern" in text
    assert "A Drawer" in text


def test_a_wide_terminal_gets_a_table() -> None:
    lines = printed(120, *ROWS)

    assert lines[1].split() == ["Post", "Release", "Flipped", "Built", "Verified", "Announced"]
    assert "demo/site/index.html  the site after the last release" in lines
