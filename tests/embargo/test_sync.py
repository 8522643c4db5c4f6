"""What a sync deletes, and what it leaves: the output folder may be somebody else's, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from publisher.embargo.sync import sync_output
from tests.embargo.staged_sites import files


def build(folder: Path, *names: str, text: str = "built") -> Path:
    """Replace the built site by one of these files."""
    built = folder / "built"
    for old in built.rglob("*.*"):
        old.unlink()
    put(built, "index.html", *names, text=text)
    return built


def put(folder: Path, *names: str, text: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_what_no_build_made_stays_and_is_named(tmp_path: Path) -> None:
    live, record = tmp_path / "live", tmp_path / "mirrored.json"
    put(live, "CNAME", "uploads/cat.png", "index.html", text="mine")
    (live / "empty").mkdir()
    (live / "shared").symlink_to(tmp_path)

    first = sync_output(build(tmp_path, "a.html"), live, record=record)
    second = sync_output(build(tmp_path, "b.html"), live, record=record)

    others = ("CNAME", "shared", "uploads/cat.png")
    assert (first.changed, first.kept) == (2, others)
    assert (second.changed, second.kept) == (2, others)
    assert files(live) == {
        "CNAME": b"mine",
        "uploads/cat.png": b"mine",
        "index.html": b"built",
        "b.html": b"built",
    }
    assert (live / "empty").is_dir()
    assert (live / "shared").is_symlink()


def test_what_was_synced_and_is_built_no_longer_goes_with_its_folder(tmp_path: Path) -> None:
    live, record = tmp_path / "live", tmp_path / "mirrored.json"
    sync_output(build(tmp_path, "blog/old/index.html", "up/a.png"), live, record=record)
    put(live, "up/mine.png", text="mine")

    done = sync_output(build(tmp_path), live, record=record)

    assert done.changed == 2
    assert files(live) == {"index.html": b"built", "up/mine.png": b"mine"}
    assert not (live / "blog").exists()
    assert sync_output(build(tmp_path), live, record=record).changed == 0


def test_names_that_are_no_text_are_remembered(tmp_path: Path) -> None:
    live, record = tmp_path / "live", tmp_path / "mirrored.json"
    name = os.fsdecode(b"caf\xe9.html")
    sync_output(build(tmp_path, name), live, record=record)

    sync_output(build(tmp_path), live, record=record)

    assert files(live) == {"index.html": b"built"}


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"target": 1}', b"\xff"])
def test_without_a_record_that_can_be_read_nothing_is_deleted(
    tmp_path: Path, damage: bytes
) -> None:
    live, record = tmp_path / "live", tmp_path / "mirrored.json"
    sync_output(build(tmp_path, "old.html"), live, record=record)
    record.write_bytes(damage)

    done = sync_output(build(tmp_path), live, record=record)

    assert done.kept == ("old.html",)
    assert (live / "old.html").exists()


def test_a_record_of_one_folder_says_nothing_of_another(tmp_path: Path) -> None:
    one, other, record = tmp_path / "one", tmp_path / "other", tmp_path / "mirrored.json"
    sync_output(build(tmp_path, "page.html"), one, record=record)
    put(other, "page.html", text="mine")

    done = sync_output(build(tmp_path), other, record=record)

    assert done.kept == ("page.html",)


@pytest.mark.parametrize("path", ["/blog/door", "/blog/door/"])
@pytest.mark.parametrize("page", ["blog/door.html", "blog/door/index.html", "blog/door"])
def test_the_page_of_a_post_that_is_left_out_goes_whoever_made_it(
    tmp_path: Path, path: str, page: str
) -> None:
    live = tmp_path / "live"
    put(live, page, f"{page}.gz", "blog/door-frames.html", text="built by hand")

    done = sync_output(build(tmp_path), live, record=tmp_path / "mirrored.json", absent=[path])

    assert done.kept == ("blog/door-frames.html",)
    assert set(files(live)) == {"index.html", "blog/door-frames.html"}


def test_a_page_that_the_build_has_stays_and_its_namesake_goes(tmp_path: Path) -> None:
    live, record = tmp_path / "live", tmp_path / "mirrored.json"
    put(live, "door.html", text="built by hand")

    sync_output(build(tmp_path, "door/index.html"), live, record=record, absent=["/door", "/"])

    assert set(files(live)) == {"index.html", "door/index.html"}


KILLED = """\
import os, signal, sys
from pathlib import Path
from publisher.embargo.sync import sync_output
left = int(sys.argv[1])

def hook(event, args):
    global left
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"):
        left -= str(args[0]).startswith(sys.argv[3])
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

built, live, record = map(Path, sys.argv[2:5])
sys.addaudithook(hook)
sync_output(built, live / "live", record=record)
"""


def test_whatever_a_kill_leaves_goes_once_it_is_built_no_longer(tmp_path: Path) -> None:
    place = tmp_path / "place"
    live, record = place / "live", place / "mirrored.json"
    put(live, "CNAME", text="mine")
    sync_output(build(tmp_path, "old.html"), live, record=record)
    kills = 0
    while True:
        argv = [sys.executable, "-c", KILLED, str(1 + kills)]
        build(tmp_path, "new/page.html", "app.js", text=f"built {kills}")
        done = subprocess.run(
            [*argv, str(tmp_path / "built"), str(place), str(record)],
            cwd=Path(__file__).parents[2],
            check=False,
        )
        if done.returncode != -signal.SIGKILL:
            break
        kills += 1

        sync_output(build(tmp_path, "old.html"), live, record=record)

        assert set(files(live)) == {"CNAME", "index.html", "old.html"}

    assert done.returncode == 0
    assert kills > 10
