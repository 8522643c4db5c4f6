"""What a release or a withdrawal makes of the files it concerns, as bytes. Writes nothing.

``posts`` opens and replaces the files; which bytes are a state or a date is ``flip``'s and
``redating``'s to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from publisher.generators import Generator
from publisher.model import Post, PostId, PostState, Problem
from publisher.model.errors import PostError
from publisher.posts import blocks
from publisher.posts.flip_text import set_state
from publisher.text.frontmatter import split

Redo = Callable[[str, PostId, blocks.Posts, str], str]  # how preview blocks are changed
States = Mapping[PostId, PostState]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipResult:
    digest: str  # sha256 of the post's file now
    changed: tuple[str, ...]  # paths of the files written, the post last


def was(post: Post, data: bytes, generator: Generator, to: PostState) -> bool:
    """Tell whether bytes that say ``to`` are what the flip makes of the post as it was read."""
    for state in PostState:
        if state is to:
            continue
        try:
            before = set_state(data, generator, state, post.path)
        except PostError:
            continue
        if hashlib.sha256(before).hexdigest() == post.digest:
            return True
    return False


def redo_blocks(data: bytes, post: PostId, posts: blocks.Posts, path: str, redo: Redo) -> bytes:
    """Change the post's preview blocks on a page; ``path`` is below the site's root."""
    prefix, body = split(data)
    new = prefix + redo(body, post, posts, "/" + path)
    return new.encode("utf-8", "surrogateescape")


def shows(data: bytes, wanted: Collection[PostId], posts: blocks.Posts, path: str) -> bool:
    """Tell whether a page has a preview block of one of the posts wanted."""
    found = blocks.find_blocks(split(data)[1])
    return any(posts.owner(block, "/" + path) in wanted for block in found)


def is_changed(
    before: bytes, now: bytes, states: States, posts: blocks.Posts, path: str, *, is_draft: bool
) -> bool:
    """Tell whether a page that was ``before`` is changed by what became of these posts.

    A draft that was edited beside its preview blocks is not: its words are nobody's to read yet.
    """
    out = dict.fromkeys(states, PostState.PUBLISHED)
    if _settle(before, out, posts, path) == _settle(now, out, posts, path):
        return True
    is_behind = _settle(before, states, posts, path) != before
    return not is_draft and is_behind and _settle(now, states, posts, path) == now


def _settle(page: bytes, states: States, posts: blocks.Posts, path: str) -> bytes:
    """Give a page with the preview blocks of these posts as their states want them."""
    for post, state in states.items():
        redo = blocks.reveal if state is PostState.PUBLISHED else blocks.blur
        page = redo_blocks(page, post, posts, path, redo)
    return page


def refuse_hidden(data: bytes, shown: str, path: str, posts: blocks.Posts) -> None:
    """Refuse a post's page, as its release makes it, where blocks still hide the post's text.

    :raises PostError: when a block belongs to no post, when nothing is left outside of blocks, or
        when most of the text is in a single one of another post that ``post="…"`` does not name.
    """
    prefix, body = split(data)
    found = blocks.find_blocks(body, in_doubt=True)
    blurred = [block for block in found if block.is_blurred]
    hiding = [*blocks.orphans(body, posts, "/" + path)]
    words = len(blocks.without_blurred(body).split())
    for block in blurred:
        inside = len(body[block.start : block.end].split())
        is_own = len(blurred) == 1 and block.post is None and inside > words
        if words == 0 or is_own:
            hiding.append(block)
    if hiding:
        line = prefix.count("\n") + hiding[0].line
        raise PostError(
            f"{shown}:{line}: this preview block would go on hiding the post's text",
            why="its release reveals only the blocks that belong to it",
            hint='name the id of the post that the block is of: <PostPreview blurred post="…">',
        )


def orphans(data: bytes, shown: str, path: str, posts: blocks.Posts) -> Iterator[Problem]:
    """Find the blurred blocks of a page that no release will reveal."""
    prefix, body = split(data)
    for block in blocks.orphans(body, posts, "/" + path):
        yield Problem.warning(
            "orphan-preview",
            shown,
            "this preview block belongs to no post, or to several",
            'name the id of its post: <PostPreview blurred post="…">',
            line=prefix.count("\n") + block.line,
        )
