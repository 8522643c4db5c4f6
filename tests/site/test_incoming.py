"""Commits that would change jobs.yaml, held back until a person accepts them; real repositories."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from publisher.config.settings import GitSettings, Settings
from publisher.model import Cause
from publisher.model.errors import GitError, UntrustedError
from publisher.posts.library import Library
from publisher.site.git import incoming
from publisher.site.git.sources import Sources
from tests.embargo.staged_sites import a_site
from tests.factories import NOW
from tests.site.repositories import World, a_world

OURS = "site: {}\n"
THEIRS = "site: {}\nrebuild: {command: [curl, elsewhere]}\n"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


def settings_of(world: World, name: str = "jobs.yaml") -> Settings:
    settings = replace(a_site(world.site), git=GitSettings())
    return replace(settings, file=world.site / name)


def sources(world: World, settings: Settings | None = None) -> Sources:
    settings = settings or settings_of(world)
    return Sources(
        settings=settings,
        environ=world.environ,
        library=Library(settings.site, settings.project),
        stop=Event(),
    )


def ours(world: World) -> str:
    return (world.site / "jobs.yaml").read_text()


def test_commits_that_change_jobs_yaml_are_not_checked_out(world: World) -> None:
    before = world.head()
    world.colleague("blog/new.md", "new")
    commit = world.colleague("jobs.yaml", THEIRS)

    with pytest.raises(UntrustedError):
        sources(world).pull(NOW)

    held = incoming.held(settings_of(world))
    assert (ours(world), world.head()) == (OURS, before)
    assert not (world.site / "blog/new.md").exists()
    assert held is not None
    assert held.commit == commit
    assert held.files == (incoming.File("jobs.yaml", "100644", OURS, THEIRS),)
    assert "+rebuild: {command: [curl, elsewhere]}" in list(held.difference())


@pytest.mark.parametrize("name", ["content/jobs.yaml", "other-site/jobs.yaml", "sub/JOBS.yaml"])
def test_a_jobs_yaml_anywhere_in_the_repository_is_held(world: World, name: str) -> None:
    world.colleague(name, THEIRS)

    with pytest.raises(UntrustedError):
        sources(world).pull(NOW)

    assert not (world.site / name).exists()


def test_a_file_that_config_names_is_held_too(world: World) -> None:
    world.colleague("blog.yml", THEIRS)

    with pytest.raises(UntrustedError):
        sources(world, settings_of(world, "blog.yml")).pull(NOW)


def test_a_jobs_yaml_that_goes_away_or_becomes_a_link_is_held(world: World) -> None:
    there = world.clone("there")
    (there / "evil.txt").write_text(THEIRS)
    (there / "jobs.yaml").unlink()
    (there / "jobs.yaml").symlink_to("evil.txt")
    world.git("add", "-A", at=there)
    world.git("commit", "-qm", "Link", at=there)
    world.git("push", "-q", at=there)

    with pytest.raises(UntrustedError):
        sources(world).pull(NOW)

    held = incoming.held(settings_of(world))
    assert held is not None
    assert [(file.mode, file.new) for file in held.files] == [("120000", "evil.txt")]
    assert "jobs.yaml becomes a link to evil.txt" in list(held.difference())


def test_a_link_into_the_repository_is_refused(world: World) -> None:
    (world.site / "jobs.yaml").unlink()
    (world.site / "jobs.yaml").symlink_to("real.yaml")
    world.write("real.yaml", OURS)
    world.colleague("blog/new.md", "new")

    with pytest.raises(GitError) as failure:
        sources(world).pull(NOW)

    assert not isinstance(failure.value, UntrustedError)
    assert not (world.site / "blog/new.md").exists()


def test_other_commits_are_pulled_as_ever(world: World) -> None:
    world.colleague("blog/new.md", "new")

    assert sources(world).pull(NOW) is True
    assert incoming.held(settings_of(world)) is None


def test_what_a_person_accepts_is_pulled(world: World) -> None:
    world.colleague("jobs.yaml", THEIRS)
    with pytest.raises(UntrustedError):
        sources(world).pull(NOW)
    held = incoming.held(settings_of(world))
    assert held is not None

    sources(world).accept(held)

    assert ours(world) == THEIRS
    assert incoming.held(settings_of(world)) is None


def test_accepting_takes_no_other_change(world: World) -> None:
    world.colleague("jobs.yaml", THEIRS)
    with pytest.raises(UntrustedError):
        sources(world).pull(NOW)
    seen = incoming.held(settings_of(world))
    assert seen is not None
    world.colleague("jobs.yaml", THEIRS + "# and more\n")

    with pytest.raises(UntrustedError):
        sources(world).accept(seen)

    now = incoming.held(settings_of(world))
    assert ours(world) == OURS
    assert now is not None
    assert now.digest != seen.digest


def test_a_change_that_is_taken_back_holds_nobody_any_more(world: World) -> None:
    world.colleague("jobs.yaml", THEIRS)
    site = sources(world)
    with pytest.raises(UntrustedError):
        site.pull(NOW)
    world.colleague("jobs.yaml", OURS)
    world.colleague("blog/new.md", "new")

    assert site.pull(NOW + MINUTE) is None  # not tried: five minutes after a failure
    assert site.pull(NOW + 6 * MINUTE) is True
    assert incoming.held(settings_of(world)) is None


def test_a_person_may_pull_by_hand(world: World) -> None:
    world.colleague("jobs.yaml", THEIRS)
    with pytest.raises(UntrustedError):
        sources(world).pull(NOW)
    world.git("pull", "--quiet")

    sources(world).pull(NOW)

    assert ours(world) == THEIRS
    assert incoming.held(settings_of(world)) is None


def test_an_edit_on_this_machine_needs_nobody(world: World) -> None:
    world.write("jobs.yaml", THEIRS)
    world.colleague("blog/new.md", "new")

    assert sources(world).pull(NOW) is True
    assert ours(world) == THEIRS
    assert incoming.held(settings_of(world)) is None


def test_a_push_brings_no_jobs_yaml_either(world: World) -> None:
    settings = settings_of(world)
    world.colleague("jobs.yaml", THEIRS)
    world.write("blog/a-post.md", "---\ntitle: A title\nstatus: published\n---\n")
    world.open().commit_release({"a-post": "blog/a-post.md"}, ["blog/a-post.md"])

    pushed = world.open().push(before_move=sources(world, settings)._before_move())

    assert world.tip() == pushed.commit
    assert ours(world) == OURS
    assert incoming.held(settings) is not None


def test_a_note_that_cannot_be_read_still_holds(world: World) -> None:
    settings = settings_of(world)
    settings.state_dir.mkdir()
    (settings.state_dir / incoming.NOTE).write_text(json.dumps({"commit": "1"}))

    block = incoming.block(settings)

    assert block is not None
    assert (block.cause, block.needs_person) == (Cause.UNREADABLE, True)
