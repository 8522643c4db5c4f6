"""Changes the release date that a post's frontmatter says, and not one byte beside it. Pure.

The author's way of writing stays: a bare date as long as the time of the day allows it, quotes,
seconds or none, an offset or local time, a date and a time in keys of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import chain, product

from publisher.config.settings import SiteSettings
from publisher.model.errors import PublisherError
from publisher.posts.edit import Edit, edited, line_of, places, unchangeable
from publisher.text.frontmatter import Document, parse
from publisher.text.times import resolve_instant

_CLOCK = r"(?P<hour>\d{1,2}):\d{2}(?P<seconds>:\d{2}(?P<fraction>\.\d+)?)?"
_DATE = r"\d{4}-\d{1,2}-\d{1,2}(?!\d)"
_INSTANT = (
    rf"{_DATE}(?:(?P<gap>[Tt]|[ \t]+){_CLOCK}"
    r"(?P<lead>[ \t]*(?=[Zz+-])| (?=UTC|GMT)(?:UTC(?=[+-]))?)?"
    r"(?P<offset>[Zz]|UTC|GMT|[+-]\d{2}(?P<colon>:?)(?P<minutes>\d{2})?)?)?"
)
_ZULU = ("Z", "z", "UTC", "GMT")
_TIME_KEY = "time"


def set_date(data: bytes, site: SiteSettings, at: datetime, path: str) -> bytes:
    """Give the file's bytes with its release at ``at``; the same bytes when it is already.

    :raises PostError: when the frontmatter cannot be read, or holds no date that can be changed.
    """
    document = parse(data, path)
    key = date_key(document, site)
    local = at.astimezone(site.zone)
    what = f"the release date to {_whole(local)}"
    if key is None:
        why, line = "has no release date in its frontmatter", _line(document, "date", local)
        raise unchangeable(document, "date", what, why, line)
    if _instant(document, key, site) == at:
        return data
    edits = _time_apart if _has_time_apart(document, key, site) else _in_one
    tried = chain(edits(document, key, local, site), _anew(document, key, local, site))
    new = edited(data, document, tried, lambda now: _means(now, at, key, document, site))
    if new is not None:
        return new
    why = "is written in a way that cannot be changed safely"
    if edits is _time_apart and _is_twofold(local):
        why = f"is apart from its time, and {local:%H:%M} exists twice that night"
    raise unchangeable(document, key, what, why, _line(document, key, local))


def date_key(document: Document, site: SiteSettings) -> str | None:
    """Name the key that says when the post is released; ``None`` when there is none.

    Of a page that says published, the generator's own date is the last that counts.
    """
    keys = ("reveal", *site.generator.date_keys, *site.generator.withholds)
    return next((key for key in keys if document.metadata.get(key) not in (None, "")), None)


def _has_time_apart(document: Document, key: str, site: SiteSettings) -> bool:
    """Tell whether the key ``time`` says the time of the day, the date being bare."""
    if document.metadata.get(_TIME_KEY) is None:
        return False
    found = places(document, key, _INSTANT)
    return any(place["gap"] is None for place in found)


# --- where the values may stand --------------------------------------------------------------


def _in_one(
    document: Document, key: str, local: datetime, site: SiteSettings
) -> Iterator[tuple[Edit, ...]]:
    for place in places(document, key, _INSTANT):
        written = _write(place, local, site, document)
        yield ((*place.span("value"), written),)


def _anew(
    document: Document, key: str, local: datetime, site: SiteSettings
) -> Iterator[tuple[Edit, ...]]:
    """Give the edits that write a date such as "Mar 09 2027" as ISO 8601."""
    value = document.metadata[key]
    if isinstance(value, str):
        for place in places(document, key, re.escape(value)):
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
    days = nothing if is_same_day else places(document, key, _DATE)
    clocks = nothing if is_same_time else places(document, _TIME_KEY, _CLOCK)
    for day, clock in product(days, clocks):
        edits: list[Edit] = []
        edits += [(*day.span("value"), _day(local))] if day else []
        edits += [(*clock.span("value"), _clock(clock, local))] if clock else []
        yield tuple(edits)


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
    return _whole(local)


def _whole(local: datetime) -> str:
    """Write an instant with seconds and offset: every generator takes it for the same."""
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


def _means(now: Document, at: datetime, key: str, old: Document, site: SiteSettings) -> bool:
    """Tell whether a document says the instant, and all else as before."""
    if date_key(now, site) != key or _instant(now, key, site) != at:
        return False
    free = {key: None, **({_TIME_KEY: None} if _TIME_KEY in old.metadata else {})}
    return repr({**now.metadata, **free}) == repr({**old.metadata, **free})


def _line(document: Document, key: str, local: datetime) -> str:
    value = _whole(local)
    return line_of(document, key, value, in_json=f'"{value}"', in_toml=value)
