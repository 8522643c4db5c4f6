"""What the posts of one scan say about each file of a project, before any file is read."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from posixpath import dirname, splitext
from typing import Literal

from publisher.config.settings import Settings
from publisher.generators.file_kinds import INDEX_PAGES, is_page, may_say_state
from publisher.generators.project import relative_path
from publisher.model import Embargo, Post, PostId, PostState
from publisher.posts.scan import Scan, names_of, printable
from publisher.system.tree import compile_globs

# A file that should be a post and is none; a page of posts by its place; one that may say a state.
FileKind = Literal["post", "refused", "section", "page", "other"]


class Catalog:
    """The posts of one scan and how each is held; paths start at the project, as in ``Post``.

    Posts in ``gone`` that are not public have no page; those in ``overdue`` are announced without
    a day.
    """

    def __init__(
        self,
        settings: Settings,
        scan: Scan,
        gone: Collection[PostId] = (),
        overdue: Collection[PostId] = (),
    ) -> None:
        self.site = settings.site
        self.embargo = settings.embargo
        self.overdue = overdue
        self.root = relative_path(settings.site.root, settings.project)
        self.prefix = f"{self.root}/" if self.root else ""
        self.posts = {post.path: post for post in scan.posts}
        self._errors = scan.unreadable
        self._globs = compile_globs(self.site.posts)
        policies = ((post.id, policy_of(post, settings.embargo, gone)) for post in scan.posts)
        self.policies = {name: policy for name, policy in policies if policy is not None}
        self.names = names_of(scan, self.site.url, prefix=self.prefix)
        self.site_facts = digest_of(repr(self.site))
        generator = self.site.generator
        words = (
            generator.state_key,
            generator.values,
            generator.also,
            generator.date_keys,
            generator.withholds,
            generator.name,
        )
        self._page_facts = digest_of(repr((*words, settings.embargo)))

    @cached_property
    def block_facts(self) -> str:
        """Give what preview blocks are made from besides their page."""
        names = self.names
        facts = (sorted(self.policies.items()), sorted(names.paths.items()), sorted(names.unread))
        return digest_of(f"{self.site_facts} {facts}")

    def policy(self, path: str) -> Embargo | None:
        post = self.posts.get(path)
        return self.policies.get(post.id) if post else None

    def is_of_posts(self, path: str) -> bool:
        """Tell whether a file is a post by its place."""
        is_below = path.startswith(self.prefix)
        return is_below and self._globs.matches(path.removeprefix(self.prefix))

    def kind_of(self, path: str, size: int = 0) -> FileKind:
        """Give what a file or link is taken for, by its name and what the scan says of it."""
        if path in self.posts:
            return "post"
        if path in self._errors or printable(path) in self._errors:
            return "refused"
        if not path.startswith(self.prefix):
            return "other"
        if self.is_of_posts(path):
            return "section" if path.rpartition("/")[2] in INDEX_PAGES else "refused"
        return "page" if may_say_state(path, size) else "other"

    def version(self, path: str, kind: FileKind) -> str:
        """Give which version of a public file is meant, and under which words for states.

        For a post that is the version which the scan has read; "" is for files that say no state.
        """
        if kind == "post":
            return self.posts[path].digest
        return self._page_facts if kind in ("refused", "page") else ""

    def address(self, path: str) -> str:
        """Give the path of a file's page on the site, as links on it mean it."""
        return "/" + path.removeprefix(self.prefix)

    def described_by(self, strays: Iterable[str], paths: Collection[str]) -> set[str]:
        """Give the texts whose frontmatter is in one of these files beside them."""
        texts = {text for path in strays for text in self.site.generator.texts_described_by(path)}
        return texts.intersection(paths) - self.posts.keys()

    def bundle_of(
        self, index: str, paths: Sequence[str], is_held: Callable[[str], bool]
    ) -> set[str]:
        """Give which of the sorted paths belong to the post at ``index``, and to that only."""
        folder, name = f"{dirname(index)}/", index.rpartition("/")[2]
        stem, suffix = splitext(name)
        bases = [f"{self.prefix}{base}".rstrip("/") + "/" for base in self._globs.bases]
        if stem != "index" or any(base.startswith(folder) for base in bases):
            return set()
        inside = paths[bisect_left(paths, folder) : bisect_left(paths, f"{folder[:-1]}0")]
        inside = [path for path in inside if not is_held(path)]
        is_section = any(is_page(p, 0) or splitext(p)[1] == suffix for p in inside)
        is_bundle = self.site.generator.bundles or not is_section
        return set(inside) - self.posts.keys() if is_bundle else set()


def policy_of(post: Post, embargo: Embargo, gone: Collection[PostId] = ()) -> Embargo | None:
    """Give how an unreleased post is held; ``None`` for what is public or not ours to hold.

    Posts in ``gone`` were withdrawn: many generators have one word for those and coming ones.
    """
    if post.state is PostState.PUBLISHED:
        return None
    if post.state is PostState.DRAFT or post.id in gone:
        return Embargo.OMIT  # nobody promised it
    policy = post.embargo or embargo
    return None if policy is Embargo.OFF else policy


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
