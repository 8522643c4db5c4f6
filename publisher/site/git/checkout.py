"""Takes the checkout along when its branch moves, and leaves the author's own work alone.

Files come first, then the index, then the branch. Each step may be the last one before a kill: a
note says what was meant, and the next publisher finishes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from publisher.model.errors import GitError
from publisher.site.git.explain import summary
from publisher.site.git.locks import Locks, Move
from publisher.site.git.run import Git, joined

LISTED = 3  # files that a message names
GITLINK = "160000"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree or an index has at a path; mode and id are zeros where it has nothing."""

    mode: str
    id: str

    @property
    def exists(self) -> bool:
        return bool(self.id.strip("0"))


@dataclass(frozen=True, slots=True)
class Change:
    path: str
    old: Entry
    new: Entry


def advance(git: Git, locks: Locks, move: Move) -> None:
    """Take branch, index and working tree from ``move.old`` to ``move.new``.

    Only for who is alone there, with the branch checked out at ``move.old``. What the author
    changed or staged elsewhere stays as it is.

    :raises GitError: when work of the author is in the way; then nothing has changed.
    """
    changes = read_changes(git, move.old, move.new)
    refuse_filtered(git, [change.path for change in changes if change.new.exists])
    locks.note_move(move)
    _perform(git, locks, move, changes, is_resumed=False)


def finish(git: Git, locks: Locks, *, ref: str, tip: str) -> str:
    """Finish the move that a killed publisher began, and give the branch's commit.

    Does nothing where there is none, or where the author has gone on by other means.
    """
    move = locks.read_move()
    if move is None:
        return tip
    locks.clear_ref_locks(move)
    if (move.ref, move.old) == (ref, tip) and move.new != move.old:
        _perform(git, locks, move, read_changes(git, move.old, move.new), is_resumed=True)
        return move.new
    locks.forget_move()
    return tip


def _perform(
    git: Git, locks: Locks, move: Move, changes: Sequence[Change], *, is_resumed: bool
) -> None:
    with locks.index_lock() as index:
        ours = git.having(GIT_INDEX_FILE=str(index))
        ours.run("update-index", "-q", "--refresh", allowed=(0, 1))
        blocked = _take_for_done(ours, changes, is_resumed=is_resumed)
        trial = ours.run("read-tree", "-n", "-m", "-u", move.old, move.new, allowed=range(256))
        if blocked or trial.code:  # a later pull tries anew; releases need not wait for that
            locks.forget_move()
            raise _in_the_way(blocked, trial.err)
        done = ours.run("read-tree", "-m", "-u", move.old, move.new, allowed=range(256))
        if done.code:  # no space, perhaps: some files are written, so the note stays
            raise GitError(
                "git pull: not all files could be written",
                why=summary(done.err),
                hint="free some space or correct permissions; the next try writes the rest",
            )
        index.replace(locks.index)
        set_branch(git, move)
    locks.forget_move()


def set_branch(git: Git, move: Move) -> None:
    """Let the branch be the new commit, if it is the old one still."""
    git.run("update-ref", "-m", "publisher", "--", move.ref, move.new, move.old)


def _take_for_done(ours: Git, changes: Sequence[Change], *, is_resumed: bool) -> list[str]:
    """Put into the index what the working tree has already of the new commit.

    That is what a killed publisher wrote, or an author who was faster. What a kill cut off in
    the middle goes away, to be written anew. Gives the paths where the author's work is in the
    way, also of files that ``.gitignore`` names: git would write over those.
    """
    staged = read_index(ours, [change.path for change in changes])
    usual: list[Change] = []
    blocked: list[str] = []
    for change in changes:
        entry = staged.get(change.path)
        if entry == _known(change.old):
            usual.append(change)
        elif entry != _known(change.new) or (entry is None and _is_file(ours.folder / change.path)):
            blocked.append(change.path)  # what is staged as in the new commit stays so
    folders = [c.path for c in usual if c.new.exists and (ours.folder / c.path).is_dir()]
    inside = ours.run("ls-files", "-z", "--", *folders).fields if folders else ()
    blocked += sorted({*inside}.difference(change.path for change in changes))
    present = [c for c in usual if _is_file(ours.folder / c.path)]
    state_by_new = _compare(ours, {change.path: change.new for change in present})
    left = [c for c in present if not c.new.exists or c.path in state_by_new]
    state_by_old = _compare(ours, {change.path: change.old for change in left})
    cut_off: list[Path] = []
    for change in left:
        states = state_by_old if change.old.exists else state_by_new
        if states.get(change.path, "D") == "D":  # as it was before, or not there
            continue
        if is_resumed and change.new.exists and _is_cut_off(ours, change):
            cut_off.append(ours.folder / change.path)
        else:
            blocked.append(change.path)
    for file in cut_off if not blocked else ():
        file.unlink()
    return blocked


