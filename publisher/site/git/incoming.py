"""Holds back commits that would change ``jobs.yaml``, until a person on this machine accepts them.

That file says which programs run here and where secrets go; who may push posts may not say that.
Such a commit is not checked out, so the file on disk is always one that somebody here accepted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from difflib import unified_diff
from pathlib import Path

from publisher.config.settings import Settings
from publisher.model import Cause, Hold
from publisher.model.errors import GitError, PublisherError, UntrustedError
from publisher.site.git.checkout import GITLINK, Change, read_changes
from publisher.site.git.run import Git
from publisher.system.notes import write_note

NAME = "jobs.yaml"  # where a command finds its settings, unless it is told another file
NOTE = "incoming.json"  # in state_dir
SHOWN = 200_000  # characters of a file


@dataclass(frozen=True, slots=True)
class File:
    """A file before and after; ``mode`` as git writes it, zeros where it goes away."""

    path: str
    mode: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """A change that was held back; ``digest`` tells it from any other."""

    commit: str
    digest: str
    files: tuple[File, ...]

    @property
    def why(self) -> str:
        names = ", ".join(file.path for file in self.files)
        return (
            f"commit {self.commit[:12]} changes {names}, which says what runs here and where"
            " secrets go; nothing is released, built or announced until a person accepts it;"
            " `publisher trust --show` shows the change"
        )

    def difference(self) -> Iterator[str]:
        """Give the lines of the difference, as ``diff -u`` writes them."""
        for file in self.files:
            if file.mode.startswith("12"):
                yield f"{file.path} becomes a link to {file.new}"
            old, new = file.old.splitlines(), file.new.splitlines()
            yield from unified_diff(old, new, file.path, file.path, lineterm="")


def find(git: Git, old: str, new: str, settings: Settings) -> Incoming | None:
    """Look whether going from one commit to another changes ``jobs.yaml``.

    Those of other sites in the repository count as well: their publisher trusts what is on disk.

    :raises GitError: when the file is a link into the repository, whose changes nobody would see.
    """
    refuse_links(settings.file, git.folder)
    names = {NAME, settings.file.name.casefold()}
    changed = sorted(
        (
            change
            for change in read_changes(git, old, new)
            if change.path.rpartition("/")[2].casefold() in names
        ),
        key=lambda change: change.path,
    )
    if not changed:
        return None
    digest = hashlib.sha256()
    for change in changed:
        digest.update(f"{change.new.mode} {change.new.id} {change.path}\0".encode(errors="replace"))
    return Incoming(new, digest.hexdigest(), tuple(_file(git, change) for change in changed))


def refuse_links(file: Path, top: Path) -> None:
    """Insist that ``jobs.yaml`` is no link to something that a pull may change."""
    place = file
    for _ in range(40):  # as many as the system follows
        if not place.is_symlink():
            return
        place = place.parent.resolve() / place.readlink()
        if place.resolve().is_relative_to(top) or place.is_relative_to(top):
            raise GitError(
                f"{file}: is a link into the repository {top}",
                why="a pull could change what it leads to, and so what runs here",
                hint="put the file itself there, or keep it outside of the repository",
            )


def _file(git: Git, change: Change) -> File:
    old, new = (_text(git, entry.mode, entry.id) for entry in (change.old, change.new))
    return File(change.path, change.new.mode, old, new)


def _text(git: Git, mode: str, name: str) -> str:
    if not name.strip("0") or mode == GITLINK:
        return ""
    return git.run("cat-file", "blob", name).out.decode("utf-8", "replace")[:SHOWN]


# --- what is held ----------------------------------------------------------------------------


def hold(settings: Settings, incoming: Incoming) -> None:
    """Note a change that was not taken; raise what says so.

    :raises UntrustedError: always.
    """
    write_note(settings.state_dir / NOTE, asdict(incoming))
    raise UntrustedError(incoming.why, hint="accept it: `publisher trust`")


def forget(settings: Settings) -> None:
    (settings.state_dir / NOTE).unlink(missing_ok=True)


def held(settings: Settings) -> Incoming | None:
    """Give the change that waits for a person, if one does.

    :raises PublisherError: when that cannot be known.
    """
    note = settings.state_dir / NOTE
    if settings.git is None:
        return None
    try:
        found = json.loads(note.read_bytes())
        files = tuple(File(**file) for file in found["files"])
        return Incoming(found["commit"], found["digest"], files)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PublisherError(
            f"{note}: cannot be read: {error}",
            why="it says which change of jobs.yaml waits for you",
            hint="delete it; the next pull looks anew",
        ) from None


def block(settings: Settings) -> Hold | None:
    """Give the hold of the whole site while a change waits for a person."""
    try:
        incoming = held(settings)
    except PublisherError as error:
        return Hold(cause=Cause.UNREADABLE, reason=error.one_line, needs_person=True)
    if incoming is None:
        return None
    return Hold(cause=Cause.UNTRUSTED, reason=incoming.why, needs_person=True)
