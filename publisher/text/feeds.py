"""Reads which addresses a feed or a sitemap lists. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from publisher.model.errors import SiteError

LISTING_BYTES = 52_428_800  # the largest sitemap allowed: sitemaps.org/protocol.html, 2026-11-20
_GZIP = b"\x1f\x8b"
_XHTML = "{http://www.w3.org/1999/xhtml}"  # in sitemaps: other languages of an entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The URLs of a feed or sitemap as written; ``parts`` are the files of a sitemap index."""

    urls: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


def read_listing(document: bytes) -> Listing:
    """Read RSS, Atom, JSON Feed, a sitemap (XML or a list of addresses) or a sitemap index.

    It may be packed by gzip. Only what names an entry counts: a link in the text of an entry
    lists nothing, nor does the address of an entry in another language.

    :raises SiteError: when the document is none of these.
    """
    document = _unpacked(document).lstrip(b"\xef\xbb\xbf \t\r\n")
    if document.startswith(b"{"):
        return Listing(urls=tuple(_json_urls(document)))
    if document.startswith((b"http://", b"https://")):
        return Listing(urls=tuple(document.decode("utf-8", "replace").split()))
    from lxml import etree  # not where the program starts

    urls: list[str] = []
    name = ""
    try:
        # Loads nothing from elsewhere, and bounds what entities of its own may grow to.
        for _, element in etree.iterparse(BytesIO(document), no_network=True):
            name = etree.QName(element).localname
            urls += [_joined(element.base, url) for url in _entry_urls(element, name)]
            element.clear()
    except etree.LxmlError as error:
        raise SiteError(f"is not well-formed XML ({error})") from None
    # The last element that ends is the first of the document.
    return Listing(parts=tuple(urls)) if name == "sitemapindex" else Listing(urls=tuple(urls))


def _unpacked(document: bytes) -> bytes:
    if not document.startswith(_GZIP):
        return document
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(document, LISTING_BYTES)
    except zlib.error as error:
        raise SiteError(f"is not well-formed gzip ({error})") from None


def _joined(base: str | None, url: str) -> str:
    """Give an address relative to another; one that nobody could follow stays as written."""
    try:
        return urljoin(base or "", url)
    except ValueError:
        return url


def _entry_urls(element: Any, name: str) -> Iterator[str]:
    if name in {"loc", "link", "guid", "id"} and (element.text or "").strip():
        yield element.text.strip()
    is_entry = element.get("rel", "alternate") == "alternate" and not element.tag.startswith(_XHTML)
    if name == "link" and is_entry and element.get("href"):
        yield element.get("href").strip()


def _json_urls(document: bytes) -> Iterator[str]:
    try:
        feed = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise SiteError(f"is not well-formed JSON ({error})") from None
    items = feed.get("items")
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield from (str(item[key]) for key in ("url", "id") if key in item)
