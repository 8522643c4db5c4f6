"""Reads dates, times and durations as people write them; instants come out in UTC. Pure.

A local time that does not exist, or exists twice, is an error: nobody but the author knows what
was meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from publisher.model.errors import PublisherError

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?"
_TIME = re.compile(_CLOCK, re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_INSTANT = re.compile(
    rf"{_DATE.pattern}(?:[Tt]|[ \t]+){_CLOCK}"
    # UTC+02:00 is how Nikola writes it; UTC+2 and GMT+2 some read the other way round.
    r"(?:[ \t]*| UTC(?=[+-]\d{2}:\d))(?:([Zz]|(?<= )(?:UTC|GMT))|([+-])(\d{2}):?(\d{2})?)?",
    re.ASCII,
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAY = r"(\d{1,2})(?:st|nd|rd|th|\.)?"
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_NAMED = re.compile(  # Mar 09 2027; March 9th, 2027; Tue, 9 Mar 2027 09:00:00 +0100 (RFC 2822)
    r"(?:(mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?[.,]?[ ]+)?"
    rf"(?:{_MONTH}[ ]+{_DAY}|{_DAY}[ ]+{_MONTH}),?[ ]+(\d{{4}})(?:,?[ ]+(\d.*))?",
    re.ASCII | re.IGNORECASE,
)
_SLASHED = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?=$|[ T])", re.ASCII)
# With seconds, though we need none: Hugo, TOML and strict readers of YAML do.
_DATE_HINT = "write 2027-03-09, or 2027-03-09T09:00:00, or 2027-03-09T09:00:00+01:00"


LONGEST = timedelta(days=3650)  # sums with instants stay far from the end of the calendar


@dataclass(frozen=True, slots=True)
class Instant:
    at: datetime  # UTC
    note: str = ""  # what the author should know of the choice, if anything


def parse_duration(text: str) -> timedelta:
    """Read a duration such as ``15s``, ``10m``, ``1h30m`` or ``90d``; never negative.

    :raises PublisherError: for anything else; it does not quote the text.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        raise PublisherError(
            "is not a duration", hint="write numbers and units: 90s, 10m, 2h, 1h30m, 7d"
        )
    try:
        days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
        duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):
        duration = timedelta.max
    if duration > LONGEST:
        raise PublisherError("is longer than ten years", hint="write for example 90d")
    return duration


def end_of_day(text: str, zone: ZoneInfo) -> datetime | None:
    """Give when the last day is over that a date may mean, in whatever way it is written.

    Without a day in ISO 8601 that is the last of its year; ``None`` where there is no year either.
    """
    found = re.search(r"(?<!\d)(\d{4})(?:-(\d{1,2})-(\d{1,2}))?", text, re.ASCII)
    if found is None:
        return None
    try:
        day = date(int(found[1]), int(found[2] or 12), int(found[3] or 31))
        return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def resolve_instant(
    value: Any, *, zone: ZoneInfo, release_time: time, time_value: Any = None
) -> Instant:
    """Give the instant that a frontmatter value means.

    ``value`` is a date, a datetime or text in ISO 8601. What has no offset is local time in
    ``zone``; a bare date is taken at ``time_value`` (the key ``time``) or else ``release_time``.

    :raises PublisherError: when it is no such value, or no single instant; without a place.
    """
    value = parse_date(value)
    if not isinstance(value, datetime):
        value = datetime.combine(
            value, release_time if time_value is None else parse_time(time_value)
        )
    try:
        if value.tzinfo is None:
            return Instant(_from_local(value, zone))
        return Instant(value.astimezone(UTC), _note(value, zone))
    except OverflowError:
        raise PublisherError(
            f"{value.year:04} is not a year to plan for", hint=_DATE_HINT
        ) from None


def parse_date(value: Any) -> date | datetime:
    """Read a date or datetime; text is ISO 8601, or names the month, or begins with the year.

    :raises PublisherError: for other values, and for dates and times that do not exist.
    """
    if isinstance(value, date):  # a datetime is one too
        return value
    if not isinstance(value, str):
        raise PublisherError(f"{value!r} is not a date", hint=_DATE_HINT)
    text = _in_iso(value.strip())
    match = _INSTANT.fullmatch(text) or _DATE.fullmatch(text)
    if match is None:
        raise PublisherError(f"{value.strip()[:60]!r} is not a date", hint=_DATE_HINT)
    try:
        day = date(*map(int, match.groups()[:3]))
    except ValueError:
        written = text[: match.end(3)]
        raise PublisherError(f"{written} is not a date that exists", hint=_DATE_HINT) from None
    if match.re is _DATE:
        return day
    return datetime.combine(day, _clock(match.groups()[3:7], text), _offset(match, text))


