"""What `check` says of states that pages take from elsewhere, and of posts in other formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher import check
from publisher.model import Problem
from tests.check.test_check import NOW, settings_of
from tests.posts.sites import a_library, a_text, write


def problems_of(project: Path, rule: str, *, generator: str, **facts: str) -> list[Problem]:
    library = a_library(project, generator=generator, **facts)
    found = check.run(settings_of(library), library, now=NOW, environ={})
    return [problem for problem in found if problem.rule == rule]


@pytest.mark.parametrize(
    ("generator", "path", "text", "said"),
    [
        ("hugo", "blog/_index.md", "---\ncascade: {draft: true}\n---\n", "draft: true"),
        ("hugo", "blog/_index.md", "---\ncascade:\n- Draft: true\n---\n", "draft: true"),
        (
            "hugo",
            "blog/_index.md",
            "+++\n[cascade.build]\nrender = 'never'\n+++\n",
            "build: {render: never}",
        ),
        ("hugo", "hugo.toml", "[[cascade]]\n[cascade._build]\nrender = false\n", "build: {"),
        ("hugo", "hugo.yaml", "cascade: {publishDate: 2099-01-01}\n", "publishDate: 2099-01-01"),
        ("hugo", "config/_default/cascade.json", '{"draft": true}', "draft: true"),
        (
            "jekyll",
            "_config.yml",
            "defaults:\n- scope: {path: _posts}\n  values: {published: false}\n",
            "published: false",
        ),
        ("eleventy", "blog/blog.json", '{"draft": true}', "draft: true"),
        ("eleventy", "blog/blog.11tydata.json", '{"draft": true}', "draft: true"),
        ("eleventy", "blog/blog.11tydata.js", "export default {\n  draft: true,\n};\n", "draft: t"),
        ("eleventy", "blog/x.11tydata.cjs", 'module.exports = { "draft": true };\n', "draft: true"),
        ("mkdocs", "docs/.meta.yml", "draft: true\n", "draft: true"),
        (
            "pelican",
            "pelicanconf.py",
            "DEFAULT_METADATA = {\n    'status': 'draft',\n}\n",
            "status: draft",
        ),
    ],
)
def test_a_state_that_pages_take_from_elsewhere_is_named(
    tmp_path: Path, generator: str, path: str, text: str, said: str
) -> None:
    write(tmp_path, "blog/door.md", a_text(state=""))
    write(tmp_path, path, text)

    (found,) = problems_of(tmp_path, "inherited-state", generator=generator)

    assert (found.severity, found.path) == ("warning", f"content/{path}")
    assert found.message.startswith(f"says {said}")
    assert "takes them for public" in found.message


@pytest.mark.parametrize(
    ("generator", "path", "text"),
    [
        ("hugo", "blog/_index.md", "---\ndraft: false\ncascade: {draft: false, type: x}\n---\n"),
        ("hugo", "blog/_index.md", "---\ncascade: 7\n---\n"),
        ("hugo", "hugo.toml", "cascade = \n"),
        ("hugo", "hugo.toml", "[build]\nrender = 'never'\n"),
        ("hugo", "data/x.json", '{"cascade": {"draft": true}}'),
        ("jekyll", "_config.yml", "published: false\ndefaults:\n"),
        ("jekyll", "_config.yml", "defaults: [7, {values: {layout: post}}]\n"),
        ("eleventy", "blog/other.json", '{"draft": true}'),
        ("eleventy", "blog/blog.json", "[true]"),
        ("eleventy", "blog/blog.11tydata.js", "// draft: true\nexport default {draft: isIt};\n"),
        ("pelican", "pelicanconf.py", "DEFAULT_METADATA = {}\nX = {'status': 'draft'}\n"),
        ("vitepress", "_config.yml", "defaults: [{values: {status: draft}}]\n"),
    ],
)
def test_what_hides_no_page_is_no_matter(
    tmp_path: Path, generator: str, path: str, text: str
) -> None:
    write(tmp_path, path, text)

    assert problems_of(tmp_path, "inherited-state", generator=generator) == []


@pytest.mark.parametrize("name", ["door.rst", "door.adoc", "door.HTML"])
def test_a_post_that_is_no_markdown_is_an_error(tmp_path: Path, name: str) -> None:
    write(tmp_path, "blog/good.md", a_text())
    write(tmp_path, f"blog/{name}", a_text())

    (found,) = problems_of(tmp_path, "post-format", generator="nikola", posts=("blog/**/*",))

    assert (found.severity, found.path) == ("error", f"content/blog/{name}")
    assert found.message.startswith("matches site.posts and is not Markdown")


def test_posts_in_markdown_are_in_a_format_that_is_read(tmp_path: Path) -> None:
    for name in ("a.md", "b.mdx", "c.markdown"):
        write(tmp_path, f"blog/{name}", a_text())

    assert problems_of(tmp_path, "post-format", generator="astro", posts=("blog/**/*",)) == []
