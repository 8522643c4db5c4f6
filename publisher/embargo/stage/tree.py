"""Lists what belongs into the stage of a project."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from publisher.config.settings import Settings
from publisher.embargo.stage.catalog import Catalog, FileKind
from publisher.generators import project
from publisher.system.files import stamp_of


@dataclass(frozen=True, slots=True)
class Source:
    """One version of a file of the project."""

    stamp: str
    size: int
    kind: FileKind


@dataclass(frozen=True, slots=True)
class Tree:
    """What is there, by path from the project's folder."""

    files: dict[str, Source] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    links: dict[str, Path] = field(default_factory=dict)
    installed: dict[str, Path] = field(default_factory=dict)


def list_tree(settings: Settings, catalog: Catalog) -> Tree:
    """List the project.

    :raises OSError: when a folder cannot be listed.
    """
    site, tree = settings.site, Tree()
    own = set(settings.own_files)
    if site.generator.data:
        own.add(site.root / site.generator.data)  # written in the stage besides
    others = {"folder": tree.folders, "link": tree.links, "installed": tree.installed}
    for found in project.walk(settings.project, site.root, own):
        if found.kind != "file":
            others[found.kind][found.path] = Path(found.entry.path)
            continue
        with suppress(FileNotFoundError):  # gone since
            status = found.entry.stat(follow_symlinks=False)
            kind = catalog.kind_of(found.path, status.st_size)
            tree.files[found.path] = Source(written_stamp(status), status.st_size, kind)
    return tree


def written_stamp(status: os.stat_result) -> str:
    """Write what tells one version of a file from another."""
    return " ".join(map(str, stamp_of(status)))
