"""Writes what themes may know of series and badges where the generator reads data: in the stage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from publisher.embargo.stage import Stage, Staged
from publisher.model import LedgerView, Post
from publisher.posts import Scan
from publisher.series import series_data
from publisher.settings import Settings

_INSTANTS = frozenset({"generated_at", "at", "until"})


def stage_with_data(settings: Settings, scan: Scan, view: LedgerView, now: datetime) -> Staged:
    """Bring the stage up to date, as ``Stage.update`` does, and the data for themes in it."""
    stage = Stage(settings)
    staged = stage.update(scan)
    if write_data(staged.root, scan.posts, view, settings, now):
        stage.mark_unbuilt()
    return staged


def write_data(
    root: Path, posts: Sequence[Post], view: LedgerView, settings: Settings, now: datetime
) -> bool:
    """Write the data below the staged ``root``; tell whether they say anything new.

    A site that has such a file of its own keeps it.
    """
    name = settings.site.preset.data
    if not name or (settings.site.root / name).exists():
        return False
    data = series_data(posts, view, settings.site, now, embargo=settings.embargo)
    file = root / name
    with suppress(OSError, ValueError):
        known = json.loads(file.read_text(encoding="utf-8"))
        if _without_instants(known) == _without_instants(data):
            return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return True


def _without_instants(value: Any) -> Any:
    """Leave out what is known to the second only once a page is live: no reader sees it."""
    if isinstance(value, list):
        return [_without_instants(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_instants(item) for key, item in value.items() if key not in _INSTANTS}
