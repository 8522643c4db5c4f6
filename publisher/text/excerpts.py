"""Picks from a post the words that prove that a page shows it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

from markdown_it.token import Token

from publisher.text.html import fold, read_page
from publisher.text.markdown import parser_of

EXCERPTS = 6
WORDS_MIN, WORDS_MAX = 5, 12
LETTERS_MIN = 4  # of a word that stands alone
LETTERS_MAX = 120  # for scripts that write without spaces

_CONTAINER_LINE = re.compile(  # or what an abbreviation stands for
    r"^[ \t]*(?::::|!!!|\?\?\?|=== \"|--8<--|<<<[ ]|\*\[[^\]\n]+\]:).*$", re.MULTILINE
)
_FORMULA = re.compile(r"^[ \t]*\\\[(?:[^\n]*\n(?![ \t]*\n)){0,50}?[^\n]*\\\][ \t]*$", re.MULTILINE)
_INDENTED = re.compile(  # what an admonition, a detail or a tab of MkDocs holds
    r"^(?:!!!|\?\?\?|===[!+]? \")[^\n]*\n((?:[ \t]*\n|(?: {4}|\t)[^\n]*(?:\n|\Z))+)", re.MULTILINE
)
_INDENT = re.compile(r"^(?: {4}|\t)", re.MULTILINE)
_MODULE_LINE = re.compile(  # of MDX
    r"^(?:import\b(?:[\w*,$ \t\r{}]|\n(?!import\b))*?['\"][^'\"\n]+['\"];?"
    r"|export (?:const|default|function) .*[{\[(][ \t]*\n(?:(?!```|~~~).*\n){0,200}?[}\])].*"
    r"|export (?:const|default) .*)[ \t]*$",
    re.MULTILINE,
)
_COMPONENT = re.compile(r"<(/?)[A-Z][\w.-]*\b(?:(?!</?[A-Z])[^>])*?(/?)>")
_BREAK = "\n"
_FOREIGN = re.compile(  # what generators and themes replace: text on its two sides is two pieces
    r"\{\{(?:(?!\{\{).){0,1000}?\}\}|\{%(?:(?!\{%).){0,1000}?%\}"  # Vue, Liquid and Hugo
    r"|\{[^{}\n]*\}"  # attributes
    r"|(?<=\S)[~^][^\s~^]+[~^]|\((?:c|C|r|R|p|P|tm|TM)\)"  # set low or high; signs
    r"|\[\^[^\[\]]*\]|\[\[(?:(?!\[\[).){0,1000}?\]\]"  # footnotes, wiki links
    r"|\[![A-Za-z]+\]|\[TOC\]"  # alerts, contents
    r"|:[a-z0-9_+-]+:|\$[^$\n]+\$|https?://\S+|<[^<>]*>",  # emoji names, formulas, addresses, tags
    re.DOTALL,
)
_ADDRESS = re.compile(r"https?://\S+")
_DRAWN = frozenset(  # code that a page shows as a picture
    {"mermaid", "plantuml", "puml", "d2", "dot", "graphviz", "math", "katex", "chart", "markmap"}
    | {"vega", "vega-lite", "wavedrom", "ditaa", "svgbob", "bpmn", "excalidraw", "abc", "geojson"}
)
_LANGUAGE = re.compile(r"[\w-]+")  # the first word: ``mermaid{theme=dark}``, ``{.mermaid #id}``
_REPLACED_IN_CODE = re.compile(
    r"\{\{(?:(?!\{\{).){0,1000}?\}\}|\{%(?:(?!\{%).){0,1000}?%\}|\[!code [^\[\]]*\]"
)
_SENTENCE_END = re.compile(  # the last three are the full stops of Chinese and Japanese
    r"(?<=[.!?…])\s+|(?<=[\u3002\uff01\uff1f])|\n"
)


def excerpts(body_markdown: str) -> tuple[str, ...]:
    """Pick up to six distinctive fragments of at most 12 words, spread over the text of a post.

    Sentences of 5 words and more come first, those inside components as long as there are no
    others; then what there is of shorter sentences, HTML, headings, table cells, code, addresses
    and alternative texts, in this order. Tags and what generators replace are left out. Nothing
    when a post has no text at all.
    """
    text = _plain(body_markdown)
    tokens = parser_of(text, "strikethrough").parse(text)
    prose = _texts(tokens, "paragraph_open")
    sure = _texts(_outside_components(tokens), "paragraph_open")
    html = [read_page(token.content) for token in tokens if token.type == "html_block"]
    is_titled = bool(tokens) and tokens[0].tag == "h1"
    title = _texts(tokens[:2], "heading_open") if is_titled else []
    long = filter(None, (_long_pieces(sure), _long_pieces(prose)))
    others = (
        _pieces(prose),
        _pieces(page.text for page in html),
        _pieces(_texts(tokens[2 * is_titled :], "heading_open")),
        _pieces(_texts(tokens, "th_open", "td_open")),
        _pieces(_code_lines(tokens)),
        _pieces(_addresses(tokens)),
        _pieces([*_alternative_texts(tokens), *(alt for page in html for alt in page.alts)]),
        _pieces(title),  # proves least: a page under embargo has it, too
    )
    telling = filter(None, ([piece for piece in tier if _is_telling(piece)] for tier in others))
    return _spread(next(chain(long, telling, filter(None, others)), []))


def _plain(body: str) -> str:
    """Take the marks of containers and modules out of a text, and their indents with them."""
    while (found := _INDENTED.sub(lambda match: f"\n{_INDENT.sub('', match[1])}\n", body)) != body:
        body = found
    return _CONTAINER_LINE.sub("", _FORMULA.sub("", _MODULE_LINE.sub("", body)))


def _texts(tokens: list[Token], *parents: str) -> list[str]:
    """Give the text of every paragraph, heading or table cell, as ``parents`` says."""
    return [
        _inline_text(token)
        for before, token in pairwise(tokens)
        if token.type == "inline" and before.type in parents
    ]


def _code_lines(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        language = _LANGUAGE.findall(token.info)[:1]
        if token.type in {"fence", "code_block"} and _DRAWN.isdisjoint(map(str.lower, language)):
            yield _REPLACED_IN_CODE.sub(_BREAK, token.content)


def _addresses(tokens: list[Token]) -> Iterator[str]:
    """Give the addresses that stand in the text as such."""
    for token in tokens:
        for child in token.children or ():
            if child.type == "text":
                yield from _ADDRESS.findall(child.content)


def _alternative_texts(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                yield child.content
            elif child.type == "html_inline":
                yield from read_page(child.content).alts


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


def _is_telling(piece: str) -> bool:
    """Tell whether a piece is unlikely to stand on any page by chance."""
    words = fold(piece).split()
    return len(words) > 1 or len("".join(words)) >= LETTERS_MIN


def _long_pieces(texts: Iterable[str]) -> list[str]:
    return [piece for piece in _pieces(texts) if len(piece.split()) >= WORDS_MIN]


def _spread(pieces: list[str]) -> tuple[str, ...]:
    """Take the longest piece of each of six stretches: long ones are the least common."""
    count = min(EXCERPTS, len(pieces))
    edges = [len(pieces) * index // count for index in range(count)] if count else []
    stretches = zip(edges, [*edges[1:], len(pieces)], strict=True) if edges else ()
    return tuple(max(pieces[start:end], key=len) for start, end in stretches)
