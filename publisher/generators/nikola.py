"""Nikola."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath
from posixpath import splitext

from publisher.generators import headers
from publisher.generators.base import DRAFT_WORD, Generator, Listings, in_ascii, without_signs
from publisher.generators.config_files import GeneratorConfig
from publisher.generators.file_kinds import MARKUPS, PAGES
from publisher.generators.sources import Sources, as_folders
from publisher.model import PostState

_LINE = re.compile(r"\s*\.\. (?P<key>[\w-]+): (?P<value>.*)")
_OWN_NAMES = ("COMPILERS", "BLOG_TITLE", "SITE_URL", "POSTS")


class Nikola(Generator):
    def _slug(self, given: str | None, title: str, name: str) -> str:
        return given or re.sub(r"[-\s]+", "-", without_signs(in_ascii(name)))

    def header_of(self, text: str, path: str) -> Iterator[tuple[int, str, str]]:
        is_described = splitext(path)[1].lower() == ".meta"  # its header goes on to the end
        yield from headers.read_lines(text, _LINE, is_first_block=not is_described)
        yield from headers.read_header(text, path)

    def texts_described_by(self, path: str) -> Collection[str]:
        stem, suffix = splitext(path)
        return {stem + other for other in PAGES | MARKUPS} if suffix == ".meta" else ()

    def _is_own(self, config: GeneratorConfig, sign: str) -> bool:
        return any(key in config.values for key in _OWN_NAMES)  # Sphinx has a conf.py, too

    def _sources(self, root: Path, config: GeneratorConfig) -> Sources:
        places = (*_places(config, "POSTS"), *_places(config, "PAGES"))
        folders = [PurePosixPath(glob).parent.as_posix() for glob, *_ in places]
        return Sources(folders=as_folders(folders or ["posts", "pages"]))

    def post_folders(
        self, root: Path, config: GeneratorConfig, sources: Sources, pages: Sequence[str]
    ) -> list[str] | None:
        globs = (glob for glob, *_ in _places(config, "POSTS"))
        names = [PurePosixPath(g).parent.as_posix() for g in globs if g.endswith(tuple(PAGES))]
        return list(dict.fromkeys(names)) or ["posts"]

    def has_posts_below(self, folder: str, sources: Sources, *, is_alone: bool) -> bool:
        return True

    def _url_form(self, config: GeneratorConfig, folder: str) -> str:
        targets = (
            target
            for glob, target, *_ in _places(config, "POSTS")
            if PurePosixPath(glob).parent.as_posix() == folder
        )
        target = next(targets, None)
        is_pretty = config.get("PRETTY_URLS") is not False
        if target is None and is_pretty:
            return ""
        path = "/posts" if target is None else "/" + target.strip("/")
        return f"{path.rstrip('/')}/{{slug}}{'/' if is_pretty else '.html'}"

    def listings(self, root: Path, config: GeneratorConfig) -> Listings:
        return None if config.get("GENERATE_RSS") is False else "/rss.xml", "/sitemap.xml"

    def _date_switch(self, root: Path, words: str) -> str:
        is_told = self.read_config(root).get("FUTURE_IS_NOW") is True
        return "" if is_told else "write FUTURE_IS_NOW = True into conf.py"


def _places(config: GeneratorConfig, key: str) -> list[tuple[str, ...]]:
    """Give what is listed under a key: a glob of files, the folder of their pages, and more."""
    listed = config.get(key)
    places = [one for one in listed if isinstance(one, list)] if isinstance(listed, list) else []
    return [tuple(map(str, one)) for one in places if one and isinstance(one[0], str)]


NIKOLA = Nikola(
    name="nikola",
    state_key="status",
    values=DRAFT_WORD,
    also={"featured": PostState.PUBLISHED, "private": PostState.PUBLISHED},
    withholds=("date",),
    header="nikola",
    config_files=("conf.py",),
    zone_key="TIMEZONE",
    address_keys=("SITE_URL",),
    output="output",
    output_key="OUTPUT_FOLDER",
    rebuild=("nikola", "build"),
    public=("files", "images", ""),
    post_url="/posts/{slug}/",
    note="posts in reStructuredText are not released by publisher: it reads Markdown",
    staged={"status": "private"},
    data="data/publisher.json",
    lists_tags=True,
)
