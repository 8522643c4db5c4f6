"""Entries of the calendar, what waits and what is under way, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rich.cells import cell_len, set_cell_size

from publisher.cli.output import NARROWEST, columns, flat, money, say, say_wrapped, when

Value = dict[str, Any]


def say_waiting(waiting: Sequence[Value], zone: ZoneInfo | None = None) -> None:
    """Say what needs action, each with the commands that settle it; the same only once."""
    if not waiting:
        return
    say("waits for a person (needs action):")  # scripts look for how this begins
    alike: dict[tuple[str, ...], list[Value]] = {}
    for issue in waiting:
        alike.setdefault((issue["why"], issue["until"] or "", *issue["commands"]), []).append(issue)
    for issues in alike.values():
        say_issue(issues[0], zone, name=", ".join(filter(None, map(name_of, issues))), indent="  ")
    say()


def name_of(row: Value) -> str:
    return "/".join(part for part in (row["post"], row["channel"], row["occasion"]) if part)


def say_issue(issue: Value, zone: ZoneInfo | None, *, name: str, indent: str) -> None:
    """Say what waits or is under way, and until when; each command has a line of its own."""
    parts = [flat(issue["why"])]
    if zone is not None:
        is_begun = issue["since"] and not issue["needs_person"]
        if is_begun:
            parts.append(f"since {when(issue['since'], zone)}")
        if issue["again_at"]:
            parts.append(f"next try at {when(issue['again_at'], zone)}")
        elif issue["until"] and not is_begun:
            parts[-1] += f" until {when(issue['until'], zone)}"
        if issue["until"] and is_begun:
            parts.append(f"done or put to you by {when(issue['until'], zone)}")
    say_wrapped(": ".join(filter(None, (name, ", ".join(parts)))), indent=indent)
    for command in issue["commands"]:
        say(f"{indent}  {command}")


def to_text(calendar: Value) -> str:
    """Write a calendar day by day, each announcement below its release."""
    zone = ZoneInfo(calendar["timezone"])
    lines: list[str] = []
    for day, entries in by_day(calendar):
        lines += ["", day]
        shown = None  # the post that stands right above
        for entry in entries:
            clock = when(entry["at"], zone)[11:]
            if entry["action"] == "release":
                lines.append(f"  {clock}  {fit(entry['title'] or entry['post'], 16)}")
                lines.append(f"  {'':{len(clock)}}  {flat(entry['url'])}")
            else:
                lines += _announcement_lines(entry, clock, is_below=shown == entry["post"])
            shown = entry["post"]
    return "\n".join(lines[1:])


def _announcement_lines(entry: Value, clock: str, *, is_below: bool) -> Iterator[str]:
    names = [entry["channel"]]
    names += [] if entry["occasion"] == "launch" else [entry["occasion"]]
    names += [] if is_below else [entry["post"]]
    head = f"    {clock}  {' '.join(names):<14}  {sizes(entry)}".rstrip()
    if entry["text"] is None:
        yield f"{head}  cannot be written: {flat(entry['why'])}"
        return
    first = next(iter(entry["text"].splitlines()), "")
    yield f"{head}  {fit(first, len(head) + 2)}"


def fit(text: str, taken: int = 0) -> str:
    """Cut one line of text to the room that is left beside ``taken`` columns."""
    room = max(NARROWEST, columns() - taken)
    text = flat(text)
    return text if cell_len(text) <= room else set_cell_size(text, room - 1).rstrip() + "…"


def sizes(entry: Value) -> str:
    """Write how much of its limit a text takes, and what it costs."""
    if entry["length"] is None:
        return ""
    limit = f"/{entry['limit']}" if entry["limit"] is not None else ""
    return "  ".join(filter(None, (f"{entry['length']}{limit}", money(entry["cost_usd"]))))


def by_day(calendar: Value) -> Iterator[tuple[str, Iterator[Value]]]:
    """Group the entries by the site's days: ``Tuesday, 2027-03-09``."""
    return groupby(calendar["entries"], key=lambda e: _day(datetime.fromisoformat(e["local"])))


def _day(local: datetime) -> str:
    return f"{local:%A}, {local.year:04}-{local:%m-%d}"
