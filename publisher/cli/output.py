"""How values become lines: data goes to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from publisher.errors import PublisherError

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from publisher.posts import Scan

WIDTH = 80  # where no terminal says otherwise


def say(text: str = "") -> None:
    """Print a line of data."""
    click.echo(text)


def note(text: str) -> None:
    """Print a line for people, beside the data."""
    click.echo(text, err=True)


def complain(error: PublisherError) -> None:
    """Show an error: what happened, why it matters, what to do next."""
    note(f"error: {error}")


def say_json(value: Any) -> None:
    import json

    say(json.dumps(value, ensure_ascii=False, indent=2))


def when(at: str | datetime | None, zone: ZoneInfo) -> str:
    """Write an instant in the site's zone: ``2027-03-09 09:00 +01:00``."""
    from datetime import datetime

    from publisher.times import format_local

    if at is None:
        return "no date"
    return format_local(datetime.fromisoformat(at) if isinstance(at, str) else at, zone)


def note_problems(scan: Scan) -> None:
    """Say that posts are missing from what is shown."""
    paths = {problem.path for problem in scan.problems if problem.severity == "error"}
    if paths:
        note(f"{count(len(paths), 'file')} cannot be used: see `publisher check`")


def count(number: int, word: str) -> str:
    """Write a number of things: ``1 post``, ``2 posts``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def money(cost_usd: float | None) -> str:
    """Write what an announcement costs; empty where it is free or nobody knows."""
    if not cost_usd:
        return ""
    return f"${cost_usd:.3f}".removesuffix("0")


def flat(text: str) -> str:
    """Write text in one line that no terminal takes for a command."""
    return clean(" ".join(text.split()))


def clean(text: str) -> str:
    """Leave out what a terminal would obey instead of show."""
    import unicodedata

    return "".join(
        sign for sign in text if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cs")
    )


def fit(text: str, taken: int = 0) -> str:
    """Cut one line of text to the room that is left beside ``taken`` columns."""
    import shutil

    from rich.cells import cell_len, set_cell_size

    room = max(20, min(shutil.get_terminal_size((WIDTH, 24)).columns, 120) - taken)
    text = flat(text)
    return text if cell_len(text) <= room else set_cell_size(text, room - 1).rstrip() + "…"


def confirm(question: str, *, is_yes: bool) -> None:
    """Ask before acting; without a terminal only ``--yes`` will do."""
    if is_yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nothing was done: without a terminal this needs --yes")
    if not click.confirm(question, err=True):
        note("nothing was done")
        raise click.exceptions.Exit(1)
