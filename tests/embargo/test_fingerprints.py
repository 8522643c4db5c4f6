"""What of a hidden text is a fingerprint, and what is not."""

from __future__ import annotations

import pytest

from publisher.embargo.embargoed_text import EmbargoedText
from publisher.embargo.leaks.fingerprints import (
    STRIDE,
    WINDOW,
    Fingerprints,
    hashes,
    parts_of,
    unmark,
    words,
)
from publisher.model import Embargo, PostId
from publisher.text.html import fold


def a_hidden(text: str, *, post: str = "door", shown: str = "") -> EmbargoedText:
    return EmbargoedText(
        post=PostId(post),
        path=f"content/blog/{post}.md",
        url=f"https://example.org/blog/{post}",
        policy=Embargo.REDACT,
        text=text,
        shown=shown,
    )


def texts(markdown: str) -> list[str]:
    return [b" ".join(text).decode() for text in parts_of(markdown).texts if text]


def blocks(markdown: str) -> list[str]:
    return [b" ".join(block).decode() for block in parts_of(markdown).blocks]


# --- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, and 24 dovetails; don't!",
        "“Smart” quotes — and an ellipsis… and\u00a0blanks",
        "Soft\u00adhyphens and zero\u200bwidth",
        "naïve cafe\u0301 Straße ﬁne ÅNGSTRÖM",
        "snake_case, path/to/file.txt",
        "Привет, мир! हिन्दी में",
    ],
)
def test_words_are_those_of_fold_without_case(text: str) -> None:
    assert b" ".join(words(text)).decode() == fold(text).casefold()


def test_characters_are_words_where_nothing_stands_between_words() -> None:
    assert [word.decode() for word in words("木工の話 and jigs")] == [*"木工の話", "and", "jigs"]


# --- Markdown --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markdown", "prose"),
    [
        ("One **bold** and _slanted_ `word`.", "one bold and slanted word"),
        ("See [the *door*](/blog/door) today.", "see the door today"),
        ("See [the door][d] and [^1] it.\n\n[d]: /blog/door", "see the door and it"),
        ("A ![drawer of jigs](/a/jigs.png) here", "a here"),
        ("# A heading #\n\n1. first\n2) second\n- [x] third", "a heading first second third"),
        ("> [!NOTE]\n> Mind the hinge\n> and the door", "mind the hinge and the door"),
        ("| a | b |\n| --- | --- |\n| one | two |", "a b one two"),
        ("::: tip Read this\nNow\n:::", "read this now"),
        ("un<wbr>breakable <b>b</b>old", "unbreakable bold"),
        ("Tea &amp; &#8220;toast&#8221; at /var/log and ./a.md and/or", "tea toast at and and or"),
        ("At 10:30:45 :tada: we {{ page.title }} left {#id .class}", "at 10 30 45 we left"),
        ("A line\\\nand another", "a line and another"),
    ],
)
def test_prose_is_what_a_page_shows(markdown: str, prose: str) -> None:
    assert texts(markdown)[0] == prose


def test_code_is_text_and_so_is_what_looks_like_markup_in_it() -> None:
    found = texts('Look:\n\n```js {1}\nconst a = b[0](c) // <p class="x">why</p>\n```\n\nSo.')

    assert found[:2] == ["look so", "const a b 0 c why"]


def test_what_stands_beside_the_prose_is_text() -> None:
    found = texts(
        "![A drawer of jigs](/jigs.png 'Seen from above')\n\n"
        "[out](https://elsewhere.example/a-secret-of/the-trade 'What it says')\n\n"
        '<Figure caption="The hinge of the door" class="wide tall deep" />\n\n'
        "<!-- nobody reads this -->\n"
    )

    assert sorted(found) == [
        "a drawer of jigs",
        "a secret of the trade",
        "nobody reads this",
        "out",
        "seen from above",
        "the hinge of the door",
        "what it says",
    ]


