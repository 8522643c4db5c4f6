"""Reads what pages say of themselves without frontmatter, as their markup has it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from posixpath import splitext

HEAD_LINES = 40  # where a header may stand; what comes later is text

_ASCIIDOC = re.compile(r":(?:page-)?(?P<key>[\w-]+):(?P<value>(?:[ \t].*)?)")
_ORG = re.compile(r"[ \t]*#\+(?P<key>\w+):(?P<value>.*)")
_BY_SUFFIX = {
    ".ad": _ASCIIDOC,
    ".adoc": _ASCIIDOC,
    ".asciidoc": _ASCIIDOC,
    ".org": _ORG,
    ".rst": re.compile(r":(?P<key>[\w-]+):(?P<value>(?:[ \t].*)?)"),
}
SUFFIXES = frozenset(_BY_SUFFIX)
_ORG_HEADER = re.compile(r"\s*(?:#(?!\+begin_)|:[\w-]+:|\Z)", re.IGNORECASE)
_BEFORE_TITLE = re.compile(r"\s*\Z|:|//|\[")  # of AsciiDoc

Lines = Iterator[tuple[int, str, str]]  # line, key in lower case, and value


def read_header(text: str, path: str) -> Lines:
    """Give the lines of the header that a markup language has."""
    pattern = _BY_SUFFIX.get(splitext(path)[1].lower())
    if pattern is not None:
        yield from _read(pattern, _ended(_first_lines(text), pattern))


def read_lines(text: str, pattern: re.Pattern[str], *, is_first_block: bool = False) -> Lines:
    """Give the first lines that have the groups ``key`` and ``value`` of a pattern.

    ``is_first_block``: up to the first line that is empty.
    """
    yield from _read(pattern, _first_lines(text), is_first_block=is_first_block)


def _first_lines(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.split("\n", HEAD_LINES)[:HEAD_LINES]]


def _ended(lines: list[str], pattern: re.Pattern[str]) -> Iterator[str]:
    """Give the lines up to where the format says that a header ends; comments as blank lines."""
    is_begun = is_comment = False
    for line in lines:
        if pattern is _ORG and not _ORG_HEADER.match(line):
            return
        if pattern is _ASCIIDOC:
            is_mark = line.rstrip() == "////"
            is_comment = is_comment != is_mark
            is_begun = is_begun or not (is_comment or _BEFORE_TITLE.match(line))
            if is_begun and not is_comment and not line.strip():
                return
        yield "" if is_comment else line


def _read(pattern: re.Pattern[str], lines: Iterable[str], *, is_first_block: bool = False) -> Lines:
    for number, line in enumerate(lines, start=1):
        if is_first_block and not line:
            return
        found = pattern.match(line)
        if found:
            yield number, found["key"].lower(), found["value"].strip().strip("\"'")