def _in_iso(text: str) -> str:
    """Give a date that can mean only one day in the form of ISO 8601; any other as it is.

    03/09/2027 is two different days in two countries, and stays as it is.

    :raises PublisherError: when the weekday that it names is another one's.
    """
    text = _SLASHED.sub(r"\1-\2-\3", text)
    match = _NAMED.fullmatch(text)
    if match is None:
        return text
    weekday, month, day, other_day, other_month, year, clock = match.groups()
    number = _MONTHS.index((month or other_month)[:3].lower()) + 1
    written = f"{year}-{number:02}-{day or other_day:0>2}"
    try:
        said = date.fromisoformat(written).weekday()
    except ValueError:
        return written  # whoever reads it says that there is no such day
    if weekday and _WEEKDAYS[said] != weekday[:3].lower():
        raise PublisherError(
            f"{text[:60]!r} names the wrong weekday",
            why=f"{written} is a {_WEEKDAYS[said].title()}",
            hint=_DATE_HINT,
        )
    return f"{written} {clock}" if clock else written


def parse_time(value: Any) -> time:
    """Read a time of the day such as ``09:30`` or ``9:30:15``.

    :raises PublisherError: for anything else.
    """
    if isinstance(value, time) and value.tzinfo is None:
        return value
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise PublisherError(
            f"time {str(value)[:60]!r} is not a time of the day", hint='write time: "09:30"'
        )
    return _clock(match.groups(), match[0])


def format_local(at: datetime, zone: ZoneInfo) -> str:
    """Show an instant in the zone, with offset: ``2027-03-09 09:00 +01:00``."""
    local = at.astimezone(zone)
    seconds = f":{local:%S}" if local.second else ""
    return f"{local.year:04}-{local:%m-%d %H:%M}{seconds} {_offset_text(local)}"


def _clock(groups: tuple[str | None, ...], text: str) -> time:
    hour, minute, second, fraction = groups
    try:
        return time(
            int(hour or 0), int(minute or 0), int(second or 0), int((fraction or "").ljust(6, "0"))
        )
    except ValueError:
        raise PublisherError(
            f"{text} is not a time that exists", hint="hours go from 00 to 23, minutes to 59"
        ) from None


def _offset(match: re.Match[str], text: str) -> timezone | None:
    zulu, sign, hours, minutes = match.groups()[7:11]
    if zulu:
        return UTC
    if not sign:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset > timedelta(hours=14):
        raise PublisherError(f"{text} has an offset that does not exist", hint=_DATE_HINT)
    return timezone(-offset if sign == "-" else offset)


def _from_local(local: datetime, zone: ZoneInfo) -> datetime:
    """Give the one instant at which clocks in the zone show ``local``."""
    early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early.astimezone(UTC)
    before, after = _around(early, late, zone)
    shown = f"release time {local:%Y-%m-%d %H:%M}"
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local:
        spellings = (_written(local) + _offset_text(end) for end in (early, late))
        raise PublisherError(
            f"{shown} exists twice in {zone.key}",
            why=f"clocks go back from {before} to {after} that night",
            hint="give an offset: {} is the first, {} the second".format(*spellings),
        )
    moved = early.astimezone(UTC).astimezone(zone)
    raise PublisherError(
        f"{shown} does not exist in {zone.key}",
        why=f"clocks go from {before} to {after} that night",
        hint=f"write {_written(moved)}, or give an offset: {_written(local)}{_offset_text(early)}",
    )


def _written(local: datetime) -> str:
    return local.replace(tzinfo=None).isoformat(timespec="seconds")


def _around(early: datetime, late: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """Give what clocks show at the transition near a local time: before it, and after it."""
    instants = sorted(end.astimezone(UTC) for end in (early, late))
    low, high = instants[0] - timedelta(seconds=1), instants[1]
    old = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == old else (low, middle)
    at = high.replace(microsecond=0)
    after = at.astimezone(zone).replace(tzinfo=None)
    before = at.replace(tzinfo=None) + (old or timedelta(0))
    form = "%H:%M" if before.date() == after.date() else "%Y-%m-%d %H:%M"
    return f"{before:{form}}", f"{after:{form}}"


def _note(at: datetime, zone: ZoneInfo) -> str:
    """Say so when clocks in the zone show the local time of an instant twice."""
    local = at.astimezone(zone)
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return ""
    return f"{local:%H:%M} exists twice that night, {_offset_text(local)} taken"


def _offset_text(at: datetime) -> str:
    """Write the offset as +01:00; offsets of past centuries that hold seconds keep them."""
    offset = at.utcoffset() or timedelta(0)
    sign = "-" if offset < timedelta(0) else "+"
    minutes, seconds = divmod(int(abs(offset).total_seconds()), 60)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
