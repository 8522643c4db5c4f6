"""Our folder inside ``.git``: the lock of publishers, our index files, the note of a move.

Whatever a killed process leaves here is recognised as ours and cleared by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from publisher.model.errors import GitError

FOLDER = "publisher"
POLL_S = 0.1
LOCK_PATIENCE_S = 300.0  # for another publisher
INDEX_PATIENCE_S = 10.0  # for a git command of the author
STALE_S = 600.0  # an index.lock this old was left by a git that was killed

_SCRATCH = "work-"
_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A branch on its way from one commit to another; files, index and branch follow in turn."""

    ref: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """``git_dir`` belongs to one working tree, ``common_dir`` to all of a repository."""

    git_dir: Path
    common_dir: Path
    stop: threading.Event | None = None

    @property
    def own(self) -> Path:
        return self.git_dir / FOLDER

    @property
    def shared(self) -> Path:
        return self.common_dir / FOLDER

    @property
    def index(self) -> Path:
        return self.git_dir / "index"

    @property
    def _note(self) -> Path:
        return self.own / "move"

    @property
    def unfinished(self) -> str | None:
        """Name what somebody began and has not ended, such as a merge."""
        marks = (mark for mark in _UNFINISHED if (self.git_dir / mark).exists())
        return next(map(_UNFINISHED.__getitem__, marks), None)

    def refuse_unfinished(self, top: Path) -> None:
        """Insist that nobody has to end a merge or the like in the working tree ``top`` first."""
        if name := self.unfinished:
            raise GitError(
                f"{top}: a {name} is not finished",
                why="nobody but its author can say how it ends",
                hint=f"git {name} --continue, or git {name} --abort",
            )

    @contextmanager
    def alone(self) -> Iterator[int]:
        """Keep other publishers out while the block runs, and give the lock for git to inherit.

        A git whose publisher was killed holds the lock until it has ended, too.

        :raises GitError: when somebody else has it for minutes, or the folder cannot be written.
        """
        with _explained(self.shared):
            self.own.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.shared.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.shared / "lock", flags, 0o600)
        try:
            self._wait_for(descriptor)
            for leftover in self.own.glob(f"{_SCRATCH}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            yield descriptor
        finally:
            os.close(descriptor)

    def _wait_for(self, descriptor: int) -> None:
        deadline_s = time.monotonic() + LOCK_PATIENCE_S
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if time.monotonic() >= deadline_s:
                raise GitError(
                    f"another publisher is at work in {self.common_dir}",
                    why="its git has not ended for minutes",
                    hint="look for it with `ps`; nothing to do if it ends",
                )
            self.pause(POLL_S)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give an empty folder for index files; only for who is ``alone``."""
        with _explained(self.own):
            folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=self.own))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def index_lock(self) -> Iterator[None]:
        """Hold git's lock on the index, so that no git command of the author comes between.

        The lock is a second name of a file of ours: one that a killed publisher left behind is
        known by that, and taken over. Only for who is ``alone``.

        :raises GitError: when a git command of somebody else holds it.
        """
        mine, lock = self.own / "index-lock", self.git_dir / "index.lock"
        with _explained(self.git_dir):
            mine.touch(mode=0o600)
        deadline_s = time.monotonic() + INDEX_PATIENCE_S
        while not self._take(mine, lock):
            age_s = _age_s(lock)
            if age_s is not None and (age_s > STALE_S or time.monotonic() >= deadline_s):
                raise _index_in_use(lock, age_s)
            self.pause(POLL_S)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)

    def _take(self, mine: Path, lock: Path) -> bool:
        with _explained(lock):
            try:
                os.link(mine, lock)
            except FileExistsError:
                with suppress(FileNotFoundError):
                    return lock.samefile(mine)
                return False
        return True

    def read_move(self) -> Move | None:
        """Give the move that a killed publisher did not finish."""
        try:
            fields = self._note.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            return None
        return Move(old=fields[0], new=fields[1], ref=fields[2]) if len(fields) == 4 else None

    def note_move(self, move: Move) -> None:
        """Write down what is about to happen; replaces an earlier note, whole or not at all."""
        temporary = self._note.with_suffix(".tmp")
        with _explained(self._note):
            temporary.write_text(f"{move.old}\n{move.new}\n{move.ref}\n", encoding="utf-8")
            temporary.replace(self._note)

    def forget_move(self) -> None:
        with _explained(self._note):
            self._note.unlink(missing_ok=True)

    def clear_ref_locks(self, move: Move) -> None:
        """Remove the locks on references that a killed git of ours left behind.

        They are ours when they hold nothing, or the commit that the note says: a git at work
        has its lock for milliseconds, and we waited for longer.
        """
        locks = [self.git_dir / "HEAD.lock", self.common_dir / f"{move.ref}.lock"]
        if not any(lock.exists() for lock in locks):
            return
        self.pause(10 * POLL_S)
        for lock in locks:
            with suppress(OSError):
                if lock.read_bytes() in (b"", f"{move.new}\n".encode()):
                    lock.unlink()

    def pause(self, seconds: float) -> None:
        """Wait, unless publisher is asked to end."""
        if (self.stop or threading.Event()).wait(seconds):
            raise GitError("git was stopped: publisher was asked to end")


def _index_in_use(lock: Path, age_s: float) -> GitError:
    if age_s <= STALE_S:
        return GitError(
            f"{lock}: another git command holds the index",
            why="an editor waits for a commit message, or a long command is at work",
            hint="nothing to do: it is tried again",
        )
    return GitError(
        f"{lock}: left {int(age_s // 60)} minutes ago by a git command that was killed",
        why="as long as it is there, git changes nothing in this repository",
        hint="when no git command runs, remove that file",
    )


def _age_s(file: Path) -> float | None:
    """Give how long ago a file was made, by the clock of its file system; ``None``: it is gone."""
    try:
        status = file.stat()
        with tempfile.TemporaryFile(dir=file.parent) as now:
            return os.fstat(now.fileno()).st_mtime - status.st_mtime
    except OSError:
        return None


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GitError(
            f"{place}: cannot be written: {error.strerror or error}",
            why="publisher keeps a lock and its index files in the folder .git",
            hint="give the user of the service the right to write to .git, or make room",
        ) from error
