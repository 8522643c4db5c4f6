"""What `init` finds out about a site: generator, posts, URLs, listings, who judges dates."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from publisher import config
from publisher.config.new_file import to_yaml
from publisher.generators import GENERATORS
from publisher.generators.discovery import Found, discover
from publisher.model.errors import ConfigError
from tests.acceptance.sites import Site

HUGO = 'baseURL = "https://blog.example/"\n'
MKDOCS = "site_name: Mine\nsite_url: https://blog.example/\nplugins:\n  - search\n  - blog\n"
DATED = "---\ntitle: A\ndate: 2027-03-09\n---\n"
NIKOLA = 'SITE_URL = "https://blog.example/"\nFUTURE_IS_NOW = True\n'


def found(folder: Path, **files: str) -> Found:
    """Write files, ``__`` standing for a slash and ``_DOT_`` for a dot, and look at them."""
    for name, text in files.items():
        write(folder, name.replace("__", "/").replace("_DOT_", "."), text)
    return discover(folder)


def write(folder: Path, name: str, text: str = "") -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


# --- whose site it is ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text", "generator"),
    [
        ("hugo.yaml", "", "hugo"),
        ("config/_default/hugo.toml", "", "hugo"),
        ("config.toml", 'baseurl = "https://blog.example"\n', "hugo"),
        ("astro.config.ts", "", "astro"),
        ("eleventy.config.cjs", "", "eleventy"),
        ("mkdocs.yml", "plugins:\n  - material/blog\n", "mkdocs"),
        ("mkdocs.yml", "plugins:\n    - blog:\n        blog_dir: news\n", "mkdocs"),
        ("mkdocs.yml", "plugins:\n- search\n- 'blog'  # of Material\n", "mkdocs"),
        ("mkdocs.yml", "plugins: [search, blog]\n", "mkdocs"),
        ("mkdocs.yml", 'plugins:\n  ["material/blog", search]\n', "mkdocs"),
        ("mkdocs.yml", "plugins: [search, {blog: {blog_dir: news}}]\n", "mkdocs"),
        ("pelicanconf.py", "", "pelican"),
        ("conf.py", "import time\nCOMPILERS = {}\n", "nikola"),
    ],
)
def test_a_file_says_whose_site_it_is(file: str, text: str, generator: str, tmp_path: Path) -> None:
    write(tmp_path, file, text)

    assert discover(tmp_path).generator.name == generator


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config.toml", 'base_url = "https://zola.example"\n'),  # Zola
        ("conf.py", 'project = "Manual"\nextensions = ["sphinx.ext.autodoc"]\n'),  # Sphinx
    ],
)
def test_a_file_of_that_name_may_belong_to_another(file: str, text: str, tmp_path: Path) -> None:
    write(tmp_path, file, text)

    with pytest.raises(ConfigError, match="no site was found"):
        discover(tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        "site_name: Manual\n",
        "plugins:\n  - search\n",
        "plugins: [search, my-blog, blogging]\n",
        "plugins: [search]\nnav: [blog]\n",
        "plugins: [search]\nnav:\n  - blog/index.md\n",
    ],
)
def test_a_site_of_mkdocs_without_a_blog_is_told_what_it_lacks(config: str, tmp_path: Path) -> None:
    write(tmp_path, "mkdocs.yml", config)

    with pytest.raises(ConfigError, match=r"mkdocs\.yml names no blog plugin"):
        discover(tmp_path)


# --- where a post is -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "posts"),
    [
        ("srcDir: './src',", "src/blog/**/*.md"),
        ('srcDir: "src/",', "src/blog/**/*.md"),
        ("{ srcDir: `./src/` }", "src/blog/**/*.md"),
        ("srcDir: '.',", "blog/**/*.md"),
        ("// srcDir: './src',", "blog/**/*.md"),
        ("srcDir: '../elsewhere',", "blog/**/*.md"),  # outside of the project
        ("srcDir: process.env.TEXTS,", "blog/**/*.md"),
    ],
)
def test_vitepress_may_have_its_texts_in_a_folder(config: str, posts: str, tmp_path: Path) -> None:
    write(tmp_path, ".vitepress/config.mts", f"export default {{\n  {config}\n}}\n")
    write(tmp_path, posts.replace("**/*", "pattern"), DATED)

    assert discover(tmp_path).posts == (posts,)


def test_the_usual_places_of_posts_are_looked_for_below_that_folder(tmp_path: Path) -> None:
    write(tmp_path, "docs/.vitepress/config.mts", "export default { srcDir: './texts' }\n")
    write(tmp_path, "docs/texts/posts/pattern.md")
    write(tmp_path, "package.json", '{"devDependencies": {"vitepress": "1"}}')

    site = discover(tmp_path)

    assert site.posts == ("docs/texts/posts/**/*.md",)
    assert site.post_url == "/posts/{slug}"
    assert site.output == "docs/.vitepress/dist"


def test_posts_in_several_languages_are_all_found(tmp_path: Path) -> None:
    write(tmp_path, ".vitepress/config.mts", "export default { locales: { en: {}, de: {} } }")
    write(tmp_path, "en/blog/pattern.md", DATED)
    write(tmp_path, "de/blog/muster.md", DATED)

    site = discover(tmp_path)

    assert site.posts == ("de/blog/**/*.md", "en/blog/**/*.md")
    assert site.post_url is None


@pytest.mark.parametrize(
    ("generator", "files", "posts"),
    [
        (
            "hugo",
            ["content/writing/a.md", "content/about.md", "archetypes/default.md"],
            ["content/writing/**/*.md"],
        ),
        ("hugo", ["content/essays/2027/a.md", "content/about.md"], ["content/essays/**/*.md"]),
        (
            "hugo",
            ["content/en/essays/2027/a.md", "content/de/essays/b.md", "content/en/about.md"],
            ["content/de/essays/**/*.md", "content/en/essays/**/*.md"],
        ),
        ("vitepress", ["notes/a.md", "de/notes/a.md"], ["de/notes/**/*.md", "notes/**/*.md"]),
        ("hugo", ["content/posts/a/index.md", "README.md"], ["content/posts/**/*.md"]),
        (
            "jekyll",
            ["_posts/2027-03-09-a.markdown", "news/_posts/2027-03-09-b.md", "_site/a.md"],
            [
                "_posts/**/*.markdown",
                "_posts/**/*.md",
                "news/_posts/**/*.markdown",
                "news/_posts/**/*.md",
            ],
        ),
        (
            "astro",
            ["src/content/blog/a.mdx"],
            ["src/content/blog/**/*.md", "src/content/blog/**/*.mdx"],
        ),
        ("astro", ["src/pages/posts/a.md"], ["src/pages/posts/**/*.md"]),
        ("eleventy", ["src/journal/a.md", "README.md"], ["src/journal/**/*.md"]),
        ("vitepress", ["notes/a.md", "notes/b.md", "guide/c.md"], ["notes/**/*.md"]),
        ("vitepress", ["a.md", "b.md"], ["*.md"]),
        ("pelican", ["content/a.md", "content/tech/b.md"], ["content/**/*.md"]),
        (
            "pelican",
            ["content/a.md", "content/tech/b.md", "content/pages/about.md"],
            ["content/*.md", "content/tech/**/*.md"],
        ),
    ],
)
def test_posts_are_found_where_they_are(
    generator: str, files: list[str], posts: list[str], tmp_path: Path
) -> None:
    for name in files:
        write(tmp_path, name, "" if "about" in name or "README" in name else DATED)

    assert discover(tmp_path, generator).posts == tuple(posts)


def test_dated_pages_elsewhere_are_named(tmp_path: Path) -> None:
    for name in ("notes/a.md", "notes/b.md", "guide/c.md"):
        write(tmp_path, name, DATED)

    notes = discover(tmp_path, "vitepress").notes

    assert any("guide/ (1)" in note for note in notes)


@pytest.mark.parametrize(
    ("config", "posts"),
    [
        ("  - blog:\n      post_dir: '{blog}/entries'\n", ("docs/blog/entries/**/*.md",)),
        ("  - blog: {blog_dir: news}\n", ("docs/news/posts/**/*.md",)),
        (
            "  - blog\n  - blog: {blog_dir: changes}\n",
            ("docs/blog/posts/**/*.md", "docs/changes/posts/**/*.md"),
        ),
    ],
)
def test_mkdocs_says_where_its_posts_are(
    config: str, posts: tuple[str, ...], tmp_path: Path
) -> None:
    write(tmp_path, "mkdocs.yml", f"site_name: Mine\nplugins:\n{config}")

    assert discover(tmp_path).posts == posts


def test_nikola_says_where_its_posts_are(tmp_path: Path) -> None:
    conf = 'POSTS = (("blog/*.rst", "blog", "p"), ("blog/*.md", "blog", "p"))\n'
    write(tmp_path, "conf.py", NIKOLA + conf)

    site = discover(tmp_path)

    assert (site.posts, site.post_url) == (("blog/**/*.md",), "/blog/{slug}/")


@pytest.mark.parametrize(
    ("generator", "name", "lines", "keys"),
    [
        ("hugo", "content/posts/a.md", "date: 2027-03-09", {}),
        ("astro", "src/content/blog/a.md", "pubDatetime: 2027-03-09\nsummary: S", {}),
        (
            "hugo",
            "content/posts/a.md",
            "publishedAt: 2027-03-09\nsubtitle: S\nbanner: /b.png",
            {"date": "publishedAt", "description": "subtitle", "image": "banner"},
        ),
        ("eleventy", "posts/a.md", "posted: 2027-03-09", {"date": "posted"}),
    ],
)
def test_keys_that_posts_use_and_we_would_not_read_are_written(
    generator: str, name: str, lines: str, keys: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path, name, f"---\ntitle: A\n{lines}\n---\n")

    found = discover(tmp_path, generator)

    assert {name: used[-1] for name, used in found.keys.items()} == keys


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("hugo.toml", HUGO + "timeZone = 'Asia/Taipei'\n"),
        ("config.yaml", "baseURL: https://a.example\ntimeZone: Asia/Taipei\n"),
        ("_config.yml", "timezone: Asia/Taipei\n"),
        ("pelicanconf.py", "TIMEZONE = 'Asia/Taipei'\n"),
        ("conf.py", NIKOLA + "TIMEZONE = 'Asia/Taipei'\n"),
    ],
)
def test_the_zone_is_the_sites_own(file: str, text: str, tmp_path: Path) -> None:
    write(tmp_path, file, text)

    assert discover(tmp_path).zone == "Asia/Taipei"


@pytest.mark.parametrize("text", ["", "timezone: Nowhere/Atall\n", "timezone: [a]\n"])
def test_a_zone_that_is_none_is_not_found(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, _config_DOT_yml=text).zone is None


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ("", "/posts/{slug}/"),
        ('[permalinks]\nposts = "/:year/:month/:slug/"\n', "/{year}/{month}/{slug}/"),
        ('[permalinks.page]\nposts = "/:contentbasename/"\n\n[params]\n', "/{id}/"),
        ('[permalinks]\npages = "/:slug/"\n', "/posts/{slug}/"),
        ('[permalinks]\nposts = "/:sections/:slug/"\n', None),  # no words for that
    ],
)
def test_hugo_permalinks_are_the_urls(more: str, url: str | None, tmp_path: Path) -> None:
    assert found(tmp_path, hugo_DOT_toml=HUGO + more).post_url == url


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ("", "/{year}/{month}/{day}/{slug}.html"),
        ("permalink: pretty\n", "/{year}/{month}/{day}/{slug}/"),
        ("permalink: /blog/:title:output_ext\n", "/blog/{slug}.html"),
        ("permalink: /:categories/:title/\n", None),
        (
            "collections:\n  tools:\n    permalink: /tools/:title/\n",
            "/{year}/{month}/{day}/{slug}.html",
        ),
    ],
)
def test_jekyll_permalinks_are_the_urls(more: str, url: str | None, tmp_path: Path) -> None:
    assert found(tmp_path, _config_DOT_yml=more).post_url == url


@pytest.mark.parametrize(
    ("generator", "posts"),
    [
        ("jekyll", {"_posts/2027-03-09-a.md": "categories: [plans]"}),
        ("jekyll", {"_posts/2027-03-09-a.md": "permalink: /here/"}),
        ("hugo", {"content/posts/2027/a.md": "date: 2027-03-09"}),
        ("hugo", {"content/posts/a.md": "url: /here/\ndate: 2027-03-09"}),
        ("astro", {"src/content/blog/a.md": "pubDate: 2027-03-09"}),  # its routes are elsewhere
        (
            "eleventy",
            {"posts/a.md": "date: 2027-03-09", "posts/posts.json": "permalink: x"},
        ),
        ("vitepress", {"blog/a.md": "date: 2027-03-09", "blog/b/c.md": "date: 2027-03-09"}),
        (
            "hugo",
            {"content/posts/a.md": "date: 2027-03-09", "content/blog/a.md": "date: 2027-03-09"},
        ),
    ],
)
def test_where_addresses_are_not_certain_none_is_written(
    generator: str, posts: dict[str, str], tmp_path: Path
) -> None:
    for name, line in posts.items():
        write(tmp_path, name, f"---\ntitle: A\n{line}\n---\n")

    assert discover(tmp_path, generator).post_url is None


@pytest.mark.parametrize("base", ["/notes", '"/notes/"', "notes"])
def test_jekyll_keeps_the_path_of_a_site_in_a_key_of_its_own(base: str, tmp_path: Path) -> None:
    config = f"url: https://blog.example\nbaseurl: {base}\n"

    assert found(tmp_path, _config_DOT_yml=config).url == "https://blog.example/notes"


def test_an_empty_base_adds_nothing(tmp_path: Path) -> None:
    config = 'baseurl: "" # the subpath\nurl: https://blog.example\n'

    assert found(tmp_path, _config_DOT_yml=config).url == "https://blog.example"


@pytest.mark.parametrize("where", ["Gemfile", "../Gemfile"])
def test_a_gemfile_asks_for_bundler(where: str, tmp_path: Path) -> None:
    project = tmp_path / "content"
    plain = found(project, _config_DOT_yml="")
    write(project, where)

    assert plain.command == ("jekyll", "build", "--future")
    assert discover(project).command == ("bundle", "exec", "jekyll", "build", "--future")


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ("", "/blog/{year}/{month}/{day}/{slug}/"),
        ("use_directory_urls: false\n", "/blog/{year}/{month}/{day}/{slug}.html"),
        ("  - blog: {blog_dir: ., post_url_format: '{slug}'}\n", "/{slug}/"),
        ("  - blog: {post_url_date_format: yyyy/MM}\n", "/blog/{year}/{month}/{slug}/"),
        ("  - blog: {post_url_format: '{date}/{file}'}\n", "/blog/{year}/{month}/{day}/{id}/"),
        ("  - blog: {post_url_format: '{categories}/{slug}'}\n", None),
    ],
)
def test_the_url_format_of_mkdocs_is_the_url(more: str, url: str | None, tmp_path: Path) -> None:
    plain = MKDOCS.removesuffix("  - blog\n") if "blog:" in more else MKDOCS

    assert found(tmp_path, mkdocs_DOT_yml=plain + more).post_url == url


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ("", "/{slug}.html"),
        ('ARTICLE_URL = "blog/{date:%Y}/{date:%m}/{slug}/"\n', "/blog/{year}/{month}/{slug}/"),
        ('ARTICLE_URL = "{category}/{slug}.html"\n', None),
        ('SLUGIFY_SOURCE = "basename"\n', "/{id}.html"),
    ],
)
def test_the_article_url_of_pelican_is_the_url(more: str, url: str | None, tmp_path: Path) -> None:
    assert found(tmp_path, pelicanconf_DOT_py=more).post_url == url


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ("", "/posts/{slug}/"),
        ("PRETTY_URLS = False\n", "/posts/{slug}.html"),
        ('POSTS = (\n    ("posts/*.md", "", "post.tmpl"),\n)\n', "/{slug}/"),
    ],
)
def test_the_posts_of_nikola_say_where_they_go(more: str, url: str, tmp_path: Path) -> None:
    assert found(tmp_path, conf_DOT_py=NIKOLA + more).post_url == url


# --- what it serves ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "feed", "sitemap"),
    [
        ({"hugo.toml": HUGO}, "/index.xml", "/sitemap.xml"),
        ({"hugo.toml": HUGO + 'disableKinds = ["RSS", "sitemap"]\n'}, None, None),
        ({"mkdocs.yml": MKDOCS}, None, "/sitemap.xml"),
        ({"mkdocs.yml": MKDOCS + "  - rss\n"}, "/feed_rss_created.xml", "/sitemap.xml"),
        ({"conf.py": NIKOLA}, "/rss.xml", "/sitemap.xml"),
        ({"conf.py": NIKOLA + "GENERATE_RSS = False\n"}, None, "/sitemap.xml"),
        ({"pelicanconf.py": ""}, "/feeds/all.atom.xml", None),
        ({"pelicanconf.py": "FEED_ALL_ATOM = None\n"}, None, None),
        (
            {
                "pelicanconf.py": 'FEED_ALL_ATOM = None\nPLUGINS = ["neighbors", "sitemap"]\n',
                "publishconf.py": 'FEED_ALL_ATOM = "all.atom"\n',
            },
            "/all.atom",
            "/sitemap.xml",
        ),
        (
            {"_config.yml": "plugins:\n  - jekyll-feed\n  - jekyll-sitemap\n"},
            "/feed.xml",
            "/sitemap.xml",
        ),
        (
            {
                "astro.config.mjs": 'import sitemap from "@astrojs/sitemap"\n',
                "src/pages/rss.xml.js": "",
            },
            "/rss.xml",
            "/sitemap-index.xml",
        ),
        ({"astro.config.mjs": ""}, None, None),
        (
            {
                "eleventy.config.js": 'addPlugin(feedPlugin, {type: "atom", outputPath: "/a.xml"})',
                "content/sitemap.njk": "---\npermalink: /maps/sitemap.xml\n---\n",
            },
            "/a.xml",
            "/maps/sitemap.xml",
        ),
        (
            {
                ".vitepress/config.ts": "sitemap: { hostname: 'https://blog.example' }",
                ".vitepress/feed.ts": "writeFile(join(outDir, 'feed.rss'), feed.rss2())",
            },
            "/feed.rss",
            "/sitemap.xml",
        ),
    ],
)
def test_feed_and_sitemap_are_known_where_the_generator_writes_them(
    files: dict[str, str], feed: str | None, sitemap: str | None, tmp_path: Path
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)

    site = discover(tmp_path)

    assert (site.feed, site.sitemap) == (feed, sitemap)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("mkdocs.yml", MKDOCS),
        ("conf.py", NIKOLA),
        ("pelicanconf.py", 'SITEURL = "https://blog.example"\n'),
        ("eleventy.config.js", 'feedPlugin, { metadata: { base: "https://blog.example/" } }'),
        ("hugo.toml", HUGO),
    ],
)
def test_the_address_is_read_where_the_generator_keeps_it(
    file: str, text: str, tmp_path: Path
) -> None:
    write(tmp_path, file, text)

    assert discover(tmp_path).url == "https://blog.example"


@pytest.mark.parametrize("url", ["https://example.org/", "http://www.example.com", "localhost"])
def test_an_address_that_is_nobodys_is_not_found(url: str, tmp_path: Path) -> None:
    assert found(tmp_path, hugo_DOT_toml=f'baseURL = "{url}"\n').url is None


@pytest.mark.parametrize("command", ["check", "calendar", "adopt", "tick", "run"])
def test_no_command_works_with_the_address_that_init_writes_in_its_place(
    command: str, tmp_path: Path
) -> None:
    write(tmp_path, "hugo.toml", 'baseURL = "https://example.org/"\n')
    site = Site(folder=tmp_path)

    site.run("init")
    shown = site.run(command, code=None)

    assert shown.code in (1, 78)  # the second is for systemd: not started again
    assert "site.url: https://example.org is a placeholder" in shown.out + shown.err


@pytest.mark.parametrize(
    ("generator", "files", "url"),
    [
        (
            "astro",
            {
                "astro.config.mjs": "defineConfig({ site: 'https://a.example', base: '/notes' })",
                "src/content.config.ts": 'loader: glob({ base: "./src/content/blog" })',
            },
            "https://a.example/notes",
        ),
        (
            "astro",
            {
                "astro.config.ts": "defineConfig({ site: SITE.website })",
                "src/config.ts": "export const SITE = { website: 'https://a.example/' }",
            },
            "https://a.example",
        ),
        (
            "vitepress",
            {".vitepress/config.ts": "base: '/b/', sitemap: { hostname: 'https://a.example/b/' }"},
            "https://a.example/b",
        ),
        (
            "astro",
            {"astro.config.mjs": "const siteUrl = process.env.SITE_URL ?? 'https://a.example'"},
            "https://a.example",
        ),
        (
            "vitepress",
            {
                ".vitepress/config.ts": "",
                ".vitepress/feed.ts": "const baseUrl = `https://a.example`",
            },
            "https://a.example",
        ),
        (
            "eleventy",
            {
                "eleventy.config.js": "const url = `https://api.example/${key}/x`",
                "src/data/site.js": "export default { url: 'https://a.example' }",
            },
            "https://a.example",
        ),
        ("hugo", {"hugo.toml": "", "static/CNAME": "a.example\n"}, "https://a.example"),
        (
            "eleventy",
            {"eleventy.config.js": "", "_data/metadata.json": '{"url": "https://a.example/"}'},
            "https://a.example",
        ),
        ("hugo", {"hugo.toml": "# baseURL = 'https://old.example'\n"}, None),
        (
            "vitepress",
            {".vitepress/config.ts": "website: 'https://github.com/ada/blog'"},
            None,
        ),
        ("pelican", {"publishconf.py": "SITEURL = 'https://a.example'"}, "https://a.example"),
    ],
)
def test_the_address_is_found_in_files_beside_the_configuration(
    generator: str, files: dict[str, str], url: str | None, tmp_path: Path
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)

    site = discover(tmp_path)

    assert (site.generator.name, site.url) == (generator, url)


@pytest.mark.parametrize(
    ("files", "command", "output"),
    [
        (
            {"package.json": '{"devDependencies": {"vitepress": "1"}}', "docs/.vitepress/x.ts": ""},
            ("npx", "vitepress", "build", "docs"),
            "docs/.vitepress/dist",
        ),
        (
            {
                "package.json": '{"devDependencies": {"vitepress": "1"},'
                ' "scripts": {"docs:dev": "vitepress dev web", "site": "vitepress build web"}}',
                "pnpm-lock.yaml": "",
                "web/.vitepress/config.mts": "export default { outDir: '../public' }",
            },
            ("pnpm", "run", "site"),
            "public",
        ),
        (
            {"_config.yml": "destination: docs/out\n"},
            ("jekyll", "build", "--future"),
            "docs/out",
        ),
        (
            {"eleventy.config.js": "return { dir: { input: 'src', output: 'dist' } }"},
            ("npx", "@11ty/eleventy"),
            "dist",
        ),
        (
            {"pelicanconf.py": "PATH = 'texts'\nOUTPUT_PATH = 'out/'\n"},
            (
                *("pelican", "texts", "--delete-output-directory"),
                *("--settings", "pelicanconf.py"),
            ),
            "out",
        ),
        (
            {"hugo.toml": "publishDir = '../elsewhere'\n"},
            ("hugo", "--buildFuture", "--cleanDestinationDir"),
            "public",
        ),
    ],
)
def test_the_build_is_the_sites_own(
    files: dict[str, str], command: tuple[str, ...], output: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)

    site = discover(tmp_path)

    assert (site.command, site.output) == (command, output)


def test_the_only_site_below_is_found(tmp_path: Path) -> None:
    write(tmp_path, "website/hugo.toml", HUGO)
    write(tmp_path, "themes/t/hugo.toml", HUGO)

    site = discover(tmp_path)

    assert (site.root, site.generator.name) == ("website", "hugo")


def test_a_terminal_is_asked_for_what_was_not_found(tmp_path: Path) -> None:
    write(tmp_path, "_config.yml", "title: Mine\n")
    site = Site(folder=tmp_path, environ={"TZ": "Europe/Oslo"})

    said = answer(site, ["init", "--no-build"], "https://blog.example", "", "notes/*.md")

    settings = config.load(tmp_path / "jobs.yaml", environ={})
    assert settings.site.url == "https://blog.example"
    assert settings.site.zone.key == "Europe/Oslo"
    assert settings.site.posts == ("notes/*.md",)
    assert "Time zone of the dates in posts [Europe/Oslo]" in said


def answer(site: Site, words: list[str], *lines: str) -> str:
    """Run a command on a terminal and type these lines; give what the terminal shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        site.command(*words),
        cwd=site.folder,
        env=site.all_environ(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as running:
        os.close(theirs)
        os.write(ours, "".join(f"{line}\n" for line in lines).encode())
        shown = b""
        with suppress(OSError):  # how a terminal says that it is over
            while data := os.read(ours, 10_000):
                shown += data
    os.close(ours)
    assert running.returncode == 0, shown
    return shown.decode()


def test_pelican_is_built_as_its_public_site(tmp_path: Path) -> None:
    site = found(
        tmp_path,
        pelicanconf_DOT_py='SITEURL = ""\nWITH_FUTURE_DATES = False\n',
        publishconf_DOT_py='SITEURL = "https://blog.example"\n',
    )

    assert site.url == "https://blog.example"
    assert site.command[3:] == (
        *("--settings", "publishconf.py"),
        *("--extra-settings", "WITH_FUTURE_DATES=true"),
    )
    assert not any("judges dates" in note for note in site.notes)
    assert any("public at once" in note for note in site.notes)


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("conf.py", 'BLOG_TITLE = "Mine"\n', "FUTURE_IS_NOW = True"),
        (
            "mkdocs.yml",
            MKDOCS.replace("- blog", "- blog:") + "      draft_if_future_date: true\n",
            "draft_if_future_date: false",
        ),
    ],
)
def test_a_switch_in_the_configuration_is_asked_for(
    file: str, text: str, word: str, tmp_path: Path
) -> None:
    write(tmp_path, file, text)

    assert any(word in note and "judges dates" in note for note in discover(tmp_path).notes)


