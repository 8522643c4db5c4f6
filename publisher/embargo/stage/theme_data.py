"""Writes what themes may know of series and badges where the generator reads data: in the stage."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from publisher.config.settings import Settings
from publisher.embargo.stage.stage import Stage, Staged, in_words
from publisher.embargo.sync import Place
from publisher.model import LedgerView, Post, PostId, PostState, ReleaseState
from publisher.plan.effective import waiting_files
from publisher.posts.library import Scan
from publisher.posts.series import series_data

_INSTANTS = frozenset({"generated_at", "at", "until"})


def stage_with_data(
    settings: Settings, scan: Scan, view: LedgerView, now: datetime, *, environ: Mapping[str, str]
) -> Staged:
    """Bring the stage up to date, as ``Stage.update`` does, and the data for themes in it.

    ``environ`` is what the build of the stage sees.
    """
    command = settings.rebuild.command if settings.rebuild else ()
    generator = settings.site.generator.for_stage(settings.site.root, command, environ)
    settings = replace(settings, site=replace(settings.site, generator=generator))
    stage = Stage(settings)
    gone = withdrawn(scan.posts, view, now)
    late = overdue(scan.posts, settings.site.zone, now)
    staged = stage.update(scan, gone, late, waiting=waiting_files(view), now=now)
    posts = [post for post in scan.posts if post.id not in gone]
    if write_data(staged.root, posts, view, settings, now):
        stage.mark_unbuilt()
    return staged


def withdrawn(posts: Sequence[Post], view: LedgerView, now: datetime) -> Collection[PostId]:
    """Give the posts that were public and are not now; those with a coming date are promised anew.

    A baseline post was public before publisher came, and is released by hand only.
    """
    return {post.id for post in posts if _is_withdrawn(post, view, now)}


def overdue(posts: Sequence[Post], zone: ZoneInfo, now: datetime) -> Collection[PostId]:
    """Give the posts whose day is over on the clocks of the site, public or not."""
    today = now.astimezone(zone).date()
    return {p.id for p in posts if p.release_at and p.release_at.astimezone(zone).date() < today}


def _is_withdrawn(post: Post, view: LedgerView, now: datetime) -> bool:
    record = view.releases.get(post.id)
    if post.state is PostState.PUBLISHED or record is None:
        return False
    is_coming = post.release_at is not None and post.release_at > now
    if record.state is ReleaseState.WITHDRAWN:
        return not (post.state is PostState.SCHEDULED and is_coming)
    return record.state is ReleaseState.BASELINE


def write_data(
    root: Path, posts: Sequence[Post], view: LedgerView, settings: Settings, now: datetime
) -> bool:
    """Write the data below the staged ``root``; tell whether they say anything new.

    A file of that name in the project is for its author's own builds, and is not staged. Where the
    folder is a link, or a file, nothing is written.

    :raises SiteError: when they cannot be written.
    """
    name = settings.site.generator.data
    if not name or not _has_room(root, name):
        return False
    data = series_data(posts, view, settings.site, now, embargo=settings.embargo)
    file = root / name
    with suppress(OSError, ValueError):
        known = None if file.is_symlink() else json.loads(file.read_text(encoding="utf-8"))
        if _without_instants(known) == _without_instants(data):
            return False
    text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
    with in_words(file):
        Place(root).put(name, text.encode(), None)
    return True


def _has_room(root: Path, name: str) -> bool:
    """Tell whether the folder is one, or can be made: a link would lead out of the stage."""
    folders = [root / parent for parent in PurePosixPath(name).parents if parent.parts]
    return all(not f.is_symlink() and (f.is_dir() or not f.exists()) for f in folders)


def _without_instants(value: Any) -> Any:
    """Leave out what is known to the second only once a page is live: no reader sees it."""
    if isinstance(value, list):
        return [_without_instants(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_instants(item) for key, item in value.items() if key not in _INSTANTS}
