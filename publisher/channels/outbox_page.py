"""The page of an outbox: every announcement as its readers would see it. Pure but for its template.

Nothing in a message is trusted: Jinja escapes every text, and the HTML of a mail lives in a
sandboxed frame under a policy that runs no script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from itertools import groupby
from typing import Any, Literal
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

Shape = Literal["plain", "x", "linkedin", "newsletter"]

URL = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]}]")
MARKED = re.compile(rf"(?P<url>{URL.pattern})|(?<![\w&/])(?P<tag>[#@]\w+)")

FRAME_STYLE = (
    "body{font:16px/1.55 Georgia,'Times New Roman',serif;color:#222;background:#fff;"
    "margin:20px 24px;overflow-wrap:anywhere}h1,h2,h3{font-family:system-ui,sans-serif;"
    "line-height:1.25}h1{font-size:1.45em;margin-top:0}a{color:#1a5fb4}img{max-width:100%}"
    "@media(prefers-color-scheme:dark){body{color:#e4e4e4;background:#1d1f23}a{color:#8ab4f8}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One announcement as kept in the folder."""

    channel: str
    key: str
    shape: Shape
    site: str
    site_url: str
    text: str
    length: int
    limit: int | None
    subject: str | None
    html: str | None
    link: str
    title: str
    description: str
    image: str | None  # as the message names it
    image_file: str | None  # beside the page
    alt: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Entry:
        """Read what ``to_dict`` wrote.

        :raises KeyError, TypeError: when it is something else.
        """
        return cls(**{field.name: data[field.name] for field in fields(cls)})

    @property
    def anchor(self) -> str:
        return self.key[:16]

    @property
    def picture(self) -> str | None:
        """Give what the page shows; only web addresses and our own files, no other scheme."""
        if self.image_file:
            return self.image_file
        return self.image if urlsplit(self.image or "").scheme in ("http", "https") else None

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.length > self.limit

    @property
    def fill(self) -> int:
        """Give how much of the limit is used, in percent, 100 at most."""
        return min(100, round(100 * self.length / self.limit)) if self.limit else 0

    @property
    def frame(self) -> str:
        """Give the mail as a document of its own."""
        body = self.html if self.html is not None else f"<pre>{escape(self.text)}</pre>"
        return f"<!doctype html><meta charset=utf-8><style>{FRAME_STYLE}</style>{body}"

    @property
    def frame_height(self) -> int:
        """Guess the height of the mail in pixels; a frame without scripts cannot say it."""
        paragraphs = [line for line in self.text.splitlines() if line]
        rows = sum(1 + len(line) // 42 for line in paragraphs)
        return min(620, 50 + 26 * rows + 18 * len(paragraphs))


def render_page(entries: Sequence[Entry]) -> str:
    """Write the page; ``entries`` are sorted by link. The same entries give the same bytes."""
    sandbox = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    sandbox.filters.update(links=mark_links, marks=mark_all, domain=domain, initial=initial)
    source = files("publisher.channels").joinpath("outbox.html.j2").read_text(encoding="utf-8")
    posts = [(link, list(group)) for link, group in groupby(entries, key=lambda e: e.link)]
    sites = list(dict.fromkeys(entry.site for entry in entries))
    page = sandbox.from_string(source).render(posts=posts, sites=sites, count=len(entries))
    return page.encode(errors="replace").decode()


def mark_links(text: str) -> Markup:
    """Escape a text and colour its links."""
    return _mark(URL, text)


def mark_all(text: str) -> Markup:
    """Escape a text and colour its links, hashtags and names."""
    return _mark(MARKED, text)


def domain(url: str) -> str:
    """Give the host of a URL as cards show it."""
    return (urlsplit(url).hostname or url).removeprefix("www.")


def initial(name: str) -> str:
    """Give the letter that stands in an avatar."""
    return next((letter for letter in name if letter.isalnum()), "•").upper()


def _mark(pattern: re.Pattern[str], text: str) -> Markup:
    parts, end = [], 0
    for match in pattern.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(_anchor(match.group()))
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _anchor(found: str) -> Markup:
    if found.startswith(("#", "@")):
        return Markup('<span class="mark">{}</span>').format(found)
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(found, found)
