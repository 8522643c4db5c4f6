"""Where pages name a post, or the day on which it was to come: for its author to edit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime

from publisher.check import links
from publisher.check.pages import read_page, read_site
from publisher.cli.output import flat
from publisher.config.settings import Settings, SiteSettings
from publisher.model import Post
from publisher.model.errors import PostError
from publisher.posts.library import Library, Scan
from publisher.posts.reschedule import set_date
from publisher.system.files import read_file
from publisher.text.frontmatter import decode, parse


def links_to(settings: Settings, scan: Scan, post: Post) -> Iterator[tuple[str, links.Link]]:
    """Find the links of public pages to a post, each with its place: ``index.md:12``."""
    site = read_site(settings, scan)
    for file in Library.of(settings).pages():
        if file.path == post.path:
            continue
        address = "/" + file.file.relative_to(settings.site.root).as_posix()
        try:
            document = parse(read_file(file.file, file.path).data, file.path)
        except PostError:
            continue  # `publisher check` says what is wrong with it
        for link in links.links_to(post, read_page(document, address, site), site):
            yield f"{file.path}:{link.line}", link


def mentions_of(
    site: SiteSettings, library: Library, post: Post, old_at: datetime, new_at: datetime
) -> Iterator[str]:
    """Find where a post that moves, and pages that name it, will still say the old day."""
    old, new = (at.astimezone(site.zone).date() for at in (old_at, new_at))
    if old == new:
        return
    pattern = _day_pattern(old)
    for page in library.pages():
        is_own = page.path == post.path
        try:
            data = read_file(page.file, page.path).data
            if is_own:
                data = set_date(data, site, new_at, page.path)
            text = decode(data, page.path)
        except PostError:
            continue  # `publisher check` says what is wrong with it
        if not is_own and post.slug not in text and post.id not in text:
            continue
        for found in pattern.finditer(text):
            if found["year"] in (None, str(old.year)):
                line = text.count("\n", 0, found.start()) + 1
                yield f"{page.path}:{line}: {flat(found[0])}"


def _day_pattern(day: date) -> re.Pattern[str]:
    """Match a day as people write it, in English or as 2027-03-09."""
    month = rf"(?:{day:%B}|{day:%b})\.?"
    number = rf"0?{day.day}(?:st|nd|rd|th)?(?!\d)"
    weekday = r"(?:\b[A-Z][a-z]+day,?[ ]+)?"
    return re.compile(
        rf"{weekday}\b(?:{month}[ ]+(?:the[ ]+)?{number}|{number}[ ]+(?:of[ ]+)?{month})"
        rf"(?:,?[ ]+(?P<year>\d{{4}})(?!\d))?|(?<!\d){day.isoformat()}(?!\d)"
    )
