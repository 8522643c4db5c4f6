"""What a scan finds: in one file, and in all of them together. Walks no folder, changes nothing."""

from __future__ import annotations

import os
import stat
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from publisher.config.settings import SiteSettings
from publisher.model import Embargo, LedgerView, Post, PostState, Problem, ReleaseState
from publisher.model.errors import PostError
from publisher.plan.effective import effective, waiting_files
from publisher.posts.blocks import Posts, may_have_blocks, normal_path
from publisher.posts.copies import find_copies
from publisher.posts.fields import Reader, stem_of
from publisher.posts.file_state import FileState, read_file_state
from publisher.posts.identities import with_distinct_ids
from publisher.posts.mojibake import mojibake
from publisher.posts.series import count_parts
from publisher.system.files import Content, Stamp, read_file, stamp_of
from publisher.text.frontmatter import UnreadableError, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """All posts that can be used, and all that is wrong; both in order of path.

    ``broken`` are the files that cannot be used as posts, with what they say of themselves as far
    as they can be read; those in ``withheld`` are not released, the others are public as they are.
    """

    posts: tuple[Post, ...]
    problems: tuple[Problem, ...]
    broken: Mapping[str, FileState] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()

    @property
    def unreadable(self) -> frozenset[str]:
        """Give the paths of files that are there but hold an error."""
        errors = (p.path for p in self.problems if p.severity == "error")
        return frozenset(self.broken).union(errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one version of a file said; ``stamp`` is ``None`` when it must be read again."""

    stamp: Stamp | None
    post: Post | None = None
    problems: tuple[Problem, ...] = ()
    has_blocks: bool = False
    broken: FileState | None = None  # of a file that cannot be used as a post
    path: str = ""  # of such a file, where its problems name it escaped


# --- in one file -----------------------------------------------------------------------------


def find_in_file(
    file: Path, shown: str, status: os.stat_result, site: SiteSettings, *, is_post: bool
) -> Finding | None:
    """Read a file and give what it says, as ``shown`` in problems; ``None`` when it is gone."""
    try:
        if not stat.S_ISREG(status.st_mode):
            raise PostError("is not a regular file", place=shown, hint="replace it by a text file")
        content = read_file(file, shown)
        if not file.relative_to(site.root).as_posix().isprintable():
            return _misnamed(content, shown, site) if is_post else None
        return _understand(content, file, shown, site, is_post=is_post)
    except PostError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        problem = Problem.of("unreadable", printable(shown), error)
        return Finding(stamp=None, problems=(problem,) if is_post else ())


def _misnamed(content: Content, shown: str, site: SiteSettings) -> Finding:
    message = "the file's name holds characters that cannot be shown"
    problem = Problem.error("bad-name", printable(shown), message, "rename it")
    found = read_file_state(content.data, shown, site, is_post=True)
    return Finding(stamp=stamp_of(content.status), problems=(problem,), broken=found, path=shown)


def _understand(
    content: Content, file: Path, shown: str, site: SiteSettings, *, is_post: bool
) -> Finding:
    stamp = stamp_of(content.status)
    has_blocks = may_have_blocks(content.data)
    if not is_post:
        return Finding(stamp=stamp, has_blocks=has_blocks)
    try:
        document = parse(content.data, shown)
    except UnreadableError as error:
        return Finding(
            stamp=stamp,
            problems=(error.problem,),
            has_blocks=has_blocks,
            broken=read_file_state(content.data, shown, site, is_post=True),
        )
    reader = Reader(document, site, file.relative_to(site.root).as_posix())
    post = reader.read(content.digest)
    problems = (*reader.problems, *mojibake(document))
    is_broken = post is None and any(p.severity == "error" for p in problems)
    return Finding(
        # An image that is missing may come without this file being touched.
        stamp=None if _may_be_found(post, problems) else stamp,
        post=post,
        problems=problems,
        has_blocks=has_blocks,
        broken=read_file_state(content.data, shown, site, is_post=True) if is_broken else None,
    )


def _may_be_found(post: Post | None, problems: Iterable[Problem]) -> bool:
    is_over = post is not None and post.state is PostState.PUBLISHED and not post.withheld_until
    return not is_over and any(problem.rule == "missing-image" for problem in problems)


def link_problem(link: Path, shown: str, root: Path) -> Problem:
    """Say why a link in the place of a post or a folder of posts is not followed."""
    target = Path(os.path.realpath(link))
    hint = "put the file itself there"
    if target.is_relative_to(os.path.realpath(root)) and target.exists():
        return Problem.warning("symlink", shown, "is a link, and links are not followed", hint)
    where = "out of the site" if target.exists() else "nowhere"
    return Problem.error("symlink", shown, f"is a link that leads {where}", hint)


def printable(path: str) -> str:
    """Write a path as problems name it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)


