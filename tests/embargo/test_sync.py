"""What a sync deletes, and what it leaves: the output folder may be somebody else's, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from publisher.embargo.sync import sync_output
from publisher.model.errors import SiteError
from tests.embargo.staged_sites import KILLED, SECRET, files, tree


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


KILLED_SYNC = """\
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
        argv = [sys.executable, "-c", KILLED_SYNC, str(1 + kills)]
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


# --- how a built site gets to its place --------------------------------------------------------


def a_build(folder: Path, **more: str) -> Path:
    """Write a built site; in names, `__` stands for a slash and `_` for a dot."""
    pages = {"index_html": "<p>Start", "assets__app_js": "1", "feed_xml": "<rss/>", **more}
    for name, text in pages.items():
        file = folder / "built" / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / "built"


def test_a_build_is_synced_to_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    built = a_build(tmp_path)
    (built / "index.html").chmod(0o604)

    done = sync_output(built, tmp_path / "deep" / "live")

    assert done.changed == 3
    assert tree(tmp_path / "deep/live") == tree(built)
    assert (tmp_path / "deep/live/index.html").stat().st_mode & 0o777 == 0o604


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    built, live = a_build(tmp_path, old_html="old", same_html="1"), tmp_path / "live"
    sync_output(built, live)
    before = {path.name: path.stat() for path in live.rglob("*.*")}
    (built / "old.html").unlink()
    (built / "same.html").write_text("2")
    (built / "new.html").write_text("new")
    (built / "index.html").touch()

    done = sync_output(built, live)

    assert done.changed == 3
    assert tree(live) == tree(built)
    kept = ("index.html", "app.js", "feed.xml")
    assert [(live / "assets" / n if n == "app.js" else live / n).stat() for n in kept] == [
        before[n] for n in kept
    ]
    assert sync_output(built, live).changed == 0


ORDERED = """\
import sys
from pathlib import Path
from publisher.embargo.sync import sync_output
live = sys.argv[2]

def hook(event, args):
    path = str(args[1] if event == "os.rename" else args[0] if event == "os.remove" else "")
    if path and not path.endswith(".tmp"):
        print(path.removeprefix(live + "/"))

sys.addaudithook(hook)
sync_output(Path(sys.argv[1]), Path(live))
"""


def test_what_others_refer_to_comes_first_and_deletions_last(tmp_path: Path) -> None:
    live = tmp_path / "live"
    sync_output(a_build(tmp_path, old_html="old", assets__old_js="old"), live)
    built = a_build(
        tmp_path,
        index_html="<p>New",
        blog__a_html="a",
        blog__a_html_gz="a",
        assets__app_js="2",
        sitemap_xml="<urlset/>",
        search_json="{}",
        data_json="{}",
    )
    (built / "old.html").unlink()
    (built / "assets/old.js").unlink()

    done = subprocess.run(
        [sys.executable, "-c", ORDERED, str(built), str(live)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    order = done.stdout.split()
    assert order[:2] == ["assets/app.js", "data.json"]
    assert order[2:5] == ["blog/a.html", "blog/a.html.gz", "index.html"]
    assert order[5:7] == ["search.json", "sitemap.xml"]
    assert set(order[7:]) == {"assets/old.js", "old.html"}


def test_sync_follows_no_link_in_the_target(tmp_path: Path) -> None:
    built, live, outside = a_build(tmp_path), tmp_path / "live", tmp_path / "outside"
    outside.mkdir()
    live.mkdir()
    for name in ("app.js", "precious.txt"):
        (outside / name).write_text("1")
    (live / "assets").symlink_to(outside)
    (live / "uploads").symlink_to(outside)
    (live / "index.html").symlink_to(outside / "precious.txt")

    sync_output(built, live)

    assert tree(live) == tree(built)
    assert {path.name: path.read_text() for path in outside.iterdir()} == {
        "app.js": "1",
        "precious.txt": "1",
    }


def test_a_file_and_a_folder_can_change_places(tmp_path: Path) -> None:
    built, live = a_build(tmp_path), tmp_path / "live"
    (live / "index.html").mkdir(parents=True)
    (live / "index.html" / "x").touch()
    (live / "assets").write_text("a file")

    sync_output(built, live)

    assert tree(live) == tree(built)


def test_a_link_in_the_build_is_synced_as_its_file(tmp_path: Path) -> None:
    built = a_build(tmp_path)
    (built / "latest.html").symlink_to("index.html")

    sync_output(built, tmp_path / "live")

    assert not (tmp_path / "live/latest.html").is_symlink()
    assert (tmp_path / "live/latest.html").read_text() == "<p>Start"


@pytest.mark.parametrize("target", ["../secret.txt", "nowhere", ".."])
def test_a_link_out_of_the_build_is_refused(tmp_path: Path, target: str) -> None:
    built = a_build(tmp_path)
    (tmp_path / "secret.txt").write_text(SECRET)
    (built / "out").symlink_to(target)

    with pytest.raises(SiteError, match="out: the build made a link"):
        sync_output(built, tmp_path / "live")

    assert not (tmp_path / "live").exists()


def test_a_target_that_could_harm_is_refused(tmp_path: Path) -> None:
    built = a_build(tmp_path / "state")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "jobs.yaml").touch()
    before = tree(tmp_path)

    for name in ("link", "sources", "state", "state/built", "state/built/assets"):
        with pytest.raises(SiteError, match="the output"):
            sync_output(built, tmp_path / name)
    with pytest.raises(SiteError, match="has written no folder"):
        sync_output(tmp_path / "none", tmp_path / "real")

    assert tree(tmp_path) == before


def test_version_control_of_the_output_stays(tmp_path: Path) -> None:
    built, live = a_build(tmp_path), tmp_path / "live"
    (live / ".git").mkdir(parents=True)
    (live / ".git" / "HEAD").write_text("ref")

    sync_output(built, live)

    assert (live / ".git" / "HEAD").read_text() == "ref"


def test_whatever_a_kill_leaves_of_a_synced_site_the_next_completes(tmp_path: Path) -> None:
    built, live = a_build(tmp_path, old_html="old", a_html="a", b__c_html="c"), tmp_path / "live"
    sync_output(built, live)
    (built / "old.html").unlink()
    for file in built.rglob("*.*"):
        file.write_text("changed")
    code = KILLED.replace("/stage", "/live") + (
        "from pathlib import Path\nfrom publisher.embargo.sync import sync_output\n"
        "begin()\nsync_output(Path(sys.argv[1]), Path(sys.argv[3]))\n"
    )
    kills = 0
    while True:
        argv = [sys.executable, "-c", code, str(built), str(3 + kills), str(live)]
        done = subprocess.run(argv, cwd=Path(__file__).parents[2], check=False)
        if done.returncode != -signal.SIGKILL:
            break
        kills += 1
        texts = {data for name, data in files(live).items() if not name.endswith(".tmp")}
        assert texts <= {b"changed", b"old", b"a", b"c", b"1", b"<p>Start", b"<rss/>"}

    assert done.returncode == 0
    assert tree(live) == tree(built)
    assert kills > 3
