"""An author's own build, or anybody else, writes into the output between two of our builds."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.config.settings import DeploySettings
from publisher.embargo.output_watch import OutputWatch
from publisher.embargo.sync import sync_output
from publisher.model import Embargo
from publisher.site.site import GeneratedSite
from tests.factories import NOW, a_view
from tests.site.test_site import a_site, build

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SCRIPT = """
import pathlib
out = pathlib.Path("dist")
out.mkdir(exist_ok=True)
(out / "index.html").write_text(pathlib.Path("blog/door.md").read_text())
(out / "style.css").write_text("p {}")
"""
POST = "---\ntitle: The Door\ndate: 2099-03-10\nstatus: scheduled\n---\n\nThe door was gone.\n"


def a_synced_site(folder: Path) -> tuple[OutputWatch, Path]:
    """Give what is known of an output of two files, and that output."""
    built, output, record = folder / "built", folder / "dist", folder / "mirrored.json"
    built.mkdir(exist_ok=True)
    for name in ("index.html", "style.css"):
        (built / name).write_text(f"our {name}")
    sync_output(built, output, record=record)
    watch = OutputWatch(folder / "overwritten.json", record, output)
    watch.record()
    return watch, output


@pytest.mark.parametrize("kind", ["changed", "deleted", "all deleted", "a link"])
def test_file_of_ours_that_another_hand_changed_asks_for_a_build(tmp_path: Path, kind: str) -> None:
    watch, output = a_synced_site(tmp_path)
    clean = watch.wants_build(NOW)
    page = output / "index.html"
    if kind == "changed":
        page.write_text("their index.html")
    elif kind == "all deleted":
        for file in output.iterdir():
            file.unlink()
        output.rmdir()
    else:
        page.unlink()
    if kind == "a link":
        page.symlink_to("style.css")

    wants_build = watch.wants_build(NOW)

    assert (clean, wants_build) == (False, True)
    assert watch.trouble.startswith("another build, or a person, changed index.html")


def test_files_that_are_not_ours_ask_for_nothing(tmp_path: Path) -> None:
    watch, output = a_synced_site(tmp_path)
    (output / "index.html.gz").write_text("packed")
    (output / "uploads").mkdir()

    assert not watch.wants_build(NOW)
    assert watch.trouble == ""


def test_whoever_writes_after_each_build_gets_one_in_an_hour(tmp_path: Path) -> None:
    watch, output = a_synced_site(tmp_path)
    asked = 0
    for minute in range(180):
        (output / "index.html").write_text("smaller")
        if watch.wants_build(NOW + minute * MINUTE):
            asked += 1
            watch, output = a_synced_site(tmp_path)

    assert asked == 3
    assert watch.trouble != ""


def test_trouble_is_over_once_all_is_ours_again(tmp_path: Path) -> None:
    watch, output = a_synced_site(tmp_path)
    (output / "index.html").write_text("theirs")
    watch.wants_build(NOW)
    watch, output = a_synced_site(tmp_path)
    told = watch.trouble

    watch.wants_build(NOW + MINUTE)

    assert told != ""
    assert watch.trouble == ""


def test_clock_that_was_set_back_delays_no_build(tmp_path: Path) -> None:
    watch, output = a_synced_site(tmp_path)
    (output / "index.html").write_text("theirs")
    watch.wants_build(NOW)

    assert watch.wants_build(NOW - HOUR)


@pytest.mark.parametrize("text", ["", "[]", '{"stamps": 3}', "no JSON"])
def test_file_that_cannot_be_understood_asks_for_nothing(tmp_path: Path, text: str) -> None:
    watch, output = a_synced_site(tmp_path)
    (output / "index.html").write_text("theirs")
    (tmp_path / "overwritten.json").write_text(text)

    assert not watch.wants_build(NOW)
    assert watch.trouble == ""


# --- the site --------------------------------------------------------------------------------


def a_built_site(folder: Path, command: tuple[str, ...] = ()) -> GeneratedSite:
    (folder / "blog").mkdir()
    (folder / "blog" / "door.md").write_text(POST)
    site = a_site(folder, SCRIPT)
    assert site.settings.rebuild is not None
    settings = replace(
        site.settings,
        rebuild=replace(site.settings.rebuild, timeout=MINUTE),
        embargo=Embargo.REDACT,
        deploy=DeploySettings(command=command, timeout=MINUTE),
    )
    site = replace(site, settings=settings, environ={"PATH": "/usr/bin:/bin"})
    result = build(site)
    assert result.ok, result
    return site


def is_outdated(site: GeneratedSite, minutes: int) -> bool:
    return site.is_outdated(site.library.scan(), a_view(), NOW + minutes * MINUTE)


def test_own_build_of_an_author_is_replaced_by_ours(tmp_path: Path) -> None:
    site = a_built_site(tmp_path)
    ours = (tmp_path / "dist" / "index.html").read_bytes()
    before = is_outdated(site, 1)
    (tmp_path / "dist" / "index.html").write_text(POST)

    after = is_outdated(site, 2)
    told = site.troubles()
    result = site.rebuild((), a_view(), NOW + 2 * MINUTE, threading.Event())
    later = is_outdated(site, 3)

    assert (before, after, later) == (False, True, False)
    assert list(told) == ["output.overwritten"]
    assert result.ok
    assert (tmp_path / "dist" / "index.html").read_bytes() == ours
    assert site.troubles() == {}


def test_without_embargo_the_output_is_anybodys(tmp_path: Path) -> None:
    site = a_built_site(tmp_path)
    (tmp_path / "dist" / "index.html").write_text(POST)
    is_outdated(site, 1)
    site = replace(site, settings=replace(site.settings, embargo=Embargo.OFF))

    build(site)

    assert site.troubles() == {}
    assert not is_outdated(site, 2)


def test_deploy_command_that_rewrites_our_files_is_one_of_ours(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, ("sh", "-c", "echo smaller > dist/index.html"))

    assert not any(is_outdated(site, minute) for minute in range(1, 5))
    assert site.troubles() == {}
