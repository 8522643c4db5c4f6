"""Filler in the place of text: the structure stays, and no word of the text does."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from yaml import safe_load

from publisher.embargo.redact.blocks import redact_blocks, redact_values
from publisher.embargo.redact.filler import PUNCTUATION, WORDS, Filler
from publisher.embargo.redact.text import image_targets, redact
from publisher.model import Embargo, PostId
from publisher.posts.blocks import Posts, find_blocks, reveal

SEEDS = Path(__file__).parents[1] / "data" / "seeds"
SERIES = ("stalactite", "workflow", "collective")
STALACTITE, WORKFLOW, COLLECTIVE = map(PostId, SERIES)
POSTS = Posts(
    site_url="https://example.org",
    paths={f"/blog/claude-code-{name}": PostId(name) for name in SERIES},
)
CANARY = "zanzibarquokka wombatfjord xylophonic"
SLUG = "zanzibarquokka-wombatfjord"
WORD = re.compile(r"zanzibarquokka|wombatfjord|xylophonic", re.IGNORECASE)


def a_seed(name: str) -> str:
    return (SEEDS / name).read_bytes().decode()


def redacted(body: str, seed: str = "post") -> str:
    return redact(body, seed=seed, image=lambda target: "/placeholder.png")


def types(text: str) -> list[str]:
    """Give the block structure of a text, levels of headings included."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(text)
    return [f"{token.type} {token.tag}" for token in tokens if token.type != "inline"]


# --- filler ----------------------------------------------------------------------------------


def test_a_word_becomes_one_of_like_length() -> None:
    text = "No sentence of mine should keep any of its words, whether short or considerable."

    filler = Filler("seed").text(text)

    assert [len(word) for word in filler.split()] == [len(word) for word in text.split()]
    assert {word.strip(".,").lower() for word in filler.split()} <= WORDS


def test_capitals_and_the_signs_between_words_stay() -> None:
    filler = Filler("seed").text(
        "Open-source, NASA (see “Chronicles”): why? Because; so… \u2013 End."
    )

    shape = re.sub(r"[A-Z]{2,}", "X", re.sub(r"[A-Z]?[a-z]+", "x", filler))
    assert shape == "x-x, X (x “x”): x? x; x… – x."  # noqa: RUF001
    assert filler.split()[0][0].isupper()
    assert filler.split("(")[1][0].islower()


@pytest.mark.parametrize(
    "text",
    [
        "1984",
        "🎉",
        "日本語の文章はここにあります",
        "ภาษาไทยไม่มีช่องว่าง",
        "a1!b2?c3",
        "=>",
        "$x^2$",
        "{{ x }}",
        "\x00",
    ],
)
def test_digits_signs_emoji_and_scripts_without_blanks_are_letters(text: str) -> None:
    filler = Filler("seed").text(text)

    assert filler.strip()
    assert set(filler) <= set("abcdefghijklmnopqrstuvwxyz ") | PUNCTUATION
    assert abs(len(filler) - len(text)) <= 3


def test_filler_depends_on_seed_and_position_only() -> None:
    assert Filler("a").text("lions sleep") == Filler("a").text("birds sings")
    assert Filler("a").text("lions " * 20) != Filler("b").text("lions " * 20)


def test_no_word_follows_itself() -> None:
    words = Filler("seed").text("to " * 5000).split()

    assert all(one != other for one, other in pairwise(words))


