"""Which lines of a page without frontmatter are its header, and which only look like it."""

from __future__ import annotations

import pytest

from publisher.generators import GENERATORS


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("x.adoc", "= Title\nAn Author <a@example.org>\n:draft: true\n\nText.\n"),
        ("x.adoc", "// a remark\n:draft: true\n\n= Title\n\nText.\n"),
        ("x.adoc", "////\nwords\n\n////\n= Title\r\n:draft: true\r\n"),
        ("x.org", "#+title: Title\n\n# a remark\n#+draft: true\n\nText.\n"),
        ("x.org", ":PROPERTIES:\n:ID: 1\n:END:\n#+draft: true\n"),
        ("x.rst", "Title\n=====\n\n:draft: true\n\nText.\n"),
    ],
)
def test_a_header_is_read_to_its_end(path: str, text: str) -> None:
    assert ("draft", "true") in [
        (key, value) for _, key, value in GENERATORS["hugo"].header_of(text, path)
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("x.adoc", "= How to write drafts\n\nWrite this:\n\n----\n:draft: true\n----\n"),
        ("x.adoc", "= How to write drafts\n\n:draft: true\n"),
        ("x.adoc", "Write this:\n\n----\n:draft: true\n----\n"),
        ("x.org", "#+title: T\n#+begin_src org\n#+draft: true\n#+end_src\n"),
        ("x.org", "* How\n#+draft: true\n"),
        ("x.rst", "Title\n=====\n\nWrite::\n\n    :draft: true\n"),
        ("x.md", "How\n\n:draft: true\n#+draft: true\n"),
    ],
)
def test_what_the_text_shows_is_no_header(path: str, text: str) -> None:
    assert "draft" not in [key for _, key, _ in GENERATORS["hugo"].header_of(text, path)]
