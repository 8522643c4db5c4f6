"""Astro."""

from __future__ import annotations

import re
from pathlib import Path

from publisher.generators.base import THEME_DATES, Keys, Listings
from publisher.generators.config_files import SCRIPTS, GeneratorConfig
from publisher.generators.node import ADDRESS_NAMES, NodeGenerator
from publisher.generators.sources import Sources, as_folder, as_folders


class Astro(NodeGenerator):
    def _slug(self, given: str | None, title: str, name: str) -> str:
        return given or re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", name).lower())

    def _sources(self, root: Path, config: GeneratorConfig) -> Sources:
        top = as_folder(config.script_text("srcDir")) or "src"
        loaded = re.findall(r"\bbase\s*:\s*[\"'`](\.?/?[^\"'`$\n]+)[\"'`]", config.text)
        named = (folder for folder in map(as_folder, loaded) if folder)
        there = (folder for folder in named if (root / folder).is_dir())
        folders = as_folders((f"{top}/content", f"{top}/pages", *there))
        return Sources(folders=folders, underscored=())

    def has_posts_below(self, folder: str, sources: Sources, *, is_alone: bool) -> bool:
        return True

    def may_change_urls(self, root: Path, folder: str, inner: str) -> bool:
        """Its routes are files; without one we know nothing."""
        return bool(inner) and not any((root / "src/pages" / inner).glob("[[]*"))

    def listings(self, root: Path, config: GeneratorConfig) -> Listings:
        names = ("rss.xml", "feed.xml", "atom.xml")
        feeds = (f"/{name}" for name in names if any(root.glob(f"src/pages/{name}.*")))
        has_sitemap = "@astrojs/sitemap" in config.text
        return next(feeds, None), "/sitemap-index.xml" if has_sitemap else None


ASTRO = Astro(
    name="astro",
    keys=Keys(date=(*THEME_DATES, "date")),
    package="astro",
    config_files=tuple(f"astro.config.{end}" for end in SCRIPTS),
    more_config=("src/content.config.*", "src/content/config.*", "src/consts.*", "src/config.*"),
    address_keys=("site", *ADDRESS_NAMES, "url"),
    output="dist",
    output_key="outDir",
    rebuild=("npm", "run", "build"),
    public=("public", "src/assets"),
    post_url="/{path}/",
    posts_folder="blog",
    note="what lists posts should leave out those with embargoed: true in the built copy, "
    "and the schema must accept that key",
    staged={"draft": False, "embargoed": True},  # for the theme: Astro has no such word
    data="src/data/publisher.json",
)
