"""The record of what publisher knows of a site generator, and what holds for most of them.

What is special about one generator stands in the file of its name. Reads the project's files,
and runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from posixpath import normpath
from types import MappingProxyType
from typing import Any, Self
from unicodedata import normalize
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from publisher.generators import headers
from publisher.generators.config_files import (
    READABLE,
    UNREADABLE,
    GeneratorConfig,
    merge,
    read_config_file,
    read_scripts,
)
from publisher.generators.sources import Sources
from publisher.model import PostState
from publisher.model.errors import PublisherError
from publisher.text.frontmatter import Document, Format

WORDS = MappingProxyType({state: state.value for state in PostState})
DRAFT_FLAG = MappingProxyType(
    {PostState.DRAFT: True, PostState.SCHEDULED: True, PostState.PUBLISHED: False}
)
PUBLIC_FLAG = MappingProxyType({state: not is_draft for state, is_draft in DRAFT_FLAG.items()})
DRAFT_WORD = MappingProxyType(
    {state: "draft" if is_draft else "published" for state, is_draft in DRAFT_FLAG.items()}
)
THEME_DATES = ("pubDate", "pubDatetime", "publishDate", "publishedAt")  # keys of dates in themes
BLOG_FOLDERS = frozenset(
    {"blog", "posts", "post", "_posts", "articles", "article", "news", "journal", "writing"}
)
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "œ": "oe", "ß": "ss", "þ": "th", "ð": "d", "ł": "l"})
_RUNNERS = frozenset({"npm", "pnpm", "yarn", "bun"})  # `npm run build`, `pnpm run build`
_KNOWN = re.compile(r"\{(?:slug|id|year|month|day)\}")
Listings = tuple[str | None, str | None]  # paths of the feed and the sitemap on the site


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Which frontmatter keys hold what; of several the first that a post has counts.

    ``cover.image`` is the key ``image`` in the mapping ``cover``.
    """

    title: tuple[str, ...] = ("title",)
    description: tuple[str, ...] = ("description", "summary", "excerpt")
    date: tuple[str, ...] = ("date",)  # `reveal` comes before them
    image: tuple[str, ...] = ("hero", "heroImage", "image", "cover", "images", "thumbnail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """One generator. Paths are below the site's root.

    ``values`` maps each publication state to the value of ``state_key``; where two states share
    a value (a draft flag is true for drafts and for scheduled posts), the post is scheduled when
    it has a release date and a draft when it has none, and ``explicit`` is false.
    ``missing`` is the state of a post without the key. By the first of the dates in ``withholds``
    the generator itself keeps a published page back until then.
    """

    name: str

    # How posts say their state and date.
    state_key: str = "draft"
    values: Mapping[PostState, str | bool] = field(default_factory=lambda: DRAFT_FLAG)
    also: Mapping[str, PostState] = field(default_factory=dict)  # further values; never written
    missing: PostState = PostState.PUBLISHED
    explicit: bool = False
    keys: Keys = Keys()
    withholds: tuple[str, ...] = ()
    withholds_on_request: bool = False  # judges dates only where its configuration says so
    any_case: bool = False  # `Status: draft` is as good as `status: draft`
    needs_seconds: bool = False  # refuses times without seconds
    dated_names: bool = False  # reads a date off the file's name
    header: Format | None = None  # the header format of its own
    drafts_folder: str | None = None  # what is in a folder of this name is a draft
    builds_drafts: bool = False  # makes a page of every file, whatever the file says

    # The project.
    package: str = ""  # of npm
    config_files: tuple[str, ...] = ()  # the first that is there counts
    more_config: tuple[str, ...] = ()  # globs; all of these count, later ones more
    signs: tuple[str, ...] = ()  # files or folders of its projects, besides its configuration
    zone_key: str = ""  # of the configuration; the zone in which it reads dates
    address_keys: tuple[str, ...] = ()  # of the configuration; where the site is public
    output: str = "dist"
    output_key: str = ""  # of the configuration; where the built site is
    rebuild: tuple[str, ...] = ()  # the command `init` writes
    public: tuple[str, ...] = ("public",)  # folders that are copied as they are
    post_url: str = "/{path}"  # a guess, for what was never built
    post_suffixes: tuple[str, ...] = (".md",)  # of posts to come
    posts_folder: str = ""  # where posts usually are, below the sources
    address_words: tuple[str, ...] = ("url", "permalink")  # change a post's address
    note: str = ""  # what a person should know who runs `init`

    # The copy of the site that is built while posts are under embargo.
    staged: Mapping[str, Any] = field(default_factory=dict)  # an embargoed page says so, besides
    data: str = ""  # where the theme reads data
    blocks: bool = False  # pages may hold <PostPreview> blocks
    lists_tags: bool = False  # makes a page of each tag and category by itself
    taxonomies: tuple[str, ...] = ()  # further keys of which it makes pages
    reads_liquid: bool = False  # reads template language in bodies
    plain_header: bool = False  # a value of frontmatter is text, quotes and all
    bundles: bool = False  # every file beside an index page belongs to that page

    # --- what a post says ------------------------------------------------------------------

    @property
    def date_keys(self) -> tuple[str, ...]:
        """Give the keys of the release date after `reveal`, best first."""
        return self.keys.date

    def state_of(
        self, frontmatter: Mapping[str, Any], *, has_date: bool, has_reveal: bool
    ) -> tuple[PostState, bool]:
        """Give the state that the frontmatter says, and whether it says it in so many words.

        Where drafts and scheduled posts share a value, a release date makes the difference; only
        the key ``reveal`` is as good as the word "scheduled" then.

        :raises PublisherError: for a value that is none of the generator's; it names those.
        """
        if self.state_key not in frontmatter:
            return self.missing, self.explicit or has_reveal
        value = frontmatter[self.state_key]
        states = {state for state, known in self.values.items() if is_same(known, value)}
        if isinstance(value, str) and value in self.also:
            states = {self.also[value]}
        if not states:
            accepted = list(dict.fromkeys(as_yaml(value) for value in self.values.values()))
            *others, last = accepted
            raise PublisherError(
                f'invalid {self.state_key} "{as_yaml(value)}"',
                hint=f"use {', '.join(others)} or {last}",
            )
        if PostState.PUBLISHED in states:
            return PostState.PUBLISHED, True
        if len(states) == 1:
            return states.pop(), True
        if has_date or has_reveal:
            return PostState.SCHEDULED, has_reveal
        return PostState.DRAFT, True

    @property
    def hidden_words(self) -> frozenset[str]:
        """Give the values of the state, as written in YAML, that keep a page from being public."""
        words = {as_yaml(v) for s, v in self.values.items() if s is not PostState.PUBLISHED}
        return frozenset(words | {w for w, s in self.also.items() if s is not PostState.PUBLISHED})

    def misspelled(self, frontmatter: Mapping[str, Any]) -> Mapping[str, str]:
        """Give the keys that it understands in any case, and we in one; with that one."""
        if not self.any_case:
            return {}
        known = {key.lower(): key for key in (self.state_key, *self.date_keys)}
        return {
            key: known[key.lower()]
            for key in frontmatter
            if key.lower() in known and known[key.lower()] not in frontmatter
        }

    def written(self, frontmatter: Mapping[str, Any], key: str) -> str | None:
        """Give how a key that says something is written; some generators read any case."""
        return next(
            (
                name
                for name, value in frontmatter.items()
                if (name.lower() == key.lower() if self.any_case else name == key)
                and value not in (None, "")
            ),
            None,
        )

    def date_in(self, value: Any) -> Any:
        """Give the date that a date key means; ``None`` where the file's own age is meant."""
        return value

    def heeds_date(self, path: str) -> bool:
        """Tell whether it keeps a page that is no post back until the page's date."""
        return bool(self.withholds)

    def is_draft_path(self, path: str) -> bool:
        """Tell whether a file is where it leaves drafts, whatever they say."""
        return self.drafts_folder is not None and self.drafts_folder in path.split("/")

    def slug_of(self, *, given: str | None, title: str, name: str) -> str:
        """Make the last part of an address: of a title, or of a file's name.

        ``given`` is what the file says itself in ``slug``.
        """
        return self._slug(given, title, name) or name

    def _slug(self, given: str | None, title: str, name: str) -> str:
        return given or name

    def reads(self, document: Document) -> bool:
        """Tell whether it reads the frontmatter, or header, that a document has."""
        return document.format is not None and document.format in (self.header, *FRONTMATTERS)

    def header_of(self, text: str, path: str) -> Iterator[tuple[int, str, str]]:
        """Give the lines of a page's header: line, key in lower case, and value.

        Of what is no frontmatter, each generator reads its own.
        """
        return headers.read_header(text, path)

    def texts_described_by(self, path: str) -> Collection[str]:
        """Give the names that a text may have whose frontmatter is in this file beside it."""
        return ()

    # --- what the project says -------------------------------------------------------------

    def project(self, root: Path) -> str:
        """Give the folder, below the root, that it builds; "" is the root."""
        return ""

    def read_config(self, root: Path) -> GeneratorConfig:
        """Read the configuration of a project; files that cannot be read are named in it."""
        folder = root / self.project(root)
        names = list(self._config_names(folder))
        values: dict[str, Any] = {}
        texts, broken = [], []
        for name in names:
            try:
                found = self._read_config_file(folder / name)
            except UNREADABLE:
                broken.append(name)
                continue
            if isinstance(found, str):
                texts.append(found)
            else:
                merge(values, self._config_values(name, found))
        return GeneratorConfig(
            values=values, text="\n".join(texts), files=tuple(names), broken=tuple(broken)
        )

    def _config_names(self, folder: Path) -> Iterator[str]:
        """Give the files that are there; later ones say more, and win."""
        yield from [name for name in self.config_files if (folder / name).is_file()][:1]
        for glob in self.more_config:
            for file in sorted(folder.glob(glob)):
                if file.suffix.lstrip(".") in READABLE and file.is_file():
                    yield file.relative_to(folder).as_posix()

    def _read_config_file(self, file: Path) -> Mapping[str, Any] | str:
        return read_config_file(file)

    def _config_values(self, name: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give what a file of configuration says, in the place where it belongs."""
        return found

    def is_project(self, root: Path) -> bool:
        """Tell whether the files in a folder are those of a project."""
        if any((root / sign).exists() for sign in self.signs):
            return True
        sign = next((name for name in self.config_files if (root / name).exists()), None)
        return sign is not None and self._is_own(self.read_config(root), sign)

    def _is_own(self, config: GeneratorConfig, sign: str) -> bool:
        """Tell whether a file that several programs name alike is this generator's."""
        return True

    def refuse(self, root: Path) -> None:
        """Say why a folder that looks like a project is none that publisher can work with.

        :raises ConfigError: when it looks like one.
        """

    def zone(self, config: GeneratorConfig) -> ZoneInfo | None:
        """Give the zone in which it reads dates; ``None`` where it does not say."""
        name = config.get_text(self.zone_key) if self.zone_key else ""
        try:
            return ZoneInfo(name) if name else None
        except (ValueError, OSError, ZoneInfoNotFoundError):
            return None

    def find_sources(self, root: Path) -> Sources:
        """Find where a project has its sources, as its configuration says.

        Where none of these folders is there, anything may be a source.
        """
        found = self._sources(root, self.read_config(root))
        return replace(found, anywhere=not any((root / f).is_dir() for f in found.folders))

    def _sources(self, root: Path, config: GeneratorConfig) -> Sources:
        raise NotImplementedError

    def post_folders(
        self, root: Path, config: GeneratorConfig, sources: Sources, pages: Sequence[str]
    ) -> list[str] | None:
        """Give the folders that it takes for those of posts; ``None`` where it names none."""
        return None

    def has_posts_below(self, folder: str, sources: Sources, *, is_alone: bool) -> bool:
        """Tell whether what is further down in a folder of posts are posts: not beside all pages.

        ``is_alone``: there is no other folder of posts.
        """
        return folder not in sources.folders or PurePosixPath(folder).name in BLOG_FOLDERS

    def configured_url(self, config: GeneratorConfig, folder: str) -> tuple[bool, str | None]:
        """Tell whether the configuration words the URLs of posts, and give that as ``post_url``.

        ``folder`` is that of the posts below the sources. ``None``: our words cannot say it, as
        with a category in the path; publisher finds the address in a build then.
        """
        path = self._url_form(config, folder)
        names_post = "{slug}" in path or "{id}" in path
        is_plain = not re.search(r"[{}:%<>\s]", _KNOWN.sub("", path))
        return bool(path), path if path.startswith("/") and names_post and is_plain else None

    def _url_form(self, config: GeneratorConfig, folder: str) -> str:
        return ""

    def may_change_urls(self, root: Path, folder: str, inner: str) -> bool:
        """Tell whether other files may give the posts in a folder their addresses.

        ``inner`` is the folder below the sources.
        """
        return False

    def listings(self, root: Path, config: GeneratorConfig) -> Listings:
        """Give the paths of feed and sitemap that it is known to write; ``None``: not known."""
        return None, None

    def base_path(self, config: GeneratorConfig) -> str:
        """Give the path below which the site is public, where the configuration says it."""
        return ""

    def build_command(self, root: Path) -> tuple[str, ...]:
        """Give the command that builds a project."""
        return self.rebuild

    def output_folder(self, root: Path, config: GeneratorConfig) -> str:
        """Give the folder of the built site."""
        project = self.project(root)
        path = normpath(f"{project or '.'}/{self._output_named(root, config) or self.output}")
        is_inside = not path.startswith(("/", "..")) and path != "."
        return path if is_inside else normpath(f"{project or '.'}/{self.output}")

    def _output_named(self, root: Path, config: GeneratorConfig) -> str:
        key = self.output_key
        return (config.get_text(key) or config.script_text(key)) if key else ""

    # --- what it does with dates -----------------------------------------------------------

    def date_switch(self, root: Path, command: Sequence[str]) -> str:
        """Say what to write so that it stops judging dates; "" when it does not judge."""
        words = " ".join(command)
        if len(command) > 1 and command[0] in _RUNNERS:
            words += " " + read_scripts(root).get(command[-1], "")
        return self._date_switch(root, words)

    def _date_switch(self, root: Path, words: str) -> str:
        return ""

    def inherited(self, path: str, read: Callable[[], bytes]) -> Iterable[Any]:
        """Give the sets of frontmatter values that a file of the project has for other pages.

        ``read`` gives what is in the file.

        :raises PublisherError, ValueError, RecursionError: when the file is not understood.
        """
        return ()

    def hidden_by(self, values: Any) -> str:
        """Say which of these values keeps a page from being public; "" when none does.

        What is no mapping says nothing.
        """
        state = get_any_case(values, self.state_key)
        is_hidden = state is not None and as_yaml(state).lower() in self.hidden_words
        return f"{self.state_key}: {as_yaml(state)}" if is_hidden else ""

    def for_stage(self, root: Path, command: Sequence[str], environ: Mapping[str, str]) -> Self:
        """Give the record to stage a project with; ``environ`` is what the build sees."""
        return self


FRONTMATTERS: tuple[Format, ...] = ("yaml", "toml", "json")


def replace_words(path: str, words: Mapping[str, str]) -> str:
    """Put our words for an address in place of a generator's."""
    for word in sorted(words, key=len, reverse=True):
        path = path.replace(word, words[word])
    return path


def get_any_case(values: Any, wanted: str) -> Any:
    """Give the value of a key in any case; ``None`` where there is none."""
    if not isinstance(values, Mapping):
        return None
    return next((v for key, v in values.items() if str(key).lower() == wanted.lower()), None)


def is_same(known: str | bool, value: object) -> bool:
    """Tell whether two state values are the same in type and content (1 is not true)."""
    return type(known) is type(value) and known == value


def without_signs(text: str) -> str:
    """Write a text in small letters, without punctuation, as slugs have it."""
    return re.sub(r"[^\w\s-]", "", text).strip().lower()


def in_ascii(text: str) -> str:
    """Write letters of Latin scripts without their accents; the text as it is, where none is."""
    plain = normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode()
    return plain or text


def as_yaml(value: object) -> str:
    """Write a frontmatter value as its author would."""
    if isinstance(value, bool):
        return str(value).lower()
    return "(empty)" if value is None or value == "" else str(value)[:60]


def first_existing(root: Path, *names: str) -> str | None:
    """Give the address of the first of these files that is there."""
    return next((f"/{name}" for name in names if (root / name).is_file()), None)
