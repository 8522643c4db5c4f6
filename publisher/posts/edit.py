"""Changes values in a post's frontmatter, and not one byte beside them. Pure.

Every place where a key and its value may stand is tried, and the result read again: the one
accepted is the one after which the values are the new ones and everything else means what it
meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from publisher.model.errors import PostError
from publisher.text.frontmatter import BOM, HEADERS, Document, UnreadableError, parse

CANDIDATES_MAX = 100  # each is parsed; a real file has one or two

Edit = tuple[int, int, str]  # offsets into the document's text, and what comes in between


def places(document: Document, key: str, value: str) -> Iterator[re.Match[str]]:
    """Give where a key may stand with a value that matches a pattern.

    The group ``value`` is the value, ``quote`` what stands on either side of it, and ``outer``
    both of them.
    """
    pattern = re.compile(
        rf"{re.escape(key)}[\"']*\s*[:=]\s*"
        rf"(?P<outer>(?P<quote>[\"']*)(?P<value>{value})(?P=quote))(?![\w:-])",
        re.IGNORECASE if document.format in HEADERS else 0,
    )
    yield from pattern.finditer(document.text, *document.block)


def edited(
    data: bytes,
    document: Document,
    tried: Iterable[tuple[Edit, ...]],
    is_wanted: Callable[[Document], bool],
) -> bytes | None:
    """Give the bytes after the first edits that leave the body alone and read as wanted."""
    for edits in islice(tried, CANDIDATES_MAX):
        text = apply(document.text, edits)
        try:
            new = parse(text.encode(), document.path)
        except UnreadableError:
            continue
        if (new.format, new.body) == (document.format, document.body) and is_wanted(new):
            return (BOM if data.startswith(BOM) else b"") + text.encode()
    return None


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Make changes that do not overlap."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def line_of(document: Document, key: str, plain: str, *, in_json: str, in_toml: str) -> str:
    """Write a key and its value on a line, in the document's format."""
    match document.format:
        case "toml":
            return f"{key} = {in_toml}"
        case "json":
            return f'"{key}": {in_json}'
        case "nikola":
            return f".. {key}: {plain}"
    return f"{key}: {plain}"


def unchangeable(document: Document, key: str, what: str, why: str, line: str) -> PostError:
    """Make the error for a value that cannot be set; ``line`` is how to write it by hand."""
    return PostError(
        f"cannot set {what}",
        place=f"{document.path}:{document.line_of(key)}",
        why=f"{key} {why}",
        hint=f"write it on a line of its own: {line}",
    )
