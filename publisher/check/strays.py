"""Pages outside of the posts that say draft or scheduled: under embargo no build has them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePosixPath

from publisher.embargo.hidden import holds
from publisher.embargo.kinds import is_set_aside
from publisher.embargo.unreleased import Unreleased
from publisher.errors import PublisherError
from publisher.files import read_file
from publisher.frontmatter import parse
from publisher.model import PostState, Problem
from publisher.posts import Scan
from publisher.presets import as_yaml
from publisher.project import own_files, walk
from publisher.settings import Settings

PAGELESS = frozenset({"archetypes", "_drafts"})  # of Hugo and Jekyll: no page is made of these


def check_strays(settings: Settings, scan: Scan) -> Iterator[Problem]:
    """Warn of the pages that a staged site is built without, and say why."""
    if not holds(settings.embargo, scan.posts):
        return
    preset = settings.site.preset
    public = f"{preset.state_key}: {as_yaml(preset.values[PostState.PUBLISHED])}"
    for path in _strays(settings, scan):
        if PAGELESS & set(PurePosixPath(path).parts):
            continue
        line, said = _state_in(path, settings)
        yield Problem(
            rule="stray",
            severity="warning",
            path=path,
            line=line,
            message=f"says {said} and is no post: while posts are under embargo, "
            "the site is built without it",
            hint=f"write {public} once it may be seen; if it is a post, let site.posts match it",
        )


def _strays(settings: Settings, scan: Scan) -> list[str]:
    """Find what the stage would."""
    root = os.path.relpath(settings.site.root, settings.project)
    unreleased = Unreleased(settings, scan, "" if root == "." else root)
    try:
        for found in walk(settings.project, settings.site.root, own_files(settings)):
            is_file = found.kind == "file" and not is_set_aside(found.path, settings.site)
            if is_file and unreleased.may_stray(found.path, found.entry.stat().st_size):
                unreleased.find_stray(found.path, settings.project)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PublisherError(f"{error.filename}: {reason}") from None
    return sorted(unreleased.strays)


def _state_in(path: str, settings: Settings) -> tuple[int | None, str]:
    """Give where and how a page says that it is unreleased, as far as it can be read."""
    wanted = settings.site.preset.state_key
    with suppress(PublisherError):
        document = parse(read_file(settings.project / path, path).data, path)
        for key, value in document.metadata.items():
            if key.lower() == wanted.lower():
                return document.line_of(key), f"{key}: {as_yaml(value)}"
    return None, f"in its {wanted} that it is unreleased"
