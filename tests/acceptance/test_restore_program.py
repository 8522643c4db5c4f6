"""The real program over a ledger that was put back: noticed, explained, adopted, settled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.acceptance.programs import ALL, World, a_world
from tests.acceptance.sites import Site, a_series

ADOPT = "publisher adopt --after-restore"


def put_back(site: Site, copy: Path) -> None:
    """Restore a copy as docs/howto/restore-a-backup.md says."""
    for name in ("", "-journal", "-wal", "-shm"):
        site.ledger.with_name(site.ledger.name + name).unlink(missing_ok=True)
    shutil.copy(copy, site.ledger)


def backup(site: Site) -> Path:
    return Path(site.run("backup").out.strip())


def put_back_from_before_it_went_out(world: World) -> None:
    """Release `pattern`, then put back a copy that only saw it coming."""
    world.write("pattern", due_s=3600)
    world.site.run("tick")
    copy = backup(world.site)
    world.write("pattern")
    world.recover()
    put_back(world.site, copy)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a site whose `pattern` went out after the only backup, which is put back now."""
    site = a_series(tmp_path / "site")
    site.run("adopt", "--yes", "--no-build")
    copy = backup(site)
    site.run("release", "pattern", "--yes")
    put_back(site, copy)
    return site


# --- before it is adopted --------------------------------------------------------------------


def test_tick_sends_nothing_and_names_the_command(site: Site) -> None:
    before = site.outbox

    done = site.run("tick", code=3)

    assert ADOPT in done.out
    assert "is an older copy that was put back" in done.out
    assert site.outbox == before


def test_status_shows_it_and_leaves_every_byte(site: Site) -> None:
    before = site.files()

    (waiting,) = site.run("status", "--json", code=3).json()["waiting"]

    assert waiting["command"] == ADOPT
    assert site.files() == before


def test_why_and_calendar_show_it(site: Site) -> None:
    why = site.run("why", "pattern").out
    calendar = site.run("calendar").out

    assert ADOPT in why
    assert ADOPT in calendar


@pytest.mark.parametrize(
    "arguments",
    [
        ("release", "door", "--yes"),
        ("reannounce", "plane", "--reason", "again", "--yes"),
        ("adopt", "--yes", "--no-build"),
    ],
    ids=" ".join,
)
def test_commands_that_ask_for_something_are_refused(
    site: Site, arguments: tuple[str, ...]
) -> None:
    site.run("tick", code=3)
    before = site.ledger.read_bytes()

    done = site.run(*arguments, code=1)

    assert ADOPT in done.err
    assert site.ledger.read_bytes() == before


def test_resolve_and_retry_are_refused(tmp_path: Path, refused: Site) -> None:
    copy = backup(refused)
    mark = refused.ledger.with_name("ledger.db.mark")
    facts = json.loads(mark.read_text())
    mark.write_text(json.dumps({**facts, "intents": facts["intents"] + 1}))
    put_back(refused, copy)

    retried = refused.run("retry", "pattern/x", "--yes", code=1)
    dropped = refused.run("resolve", "pattern/x", "--drop", "--yes", code=1)

    assert ADOPT in retried.err
    assert ADOPT in dropped.err


def test_backup_of_a_restored_ledger_deletes_no_older_copy(site: Site) -> None:
    older = {backup(site), backup(site)}

    done = site.run("backup", "--keep", "1")

    assert "no old backup was deleted" in done.err
    assert all(copy.exists() for copy in older)


def test_backup_check_and_upgrade_still_work(site: Site, tmp_path: Path) -> None:
    site.run("backup", "--to", str(tmp_path / "copy"))
    checked = site.run("db", "check")
    upgraded = site.run("db", "upgrade")

    assert "no damage" in checked.out
    assert ADOPT in upgraded.err


