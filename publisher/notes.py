"""Keeps a small fact in a file of its own, as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_note(place: Path, value: Any) -> None:
    """Write it down, entirely or not at all; durable on return.

    :raises OSError: when that cannot be done; an earlier note stands then.
    """
    temporary = place.with_name(f"{place.name}.tmp")
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(place)
