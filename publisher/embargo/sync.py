"""Puts files into a folder, each entirely or not at all, and never through a link.

``sync_output`` brings a built site to its place this way.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from publisher.model.errors import SiteError
from publisher.system.files import os_errors_as, temporary_of, write_whole
from publisher.system.notes import write_note
from publisher.system.output import page_names

CHUNK_BYTES = 1024 * 1024
VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})  # of an output that is a checkout itself
PAGES = frozenset({".html", ".htm", ".xhtml"})
LISTINGS = frozenset({".xml", ".rss", ".atom", ".txt"})  # feeds, sitemaps, llms.txt
LISTING_WORDS = ("feed", "sitemap", "search", "index", "hashmap")  # in the names of JSON files
COMPRESSED = frozenset({".gz", ".br", ".zst"})  # beside a file

_TEMPORARY = re.compile(r"\.publisher-[0-9a-f]{16}\.tmp")


@dataclass(slots=True)
class Place:
    """A folder that files are put into; paths are posix and relative to it."""

    folder: Path
    _folders: set[str] = field(default_factory=set, repr=False)  # known to be no links

    def put(
        self,
        path: str,
        data: bytes | BinaryIO,
        status: os.stat_result | None,
        *,
        is_dated: bool = False,
    ) -> str:
        """Write a file with the mode, and if ``is_dated`` the time, of its original.

        Gives the file's stamp.
        """
        self.make_folder(path.rpartition("/")[0])
        full = self._full(path)
        times_ns = (status.st_atime_ns, status.st_mtime_ns) if status and is_dated else None
        mode = stat.S_IMODE(status.st_mode) if status else 0o644
        write_whole(
            full,
            data,
            mode=mode,
            times_ns=times_ns,
            is_durable=False,
            before_rename=lambda: self._clear(path),
        )
        return self.stamp(path)

    def holds(self, path: str, data: bytes | BinaryIO) -> bool:
        """Tell whether a regular file is there already with these bytes, and no link on the way."""
        stream = BytesIO(data) if isinstance(data, bytes) else data
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if not self._is_within(path.rpartition("/")[0]) or not self.stamp(path).endswith(
            f" {size}"
        ):
            return False
        with self._full(path).open("rb") as other:
            while chunk := stream.read(CHUNK_BYTES):
                if chunk != other.read(CHUNK_BYTES):
                    return False
        return True

    def link(self, path: str, target: str) -> None:
        """Make a link, whatever is there."""
        self.make_folder(path.rpartition("/")[0])
        full = self._full(path)
        temporary = temporary_of(full)
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        self._clear(path)
        temporary.replace(full)

    def _clear(self, path: str) -> None:
        """Remove a folder that is in the way of a file."""
        full = self._full(path)
        if full.is_dir() and not full.is_symlink():
            self.remove_tree(path)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; what is in the way goes."""
        if path in self._folders:
            return
        if path:
            self.make_folder(path.rpartition("/")[0])
        full = self._full(path)
        try:
            if not stat.S_ISDIR(os.lstat(full).st_mode):
                os.unlink(full)  # noqa: PTH108 - as often as there are folders
                full.mkdir()
        except FileNotFoundError:
            full.mkdir(parents=not path)
        self._folders.add(path)

    def remove(self, path: str) -> None:
        """Remove a file or link, with what was half-written of it, or an empty folder."""
        if not self._is_within(path.rpartition("/")[0]):
            return
        full = self._full(path)
        with suppress(FileNotFoundError):
            temporary_of(full).unlink()
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(os.lstat(full).st_mode):
                self._folders.discard(path)
                with suppress(OSError):  # a generator keeps something in there
                    full.rmdir()
            else:
                full.unlink()

    def remove_tree(self, path: str) -> None:
        """Remove whatever is there, links themselves and not what they lead to."""
        if not self._is_within(path.rpartition("/")[0]):
            return
        full = self._full(path)
        self._folders = {known for known in self._folders if not f"{known}/".startswith(f"{path}/")}
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(os.lstat(full).st_mode):
                shutil.rmtree(full)
            else:
                full.unlink()

    def stamp(self, path: str) -> str:
        """Give what tells a regular file from what it was; "" when there is none."""
        try:
            status = os.lstat(f"{self.folder}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            return ""
        return f"{status.st_mtime_ns} {status.st_size}" if stat.S_ISREG(status.st_mode) else ""

    def target(self, path: str) -> str | None:
        """Give where a link leads; ``None`` when there is no link."""
        try:
            return os.readlink(f"{self.folder}/{path}")  # noqa: PTH115 - as it is written
        except OSError:
            return None

    def _full(self, path: str) -> Path:
        return self.folder / path if path else self.folder

    def _is_within(self, folder: str) -> bool:
        """Tell whether the folder is there and no part of it is a link."""
        if folder in self._folders:
            return True
        if folder and not self._is_within(folder.rpartition("/")[0]):
            return False
        try:
            is_folder = stat.S_ISDIR(os.lstat(self._full(folder)).st_mode)
        except FileNotFoundError:
            return False
        if is_folder:
            self._folders.add(folder)
        return is_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    changed: int  # files written or deleted
    kept: tuple[str, ...]  # files that no build made: they stay, and are as public as the rest


def sync_output(
    built: Path, target: Path, *, record: Path | None = None, absent: Collection[str] = ()
) -> Synced:
    """Bring ``target`` up to date with ``built``; what others put there stays, or gives way to it.

    A file that is equal already is not touched. What others refer to comes first, what lists the
    rest comes last, and only then go the files that are no more. Whatever stopped it, the next
    time completes it.

    Deleted are the files that ``record`` has from earlier times, and pages at the URL paths in
    ``absent``, unless the build has them; without ``record`` all but version control.

    :raises SiteError: when the target is a link or holds the build, or a file cannot be written.
    """
    _check(built, target)
    place = Place(target)
    trouble = "the built site cannot be put there"
    why = f"{target} is brought up to date from {built}"
    hint = "make room or make it writable; the next build goes on where this one stopped"
    with os_errors_as(SiteError, target, trouble, why=why, hint=hint):
        files = dict(_files(built))
        place.make_folder("")
        ours = None
        if record is not None:
            known = read_names(record, target)
            write_names(record, target, known | files.keys())  # first: a kill leaves none unknown
            ours = known.union(*map(_page_files, absent))
        changed = sum(_sync_file(files[path], place, path) for path in sorted(files, key=_rank))
        deleted, kept = _delete_others(place, files, ours)
        if record is not None:
            write_names(record, target, files)
        return Synced(changed=changed + deleted, kept=kept)


def _page_files(path: str) -> list[str]:
    """Give the files that may be served for a URL path, with what is packed; none for the root."""
    bare = path.strip("/")
    names = page_names(f"/{bare}") if bare else []
    return [name + suffix for name in names for suffix in ("", *sorted(COMPRESSED))]


def _check(built: Path, target: Path) -> None:
    hint = "let rebuild.output in jobs.yaml name a folder that only the build writes"
    if target.is_symlink():
        raise SiteError(f"{target}: the output is a link", why="it could lead anywhere", hint=hint)
    here, there = built.resolve(), target.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise SiteError(f"{target}: the output holds {built}", why="it would be deleted", hint=hint)
    if (target / "jobs.yaml").exists():
        raise SiteError(f"{target}: the output holds the sources of the site", hint=hint)
    if not built.is_dir():
        raise SiteError(
            f"the build has written no folder {built.name}",
            hint="see whether rebuild.output in jobs.yaml is what the generator writes",
        )


def _files(built: Path) -> Iterator[tuple[str, Path]]:
    """Give the files of a build; a link counts as the file within the build that it leads to."""
    waiting = [(built, "")]
    while waiting:
        folder, prefix = waiting.pop()
        with os.scandir(folder) as listing:
            entries = list(listing)
        for entry in entries:
            path, file = prefix + entry.name, Path(entry.path)
            if entry.is_symlink() and not (
                entry.is_file() and file.resolve().is_relative_to(built.resolve())
            ):
                raise SiteError(
                    f"{path}: the build made a link that leads out of itself, or nowhere",
                    why="nobody has looked for unreleased text there",
                    hint="let the generator copy the files",
                )
            if entry.is_dir():
                waiting.append((file, f"{path}/"))
            elif entry.is_file():
                yield path, file


def _rank(path: str) -> tuple[int, str]:
    """Order the files so that nothing refers to what is not there yet."""
    file = PurePosixPath(path.lower())
    if file.suffix in COMPRESSED:
        file = file.with_suffix("")
    is_listing = file.suffix in LISTINGS or (
        file.suffix == ".json" and any(word in file.name for word in LISTING_WORDS)
    )
    return 2 if is_listing else 1 if file.suffix in PAGES else 0, path


def _sync_file(file: Path, place: Place, path: str) -> bool:
    """Copy a file unless it is there already; tell whether it was not."""
    with file.open("rb") as source:
        if place.holds(path, source):
            return False
        source.seek(0)
        place.put(path, source, os.fstat(source.fileno()))
    return True


def _delete_others(
    place: Place, files: Collection[str], ours: Collection[str] | None
) -> tuple[int, tuple[str, ...]]:
    """Delete what is ours and the build does not have; give how many files, and what stays.

    With ``None`` all is ours.
    """
    folders, emptied = _folders_of(files), _folders_of(ours or ())
    count, kept = 0, []
    for current, below, names in os.walk(place.folder, topdown=False):
        prefix = Path(current).relative_to(place.folder).as_posix()
        prefix = "" if prefix == "." else f"{prefix}/"
        if prefix.split("/")[0] in VERSION_CONTROL:
            continue
        links = {name for name in below if os.path.islink(place.folder / prefix / name)}  # noqa: PTH114
        for name in (*names, *below):
            path = prefix + name
            if path in files or path in folders or (not prefix and name in VERSION_CONTROL):
                continue
            if name in below and name not in links:
                if ours is None or path in emptied:
                    place.remove(path)  # if nothing is left in there
            elif ours is None or path in ours or _TEMPORARY.fullmatch(name):
                place.remove(path)
                count += 1
            else:
                kept.append(path)
    return count, tuple(sorted(kept))


def _folders_of(files: Collection[str]) -> set[str]:
    return {str(parent) for path in files for parent in PurePosixPath(path).parents}


# --- what was written before: of all that is there, only that is ever deleted -----------------


def read_names(record: Path, target: Path) -> frozenset[str]:
    """Give the files that were synced to ``target``; none when nothing is known of it."""
    try:
        known = json.loads(record.read_bytes())
        return frozenset(known["files"] if known["target"] == _name(target) else ())
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return frozenset()


def write_names(record: Path, target: Path, names: Collection[str]) -> None:
    """Record them, entirely or not at all; durable on return."""
    if not record.exists() or read_names(record, target) != frozenset(names):
        write_note(record, {"target": _name(target), "files": sorted(names)})


def _name(target: Path) -> str:
    return str(target.resolve())
