"""Tells copies of posts, as sync tools and downloads leave them, from their originals. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from publisher.model import Post

_SURE = (  # what no author writes
    re.compile(r"(.+)\.sync-conflict-\d{8}-\d{6}(?:-\w+)?"),  # Syncthing
    re.compile(r"(.+?)[ _-]*\([^()]*conflict[^()]*\)", re.IGNORECASE),  # Dropbox, Nextcloud
    re.compile(r"(.+)_conflict-\d{8}-\d{6}"),  # ownCloud
)
_LIKELY = (  # a name like any other, unless both posts have one title
    re.compile(r"(.+?)[ ]?\(\d+\)"),  # Google Drive, browsers
    re.compile(r"(.+) \d+"),  # iCloud
    re.compile(r"(.+?)(?:[ ]-)?[ ][Cc]opy(?:[ ]\(?\d+\)?)?"),  # Windows, macOS
    re.compile(r"[Cc]opy of (.+)"),
    re.compile(r"(.+?)-[A-Z][A-Z0-9-]{2,15}"),  # OneDrive: the name of the machine
)


_TRANSLATION = re.compile(r"\.[a-z]{2}(?:[-_][A-Za-z]{2,4})?\Z")  # pattern.de.md
_HINT = re.compile(r"[ (]|[Cc]onflict|CONFLICT|-[A-Z]")  # without it no pattern fits


def find_copies(posts: Sequence[Post]) -> Mapping[str, Post]:
    """Give the original of each copy, by the copy's path.

    A copy lies beside its original, under a name that a sync tool makes; or under one that holds
    the original's name, where the title and the text are the same, or the title and the date:
    the words that tools put into names are those of every language. State and date may be others:
    those of the original change with its release.
    """
    by_path = {post.path: post for post in posts}
    odd = (post for post in posts if _HINT.search(post.path))
    found = {post.path: original for post in odd if (original := _original(post, by_path))}
    same: defaultdict[tuple[object, ...], list[Post]] = defaultdict(list)
    for post in posts:
        folder = post.path.rpartition("/")[0]
        if post.text_digest:
            same[post.text_digest, folder].append(post)
        if post.has_title and post.release_at and not _TRANSLATION.search(_stem(post)):
            same[post.title, post.release_at, folder].append(post)
    for group in (group for group in same.values() if len(group) > 1):
        group.sort(key=lambda post: (len(post.path), post.path))
        for number, post in enumerate(group):
            names = (other for other in group[:number] if _is_named_after(post, other))
            if (original := next(names, None)) is not None:
                found.setdefault(post.path, original)
    return found


def _is_named_after(post: Post, other: Post) -> bool:
    """Tell whether a name holds the other's: where the texts differ, as words of its own.

    ``pattern 2`` does, ``patterns`` does not.
    """
    if post.text_digest and post.text_digest == other.text_digest:
        return _stem(other) in _stem(post)
    name = rf"(?<![^\W_]){re.escape(_stem(other))}(?![^\W_])"
    return re.search(name, _stem(post)) is not None


def _stem(post: Post) -> str:
    return PurePosixPath(post.path).stem


def _original(post: Post, by_path: Mapping[str, Post]) -> Post | None:
    """Give the post beside this one of which its name says that it is a copy."""
    file = PurePosixPath(post.path)
    for is_sure, patterns in ((True, _SURE), (False, _LIKELY)):
        for pattern in patterns:
            match = pattern.fullmatch(file.stem)
            other = by_path.get(str(file.with_name(match[1] + file.suffix))) if match else None
            if other is not None and (is_sure or other.title == post.title):
                return other
    return None
