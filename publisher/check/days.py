"""What pages say of days and of releases: weekdays, dates, preview blocks and their stamps."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from publisher.check.dates import (
    Mention,
    day_name,
    days_of,
    find_mentions,
    likely_years,
    read_mention,
    spell,
    weekday_like,
)
from publisher.check.pages import Page, Site
from publisher.check.project import builds_all
from publisher.config.settings import Settings
from publisher.generators.base import as_yaml
from publisher.model import Embargo, Post, PostState, Problem
from publisher.model.errors import PublisherError
from publisher.text.times import resolve_instant

_STAMP = re.compile(
    r"<RevealStamp\b(?:(?!<RevealStamp\b)[^>])*?"
    r"""\sdate\s*=\s*(?P<quote>["'])(?P<date>.*?)(?P=quote)""",
    re.DOTALL,
)
_DAYS_PER_UNIT = {"day": 1.0, "week": 7.0, "month": 30.44}
_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_CLAIM = re.compile(
    rf"\b(?:over|across|during|within|in|for)[ ]+(?:the[ ]+)?(?:(?:next|coming|following)[ ]+)?"
    rf"(?P<count>\d{{1,3}}|{'|'.join(_NUMBERS)})[ ]+(?P<unit>day|week|month)s?\b",
    re.IGNORECASE,
)
_OF_A_SERIES = re.compile(
    r"\b(?:posts?|parts?|series|essays?|articles?|chapters?|instal?lments?"
    r"|publish\w*|release\w*|reveal\w*)\b",
    re.IGNORECASE,
)
# Hugo reads these in any case; its own order is of no matter here.
_DATES = frozenset(
    {"date", "expirydate", "lastmod", "modified", "pubdate", "publishdate", "unpublishdate"}
)
_NO_SECONDS = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|[ \t]+)\d{1,2}:\d{2}[ \t]*(?:[Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)
NEAR = 1000  # characters of a sentence on each side that are looked at
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|\n\s*\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongWeekday:
    """A mention whose weekday is another day's; ``day`` is set when it is certain."""

    mention: Mention
    days: tuple[date, ...]  # what the mention can mean, by year
    day: date | None = None


def check_weekdays(page: Page, site: Site) -> Iterator[Problem]:
    """Find days of the week that the date beside them does not have."""
    for wrong in wrong_weekdays(page, site):
        named = " or ".join(f"a {day_name(day)} in {day.year}" for day in wrong.days)
        right = weekday_like(wrong.days[0], wrong.mention.weekday_text)
        yield page.error(
            "weekday-mismatch",
            page.line_at(wrong.mention.start),
            f"{wrong.mention.text} is {named}",
            f"write {wrong.mention.with_weekday(right)}"
            + ("" if wrong.day else ", or the year if another one is meant"),
        )


def wrong_weekdays(page: Page, site: Site) -> Iterator[WrongWeekday]:
    """Find the mentions whose weekday is wrong in every year that they can mean."""
    stamps = [(start, end) for start, end, _ in _stamps(page)]
    for mention in find_mentions(page.visible):
        post = _owner(page, mention.start)
        released = site.local_date(post) if post else None
        if released and _holds(stamps, mention.start):
            if mention.is_on(released) and mention.weekday != released.weekday():
                yield WrongWeekday(mention=mention, days=(released,), day=released)
            continue  # another day than the post's is `stamp-date-mismatch`
        days = _possible_days(mention, page, released)
        if days and all(day.weekday() != mention.weekday for day in days):
            yield WrongWeekday(mention=mention, days=days)


def check_stamps(page: Page, site: Site) -> Iterator[Problem]:
    """Find stamps that name another day than the post of their preview block is released on."""
    for start, _, written in _stamps(page):
        post = _owner(page, start)
        released = site.local_date(post) if post else None
        mention = read_mention(written)
        if post is None or released is None or mention is None or mention.is_on(released):
            continue
        yield page.error(
            "stamp-date-mismatch",
            page.line_at(start),
            f"the stamp says {written.strip()}, but {post.path} is released on {released}",
            f'write date="{spell(released)}", or change the date of the post',
        )


def check_previews(page: Page) -> Iterator[Problem]:
    """Find blurred blocks of published posts, and revealed ones of posts to come."""
    for block in page.previews:
        post, line = block.post, page.line_at(block.start)
        if post is None:
            continue  # `orphan-preview` is the library's
        is_released = post.state is PostState.PUBLISHED
        if block.is_blurred and is_released:
            yield page.error(
                "blurred-but-released",
                line,
                f"this preview is blurred, but {post.path} is published",
                "write <PostPreview revealed> and remove its stamp",
            )
        elif not block.is_blurred and not is_released and _says_revealed(page, block.start):
            yield page.error(
                "revealed-too-early",
                line,
                f"this preview is revealed, but {post.path} is not released: its text is public",
                "write <PostPreview blurred>; the release reveals it",
            )


def _says_revealed(page: Page, start: int) -> bool:
    """Tell whether the tag leaves no doubt; ``:blurred="…"`` may be either."""
    tag = page.visible[start : page.visible.find(">", start)]
    return "blurred" not in tag


def check_claims(page: Page, site: Site) -> Iterator[Problem]:
    """Find claims such as "over three weeks" that the previewed series does not keep."""
    if len(page.previews) < 2:
        return
    owners = {block.post.path: block.post for block in page.previews if block.post}
    released = sorted(filter(None, map(site.local_date, owners.values())))
    for match in _CLAIM.finditer(page.visible):
        if not _OF_A_SERIES.search(_sentence(page.visible, *match.span())):
            continue
        count, unit = _number(match["count"]), match["unit"].lower()
        line = page.line_at(match.start())
        contradiction = _contradiction(page, released, count, unit)
        if contradiction:
            yield page.warning(
                "schedule-claim",
                line,
                f"says {' '.join(match[0].split())!r}, but {contradiction}",
                "readers plan by it: change the number, or the dates",
            )


def check_future(page: Page, today: date, site: Site) -> Iterator[Problem]:
    """Find a post that says published, carries a date to come, and is public all the same."""
    post = page.post
    if post is not None and post.withheld_until and post.state is PostState.SCHEDULED:
        yield from _check_built(page, post, site.settings)
    released = site.local_date(post) if post else None
    if post is None or post.state is not PostState.PUBLISHED or not released or released <= today:
        return
    generator = site.settings.site.generator
    key = next((k for k in ("reveal", *generator.date_keys) if page.document.metadata.get(k)), "")
    scheduled = generator.values[PostState.SCHEDULED]
    yield page.warning(
        "published-in-future",
        page.document.line_of(key),
        f"is published, with a future date ({released}): it is public now",
        f"to have it wait, set embargo, or write {generator.state_key}: {as_yaml(scheduled)}",
    )


def _check_built(page: Page, post: Post, settings: Settings) -> Iterator[Problem]:
    """Find a post that waits for its date, and that nothing keeps out of the builds until then."""
    if (post.embargo or settings.embargo) is Embargo.OFF and builds_all(settings):
        yield page.warning(
            "published-in-future",
            None,
            "is published, with a future date, and is public with the next build: embargo is off, "
            f"and {settings.site.generator.name} is told to build what is to come",
            "set embargo, or say in the post that it is a draft",
        )


def check_seconds(page: Page, site: Site) -> Iterator[Problem]:
    """Find times without seconds, where the generator refuses to build a site that has one."""
    settings = site.settings.site
    if not settings.generator.needs_seconds or page.post is None:
        return
    for key, value in page.document.metadata.items():
        is_date = key.lower() in _DATES or key in settings.generator.date_keys
        if not is_date or not isinstance(value, str) or not _NO_SECONDS.fullmatch(value.strip()):
            continue
        with suppress(PublisherError):  # `bad-date` is the scan's
            at = resolve_instant(value, zone=settings.zone, release_time=settings.release_time).at
            yield page.warning(
                "hugo-date",
                page.document.line_of(key),
                f"{key}: {value.strip()} has no seconds, and Hugo then refuses to build the site",
                f"write {key}: {at.astimezone(settings.zone).isoformat()}",
            )


def _contradiction(page: Page, released: list[date], count: int, unit: str) -> str:
    """Say what of the schedule is at odds with a span of ``count`` units; "" when nothing."""
    length = _DAYS_PER_UNIT[unit]
    if len(released) > 1:
        span = (released[-1] - released[0]).days / length
        if abs(span - count) > 1:
            return (
                f"its posts are released from {released[0]} to {released[-1]}: "
                f"about {span:.0f} {unit}{'' if round(span) == 1 else 's'}"
            )
    labels = [
        (int(m[1]), m.start())
        for m in re.finditer(rf"\b{unit}[ ]+(\d{{1,3}})\b", page.visible, re.IGNORECASE)
    ]
    last, at = max(labels, default=(0, 0))
    if last > count:
        return f"the schedule on this page goes up to {unit} {last} (line {page.line_at(at)})"
    return ""


def _possible_days(mention: Mention, page: Page, released: date | None) -> tuple[date, ...]:
    near = released or page.day
    if near is None and mention.year is None:
        return ()
    years = likely_years(near, mention, page.line_text(mention.start)) if near else set()
    return tuple(sorted(days_of(mention, years).values()))


def _holds(spans: Sequence[tuple[int, int]], offset: int) -> bool:
    """Tell whether an offset is in one of these spans, which are in order and do not overlap."""
    number = bisect_right(spans, offset, key=lambda span: span[0]) - 1
    return number >= 0 and offset < spans[number][1]


def _owner(page: Page, offset: int) -> Post | None:
    block = page.preview_at(offset)
    return block.post if block else None


def _stamps(page: Page) -> Iterator[tuple[int, int, str]]:
    """Give where the date of each stamp stands, and what it says."""
    for match in _STAMP.finditer(page.visible):
        yield *match.span("date"), match["date"]


def _sentence(text: str, start: int, end: int) -> str:
    first, last = max(0, start - NEAR), min(len(text), end + NEAR)
    before = max((m.end() for m in _SENTENCE_END.finditer(text, first, start)), default=first)
    after = _SENTENCE_END.search(text, end, last)
    return text[before : after.start() if after else last]


def _number(written: str) -> int:
    return int(written) if written.isdecimal() else _NUMBERS.index(written.lower())
