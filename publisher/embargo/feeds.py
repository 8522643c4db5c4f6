"""Takes posts under embargo out of the feeds and sitemaps of a built site.

A feed that named a post early, with filler for its text, would not name it again to those who
saw it; and search engines are not to be sent to pages that ask them to stay away.
"""

from __future__ import annotations

import gzip
import html
import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from publisher.embargo.embargoed_text import EmbargoedText
from publisher.embargo.sync import COMPRESSED, Place
from publisher.model.errors import SiteError
from publisher.system.files import os_errors_as
from publisher.text.feeds import LISTING_BYTES
from publisher.text.urls import page_key

SUFFIXES = (".xml", ".rss", ".atom", ".json")

Keys = Collection[tuple[str | None, str]]

_ENTRIES = frozenset({"item", "entry", "url"})
_ADDRESSES = frozenset({"loc", "link", "guid", "id"})
_TOKEN = re.compile(  # what is never closed ends with the file: nothing is looked for twice
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"
    r"|<(?P<close>/?)(?P<tag>(?:[\w.-]+:)?(?P<name>[A-Za-z_][\w.-]*))"
    r"(?P<attributes>(?:[^<>\"']|\"[^<\"]*\"|'[^<']*')*)>",
    re.DOTALL,
)
_TEXT = re.compile(r"\s*(?:<!\[CDATA\[)?\s*([^<\s\]]*)")
_ATTRIBUTE = re.compile(r"""(?<![\w:.-])([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_DECLARED = re.compile(rb"""\A<\?xml[^>]*\bencoding\s*=\s*["']([A-Za-z][\w.-]*)""")
_LINE_END = re.compile(r"[ \t]*\r?\n")


def remove_entries(output: Path, hidden: Iterable[EmbargoedText]) -> tuple[str, ...]:
    """Drop every entry that names a page under embargo; give the files changed.

    Looked at are RSS, Atom, JSON Feed and sitemaps, packed ones (``.gz``), too; whatever else
    stands in them stays byte for byte. What lies packed beside one is packed anew or goes, for
    hosts to serve the file itself. Doing it again changes nothing.

    :raises SiteError: when a file cannot be read or written.
    """
    keys = {page_key(post.url) for post in hidden if post.url}
    changed: list[str] = []
    why = "feeds and sitemaps do not name what is under embargo"
    hint = "make room or mend the permissions; the next build tries again"
    with os_errors_as(SiteError, output, why=why, hint=hint):
        for file in sorted(path for path in output.rglob("*") if _is_listing(path)):
            if keys and file.is_file() and not file.is_symlink():
                changed += _unlist_file(Place(output), file, keys)
    return tuple(changed)


def _is_listing(file: Path) -> bool:
    if file.suffix == ".gz":
        plain = file.with_suffix("")
        return plain.suffix in SUFFIXES and not plain.exists()
    return file.suffix in SUFFIXES


def _unlist_file(place: Place, file: Path, keys: Keys) -> Iterator[str]:
    status, is_packed = file.stat(), file.suffix == ".gz"
    if status.st_size > LISTING_BYTES:
        return
    data = _unpacked(file) if is_packed else file.read_bytes()
    codec = _codec(data)
    if codec is None:
        return
    text = data.decode(codec)
    is_json = file.name.removesuffix(".gz").endswith(".json")
    new = _without_items(text, keys) if is_json else _without_entries(text, keys)
    if new == text:
        return
    path = file.relative_to(place.folder).as_posix()
    data = new.encode(codec)
    if not is_packed:  # first what is packed: a kill leaves the rest to be done
        yield from _renew_packed(place, path, data)
    place.put(path, gzip.compress(data, mtime=0) if is_packed else data, status)
    yield path


def _renew_packed(place: Place, path: str, data: bytes) -> Iterator[str]:
    for suffix in sorted(COMPRESSED):
        packed = place.folder / f"{path}{suffix}"
        if not packed.is_file():
            continue
        if suffix == ".gz":  # which others may name
            place.put(f"{path}.gz", gzip.compress(data, mtime=0), packed.stat())
        else:
            place.remove(f"{path}{suffix}")
        yield f"{path}{suffix}"


def _unpacked(file: Path) -> bytes:
    """Unpack a file; what is damaged or too large for a listing is empty."""
    with file.open("rb") as stream, suppress(gzip.BadGzipFile, EOFError, zlib.error):
        data = gzip.GzipFile(fileobj=stream).read(LISTING_BYTES + 1)
        return data if len(data) <= LISTING_BYTES else b""
    return b""


def _codec(data: bytes) -> str | None:
    """Give the encoding in which a text comes out as it went in; ``None`` when there is none."""
    declared = _DECLARED.match(data)
    for codec in ("utf-8", *([declared[1].decode()] if declared else [])):
        with suppress(UnicodeError, LookupError):
            if data.decode(codec).encode(codec) == data:
                return codec
    return None


def _without_entries(text: str, keys: Keys) -> str:
    kept, end = [], 0
    for entry in _entries(text):
        if not entry.keys.isdisjoint(keys):
            line_end = _LINE_END.match(text, entry.end)
            kept.append(text[end : entry.start].rstrip(" \t"))
            end = line_end.end() if line_end else entry.end
    return "".join([*kept, text[end:]])


@dataclass(slots=True)
class _Entry:
    """An entry of a feed or a sitemap, and which pages it is of: not all that it refers to."""

    tag: str
    start: int
    end: int = 0
    keys: set[tuple[str | None, str]] = field(default_factory=set)
    within: list[str] = field(default_factory=list)  # the open elements


def _entries(text: str) -> Iterator[_Entry]:
    """Give all entries, in order; an entry within another is part of it."""
    entry: _Entry | None = None
    for token in _TOKEN.finditer(text):
        name, tag = token["name"], token["tag"]
        if not name or (entry is None and name not in _ENTRIES):
            continue
        is_empty = token["attributes"].endswith("/")
        if entry is None:
            if not (token["close"] or is_empty):
                entry = _Entry(tag=tag, start=token.start())
        elif token["close"]:
            if tag in entry.within:
                del entry.within[len(entry.within) - 1 - entry.within[::-1].index(tag) :]
            elif tag == entry.tag:
                entry.end = token.end()
                yield entry
                entry = None
        else:
            if name in _ADDRESSES and not entry.within:
                entry.keys |= _keys_of(text, token)
            if not is_empty:
                entry.within.append(tag)


def _keys_of(text: str, token: re.Match[str]) -> set[tuple[str | None, str]]:
    """Give the page that an element of an entry says to be its own, if it does."""
    attributes = {name: one or other for name, one, other in _ATTRIBUTE.findall(token[0])}
    is_own = attributes.get("rel", "alternate") == "alternate" and "hreflang" not in attributes
    if token["name"] == "link" and not is_own:
        return set()
    after = _TEXT.match(text, token.end())
    address = attributes.get("href") or (after[1] if after else "")
    return {page_key(html.unescape(address))}


def _without_items(text: str, keys: Keys) -> str:
    """Drop items of a JSON Feed (jsonfeed.org/version/1.1, checked 2026-11-21)."""
    if "jsonfeed.org/version/" not in text:
        return text
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError):
        return text
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list):
        return text
    kept = [item for item in items if not _is_hidden(item, keys)]
    if len(kept) == len(items):
        return text
    return json.dumps({**feed, "items": kept}, ensure_ascii=False, indent=2) + "\n"


def _is_hidden(item: Any, keys: Keys) -> bool:
    if not isinstance(item, dict):
        return False
    return any(page_key(str(item[key])) in keys for key in ("url", "id") if key in item)
