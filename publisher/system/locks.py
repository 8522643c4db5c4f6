"""File locks: one daemon per ledger, one tick at a time. The kernel drops them with the process."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from publisher.model.errors import LedgerBusyError, LedgerUnavailable, SiteError
from publisher.system.files import os_errors_as

DAEMON = "daemon.lock"
TICK = "tick.lock"
BUILD = "build.lock"
POLL_S = 0.2


@contextmanager
def hold(state_dir: Path, name: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file ``name`` while the block runs; ``wait`` waits for whoever has it.

    The file says who holds it; only the lock counts, so a file left behind means nothing.

    :raises LedgerBusyError: when another process holds it and ``wait`` is false.
    """
    path = state_dir / name
    descriptor = _open(path)
    try:
        _lock(descriptor, path, wait=wait)
        with suppress(OSError):  # a full disk: only the lock counts
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def hold_for_build(state_dir: Path, *, patience: timedelta, stop: Event) -> Iterator[int]:
    """Hold the build lock and give its descriptor, for the build to inherit.

    A build whose parent was killed goes on by itself and keeps the lock as long as it lives, so
    that no second one writes into the same output.

    :raises SiteError: when an earlier build still runs after ``patience``, or ``stop`` was set.
    """
    descriptor = _open(state_dir / BUILD)
    try:
        for _ in range(1 + int(patience.total_seconds() / POLL_S)):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if stop.wait(POLL_S):
                raise SiteError("publisher was asked to end while it waited for an earlier build")
        else:
            raise SiteError(
                "an earlier build is still running",
                why="it outlived the publisher process that began it",
                hint="end it by hand; the rebuild is tried again",
            )
        yield descriptor
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a server that the build left may have it open
        os.close(descriptor)


@contextmanager
def try_for_build(state_dir: Path) -> Iterator[bool]:
    """Hold the build lock if nobody has it, and tell whether we do."""
    descriptor = _open(state_dir / BUILD)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def is_held(state_dir: Path, name: str) -> bool:
    """Tell whether a process holds the lock right now; creates nothing."""
    path = state_dir / name
    if not path.exists():
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def holder_of(state_dir: Path, name: str) -> tuple[str, datetime] | None:
    """Give the process that holds the lock, and since when; ``None`` when none does."""
    if not is_held(state_dir, name):
        return None
    path = state_dir / name
    try:
        pid = path.read_text(errors="replace").strip()[:20]
        since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
    return pid or "unknown", since


def _open(path: Path) -> int:
    why = "without the lock two processes could do the same work"
    hint = "make the state folder writable for this user"
    with os_errors_as(LedgerUnavailable, str(path), "cannot be opened", why=why, hint=hint):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _lock(descriptor: int, path: Path, *, wait: bool) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        raise LedgerBusyError(
            f"{path}: held by the publisher process {pid}",
            why="one daemon works on a ledger; the commands beside it are safe",
            hint="stop the other one first, or leave the work to it",
        ) from None
