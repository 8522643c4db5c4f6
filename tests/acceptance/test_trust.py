"""A jobs.yaml that comes by git: the real program asks a person before it obeys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.sites import GENERATOR, Site
from tests.site.repositories import World, a_world

JOBS = """\
site:
  name: sample
  url: https://sample.example
  root: content
  posts: "blog/*.md"
  post_url: /blog/{slug}
  generator: vitepress
  timezone: Europe/Oslo
rebuild: {command: [python3, build.py], output: dist}
verify: {live: false}
git: {}
channels:
  outbox: {type: outbox}
"""
EVIL = JOBS.replace("[python3, build.py]", "[sh, -c, 'touch ../ran; python3 build.py']")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = a_world(tmp_path)
    world.write(".gitignore", ".publisher\ndist\n")
    world.write("content/build.py", GENERATOR)
    world.write("jobs.yaml", JOBS)
    world.git("add", "-A")
    world.git("commit", "-qm", "A site")
    world.git("push", "-q")
    return world


def a_site(world: World) -> Site:
    (world.site / "content/blog").mkdir(exist_ok=True)
    site = Site(folder=world.site, environ=world.environ)
    site.run("adopt", "--yes", "--no-build")
    site.write("pattern", reveal="2020-03-09T09:00:00+01:00")
    return site


def test_nothing_is_done_until_a_person_accepts_a_pushed_jobs_yaml(world: World) -> None:
    site = a_site(world)
    world.colleague("jobs.yaml", EVIL)

    stopped = site.run("tick", code=3)
    shown = site.run("trust", "--show", code=3)
    status = site.run("status", "--json", code=3).json()

    assert "jobs.yaml" in stopped.out
    assert "+rebuild: {command: [sh, -c, 'touch ../ran; python3 build.py']" in shown.out
    assert [waiting["command"] for waiting in status["waiting"]] == ["publisher trust"]
    assert not (world.site / "ran").exists()
    assert not (world.site / "content/dist").exists()


def test_an_accepted_jobs_yaml_is_in_force(world: World) -> None:
    site = a_site(world)
    world.colleague("jobs.yaml", EVIL)
    site.run("tick", code=3)

    site.run("trust", "--yes")
    site.run("tick", code=None)

    assert (world.site / "jobs.yaml").read_text() == EVIL
    assert site.run("trust").out == "no change of jobs.yaml is pending\n"
    waiting = site.run("status", "--json", code=None).json()["waiting"]
    assert "publisher trust" not in [value["command"] for value in waiting]
    assert (world.site / "ran").exists()


def test_what_a_commit_hides_from_a_terminal_is_shown(world: World) -> None:
    site = a_site(world)
    world.colleague("jobs.yaml", JOBS + "# \x1b[1A\x1b[2K\u202e\n")
    site.run("tick", code=3)

    shown = site.run("trust", "--show", code=3).out

    assert "+# \\x1b[1A\\x1b[2K\\u202e" in shown