# --- in all of them --------------------------------------------------------------------------


def put_together(
    links: Iterable[Problem],
    findings: Sequence[Finding],
    built_at: Mapping[str, str],
    view: LedgerView,
    now: datetime | None,
) -> Scan:
    """Make the scan of what was found file by file; without ``now`` in the states of the files.

    ``built_at`` has the URLs of built pages by path.
    """
    releases = view.releases.values()
    errors = {p.path for found in findings for p in found.problems if p.severity == "error"}
    known = {record.path: record.post for record in releases}
    all_posts = with_distinct_ids([f.post for f in findings if f.post], known, errors)
    all_posts = [_at(post, built_at.get(post.path)) for post in all_posts]
    if now is not None:
        all_posts = list(effective(all_posts, view, now))
    settled = {r.path for r in releases if r.state is not ReleaseState.SCHEDULED}
    posts, copies = _without_copies(all_posts, settled)
    posts, clashes = _without_clashes(posts)
    problems = [*links, *(p for found in findings for p in found.problems), *copies, *clashes]
    broken = {f.path or f.problems[0].path: f.broken for f in findings if f.broken and f.problems}
    used = {post.path for post in posts}
    for post in all_posts:
        if post.path not in used:
            broken[post.path] = FileState(state=post.state, until=post.withheld_until)
    scan = Scan(
        posts=tuple(sorted(count_parts(posts), key=lambda post: post.path)),
        problems=tuple(sorted(problems, key=lambda p: (p.path, p.line or 0, p.rule))),
        broken=broken,
    )
    return scan if now is None else _judged(scan, waiting_files(view), now)


def _at(post: Post, url: str | None) -> Post:
    return post if url is None or url == post.url else replace(post, url=url)


def _judged(scan: Scan, waiting: Collection[str], now: datetime) -> Scan:
    """Tell the files in error that are not released from those that are public as they are.

    What is wrong with a public one is no more than a warning: nothing waits for it. Files in
    ``waiting`` are known to the ledger as not released.
    """
    withheld = frozenset(
        path
        for path, found in scan.broken.items()
        if path in waiting or found.is_unreleased(now, Embargo.REDACT)
    )
    public = set(map(printable, scan.broken.keys() - withheld))
    problems = (replace(p, severity="warning") if p.path in public else p for p in scan.problems)
    return replace(scan, problems=tuple(problems), withheld=withheld)


def names_of(scan: Scan, site_url: str, *more: Post, prefix: str) -> Posts:
    """Give what links can mean; a file in error may be any post that has its name.

    An address that several posts are likely to get, before any build has told, means none.
    ``prefix`` is what the paths of posts have before the site's root ends: "" or ``content/``.
    """
    posts = {post.id: post for post in (*scan.posts, *more)}
    pairs = [(normal_path(p.url.removeprefix(site_url)), name) for name, p in posts.items()]
    shared = {path for path, count in Counter(path for path, _ in pairs).items() if count > 1}
    dates = {name: post.release_at or post.withheld_until for name, post in posts.items()}
    return Posts(
        site_url=site_url,
        paths={path: name for path, name in pairs if path not in shared},
        unread=frozenset(map(stem_of, scan.unreadable)),
        pages={"/" + post.path.removeprefix(prefix): name for name, post in posts.items()},
        dates={name: at for name, at in dates.items() if at is not None},
    )


def _without_copies(
    posts: list[Post], settled: Collection[str]
) -> tuple[list[Post], list[Problem]]:
    """Leave out copies of posts that wait; one that is public, or was, is only named."""
    problems = []
    by_path = {post.path: post for post in posts}
    for path, original in find_copies(posts).items():
        post = by_path[path]
        if path not in settled:
            is_held = post.state is PostState.SCHEDULED or post.has_own_id
            problem = Problem.error(
                "conflict-copy",
                path,
                f"is a copy of {original.path}" + (", and is not released" if is_held else ""),
                "delete it; or if it is a post of its own, give it another name, title and text",
            )
            problems.append(problem if is_held else replace(problem, severity="warning"))
    held = {problem.path for problem in problems if problem.severity == "error"}
    return [post for post in posts if post.path not in held], problems


def _without_clashes(posts: list[Post]) -> tuple[list[Post], list[Problem]]:
    """Leave out posts that claim the same id: nobody can know which one is meant."""
    groups: defaultdict[str, list[Post]] = defaultdict(list)
    for post in posts:
        groups[post.id].append(post)
    problems = []
    for value, group in groups.items():
        for post in group if len(group) > 1 else ():
            others = ", ".join(sorted(p.path for p in group if p is not post))
            message = f"has the same id as {others}: {value}"
            problems.append(
                Problem.error("duplicate-id", post.path, message, "give one of them another `id`")
            )
    clashing = {problem.path for problem in problems}
    return [post for post in posts if post.path not in clashing], problems
