"""The site as the rules see it: each Markdown file taken apart once, and what its links can mean.

Nothing here judges; the rules are in the modules beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from publisher import blocks
from publisher.blocks import Block, find_blocks
from publisher.errors import PublisherError
from publisher.fields import SECTION_PAGES
from publisher.frontmatter import Document
from publisher.model import Post, PostId, PostState, Problem
from publisher.posts import Scan
from publisher.settings import Settings, SiteSettings
from publisher.times import parse_date

_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a page is judged against; ``posts`` by path, ``broken`` the paths of unusable files."""

    settings: Settings
    posts: Mapping[str, Post]
    by_id: Mapping[PostId, Post]
    names: blocks.Posts
    broken: frozenset[str]

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
        return self.text.count("\n", 0, offset) + 1

    def line_text(self, offset: int) -> str:
        """Give the visible line around an offset."""
        start = self.visible.rfind("\n", 0, offset) + 1
        end = self.visible.find("\n", offset)
        return self.visible[start : len(self.visible) if end < 0 else end]

    def preview_at(self, offset: int) -> Preview | None:
        """Give the innermost preview block around an offset."""
        around = [block for block in self.previews if block.start <= offset < block.end]
        return max(around, key=lambda block: block.start, default=None)

    def error(self, rule: str, line: int | None, message: str, hint: str = "") -> Problem:
        return Problem(
            rule=rule, severity="error", path=self.path, line=line, message=message, hint=hint
        )

    def warning(self, rule: str, line: int | None, message: str, hint: str = "") -> Problem:
        return replace(self.error(rule, line, message, hint), severity="warning")


def read_site(settings: Settings, scan: Scan) -> Site:
    """Put together what pages are judged against."""
    broken = frozenset(p.path for p in scan.problems if p.severity == "error")
    paths = [PurePosixPath(path) for path in broken]
    nobody = blocks.Posts(site_url=settings.site.url, paths={})
    return Site(
        settings=settings,
        posts={post.path: post for post in scan.posts},
        by_id={post.id: post for post in scan.posts},
        names=replace(
            nobody,
            paths={nobody.path_of(post.url): post.id for post in scan.posts},
            unread=frozenset(p.parent.name if p.name in SECTION_PAGES else p.stem for p in paths),
        ),
        broken=broken,
    )


def read_page(document: Document, address: str, site: Site) -> Page:
    """Take a page apart; ``address`` is "/" and its path below the site's root."""
    post = site.posts.get(document.path)
    tokens = tuple(MarkdownIt("commonmark").enable("table").parse(document.body))
    body_start = len(document.text) - len(document.body)
    found = find_blocks(document.body) if site.settings.site.preset.blocks else ()
    is_unreleased = post is not None and post.state is not PostState.PUBLISHED
    return Page(
        path=document.path,
        address=address,
        document=document,
        tokens=tokens,
        visible=document.text[:body_start] + _without_code(document.body, tokens),
        previews=tuple(_preview(block, body_start, address, site) for block in found),
        post=post,
        day=site.local_date(post) if post else day_of(document, site.settings.site),
        is_public=not is_unreleased and document.path not in site.broken,
    )


def day_of(document: Document, site: SiteSettings) -> date | None:
    """Give the date in a page's frontmatter, if it has one that can be read."""
    for key in ("reveal", *site.preset.date_keys, "date"):
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


def _without_code(body: str, tokens: tuple[Token, ...]) -> str:
    """Put blanks in the place of code, comments and scripts."""
    starts = [0, *(match.end() for match in re.finditer("\n", body)), len(body)]
    text = _blank(body, _code_spans(body, tokens, starts))
    return _blank(text, (match.span() for match in _HIDDEN.finditer(text)))


def _code_spans(
    body: str, tokens: tuple[Token, ...], starts: list[int]
) -> Iterator[tuple[int, int]]:
    for token in tokens:
        if token.map is None:
            continue
        first, last = (starts[min(line, len(starts) - 1)] for line in token.map)
        if token.type in {"fence", "code_block"}:
            yield first, last
        elif token.type == "inline" and "`" in token.content:
            yield from (match.span() for match in _CODE_SPAN.finditer(body, first, last))


def _blank(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Put blanks in the place of spans, line ends aside; in one pass, since there may be many."""
    pieces, position = [], 0
    for start, end in sorted(spans):
        if end > position:
            hidden = text[max(start, position) : end]
            pieces += [text[position:start], re.sub(r"[^\r\n]", " ", hidden)]
            position = end
    return "".join((*pieces, text[position:]))
