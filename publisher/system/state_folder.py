"""The state folder is its owner's alone: unreleased text and addresses of services are in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

OTHERS = 0o077  # the rights of everybody but the owner
COPY = Path("stage", "project")  # for the build, which needs the modes of the originals


def make_private(top: Path, *, public: Collection[Path]) -> None:
    """Take the rights of others away: folders become 0700, files 0600.

    Not in the copy of the project that is built from: what a generator copies to its output must
    stay readable for a web server. Nobody else gets there, since its folder is private. What
    belongs to another user stays as it is, and so does a state folder that holds one of the
    folders ``public``.
    """
    if any(folder.is_relative_to(top) for folder in public):
        return
    with suppress(OSError):
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
    _restrict(top)
    for folder, folders, files in os.walk(top):
        here = Path(folder)
        for name in (*folders, *files):
            _restrict(here / name)
        folders[:] = [name for name in folders if here / name != top / COPY]


def _restrict(path: Path) -> None:
    with suppress(OSError):  # gone meanwhile, or somebody else's
        mode = path.lstat().st_mode
        if mode & OTHERS and (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)
