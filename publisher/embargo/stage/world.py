"""Says what stands in the stage for a file of the project. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import basename, dirname

from publisher.embargo.redact import blocks, page
from publisher.embargo.stage.catalog import Catalog, digest_of
from publisher.embargo.stage.embargoed import Embargoed
from publisher.embargo.stage.images import Images, Placeholder
from publisher.embargo.stage.links import path_of, unlink
from publisher.embargo.stage.manifest import Entry, Held, Kind, Told
from publisher.generators.file_kinds import is_image
from publisher.model import Embargo
from publisher.text.frontmatter import parse, split


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that the staged files of one update are made from besides their own bytes.

    ``told`` is what the public texts say, ``held`` what those under embargo say; a path that is in
    neither is of no text. ``absent`` are the pages that the stage does not have, as paths of
    ``blocks.Posts``.
    """

    catalog: Catalog
    embargoed: Embargoed
    told: Mapping[str, Told]
    held: Mapping[str, Held]
    absent: frozenset[str]
    images: Images

    @staticmethod
    def of(
        embargoed: Embargoed,
        *,
        told: Mapping[str, Told],
        held: Mapping[str, Held],
        kept: Mapping[str, Told],
    ) -> World:
        """Put a world together; ``kept`` is what the public files said that cannot be read now."""
        catalog, tree = embargoed.catalog, embargoed.tree
        public = {**kept, **told}
        images = Images(
            catalog.site,
            catalog.root,
            files=filter(is_image, (*tree.files, *tree.links)),
            links=tree.links,
            folders=tree.folders,
            public={(dirname(path), name) for path, says in public.items() for name in says.names},
            withheld=embargoed.folders,
        )
        for says in (held, told):
            for path, file in says.items():
                for target in file.targets:
                    images.place(path, target)
        for path in filter(embargoed.is_bundled_image, embargoed.bundled):
            images.hold(path)
        return World(
            catalog=catalog,
            embargoed=embargoed,
            told=told,
            held=held,
            absent=embargoed.absent,
            images=images,
        )

    def entry(self, path: str) -> Entry | None:
        """Give what is to stand in the stage for a file, to be compared; ``None``: it is left out.

        Its facts are all that it is made from besides its own bytes.
        """
        if path in self.embargoed.kept:
            return self.embargoed.kept[path]
        if self.is_left_out(path):
            return None
        stamp = self.embargoed.tree.files[path].stamp
        says = self.held.get(path) or self.told.get(path)
        if says is None:
            return Entry("public", stamp)
        is_late = path in self.held and self.is_overdue(path)
        dead = sorted(self.absent.intersection(says.links)) if says.links else ()
        places = [self.images.place(path, target) for target in says.targets]
        rest = f" {digest_of(repr((is_late, dead, places)))}" if is_late or dead or places else ""
        kind: Kind = "embargoed" if path in self.held else "public"
        return Entry(kind, stamp, f"{says.facts}{rest}")

    def placeholders(self, path: str, data: bytes) -> tuple[Placeholder, ...]:
        """Give the files that a staged page needs beside it: it names each by its digest."""
        says = self.held.get(path) or self.told.get(path)
        places = (self.images.place(path, target) for target in (says.targets if says else ()))
        found = (made for shown, made in places if basename(shown).encode() in data)
        return tuple(dict.fromkeys(one for made in found for one in made))

    def is_left_out(self, path: str) -> bool:
        return self.embargoed.is_hidden(path) or path in self.images.embargoed

    def is_overdue(self, path: str) -> bool:
        return self.catalog.posts[path].id in self.catalog.overdue


def staged(path: str, data: bytes, world: World) -> bytes | None:
    """Give what stands in the stage for a file that holds ``data``; ``None``: it is left out.

    :raises PostError: when a post cannot be read.
    """
    catalog = world.catalog

    def image(target: str) -> str:
        return world.images.place(path, target)[0]

    if world.is_left_out(path):
        return None
    if path in world.held:
        post, policy = catalog.posts[path], Embargo(world.held[path].policy)
        data = page.embargoed_page(
            parse(data, path),
            post,
            catalog.site,
            policy,
            image=image,
            is_overdue=world.is_overdue(path),
        )
    elif path in world.told and world.told[path].has_blocks:
        data = blocks.redact_page(
            data,
            page=catalog.address(path),
            posts=catalog.names,
            hidden=catalog.policies,
            image=image,
        )
    return _without_dead_links(path, data, world)


def _without_dead_links(path: str, data: bytes, world: World) -> bytes:
    """Let text stand for the links of a page that lead to no page."""
    says, catalog = world.held.get(path) or world.told.get(path), world.catalog
    if says is None or not world.absent.intersection(says.links):
        return data

    def is_absent(target: str) -> bool:
        return path_of(target, catalog.address(path), catalog.names) in world.absent

    prefix, body = split(data)
    new = unlink(body, is_absent)
    return data if new == body else (prefix + new).encode("utf-8", "surrogateescape")
