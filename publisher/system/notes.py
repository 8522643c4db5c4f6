"""Keeps a small fact in a file of its own, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from publisher.model.errors import PublisherError
from publisher.system.files import os_errors_as, write_whole


def write_note(place: Path, value: Any) -> None:
    """Write it down, entirely or not at all; durable on return.

    :raises PublisherError: when that cannot be done; an earlier note stands then.
    """
    why = "what is noted there must outlast a restart"
    hint = "make room, or correct the permissions of the state folder"
    with os_errors_as(PublisherError, str(place), "cannot be written", why=why, hint=hint):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(place, json.dumps(value).encode())
