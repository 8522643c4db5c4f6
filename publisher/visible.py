"""Blanks what Markdown does not show as text: code, comments and scripts. Pure.

Offsets and lines stay, so what is found in such a text stands there in the text itself, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")


def tokens_of(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def without_code(text: str, tokens: Sequence[Token]) -> str:
    """Put blanks in the place of code, comments and scripts; ``tokens`` are those of the text."""
    text = blank(text, _code_spans(text, tokens))
    return blank(text, (match.span() for match in _HIDDEN.finditer(text)))


def _code_spans(text: str, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    starts = line_starts(text)
    for token in tokens:
        if token.map is None:
            continue
        first, last = starts[token.map[0]], starts[token.map[1]]
        if token.type in {"fence", "code_block"}:
            yield first, last
        elif token.type == "inline" and "`" in token.content:
            yield from (match.span() for match in _CODE_SPAN.finditer(text, first, last))


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
