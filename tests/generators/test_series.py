"""The templates of the docs for themes: the place in a series and the badge, on real pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.generators.test_dates import edit
from tests.generators.workbench import ROOT, Workbench, a_workbench

pytestmark = pytest.mark.generators

DOCS = ROOT / "docs" / "howto" / "show-a-series-in-your-theme.md"


def snippets(heading: str) -> Iterator[str]:
    """Give the code under a heading of the docs, in order."""
    text = DOCS.read_text()
    section = text.partition(f"\n## {heading}\n")[2].partition("\n##")[0]
    return (code for _, code in re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL))


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def dress_jekyll(folder: Path) -> None:
    (include,) = snippets("Jekyll")
    write(folder, "_includes/series.html", include)
    layout = "---\nlayout: default\n---\n{% include series.html %}\n{{ content }}\n"
    write(folder, "_layouts/post.html", layout)


def dress_pelican(folder: Path) -> None:
    setting, template = snippets("Pelican")
    edit(folder / "pelicanconf.py", "PATH =", f"{setting}\nPATH =")
    edit(folder / "pelicanconf.py", "PATH =", 'THEME_TEMPLATES_OVERRIDES = ["templates"]\nPATH =')
    write(folder, "templates/series.html", template)
    write(
        folder,
        "templates/article.html",
        '{% extends "!theme/article.html" %}\n'
        '{% block content %}{% include "series.html" %}{{ super() }}{% endblock %}\n',
    )


def dress_mkdocs(folder: Path) -> None:
    hook, template = snippets("MkDocs with Material")
    edit(folder / "mkdocs.yml", "  name: material\n", "  name: material\n  custom_dir: overrides\n")
    edit(folder / "mkdocs.yml", "plugins:", "hooks: [series.py]\nplugins:")
    write(folder, "series.py", hook)
    write(folder, "overrides/partials/comments.html", template)


def dress_nikola(folder: Path) -> None:
    (template,) = snippets("Nikola")
    write(folder, "templates/series.tmpl", template)
    write(
        folder,
        "templates/post.tmpl",
        '<%inherit file="base.tmpl"/>\n<%block name="content">\n'
        '<%include file="series.tmpl"/>\n${post.text()}\n</%block>\n',
    )


DRESS: dict[str, Callable[[Path], None]] = {
    "jekyll": dress_jekyll,
    "pelican": dress_pelican,
    "mkdocs": dress_mkdocs,
    "nikola": dress_nikola,
}


def a_series(name: str, folder: Path) -> Workbench:
    """Give a site of a series: one part is out, two are to come."""
    bench = a_workbench(name, folder)
    (plane,) = bench.post.parent.glob("*plane.md")
    pattern = bench.post.read_text()
    later = pattern.replace("The Pattern", "The Door").replace("2099-03-10", "2099-04-10")
    door = bench.post.name.replace("pattern", "door").replace("2099-03-10", "2099-04-10")
    bench.post.with_name(door).write_text(later.replace("redirect_from: /pattern/\n", ""))
    for part, file in enumerate((plane, bench.post, bench.post.with_name(door)), start=1):
        edit(file, "---\ntitle:", f"---\nseries: {{name: Nuts & Bolts, part: {part}}}\ntitle:")
    DRESS[name](bench.folder)
    bench.publisher("init", "--no-build")
    edit(bench.folder / "jobs.yaml", "live: true", "live: false")
    bench.publisher("adopt", "--yes", "--no-build")
    return bench


def page_of_plane(bench: Workbench) -> str:
    pages = [text for name, text in bench.files("**/*.html").items() if "teaches patience" in text]
    return next(text for text in pages if "Part 1 of 3" in text)


@pytest.mark.parametrize("name", DRESS)
def test_themes_show_the_place_in_the_series_and_the_badge(name: str, tmp_path: Path) -> None:
    bench = a_series(name, tmp_path / "site")

    bench.publisher("tick")

    page = bench.page()
    assert "Nuts &amp; Bolts: Part 2 of 3" in page
    assert ">The Plane</a>" in page
    assert "Part 3 comes" in page
    assert "just published" not in page
    assert "Part 2 comes" in page_of_plane(bench)

    bench.publisher("release", "pattern", "--yes")

    assert '<p class="new">just published</p>' in bench.page()
    assert ">The Pattern</a>" in page_of_plane(bench)
    assert "publisher.json" not in {Path(name).name for name in bench.files()}
    assert list(bench.folder.glob("publisher.json")) == []
