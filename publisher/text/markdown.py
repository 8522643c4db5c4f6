"""Reads Markdown within bounds: its tokens, what a page shows of it, its first heading. Pure.

Markdown has texts that take the parser the square of their length; these bounds keep a file of
the largest size that is read at all within seconds. Beyond them a text loses its emphasis, links
and tables, never its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

INLINE_MAX = 10_000  # characters of one paragraph
TEXT_MAX = 500_000
CELLS_MAX = 200_000  # lines times columns of the widest


def parser_of(text: str, *rules: str) -> MarkdownIt:
    """Give a parser for this text: CommonMark and tables, with these ``rules`` besides."""
    parser = MarkdownIt("commonmark").enable(list(rules))
    lines = text.splitlines()
    if len(lines) * max((line.count("|") for line in lines), default=0) <= CELLS_MAX:
        parser.enable("table")
    is_short = len(text) <= TEXT_MAX
    parser.core.ruler.at("inline", _parse_inline if is_short else _leave_inline)
    return parser


def _parse_inline(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and len(token.content) <= INLINE_MAX:
            token.children = []
            state.md.inline.parse(token.content, state.md, state.env, token.children)
    _leave_inline(state)


def _leave_inline(state: StateCore) -> None:
    """Take the texts that are not parsed as they are."""
    for token in state.tokens:
        if token.type == "inline" and not token.children:
            token.children = [Token("text", "", 0, content=token.content)]


def tokens_of(text: str) -> list[Token]:
    return parser_of(text).parse(text)


def mail_parser() -> MarkdownIt:
    """Give the parser of mails: CommonMark as it is, in which HTML is text."""
    return MarkdownIt("commonmark", {"html": False})


# --- what is shown as text: offsets and lines stay, so what is found there stands in the text too

_ATTRIBUTE = r"""\s+[a-zA-Z_:@#][^\s"'=<>`/]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
_MARKUP = (
    r"(?P<comment><!--)|<(?P<element>script|style)\b[^<>]*>"
    rf"|</?[a-zA-Z][\w-]*(?:{_ATTRIBUTE})*\s*/?>"
)
_IN_HTML = re.compile(_MARKUP, re.IGNORECASE)
_IN_TEXT = re.compile(  # what comes first counts: nothing begins behind a backslash or in a tag
    rf"\\[!-/:-@\[-`{{-~]|(?P<ticks>`+)|<[a-z][a-z0-9+.-]{{1,31}}:[^\s<>]*>|{_MARKUP}",
    re.IGNORECASE,
)
_UNCLOSED = re.compile(r"[ >]*(?:<!--|<(?:script|style)\b)", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")


def without_code(text: str, tokens: Sequence[Token]) -> str:
    """Put blanks in the place of code, comments and scripts; ``tokens`` are those of the text."""
    return blank(text, _hidden_spans(text, tokens))


def _hidden_spans(text: str, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    starts = line_starts(text)
    for token in tokens:
        if token.map is None:
            continue
        first, last = starts[token.map[0]], starts[token.map[1]]
        if token.type in {"fence", "code_block"}:
            yield first, last
        elif token.type == "inline" and re.search("[`<]", token.content):
            at = text.find(token.content, first, last)  # a cell is not all of its line
            span = (first, last) if at < 0 else (at, at + len(token.content))
            yield from _enclosed(_IN_TEXT, text, *span)
        elif token.type == "html_block":
            found = list(_enclosed(_IN_HTML, text, first, last))
            is_open = not found and _UNCLOSED.match(text, first, last)
            yield from [(first, last)] if is_open else found


def _enclosed(
    pattern: re.Pattern[str], text: str, first: int, last: int
) -> Iterator[tuple[int, int]]:
    """Find what is closed again before ``last``; all else is shown as it is."""
    unclosed: set[str] = set()  # looked for once only: there may be many
    while match := pattern.search(text, first, last):
        first = match.end()
        closing = _closing(match)
        if not closing or closing in unclosed:
            continue
        end = re.compile(closing, re.IGNORECASE).search(text, first, last)
        if end is None:
            unclosed.add(closing)
        else:
            first = end.end()
            yield match.start(), first


def _closing(opening: re.Match[str]) -> str:
    """Give the pattern of what ends a part that is not shown as text; "" for other marks."""
    parts = opening.groupdict()
    if parts.get("ticks"):
        return f"(?<!`){parts['ticks']}(?!`)"
    if parts["element"]:
        return rf"</{parts['element']}\s*>"
    return "-->" if parts["comment"] else ""


def blank(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Put blanks in the place of spans, line ends aside; spans may overlap.

    In one pass, since there may be many.
    """
    pieces, position = [], 0
    for start, end in sorted(spans):
        if end > position:
            start = max(start, position)
            pieces += [text[position:start], re.sub(r"[^\r\n]", " ", text[start:end])]
            position = end
    return "".join((*pieces, text[position:]))


def line_starts(text: str) -> list[int]:
    """Give the offset of each line, and the end, as the Markdown parser counts lines."""
    starts = [match.start() for match in _LINE.finditer(text)]
    return [*starts, len(text), len(text)]


# --- the first heading, which themes show where there is no title

_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_HEADING = re.compile(r" {0,3}#[ \t]+(.+)")
_CLOSING_MARKS = re.compile(r"[ \t]#+[ \t]*$")
_ATTRIBUTE_LIST = re.compile(r"[ \t]*\{[^{}]*\}[ \t]*$")  # {#anchor .class}
_HEADING_LINES, _HEADING_LENGTH = 500, 300


def first_heading(body: str) -> str:
    """Give the text of the first heading of the first level, or ""; code fences hold none."""
    fence, before = "", ""
    for line in body[:50_000].splitlines()[:_HEADING_LINES]:
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and line.strip().startswith(fence) else fence
        elif mark:
            fence = mark[1]
        elif found := _HEADING.match(line):
            return _plain(found[1])
        elif re.fullmatch(r" {0,3}=+[ \t]*", line) and before.strip():
            return _plain(before)
        before = line
    return ""


def _plain(text: str) -> str:
    """Give the words of a heading without their marks."""
    text = _ATTRIBUTE_LIST.sub("", _CLOSING_MARKS.sub("", text[:_HEADING_LENGTH])).strip()
    tokens = MarkdownIt("commonmark").parseInline(text)
    children = [child for token in tokens for child in token.children or ()]
    words = (child.content for child in children if child.type in ("text", "code_inline"))
    return "".join(words).strip()
