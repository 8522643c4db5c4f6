"""The Markdown parser, within bounds. Pure.

Markdown has texts that take the parser the square of their length; these bounds keep a file of
the largest size that is read at all within seconds. Beyond them a text loses its emphasis, links
and tables, never its words.
"""

from __future__ import annotations

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
