"""What a rehearsal shows while it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from zoneinfo import ZoneInfo

from rich.console import Console

from publisher.rehearse.progress import Progress, line_of
from publisher.system.clock import VirtualClock
from publisher.system.report import Event

AT = datetime(2027, 3, 9, 8, tzinfo=UTC)


def a_progress(*channels: str, height: int = 24, posts: int = 1) -> tuple[Progress, Console]:
    console = Console(
        file=StringIO(), width=80, height=height, force_terminal=True, color_system=None
    )
    lines = [line_of(f"post-{n}", f"Title {n}", AT, channels) for n in range(posts)]
    return Progress(console, VirtualClock(AT), ZoneInfo("Europe/Oslo"), lines), console


def tell(progress: Progress, name: str, **fields: str) -> None:
    progress.report(Event(name=name, fields=fields))


def shown(progress: Progress, console: Console) -> list[str]:
    with console.capture() as capture:
        console.print(progress._draw())
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_terminal_shows_how_far_each_post_is() -> None:
    progress, console = a_progress("x", "letter")
    progress.begin_first_build()
    progress.end_first_build(4.2)
    tell(progress, "release.begun", post="post-0")
    tell(progress, "flip.done", post="post-0", changed="a.md")
    tell(progress, "rebuild.started", posts="post-0")
    tell(progress, "rebuild.done", posts="post-0", seconds="3.9")
    tell(progress, "release.live", post="post-0")
    tell(progress, "delivery.sending", post="post-0", channel="x", occasion="launch")
    tell(progress, "delivery.sent", post="post-0", channel="x", occasion="launch")
    tell(progress, "delivery.held", delivery="post-0/letter/launch", reason="too late")

    lines = shown(progress, console)

    assert lines[1:] == [
        "Rehearsal                                                2027-03-09 09:00 +01:00",
        "",
        "✓ the site before the first release 4.2 s ✓",
        "✗ Title 0                                                2027-03-09 09:00 +01:00",
        "  flip ✓  build 3.9 s ✓  verify ✓  x ✓  letter ✗",
    ]
    assert progress.failures == ["post-0, letter: held: too late"]
    assert progress.build_s == {"post-0": 3.9}


def test_a_channel_may_have_the_name_of_a_step() -> None:
    progress, console = a_progress("build")
    tell(progress, "delivery.sent", post="post-0", channel="build", occasion="launch")

    lines = shown(progress, console)

    assert "build ·  verify ·  build ✓" in "".join(lines)


def test_a_long_calendar_shows_where_it_is() -> None:
    progress, console = a_progress(height=12, posts=40)
    for number in range(20):
        tell(progress, "flip.done", post=f"post-{number}")
        tell(progress, "rebuild.done", posts=f"post-{number}", seconds="1.0")
        tell(progress, "release.live", post=f"post-{number}")

    lines = shown(progress, console)

    assert len(lines) <= 12
    assert "Title 19" in " ".join(lines)
    assert "Title 20" in " ".join(lines)


def test_a_failed_build_leaves_its_last_lines() -> None:
    progress, _ = a_progress()
    tell(progress, "rebuild.failed", posts="post-0", reason="exit code 1")
    tell(progress, "rebuild.output", line="no paper")

    assert progress.failures == ["post-0: exit code 1"]
    assert progress.tail == ["no paper"]
