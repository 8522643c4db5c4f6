"""What `init` knows of each generator: the signs of its projects, and what is usual there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from publisher.generators.own_config import HUGO_FOLDERS, NAMES, GeneratorConfig

# Names by which scripts keep the address of their site.
_NAMES = ("siteUrl", "siteURL", "SITE_URL", "baseUrl", "baseURL", "domain", "website")

PACKAGES = {"vitepress": "vitepress", "astro": "astro", "@11ty/eleventy": "eleventy"}

# Files of a project; the first that is there says whose it is, if the configuration agrees.
SIGNS: tuple[tuple[str, str], ...] = (
    *((name, "hugo") for name in NAMES["hugo"]),
    *((folder, "hugo") for folder in HUGO_FOLDERS),
    *((name, "jekyll") for name in NAMES["jekyll"]),
    *((name, "astro") for name in NAMES["astro"]),
    *((name, "eleventy") for name in NAMES["eleventy"]),
    *((f"{place}.vitepress", "vitepress") for place in ("", "docs/", "src/")),
    *((name, "mkdocs") for name in NAMES["mkdocs"]),
    *((name, "pelican") for name in NAMES["pelican"]),
    ("conf.py", "nikola"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """One generator: where posts usually are below its sources, with the URL they get there."""

    folder: str
    url: str  # {folder}: that of the posts, below the sources
    address: tuple[str, ...]  # keys that say where the site is public
    output: str = ""  # the key that says where the built site is
    note: str = ""  # what a person should know


TRAITS: Mapping[str, Traits] = {
    "vitepress": Traits(
        folder="blog",
        url="/{folder}/{slug}",
        address=("hostname", *_NAMES),
        output="outDir",
        note="VitePress knows no drafts: what lists posts should leave out those to come",
    ),
    "hugo": Traits(
        folder="posts",
        url="/{folder}/{slug}/",
        address=("baseurl",),
        output="publishdir",
    ),
    "jekyll": Traits(
        folder="_posts",
        url="/{year}/{month}/{day}/{slug}.html",
        address=("url",),
        output="destination",
        note="Jekyll publishes every file it finds: for builds of your own write "
        "exclude: [jobs.yaml] into _config.yml",
    ),
    "astro": Traits(
        folder="blog",
        url="/{folder}/{slug}/",
        address=("site", *_NAMES, "url"),
        output="outDir",
        note="what lists posts should leave out those with embargoed: true in the built copy, "
        "and the schema must accept that key",
    ),
    "eleventy": Traits(
        folder="posts",
        url="/{folder}/{slug}/",
        address=("url", "base", *_NAMES),
    ),
    "mkdocs": Traits(
        folder="blog/posts",
        url="",  # as its blog plugin says
        address=("site_url",),
        output="site_dir",
        note="MkDocs lists every page it builds in its blog, under embargo with filler: "
        "embargo: omit keeps unreleased posts out of them",
    ),
    "pelican": Traits(
        folder="",
        url="/{slug}.html",
        address=("SITEURL",),
        output="OUTPUT_PATH",
        note="posts in reStructuredText are not released by publisher: it reads Markdown",
    ),
    "nikola": Traits(
        folder="",
        url="/posts/{slug}/",
        address=("SITE_URL",),
        output="OUTPUT_FOLDER",
        note="posts in reStructuredText are not released by publisher: it reads Markdown",
    ),
}


def is_its_own(generator: str, config: GeneratorConfig, sign: str) -> bool:
    """Tell whether a file that several programs name alike is this generator's."""
    if generator == "hugo" and sign.startswith("config."):  # Zola's config.toml says base_url
        return "baseurl" in config.values or (not config.values and bool(config.broken))
    if generator == "nikola":  # Sphinx has a conf.py, too
        return any(key in config.values for key in ("COMPILERS", "BLOG_TITLE", "SITE_URL", "POSTS"))
    return True
