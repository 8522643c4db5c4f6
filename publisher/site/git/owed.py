"""Remembers the posts whose change could not be committed or pushed while their release went on."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from publisher.model.errors import GitError, PublisherError
from publisher.system.notes import write_note


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """``why`` is empty where all is committed and pushed."""

    posts: tuple[str, ...] = ()
    why: str = ""


def read_owed(note: Path) -> Owed:
    try:
        known = json.loads(note.read_bytes())
        return Owed(posts=tuple(map(str, known["posts"])), why=str(known["why"]))
    except (OSError, ValueError, LookupError, TypeError):
        return Owed()


def write_owed(note: Path, posts: Collection[str], *, why: str) -> None:
    """Record them, entirely or not at all; durable on return.

    :raises GitError: when that cannot be done.
    """
    try:
        write_note(note, {"posts": list(posts), "why": why})
    except PublisherError as error:
        raise GitError(error.what, why=f"{error.why}: {why}", hint=error.hint) from error
