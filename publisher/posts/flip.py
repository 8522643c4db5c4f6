"""What a release or a withdrawal makes of the files it concerns, as bytes. Writes nothing.

That is the state in the frontmatter of the post, and its preview blocks on all pages.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from publisher.generators import Generator
from publisher.generators.base import as_yaml, is_same
from publisher.model import Post, PostId, PostState, Problem
from publisher.model.errors import PostError
from publisher.posts import blocks
from publisher.posts.edit import Edit, edited, line_of, places, unchangeable
from publisher.text.frontmatter import HEADERS, Document, parse, split

Redo = Callable[[str, PostId, blocks.Posts, str], str]  # how preview blocks are changed
States = Mapping[PostId, PostState]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipResult:
    digest: str  # sha256 of the post's file now
    changed: tuple[str, ...]  # paths of the files written, the post last


# --- the state ------------------------------------------------------------------------------


def set_state(data: bytes, generator: Generator, to: PostState, path: str) -> bytes:
    """Give the file's bytes with its state set to ``to``; the same bytes when it is already.

    A state that the file leaves to its generator gets a line of its own.

    :raises PostError: when the frontmatter cannot be read, or holds no value to change.
    """
    document, key, target = parse(data, path), generator.state_key, generator.values[to]
    line = line_of(
        document, key, as_yaml(target), in_json=json.dumps(target), in_toml=json.dumps(target)
    )
    if key in document.metadata:
        if is_same(document.metadata[key], target):
            return data
        tried = _replaced(document, key, target)
        why = "is written in a way that cannot be changed safely"
    else:
        if to is generator.missing:
            return data
        tried = _added(document, line)
        why = "has no such key"
    # `repr` tells 1 from true and keeps the order
    wanted = {repr({**document.metadata, key: target}), repr({key: target, **document.metadata})}
    new = edited(data, document, tried, lambda now: repr(now.metadata) in wanted)
    if new is None:
        raise unchangeable(document, key, f"{key} to {as_yaml(target)}", why, line)
    return new


def _added(document: Document, line: str) -> Iterator[tuple[Edit, ...]]:
    """Give the edits that add a line: first where tables may follow."""
    start, end = document.block
    line_end = "\r\n" if "\r\n" in document.text[start:end] else "\n"
    match document.format:
        case "toml":
            at, lines = start, (f"{line}{line_end}", f"{line_end}{line}")
        case "json":
            at, lines = start + 1, (f"{line_end}  {line},", f"{line_end}  {line}")
        case _:
            at, lines = end, (f"{line}{line_end}", f"{line_end}{line}")
    for new in lines:
        yield ((at, at, new),)


def _replaced(document: Document, key: str, target: str | bool) -> Iterator[tuple[Edit, ...]]:
    """Give the edits that replace one occurrence of the value, keeping its quotes if possible."""
    found = list(places(document, key, _spelled(document.metadata[key])))
    for group in ("value", "outer"):
        for place in found:
            yield ((*place.span(group), _write(target, place, group, document)),)


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "(?i:true)" if value else "(?i:false)"
    return re.escape(str(value))


def _write(target: str | bool, place: re.Match[str], group: str, document: Document) -> str:
    """Write the new value: bare within the old quotes, or complete in their place."""
    if isinstance(target, bool):
        old = place["value"]
        word = as_yaml(target)
        return word.upper() if old.isupper() else word.title() if old.istitle() else word
    bare_is_text = document.format in ("yaml", *HEADERS) or place["quote"]
    return target if group == "value" and bare_is_text else json.dumps(target, ensure_ascii=False)


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


# --- preview blocks -------------------------------------------------------------------------


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
            f"{shown}:{line}: this preview block would still hide the post's text",
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
