"""The mark: a small file beside the ledger that counts its intents, and that no copy takes along.

It is written after an intent is committed and before the request leaves. So a ledger never has
fewer intents than its mark, unless an older copy was put in its place. Whoever compares the two
reads the mark first: what others send meanwhile can only let the ledger have more.
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection

from publisher.model.errors import LedgerError, LedgerUnavailable
from publisher.system.files import os_errors_as, reason, write_whole

MAX_BYTES = 4096
WAITS = "nothing is released or announced until it was compared with the site"
REMEDY = "run `publisher adopt --after-restore`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    ledger: str  # the id of the ledger that it belongs to
    intents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a ledger says of itself; ``restored`` is not empty while it waits to be adopted."""

    id: str = ""
    intents: int = 0
    restored: str = ""


def provenance_of(connection: Connection) -> Provenance:
    query = "SELECT id, intents, restored_at, reason FROM provenance"
    row = connection.exec_driver_sql(query).first()
    if row is None:  # no ledger yet
        return Provenance()
    restored = row.reason if row.restored_at is not None else ""
    return Provenance(id=row.id, intents=row.intents, restored=restored)


def mark_path(ledger: Path) -> Path:
    """Give the path of the mark: beside the file itself, by whatever link it was reached."""
    file = ledger.resolve()
    return file.with_name(f"{file.name}.mark")


def read_mark(ledger: Path) -> bytes | None:
    """Read the mark beside a ledger as it is; ``None`` when there is none.

    :raises LedgerError: when nobody can tell what it says, which is no reason for doubt.
    """
    path = mark_path(ledger)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
        try:
            return os.read(descriptor, MAX_BYTES)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):
            return b""  # it is there and tells nothing, like a garbled one
        raise LedgerError(
            f"{path}: the mark of the ledger cannot be read: {reason(error)}",
            why="without it nobody can tell an older copy of the ledger, so nothing is sent",
            hint=f"let the file belong to the user that publisher runs as: `ls -l {path}`",
        ) from error


def parse_mark(found: bytes | None) -> Mark | None:
    """Understand what was read; ``None`` when there is nothing to understand."""
    try:
        facts = json.loads(found or b"")
        ledger, intents = facts["ledger"], facts["intents"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_sound = isinstance(ledger, str) and type(intents) is int and intents >= 0
    return Mark(ledger=ledger, intents=intents) if is_sound else None


def doubt_of(found: bytes | None, known: Provenance, *, name: str) -> str:
    """Say why a ledger may be an older copy; empty when ledger and mark agree.

    ``name`` is that of the mark's file.
    """
    mark = parse_mark(found)
    if found is None and known.id:
        return (
            f"this ledger may be an older copy that was put back: it knows of "
            f"{_attempts(known.intents)} to send, and the mark beside it ({name}) is missing; "
            f"{WAITS}"
        )
    if found is None:
        return ""
    if mark is None:
        return (
            "this ledger may be an older copy that was put back: the mark beside it "
            f"({name}) cannot be read; {WAITS}"
        )
    if mark.ledger != known.id and (mark.intents or known.id):
        return (
            f"this ledger took the place of another: the mark beside it ({name}) belongs to one "
            f"that knows of {_attempts(mark.intents)} to send; {WAITS}"
        )
    if mark.ledger == known.id and mark.intents > known.intents:
        return (
            f"this ledger is an older copy that was put back: it knows of "
            f"{_attempts(known.intents)} to send, the mark beside it ({name}) of {mark.intents}; "
            f"{WAITS}"
        )
    return ""


def belongs(found: bytes | None, known: Provenance) -> bool:
    """Tell whether the mark that was read is this ledger's own."""
    mark = parse_mark(found)
    return mark is not None and mark.ledger == known.id


def refuse_lost(ledger: Path) -> None:
    """Refuse to begin anew, or to read nothing, where a ledger was that sent something.

    :raises LedgerError: when the file is missing or empty, and the mark counts intents.
    """
    try:
        is_lost = ledger.parent.is_dir() and (not ledger.exists() or not ledger.stat().st_size)
    except OSError:
        return  # whoever opens it says what is wrong
    mark = parse_mark(read_mark(ledger)) if is_lost else None
    if mark is not None and mark.intents:
        name = mark_path(ledger).name
        raise LedgerError(
            f"{ledger}: the ledger is missing: the mark beside it ({name}) counts "
            f"{_attempts(mark.intents)} to send",
            why="without it publisher cannot know what was announced, so it does nothing",
            hint="put the newest backup in its place, then `publisher adopt --after-restore`; "
            f"without any backup, delete {name}, then `publisher adopt` takes the site as it is",
        )


def write_mark(ledger: Path, mark: Mark) -> None:
    """Replace the mark beside a ledger; durable on return, and never half of it.

    Only to be called under the ledger's write lock, so that a count never replaces a higher one.

    :raises LedgerError: when it cannot be written.
    """
    path = mark_path(ledger)
    why = "without it nobody could tell an older copy of the ledger, so nothing is sent"
    hint = "free some space on that disk, or make the folder writable for this user"
    trouble = "the mark of the ledger cannot be written"
    with os_errors_as(LedgerUnavailable, str(path), trouble, why=why, hint=hint):
        # The daemon that is to read it may be another user than root.
        owner = ledger.stat() if os.geteuid() == 0 else None
        write_whole(path, json.dumps(asdict(mark)).encode() + b"\n", owner=owner)


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"
