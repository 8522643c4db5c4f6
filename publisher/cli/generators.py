"""What `init` knows of each generator: the signs of its projects, and what it writes by default.

Facts only; ``discovery`` looks for them in a folder. A pattern is searched for in the text of the
first file that has it; configuration that is a program is never run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HUGO = ("hugo.toml", "hugo.yaml", "hugo.json", "config.toml", "config/_default/hugo.toml")
ASTRO = ("astro.config.mjs", "astro.config.ts", "astro.config.js")
ELEVENTY = ("eleventy.config.js", "eleventy.config.mjs", "eleventy.config.cjs", ".eleventy.js")
VITEPRESS = tuple(f".vitepress/config.{end}" for end in ("mts", "ts", "mjs", "js"))
PELICAN = ("publishconf.py", "pelicanconf.py")  # the first is for the public site


def _plugin(name: str) -> str:
    """Give the pattern of a plugin in ``mkdocs.yml``: on a line of its own, or in a list on one."""
    word = rf"[\"']?{name}[\"']?[ \t]*"
    in_one = rf"^plugins\s*:\s*\[(?:[^\]]*[\s,{{])?{word}[:,\]}}]"
    return rf"^[ \t]*-[ \t]+{word}(?::|#|$)|{in_one}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Where a pattern is found in one of ``files``, by glob, the generator serves ``path``.

    A group of the pattern names the path itself; without ``files`` it is always there, but where
    ``unless`` is found.
    """

    path: str = ""
    files: tuple[str, ...] = ()
    pattern: str = ""
    unless: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """One generator: places of posts with the URL they get there, the usual place first."""

    places: tuple[tuple[str, str], ...]
    config: tuple[str, ...]  # files, the telling one first
    url: str  # pattern of the key that says where the site is public
    feeds: tuple[Sign, ...] = ()
    sitemaps: tuple[Sign, ...] = ()
    note: str = ""  # what a person should know


PACKAGES = {"vitepress": "vitepress", "astro": "astro", "@11ty/eleventy": "eleventy"}

# Files of a project, and what must be in them; the first that is there says whose it is.
FILES: tuple[tuple[str, str, str], ...] = (
    ("hugo.toml", "", "hugo"),
    ("hugo.yaml", "", "hugo"),
    ("hugo.json", "", "hugo"),
    ("config/_default/hugo.toml", "", "hugo"),
    ("config.toml", r"(?i)^\s*baseURL", "hugo"),  # Zola's config.toml says base_url
    ("_config.yml", "", "jekyll"),
    *((name, "", "astro") for name in ASTRO),
    *((name, "", "eleventy") for name in ELEVENTY),
    (".vitepress", "", "vitepress"),
    ("mkdocs.yml", _plugin("(?:material/)?blog"), "mkdocs"),
    ("pelicanconf.py", "", "pelican"),
    ("conf.py", r"(?i)nikola|^COMPILERS\b|^BLOG_TITLE\b", "nikola"),
)

