"""What generators that judge dates by themselves do to a released post whose date is to come."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generators.workbench import SAMPLES, SENTENCE, Workbench, a_workbench

pytestmark = pytest.mark.generators


def with_switch_off(name: str, folder: Path) -> Workbench:
    """Give a site with a released post of the future, whose generator judges it."""
    bench = a_workbench(name, folder)
    bench.flip()
    if name == "pelican":
        edit(bench.folder / "pelicanconf.py", "PATH =", "WITH_FUTURE_DATES = False\nPATH =")
    if name == "nikola":
        edit(bench.folder / "conf.py", "FUTURE_IS_NOW = True", "FUTURE_IS_NOW = False")
    return bench


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("hugo", ("hugo",)),
        ("jekyll", ("jekyll", "build")),
        ("pelican", SAMPLES["pelican"].command),
        ("nikola", SAMPLES["nikola"].command),
    ],
)
def test_without_its_switch_the_generator_holds_the_post_back(
    name: str, command: tuple[str, ...], tmp_path: Path
) -> None:
    bench = with_switch_off(name, tmp_path / "site")

    bench.build(*command)

    (feed,) = bench.files(bench.generator.feed.lstrip("/")).values()
    assert SENTENCE not in feed


@pytest.mark.parametrize("name", ["hugo", "jekyll", "pelican"])
def test_the_command_that_init_writes_holds_the_switch(name: str, tmp_path: Path) -> None:
    bench = with_switch_off(name, tmp_path / "site")
    bench.publisher("init", "--no-build")

    assert "generator-judges-dates" not in bench.publisher("check")


def test_check_warns_where_the_switch_belongs_into_the_configuration(tmp_path: Path) -> None:
    bench = with_switch_off("nikola", tmp_path / "site")

    said = bench.publisher("init", "--no-build")

    assert "FUTURE_IS_NOW = True" in said
    assert "generator-judges-dates" in bench.publisher("check")
