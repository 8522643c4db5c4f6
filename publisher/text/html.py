"""Reads what a page says: its text, links, card and robots rules. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

import regex

_INVISIBLE = regex.compile(r"\p{Cf}+")  # soft hyphens, zero-width spaces, direction marks
_BETWEEN_WORDS = regex.compile(r"[^\p{L}\p{M}\p{N}]+")

_DROPPED = frozenset({"script", "style", "template"})
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i"}
    | {"ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time"}
    | {"tt", "u", "var", "wbr"}
)
_ROBOTS = frozenset({"robots", "googlebot"})


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
    ``alts`` are the texts that stand for images. ``is_noindex_in_head`` leaves out a rule that
    stands in the body or in ``noscript``, where not every search engine looks.
    """

    text: str
    is_noindex: bool
    is_noindex_in_head: bool
    canonicals: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    alts: tuple[str, ...] = ()
    base: str = ""
    cards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_page(html: str | bytes) -> Page:
    """Read a page; what scripts, styles and templates hold is not on it.

    A broken page is read as a browser reads it, in time linear to its length. Bytes are UTF-8.
    """
    from lxml import etree  # not where the program starts

    parser = etree.HTMLParser(target=_Reader(), encoding="utf-8", huge_tree=True)
    text = html.decode(errors="replace") if isinstance(html, bytes) else html
    parser.feed(text.encode(errors="replace") or b" ")
    page: Page = parser.close()
    return page


class _Reader:
    """Takes the events of the parser, and gives the page at the end."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._found: dict[str, list[str]] = {"canonical": [], "a": [], "img": [], "base": []}
        self._cards: dict[str, list[str]] = {}
        self._robots: set[bool] = set()  # for each rule, whether it stands in the head
        self._dropped_depth = 0
        self._is_head = True

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._dropped_depth += tag in _DROPPED
        self._is_head = self._is_head and tag not in ("body", "noscript")
        if tag == "meta":
            self._take_meta(attributes)
        elif not self._dropped_depth:
            if tag == "img":
                self._keep("img", attributes.get("alt"))
            elif tag in ("a", "area"):
                self._keep("a", attributes.get("href"))
            elif tag == "base" or (
                tag == "link" and "canonical" in attributes.get("rel", "").lower().split()
            ):
                self._keep("base" if tag == "base" else "canonical", attributes.get("href"))
        self._separate(tag)

    def _take_meta(self, attributes: Mapping[str, str]) -> None:
        name = attributes.get("name", "").strip().lower()
        content = attributes.get("content", "").strip()
        rules = re.split(r"[\s,]+", content.lower())
        if name in _ROBOTS and not {"noindex", "none"}.isdisjoint(rules):
            is_in_head = self._is_head and not self._dropped_depth and name == "robots"
            self._robots.add(is_in_head)
        name = attributes.get("property", "").strip().lower() or name
        if content and not self._dropped_depth and name.startswith(("og:", "twitter:")):
            self._cards.setdefault(name, []).append(content)

    def _keep(self, kind: str, value: str | None) -> None:
        if value and value.strip():
            self._found[kind].append(value.strip())

    def end(self, tag: str) -> None:
        self._dropped_depth = max(0, self._dropped_depth - (tag in _DROPPED))
        self._separate(tag)

    def data(self, text: str) -> None:
        if not self._dropped_depth:
            self._pieces.append(text)

    def _separate(self, tag: str) -> None:
        if tag not in _INLINE:
            self._pieces.append(" ")

    def close(self) -> Page:
        found = self._found
        return Page(
            text="".join(self._pieces),
            is_noindex=bool(self._robots),
            is_noindex_in_head=True in self._robots,
            canonicals=tuple(found["canonical"]),
            links=tuple(found["a"]),
            alts=tuple(found["img"]),
            base="".join(found["base"][:1]),
            cards={name: tuple(values) for name, values in self._cards.items()},
        )
