"""What is not for readers yet: pages that a stage is built without, text that a build shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from publisher.check.pages import Site
from publisher.check.project import builds_all
from publisher.config.settings import Settings
from publisher.embargo.embargoed_text import needs_stage
from publisher.embargo.stage.catalog import Catalog
from publisher.generators.base import as_yaml
from publisher.generators.project import walk
from publisher.model import Embargo, Post, PostState, Problem
from publisher.model.errors import PostError, PublisherError
from publisher.posts.file_state import is_set_aside, read_file_state, stated_in, withheld_until
from publisher.posts.library import Library, page_test
from publisher.posts.scan import Scan
from publisher.system.files import read_file, reason
from publisher.text.excerpts import excerpts
from publisher.text.frontmatter import UnreadableError, parse
from publisher.text.html import fold, read_page

NAMED = 3  # posts that a message lists
PAGE_BYTES = 5_000_000
DISTINCTIVE = 15  # characters: shorter pieces may be words of the theme


def check_unlisted_drafts(settings: Settings, scan: Scan, now: datetime) -> Iterator[Problem]:
    """Warn of the pages that a staged site is built without, and say why.

    Where nothing is staged, of those that the generator would keep back, and was told to build.
    """
    is_staged = needs_stage(settings.embargo, scan.posts)
    if not (is_staged or builds_all(settings)):
        return
    for path in unlisted_drafts(settings, scan, now):
        try:
            data = read_file(settings.project / path, path).data
        except PostError:  # gone
            continue
        state = stated_in(data, path, settings.site)
        if state in (PostState.PUBLISHED, None):
            yield from _dated(path, data, settings)
        elif settings.embargo is not Embargo.OFF or (is_staged and state is PostState.DRAFT):
            yield _stated(path, data, settings)


def _stated(path: str, data: bytes, settings: Settings) -> Problem:
    generator = settings.site.generator
    public = f"{generator.state_key}: {as_yaml(generator.values[PostState.PUBLISHED])}"
    line, said = _state_in(path, data, settings)
    return Problem.warning(
        "stray",
        path,
        f"says {said} and is not a post: "
        "while posts are under embargo, the site is built without it",
        f"write {public} once it may be seen; if it is a post, let site.posts match it",
        line=line,
    )


def _dated(path: str, data: bytes, settings: Settings) -> Iterator[Problem]:
    until = withheld_until(data, path, settings.site)
    if until is None:  # nothing is known but what stands in a file beside it
        return
    day = f"{until.astimezone(settings.site.zone):%Y-%m-%d %H:%M}"
    is_held = settings.embargo is not Embargo.OFF
    name = settings.site.generator.name
    yield Problem.warning(
        "stray" if is_held else "published-in-future",
        path,
        f"has a future date and is not a post: the site is built without it until {day}"
        if is_held
        else f"has a future date ({day}), and is public with the next build: "
        f"{name} is told to build such pages, and embargo is off",
        "write today's date if it may be seen; if it is a post, let site.posts match it"
        if is_held
        else "set embargo, or say in the page that it is a draft",
    )


def unlisted_drafts(settings: Settings, scan: Scan, now: datetime) -> list[str]:
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
                    says = read_file_state(data, file.path, site, is_post=False)
                    found |= {file.path} if says.is_unreleased(now, Embargo.OMIT) else set()
    except OSError as error:
        raise PublisherError(f"{error.filename}: {reason(error)}") from None
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


def check_embargo(site: Site, library: Library, posts: Sequence[Post]) -> Iterator[Problem]:
    """Warn where nothing shows that the site withholds the text of unreleased posts.

    A build that has their pages without their text, or leaves them out, shows it.
    """
    settings = site.settings
    waiting = [post for post in posts if _is_left_to_site(post, settings)]
    if not waiting:
        return
    output = settings.rebuild.output if settings.rebuild else None
    if output is None or next(output.rglob("*.html"), None) is None:
        yield Problem.warning(
            "embargo-off",
            settings.file.name,
            f"unreleased posts: {len(waiting)}, and embargo is off: "
            "the generator builds whatever the site does not withhold itself",
            "build the site once and check again: the pages are searched for unreleased text then",
        )
        return
    leaks = [post.path for post in waiting if _is_shown(post, library, site, output)]
    if leaks:
        more = f" and {len(leaks) - NAMED} more" if len(leaks) > NAMED else ""
        yield Problem.warning(
            "embargo-off",
            settings.file.name,
            f"the built pages show unreleased text of {', '.join(leaks[:NAMED])}{more}",
            "embargo is off, so the site must withhold it by itself: change its theme or build",
        )


def _is_left_to_site(post: Post, settings: Settings) -> bool:
    policy = post.embargo or settings.embargo
    return post.state is not PostState.PUBLISHED and policy is Embargo.OFF


def _is_shown(post: Post, library: Library, site: Site, output: Path) -> bool:
    """Tell whether the post's page in the last build shows what only the released one may."""
    page = output / site.names.path_of(post.url).lstrip("/")
    for file in (page.with_name(page.name + ".html"), page / "index.html", page):
        try:
            html = file.read_bytes()[:PAGE_BYTES].decode("utf-8", "replace")
        except OSError:
            continue
        try:
            wanted = [fold(excerpt) for excerpt in excerpts(library.body(post))]
        except PublisherError:
            return False
        text = fold(read_page(html).text)
        declared = fold(f"{post.title} | {post.description} | {post.teaser or ''}")
        telling = (p for p in wanted if len(p) >= DISTINCTIVE and p not in declared)
        return any(piece in text for piece in telling)
    return False
