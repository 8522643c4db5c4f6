"""Remembers what was mirrored to a folder: of all that is there, only that is ever deleted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path


def read_names(record: Path, target: Path) -> frozenset[str]:
    """Give the files that were mirrored to ``target``; none when nothing is known of it."""
    try:
        known = json.loads(record.read_bytes())
        return frozenset(known["files"] if known["target"] == _name(target) else ())
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return frozenset()


def write_names(record: Path, target: Path, names: Iterable[str]) -> None:
    """Record them, entirely or not at all; durable on return."""
    data = json.dumps({"target": _name(target), "files": sorted(names)}).encode()
    if record.exists() and record.read_bytes() == data:
        return
    temporary = record.with_name(f"{record.name}.tmp")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(record)


def _name(target: Path) -> str:
    return str(target.resolve())
