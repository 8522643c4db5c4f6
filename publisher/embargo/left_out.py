"""Keeps which pages the public site was built without, since they are not released and no posts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from publisher.system.notes import write_note


def read_left_out(state_dir: Path) -> frozenset[str]:
    """Give the paths as in ``Staged.withheld``; none before the first build."""
    with suppress(OSError, ValueError, TypeError):
        return frozenset(map(str, json.loads(_file(state_dir).read_bytes())))
    return frozenset()


def write_left_out(state_dir: Path, paths: Iterable[str]) -> None:
    write_note(_file(state_dir), sorted(paths))


def _file(state_dir: Path) -> Path:
    return state_dir / "stage" / "left_out.json"
