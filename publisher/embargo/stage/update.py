"""Brings the stage up to date.

An update reads what changed, settles what that makes of the whole, and writes what differs from
``staged``. What is under embargo is removed first: nothing half-embargoed is left behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from posixpath import splitext
from typing import BinaryIO

from publisher.config.settings import Settings
from publisher.embargo.redact.placeholder import placeholder
from publisher.embargo.stage.catalog import Catalog
from publisher.embargo.stage.embargoed import Embargoed, find_embargoed
from publisher.embargo.stage.index import Index
from publisher.embargo.stage.manifest import Entry, Held, Manifest, Told
from publisher.embargo.stage.tree import Tree, list_tree, written_stamp
from publisher.embargo.stage.world import World, staged
from publisher.embargo.sync import Place
from publisher.generators import project
from publisher.generators.file_kinds import is_legible, is_text
from publisher.model.errors import SiteError
from publisher.system.files import reason

SAVE_AFTER = 500  # files; what a kill makes the next update do again
TEXTS = ("public", "embargoed")  # kinds of what is staged of the project's files


class Update:
    """One update of the copy at ``place``; ``changed`` are the files written or removed.

    What a build did to staged files is undone, and that is no change.
    """

    def __init__(
        self, settings: Settings, catalog: Catalog, manifest: Manifest, place: Place
    ) -> None:
        output = settings.rebuild.output if settings.rebuild else None
        output = output or settings.site.root / settings.site.generator.output
        self.output = project.relative_path(output, settings.project)
        self.changed: set[str] = set()
        self.withheld: set[str] = set()  # files under embargo that are no posts of the scan
        self._settings = settings
        self._top = settings.project
        self._catalog = catalog
        self._manifest = manifest
        self._place = place
        self._has_output = True
        self._unsaved = 0

    def run(self, waiting: Collection[str], now: datetime) -> None:
        """Do all of it.

        :raises PublisherError: when a file cannot be staged, or changed since the scan.
        """
        catalog, manifest, place = self._catalog, self._manifest, self._place
        tree = list_tree(self._settings, catalog)
        index = Index(self._top, catalog, manifest, tree.files)
        found = find_embargoed(catalog, tree, index, manifest, place, waiting=waiting, now=now)
        self.withheld = found.withheld
        self._drop(tree, found)
        self._make_folders(tree)
        world = self._world(found, index)
        self._write_files(world, index)
        self._write_placeholders(tree)
        self._write_links(world)
        for path, folder in tree.installed.items():
            self._share(path, folder)
        manifest.keep(world.told, (*found.pages, *found.bundled_texts))
        manifest.save()

    def public_texts(self) -> dict[str, str]:
        """Give the staged texts that anybody may see, with their stamps."""
        found = {}
        for path, entry in sorted(self._manifest.files.items()):
            size = int(entry.staged.partition(" ")[2] or 0) if entry.kind == "public" else 0
            if entry.kind == "public" and (is_text(path, size) or is_legible(path, size)):
                found[path] = entry.staged
        return found

    # --- what is there ---------------------------------------------------------------------

    def _drop(self, tree: Tree, found: Embargoed) -> None:
        """Remove what the project has no longer, and what is under embargo."""
        others = {"folder": tree.folders, "link": tree.links, "installed": tree.installed}
        for path, entry in sorted(self._manifest.files.items(), reverse=True):
            if entry.kind == "placeholder":
                continue
            is_there = path in others.get(entry.kind, tree.files)
            is_shown = path in found.policies and entry.kind != "embargoed"
            if not is_there or is_shown or found.is_hidden(path):
                self._remove(path)

    def _make_folders(self, tree: Tree) -> None:
        self._place.make_folder(self._catalog.root)
        for path in tree.folders:
            self._place.make_folder(path)
            if path not in self._manifest.files:
                self._manifest.set(path, Entry("folder"))

    def _world(self, found: Embargoed, index: Index) -> World:
        """Read what the files say, as far as it is not known."""
        told: dict[str, Told] = {}
        for path, file in found.tree.files.items():
            if path not in found and (file.kind != "other" or is_text(path, file.size)):
                with self._whole(path):
                    told[path] = index.told(path)
        held: dict[str, Held] = {}
        for path, policy in found.policies.items():
            held[path] = index.hold_post(path, policy)
        for path in sorted(found.withheld):
            if (says := index.hold_page(path)) is not None:
                held[path] = says
        for path in found.bundled_texts:
            index.hold_bundled(path, found.bundled[path])
        earlier = self._manifest.told
        kept = (path for path, entry in found.kept.items() if entry.kind == "public")
        return World.of(
            found, told=told, held=held, kept={p: earlier[p] for p in kept if p in earlier}
        )

    # --- what is to stand in the stage --------------------------------------------------------

    def _write_files(self, world: World, index: Index) -> None:
        def write(path: str, entry: Entry) -> None:
            if path not in world.held and path not in world.told:
                self._copy(path)
                return
            content = index.read(path, world.told.get(path))
            data = staged(path, content.data, world)
            if data is None:
                raise AssertionError(f"{path}: the world changed")
            self._put(
                path,
                data,
                content.status,
                replace(
                    entry,
                    stamp=written_stamp(content.status),
                    placeholders=world.placeholders(path, data),
                ),
                is_copy=data == content.data and entry.kind == "public",
            )

        self._bring(((path, world.entry(path)) for path in world.embargoed.tree.files), write)

    def _copy(self, path: str) -> None:
        with opened(self._top / path) as source:
            status = os.fstat(source.fileno())
            self._put(path, source, status, Entry("public", written_stamp(status)), is_copy=True)

    def _write_placeholders(self, tree: Tree) -> None:
        """Make the placeholders that staged pages show, and remove those that none shows now."""
        files = tree.files
        wanted: dict[str, Entry | None] = {
            path: None for path, e in self._manifest.files.items() if e.kind == "placeholder"
        }
        for page in self._manifest.files.values():
            for path, source in page.placeholders:
                if path not in files:
                    stamp = files[source].stamp if source in files else ""
                    wanted[path] = Entry("placeholder", stamp, source)
        blanks: dict[str, bytes] = {}  # placeholders made from nothing, by suffix

        def write(path: str, entry: Entry) -> None:
            suffix = splitext(path)[1]
            if entry.facts in files:
                with opened(self._top / entry.facts) as original:
                    stamp = written_stamp(os.fstat(original.fileno()))
                    data = placeholder(original.read(), path)
            else:
                data = blanks[suffix] = blanks.get(suffix) or placeholder(b"", path)
                stamp = ""
            self._put(path, data, None, replace(entry, stamp=stamp), is_copy=False)

        self._bring(wanted.items(), write)

    def _write_links(self, world: World) -> None:
        """Make the links of the project, to the staged files where they lead to such."""

        def wanted(path: str, link: Path) -> Entry | None:
            is_refused = self._catalog.kind_of(path) == "refused" or world.is_left_out(path)
            target = None if is_refused else self._target(Path(os.path.realpath(link)), world)
            return None if target is None else Entry("link", "", target)

        def write(path: str, entry: Entry) -> None:
            self._place.link(path, entry.facts)
            self._settle(path, replace(entry, staged=entry.facts))

        links = world.embargoed.tree.links
        self._bring(((path, wanted(path, link)) for path, link in links.items()), write)

    def _target(self, real: Path, world: World) -> str | None:
        """Give what a staged link leads to; ``None`` when that is not there for all to see."""
        root, own = self._settings.site.root, self._settings.own_files
        if any(real.is_relative_to(path) for path in own) or root.is_relative_to(real):
            return None
        if not real.is_relative_to(root):
            return str(real)
        path = project.relative_path(real, self._top)
        if path in world.embargoed.tree.files and path not in self._manifest.files:
            return None
        return str(self._place.folder / path)

    def _share(self, path: str, installed: Path) -> None:
        """Keep a folder of links to installed packages; what builds add to it stays."""
        self._place.make_folder(path)
        if path not in self._manifest.files:
            self._manifest.set(path, Entry("installed"))
        names = project.shared_names(installed)
        with os.scandir(self._place.folder / path) as listing:
            there = {entry.name: entry.is_symlink() for entry in listing}
        for name in names:
            if self._place.target(f"{path}/{name}") != str(installed / name):
                self._place.link(f"{path}/{name}", str(installed / name))
        for name, is_link in there.items():
            if is_link and name not in names:
                self._place.remove(f"{path}/{name}")

    # --- one staged file -----------------------------------------------------------------------

    def _bring(
        self, wanted: Iterable[tuple[str, Entry | None]], write: Callable[[str, Entry], None]
    ) -> None:
        """Write what is not there as it is wanted; remove what is wanted to be ``None``."""
        due = {}
        for path, entry in wanted:
            if entry is None:
                self._remove(path)
            elif not self._is_fresh(path, entry):
                due[path] = entry
        self._manifest.announce(due)
        for path, entry in due.items():
            with self._whole(path):
                write(path, entry)

    def _is_fresh(self, path: str, wanted: Entry) -> bool:
        """Tell whether the staged file is what would be made now."""
        known = self._manifest.files.get(path)
        if known is None or not known.is_made_like(wanted):
            return False
        there = self._place.target(path) if wanted.kind == "link" else self._place.stamp(path)
        return known.staged == there

    def _put(
        self,
        path: str,
        data: bytes | BinaryIO,
        status: os.stat_result | None,
        entry: Entry,
        *,
        is_copy: bool,
    ) -> None:
        """Write a staged file, unless it is there; only a copy has the time of its original."""
        if not is_copy and isinstance(data, bytes) and self._place.holds(path, data):
            self._manifest.set(path, replace(entry, staged=self._place.stamp(path)))
            return
        stamp = self._place.put(path, data, status, is_dated=is_copy)
        self._settle(path, replace(entry, staged=stamp))

    def _settle(self, path: str, entry: Entry) -> None:
        known = self._manifest.files.get(path)
        if known is None or not known.is_made_like(entry):
            self.changed.add(path)
        self._manifest.set(path, entry)
        self._unsaved += 1
        if self._unsaved >= SAVE_AFTER:
            self._manifest.save()
            self._unsaved = 0

    def _remove(self, path: str) -> None:
        """Remove what is staged under a path, if anything is."""
        entry = self._manifest.files.get(path)
        if entry is None:
            return
        if entry.kind in TEXTS and self._has_output:
            # many generators leave in their output what they no longer write
            self._place.remove_tree(self.output)
            self._has_output = False
        if entry.kind == "installed":
            self._place.remove_tree(path)
        else:
            self._place.remove(path)
        self._manifest.drop(path)
        if entry.kind not in ("folder", "installed"):
            self.changed.add(path)

    @contextmanager
    def _whole(self, path: str) -> Iterator[None]:
        """Stage a file in the block, or have none."""
        try:
            yield
        except BaseException as error:
            with suppress(OSError):
                self._place.remove(path)
            if not isinstance(error, OSError):
                raise
            raise unstaged(f"{path}: cannot be staged", error) from error


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read it; no link, and nothing that would keep us waiting."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags), "rb") as stream:
        yield stream


def unstaged(what: str, error: OSError) -> SiteError:
    return SiteError(
        f"{what}: {reason(error)}",
        why="the site under embargo is built from a copy of the project",
        hint="make room or correct the permissions; the next build continues from there",
    )