# --- structure -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "# One\n\n## Two\n\nSetext\n===\n\n###### Six ######\n",
        "A paragraph with *emphasis*, **strong words**, `code` and ~~strokes~~.\n",
        "First line  \nsecond line\\\nthird line\nfourth line\n",
        "- one\n- two\n  - nested\n    1. deep\n    2. deeper\n- three\n",
        "- loose\n\n- list\n\n  with a second paragraph\n\n- end\n",
        "3. three\n4. four\n",
        "1) one\n2) two\n",
        "- one\n\n* another list\n\n+ a third\n",
        "- [ ] open\n- [x] done\n",
        "- text\n  ```python\n  code()\n  ```\n- text\n\n  > quoted\n",
        "- \n- empty before\n-\n",
        "> quoted\n> lines\n>\n> > twice\n\n> another\n",
        "| a | b | c |\n|:--|:-:|--:|\n| 1 | `2` | **3** |\n| | x | |\n",
        "```js\nlet x = 1;\n\n  return x;\n```\n\n~~~\ntilde\n~~~\n",
        "---\n\ntext\n\n***\n\n- a\n- ___\n- b\n",
        "![alt](/a.png) and [link](/b) and [![both](c.png)](/d)\n",
        "- - - nested at once\n",
        "1. one\n\n   ***\n\n2. two\n",
        "* + - x\n",
        "Text that ends with a mark!\\\n[link](/a) **bold.** *it*\n",
    ],
)
def test_the_structure_stays(body: str) -> None:
    result = redacted(body)

    assert types(result) == types(body)
    assert types(redacted(result)) == types(body)


def test_emphasis_code_and_links_stay_what_they_are() -> None:
    html = MarkdownIt().render(redacted("A *b* **c** `d` [e](/f) ***g** h*, “*quoted*”.\n"))

    assert re.sub(r"[A-Za-z]{2,}", "w", re.sub(r"</?\w+|href", "t", html)).count("w") >= 8
    for tag in ("<em>", "<strong>", "<code>", '<a href="#">', "<em><strong>"):
        assert tag in html


def test_a_task_stays_open_or_done() -> None:
    lines = redacted("- [ ] open task\n- [x] done task\n").splitlines()

    assert lines[0].startswith("-   [ ] ")
    assert lines[1].startswith("-   [x] ")


def test_code_keeps_its_lines_and_indents() -> None:
    body = "```python\ndef secret():\n    return launch\n\n\tpass\n```\n"

    lines = redacted(body).splitlines()

    assert lines[0] == "```python"
    assert lines[2].startswith("    ")
    assert lines[3] == ""
    assert lines[4].startswith("\t")
    assert lines[-1] == "```"


@pytest.mark.parametrize(
    "info", ["mermaid", "secretlang", "Zanzibarquokka", "{.python}", "title=x"]
)
def test_only_the_name_of_a_known_language_stays(info: str) -> None:
    assert redacted(f"```{info}\ntext\n```\n").startswith("```\n")


def test_what_a_language_is_followed_by_goes() -> None:
    assert redacted("```js{1,3} [secret.js]\ntext\n```\n").startswith("```js\n")


def test_the_marks_of_unknown_containers_go_and_their_text_stays_text() -> None:
    assert types(redacted("::: secret Title\nText.\n\n- item\n:::\n\nMore.\n")) == types(
        "Text.\n\n- item\n\nMore.\n"
    )
    assert types(redacted('!!! note "Title"\n\n    Text.\n\n    - item\n\nMore.\n')) == types(
        "Text.\n\n- item\n\nMore.\n"
    )


def marks(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if ":::" in line]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("::: tip A title\nText.\n:::\n\nMore.\n", ["::: tip", ":::"]),
        (":::note[A title]\nText.\n:::\n", [":::note", ":::"]),
        ("::: details\n```js\nx\n```\n:::\n", ["::: details", ":::"]),
        ("::: code-group\n```js [a.js]\nx\n```\n:::\n", ["::: code-group", ":::"]),
        (":::: tip\n::: info\nText.\n:::\n::::\n", [":::: tip", "::: info", ":::", "::::"]),
        ("- item\n\n  ::: tip\n  Text.\n  :::\n", ["::: tip", ":::"]),
        ("::: tip\nNever closed.\n", []),
        ("Closed.\n\n:::\n", []),
        ("::: secret\nText.\n:::\n", []),
        ("::: tip\n::: secret\nText.\n:::\nMore.\n:::\n", ["::: tip", ":::"]),
        ("<!--::: tip-->\n\ntext\n", []),
        ("```\n::: tip\n:::\n```\n", []),
    ],
)
def test_known_containers_stay(body: str, expected: list[str]) -> None:
    result = redacted(body)

    assert marks(result) == expected
    assert marks(redacted(result)) == expected
    assert "title" not in result


