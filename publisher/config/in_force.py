"""Which ``jobs.yaml`` the daemon works with: an edit is taken up as a whole, or not at all.

What is in force is noted in the state folder, for other processes to tell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from publisher.config import load
from publisher.config.settings import Settings
from publisher.model.errors import ConfigError, PublisherError
from publisher.system.clock import Clock
from publisher.system.notes import write_note
from publisher.text.yaml import load_yaml

NOTE = "daemon.json"  # in state_dir
JOBS = "jobs.broken"  # the trouble with an edit that is not in force
SETTLED_S = 2.0  # without a change, until a file counts as written to its end

Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """What the daemon noted: since when it works with which file, and why not with a newer one."""

    since: str  # ISO 8601
    digest: str  # of the file's bytes
    trouble: str = ""


class JobsFile:
    """The file, looked at before each tick. ``trouble`` says why an edit is not in force."""

    def __init__(self, settings: Settings, *, environ: Mapping[str, str], clock: Clock) -> None:
        self.in_force = settings
        self.trouble = ""
        self._environ = environ
        self._clock = clock
        self._stamp: Stamp | None = None  # of the version that was looked into last
        self._coming: tuple[Stamp, float] | None = None  # a newer one, and when it was seen
        self._digest = ""
        self._since = clock.now()

    @property
    def is_settling(self) -> bool:
        """Tell whether somebody may still be writing an edit."""
        return self._coming is not None

    def look(self) -> Settings | None:
        """Give the settings of an edit that is to be taken up; see ``take`` and ``refuse``."""
        stamp = stamp_of(self.in_force.file)
        if stamp is None or stamp == self._stamp:  # missing: an editor is replacing it
            self._coming = None
            return None
        if self._stamp is not None and not self._is_settled(stamp):
            return None
        self._stamp, self._coming = stamp, None
        self._digest = digest_of(self.in_force.file)
        try:
            found = load(self.in_force.file, environ=self._environ)
            require_same_place(found, self.in_force)
        except ConfigError as error:
            self.refuse(error)
            return None
        if found == self.in_force:
            self.take(found)
            return None
        return found

    def take(self, settings: Settings) -> None:
        """Note that these settings are in force."""
        self.in_force, self.trouble, self._since = settings, "", self._clock.now()
        self._note(self._digest)

    def refuse(self, error: PublisherError) -> None:
        """Note that the edit cannot be used; what was in force stays so."""
        self.trouble = f"the edit of {self.in_force.file.name} is not in force: {error.one_line}"
        self._note(None)

    def _is_settled(self, stamp: Stamp) -> bool:
        now_s = self._clock.monotonic()
        if self._coming is None or self._coming[0] != stamp:
            self._coming = (stamp, now_s)
        return now_s - self._coming[1] >= SETTLED_S

    def _note(self, digest: str | None) -> None:
        """Write the note; of an edit that was refused the digest of the file before it stays."""
        known = read_note(self.in_force.state_dir)
        if digest is None:
            digest = known.digest if known else ""
        note = Noted(self._since.isoformat(), digest, self.trouble)
        with suppress(PublisherError):  # no room: only for others to read
            write_note(self.in_force.state_dir / NOTE, asdict(note))


def require_same_place(found: Settings, known: Settings) -> None:
    """Insist that an edit does not move what the daemon holds open.

    :raises ConfigError: when it does.
    """
    pairs = (
        ("state_dir", found.state_dir, known.state_dir),
        ("ledger", found.ledger_url, known.ledger_url),
        ("site.name", found.site.name, known.site.name),
    )
    for key, new, old in pairs:
        if new != old:
            raise ConfigError(
                f"{key} was changed", why="the daemon holds it open", hint="restart the daemon"
            )


def read_note(state_dir: Path) -> Noted | None:
    """Give what the daemon noted, if it can be read."""
    try:
        found = Noted(**json.loads((state_dir / NOTE).read_bytes()))
        datetime.fromisoformat(found.since)
    except (OSError, ValueError, TypeError):
        return None
    return found


def likely_state_dir(file: Path) -> Path:
    """Guess the state folder of a ``jobs.yaml`` that cannot be used."""
    try:
        data = load_yaml(file.read_text(encoding="utf-8"), file.name)
    except (OSError, ValueError, PublisherError):
        data = None
    name = data.get("state_dir") if isinstance(data, dict) else None
    return file.parent / (name if isinstance(name, str) else ".publisher")


def digest_of(file: Path) -> str:
    """Give the digest of a file's bytes; empty when it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def stamp_of(path: Path) -> Stamp | None:
    """Give what changes when a file does; ``None`` when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
