"""What the site needs around it: the build command, and somebody who keeps the embargo."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from publisher.check.links import NOWHERE
from publisher.check.pages import Site
from publisher.config.settings import Settings
from publisher.model import Embargo, Post, PostState, Problem
from publisher.model.errors import PublisherError
from publisher.posts.library import Library
from publisher.system.tree import compile_globs, walk
from publisher.text.excerpts import excerpts
from publisher.text.html import fold, read_page

NAMED = 3  # posts that a message lists
PAGE_BYTES = 5_000_000
DISTINCTIVE = 15  # characters: shorter pieces may be words of the theme


def check_rebuild(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Find a build command whose program the build would not find."""
    if settings.rebuild is None:
        return
    program, *rest = settings.rebuild.command
    root = settings.site.root
    if "/" in program:
        is_there = os.access(root / program, os.X_OK)
    else:
        is_there = shutil.which(program, path=environ.get("PATH", os.defpath)) is not None
    if is_there:
        return
    hint = "without it nothing is ever released: install it, or add its folder to PATH"
    local = [folder / "node_modules" / ".bin" / program for folder in (root, settings.project)]
    if any(file.exists() for file in local):
        command = ", ".join(["npx", program, *rest])
        hint = f"it is in node_modules/.bin, which is not searched: write [{command}]"
    message = f"rebuild.command: there is no program {program!r} here"
    yield _problem(settings, "rebuild-missing", "error", message, hint)


def check_zone(settings: Settings) -> Iterator[Problem]:
    """Warn where the generator reads dates in another zone: its addresses may hold another day."""
    site = settings.site
    theirs = site.generator.zone(site.generator.read_config(site.root))
    if theirs is None or theirs.key == site.zone.key:
        return
    yield _problem(
        settings,
        "zone-differs",
        "warning",
        f"site.timezone is {site.zone.key}, and the configuration of {site.generator.name} says "
        f"{theirs.key}: a date without an offset means two instants, and sometimes two days",
        f"write timezone: {theirs.key} into {settings.file.name}, or the other one there",
    )


def check_posts(settings: Settings) -> Iterator[Problem]:
    """Find a ``site.posts`` that means no file at all: then nothing would ever be released."""
    site = settings.site
    globs = compile_globs(site.posts)
    found = walk(site.root, globs.base, without=site.generator.output, needed=NOWHERE)
    if any(globs.matches(path) for path, _ in found):
        return
    hint = "write the folder of your posts, below site.root"
    if any("{" in glob for glob in site.posts):
        hint = "braces are not understood, and match nothing: write a pattern without them"
    message = f"site.posts: {', '.join(site.posts)} matches no file in {site.root}"
    yield _problem(settings, "posts-empty", "error", message, hint)


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
        yield _problem(
            settings,
            "embargo-off",
            "warning",
            f"unreleased posts: {len(waiting)}, and embargo is off: "
            "the generator builds whatever the site does not withhold itself",
            "build the site once and check again: the pages are searched for unreleased text then",
        )
        return
    leaks = [post.path for post in waiting if _is_shown(post, library, site, output)]
    if leaks:
        more = f" and {len(leaks) - NAMED} more" if len(leaks) > NAMED else ""
        yield _problem(
            settings,
            "embargo-off",
            "warning",
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


def _problem(settings: Settings, rule: str, severity: str, message: str, hint: str) -> Problem:
    return Problem(
        rule=rule, severity=severity, path=settings.file.name, line=None, message=message, hint=hint
    )
