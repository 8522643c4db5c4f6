"""The site as the engine has it: one build at a time, whoever began it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher import config
from publisher.config.settings import GitSettings, RebuildSettings
from publisher.model import Embargo
from publisher.model.secret import Secret, SecretRef
from publisher.posts.library import Library
from publisher.site.build import RebuildResult
from publisher.site.site import GeneratedSite
from publisher.system import locks
from publisher.system.files import temporary_of
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


def a_pushing_site(folder: Path) -> GeneratedSite:
    """Give a site under version control that a command brings out; its remote is not there."""
    site = a_site(folder, "open('dist/index.html', 'w').close()")
    (folder / "dist").mkdir()
    user = ("-c", "user.name=Runa", "-c", "user.email=runa@site.example")
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("add", "jobs.yaml"),
        (*user, "commit", "-qm", "The site"),
        ("remote", "add", "origin", str(folder / "remote.git")),
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)  # noqa: S607
    settings = replace(
        site.settings,
        git=GitSettings(),
        rebuild=replace(site.settings.rebuild, timeout=timedelta(seconds=30)),
        deploy=replace(site.settings.deploy, command=(sys.executable, "-c", "")),
    )
    path = os.environ["PATH"]  # noqa: TID251 - where git is on this machine
    return replace(site, settings=settings, environ={"PATH": path, "HOME": str(folder)})


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


@pytest.mark.parametrize("embargo", [Embargo.REDACT, Embargo.OFF])
def test_a_build_of_filler_that_fails_says_what_may_be_kept(
    tmp_path: Path, embargo: Embargo
) -> None:
    site = a_site(tmp_path, "raise SystemExit('category: invalid')")
    rebuild = replace(site.settings.rebuild, timeout=timedelta(seconds=30))
    settings = replace(site.settings, embargo=embargo, rebuild=rebuild)
    (tmp_path / "blog").mkdir()
    (tmp_path / "blog/pattern.md").write_text(
        "---\ntitle: A title\ndescription: x\ndate: 2027-03-09\nstatus: scheduled\n---\n\nText.\n"
    )

    result = build(replace(site, settings=settings))

    assert not result.ok
    assert ("name it under site.keys.keep" in result.reason) == (embargo is Embargo.REDACT)


# Builds what is in the stage, while an author takes back one post after the other.
TAKEN_BACK = """
import pathlib
dist, posts = pathlib.Path("dist"), pathlib.Path({posts!r})
dist.mkdir(exist_ok=True)
pages = (path.read_text() for path in sorted(pathlib.Path("blog").glob("*.md")))
(dist / "index.html").write_text("Home " + "".join(pages))
for post in sorted(posts.glob("*.md"))[:1]:
    {change}
"""
COPY = "import shutil, sys; shutil.copytree('dist', sys.argv[1], dirs_exist_ok=True)"


def a_site_with_posts(folder: Path, *, count: int, change: str) -> GeneratedSite:
    """Give a site whose posts are public, and copied to ``web`` once they are built."""
    (folder / "blog").mkdir()
    for n in range(count):
        (folder / f"blog/post-{n}.md").write_text(
            f"---\ntitle: Post {n}\ndescription: x\ndate: 2026-03-09\nstatus: published\n---\n\n"
            f"The words of number {n} are for those who wait.\n"
        )
    script = TAKEN_BACK.format(posts=str(folder / "blog"), change=change)
    site = a_site(folder, script)
    settings = replace(
        site.settings,
        embargo=Embargo.REDACT,
        rebuild=replace(site.settings.rebuild, timeout=timedelta(seconds=30)),
        deploy=replace(
            site.settings.deploy, command=(sys.executable, "-c", COPY, str(folder / "web"))
        ),
    )
    return replace(site, settings=settings)


@pytest.mark.parametrize(
    "change",
    [
        "post.unlink()",
        "post.write_text(post.read_text().replace('status: published', 'status: draft'))",
    ],
)
def test_what_is_taken_back_while_the_site_is_built_does_not_go_out(
    tmp_path: Path, change: str
) -> None:
    site = a_site_with_posts(tmp_path, count=1, change=change)

    result = build(site)

    assert result.ok, result.reason
    assert (tmp_path / "web/index.html").read_text() == "Home "
    assert (tmp_path / "dist/index.html").read_text() == "Home "


def test_site_whose_posts_are_taken_back_at_every_build_is_not_deployed(tmp_path: Path) -> None:
    site = a_site_with_posts(tmp_path, count=5, change="post.unlink()")

    result = build(site)

    assert not result.ok
    assert "withdrawn during each of 3 builds" in result.reason
    assert not (tmp_path / "web").exists()


def test_note_that_cannot_be_written_after_a_deployment_takes_nothing_back(tmp_path: Path) -> None:
    site = a_site_with_posts(tmp_path, count=1, change="break")
    temporary_of(site.settings.state_dir / "stage" / "overwritten.json").mkdir(parents=True)

    result = build(site)

    assert result.ok, result.reason
    assert "The words of number 0" in (tmp_path / "web/index.html").read_text()


def test_push_that_failed_beside_a_release_is_tried_again_after_five_minutes(
    tmp_path: Path,
) -> None:
    site = a_pushing_site(tmp_path)
    remote = str(tmp_path / "remote.git")

    result = build(site)
    failed = site.troubles()
    subprocess.run(["git", "init", "-q", "--bare", remote], check=True)  # noqa: S607
    site.push(a_view(), NOW + timedelta(minutes=4))
    too_early = site.troubles()
    site.push(a_view(), NOW + timedelta(minutes=5))

    assert result.ok
    assert failed["push.failed"].startswith("not all is committed and pushed: git push: ")
    assert too_early == failed
    assert site.troubles() == {}


def test_push_that_failed_is_remembered_by_the_next_process(tmp_path: Path) -> None:
    site = a_pushing_site(tmp_path)
    build(site)

    again = replace(site)

    assert again.troubles().keys() == {"push.failed"}


def test_push_that_failed_is_no_trouble_once_git_is_not_asked_for(tmp_path: Path) -> None:
    site = a_pushing_site(tmp_path)
    build(site)

    again = replace(site, settings=replace(site.settings, git=None))

    assert again.troubles() == {}


def test_site_built_elsewhere_needs_no_build(tmp_path: Path) -> None:
    site = a_site(tmp_path, "")
    site = replace(site, settings=replace(site.settings, rebuild=None))

    assert build(site).ok
