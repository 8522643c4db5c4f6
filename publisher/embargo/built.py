"""Gives the files of a built site, and what each of them says. Reads only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path

from publisher.embargo import decoding
from publisher.model.errors import SiteError

MAPPED_BYTES = 1 << 22  # a larger file is not loaded whole


def files_of(output: Path) -> Iterator[tuple[str, int]]:
    """Give the path of everything below the output that is no folder, and its size.

    A link to a folder counts as a file, which then cannot be read.
    """

    def complain(error: OSError) -> None:
        raise SiteError(
            f"{error.filename}: cannot be listed: {error.strerror}",
            why="what is in there cannot be searched for leaks",
            hint="mend its permissions, or see rebuild.output in jobs.yaml",
        ) from error

    for folder, folders, names in os.walk(output, onerror=complain):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118 - a site has many files
        for name in (*names, *links):
            path = os.path.join(folder, name)  # noqa: PTH118
            yield os.path.relpath(path, output).replace(os.sep, "/"), size_of(path)


def size_of(path: str) -> int:
    with suppress(OSError):  # reading it will tell why
        return os.stat(path).st_size  # noqa: PTH116
    return 0


def texts_of(file: Path) -> Iterator[str]:
    """Give what a file says, with its name first.

    :raises SiteError: when it cannot be read or unpacked, whatever is in it.
    """
    try:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SiteError("is no regular file")
            if status.st_size < MAPPED_BYTES:
                yield from decoding.texts(stream.read(), name=file.name)
            else:
                with mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
                    yield from decoding.texts(data, name=file.name)
    except OSError as error:
        raise SiteError(f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    except SiteError:
        raise
    except Exception as error:  # anybody's file may be odd in a way that no library expects
        raise SiteError(f"cannot be understood: {type(error).__name__}: {error}") from error
