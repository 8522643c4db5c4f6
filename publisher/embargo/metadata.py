"""Says what stands in the frontmatter of a page under embargo, and writes it. Pure.

What is not known to be structure is text: it becomes filler of like length, so that a generator
that checks the shape of its frontmatter still finds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import yaml

from publisher.embargo.filler import Filler
from publisher.embargo.structure import IMAGE_PATH, Images
from publisher.errors import PublisherError
from publisher.frontmatter import Document, Format
from publisher.model import Embargo, Post
from publisher.settings import SiteSettings
from publisher.times import parse_date

# Keys whose values stay, in small letters: Hugo and Pelican read them in any case.
KEPT = frozenset(
    # what may be seen of a post from the first day
    {"title", "description", "teaser"}
    # what tells when, and which post it is
    | {"reveal", "time", "id", "slug", "series", "embargo"}
    # dates in forms of which not all look like one
    | {"date", "created", "updated", "updateddate", "modified", "lastmod", "pubdate"}
    | {"publishdate", "expirydate", "expires", "last_modified_at"}
    # where the page is: a bookmarked URL must stay
    | {"url", "permalink", "save_as", "path", "aliases", "redirect_from", "redirect_to"}
    | {"translationkey", "translation_id", "lang", "language", "locale"}
    # how it is built: another word fails the build or gives another page
    | {"layout", "template", "type", "kind", "page", "outputs", "markup", "render", "build"}
    | {"_build", "sitemap", "robots", "hide", "icon", "pagination", "templateengineoverride"}
    | {"outline", "aside", "sidebar", "navbar", "pageclass", "dir", "weight", "order"}
)
# Without these a page still builds. `head` is markup: filler in it would be tags that are none.
_DROPPED = frozenset({"announce", "head"})
# Empty, lest filler becomes a page of its own; a category that is in every URL stays.
_TAXONOMIES = frozenset({"tags", "categories", "category", "keywords"})
# Names that generators look up: one word is such a name, more are text.
_LOOKED_UP = frozenset({"author", "authors"})
_PICTURES = frozenset({"image", "src", "cover", "thumbnail", "banner", "avatar", "photo"})
_OF_SERIES = frozenset({"name", "part", "parts"})
_SETTINGS = frozenset({"after", "at"})  # of an announcement; all else in it are its words

_NAME = re.compile(r"[\w.@-]{1,40}")
_KEY = re.compile(r"\S{1,60}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_MAIL = re.compile(r"(mailto:)?[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+", re.IGNORECASE)
_PATH = re.compile(r"(?:\.{0,2}/|#)\S*")
_BLANK_URL, _BLANK_MAIL = "https://example.org/", "mail@example.org"


def staged_metadata(
    document: Document, post: Post, site: SiteSettings, policy: Embargo, *, image: Images
) -> dict[str, Any]:
    """Give the frontmatter of the page under embargo, in the order of the file's.

    With ``teaser`` texts are empty rather than filler. What the generator's preset says of staged
    pages comes over everything, and last.
    """
    stager = _Stager(site=site, seed=post.id, image=image, has_filler=policy is not Embargo.TEASER)
    staged = stager.document(document)
    over = {key.lower() for key in site.preset.staged}
    return {k: v for k, v in staged.items() if k.lower() not in over} | dict(site.preset.staged)


def hidden_values(document: Document, site: SiteSettings) -> tuple[str, ...]:
    """Give the texts of the frontmatter that are embargoed: replaced, or not there at all."""
    stager = _Stager(site=site, seed="", image=lambda target: target)
    stager.document(document)
    return tuple(dict.fromkeys(stager.hidden))


def shown_values(document: Document, site: SiteSettings) -> tuple[str, ...]:
    """Give the texts of the frontmatter that a page under embargo has as they are."""
    stager = _Stager(site=site, seed="", image=lambda target: target)
    stager.document(document)
    return tuple(dict.fromkeys(stager.shown))


@dataclass(slots=True)
class _Stager:
    """Walks through frontmatter; collects what it hides, and what it keeps."""

    site: SiteSettings
    seed: str
    image: Images
    has_filler: bool = True
    hidden: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def document(self, document: Document) -> dict[str, Any]:
        preset = self.site.preset
        kept = KEPT | {key.lower() for key in (*preset.date_keys, *self.site.keep)}
        kept |= {preset.state_key.lower()}
        staged = {}
        for key, value in document.metadata.items():
            name = key.lower()
            if name == "series" and isinstance(value, dict) and name not in self.site.keep:
                staged[key] = self._series(value, key)
            elif name in kept:
                staged[key] = value
                self.shown += _texts(value)
            elif name in _DROPPED:
                self.hidden += _texts(value)
            elif name in _TAXONOMIES:
                staged[key] = self._taxonomy(value)
            else:
                staged[self._key(key, ())] = self._value(value, (key,))
        return staged

    def _series(self, value: dict[Any, Any], key: str) -> dict[Any, Any]:
        rest = {name: item for name, item in value.items() if name not in _OF_SERIES}
        staged: dict[Any, Any] = self._value(rest, (key,))
        kept = {name: item for name, item in value.items() if name in _OF_SERIES}
        self.shown += _texts(kept)
        return kept | staged

    def _taxonomy(self, value: Any) -> Any:
        """Leave only what the URL of every post holds anyway."""
        public = set(self.site.post_url.lower().split("/"))
        if isinstance(value, list):
            return [item for item in value if self._is_public(item, public)]
        if isinstance(value, str):
            return value if self._is_public(value, public) else ""
        return self._value(value, ("tags",))

    def _is_public(self, item: Any, public: set[str]) -> bool:
        if isinstance(item, str) and item.lower() in public and item:
            return True
        self.hidden += _texts(item)
        return False

    def _value(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {
                self._key(key, path): self._value(item, (*path, str(key)))
                for key, item in value.items()
            }
        if isinstance(value, list):
            items = [self._value(item, (*path, str(n))) for n, item in enumerate(value)]
            return items if self.has_filler else [item for item in items if item != ""]
        return self._text(value, path) if isinstance(value, str) and value.strip() else value

    def _key(self, key: Any, path: tuple[str, ...]) -> Any:
        """Keep a key that is a name; a sentence for a key is text."""
        if not isinstance(key, str) or _KEY.fullmatch(key):
            return key
        self.hidden.append(key)
        return Filler(" ".join((self.seed, *path, str(len(self.hidden))))).phrase(key)

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        if _looks_like_date(text) or _COLOUR.fullmatch(text):
            return text
        names = [key.lower() for key in path]
        is_of_top = all(name.isdecimal() for name in names[1:])
        if names[0] in _LOOKED_UP and is_of_top and _NAME.fullmatch(text):
            return text
        is_address = bool(_URL.fullmatch(text) or _PATH.fullmatch(text))
        if _is_image(text) or (is_address and names[-1] in _PICTURES):
            return self.image(text)
        self.hidden.append(text)
        if mail := _MAIL.fullmatch(text):
            return f"{mail[1] or ''}{_BLANK_MAIL}"
        if is_address:
            return _BLANK_URL if _URL.fullmatch(text) else "#"
        return Filler(" ".join((self.seed, *path))).phrase(text) if self.has_filler else ""


def _texts(value: Any) -> Iterator[str]:
    """Give the texts in a value, but for the settings of an announcement."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in _SETTINGS:
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str) and value.strip():
        yield value


