"""``publisher calendar``: what will happen, as text, Markdown, iCalendar or JSON."""

from __future__ import annotations

import sys
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import click
from icalendar import Calendar, Event

from publisher import __version__
from publisher.cli.invocation import Invocation, instant, reads
from publisher.cli.output import clean, flat, note, say, say_json, when
from publisher.cli.render import Value, by_day, say_waiting, sizes, to_text
from publisher.config.settings import Settings
from publisher.views import status
from publisher.views.calendar import calendar as calendar_value
from publisher.views.calendar import too_late


@click.command(epilog="Example: publisher calendar --from 2027-03-01 --to 2027-03-31")
@click.option("--from", "start", metavar="DATE", help="Leave out earlier entries.")
@click.option(
    "--to", "end", metavar="DATE", help="Leave out later entries; includes all of that day."
)
@click.option("--ics", "form", flag_value="ics", help="Print iCalendar.")
@click.option(
    "--markdown", "form", flag_value="markdown", help="Print Markdown, with the full texts."
)
@reads
@click.pass_obj
def calendar(
    invocation: Invocation,
    start: str | None,
    end: str | None,
    form: str | None,
    as_json: bool,
    now: str | None,
) -> None:
    """Show what will be released and announced, and when."""
    if as_json and form:
        raise click.UsageError(f"--json and --{form} exclude each other")
    seen = invocation.look(now)
    span = _span(start, end, seen.settings)
    if span[0] is not None and span[1] is not None and span[0] > span[1]:
        raise click.BadParameter(f"{end} comes before --from {start}", param_hint="--to")
    coming = seen.calendar(until=span[1])
    found = calendar_value(seen, coming, start=span[0])
    if seen.needs_adoption:
        note("the site is not adopted yet; this is the calendar after `publisher adopt`")
    for planned in too_late(seen, coming):
        at = when(planned.at, seen.settings.site.zone)
        note(f"{planned.key}: was due {at}; too late, so it will be held")
    if as_json:
        say_json(found)
    elif form == "ics":
        sys.stdout.buffer.write(to_ics(found))
    elif form == "markdown":
        say(to_markdown(found))
    else:
        say_waiting(status.waiting(seen, seen.plan()), seen.settings.site.zone)
        say(to_text(found) or "nothing is coming")


def _span(
    start: str | None, end: str | None, settings: Settings
) -> tuple[datetime | None, datetime | None]:
    """Read ``--from`` and ``--to``; a bare date means all of that day."""
    first = instant(start, settings, option="--from", release_time=time.min) if start else None
    last = instant(end, settings, option="--to", release_time=time.max) if end else None
    return first, last


def to_markdown(calendar: Value) -> str:
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


def _markdown_entry(entry: Value, clock: str) -> list[str]:
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


def to_ics(calendar: Value) -> bytes:
    """Write a calendar as iCalendar (RFC 5545); a happening that moves keeps its UID."""
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


def _uid(site: str, entry: Value) -> str:
    parts = [entry["action"], entry["post"], entry.get("channel"), entry.get("occasion")]
    return "/".join(filter(None, parts)) + f"@{site}"


def _summary(entry: Value) -> str:
    title = flat(entry["title"] or entry["post"])
    return f"Release: {title}" if entry["action"] == "release" else f"{entry['channel']}: {title}"
