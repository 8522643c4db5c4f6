"""Texts without what a terminal, a database or a mail program would trip over."""

from __future__ import annotations

import re

# Control characters but tab and line feed, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def without_controls(text: str) -> str:
    """Drop control characters, such as the escapes of a terminal; line feeds and tabs stay."""
    return _UNPRINTABLE.sub("", text)


def escaped(text: str) -> str:
    """Show control characters and half characters by their escapes: ``\\x1b``, ``\\ud83d``."""
    return _UNPRINTABLE.sub(lambda sign: ascii(sign[0])[1:-1], text)
