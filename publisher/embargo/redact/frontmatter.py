"""Says what stands in the frontmatter of a page under embargo, and writes it. Pure.

What is not known to be structure is text: it becomes filler of like length, so that a generator
that checks the shape of its frontmatter still finds it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from publisher.config.settings import SiteSettings
from publisher.embargo.redact.filler import Filler
from publisher.embargo.redact.text import IMAGE_PATH, Images
from publisher.model import Embargo, Post
from publisher.model.errors import PublisherError
from publisher.text.frontmatter import Document
from publisher.text.times import parse_date

# All keys in small letters: Hugo and Pelican read them in any case.
_SHOWN = frozenset({"title", "description", "teaser"})
_DATES = frozenset(
    {"date", "reveal", "time", "created", "updated", "updateddate", "modified", "lastmod"}
    | {"pubdate", "publishdate", "expirydate", "expires", "last_modified_at"}
)
_ADDRESSES = frozenset({"id", "slug", "url", "permalink", "save_as", "path"})  # of this page
_OTHER_ADDRESSES = frozenset({"aliases", "redirect_from", "redirect_to"})
# Another word fails the build or gives another page. Of these stays what is no sentence: switches,
# numbers, dates, names and paths.
_STRUCTURE = frozenset(
    {"embargo", "translationkey", "translation_id", "lang", "language", "locale", "series"}
    | {"layout", "template", "type", "kind", "page", "outputs", "markup", "render", "build"}
    | {"_build", "sitemap", "robots", "hide", "icon", "pagination", "templateengineoverride"}
    | {"outline", "aside", "sidebar", "navbar", "pageclass", "dir", "weight", "order"}
    | {"nav_order", "sidebar_position"}
)
# Without these a page still builds. `head` is markup: filler in it would be tags that are none.
_DROPPED = frozenset({"announce", "head"})
# These make a page of every tag and category by themselves, and check none: there they are left
# out, but for a category that is in every URL. To others' schemas tags are one word of filler, the
# same for all posts, so that it makes one page at most.
_CATEGORIES = frozenset({"category", "categories"})
_TAGS = frozenset({"tags", "keywords"})
# Names that generators and schemas look up: one word is such a name, more are text.
_LOOKED_UP = _CATEGORIES | {"author", "authors"}
_PICTURES = frozenset({"image", "src", "cover", "thumbnail", "banner", "avatar", "photo"})
_OF_SERIES = frozenset({"name", "part", "parts"})
_SETTINGS = frozenset({"after", "at"})  # of an announcement; all else in it are its words

_NAME = re.compile(r"[\w./@:+#-]{1,60}")
_NAME_WORDS, _PATH_WORDS, _LETTERS = 5, 7, 12  # a longer one is a sentence, with marks for blanks
_KEY = re.compile(r"[a-z_$@:][\w$@:.-]{0,39}", re.ASCII)
_TOP_KEY = re.compile(r"\S{1,40}")
_KEY_WORDS, _TOP_KEY_WORDS = 4, 6
_WORD = re.compile(r"[^\W\d_a-z]*[^\W\d_A-Z]+|[^\W\d_]+|\d+")
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_MAIL = re.compile(r"(mailto:)?[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+", re.IGNORECASE)
_PATH = re.compile(r"(?:\.{0,2}/|#)\S*")
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_BLANK_URL, _BLANK_MAIL = "https://example.org/", "mail@example.org"


def staged_metadata(
    document: Document, post: Post, site: SiteSettings, policy: Embargo, *, image: Images
) -> dict[str, Any]:
    """Give the frontmatter of the page under embargo, in the order of the file's.

    With ``teaser`` texts are empty rather than filler. What the generator's record says of
    staged pages comes over everything, and last.
    """
    stager = _Stager(
        site=site,
        seed=post.id,
        image=image,
        at=post.release_at or _SOME_DAY,
        has_filler=policy is not Embargo.TEASER,
    )
    staged = stager.document(document)
    said = dict(site.generator.staged)
    if isinstance(head := staged.get("head"), list) and "head" in said:
        said["head"] = [*head, *said["head"]]  # the file's own is there when jobs.yaml keeps it
    over = {key.lower() for key in said}
    return {k: v for k, v in staged.items() if k.lower() not in over} | said


def texts_in(document: Document, site: SiteSettings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the texts of the frontmatter that are embargoed, and those that stay as they are.

    What is embargoed is replaced on the page, or is not there at all.
    """
    stager = _Stager(site=site, seed="", image=lambda target: target)
    stager.document(document)
    return tuple(dict.fromkeys(stager.hidden)), tuple(dict.fromkeys(stager.shown))


