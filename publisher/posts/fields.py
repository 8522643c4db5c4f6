"""Reads a post out of its frontmatter, and says all that is wrong with it at once.

A fault in what decides whether, when, where or with which words a post goes out is an error, and
there is no post then; a fault in what only decorates is a warning, and the field stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from publisher.config.settings import SiteSettings
from publisher.generators.base import as_yaml
from publisher.generators.file_kinds import INDEX_PAGES
from publisher.model import Embargo, Image, Post, PostId, PostState, Problem, Series
from publisher.model.errors import PublisherError
from publisher.posts.announce_rules import read_rules
from publisher.posts.identities import LENGTH, id_of
from publisher.posts.images import find_image
from publisher.posts.problems import ProblemList
from publisher.text.frontmatter import Document
from publisher.text.markdown import first_heading
from publisher.text.times import Instant, end_of_day, resolve_instant

_UNUSABLE = re.compile(r"[/\\\x00-\x1f\x7f-\x9f]")
_IMAGE_KEYS = ("image", "src", "url", "path", "img", "feature", "teaser", "og_image")
_SOURCES = ("src/content", "src/pages", "content", "docs", "src")  # where pages usually are
_DATE_HINT = "write reveal: 2027-03-09"

_OTHER_LANGUAGE = re.compile(r"---[ \t]*([A-Za-z]{1,20})[ \t]*\r?$", re.MULTILINE)  # of Eleventy
_DATED_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(.+)", re.ASCII)


@dataclass(slots=True)
class Reader:
    """Reads one document of a site; collects its problems.

    ``below_root`` is the file's path below the site's root.
    """

    document: Document
    site: SiteSettings
    below_root: str = ""
    _found: ProblemList = field(init=False)

    def __post_init__(self) -> None:
        self._found = ProblemList(self.document)

    @property
    def problems(self) -> list[Problem]:
        return self._found.problems

    def read(self, digest: str) -> Post | None:
        """Give the post; ``None`` when there is an error, or when the file is no post."""
        if not self._is_post():
            return None
        released = self._found.attempt("bad-date", self._date_key() or "date", self._release)
        state, explicit = self._found.attempt(
            "bad-state", self.site.generator.state_key, self._state
        ) or (
            PostState.DRAFT,
            True,
        )
        embargo = self._embargo()
        withheld = self._withheld(embargo) if state is PostState.PUBLISHED else None
        at = released.at if released else None
        is_coming = state is not PostState.PUBLISHED or withheld is not None
        given = self._word("id")
        post_id, title = self._id(given), self._title()
        slug = self._slug(title)
        post = Post(
            id=post_id,
            has_own_id=given is not None,
            path=self.document.path,
            digest=digest,
            text_digest=_digest_of(title, self.document.body),
            state=state,
            explicit=explicit,
            release_at=at,
            withheld_until=withheld,
            release_zone_note=released.note if released else "",
            title=title or self._title_of_name(),
            has_title=bool(title),
            # of what is public nothing is announced any more
            description=self._text(
                "description",
                *self.site.keys.description,
                is_wanted=is_coming,
            ),
            slug=slug,
            url=self._url(given or stem_of(self.document.path), slug, at or withheld),
            tags=self._tags(),
            series=self._series(),
            hero=self._hero(),
            teaser=self._text("teaser", "teaser", is_wanted=False) or None,
            embargo=embargo,
            announce_off=self._get("announce") is False,
            announce=read_rules(self._get("announce"), state, self.site, self._found),
        )
        is_dated = bool(at or withheld) or self._found.has("bad-date")
        if not is_dated and state is not PostState.DRAFT:
            self._found.warn("no-date", "", "has no release date", _DATE_HINT)
        return None if any(p.severity == "error" for p in self.problems) else post

    # --- what it says --------------------------------------------------------------------

    def _get(self, key: str) -> Any:
        metadata = self.document.metadata
        name = key if key in metadata else self.site.generator.written(metadata, key)
        return metadata.get(name) if name else None

    def _first(self, keys: Sequence[str]) -> tuple[str, Any]:
        """Give the first of these keys that says something, and what it says.

        ``cover.image`` is the key ``image`` in the mapping ``cover``; the key is the whole one's.
        """
        for key in keys:
            name, _, inner = key.partition(".")
            value = self._get(name)
            if inner and key not in self.document.metadata:
                value = value.get(inner) if isinstance(value, dict) else None
            if value not in (None, "", [], {}):
                return name, value
        return keys[0], None

    def _dated_name(self) -> re.Match[str] | None:
        """Give the date that the file's name begins with, and the rest of the name."""
        found = _DATED_NAME.fullmatch(stem_of(self.document.path))
        if found and not self.site.generator.dated_names:
            with suppress(ValueError):
                date.fromisoformat(found[1])
                return found
            return None  # no day of any calendar, and nobody reads it
        return found

    def _is_post(self) -> bool:
        if PurePosixPath(self.document.path).name in INDEX_PAGES and self._is_section():
            return False
        if not self.site.generator.reads(self.document):
            message, other = "has no frontmatter", _OTHER_LANGUAGE.match(self.document.text)
            hint = "begin the file with ---, title: …, date: …, ---; it is not guessed at"
            if other:
                message = f"frontmatter that begins with ---{other[1]} is not read"
                hint = "write YAML between --- and ---, or leave the file out of site.posts"
            self._found.fail("no-frontmatter", "", message, hint)
            return False
        for key, right in self.site.generator.misspelled(self.document.metadata).items():
            message = f"{key} is not {right}, though {self.site.generator.name} reads both"
            self._found.fail("key-case", key, message, f"write {right}")
        return True

    def _is_section(self) -> bool:
        """Tell whether an index page is that of a section: public, and of no date."""
        keys = self.site.generator.misspelled(self.document.metadata).values()
        if self._date_key() is not None or any(
            key in self.site.generator.date_keys for key in keys
        ):
            return False
        is_bundle = PurePosixPath(self.document.path).name == "index.md"  # of Hugo
        if is_bundle and self._withholding_key() is not None:
            return False
        try:
            return self.stated() in (None, PostState.PUBLISHED)
        except PublisherError:
            return False

    def stated(self) -> PostState | None:
        """Give the state that the file says, post or not; ``None`` where it says none.

        Where the generator reads the key in any case, that is what the file says.

        :raises PublisherError: for a value that is none of the generator's.
        """
        metadata = dict(self.document.metadata)
        for key, right in self.site.generator.misspelled(metadata).items():
            metadata[right] = metadata[key]
        if self.site.generator.state_key not in metadata:
            return None
        return self._state_in(metadata)[0]

    def withheld_until(self, embargo: Embargo = Embargo.OFF) -> datetime | None:
        """Give the instant before which a file that says published is not to be public.

        Under an embargo that is the release date. Without one, or without a date, it is when the
        generator by itself would build the page, which most do at once. Of a date that only the
        generator understands, it is the end of its day.

        :raises PublisherError: when nobody can know.
        """
        if embargo is not Embargo.OFF and (released := self._release()):
            return released.at
        key = self._withholding_key()
        try:
            instant = self._instant(key) if self.site.generator.withholds else None
        except PublisherError:
            value = self._get(key) if key else stem_of(self.document.path)
            end = end_of_day(str(value), self.site.zone)
            if end is None:
                raise
            return end
        return instant.at if instant else None

    def _withholding_key(self) -> str | None:
        generator = self.site.generator
        written = partial(generator.written, self.document.metadata)
        names = map(written, generator.withholds)
        return next(filter(None, names), None)

    def _withheld(self, embargo: Embargo | None) -> datetime | None:
        if self._found.has("bad-date"):
            return None  # said already
        key = self._withholding_key() or "date"
        until = partial(self.withheld_until, embargo or self.site.embargo)
        return self._found.attempt("bad-date", key, until)

    def _date_key(self) -> str | None:
        keys = ("reveal", *self.site.generator.date_keys)
        return next((key for key in keys if self._get(key) not in (None, "")), None)

    def _release(self) -> Instant | None:
        return self._instant(self._date_key())

    def _instant(self, key: str | None) -> Instant | None:
        """Read the date under a key; without one, that of the file's name."""
        named = self._dated_name()
        value = self._get(key) if key else named[1] if named else None
        value = self.site.generator.date_in(value)
        if value is None:
            return None
        return resolve_instant(
            value,
            zone=self.site.zone,
            release_time=self.site.release_time,
            time_value=self._get("time"),
        )

    def _state(self) -> tuple[PostState, bool]:
        return self._state_in(self.document.metadata)

    def _state_in(self, metadata: Mapping[str, Any]) -> tuple[PostState, bool]:
        key = self._date_key()
        return self.site.generator.state_of(
            metadata,
            has_date=key is not None or self._dated_name() is not None,
            has_reveal=key == "reveal",
        )

    def _id(self, given: str | None) -> PostId:
        if given is None:
            return id_of(stem_of(self.document.path))
        if _UNUSABLE.search(given) or not given.strip() or len(given) > LENGTH:
            hint = f"write an `id` of at most {LENGTH} characters, without a slash"
            self._found.fail("bad-id", "id", f"the id {given[:60]!r} cannot be used", hint)
        return id_of(given)

    def _slug(self, title: str) -> str:
        """Give the last part of its address, as its generator makes it."""
        named = self._dated_name() if self.site.generator.dated_names else None
        name = named[2] if named else stem_of(self.document.path)
        given = self._word("slug")
        given = given.strip("/") if given else given  # of no matter to generators
        if given is not None and (_UNUSABLE.search(given) or given.strip() in ("", ".", "..")):
            self._found.warn(
                "bad-slug",
                "slug",
                f"the slug {given[:60]!r} is not valid in an address",
                "correct it",
            )
            given = None
        return self.site.generator.slug_of(given=given, title=title, name=name)

    def _word(self, key: str) -> str | None:
        value = self._get(key)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if value is None or isinstance(value, str) or is_number:
            return None if value is None or value == "" else str(value)
        self._found.fail(f"bad-{key}", key, f"{key} is not text", "put it in quotes")
        return None

    def _url(self, name: str, slug: str, at: datetime | None) -> str:
        """Give the address that the post is likely to have; a build may tell of another."""
        template = self.site.post_url or self.site.generator.post_url
        day = at.astimezone(self.site.zone) if at else None
        if day is None and re.search(r"\{(?:year|month|day)\}", template):
            template = "/{path}/"
        parts = {"id": name, "slug": slug, "path": self._path_in_site(slug)}
        if day:
            parts |= {"year": f"{day.year:04}", "month": f"{day:%m}", "day": f"{day:%d}"}
        return self.site.url + re.sub(r"\{(\w+)\}", lambda m: quote(parts[m[1]]), template)

    def _path_in_site(self, slug: str) -> str:
        """Give the path of the post's page as most generators take it from its file's."""
        folder = PurePosixPath(self.below_root or self.document.path).parent
        if is_index(self.document.path):
            folder = folder.parent
        for source in (*self.site.sources, *_SOURCES):
            if folder.is_relative_to(source):
                folder = folder.relative_to(source)
                break
        return (folder / slug).as_posix()

    def _embargo(self) -> Embargo | None:
        value = self._get("embargo")
        if value is None:
            return None
        if value is False:  # how YAML reads a bare off
            return Embargo.OFF
        if isinstance(value, str) and value in list(Embargo):
            return Embargo(value)
        hint = "use redact, teaser, omit or off"
        self._found.fail("bad-embargo", "embargo", f'invalid embargo "{as_yaml(value)}"', hint)
        return None

    # --- what it looks like --------------------------------------------------------------

    def _text(self, what: str, *keys: str, is_wanted: bool = True) -> str:
        key, value = self._first(keys)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is not None and not isinstance(value, str):
            self._found.fail(f"bad-{what}", key, f"{key} is not text", "put it in quotes")
            return ""
        text = (value or "").strip()
        if is_wanted and not text:
            self._found.warn(f"no-{what}", "", f"has no {what}", f"write {keys[0]}: …")
        return text

    def _title(self) -> str:
        """Give the title, or what themes show instead: the first heading."""
        title = self._text("title", *self.site.keys.title, is_wanted=False)
        title = title or first_heading(self.document.body)
        if not title and not self._found.has("bad-title"):
            self._found.warn("no-title", "", "has no title", f"write {self.site.keys.title[0]}: …")
        return title

    def _title_of_name(self) -> str:
        """Make a title of the file's name, as Jekyll and Hugo do."""
        named = self._dated_name()
        name = named[2] if named else stem_of(self.document.path)
        return " ".join(word[:1].upper() + word[1:] for word in re.split(r"[-_\s]+", name) if word)

    def _tags(self) -> tuple[str, ...]:
        value = self._get("tags")
        items = value.split(",") if isinstance(value, str) else [] if value is None else value
        if not isinstance(items, list) or not all(isinstance(i, str | int) for i in items):
            self._found.warn(
                "bad-tags", "tags", "tags must be texts", "write tags: [first, second]"
            )
            return ()
        return tuple(dict.fromkeys(text for item in items if (text := str(item).strip())))

    def _series(self) -> Series | None:
        value = self._get("series")
        if value is None:
            return None
        match value:
            case {"name": str(name), "part": int(part)} if name.strip() and 0 < part < 10_000:
                return Series(name=name.strip(), part=int(part))
            case list():  # a taxonomy of the generator's; Hugo's authors have that
                return None
        hint = "write series: {name: Chronicles, part: 2}"
        self._found.warn("bad-series", "series", "series needs a name and a part number", hint)
        return None

    def _hero(self) -> Image | None:
        key, value = self._first(self.site.keys.image)
        source, alt = _image_in(value)
        other = self._get(f"{key}Alt") or self._get(f"{key}_alt")
        alt = alt or (other if isinstance(other, str) else "")
        if source is None:
            if key == "hero" and value is not None:
                hint = "write hero: {image: /images/bench.jpg, alt: A workbench}"
                self._found.warn("bad-hero", key, "the hero image must be a path and a text", hint)
            return None
        if re.match(r"https?://", source):
            return Image(url=source, path=None, alt=alt)
        try:
            found = find_image(source, self.site, self.below_root or self.document.path)
        except PublisherError as error:
            self._found.warn("missing-image", key, error.what, error.hint)
            return None
        return Image(url=found.url, path=found.path, alt=alt)


def _image_in(value: Any) -> tuple[str | None, str]:
    """Give the source and the text of an image as themes write them; ``None`` for none."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, str):
        return value.strip() or None, ""
    if not isinstance(value, dict):
        return None, ""
    if isinstance(value.get("image"), dict):
        return _image_in(value["image"])
    source = next((value[key] for key in _IMAGE_KEYS if isinstance(value.get(key), str)), None)
    alt = value.get("alt")
    return source or None, alt if isinstance(alt, str) else ""


def _digest_of(title: str, body: str) -> str:
    text = body.strip()
    return sha256(f"{title}\n{text}".encode()).hexdigest() if text else ""


def stem_of(path: str) -> str:
    """Give the name that a file of the site goes by: an index page has that of its folder."""
    file = PurePosixPath(path)
    return file.parent.name if is_index(path) else file.stem


def is_index(path: str) -> bool:
    return PurePosixPath(path).name in INDEX_PAGES
