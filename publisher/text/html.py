"""Pure readers of what generators write: the text of a page, the URLs of a feed or sitemap.

Two texts are compared by ``fold``, which forgets all that typographers and themes change.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, ParseError, iterparse

import regex

from publisher.model.errors import SiteError

_COMMENT_END = re.compile(r"--!?\s*>")
_INVISIBLE = regex.compile(r"\p{Cf}+")  # soft hyphens, zero-width spaces, direction marks
_BETWEEN_WORDS = regex.compile(r"[^\p{L}\p{M}\p{N}]+")

_DROPPED = frozenset({"script", "style", "template"})
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i"}
    | {"ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time"}
    | {"tt", "u", "var", "wbr"}
)
_ROBOTS = frozenset({"robots", "googlebot"})
_TELLING = frozenset({"a", "area", "base", "img", "link", "meta"})

LISTING_BYTES = 52_428_800  # the largest sitemap allowed: sitemaps.org/protocol.html, 2026-11-20
_GZIP = b"\x1f\x8b"
_XHTML = "{http://www.w3.org/1999/xhtml}"  # in sitemaps: other languages of an entry
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"


def fold(text: str) -> str:
    """Reduce a text to its words in NFKC, one space between them, case kept.

    Quotes, dashes, ellipses, blanks and emoji fall away: typographers and themes replace them.
    """
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return str(_BETWEEN_WORDS.sub(" ", visible)).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a reader, a search engine and a maker of link cards get from an HTML page.

    Addresses are as written; those of ``links`` are relative to ``base`` where there is one.
    ``cards`` has the values of each Open Graph and Twitter tag, in order, empty ones left out.
    ``alts`` are the texts that stand for images.
    """

    text: str
    is_noindex: bool
    canonicals: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    alts: tuple[str, ...] = ()
    base: str = ""
    cards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_page(html: str) -> Page:
    """Read a page; what scripts, styles and templates hold is not on it."""
    reader = _PageReader()
    reader.feed(_without_open_ends(html))
    reader.close()
    return Page(
        text="".join(reader.pieces),
        is_noindex=reader.is_noindex,
        canonicals=tuple(reader.canonicals),
        links=tuple(reader.links),
        alts=tuple(reader.alts),
        base=reader.base,
        cards={name: tuple(values) for name, values in reader.cards.items()},
    )


def _without_open_ends(html: str) -> str:
    """Take marks that begin what never ends for text: the parser would look on from each."""
    closed = max((match.end() for match in _COMMENT_END.finditer(html)), default=0)
    html = html[:closed] + html[closed:].replace("<!--", "&lt;!--")
    end = html.rfind(">") + 1
    return html[:end].replace("<![", "<!_[") + html[end:].replace("<", "&lt;")


class _PageReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.is_noindex = False
        self.canonicals: list[str] = []
        self.links: list[str] = []
        self.alts: list[str] = []
        self.base = ""
        self.cards: dict[str, list[str]] = {}
        self._dropped_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self._dropped_depth += 1
        if tag in _TELLING:
            given = {name: (value or "").strip() for name, value in reversed(attrs)}
            if tag == "meta":
                self._take_meta(given)
            elif tag == "img":
                self.alts += [given["alt"]] if given.get("alt") and not self._dropped_depth else []
            elif not self._dropped_depth and given.get("href"):
                self._take_address(tag, given)
        self._separate(tag)

    def _take_meta(self, given: Mapping[str, str]) -> None:
        name, content = given.get("name", "").lower(), given.get("content", "")
        rules = regex.split(r"[\s,]+", content.lower())
        if name in _ROBOTS and not {"noindex", "none"}.isdisjoint(rules):
            self.is_noindex = True
        name = given.get("property", "").lower() or name
        if content and not self._dropped_depth and name.startswith(("og:", "twitter:")):
            self.cards.setdefault(name, []).append(content)

    def _take_address(self, tag: str, given: Mapping[str, str]) -> None:
        if tag == "base":
            self.base = self.base or given["href"]
        elif tag in {"a", "area"}:
            self.links.append(given["href"])
        elif "canonical" in given.get("rel", "").lower().split():
            self.canonicals.append(given["href"])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:  # the slash means nothing in HTML, but generators do write it
            return
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _DROPPED:
            self._dropped_depth = max(0, self._dropped_depth - 1)
        self._separate(tag)

    def handle_data(self, data: str) -> None:
        if not self._dropped_depth:
            self.pieces.append(data)

    def _separate(self, tag: str) -> None:
        if tag not in _INLINE:
            self.pieces.append(" ")


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
    urls: list[str] = []
    bases = [""]
    is_index = False
    try:
        # expat loads no external entities and bounds the internal ones
        for event, element in iterparse(BytesIO(document), ("start", "end")):  # noqa: S314
            if event == "start":
                bases.append(_joined(bases[-1], element.get(_XML_BASE, "")))
                continue
            base = bases.pop()
            urls += [_joined(base, url) for url in _entry_urls(element)]
            is_index = is_index or _local_name(element) == "sitemapindex"
            element.clear()
    except ParseError as error:
        raise SiteError(f"is not well-formed XML ({error})") from None
    return Listing(parts=tuple(urls)) if is_index else Listing(urls=tuple(urls))


def _unpacked(document: bytes) -> bytes:
    if not document.startswith(_GZIP):
        return document
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(document, LISTING_BYTES)
    except zlib.error as error:
        raise SiteError(f"is not well-formed gzip ({error})") from None


def _joined(base: str, url: str) -> str:
    """Give an address relative to another; one that nobody could follow stays as written."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def _entry_urls(element: Element) -> Iterator[str]:
    name = _local_name(element)
    if name in {"loc", "link", "guid", "id"} and element.text and element.text.strip():
        yield element.text.strip()
    is_entry = element.get("rel", "alternate") == "alternate" and not element.tag.startswith(_XHTML)
    if name == "link" and is_entry and element.get("href"):
        yield element.get("href", "").strip()


def _local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _json_urls(document: bytes) -> Iterator[str]:
    try:
        feed = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise SiteError(f"is not well-formed JSON ({error})") from None
    items = feed.get("items")
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield from (str(item[key]) for key in ("url", "id") if key in item)
