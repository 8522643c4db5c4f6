"""Notices another hand in the output: an author's own build, which shows all, between two of ours.

Only what we put there is looked at, as the whole chain left it, ``deploy.command`` included. Who
writes there after each build gets one build in an hour, and a trouble that stays.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from publisher.embargo.sync import Place, read_names
from publisher.model.errors import SiteError
from publisher.system.notes import write_note

PATIENCE = timedelta(hours=1)
NAMED = 3  # files that the message lists


@dataclass(frozen=True, slots=True)
class OutputWatch:
    """What is known in ``file`` of the ``output``; ``synced`` records what we put there."""

    file: Path
    synced: Path
    output: Path

    def record(self) -> None:
        """Remember how our files stand, once a build is deployed."""
        place = Place(self.output)
        names = sorted(read_names(self.synced, self.output))
        self._write(self._read() | {"stamps": {name: place.stamp(name) for name in names}})

    def forget(self) -> None:
        """Without embargo an output is anybody's."""
        self.file.unlink(missing_ok=True)

    def wants_build(self, now: datetime) -> bool:
        """Look, and tell whether ours is to be brought back now."""
        known, place = self._read(), Place(self.output)
        changed = [name for name, was in known["stamps"].items() if place.stamp(name) != was]
        is_due = bool(changed) and not _is_just_past(known["at"], now)
        at = now.isoformat() if is_due else known["at"]
        found = {"changed": changed[: NAMED + 1], "at": at}
        if found != {key: known[key] for key in found}:
            self._write(known | found)
        return is_due

    @property
    def trouble(self) -> str:
        """Say what the latest look found."""
        changed = self._read()["changed"]
        if not changed:
            return ""
        names = ", ".join(changed[:NAMED]) + (" and more" if len(changed) > NAMED else "")
        return SiteError(
            f"another build, or a person, changed {names} in {self.output}",
            why="nobody has searched that for unreleased text; ours is brought back, "
            "but once in an hour only",
            hint="let your own builds write to another folder",
        ).one_line

    def _read(self) -> dict[str, Any]:
        with suppress(FileNotFoundError, ValueError, TypeError, LookupError, AttributeError):
            known = json.loads(self.file.read_bytes())
            return {
                "stamps": dict(known["stamps"].items()),
                "changed": [str(name) for name in known["changed"]],
                "at": str(known["at"]),
            }
        return {"stamps": {}, "changed": [], "at": ""}

    def _write(self, known: dict[str, Any]) -> None:
        write_note(self.file, known)


def _is_just_past(at: str, now: datetime) -> bool:
    with suppress(ValueError, TypeError):
        return timedelta(0) <= now - datetime.fromisoformat(at) < PATIENCE
    return False
