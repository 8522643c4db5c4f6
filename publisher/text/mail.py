"""The two forms of a mail that is written in Markdown: HTML, and plain text.

Words of a post's frontmatter are text and not Markdown: they are escaped before they are put in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from markdown_it.token import Token

from publisher.text.markdown import mail_parser

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # each may stand behind a backslash: CommonMark 2.4
_ENDING = re.compile(r"""[\s()<>"'\\\[\]*]""")
_INDENTATION = re.compile(r"(?m)^[ \t]+|[ \t]+$")  # would make a code block, or a line break


class Markdown(str):
    """A text that is Markdown, or an address: ``as_text`` leaves it as it is."""

    __slots__ = ()


def as_text(value: Any) -> Any:
    """Write a value so that Markdown shows it as it is; numbers and ``Markdown`` stay."""
    if not isinstance(value, str) or isinstance(value, Markdown):
        return value
    return _PUNCTUATION.sub(r"\\\1", _INDENTATION.sub("", value))


def link(url: str) -> Markdown:
    """Write an address so that no sign of it ends a link of Markdown."""
    return Markdown(_ENDING.sub(lambda sign: quote(sign[0]), url))


def to_html(markdown: str) -> str:
    return str(mail_parser().render(markdown))


def to_plain(markdown: str) -> str:
    """Give the words of a Markdown text as a plain mail shows them, links in angle brackets."""
    return "\n\n".join(_blocks(mail_parser().parse(markdown)))


def _blocks(tokens: Sequence[Token]) -> Iterator[str]:
    """Give each block in turn; those of lists and quotations with their marks in front."""
    marks: list[str] = []  # of the lists and quotations around a block
    numbers: list[int | None] = []  # of the next item of each list; None for one of bullets
    for token in tokens:
        match token.type:
            case "bullet_list_open":
                numbers.append(None)
            case "ordered_list_open":
                numbers.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                numbers.pop()
            case "list_item_open":
                number = numbers[-1]
                marks.append("- " if number is None else f"{number}. ")
                numbers[-1] = None if number is None else number + 1
            case "blockquote_open":
                marks.append("> ")
            case "list_item_close" | "blockquote_close":
                marks.pop()
            case "inline":
                yield _marked(_inline(token.children or ()), marks)
            case "code_block" | "fence":
                yield _marked(token.content.rstrip("\n"), marks)
            case "hr":
                yield _marked("-----", marks)


def _marked(text: str, marks: list[str]) -> str:
    """Put the marks before a block; the next block of the same item is indented only."""
    first = "".join(marks)
    marks[:] = [mark if mark == "> " else " " * len(mark) for mark in marks]
    rest = "".join(marks)
    head, *tail = text.split("\n")
    return "\n".join([first + head, *(rest + line for line in tail)])


def _inline(tokens: Sequence[Token]) -> str:
    words: list[str] = []
    links: list[tuple[str, int]] = []  # of each open link its address, and where its words begin
    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                words.append("\n")
            case "link_open":  # an automatic one is its own address
                address = "" if token.info == "auto" else str(token.attrs["href"])
                links.append((address, len(words)))
            case "link_close":
                address, begin = links.pop()
                if address and "".join(words[begin:]) != address:
                    words.append(f" <{address}>")
            case _:
                words.append(token.content)  # of an image, its alternative text
    return "".join(words)
