"""Text that was encoded twice (``â€”`` where a dash should be), and what it should say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from publisher.model import Problem
from publisher.text.frontmatter import Document

_FOREIGN = re.compile(r"[^\0-\x7f\u2010-\u205e\u2190-\u21ff]")  # more than dashes, quotes, arrows
LOST = "some of it is lost: type the broken characters again"


def mojibake(document: Document) -> Iterator[Problem]:
    """Find lines that were encoded twice, with what they should say where that is certain."""
    if not _FOREIGN.search(document.text):
        return
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    for number, line in enumerate(document.text.split("\n"), start=1):
        if line.isascii() or not is_bad(line) or fix_encoding(line) == line:
            continue
        fixed = repair(line)
        yield Problem.warning(
            "mojibake",
            document.path,
            "the text was encoded twice",
            LOST if fixed == line else f"write: {fixed.strip()}",
            line=number,
        )


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
