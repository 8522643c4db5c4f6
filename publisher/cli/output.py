"""How values become lines: data goes to standard output, everything else to standard error."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from publisher.model.errors import PublisherError
from publisher.text.printable import OBEYED, shown_in_json

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from rich.console import Console

    from publisher.posts.library import Scan

WIDTH = 80  # where no terminal says otherwise
NARROWEST, WIDEST = 20, 120


def say(text: str = "") -> None:
    """Print a line of data; titles and what services answered are in it, so it is cleaned."""
    click.echo(clean(text), file=sys.stdout)  # named: else click writes UTF-8 to ASCII terminals


def note(text: str) -> None:
    """Print a line for people, beside the data; cleaned likewise."""
    click.echo(clean(text), file=sys.stderr)


def complain(error: PublisherError) -> None:
    """Show an error: what happened, why it matters, what to do next."""
    note(f"error: {error}")


def say_json(value: Any) -> None:
    """Print JSON; what a terminal would obey is escaped, so that no program misses it."""
    import json

    say(shown_in_json(json.dumps(value, ensure_ascii=False, indent=2)))


def say_wrapped(text: str, *, indent: str) -> None:
    """Print a sentence; on a terminal in lines of its width, each command in one piece."""
    if not sys.stdout.isatty():
        say(f"{indent}{text}")
        return
    import textwrap

    kept = re.sub(r"`[^`]*`", lambda quoted: quoted[0].replace(" ", "\0"), clean(text))
    lines = textwrap.wrap(
        kept,
        _columns(),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    say("\n".join(lines).replace("\0", " "))


def when(at: str | datetime | None, zone: ZoneInfo) -> str:
    """Write an instant in the site's zone: ``2027-03-09 09:00 +01:00``."""
    from datetime import datetime

    from publisher.text.times import format_local

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
    """Leave out what a terminal would obey instead of show; bytes that are no UTF-8 are escaped."""
    return OBEYED.sub(lambda sign: _byte(sign[0]), text)


def _byte(sign: str) -> str:
    """Show a byte of a name that is no UTF-8 as ``\\udce9``, and nothing for other signs."""
    return ascii(sign)[1:-1] if "\ud800" <= sign <= "\udfff" else ""


def fit(text: str, taken: int = 0) -> str:
    """Cut one line of text to the room that is left beside ``taken`` columns."""
    from rich.cells import cell_len, set_cell_size

    room = max(NARROWEST, _columns() - taken)
    text = flat(text)
    return text if cell_len(text) <= room else set_cell_size(text, room - 1).rstrip() + "…"


def _columns() -> int:
    import shutil

    return max(NARROWEST, min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDEST))


def clean_console() -> Console:
    """Give a Rich console on which foreign text cannot command the terminal either."""
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class CleanConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(clean(segment.text), segment.style)

    return CleanConsole()


def confirm(question: str, *, is_yes: bool) -> None:
    """Ask before acting; without a terminal only ``--yes`` will do."""
    if is_yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nothing was done: without a terminal this needs --yes")
    if not click.confirm(question, err=True):
        note("nothing was done")
        raise click.exceptions.Exit(1)
