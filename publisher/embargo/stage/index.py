"""Reads what the files of a project say, each version of a file once; the manifest keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from posixpath import splitext

from publisher.embargo.embargoed_text import EmbargoedText
from publisher.embargo.redact import blocks, frontmatter, page, text
from publisher.embargo.stage.catalog import Catalog
from publisher.embargo.stage.images import mentions_in, readings
from publisher.embargo.stage.links import paths_in
from publisher.embargo.stage.manifest import Held, Manifest, Told
from publisher.embargo.stage.tree import Source, written_stamp
from publisher.generators.file_kinds import PAGE_SUFFIX, PAGES, PROSE
from publisher.model import Embargo, Post, PostId, PostState
from publisher.model.errors import PostError
from publisher.posts.blocks import may_have_blocks
from publisher.posts.fields import Reader, stem_of
from publisher.posts.file_state import FileState, read_file_state
from publisher.system.files import Content, changed, read_file
from publisher.text.frontmatter import Document, UnreadableError, parse

_TICKS = re.compile(r"`{3,}")


class Index:
    """What the files below ``top`` say; ``files`` are all of them."""

    def __init__(
        self, top: Path, catalog: Catalog, manifest: Manifest, files: Mapping[str, Source]
    ) -> None:
        self._top = top
        self._catalog = catalog
        self._manifest = manifest
        self._files = files

    def read(self, path: str, told: Told | None = None) -> Content:
        """Read a file of the project; ``told`` is what it said before, if it is public.

        :raises PostError: when it cannot be read, or says something else by now.
        """
        content = read_file(self._top / path, path)
        post = self._catalog.posts.get(path)
        if post is not None and content.digest != post.digest:
            raise changed(path)
        stamp = written_stamp(content.status)
        if told and told.stamp != stamp and self._tell(path, content) != replace(told, stamp=stamp):
            raise changed(path)
        return content

    # --- what a public file says -----------------------------------------------------------

    def told(self, path: str) -> Told:
        """Give what a file says, if it is public.

        :raises PostError: when it cannot be read, or changed since the scan.
        """
        file, known = self._files[path], self._manifest.told.get(path)
        if known and (known.stamp, known.facts) == (
            file.stamp,
            self._facts(path, has_blocks=known.has_blocks),
        ):
            return known
        told = self._tell(path, read_file(self._top / path, path))
        self._manifest.set_told(path, told)
        return told

    def is_unreleased(self, path: str, now: datetime) -> bool:
        """Tell whether a file says that the site is to be built without it.

        :raises PostError: as ``told`` does.
        """
        told = self.told(path)
        state = PostState(told.state) if told.state else None
        until = datetime.fromisoformat(told.until) if told.until else None
        return FileState(state=state, until=until).is_unreleased(now, self._catalog.embargo)

    def _tell(self, path: str, content: Content) -> Told:
        catalog, site = self._catalog, self._catalog.site
        kind, post, data = self._files[path].kind, catalog.posts.get(path), content.data
        if post is not None and content.digest != post.digest:
            raise changed(path)
        if kind == "section":
            reader = Reader(parse(data, path), site)
            if reader.read(content.digest) is not None or reader.problems:
                raise changed(path)
        says = FileState()
        if kind in ("refused", "page"):
            says = read_file_state(data, path, site, is_post=catalog.is_of_posts(path))
        shown: bytes = data
        targets: tuple[str, ...] = ()
        is_page = path.endswith(PAGE_SUFFIX) or post is not None
        has_blocks = is_page and site.generator.blocks and may_have_blocks(data)
        if has_blocks:
            shown, targets = self._shown_beside_blocks(path, data)
        return Told(
            stamp=written_stamp(content.status),
            facts=self._facts(path, has_blocks=has_blocks),
            state=says.state or "",
            until=says.until.isoformat() if says.until else "",
            names=mentions_in(shown.decode("utf-8", "replace")),
            targets=targets,
            links=self._links(path, data),
            has_blocks=has_blocks,
        )

    def _facts(self, path: str, *, has_blocks: bool) -> str:
        version = self._catalog.version(path, self._files[path].kind)
        return f"{version} {self._catalog.block_facts}" if has_blocks else version

    def _shown_beside_blocks(self, path: str, data: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Give a page less the images in its blocks of unreleased posts, and those images."""
        targets: dict[str, None] = {}

        def image(target: str) -> str:
            targets[target] = None
            return "#"

        hidden = dict.fromkeys(self._catalog.policies, Embargo.REDACT)
        names, address = self._catalog.names, self._catalog.address(path)
        rest = blocks.redact_page(data, page=address, posts=names, hidden=hidden, image=image)
        return rest, tuple(targets)

    def _links(self, path: str, data: bytes) -> tuple[str, ...]:
        """Give the paths to which a file of the site may link as a page."""
        catalog = self._catalog
        if not (path.startswith(catalog.prefix) and splitext(path)[1].lower() in PAGES):
            return ()
        shown = data.decode("utf-8", "surrogateescape")
        return paths_in(shown, catalog.address(path), catalog.names)

    # --- what a file under embargo says ------------------------------------------------------

    def hold_post(self, path: str, policy: Embargo) -> Held:
        """Give what an unreleased post says.

        :raises PostError: when it cannot be read, or changed since the scan.
        """
        site, post = self._catalog.site, self._catalog.posts[path]
        parts = post.series.parts if post.series else 0
        hero = post.hero.path if post.hero else None
        facts = f"{policy} {post.id} {post.url} {post.digest} {parts} {hero}"
        facts = f"{facts} {self._catalog.site_facts}"
        if known := self._known(path, facts):
            return known
        content = self.read(path)
        document = parse(content.data, path)
        hidden = page.hidden_text(document, post, site, policy)
        links: tuple[str, ...] = ()
        if policy is Embargo.TEASER:
            links = self._links(path, page.teaser_of(post).encode())
        return self._hold(path, facts, hidden, self._targets(document, post), links)

    def hold_page(self, path: str) -> Held | None:
        """Give what an unreleased file says that cannot be used as a post, or is none.

        Of one that cannot be read, that is what is known of it.
        """
        facts, earlier = self._catalog.site_facts, self._manifest.held.get(path)
        if known := self._known(path, facts):
            return known
        try:
            data = read_file(self._top / path, path).data
        except PostError:
            return earlier
        body = whole = data.decode("utf-8", "replace")
        with suppress(UnreadableError):
            body = parse(data, path).body
        hidden = EmbargoedText(
            post=PostId(stem_of(path)),
            path=path,
            url=earlier.url if earlier else "",
            policy=Embargo(earlier.policy) if earlier else Embargo.OMIT,
            text=body,
            shown="",
        )
        return self._hold(path, facts, hidden, (*text.image_targets(body), *_names_in(whole)))

    def hold_bundled(self, path: str, post: PostId) -> Held:
        """Give what a file says that lies in the folder of an unreleased post."""
        if known := self._known(path, post):
            return known
        shown = ""
        with suppress(PostError):  # gone
            shown = read_file(self._top / path, path).data.decode("utf-8", "replace")
        hidden = EmbargoedText(
            post=post,
            path=path,
            url="",
            policy=Embargo.OMIT,
            text=shown if splitext(path)[1].lower() in PROSE else _as_code(shown),
            shown="",
            is_bundled=True,
        )
        return self._hold(path, post, hidden)

    def _known(self, path: str, facts: str) -> Held | None:
        known = self._manifest.held.get(path)
        is_same = known is not None and (known.stamp, known.facts) == (
            self._files[path].stamp,
            facts,
        )
        return known if is_same else None

    def _hold(
        self,
        path: str,
        facts: str,
        hidden: EmbargoedText,
        targets: tuple[str, ...] = (),
        links: tuple[str, ...] = (),
    ) -> Held:
        stamp = self._files[path].stamp
        held = Held(stamp, facts, hidden.url, hidden.policy, tuple(dict.fromkeys(targets)), links)
        self._manifest.set_held(path, held, hidden)
        return held

    def _targets(self, document: Document, post: Post) -> tuple[str, ...]:
        """Give the targets of all images that the post shows anywhere, as written."""
        targets = [post.hero.url] if post.hero and post.hero.url else []

        def image(target: str) -> str:
            targets.append(target)
            return target

        site = self._catalog.site
        frontmatter.staged_metadata(document, post, site, Embargo.REDACT, image=image)
        bodies = dict.fromkeys((document.body, page.split_opening(document.body, post, site)[1]))
        shown = (target for body in bodies for target in text.image_targets(body))
        return (*targets, *shown, *_names_in(document.text))


def _names_in(text: str) -> list[str]:
    """Give the images that a text may show in ways of its generator or theme."""
    return sorted({path for mention in mentions_in(text) for path in readings(mention)})


def _as_code(text: str) -> str:
    """Write what is no prose as Markdown does: nothing in it is a mark then."""
    fence = "`" * (1 + max(map(len, ["``", *_TICKS.findall(text)])))
    return f"{fence}\n{text}\n{fence}"
