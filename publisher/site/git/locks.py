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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from publisher.model.errors import GitError
from publisher.system.files import os_errors_as, write_whole

FOLDER = "publisher"
POLL_S = 0.1
LOCK_PATIENCE_S = 300.0  # for another publisher
INDEX_PATIENCE_S = 10.0  # for a git command of the author
STALE_S = 600.0  # an index.lock this old was left by a git that was killed

_os_errors = partial(
    os_errors_as,
    GitError,
    trouble="cannot be written",
    why="publisher keeps a lock and its index files in the folder .git",
    hint="give the user of the service write access to .git, or free some space",
)
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
class Locks:
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

    def refuse_unfinished(self, top: Path) -> None:
        """Insist that the author has ended each merge or rebase in the working tree ``top``."""
        for mark, name in _UNFINISHED.items():
            if (self.git_dir / mark).exists():
                raise GitError(
                    f"{top}: a {name} is not finished",
                    why="only its author can say how it ends",
                    hint=f"git {name} --continue, or git {name} --abort",
                )

    @contextmanager
    def alone(self) -> Iterator[int]:
        """Keep other publishers out while the block runs, and give the lock for git to inherit.

        A git whose publisher was killed holds the lock until it has ended, too.

        :raises GitError: when somebody else has it for minutes, or the folder cannot be written.
        """
        with _os_errors(self.shared):
            for folder in (self.own, self.shared):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.shared / "lock", flags, 0o600)
        try:
            if not self._wait(lambda: _is_locked(descriptor), LOCK_PATIENCE_S):
                raise GitError(
                    f"another publisher uses {self.common_dir}",
                    why="its git has not ended for minutes",
                    hint="look for it with `ps`; no action needed if it ends",
                )
            for leftover in self.own.glob(f"{_SCRATCH}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def index_lock(self) -> Iterator[Path]:
        """Hold git's lock on the index, and give the path of a copy that may be worked on.

        No git command of the author comes between. The lock is a second name of a file of ours:
        one that a killed publisher left behind is known by that, and taken over. Only for who is
        ``alone``.

        :raises GitError: when a git command of somebody else holds it.
        """
        mine, lock = self.own / "index-lock", self.git_dir / "index.lock"
        with _os_errors(self.git_dir):
            mine.touch(mode=0o600)
            age_s = _older_s(lock, mine)
            patience_s = 0.0 if age_s > STALE_S else INDEX_PATIENCE_S
            if not self._wait(lambda: _is_linked(mine, lock), patience_s):
                raise GitError(
                    f"{lock}: another git command has held the index for {age_s / 60:.0f} minutes",
                    why="an editor waits for a commit message, a command is long, or was killed",
                    hint="no action needed if it ends; if no git command runs, remove that file",
                )
        scratch: Path | None = None
        try:
            with _os_errors(self.own):
                scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=self.own))
                if self.index.exists():
                    shutil.copyfile(self.index, scratch / "index")
            yield scratch / "index"
        finally:
            lock.unlink(missing_ok=True)
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)

    def read_move(self) -> Move | None:
        """Give the move that a killed publisher did not finish."""
        try:
            fields = self._note.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            return None
        return Move(old=fields[0], new=fields[1], ref=fields[2]) if len(fields) == 4 else None

    def note_move(self, move: Move) -> None:
        """Write down what is about to happen; replaces an earlier note, whole or not at all."""
        with _os_errors(self._note):
            write_whole(self._note, f"{move.old}\n{move.new}\n{move.ref}\n".encode())

    def forget_move(self) -> None:
        with _os_errors(self._note):
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

    def _wait(self, is_done: Callable[[], bool], patience_s: float) -> bool:
        deadline_s = time.monotonic() + patience_s
        while not is_done():
            if time.monotonic() >= deadline_s:
                return False
            self.pause(POLL_S)
        return True


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_linked(mine: Path, lock: Path) -> bool:
    try:
        os.link(mine, lock)
    except FileExistsError:
        with suppress(FileNotFoundError):
            return lock.samefile(mine)
        return False
    return True


def _older_s(lock: Path, mine: Path) -> float:
    """Give how much older one file is than another, by the clock of their file system."""
    with suppress(FileNotFoundError):
        return mine.stat().st_mtime - lock.stat().st_mtime
    return 0.0
