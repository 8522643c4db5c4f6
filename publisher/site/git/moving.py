"""Moves a branch to another commit with its files, and leaves the author's own work alone.

Files come first, then the index, then the branch. Each step may be the last one before a kill: a
note says what was meant, and the next publisher finishes it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from publisher.model.errors import GitError
from publisher.site.git.program import Git
from publisher.site.git.workplace import Move, Workplace

NAMED = 3  # files that a message lists
GITLINK = "160000"

_IN_THE_WAY = re.compile(
    r"^error: (?:Entry|Untracked working tree file|Updating) '?(?P<name>.*?)'? "
    r"(?:not up|would be|.*would lose untracked)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree or an index has at a path; mode and id are zeros where it has nothing."""

    mode: str
    id: str


@dataclass(frozen=True, slots=True)
class Change:
    path: str
    old: Entry
    new: Entry


def advance(git: Git, place: Workplace, move: Move) -> None:
    """Take branch, index and working tree from ``move.old`` to ``move.new``.

    Only for who is alone there, with the branch checked out at ``move.old``. What the author
    changed or staged elsewhere stays as it is.

    :raises GitError: when work of the author is in the way; then nothing has changed.
    """
    changes = read_changes(git, move.old, move.new)
    refuse_filtered(git, [change.path for change in changes if change.new.id.strip("0")])
    place.note_move(move)
    _perform(git, place, move, changes, is_resumed=False)


def finish(git: Git, place: Workplace, *, ref: str, tip: str) -> str:
    """Finish the move that a killed publisher began, and give the branch's commit.

    Does nothing where there is none, or where the author has gone on by other means.
    """
    move = place.read_move()
    if move is None:
        return tip
    place.clear_ref_locks(move)
    if (move.ref, move.old) == (ref, tip) and move.new != move.old:
        _perform(git, place, move, read_changes(git, move.old, move.new), is_resumed=True)
        return move.new
    place.forget_move()
    return tip


def _perform(
    git: Git, place: Workplace, move: Move, changes: Sequence[Change], *, is_resumed: bool
) -> None:
    with place.index_lock(), place.scratch() as scratch:
        index = scratch / "index"
        if place.index.exists():
            shutil.copyfile(place.index, index)
        ours = git.having(GIT_INDEX_FILE=str(index))
        ours.run("update-index", "-q", "--refresh", allowed=(0, 1))
        try:
            _take_for_done(ours, scratch, changes, is_resumed=is_resumed)
        except GitError:
            if not is_resumed:
                place.forget_move()
            raise
        answer = ours.run("read-tree", "-m", "-u", move.old, move.new, allowed=range(256))
        if answer.code:
            names = [found["name"] for found in _IN_THE_WAY.finditer(answer.err)]
            if not names:  # no room, perhaps: some files are written, so the note stays
                raise _unfinished(answer.err)
            place.forget_move()
            raise _in_the_way(names)
        index.replace(place.index)
        set_branch(git, move)
    place.forget_move()


def set_branch(git: Git, move: Move) -> None:
    """Let the branch be the new commit, if it is the old one still."""
    git.run("update-ref", "-m", "publisher", "--", move.ref, move.new, move.old)


def follow(
    git: Git, place: Workplace, scratch: Path, entries: Mapping[str, Entry], paths: Iterable[str]
) -> None:
    """Let the author's index have these entries at these paths; the rest of it stays.

    Only for who holds the index lock. The old index or the new one is there at any moment.
    """
    index = scratch / "index"
    if place.index.exists():
        shutil.copyfile(place.index, index)
    ours = git.having(GIT_INDEX_FILE=str(index))
    there = read_index(ours, paths)
    nothing = {path: Entry("0", "0" * len(entry.id)) for path, entry in there.items()}
    put_into_index(ours, {**nothing, **entries})
    if index.exists():
        index.replace(place.index)


def _take_for_done(
    ours: Git, scratch: Path, changes: Sequence[Change], *, is_resumed: bool
) -> None:
    """Put into the index what the working tree has already of the new commit.

    That is what a killed publisher wrote, or an author who was faster. What a kill cut off in
    the middle goes away, to be written anew.
    """
    indexed = read_index(ours, [change.path for change in changes])
    present = [change for change in changes if _is_file(ours.folder, change.path)]
    found = _read_files(ours, scratch, [change.path for change in present])
    done: dict[str, Entry] = {}
    blocked: list[str] = []
    for change in present:
        entry, staged = found.get(change.path), indexed.get(change.path)
        if entry == change.new and staged in (None, change.old):
            done[change.path] = change.new
        elif entry in (change.old, change.new) or not change.new.id.strip("0"):
            continue
        elif is_resumed and _is_cut_off(ours, change):
            (ours.folder / change.path).unlink()
        elif staged is None:  # git would write over it where .gitignore names it
            blocked.append(change.path)
    if blocked:
        raise _in_the_way(blocked)
    put_into_index(ours, done)


