"""I12: a hidden sentence of eight words is found however it is written, and only where it is."""

from __future__ import annotations

import gzip
import html
import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import brotli
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.embargo.embargoed_text import EmbargoedText, PublicTexts
from publisher.embargo.leaks import search
from publisher.model import Embargo, PostId

LETTERS = "abcdefghijklmnopqrstuvwxyzäéøßčñ"
WORD = st.text(LETTERS, min_size=2, max_size=9)
HIDDEN_WORDS = st.lists(WORD, min_size=8, max_size=40, unique=True)
OTHER = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=9).map(str.lower)


def escaped(text: str) -> str:
    """Write every character as JavaScript may, in UTF-16."""
    units = text.encode("utf-16-be").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))


def in_spans(text: str) -> str:
    return " ".join(f'<span style="color:#fff">{word}</span>' for word in text.split())


def in_spans_amid_words(text: str) -> str:
    return "".join(
        f"<i>{part[:2]}</i><!-- --><b>{part[2:]}</b>" for part in re.split(r"(?<= )", text)
    )


def smart(text: str) -> str:
    return (
        text.replace("'", "\u2019")
        .replace('"', "“")
        .replace(" - ", " — ")
        .replace(" ", "\u00a0", 1)
    )


def shy(text: str) -> str:
    return re.sub(r"(\w\w)(\w)", "\\1\u00ad\\2", text)


def percent_coded(text: str) -> str:
    return f"https://share.example/?text={quote(text)}&x=1"


TEXTUAL: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "HTML": lambda text: f"<p>{html.escape(text)}</p>",
    "HTML twice": lambda text: f"<content>{html.escape(html.escape(text))}</content>",
    "numbers": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "JSON": lambda text: json.dumps({"body": f"x\n{text}\n\ty"}),
    "JSON as it is": lambda text: json.dumps([text], ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps({"body": json.dumps(["a\n" + text + "\nb"])}),
    "JSON in an attribute": lambda text: (
        f'<a data-x="{html.escape(json.dumps([text + chr(10)]))}">'
    ),
    "HTML in JSON": lambda text: json.dumps(f"<p>{html.escape(text)}</p>").replace("<", "\\u003c"),
    "JavaScript": lambda text: f'e.x=(a<b)?"{escaped(text)}":c>d;',
    "a template string": lambda text: f"const a=`<p>${{x}}{text}</p>`;if(a<b&&c>d)f()",
    "a line that goes on": lambda text: "'" + text.replace(" ", " \\\n", 3) + "'",
    "an attribute": lambda text: f'<meta name="description" content="{html.escape(text)}">',
    "a comment": lambda text: f"<!-- {html.escape(text)} -->",
    "a percent code": percent_coded,
    "a form": lambda text: f"mailto:x?body={quote_plus(text)}",
    "a span per word": in_spans,
    "a span per syllable": in_spans_amid_words,
    "smart quotes": smart,
    "soft hyphens": shy,
    "capitals": str.upper,
    "minified": lambda text: f"<html><p>a<p>{html.escape(' '.join(text.split()))}<p>b",
    "CDATA": lambda text: f"<x><![CDATA[{text}]]></x>",
}
BINARY: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "brotli": brotli.compress,
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "UTF-16 without mark": lambda data: data.decode().ljust(40).encode("utf-16-be"),
    "UTF-32": lambda data: data.decode().encode("utf-32"),
}


def a_hidden(text: str, *, post: str = "door", shown: str = "") -> EmbargoedText:
    return EmbargoedText(
        post=PostId(post),
        path=f"content/blog/{post}.md",
        url=f"https://example.org/blog/{post}",
        policy=Embargo.REDACT,
        text=text,
        shown=shown,
    )


@settings(deadline=None)
@given(
    words=HIDDEN_WORDS,
    first=st.integers(0, 32),
    around=st.lists(OTHER, max_size=30),
    way=st.sampled_from(sorted(TEXTUAL)),
    packing=st.sampled_from(sorted(BINARY)),
    width=st.integers(10, 90),
    marks=st.sampled_from(("", "'", '"', " - ", "…")),
)
def test_eight_words_are_found_however_they_are_written(
    tmp_path_factory, words, first, around, way, packing, width, marks
) -> None:
    output = tmp_path_factory.mktemp("output")
    start = min(first, len(words) - 8)
    sentence = " ".join(words[start : start + 8])
    text = textwrap.fill(sentence + marks, width, break_long_words=False)
    page = " ".join(around) + "\n" + TEXTUAL[way](text) + "\n" + " ".join(around)
    (output / "page").write_bytes(BINARY[packing](page.encode()))

    leaks = search(output, hidden=[a_hidden(" ".join(words))], public=PublicTexts())

    assert [(leak.file, leak.post) for leak in leaks] == [("page", "door")]
    assert len(leaks[0].excerpt) <= 100


@settings(deadline=None)
@given(
    words=HIDDEN_WORDS,
    others=st.lists(OTHER.map(lambda word: f"{word}x"), max_size=30),
    way=st.sampled_from(sorted(TEXTUAL)),
    packing=st.sampled_from(sorted(BINARY)),
)
def test_nothing_is_found_where_nothing_is(tmp_path_factory, words, others, way, packing) -> None:
    output = tmp_path_factory.mktemp("output")
    public = " ".join(word[::-1] + "x" for word in words)
    page = TEXTUAL[way](f"{public} {' '.join(others)}")
    (output / "page").write_bytes(BINARY[packing](page.encode()))

    assert search(output, hidden=[a_hidden(" ".join(words))], public=PublicTexts()) == ()


@settings(deadline=None)
@given(words=HIDDEN_WORDS, way=st.sampled_from(sorted(TEXTUAL)))
def test_what_a_public_text_has_is_no_leak(tmp_path_factory, words, way) -> None:
    output: Path = tmp_path_factory.mktemp("output")
    text = " ".join(words)
    (output / "page").write_text(TEXTUAL[way](text))

    essay = " ".join(f"Else{number}" for number in range(120))  # else it would be a copy
    public = [f"# A page\n\n{essay}\n\n{text}\n"]

    assert search(output, hidden=[a_hidden(text)], public=PublicTexts(others=public)) == ()
