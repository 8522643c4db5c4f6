"""Texts without what a terminal, a database or a mail program would trip over."""

from __future__ import annotations

import re

# Control characters but tab and line feed, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

# What a terminal obeys instead of showing it: these but the line feed, separators of lines, and
# what turns the direction of writing.
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


def without_controls(text: str) -> str:
    """Drop control characters, such as the escapes of a terminal; line feeds and tabs stay."""
    return _UNPRINTABLE.sub("", text)


def escaped(text: str) -> str:
    """Show control characters and half characters by their escapes: ``\\x1b``, ``\\ud83d``."""
    return _UNPRINTABLE.sub(lambda sign: ascii(sign[0])[1:-1], text)


def shown(text: str) -> str:
    """Show what a terminal would obey by its escapes: ``\\x1b``, ``\\u202e``."""
    return OBEYED.sub(lambda sign: ascii(sign[0])[1:-1], text)


def shown_in_json(text: str) -> str:
    """Show it as JSON does, in a text that is JSON: ``\\u001b``; no program misses it."""
    return OBEYED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)