@pytest.mark.parametrize("rest", [" A title\n> Text.", "\n> Text.\n>\n> - item", "\n>\n> Text."])
def test_an_alert_stays_one(rest: str) -> None:
    lines = redacted(f"> [!warning]{rest}\n").splitlines()

    assert lines[0] == "> [!WARNING]"
    assert len(lines) > 1
    assert "Title" not in lines[1]
    assert all(line.startswith(">") for line in lines)


@pytest.mark.parametrize(
    ("mark", "kept"),
    [
        ("<!-- more -->", "<!-- more -->"),
        ("<!--more-->", "<!--more-->"),
        ("<!-- TEASER_END -->", "<!-- TEASER_END -->"),
        ("<!-- END_TEASER -->", "<!-- END_TEASER -->"),
        (f"<!-- TEASER_END: {CANARY} -->", "<!-- TEASER_END -->"),
        (f"<!-- more --> {CANARY}", "<!-- more -->"),
    ],
)
def test_the_mark_at_which_an_excerpt_ends_stays(mark: str, kept: str) -> None:
    first, second = redacted(f"{CANARY}\n\n{mark}\n\nMore.\n").split(f"\n\n{kept}\n\n")

    assert first.strip()
    assert second.strip()
    assert not WORD.search(first + second)


def test_such_a_mark_within_a_paragraph_ends_it() -> None:
    first, second = redacted("One. <!--more-->\nTwo.\n\nThree.\n").split("\n\n<!--more-->\n\n")

    assert "<" not in first + second
    assert len(first.split()) == 2


@pytest.mark.parametrize("text", ["<!-- moreover -->", "<!-- one more -->", "`<!-- more -->`"])
def test_other_comments_and_what_is_code_are_no_such_marks(text: str) -> None:
    assert "<!--" not in redacted(f"One.\n\n{text}\n\nTwo.\n")


def test_text_without_anything_to_show_leaves_nothing() -> None:
    body = "<!-- comment -->\n\n<script setup>\nconst x = 1\n</script>\n\n[ref]: /target\n"

    assert redacted(body) == ""
    assert redacted("") == ""
    assert redacted(" \n\t\n") == ""


# --- canaries --------------------------------------------------------------------------------

