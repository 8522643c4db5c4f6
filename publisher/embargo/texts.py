"""Stages the texts that everybody may see: as they are, but for what is under embargo in them.

That is the preview blocks of unreleased posts, and links to pages that are not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname

from publisher.config.settings import SiteSettings
from publisher.embargo.copying import Copy, written_stamp
from publisher.embargo.images import Images, Shown, is_image, mentions_in
from publisher.embargo.links import Absence
from publisher.embargo.manifest import Entry, Manifest
from publisher.embargo.unreleased import Unreleased
from publisher.generators.file_kinds import PAGE_SUFFIX, is_page, is_text
from publisher.posts.blocks import may_have_blocks
from publisher.system.files import Content, read_file


@dataclass(slots=True)
class _Page:
    """A public page with preview blocks: what it shows to everybody, and the images in them."""

    facts: str
    names: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    content: Content | None = None  # None: not read, for it is the same


class Texts:
    """Stages the texts of one update.

    ``sizes`` and ``stamps`` are of all files of the project, whose folder is ``top``.
    """

    def __init__(
        self,
        top: Path,
        site: SiteSettings,
        *,
        manifest: Manifest,
        copy: Copy,
        unreleased: Unreleased,
        sizes: Mapping[str, int],
        stamps: Mapping[str, str],
    ) -> None:
        self._top = top
        self._site = site
        self._manifest = manifest
        self._copy = copy
        self._unreleased = unreleased
        self._sizes = sizes
        self._stamps = stamps
        self._pages: dict[str, _Page] = {}

    def stage(self, absence: Absence) -> list[str]:
        """Stage the public texts, less those with preview blocks; give the files that are none."""
        others, due = [], []
        for path, size in self._sizes.items():
            if self._unreleased.is_held(path):
                others += [path] if path in self._unreleased.bundled and is_image(path) else []
                continue
            known, version = self._manifest.files.get(path), self._unreleased.version(path, size)
            if not version and not is_text(path, size):
                others.append(path)
                continue
            facts = version + (absence.facts(known.links) if known and known.links else "")
            if known and known.kind == "page" and known.stamp == self._stamps[path]:
                self._pages[path] = _Page(facts, known.names, known.targets, known.links)
            elif not self._copy.is_fresh(path, "copy", facts, self._stamps[path]):
                due.append(path)
        for path in self._copy.announced(due, "copy"):
            with self._copy.whole(path):
                self._stage_text(path, read_file(self._top / path, path), absence)
        return others

    def _stage_text(self, path: str, content: Content, absence: Absence) -> None:
        self._unreleased.check(path, content)
        links = absence.links_of(path, content.data)
        dead = absence.facts(links)
        facts = self._unreleased.version(path, self._sizes[path]) + dead
        is_page = path.endswith(PAGE_SUFFIX) or self._unreleased.is_post(path)
        has_blocks = is_page and self._site.generator.blocks
        if has_blocks and may_have_blocks(content.data):
            self._pages[path] = _Page(facts, links=links, content=content)
            return
        data = absence.unlink(path, content.data) if dead else content.data
        entry = Entry(
            kind="copy",
            stamp=written_stamp(content.status),
            facts=facts,
            names=mentions_in(content.data.decode("utf-8", "replace")),
            links=links,
        )
        self._copy.put(path, data, content.status, entry, is_copy=data == content.data)

    def probe_pages(self) -> None:
        """Tell the images in the preview blocks of unreleased posts from those beside them."""
        for path, page in self._pages.items():
            page.facts = f"{page.facts} {self._unreleased.block_facts()}"
            known = self._manifest.files.get(path)
            if page.content is None and known and known.facts.rpartition("|")[0] == page.facts:
                continue
            with self._copy.whole(path):
                page.content = page.content or read_file(self._top / path, path)
                rest, page.targets = self._unreleased.probe_blocks(path, page.content.data)
                page.names = mentions_in(rest)

    def public_images(self) -> set[tuple[str, str]]:
        """Give how public texts name images, each with the folder of its text."""
        named = {
            (dirname(path), name)
            for path, entry in self._manifest.files.items()
            if path not in self._unreleased.policies and path not in self._pages
            for name in entry.names
        }
        named.update(
            (dirname(path), name) for path, page in self._pages.items() for name in page.names
        )
        return named

    def withheld_folders(self) -> set[str]:
        """Give the folders that hold unreleased texts, and no page that is public."""
        held = {dirname(path) for path in self._unreleased.paths}
        return held - {
            dirname(path)
            for path, size in self._sizes.items()
            if is_page(path, size) and not self._unreleased.is_held(path)
        }

    def embargoed_images(self) -> Iterator[tuple[str, str]]:
        """Give the images in preview blocks of unreleased posts, each with the page's path."""
        for path, page in self._pages.items():
            for target in page.targets:
                yield path, target

    def stage_pages(self, images: Images, absence: Absence) -> None:
        """Stage the pages with preview blocks; where no block is embargoed, as they are."""
        due = []
        for path, page in self._pages.items():
            facts = f"{page.facts}|{images.facts(path, page.targets)}"
            if not self._copy.is_fresh(path, "page", facts, self._stamps[path]):
                due.append(path)
        for path in self._copy.announced(due, "page"):
            with self._copy.whole(path):
                self._stage_page(path, images, absence)

    def _stage_page(self, path: str, images: Images, absence: Absence) -> None:
        page = self._pages[path]
        content = page.content or read_file(self._top / path, path)
        self._unreleased.check(path, content)
        shown = Shown(images, path)
        data = self._unreleased.redact_blocks(path, content.data, shown)
        if absence.facts(page.links):
            data = absence.unlink(path, data)
        entry = Entry(
            kind="page",
            stamp=written_stamp(content.status),
            facts=f"{page.facts}|{images.facts(path, page.targets)}",
            names=page.names,
            targets=page.targets,
            links=page.links,
            placeholders=tuple(shown.placeholders),
        )
        self._copy.put(path, data, content.status, entry, is_copy=data == content.data)
