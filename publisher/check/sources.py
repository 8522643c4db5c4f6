"""Where the sources themselves can be read: a public remote shows what the embargo withholds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from publisher.config.settings import GitSettings, Settings
from publisher.model import Embargo, Post, PostState, Problem
from publisher.model.errors import GitError
from publisher.site.git import Repository

STAGE = "stage"  # as large as the site; who tracks it tracks the ledger beside it


def check_sources(
    settings: Settings, posts: Sequence[Post], environ: Mapping[str, str]
) -> Iterator[Problem]:
    """Find git settings that cannot work, and remotes where unreleased posts can be read.

    Reads the repository; asks nobody over the network. Without ``git:`` in ``jobs.yaml`` a
    missing repository, or a missing git, is no problem.
    """
    try:
        repository = Repository.open(
            settings.project, settings.git or GitSettings(), environ=environ
        )
        if settings.git is not None:
            repository.check_settings()
        yield from _public_remotes(settings, posts, repository)
        yield from _tracked_state(settings, repository)
    except GitError as error:
        if settings.git is not None:
            hint = "; ".join(filter(None, (error.why, error.hint)))
            yield _problem(settings, "git-unusable", "error", error.what, hint)


def _public_remotes(
    settings: Settings, posts: Sequence[Post], repository: Repository
) -> Iterator[Problem]:
    waiting = [post.path for post in posts if post.state is not PostState.PUBLISHED]
    is_held = settings.embargo is not Embargo.OFF
    concerned = waiting or ([post.path for post in posts] if is_held else [])
    remotes = repository.public_remotes() if concerned else ()
    if not remotes or not repository.tracked(concerned):
        return
    begin = f"unreleased posts: {len(waiting)}, and the" if waiting else "the"
    for remote in remotes:
        yield _problem(
            settings,
            "public-sources",
            "warning",
            f"{begin} remote {remote} of the sources is on a public forge",
            "if that repository is public, posts can be read there before their release, also in "
            "its history: push the sources to a private one, and let git.deploy_branch feed the "
            "public one",
        )


def _tracked_state(settings: Settings, repository: Repository) -> Iterator[Problem]:
    """Warn of a ledger in the history, where a checkout would put an old one in its place."""
    state = settings.state_dir
    if not state.resolve().is_relative_to(settings.project.resolve()):
        return
    files = [
        os.path.relpath(file, settings.project)
        for top in state.glob("*")
        if top.name != STAGE
        for file in (top, *top.rglob("*"))
        if file.is_symlink() or file.is_file()
    ]
    tracked = repository.tracked(files)
    if tracked:
        folder = os.path.relpath(state, settings.project)
        yield _problem(
            settings,
            "state-tracked",
            "warning",
            f"git tracks {min(tracked)}{_and_more(len(tracked) - 1)}: the ledger is for this "
            "machine alone, and a checkout can put an old one in its place",
            f"write {folder}/ into .gitignore, and run `git rm -r --cached {folder}`",
        )


def _and_more(number: int) -> str:
    return f" and {number} more of state_dir" if number else ""


def _problem(settings: Settings, rule: str, severity: str, message: str, hint: str) -> Problem:
    return Problem(
        rule=rule, severity=severity, path=settings.file.name, line=None, message=message, hint=hint
    )