@dataclass(slots=True)
class _Stager:
    """Walks through frontmatter; collects what it hides, and what it keeps."""

    site: SiteSettings
    seed: str
    image: Images
    at: datetime = _SOME_DAY  # in the place of other dates
    has_filler: bool = True
    hidden: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def document(self, document: Document) -> dict[str, Any]:
        generator = self.site.generator
        kept = _SHOWN | {key.lower() for key in (generator.state_key, *self.site.keep)}
        dates = _DATES | {key.lower() for key in generator.date_keys}
        listed = _TAGS | _CATEGORIES if generator.lists_tags else frozenset()
        listed |= frozenset(generator.taxonomies)
        staged = {}
        for key, value in document.metadata.items():
            name = key.lower()
            if name in kept or (isinstance(value, str) and self._is_declared(name, value, dates)):
                staged[key] = value
                self.shown += _texts(value)
            elif name in _DROPPED or not _is_key(key, _TOP_KEY):
                self.hidden += [key] if name not in _DROPPED else []
                self.hidden += _texts(value)
            elif name in listed and not isinstance(value, dict):
                staged[key] = self._listed(value)
            elif name in _TAGS:
                staged[key] = self._tags(value)
            elif name in _OTHER_ADDRESSES:
                staged[key] = self._addresses(value)
            else:
                is_structure = name in _STRUCTURE or name in dates
                staged[key] = self._value(value, (key,), is_structure=is_structure)
        return staged

    def _is_declared(self, name: str, text: str, dates: Collection[str]) -> bool:
        return name in _ADDRESSES or (name in dates and _may_be_date(text))

    def _listed(self, value: Any) -> Any:
        """Leave only what the URL of every post holds anyway."""
        items = value if isinstance(value, list) else [value]
        public = set((self.site.post_url or "").lower().split("/")) - {""}
        kept = [item for item in items if isinstance(item, str) and item.lower() in public]
        self.shown += kept
        self.hidden += _texts([item for item in items if item not in kept])
        return kept if isinstance(value, list) else value if kept else ""

    def _tags(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._value(value, ("tags",))
        self.hidden += _texts(value)
        word = Filler("tags").phrase("words")
        if isinstance(value, list):
            return [word] if value else []
        return word if isinstance(value, str) and value.strip() else value

    def _addresses(self, value: Any) -> Any:
        items = value if isinstance(value, list) else [value]
        kept = [item for item in items if not isinstance(item, str) or _is_address(item)]
        self.shown += _texts(kept)
        self.hidden += _texts([item for item in items if item not in kept])
        return kept if isinstance(value, list) else value if kept else ""

    def _value(self, value: Any, path: tuple[str, ...], *, is_structure: bool = False) -> Any:
        if isinstance(value, dict):
            return self._mapping(value, path, is_structure=is_structure)
        if isinstance(value, list):
            items = [
                self._value(item, (*path, str(n)), is_structure=is_structure)
                for n, item in enumerate(value)
            ]
            return items if self.has_filler else [item for item in items if item != ""]
        if isinstance(value, str):
            if not value.strip():
                return value
            if is_structure and (_is_name(value) or _looks_like_date(value)):
                self.shown.append(value)
                return value
            return self._text(value, path)
        return value if is_structure else self._plain(value)

    def _mapping(
        self, value: dict[Any, Any], path: tuple[str, ...], *, is_structure: bool
    ) -> dict[Any, Any]:
        """Leave out the keys that are words of the text rather than the names of fields."""
        staged = {}
        for key, item in value.items():
            if is_structure and path[0].lower() == "series" and len(path) == 1 and key == "name":
                staged[key] = item
                self.shown += _texts(item)
            elif isinstance(key, bool | None) or _is_key(str(key), _KEY):
                is_part = is_structure and (path[0].lower() != "series" or key in _OF_SERIES)
                staged[key] = self._value(item, (*path, str(key)), is_structure=is_part)
            else:
                self.hidden += [str(key), *_texts(item)]
        return staged

    def _plain(self, value: Any) -> Any:
        """Give a value of the same type that says nothing: numbers of at least one, our own day."""
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return type(value)(1)
        local = self.at.astimezone(self.site.zone)
        if isinstance(value, datetime):
            return local.replace(tzinfo=None) if value.tzinfo is None else local
        if isinstance(value, date):
            return local.date()
        return local.time() if isinstance(value, time) else value

    def _day(self, text: str) -> str:
        """Give our own day in the form of another."""
        local = self.at.astimezone(self.site.zone)
        if len(text.strip()) <= len("2027-03-09"):
            return f"{local:%Y-%m-%d}"
        return local.isoformat() if "T" in text else f"{local:%Y-%m-%d %H:%M}"

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        if _COLOUR.fullmatch(text):
            return text
        if _looks_like_date(text):
            return self._day(text)
        names = [key.lower() for key in path]
        if names[0] in _LOOKED_UP and all(name.isdecimal() for name in names[1:]):
            public = (self.site.post_url or "").lower().split("/")
            if _is_name(text) or text.lower() in public:
                self.shown.append(text)
                return text
        is_address = bool(_URL.fullmatch(text) or _PATH.fullmatch(text))
        if _is_image(text) or (is_address and names[-1] in _PICTURES):
            return self.image(text)
        self.hidden.append(text)
        if mail := _MAIL.fullmatch(text):
            return f"{mail[1] or ''}{_BLANK_MAIL}"
        if is_address:
            return _BLANK_URL if _URL.fullmatch(text) else "#"
        if re.fullmatch(r"\d+", text):
            return "1"
        return Filler(" ".join((self.seed, *path))).phrase(text) if self.has_filler else ""


def _is_key(key: str, pattern: re.Pattern[str]) -> bool:
    most = _TOP_KEY_WORDS if pattern is _TOP_KEY else _KEY_WORDS
    return bool(pattern.fullmatch(key)) and len(_WORD.findall(key)) <= most


def _is_name(text: str) -> bool:
    """Tell whether a text is a name or path that a generator looks up."""
    if not _NAME.fullmatch(text) or (not text.isascii() and len(text) > _LETTERS):
        return False
    return len(_WORD.findall(text)) <= (_PATH_WORDS if "/" in text else _NAME_WORDS)


def _is_address(text: str) -> bool:
    return not re.search(r"\s", text) and (text.isascii() or "/" in text)


def _may_be_date(text: str) -> bool:
    """Tell whether a text may be a date in any form, such as "March 9, 2027 at 9 pm"."""
    words, numbers = re.findall(r"[^\W\d_]+", text), re.findall(r"\d+", text)
    return len(text) <= 40 and len(words) <= (4 if len(numbers) > 1 else len(numbers))


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
