"""Dates that we understand and Hugo does not: one of them, and it builds no page at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from publisher.check.pages import Page, Site
from publisher.model import Problem
from publisher.model.errors import PublisherError
from publisher.text.times import resolve_instant

# Hugo reads these in any case; its own order is of no matter here.
_DATES = frozenset(
    {"date", "expirydate", "lastmod", "modified", "pubdate", "publishdate", "unpublishdate"}
)
_NO_SECONDS = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|[ \t]+)\d{1,2}:\d{2}[ \t]*(?:[Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)


def check_hugo_dates(page: Page, site: Site) -> Iterator[Problem]:
    """Find the times without seconds of a Hugo post."""
    settings = site.settings.site
    if settings.preset.name != "hugo" or page.post is None:
        return
    for key, value in page.document.metadata.items():
        is_date = key.lower() in _DATES or key in settings.preset.date_keys
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
