"""Reads what pages say of themselves without frontmatter, each generator in its own way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import splitext

HEAD_LINES = 40  # where a header may stand; what comes later is text

_NIKOLA = re.compile(r"\s*\.\. (?P<key>[\w-]+): (?P<value>.*)")
_PLAIN = re.compile(r" {0,3}(?P<key>[\w-]+):[ \t]*(?P<value>.*)")  # Python's Markdown, in Pelican
_META = re.compile(
    r"""\s*<meta\s+name=["'](?P<key>[\w-]+)["']\s+content=["'](?P<value>[^"']*)["']""",
    re.IGNORECASE,
)
_ASCIIDOC = re.compile(r":(?:page-)?(?P<key>[\w-]+):(?P<value>(?:[ \t].*)?)")
_BY_SUFFIX = {
    ".ad": _ASCIIDOC,
    ".adoc": _ASCIIDOC,
    ".asciidoc": _ASCIIDOC,
    ".org": re.compile(r"[ \t]*#\+(?P<key>\w+):(?P<value>.*)"),
    ".rst": re.compile(r":(?P<key>[\w-]+):(?P<value>(?:[ \t].*)?)"),
}


def header_of(text: str, path: str, generator: str) -> Iterator[tuple[int, str, str]]:
    """Give the lines of a page's header: line, key in lower case, and value."""
    suffix = splitext(path)[1].lower()
    pattern, is_first_block = _BY_SUFFIX.get(suffix), False
    if generator == "nikola":
        yield from _read(_NIKOLA, text, is_first_block=suffix != ".meta")
    elif generator == "pelican" and suffix in (".htm", ".html"):
        pattern = _META
    elif generator == "pelican" and pattern is None:
        pattern, is_first_block = _PLAIN, True
    if pattern is not None:
        yield from _read(pattern, text, is_first_block=is_first_block)


def _read(
    pattern: re.Pattern[str], text: str, *, is_first_block: bool
) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.split("\n", HEAD_LINES)[:HEAD_LINES], start=1):
        if is_first_block and not line.strip():
            return
        found = pattern.match(line.rstrip("\r"))
        if found:
            yield number, found["key"].lower(), found["value"].strip().strip("\"'")
