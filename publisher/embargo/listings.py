"""Takes posts under embargo out of the feeds and sitemaps of a built site.

A feed that named a post early, with filler for its text, would not name it again to those who
saw it; and search engines are not to be sent to pages that ask them to stay away.
"""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from publisher.addresses import page_key
from publisher.embargo.hidden import Hidden
from publisher.embargo.mirror import Place
from publisher.errors import SiteError

LISTING_BYTES = 52_428_800  # the largest sitemap allowed: sitemaps.org/protocol.html, 2026-11-20
SUFFIXES = (".xml", ".rss", ".atom", ".json")

Keys = Collection[tuple[str | None, str]]

_ENTRY = re.compile(
    r"[ \t]*<(?P<tag>(?:\w+:)?(?:item|entry|url))(?:\s[^>]*)?>.*?</(?P=tag)\s*>(?:[ \t]*\r?\n)?",
    re.DOTALL,
)
_ADDRESS = re.compile(
    r"<(?:\w+:)?(?:loc|link|guid|id)\b(?P<attributes>[^>]*)>\s*(?:<!\[CDATA\[)?\s*(?P<text>[^<\s\]]*)"
)
_HREF = re.compile(r"""\bhref\s*=\s*["']([^"']+)["']""")


def unlist(output: Path, hidden: Iterable[Hidden]) -> tuple[str, ...]:
    """Drop every entry that names a page under embargo; give the files changed.

    Looked at are RSS, Atom, JSON Feed and sitemaps; whatever else stands in them stays byte for
    byte. What lies packed beside one (``.gz``) is packed anew. Doing it again changes nothing.

    :raises SiteError: when a file cannot be read or written.
    """
    keys = {page_key(post.url) for post in hidden if post.url}
    changed: list[str] = []
    try:
        for file in sorted(path for path in output.rglob("*") if path.suffix in SUFFIXES):
            if keys and file.is_file() and not file.is_symlink():
                changed += _unlist_file(Place(output), file, keys)
    except OSError as error:
        raise SiteError(
            f"{error.filename or output}: {(error.strerror or str(error)).lower()}",
            why="feeds and sitemaps do not name what is under embargo",
            hint="make room or mend the permissions; the next build tries again",
        ) from error
    return tuple(changed)


def _unlist_file(place: Place, file: Path, keys: Keys) -> Iterator[str]:
    status = file.stat()
    if status.st_size > LISTING_BYTES:
        return
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        return
    new = _without_items(text, keys) if file.suffix == ".json" else _without_entries(text, keys)
    if new == text:
        return
    path = file.relative_to(place.folder).as_posix()
    place.put(path, new.encode(), status)
    yield path
    packed = file.with_name(f"{file.name}.gz")
    if packed.is_file():
        place.put(f"{path}.gz", gzip.compress(new.encode(), mtime=0), packed.stat())
        yield f"{path}.gz"


def _without_entries(text: str, keys: Keys) -> str:
    return _ENTRY.sub(lambda entry: "" if _names(entry[0], keys) else entry[0], text)


def _names(entry: str, keys: Keys) -> bool:
    for address in _ADDRESS.finditer(entry):
        href = _HREF.search(address["attributes"])
        if page_key(html.unescape(href[1] if href else address["text"])) in keys:
            return True
    return False


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
