"""Reads and replaces content files: regular files only, of bounded size, never through a link.

A replaced file is entirely the old one or entirely the new one at any moment.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from publisher.model.errors import PostError, PublisherError

FILE_MAX_BYTES = 10 * 1024 * 1024

_TEMPORARY = ".publisher-{}.tmp"
_CHUNK_BYTES = 1024 * 1024

Stamp = tuple[int, int, int, int]  # changes whenever the file does


@dataclass(frozen=True, slots=True)
class Content:
    data: bytes
    status: os.stat_result

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def stamp_of(status: os.stat_result) -> Stamp:
    """Give what tells one version of a file from another without reading it."""
    return (status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)


def read_file(file: Path, shown: str) -> Content:
    """Read a regular file whose name is no link; ``shown`` names it in errors.

    :raises PostError: when it is something else, larger than 10 MiB, or cannot be read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not block
    with _explained("cannot be read", shown):
        descriptor = os.open(file, flags)
    with _explained("cannot be read", shown), os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PostError("is not a regular file", place=shown, hint="replace it by a text file")
        if status.st_size > FILE_MAX_BYTES:
            raise PostError(
                f"is larger than {FILE_MAX_BYTES // 1024**2} MiB",
                place=shown,
                hint="a post is text: move what it embeds to files of its own",
            )
        return Content(stream.read(FILE_MAX_BYTES), status)


def replace_file(file: Path, old: Content, data: bytes, shown: str) -> None:
    """Put ``data`` in the place of what was read; permissions stay, and so does the owner.

    Durable on return. What an earlier run left half-written in this folder is removed.

    :raises PostError: when the file changed since it was read, or cannot be written.
    """

    def require_unchanged() -> None:
        if stamp_of(os.lstat(file)) != stamp_of(old.status):
            raise changed(shown)

    with _explained("cannot be written", shown):
        for leftover in file.parent.glob(_TEMPORARY.format("*")):
            leftover.unlink(missing_ok=True)
        write_whole(
            file,
            data,
            mode=stat.S_IMODE(old.status.st_mode),
            owner=old.status,
            before_rename=require_unchanged,
        )


def changed(shown: str) -> PostError:
    """Make the error for a file that is not what the plan was made from."""
    return PostError(
        "changed since it was read",
        place=shown,
        why="somebody is editing it, and their change must not be lost",
        hint="nothing to do: it is read again at the next tick",
    )


# --- any file -------------------------------------------------------------------------------


def write_whole(
    file: Path,
    data: bytes | BinaryIO,
    *,
    mode: int = 0o600,
    owner: os.stat_result | None = None,
    times_ns: tuple[int, int] | None = None,
    is_durable: bool = True,
    has_rivals: bool = False,
    before_rename: Callable[[], object] = lambda: None,
) -> None:
    """Write a file so that readers and crashes see the old bytes or the new ones, never a part.

    ``owner`` is kept where this user may do that. With ``is_durable`` the file survives a loss of
    power from the return on. The temporary file beside it has always the same name, so that a
    crash leaves one at most; with ``has_rivals``, for a file that several write at once, another
    name each time. ``before_rename`` may raise to leave the old file as it is.

    :raises OSError: when it cannot be written; the old file stands then.
    """
    temporary = temporary_of(file, has_rivals=has_rivals)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        temporary.unlink(missing_ok=True)  # a crash may have left it, of whatever user
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as stream:
            if owner and (os.geteuid(), os.getegid()) != (owner.st_uid, owner.st_gid):
                with suppress(PermissionError):
                    os.fchown(stream.fileno(), owner.st_uid, owner.st_gid)
            os.fchmod(stream.fileno(), mode)
            if isinstance(data, bytes):
                stream.write(data)
            else:
                shutil.copyfileobj(data, stream, _CHUNK_BYTES)
            stream.flush()
            if times_ns is not None:
                os.utime(stream.fileno(), ns=times_ns)
            if is_durable:
                os.fsync(stream.fileno())
        before_rename()
        temporary.replace(file)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if is_durable:
        sync(file.parent)


def temporary_of(file: Path, *, has_rivals: bool = False) -> Path:
    """Give the file beside ``file`` that becomes it."""
    name = hashlib.sha256(os.fsencode(file.name)).hexdigest()[:16]
    return file.with_name(_TEMPORARY.format(secrets.token_hex(8) if has_rivals else name))


def sync(path: Path) -> None:
    """Let what was written to a file, or renamed in a folder, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- errors ---------------------------------------------------------------------------------


def reason(error: OSError) -> str:
    """Give the system's words for an error: ``no space left on device``."""
    return (error.strerror or str(error)).lower()


@contextmanager
def os_errors_as(
    kind: type[PublisherError],
    place: Path | str,
    trouble: str = "",
    *,
    why: str = "",
    hint: str = "",
) -> Iterator[None]:
    """Turn an error of the system into one of ours: ``PLACE: TROUBLE: no space left on device``.

    Where ``place`` is a ``Path``, the file that the system names stands in its place.
    """
    try:
        yield
    except OSError as error:
        named = error.filename if isinstance(place, Path) else None
        parts = (str(named or place), trouble, reason(error))
        raise kind(": ".join(filter(None, parts)), why=why, hint=hint) from error


@contextmanager
def _explained(what: str, place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "the file is unchanged; correct the cause (permissions, free space, a link)"
        raise PostError(what, place=place, why=reason(error), hint=hint) from error
