"""Keeps the stage: a copy of the project in which every unreleased post stands as its policy says.

An update reads what changed, settles what that makes of the whole, and writes what differs from
``staged``. What is under embargo is removed first: nothing half-embargoed is left behind.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from posixpath import dirname, splitext
from typing import BinaryIO

import publisher
from publisher.config.settings import Settings
from publisher.embargo.hidden import Hidden, Public
from publisher.embargo.redact.placeholder import placeholder
from publisher.embargo.stage.catalog import Catalog
from publisher.embargo.stage.images import Images, Shown, is_image
from publisher.embargo.stage.index import Index, Source, written_stamp
from publisher.embargo.stage.manifest import (
    Entry,
    Held,
    Kind,
    Manifest,
    Told,
    open_manifest,
    read_texts,
)
from publisher.embargo.stage.world import World, staged
from publisher.embargo.sync import Place
from publisher.generators import project
from publisher.generators.file_kinds import is_legible, is_page, is_text
from publisher.model import Embargo, PostId
from publisher.model.errors import PostError, SiteError
from publisher.posts.blocks import normal_path
from publisher.posts.fields import stem_of
from publisher.posts.library import Scan
from publisher.system.files import read_file

SAVE_AFTER = 500  # files; what a kill makes the next update do again
TEXTS = ("public", "embargoed")  # kinds of what is staged of the project's files


@dataclass(frozen=True, kw_only=True)
class Staged:
    """The stage as an update left it; paths in ``changed`` and ``texts`` start at ``folder``."""

    folder: Path  # the copy of the project
    root: Path  # in it, the generator's project
    output: Path  # in it, what the generator writes
    changed: tuple[str, ...]  # what this update wrote or removed
    texts: Mapping[str, str]  # the files that ``public`` reads, with their stamps,
    posts: frozenset[str]  # and those of them that are posts
    withheld: tuple[str, ...]  # files that are no posts and not released: no page is made of them
    manifest: Path
    addresses: Mapping[str, str] = field(default_factory=dict)  # by path, as the build has them

    @cached_property
    def hidden(self) -> tuple[Hidden, ...]:
        """Give the texts of all unreleased posts, in order of path; read when first asked for.

        Each has the address that the build gave it, or else the likely one.

        :raises PublisherError: when they cannot be read.
        """
        return tuple(
            replace(text, url=self.addresses.get(text.path, text.url)) if text.url else text
            for text in read_texts(self.manifest)
        )

    @property
    def public(self) -> Public:
        """Give the texts that anybody may see, as they are staged; each is read when asked for.

        What a build has written since says nothing: it may be of an unreleased post.
        """
        posts = [path for path in self.texts if path in self.posts]
        others = [path for path in self.texts if path not in self.posts]
        return Public(posts=self._read(posts), others=self._read(others))

    def _read(self, paths: Iterable[str]) -> Iterator[str]:
        place = Place(self.folder)
        for path in paths:
            with suppress(PostError, OSError):  # a build put something else in its place
                if place.stamp(path) == self.texts[path]:
                    yield read_file(self.folder / path, path).data.decode("utf-8", "replace")


class Stage:
    """The stage of one site, in ``state_dir``.

    Whoever updates it, or builds in it, holds the build lock.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._home = settings.state_dir / "stage"
        self._copy = self._home / "project"
        self._unbuilt = self._home / "unbuilt"

    @property
    def is_unbuilt(self) -> bool:
        """Tell whether anything in the stage is newer than the build that was deployed from it."""
        return self._unbuilt.exists()

    def mark_unbuilt(self) -> None:
        self._unbuilt.touch(mode=0o600)

    def begin_build(self) -> int:
        """Give the instant before a build, in nanoseconds by the clock of the files.

        :raises SiteError: when the stage cannot be written.
        """
        mark = self._home / "begun"
        with in_words(self._home):
            mark.touch()
            return mark.stat().st_mtime_ns

    def mark_built(self) -> None:
        self._unbuilt.unlink(missing_ok=True)

    def update(
        self,
        scan: Scan,
        gone: Collection[PostId] = (),
        overdue: Collection[PostId] = (),
        *,
        waiting: Collection[str] = (),
        now: datetime,
    ) -> Staged:
        """Bring the stage up to date with the project, as ``scan`` has just read it.

        Posts in ``gone`` that are not public have no page: they were withdrawn. Those in
        ``overdue`` are announced without a day: theirs is over. Pages that are no posts wait until
        ``now`` for a date that their generator would wait for. Files in ``waiting``, which the
        ledger knows as not released, stay out while they cannot be read.

        What generators keep in the stage for themselves stays. Their output goes, for them to
        make again, when something went that was staged before: not all of them clean up.

        :raises PublisherError: when a file cannot be staged, or changed since the scan; the next
            update goes on from there.
        """
        catalog = Catalog(self._settings, scan, gone, overdue)
        with in_words(self._home):
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            was_unbuilt = self.is_unbuilt
            self.mark_unbuilt()  # first: a kill between two files must not hide the change
            file, facts = self._home / "manifest.db", self._facts()
            with open_manifest(file, facts, begin_anew=self._begin_anew) as manifest:
                update = _Update(self._settings, catalog, manifest, Place(self._copy))
                update.run(waiting, now)
            if not (was_unbuilt or update.changed):
                self.mark_built()
        return Staged(
            folder=self._copy,
            root=self._copy / catalog.root,
            output=self._copy / update.output,
            changed=tuple(sorted(update.changed)),
            texts=update.public_texts(),
            posts=scan.unreadable.union(catalog.posts),  # where such is staged, it was good once
            withheld=tuple(sorted(update.withheld)),
            manifest=file,
        )

    def _begin_anew(self) -> None:
        if self._copy.is_symlink():
            self._copy.unlink()
        elif self._copy.exists():
            shutil.rmtree(self._copy)

    def _facts(self) -> str:
        """Give what a stage is made for: in another place or version, it begins anew."""
        settings = self._settings
        output = settings.rebuild.output if settings.rebuild else Path()
        places = (settings.project, settings.site.root, output, settings.state_dir)
        words = [os.fsencode(path).hex() for path in places]
        return " ".join([publisher.__version__, settings.site.url, *words])


