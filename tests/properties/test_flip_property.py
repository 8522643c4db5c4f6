"""I11: flipping changes the state's bytes and nothing else, whatever the frontmatter looks like."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from publisher.generators import GENERATORS, Generator
from publisher.model import PostState
from publisher.posts.flip import set_state
from publisher.text.frontmatter import parse

WORDS = GENERATORS["vitepress"]
FLAGS = GENERATORS["hugo"]
PUBLIC_FLAG = GENERATORS["jekyll"]

CHARACTERS = st.characters(
    exclude_categories=("C", "Zl", "Zp"),
    max_codepoint=0xFFFF,  # JSON escapes the others in halves, which YAML does not read
)
LINE = st.text(CHARACTERS, max_size=40)
LOOKALIKES = st.sampled_from(
    (
        "status: scheduled",
        "draft: true",
        "published: false",
        "status = 'scheduled'",
        '"status": "scheduled"',
        "--- ",
        "+++ ",
        "scheduled",
        "true",
        "<PostPreview blurred>",
    )
)
TEXTS = st.one_of(LINE, LOOKALIKES)
BODIES = st.lists(st.one_of(TEXTS, st.just("---"), st.just("+++"), st.just("}")), max_size=6)


@st.composite
def an_entry(draw: st.DrawFn, key: str) -> tuple[str, str, str]:
    """Write one harmless key in YAML, TOML and JSON."""
    text = draw(TEXTS)
    quoted = json.dumps(text)
    nested = draw(st.sampled_from((*{"status", "draft", "published"}, "other")))
    shape = draw(st.integers(0, 4))
    if shape == 0:
        return f"{key}: {quoted}", f"{key} = {toml(text)}", f'"{key}": {quoted}'
    if shape == 1:
        yaml = f"{key}: # {text}\n  {nested}: scheduled\n  draft_: true"
        table = f"{key} = {{{nested} = 'scheduled', draft_ = true}}"
        return yaml, table, f'"{key}": {{"{nested}": "scheduled", "draft_": true}}'
    if shape == 2:
        block = "".join(f"\n  {line}" for line in ("status: scheduled", "draft: true", "#"))
        long = '"""\nstatus = "scheduled"\ndraft = true\n"""'
        return f"{key}: |{block}", f"{key} = {long}", f'"{key}": "status: scheduled draft: true"'
    if shape == 3:
        return (
            f"{key}: [scheduled, true, {{status: scheduled}}]  # status: scheduled",
            f"{key} = ['scheduled', true, {{status = 'scheduled'}}]  # status = 'scheduled'",
            f'"{key}": ["scheduled", true, {{"status": "scheduled"}}]',
        )
    return f"# {text}\n{key}: ~", f"# {text}\n{key} = 0", f'"{key}": null'


def toml(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


@st.composite
def a_document(draw: st.DrawFn) -> tuple[bytes, bytes, Generator]:
    """Give a file before and after its release, written down side by side."""
    kind = draw(st.integers(0, 2))
    generator = draw(st.sampled_from((WORDS, FLAGS, PUBLIC_FLAG)))
    key = generator.state_key
    names = st.sampled_from(("title", "statuses", "mystatus", "redraft", "unpublished", "x"))
    entries = [
        draw(an_entry(name))[kind] for name in draw(st.lists(names, max_size=4, unique=True))
    ]
    old, new = draw(a_value(generator, kind))
    gap = draw(st.sampled_from(("", " ", "  ")))
    name = draw(st.sampled_from((key, f'"{key}"') if kind < 2 else (f'"{key}"',)))
    colon = (f"{gap}: ", f"{gap}={gap}", f"{gap}:{gap}")[kind]
    tail = draw(st.sampled_from(("", "  ", "  # status: scheduled, draft = true")))
    tail = tail if kind < 2 else tail[:2]
    place = draw(st.integers(0, len(entries)))

    def write(value: str) -> bytes:
        line = f"{name}{colon}{value}{tail}"
        lines = [*entries[:place], line, *entries[place:]]
        block = (
            "---\n{}\n---\n".format("\n".join(lines)),
            "+++\n{}\n+++\n".format("\n".join(lines)),
            "{{\n  {}\n}}\n".format(",\n  ".join(lines)),
        )[kind]
        return mark + (block + body).replace("\n", newline).encode()

    body = "\n".join(draw(BODIES)) + draw(st.sampled_from(("", "\n", "\n\n  ")))
    mark = draw(st.sampled_from((b"", b"\xef\xbb\xbf")))
    newline = draw(st.sampled_from(("\n", "\r\n")))
    return write(old), write(new), generator


@st.composite
def a_value(draw: st.DrawFn, generator: Generator, kind: int) -> tuple[str, str]:
    if generator is WORDS:
        quotes = (("", "'", '"'), ("'", '"'), ('"',))[kind]
        quote = draw(st.sampled_from(quotes))
        old = draw(st.sampled_from(("draft", "scheduled")))
        return f"{quote}{old}{quote}", f"{quote}published{quote}"
    pair = ("true", "false") if generator is FLAGS else ("false", "true")
    cases = (str.lower, str.title, str.upper) if kind == 0 else (str.lower,)
    case = draw(st.sampled_from(cases))
    return case(pair[0]), case(pair[1])


@given(a_document())
def test_a_flip_changes_the_bytes_of_the_state_and_no_other(
    document: tuple[bytes, bytes, Generator],
) -> None:
    before, after, generator = document

    assert set_state(before, generator, PostState.PUBLISHED, "post.md") == after


@given(a_document())
def test_a_flip_twice_is_a_flip_once(document: tuple[bytes, bytes, Generator]) -> None:
    before, after, generator = document

    assert set_state(after, generator, PostState.PUBLISHED, "post.md") == after
    assert parse(after, "post.md").body == parse(before, "post.md").body


@given(a_document())
def test_a_flip_back_restores_the_file(document: tuple[bytes, bytes, Generator]) -> None:
    before, after, generator = document
    was_draft = parse(before, "post.md").metadata[generator.state_key] == "draft"
    state = PostState.DRAFT if was_draft else PostState.SCHEDULED

    back = set_state(after, generator, state, "post.md")

    assert back == before
