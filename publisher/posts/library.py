"""The posts of a site: found, read, flipped when their time has come, taken back, moved.

The only module that opens content files. A broken file is a problem in the result and never
stops the other posts. Nothing here follows a link.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from publisher.config.settings import Settings, SiteSettings
from publisher.generators.file_kinds import PAGES
from publisher.model import LedgerView, Post, PostId, PostState, Problem
from publisher.model.errors import PostError
from publisher.posts import blocks, flip
from publisher.posts.address_book import AddressBook
from publisher.posts.fields import Reader
from publisher.posts.flip import FlipResult, Redo, set_state
from publisher.posts.reschedule import set_date
from publisher.posts.scan import (
    Finding,
    Scan,
    find_in_file,
    link_problem,
    names_of,
    put_together,
)
from publisher.system.files import Content, changed, read_file, replace_file, stamp_of
from publisher.system.tree import compile_globs, is_near, walk
from publisher.text.frontmatter import Document, parse

__all__ = ["FlipResult", "Library", "Page", "Scan", "page_test"]

Committed = Callable[[str], bytes | None]  # gives a file's bytes as the branch has them, if it does


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A Markdown file of the site, post or not; ``path`` as in ``Post``."""

    path: str
    file: Path
    address: str  # "/" and its path below the root: where relative links start


def page_test(site: SiteSettings, project: Path) -> Callable[[str], bool]:
    """Give the test whether a file may be a page of the site, by its path below the project."""
    sources = site.generator.find_sources(site.root)
    globs = compile_globs(site.posts)

    def may_be_page(path: str) -> bool:
        place = project / path
        if not place.is_relative_to(site.root):
            return False
        below = place.relative_to(site.root).as_posix()
        return globs.matches(below) or sources.has(below)

    return may_be_page


