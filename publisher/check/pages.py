"""The site as the rules see it: each Markdown file taken apart once, and what its links can mean.

Nothing here judges; the rules are in the modules beside this one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from markdown_it.token import Token

from publisher.config.settings import Settings, SiteSettings
from publisher.model import Post, PostId, PostState, Problem
from publisher.model.errors import PublisherError
from publisher.posts import blocks
from publisher.posts.blocks import Block, find_blocks
from publisher.posts.scan import Scan, names_of
from publisher.text.frontmatter import Document
from publisher.text.markdown import blank, tokens_of, without_code
from publisher.text.times import parse_date

LINE_MAX = 1000  # characters on each side
_MDX_COMMENT = re.compile(r"\{\s*+/\*(?:(?!\{\s*+/\*).)*?\*/\s*+\}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a page is judged against; ``posts`` by path, ``broken`` the paths of unusable files.

    Of those the ``withheld`` are not public.
    """

    settings: Settings
    posts: Mapping[str, Post]
    by_id: Mapping[PostId, Post]
    names: blocks.Posts
    broken: frozenset[str]
    withheld: frozenset[str]

    def local_date(self, post: Post) -> date | None:
        """Give the day of a post's release in the site's zone."""
        zone = self.settings.site.zone
        return post.release_at.astimezone(zone).date() if post.release_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A preview block with its owner; offsets into the page's text."""

    start: int
    end: int
    is_blurred: bool
    post: Post | None


@lru_cache(maxsize=2)
def _line_ends(text: str) -> list[int]:
    return [match.start() for match in re.finditer("\n", text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A Markdown file; ``visible`` is its text with code and comments blanked, same offsets."""

    path: str
    address: str  # "/" and the path below the root: where relative links start
    document: Document = field(repr=False)
    tokens: tuple[Token, ...] = field(repr=False)  # of the body
    visible: str = field(repr=False)
    previews: tuple[Preview, ...]
    post: Post | None
    day: date | None  # the page's own date
    is_public: bool

    @property
    def text(self) -> str:
        return self.document.text

    def line_at(self, offset: int) -> int:
        return bisect_left(_line_ends(self.text), offset) + 1

    def line_text(self, offset: int) -> str:
        """Give the visible line around an offset; of a very long one what is near."""
        first, last = max(0, offset - LINE_MAX), min(len(self.visible), offset + LINE_MAX)
        start = max(first, self.visible.rfind("\n", first, offset) + 1)
        end = self.visible.find("\n", offset, last)
        return self.visible[start : last if end < 0 else end]

    def preview_at(self, offset: int) -> Preview | None:
        """Give the innermost preview block around an offset."""
        around = [block for block in self.previews if block.start <= offset < block.end]
        return max(around, key=lambda block: block.start, default=None)

    def error(self, rule: str, line: int | None, message: str, hint: str = "") -> Problem:
        return Problem.error(rule, self.path, message, hint, line=line)

    def warning(self, rule: str, line: int | None, message: str, hint: str = "") -> Problem:
        return Problem.warning(rule, self.path, message, hint, line=line)


def read_site(settings: Settings, scan: Scan) -> Site:
    """Put together what pages are judged against."""
    root = settings.site.root.relative_to(settings.project).as_posix()
    return Site(
        settings=settings,
        posts={post.path: post for post in scan.posts},
        by_id={post.id: post for post in scan.posts},
        names=names_of(scan, settings.site.url, prefix="" if root == "." else f"{root}/"),
        broken=scan.unreadable,
        withheld=scan.withheld,
    )


def read_page(document: Document, address: str, site: Site) -> Page:
    """Take a page apart; ``address`` is "/" and its path below the site's root."""
    post = site.posts.get(document.path)
    body = document.body
    if document.path.endswith(".mdx"):
        body = blank(body, (match.span() for match in _MDX_COMMENT.finditer(body)))
    tokens = tuple(tokens_of(body))
    body_start = len(document.text) - len(body)
    found = find_blocks(body) if site.settings.site.generator.blocks else ()
    is_unreleased = post is not None and post.state is not PostState.PUBLISHED
    return Page(
        path=document.path,
        address=address,
        document=document,
        tokens=tokens,
        visible=document.text[:body_start] + without_code(body, tokens),
        previews=tuple(_preview(block, body_start, address, site) for block in found),
        post=post,
        day=site.local_date(post) if post else day_of(document, site.settings.site),
        is_public=not is_unreleased and document.path not in site.withheld,
    )


def day_of(document: Document, site: SiteSettings) -> date | None:
    """Give the date in a page's frontmatter, if it has one that can be read."""
    for key in ("reveal", *site.generator.date_keys, "date"):
        if document.metadata.get(key) in (None, ""):
            continue
        try:
            value = parse_date(document.metadata[key])
        except PublisherError:
            return None
        return date(value.year, value.month, value.day)
    return None


def _preview(block: Block, body_start: int, address: str, site: Site) -> Preview:
    owner = site.names.owner(block, address)
    return Preview(
        start=block.start + body_start,
        end=block.end + body_start,
        is_blurred=block.is_blurred,
        post=site.by_id.get(owner) if owner is not None else None,
    )
