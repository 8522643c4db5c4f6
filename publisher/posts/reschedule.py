"""Changes the release date that a post's frontmatter says, and not one byte beside it. Pure.

The twin of ``flip``: every place where the date may stand is tried, and the result read again.
The author's way of writing stays: a bare date as long as the time of the day allows it, quotes,
seconds or none, an offset or local time, a date and a time in keys of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import chain, islice, product

from publisher.config.settings import SiteSettings
from publisher.model.errors import PostError, PublisherError
from publisher.text.frontmatter import BOM, HEADERS, Document, UnreadableError, parse
from publisher.text.times import resolve_instant

_CLOCK = r"(?P<hour>\d{1,2}):\d{2}(?P<seconds>:\d{2}(?P<fraction>\.\d+)?)?"
_DATE = r"\d{4}-\d{1,2}-\d{1,2}(?!\d)"
_INSTANT = (
    rf"{_DATE}(?:(?P<gap>[Tt]|[ \t]+){_CLOCK}"
    r"(?P<lead>[ \t]*(?=[Zz+-])| (?=UTC|GMT)(?:UTC(?=[+-]))?)?"
    r"(?P<offset>[Zz]|UTC|GMT|[+-]\d{2}(?P<colon>:?)(?P<minutes>\d{2})?)?)?"
)
_ZULU = ("Z", "z", "UTC", "GMT")
CANDIDATES_MAX = 100  # each is parsed; a real file has one or two
_TIME_KEY = "time"

Edit = tuple[int, int, str]


def set_date(data: bytes, site: SiteSettings, at: datetime, path: str) -> bytes:
    """Give the file's bytes with its release at ``at``; the same bytes when it is already.

    :raises PostError: when the frontmatter cannot be read, or holds no date that can be changed.
    """
    document = parse(data, path)
    key = date_key(document, site)
    if key is None:
        raise _unchangeable(document, "date", at, site, "has no release date in its frontmatter")
    if _instant(document, key, site) == at:
        return data
    local = at.astimezone(site.zone)
    edits = _time_apart if _has_time_apart(document, key, site) else _in_one
    tried = chain(edits(document, key, local, site), _anew(document, key, local, site))
    for changes in islice(tried, CANDIDATES_MAX):
        text = _apply(document.text, changes)
        if _means(text, at, key, document, site):
            return (BOM if data.startswith(BOM) else b"") + text.encode()
    why = "is written in a way that cannot be changed safely"
    if edits is _time_apart and _is_twofold(local):
        why = f"is apart from its time, and {local:%H:%M} exists twice that night"
    raise _unchangeable(document, key, at, site, why)


def date_key(document: Document, site: SiteSettings) -> str | None:
    """Name the key that says when the post is released; ``None`` when there is none."""
    keys = ("reveal", *site.generator.date_keys)
    return next((key for key in keys if document.metadata.get(key) not in (None, "")), None)


def _has_time_apart(document: Document, key: str, site: SiteSettings) -> bool:
    """Tell whether the key ``time`` says the time of the day, the date being bare."""
    if document.metadata.get(_TIME_KEY) is None:
        return False
    found = _places(document, key, _INSTANT)
    return any(place["gap"] is None for place in found)


# --- where the values may stand --------------------------------------------------------------


def _in_one(
    document: Document, key: str, local: datetime, site: SiteSettings
) -> Iterator[tuple[Edit, ...]]:
    for place in _places(document, key, _INSTANT):
        written = _write(place, local, site, document)
        yield ((*place.span("value"), written),)


def _anew(
    document: Document, key: str, local: datetime, site: SiteSettings
) -> Iterator[tuple[Edit, ...]]:
    """Give the edits that write a date such as "Mar 09 2027" as ISO 8601."""
    value = document.metadata[key]
    if isinstance(value, str):
        for place in _places(document, key, re.escape(value)):
            yield ((*place.span("value"), _bare(local, site)),)


def _time_apart(
    document: Document, key: str, local: datetime, site: SiteSettings
) -> Iterator[tuple[Edit, ...]]:
    """Give the edits of both keys; one that says the right thing already is left alone."""
    old = _instant(document, key, site)
    before = old.astimezone(site.zone) if old else None
    is_same_day = before is not None and before.date() == local.date()
    is_same_time = before is not None and before.time() == local.time()
    nothing: list[re.Match[str] | None] = [None]
    days = nothing if is_same_day else _places(document, key, _DATE)
    clocks = nothing if is_same_time else _places(document, _TIME_KEY, _CLOCK)
    for day, clock in product(days, clocks):
        edits: list[Edit] = []
        edits += [(*day.span("value"), _day(local))] if day else []
        edits += [(*clock.span("value"), _clock(clock, local))] if clock else []
        yield tuple(edits)


def _places(document: Document, key: str, value: str) -> Iterator[re.Match[str]]:
    pattern = re.compile(
        rf"{re.escape(key)}[\"']*\s*[:=]\s*(?P<quote>[\"']*)(?P<value>{value})(?P=quote)(?![\w:-])",
        re.IGNORECASE if document.format in HEADERS else 0,
    )
    yield from pattern.finditer(document.text, *document.block)


# --- how they are written --------------------------------------------------------------------


def _write(place: re.Match[str], local: datetime, site: SiteSettings, document: Document) -> str:
    if place["gap"] is None:
        return _bare(local, site)
    shown = local if place["offset"] is None else local.astimezone(_zone(place, site))
    written = f"{_day(shown)}{place['gap']}{_clock(place, shown)}"
    if place["offset"] is None:
        return written + (_offset(local, ":") if _is_twofold(local) else "")
    if place["offset"] in _ZULU:
        return f"{written}{place['lead'] or ''}{place['offset']}"
    offset = _offset(shown, place["colon"])
    if place["minutes"] is None:
        offset = offset.removesuffix("00")
    return f"{written}{place['lead'] or ''}{offset}"


def _bare(local: datetime, site: SiteSettings) -> str:
    """Write a bare date, or where the time of the day is another, the whole instant."""
    if local.time() == site.release_time and not _is_twofold(local):
        return _day(local)
    # With seconds and offset every generator takes it for the same instant.
    return f"{_day(local)}T{local:%H:%M:%S}{_offset(local, ':')}"


def _zone(place: re.Match[str], site: SiteSettings) -> tzinfo:
    """Give the zone an offset stands for: the site's if it is the site's on that day."""
    text = place["offset"]
    if text in _ZULU:
        return UTC
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "").ljust(4, "0")
    fixed = timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
    then = resolve_instant(
        place["value"], zone=site.zone, release_time=site.release_time
    ).at.astimezone(site.zone)
    return site.zone if then.utcoffset() == fixed.utcoffset(None) else fixed


def _day(local: datetime) -> str:
    return f"{local.year:04}-{local:%m-%d}"


def _clock(place: re.Match[str], local: datetime) -> str:
    hour = f"{local.hour:02}" if len(place["hour"]) == 2 else str(local.hour)
    seconds = f":{local:%S}" if place["seconds"] or local.second else ""
    fraction = f".{'0' * (len(place['fraction']) - 1)}" if place["fraction"] else ""
    return f"{hour}:{local:%M}{seconds}{fraction}"


def _offset(local: datetime, colon: str) -> str:
    minutes = round((local.utcoffset() or timedelta(0)) / timedelta(minutes=1))
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{minutes // 60:02}{colon}{minutes % 60:02}"


def _is_twofold(local: datetime) -> bool:
    """Tell whether clocks of the zone show this local time twice."""
    return local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()


# --- reading again ---------------------------------------------------------------------------


def _instant(document: Document, key: str, site: SiteSettings) -> datetime | None:
    try:
        return resolve_instant(
            document.metadata[key],
            zone=site.zone,
            release_time=site.release_time,
            time_value=document.metadata.get(_TIME_KEY),
        ).at
    except PublisherError:
        return None


def _means(text: str, at: datetime, key: str, old: Document, site: SiteSettings) -> bool:
    """Tell whether the text says the instant, and all else as before."""
    try:
        new = parse(text.encode(), old.path)
    except UnreadableError:
        return False
    if date_key(new, site) != key or _instant(new, key, site) != at:
        return False
    free = {key: None, **({_TIME_KEY: None} if _TIME_KEY in old.metadata else {})}
    now, then = ({**document.metadata, **free} for document in (new, old))
    return (new.format, new.body, repr(now)) == (old.format, old.body, repr(then))


def _apply(text: str, edits: tuple[Edit, ...]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _unchangeable(
    document: Document, key: str, at: datetime, site: SiteSettings, why: str
) -> PostError:
    local = at.astimezone(site.zone)
    value = f"{_day(local)}T{local:%H:%M:%S}{_offset(local, ':')}"
    forms: dict[str | None, str] = {
        "toml": f"{key} = {value}",
        "json": f'"{key}": "{value}"',
        "nikola": f".. {key}: {value}",
    }
    return PostError(
        f"{document.path}:{document.line_of(key)}: cannot set the release date to {value}",
        why=f"{key} {why}",
        hint=f"write it on a line of its own: {forms.get(document.format, f'{key}: {value}')}",
    )
