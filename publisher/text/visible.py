"""Blanks what Markdown does not show as text: code, comments and scripts. Pure.

Offsets and lines stay, so what is found in such a text stands there in the text itself, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from markdown_it.token import Token

from publisher.text.markdown import parser_of

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


def tokens_of(text: str) -> list[Token]:
    return parser_of(text).parse(text)


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
