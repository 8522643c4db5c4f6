"""Gives each post the name that it has in the ledger and in commands. Pure.

That is the ``id`` that its file says, or the name of the file. Where posts of several folders
have one name, the name of the folder comes before it. A post that the ledger knows keeps its
name, whatever other posts come and go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import PurePosixPath
from unicodedata import normalize

from publisher.model import Post, PostId

LENGTH = 100
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def id_of(name: str) -> PostId:
    """Make an id of a name: words of any script, without blanks and what a shell understands."""
    if _PLAIN.fullmatch(name):
        return PostId(name)
    word = re.sub(r"[^\w.+]+", "-", normalize("NFC", name)).strip("-.+_")
    if word and len(word) <= LENGTH:
        return PostId(word)
    return PostId(f"{word[: LENGTH - 9] or 'post'}-{_digest(name)}")


def with_distinct_ids(
    posts: Sequence[Post], known: Mapping[str, PostId], unreadable: Collection[str] = ()
) -> list[Post]:
    """Give the posts, each with an id of its own; ``known`` are those of the ledger by path.

    Only what posts say themselves in ``id`` may still be the same. The ids of ``unreadable``
    files stay theirs.
    """
    names = {post.path: post.id for post in posts if post.has_own_id}
    taken = {*names.values(), *(known[path] for path in unreadable if path in known)}
    others = [post for post in posts if not post.has_own_id]
    for post in others:
        name = known.get(post.path)
        if name is not None and name not in taken and name in _candidates(post):
            names[post.path] = name
            taken.add(name)
    rest = [post for post in others if post.path not in names]
    count = Counter(post.id for post in rest)
    taken |= {name for name, number in count.items() if number > 1}
    names |= {post.path: post.id for post in rest if post.id not in taken}
    taken.update(names.values())
    alike = sorted((p for p in rest if p.path not in names), key=lambda post: post.path)
    shared = Counter(name for post in alike for name in _candidates(post))
    for post in alike:
        free = (n for n in _candidates(post) if n not in taken and shared[n] == 1)
        names[post.path] = next(free, post.id)
        taken.add(names[post.path])
    return [replace(p, id=names[p.path]) if p.id != names[p.path] else p for p in posts]


def _candidates(post: Post) -> Iterator[PostId]:
    name: str = post.id
    yield post.id
    file = PurePosixPath(post.path)
    folders = file.parent.parts[:-1] if file.stem in ("index", "_index") else file.parent.parts
    for folder in reversed(folders):
        name = f"{folder}-{name}"
        yield id_of(name)
    yield id_of(f"{post.id}-{_digest(post.path)}")


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
