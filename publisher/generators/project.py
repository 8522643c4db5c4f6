"""What belongs to a copy of a project: which files, which as links, and which not at all.

For whoever makes such a copy: rehearsals and the stage. Reads only, ``share`` aside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

REHEARSAL = ".publisher-rehearsal"  # a folder that holds this file is a rehearsal's scratch copy
INSTALLED = frozenset({"node_modules", ".venv", "venv"})
LEFTOVERS = re.compile(r".*(?:~|\.(?:bak|orig|rej|sw[a-p]|tmp|log))|\.#.*|#.*#", re.IGNORECASE)
LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".cache", ".jekyll-cache", ".jekyll-metadata", ".astro"}
)

Kind = Literal["folder", "file", "link", "installed"]


@dataclass(frozen=True, slots=True)
class Found:
    """Something that belongs into the copy; ``path`` is posix, relative to the project.

    Of an ``installed`` folder the copy has the folder, and links to its entries.
    """

    path: str
    kind: Kind
    entry: os.DirEntry[str]


def walk(project: Path, root: Path, left_out: Collection[Path]) -> Iterator[Found]:
    """Give what belongs into a copy, folders before what is in them.

    That is ``root``, and of the folders between it and the project the files only
    (``package.json`` and the like). Left out are version control, caches, logs and what editors
    leave behind as well.

    :raises OSError: when a folder cannot be listed.
    """
    without = {os.fspath(path) for path in left_out}
    lead = [project / part for part in between(project, root)]
    for folder in (project, *lead[:-1], root) if lead else (root,):
        yield from _walk(project, folder, without, is_deep=folder == root)


def _walk(project: Path, top: Path, without: Collection[str], *, is_deep: bool) -> Iterator[Found]:
    prefix = top.relative_to(project).as_posix()
    waiting = [(os.fspath(top), "" if prefix == "." else f"{prefix}/")]
    while waiting:
        folder, prefix = waiting.pop()
        with os.scandir(folder) as listing:
            entries = list(listing)
        if prefix and any(entry.name == REHEARSAL for entry in entries):
            continue
        in_hidden = folder.rpartition("/")[2].startswith(".")
        for entry in entries:
            name = entry.name
            if name in LEFT_OUT or (in_hidden and name == "cache") or entry.path in without:
                continue
            kind = _kind(entry)
            if kind == "folder":
                if not is_deep:
                    continue
                waiting.append((entry.path, f"{prefix}{name}/"))
            if kind in ("file", "link") and LEFTOVERS.fullmatch(name):
                continue  # of an editor, or a log: older text of a post may stand in it
            if kind is not None:
                yield Found(prefix + name, kind, entry)


def _kind(entry: os.DirEntry[str]) -> Kind | None:
    if entry.name in INSTALLED and entry.is_dir():
        return "installed"
    if entry.is_symlink():
        return "link"
    if entry.is_dir():
        return "folder"
    return "file" if entry.is_file() else None  # no FIFO, socket or device


def between(project: Path, root: Path) -> Iterator[Path]:
    """Give the folders that lead from the project to the root, relative, the root last."""
    relative = root.relative_to(project)
    return (folder for folder in reversed([relative, *relative.parents]) if folder != Path())


def relative_path(path: Path, project: Path) -> str:
    """Give a path from the project's folder; "" for that folder itself."""
    relative = path.relative_to(project).as_posix()
    return "" if relative == "." else relative


def shared_names(installed: Path) -> frozenset[str]:
    """Give the entries of installed packages that a copy links to: all but the caches there."""
    kept = (".bin", ".pnpm", ".package-lock.json")
    names = (entry.name for entry in installed.iterdir())
    return frozenset(name for name in names if not name.startswith(".") or name in kept)


def share(installed: Path, target: Path) -> None:
    """Make a folder of links: builds read the packages there, and keep their caches here."""
    target.mkdir()
    for name in shared_names(installed):
        (target / name).symlink_to(installed / name)
