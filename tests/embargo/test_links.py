"""Taking links out of a page: what is a link, what it means, and what stays of it."""

from __future__ import annotations

import pytest

from publisher.embargo.stage.links import path_of, unlink
from publisher.posts.blocks import Posts

NAMES = Posts(site_url="https://example.org/site", paths={})
PAGE = "/blog/page.md"


def without(text: str) -> str:
    return unlink(text, lambda target: path_of(target, PAGE, NAMES) == "/blog/gone")


@pytest.mark.parametrize(
    "target",
    [
        *("gone", "gone.md", "gone.html", "./gone", "../blog/gone", "/blog/gone", "/blog/gone/"),
        *("/site/blog/gone", "https://example.org/site/blog/gone.html", "gone#part", "gone?a=b"),
        *("<gone>", 'gone "A title"', "\n  gone\n", "g%6Fne", "&#103;one", "gone&#35;x"),
    ],
)
def test_every_way_to_write_a_link_is_known(target: str) -> None:
    assert without(f"See [it]({target}), please.") == "See it, please."


@pytest.mark.parametrize(
    "link",
    [
        *("[it](there)", "[it](#gone)", "[it](https://elsewhere.example/site/blog/gone)"),
        *("![it](gone)", "`[it](gone)`", "\\[it](gone)", "[it]({{ base }}/blog/gone)", "[it]()"),
        *("[it](gone is it)", "[it][gone]", "<!-- [it](gone) -->", "mailto:gone"),
        *("\n<script>const a = '<a href=\"gone\">it</a>'</script>\n", "<b href='gone'>it</b>"),
    ],
)
def test_what_is_no_such_link_stays(link: str) -> None:
    assert without(f"See {link}, please.\n") == f"See {link}, please.\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[![A saw](saw.png)](gone)", "![A saw](saw.png)"),
        ("[*the* `next`\none](gone)", "*the* `next`\none"),
        ("> See [it](\n> gone) now.\n", "> See it now.\n"),
        (
            "| [a\\|b](gone) | [c](there) |\r\n|---|---|\r\n",
            "| a\\|b | [c](there) |\r\n|---|---|\r\n",
        ),
        ("## [It](gone) ##\n", "## It ##\n"),
        ("1. [it](gone)\n\n   [it](gone)\n", "1. it\n\n   it\n"),
        ("[it](gone){.button target=_blank} {.intro}", "it {.intro}"),
        ("[[a](gone)\\[b](gone)", "a\\[b"),
        ("", ""),
    ],
    ids=[
        *("image", "marks", "quotation", "table", "heading", "list", "attributes", "brackets"),
        "nothing",
    ],
)
def test_the_text_stands_where_the_link_was(text: str, expected: str) -> None:
    assert without(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1. Begin](gone)", "1\\. Begin"),
        ("[- so](gone)", "\\- so"),
        ("[# One](gone)", "\\# One"),
        ("[> x](gone)", "\\> x"),
        ("see [1. Begin](gone)", "see 1. Begin"),
        ("[*so*](gone)", "*so*"),
        ("[1.5 metres](gone)", "1.5 metres"),
        ("See\n[---](gone)", "See\n\\-\\-\\-"),
        ("See\n[--](gone)-", "See\n\\-\\--"),
        ("See\n[=](gone)\nx", "See\n\\=\nx"),
        ("[==marked==](gone)", "==marked=="),
        ("[```](gone) and ``b``", "``` and ``b``"),
        ("[```](gone)\nx", "\\`\\`\\`\nx"),
        ("[~~~](gone) x", "\\~\\~\\~ x"),
        ("[***](gone)", "\\*\\*\\*"),
        ("[***so***](gone)", "***so***"),
        ("[:::](gone) tip", "\\:\\:\\: tip"),
        ("[    so](gone)", "so"),
        ("[1](gone). Begin", "1\\. Begin"),
        ("[1](gone) so", "1 so"),
    ],
)
def test_the_text_begins_no_block(text: str, expected: str) -> None:
    assert without(text) == expected


def test_a_definition_leads_nowhere_and_its_links_are_text() -> None:
    text = "[a][Gone], [gone], [gone][] and [b][there]\n\n[gone]:\n  gone.md 'T'\n[there]: there\n"

    found = without(text)

    assert found == "a, gone, gone and [b][there]\n\n[gone]:\n  <#> 'T'\n[there]: there\n"


def test_an_address_in_angle_brackets_is_text_that_nothing_makes_a_link_of() -> None:
    text = "<https://example.org/site/blog/gone> <https://example.org/site/blog/there>"

    found = without(text)

    assert found == ("https&#58;//example.org/site/blog/gone <https://example.org/site/blog/there>")


def test_tags_go_in_pairs_wherever_they_stand() -> None:
    text = (
        '<p class="x">\n<a\n  href="gone">one</a> <A HREF=\'gone\' title="a > b">two</A>\n'
        '<a href="there">three</a></p>\n\n<a href="gone">\n\n*four*\n\n</a>\n\n'
        'See <a class="y" href="/blog/gone#x">*five*</a> <a href="gone">and so on\n'
    )

    found = without(text)

    assert found == (
        '<p class="x">\none two\n<a href="there">three</a></p>\n\n\n\n*four*\n\n\n\n'
        'See *five* <a href="gone">and so on\n'
    )
