"""Picks from a post the words that prove that a page shows it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from publisher.markup import fold, read_page

EXCERPTS = 6
WORDS_MIN, WORDS_MAX = 5, 12
LETTERS_MAX = 120  # for scripts that write without spaces

_CONTAINER_LINE = re.compile(r"^[ \t]*(?::::|!!!|\?\?\?).*$", re.MULTILINE)
_COMPONENT = re.compile(r"<(/?)[A-Z][\w.-]*\b[^>]*?(/?)>")
_BREAK = "\n"
_FOREIGN = re.compile(  # what generators and themes replace: text on its two sides is two pieces
    r"\{\{.*?\}\}|\{%.*?%\}|\{[^{}\n]*\}"  # Vue, Liquid and Hugo; attributes
    r"|\[\^[^\]]*\]|\[\[.*?\]\]|\[![A-Za-z]+\]"  # footnotes, wiki links, alerts
    r"|:[a-z0-9_+-]+:|\$[^$\n]+\$|https?://\S+|<[^>]*>",  # emoji names, formulas, addresses, tags
    re.DOTALL,
)
_SENTENCE_END = re.compile(  # the last three are the full stops of Chinese and Japanese
    r"(?<=[.!?…])\s+|(?<=[\u3002\uff01\uff1f])|\n"
)


def excerpts(body_markdown: str) -> tuple[str, ...]:
    """Pick up to six distinctive fragments of 5 to 12 words, spread over the prose of a post.

    Code, tags and what generators replace are left out, and so is prose inside components as
    long as there is other. A post without such sentences gives its shorter ones, failing that
    the text of its HTML blocks, failing that its headings; nothing when it has no text at all.
    """
    tokens = _parser().parse(_CONTAINER_LINE.sub("", body_markdown))
    prose = _texts(tokens, parent="paragraph_open")
    sure = _texts(_outside_components(tokens), parent="paragraph_open")
    html = [read_page(token.content).text for token in tokens if token.type == "html_block"]
    headings = _texts(tokens, parent="heading_open")
    tiers = (
        _long_pieces(sure),
        _long_pieces(prose),
        _pieces(prose),
        _pieces(html),
        _pieces(headings),
    )
    return _spread(next(filter(None, tiers), []))


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _texts(tokens: list[Token], *, parent: str) -> list[str]:
    """Give the text of every paragraph or heading; table cells are neither."""
    return [
        _inline_text(token)
        for before, token in pairwise(tokens)
        if token.type == "inline" and before.type == parent
    ]


def _outside_components(tokens: list[Token]) -> list[Token]:
    """Leave out what stands inside a component: it may be filler, folded away or not rendered."""
    depth = 0
    outside = []
    for token in tokens:
        if token.type == "html_block":
            for closing, complete in _COMPONENT.findall(token.content):
                depth = max(0, depth - 1) if closing else depth + (not complete)
        elif not depth:
            outside.append(token)
    return outside


def _inline_text(token: Token) -> str:
    """Write an inline token as plain text, links as their text; tags and images break it."""
    text = ""
    for child in token.children or ():
        if child.type in {"text", "code_inline"}:
            text += child.content
        elif child.type == "softbreak":
            text += " "
        elif child.type in {"html_inline", "image", "hardbreak"}:
            text += _BREAK
    return _FOREIGN.sub(_BREAK, text)


def _pieces(texts: Iterable[str]) -> list[str]:
    """Cut texts into sentences without repetition, the long ones down to their beginning."""
    found: dict[str, str] = {}
    for text in texts:
        for sentence in _SENTENCE_END.split(text):
            piece = " ".join(sentence.split()[:WORDS_MAX])[:LETTERS_MAX]
            if fold(piece):
                found.setdefault(fold(piece), piece)
    return list(found.values())


def _long_pieces(texts: Iterable[str]) -> list[str]:
    return [piece for piece in _pieces(texts) if len(piece.split()) >= WORDS_MIN]


def _spread(pieces: list[str]) -> tuple[str, ...]:
    """Take the longest piece of each of six stretches: long ones are the least common."""
    count = min(EXCERPTS, len(pieces))
    edges = [len(pieces) * index // count for index in range(count)] if count else []
    stretches = zip(edges, [*edges[1:], len(pieces)], strict=True) if edges else ()
    return tuple(max(pieces[start:end], key=len) for start, end in stretches)
