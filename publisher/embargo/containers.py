"""Finds the containers of a Markdown text, which its parser does not know, and its marks. Pure.

Their marks become comments, which the parser takes for blocks of their own, so that they can be
written again around what is filler by then: ``::: tip``, ``> [!NOTE]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Words that say what kind of container it is, not what it says.
KINDS = frozenset(
    {"aside", "caution", "code-group", "danger", "details", "important", "info", "note"}
    | {"raw", "tip", "v-pre", "warning"}
)
ALERT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\][ \t]*", re.IGNORECASE)

_MARK = re.compile(r"(?P<indented>!!!|\?\?\?|===[ \t]+[\"'])|:::|///")
_OPENING = re.compile(r"(:{3,9}[ \t]*)([a-z-]+)(?![\w-])")
_COMMENT = re.compile(r"<!--(:{3,9} ?[a-z-]*)-->\s*\Z")

# Where an excerpt ends: of Hugo, MkDocs, Jekyll; of Nikola, where words of the text may be in it.
_EXCERPT = re.compile(r"<!--( ?)(more(?=\1-->)|(?:TEASER_END|END_TEASER)(?= ?(?:-->|:)))")


def with_marks(lines: list[str]) -> Iterator[str]:
    """Put comments for lines that open or close a container, and lift what is indented for one.

    The marks of kinds that are not known go.
    """
    margins: list[int] = []
    opened: list[tuple[str, bool]] = []
    for line in lines:
        text = line.lstrip(" ")
        margin = len(line) - len(text)
        while text and margins and margin < margins[-1]:
            margins.pop()
        container = _MARK.match(text)
        if container and container["indented"]:
            margins.append(margin + 4)
        if container:
            mark = _mark(text, opened)
            yield f"{line[:margin][4 * len(margins) :]}<!--{mark}-->" if mark else ""
        else:
            yield line[4 * len(margins) :] if text else ""


def _mark(text: str, opened: list[tuple[str, bool]]) -> str:
    """Give what is written for a line with a mark; keep which containers are open."""
    opening = _OPENING.match(text)
    colons = text[: len(text) - len(text.lstrip(":"))]
    if opening:
        is_known = opening[2] in KINDS
        opened.append((colons, is_known))
        blank = " " if opening[1] != colons else ""
        return f"{colons}{blank}{opening[2]}" if is_known else ""
    if text.strip() != colons or not any(mark == colons for mark, _ in opened):
        return ""
    while opened:
        mark, is_known = opened.pop()
        if mark == colons:
            return colons if is_known else ""
    return ""


def mark_in(html: str) -> str:
    """Give the mark that a comment stands for; "" for other HTML."""
    comment = _COMMENT.match(html)
    kind = comment[1].lstrip(": ") if comment else ""
    return comment[1] if comment and (not kind or kind in KINDS) else ""


def excerpt_mark(html: str) -> str:
    """Give the comment at which an excerpt ends, without words; "" where there is none."""
    mark = _EXCERPT.search(html)
    return f"<!--{mark[1]}{mark[2]}{mark[1]}-->" if mark else ""


def balanced(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out marks that open or close nothing among the blocks beside them."""
    open_at: list[int] = []
    stray: set[int] = set()
    for n, (kind, text) in enumerate(parts):
        if kind != "container":
            continue
        if text.strip(":"):
            open_at.append(n)
            continue
        while open_at and not parts[open_at[-1]][1].startswith(text):
            stray.add(open_at.pop())
        if open_at and parts[open_at[-1]][1].rstrip("abcdefghijklmnopqrstuvwxyz- ") == text:
            open_at.pop()
        else:
            stray.add(n)
    stray.update(open_at)
    return [part for n, part in enumerate(parts) if n not in stray]
