"""One update of the stage: what each file of the project becomes there, and whether it must anew.

A file is read again only when it changed, or when what it was made from besides did. What cannot
be staged is removed from the stage first: nothing half-embargoed is left behind.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from posixpath import splitext

from publisher.config.settings import Settings
from publisher.embargo import pages
from publisher.embargo.bundles import bundled_text
from publisher.embargo.copying import Copy, opened, written_stamp
from publisher.embargo.images import Images, Shown, is_image
from publisher.embargo.links import Absence
from publisher.embargo.manifest import Entry, Manifest
from publisher.embargo.mirror import Place
from publisher.embargo.placeholder import placeholder
from publisher.embargo.texts import Texts
from publisher.embargo.unreleased import Unreleased
from publisher.generators import project
from publisher.generators.file_kinds import is_legible, is_text
from publisher.model import Embargo, PostId
from publisher.model.errors import PostError
from publisher.posts.blocks import normal_path
from publisher.posts.library import Scan

__all__ = ["Staging", "is_text"]


class Staging:
    """Brings ``place`` up to date; ``changed`` are the files written or removed."""

    def __init__(
        self,
        settings: Settings,
        scan: Scan,
        manifest: Manifest,
        place: Place,
        gone: Collection[PostId] = (),
        overdue: Collection[PostId] = (),
        *,
        waiting: Collection[str] = (),
        now: datetime,
    ) -> None:
        output = settings.rebuild.output if settings.rebuild else None
        self._settings = settings
        self._site = settings.site
        self._top = settings.project
        self._manifest = manifest
        self._place = place
        self.root = _relative(self._site.root, self._top)
        self.output = _relative(output or self._site.root / self._site.generator.output, self._top)
        self._copy = Copy(manifest, place, self.output)
        self._unreleased = Unreleased(
            settings, scan, self.root, gone, overdue, waiting=waiting, now=now
        )
        self._stamps: dict[str, str] = {}  # of all files of the project
        self._sizes: dict[str, int] = {}
        self._found: dict[str, dict[str, Path]] = {"folder": {}, "link": {}, "installed": {}}
        self._texts = Texts(
            self._top,
            self._site,
            manifest=manifest,
            copy=self._copy,
            unreleased=self._unreleased,
            sizes=self._sizes,
            stamps=self._stamps,
        )
        self._blanks: dict[str, bytes] = {}  # placeholders made from nothing, by suffix

    @property
    def changed(self) -> set[str]:
        return self._copy.changed

    @property
    def withheld(self) -> tuple[str, ...]:
        return tuple(sorted((*self._unreleased.broken, *self._unreleased.strays)))

    def run(self) -> None:
        """Do all of it."""
        self._look()
        self._find_strays()
        self._drop_vanished()
        self._drop_bundled()
        absence = Absence(self._unreleased.names, self.root, self._find_absent())
        others = self._texts.stage(absence)
        self._unreleased.read(self._manifest, self._stamps, self._top)
        bundled = self._read_bundled()
        self._texts.probe_pages()
        images = self._find_images()
        self._stage_embargoed(images, absence)
        self._texts.stage_pages(images, absence)
        self._stage_others(images, others)
        self._stage_placeholders()
        self._stage_links(images)
        for path, folder in self._found["installed"].items():
            self._copy.share(path, folder)
        self._manifest.keep_texts((*self._unreleased.paths, *bundled))
        self._manifest.save()

    # --- what is there ---------------------------------------------------------------------

    def _look(self) -> None:
        own = set(self._settings.own_files)
        if self._site.generator.data:
            # written in the stage, by ``Stage``
            own.add(self._site.root / self._site.generator.data)
        for found in project.walk(self._top, self._site.root, own):
            if found.kind != "file":
                self._found[found.kind][found.path] = Path(found.entry.path)
                continue
            with suppress(FileNotFoundError):  # gone since
                status = found.entry.stat(follow_symlinks=False)
                self._stamps[found.path] = written_stamp(status)
                self._sizes[found.path] = status.st_size
                self._unreleased.look(found.path)

    def _find_strays(self) -> None:
        for path, size in self._sizes.items():
            if not self._unreleased.may_stray(path, size):
                continue
            version, known = self._unreleased.version(path, size), self._manifest.files.get(path)
            is_same = known is not None and known.stamp == self._stamps[path]
            if not (known and is_same and known.facts.startswith(version)):
                self._unreleased.find_stray(path, self._top)
        self._unreleased.find_described(self._sizes)

    def _drop_vanished(self) -> None:
        """Remove what the project has no longer, and make the folders that it has."""
        for path, entry in sorted(self._manifest.files.items(), reverse=True):
            there = self._found.get(entry.kind, self._stamps)
            if entry.kind != "placeholder" and path not in there:
                self._copy.remove(path)
        for path in tuple(self._unreleased.broken):
            self._drop_broken(path)
        for path in self._unreleased.strays:
            self._copy.remove(path)
        for path in self._unreleased.policies:
            known = self._manifest.files.get(path)
            if known and known.kind in ("copy", "page"):
                self._copy.remove(path)  # before anything can go wrong
        self._place.make_folder(self.root)
        for path in self._found["folder"]:
            self._copy.make_folder(path)

    def _drop_broken(self, path: str) -> None:
        """Leave what is staged of an unreleased file in error, if it was staged as unreleased.

        Of a file that cannot be read at all stays what is staged, whatever that is.
        """
        known = self._manifest.files.get(path)
        note = self._manifest.notes.get(path)
        was_held = bool(note and note.url) or (not known and self._unreleased.is_waiting(path))
        stays = known is not None and known.stamp and known.staged == self._place.stamp(path)
        try:
            if not was_held and self._unreleased.excuse(path, self._top):
                return
            stays = stays and known is not None and known.kind == "embargoed"
        except PostError:
            pass
        if not stays:
            self._copy.remove(path)

    def _find_absent(self) -> Iterator[str]:
        """Give the paths of pages that are not staged; a file that is no post is known by its own.

        To be asked when it is settled what stays of files in error.
        """
        prefix = f"{self.root}/" if self.root else ""
        absent = set(self._unreleased.omitted())
        for path in (*self._unreleased.broken, *self._unreleased.strays):
            if path.startswith(prefix) and path not in self._manifest.files:
                absent.add(normal_path("/" + path.removeprefix(prefix)))
        for page in absent:
            twins = (f"{prefix}{page[1:]}.md", f"{prefix}{page[1:]}/index.md")
            if not any(t in self._sizes and not self._unreleased.is_held(t) for t in twins):
                yield page

    def _read_bundled(self) -> list[str]:
        """Note the texts of what belongs to unreleased posts; give which files have any."""
        bundled = self._unreleased.bundled
        texts = [p for p in bundled if p in self._sizes and is_legible(p, self._sizes[p])]
        for path in texts:
            post, note = bundled[path], self._manifest.notes.get(path)
            known = f"{self._stamps[path]} {post}"
            if note is None or note.known != known:
                self._manifest.add_text(path, known, (), bundled_text(path, post, self._top))
        return texts

    def _drop_bundled(self) -> None:
        """Remove what belongs to unreleased posts; of images it is said elsewhere."""
        files = self._manifest.files
        shown = {p for p, entry in files.items() if entry.kind in ("copy", "page")}
        held = [path for path in self._unreleased.paths if path not in shown]
        self._unreleased.find_bundled(held, (*self._sizes, *self._found["link"]))
        for path in self._unreleased.bundled:
            if not is_image(path):
                self._copy.remove(path)

    # --- what is no text -------------------------------------------------------------------

    def _stage_others(self, images: Images, others: Iterable[str]) -> None:
        """Copy what is no text, less the images under embargo."""
        due = []
        for path in others:
            if path in images.embargoed:
                self._copy.remove(path)
            elif not self._copy.is_fresh(path, "copy", "", self._stamps[path]):
                due.append(path)
        for path in self._copy.announced(due, "copy"):
            with self._copy.whole(path), opened(self._top / path) as source:
                status = os.fstat(source.fileno())
                entry = Entry(kind="copy", stamp=written_stamp(status))
                self._copy.put(path, source, status, entry, is_copy=True)

    # --- what is under embargo -------------------------------------------------------------

    def _find_images(self) -> Images:
        """Find the images under embargo: unreleased texts show them, and no public one does."""
        images = Images(
            self._site,
            self.root,
            files=filter(is_image, (*self._stamps, *self._found["link"])),
            links=self._found["link"].keys(),
            folders=self._found["folder"].keys(),
            public=self._texts.public_images(),
            withheld=self._texts.withheld_folders(),
        )
        for path in self._unreleased.paths:
            note = self._manifest.notes.get(path)
            for target in note.targets if note else ():
                images.place(path, target)
        for path, target in self._texts.embargoed_images():
            images.place(path, target)
        for path in filter(is_image, self._unreleased.bundled):
            images.hold(path)
        return images

    def _stage_embargoed(self, images: Images, absence: Absence) -> None:
        due = []
        for path, policy in self._unreleased.policies.items():
            if policy is Embargo.OMIT:
                self._copy.remove(path)
                continue
            known, facts = self._manifest.files.get(path), self._facts(path, absence)
            if known is None or known.facts.rpartition("|")[0] != facts:
                due.append(path)
                continue
            facts = f"{facts}|{images.facts(path, known.targets)}"
            if not self._copy.is_fresh(path, "embargoed", facts, self._stamps[path]):
                due.append(path)
        for path in self._copy.announced(due, "embargoed"):
            with self._copy.whole(path):
                self._stage_post(path, images, absence)

    def _stage_post(self, path: str, images: Images, absence: Absence) -> None:
        document, post, content = self._unreleased.document(path, self._top)
        shown = Shown(images, path)
        policy = self._unreleased.policies[path]
        is_overdue = self._unreleased.is_overdue(path)
        data = pages.embargoed_page(
            document, post, self._site, policy, image=shown, is_overdue=is_overdue
        )
        if absence.facts(self._teaser_links(path, absence)):
            data = absence.unlink(path, data)
        targets = tuple(sorted({*self._manifest.notes[path].targets, *shown.targets}))
        entry = Entry(
            kind="embargoed",
            stamp=written_stamp(content.status),
            facts=f"{self._facts(path, absence)}|{images.facts(path, targets)}",
            targets=targets,
            placeholders=tuple(shown.placeholders),
        )
        self._copy.put(path, data, content.status, entry, is_copy=False)

    def _facts(self, path: str, absence: Absence) -> str:
        """Give what a staged post is made from besides its images."""
        dead = absence.facts(self._teaser_links(path, absence))
        return self._unreleased.facts(path) + dead

    def _teaser_links(self, path: str, absence: Absence) -> tuple[str, ...]:
        """Give where a teaser leads: it is shown as written; filler leads nowhere."""
        if self._unreleased.policies[path] is not Embargo.TEASER:
            return ()
        return absence.links_of(path, self._unreleased.teaser(path).encode())

    def _stage_placeholders(self) -> None:
        """Make the placeholders that staged pages show, and remove those that none shows now."""
        wanted = {
            path: source
            for entry in self._manifest.files.values()
            for path, source in entry.placeholders
            if path not in self._stamps
        }
        for path, entry in list(self._manifest.files.items()):
            if entry.kind == "placeholder" and path not in wanted:
                self._copy.remove(path)
        due = [
            path
            for path, source in wanted.items()
            if not self._copy.is_fresh(path, "placeholder", source, self._stamps.get(source, ""))
        ]
        for path in self._copy.announced(due, "placeholder"):
            with self._copy.whole(path):
                self._stage_placeholder(path, wanted[path])

    def _stage_placeholder(self, path: str, source: str) -> None:
        suffix, stamp = splitext(path)[1], ""
        if source in self._stamps:
            with opened(self._top / source) as original:
                stamp = written_stamp(os.fstat(original.fileno()))
                data = placeholder(original.read(), path)
        else:
            data = self._blanks.get(suffix) or placeholder(b"", path)
            self._blanks[suffix] = data
        entry = Entry(kind="placeholder", stamp=stamp, facts=source)
        self._copy.put(path, data, None, entry, is_copy=False)

    # --- links -----------------------------------------------------------------------------

    def _stage_links(self, images: Images) -> None:
        """Make the links of the project, to the staged files where they lead to such."""
        due = {}
        for path, link in self._found["link"].items():
            target = None
            is_bundled = path in self._unreleased.bundled and not is_image(path)
            is_refused = is_bundled or self._unreleased.is_refused(path)
            if path not in images.embargoed and not is_refused:
                target = self._target(Path(os.path.realpath(link)))
            if target is None:
                self._copy.remove(path)
            elif path not in self._manifest.files or self._place.target(path) != target:
                due[path] = target
        for path in self._copy.announced(due, "link"):
            with self._copy.whole(path):
                self._copy.link(path, due[path])

    def _target(self, real: Path) -> str | None:
        """Give what a staged link leads to; ``None`` when that is not there for all to see."""
        own = set(self._settings.own_files)
        if any(real.is_relative_to(path) for path in own) or self._site.root.is_relative_to(real):
            return None
        if not real.is_relative_to(self._site.root):
            return str(real)
        path = _relative(real, self._top)
        if path in self._stamps and path not in self._manifest.files:
            return None
        return str(self._place.folder / path)


def _relative(path: Path, top: Path) -> str:
    relative = path.relative_to(top).as_posix()
    return "" if relative == "." else relative
