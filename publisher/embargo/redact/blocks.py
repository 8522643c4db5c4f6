"""Redacts the preview blocks of hidden posts on other pages. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from textwrap import dedent, indent

from publisher.embargo.redact.filler import Filler
from publisher.embargo.redact.text import Images, redact
from publisher.model import Embargo, PostId
from publisher.posts import blocks
from publisher.text.frontmatter import split

_POST = re.compile(r"""\bpost\s*=\s*\\?["']?([^\s"'\\<>]+)""")
_VALUE_BLOCK = re.compile(
    rf"(?P<opening><{blocks.COMPONENT}\b"
    r"""(?P<attributes>(?:\\.|"[^"\n]*"|'[^'\n]*'|[^>"'\\])*)(?<!/)>)"""
    rf"(?P<inside>.*?(?=</{blocks.COMPONENT})|[^\n]*)",
    re.DOTALL,
)


def redact_page(
    data: bytes,
    *,
    page: str,
    posts: blocks.Posts,
    hidden: Mapping[PostId, Embargo],
    image: Images,
) -> bytes:
    """Redact the preview blocks of hidden posts on a page, those in its frontmatter too.

    ``page`` is the path of the page on the site. A page without any stays as it is.
    """
    prefix, body = split(data)
    head = redact_values(prefix, posts=posts, hidden=hidden)
    new = head + redact_blocks(body, page=page, posts=posts, hidden=hidden, image=image)
    return data if new == prefix + body else new.encode("utf-8", "surrogateescape")


def redact_blocks(
    text: str,
    *,
    page: str,
    posts: blocks.Posts,
    hidden: Mapping[PostId, Embargo],
    image: Images,
) -> str:
    """Redact the blurred preview blocks on a page, and all of hidden posts; all else stays.

    A stamp stays. Where the policy is not to redact, nothing but the stamp does. The block of a
    post that was withdrawn is blurred again. A blurred block may be of a hidden post whosever it
    seems to be: its author does not want it read.
    """
    found = blocks.find_blocks(text, in_doubt=True)
    dissected = blocks.dissect(text, found, in_doubt=True)
    edits: list[tuple[int, int, str]] = []
    for number, (block, parts) in enumerate(zip(found, dissected, strict=True)):
        owner = posts.owner(block, page)
        policy = _policy(block, owner, hidden)
        is_inside = bool(edits) and block.start < edits[-1][1]
        if policy is not Embargo.OFF and not is_inside:
            seed = f"{owner} {page} {number}"
            new = _concealed(text, block, parts, policy=policy, seed=seed, image=image)
            edits.append((block.start, block.end, new))
    return blocks.edited(text, edits)


def _policy(block: blocks.Block, owner: PostId | None, hidden: Mapping[PostId, Embargo]) -> Embargo:
    policy = hidden.get(owner, Embargo.OFF) if owner else Embargo.OFF
    return Embargo.REDACT if block.is_blurred and policy is Embargo.OFF else policy


def redact_values(
    frontmatter: str, *, posts: blocks.Posts, hidden: Mapping[PostId, Embargo]
) -> str:
    """Redact the preview blocks that stand in a page's frontmatter, where no release edits them.

    They are known by their ``post="…"`` only. Filler of letters alone is safe in any notation.
    """

    def conceal(match: re.Match[str]) -> str:
        named = _POST.search(match["attributes"])
        link = named[1] if named else ""
        owner = posts.paths.get(posts.path_of(link)) or PostId(link)
        is_public = owner in posts.paths.values() or "blurred" not in match["attributes"]
        if owner not in hidden and is_public:
            return match[0]
        filler = Filler(f"{owner} {match.start()}")
        bare = re.sub(r"<[^<>]*>", "", match["inside"])
        text = re.sub(r"\S+", lambda word: filler.letters(word[0]), bare)
        return match["opening"] + text

    return _VALUE_BLOCK.sub(conceal, frontmatter)


# --- preview blocks --------------------------------------------------------------------------

_KEPT_ATTRIBUTES = ("post", "blurred", ":blurred", "class", "id", "style")


def _concealed(
    text: str,
    block: blocks.Block,
    parts: blocks.Parts,
    *,
    policy: Embargo,
    seed: str,
    image: Images,
) -> str:
    attributes = [written for name, written in parts.attributes if name in _KEPT_ATTRIBUTES]
    if not block.is_blurred:
        attributes.insert(0, "blurred")
    tag = re.match(r"<[\w-]+", text[block.start :])
    opening = " ".join([tag[0] if tag else "<PostPreview", *attributes])
    if parts.close == block.end:  # <PostPreview … />
        return f"{opening} />"
    inside = _without(text, parts.tag_end, parts.close, parts.stamps)
    line_end = "\r\n" if "\r\n" in text[block.start : block.end] else "\n"
    pieces = [f"{opening}>", *(_lines(text, *stamp) for stamp in parts.stamps)]
    if policy is Embargo.REDACT and inside.strip():
        lines = inside.replace("\r\n", "\n").strip("\n")
        margin = re.match(r" {0,3}(?! )", lines)
        content = indent(redact(dedent(lines), seed=seed, image=image), margin[0] if margin else "")
        pieces += ["", *content.rstrip("\n").split("\n"), ""]
    before = text[text.rfind("\n", 0, parts.close) + 1 : parts.close]
    end = before if not before.strip("> \t") and "\n" in inside else ""
    return line_end.join([*pieces, end + text[parts.close : block.end]])


def _without(text: str, start: int, end: int, spans: Sequence[tuple[int, int]]) -> str:
    edges = [start, *(edge for span in spans for edge in span), end]
    return "".join(text[edges[n] : edges[n + 1]] for n in range(0, len(edges), 2))


def _lines(text: str, start: int, end: int) -> str:
    """Give a span with the blanks before it on its line."""
    head = text[text.rfind("\n", 0, start) + 1 : start]
    return (head if not head.strip() else "") + text[start:end]