CONSTRUCTS = {
    "paragraph": CANARY,
    "heading": f"## {CANARY}",
    "setext heading": f"{CANARY}\n----",
    "heading id": f"## Heading {{#{SLUG}}}",
    "emphasis": f"a *{CANARY}* **{CANARY}** ***{CANARY}*** ~~{CANARY}~~",
    "inline code": f"`{CANARY}` ``{CANARY} ` {CANARY}``",
    "list": f"- {CANARY}\n  1. {CANARY}",
    "task list": f"- [ ] {CANARY}\n- [x] {CANARY}",
    "quote": f"> {CANARY}\n> > {CANARY}",
    "alert": f"> [!NOTE] {CANARY}\n> {CANARY}",
    "table": f"| {CANARY} | b |\n|---|---|\n| {CANARY} | `{CANARY}` |",
    "too long a row": f"| a |\n|---|\n| a | {CANARY} |",
    "code": f"```\n{CANARY}\n```",
    "code info": f"```{SLUG} {CANARY}\ncode\n```",
    "code title": f"```js [{CANARY}]\ncode\n```",
    "code comment": f"```python\n# {CANARY}\nx = '{CANARY}'\n```",
    "indented code": f"    {CANARY}",
    "unclosed fence": f"```\n{CANARY}",
    "mermaid": f"```mermaid\ngraph TD\n  A[{CANARY}] --> B\n```",
    "alt": f"![{CANARY}](/a.png)",
    "image title": f'![a](/a.png "{CANARY}")',
    "image target": f"![a](/{SLUG}.png)",
    "link text": f"[{CANARY}](/a)",
    "link title": f'[a](/b "{CANARY}")',
    "link target": f"[a](/{SLUG})",
    "script link": f"[a](javascript:{SLUG})",
    "angled target": f"[a](<{CANARY}>)",
    "autolink": f"<https://example.org/{SLUG}>",
    "email": f"<{SLUG}@example.org>",
    "bare link": f"https://example.org/{SLUG}?q={SLUG}",
    "reference": f"[{CANARY}][{SLUG}]\n\n[{SLUG}]: /{SLUG} '{CANARY}'",
    "definition": f"[{SLUG}]: /{SLUG} '{CANARY}'",
    "image reference": f"![{CANARY}][{SLUG}]\n\n[{SLUG}]: /{SLUG}.png",
    "footnote": f"text[^{SLUG}]\n\n[^{SLUG}]: {CANARY}\n    {CANARY}",
    "inline footnote": f"text^[{CANARY}]",
    "abbreviation": f"*[HTML]: {CANARY}",
    "definition list": f"{CANARY}\n: {CANARY}",
    "math": f"$x = {CANARY}$\n\n$$\n\\text{{{CANARY}}}\n$$",
    "comment": f"<!-- {CANARY} -->",
    "inline comment": f"a <!-- {CANARY} --> b",
    "unclosed comment": f"<!-- {CANARY}",
    "html": f"<div>{CANARY}</div>",
    "html block": f"<details>\n<summary>{CANARY}</summary>\n\n{CANARY}\n\n</details>",
    "html attribute": f'<p title="{CANARY}">text</p>',
    "html alt": f'<img src="/a.png" alt="{CANARY}">',
    "html source": f'<img src="/{SLUG}.png">',
    "inline html": f'a <abbr title="{CANARY}">{CANARY}</abbr> b',
    "unclosed tag": f'<div title="{CANARY}',
    "preformatted": f"<pre>\n{CANARY}\n\n{CANARY}\n</pre>",
    "textarea": f"<textarea>\n{CANARY}\n\n</textarea>",
    "cdata": f"<![CDATA[{CANARY}]]>",
    "processing instruction": f"<?php {CANARY} ?>",
    "declaration": f"<!DOCTYPE {CANARY}>",
    "script": f"<script>\nconst a = '{CANARY}'\n\nconst b = '{CANARY}'\n</script>",
    "style": f"<style>\n.{SLUG}::after {{ content: '{CANARY}' }}\n</style>",
    "component": f'<MyChart title="{CANARY}" :data="{{a: \'{CANARY}\'}}" />',
    "component slot": f"<MyCard>\n  <template #title>{CANARY}</template>\n\n{CANARY}\n</MyCard>",
    "component name": "<ZanzibarquokkaWombatfjord />",
    "multi-line component": f"<MyChart\n  title='{CANARY}'\n  :x='1'\n/>",
    "vue expression": f"{{{{ '{CANARY}' }}}} and {{{{ {SLUG} }}}}",
    "jsx": f"<Chart data={{[{{name: '{CANARY}'}}]}}>{CANARY}</Chart>",
    "jsx expression": f"{{props.x ?? '{CANARY}'}}",
    "mdx import": f"import Secret from './{SLUG}.mdx'\n\nexport const x = '{CANARY}'",
    "hugo shortcode": f'{{{{< figure src="/{SLUG}.png" title="{CANARY}" >}}}}',
    "hugo markdown shortcode": f"{{{{% notice %}}}}\n{CANARY}\n{{{{% /notice %}}}}",
    "liquid": f"{{% include a.html b='{CANARY}' %}} {{% comment %}}{CANARY}{{% endcomment %}}",
    "liquid raw": f"{{% raw %}}{CANARY}{{% endraw %}}",
    "attribute list": f"text {{: title='{CANARY}' #{SLUG} }}",
    "container": f"::: tip {CANARY}\n{CANARY}\n:::",
    "admonition": f'!!! note "{CANARY}"\n    {CANARY}\n\n    {CANARY}',
    "folded admonition": f'??? note "{CANARY}"\n\n    {CANARY}',
    "tab": f'=== "{CANARY}"\n\n    {CANARY}',
    "wiki link": f"[[{CANARY}|{SLUG}]]",
    "highlight": f"=={CANARY}== ++{CANARY}++ ^{CANARY}^",
    "emoji name": f":{SLUG}:",
    "entities": "".join(f"&#{ord(letter)};" for letter in CANARY),
    "escapes": "".join(f"\\{letter}" if not letter.isalnum() else letter for letter in CANARY),
    "deep quote": "> " * 60 + CANARY,
    "deep list": "".join(f"{'  ' * n}- {CANARY}\n" for n in range(60)),
    "line separator": f"a\u2028{CANARY}\u2029{CANARY}\x0b{CANARY}\x0c{CANARY}\x85{CANARY}",
    "carriage return": f"a\r{CANARY}\r\r\n{CANARY}",
    "long paragraph": f"{'word ' * 5000}{CANARY} **{CANARY}** [{CANARY}]({SLUG})",
    "long word": f"{'x' * 200_000} {CANARY}",
    "wide table": "|a" * 3000 + "\n" + "|-" * 3000 + f"\n|{CANARY}\n" + "|x\n" * 300,
}


