"""A link that is taken out leaves the page as it was, less its tag; and is found beforehand."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from publisher.embargo.stage.links import path_of, paths_in, unlink
from publisher.posts.blocks import Posts

NAMES = Posts(site_url="https://example.org/site", paths={})
PAGE = "/blog/page.md"
GONE = "/blog/gone"

TARGETS = st.sampled_from(
    (
        *("gone", "gone.md", "./gone.html#part", "/blog/gone?x=1", "/site/blog/gone/"),
        *("../blog/g%6Fne", "https://example.org/site/blog/gone", "<gone>", r"g\one", "&#103;one"),
        *('gone "It is gone"', "there", "https://elsewhere.example/blog/gone", "#gone", ""),
        *("gone(er)", "go ne"),
    )
)
WORDS = st.sampled_from(
    [
        "a",
        "word",
        "*leaning*",
        "`code`",
        "![A saw [gone]](saw.png)",
        "\\[",
        "1\\. b",
        "& so",
        "so - so",
        "<b>b</b>",
    ]
)
MARKS = st.sampled_from(["-", "---", "=", "===", "```", "~~~", "***", "* * *", "+ a", "#"])
TEXTS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
LINKS = (
    st.builds("[{}]({})".format, TEXTS, TARGETS)
    | st.builds("[{}](\n{})".format, TEXTS, TARGETS)
    | st.builds("[{}]({})".format, MARKS, TARGETS)
    | TEXTS.map("[{}][gone]".format)
    | TEXTS.map("[{}][there]".format)
    | st.sampled_from(
        ["[gone]", "![gone](saw.png)", "[gone][]", "[Gone]", "`[x](gone)`", "<!-- [x](gone) -->"]
    )
    | st.sampled_from(["<https://example.org/site/blog/gone>", "<https://elsewhere.example/>"])
    | st.builds('<a class="x" href="{}">{}</a>'.format, st.sampled_from(["gone", "there"]), TEXTS)
)
PIECES = st.lists(WORDS | LINKS, min_size=1, max_size=5)
LINES = PIECES.map(" ".join) | PIECES.map("\n".join)
BLOCKS = (
    LINES
    | LINES.map("## {}".format)
    | LINES.map(lambda text: "\n".join(f"> {line}" for line in text.split("\n")))
    | LINES.map(lambda text: "- " + text.replace("\n", "\n  "))
    | LINES.map(lambda text: "1.\t" + text.replace("\n", "\n\t"))
    | LINES.map("    {}".format)
    | LINES.map("```\n{}\n```".format)
    | LINES.map("<div>\n{}\n</div>".format)
    | LINES.map("<div>\n\n{}\n\n</div>".format)
    | PIECES.map(
        lambda cells: f"| {' | '.join(cells)} |\n|{'---|' * len(cells)}\n".replace("(\n", "(")
    )
    | st.sampled_from(["[gone]: gone 'It went'", "[gone]:\n  gone\n  'It went'", "[there]: there"])
    | st.sampled_from(["> [gone]: /blog/gone", "- [gone]: <gone.md>", "[gone]: there"])
)
PAGES = st.lists(BLOCKS, min_size=1, max_size=5).map("\n\n".join)


def is_gone(target: str) -> bool:
    return path_of(target, PAGE, NAMES) == GONE


def rendered(text: str) -> str:
    """Give the page as HTML, without the tags of links that lead nowhere."""
    html = MarkdownIt("commonmark").enable("table").render(text)
    parts = re.split(r"(<!--.*?-->|<a\b[^>]*>|</a>)", html, flags=re.DOTALL)
    kept, is_open = [], False
    for part in parts:
        if part.startswith("<a"):
            target = re.search(r'href="([^"]*)"', part)
            is_open = target is not None and is_gone(target[1].replace("&amp;", "&"))
            kept += [] if is_open else [part]
        elif part == "</a>":
            kept += [] if is_open else [part]
            is_open = False
        else:
            kept.append(part)
    return re.sub(r"\s+", " ", "".join(kept))


def links_in(text: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    children = [child for token in tokens for child in token.children or ()]
    return [str(child.attrs["href"]) for child in children if child.type == "link_open"]


@given(PAGES, st.sampled_from(["\n", "\r\n"]))
@example("[x](gone)", "\n")
@example("See\n[---](gone)", "\n")
@example("See\n[=](gone)", "\r\n")
@example("[```](gone)\nSee", "\n")
@example("> [~~~](gone) see", "\n")
@example("- [* * *](gone)", "\n")
def test_nothing_changes_but_that_the_link_is_gone(page: str, line_end: str) -> None:
    page = page.replace("\n", line_end)

    found = unlink(page, is_gone)

    assert not any(map(is_gone, links_in(found)))
    assert rendered(found) == rendered(page)
    assert unlink(found, is_gone) == found


@given(PAGES)
@example("]([x](gone)")
@example(' href="[x](gone)"')
def test_every_link_is_among_those_that_a_page_may_hold(page: str) -> None:
    held = {path_of(target, PAGE, NAMES) for target in links_in(page)}

    assert held - {""} <= set(paths_in(page, PAGE, NAMES))


@given(st.text("[]()<>!`*_\\|-#: \n\tax/", max_size=80))
def test_a_page_without_such_links_stays_as_it_is(page: str) -> None:
    assert unlink(page, is_gone) == page
