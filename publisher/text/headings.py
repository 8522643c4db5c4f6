"""Finds the first heading of a post's text, which themes show where there is no title. Pure."""

from __future__ import annotations

import re

_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_HEADING = re.compile(r" {0,3}#[ \t]+(.+)")
_CLOSING = re.compile(r"[ \t]#+[ \t]*$")
_ATTRIBUTES = re.compile(r"[ \t]*\{[^{}]*\}[ \t]*$")  # {#anchor .class}
_LINES, _LENGTH = 500, 300


def first_heading(body: str) -> str:
    """Give the text of the first heading of the first level, or ""; code fences hold none."""
    fence, before = "", ""
    for line in body[:50_000].splitlines()[:_LINES]:
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
    from markdown_it import MarkdownIt

    text = _ATTRIBUTES.sub("", _CLOSING.sub("", text[:_LENGTH])).strip()
    tokens = MarkdownIt("commonmark").parseInline(text)
    children = [child for token in tokens for child in token.children or ()]
    words = (child.content for child in children if child.type in ("text", "code_inline"))
    return "".join(words).strip()
