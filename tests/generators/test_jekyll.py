"""What is Jekyll's own: its folders, caches and plugins, and Liquid in texts under embargo."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.generators.installing import JEKYLL_GEMS
from tests.generators.test_dates import edit
from tests.generators.test_generators import assert_listed, everything_told
from tests.generators.workbench import SENTENCE, Workbench, a_workbench

pytestmark = pytest.mark.generators

CHISEL = "A chisel is lent once"
ADZE = "The adze was never returned"


def a_site(folder: Path, *, embargo: str = "redact", config: str = "") -> Workbench:
    """Give a site that publisher was told of; ``config`` is added to Jekyll's."""
    bench = a_workbench("jekyll", folder)
    with (bench.folder / "_config.yml").open("a") as stream:
        stream.write(config)
    bench.publisher("init", "--no-build")
    edit(bench.folder / "jobs.yaml", "embargo: redact", f"embargo: {embargo}")
    edit(bench.folder / "jobs.yaml", "live: true", "live: false")
    bench.publisher("adopt", "--yes", "--no-build")
    return bench


@pytest.mark.parametrize(("embargo", "has_page"), [("teaser", True), ("omit", False)])
def test_a_post_is_held_by_other_policies_too(embargo: str, has_page: bool, tmp_path: Path) -> None:
    bench = a_site(tmp_path / "site", embargo=embargo)

    bench.publisher("tick")
    bench.publisher("embargo")

    assert everything_told(bench) == {}
    assert (bench.generator.page.lstrip("/") in bench.files()) == has_page

    bench.publisher("release", "pattern", "--yes")

    assert SENTENCE in bench.page()
    assert_listed(bench)


def test_no_list_names_what_is_under_embargo(tmp_path: Path) -> None:
    bench = a_site(tmp_path / "site")

    bench.publisher("tick")

    page = bench.generator.page
    # The old address of the page leads to it from the first day: `redirect_from`.
    assert {name for name, text in bench.files().items() if page in text} == {
        page.lstrip("/"),
        "pattern/index.html",
        "redirects.json",
    }


def test_neither_drafts_nor_our_settings_are_built(tmp_path: Path) -> None:
    bench = a_site(tmp_path / "site", config="show_drafts: true\nunpublished: true\n")
    adze = bench.folder / "_tools" / "adze.md"
    adze.write_text(f"---\ntitle: Adze\npublished: false\n---\n\n{ADZE} to its owner.\n")

    bench.publisher("tick")

    files = bench.files()
    assert "jobs.yaml" not in files
    assert [name for name, text in files.items() if CHISEL in text or ADZE in text] == []


def test_liquid_under_embargo_is_text(tmp_path: Path) -> None:
    bench = a_site(tmp_path / "site", embargo="teaser")
    edit(
        bench.post, "On drawing before cutting.", '"How {% include plan %} finds {{ site.title }}."'
    )
    edit(bench.post, "Glue sets", "{% raw %}{% nothing %}{% endraw %} Glue sets")

    bench.publisher("tick")

    assert "How {% include plan %} finds {{ site.title }}." in bench.page()

    edit(bench.folder / "jobs.yaml", "embargo: teaser", "embargo: redact")
    bench.publisher("tick")

    assert "Liquid" not in bench.page()
    assert everything_told(bench) == {}


def test_a_withdrawn_post_is_forgotten_by_the_caches(tmp_path: Path) -> None:
    bench = a_site(tmp_path / "site")
    bench.publisher("release", "pattern", "--yes")

    bench.publisher("withdraw", "pattern", "--to-embargo", "--yes")

    assert everything_told(bench) == {}


def test_caches_of_the_author_stay_out_of_the_stage(tmp_path: Path) -> None:
    bench = a_site(tmp_path / "site")
    bench.build("jekyll", "build", "--incremental", "--unpublished", "--future")
    assert (bench.folder / ".jekyll-metadata").exists()
    shutil.rmtree(bench.folder / "_site")

    bench.publisher("tick")

    stage = bench.folder / ".publisher" / "stage" / "project"
    assert not (stage / ".jekyll-metadata").exists()
    assert everything_told(bench) == {}


@pytest.mark.skipif(shutil.which("bundle") is None, reason="there is no Bundler here")
def test_with_a_gemfile_bundler_runs_jekyll(tmp_path: Path) -> None:
    bench = a_workbench("jekyll", tmp_path / "site")
    gems = "".join(f'gem "{name}"\n' for name in JEKYLL_GEMS)
    (bench.folder / "Gemfile").write_text(f'source "https://rubygems.org"\n{gems}')

    bench.publisher("init", "--no-build")
    bench.publisher("adopt", "--yes", "--no-build")
    bench.publisher("tick")

    assert '"bundle", "exec", "jekyll", "build"' in (bench.folder / "jobs.yaml").read_text()
    assert "The Pattern" in bench.page()
    assert "Gemfile" not in bench.files()
