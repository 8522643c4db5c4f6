"""Keeps a small fact in a file of its own, as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from publisher.model.errors import PublisherError


def write_note(place: Path, value: Any) -> None:
    """Write it down, entirely or not at all; durable on return.

    :raises PublisherError: when that cannot be done; an earlier note stands then.
    """
    temporary = place.with_name(f"{place.name}.tmp")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o600)  # where an earlier try left it behind
            json.dump(value, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(place)
    except OSError as error:
        raise PublisherError(
            f"{place}: cannot be written: {(error.strerror or str(error)).lower()}",
            why="what is noted there must outlast a restart",
            hint="make room, or mend the permissions of the state folder",
        ) from error