@dataclass(slots=True)
class Library:
    """The content files of one site. A second scan reads only what changed since the first.

    ``project`` is the folder of ``jobs.yaml``, where the paths of posts begin. A post whose page
    was built has the address in ``addresses``, any other the one that it is likely to get.
    """

    site: SiteSettings
    project: Path
    addresses: AddressBook | None = None
    _seen: dict[str, Finding] = field(default_factory=dict, repr=False)  # by path below the root
    _latest: Scan | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Library:
        return cls(settings.site, settings.project, AddressBook(settings.state_dir))

    def scan(self, view: LedgerView | None = None, now: datetime | None = None) -> Scan:
        """Read all posts, in the state that counts at ``now``; without it as their files say.

        :raises PostError: when a folder cannot be listed; a post must not seem deleted then.
        """
        globs = compile_globs(self.site.posts)
        links: list[Problem] = []
        seen: dict[str, Finding] = {}
        for path, entry in self._walk("" if self.site.generator.blocks else globs.base):
            is_post = globs.matches(path)
            if entry.is_symlink():
                if is_post or (is_near(path, globs.bases) and entry.is_dir()):
                    links.append(link_problem(Path(entry.path), self._shown(path), self.site.root))
            elif is_post or path.endswith(".md"):
                found = self._look(path, entry, is_post=is_post)
                if found:
                    seen[path] = found
        self._seen = seen
        findings, built_at = list(seen.values()), self._built_at()
        self._latest = put_together(links, findings, built_at, view or LedgerView(), now)
        return self._latest

    def read(self, post: Post) -> Document:
        """Read the post's file as it is now.

        :raises PostError: when it cannot be read.
        """
        return parse(read_file(self._locate(post.path), post.path).data, post.path)

    def body(self, post: Post) -> str:
        """Give the post's text as it is now, without its frontmatter.

        :raises PostError: when it cannot be read.
        """
        return self.read(post).body

    def pages(self) -> Iterator[Page]:
        """Give every Markdown file below the root, in order of path."""
        paths = sorted(path for path, entry in self._walk("") if _is_page(path, entry))
        root = self.site.root
        return (Page(path=self._shown(p), file=root / p, address=f"/{p}") for p in paths)

    def orphans(self) -> tuple[Problem, ...]:
        """Find the blurred preview blocks that no release will reveal; for ``check``."""
        latest = self._latest or self.scan()
        posts = self._names(latest)
        return tuple(
            problem
            for path in self._paths_with_blocks()
            for problem in flip.orphans(
                read_file(self.site.root / path, self._shown(path)).data,
                self._shown(path),
                path,
                posts,
            )
        )

    def flip(self, post: Post) -> FlipResult:
        """Make the file say published, and the post's preview blocks on all pages revealed.

        The state comes last, so that what a crash cut short is finished by doing it again.

        :raises PostError: when the post changed since it was read, a file cannot be written, or
            a preview block would go on hiding the post's own text.
        """
        return self._change(post, PostState.PUBLISHED, blocks.reveal)

    def withdraw(self, post: Post, *, to: PostState = PostState.DRAFT) -> FlipResult:
        """Make the file say ``to``, and the post's preview blocks on all pages blurred again.

        A stamp that the release removed does not come back. Order and errors as for ``flip``.
        """
        return self._change(post, to, blocks.blur)

    def withdrawn(self, post: Post, to: PostState) -> Post | None:
        """Give the post as its file would say it once it says ``to``; writes nothing.

        ``None`` when it would be no post any more.

        :raises PostError: when its state cannot be changed.
        """
        old = read_file(self._locate(post.path), post.path)
        data = set_state(old.data, self.site.generator, to, post.path)
        return self._read(data, post)

    def redated(self, post: Post, at: datetime) -> Post:
        """Give the post as it would be with its release at ``at``; writes nothing.

        :raises PostError: when its date cannot be changed, or the post changed since it was read.
        """
        return self._redate(post, at)[2]

    def reschedule(self, post: Post, at: datetime) -> FlipResult:
        """Make the file say that the post is released at ``at``.

        :raises PostError: as ``redated``, and when the file cannot be written.
        """
        old, data, moved = self._redate(post, at)
        if data == old.data:
            return FlipResult(digest=moved.digest, changed=())
        replace_file(self._locate(post.path), old, data, post.path)
        return FlipResult(digest=moved.digest, changed=(post.path,))

    def _built_at(self) -> Mapping[str, str]:
        known = self.addresses.read() if self.addresses else {}
        return {path: address.url for path, address in known.items()}

    # --- finding -------------------------------------------------------------------------

    def _walk(self, base: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        near = compile_globs(self.site.posts).bases
        try:
            yield from walk(self.site.root, base, without=self.site.generator.output, needed=near)
        except OSError as error:
            folder = os.path.relpath(str(error.filename), self.site.root)
            if isinstance(error, FileNotFoundError):
                raise PostError(
                    f"{self._shown(folder)}: there is no such folder, though site.posts names it",
                    why="without it, its posts would seem deleted",
                    hint="make the folder, or correct site.posts in jobs.yaml",
                ) from error
            raise self._unlisted(folder, (error.strerror or "cannot be listed").lower()) from error

    def _unlisted(self, folder: str, what: str) -> PostError:
        return PostError(
            f"{self._shown(folder)}: the folder cannot be listed: {what}",
            why="without it, its posts would seem deleted",
            hint="correct its permissions, or set site.root and site.posts in jobs.yaml",
        )

    def _look(self, path: str, entry: os.DirEntry[str], *, is_post: bool) -> Finding | None:
        """Give what the file says, from memory when it is the same; ``None`` when it is gone."""
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        known = self._seen.get(path)
        if known and known.stamp == stamp_of(status):
            return known
        file, shown = self.site.root / path, self._shown(path)
        return find_in_file(file, shown, status, self.site, is_post=is_post)

    def _shown(self, path: str) -> str:
        """Give a path below the root as people know it, relative to the project."""
        root = os.path.relpath(self.site.root, self.project)
        return PurePosixPath(root, path).as_posix()

    def _locate(self, shown: str) -> Path:
        """Give the file of a shown path; its folder must be inside the root, links resolved."""
        file = Path(os.path.normpath(self.project / shown))
        if not file.parent.resolve().is_relative_to(self.site.root.resolve()):
            raise PostError(f"{shown}: is outside of the site", hint="see site.root in jobs.yaml")
        return file

    # --- changing ------------------------------------------------------------------------

    def _change(self, post: Post, to: PostState, redo: Redo) -> FlipResult:
        latest = self._latest or self.scan()
        file, generator = self._locate(post.path), self.site.generator
        old = read_file(file, post.path)
        new = set_state(old.data, generator, to, post.path)
        is_done = new == old.data and flip.was(post, old.data, generator, to)
        if old.digest != post.digest and not is_done:
            raise self._changed(post)
        written = []
        if generator.blocks:
            posts = self._names(latest, post)
            pages = {self._shown(path): path for path in self._paths_with_blocks()}
            own = pages.pop(post.path, None)
            if own is not None:
                new = flip.redo_blocks(new, post.id, posts, own, redo)
                if to is PostState.PUBLISHED:
                    flip.refuse_hidden(new, post.path, own, posts)
            for shown, path in pages.items():
                if self._change_page(path, post, posts, redo):
                    written.append(shown)
        if new != old.data:
            replace_file(file, old, new, post.path)
            written.append(post.path)
        return FlipResult(digest=hashlib.sha256(new).hexdigest(), changed=tuple(written))

    def _change_page(self, path: str, post: Post, posts: blocks.Posts, redo: Redo) -> bool:
        shown = self._shown(path)
        file = self._locate(shown)
        old = read_file(file, shown)
        new = flip.redo_blocks(old.data, post.id, posts, path, redo)
        if new == old.data:
            return False
        replace_file(file, old, new, shown)
        return True

    def _redate(self, post: Post, at: datetime) -> tuple[Content, bytes, Post]:
        """Give the post's file as it is, its bytes with the new date, and what those say."""
        old = read_file(self._locate(post.path), post.path)
        if old.digest != post.digest:
            raise self._changed(post)
        data = set_date(old.data, self.site, at, post.path)
        moved = self._read(data, post)
        if moved is not None and moved.release_at is None:  # its generator alone would wait
            moved = replace(moved, release_at=moved.withheld_until)
        if moved is None or (moved.id, moved.release_at) != (post.id, at):
            raise PostError(
                f"{post.path}: would no longer be read as the same post",
                hint="write the date by hand, then see `publisher check`",
            )
        return old, data, moved

    def _read(self, data: bytes, post: Post) -> Post | None:
        """Give a post as other bytes of its file say; its id stays."""
        place = self._locate(post.path).relative_to(self.site.root).as_posix()
        digest = hashlib.sha256(data).hexdigest()
        new = Reader(parse(data, post.path), self.site, place).read(digest)
        return replace(new, id=post.id) if new and not new.has_own_id else new

    def _changed(self, post: Post) -> PostError:
        """Make the error for a post that somebody is editing, and read it anew next time."""
        self._seen = {
            path: seen for path, seen in self._seen.items() if self._shown(path) != post.path
        }
        return changed(post.path)

    def files_of(self, posts: Collection[PostId], committed: Committed) -> tuple[str, ...]:
        """Give the files that a release or withdrawal of these posts changed, as shown in errors.

        Those are their own files, and of the pages with their preview blocks those whose
        ``committed`` bytes it changes; without any the page is its author's to add.
        """
        latest = self._latest or self.scan()
        own = [post.path for post in latest.posts if post.id in posts]
        states = {post.id: post.state for post in latest.posts if post.id in posts}
        drafts = {post.path for post in latest.posts if post.state is not PostState.PUBLISHED}
        drafts |= latest.unreadable
        names, pages = self._names(latest), []
        for path in self._paths_with_blocks():
            shown = self._shown(path)
            now = read_file(self._locate(shown), shown).data
            if shown in own or not flip.shows(now, posts, names, path):
                continue
            before, is_draft = committed(shown), shown in drafts
            if before is not None and flip.is_changed(
                before, now, states, names, path, is_draft=is_draft
            ):
                pages.append(shown)
        return (*dict.fromkeys(own), *pages)

    def _paths_with_blocks(self) -> list[str]:
        return sorted(path for path, seen in self._seen.items() if seen.has_blocks)

    def _names(self, scan: Scan, *more: Post) -> blocks.Posts:
        return names_of(scan, self.site.url, *more, prefix=self._shown("x").removesuffix("x"))


def _is_page(path: str, entry: os.DirEntry[str]) -> bool:
    return path.endswith(tuple(PAGES)) and entry.is_file(follow_symlinks=False)
