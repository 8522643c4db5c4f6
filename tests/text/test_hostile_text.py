"""Texts that are made to take long: each reader of posts takes time that grows with their length.

A reader that grows with the square needs minutes for these; the bound is far above what is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher import check
from publisher.embargo.leaks import fingerprints
from publisher.embargo.leaks.decoding import plain
from publisher.embargo.redact import text as redaction
from publisher.embargo.redact.blocks import redact_blocks
from publisher.model import PostId
from publisher.posts import blocks
from publisher.posts.library import Library
from publisher.text import markdown
from publisher.text.excerpts import excerpts
from publisher.text.html import read_page
from tests.embargo.staged_sites import SECRET, a_post, a_site, update, write

LENGTH = 60_000
BOUND_S = 8.0  # of processor time
POSTS = blocks.Posts(site_url="https://example.org", paths={"/blog/next": PostId("next")})

TEXTS = {
    "backquotes": "`",
    "backslashes": "\\",
    "braces": "{{",
    "braces of Liquid": "{% ",
    "brackets": "[",
    "comments of MDX": "{/*",
    "dates": "Tuesday, November 4th ",
    "images": "![",
    "links": "<a ",
    "nested blocks": "<PostPreview blurred>\n",
    "blocks side by side": "<PostPreview blurred>a</PostPreview>\n\n",
    "open comments": "<!--",
    "one word": "a",
    "stamps": "<RevealStamp date=",
    "stamps in templates": "<template #stamp>",
    "tags of components": "<A b={",
}

Reader = Callable[[str], object]
READERS: dict[str, Reader] = {
    "blocks": lambda text: list(blocks.dissect(text, blocks.find_blocks(text))),
    "reveal": lambda text: blocks.reveal(text, PostId("next"), POSTS),
    "visible": lambda text: markdown.without_code(text, markdown.tokens_of(text)),
    "excerpts": excerpts,
    "page": read_page,
    "page that ends": lambda text: read_page(f"{text}> "),
    "plain": lambda text: list(plain(text)),
    "unmark": fingerprints.unmark,
    "attributes": lambda text: list(fingerprints._attributes(f"<{text}>")),
    "redact": lambda text: redaction.redact(text, seed="1", image=lambda name: name),
    "redact_blocks": lambda text: redact_blocks(
        text, page="/", posts=POSTS, hidden={}, image=lambda name: name
    ),
}


def long(piece: str) -> str:
    return piece * (LENGTH // len(piece))


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
def test_a_text_takes_time_by_its_length(reader: Reader, text: str) -> None:
    begun = time.process_time()

    reader(long(text))

    assert time.process_time() - begun < BOUND_S


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_a_site_with_such_a_page_is_checked_and_staged(tmp_path: Path, text: str) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post(body=f"{SECRET}\n\n{long(text)}"))
    write(tmp_path, "index.md", f"# Home\n\n{long(text)}\n")
    begun = time.process_time()

    found = update(settings)
    problems = check.run(
        settings,
        Library(settings.site, settings.project),
        now=datetime(2027, 1, 1, tzinfo=UTC),
        environ={},
    )

    assert time.process_time() - begun < 2 * BOUND_S
    assert [hidden.post for hidden in found.hidden] == ["next"]
    assert all(problem.path for problem in problems)


# --- what the bounds leave as it was -----------------------------------------------------------


def test_blocks_within_blocks_keep_their_own_stamps() -> None:
    inner = "<PostPreview><RevealStamp date='1' /></PostPreview>"
    text = f"<PostPreview><RevealStamp date='2' />{inner}</PostPreview>"

    outer, nested = blocks.dissect(text, blocks.find_blocks(text))

    assert [text[slice(*span)] for span in outer.stamps] == ["<RevealStamp date='2' />"]
    assert [text[slice(*span)] for span in nested.stamps] == ["<RevealStamp date='1' />"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\u0041\u0042", "AB"),
        (r"\\\\u0041", "A"),
        (r"\x41\\x42", "AB"),
        (r"\101\\102", "AB"),
        ("a\\\\\nb", "ab"),
        (r"a\\nb", "a b"),
    ],
)
def test_escapes_are_undone_however_many_backslashes_they_have(written: str, read: str) -> None:
    assert next(plain(written)) == read


def test_what_a_template_computes_is_beside_the_prose() -> None:
    unmarked = fingerprints.unmark(
        "Before {{ one }} amid {{ open {% two %} after ![an [x] b](c.png)"
    )

    assert {"one", "two", "an [x] b"} <= {text.strip() for text in unmarked.beside}
    assert "Before" in unmarked.prose
    assert "after" in unmarked.prose


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one<!-- two --><p>three", "one three"),
        ("<script>a = '<!--'</script><p>one</p>", "one"),
        ("<p>one <a href='/x", "one"),
        ("<p>one<![CDATA[two]]><p>three", "one three"),
    ],
)
def test_a_page_shows_what_a_browser_shows(html: str, text: str) -> None:
    assert read_page(html).text.split() == text.split()
