"""Where a ledger is: its path, its file, and the file system below.

On some file systems locks hold nobody back; no ledger is kept there.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path, PurePath, PurePosixPath

from publisher.model.errors import LedgerError, LedgerUnavailable
from publisher.system.files import reason

MOUNTS = Path("/proc/self/mountinfo")  # proc_pid_mountinfo(5)

# Shared between machines, or served by a program that need not keep locks and syncs as a disk
# does (sqlite.org/howtocorrupt.html, section 2.1, checked 2026-11-21).
REMOTE = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse", "gfs2", "glusterfs"),
        *("gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3"),
        *("smbfs", "vboxsf", "virtiofs", "vmhgfs"),
    }
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def type_of(path: PurePath, mounts: str) -> str:
    """Give the type of the file system that holds ``path``, from the text of a mountinfo file.

    Of several mounts the longest mount point wins, of several over one another the last. Empty
    when no mount holds the path. ``path`` is absolute and without links.
    """
    best, found = -1, ""
    for point, kind in _mounts(mounts):
        place = PurePosixPath(_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), point))
        depth = len(place.parts)
        if depth >= best and path.is_relative_to(place):
            best, found = depth, kind
    return found


def _mounts(text: str) -> list[tuple[str, str]]:
    """Give mount points, as they are escaped, with the types of what is mounted there."""
    lines = (line.partition(" - ") for line in text.splitlines())
    parts = [(head.split(" "), tail.split(" ")) for head, dash, tail in lines if dash]
    return [(head[4], tail[0]) for head, tail in parts if len(head) > 4]


def is_remote(kind: str) -> bool:
    """Tell whether SQLite's locks cannot be relied upon there; ``fuseblk`` is a local disk."""
    return kind in REMOTE or kind.startswith("fuse.")


def refuse_remote(path: Path, mounts: Path = MOUNTS) -> None:
    """Refuse to keep a ledger on a network file system; without ``mounts`` nobody can tell.

    :raises LedgerError: when it is one.
    """
    try:
        text = mounts.read_text(encoding="utf-8", errors="surrogateescape")
        if not any(is_remote(kind) for _, kind in _mounts(text)):
            return
        kind = type_of(path.resolve(), text)
    except (OSError, RuntimeError):  # no /proc, or links in a circle, which opening complains of
        return
    if is_remote(kind):
        raise LedgerError(
            f"{path}: a ledger cannot be kept on this file system ({kind})",
            why="its locks may not hold other machines or processes back, so that an announcement "
            "could go out twice, and the file be damaged",
            hint="keep it on a local disk: `ledger: sqlite:////var/lib/publisher/ledger.db`",
        )


# --- files -----------------------------------------------------------------------------------


def path_of(url: str) -> Path:
    """Take the path out of the URL, character by character: nothing in it is an escape."""
    scheme, _, name = url.partition(":///")
    path = Path(name)
    if scheme == "sqlite" and path.is_absolute():
        return path
    raise LedgerError(  # the URL itself is not shown: it may hold a password
        f"no ledger can be kept there: its URL begins with {scheme.partition(':')[0]!r}",
        why="only a SQLite file with an absolute path can hold it",
        hint="write `ledger: sqlite`, or sqlite:////absolute/path/of/ledger.sqlite3",
    )


def is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise _unusable(path, error) from error


def identity_of(path: Path) -> tuple[int, int] | None:
    """Give what tells the file of this name from another; ``None`` when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def create_file(path: Path) -> None:
    """Create the file for its owner only, or take others' rights away from it.

    An existing file is never opened here: closing it would drop the locks that SQLite holds on
    it anywhere in this process (sqlite.org/howtocorrupt.html, checked 2026-11-20).
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if path.is_dir():
            raise IsADirectoryError(21, "is a directory")
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> LedgerError:
    return LedgerUnavailable(
        f"{path}: the ledger cannot be created or opened: {reason(error)}",
        why="without it nothing is released or announced",
        hint="check `ledger` and `state_dir` in jobs.yaml, and who owns that folder",
    )
