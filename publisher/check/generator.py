"""What the generator does by itself: judges dates, takes states from elsewhere, refuses dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from publisher.check.pages import Page, Site
from publisher.config.settings import Settings
from publisher.generators.base import as_yaml
from publisher.generators.project import walk
from publisher.model import PostState, Problem
from publisher.model.errors import PublisherError
from publisher.system.files import read_file
from publisher.text.times import resolve_instant

# Hugo reads these in any case; its own order is of no matter here.
_DATES = frozenset(
    {"date", "expirydate", "lastmod", "modified", "pubdate", "publishdate", "unpublishdate"}
)
_NO_SECONDS = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|[ \t]+)\d{1,2}:\d{2}[ \t]*(?:[Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)


def check_judging(settings: Settings) -> Iterator[Problem]:
    """Warn where the generator withholds posts whose date is in its future."""
    generator = settings.site.generator
    command = settings.rebuild.command if settings.rebuild else ()
    switch = generator.date_switch(settings.site.root, command)
    if not switch:
        return
    first = ""
    if generator.withholds_on_request:  # so publisher does not wait for dates in its stead
        draft = f"{generator.state_key}: {as_yaml(generator.values[PostState.DRAFT])}"
        first = f"first write {draft} into all posts to come, lest they are public at once; then "
    yield Problem(
        rule="generator-judges-dates",
        severity="warning",
        path=settings.file.name,
        line=None,
        message=f"{generator.name} judges dates by itself: "
        "it can hold back a post that is released",
        hint=first + switch,
    )


def builds_all(settings: Settings) -> bool:
    """Tell whether we have a generator build what it would keep back until its date."""
    generator = settings.site.generator
    if settings.rebuild is None or not generator.withholds:
        return False
    return not generator.date_switch(settings.site.root, settings.rebuild.command)


def check_inherited(settings: Settings) -> Iterator[Problem]:
    """Warn of what makes drafts of pages that say nothing: publisher takes them for public."""
    generator, root = settings.site.generator, settings.site.root
    for found in walk(settings.project, root, settings.own_files):
        file = Path(found.entry.path)
        if found.kind != "file" or not file.is_relative_to(root):
            continue
        path = file.relative_to(root).as_posix()
        with suppress(PublisherError, ValueError, RecursionError):  # its generator will say so
            sets = generator.inherited(path, partial(_read, file, path))
            said = next(filter(None, map(generator.hidden_by, sets)), "")
            if not said:
                continue
            hidden = f"{generator.state_key}: {as_yaml(generator.values[PostState.DRAFT])}"
            yield Problem(
                rule="inherited-state",
                severity="warning",
                path=found.path,
                line=None,
                message=f"says {said} for pages that say nothing themselves: "
                "publisher does not follow that, and takes them for public",
                hint=f"write {hidden} into each of these pages",
            )


def _read(file: Path, path: str) -> bytes:
    return read_file(file, path).data


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
