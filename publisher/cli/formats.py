"""The calendar in forms for other programs and people: plain text, Markdown, iCalendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from publisher import __version__
from publisher.cli.output import clean, fit, flat, money, when

Entry = dict[str, Any]


def to_text(calendar: dict[str, Any]) -> str:
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


def _announcement_lines(entry: Entry, clock: str, *, is_below: bool) -> Iterator[str]:
    names = [entry["channel"]]
    names += [] if entry["occasion"] == "launch" else [entry["occasion"]]
    names += [] if is_below else [entry["post"]]
    head = f"    {clock}  {' '.join(names):<14}  {sizes(entry)}".rstrip()
    if entry["text"] is None:
        yield f"{head}  cannot be written: {flat(entry['why'])}"
        return
    first = next(iter(entry["text"].splitlines()), "")
    yield f"{head}  {fit(first, len(head) + 2)}"


def sizes(entry: Entry) -> str:
    """Write how much of its limit a text takes, and what it costs."""
    if entry["length"] is None:
        return ""
    limit = f"/{entry['limit']}" if entry["limit"] is not None else ""
    return "  ".join(filter(None, (f"{entry['length']}{limit}", money(entry["cost_usd"]))))


def by_day(calendar: dict[str, Any]) -> Iterator[tuple[str, Iterator[Entry]]]:
    """Group the entries by the site's days: ``Tuesday, 2027-03-09``."""
    return groupby(calendar["entries"], key=lambda e: _day(datetime.fromisoformat(e["local"])))


def _day(local: datetime) -> str:
    return f"{local:%A}, {local.year:04}-{local:%m-%d}"


# --- Markdown ------------------------------------------------------------------------------


def to_markdown(calendar: dict[str, Any]) -> str:
    """Write a calendar as a Markdown document with every text in full."""
    zone = ZoneInfo(calendar["timezone"])
    lines = [
        f"# Calendar of {_escape(calendar['site'])}",
        "",
        f"As of {when(calendar['now'], zone)}; times in {zone.key}.",
    ]
    if not calendar["entries"]:
        lines += ["", "Nothing is coming."]
    for day, entries in by_day(calendar):
        lines += ["", f"## {day}"]
        for entry in entries:
            lines += ["", *_markdown_entry(entry, when(entry["at"], zone)[11:])]
    return "\n".join(lines)


def _markdown_entry(entry: Entry, clock: str) -> list[str]:
    if entry["action"] == "release":
        title = _escape(entry["title"] or entry["post"])
        return [f"- **{clock}** release [{title}](<{flat(entry['url'])}>)"]
    occasion = "" if entry["occasion"] == "launch" else f" ({_escape(entry['occasion'])})"
    size = f", {sizes(entry)}" if sizes(entry) else ""
    head = f"- **{clock}** {entry['channel']}{occasion}: {_escape(entry['post'])}{size}"
    if entry["text"] is None:
        return [head, "", f"  cannot be written: {_escape(entry['why'])}"]
    body = [f"  {line}".rstrip() for line in clean(entry["text"]).splitlines()]
    fence = "```" if "```" not in entry["text"] else "~~~~"
    return [head, "", f"  {fence}text", *body, f"  {fence}"]


def _escape(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|" else sign for sign in flat(text))


# --- iCalendar -----------------------------------------------------------------------------


def to_ics(calendar: dict[str, Any]) -> bytes:
    """Write a calendar as iCalendar (RFC 5545); a happening that moves keeps its UID."""
    from icalendar import Calendar, Event

    made = Calendar()
    made.add("prodid", f"-//publisher//{__version__}//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", f"Calendar of {calendar['site']}")
    made.add("x-wr-timezone", calendar["timezone"])
    now = datetime.fromisoformat(calendar["now"])
    for entry in calendar["entries"]:
        at = datetime.fromisoformat(entry["at"])
        event = Event()
        event.add("uid", _uid(calendar["site"], entry))
        event.add("dtstamp", now)
        event.add("dtstart", at)
        event.add("dtend", at + timedelta(minutes=1))  # many programs hide what takes no time
        event.add("summary", _summary(entry))
        event.add("description", clean(entry.get("text") or entry["why"]))
        event.add("url", flat(entry["url"]))
        event.add("transp", "TRANSPARENT")  # nobody is busy because of it
        made.add_component(event)
    return bytes(made.to_ical())


def _uid(site: str, entry: Entry) -> str:
    parts = [entry["action"], entry["post"], entry.get("channel"), entry.get("occasion")]
    return "/".join(filter(None, parts)) + f"@{site}"


def _summary(entry: Entry) -> str:
    title = flat(entry["title"] or entry["post"])
    return f"Release: {title}" if entry["action"] == "release" else f"{entry['channel']}: {title}"