# --- what is written -----------------------------------------------------------------------


@pytest.mark.parametrize("generator", GENERATORS)
def test_what_is_written_for_each_generator_loads(generator: str, tmp_path: Path) -> None:
    site = replace(discover(tmp_path, generator), url="https://blog.example")
    text = to_yaml(site, name="mine", zone="Europe/Oslo")
    (tmp_path / "jobs.yaml").write_text(text)

    settings = config.load(tmp_path / "jobs.yaml", environ={})

    assert settings.embargo == "redact"
    assert (settings.verify.feed, settings.verify.sitemap) == (site.feed, site.sitemap)
    assert settings.site.post_url == site.post_url


# --- what belongs into .gitignore ------------------------------------------------------------


@pytest.mark.parametrize(
    ("ignored", "told"),
    [
        (None, "it holds the ledger. Add to .gitignore:\n.publisher/\n"),
        ("node_modules\n", "it holds the ledger. Add to .gitignore:\n.publisher/\n"),
        ("dist\n/.publisher/\n", "or `publisher tick` from cron\n"),
    ],
)
def test_init_ends_with_what_is_to_be_kept_out_of_git(
    ignored: str | None, told: str, tmp_path: Path
) -> None:
    write(tmp_path, "hugo.toml", HUGO)
    if ignored is not None:
        write(tmp_path, ".gitignore", ignored)

    shown = Site(folder=tmp_path).run("init", "--no-build")

    assert shown.err.endswith(told)