def read_changes(git: Git, old: str, new: str) -> tuple[Change, ...]:
    """Give what differs between two commits; renames are a removal and an addition."""
    arguments = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", old, new, "--")
    fields = git.run(*arguments).names
    changes = []
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old_id, new_id, _ = facts.removeprefix(":").split(" ")
        changes.append(Change(path, Entry(old_mode, old_id), Entry(new_mode, new_id)))
    return tuple(changes)


def read_index(git: Git, paths: Iterable[str]) -> dict[str, Entry]:
    """Give what the index has at these paths; unfinished merges are left out."""
    wanted = set(paths)
    entries: dict[str, Entry] = {}
    for line in git.run("ls-files", "-s", "-z").names if wanted else ():
        facts, _, path = line.partition("\t")
        mode, name, stage = facts.split(" ")
        if path in wanted and stage == "0":
            entries[path] = Entry(mode, name)
    return entries


def put_into_index(git: Git, entries: Mapping[str, Entry]) -> None:
    """Set, or with zeros remove, what the index has at these paths."""
    lines = [f"{entry.mode} {entry.id} 0\t{path}" for path, entry in entries.items()]
    if lines:
        git.run("update-index", "-z", "--index-info", data=_joined(lines))
        git.run("update-index", "-q", "--refresh", allowed=(0, 1))


def put_files_into_index(git: Git, paths: Iterable[str]) -> None:
    """Put files as they are in the working tree into the index; missing ones are removed."""
    names = tuple(paths)
    if names:
        git.run("update-index", "--add", "--remove", "-z", "--stdin", data=_joined(names))


def without_ignored(git: Git, paths: Sequence[str]) -> list[str]:
    """Give the paths but those that ``.gitignore`` names and the index does not have."""
    if not paths:
        return []
    whole = git.having(GIT_LITERAL_PATHSPECS="0")  # check-ignore knows no other; "./" has no magic
    asked = _joined(f"./{path}" for path in paths)
    answer = whole.run("check-ignore", "-z", "--stdin", data=asked, allowed=(0, 1))
    ignored = frozenset(answer.names)
    return [path for path in paths if f"./{path}" not in ignored]


def refuse_filtered(git: Git, paths: Sequence[str]) -> None:
    """Refuse to write or read files that a filter (Git LFS, for one) would have to change.

    :raises GitError: when ``.gitattributes`` names a filter for one that git is set up to run.
    """
    if not paths:
        return
    asked = git.run("check-attr", "-z", "--stdin", "filter", data=_joined(paths)).names
    filters = dict(zip(asked[::3], asked[2::3], strict=True))
    known = {name.split(".", 1)[1].rpartition(".")[0] for name, _ in git.config if _is_filter(name)}
    caught = [path for path, name in filters.items() if name in known]
    if caught:
        names = ", ".join(sorted({filters[path] for path in caught}))
        raise GitError(
            f"{_listed(caught)}: goes through the filter {names}",
            why="publisher runs no filters, and without it the wrong bytes would be written",
            hint="pull, or commit, these files by hand",
        )


def _is_filter(name: str) -> bool:
    return name.lower().startswith("filter.")


def _read_files(git: Git, scratch: Path, paths: Sequence[str]) -> dict[str, Entry]:
    """Give what git would store for files of the working tree; their text becomes objects."""
    if not paths:
        return {}
    apart = git.having(GIT_INDEX_FILE=str(scratch / "files"))
    apart.run("read-tree", "--empty")
    put_files_into_index(apart, paths)
    return read_index(apart, paths)


def _is_file(folder: Path, path: str) -> bool:
    """Tell whether there is a file or link at a path that no link leads to."""
    place = folder / path
    try:
        mode = place.lstat().st_mode
    except (OSError, ValueError):
        return False
    parents = place.relative_to(folder).parents
    is_direct = not any((folder / parent).is_symlink() for parent in parents)
    return is_direct and (stat.S_ISREG(mode) or stat.S_ISLNK(mode))


def _is_cut_off(git: Git, change: Change) -> bool:
    """Tell whether a file is the beginning of what was being written when we were killed."""
    place = git.folder / change.path
    if place.is_symlink() or change.new.mode == GITLINK:
        return False
    whole = git.run("cat-file", "--filters", f"--path={change.path}", change.new.id).out
    return whole.startswith(place.read_bytes())


def _joined(lines: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(line) + b"\0" for line in lines)


def _in_the_way(names: Sequence[str]) -> GitError:
    return GitError(
        f"git pull: {_listed(names)}: changed here and in what comes from the remote",
        why="work that is not committed is never touched",
        hint="commit it, or put it aside with `git stash -u`; then it goes on by itself",
    )


def _unfinished(err: str) -> GitError:
    return GitError(
        "git pull: not all files could be written",
        why=" ".join(err.split())[:300],
        hint="make room or mend permissions; the rest is written at the next try",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