TRAITS: Mapping[str, Traits] = {
    "vitepress": Traits(
        places=(("blog", "/blog/{slug}"), ("posts", "/posts/{slug}")),
        config=VITEPRESS,
        url=r"\bhostname",
        feeds=(
            Sign(
                files=(".vitepress/*.*ts", ".vitepress/*.*js"),
                pattern=r"['\"`/]((?:feed|rss|atom)\.(?:xml|rss|atom))['\"`]",
            ),
        ),
        sitemaps=(Sign(path="/sitemap.xml", files=VITEPRESS, pattern=r"\bsitemap\s*:"),),
        note="VitePress knows no drafts: what lists posts should ask for status: published",
    ),
    "hugo": Traits(
        places=(
            ("content/posts", "/posts/{slug}/"),
            ("content/post", "/post/{slug}/"),
            ("content/blog", "/blog/{slug}/"),
        ),
        config=HUGO,
        url=r"(?i:baseURL)",
        feeds=(Sign(path="/index.xml", unless=r"(?i)disableKinds.*\brss\b"),),
        sitemaps=(Sign(path="/sitemap.xml", unless=r"(?i)disableKinds.*\bsitemap\b"),),
    ),
    "jekyll": Traits(
        places=(("_posts", "/{year}/{month}/{day}/{slug}.html"),),
        config=("_config.yml",),
        url=r"^url",
        feeds=(Sign(path="/feed.xml", files=("_config.yml", "Gemfile"), pattern="jekyll-feed"),),
        sitemaps=(
            Sign(path="/sitemap.xml", files=("_config.yml", "Gemfile"), pattern="jekyll-sitemap"),
        ),
        note="Jekyll publishes every file it finds: for builds of your own write "
        "exclude: [jobs.yaml] into _config.yml",
    ),
    "astro": Traits(
        places=(("src/content/blog", "/blog/{slug}/"), ("src/content/posts", "/posts/{slug}/")),
        config=ASTRO,
        url=r"\bsite",
        feeds=(
            Sign(path="/rss.xml", files=("src/pages/rss.xml.*",)),
            Sign(path="/feed.xml", files=("src/pages/feed.xml.*",)),
        ),
        sitemaps=(Sign(path="/sitemap-index.xml", files=ASTRO, pattern="@astrojs/sitemap"),),
        note="what lists posts should leave out those with embargoed: true in the built copy, "
        "and the schema must accept that key",
    ),
    "eleventy": Traits(
        places=(
            ("posts", "/posts/{slug}/"),
            ("content/blog", "/blog/{slug}/"),
            ("blog", "/blog/{slug}/"),
            ("src/posts", "/posts/{slug}/"),
        ),
        config=("_data/metadata.js", "_data/metadata.json", *ELEVENTY),
        url=r"\b(?:url|base)",
        feeds=(
            Sign(files=ELEVENTY, pattern=r"feedPlugin[\s\S]*?outputPath\s*:\s*[\"']([^\"']+)"),
            Sign(path="/feed.xml", files=("feed.xml.*", "src/feed.xml.*", "content/feed.xml.*")),
        ),
        sitemaps=(
            Sign(path="/sitemap.xml", files=("sitemap.xml.*", "*/sitemap.xml.*")),
            Sign(
                files=("sitemap.*", "*/sitemap.*"),
                pattern=r"^permalink:\s*[\"']?(/?[\w./-]*sitemap[\w./-]*)",
            ),
        ),
    ),
    "mkdocs": Traits(
        places=(("docs/blog/posts", "/blog/{year}/{month}/{day}/{slug}/"),),
        config=("mkdocs.yml",),
        url=r"^site_url",
        feeds=(Sign(path="/feed_rss_created.xml", files=("mkdocs.yml",), pattern=_plugin("rss")),),
        sitemaps=(Sign(path="/sitemap.xml", files=("mkdocs.yml",), pattern=r"^site_url"),),
        note="MkDocs lists every page it builds in its blog, under embargo with filler: "
        "embargo: omit keeps unreleased posts out of them",
    ),
    "pelican": Traits(
        places=(
            ("content/articles", "/{slug}.html"),
            ("content/posts", "/{slug}.html"),
            ("content/blog", "/{slug}.html"),
            ("content", "/{slug}.html"),
        ),
        config=PELICAN,
        url=r"^SITEURL",
        feeds=(
            Sign(files=PELICAN, pattern=r"^FEED_ALL_ATOM\s*=\s*[\"']([^\"']+)"),
            Sign(path="/feeds/all.atom.xml", unless=r"^FEED_ALL_ATOM\s*="),
        ),
        sitemaps=(
            Sign(
                path="/sitemap.xml",
                files=PELICAN,
                pattern=r"^PLUGINS\s*\+?=\s*[\[(][^\])]*[\"'](?:pelican\.plugins\.)?sitemap[\"']",
            ),
        ),
        note="posts need frontmatter between --- and ---, with keys in lower case",
    ),
    "nikola": Traits(
        places=(("posts", "/posts/{slug}/"),),
        config=("conf.py",),
        url=r"^SITE_URL",
        feeds=(Sign(path="/rss.xml", unless=r"^GENERATE_RSS\s*=\s*False"),),
        sitemaps=(Sign(path="/sitemap.xml"),),
        note="posts need frontmatter between --- and ---; Nikola reads it with ruamel.yaml",
    ),
}
