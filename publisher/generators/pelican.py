"""Pelican."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from posixpath import splitext
from typing import Any

from publisher.generators import headers
from publisher.generators.base import (
    DRAFT_WORD,
    Generator,
    Listings,
    in_ascii,
    replace_words,
    without_signs,
)
from publisher.generators.config_files import GeneratorConfig
from publisher.generators.sources import Sources, as_folder, joined
from publisher.model import PostState

FUTURE = "WITH_FUTURE_DATES=true"
_PLAIN = re.compile(r" {0,3}(?P<key>[\w-]+):[ \t]*(?P<value>.*)")  # of Python's Markdown
_META = re.compile(
    r"""\s*<meta\s+name=["'](?P<key>[\w-]+)["']\s+content=["'](?P<value>[^"']*)["']""",
    re.IGNORECASE,
)
_DATES = {"{date:%Y}": "{year}", "{date:%m}": "{month}", "{date:%d}": "{day}"}
_DEFAULT_STATUS = re.compile(
    r"""^DEFAULT_METADATA\s*=[^}]*["']status["']\s*:\s*["'](\w+)["']""", re.MULTILINE
)
_NO_ARTICLES = frozenset({"pages", "images", "static", "extra", "pdfs", "files", "drafts"})


class Pelican(Generator):
    def _slug(self, given: str | None, title: str, name: str) -> str:
        return given or in_ascii(re.sub(r"[-\s]+", "-", without_signs(title or name)))

    def header_of(self, text: str, path: str) -> Iterator[tuple[int, str, str]]:
        suffix = splitext(path)[1].lower()
        if suffix in (".htm", ".html"):
            yield from headers.read_lines(text, _META)
        elif suffix in headers.SUFFIXES:
            yield from headers.read_header(text, path)
        else:
            yield from headers.read_lines(text, _PLAIN, is_first_block=True)

    def _config_names(self, folder: Path) -> Iterator[str]:
        # publishconf.py is for the public site, and begins with all of pelicanconf.py
        yield from [name for name in reversed(self.config_files) if (folder / name).is_file()]

    def _sources(self, root: Path, config: GeneratorConfig) -> Sources:
        return Sources(folders=(as_folder(config.get_text("PATH")) or "content",))

    def post_folders(
        self, root: Path, config: GeneratorConfig, sources: Sources, pages: Sequence[str]
    ) -> list[str] | None:
        """Give the folders of articles: all below the top but pages and what is copied as it is."""
        top = sources.folders[0]
        listed = config.get("ARTICLE_PATHS")
        if isinstance(listed, list) and any(listed):
            return [joined(top, str(path).strip("/")) for path in listed]
        for usual in ("articles", "posts", "blog"):
            if (root / top / usual).is_dir():
                return [f"{top}/{usual}"]
        others = set(_NO_ARTICLES)
        for key in ("PAGE_PATHS", "STATIC_PATHS", "ARTICLE_EXCLUDES"):
            value = config.get(key)
            others |= set(map(str, value)) if isinstance(value, list) else set()
        below = (PurePosixPath(page).relative_to(top).parts for page in pages)
        folders = sorted({parts[0] for parts in below if parts[1:]})
        if not others & set(folders):
            return [top]
        return [top, *(f"{top}/{name}" for name in folders if name not in others)]

    def has_posts_below(self, folder: str, sources: Sources, *, is_alone: bool) -> bool:
        return is_alone or folder not in sources.folders

    def _url_form(self, config: GeneratorConfig, folder: str) -> str:
        form = config.get_text("ARTICLE_URL")
        path = replace_words(form or "{slug}.html", _DATES)
        if config.get("SLUGIFY_SOURCE") == "basename":
            path = path.replace("{slug}", "{id}")
        return "/" + path.lstrip("/") if form or "{id}" in path else ""

    def listings(self, root: Path, config: GeneratorConfig) -> Listings:
        feed = config.values.get("FEED_ALL_ATOM", "feeds/all.atom.xml")
        plugins = {str(name).rpartition(".")[2] for name in config.get_list("PLUGINS")}
        return (
            "/" + feed.lstrip("/") if isinstance(feed, str) and feed else None,
            "/sitemap.xml" if "sitemap" in plugins else None,
        )

    def build_command(self, root: Path) -> tuple[str, ...]:
        program, _, *options = self.rebuild
        sources = self.find_sources(root).folders[0] or "content"
        there = (name for name in self.config_files if (root / name).is_file())
        file = next(there, self.config_files[-1])
        command = (program, sources, *options, "--settings", file)
        judges = self.date_switch(root, command)
        return (*command, "--extra-settings", FUTURE) if judges else command

    def _date_switch(self, root: Path, words: str) -> str:
        judges = self.read_config(root).get("WITH_FUTURE_DATES") is False
        if not judges or FUTURE in words:
            return ""
        return "write WITH_FUTURE_DATES = True into pelicanconf.py"

    def inherited(self, path: str, read: Callable[[], bytes]) -> Iterable[Any]:
        if path not in self.config_files:
            return ()
        status = _DEFAULT_STATUS.search(read().decode("utf-8-sig"))
        return [{"status": status[1]}] if status else ()


PELICAN = Pelican(
    name="pelican",
    state_key="status",
    values=DRAFT_WORD,
    also={"hidden": PostState.PUBLISHED, "skip": PostState.DRAFT},
    withholds_on_request=True,
    any_case=True,
    dated_names=True,
    header="pelican",
    config_files=("publishconf.py", "pelicanconf.py"),
    zone_key="TIMEZONE",
    address_keys=("SITEURL",),
    output="output",
    output_key="OUTPUT_PATH",
    rebuild=("pelican", "content", "--delete-output-directory"),
    public=("content",),
    post_url="/{slug}.html",
    note="posts in reStructuredText are not released by publisher: it reads Markdown",
    staged={"status": "hidden"},
    data="publisher.json",
    lists_tags=True,
    plain_header=True,
)
