"""Reads what pages say of themselves without frontmatter, each generator in its own way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from posixpath import splitext

HEAD_LINES = 40  # where a header may stand; what comes later is text

_NIKOLA = re.compile(r"\s*\.\. (?P<key>[\w-]+): (?P<value>.*)")
_PLAIN = re.compile(r" {0,3}(?P<key>[\w-]+):[ \t]*(?P<value>.*)")  # Python's Markdown, in Pelican
_META = re.compile(
    r"""\s*<meta\s+name=["'](?P<key>[\w-]+)["']\s+content=["'](?P<value>[^"']*)["']""",
    re.IGNORECASE,
)
_ASCIIDOC = re.compile(r":(?:page-)?(?P<key>[\w-]+):(?P<value>(?:[ \t].*)?)")
_ORG = re.compile(r"[ \t]*#\+(?P<key>\w+):(?P<value>.*)")
_BY_SUFFIX = {
    ".ad": _ASCIIDOC,
    ".adoc": _ASCIIDOC,
    ".asciidoc": _ASCIIDOC,
    ".org": _ORG,
    ".rst": re.compile(r":(?P<key>[\w-]+):(?P<value>(?:[ \t].*)?)"),
}
_ORG_HEADER = re.compile(r"\s*(?:#(?!\+begin_)|:[\w-]+:|\Z)", re.IGNORECASE)
_BEFORE_TITLE = re.compile(r"\s*\Z|:|//|\[")  # of AsciiDoc


def header_of(text: str, path: str, generator: str) -> Iterator[tuple[int, str, str]]:
    """Give the lines of a page's header: line, key in lower case, and value."""
    suffix = splitext(path)[1].lower()
    pattern, is_first_block = _BY_SUFFIX.get(suffix), False
    if generator == "nikola":
        yield from _read(_NIKOLA, _first_lines(text), is_first_block=suffix != ".meta")
    elif generator == "pelican" and suffix in (".htm", ".html"):
        pattern = _META
    elif generator == "pelican" and pattern is None:
        pattern, is_first_block = _PLAIN, True
    if pattern is not None:
        lines = _ended(_first_lines(text), pattern)
        yield from _read(pattern, lines, is_first_block=is_first_block)


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


def _read(
    pattern: re.Pattern[str], lines: Iterable[str], *, is_first_block: bool
) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(lines, start=1):
        if is_first_block and not line:  # with blanks in it, Nikola goes on
            return
        found = pattern.match(line)
        if found:
            yield number, found["key"].lower(), found["value"].strip().strip("\"'")
