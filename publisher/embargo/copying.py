"""The copy of a project and its manifest, kept in step: what one is told, the other does."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from publisher.embargo.manifest import Entry, Kind, Manifest
from publisher.embargo.mirror import Place
from publisher.generators import project
from publisher.model.errors import SiteError
from publisher.system.files import stamp_of

SAVE_AFTER = 500  # files; what a kill makes the next update do again


@dataclass(slots=True)
class Copy:
    """Changes the staged copy file by file; ``changed`` are the files and links concerned.

    What a build did to staged files is undone, and that is no change. ``output`` is the folder in
    the copy that the generator writes.
    """

    manifest: Manifest
    place: Place
    output: str
    changed: set[str] = field(default_factory=set)
    _damaged: set[str] = field(default_factory=set)
    _has_output: bool = True
    _unsaved: int = 0

    def is_fresh(self, path: str, kind: Kind, facts: str, stamp: str) -> bool:
        """Tell whether the staged file is what would be made now."""
        known = self.manifest.files.get(path)
        if (
            known is None
            or known.kind != kind
            or known.stamp != stamp
            or known.facts != facts
            or not known.staged
        ):
            return False
        if known.staged != self.place.stamp(path):
            self._damaged.add(path)  # a build wrote into it: no news, it will do so again
            return False
        return True

    def announced(self, paths: Iterable[str], kind: Kind) -> list[str]:
        """Let the manifest know what is about to change, for the case that we are killed."""
        paths = list(paths)
        self.manifest.announce(dict.fromkeys(paths, kind))
        return paths

    @contextmanager
    def whole(self, path: str) -> Iterator[None]:
        """Stage a file in the block, or have none."""
        try:
            yield
        except BaseException as error:
            with suppress(OSError):
                self.place.remove(path)
            if not isinstance(error, OSError):
                raise
            raise SiteError(
                f"{path}: cannot be staged: {(error.strerror or str(error)).lower()}",
                why="the site under embargo is built from a copy of the project",
                hint="make room or mend the permissions; the next build goes on from there",
            ) from error

    def put(
        self,
        path: str,
        data: bytes | BinaryIO,
        status: os.stat_result | None,
        entry: Entry,
        *,
        is_copy: bool,
    ) -> None:
        """Write a staged file, unless it is there; only a copy has the time of its original."""
        if not is_copy and isinstance(data, bytes) and self.place.holds(path, data):
            self.manifest.set(path, replace(entry, staged=self.place.stamp(path)))
            return
        staged = self.place.put(path, data, status, is_dated=is_copy)
        self._settle(path, replace(entry, staged=staged))

    def link(self, path: str, target: str) -> None:
        self.place.link(path, target)
        self._settle(path, Entry(kind="link", stamp=""))

    def make_folder(self, path: str) -> None:
        self.place.make_folder(path)
        if path not in self.manifest.files:
            self.manifest.set(path, Entry(kind="folder", stamp=""))

    def share(self, path: str, installed: Path) -> None:
        """Keep a folder of links to installed packages; what builds add to it stays."""
        self.place.make_folder(path)
        if path not in self.manifest.files:
            self.manifest.set(path, Entry(kind="installed", stamp=""))
        names = project.shared_names(installed)
        with os.scandir(self.place.folder / path) as listing:
            there = {entry.name: entry.is_symlink() for entry in listing}
        for name in names:
            if self.place.target(f"{path}/{name}") != str(installed / name):
                self.place.link(f"{path}/{name}", str(installed / name))
        for name, is_link in there.items():
            if is_link and name not in names:
                self.place.remove(f"{path}/{name}")

    def remove(self, path: str) -> None:
        """Remove what is staged under a path, if anything is."""
        known = self.manifest.files.get(path)
        if known is None:
            return
        if known.kind in ("copy", "page", "embargoed"):
            self._clear_output()
        if known.kind == "installed":
            self.place.remove_tree(path)
        else:
            self.place.remove(path)
        self.manifest.drop(path)
        if known.kind not in ("folder", "installed"):
            self.changed.add(path)

    def _settle(self, path: str, entry: Entry) -> None:
        self.manifest.set(path, entry)
        if path not in self._damaged:
            self.changed.add(path)
        self._unsaved += 1
        if self._unsaved >= SAVE_AFTER:
            self.manifest.save()
            self._unsaved = 0

    def _clear_output(self) -> None:
        """Let the generator begin anew: many leave in their output what they no longer write."""
        if self._has_output:
            self.place.remove_tree(self.output)
            self._has_output = False


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read it; no link, and nothing that would keep us waiting."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags), "rb") as stream:
        yield stream


def written_stamp(status: os.stat_result) -> str:
    """Write what tells one version of a file from another."""
    return " ".join(map(str, stamp_of(status)))
