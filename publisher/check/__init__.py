"""Finds every problem in config and posts before it can do harm, and mends the safe ones.

Each rule is a function in a module of its kind (docs/reference/checks.md). What the scan of the
posts and the reading of ``jobs.yaml`` report already is reported once, by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from publisher.check.days import (
    check_claims,
    check_future,
    check_previews,
    check_seconds,
    check_stamps,
    check_weekdays,
)
from publisher.check.fix import fix
from publisher.check.links import Served, check_links, read_served
from publisher.check.pages import Site, read_page, read_site
from publisher.check.project import check_project
from publisher.check.texts import check_texts
from publisher.check.unreleased import check_embargo, check_unlisted_drafts
from publisher.check.weight import Weight, weigh
from publisher.config import missing_secrets
from publisher.config.settings import Settings
from publisher.generators.file_kinds import PROSE
from publisher.model import LedgerView, PostState, Problem
from publisher.model.errors import PostError, PublisherError
from publisher.posts.library import Library, page_test
from publisher.posts.library import Page as File
from publisher.posts.mojibake import mojibake
from publisher.system.files import read_file
from publisher.text.frontmatter import UnreadableError, parse

__all__ = ["Report", "Weight", "examine", "fix", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every problem in order of path, line and rule; ``coming`` are the scheduled posts."""

    problems: tuple[Problem, ...]
    coming: frozenset[str]  # paths

    def of(self, weight: Weight) -> tuple[Problem, ...]:
        return tuple(one for one in self.problems if weigh(one, self.coming) is weight)


def run(
    settings: Settings,
    library: Library,
    *,
    now: datetime,
    environ: Mapping[str, str],
    paths: Sequence[str] = (),
) -> tuple[Problem, ...]:
    """Give what ``examine`` finds."""
    return examine(settings, library, now=now, environ=environ, paths=paths).problems


def examine(
    settings: Settings,
    library: Library,
    *,
    now: datetime,
    environ: Mapping[str, str],
    paths: Sequence[str] = (),
) -> Report:
    """Find every problem of the site; files that its generator makes no page of have none.

    Read-only.

    ``paths`` narrows the answer to these files and folders, absolute or relative to the folder
    of ``jobs.yaml``.

    :raises PublisherError: when one of ``paths`` is not there, or a folder cannot be listed.
    """
    is_named, is_ours = _narrow(settings, paths), _of_site(settings)

    def is_wanted(path: str) -> bool:
        return is_named(path) and is_ours(path)

    scan = library.scan(LedgerView(), now)
    site = read_site(settings, scan)
    served = read_served(site)
    public = {post.path for post in scan.posts if post.state is PostState.PUBLISHED}
    problems = [
        *(problem for problem in scan.problems if problem.rule != "mojibake"),  # of posts only
        *(library.orphans() if settings.site.generator.blocks else ()),
        *missing_secrets(settings, environ),
        *check_project(settings, scan.posts, environ),
        *check_embargo(site, library, scan.posts),
        *check_unlisted_drafts(settings, scan, now),
        *check_texts(settings, library, [post for post in scan.posts if is_wanted(post.path)]),
    ]
    for file in library.pages():
        if is_wanted(file.path):
            problems += _check_page(file, site, served, now)
    found = {
        problem
        for problem in problems
        if is_wanted(problem.path)
        # nothing is announced of what is public
        and not (problem.rule == "no-description" and problem.path in public)
    }
    order = sorted(found, key=lambda p: (p.path, p.line or 0, p.rule, p.message, p.hint))
    coming = frozenset(post.path for post in scan.posts if post.state is PostState.SCHEDULED)
    return Report(problems=tuple(order), coming=coming)


def _check_page(file: File, site: Site, served: Served, now: datetime) -> Iterator[Problem]:
    settings = site.settings
    try:
        document = parse(read_file(file.file, file.path).data, file.path)
    except UnreadableError as error:
        if file.path not in site.broken:  # else the scan has told
            yield error.problem
        return
    except PostError as error:
        if file.path not in site.broken:
            yield Problem.of("unreadable", file.path, error)
        return
    page = read_page(document, file.address, site)
    yield from mojibake(page.document)
    yield from check_weekdays(page, site)
    yield from check_stamps(page, site)
    yield from check_claims(page, site)
    yield from check_previews(page)
    yield from check_links(page, site, served)
    yield from check_seconds(page, site)
    yield from check_future(page, now.astimezone(settings.site.zone).date(), site)


def _of_site(settings: Settings) -> Callable[[str], bool]:
    """Give the test whether a path may be the site's: pages outside of its sources are not."""
    may_be_page = page_test(settings.site, settings.project)

    def is_ours(path: str) -> bool:
        place = settings.project / path
        is_page = place.suffix.lower() in PROSE and place.is_relative_to(settings.site.root)
        return not is_page or may_be_page(path)

    return is_ours


def _narrow(settings: Settings, paths: Sequence[str]) -> Callable[[str], bool]:
    """Give the test whether a problem's path is asked for."""
    if not paths:
        return lambda path: True
    wanted = []
    for path in paths:
        place = settings.project / path
        if not place.exists():
            raise PublisherError(f"{path}: no such file or folder in {settings.project}")
        wanted.append(place.resolve())
    project: Path = settings.project.resolve()

    def is_wanted(path: str) -> bool:
        place = (project / path).resolve()
        return any(place == one or one in place.parents for one in wanted)

    return is_wanted