def test_addresses_within_the_site_are_public() -> None:
    assert (
        unmark("[a](/blog/a-very-long-name-of-a-page) [b](../other/page-of-the-site.md)").beside
        == ()
    )


def test_short_blocks_are_distinctive_ones_only() -> None:
    found = blocks(
        "## Why hinges break down\n\n## What now\n\n- The carpenter of Oslo\n\n"
        "| Forgotten old timber | x |\n\n"
        "This paragraph is long enough to be known by its windows alone.\n"
    )

    assert found == [
        "why hinges break down",
        "the carpenter of oslo",
        "forgotten old timber",
    ]


# --- fingerprints ----------------------------------------------------------------------------

SENTENCE = "nobody could say whose drawer it had been that evening"


def windows(text: str) -> set[int]:
    return set(hashes(words(text), WINDOW))


def test_every_window_of_an_ordinary_site_is_a_fingerprint() -> None:
    fingerprints = Fingerprints([a_hidden(SENTENCE)])

    assert set(fingerprints.windows) == windows(SENTENCE)


def test_what_a_public_text_has_is_none() -> None:
    fingerprints = Fingerprints([a_hidden(SENTENCE + "\n\n## Whose drawer was it")])

    fingerprints.subtract(f"<li>{SENTENCE.replace(' ', '&#32;')}</li>")
    fingerprints.subtract("Whose **drawer** was it?")

    assert not windows(SENTENCE) & set(fingerprints.windows)
    assert not any(fingerprints.blocks.values())
    assert b"evening" not in fingerprints.names


def test_words_of_two_posts_belong_to_neither() -> None:
    first, second = a_hidden("walnut mallet"), a_hidden("walnut chisel", post="other")

    assert Fingerprints([first, second, first]).names == {b"chisel": 1}


def test_of_very_many_windows_every_run_of_eight_words_keeps_one() -> None:
    text = " ".join(f"word{n}" for n in range(500))
    fingerprints = Fingerprints([a_hidden(text)], many=400)

    every = list(hashes(words(text), WINDOW))
    runs = range(len(every) - STRIDE + 1)

    assert len(fingerprints.windows) <= len(every) / STRIDE + 1
    assert all(any(every[n + at] in fingerprints.windows for at in range(STRIDE)) for n in runs)


ESSAY = " ".join(f"word{n} and" for n in range(60))


def test_a_copy_of_a_post_makes_nothing_public() -> None:
    fingerprints = Fingerprints([a_hidden(f"## The whole long affair\n\n{ESSAY}")])

    fingerprints.subtract('{"posts": [{"text": "The whole long affair ' + ESSAY + '"}]}')

    assert windows(ESSAY) <= set(fingerprints.windows)
    assert any(fingerprints.blocks.values())
    assert b"word7" in fingerprints.names


@pytest.mark.parametrize("head", ["", "---\ntitle: The Door\nstatus: scheduled\n---\n\n"])
@pytest.mark.parametrize("size", [30, len(ESSAY.split())])
def test_a_copy_is_one_with_frontmatter_and_without(head: str, size: int) -> None:
    text = " ".join(ESSAY.split()[:size])
    fingerprints = Fingerprints([a_hidden(text)])

    fingerprints.subtract(f"{head}{text}\n")

    assert set(fingerprints.windows) == windows(text)


def test_a_long_page_may_quote_all_of_a_short_post() -> None:
    note = " ".join(ESSAY.split()[:30])
    fingerprints = Fingerprints([a_hidden(note)])

    fingerprints.subtract(f"---\ntitle: An essay\n---\n\n{ESSAY}\n")

    assert fingerprints.windows == {}


def test_a_copy_is_one_though_other_texts_have_quoted_much_of_the_post() -> None:
    fingerprints = Fingerprints([a_hidden(ESSAY)])
    quotation = " ".join(ESSAY.split()[:55])
    fingerprints.subtract(quotation)
    fingerprints.subtract(" ".join(ESSAY.split()[50:80]))
    left = set(fingerprints.windows)

    fingerprints.subtract(ESSAY)

    assert left
    assert set(fingerprints.windows) == left


