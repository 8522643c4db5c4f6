"""What a staged page says to the Hugo that builds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from publisher.embargo.stage.theme_data import stage_with_data
from publisher.generators import GENERATORS
from publisher.posts.library import Library
from publisher.text.frontmatter import parse
from tests.embargo.staged_sites import a_site, staged, write
from tests.factories import NOW, a_view

NEW = "hugo v0.168.0-e27a676+extended linux/amd64 BuildDate=2026-10-13T16:42:50Z"
OLD = "hugo v0.111.3+extended linux/amd64 BuildDate=2023-03-16T08:41:31Z"
POST = """---
title: Next
publishDate: 2099-03-09
draft: true
tags: [secret]
series: [Hush]
Author: Nobody
topics: {name: inner}
---

Text.
"""


def a_program(file: Path, says: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho 'a wrapper says hello'\necho '{says}'\n")
    file.chmod(0o755)


def stage(
    project: Path, *, command: tuple[str, ...] = ("hugo",), config: str = ""
) -> Mapping[str, Any]:
    """Stage a coming post; give what its page says. ``bin`` of the project is on the PATH."""
    settings = a_site(project, generator=GENERATORS["hugo"])
    assert settings.rebuild is not None
    settings = replace(settings, rebuild=replace(settings.rebuild, command=command))
    write(project, "blog/next.md", POST)
    write(project, "hugo.toml", config)
    scan = Library(settings.site, settings.project).scan(a_view(), NOW)
    environ = {"PATH": f"{project}/bin:/usr/bin:/bin"}
    stage_with_data(settings, scan, a_view(), NOW, environ=environ)
    return parse(staged(settings, "blog/next.md") or b"", "next.md").metadata


@pytest.mark.parametrize(("says", "key"), [(NEW, "build"), (OLD, "_build")])
@pytest.mark.parametrize("command", [("hugo", "--minify"), ("make",), ("npm", "run", "build")])
def test_a_page_is_kept_out_of_lists_in_the_words_of_its_hugo(
    tmp_path: Path, says: str, key: str, command: tuple[str, ...]
) -> None:
    a_program(tmp_path / "bin/hugo", says)

    found = stage(tmp_path, command=command)

    assert found[key] == {"list": "never"}
    assert len({"build", "_build"} & found.keys()) == 1


def test_the_hugo_of_the_project_comes_before_that_of_the_machine(tmp_path: Path) -> None:
    a_program(tmp_path / "bin/hugo", NEW)
    a_program(tmp_path / "site/node_modules/.bin/hugo", OLD)

    assert "_build" in stage(tmp_path, command=("npm", "run", "build"))


@pytest.mark.parametrize("says", ["no version", ""])
def test_a_hugo_that_tells_no_version_is_taken_for_a_new_one(tmp_path: Path, says: str) -> None:
    a_program(tmp_path / "bin/hugo", says)

    assert "build" in stage(tmp_path)


def test_the_stage_follows_another_hugo(tmp_path: Path) -> None:
    a_program(tmp_path / "bin/hugo", OLD)
    before = stage(tmp_path)
    (tmp_path / "bin/hugo").unlink()
    a_program(tmp_path / "bin/hugo", NEW)

    after = stage(tmp_path)

    assert ("_build" in before, "_build" in after) == (True, False)


def test_nothing_is_left_of_which_hugo_makes_pages(tmp_path: Path) -> None:
    taxonomies = '[taxonomies]\ntag = "tags"\nseries = "series"\nwriter = "author"\nt = "topics"\n'

    found = stage(tmp_path, config=taxonomies)

    assert (found["tags"], found["series"], found["Author"]) == ([], [], "")
    assert isinstance(found["topics"], dict)  # of which it makes none
    assert stage(tmp_path)["series"] == ["Hush"]  # no taxonomy by itself
