"""Says what the links of a page mean, and takes out those that lead to no page. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from markdown_it.common.utils import unescapeAll
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, autolink, html_inline, link
from markdown_it.token import Token

from publisher.embargo.redact.text import UNSHOWN
from publisher.generators.file_kinds import is_image
from publisher.posts.blocks import Posts
from publisher.text.markdown import INLINE_MAX, TEXT_MAX, parser_of

HREF = re.compile(r"""<a\b(?:(?!<a\b)[^>])*?\shref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)

_NESTED = r"(?:\\.|[^\s()<>\\]|\((?:\\.|[^\s()<>\\]){0,2000}\)){1,2000}"
_TARGET = re.compile(  # of whatever may be a link: too many is no harm, and one may hold another
    rf"""\]\((?=[\s>]*(?:<([^<>\r\n]{{0,2000}})>|({_NESTED})))"""
    r"""|\]:(?=[\s>]*(?:<([^<>\r\n]{0,2000})>|([^\s<>]{1,2000})))"""
    r"""|\shref(?=\s*=\s*(?:"([^"]{0,2000})"|'([^']{0,2000})'))"""
    r"""|<(?=(https?://[^\s<>]{0,2000})>)""",
    re.IGNORECASE,
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_DEFINITION = re.compile(r"\[(?:\\.|[^\[\]\\])+\]:[\s>]*(?P<target><[^<>\r\n]*>|\S+)", re.DOTALL)
_TAG = re.compile(
    r"""<(?:(?P<close>/a\s*)|a(?=[\s/>])(?:[^<>"']|"[^"]*"|'[^']*')*)>""", re.IGNORECASE
)
_ATTRIBUTES = re.compile(r"\{:?[ ]*[.#\w][^{}\[\]<>\r\n]*\}")  # {.button target=_blank}
_BLOCK_MARK = re.compile(  # of what a line may begin with, in CommonMark and beyond
    r"(?P<number>\d{1,9})(?=[.)](?:\s|\Z))|(?:[-+*]|#{1,6})(?=\s|\Z)|>|-{2,}|[:!?]{3,}|~{3,}"
    r"|(?:=+|([*_])(?:[ \t]*\2){2,})(?=[ \t]*(?:[\r\n]|\Z))|`{3,}(?=[^`\r\n]*(?:[\r\n]|\Z))"
)

_Edit = tuple[int, int, str]


def path_of(target: str, address: str, names: Posts) -> str:
    """Give the path that a link means; "" for other sites, anchors and what is computed.

    ``address`` is "/" and the page's path below the site's root; paths as in ``Posts``.
    """
    target = target.strip()
    words = unquote(target)
    if not words or words.startswith("#") or "{" in words:
        return ""
    try:
        scheme = urlsplit(words).scheme
    except ValueError:
        return ""
    is_elsewhere = scheme not in ("", "http", "https")
    return "" if is_elsewhere else names.path_of(target, quote(address, errors="replace"))


def paths_in(text: str, address: str, names: Posts) -> tuple[str, ...]:
    """Give the paths to which a page may link; cheap, so what is code counts as well."""
    found = set()
    for match in _TARGET.finditer(text):
        target = next(filter(None, match.groups()), "")
        if "\\" in target or "&" in target:
            target = unescapeAll(target)
        if target and not target.startswith("#") and not is_image(target):
            found.add(path_of(target, address, names))
    return tuple(sorted(found - {""}))


def unlink(body: str, is_absent: Callable[[str], bool]) -> str:
    """Let the text of each link stand for it whose target is absent; all else stays.

    An address in angle brackets stays as text that no generator makes a link of.
    """
    while edits := _Finder(body, is_absent).edits():  # a bracket less may make another link
        for start, end, new in sorted(edits, reverse=True):
            body = body[:start] + new + body[end:]
    return body


# --- finding ---------------------------------------------------------------------------------


class _Finder:
    """Finds what is to be edited in one text; offsets into it."""

    def __init__(self, text: str, is_absent: Callable[[str], bool]) -> None:
        self._text = text
        self._is_absent = is_absent
        self._longest = INLINE_MAX if len(text) <= TEXT_MAX else 0
        self._lines = [match.span() for match in _LINE.finditer(text)]
        self._markup: list[tuple[int, int]] = []  # raw HTML
        self._edits: list[_Edit] = []
        self._content = ""  # of the inline text that is being parsed, with what is found in it
        self._found: list[_Edit] = []
        self._tags: list[tuple[int, int]] = []

    def edits(self) -> list[_Edit]:
        parser = parser_of(self._text)
        parser.core.ruler.at("inline", self._parse_inline)
        parser.inline.ruler.at("link", self._link)
        parser.inline.ruler.at("autolink", self._autolink)
        parser.inline.ruler.at("html_inline", self._html_inline)
        env: dict[str, Any] = {}
        parser.parse(self._text, env)
        for definition in (*env.get("references", {}).values(), *env.get("duplicate_refs", ())):
            if self._is_absent(definition["href"]):
                self._edits += self._redirected(definition["map"][0])
        return [*self._edits, *self._anchors()]

    # --- Markdown ----------------------------------------------------------------------------

    def _parse_inline(self, state: StateCore) -> None:
        line, column, before = -1, 0, ""
        for token in state.tokens:
            if token.type == "html_block" and token.map:
                self._markup.append((self._lines[token.map[0]][0], self._end_of(token.map[1])))
            if token.type == "inline" and token.map and len(token.content) <= self._longest:
                is_cell = before in ("th_open", "td_open")
                column = column if is_cell and line == token.map[0] else 0
                line = token.map[0]
                places = self._places(token, column, is_cell=is_cell)
                if not places:
                    continue
                column = places[-1] - self._lines[line][0] if is_cell else 0
                self._content, self._found, self._tags = token.content, [], []
                state.md.inline.parse(token.content, state.md, state.env, [])
                for start, end, new in self._found:
                    self._edits.append((places[start], places[end - 1] + (end > start), new))
                self._markup += [(places[start], places[end - 1] + 1) for start, end in self._tags]
            before = token.type

    def _end_of(self, line: int) -> int:
        return self._lines[line][0] if line < len(self._lines) else len(self._text)

    def _places(self, token: Token, column: int, *, is_cell: bool) -> list[int]:
        """Give where each character of an inline text stands, and where it ends; if it is found."""
        places: list[int] = []
        first = token.map[0] if token.map else 0
        for number, part in enumerate(token.content.split("\n"), start=first):
            start, end = self._lines[number]
            line = self._text[start:end].replace("\0", "\ufffd")
            piece = part.lstrip(" \t")  # of a tab, only blanks may be left
            written = piece.replace("|", "\\|") if is_cell else piece
            at = line.find(written, column) if is_cell else line.rfind(written)
            if at < 0:
                return []  # left as it is: a link too many does no harm
            at += start
            places += [at] * (len(part) - len(piece))
            for sign in piece:
                at += is_cell and sign == "|"
                places.append(at)
                at += 1
            places.append(at)  # of the line end
        return places

    def _link(self, state: StateInline, silent: bool) -> bool:
        start, known = state.pos, len(state.tokens)
        if not link(state, silent):
            return False
        if silent or state.src != self._content:  # the alternative text of an image
            return True
        opening = next(token for token in state.tokens[known:] if token.type == "link_open")
        if self._is_absent(str(opening.attrs["href"])):
            end = state.pos
            close = state.md.helpers.parseLinkLabel(state, start, True)
            attributes = _ATTRIBUTES.match(state.src, end)
            state.pos = end
            end = attributes.end() if attributes else end
            self._found += _freed(state.src, start, close, end)
            self._found.append((close, end, ""))
        return True

    def _autolink(self, state: StateInline, silent: bool) -> bool:
        start = state.pos
        if not autolink(state, silent):
            return False
        address = state.src[start + 1 : state.pos - 1]
        if not silent and state.src == self._content and self._is_absent(address):
            text = address.replace(":", "&#58;", 1)
            self._found.append((start, state.pos, text))
        return True

    def _html_inline(self, state: StateInline, silent: bool) -> bool:
        start = state.pos
        if not html_inline(state, silent):
            return False
        if not silent and state.src == self._content:
            self._tags.append((start, state.pos))
        return True

    def _redirected(self, line: int) -> Iterator[_Edit]:
        """Let a definition lead nowhere: to take it out could join what stands around it."""
        start, _ = self._lines[line]
        definition = _DEFINITION.match(self._text, self._text.index("[", start))
        if definition:
            yield (*definition.span("target"), "<#>")

    # --- HTML --------------------------------------------------------------------------------

    def _anchors(self) -> Iterator[_Edit]:
        """Take out pairs of tags."""
        opened: tuple[int, int] | None = None
        for start, end, tag in self._tags_in_order():
            if tag["close"] is None:
                href = HREF.match(tag[0])
                target = next((t for t in href.groups() if t is not None), "") if href else ""
                is_dead = bool(target) and self._is_absent(unescape(target))
                opened = (start, end) if is_dead else None
            elif opened is not None:
                yield (*opened, "")
                yield start, end, ""
                opened = None

    def _tags_in_order(self) -> Iterator[tuple[int, int, re.Match[str]]]:
        for start, end in sorted(self._markup):
            shown = UNSHOWN.sub(lambda m: " " * len(m[0]), self._text[start:end])
            for tag in _TAG.finditer(shown):
                yield start + tag.start(), start + tag.end(), tag


def _freed(text: str, start: int, close: int, end: int) -> Iterator[_Edit]:
    """Take out the bracket before a link's text; that may begin no block, whatever follows it.

    The text ends at ``close``, and the link at ``end``.
    """
    label = text[start + 1 : close]
    if text[text.rfind("\n", 0, start) + 1 : start].strip():
        yield start, start + 1, ""
        return
    begun = label.lstrip(" \t")
    mark = _BLOCK_MARK.match(begun + text[end:])
    at = close - len(begun)
    if mark is None or (mark["number"] and mark.end() > len(begun)):
        yield start, at, ""
    elif mark["number"]:
        yield start, at + mark.end(), f"{mark['number']}\\"
    else:
        signs = mark[0][: len(begun)]
        yield start, at + len(signs), re.sub(r"(?=\S)", r"\\", signs)
