"""Reads and replaces content files: regular files only, of bounded size, never through a link.

A replaced file is entirely the old one or entirely the new one at any moment.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from publisher.model.errors import PostError

FILE_MAX_BYTES = 10 * 1024 * 1024

_TEMP = ".publisher-{}.tmp"

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
    with _explained(f"{shown}: cannot be read"):
        descriptor = os.open(file, flags)
    with _explained(f"{shown}: cannot be read"), os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PostError(f"{shown}: is no regular file", hint="replace it by a text file")
        if status.st_size > FILE_MAX_BYTES:
            raise PostError(
                f"{shown}: is larger than {FILE_MAX_BYTES // 1024**2} MiB",
                hint="a post is text: move what it embeds to files of its own",
            )
        return Content(stream.read(FILE_MAX_BYTES), status)


def replace_file(file: Path, old: Content, data: bytes, shown: str) -> None:
    """Put ``data`` in the place of what was read; permissions stay, and so does the owner.

    Durable on return. What an earlier run left half-written in this folder is removed.

    :raises PostError: when the file changed since it was read, or cannot be written.
    """
    name = hashlib.sha256(file.name.encode(errors="surrogateescape")).hexdigest()[:16]
    temporary = file.with_name(_TEMP.format(name))
    with _explained(f"{shown}: cannot be written"):
        for leftover in file.parent.glob(_TEMP.format("*")):
            leftover.unlink(missing_ok=True)
        try:
            _write(temporary, data, old.status)
            if stamp_of(os.lstat(file)) != stamp_of(old.status):
                raise changed(shown)
            temporary.replace(file)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(file.parent)


def changed(shown: str) -> PostError:
    """Make the error for a file that is not what the plan was made from."""
    return PostError(
        f"{shown}: changed since it was read",
        why="somebody is editing it, and their change must not be lost",
        hint="nothing to do: it is read again at the next tick",
    )


def _write(file: Path, data: bytes, status: os.stat_result) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags, 0o600), "wb") as stream:
        if (os.geteuid(), os.getegid()) != (status.st_uid, status.st_gid):
            with suppress(PermissionError):
                os.fchown(stream.fileno(), status.st_uid, status.st_gid)
        os.fchmod(stream.fileno(), stat.S_IMODE(status.st_mode))
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PostError(
            what,
            why=(error.strerror or str(error)).lower(),
            hint="the file is as it was; mend the cause (permissions, free space, a link)",
        ) from error
