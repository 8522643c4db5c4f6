"""The first heading of a text, which stands for a missing title."""

from __future__ import annotations

import pytest

from publisher.text.markdown import first_heading


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("# Hello launch\n\nText.", "Hello launch"),
        ("\n\nText first.\n\n# Later #\n", "Later"),
        ("```sh\n# comment\n```\n\n# Real\n", "Real"),
        ("~~~\n# comment\n```\n# still\n~~~\n# Real\n", "Real"),
        ("Hello launch\n============\n", "Hello launch"),
        ("# A *fine* [door](/door) with `code` {#door}\n", "A fine door with code"),
        ("## Second level\n", ""),
        ("    # code\n", ""),
        ("#hashtag\n", ""),
        ("", ""),
        ("\n==\n", ""),
    ],
)
def test_first_heading_is_found(body: str, title: str) -> None:
    assert first_heading(body) == title