@pytest.mark.parametrize("body", CONSTRUCTS.values(), ids=CONSTRUCTS.keys())
def test_no_canary_survives(body: str) -> None:
    for text in (body, f"Before.\n\n{body}\n\nAfter.\n", f"- item\n\n{'    '}{body}\n"):
        result = redacted(text)

        assert not WORD.search(result)
        assert not set(result) & set("{}<\\$^@|") - ({"|"} if "|" in body else set())
        words = re.findall(r"[^\W_]{4,}", result.replace("(/placeholder.png)", ""))
        assert {word.lower() for word in words} <= WORDS | {"python", "note"}


@pytest.mark.parametrize("body", CONSTRUCTS.values(), ids=CONSTRUCTS.keys())
def test_the_same_seed_gives_the_same_filler(body: str) -> None:
    assert redacted(body) == redacted(body)


def test_the_target_of_a_placeholder_is_written_safely() -> None:
    result = redact("![a](b.png)", seed="", image=lambda target: '/x y/{{z}}<a>(b)"c"|d.png')

    assert not set(result.partition("](")[2][:-2]) & set(' {}<>()"|')
    assert types(result) == types("![a](b.png)")


def test_an_image_inside_the_text_itself_becomes_a_grey_point() -> None:
    secret = "iVBORw0KGgo" * 2000

    result = redact(f"![a](data:image/png;base64,{secret})", seed="", image=lambda target: target)

    assert "iVBOR" not in result
    assert types(result) == types("![a](b.png)")
    assert len(result) < 200


# --- which images ----------------------------------------------------------------------------


def test_images_are_named_as_written() -> None:
    body = (
        "![a](/a.png) ![b](<b c.png> 'title') ![c][ref] [![d](../d.webp)](/x)\n\n"
        '<img alt="x" src="/e.jpg">\n\n<Hero image="/f.avif" :src="\'/g.svg\'" />\n\n'
        '{{< figure src="/h.gif" title="x" >}}\n\n| ![i](å.png) |\n|---|\n\n'
        "text <img src=j.png> ![k](https://example.org/k?x=1)\n\n[ref]: /c.png\n\n"
        '<source srcset="/l.png 1x, /m.png 2x">\n\n![n](data:image/png;base64,AAAA)\n'
    )

    assert image_targets(body) == (
        "/a.png",
        "b c.png",
        "/c.png",
        "../d.webp",
        "/e.jpg",
        "/f.avif",
        "/g.svg",
        "/h.gif",
        "å.png",
        "j.png",
        "https://example.org/k?x=1",
        "/l.png",
        "/m.png",
    )


def test_an_image_that_code_speaks_of_is_not_shown() -> None:
    assert image_targets('```html\n<img src="/a.png">\n```\n\n`![a](/b.png)`\n') == ()


# --- hostile texts ---------------------------------------------------------------------------

