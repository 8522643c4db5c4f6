"""Finds the preview blocks of a page, says which post each belongs to, and reveals them. Pure.

A block belongs to the post that its ``post="…"`` names, else to the only post linked in its
section. On the page of a post it belongs to that post, unless it names or links one that comes out
later. In doubt it belongs to none and is never touched. What Markdown shows as code, and HTML
comments, are text and not blocks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from urllib.parse import unquote, urljoin, urlsplit

from publisher.model import PostId
from publisher.text.markdown import blank, line_starts, tokens_of, without_code

_NAME = r"""[^\s"'<>/=]+"""
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"'<>]+)"""
_GAP = r"""(?:\s+|(?<=["']))"""  # Vue can do without the blank behind a quote
_ATTRIBUTE = rf"{_GAP}({_NAME})(?:\s*=\s*({_VALUE}))?"
_ATTRIBUTES = rf"(?:{_GAP}{_NAME}(?:\s*=\s*{_VALUE})?)*"
# Every name that is the component's to Vue: <postPreview> and <Post-preview>, too.
COMPONENT = "[Pp]ost(?:-?P|-p)review"
_MARK = re.compile(rf"<{COMPONENT}\b".encode())
_TAG = re.compile(rf"<(?P<close>/?){COMPONENT}(?P<attributes>{_ATTRIBUTES})\s*(?P<void>/?)>")
_STAMP_SLOT = r"<template\s+(?:#|v-slot:)stamp\b"
_STAMP = re.compile(
    rf"{_STAMP_SLOT}[^<>]*>(?:(?!{_STAMP_SLOT}).)*?</template\s*>"
    rf"|<RevealStamp\b{_ATTRIBUTES}\s*(?:/>|>\s*</RevealStamp\s*>)",
    re.DOTALL,
)
_LINK = re.compile(
    r"""\]\(\s*<?([^\s)>]+)"""  # [text](target)
    r"""|(?:\s|:)(?:href|to|link|url)\s*=\s*["']+([^"']+)"""
    r"""|(https?://[^\s"'<>)\]]+)"""
)
_REST = re.compile(r"[ \t]*(?:\r\n|\n)")  # of a line on which nothing more stands
_REFERENCE = re.compile(r"\[([^\[\]]+)\](?:\[([^\[\]]*)\])?(?![(:])")
DEEPEST = 20  # blocks around one; nobody means more, and each costs a look at its whole text
_NEVER = datetime.max.replace(tzinfo=UTC)
_DEFINITION = re.compile(r"^ {0,3}\[([^\[\]]+)\]:\s*<?([^\s>]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One ``<PostPreview>`` with its end tag; offsets into the text, the line from 1."""

    start: int
    end: int
    line: int
    post: str | None  # as its attribute says
    links: tuple[str, ...]  # targets in its section, outside of blocks; if none, in itself
    is_blurred: bool
    is_closed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Where the parts of a block stand; offsets as in ``Block``.

    ``close`` is where the end tag begins, and the block's end where there is none.
    """

    tag_end: int
    close: int
    attributes: tuple[tuple[str, str], ...]  # name, and all of it as written
    stamps: tuple[tuple[int, int], ...]  # without those of blocks inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """What links and names can mean: the posts of the site by id and by path.

    ``paths`` holds what ``normal_path`` makes of each post's, without the site's own folder. A
    link whose last part is in ``unread`` may mean a post whose file could not be read; its block
    belongs to nobody. ``pages`` are the posts' own pages, as ``page`` below; ``dates`` say when
    each is released, if that is known.
    """

    site_url: str
    paths: Mapping[str, PostId]
    unread: frozenset[str] = frozenset()
    pages: Mapping[str, PostId] = field(default_factory=dict)
    dates: Mapping[PostId, datetime] = field(default_factory=dict)

    def owner(self, block: Block, page: str) -> PostId | None:
        """Give the post a block belongs to; ``page`` is the path of the page, for its links."""
        if block.post is not None:
            known = set(self.paths.values())
            if block.post in known:
                return PostId(block.post)
            return self.paths.get(self.path_of(block.post, page))
        linked = {self.path_of(link, page) for link in block.links}
        if any(path.rpartition("/")[2] in self.unread for path in linked):
            return None
        owners = {self.paths[path] for path in linked if path in self.paths}
        own = self.pages.get(page) if block.is_closed else None
        if own is not None and not any(map(self._may_be_to_come, linked)):
            owners = {other for other in owners - {own} if self._is_later(other, own)} or {own}
        return owners.pop() if len(owners) == 1 else None

    def _may_be_to_come(self, path: str) -> bool:
        """Tell whether a link leads to where posts are, and to none that is there."""
        if not path or path in self.paths:
            return False
        folder = path.rpartition("/")[0]
        return any(known.rpartition("/")[0] == folder for known in self.paths)

    def _is_later(self, other: PostId, own: PostId) -> bool:
        own_date = self.dates.get(own)
        return own_date is None or self.dates.get(other, _NEVER) >= own_date

    def path_of(self, link: str, page: str = "/") -> str:
        """Give the path on the site that a link means, in one spelling; "" when elsewhere."""
        site = urlsplit(self.site_url)
        try:
            target = urlsplit(urljoin(f"//{site.netloc}{page}", link))
        except ValueError:
            return ""
        hosts = {parts.netloc.lower().removeprefix("www.") for parts in (site, target)}
        if len(hosts) > 1 or target.scheme not in ("", "http", "https"):
            return ""
        base = site.path.rstrip("/")
        is_below = base and (target.path == base or target.path.startswith(base + "/"))
        return normal_path(target.path.removeprefix(base) if is_below else target.path)


def normal_path(path: str) -> str:
    """Give the one spelling of a path on the site, whatever ending it is linked with."""
    return re.sub(r"(?:/index)?(?:\.html|\.md)?/*$", "", unquote(path))


def may_have_blocks(data: bytes) -> bool:
    """Tell whether a page may hold blocks, frontmatter included, without parsing it."""
    return _MARK.search(data) is not None


def find_blocks(text: str, *, in_doubt: bool = False) -> tuple[Block, ...]:
    """Find the blocks of a Markdown text without frontmatter, outer before inner.

    A block that is never closed has no links and no name: it belongs to nobody. ``in_doubt`` takes
    what is indented like code for blocks as well: in other markup it may be none.
    """
    if not _TAG.search(text):
        return ()
    visible = _visible(text, in_doubt=in_doubt)
    spans = sorted(_spans(visible), key=lambda span: span[0].start())
    outside = blank(visible, [(tag.start(), end or tag.end()) for tag, end in spans])
    definitions = {_label(match[1]): match[2] for match in _DEFINITION.finditer(outside)}
    lines, sections = line_starts(text), _Sections(outside)

    @cache
    def links(start: int, end: int) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_links(outside[start:end], definitions)))

    def links_of(tag: re.Match[str], end: int | None) -> tuple[str, ...]:
        if end is None:
            return ()
        around = links(*sections.around(tag.start()))
        return around or tuple(dict.fromkeys(_links(visible[tag.start() : end], definitions)))

    return tuple(
        _block(tag, end, line=bisect_right(lines, tag.start()), links=links_of(tag, end))
        for tag, end in spans
    )


def dissect(text: str, blocks: Iterable[Block], *, in_doubt: bool = False) -> Iterator[Parts]:
    """Give the parts of each of the blocks that ``find_blocks`` found in the text."""
    blocks = tuple(blocks)
    visible = _visible(text, in_doubt=in_doubt) if blocks else text
    depths = _depths(blocks)
    for number, block in enumerate(blocks):
        tag = _TAG.match(visible, block.start)
        if tag is None:
            raise ValueError("the block is none of this text")
        is_deep = depths[number] > DEEPEST
        stamps = () if is_deep else tuple(_stamps(visible, blocks, number, tag.end()))
        has_end = block.end > tag.end()
        yield Parts(
            tag_end=tag.end(),
            close=text.rindex("<", tag.end(), block.end) if has_end else block.end,
            attributes=tuple((a.name, text[a.start : a.end]) for a in _attributes(tag)),
            stamps=stamps,
        )


def reveal(text: str, post: PostId, posts: Posts, page: str = "/") -> str:
    """Turn the post's blurred blocks into revealed ones and remove their stamps.

    A blank line that a stamp leaves beside another one goes too. The last one stays, since
    Markdown below a tag is only read as such behind a blank line. Doing it again changes nothing.
    """
    blocks = find_blocks(text)
    edits: list[tuple[int, int, str]] = []
    visible = _visible(text) if blocks else text
    depths = _depths(blocks)
    for number, block in enumerate(blocks):
        if depths[number] <= DEEPEST and block.is_blurred and posts.owner(block, page) == post:
            edits += _edits(text, visible, blocks, number)
    return edited(text, edits)


def blur(text: str, post: PostId, posts: Posts, page: str = "/") -> str:
    """Turn the post's revealed blocks into blurred ones; doing it again changes nothing.

    The stamp that was removed when they were revealed does not come back.
    """
    edits = [
        (attribute.start, attribute.end, "blurred")
        for block in find_blocks(text)
        if not block.is_blurred and posts.owner(block, page) == post
        for attribute in _attributes_of(text, block)
        if attribute.means_revealed
    ]
    return edited(text, edits)


def without_blurred(text: str) -> str:
    """Blank the blurred blocks of a text, and of the others the tags: what is left is public."""
    found = find_blocks(text, in_doubt=True)
    spans = []
    for block, parts in zip(found, dissect(text, found, in_doubt=True), strict=True):
        if block.is_blurred:
            spans.append((block.start, block.end))
        else:
            spans += [(block.start, parts.tag_end), (parts.close, block.end)]
    return blank(text, spans)


def orphans(text: str, posts: Posts, page: str = "/") -> tuple[Block, ...]:
    """Give the blurred blocks that belong to no post, or might belong to several."""
    return tuple(b for b in find_blocks(text) if b.is_blurred and posts.owner(b, page) is None)


# --- editing ---------------------------------------------------------------------------------


def edited(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """Put new text in the place of spans, which do not overlap; in one pass, as of ``blank``."""
    pieces, position = [], 0
    for start, end, new in sorted(edits):
        pieces += [text[position:start], new]
        position = end
    return "".join((*pieces, text[position:]))


def _stamps(
    visible: str, blocks: Sequence[Block], number: int, tag_end: int
) -> Iterator[tuple[int, int]]:
    """Find the stamps of a block, without those of blocks inside."""
    block = blocks[number]
    inner: list[tuple[int, int]] = []
    for at in range(number + 1, len(blocks)):
        other = blocks[at]
        if other.start >= block.end:
            break
        inner.append((other.start - tag_end, other.end - tag_end))
    for match in _STAMP.finditer(blank(visible[tag_end : block.end], inner)):
        yield tag_end + match.start(), tag_end + match.end()


def _depths(blocks: Iterable[Block]) -> list[int]:
    """Count the blocks around each."""
    depths: list[int] = []
    ends: list[int] = []
    for block in blocks:
        while ends and ends[-1] <= block.start:
            ends.pop()
        depths.append(len(ends))
        ends.append(block.end)
    return depths


def _edits(
    text: str, visible: str, blocks: Sequence[Block], number: int
) -> Iterator[tuple[int, int, str]]:
    block = blocks[number]
    tag = _TAG.match(visible, block.start)
    if tag is None:
        return
    attributes = list(_attributes(tag))
    blurred = [a for a in attributes if a.means_blurred]
    word = "" if any(a.name == "revealed" for a in attributes) else "revealed"
    for attribute in blurred:
        yield attribute.start - (not word), attribute.end, word
        word = ""
    for start, end in _stamps(visible, blocks, number, tag.end()):
        yield *_lines_of(text, start, end), ""


def _lines_of(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a span that fills its lines to whole lines, with the blank line that would double."""
    line = text.rfind("\n", 0, start) + 1
    after = _REST.match(text, end)
    if after is None or not line or text[line:start].strip(" \t"):
        return start, end
    above = text.rfind("\n", 0, line - 1) + 1
    blank = _REST.match(text, after.end())
    is_below_blank = above and not text[above : line - 1].removesuffix("\r").strip(" \t")
    return line, blank.end() if blank and is_below_blank else after.end()


# --- finding ---------------------------------------------------------------------------------


def _visible(text: str, *, in_doubt: bool = False) -> str:
    tokens = tokens_of(text)
    return without_code(
        text, [token for token in tokens if not (in_doubt and token.type == "code_block")]
    )


def _spans(visible: str) -> Iterator[tuple[re.Match[str], int | None]]:
    """Pair opening and closing tags; the end is ``None`` for a tag that is never closed."""
    open_tags: list[re.Match[str]] = []
    for tag in _TAG.finditer(visible):
        if tag["void"]:
            yield tag, tag.end()
        elif not tag["close"]:
            open_tags.append(tag)
        elif open_tags:
            yield open_tags.pop(), tag.end()
    yield from ((tag, None) for tag in open_tags)


@dataclass(frozen=True, slots=True)
class _Attribute:
    name: str
    value: str | None
    start: int
    end: int

    @property
    def means_revealed(self) -> bool:
        is_bound = self.name in (":revealed", "v-bind:revealed")
        return self.name == "revealed" or (is_bound and self.value == "true")

    @property
    def means_blurred(self) -> bool:
        is_bound = self.name in (":blurred", "v-bind:blurred")
        return self.name == "blurred" or (is_bound and self.value == "true")


def _attributes_of(text: str, block: Block) -> Iterator[_Attribute]:
    tag = _TAG.match(text, block.start)
    return iter(()) if tag is None else _attributes(tag)


def _attributes(tag: re.Match[str]) -> Iterator[_Attribute]:
    for match in re.finditer(_ATTRIBUTE, tag["attributes"]):
        value = None if match[2] is None else match[2].strip("\"'")
        offset = tag.start("attributes")
        yield _Attribute(match[1], value, offset + match.start(1), offset + match.end())


def _block(tag: re.Match[str], end: int | None, *, line: int, links: tuple[str, ...]) -> Block:
    attributes = list(_attributes(tag))
    names = [a.value for a in attributes if a.name == "post"]
    return Block(
        start=tag.start(),
        end=tag.end() if end is None else end,
        line=line,
        post=names[0] if names and end is not None else None,
        links=links,
        is_blurred=any(a.means_blurred for a in attributes),
        is_closed=end is not None,
    )


def _links(section: str, definitions: Mapping[str, str]) -> Iterator[str]:
    for match in _LINK.finditer(section):
        yield next(target for target in match.groups() if target)
    for match in _REFERENCE.finditer(section):
        label = _label(match[2] or match[1])
        if label in definitions:
            yield definitions[label]


def _label(text: str) -> str:
    return " ".join(text.split()).casefold()


class _Sections:
    """The sections of a text: each from a heading to the next one as high."""

    def __init__(self, text: str) -> None:
        self._headings = sorted(_headings(text))
        self._starts = [at for at, _ in self._headings]
        self._ends = [len(text)] * len(self._headings)
        open_ones: list[int] = []  # each lower than the one before it
        for number, (at, level) in enumerate(self._headings):
            while open_ones and self._headings[open_ones[-1]][1] >= level:
                self._ends[open_ones.pop()] = at
            open_ones.append(number)
        self._first_end = self._starts[0] if self._starts else len(text)

    def around(self, position: int) -> tuple[int, int]:
        """Give the section of the last heading before a position.

        Before the first heading, it ends at the first one of any level.
        """
        number = bisect_right(self._starts, position) - 1
        return (self._starts[number], self._ends[number]) if number >= 0 else (0, self._first_end)


def _headings(text: str) -> Iterator[tuple[int, int]]:
    """Give offset and level of each heading, of HTML ones as well."""
    starts = line_starts(text)
    for token in tokens_of(text):
        if token.type == "heading_open" and token.map:
            yield starts[token.map[0]], int(token.tag[1])
    for match in re.finditer(r"<h([1-6])\b", text, re.IGNORECASE):
        yield match.start(), int(match[1])
