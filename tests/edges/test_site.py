"""The site as the engine has it: one build at a time, whoever began it."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from publisher import config, locks
from publisher.posts import Library
from publisher.rebuild import RebuildResult
from publisher.secret import Secret
from publisher.settings import RebuildSettings, SecretRef
from publisher.site import GeneratedSite
from tests.factories import NOW, a_view

JOBS = """
site:
  name: sample
  url: https://chronicles.example
  posts: "blog/*.md"
  post_url: /blog/{slug}
  generator: vitepress
  timezone: Europe/Oslo
"""


def a_site(folder: Path, script: str) -> GeneratedSite:
    (folder / "jobs.yaml").write_text(JOBS)
    settings = config.load(folder / "jobs.yaml", environ={})
    rebuild = RebuildSettings(
        command=(sys.executable, "-c", script),
        output=folder / "dist",
        timeout=timedelta(seconds=0.3),
    )
    settings = replace(settings, rebuild=rebuild)
    library = Library(settings.site, settings.project)
    return GeneratedSite(settings=settings, environ={}, library=library, resolve=no_secret)


def no_secret(ref: SecretRef) -> Secret:
    raise AssertionError(ref)


def build(site: GeneratedSite) -> RebuildResult:
    return site.rebuild((), a_view(), NOW, threading.Event())


def test_build_waits_for_one_that_outlived_its_parent(tmp_path: Path) -> None:
    site = a_site(tmp_path, "print('built')")

    with locks.hold_for_build(
        site.settings.state_dir, patience=timedelta(0), stop=threading.Event()
    ):
        result = build(site)

    assert not result.ok
    assert result.reason.startswith("an earlier build is still running")


def test_site_built_elsewhere_needs_no_build(tmp_path: Path) -> None:
    site = a_site(tmp_path, "")
    site = replace(site, settings=replace(site.settings, rebuild=None))

    assert build(site).ok
