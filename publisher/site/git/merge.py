"""Makes commits without the working tree, and puts ours on top of what the remote has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from publisher.model.errors import GitError
from publisher.site.git.checkout import listed
from publisher.site.git.remotes import Remote
from publisher.site.git.run import Git

RELEASED = "Released-by: publisher"
STAGED = "Staged-by: publisher"
NAME, EMAIL = "publisher", "publisher@localhost"
TRIES = 5
PAUSE_S = 0.3  # between tries; grows


def message_for(posts: Sequence[str], sign: str, *, withdrawn: Sequence[str] = ()) -> str:
    """Write the message of a commit; its last line tells later that we made it."""
    out, back = ([" ".join(post.split()) for post in names] for names in (posts, withdrawn))
    word = "withdraw" if out else "Withdraw"
    parts = [_count(*part) for part in (("Release", out), (word, back)) if part[1]]
    subject = "; ".join(parts) or "Update the site"
    lines = [f"- {name}\n" for name in out] + [f"- {name} (withdrawn)\n" for name in back]
    return "\n".join([f"{subject}\n", *(["".join(lines)] if lines else []), f"{sign}\n"])


def _count(word: str, names: Sequence[str]) -> str:
    return f"{word}: {names[0]}" if len(names) == 1 else f"{word} {len(names)} posts"


def identity(git: Git) -> dict[str, str]:
    """Give who makes commits: the user as configured, else ``publisher``."""
    names = "^(user|author|committer)[.](name|email)$"
    asked = git.run("config", "-z", "--get-regexp", names, allowed=(0, 1)).fields
    known = {name: value for name, _, value in (field.partition("\n") for field in asked)}
    who = {}
    for role in ("author", "committer"):
        for part, last in (("name", NAME), ("email", EMAIL)):
            variable = f"GIT_{role.upper()}_{part.upper()}"
            given = (git.environ.get(variable), known.get(f"{role}.{part}"))
            who[variable] = next(filter(None, (*given, known.get(f"user.{part}"))), last)
    return who


def commits_of_others(git: Git, base: str, tip: str, *, sign: str) -> tuple[str, ...]:
    """Give those commits of ``tip``'s history that ``base`` lacks and that are not ours.

    Each as its short id and subject, newest first.
    """
    form, without = "--format=%h %s%x00%B%x00", (f"^{base}",) if base else ()
    shown = git.run("rev-list", "--no-commit-header", form, tip, *without, "--").fields
    fields = [field.lstrip("\n") for field in shown]
    return tuple(
        what
        for what, message in zip(fields[::2], fields[1::2], strict=True)
        if sign not in message.splitlines()
    )


def combine(git: Git, ours: str, theirs: str, *, remote: Remote) -> str:
    """Give the commit that has both sides; ours, where the remote has nothing new.

    Makes objects only.

    :raises GitError: when that would rewrite commits of the author, or is a conflict.
    """
    if git.has(ours, theirs):
        return ours
    if git.has(theirs, ours):
        return theirs
    others = commits_of_others(git, theirs, ours, sign=RELEASED)
    if not others:
        return _replay(git, theirs, ours)
    hint = "git pull --rebase, then git push"
    if git.said("rev-parse", "--is-shallow-repository") == "true":
        hint += "; this clone is shallow, try `git fetch --unshallow` first"
    raise GitError(
        f"the local branch and {remote.name} have diverged",
        why=f"not pushed yet, and not made by publisher: {listed(others, most=1)}",
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
        if theirs is None or theirs == based_on or git.has(tip, theirs):
            raise GitError(
                f"git push: {remote.name} rejected the branch {branch}",
                why=refusal,
                hint="its rules or hooks do not allow it: change them, or push as another user",
            )
        remote.fetch(git, branch, theirs)
        tip, based_on = combine(git, ours, theirs, remote=remote), theirs
        if tip == theirs:
            return tip
        pause(PAUSE_S * number)
    raise GitError(
        f"git push: {remote.name} changed during each of {TRIES} tries",
        why="somebody else pushed just before each of them",
        hint="no action needed: publisher tries again",
    )


def _replay(git: Git, onto: str, tip: str) -> str:
    """Put the commits that ``tip`` has and ``onto`` lacks on top of ``onto``; returns the result.

    A commit whose change is there already is dropped.

    :raises GitError: when both sides changed the same lines.
    """
    commits = git.said("rev-list", "--reverse", "--topo-order", tip, f"^{onto}", "--").split()
    new = onto
    for commit in commits:
        tree = _merged(git, commit, new)
        if tree != git.said("rev-parse", f"{new}^{{tree}}"):
            new = _copy(git, commit, tree=tree, parent=new)
    return new


def _merged(git: Git, commit: str, onto: str) -> str:
    """Give the tree of ``onto`` with the change of ``commit``.

    The change must be told from what ``onto`` has of it, so the merge gets a commit that has the
    tree of ``onto`` and the parent of ``commit``: merge-tree takes the common parent as its base.
    """
    tree = git.said("rev-parse", f"{onto}^{{tree}}")
    who = git.having(**identity(git))
    bridge = who.run("commit-tree", tree, "-p", f"{commit}^", data=b"bridge\n").text
    options = ("--write-tree", "-z", "--name-only", "--no-messages")
    answer = git.run("merge-tree", *options, bridge, commit, allowed=(0, 1))
    result, *files = answer.fields
    if answer.code:
        subject = git.said("rev-list", "-1", "--no-commit-header", "--format=%s", commit)
        raise GitError(
            f"git push: conflict in {listed(files)}",
            why=f"the remote and {subject!r} change the same lines; both are as they were",
            hint="git pull --rebase, correct the file, git rebase --continue, git push",
        )
    return result


def _copy(git: Git, commit: str, *, tree: str, parent: str) -> str:
    """Make the same commit again on another parent; its author stays."""
    form = ("--no-commit-header", "--format=%an%x00%ae%x00%ad%x00%B%x00", "--date=raw")
    name, email, date, message = git.run("rev-list", "-1", *form, commit, "--").fields[:4]
    author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
    again = git.having(**{**identity(git), **author})
    data = message.rstrip("\n").encode(errors="surrogateescape") + b"\n"
    return again.run("commit-tree", tree, "-p", parent, data=data).text
