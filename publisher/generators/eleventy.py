"""Eleventy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from publisher.generators.base import THEME_DATES, Keys, Listings
from publisher.generators.config_files import GeneratorConfig, load_data, read_scripts, read_text
from publisher.generators.node import ADDRESS_NAMES, NodeGenerator
from publisher.generators.sources import Sources, as_folder, as_globs

_FILE_AGES = ("Last Modified", "Created", "git Last Modified", "git Created")
_DATA_SCRIPT = re.compile(r".*\.11tydata\.[cm]?js")
_DRAFT = re.compile(r"""^[^/\n]*\bdraft["']?\s*:\s*true\b""", re.MULTILINE)
_FEED_PLUGIN = re.compile(r"feedPlugin[\s\S]*?outputPath\s*:\s*[\"']([^\"']+)")


class Eleventy(NodeGenerator):
    def date_in(self, value: Any) -> Any:
        return None if isinstance(value, str) and value in _FILE_AGES else value

    def _sources(self, root: Path, config: GeneratorConfig) -> Sources:
        ignored = re.findall(r"\bignores\.add\(\s*[\"'`]([^\"'`]+)[\"'`]", config.text)
        globs = as_globs("", (*ignored, *read_text(root / ".eleventyignore").splitlines()))
        skipped = (*map(as_folder, globs), "**/_includes", "**/_data")
        return Sources(folders=(_folder(root, config, "input"),), skipped=skipped)

    def may_change_urls(self, root: Path, folder: str, inner: str) -> bool:
        data = (*(root / folder).glob("*.json"), *(root / folder).glob("*.11tydata.*"))
        return any("permalink" in read_text(file) for file in data)

    @property
    def _program(self) -> str:
        return "eleventy"

    def _without_script(self, root: Path) -> tuple[str, ...]:
        return self.rebuild

    def _output_named(self, root: Path, config: GeneratorConfig) -> str:
        return _folder(root, config, "output")

    def base_path(self, config: GeneratorConfig) -> str:
        return ""

    def listings(self, root: Path, config: GeneratorConfig) -> Listings:
        plugin = _FEED_PLUGIN.search(config.text)
        feed = "/" + plugin[1].lstrip("/") if plugin else None
        return feed or _template(root, "feed"), _template(root, "sitemap")

    def inherited(self, path: str, read: Callable[[], bytes]) -> Iterator[Any]:
        place = PurePosixPath(path)
        if _DATA_SCRIPT.fullmatch(path):
            yield {"draft": True} if _DRAFT.search(read().decode("utf-8-sig")) else {}
        elif place.name.endswith(".11tydata.json") or (
            place.suffix == ".json" and place.stem == place.parent.name
        ):
            yield load_data(read(), path)


def _folder(root: Path, config: GeneratorConfig, key: str) -> str:
    """Give the folder that Eleventy reads (``input``) or writes (``output``); "" is the default."""
    set_by = rf"\bset{key.title()}Directory\(\s*[\"'`]([^\"'`]+)[\"'`]"
    found = re.search(set_by, config.text)
    scripts = "\n".join(read_scripts(root).values())
    found = found or re.search(rf"--{key}[= ][\"']*([\w./-]+)", scripts)
    if found is None:  # `dir: {input: "src"}`; elsewhere these words mean something else
        folders = re.search(r"\bdir\s*:\s*\{([^}]*)\}", config.text)
        pattern = rf"\b{key}[\"']?\s*:\s*[\"'`]([^\"'`]+)[\"'`]"
        found = re.search(pattern, folders[1]) if folders else None
    return as_folder(found[1]) if found else ""


def _template(root: Path, name: str) -> str | None:
    """Find the template of a listing, by the permalink in it or by its name."""
    files = [file for glob in (f"{name}.*", f"*/{name}.*") for file in sorted(root.glob(glob))]
    files = [file for file in files if "node_modules" not in file.parts]
    permalink = re.compile(rf"^permalink:\s*[\"']?(/?[\w./-]*{name}[\w./-]*)", re.MULTILINE)
    found = next(filter(None, (permalink.search(read_text(file)) for file in files)), None)
    if found:
        return "/" + found[1].lstrip("/")
    return f"/{name}.xml" if any(file.name.startswith(f"{name}.xml") for file in files) else None


ELEVENTY = Eleventy(
    name="eleventy",
    keys=Keys(date=("date", *THEME_DATES)),
    dated_names=True,
    package="@11ty/eleventy",
    config_files=(
        *(f"eleventy.config.{end}" for end in ("js", "mjs", "cjs", "ts", "mts")),
        ".eleventy.js",
    ),
    more_config=tuple(
        f"{place}data/{stem}.*"
        for place in ("_", "src/_", "content/_", "src/")
        for stem in ("site", "metadata", "meta", "config")
    ),
    address_keys=("url", "base", *ADDRESS_NAMES),
    output="_site",
    rebuild=("npx", "@11ty/eleventy"),
    public=("public", "static", "src", ""),
    post_url="/{path}/",
    posts_folder="posts",
    staged={"draft": False, "eleventyExcludeFromCollections": True},
    data="_data/publisher.json",
    reads_liquid=True,
)
