"""How values become lines: data goes to standard output, everything else to standard error."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from publisher.model.errors import PublisherError
from publisher.text.printable import OBEYED, shown_in_json
from publisher.text.times import format_local

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
    say(shown_in_json(json.dumps(value, ensure_ascii=False, indent=2)))


def say_wrapped(text: str, *, indent: str) -> None:
    """Print a sentence; on a terminal in lines of its width, each command in one piece."""
    if not sys.stdout.isatty():
        say(f"{indent}{text}")
        return
    kept = re.sub(r"`[^`]*`", lambda quoted: quoted[0].replace(" ", "\0"), clean(text))
    lines = textwrap.wrap(
        kept,
        columns(),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    say("\n".join(lines).replace("\0", " "))


def when(at: str | datetime | None, zone: ZoneInfo) -> str:
    """Write an instant in the site's zone: ``2027-03-09 09:00 +01:00``."""
    if at is None:
        return "no date"
    return format_local(datetime.fromisoformat(at) if isinstance(at, str) else at, zone)


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


def columns() -> int:
    return max(NARROWEST, min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDEST))


def confirm(question: str, *, is_yes: bool) -> None:
    """Ask before acting; without a terminal only ``--yes`` will do."""
    if is_yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nothing was done: without a terminal this needs --yes")
    if not click.confirm(question, err=True):
        note("nothing was done")
        raise click.exceptions.Exit(1)