def test_what_is_shown_of_a_post_does_not_count_where_the_rest_is_copied() -> None:
    rest = " ".join(f"other{n} but" for n in range(40))
    fingerprints = Fingerprints([a_hidden(f"{ESSAY} {rest}", shown=ESSAY)])
    fingerprints.subtract(ESSAY, is_meant=True)

    fingerprints.subtract(f"{ESSAY} {rest}")

    assert windows(rest) <= set(fingerprints.windows)


def test_a_paragraph_that_two_posts_share_counts_for_each_of_them() -> None:
    shared = " ".join(f"both{n}" for n in range(38))
    own = [" ".join(f"{name}{n}" for n in range(34)) for name in ("first", "second")]
    hidden = [a_hidden(f"{shared}\n\n{text}", post=text[:5]) for text in own]
    fingerprints = Fingerprints(hidden)

    fingerprints.subtract(f"{shared}\n\n{own[1]}\n")

    kept = fingerprints.windows
    assert {kept[window] for window in windows(shared) | windows(own[1])} == {1}
    assert {kept[window] for window in windows(own[0])} == {0}


def test_a_quotation_in_a_file_makes_it_public() -> None:
    fingerprints = Fingerprints([a_hidden(ESSAY)])
    quotation = " ".join(ESSAY.split()[:50])

    fingerprints.subtract(f"<blockquote>{quotation}</blockquote>")

    assert set(fingerprints.windows) == windows(ESSAY) - windows(quotation)


def test_what_is_shown_of_a_post_may_be_most_of_it() -> None:
    fingerprints = Fingerprints([a_hidden(ESSAY, shown=ESSAY)])

    fingerprints.subtract(ESSAY, is_meant=True)

    assert fingerprints.windows == {}


# --- posts of one template -------------------------------------------------------------------

TEMPLATE = " ".join(f"every{n} post" for n in range(60))
OWN = " ".join(f"own{n} part" for n in range(25))


def test_what_a_published_post_says_is_public_though_it_is_most_of_a_hidden_one() -> None:
    fingerprints = Fingerprints([a_hidden(f"{TEMPLATE}\n\n## The whole long affair\n\n{OWN}")])

    fingerprints.subtract(f"{TEMPLATE} elsewhere\n\nThe whole long affair", is_meant=True)

    assert not windows(TEMPLATE) & set(fingerprints.windows)
    assert windows(OWN) <= set(fingerprints.windows)
    assert not any(fingerprints.blocks.values())


@pytest.mark.parametrize("size", [2000, 0])
def test_a_copy_is_one_though_most_of_the_post_is_a_template(size: int) -> None:
    fingerprints = Fingerprints([a_hidden(f"{TEMPLATE}\n\n{OWN}")])
    fingerprints.subtract(TEMPLATE, is_meant=True)

    fingerprints.subtract(f"{TEMPLATE} {OWN} {' '.join(f'else{n}' for n in range(size))}")

    assert windows(OWN) <= set(fingerprints.windows)


def test_a_page_of_the_same_template_may_quote_what_is_left() -> None:
    fingerprints = Fingerprints([a_hidden(f"{TEMPLATE}\n\n{OWN}")])
    fingerprints.subtract(TEMPLATE, is_meant=True)
    quotation = " ".join(OWN.split()[:20])

    fingerprints.subtract(f"{TEMPLATE}\n\n{quotation}")

    assert not windows(quotation) & set(fingerprints.windows)


def test_what_was_published_twice_counts_once() -> None:
    fingerprints = Fingerprints([a_hidden(f"{TEMPLATE}\n\n{OWN}")])
    for _ in range(3):
        fingerprints.subtract(TEMPLATE, is_meant=True)

    fingerprints.subtract(OWN)

    assert windows(OWN) <= set(fingerprints.windows)
