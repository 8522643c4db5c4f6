"""Frontmatter under embargo, the page it stands on, and what is said to be hidden."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.config.settings import SiteSettings
from publisher.embargo.redact.document import write_document
from publisher.embargo.redact.filler import WORDS
from publisher.embargo.redact.frontmatter import staged_metadata, texts_in
from publisher.embargo.redact.page import embargoed_page, hidden_text
from publisher.generators import GENERATORS
from publisher.model import Embargo
from publisher.text.frontmatter import Document, Format, parse
from tests.factories import a_post

CANARY = "zanzibarquokka wombatfjord xylophonic"
OSLO = ZoneInfo("Europe/Oslo")
DOCUMENT = f"""\
---
title: The Pattern That Prevents Chaos
description: Six steps from an idea to a finished piece.
subtitle: {CANARY}
date: 2027-03-09
reveal: 2027-03-09T09:00:00+01:00
status: scheduled
id: pattern
slug: pattern
layout: post
series: {{name: Chronicles, part: 2}}
readingTime: 4
rating: 4.5
featured: true
nothing:
hero:
  image: /images/p.jpg
  alt: {CANARY}
  attribution: {{author: {CANARY}, authorUrl: "https://www.example.com/zanzibarquokka"}}
tags: [zanzibarquokka, wombatfjord]
faq:
  - question: {CANARY}
    answer: {CANARY}
  - {CANARY}
authors: [ole]
teaser: What to expect.
announce:
  x: "{CANARY} x {{url}}"
  linkedin: {{text: "{CANARY} linkedin", after: 2h}}
  newsletter: {{subject: "{CANARY} newsletter", at: 2027-03-10T07:00}}
  console: false
---

<BlogHeading />

# The Pattern That Prevents Chaos

{CANARY}

