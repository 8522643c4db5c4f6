"""What ``check`` says about the repository of the sources; nothing is asked over the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from publisher import check
from publisher.config.settings import GitSettings
from publisher.model import Embargo, Problem
from tests.check.test_check import NOW, settings_of
from tests.posts.sites import a_library, a_text
from tests.site.repositories import World, a_world

RULES = ("git-unusable", "public-sources", "state-tracked")
GITHUB = "https://ada:t0ken@github.com/ada/site.git"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Make a site whose one post waits, on a public forge."""
    world = a_world(tmp_path)
    a_library(world.site)
    world.commit("content/blog/waits.md", a_text())
    world.git("remote", "set-url", "origin", GITHUB)
    return world


def problems_of(world: World, at: Path | None = None, **changes: Any) -> list[Problem]:
    library = a_library(at or world.site)
    settings = settings_of(library, **{"embargo": Embargo.REDACT, **changes})
    found = check.run(settings, library, now=NOW, environ=world.environ)
    return [problem for problem in found if problem.rule in RULES]


def test_waiting_posts_on_a_public_forge_are_a_warning(world: World) -> None:
    (problem,) = problems_of(world)

    assert (problem.rule, problem.severity, problem.path) == (
        "public-sources",
        "warning",
        "jobs.yaml",
    )
    assert problem.message == (
        "unreleased posts: 1, and the remote origin of the sources is on a public forge"
    )
    assert "git.deploy_branch" in problem.hint
    assert "t0ken" not in str(problem)


def test_an_embargo_is_judged_before_there_is_anything_to_hold(world: World) -> None:
    world.commit("content/blog/waits.md", a_text(state="status: published"))

    (problem,) = problems_of(world)

    assert problem.message == "the remote origin of the sources is on a public forge"
    assert problems_of(world, embargo=Embargo.OFF) == []


def test_posts_that_git_does_not_have_are_no_matter(world: World) -> None:
    world.git("rm", "-q", "--cached", "content/blog/waits.md")

    assert problems_of(world) == []


@pytest.mark.parametrize(
    "address", ["/srv/site.git", "ada@git.example.org:site.git", "https://git.example.org/x"]
)
def test_remotes_elsewhere_are_no_matter(world: World, address: str) -> None:
    world.git("remote", "set-url", "origin", address)

    assert problems_of(world) == []


def test_an_address_that_only_pushes_counts_too(world: World) -> None:
    world.git("remote", "set-url", "origin", "/srv/site.git")
    world.git("remote", "set-url", "--push", "origin", "git@codeberg.org:ada/site.git")

    assert [problem.rule for problem in problems_of(world)] == ["public-sources"]


def test_the_remote_of_the_deploy_branch_may_be_public(world: World) -> None:
    world.git("remote", "set-url", "origin", "/srv/site.git")
    world.git("remote", "add", "public", "git@github.com:ada/public.git")

    assert problems_of(world, git=GitSettings(deploy_branch="d", deploy_remote="public")) == []


def test_a_deploy_branch_beside_public_sources_changes_nothing(world: World) -> None:
    found = problems_of(world, git=GitSettings(deploy_branch="deploy"))

    assert [problem.rule for problem in found] == ["public-sources"]


def test_a_deploy_branch_over_the_sources_is_an_error(world: World) -> None:
    problem = problems_of(world, git=GitSettings(deploy_branch="main"))[0]

    assert (problem.rule, problem.severity) == ("git-unusable", "error")
    assert problem.message == "git.deploy_branch: main is the branch of the sources"
    assert "committed over them" in problem.hint


def test_a_remote_that_is_not_there_is_an_error(world: World) -> None:
    (problem,) = problems_of(world, git=GitSettings(remote="upstream"))

    assert problem.message == "the repository has no remote upstream"


def test_git_without_a_repository_is_an_error_only_where_it_is_asked_for(
    world: World, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"

    (problem,) = problems_of(world, at=plain, git=GitSettings())

    assert problem.rule == "git-unusable"
    assert "git init" in problem.hint
    assert problems_of(world, at=plain) == []


# --- the ledger ------------------------------------------------------------------------------


def test_a_ledger_in_the_repository_is_a_warning(world: World) -> None:
    world.git("remote", "set-url", "origin", "/srv/site.git")
    world.commit(".publisher/ledger.db", "rows")
    world.commit(".publisher/outbox/x.json", "{}")

    (problem,) = problems_of(world)

    assert (problem.rule, problem.severity) == ("state-tracked", "warning")
    assert problem.message.startswith("git tracks .publisher/ledger.db and 1 more of state_dir: ")
    assert problem.hint.startswith("write .publisher/ into .gitignore, and run `git rm -r --cached")


def test_a_state_dir_beside_the_repository_s_files_is_fine(world: World, tmp_path: Path) -> None:
    world.git("remote", "set-url", "origin", "/srv/site.git")
    world.write(".publisher/ledger.db", "rows")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.db").touch()

    assert problems_of(world) == []
    assert problems_of(world, state_dir=tmp_path / "state") == []
