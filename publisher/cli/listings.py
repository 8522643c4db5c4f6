"""Which feed and sitemap a generator is known to write, by its configuration and its files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from publisher.generators.own_config import GeneratorConfig

Listings = tuple[str | None, str | None]  # paths of the feed and the sitemap on the site


def find_listings(generator: str, folder: Path, config: GeneratorConfig) -> Listings:
    """Give the paths of feed and sitemap; ``None`` where none is known. ``folder``: the project."""
    return _FINDERS[generator](folder, config)


def _vitepress(folder: Path, config: GeneratorConfig) -> Listings:
    scripts = (*folder.glob(".vitepress/*.*ts"), *folder.glob(".vitepress/*.*js"))
    feed = _named_in(scripts, r"['\"`/]((?:feed|rss|atom)\.(?:xml|rss|atom))['\"`]")
    return feed, "/sitemap.xml" if re.search(r"\bsitemap\s*:", config.text) else None


def _hugo(folder: Path, config: GeneratorConfig) -> Listings:
    off = {str(kind).lower() for kind in _listed(config.get("disablekinds"))}
    feed = config.get_text("outputformats", "rss", "basename") or "index"
    sitemap = config.get_text("sitemap", "filename") or "sitemap.xml"
    return (
        None if "rss" in off else f"/{feed}.xml",
        None if "sitemap" in off else f"/{sitemap.lstrip('/')}",
    )


def _jekyll(folder: Path, config: GeneratorConfig) -> Listings:
    plugins = {*_listed(config.get("plugins")), *_listed(config.get("gems"))}
    gems = "\n".join(_texts((folder / "Gemfile", folder.parent / "Gemfile")))
    has = {name: name in plugins or name in gems for name in ("jekyll-feed", "jekyll-sitemap")}
    feed = config.get_text("feed", "path") or "feed.xml"
    return (
        f"/{feed.lstrip('/')}" if has["jekyll-feed"] else _there(folder, "feed.xml", "atom.xml"),
        "/sitemap.xml" if has["jekyll-sitemap"] else _there(folder, "sitemap.xml"),
    )


def _astro(folder: Path, config: GeneratorConfig) -> Listings:
    names = ("rss.xml", "feed.xml", "atom.xml")
    feeds = (f"/{name}" for name in names if any(folder.glob(f"src/pages/{name}.*")))
    return next(feeds, None), "/sitemap-index.xml" if "@astrojs/sitemap" in config.text else None


def _eleventy(folder: Path, config: GeneratorConfig) -> Listings:
    plugin = re.search(r"feedPlugin[\s\S]*?outputPath\s*:\s*[\"']([^\"']+)", config.text)
    feed = "/" + plugin[1].lstrip("/") if plugin else None
    return feed or _template(folder, "feed"), _template(folder, "sitemap")


def _template(folder: Path, name: str) -> str | None:
    """Find the template of a listing, by the permalink in it or by its name."""
    files = [f for glob in (f"{name}.*", f"*/{name}.*") for f in sorted(folder.glob(glob))]
    files = [file for file in files if "node_modules" not in file.parts]
    pattern = rf"^permalink:\s*[\"']?(/?[\w./-]*{name}[\w./-]*)"
    found = _named_in(files, pattern)
    is_named = any(file.name.startswith(f"{name}.xml") for file in files)
    return found or (f"/{name}.xml" if is_named else None)


def _mkdocs(folder: Path, config: GeneratorConfig) -> Listings:
    plugins = config.get("plugins")
    names = {str(n) for entry in _listed(plugins) for n in (entry if _is_map(entry) else [entry])}
    return (
        "/feed_rss_created.xml" if "rss" in names else None,
        "/sitemap.xml" if config.get_text("site_url") else None,
    )


def _pelican(folder: Path, config: GeneratorConfig) -> Listings:
    feed = config.values.get("FEED_ALL_ATOM", "feeds/all.atom.xml")
    plugins = {str(name).rpartition(".")[2] for name in _listed(config.get("PLUGINS"))}
    return (
        "/" + feed.lstrip("/") if isinstance(feed, str) and feed else None,
        "/sitemap.xml" if "sitemap" in plugins else None,
    )


def _nikola(folder: Path, config: GeneratorConfig) -> Listings:
    return None if config.get("GENERATE_RSS") is False else "/rss.xml", "/sitemap.xml"


_FINDERS: Mapping[str, Callable[[Path, GeneratorConfig], Listings]] = {
    "vitepress": _vitepress,
    "hugo": _hugo,
    "jekyll": _jekyll,
    "astro": _astro,
    "eleventy": _eleventy,
    "mkdocs": _mkdocs,
    "pelican": _pelican,
    "nikola": _nikola,
}


def _listed(value: Any) -> list[Any]:
    if _is_map(value):
        return list(value)
    return value if isinstance(value, list) else []


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _there(folder: Path, *names: str) -> str | None:
    return next((f"/{name}" for name in names if (folder / name).is_file()), None)


def _named_in(files: Iterable[Path], pattern: str) -> str | None:
    """Give the path that the first of these files names."""
    for text in _texts(files):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return "/" + found[1].lstrip("/")
    return None


def _texts(files: Iterable[Path]) -> Iterator[str]:
    for file in files:
        try:
            yield file.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