## {CANARY}
"""


def a_site(generator: str = "vitepress", **changes: Any) -> SiteSettings:
    facts: dict[str, Any] = {
        "name": "sample",
        "url": "https://chronicles.example",
        "root": Path("/site"),
        "posts": ("blog/*.md",),
        "post_url": "/blog/{slug}",
        "generator": GENERATORS[generator],
        "zone": OSLO,
        "release_time": time(9),
    }
    return SiteSettings(**{**facts, **changes})


def a_document(text: str = DOCUMENT) -> Document:
    return parse(text.encode(), "content/blog/pattern.md")


def placeholder(target: str) -> str:
    return f"/placeholder/{len(target)}.jpg"


def staged(
    text: str = DOCUMENT,
    site: SiteSettings | None = None,
    policy: Embargo = Embargo.REDACT,
) -> dict[str, Any]:
    return staged_metadata(a_document(text), a_post(), site or a_site(), policy, image=placeholder)


def yaml(*lines: str) -> str:
    return "---\n" + "\n".join(lines) + "\n---\nBody.\n"


def are_filler(text: str) -> bool:
    return {word.strip(".,:").lower() for word in text.split()} <= WORDS


# --- metadata --------------------------------------------------------------------------------


def test_what_may_be_seen_and_what_gives_the_page_its_place_stay() -> None:
    old, new = a_document().metadata, staged()

    for key in ("title", "description", "teaser", "date", "reveal", "status", "id", "slug"):
        assert new[key] == old[key]
    for key in ("layout", "series", "featured", "nothing", "authors"):
        assert new[key] == old[key]


def test_a_vitepress_page_keeps_search_engines_away_wherever_it_is_built() -> None:
    noindex = ["meta", {"name": "robots", "content": "noindex"}]
    text = yaml("title: One", "head:", "  - [meta, {name: author, content: Robin}]")

    assert staged(text)["head"] == [noindex]
    assert staged(text, a_site(keep=("head",)))["head"] == [
        ["meta", {"name": "author", "content": "Robin"}],
        noindex,
    ]
    assert staged("---\nhead: 3\n---\n", a_site(keep=("head",)))["head"] == [noindex]


def test_every_other_text_is_filler_in_the_same_shape() -> None:
    new = staged()

    assert are_filler(new["subtitle"])
    assert [len(word) for word in new["subtitle"].split()] == [12, 11, 10]
    assert new["hero"]["image"] == placeholder("/images/p.jpg")
    assert are_filler(new["hero"]["alt"])
    assert are_filler(new["hero"]["attribution"]["author"])
    assert new["hero"]["attribution"]["authorUrl"] == "https://example.org/"
    assert are_filler(new["faq"][0]["question"])
    assert are_filler(new["faq"][1])
    assert new["faq"][0]["question"] != new["faq"][0]["answer"]
    assert "announce" not in new
    assert "quokka" not in repr(new)


def test_keys_that_the_site_keeps_stay() -> None:
    new = staged(site=a_site(keep=("subtitle", "tags")))

    assert new["subtitle"] == CANARY
    assert new["tags"] == ["zanzibarquokka", "wombatfjord"]


def test_the_tags_of_all_posts_become_one_word_of_filler() -> None:
    [tag] = staged()["tags"]

    assert are_filler(tag)
    assert staged(yaml("tags: one, two"))["tags"] == tag
    assert staged(yaml("tags: [one]"), policy=Embargo.TEASER)["tags"] == [tag]
    assert staged(yaml("tags: []"))["tags"] == []


def test_a_category_that_is_a_name_stays_or_one_that_every_url_has() -> None:
    text = yaml("category: review", "categories: [essay, true stories, a secret]")
    site = a_site("astro", post_url="/true stories/{slug}")

    new = staged(text, site)

    assert new["category"] == "review"
    assert new["categories"][:2] == ["essay", "true stories"]
    assert are_filler(new["categories"][2])
    assert texts_in(a_document(text), site)[0] == ("a secret",)


@pytest.mark.parametrize("generator", ["hugo", "jekyll", "mkdocs", "nikola", "pelican"])
def test_where_every_tag_makes_a_page_only_a_category_of_every_url_stays(generator: str) -> None:
    text = yaml("category: news", "categories: [news, secret]", "tags: [one]", "keywords: a, b")
    site = a_site(generator, post_url="/news/{slug}")

    new = staged(text, site)

    assert new["category"] == "news"
    assert new["categories"] == ["news"]
    assert (new["tags"], new["keywords"]) == ([], "")
    assert texts_in(a_document(text), site)[0] == ("secret", "one", "a, b")


SENTENCE = "The lathe in the cellar ran all night"
STRUCTURE = (
    'sidebar: [{title: Role, text: "%s"}]',
    'sidebar: {label: "%s", order: 3}',
    'page: {lead: "%s"}',
    'build: {note: "%s", list: never}',
    'outline: {label: "%s", level: [2, 3]}',
    'series: "%s"',
    'series: {name: A, part: 1, parts: ["%s"]}',
    'updated: "%s"',
    'aliases: ["%s", /old/address/]',
    'layout: "%s"',
)


@pytest.mark.parametrize("line", STRUCTURE)
@pytest.mark.parametrize("sentence", [SENTENCE, SENTENCE.replace(" ", "-")])
def test_under_keys_of_structure_a_sentence_is_text(line: str, sentence: str) -> None:
    text = yaml(line % sentence)
    if line.startswith("aliases") and "-" in sentence:
        return  # an address

    new = staged(text)

    assert "lathe" not in json.dumps(new)
    assert sentence in texts_in(a_document(text), a_site())[0]
    assert "lathe" not in hidden_text(a_document(text), a_post(), a_site(), Embargo.REDACT).shown


@pytest.mark.parametrize(
    "line",
    [
        "layout: posts/wide.njk",
        "sidebar: {order: 3, hidden: true, badge: New}",
        "outline: [2, 3]",
        "outline: deep",
        "sitemap: {priority: 0.5, changefreq: weekly, lastmod: 2027-03-09}",
        "updated: March 9th, 2027 at 10:00 PM",
        "created: 2027-03-09T09:00:00Z",
        "permalink: blog/{{ page.fileSlug }}/index.html",
        "aliases: [/2020/03/an-address-that-was-long-and-known-to-many/]",
        "redirect_from: /old/",
        "series: {name: The long way home from the sea, part: 2}",
        "lang: nb-NO",
        "weight: 30",
    ],
)
def test_what_builds_the_page_stays(line: str) -> None:
    text = yaml(line)

    new = staged(text, a_site("nikola"))

    assert new == {**a_document(text).metadata, **GENERATORS["nikola"].staged}


def test_what_no_word_search_can_find_says_nothing() -> None:
    text = yaml(
        "price: 1299",
        "rating: 4.5",
        "launch: 2027-01-15",
        'opens: "2026-12-24"',
        "at: 2026-12-24T10:00:00Z",
        'year: "1984"',
        "winner: {bib: 42, won: true}",
        "glossary: {Rosencrantz: A friend, Guildenstern: Another, 1602: A year}",
    )

    new = staged(text)

    assert (new["price"], new["rating"], new["year"]) == (1, 1.0, "1")
    assert isinstance(new["rating"], float)
    assert new["launch"] == date(2027, 3, 9)
    assert new["opens"] == "2027-03-09"
    assert new["at"] == datetime(2027, 3, 9, 9, 0, tzinfo=UTC)
    assert new["winner"] == {"bib": 1, "won": True}
    assert new["glossary"] == {}
    assert "Rosencrantz" in texts_in(a_document(text), a_site())[0]


@pytest.mark.parametrize("generator", sorted(GENERATORS))
def test_what_the_preset_says_of_staged_pages_comes_over_all(generator: str) -> None:
    site = a_site(generator)
    text = yaml("title: x", "Draft: true", "draft: true", "Status: draft", "search: words of mine")

    new = staged(text, site)

    for key, value in site.generator.staged.items():
        assert new[key] == value
        assert [name.lower() for name in new].count(key.lower()) == 1


def test_a_state_that_the_preset_leaves_stays_as_in_the_file() -> None:
    assert staged(yaml("status: scheduled"), a_site("vitepress"))["status"] == "scheduled"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('x: "2027-03-09"', "2027-03-09"),
        ("x: 2026-12-24 09:30", "2027-03-09 10:00"),
        ("x: 2026-12-24", date(2027, 3, 9)),
        ("x: 2027-03-09", date(2027, 3, 9)),
        ('x: "#ff8800"', "#ff8800"),
        ("x: /about/secret-plan", "#"),
        ("x: ../secret-plan", "#"),
        ('x: "#secret-plan"', "#"),
        ("x: https://example.com/secret", "https://example.org/"),
        ("x: someone@secret.example", "mail@example.org"),
        ("x: mailto:someone@secret.example", "mailto:mail@example.org"),
        ("x: images/secret.webp?v=2", placeholder("images/secret.webp?v=2")),
        ("x: ./my secret.png", placeholder("./my secret.png")),
        ("cover: https://cdn.example/secret", placeholder("https://cdn.example/secret")),
        ("author: ole", "ole"),
        ('x: ""', ""),
        ("x: []", []),
        ("x: {}", {}),
    ],
)
def test_values_keep_their_kind(line: str, expected: object) -> None:
    key = line.partition(":")[0]

    assert staged(yaml(line))[key] == expected


@pytest.mark.parametrize(
    "line",
    [
        "x: a secret saved as plan.png",
        "series: {name: Chronicles, part: 2, summary: a secret}",
        "author: Someone Secret",
        "author: {name: Someone}",
        "x: |\n  several lines of secret\n\n  # text",
        "x: '{{ secret }} <b>secret</b> {% secret %}'",
        "x: 日本語の秘密",
        "x: [secret, [secret, {deep: secret}]]",
        "? a secret sentence for a key\n: secret",
        "head: [[meta, {name: description, content: secret}]]",
    ],
)
def test_other_texts_become_filler_or_nothing(line: str) -> None:
    new = staged(yaml(line))

    shown = json.dumps(new).lower().replace('"x"', "").replace('"author"', "")
    assert not {"secret", "someone", "plan.png"} & set(shown.split())
    assert "secret" not in shown
    assert "someone" not in shown
    assert "{{" not in shown
    assert "<" not in shown


def test_a_teaser_page_has_no_filler() -> None:
    new = staged(policy=Embargo.TEASER)

    assert new["subtitle"] == ""
    assert new["hero"] == {
        "image": placeholder("/images/p.jpg"),
        "alt": "",
        "attribution": {"author": "", "authorUrl": "https://example.org/"},
    }
    assert new["faq"] == [{"question": "", "answer": ""}]
    assert new["title"] == "The Pattern That Prevents Chaos"


def test_filler_of_one_post_is_not_that_of_another() -> None:
    site, document = a_site(), a_document()
    one, other = (
        staged_metadata(document, a_post(name), site, Embargo.REDACT, image=placeholder)
        for name in ("one", "other")
    )

    assert one["faq"] != other["faq"]
    assert staged() == staged()


def test_what_is_hidden_is_what_was_replaced() -> None:
    assert texts_in(a_document(), a_site())[0] == (
        CANARY,
        "https://www.example.com/zanzibarquokka",
        "zanzibarquokka",
        "wombatfjord",
        f"{CANARY} x {{url}}",
        f"{CANARY} linkedin",
        f"{CANARY} newsletter",
    )
    assert texts_in(a_document(), a_site(keep=("subtitle", "hero", "tags", "faq")))[0][0] == (
        f"{CANARY} x {{url}}"
    )


def test_nothing_is_hidden_where_nothing_was_replaced() -> None:
    text = yaml("title: A title", "date: 2027-03-09", "draft: true", "announce: false", "n: 4")

    assert texts_in(a_document(text), a_site())[0] == ()


# --- writing ---------------------------------------------------------------------------------

INSTANT = datetime(2027, 3, 9, 9, 0, tzinfo=timezone(timedelta(hours=1)))
VALUES: dict[str, Any] = {
    "title": "Don't: “quote” #me",
    "date": date(2027, 3, 9),
    "reveal": INSTANT,
    "local": datetime(2027, 3, 9, 9, 0),  # noqa: DTZ001 - what YAML reads without an offset
    "fraction": datetime(2027, 3, 9, 9, 0, 1, 500000, tzinfo=UTC),
    "number": 4,
    "part": -1.5,
    "large": 1e20,
    "yes": True,
    "no": False,
    "like a date": "2027-03-09",
    "like a number": ["12", "1e3", "0o14", "0x1F", "1_000", "12:30", "010", ".5", "1.0", "-", "~"],
    "like a word": ["yes", "no", "on", "off", "y", "n", "null", "true", "NULL", ""],
    "lines": "one\n\n---\n+++\n  two\n",
    "signs": [
        "# a",
        "- a",
        "? a",
        "a: b",
        "{a}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "'",
        '"',
    ],
    "wide": "word " * 100,
    "letters": "æøå 日本語 🎉 \u00a0 \u2028 \u200b\ufeff \x7f \t \x85",
    "nested": {"a": [{"b": {"c": ["d", {"e f": 1}]}}], "empty": {}, "none": []},
}


@pytest.mark.parametrize("format", ["yaml", "toml", "json"])
def test_what_is_written_is_read_back(format: Format) -> None:  # noqa: A002
    values = dict(VALUES) if format != "yaml" else VALUES | {"nothing": None, "also": [None]}
    if format == "json":
        values = {k: v for k, v in values.items() if not isinstance(v, date)}
    body = "\nBody with ---\n\n---\n+++\n}\n"

    document = parse(write_document(format, values, body).encode(), "x.md")

    assert document.format == format
    assert document.metadata == values
    assert list(document.metadata) == list(values)
    assert document.body == body
    for key in ("date", "reveal", "local") if format != "json" else ():
        assert type(document.metadata[key]) is type(values[key])
        assert str(document.metadata[key]) == str(values[key])


def test_a_time_of_the_day_in_toml_stays_one() -> None:
    document = parse(write_document("toml", {"time": time(9, 30)}, "").encode(), "x.md")

    assert document.metadata == {"time": time(9, 30)}


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
JSONS = st.recursive(
    st.one_of(st.booleans(), st.integers(-(10**17), 10**17), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, JSONS, max_size=5), st.sampled_from(("yaml", "toml", "json")))
def test_any_values_are_read_back(values: dict[str, Any], format: Format) -> None:  # noqa: A002
    document = parse(write_document(format, values, "Body.\n").encode(), "x.md")

    assert document.metadata == values
    assert document.body == "Body.\n"


def test_instants_are_written_as_every_reader_of_yaml_knows_them() -> None:
    text = write_document("yaml", {"a": INSTANT, "b": date(2027, 3, 9)}, "")

    assert text == "---\na: 2027-03-09T09:00:00+01:00\nb: 2027-03-09\n---\n"


def test_pelican_gets_one_plain_line_per_key() -> None:
    values = {
        "title": "It's “here”, isn't it?",
        "date": INSTANT,
        "tags": ["one", "two words"],
        "empty": [],
        "draft": True,
        "lines": "one\ntwo",
        "colon": "One: two",
        "hero": {"image": "/a.png", "alt": "Words"},
    }

    text = write_document("yaml", values, "Body.\n", plain=True)

    assert text == (
        "---\n"
        "title: It's “here”, isn't it?\n"
        "date: 2027-03-09 09:00:00+01:00\n"
        "tags: one, two words\n"
        "empty:\n"
        "draft: true\n"
        "lines: one two\n"
        'colon: "One: two"\n'
        'hero: "/a.png, Words"\n'
        "---\n"
        "Body.\n"
    )


# --- pages -----------------------------------------------------------------------------------


def page(text: str = DOCUMENT, policy: Embargo = Embargo.REDACT, **changes: Any) -> str:
    site = a_site(changes.pop("generator", "vitepress"))
    post = a_post(teaser="What to expect.", **changes)
    return embargoed_page(a_document(text), post, site, policy, image=placeholder).decode()


def test_a_redacted_page_says_when_and_shows_filler() -> None:
    document = a_document(page(release_at=datetime(2027, 3, 8, 23, 30, tzinfo=UTC)))

    assert document.metadata == staged()
    heading, title, stamp, text, section = document.body.strip().split("\n\n")
    assert heading == "<BlogHeading />"
    assert title == "# The Pattern That Prevents Chaos"
    assert stamp == "> Coming Tuesday, March 9, 2027"
    assert are_filler(text)
    assert section.startswith("## ")
    assert are_filler(section.removeprefix("## "))


def test_a_component_is_only_kept_where_pages_have_them() -> None:
    assert "BlogHeading" not in page(generator="astro")


def test_a_heading_that_is_not_the_title_is_text() -> None:
    text = yaml("title: Another").replace("Body.", "# Secret heading\n\nText.")

    assert "Secret" not in page(text)


@pytest.mark.parametrize("anchor", [" {#zanzibar}", " ## {: .x }", " #"])
def test_the_title_of_the_page_stays_without_its_anchor(anchor: str) -> None:
    text = yaml("title: x").replace("Body.", f"# The Pattern That Prevents Chaos{anchor}\n\nText.")

    lines = page(text).splitlines()

    assert "# The Pattern That Prevents Chaos" in lines


def test_a_page_without_a_date_has_no_stamp() -> None:
    assert "Coming" not in page(release_at=None)


def test_a_teaser_page_holds_the_teaser_and_nothing_of_the_text() -> None:
    document = a_document(page(policy=Embargo.TEASER))

    assert document.body.endswith("> Coming Tuesday, March 9, 2027\n\nWhat to expect.\n")
    assert document.metadata == staged(policy=Embargo.TEASER)
    assert "quokka" not in document.text


def test_a_teaser_page_without_a_teaser_holds_the_description() -> None:
    post = a_post()

    text = embargoed_page(a_document(), post, a_site(), Embargo.TEASER, image=placeholder).decode()

    assert text.endswith("\n\nSix steps from an idea to a finished piece.\n")


@pytest.mark.parametrize(
    ("frontmatter", "format"),
    [
        ('+++\ntitle = "T"\ndate = 2027-03-09\nsecret = "{c}"\n+++\n', "toml"),
        ('{{"title": "T", "secret": "{c}"}}\n', "json"),
    ],
)
def test_a_page_keeps_its_format(frontmatter: str, format: str) -> None:  # noqa: A002
    document = a_document(page(frontmatter.format(c=CANARY) + CANARY + "\n", generator="hugo"))

    assert document.format == format
    assert document.metadata["title"] == "T"
    assert "quokka" not in document.text


def test_hidden_is_the_body_with_the_values_and_shown_what_may_be_seen() -> None:
    post = a_post(teaser="What to expect.")

    hidden = hidden_text(a_document(), post, a_site(), Embargo.REDACT)

    assert hidden.post == post.id
    assert (hidden.path, hidden.url, hidden.policy) == (post.path, post.url, Embargo.REDACT)
    assert hidden.text.startswith("<BlogHeading />\n\n# The Pattern")
    assert hidden.text.endswith(f"\n\n{CANARY} linkedin\n\n{CANARY} newsletter")
    assert hidden.shown.startswith(f"{post.title}\n\n{post.description}\n\nWhat to expect.")
    assert "\n\nChronicles\n" in hidden.shown  # the series


def test_of_a_post_without_a_page_no_more_is_shown_than_announcements_say() -> None:
    post = a_post(teaser="What to expect.")

    hidden = hidden_text(a_document(), post, a_site(), Embargo.OMIT)

    assert hidden.shown == f"{post.title}\n\n{post.description}\n\nWhat to expect."
