"""Says what stands in the stage for a file of the project. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from publisher.embargo.redact import blocks, page
from publisher.embargo.stage.catalog import Catalog, digest_of
from publisher.embargo.stage.images import Images
from publisher.embargo.stage.links import path_of, unlink
from publisher.embargo.stage.manifest import Held, Told
from publisher.model import Embargo
from publisher.text.frontmatter import parse, split


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that the staged files of one update are made from besides their own bytes.

    ``told`` is what the public texts say, ``held`` what those under embargo say; a path that is in
    neither is of no text. ``hidden`` are the files that are not staged. ``absent`` are the pages
    that the stage does not have, as paths of ``blocks.Posts``.
    """

    catalog: Catalog
    told: Mapping[str, Told]
    held: Mapping[str, Held]
    hidden: frozenset[str]
    absent: frozenset[str]
    images: Images

    def is_left_out(self, path: str) -> bool:
        return path in self.hidden or path in self.images.embargoed

    def facts(self, path: str) -> str:
        """Give all that a staged file is made from besides its own bytes, to be compared."""
        says = self.held.get(path) or self.told.get(path)
        if says is None:
            return ""
        is_late = path in self.held and self._is_overdue(path)
        dead = sorted(self.absent.intersection(says.links)) if says.links else ()
        places = [self.images.place(path, target) for target in says.targets]
        if not (is_late or dead or places):
            return says.facts
        return f"{says.facts} {digest_of(repr((is_late, dead, places)))}"

    def _is_overdue(self, path: str) -> bool:
        return self.catalog.posts[path].id in self.catalog.overdue


def staged(path: str, data: bytes, world: World, *, image: Callable[[str], str]) -> bytes | None:
    """Give what stands in the stage for a file that holds ``data``; ``None``: it is left out.

    ``image`` gives the target of an image on the staged page for the target as written.

    :raises PostError: when a post cannot be read.
    """
    catalog = world.catalog
    if world.is_left_out(path):
        return None
    if path in world.held:
        post, policy = catalog.posts[path], Embargo(world.held[path].policy)
        document, is_overdue = parse(data, path), post.id in catalog.overdue
        data = page.embargoed_page(
            document, post, catalog.site, policy, image=image, is_overdue=is_overdue
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
