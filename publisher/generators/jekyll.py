"""Jekyll."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from publisher.generators.base import (
    PUBLIC_FLAG,
    Generator,
    Listings,
    first_existing,
    get_any_case,
    replace_words,
)
from publisher.generators.config_files import GeneratorConfig, load_data, read_text
from publisher.generators.sources import Sources, as_folder, as_globs, joined

_WORDS = {
    ":year": "{year}",
    ":month": "{month}",
    ":day": "{day}",
    ":slug": "{slug}",
    ":title": "{slug}",
    ":output_ext": ".html",
}
_DATED = "/{year}/{month}/{day}/{slug}.html"
_STYLES = {"date": _DATED, "pretty": "/{year}/{month}/{day}/{slug}/", "none": "/{slug}.html"}


class Jekyll(Generator):
    def _slug(self, given: str | None, title: str, name: str) -> str:
        return re.sub(r"[^\w.~!$&'()+,;=@]+", "-", given or name).strip("-")

    def heeds_date(self, path: str) -> bool:
        """Jekyll does so with the documents of collections, not with other pages."""
        return any(part.startswith("_") for part in path.split("/")[:-1])

    def _sources(self, root: Path, config: GeneratorConfig) -> Sources:
        top = as_folder(config.get_text("source"))
        collections = [f"_{name}" for name in config.get_list("collections")]
        excluded = config.get("exclude")
        globs = map(str, excluded if isinstance(excluded, list) else ())
        return Sources(
            folders=(top,),
            skipped=(*as_globs(top, globs), joined(top, "vendor")),
            underscored=("_posts", *collections),
        )

    def post_folders(
        self, root: Path, config: GeneratorConfig, sources: Sources, pages: Sequence[str]
    ) -> list[str] | None:
        found = {
            "/".join(parts[: parts.index("_posts") + 1])
            for page in pages
            if "_posts" in (parts := PurePosixPath(page).parts)
        }
        return sorted(found) or [joined(sources.folders[0], "_posts")]

    def _url_form(self, config: GeneratorConfig, folder: str) -> str:
        path = config.get_text("permalink")
        return _STYLES.get(path) or replace_words(path, _WORDS)

    def listings(self, root: Path, config: GeneratorConfig) -> Listings:
        gems = "\n".join(read_text(place / "Gemfile") for place in (root, root.parent))
        plugins = {*config.get_list("plugins"), *config.get_list("gems")}
        has_feed, has_sitemap = (
            name in plugins or name in gems for name in ("jekyll-feed", "jekyll-sitemap")
        )
        feed = config.get_text("feed", "path") or "feed.xml"
        return (
            f"/{feed.lstrip('/')}" if has_feed else first_existing(root, "feed.xml", "atom.xml"),
            "/sitemap.xml" if has_sitemap else first_existing(root, "sitemap.xml"),
        )

    def base_path(self, config: GeneratorConfig) -> str:
        return config.get_text("baseurl").strip("/")

    def build_command(self, root: Path) -> tuple[str, ...]:
        # Bundler looks for its file upwards
        has_gemfile = any((place / "Gemfile").is_file() for place in (root, root.parent))
        return ("bundle", "exec", *self.rebuild) if has_gemfile else self.rebuild

    def _date_switch(self, root: Path, words: str) -> str:
        if not re.search(r"(?:^|[\s/])jekyll\b", words):
            return ""
        in_config = self.read_config(root).get("future") is True
        is_told = in_config or re.search(r"\s--future\b", words)
        return "" if is_told else "write --future into rebuild.command"

    def inherited(self, path: str, read: Callable[[], bytes]) -> Iterable[Any]:
        if path != "_config.yml":
            return ()
        defaults = get_any_case(load_data(read(), path), "defaults")
        return [get_any_case(one, "values") for one in (defaults or [])]


JEKYLL = Jekyll(
    name="jekyll",
    state_key="published",
    values=PUBLIC_FLAG,
    withholds=("date",),
    dated_names=True,
    drafts_folder="_drafts",
    config_files=("_config.yml", "_config.yaml", "_config.toml"),
    zone_key="timezone",
    address_keys=("url",),
    output="_site",
    output_key="destination",
    rebuild=("jekyll", "build", "--future"),  # by Bundler where there is a Gemfile
    public=("",),
    post_url=_DATED,
    post_suffixes=(".md", ".markdown"),
    posts_folder="_posts",
    address_words=("url", "permalink", "category", "categories"),
    note="Jekyll publishes every file it finds: for builds of your own write "
    "exclude: [jobs.yaml] into _config.yml",
    # jekyll-sitemap looks at `sitemap`, jekyll-paginate at `hidden`, jekyll-feed and many themes
    # at `draft`.
    staged={"published": True, "sitemap": False, "draft": True, "hidden": True},
    data="_data/publisher.json",
    lists_tags=True,
    reads_liquid=True,
)
