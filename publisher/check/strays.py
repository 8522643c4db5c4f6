"""Pages outside of the posts that are not for today: under embargo no build has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from publisher.check.generator import builds_all
from publisher.config.settings import Settings
from publisher.embargo.hidden import holds
from publisher.embargo.stage.catalog import Catalog
from publisher.generators.base import as_yaml
from publisher.generators.project import walk
from publisher.model import Embargo, PostState, Problem
from publisher.model.errors import PostError, PublisherError
from publisher.posts.library import page_test
from publisher.posts.said import is_set_aside, said, state_said, withheld_until
from publisher.posts.scan import Scan
from publisher.system.files import read_file
from publisher.text.frontmatter import UnreadableError, parse


def check_strays(settings: Settings, scan: Scan, now: datetime) -> Iterator[Problem]:
    """Warn of the pages that a staged site is built without, and say why.

    Where nothing is staged, of those that the generator would keep back, and was told to build.
    """
    is_staged = holds(settings.embargo, scan.posts)
    if not (is_staged or builds_all(settings)):
        return
    for path in strays(settings, scan, now):
        try:
            data = read_file(settings.project / path, path).data
        except PostError:  # gone
            continue
        state = state_said(data, path, settings.site)
        if state in (PostState.PUBLISHED, None):
            yield from _dated(path, data, settings)
        elif settings.embargo is not Embargo.OFF or (is_staged and state is PostState.DRAFT):
            yield _stated(path, data, settings)


def _stated(path: str, data: bytes, settings: Settings) -> Problem:
    generator = settings.site.generator
    public = f"{generator.state_key}: {as_yaml(generator.values[PostState.PUBLISHED])}"
    line, said = _state_in(path, data, settings)
    return Problem(
        rule="stray",
        severity="warning",
        path=path,
        line=line,
        message=f"says {said} and is no post: while posts are under embargo, "
        "the site is built without it",
        hint=f"write {public} once it may be seen; if it is a post, let site.posts match it",
    )


def _dated(path: str, data: bytes, settings: Settings) -> Iterator[Problem]:
    until = withheld_until(data, path, settings.site)
    if until is None:  # nothing is known but what stands in a file beside it
        return
    day = f"{until.astimezone(settings.site.zone):%Y-%m-%d %H:%M}"
    is_held = settings.embargo is not Embargo.OFF
    name = settings.site.generator.name
    yield Problem(
        rule="stray" if is_held else "published-in-future",
        severity="warning",
        path=path,
        line=None,
        message=f"has a date to come and is no post: the site is built without it until {day}"
        if is_held
        else f"has a date to come ({day}), and is public with the next build: "
        f"{name} is told to build such pages, and embargo is off",
        hint="write today's date if it may be seen; if it is a post, let site.posts match it"
        if is_held
        else "set embargo, or say in the page that it is a draft",
    )


def strays(settings: Settings, scan: Scan, now: datetime) -> list[str]:
    """Give the pages outside of the posts that a stage is without; also where none is made."""
    site = settings.site
    catalog = Catalog(replace(settings, embargo=Embargo.OMIT), scan)
    paths, found = set(), set()
    try:
        for file in walk(settings.project, site.root, settings.own_files):
            paths.add(file.path)
            if file.kind != "file" or is_set_aside(file.path, site):
                continue
            if catalog.kind_of(file.path, file.entry.stat().st_size) == "page":
                with suppress(PostError):  # gone
                    data = read_file(settings.project / file.path, file.path).data
                    says = said(data, file.path, site, is_post=False)
                    found |= {file.path} if says.is_unreleased(now, Embargo.OMIT) else set()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PublisherError(f"{error.filename}: {reason}") from None
    found |= catalog.described_by(found, paths)
    return sorted(filter(page_test(site, settings.project), found))


def _state_in(path: str, data: bytes, settings: Settings) -> tuple[int | None, str]:
    """Give where and how a page says that it is unreleased, as far as it can be read."""
    wanted = settings.site.generator.state_key
    try:
        document = parse(data, path)
    except UnreadableError:
        return None, f"in its {wanted} that it is unreleased"
    for key, value in document.metadata.items():
        if key.lower() == wanted.lower():
            return document.line_of(key), f"{key}: {as_yaml(value)}"
    for line, key, value in settings.site.generator.header_of(document.text, path):
        if key in (wanted.lower(), "draft"):
            return line, f"{key}: {value}" if value else key
    return None, f"in its {wanted} that it is unreleased"
