"""What is read of pages, whole and broken, as a browser shows them."""

from __future__ import annotations

import pytest

from publisher.text.html import fold, read_page


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one<p>two<div>three", "one two three"),
        ("<p>seen<!-- never closed <p>after", "seen"),
        ("<!--> <p>seen", "seen"),
        ("<!-- closed like this --!> seen", "seen"),
        ("<script><!-- <script> no </script> --></script>seen", "seen"),
        ("seen<style>p{} never closed", "seen"),
        ("<template><template>no</template>no</template>seen", "seen"),
        ("<template/>x</template>seen", "xseen"),
        ("<textarea><b>raw</b></textarea>", "b raw b"),
        ("a &amp b &copy 2020 &notit; &#8212; &#x2014 &unknown;", "a b 2020 it unknown"),
        ("co<wbr>operate<br>next", "cooperate next"),
        ("<my-box>a</my-box>b<PostPreview blurred>c</PostPreview>", "a b c"),
        ("<meta charset=iso-8859-1><p>Grüße 中文", "Grüße 中文"),
        ("<div>" * 30_000 + "deep", "deep"),
        ("", ""),
    ],
    ids=lambda html: html[:40],
)
def test_text_is_what_a_browser_shows(html: str, text: str) -> None:
    assert fold(read_page(html).text) == text
    assert fold(read_page(html.encode()).text) == text


def test_links_card_and_base_are_read_in_any_spelling() -> None:
    page = read_page(
        "<BASE HREF=/x/><base href=/y/><Link Rel='Canonical nofollow' href=a>"
        "<meta property=og:title content='A &amp; B'><meta name=twitter:image content=' /i.png '>"
        "<a href='?a=1&amp;b=2'>x</a><area href=z><img alt='a > b' src=x>"
        "<template><a href=no>x</a><img alt=no></template>"
    )

    assert (page.base, page.canonicals, page.links) == ("/x/", ("a",), ("?a=1&b=2", "z"))
    assert page.alts == ("a > b",)
    assert page.cards == {"og:title": ("A & B",), "twitter:image": ("/i.png",)}


@pytest.mark.parametrize(
    ("html", "is_noindex", "is_in_head"),
    [
        ("<META NAME=ROBOTS CONTENT='nofollow,NOINDEX'><p>x", True, True),
        ("<meta name=googlebot content=none>", True, False),
        ("<body><meta name=robots content=noindex>", True, False),
        ("<head><noscript><meta name=robots content=noindex></noscript>", True, False),
        ("<title><meta name=robots content=noindex></title>", False, False),
        ("<!-- <meta name=robots content=noindex> -->", False, False),
        ("<meta name=robots content=index>", False, False),
    ],
)
def test_rules_for_robots_and_where_they_stand(
    html: str, is_noindex: bool, is_in_head: bool
) -> None:
    page = read_page(html)

    assert (page.is_noindex, page.is_noindex_in_head) == (is_noindex, is_in_head)
