"""What a site may show of its series and of what is new: places, badges, data for themes. Pure.

A post is released when its file says so: a build shows it then. Of a post that is not, nothing
is given but what its embargo lets be seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from publisher.config.settings import SiteSettings
from publisher.model import (
    Embargo,
    LedgerView,
    Post,
    PostId,
    PostState,
    ReleaseState,
    Series,
)

NEW = "just published"

Value = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """The part before or after; only what is released has a title and an address."""

    part: int
    title: str = ""
    url: str = ""
    release_at: datetime | None = None  # of one that is to come


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a post stands in its series; drafts without a promise are nobody's neighbours."""

    name: str
    part: int
    parts: int
    previous: Neighbour | None = None
    next: Neighbour | None = None
    is_complete: bool = False  # every part is released

    @property
    def label(self) -> str:
        return f"Part {self.part} of {self.parts}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """What is said of a released post: that it is new, then when it came out."""

    text: str
    is_new: bool
    until: datetime | None = None  # the instant at which a new one settles


def is_released(post: Post) -> bool:
    return post.state is PostState.PUBLISHED


def count_parts(posts: Iterable[Post]) -> Iterator[Post]:
    """Tell each post of a series how many parts the series has."""
    posts = list(posts)
    known: defaultdict[str, list[int]] = defaultdict(list)
    for post in posts:
        if post.series:
            known[post.series.name].append(post.series.part)
    parts = {name: max(len(numbers), *numbers) for name, numbers in known.items()}
    for post in posts:
        series = post.series
        yield (
            post
            if series is None
            else replace(post, series=replace(series, parts=parts[series.name]))
        )


def places(posts: Sequence[Post]) -> dict[PostId, Place]:
    """Give the place of every post that belongs to a series."""
    found = {}
    for name, parts in _by_series(posts).items():
        is_complete = _is_complete(parts)
        for post, series in parts:
            shown = [one for one in parts if one[0] is post or _is_promised(one[0])]
            at = next(number for number, one in enumerate(shown) if one[0] is post)
            found[post.id] = Place(
                name=name,
                part=series.part,
                parts=max(series.parts, len(parts), series.part),
                previous=_neighbour(*shown[at - 1]) if at else None,
                next=_neighbour(*shown[at + 1]) if at + 1 < len(shown) else None,
                is_complete=is_complete,
            )
    return found


def released_at(post: Post, view: LedgerView, now: datetime) -> datetime | None:
    """Give when a released post came out; ``None`` where nobody knows.

    The ledger's word goes before the date in the file: it may have come out late, or early. What
    is being released comes out now.
    """
    record = view.releases.get(post.id)
    if record is not None and record.state is ReleaseState.REVEALING:
        return now
    if record is not None and record.live_at is not None:
        return record.live_at
    return None if post.release_at is None else min(post.release_at, now)


def badge(post: Post, view: LedgerView, site: SiteSettings, now: datetime) -> Badge | None:
    """Give the badge of a released post; ``None`` where nobody knows when it came out."""
    at = released_at(post, view, now)
    if at is None:
        return None
    until = at + site.badge_for
    if now < until:
        return Badge(text=NEW, is_new=True, until=until)
    return Badge(text=f"Published {_day_text(at, site.zone, now)}", is_new=False)


def series_data(
    posts: Sequence[Post],
    view: LedgerView,
    site: SiteSettings,
    now: datetime,
    *,
    embargo: Embargo = Embargo.OFF,
) -> Value:
    """Give what themes may know, as JSON takes it; the docs describe it.

    ``embargo`` is the site's, for posts that say nothing of their own. A post that has no page,
    and a draft, is left out; of a part to come only its number and instant are given.
    """
    where = places(posts)
    shown = [post for post in sorted(posts, key=lambda post: post.id) if _is_shown(post, embargo)]
    entries = {}
    for post in shown:
        entry = _entry(post, view, site, now)
        place = where.get(post.id)
        entry["series"] = _place_value(place) if place else None
        entries[str(post.id)] = entry
    return {
        "generated_at": _utc(now),
        "series": {
            name: _series_value(name, parts, entries)
            for name, parts in sorted(_by_series(posts).items())
            if any(_is_promised(post) for post, _ in parts)
        },
        "posts": entries,
    }


# --- the parts of a series -------------------------------------------------------------------


def _by_series(posts: Sequence[Post]) -> Mapping[str, list[tuple[Post, Series]]]:
    """Group the posts that belong to a series, each group in order of its parts."""
    found: defaultdict[str, list[tuple[Post, Series]]] = defaultdict(list)
    for post in posts:
        if post.series is not None:
            found[post.series.name].append((post, post.series))
    for parts in found.values():
        parts.sort(key=lambda one: (one[1].part, one[0].id))
    return found


def _is_promised(post: Post) -> bool:
    """Tell whether readers know of a post: it is released, or has a future date."""
    is_coming = post.state is PostState.SCHEDULED and post.release_at is not None
    return is_released(post) or is_coming


def _is_complete(parts: Sequence[tuple[Post, Series]]) -> bool:
    number = max(max(series.parts, series.part) for _, series in parts)
    released = {series.part for post, series in parts if is_released(post)}
    return all(is_released(post) for post, _ in parts) and len(released) >= number


def _neighbour(post: Post, series: Series) -> Neighbour:
    if is_released(post):
        return Neighbour(part=series.part, title=post.title, url=post.url)
    return Neighbour(part=series.part, release_at=post.release_at)


# --- as JSON ---------------------------------------------------------------------------------


def _is_shown(post: Post, embargo: Embargo) -> bool:
    has_page = (post.embargo or embargo) is not Embargo.OMIT
    return is_released(post) or (_is_promised(post) and has_page)


def _entry(post: Post, view: LedgerView, site: SiteSettings, now: datetime) -> Value:
    at = released_at(post, view, now) if is_released(post) else post.release_at
    found = badge(post, view, site, now) if is_released(post) else None
    return {
        "id": str(post.id),
        "title": post.title,
        "description": post.description,
        "teaser": post.teaser,
        "url": post.url,
        "path": post.url.removeprefix(site.url),
        "is_released": is_released(post),
        "at": _utc(at) if at else None,
        "on": at.astimezone(site.zone).date().isoformat() if at else None,
        "badge": _badge_value(found) if found else None,
    }


def _badge_value(found: Badge) -> Value:
    until = _utc(found.until) if found.until else None
    return {"text": found.text, "is_new": found.is_new, "until": until}


def _place_value(place: Place) -> Value:
    return {
        "name": place.name,
        "part": place.part,
        "parts": place.parts,
        "label": place.label,
        "previous": _neighbour_value(place.previous) if place.previous else None,
        "next": _neighbour_value(place.next) if place.next else None,
        "is_complete": place.is_complete,
    }


def _neighbour_value(one: Neighbour) -> Value:
    if one.url:
        return {"part": one.part, "title": one.title, "url": one.url}
    return {"part": one.part, "release_at": _utc(one.release_at) if one.release_at else None}


def _series_value(
    name: str, parts: Sequence[tuple[Post, Series]], shown: Mapping[str, Value]
) -> Value:
    coming = [post.release_at for post, _ in parts if not is_released(post) and _is_promised(post)]
    next_at = min((at for at in coming if at is not None), default=None)
    return {
        "name": name,
        "parts": max(max(series.parts, series.part, len(parts)) for _, series in parts),
        "released": sum(is_released(post) for post, _ in parts),
        "is_complete": _is_complete(parts),
        "next_at": _utc(next_at) if next_at else None,
        "list": list(_list(parts, shown)),
    }


def _list(parts: Sequence[tuple[Post, Series]], shown: Mapping[str, Value]) -> Iterator[Value]:
    for post, series in parts:
        if _is_promised(post):
            known = {"post": str(post.id)} if post.id in shown else {}
            yield {**known, **_neighbour_value(_neighbour(post, series))}


def _day_text(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Write a day as people say it, with its year where that is not this one."""
    local = at.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f", {local.year:04}"
    return f"{local:%B} {local.day}{year}"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
