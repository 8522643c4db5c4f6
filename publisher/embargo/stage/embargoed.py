"""Says which files of a project are under embargo."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from posixpath import dirname

from publisher.embargo.stage.catalog import Catalog
from publisher.embargo.stage.index import Index
from publisher.embargo.stage.manifest import Entry, Manifest
from publisher.embargo.stage.tree import Tree
from publisher.embargo.sync import Place
from publisher.generators.file_kinds import is_image, is_legible, is_page
from publisher.model import Embargo, PostId
from publisher.model.errors import PostError
from publisher.posts.blocks import normal_path
from publisher.posts.fields import stem_of


@dataclass(slots=True)
class Embargoed:
    """The files of a tree that are under embargo.

    ``policies`` are those of unreleased posts. ``withheld`` are the unreleased files that cannot
    be used as posts or are none; of those in ``kept`` stays what is staged. ``bundled`` lie in the
    folder of a post under embargo, and belong to it.
    """

    catalog: Catalog
    tree: Tree
    policies: dict[str, Embargo] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)
    kept: dict[str, Entry] = field(default_factory=dict)
    bundled: dict[str, PostId] = field(default_factory=dict)

    def __contains__(self, path: str) -> bool:
        return path in self.policies or path in self.withheld or path in self.bundled

    @property
    def pages(self) -> tuple[str, ...]:
        """Give all of them but what belongs to a post."""
        return (*self.policies, *sorted(self.withheld))

    @property
    def bundled_texts(self) -> list[str]:
        files = self.tree.files
        return [p for p in self.bundled if p in files and is_legible(p, files[p].size)]

    def has_page(self, path: str) -> bool:
        """Tell whether a page without the text stands in the stage for a file."""
        return path in self.kept or self.policies.get(path, Embargo.OMIT) is not Embargo.OMIT

    def is_hidden(self, path: str) -> bool:
        """Tell whether a file is left out; of bundled images it is said elsewhere."""
        return path in self and not self.has_page(path) and not self.is_bundled_image(path)

    def is_bundled_image(self, path: str) -> bool:
        return path in self.bundled and is_image(path)

    @property
    def folders(self) -> set[str]:
        """Give the folders that hold unreleased texts, and no page that is public."""
        pages = (path for path, file in self.tree.files.items() if is_page(path, file.size))
        return set(map(dirname, self.pages)) - {dirname(p) for p in pages if p not in self}

    @property
    def absent(self) -> frozenset[str]:
        """Give the pages that are not staged, as paths of ``blocks.Posts``.

        A file that is no post is known by its own path.
        """
        catalog, files = self.catalog, self.tree.files
        names = catalog.names.paths.items()
        absent = {page for page, name in names if catalog.policies.get(name) is Embargo.OMIT}
        for path in self.withheld - self.kept.keys():
            if path.startswith(catalog.prefix):
                absent.add(normal_path(catalog.address(path)))
        twins = {
            page: (f"{catalog.prefix}{page[1:]}.md", f"{catalog.prefix}{page[1:]}/index.md")
            for page in absent
        }
        return frozenset(
            page
            for page, paths in twins.items()
            if not any(path in files and path not in self for path in paths)
        )


def find_embargoed(
    catalog: Catalog,
    tree: Tree,
    index: Index,
    manifest: Manifest,
    place: Place,
    *,
    waiting: Collection[str],
    now: datetime,
) -> Embargoed:
    """Find the files under embargo; files in ``waiting`` are not released, by the ledger.

    A file in error is so if it was so before, or says so. What is staged of one that was under
    embargo before stays; of one that cannot be read at all stays what is staged, whatever that is.
    """
    found, strays = Embargoed(catalog, tree), set()
    for path, file in tree.files.items():
        if (policy := catalog.policy(path)) is not None:
            found.policies[path] = policy
        elif file.kind == "page":
            with suppress(PostError):  # gone, or whoever stages it will say what is wrong
                if index.is_unreleased(path, now):
                    strays.add(path)
        elif file.kind == "refused":
            entry, held = manifest.files.get(path), manifest.held.get(path)
            was_held = bool(held and held.url) or (entry is None and path in waiting)
            is_readable = True
            try:
                if not was_held and not index.is_unreleased(path, now):
                    continue
            except PostError:
                is_readable = False
            found.withheld.add(path)
            is_intact = entry and entry.staged and entry.staged == place.stamp(path)
            if entry and is_intact and (entry.kind == "embargoed" or not is_readable):
                found.kept[path] = entry
    found.withheld |= strays | catalog.described_by(strays, tree.files)
    _find_bundled(found)
    return found


def _find_bundled(found: Embargoed) -> None:
    """Find what lies in the folders of unreleased posts, and with them only."""
    catalog = found.catalog
    paths = sorted((*found.tree.files, *found.tree.links))
    for index in found.pages:
        if index in found.kept and found.kept[index].kind == "public":
            continue
        post = catalog.posts.get(index)
        name = post.id if post else PostId(stem_of(index))
        inside = catalog.bundle_of(index, paths, is_held=found.__contains__)
        found.bundled |= dict.fromkeys(sorted(inside), name)
