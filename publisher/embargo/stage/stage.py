"""Keeps the stage: a copy of the project in which every unreleased post stands as its policy says.

How an update brings it there is said in ``update``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import publisher
from publisher.config.settings import Settings
from publisher.embargo.embargoed_text import EmbargoedText, PublicTexts
from publisher.embargo.stage.catalog import Catalog
from publisher.embargo.stage.manifest import (
    open_manifest,
    read_texts,
)
from publisher.embargo.stage.update import Update, unstaged
from publisher.embargo.sync import Place
from publisher.model import PostId
from publisher.model.errors import PostError
from publisher.posts.library import Scan
from publisher.system.files import read_file

SAVE_AFTER = 500  # files; what a kill makes the next update do again
TEXTS = ("public", "embargoed")  # kinds of what is staged of the project's files


@dataclass(frozen=True, kw_only=True)
class Staged:
    """The stage as an update left it; paths in ``changed`` and ``texts`` start at ``folder``."""

    folder: Path  # the copy of the project
    root: Path  # in it, the generator's project
    output: Path  # in it, what the generator writes
    changed: tuple[str, ...]  # what this update wrote or removed
    texts: Mapping[str, str]  # the files that ``public`` reads, with their stamps,
    posts: frozenset[str]  # and those of them that are posts
    withheld: tuple[str, ...]  # files that are no posts and not released: no page is made of them
    manifest: Path
    addresses: Mapping[str, str] = field(default_factory=dict)  # by path, as the build has them

    @cached_property
    def hidden(self) -> tuple[EmbargoedText, ...]:
        """Give the texts of all unreleased posts, in order of path; read when first asked for.

        Each has the address that the build gave it, or else the likely one.

        :raises PublisherError: when they cannot be read.
        """
        return tuple(
            replace(text, url=self.addresses.get(text.path, text.url)) if text.url else text
            for text in read_texts(self.manifest)
        )

    @property
    def public(self) -> PublicTexts:
        """Give the texts that anybody may see, as they are staged; each is read when asked for.

        What a build has written since says nothing: it may be of an unreleased post.
        """
        posts = [path for path in self.texts if path in self.posts]
        others = [path for path in self.texts if path not in self.posts]
        return PublicTexts(posts=self._read(posts), others=self._read(others))

    def _read(self, paths: Iterable[str]) -> Iterator[str]:
        place = Place(self.folder)
        for path in paths:
            with suppress(PostError, OSError):  # a build put something else in its place
                if place.stamp(path) == self.texts[path]:
                    yield read_file(self.folder / path, path).data.decode("utf-8", "replace")


class Stage:
    """The stage of one site, in ``state_dir``.

    Whoever updates it, or builds in it, holds the build lock.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._home = settings.state_dir / "stage"
        self._copy = self._home / "project"
        self._unbuilt = self._home / "unbuilt"

    @property
    def is_unbuilt(self) -> bool:
        """Tell whether anything in the stage is newer than the build that was deployed from it."""
        return self._unbuilt.exists()

    def mark_unbuilt(self) -> None:
        self._unbuilt.touch(mode=0o600)

    def begin_build(self) -> int:
        """Give the instant before a build, in nanoseconds by the clock of the files.

        :raises SiteError: when the stage cannot be written.
        """
        mark = self._home / "begun"
        with in_words(self._home):
            mark.touch()
            return mark.stat().st_mtime_ns

    def mark_built(self) -> None:
        self._unbuilt.unlink(missing_ok=True)

    def update(
        self,
        scan: Scan,
        gone: Collection[PostId] = (),
        overdue: Collection[PostId] = (),
        *,
        waiting: Collection[str] = (),
        now: datetime,
    ) -> Staged:
        """Bring the stage up to date with the project, as ``scan`` has just read it.

        Posts in ``gone`` that are not public have no page: they were withdrawn. Those in
        ``overdue`` are announced without a day: theirs is over. Pages that are no posts wait until
        ``now`` for a date that their generator would wait for. Files in ``waiting``, which the
        ledger knows as not released, stay out while they cannot be read.

        What generators keep in the stage for themselves stays. Their output goes, for them to
        make again, when something went that was staged before: not all of them clean up.

        :raises PublisherError: when a file cannot be staged, or changed since the scan; the next
            update goes on from there.
        """
        catalog = Catalog(self._settings, scan, gone, overdue)
        with in_words(self._home):
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            was_unbuilt = self.is_unbuilt
            self.mark_unbuilt()  # first: a kill between two files must not hide the change
            file, facts = self._home / "manifest.db", self._facts()
            with open_manifest(file, facts, begin_anew=self._begin_anew) as manifest:
                update = Update(self._settings, catalog, manifest, Place(self._copy))
                update.run(waiting, now)
            if not (was_unbuilt or update.changed):
                self.mark_built()
        return Staged(
            folder=self._copy,
            root=self._copy / catalog.root,
            output=self._copy / update.output,
            changed=tuple(sorted(update.changed)),
            texts=update.public_texts(),
            posts=scan.unreadable.union(catalog.posts),  # where such is staged, it was good once
            withheld=tuple(sorted(update.withheld)),
            manifest=file,
        )

    def _begin_anew(self) -> None:
        if self._copy.is_symlink():
            self._copy.unlink()
        elif self._copy.exists():
            shutil.rmtree(self._copy)

    def _facts(self) -> str:
        """Give what a stage is made for: in another place or version, it begins anew."""
        settings = self._settings
        output = settings.rebuild.output if settings.rebuild else Path()
        places = (settings.project, settings.site.root, output, settings.state_dir)
        words = [os.fsencode(path).hex() for path in places]
        return " ".join([publisher.__version__, settings.site.url, *words])


@contextmanager
def in_words(home: Path) -> Iterator[None]:
    """Say in words what the system refuses while files are staged.

    :raises SiteError: for every ``OSError`` in the block.
    """
    try:
        yield
    except OSError as error:  # shutil.Error, too
        raise unstaged(str(error.filename or home), error) from error
