"""Dates as people write them, with the day of the week that belongs to them. Pure.

English only: names of days and months in other languages are not recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAY = (
    r"(?P<weekday>Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:r(?:s(?:day)?)?)?"
    r"|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)"
)
_MONTH = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_NUMBER = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?(?!\d)"
_YEAR = r"(?:,?[ ]+(?P<year>\d{4})(?!\d))?"
_ISO = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?!\d)"
_DATES = (
    rf"{_MONTH}\.?[ ]+(?:the[ ]+)?{_NUMBER}{_YEAR}",
    rf"(?:the[ ]+)?{_NUMBER}[ ]+(?:of[ ]+)?{_MONTH}\b{_YEAR}",
    _ISO,
)
_WITH_WEEKDAY = tuple(
    re.compile(pattern)
    for written in _DATES
    for pattern in (
        rf"\b{_DAY}\b\.?,?[ ]+{written}",
        rf"\b{written},?[ ]+\({_DAY}\b\.?\)",
    )
)
_ALONE = tuple(re.compile(rf"\b{written}") for written in _DATES)
_ANY_YEAR = re.compile(r"(?<![\d-])(1[89]\d\d|20\d\d)(?!\d)")
_LEAP_YEAR = 2024  # in which every date that exists at all exists


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A date in a text; ``weekday`` counts from Monday as 0, and its span is where it stands."""

    start: int
    end: int
    text: str
    month: int
    day: int
    year: int | None
    weekday: int | None = None
    weekday_span: tuple[int, int] = (0, 0)

    @property
    def weekday_text(self) -> str:
        start, end = (offset - self.start for offset in self.weekday_span)
        return self.text[start:end]

    def with_weekday(self, name: str) -> str:
        """Write the mention with another day of the week."""
        start, end = (offset - self.start for offset in self.weekday_span)
        return self.text[:start] + name + self.text[end:]

    def is_on(self, day: date) -> bool:
        """Tell whether the mention can mean this day, whatever its weekday says."""
        return (self.month, self.day) == (day.month, day.day) and self.year in (None, day.year)


def find_mentions(text: str) -> Iterator[Mention]:
    """Find the dates that name their day of the week, such as ``Tuesday, November 4th``."""
    if re.search(_DAY, text):
        for pattern in _WITH_WEEKDAY:
            yield from filter(None, map(_mention, pattern.finditer(text)))


def read_mention(text: str) -> Mention | None:
    """Read a text that is one date, with or without its day of the week."""
    for pattern in (*_WITH_WEEKDAY, *_ALONE):
        match = pattern.fullmatch(text.strip())
        if match is not None:
            return _mention(match)
    return None


def days_of(mention: Mention, years: Iterable[int]) -> dict[int, date]:
    """Give the day that the mention means in each of the years in which it exists."""
    found = {}
    for year in (mention.year,) if mention.year is not None else years:
        try:
            found[year] = date(year, mention.month, mention.day)
        except ValueError:  # February 29th, and years out of range
            continue
    return found


def likely_years(near: date, mention: Mention, line: str) -> set[int]:
    """Give the years that a reader may take a mention without year to be in.

    The year of ``near``, the one in which the day is closest to ``near``, and any year on the
    same line.
    """
    days = days_of(mention, range(near.year - 1, near.year + 2)).values()
    nearest = min(days, key=lambda day: abs(day - near), default=near)
    return {near.year, nearest.year, *map(int, _ANY_YEAR.findall(line))}


def weekday_like(day: date, written: str) -> str:
    """Name the weekday of a day in full, or as short as another one was written."""
    name = _DAYS[day.weekday()]
    return name if written in _DAYS else name[:3]


def spell(day: date) -> str:
    """Write a day as stamps do: ``Tuesday, November 4th``."""
    tail = {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    ending = "th" if day.day in (11, 12, 13) else tail
    return f"{_DAYS[day.weekday()]}, {_MONTHS[day.month - 1]} {day.day}{ending}"


def day_name(day: date) -> str:
    return _DAYS[day.weekday()]


def _mention(match: re.Match[str]) -> Mention | None:
    """Read a match; ``None`` for what is no date at all, such as November 31."""
    parts = match.groupdict()
    named = parts["month"]
    month = int(named) if named.isdecimal() else _index(named, _MONTHS) + 1
    year = int(parts["year"]) if parts["year"] else None
    try:
        date(_LEAP_YEAR if year is None else year, month, int(parts["day"]))
    except ValueError:
        return None
    weekday = parts.get("weekday")
    return Mention(
        start=match.start(),
        end=match.end(),
        text=match[0],
        month=month,
        day=int(parts["day"]),
        year=year,
        weekday=_index(weekday, _DAYS) if weekday else None,
        weekday_span=match.span("weekday") if weekday else (0, 0),
    )


def _index(written: str, names: tuple[str, ...]) -> int:
    return next(number for number, name in enumerate(names) if name[:3] == written[:3])