def _looks_like_date(text: str) -> bool:
    try:
        parse_date(text)
    except PublisherError:
        return False
    return True


def _is_image(text: str) -> bool:
    has_blank = bool(re.search(r"\s", text))
    return bool(IMAGE_PATH.search(text)) and (
        not has_blank or bool(re.match(r"\.{0,2}/|https?://", text))
    )


# --- writing ---------------------------------------------------------------------------------


def write_document(
    format: Format,  # noqa: A002 - as in Document
    metadata: Mapping[str, Any],
    body: str,
    *,
    plain: bool = False,
) -> str:
    """Write a content file; ``frontmatter.parse`` reads the same values and body from it.

    ``plain`` is for Pelican, which reads no YAML though the block looks like it: one line per
    key, lists with commas, and quotes only where YAML could not do without.
    """
    if format == "toml":
        lines = (f"{_toml_key(k)} = {_toml(v)}\n" for k, v in metadata.items() if v is not None)
        return f"+++\n{''.join(lines)}+++\n{body}"
    if format == "json":
        text = json.dumps(dict(metadata), ensure_ascii=False, indent=2, default=str)
        return f"{text}\n{body}"
    if plain:
        return f"---\n{''.join(_plain_line(k, v) for k, v in metadata.items())}---\n{body}"
    text = yaml.dump(
        dict(metadata), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=2**31
    )
    return f"---\n{text}---\n{body}"


class _Dumper(yaml.SafeDumper):
    """Writes YAML that means the same to readers of YAML 1.1 and 1.2."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Quote what is no word: 1e3, 0o14 and 12:30 are numbers to some readers, y is true."""
    is_word = bool(re.match(r"[^\W\d_]", text)) and text.lower() not in {"y", "n"}
    style = '"' if not text.isprintable() else None if is_word else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _yaml_instant(dumper: yaml.SafeDumper, at: datetime) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", at.isoformat())


_Dumper.add_representer(str, _yaml_text)
_Dumper.add_representer(datetime, _yaml_instant)
_Dumper.add_representer(time, lambda dumper, at: _yaml_text(dumper, at.isoformat()))


def _toml(value: Any) -> str:
    """Write a value on one line: tables and arrays may stand in it."""
    if isinstance(value, Mapping):
        pairs = (f"{_toml_key(k)} = {_toml(v)}" for k, v in value.items() if v is not None)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value if item is not None)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    return _toml_text(str(value))


def _toml_key(key: Any) -> str:
    return str(key) if re.fullmatch(r"[A-Za-z0-9_-]+", str(key)) else _toml_text(str(key))


def _toml_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain_line(key: str, value: Any) -> str:
    text = _plain(value)
    is_plain = re.match(r"[^\W_]|\Z", text) and not re.search(r": |:\Z| #", text)
    return f"{key}: {text if is_plain else json.dumps(text, ensure_ascii=False)}".rstrip() + "\n"


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_plain, value)))
    if isinstance(value, Mapping):
        return ", ".join(filter(None, map(_plain, value.values())))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else " ".join(str(value).split())
