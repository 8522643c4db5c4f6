"""Brings the branch here and the branch at the remote together, without any file: objects only."""

from __future__ import annotations

from collections.abc import Callable

from publisher.model.errors import GitError
from publisher.site.git.commits import RELEASED, is_ancestor, replay, strangers_between
from publisher.site.git.network import Remote
from publisher.site.git.program import Git

TRIES = 5
PAUSE_S = 0.3  # between tries; grows


def settled(git: Git, ours: str, theirs: str, *, remote: Remote) -> str:
    """Give the commit that has both sides; ours, where the remote has nothing new.

    :raises GitError: when that would rewrite commits of the author, or is a conflict.
    """
    if is_ancestor(git, theirs, ours):
        return ours
    if is_ancestor(git, ours, theirs):
        return theirs
    strangers = strangers_between(git, theirs, ours, sign=RELEASED)
    if not strangers:
        return replay(git, theirs, ours)
    more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
    hint = "git pull --rebase, then git push"
    if git.said("rev-parse", "--is-shallow-repository") == "true":
        hint += "; this clone is shallow, try `git fetch --unshallow` first"
    raise GitError(
        f"{remote.name} and the branch here went different ways",
        why=f"not pushed yet, and not made by publisher: {strangers[0]}{more}",
        hint=hint,
    )


def push(
    git: Git, remote: Remote, branch: str, ours: str, *, pause: Callable[[float], None]
) -> str:
    """Bring our commit to the remote, on top of what came there meanwhile; returns its branch.

    :raises GitError: when the remote refuses, or both sides cannot be brought together.
    """
    tip, based_on = ours, ""
    for number in range(1, TRIES + 1):
        refusal = remote.push(git, tip, branch)
        if not refusal:
            return tip
        theirs = remote.tip(git, branch)
        if theirs is None or theirs == based_on or is_ancestor(git, theirs, tip):
            raise GitError(
                f"git push: {remote.name} refuses the branch {branch}",
                why=refusal,
                hint="its rules or its hooks say so: change them, or push as another user",
            )
        remote.fetch(git, branch, theirs)
        tip, based_on = settled(git, ours, theirs, remote=remote), theirs
        if tip == theirs:
            return tip
        pause(PAUSE_S * number)
    raise GitError(
        f"git push: {remote.name} moved again and again",
        why=f"{TRIES} tries, and somebody else was faster each time",
        hint="nothing to do: it is tried again",
    )