def test_daemon_goes_on_without_sending(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook", "outbox") as world:
        put_back_from_before_it_went_out(world)

        with world.daemon() as daemon:
            needed = daemon.wait_for("person.needed")
            daemon.wait_until_ready()
            code = daemon.end()

        assert ADOPT in needed["reason"]
        assert code == 0
        assert (world.sends("hook"), len(world.posts("outbox"))) == (1, 1)


# --- adopted ---------------------------------------------------------------------------------


def test_adopt_shows_its_plan_and_asks_first(site: Site) -> None:
    site.run("tick", code=3)
    before = site.ledger.read_bytes()

    done = site.run("adopt", "--after-restore", code=2)

    assert "2 announcements that may have gone out" in done.out
    assert "pattern/newsletter/launch" in done.out
    assert "1 release will continue" in done.out
    assert "--yes" in done.err
    assert site.ledger.read_bytes() == before


def test_adopt_refuses_while_a_post_cannot_be_read(site: Site) -> None:
    (site.folder / "content" / "blog" / "door.md").write_text("---\ntitle: [\n---\n")

    done = site.run("adopt", "--after-restore", "--yes", code=1)

    assert "content/blog/door.md" in done.err
    assert "publisher check" in done.err
    assert ADOPT in site.run("status", code=3).out


def test_a_ledger_that_was_not_restored_needs_nothing(lived_in: Site) -> None:
    before = lived_in.files()

    done = lived_in.run("adopt", "--after-restore", "--yes")

    assert done.out == "this ledger was not restored; nothing to do\n"
    assert lived_in.files() == before


def test_nothing_is_sent_twice_on_any_channel(tmp_path: Path) -> None:
    with a_world(tmp_path, *ALL) as world:
        put_back_from_before_it_went_out(world)

        world.site.run("adopt", "--after-restore", "--yes", code=3)
        world.recover()

        assert world.states() == dict.fromkeys(ALL, "held")
        assert [len(world.posts(channel)) for channel in ALL] == [1] * len(ALL)
        commands = {hold["command"] for hold in world.status()["waiting"]}
        assert commands == {f"publisher resolve pattern/{name}/launch --sent URL" for name in ALL}
        world.assert_sound()


def test_what_comes_after_goes_on_by_itself(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        restored_with_one_sent(world)
        world.write("door", due_s=0.5)

        with world.daemon() as daemon:
            daemon.wait_for("delivery.sent", post="door")
            daemon.end()

        assert world.states("door") == {"hook": "confirmed"}
        assert len(world.posts("hook")) == 2
        world.assert_sound()


def restored_with_one_sent(world: World) -> None:
    """Put back a copy from before `pattern` went out, and adopt it."""
    put_back_from_before_it_went_out(world)
    world.site.run("adopt", "--after-restore", "--yes", code=3)


def test_person_who_finds_the_post_says_so(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        restored_with_one_sent(world)

        world.site.run("resolve", "pattern/hook", "--sent", "https://hook.example/7", "--yes")
        world.recover()

        record = world.deliveries()["hook"]
        assert (record.state, record.remote_url) == ("confirmed", "https://hook.example/7")
        assert world.sends("hook") == 1
        assert world.status()["waiting"] == []


def test_person_who_finds_nothing_has_it_sent(tmp_path: Path) -> None:
    with a_world(tmp_path, "hook") as world:
        restored_with_one_sent(world)

        world.site.run("resolve", "pattern/hook", "--not-sent", "--yes")

        assert world.states() == {"hook": "confirmed"}
        assert world.sends("hook") == 2


def test_retry_leaves_alone_what_may_have_gone_out(site: Site) -> None:
    site.run("adopt", "--after-restore", "--yes", code=3)
    before = site.outbox

    all_of_them = site.run("retry", "--yes", code=None)
    one = site.run("retry", "pattern/x", "--yes", code=1)

    assert "it may have gone out" in all_of_them.err
    assert "publisher resolve pattern/x/launch --sent URL" in one.err
    assert site.outbox == before


def test_a_copy_on_a_new_machine_waits_for_a_person(lived_in: Site, tmp_path: Path) -> None:
    copy = backup(lived_in)
    lived_in.ledger.with_name("ledger.db.mark").unlink()
    put_back(lived_in, copy)

    before = lived_in.run("tick", code=3)
    adopted = lived_in.run("adopt", "--after-restore", "--yes")
    after = lived_in.run("tick")

    assert "is missing" in before.out
    assert "0 announcements held" in adopted.out
    assert "nothing is due" in after.out


# --- backups ---------------------------------------------------------------------------------


def test_backups_are_kept_as_many_as_asked_for(lived_in: Site) -> None:
    folder = lived_in.folder / ".publisher" / "backups"
    folder.mkdir()
    names = [f"ledger-2026010{day}T033000Z.sqlite" for day in range(1, 6)]
    for name in (*names, "ledger-mine.sqlite", "ledger-20260101T033000Z.sqlite.bak"):
        (folder / name).write_text("old")

    done = lived_in.run("backup", "--keep", "3")

    newest = Path(done.out.strip()).name
    kept = {path.name for path in folder.iterdir()}
    others = {"ledger-mine.sqlite", "ledger-20260101T033000Z.sqlite.bak"}
    assert kept == {newest, *names[3:], *others}
    assert done.err.count("deleted") == 3


def test_backup_elsewhere_deletes_nothing(lived_in: Site, tmp_path: Path) -> None:
    for day in range(1, 4):
        (tmp_path / f"ledger-2026010{day}T033000Z.sqlite").write_text("old")

    lived_in.run("backup", "--keep", "1", "--to", str(tmp_path / "ledger-20260104T033000Z.sqlite"))

    assert len(list(tmp_path.glob("ledger-*.sqlite"))) == 4


def test_a_backup_takes_no_mark_along(lived_in: Site) -> None:
    copy = backup(lived_in)

    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    assert copy.stat().st_mode & 0o777 == 0o600
