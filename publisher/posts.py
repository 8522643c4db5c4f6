"""The posts of a site: found, read, flipped when their time has come, taken back, moved.

The only module that opens content files. A broken file is a problem in the result and never
stops the other posts. Nothing here follows a link.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from publisher import blocks, flipping
from publisher.errors import PostError
from publisher.fields import SECTION_PAGES, Reader
from publisher.files import Content, Stamp, changed, read_file, replace_file, stamp_of
from publisher.flip import set_state
from publisher.flipping import FlipResult, Redo
from publisher.frontmatter import Document, UnreadableError, parse
from publisher.model import Post, PostId, PostState, Problem
from publisher.mojibake import mojibake
from publisher.redating import set_date
from publisher.series import count_parts
from publisher.settings import SiteSettings
from publisher.tree import compile_glob, is_near, walk

__all__ = ["FlipResult", "Library", "Page", "Scan"]

_BLOCK_MARKS = (b"<PostPreview", b"<post-preview")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """All posts that can be used, and all that is wrong; both in order of path."""

    posts: tuple[Post, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A Markdown file of the site, post or not; ``path`` as in ``Post``."""

    path: str
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What one version of a file said; ``stamp`` is ``None`` when it must be read again."""

    stamp: Stamp | None
    post: Post | None = None
    problems: tuple[Problem, ...] = ()
    has_blocks: bool = False


@dataclass(slots=True)
class Library:
    """The content files of one site. A second scan reads only what changed since the first.

    ``project`` is the folder of ``jobs.yaml``, where the paths of posts begin.
    """

    site: SiteSettings
    project: Path
    _seen: dict[str, _Seen] = field(default_factory=dict, repr=False)  # by path below the root
    _latest: Scan | None = field(default=None, repr=False)

    def scan(self) -> Scan:
        """Read all posts.

        :raises PostError: when a folder cannot be listed; a post must not seem deleted then.
        """
        is_post, base = compile_glob(self.site.posts)
        links: list[Problem] = []
        seen: dict[str, _Seen] = {}
        for path, entry in self._walk("" if self.site.preset.blocks else base):
            if entry.is_symlink():
                if is_post(path) or (is_near(path, base) and entry.is_dir()):
                    links.append(self._complain_of_link(path, entry))
            elif is_post(path) or path.endswith(".md"):
                found = self._look(path, entry, is_post=is_post(path))
                if found:
                    seen[path] = found
        self._seen = seen
        problems = [*links, *(problem for found in seen.values() for problem in found.problems)]
        posts, clashes = _without_clashes([found.post for found in seen.values() if found.post])
        problems += clashes
        self._latest = Scan(
            posts=tuple(sorted(count_parts(posts), key=lambda post: post.path)),
            problems=tuple(sorted(problems, key=lambda p: (p.path, p.line or 0, p.rule))),
        )
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
        return (Page(path=self._shown(path), file=self.site.root / path) for path in paths)

    def orphans(self) -> tuple[Problem, ...]:
        """Find the blurred preview blocks that no release will reveal; for ``check``."""
        latest = self._latest or self.scan()
        posts = self._names(latest)
        return tuple(
            problem
            for path in self._paths_with_blocks()
            for problem in flipping.orphans(
                read_file(self.site.root / path, self._shown(path)).data,
                self._shown(path),
                path,
                posts,
            )
        )

    def flip(self, post: Post) -> FlipResult:
        """Make the file say published, and the post's preview blocks on all pages revealed.

        The state comes last, so that what a crash cut short is finished by doing it again.

        :raises PostError: when the post changed since it was read, or a file cannot be written.
        """
        return self._change(post, PostState.PUBLISHED, blocks.reveal)

    def withdraw(self, post: Post, *, to: PostState = PostState.DRAFT) -> FlipResult:
        """Make the file say ``to``, and the post's preview blocks on all pages blurred again.

        A stamp that the release removed does not come back. Order and errors as for ``flip``.
        """
        return self._change(post, to, blocks.blur)

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

    # --- finding -------------------------------------------------------------------------

    def _walk(self, base: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        _, near = compile_glob(self.site.posts)
        try:
            yield from walk(self.site.root, base, without=self.site.preset.output, needed=near)
        except OSError as error:
            folder = os.path.relpath(str(error.filename), self.site.root)
            raise self._unlisted(folder, (error.strerror or "cannot be listed").lower()) from error

    def _unlisted(self, folder: str, what: str) -> PostError:
        return PostError(
            f"{self._shown(folder)}: the folder cannot be listed: {what}",
            why="without it, its posts would seem deleted",
            hint="mend its permissions, or set site.root and site.posts in jobs.yaml",
        )

    def _look(self, path: str, entry: os.DirEntry[str], *, is_post: bool) -> _Seen | None:
        """Give what the file says, from memory when it is the same; ``None`` when it is gone."""
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        known = self._seen.get(path)
        if known and known.stamp == stamp_of(status):
            return known
        shown = self._shown(path)
        if not path.isprintable():
            escaped = "".join(
                c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown
            )
            message = "the file's name holds characters that cannot be shown"
            return _Seen(stamp=None, problems=(_error("bad-name", escaped, message, "rename it"),))
        try:
            if not stat.S_ISREG(status.st_mode):
                raise PostError(f"{shown}: is no regular file", hint="replace it by a text file")
            content = read_file(self.site.root / path, shown)
        except PostError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            message = error.what.removeprefix(f"{shown}: ")
            hint = "; ".join(filter(None, (error.why, error.hint)))
            problem = _error("unreadable", shown, message, hint)
            return _Seen(stamp=None, problems=(problem,) if is_post else ())
        return self._understand(content, shown, is_post=is_post)

    def _understand(self, content: Content, shown: str, *, is_post: bool) -> _Seen:
        stamp = stamp_of(content.status)
        has_blocks = any(mark in content.data for mark in _BLOCK_MARKS)
        if not is_post:
            return _Seen(stamp=stamp, has_blocks=has_blocks)
        try:
            document = parse(content.data, shown)
        except UnreadableError as error:
            return _Seen(stamp=stamp, problems=(error.problem,), has_blocks=has_blocks)
        reader = Reader(document, self.site)
        post = reader.read(content.digest)
        problems = (*reader.problems, *mojibake(document))
        return _Seen(
            # An image that is missing may come without this file being touched.
            stamp=None if any(p.rule == "missing-image" for p in problems) else stamp,
            post=post,
            problems=problems,
            has_blocks=has_blocks,
        )

    def _complain_of_link(self, path: str, entry: os.DirEntry[str]) -> Problem:
        target = Path(os.path.realpath(entry.path))
        shown = self._shown(path)
        hint = "put the file itself there"
        if target.is_relative_to(os.path.realpath(self.site.root)) and target.exists():
            return replace(
                _error("symlink", shown, "is a link, and links are not followed", hint),
                severity="warning",
            )
        where = "out of the site" if target.exists() else "nowhere"
        return _error("symlink", shown, f"is a link that leads {where}", hint)

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
        file, preset = self._locate(post.path), self.site.preset
        old = read_file(file, post.path)
        new = set_state(old.data, preset, to, post.path)
        is_done = new == old.data and flipping.was(post, old.data, preset, to)
        if old.digest != post.digest and not is_done:
            raise self._changed(post)
        written = []
        if preset.blocks:
            posts = self._names(latest, post)
            for path in self._paths_with_blocks():
                if self._shown(path) == post.path:
                    new = flipping.redo_blocks(new, post.id, posts, path, redo)
                elif self._change_page(path, post, posts, redo):
                    written.append(self._shown(path))
        if new != old.data:
            replace_file(file, old, new, post.path)
            written.append(post.path)
        return FlipResult(digest=hashlib.sha256(new).hexdigest(), changed=tuple(written))

    def _change_page(self, path: str, post: Post, posts: blocks.Posts, redo: Redo) -> bool:
        shown = self._shown(path)
        file = self._locate(shown)
        old = read_file(file, shown)
        new = flipping.redo_blocks(old.data, post.id, posts, path, redo)
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
        moved = Reader(parse(data, post.path), self.site).read(hashlib.sha256(data).hexdigest())
        if moved is None or (moved.id, moved.release_at) != (post.id, at):
            raise PostError(
                f"{post.path}: would not read as the same post with another date",
                hint="write the date by hand, then see `publisher check`",
            )
        return old, data, moved

    def _changed(self, post: Post) -> PostError:
        """Make the error for a post that somebody is editing, and read it anew next time."""
        self._seen = {
            path: seen for path, seen in self._seen.items() if self._shown(path) != post.path
        }
        return changed(post.path)

    def files_of(self, posts: Collection[PostId]) -> tuple[str, ...]:
        """Give the files that a release of these posts may have changed, as shown in errors."""
        latest = self._latest or self.scan()
        own = [post.path for post in latest.posts if post.id in posts]
        names = self._names(latest)
        pages = [
            shown
            for path in self._paths_with_blocks()
            if flipping.shows(
                read_file(self._locate(shown := self._shown(path)), shown).data, posts, names, path
            )
        ]
        return tuple(dict.fromkeys([*own, *pages]))

    def _paths_with_blocks(self) -> list[str]:
        return sorted(path for path, seen in self._seen.items() if seen.has_blocks)

    def _names(self, scan: Scan, *more: Post) -> blocks.Posts:
        """Give what links can mean; a file in error may be any post that has its name."""
        broken = {PurePosixPath(p.path) for p in scan.problems if p.severity == "error"}
        return blocks.Posts(
            site_url=self.site.url,
            paths={
                blocks.normal_path(post.url.removeprefix(self.site.url)): post.id
                for post in (*scan.posts, *more)
            },
            unread=frozenset(
                path.parent.name if path.name in SECTION_PAGES else path.stem for path in broken
            ),
        )


def _is_page(path: str, entry: os.DirEntry[str]) -> bool:
    return path.endswith(".md") and entry.is_file(follow_symlinks=False)


def _error(rule: str, path: str, message: str, hint: str) -> Problem:
    return Problem(rule=rule, severity="error", path=path, line=None, message=message, hint=hint)


def _without_clashes(posts: list[Post]) -> tuple[list[Post], list[Problem]]:
    """Leave out posts that claim the same id or URL: nobody can know which one is meant."""
    keys: tuple[tuple[str, str, str, Callable[[Post], str]], ...] = (
        ("duplicate-id", "id", "give one of them another `id`", lambda post: post.id),
        ("duplicate-url", "URL", "give one of them another `slug`", lambda post: post.url),
    )
    problems = []
    for rule, what, hint, key in keys:
        groups: defaultdict[str, list[Post]] = defaultdict(list)
        for post in posts:
            groups[key(post)].append(post)
        for value, group in groups.items():
            for post in group if len(group) > 1 else ():
                others = ", ".join(sorted(p.path for p in group if p is not post))
                message = f"has the same {what} as {others}: {value}"
                problems.append(_error(rule, post.path, message, hint))
    clashing = {problem.path for problem in problems}
    return [post for post in posts if post.path not in clashing], problems
