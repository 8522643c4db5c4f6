"""Recognises a ``deploy.command`` that changes the project at every run.

Each such change would be a reason for another build, and so on for ever. What changes while the
command runs may be an author's edit, so the first build for it comes at once; if no other change
asked for that one, and it ends like the one before, the next waits for an hour.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from publisher.model.errors import SiteError
from publisher.system.notes import write_note

PATIENCE = timedelta(hours=1)
LISTED = 3  # files that the message names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    files: tuple[str, ...] = ()  # that the latest run left changed
    times: int = 0  # in a row, with nothing else to build in between
    is_known: bool = False  # that it does so at every run
    at: str = ""


@dataclass(frozen=True, slots=True)
class LoopGuard:
    """What is known of the command, in a file; a kill costs one build more."""

    file: Path

    def record(self, changed: Collection[str], now: datetime, *, is_first: bool) -> None:
        """Remember what changed during a run; ``is_first``: other changes asked for its build."""
        if not changed:
            self.file.unlink(missing_ok=True)
            return
        known = self._read()
        times = 1 if is_first else known.times + 1
        files = tuple(sorted(changed)[: LISTED + 1])
        is_known = known.is_known or times > 1
        note = _Note(files=files, times=times, is_known=is_known, at=now.isoformat())
        write_note(self.file, asdict(note))

    def wants_build(self, now: datetime) -> bool:
        """Tell whether what changed during the latest run is to be built now."""
        note = self._read()
        if note.times < 2:
            return bool(note.files)
        with suppress(ValueError, TypeError):
            return not timedelta(0) <= now - datetime.fromisoformat(note.at) < PATIENCE
        return True

    @property
    def trouble(self) -> str:
        """Say that the command does so at every run, if it does."""
        note = self._read()
        if not note.is_known:
            return ""
        names = ", ".join(note.files[:LISTED]) + (" and more" if len(note.files) > LISTED else "")
        return SiteError(
            f"deploy.command changes {names} in the project at every run",
            why="each run asks for the next build; a build for that alone waits an hour",
            hint="let it write outside of the project, or files that end in .log or .tmp",
        ).one_line

    def _read(self) -> _Note:
        with suppress(OSError, ValueError, TypeError):
            return _Note(**json.loads(self.file.read_bytes()))
        return _Note()
