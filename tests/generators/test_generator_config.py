"""What is read of a generator's own configuration, without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.generators import GENERATORS
from publisher.generators.config_files import without_comments


def write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hugo.toml", "baseURL = 'https://a.example'\n[params]\nMode = 1\n"),
        ("hugo.yml", "baseURL: https://a.example\nparams:\n  Mode: 1\n"),
        ("config.json", '{"baseurl": "https://a.example", "params": {"mode": 1}}'),
        ("config/_default/config.yaml", "BaseURL: https://a.example\nparams: {mode: 1}\n"),
    ],
)
def test_hugo_is_read_in_each_of_its_formats_and_in_any_case(
    name: str, text: str, tmp_path: Path
) -> None:
    write(tmp_path, name, text)

    config = GENERATORS["hugo"].read_config(tmp_path)

    assert config.get_text("baseurl") == "https://a.example"
    assert config.get("params", "mode") == 1
    assert config.files == (name,)


def test_parts_of_hugos_configuration_have_files_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, "config/_default/hugo.toml", "title = 'T'\nbaseURL = 'http://localhost'\n")
    write(tmp_path, "config/_default/permalinks.toml", "posts = '/:slug/'\n")
    write(tmp_path, "config/production/hugo.toml", "baseURL = 'https://a.example'\n")

    config = GENERATORS["hugo"].read_config(tmp_path)

    assert config.get("permalinks", "posts") == "/:slug/"
    assert config.get_text("baseurl") == "https://a.example"


def test_tags_that_only_mkdocs_knows_are_passed_over(tmp_path: Path) -> None:
    text = "site_url: https://a.example\nemoji: !!python/name:material.emoji.twemoji\nx: !ENV [A]\n"
    write(tmp_path, "mkdocs.yml", text)

    assert GENERATORS["mkdocs"].read_config(tmp_path).values == {
        "site_url": "https://a.example",
        "emoji": None,
        "x": None,
    }


def test_plain_values_of_python_are_read_and_nothing_is_run(tmp_path: Path) -> None:
    write(
        tmp_path,
        "pelicanconf.py",
        "import os\nLANG = 'de'\nSITEURL = os.environ.get('URL', 'https://a.example')\n"
        "TIMEZONE = 'Europe/Oslo'\nNAMES = {LANG: 'x'}\nopen('ran', 'w')\nODD = [i for i in x]\n",
    )
    write(tmp_path, "publishconf.py", "from pelicanconf import *\nSITEURL = 'https://b.example'\n")

    config = GENERATORS["pelican"].read_config(tmp_path)

    assert config.get_text("TIMEZONE") == "Europe/Oslo"
    assert config.get_text("SITEURL") == "https://b.example"
    assert config.get("NAMES") == {"de": "x"}
    assert config.get("ODD") is None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("generator", "name", "text"),
    [
        ("hugo", "hugo.toml", "a = [\n"),
        ("jekyll", "_config.yml", "a: [\n"),
        ("jekyll", "_config.yml", "- a\n"),
        ("nikola", "conf.py", "A = (\n"),
        ("mkdocs", "mkdocs.yml", "a: " + "x" * 1_100_000),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    generator: str, name: str, text: str, tmp_path: Path
) -> None:
    write(tmp_path, name, text)

    config = GENERATORS[generator].read_config(tmp_path)

    assert (config.broken, config.values) == ((name,), {})


def test_comments_of_scripts_are_blanked_and_texts_are_not() -> None:
    script = "a: 'https://x' // b: 'y'\n/* c: 'z' */ d: `//`"

    assert without_comments(script) == "a: 'https://x'  \n  d: `//`"


def test_aliases_that_multiply_take_no_time(tmp_path: Path) -> None:
    lines = ["a0: &a0 {x: 1}"]
    for n in range(1, 30):
        inner = ", ".join(f"k{m}: *a{n - 1}" for m in range(9))
        lines.append(f"a{n}: &a{n} {{{inner}}}")
    write(tmp_path, "hugo.yaml", "\n".join(lines) + "\nbaseURL: https://a.example\n")

    assert GENERATORS["hugo"].read_config(tmp_path).get_text("baseurl") == "https://a.example"
