"""VitePress."""

from __future__ import annotations

import re
from pathlib import Path

from publisher.generators.base import THEME_DATES, WORDS, Keys, Listings
from publisher.generators.config_files import SCRIPTS, GeneratorConfig, read_scripts, read_text
from publisher.generators.node import ADDRESS_NAMES, NodeGenerator
from publisher.generators.sources import Sources, as_folder, as_globs, joined

_NOINDEX = {"name": "robots", "content": "noindex"}
_FEED = re.compile(r"['\"`/]((?:feed|rss|atom)\.(?:xml|rss|atom))['\"`]")


class VitePress(NodeGenerator):
    def project(self, root: Path) -> str:
        """Give the folder that is built: the one with ``.vitepress``."""
        scripts = "\n".join(read_scripts(root).values())
        script = re.search(r"vitepress build\s+(?!-)[\"']*([\w./-]+)", scripts)
        named = [as_folder(script[1])] if script else []
        found = (
            folder.parent.relative_to(root).as_posix().removeprefix(".")
            for glob in (".vitepress", "*/.vitepress", "*/*/.vitepress")
            for folder in sorted(root.glob(glob))
            if folder.is_dir() and "node_modules" not in folder.parts
        )
        there = (name for name in (*named, *found) if (root / name / ".vitepress").is_dir())
        return next(there, "")

    def _sources(self, root: Path, config: GeneratorConfig) -> Sources:
        folder = joined(self.project(root), as_folder(config.script_text("srcDir")))
        excluded = re.search(r"\bsrcExclude\s*:\s*\[([^\]]*)\]", config.text)
        globs = re.findall(r"[\"'`]([^\"'`]+)[\"'`]", excluded[1]) if excluded else []
        return Sources(folders=(folder,), skipped=as_globs(folder, globs))

    def listings(self, root: Path, config: GeneratorConfig) -> Listings:
        folder = root / self.project(root)
        scripts = (*folder.glob(".vitepress/*.*ts"), *folder.glob(".vitepress/*.*js"))
        feed = next(filter(None, (_FEED.search(read_text(file)) for file in scripts)), None)
        has_sitemap = re.search(r"\bsitemap\s*:", config.text)
        return f"/{feed[1]}" if feed else None, "/sitemap.xml" if has_sitemap else None


VITEPRESS = VitePress(
    name="vitepress",
    state_key="status",
    values=WORDS,
    explicit=True,
    keys=Keys(date=("date", *THEME_DATES)),
    builds_drafts=True,
    package="vitepress",
    config_files=tuple(f".vitepress/config.{end}" for end in SCRIPTS),
    more_config=(".vitepress/config/*", ".vitepress/*"),
    signs=tuple(f"{place}.vitepress" for place in ("", "docs/", "src/")),
    address_keys=("hostname", *ADDRESS_NAMES),
    output=".vitepress/dist",
    output_key="outDir",
    rebuild=("npm", "run", "build"),
    public=("public", "docs/public", "src/public", "static"),
    posts_folder="blog",
    note="VitePress knows no drafts: what lists posts should leave out those to come",
    # of VitePress's local search; `head` for hosts that build the deploy branch
    staged={"search": False, "head": [["meta", _NOINDEX]]},
    data="publisher.json",
    blocks=True,
)
