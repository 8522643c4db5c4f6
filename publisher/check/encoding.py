"""Text that was encoded twice, and whether it can be decoded again without a loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from publisher.check.pages import Page
from publisher.model import Problem
from publisher.mojibake import mojibake


def check_encoding(page: Page) -> Iterator[Problem]:
    """Find lines that were encoded twice, with what they should say where that is certain."""
    lines = page.text.split("\n")
    for problem in mojibake(page.document):
        line = lines[(problem.line or 1) - 1]
        lost = "some of it is lost: type the broken characters again"
        yield replace(problem, hint=lost) if repair(line) == line else problem


def repair(line: str) -> str:
    """Decode a line that was encoded twice; give it as it is where that takes a guess.

    By default ftfy also restores lost bytes and mixed lines, and turns ``ğŸ¦ `` (once a bird)
    into a microbe.
    """
    from ftfy import TextFixerConfig, fix_encoding
    from ftfy.badness import is_bad

    if line.isascii() or not is_bad(line):
        return line
    certain = TextFixerConfig(
        restore_byte_a0=False,
        replace_lossy_sequences=False,
        decode_inconsistent_utf8=False,
        fix_c1_controls=False,
    )
    fixed = str(fix_encoding(line, config=certain))
    return fixed if "\ufffd" not in fixed and len(fixed.splitlines()) < 2 else line