def _is_file(place: Path) -> bool:
    return place.is_symlink() or place.is_file()


def _known(entry: Entry) -> Entry | None:
    return entry if entry.exists else None


def _compare(ours: Git, entries: Mapping[str, Entry]) -> dict[str, str]:
    """Put entries into the index; give those whose files differ, with ``D`` for missing ones."""
    put_into_index(ours, entries)
    fields = ours.run("diff-files", "-z", "--name-status").fields if entries else ()
    found = zip(fields[1::2], fields[::2], strict=True)
    return {path: state for path, state in found if path in entries}


def _is_cut_off(git: Git, change: Change) -> bool:
    """Tell whether a file is the beginning of what was being written when we were killed."""
    file = git.folder / change.path
    if file.is_symlink() or not file.is_file() or change.new.mode == GITLINK:
        return False
    whole = git.run("cat-file", "--filters", f"--path={change.path}", change.new.id).out
    return whole.startswith(file.read_bytes())


def read_changes(git: Git, old: str, new: str) -> tuple[Change, ...]:
    """Give what differs between two commits; renames are a removal and an addition."""
    arguments = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", old, new, "--")
    fields = git.run(*arguments).fields
    changes = []
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old_id, new_id, _ = facts.removeprefix(":").split(" ")
        changes.append(Change(path, Entry(old_mode, old_id), Entry(new_mode, new_id)))
    return tuple(changes)


def read_index(git: Git, paths: Sequence[str]) -> dict[str, Entry]:
    """Give what the index has at these paths; unfinished merges are left out."""
    wanted = set(paths)
    entries: dict[str, Entry] = {}
    for line in git.run("ls-files", "-s", "-z").fields if wanted else ():
        facts, _, path = line.partition("\t")
        mode, name, stage = facts.split(" ")
        if path in wanted and stage == "0":
            entries[path] = Entry(mode, name)
    return entries


def put_into_index(git: Git, entries: Mapping[str, Entry]) -> None:
    """Set, or with zeros remove, what the index has at these paths."""
    lines = [f"{entry.mode} {entry.id} 0\t{path}" for path, entry in entries.items()]
    if lines:
        git.run("update-index", "-z", "--index-info", data=joined(lines))
        git.run("update-index", "-q", "--refresh", allowed=(0, 1))


def follow(git: Git, index: Path, entries: Mapping[str, Entry], paths: Sequence[str]) -> None:
    """Let an index have these entries at these paths, and nothing at the others of them."""
    ours = git.having(GIT_INDEX_FILE=str(index))
    there = read_index(ours, paths)
    nothing = {path: Entry("0", "0" * len(entry.id)) for path, entry in there.items()}
    put_into_index(ours, {**nothing, **entries})


def without_ignored(git: Git, paths: Sequence[str]) -> list[str]:
    """Give the paths but those that ``.gitignore`` names and the index does not have."""
    if not paths:
        return []
    whole = git.having(GIT_LITERAL_PATHSPECS="0")  # check-ignore knows no other; "./" has no magic
    asked = joined([f"./{path}" for path in paths])
    answer = whole.run("check-ignore", "-z", "--stdin", data=asked, allowed=(0, 1))
    return [path for path in paths if f"./{path}" not in answer.fields]


def refuse_filtered(git: Git, paths: Sequence[str]) -> None:
    """Refuse to write or read files that a filter (Git LFS, for one) would have to change.

    :raises GitError: when ``.gitattributes`` names a filter for one that git is set up to run.
    """
    if not paths:
        return
    asked = git.run("check-attr", "-z", "--stdin", "filter", data=joined(paths)).fields
    filters = dict(zip(asked[::3], asked[2::3], strict=True))
    known = {
        name.split(".", 1)[1].rpartition(".")[0]
        for name, _ in git.config
        if name.lower().startswith("filter.")
    }
    caught = [path for path, name in filters.items() if name in known]
    if caught:
        names = ", ".join(sorted({filters[path] for path in caught}))
        raise GitError(
            f"{listed(caught)}: uses the git filter {names}",
            why="publisher runs no filters, and without it the wrong bytes would be written",
            hint="pull, or commit, these files by hand",
        )


def _in_the_way(names: Sequence[str], err: str) -> GitError:
    if not names:
        return GitError(f"git pull: {summary(err)}", hint="correct that; publisher tries again")
    return GitError(
        f"git pull: {listed(names)}: changed here and in what comes from the remote",
        why="work that is not committed is never touched",
        hint="commit it, or put it aside with `git stash -u`; publisher tries again",
    )


def listed(names: Sequence[str], *, most: int = LISTED) -> str:
    """Name the first few of many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
