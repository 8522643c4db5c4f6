"""Which files a generator makes pages of: the folders of its sources, and what it skips there.

README files, archetypes, themes and other projects beside the site are none of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Folders below the root, "" being the root itself, and globs of what is skipped in them.

    ``anywhere``: none of these folders is there, so any page may be a source. Of folders whose
    names begin with an underscore only those ``underscored`` are read, where it is not ``None``.
    """

    folders: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    underscored: tuple[str, ...] | None = None
    anywhere: bool = False

    def has(self, path: str) -> bool:
        """Tell whether the generator makes a page of a file; ``path`` is below the root."""
        parts = PurePosixPath(path).parts
        if not self.anywhere and not any(is_below(path, one) for one in self.folders):
            return False
        if any(part.startswith(".") or part == "node_modules" for part in parts[:-1]):
            return False
        if self.underscored is not None and any(
            part.startswith("_") and part not in self.underscored for part in parts
        ):
            return False
        return not any(_matches(path, glob) for glob in self.skipped)


def as_folder(written: str) -> str:
    """Write a folder of a configuration as a path below the root; "" is the root itself."""
    parts = PurePosixPath(written.strip()).parts
    if not parts or parts[0] == "/" or ".." in parts:
        return ""
    return "/".join(parts)


def as_folders(written: Iterable[str]) -> tuple[str, ...]:
    """Write each folder once."""
    return tuple(dict.fromkeys(map(as_folder, written)))


def joined(folder: str, name: str) -> str:
    """Write a path below a folder; either may be empty."""
    return "/".join(filter(None, (folder, name.removeprefix("./").lstrip("/"))))


def as_globs(folder: str, lines: Iterable[str]) -> tuple[str, ...]:
    """Read lines of an ignore file, below a folder; without comments and exceptions."""
    globs = (line.strip() for line in lines)
    return tuple(joined(folder, glob) for glob in globs if glob and not glob.startswith(("#", "!")))


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder, or in it."""
    return not folder or path == folder or path.startswith(folder + "/")


def _matches(path: str, glob: str) -> bool:
    """Tell whether a glob means a file, or a folder that it is in; ``**/`` may be the top."""
    place, glob = PurePosixPath(path), glob.rstrip("/")
    globs = (glob, glob.removeprefix("**/"))
    parts = [place.as_posix(), *(parent.as_posix() for parent in place.parents if parent.name)]
    return any(fnmatchcase(part, one) for part in parts for one in globs)
