"""VitePress with its texts in a folder of their own: `srcDir`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from publisher import config
from tests.generators.workbench import SENTENCE, Workbench, a_workbench, told
from tests.platforms.site import Site as WebServer

pytestmark = pytest.mark.generators

IMAGE = "images/hinges.png"


def a_site_with_src_dir(folder: Path) -> Workbench:
    bench = a_workbench("vitepress", folder)
    source = folder / "src"
    source.mkdir()
    for name in ("blog", "index.md"):
        (folder / name).rename(source / name)
    options = folder / ".vitepress" / "config.mts"
    options.write_text(options.read_text().replace("lang:", "srcDir: './src',\n  lang:"))
    return replace(bench, generator=replace(bench.generator, post="src/blog/pattern.md"))


def add_image(bench: Workbench) -> None:
    image = bench.folder / "src" / "public" / IMAGE
    image.parent.mkdir(parents=True)
    Image.new("RGB", (40, 30), (200, 30, 60)).save(image)
    bench.post.write_text(bench.post.read_text() + f"\n![Hinges](/{IMAGE})\n")


def test_init_writes_where_the_posts_are(tmp_path: Path) -> None:
    bench = a_site_with_src_dir(tmp_path / "site")

    bench.publisher("init", "--no-build")

    settings = config.load(bench.folder / "jobs.yaml", environ={})
    assert settings.site.posts == ("src/blog/**/*.md",)
    assert bench.generator.page in bench.publisher("calendar", "--json")


def test_a_post_goes_from_embargo_to_live_and_away(tmp_path: Path) -> None:
    bench = a_site_with_src_dir(tmp_path / "site")
    home = bench.output / "index.html"
    link = f'href="{bench.generator.page}"'
    with WebServer(bench.output) as web:
        bench.publisher("init", "--no-build")
        bench.move_to(web.url)
        add_image(bench)
        bench.publisher("adopt", "--yes", "--no-build")

        bench.publisher("tick")
        bench.publisher("embargo")

        assert "The Pattern" in bench.page()
        assert [name for name, text in bench.files().items() if any(told(text))] == []
        assert not (bench.output / IMAGE).exists()  # a placeholder is beside it

        bench.publisher("release", "pattern", "--yes")

        assert SENTENCE in bench.page()
        assert (bench.output / IMAGE).exists()
        assert link in home.read_text()

        bench.publisher("withdraw", "pattern", "--yes")

        assert not (bench.output / "blog" / "pattern.html").exists()
        assert link not in home.read_text()
