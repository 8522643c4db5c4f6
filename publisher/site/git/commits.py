"""Commits made without the working tree: who signs them, what they say, putting them on top."""

from __future__ import annotations

from collections.abc import Sequence

from publisher.model.errors import GitError
from publisher.site.git.program import Git

RELEASED = "Released-by: publisher"
STAGED = "Staged-by: publisher"
NAME, EMAIL = "publisher", "publisher@localhost"
NAMED = 3  # files that a message lists


def message_for(posts: Sequence[str], sign: str, *, withdrawn: Sequence[str] = ()) -> str:
    """Write the message of a commit; its last line tells later that we made it."""
    out, back = ([" ".join(post.split()) for post in names] for names in (posts, withdrawn))
    word = "withdraw" if out else "Withdraw"
    parts = [_count(*part) for part in (("Release", out), (word, back)) if part[1]]
    subject = "; ".join(parts) or "Update the site"
    lines = [f"- {name}\n" for name in out] + [f"- {name} (withdrawn)\n" for name in back]
    return f"{subject}\n\n{''.join(lines)}\n{sign}\n" if lines else f"{subject}\n\n{sign}\n"


def _count(word: str, names: Sequence[str]) -> str:
    return f"{word}: {names[0]}" if len(names) == 1 else f"{word} {len(names)} posts"


def identity(git: Git) -> dict[str, str]:
    """Give who makes commits: the user as configured, else ``publisher``."""
    names = "^(user|author|committer)[.](name|email)$"
    asked = git.run("config", "-z", "--get-regexp", names, allowed=(0, 1)).names
    known = {name: value for name, _, value in (field.partition("\n") for field in asked)}
    who = {}
    for role in ("author", "committer"):
        for part, last in (("name", NAME), ("email", EMAIL)):
            variable = f"GIT_{role.upper()}_{part.upper()}"
            given = (git.environ.get(variable), known.get(f"{role}.{part}"))
            who[variable] = next(filter(None, (*given, known.get(f"user.{part}"))), last)
    return who


def is_ancestor(git: Git, older: str, newer: str) -> bool:
    """Tell whether ``newer`` has ``older`` in its history; a commit that is not here has not."""
    if git.run("cat-file", "-e", f"{older}^{{commit}}", allowed=(0, 1, 128)).code:
        return False
    return git.is_true("merge-base", "--is-ancestor", older, newer)


def strangers_between(git: Git, base: str, tip: str, *, sign: str) -> tuple[str, ...]:
    """Give those commits of ``tip``'s history that ``base`` lacks and that are not ours.

    Each as its short id and subject, newest first.
    """
    shown = git.run(
        "rev-list", "--no-commit-header", "--format=%h %s%x00%B%x00", tip, *_without(base), "--"
    )
    fields = [field.lstrip("\n") for field in shown.names]
    return tuple(
        what
        for what, message in zip(fields[::2], fields[1::2], strict=True)
        if sign not in message.splitlines()
    )


def _without(base: str) -> tuple[str, ...]:
    return (f"^{base}",) if base else ()


def replay(git: Git, onto: str, tip: str) -> str:
    """Put the commits that ``tip`` has and ``onto`` lacks on top of ``onto``; returns the result.

    Makes objects only. A commit whose change is there already is dropped.

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
    answer = git.run(
        "merge-tree",
        "--write-tree",
        "-z",
        "--name-only",
        "--no-messages",
        bridge,
        commit,
        allowed=(0, 1),
    )
    result, *files = answer.names
    if answer.code:
        subject = git.said("rev-list", "-1", "--no-commit-header", "--format=%s", commit)
        more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
        raise GitError(
            f"git push: conflict in {', '.join(files[:NAMED])}{more}",
            why=f"the remote and {subject!r} change the same lines; both are as they were",
            hint="git pull --rebase, mend the file, git rebase --continue, git push",
        )
    return result


def _copy(git: Git, commit: str, *, tree: str, parent: str) -> str:
    """Make the same commit again on another parent; its author stays."""
    shown = git.run(
        "rev-list", "-1", "--no-commit-header", "--format=%an%x00%ae%x00%ad%x00%B%x00",
        "--date=raw", commit, "--",
    )  # fmt: skip
    name, email, date, message = shown.names[:4]
    author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
    again = git.having(**{**identity(git), **author})
    data = message.rstrip("\n").encode(errors="surrogateescape") + b"\n"
    return again.run("commit-tree", tree, "-p", parent, data=data).text
