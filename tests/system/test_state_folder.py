"""Who may read what we keep on disk, and what is left open when a disk is full."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from publisher.model.errors import PublisherError
from publisher.system.notes import write_note
from publisher.system.state_folder import make_private
from publisher.views.site_state import open_ledger
from tests.embargo.staged_sites import a_post, a_site, staged, update, write
from tests.factories import NOW


@pytest.fixture(autouse=True)
def _generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow, as on a disk without room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def open_to_others(state: Path) -> set[str]:
    """Give what anybody but the owner has a right to, less the copy that is built from."""
    found = set()
    for path in (state, *state.rglob("*")):
        inside = path.relative_to(state)
        is_copy = inside.parts[:2] == ("stage", "project")
        if not is_copy and not path.is_symlink() and path.stat().st_mode & 0o077:
            found.add(inside.as_posix())
    return found


def test_nobody_else_may_read_the_state_folder(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())

    with open_ledger(settings, now=NOW):
        update(settings)
        write_note(settings.state_dir / "unpushed.json", {"posts": []})

    assert open_to_others(settings.state_dir) == set()


def test_a_folder_that_was_open_to_all_is_closed(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    names = ("outbox/a.json", "backups/old.db", "stage/manifest.db", "run.log")
    for name in names:
        (settings.state_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (settings.state_dir / name).touch(mode=0o666)

    make_private(settings.state_dir, public=(settings.project, settings.site.root))

    assert open_to_others(settings.state_dir) == set()
    assert (settings.state_dir / "run.log").stat().st_mode & 0o777 == 0o600


def test_the_copy_to_build_from_keeps_its_modes(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "static/tool.sh", "#!/bin/sh\n").chmod(0o755)
    update(settings)

    make_private(settings.state_dir, public=(settings.project, settings.site.root))

    tool = settings.state_dir / "stage/project/site/static/tool.sh"
    assert tool.stat().st_mode & 0o777 == 0o755


def test_links_out_of_the_state_folder_are_not_followed(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    outside = tmp_path / "outside"
    outside.touch(mode=0o644)
    settings.state_dir.mkdir()
    (settings.state_dir / "link").symlink_to(outside)

    make_private(settings.state_dir, public=(settings.project, settings.site.root))

    assert outside.stat().st_mode & 0o777 == 0o644


# --- a full disk -----------------------------------------------------------------------------


def test_a_stage_that_could_not_be_begun_keeps_no_lock(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())

    with full_disk(), pytest.raises(PublisherError) as failure:
        update(settings)

    update(settings)  # while the error of the first try is still held

    assert failure.value.what
    assert staged(settings, "blog/next.md") is not None


def test_a_stage_that_could_not_be_updated_keeps_no_lock(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    update(settings)
    write(tmp_path, "blog/later.md", a_post())

    with full_disk(), pytest.raises(PublisherError) as failure:
        update(settings)

    update(settings)

    assert failure.value.what
    assert staged(settings, "blog/later.md") is not None


# --- odd names -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b"blog/caf\xe9.md", b"static/caf\xe9.md", b"static/\xff.html"])
def test_a_name_that_is_not_utf_8_stops_no_stage(tmp_path: Path, name: bytes) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, os.fsdecode(name), a_post())

    found = update(settings)

    paths = {hidden.path for hidden in found.hidden}
    assert "site/blog/next.md" in paths
    assert found.hidden == update(settings).hidden


def test_half_a_character_in_a_post_stops_no_stage(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post('teaser: "\\ud83d"'))

    found = update(settings)

    assert len(found.hidden) == 1 or "site/blog/next.md" in {h.path for h in found.hidden}