HOSTILE = {
    "brackets": "[" * 100_000,
    "images": "![" * 50_000,
    "stars": "*a _b " * 20_000,
    "backticks": "".join("`" * n + " " for n in range(1, 400)),
    "quotes": "> " * 50_000,
    "bullets": "- " * 50_000,
    "angles": "<" * 100_000,
    "half tags": "<a b='" * 20_000,
    "comments": "a <!--" * 20_000,
    "references": "".join(f"[a{n}]: b\n" for n in range(10_000)),
    "cells": ("|a" * 400 + "\n" + "|-" * 400 + "\n" + "|\n" * 200 + "\n") * 30,
    "admonitions": "".join(f"{'    ' * (n % 60)}!!! a\n" for n in range(2000)),
    "nested emphasis": "*a **b " * 700 + "c** d* " * 700,
    "braces": "{:" * 50_000,
    "half surrogates": "[a](\udc80) <http://\udcff/> ![\ud800](\udfff) \udc80",
    "zeros": "\0" * 1000 + "[a](\0)",
    "image tags": "<img src" + " " * 100_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_are_redacted_in_bounded_time(body: str) -> None:
    started = time.process_time()

    result = redacted(body)
    image_targets(body)

    assert time.process_time() - started < 20
    assert set(re.findall(r"[^\W_]{4,}", result.lower())) <= WORDS | {"placeholder"}


# --- blocks on other pages -------------------------------------------------------------------


def on_page(
    text: str, hidden: dict[PostId, Embargo] | None = None, page: str = "/blog/chronicles.md"
) -> str:
    if hidden is None:
        hidden = dict.fromkeys((STALACTITE, WORKFLOW, COLLECTIVE), Embargo.REDACT)
    return redact_blocks(text, page=page, posts=POSTS, hidden=hidden, image=lambda target: "/p.png")


def outside(text: str) -> list[str]:
    blocks = [block for block in find_blocks(text) if block.links]
    edges = [0, *(edge for block in blocks for edge in (block.start, block.end)), len(text)]
    return [text[edges[n] : edges[n + 1]] for n in range(0, len(edges), 2)]


@pytest.mark.parametrize("name", ["chronicles.md", "chronicles-embargoed.md"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_landing_page_is_embargoed_by_itself(name: str, line_end: str) -> None:
    text = a_seed(name).replace("\n", line_end)

    result = on_page(text)

    assert outside(result) == outside(text)
    assert result.count("<PostPreview blurred>") == 3
    assert len(re.findall(r"<RevealStamp date=.*/>", result)) == 3
    assert re.findall("<.*?>", result) == re.findall("<.*?>", text)
    assert ("\r\n" in result) == ("\r\n" in text)
    assert result.count("\n") == result.count(line_end)
    for block in find_blocks(result):
        shown = re.sub(
            r"<template.*?/template>|<[^>]*>", "", result[block.start : block.end], flags=re.DOTALL
        )
        assert {word.lower() for word in re.findall(r"[^\W_]{4,}", shown)} <= WORDS


def test_a_block_keeps_its_structure_and_its_indent() -> None:
    result = on_page(a_seed("chronicles.md"))

    block = find_blocks(result)[1]
    shape = re.sub(
        r"[A-Za-z]{2,}", "w", result[block.start : block.end].partition("</template>")[2]
    )
    lines = [line for line in shape.splitlines() if line]
    assert [line[:6] for line in lines[:4]] == ["  **w ", "  w w ", "  **w ", "  1.  "]
    assert len([line for line in lines if re.match(r"  \d\.  w", line)]) == 6
    assert lines[-2].startswith("  *w w w")


def test_one_post_of_three_is_embargoed_alone() -> None:
    text = reveal(reveal(a_seed("chronicles.md"), STALACTITE, POSTS), COLLECTIVE, POSTS)

    result = on_page(text, {WORKFLOW: Embargo.REDACT})

    before, after = find_blocks(text), find_blocks(result)
    assert result[: after[1].start] == text[: before[1].start]
    assert result[after[1].end :] == text[before[1].end :]
    assert "Issue-first" not in result


@pytest.mark.parametrize("policy", [Embargo.TEASER, Embargo.OMIT])
def test_without_redaction_only_the_stamp_is_left(policy: Embargo) -> None:
    result = on_page(a_seed("chronicles.md"), {WORKFLOW: policy})

    block = find_blocks(result)[1]
    assert result[block.start : block.end] == (
        "<PostPreview blurred>\n"
        "  <template #stamp>\n"
        '    <RevealStamp date="Tuesday, November 11th" relative />\n'
        "  </template>\n"
        "</PostPreview>"
    )


@pytest.mark.parametrize("hidden", [{}, {WORKFLOW: Embargo.OFF}])
def test_a_blurred_block_is_not_to_be_read_whoever_owns_it(hidden: dict[PostId, Embargo]) -> None:
    text = reveal(a_seed("chronicles.md"), STALACTITE, POSTS)

    result = on_page(text, hidden)

    assert result.count("<PostPreview blurred>") == 2
    assert "Issue-first" not in result
    assert "crystallized knowledge" in result


@pytest.mark.parametrize(
    "link", ["[part one](/blog/claude-code-workflow)", "[mine](https://www.example.org/blog/x)"]
)
def test_a_section_that_links_another_part_gives_its_blurred_block_away_to_nobody(
    link: str,
) -> None:
    text = f"## Two\n\nAfter {link}.\n\n<PostPreview blurred>\n\n{CANARY}\n\n</PostPreview>\n"

    result = on_page(text, {COLLECTIVE: Embargo.REDACT})

    assert not WORD.search(result)


def test_a_revealed_page_shows_what_is_public_and_no_more() -> None:
    result = on_page(reveal(a_seed("chronicles.md"), STALACTITE, POSTS), {WORKFLOW: Embargo.REDACT})

    assert result.count("<PostPreview revealed>") == 1
    assert "crystallized knowledge" in result
    assert "Issue-first" not in result


BEFORE = {
    "escaped backticks": "Press \\` to begin.\n%s\nPress \\` to end.",
    "escaped comment": "Write \\<!-- to begin a comment.\n\n%s",
    "escaped script": "The tag \\<script> is old.\n\n%s",
    "comment in a title": '<a title="<!-- x" href="#">x</a>\n\n%s',
    "comment in an expression": "Vue: {{ '<!--' }} prints it.\n\n%s",
    "comment left open": "A <!-- is not closed in its paragraph.\n\n%s\n\n--> here",
    "script left open": "A <script> is not closed in its paragraph.\n\n%s",
    "indented": "<div>\n\n    %s\n\n</div>",
    "code in another cell": "| a | b | c |\n|---|---|---|\n| ` | %s | ` |",
    "code in an attribute": "<b title='`'>x</b> %s <b title='`'>y</b>",
}


@pytest.mark.parametrize("around", BEFORE.values(), ids=BEFORE.keys())
def test_no_sign_before_a_block_makes_code_or_a_comment_of_it(around: str) -> None:
    block = f'<PostPreview post="workflow" blurred>{CANARY}</PostPreview>'

    result = on_page(around % block)

    assert not WORD.search(result)
    assert result.startswith(around.partition("%s")[0])


@pytest.mark.parametrize("name", ["PostPreview", "postPreview", "Post-preview", "post-preview"])
def test_every_name_of_the_component_is_its_name(name: str) -> None:
    result = on_page(f'<{name} post="workflow"blurred>{CANARY}</{name}>\n')

    assert result.startswith(f'<{name} post="workflow" blurred>')
    assert not WORD.search(result)


@pytest.mark.parametrize(
    "around",
    ["`%s`", "<!-- %s -->", "A <!-- %s --> b", "```\n%s\n```", "<script>\n%s\n</script>"],
)
def test_code_and_comments_stay_as_they_are(around: str) -> None:
    text = around % f'<PostPreview post="workflow" blurred>{CANARY}</PostPreview>'

    assert on_page(text) == text


# --- blocks in frontmatter -------------------------------------------------------------------


def in_frontmatter(text: str) -> str:
    return redact_values(text, posts=POSTS, hidden={WORKFLOW: Embargo.REDACT})


@pytest.mark.parametrize(
    "value",
    [
        f'<PostPreview post="workflow">{CANARY}: <b>{CANARY}</b></PostPreview>',
        f'"<PostPreview post=\\"workflow\\" blurred>{CANARY}</PostPreview>"',
        f"<postPreview post='/blog/claude-code-workflow'>{CANARY}</postPreview>",
        f"<PostPreview blurred>{CANARY}</PostPreview>",
        f"<PostPreview blurred>{CANARY}",
        f">\n  <PostPreview blurred>\n  {CANARY}:\n  '{CANARY}\n  </PostPreview>",
    ],
)
def test_a_block_in_frontmatter_is_redacted_and_the_rest_is_not(value: str) -> None:
    text = f"---\nlayout: home\nfeatures:\n  - title: Two\n    details: {value}\n---\n"
    text = text.replace("\n  <", "\n      <").replace(f"\n  {CANARY}", f"\n      {CANARY}")
    text = text.replace(f"\n  '{CANARY}", f"\n      '{CANARY}").replace("\n  </P", "\n      </P")

    result = in_frontmatter(text)

    assert not WORD.search(result)
    values = safe_load(result.replace("---", ""))
    assert (values["layout"], values["features"][0]["title"]) == ("home", "Two")
    assert "review" in values["features"][0]["details"]


def test_a_public_block_in_frontmatter_stays() -> None:
    text = f"---\nx: <PostPreview post='stalactite' blurred>{CANARY}</PostPreview>\n---\n"

    assert in_frontmatter(text) == text


# --- blocks of withdrawn posts ---------------------------------------------------------------


def test_a_block_of_a_withdrawn_post_is_blurred_again() -> None:
    text = reveal(a_seed("chronicles.md"), STALACTITE, POSTS)

    result = on_page(text, {STALACTITE: Embargo.REDACT})

    assert result.count("<PostPreview blurred>") == 3
    assert "crystallized knowledge" not in result


def test_a_block_names_its_post_and_loses_the_words_in_its_attributes() -> None:
    attributes = f'post="workflow" class=\'wide\' title="{CANARY}" :x="\'{SLUG}\'"'
    text = f"<PostPreview revealed {attributes}>\n\n{CANARY}\n</PostPreview>\n"

    result = on_page(text)

    assert result.startswith("<PostPreview blurred post=\"workflow\" class='wide'>\n\n")
    assert result.endswith("\n</PostPreview>\n")
    assert not WORD.search(result)


def test_a_block_without_an_inside_stays_one() -> None:
    text = f'A <PostPreview revealed post="workflow" title="{CANARY}" /> b\n'

    assert on_page(text) == 'A <PostPreview blurred post="workflow" /> b\n'


def test_a_block_in_a_hidden_block_goes_with_it() -> None:
    inner = f"<PostPreview post='collective'>\n\n{CANARY}\n\n</PostPreview>"
    text = (
        f"<PostPreview blurred post='workflow'>\n\nText.\n\n{inner}\n\n{CANARY}\n\n</PostPreview>\n"
    )

    result = on_page(text)

    assert len(find_blocks(result)) == 1
    assert not WORD.search(result)


def test_a_hidden_block_in_a_public_one_is_redacted_alone() -> None:
    inner = f"<PostPreview blurred post='collective'>\n\n{CANARY}\n\n</PostPreview>"
    outer = "<PostPreview revealed post='workflow'>"
    text = f"{outer}\n\nPublic text.\n\n{inner}\n\nMore.\n\n</PostPreview>\n"

    result = on_page(text, {COLLECTIVE: Embargo.REDACT})

    assert result.startswith("<PostPreview revealed post='workflow'>\n\nPublic text.\n\n")
    assert result.endswith("\n\nMore.\n\n</PostPreview>\n")
    assert not WORD.search(result)


def test_a_block_in_code_is_text() -> None:
    text = f"```html\n<PostPreview post='workflow'>{CANARY}</PostPreview>\n```\n"

    assert on_page(text) == text


def test_a_block_on_one_line_is_redacted() -> None:
    result = on_page(f'<PostPreview post="workflow">{CANARY}</PostPreview>\n')

    assert not WORD.search(result)
    assert len(find_blocks(result)) == 1


@pytest.mark.parametrize(("word", "is_shown"), [("blurred", False), ("revealed", True)])
def test_block_that_belongs_to_no_post_is_redacted_where_it_is_blurred(
    word: str, is_shown: bool
) -> None:
    text = f"<PostPreview {word}>\n\nThe butler did it with a candlestick.\n\n</PostPreview>\n"
    nobody = Posts(site_url="https://site.example", paths={})

    new = redact_blocks(text, page="/a.md", posts=nobody, hidden={}, image=lambda target: target)

    assert ("candlestick" in new) is is_shown
    assert f"<PostPreview {word}>" in new
