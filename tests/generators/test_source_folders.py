"""Of which files a generator makes pages, as its own configuration says."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.generators import GENERATORS

SOURCES = [
    ("vitepress", {".vitepress/config.ts": ""}, "blog/a.md", "node_modules/p/README.md"),
    ("vitepress", {"docs/.vitepress/config.ts": ""}, "docs/a.md", "README.md"),
    (
        "vitepress",
        {"site/.vitepress/config.mts": "export default { srcDir: './pages' } // srcDir: 'x'"},
        "site/pages/a.md",
        "site/a.md",
    ),
    (
        "vitepress",
        {
            "package.json": '{"scripts": {"docs:build": "vitepress build website"}}',
            "website/.vitepress/config.js": "",
            "old/.vitepress/config.js": "",
        },
        "website/a.md",
        "old/a.md",
    ),
    (
        "vitepress",
        {".vitepress/config.ts": "srcExclude: ['**/README.md', 'drafts/**']"},
        "blog/a.md",
        "drafts/b/README.md",
    ),
    ("hugo", {"hugo.toml": ""}, "content/posts/a.md", "archetypes/default.md"),
    ("hugo", {"hugo.toml": ""}, "content/a.md", "themes/t/content/a.md"),
    ("hugo", {"config.yaml": "contentDir: texts\n"}, "texts/a.md", "content/a.md"),
    (
        "hugo",
        {"config/_default/languages.toml": "[de]\ncontentDir = 'content.de'\n"},
        "content.de/posts/a.md",
        "i18n/a.md",
    ),
    (
        "hugo",
        {"hugo.yaml": "module:\n  mounts:\n  - {source: notes, target: content/notes}\n"},
        "notes/a.md",
        "assets/a.md",
    ),
    ("jekyll", {"_config.yml": ""}, "_posts/2027-03-09-a.md", "_includes/a.md"),
    ("jekyll", {"_config.yml": ""}, "news/_posts/2027-03-09-a.md", "_drafts/a.md"),
    ("jekyll", {"_config.yml": "exclude: [README.md, tools/]\n"}, "about.md", "tools/a.md"),
    ("jekyll", {"_config.yml": "collections: {recipes: {}}\n"}, "_recipes/a.md", "_data/a.md"),
    ("jekyll", {"_config.yml": "source: docs\n"}, "docs/about.md", "README.md"),
    ("astro", {"astro.config.mjs": ""}, "src/content/blog/a.md", "README.md"),
    ("astro", {"astro.config.mjs": ""}, "src/pages/a.md", "src/components/README.md"),
    (
        "astro",
        {"src/content.config.ts": 'loader: glob({ base: "./src/data/blog" })'},
        "src/data/blog/a.md",
        "src/data/blog/_drafts/b.md",
    ),
    ("eleventy", {"eleventy.config.js": ""}, "posts/a.md", "_includes/a.md"),
    (
        "eleventy",
        {".eleventy.js": "return { dir: { input: 'src', output: 'dist' } }"},
        "src/posts/a.md",
        "README.md",
    ),
    (
        "eleventy",
        {"eleventy.config.js": "export default c => { c.setInputDirectory('site') }"},
        "site/a.md",
        "README.md",
    ),
    (
        "eleventy",
        {"eleventy.config.js": "", ".eleventyignore": "README.md\n"},
        "about.md",
        "README.md",
    ),
    ("mkdocs", {"mkdocs.yml": "theme: !ENV [T, material]\n"}, "docs/a.md", "README.md"),
    ("mkdocs", {"mkdocs.yml": "docs_dir: pages\n"}, "pages/a.md", "docs/a.md"),
    ("pelican", {"pelicanconf.py": "PATH = 'texts'\n"}, "texts/a.md", "content/a.md"),
    (
        "nikola",
        {"conf.py": 'POSTS = (("blog/*.md", "blog", "post.tmpl"),)\nPAGES = ()\n'},
        "blog/a.md",
        "README.md",
    ),
]


@pytest.mark.parametrize(("generator", "files", "page", "other"), SOURCES)
def test_a_page_is_told_from_a_file_beside_the_site(
    generator: str, files: dict[str, str], page: str, other: str, tmp_path: Path
) -> None:
    for name, text in {page: "", other: "", **files}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    sources = GENERATORS[generator].find_sources(tmp_path)

    assert (sources.has(page), sources.has(other)) == (True, False)


def test_where_the_folders_are_not_there_anything_may_be_a_page(tmp_path: Path) -> None:
    (tmp_path / "hugo.toml").write_text("")

    assert GENERATORS["hugo"].find_sources(tmp_path).has("blog/a.md")
