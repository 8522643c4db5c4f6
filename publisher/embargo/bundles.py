"""Reads what lies beside an unreleased post in its own folder: its notes, data and code."""

from __future__ import annotations

import re
from pathlib import Path

from publisher.embargo.hidden import Hidden
from publisher.generators.file_kinds import PROSE
from publisher.model import Embargo, PostId
from publisher.model.errors import PostError
from publisher.system.files import read_file

_TICKS = re.compile(r"`{3,}")


def bundled_text(path: str, post: PostId, top: Path) -> Hidden:
    """Give the text of a file that belongs to a post; of one that is gone, none."""
    try:
        text = read_file(top / path, path).data.decode("utf-8", "replace")
    except PostError:
        text = ""
    return Hidden(
        post=post,
        path=path,
        url="",
        policy=Embargo.OMIT,
        text=text if Path(path).suffix.lower() in PROSE else _as_code(text),
        shown="",
        is_bundled=True,
    )


def _as_code(text: str) -> str:
    """Write what is no prose as Markdown does: nothing in it is a mark then."""
    fence = "`" * (1 + max(map(len, ["``", *_TICKS.findall(text)])))
    return f"{fence}\n{text}\n{fence}"
