"""No word of a text under embargo is in its page, whatever the text looks like."""

from __future__ import annotations

import re
from collections import Counter
from textwrap import indent

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from publisher.embargo.containers import KINDS
from publisher.embargo.redact.blocks import redact_blocks
from publisher.embargo.redact.filler import WORDS
from publisher.embargo.redact.text import GREY_PIXEL, LANGUAGES, image_targets, redact
from publisher.model import Embargo, PostId
from publisher.posts.blocks import Posts, find_blocks

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
POST = PostId("post")
POSTS = Posts(site_url="https://example.org", paths={"/blog/post": POST})

_SIGNS = (
    r"* ** *** _ __ ~~ ` `` ``` ~~~ [ ] ( ) ![ ]( < > </ /> <!-- --> { } {{ }} {% %} {# $ $$ & \ |"
    r" || : :: ::: !!! ??? # ## ====== --- ___ - + 1. 1) 12. [x] [^1] [^1]: [a]: ^ ~ == ++ % @ ! ?"
    r""" . , ; &amp; &#x41; =" =' ' " +++ /// === ]]> ?> <? <script> <img"""
    " \u201c \u201d \u2019 … — \u2013 « » 🎉 日本 \u200b \xad \ufeff"
)
SIGNS = st.sampled_from(_SIGNS.split())
_SPACES = (" ", "  ", "\n", "\n\n", "\n    ", "\n  ", "\t", "\r\n", "\n> ", "\n- ", "")
SPACES = st.sampled_from(_SPACES)
LETTERS = "abcdefghijklmnopqrstuvwxyzæøåÆØÅñçß日本語" + "".join(map(chr, range(0x430, 0x450)))
WORD = st.text(LETTERS, min_size=4, max_size=20)
SOUP = st.lists(st.one_of(WORD, SIGNS, SPACES, st.text(max_size=6)), max_size=40).map("".join)

INLINES = (
    "%s",
    "*%s*",
    "**%s x**",
    "`%s`",
    "~~%s~~",
    "[%s](/target)",
    "![%s](/image.png)",
    "[![%s](/image.png)](/target)",
    "<b title='%s'>bold</b>",
    "{{ %s }}",
    "\\*%s",
    "\u201c%s\u201d!",
    "<https://example.org/%s>",
    "(see %s)",
)
TABLE = "| %s | b |\n| --- | :-: |\n| %s | |\n| c | %s |"


@st.composite
def some_blocks(draw: st.DrawFn, depth: int = 2) -> str:
    """Give a tidy text: what an author writes on purpose."""
    kinds = ["text", "heading", "code", "table", "rule", "image"]
    kinds += ["quote", "bullets", "numbers"] if depth else []
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    return "\n\n".join(draw(a_block(kind, depth)) for kind in chosen)


@st.composite
def a_block(draw: st.DrawFn, kind: str, depth: int) -> str:
    word = draw(WORD)
    text = " ".join(part % word for part in draw(st.lists(st.sampled_from(INLINES), min_size=1)))
    match kind:
        case "heading":
            return f"{'#' * draw(st.integers(1, 6))} {text}"
        case "code":
            language = draw(st.sampled_from(("", "python", "mermaid", "js {1}", "zanzibar")))
            return f"```{language}\n{word} = 1\n\n    {word}\n```"
        case "table":
            return TABLE % (word, word, word)
        case "rule":
            return "***"
        case "image":
            return f'![{word}](/{word}.png "{word}")'
        case "quote":
            return indent(draw(some_blocks(depth - 1)), "> ", lambda line: True)
        case "bullets" | "numbers":
            mark = "-   " if kind == "bullets" else "1.  "
            items = draw(st.lists(some_blocks(depth - 1), min_size=1, max_size=3))
            return "\n\n".join(mark + indent(item, "    ")[4:] for item in items)
        case _:
            return text


def image(target: str) -> str:
    return "/0.png"


def redacted(body: str) -> str:
    return redact(body, seed="seed", image=image)


def words(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[^\W_]{4,}", text)}


def structure(text: str) -> Counter[str]:
    """Count headings by level, items, cells, code, images, quotes and rules."""
    found: Counter[str] = Counter()
    for token in PARSER.parse(text):
        if token.type in {"heading_open", "th_open", "td_open", "list_item_open", "hr"}:
            found[f"{token.type} {token.tag}"] += 1
        elif token.type in {"fence", "code_block"}:
            found["code"] += 1
            found["lines of code"] += token.content.count("\n")
        elif token.type == "blockquote_open":
            found["quote"] += 1
        found["image"] += sum(child.type == "image" for child in token.children or ())
    return found


MARKS = LANGUAGES | {word for kind in KINDS for word in kind.split("-")}


@given(st.one_of(SOUP, some_blocks(), st.text()))
@example("![]()")  # an image of nothing has a grey point in its place
@example("![ab](data:x,)")
@example("::: details\ntext\n:::")
@example("> [!WARNING]\n> text")
def test_what_is_written_is_filler_and_marks_only(body: str) -> None:
    result = redacted(body).replace(GREY_PIXEL, "")

    assert words(result) <= WORDS | MARKS
    assert not set(result) & set("{}<$\\^@&%=")
    assert not re.search(r"[^ -~\n\t\u2018-\u201d\xab\xbb…—\u2013]", result)


@given(some_blocks())
def test_the_structure_of_a_tidy_text_stays(body: str) -> None:
    result = redacted(body)

    assert structure(result) == structure(body)
    assert structure(redacted(result)) == structure(result)


@given(st.one_of(SOUP, some_blocks()), st.lists(WORD, min_size=3, max_size=3, unique=True))
def test_no_three_words_in_a_row_survive(body: str, run: list[str]) -> None:
    sentence = " ".join(run)

    result = redacted(f"{body}{sentence}{body}")

    assert sentence.lower() not in result.lower()


@given(st.one_of(SOUP, some_blocks()))
def test_filler_is_the_same_every_time(body: str) -> None:
    assert redacted(body) == redacted(body)


@given(SOUP)
def test_what_was_redacted_can_be_redacted_again(body: str) -> None:
    once = redacted(body)

    assert structure(redacted(once)) == structure(once)


@given(st.text(), SOUP)
def test_images_are_found_in_any_text(text: str, soup: str) -> None:
    targets = image_targets(f"{text}\n\n{soup}\n\n![a](/b.png)\n")

    assert len(set(targets)) == len(targets)


@given(SOUP, SOUP, some_blocks())
def test_outside_of_a_block_every_byte_stays(before: str, after: str, inside: str) -> None:
    text = f"{before}\n\n<PostPreview blurred post='post'>\n\n{inside}\n\n</PostPreview>\n\n{after}"
    found = find_blocks(text, in_doubt=True)
    mine = [block for block in found if POSTS.owner(block, "/") == POST]

    result = redact_blocks(text, page="/", posts=POSTS, hidden={POST: Embargo.REDACT}, image=image)

    if len(mine) == 1:  # the soup may hide the block in code, or open another
        block = mine[0]
        assert result.startswith(text[: block.start])
        assert result.endswith(text[block.end :])
        middle = result[block.start : len(result) - len(text) + block.end]
        assert words(middle) <= WORDS | LANGUAGES | {"postpreview", "blurred", "post"}
    elif not any(block.is_blurred for block in found):
        assert result == text
