"""Blogs whose front page shows each post up to a mark: under embargo it shows no more of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generators.test_dates import edit
from tests.generators.test_generators import everything_told
from tests.generators.workbench import a_workbench

pytestmark = pytest.mark.generators


def test_the_front_page_of_material_for_mkdocs_shows_an_excerpt_of_filler(tmp_path: Path) -> None:
    bench = a_workbench("mkdocs", tmp_path / "site")
    edit(bench.post, "## Where the mortise goes", "<!-- more -->\n\n## Where the mortise goes")
    bench.publisher("init", "--no-build")

    bench.publisher("embargo", "--build")

    front = bench.files("blog/index.html")["blog/index.html"]
    assert "The Pattern" in front
    assert "Continue reading" in front
    assert "<code" not in front
    assert "<code" in bench.page()
    assert everything_told(bench) == {}
