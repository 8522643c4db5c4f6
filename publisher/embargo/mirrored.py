"""Remembers what was mirrored to a folder: of all that is there, only that is ever deleted."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from publisher.system.notes import write_note


def read_names(record: Path, target: Path) -> frozenset[str]:
    """Give the files that were mirrored to ``target``; none when nothing is known of it."""
    try:
        known = json.loads(record.read_bytes())
        return frozenset(known["files"] if known["target"] == _name(target) else ())
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return frozenset()


def write_names(record: Path, target: Path, names: Collection[str]) -> None:
    """Record them, entirely or not at all; durable on return."""
    if not record.exists() or read_names(record, target) != frozenset(names):
        write_note(record, {"target": _name(target), "files": sorted(names)})


def _name(target: Path) -> str:
    return str(target.resolve())
