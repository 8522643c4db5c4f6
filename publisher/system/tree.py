"""Lists the files of a site's folder, and says which of them a glob means. Follows no link."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


def walk(
    root: Path, base: str, *, without: str, needed: Collection[str]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Give the files and links below ``base``, with their posix paths below the root.

    Hidden folders and files, ``node_modules`` and the folder ``without`` are left out.

    :raises OSError: when a folder near one of ``needed`` cannot be listed; others are passed over.
    """
    waiting = [base]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as listing:
                entries = list(listing)
        except OSError as error:
            is_removed = isinstance(error, FileNotFoundError) and folder != base
            if is_removed or not is_near(folder, needed):
                continue
            raise
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith(".") or entry.name == "node_modules" or path == without:
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            else:
                yield path, entry


@dataclass(frozen=True, slots=True)
class Globs:
    """What the globs of ``site.posts`` mean; ``bases`` are the folders that hold all matches."""

    bases: tuple[str, ...]
    _matcher: re.Pattern[str]

    def matches(self, path: str) -> bool:
        return self._matcher.fullmatch(path) is not None

    @property
    def base(self) -> str:
        """Give the folder that holds all bases."""
        return os.path.commonpath(self.bases)


def compile_globs(globs: Iterable[str]) -> Globs:
    """Read globs, each relative to the root.

    ``*`` and ``?`` stay within a folder; ``**`` between slashes spans any number of them.
    """
    bases, patterns = zip(*map(_read, globs), strict=True)
    matcher = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL)
    return Globs(bases=tuple(dict.fromkeys(bases)), _matcher=matcher)


def _read(glob: str) -> tuple[str, str]:
    """Give the folder that holds all matches, and the pattern of their paths."""
    parts = PurePosixPath(glob).parts
    fixed = [part for part in parts[:-1] if not re.search(r"[*?\[]", part)]
    base = "/".join(fixed if fixed == list(parts[: len(fixed)]) else ())
    pattern = "".join(_translate(part) for part in parts[:-1]) + _translate(parts[-1])[:-1]
    if parts[-1] == "**":
        pattern = "".join(_translate(part) for part in parts[:-1]) + ".+"
    return base, pattern


def _translate(part: str) -> str:
    if part == "**":
        return r"(?:[^/]+/)*"
    pieces = re.findall(r"\[[!^]?\]?[^\]]*\]|.", part, re.DOTALL)
    known = {"*": "[^/]*", "?": "[^/]"}
    return "".join(known.get(p) or _char_class(p) for p in pieces) + "/"


def _char_class(piece: str) -> str:
    if len(piece) == 1:
        return re.escape(piece)
    inner = piece[1:-1].replace("\\", r"\\")
    return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"


def is_near(path: str, bases: Iterable[str]) -> bool:
    """Tell whether posts may be below ``path``."""
    return any(
        not path
        or not base
        or f"{path}/".startswith(f"{base}/")
        or f"{base}/".startswith(f"{path}/")
        for base in bases
    )