class _Update:
    """One update of the copy at ``place``; ``changed`` are the files written or removed.

    What a build did to staged files is undone, and that is no change.
    """

    def __init__(
        self, settings: Settings, catalog: Catalog, manifest: Manifest, place: Place
    ) -> None:
        self._settings = settings
        self._site = settings.site
        self._top = settings.project
        self._catalog = catalog
        self._manifest = manifest
        self._place = place
        output = settings.rebuild.output if settings.rebuild else None
        self.output = project.relative_path(
            output or self._site.root / self._site.generator.output, self._top
        )
        self.changed: set[str] = set()
        self.withheld: set[str] = set()  # files under embargo that are no posts of the scan
        self._files: dict[str, Source] = {}
        self._others: dict[str, dict[str, Path]] = {"folder": {}, "link": {}, "installed": {}}
        self._policies: dict[str, Embargo] = {}  # of unreleased posts
        self._kept: set[str] = set()  # files in error that stay as they are staged
        self._bundled: dict[str, PostId] = {}
        self._index = Index(self._top, catalog, manifest, self._files)
        self._has_output = True
        self._unsaved = 0

    def public_texts(self) -> dict[str, str]:
        """Give the staged texts that anybody may see, with their stamps."""
        found = {}
        for path, entry in sorted(self._manifest.files.items()):
            size = int(entry.staged.partition(" ")[2] or 0)
            if entry.kind == "public" and (is_text(path, size) or is_legible(path, size)):
                found[path] = entry.staged
        return found

    def run(self, waiting: Collection[str], now: datetime) -> None:
        """Do all of it."""
        self._walk()
        self._find_held(waiting, now)
        self._find_bundled()
        self._drop()
        world = self._world()
        shown = self._find_due(world)
        self._write_files(world, shown)
        self._write_placeholders()
        self._write_links(world.images)
        for path, folder in self._others["installed"].items():
            self._share(path, folder)
        self._manifest.keep(world.told, (*self._held, *self._bundled_texts()))
        self._manifest.save()

    # --- what is there ---------------------------------------------------------------------

    def _walk(self) -> None:
        own = set(self._settings.own_files)
        if self._site.generator.data:
            own.add(self._site.root / self._site.generator.data)  # written in the stage besides
        for found in project.walk(self._top, self._site.root, own):
            if found.kind != "file":
                self._others[found.kind][found.path] = Path(found.entry.path)
                continue
            with suppress(FileNotFoundError):  # gone since
                status = found.entry.stat(follow_symlinks=False)
                kind = self._catalog.kind_of(found.path, status.st_size)
                stamp = written_stamp(status)
                self._files[found.path] = Source(stamp, status.st_size, kind)

    @property
    def _held(self) -> tuple[str, ...]:
        """Give the files under embargo, less those that belong to a post."""
        return (*self._policies, *sorted(self.withheld))

    def _is_held(self, path: str) -> bool:
        return path in self._policies or path in self.withheld or path in self._bundled

    def _find_held(self, waiting: Collection[str], now: datetime) -> None:
        strays = set()
        for path, file in self._files.items():
            policy = self._catalog.policy(path)
            if policy is not None:
                self._policies[path] = policy
            elif file.kind == "page":
                with suppress(PostError):  # gone, or whoever stages it will say what is wrong
                    if self._index.is_unreleased(path, now):
                        strays.add(path)
            elif file.kind == "refused" and self._is_withheld(path, waiting, now):
                self.withheld.add(path)
        self.withheld |= strays | self._catalog.described_by(strays, self._files)

    def _is_withheld(self, path: str, waiting: Collection[str], now: datetime) -> bool:
        """Tell whether a file in error is under embargo.

        What is staged of one that was so before stays; of a file that cannot be read at all stays
        what is staged, whatever that is.
        """
        entry, held = self._manifest.files.get(path), self._manifest.held.get(path)
        was_held = bool(held and held.url) or (entry is None and path in waiting)
        stays = entry is not None and bool(entry.staged) and entry.staged == self._place.stamp(path)
        try:
            if not was_held and not self._index.is_unreleased(path, now):
                return False
            stays = stays and entry is not None and entry.kind == "embargoed"
        except PostError:
            pass
        if stays:
            self._kept.add(path)
        return True

    def _find_bundled(self) -> None:
        """Find what lies in the folders of unreleased posts, and with them only."""
        paths = sorted((*self._files, *self._others["link"]))
        for index in self._held:
            entry = self._manifest.files.get(index)
            if index in self._kept and entry and entry.kind == "public":
                continue
            found = self._catalog.bundle_of(index, paths, is_held=self._is_held)
            if found:
                post = self._catalog.posts.get(index)
                name = post.id if post else PostId(stem_of(index))
                self._bundled |= dict.fromkeys(sorted(found), name)

    def _bundled_texts(self) -> list[str]:
        files = self._files
        return [p for p in self._bundled if p in files and is_legible(p, files[p].size)]

    def _drop(self) -> None:
        """Remove what the project has no longer and what is under embargo; make its folders."""
        for path, entry in sorted(self._manifest.files.items(), reverse=True):
            there = self._others.get(entry.kind, self._files)
            if entry.kind != "placeholder" and (path not in there or self._must_go(path, entry)):
                self._remove(path)
        self._place.make_folder(self._catalog.root)
        for path in self._others["folder"]:
            self._place.make_folder(path)
            if path not in self._manifest.files:
                self._manifest.set(path, Entry("folder"))

    def _must_go(self, path: str, entry: Entry) -> bool:
        if path in self._policies:
            return entry.kind != "embargoed" or self._policies[path] is Embargo.OMIT
        is_held = path in self.withheld or (path in self._bundled and not is_image(path))
        return is_held and path not in self._kept

    # --- what that comes to ------------------------------------------------------------------

    def _world(self) -> World:
        told: dict[str, Told] = {}
        for path, file in self._files.items():
            if not self._is_held(path) and (file.kind != "other" or is_text(path, file.size)):
                with self._whole(path):
                    told[path] = self._index.told(path)
        held: dict[str, Held] = {}
        for path, policy in self._policies.items():
            held[path] = self._index.hold_post(path, policy)
        for path in sorted(self.withheld):
            if (found := self._index.hold_page(path)) is not None:
                held[path] = found
        for path in self._bundled_texts():
            self._index.hold_bundled(path, self._bundled[path])
        hidden = {path for path, policy in self._policies.items() if policy is Embargo.OMIT}
        hidden |= {*self.withheld, *(p for p in self._bundled if not is_image(p))}
        return World(
            catalog=self._catalog,
            told=told,
            held=held,
            hidden=frozenset(hidden),
            absent=frozenset(self._find_absent()),
            images=self._find_images(told, held),
        )

    def _find_absent(self) -> Iterator[str]:
        """Give the paths of pages that are not staged; a file that is no post is known by its own.

        To be asked when it is settled what stays of files in error.
        """
        catalog, prefix = self._catalog, self._catalog.prefix
        absent = {
            page
            for page, name in catalog.names.paths.items()
            if catalog.policies.get(name) is Embargo.OMIT
        }
        for path in self.withheld - self._kept:
            if path.startswith(prefix):
                absent.add(normal_path(catalog.address(path)))
        for page in absent:
            twins = (f"{prefix}{page[1:]}.md", f"{prefix}{page[1:]}/index.md")
            if not any(twin in self._files and not self._is_held(twin) for twin in twins):
                yield page

    def _find_images(self, told: Mapping[str, Told], held: Mapping[str, Held]) -> Images:
        """Find the images under embargo: unreleased texts show them, and no public one does."""
        files = self._manifest.files
        kept = {p for p in self._kept if p in files and files[p].kind == "public"}
        public = {**{p: self._manifest.told[p] for p in kept if p in self._manifest.told}, **told}
        pages = (p for p, file in self._files.items() if is_page(p, file.size))
        images = Images(
            self._site,
            self._catalog.root,
            files=filter(is_image, (*self._files, *self._others["link"])),
            links=self._others["link"].keys(),
            folders=self._others["folder"].keys(),
            public={(dirname(path), name) for path, says in public.items() for name in says.names},
            withheld=set(map(dirname, self._held))
            - {dirname(path) for path in pages if not self._is_held(path)},
        )
        targets = [(path, says.targets) for path, says in held.items()]
        targets += [(path, says.targets) for path, says in told.items()]
        for path, written in targets:
            for target in written:
                images.place(path, target)
        for path in filter(is_image, self._bundled):
            images.hold(path)
        return images

    # --- files -------------------------------------------------------------------------------

    def _find_due(self, world: World) -> dict[str, str]:
        """Give the files to be written, each with what it is made from besides its own bytes."""
        due = {}
        for path, file in self._files.items():
            if path in self._kept:
                continue
            if world.is_left_out(path):
                self._remove(path)
                continue
            facts = world.facts(path)
            kind: Kind = "embargoed" if path in world.held else "public"
            if not self._is_fresh(path, Entry(kind, file.stamp, facts)):
                due[path] = facts
        return due

    def _write_files(self, world: World, due: Mapping[str, str]) -> None:
        self._manifest.announce((path for path in due if path not in world.held), "public")
        self._manifest.announce((path for path in due if path in world.held), "embargoed")
        for path, facts in due.items():
            with self._whole(path):
                if path in world.held or path in world.told:
                    self._write_text(path, facts, world)
                else:
                    self._copy(path)

    def _write_text(self, path: str, facts: str, world: World) -> None:
        content = self._index.read(path, world.told.get(path))
        image = Shown(world.images, path)
        data = staged(path, content.data, world, image=image)
        if data is None:  # the world has not changed since it was found to be due
            raise AssertionError(path)
        is_held = path in world.held
        entry = Entry(
            "embargoed" if is_held else "public",
            written_stamp(content.status),
            facts,
            placeholders=tuple(image.placeholders),
        )
        is_copy = data == content.data and not is_held
        self._put(path, data, content.status, entry, is_copy=is_copy)

    def _copy(self, path: str) -> None:
        with opened(self._top / path) as source:
            status = os.fstat(source.fileno())
            entry = Entry("public", written_stamp(status))
            self._put(path, source, status, entry, is_copy=True)

    def _write_placeholders(self) -> None:
        """Make the placeholders that staged pages show, and remove those that none shows now."""
        wanted = {
            path: source
            for entry in self._manifest.files.values()
            for path, source in entry.placeholders
            if path not in self._files
        }
        for path, entry in list(self._manifest.files.items()):
            if entry.kind == "placeholder" and path not in wanted:
                self._remove(path)
        due = []
        for path, source in wanted.items():
            stamp = self._files[source].stamp if source in self._files else ""
            if not self._is_fresh(path, Entry("placeholder", stamp, source)):
                due.append(path)
        self._manifest.announce(due, "placeholder")
        blanks: dict[str, bytes] = {}  # placeholders made from nothing, by suffix
        for path in due:
            with self._whole(path):
                self._write_placeholder(path, wanted[path], blanks)

    def _write_placeholder(self, path: str, source: str, blanks: dict[str, bytes]) -> None:
        suffix, stamp = splitext(path)[1], ""
        if source in self._files:
            with opened(self._top / source) as original:
                stamp = written_stamp(os.fstat(original.fileno()))
                data = placeholder(original.read(), path)
        else:
            data = blanks[suffix] = blanks.get(suffix) or placeholder(b"", path)
        self._put(path, data, None, Entry("placeholder", stamp, source), is_copy=False)

    # --- links -----------------------------------------------------------------------------

    def _write_links(self, images: Images) -> None:
        """Make the links of the project, to the staged files where they lead to such."""
        due = {}
        for path, link in self._others["link"].items():
            target = None
            is_bundled = path in self._bundled and not is_image(path)
            is_refused = self._catalog.kind_of(path) == "refused"
            if not (path in images.embargoed or is_bundled or is_refused):
                target = self._target(Path(os.path.realpath(link)))
            if target is None:
                self._remove(path)
            elif path not in self._manifest.files or self._place.target(path) != target:
                due[path] = target
        self._manifest.announce(due, "link")
        for path, target in due.items():
            with self._whole(path):
                self._place.link(path, target)
                self.changed.add(path)

    def _target(self, real: Path) -> str | None:
        """Give what a staged link leads to; ``None`` when that is not there for all to see."""
        own = self._settings.own_files
        if any(real.is_relative_to(path) for path in own) or self._site.root.is_relative_to(real):
            return None
        if not real.is_relative_to(self._site.root):
            return str(real)
        path = project.relative_path(real, self._top)
        if path in self._files and path not in self._manifest.files:
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

    def _is_fresh(self, path: str, wanted: Entry) -> bool:
        """Tell whether the staged file is what would be made now."""
        known = self._manifest.files.get(path)
        is_same = known is not None and known.is_made_like(wanted)
        return is_same and known is not None and known.staged == self._place.stamp(path)

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
        known = self._manifest.files.get(path)
        if not is_copy and isinstance(data, bytes) and self._place.holds(path, data):
            self._manifest.set(path, replace(entry, staged=self._place.stamp(path)))
            return
        staged_stamp = self._place.put(path, data, status, is_dated=is_copy)
        self._manifest.set(path, replace(entry, staged=staged_stamp))
        if known is None or not known.is_made_like(entry):
            self.changed.add(path)
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
            raise _unstaged(f"{path}: cannot be staged", error) from error


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read it; no link, and nothing that would keep us waiting."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags), "rb") as stream:
        yield stream


@contextmanager
def in_words(home: Path) -> Iterator[None]:
    """Say in words what the system refuses while files are staged.

    :raises SiteError: for every ``OSError`` in the block.
    """
    try:
        yield
    except OSError as error:  # shutil.Error, too
        raise _unstaged(str(error.filename or home), error) from error


def _unstaged(what: str, error: OSError) -> SiteError:
    return SiteError(
        f"{what}: {(error.strerror or str(error)).lower()}",
        why="the site under embargo is built from a copy of the project",
        hint="make room or mend the permissions; the next build goes on from there",
    )
