"""Finds text that was encoded twice: ``â€”`` where a dash should be."""

from __future__ import annotations

from collections.abc import Iterator

from publisher.frontmatter import Document
from publisher.model import Problem


def mojibake(document: Document) -> Iterator[Problem]:
    """Find lines whose text was encoded twice (``â€”`` for a dash), with what they should say."""
    if document.text.isascii():
        return
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    for number, line in enumerate(document.text.split("\n"), start=1):
        if not line.isascii() and is_bad(line) and (fixed := fix_encoding(line)) != line:
            yield Problem(
                rule="mojibake",
                severity="warning",
                path=document.path,
                line=number,
                message="the text was encoded twice",
                hint=f"write: {fixed.strip()}",
            )
