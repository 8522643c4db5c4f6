"""The addresses that builds gave to posts, kept in the state folder. Reads and writes one file.

They can all be learned again from the next build, so a file that cannot be read counts as empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from publisher.system.files import Stamp, stamp_of
from publisher.system.notes import write_note

VERSION = 1  # of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the latest build put a post.

    ``file`` is its page below the output, posix. ``source`` tells which version of the post's
    file was built. ``former`` are the URLs that it had before, latest first.
    """

    url: str  # absolute
    file: str
    source: str
    former: tuple[str, ...] = ()


@dataclass(slots=True)
class AddressBook:
    """The addresses of one site by the path of each post, as in ``Post.path``."""

    state_dir: Path
    _stamp: Stamp | None = field(default=None, init=False, repr=False)
    _known: Mapping[str, Address] = field(
        default_factory=lambda: MappingProxyType({}), init=False, repr=False
    )

    @property
    def file(self) -> Path:
        return self.state_dir / "addresses.json"

    def read(self) -> Mapping[str, Address]:
        """Give all addresses; from memory while the file is the same."""
        try:
            stamp = stamp_of(self.file.stat())
        except OSError:
            return MappingProxyType({})
        if stamp != self._stamp:
            self._known, self._stamp = _loaded(self.file), stamp
        return self._known

    def write(self, addresses: Mapping[str, Address]) -> None:
        """Keep these addresses instead; entirely or not at all.

        :raises PublisherError: when they cannot be written.
        """
        if addresses == self.read():
            return
        rows = {
            path: [known.url, known.file, known.source, *known.former]
            for path, known in sorted(addresses.items())
        }
        write_note(self.file, {"version": VERSION, "addresses": rows})


def _loaded(file: Path) -> Mapping[str, Address]:
    try:
        data = json.loads(file.read_bytes())
        if data["version"] != VERSION:
            return MappingProxyType({})
        return MappingProxyType(
            {
                path: Address(url=url, file=page, source=source, former=tuple(former))
                for path, (url, page, source, *former) in data["addresses"].items()
            }
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return MappingProxyType({})
