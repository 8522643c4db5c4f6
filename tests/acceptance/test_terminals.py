"""The program in terminals that are not UTF-8: it shows what they can and escapes the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SITE = """\
site:
  name: sample
  url: https://sample.example
  root: content
  posts: "blog/*.md"
  post_url: /blog/{slug}
  generator: vitepress
  timezone: Europe/Oslo
channels: {x: {type: outbox, shape: x}}
"""
POST = """\
---
title: 🚀 Größe, 日本語
description: Text
date: 2027-03-09
status: scheduled
---
Größe
"""
LATIN = {"PYTHONIOENCODING": "iso-8859-1"}
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # file names, too


def run(folder: Path, *words: str, environ: dict[str, str]) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "publisher", *words, "--now", "2027-03-01T00:00Z"],
        cwd=folder,
        env={**os.environ, **environ},  # noqa: TID251 - the tests' own environment
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0 or words[0] == "check", done.stderr
    return done.stdout


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "content/blog").mkdir(parents=True)
    (tmp_path / "jobs.yaml").write_text(SITE)
    (tmp_path / "content/blog/next.md").write_text(POST)
    return tmp_path


@pytest.mark.parametrize("words", [["calendar"], ["preview", "next"], ["why", "next"]])
def test_a_latin_1_terminal_gets_what_it_can_show(site: Path, words: list[str]) -> None:
    shown = run(site, *words, environ=LATIN).decode("iso-8859-1")

    assert "\\ud83d\\ude80 Größe, \\u65e5\\u672c\\u8a9e" in shown


def test_json_stays_json_with_the_same_values(site: Path) -> None:
    found = json.loads(run(site, "calendar", "--json", environ=ASCII).decode("ascii"))

    assert {entry["title"] for entry in found["entries"]} == {"🚀 Größe, 日本語"}


def test_markdown_and_tables_reach_an_ascii_terminal(site: Path) -> None:
    shown = run(site, "calendar", "--markdown", environ=ASCII)

    assert rb"Gr\u00f6\u00dfe" in shown


def test_names_of_files_are_the_same_in_every_locale(site: Path) -> None:
    (site / "content/blog/next.md").rename(site / "content/blog/größe.md")

    commands = ("check", "calendar")

    here = [json.loads(run(site, name, "--json", environ={})) for name in commands]
    there = [json.loads(run(site, name, "--json", environ=ASCII)) for name in commands]

    assert here == there
    assert "größe" in json.dumps(here, ensure_ascii=False)
