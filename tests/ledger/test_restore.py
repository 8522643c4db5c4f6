"""An older ledger is put back: it is noticed, nothing is sent, and what may be out is held."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from publisher.engine.deliver import Sender
from publisher.ledger import Ledger
from publisher.ledger.mark import WAITS, mark_path, parse_mark, read_mark
from publisher.model import Cause, DeliveryState, Message, Outcome, PostState, WithdrawRequest
from publisher.model.errors import LedgerError, NotDelivered
from publisher.plan.restored import reconcile
from publisher.system.files import temporary_of
from tests.factories import HOUR
from tests.ledger.ledger_factories import (
    NOW,
    SOON,
    a_begun_ledger,
    a_file,
    a_ledger,
    claim,
    claimed,
    intend,
    planned,
    read,
    sending,
    uncertain,
)
from tests.worlds import ScriptedChannel, SettableClock, World, a_world, open_channel


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with a_begun_ledger(tmp_path) as opened:
        yield opened


def counted(path: Path) -> int | None:
    """Give what the mark beside a ledger counts."""
    mark = parse_mark(read_mark(path))
    return None if mark is None else mark.intents


def restored(folder: Path, **options: object) -> str:
    """Open the ledger of a folder for writing, and give what it says of being restored."""
    with a_ledger(folder, **options) as ledger:
        return ledger.view().restored


def put_back(path: Path, copy: Path) -> None:
    """Put a copy in the ledger's place, as a person does while nothing runs."""
    path.unlink(missing_ok=True)
    shutil.copy(copy, path)


def a_sent_ledger(folder: Path) -> Path:
    """Leave a ledger that sent once, and give a copy of it from before that."""
    with a_begun_ledger(folder) as ledger:
        record = claimed(ledger)
        ledger.backup(folder / "older.sqlite")
        intended = intend(ledger, record)
        ledger.keep_mark()
        ledger.record_outcome(intended, Outcome.NOT_SENT, now=NOW, reason="refused")
    return folder / "older.sqlite"


# --- the mark --------------------------------------------------------------------------------


def test_a_new_ledger_has_a_mark_that_counts_nothing(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()

    assert counted(a_file(tmp_path)) == 0
    assert mark_path(a_file(tmp_path)).stat().st_mode & 0o777 == 0o600


def test_the_mark_counts_an_intent_before_its_request_leaves(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=NOW + HOUR)
    found: list[int | None] = []
    path = world.state_dir / "ledger.sqlite"
    world.channels["x"].while_sending.append(lambda: found.append(counted(path)))

    world.run_until(NOW + HOUR)

    assert found == [1]


def test_nothing_leaves_while_the_mark_cannot_be_written(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=NOW + HOUR)
    obstacle = temporary_of(mark_path(world.state_dir / "ledger.sqlite"))
    world.run_until(NOW + HOUR / 2)
    obstacle.mkdir()

    world.run_until(NOW + HOUR)
    (record,) = world.deliveries().values()
    before = world.texts()
    obstacle.rmdir()
    world.run_until(NOW + 2 * HOUR)

    assert before == []
    assert (record.state, record.attempts) == (DeliveryState.PLANNED, 1)
    assert "the mark of the ledger cannot be written" in record.reason
    assert len(world.texts()) == 1


def test_an_intent_that_grew_old_while_the_mark_was_written_is_given_up(tmp_path: Path) -> None:
    clock = SettableClock(NOW)

    class SlowLedger(Ledger):
        def keep_mark(self) -> None:
            super().keep_mark()
            clock.advance(timedelta(minutes=2))

    a_begun_ledger(tmp_path).close()
    channel = ScriptedChannel()
    url = f"sqlite:///{a_file(tmp_path)}"
    with SlowLedger.open(url, site="sample", now=NOW) as ledger:
        record = sending(ledger)
        sender = Sender(
            ledger=ledger, clock=clock, owner="me", report=print, load_image=lambda post: None
        )

        message = Message(text="Read it", title="One", link="https://site.example/blog/one")
        sender.send(record, message, open_channel("x", channel), begun_s=clock.monotonic())

        assert channel.posts == []
        assert "too old to act on" in read(ledger).reason


def test_a_crash_between_intent_and_mark_is_no_restore(tmp_path: Path, ledger: Ledger) -> None:
    sending(ledger)
    ledger.close()

    assert counted(a_file(tmp_path)) == 0
    assert restored(tmp_path) == ""


def test_the_mark_is_brought_up_to_date_by_the_next_send(tmp_path: Path, ledger: Ledger) -> None:
    sending(ledger)
    ledger.recover(owner_alive=lambda _: False, now=NOW)

    ledger.keep_mark()

    assert counted(a_file(tmp_path)) == 1


def test_processes_that_send_and_open_at_once_never_take_the_ledger_for_a_copy(
    tmp_path: Path, ledger: Ledger
) -> None:
    planned(ledger)
    ledger.close()

    senders = [a_process(tmp_path, SENDER) for _ in range(2)]
    openers = [a_process(tmp_path, OPENER) for _ in range(2)]
    for process in senders:
        lines(process, 15)
        process.kill()
    for process in openers:
        lines(process, 15)
        process.kill()
    for process in (*senders, *openers):
        process.communicate()

    with a_ledger(tmp_path) as opened:
        attempts = len(opened.attempts(read(opened)))
        assert (opened.view().restored, opened.check()) == ("", [])
    assert attempts - 2 <= (counted(a_file(tmp_path)) or 0) <= attempts


SENDER = """
import tests.ledger.ledger_factories as f
from publisher.model.errors import LedgerError, NotDelivered
from publisher.model import DeliveryState, Outcome
while True:
    with f.a_ledger(folder) as ledger:
        record = f.read(ledger)
        try:
            if record.state is not DeliveryState.PLANNED:
                (record,) = ledger.recover(owner_alive=lambda _: False, now=f.NOW)
            if record.state is DeliveryState.UNCERTAIN:
                record = ledger.record_absent(record, now=f.NOW, not_before=f.NOW)
            record = f.intend(ledger, f.claim(ledger, record))
            ledger.keep_mark()
            ledger.record_outcome(record, Outcome.NOT_SENT, now=f.NOW, not_before=f.NOW)
        except (LedgerError, ValueError) as error:
            assert "older copy" not in str(error), error
            continue
    print("sent", flush=True)
"""
OPENER = """
import tests.ledger.ledger_factories as f
while True:
    with f.a_ledger(folder) as ledger, f.a_ledger(folder, read_only=True) as reader:
        assert not ledger.view().restored, ledger.view().restored
        assert not reader.view().restored, reader.view().restored
    print("opened", flush=True)
"""


def a_process(folder: Path, script: str) -> subprocess.Popen[bytes]:
    begin_with = "import sys; from pathlib import Path; folder = Path(sys.argv[1])\n"
    return subprocess.Popen(
        [sys.executable, "-c", begin_with + script, str(folder)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parents[2]}"},
    )


def lines(process: subprocess.Popen[bytes], count: int) -> None:
    """Read that many lines of a process, which must not end before."""
    out: IO[bytes] | None = process.stdout
    assert out is not None
    assert all(out.readline() for _ in range(count)), "it ended"


# --- noticed ---------------------------------------------------------------------------------


def test_an_older_copy_is_noticed(tmp_path: Path) -> None:
    put_back(a_file(tmp_path), a_sent_ledger(tmp_path))

    words = restored(tmp_path)

    assert "is an older copy that was put back" in words
    assert "knows of 0 attempts to send, the mark beside it (ledger.sqlite3.mark) of 1" in words
    assert WAITS in words


def test_a_ledger_reached_by_a_link_is_no_copy(tmp_path: Path) -> None:
    a_sent_ledger(tmp_path)
    (tmp_path / "near").symlink_to(a_file(tmp_path))

    with Ledger.open(f"sqlite:///{tmp_path}/near", site="sample", now=NOW) as ledger:
        assert ledger.view().restored == ""
    assert not (tmp_path / "near.mark").exists()


def test_the_newest_copy_is_the_ledger(tmp_path: Path) -> None:
    a_sent_ledger(tmp_path)
    shutil.copy(a_file(tmp_path), tmp_path / "newest")

    put_back(a_file(tmp_path), tmp_path / "newest")

    assert restored(tmp_path) == ""


def test_a_ledger_without_its_mark_may_be_a_copy(tmp_path: Path) -> None:
    a_sent_ledger(tmp_path)
    mark_path(a_file(tmp_path)).unlink()

    words = restored(tmp_path)

    assert "knows of 1 attempt to send, and the mark beside it" in words
    assert "is missing" in words
    assert WAITS in words


def test_a_copy_that_never_sent_may_be_one_without_its_mark(tmp_path: Path) -> None:
    with a_begun_ledger(tmp_path) as ledger:
        ledger.backup(tmp_path / "copy")
    mark_path(a_file(tmp_path)).unlink()

    put_back(a_file(tmp_path), tmp_path / "copy")

    assert "is missing" in restored(tmp_path)
    assert "is missing" in restored(tmp_path, read_only=True)


def test_a_copy_that_never_sent_is_noticed_in_the_place_of_a_new_ledger(tmp_path: Path) -> None:
    older = a_sent_ledger(tmp_path)
    (tmp_path / "new").mkdir()
    a_ledger(tmp_path / "new").close()

    put_back(a_file(tmp_path / "new"), older)

    assert "took the place of another" in restored(tmp_path / "new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for another user")
def test_a_mark_that_root_writes_belongs_to_the_owner_of_the_ledger(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()
    os.chown(a_file(tmp_path), 65534, 65534)

    with a_ledger(tmp_path) as ledger:
        sending(ledger)
        ledger.keep_mark()

    status = mark_path(a_file(tmp_path)).stat()
    assert counted(a_file(tmp_path)) == 1
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (65534, 65534, 0o600)


def test_what_a_crash_left_of_a_mark_is_replaced(tmp_path: Path, ledger: Ledger) -> None:
    part = temporary_of(mark_path(a_file(tmp_path)))
    part.symlink_to(tmp_path / "elsewhere")  # which would not be opened, either

    sending(ledger)
    ledger.keep_mark()

    assert (counted(a_file(tmp_path)), os.path.lexists(part)) == (1, False)


def test_a_mark_that_cannot_be_opened_stops_everything_and_is_no_restore(tmp_path: Path) -> None:
    a_sent_ledger(tmp_path)
    path = mark_path(a_file(tmp_path))
    path.rename(tmp_path / "away")

    with closing(socket.socket(socket.AF_UNIX)) as obstacle:  # ENXIO, to root as well
        with chdir(path.parent):  # the path of a socket is 107 bytes at most
            obstacle.bind(path.name)
        with pytest.raises(LedgerError, match="mark of the ledger cannot be read"):
            a_ledger(tmp_path)
    (tmp_path / "away").rename(path)

    assert restored(tmp_path) == ""


def a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("elsewhere")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.write_bytes(b"[" * 4096),
        lambda path: path.write_text('{"ledger": "a"}'),
        lambda path: path.write_text('{"ledger": "a", "intents": "9"}'),
        lambda path: path.write_text('{"ledger": "a", "intents": true}'),
        lambda path: path.write_text("3"),
        a_link,
        a_folder,
    ],
)
def test_a_ledger_whose_mark_is_garbled_may_be_a_copy(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    a_sent_ledger(tmp_path)
    spoil(mark_path(a_file(tmp_path)))

    words = restored(tmp_path)

    assert "the mark beside it (ledger.sqlite3.mark) cannot be read" in words
    assert WAITS in words


@pytest.mark.parametrize("read_only", [False, True])
def test_no_new_ledger_takes_the_place_of_a_deleted_one(tmp_path: Path, *, read_only: bool) -> None:
    a_sent_ledger(tmp_path)
    a_file(tmp_path).unlink()

    with pytest.raises(LedgerError, match="is missing: the mark beside it") as caught:
        a_ledger(tmp_path, read_only=read_only)

    assert "put the newest backup in its place" in caught.value.hint
    assert not a_file(tmp_path).exists()


def test_an_empty_file_is_no_ledger_either(tmp_path: Path) -> None:
    a_sent_ledger(tmp_path)
    a_file(tmp_path).write_bytes(b"")

    with pytest.raises(LedgerError, match="is missing"):
        a_ledger(tmp_path)


def test_the_mark_of_a_ledger_that_never_sent_is_no_reason_for_doubt(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()
    a_file(tmp_path).unlink()

    words = restored(tmp_path)

    with a_ledger(tmp_path) as ledger:
        sending(ledger)
        ledger.keep_mark()
    assert (words, counted(a_file(tmp_path))) == ("", 1)


def test_the_ledger_of_another_is_noticed(tmp_path: Path) -> None:
    a_sent_ledger(tmp_path)
    (tmp_path / "other").mkdir()
    a_ledger(tmp_path / "other").close()

    put_back(a_file(tmp_path), a_file(tmp_path / "other"))

    assert "took the place of another" in restored(tmp_path)


def test_a_reader_says_it_and_leaves_every_byte(tmp_path: Path) -> None:
    put_back(a_file(tmp_path), a_sent_ledger(tmp_path))
    before = {path: path.read_bytes() for path in (tmp_path / "state").iterdir()}

    words = restored(tmp_path, read_only=True)

    assert WAITS in words
    assert {path: path.read_bytes() for path in (tmp_path / "state").iterdir()} == before


def test_it_is_logged_once(tmp_path: Path) -> None:
    put_back(a_file(tmp_path), a_sent_ledger(tmp_path))

    restored(tmp_path)
    words = restored(tmp_path)

    with a_ledger(tmp_path, read_only=True) as reader:
        events = [event for event in reader.events(limit=99) if event.kind == "restored"]
    assert [event.reason for event in events] == [words]


def test_a_restored_ledger_takes_no_attempt(tmp_path: Path) -> None:
    put_back(a_file(tmp_path), a_sent_ledger(tmp_path))

    with a_ledger(tmp_path) as ledger:
        (record,) = ledger.recover(owner_alive=lambda _: False, now=NOW)
        with pytest.raises(LedgerError, match="older copy"):
            intend(ledger, claim(ledger, record))
        with pytest.raises(LedgerError, match="older copy"):
            ledger.keep_mark()


# --- an upgrade ------------------------------------------------------------------------------


def an_old_ledger(folder: Path, *, attempts: int = 1) -> Path:
    """Write a ledger as the first release of this program left it: there were no marks."""
    a_file(folder).parent.mkdir(exist_ok=True)
    config = Config()
    config.set_main_option("script_location", "publisher.ledger:migrations")
    engine = create_engine(f"sqlite:///{a_file(folder)}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with closing(sqlite3.connect(a_file(folder))) as connection, connection:
        connection.execute(
            "INSERT INTO releases (id, site, post, path, digest, state, schedule_rev, failures,"
            " reason, changed_at)"
            " VALUES (1, 'sample', 'pattern', 'p', 'd', 'scheduled', 1, 0, '', 0)"
        )
        connection.execute(
            "INSERT INTO deliveries (id, release_id, channel, occasion, idem_key, state, reason,"
            " due_at, not_before, fence, changed_at)"
            " VALUES (1, 1, 'x', 'launch', 'k', 'planned', '', 0, 0, 0, 0)"
        )
        for n in range(attempts):
            connection.execute(
                "INSERT INTO attempts VALUES (1, ?, 1, 'Read it', 0, 0, 'not_sent', 0, '')",
                (n,),
            )
    return a_file(folder)


def test_an_upgrade_is_no_restore(tmp_path: Path) -> None:
    path = an_old_ledger(tmp_path)

    words = restored(tmp_path)

    assert (words, restored(tmp_path), counted(path)) == ("", "", 1)


def test_an_upgrade_that_broke_off_after_writing_the_mark_is_no_restore(tmp_path: Path) -> None:
    path = an_old_ledger(tmp_path)
    mark_path(path).write_text(json.dumps({"ledger": "an id that was undone", "intents": 0}))

    words = restored(tmp_path)

    assert (words, counted(path)) == ("", 1)


def test_an_old_copy_put_back_after_an_upgrade_is_noticed(tmp_path: Path) -> None:
    path = an_old_ledger(tmp_path)
    shutil.copy(path, tmp_path / "copy")
    restored(tmp_path)

    put_back(path, tmp_path / "copy")

    assert "took the place of another" in restored(tmp_path)


# --- under a running process -----------------------------------------------------------------


def a_released_world(folder: Path, *names: str) -> World:
    """Give a world of which the posts named are to be announced in an hour; it is copied now."""
    world = a_world(folder, NOW, ("x",))
    for name in names or ("one",):
        world.write(name, at=NOW + HOUR)
    world.run_until(NOW + HOUR / 2)
    copy(world)
    return world


def copy(world: World) -> None:
    with world.ledger() as ledger:
        (world.root / "copy").unlink(missing_ok=True)
        ledger.backup(world.root / "copy")


def restore(world: World) -> None:
    put_back(world.state_dir / "ledger.sqlite", world.root / "copy")


def test_a_copy_put_back_under_a_running_engine_sends_nothing(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)

    with world.engine() as engine:
        world.clock.advance_to(NOW + HOUR)
        engine.tick()
        restore(world)
        first, second = engine.tick(), engine.tick()

    assert [tick.plan.holds[0].cause for tick in (first, second)] == [Cause.RESTORED] * 2
    assert len(world.texts()) == 1


def test_a_copy_written_over_the_ledger_under_a_running_engine_sends_nothing(
    tmp_path: Path,
) -> None:
    world = a_released_world(tmp_path)

    with world.engine() as engine:
        world.clock.advance_to(NOW + HOUR)
        engine.tick()
        (world.state_dir / "ledger.sqlite").write_bytes((world.root / "copy").read_bytes())
        tick = engine.tick()

    assert tick.plan.holds[0].cause is Cause.RESTORED
    assert len(world.texts()) == 1


def test_a_copy_written_over_the_ledger_between_two_sends_stops_the_second(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x",))
    for name in ("one", "two"):
        world.write(name, at=NOW + HOUR)
    path = world.state_dir / "ledger.sqlite"
    before = world.channels["x"].while_sending
    before.append(lambda: path.write_bytes((world.root / "copy").read_bytes()))
    with world.engine(on_event=lambda event: copy_once_live(world, event.name)) as engine:
        world.clock.advance_to(NOW + HOUR / 2)
        engine.tick()
        world.clock.advance_to(NOW + HOUR)
        engine.tick()
        for _ in range(4):
            world.clock.advance(HOUR / 60)
            tick = engine.tick()

    assert tick.plan.holds[0].cause is Cause.RESTORED
    assert announced(world, "one", "two") in ({"one": 1, "two": 0}, {"one": 0, "two": 1})


def copy_once_live(world: World, event: str) -> None:
    """Copy the ledger when both posts are live and nothing was sent."""
    if event == "release.live" and all(r.state == "live" for r in world.releases().values()):
        copy(world)


def test_no_request_is_repeated_on_a_copy_written_over_the_ledger(
    tmp_path: Path, ledger: Ledger
) -> None:
    record = uncertain(ledger)
    ledger.keep_mark()
    ledger.backup(tmp_path / "copy")
    claimed_again = claim(ledger, ledger.record_absent(record, now=NOW, not_before=NOW))
    intend(ledger, claimed_again)
    ledger.keep_mark()
    path = a_file(tmp_path)
    with closing(sqlite3.connect(tmp_path / "copy")) as older, closing(sqlite3.connect(path)) as to:
        older.backup(to)  # `.restore` of the shell: the same file

    with pytest.raises(LedgerError, match="older copy"):
        ledger.intend_again(record, owner="me", payload="Read it", deadline=SOON, now=NOW)
    ledger.close()

    assert WAITS in restored(tmp_path)


def test_a_copy_put_back_between_two_sends_stops_the_second(tmp_path: Path) -> None:
    world = a_released_world(tmp_path, "one", "two")
    world.channels["x"].while_sending.append(lambda: restore(world))

    world.run_until(NOW + HOUR)

    assert len(world.texts()) == 1
    failures = [e.fields["reason"] for e in world.events if e.name == "action.failed"]
    assert any("was replaced while it was in use" in str(reason) for reason in failures)


def test_a_ledger_deleted_under_a_running_engine_stops_it_until_it_is_back(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    path = world.state_dir / "ledger.sqlite"

    with world.engine() as engine:
        path.rename(world.root / "away")
        world.clock.advance_to(NOW + HOUR)
        with pytest.raises(LedgerError, match="the ledger's file is gone"):
            engine.tick()
        sent_without = world.texts()
        (world.root / "away").rename(path)
        engine.tick()

    assert (sent_without, len(world.texts())) == ([], 1)
    assert not (tmp_path / "away").exists()


def test_half_a_copy_under_a_running_engine_is_refused_until_it_is_whole(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    path, whole = world.state_dir / "ledger.sqlite", (world.root / "copy").read_bytes()

    with world.engine() as engine:
        path.unlink()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(LedgerError, match="damaged"):
            engine.tick()
        with pytest.raises(LedgerError, match="damaged"):
            engine.tick()
        path.unlink()
        path.write_bytes(whole)
        world.clock.advance_to(NOW + HOUR)
        engine.tick()

    assert len(world.texts()) == 1


# --- adopted ---------------------------------------------------------------------------------


def adopt(world: World) -> list[str]:
    """Adopt the restored ledger as `publisher adopt --after-restore` does; give what it holds."""
    now = world.clock.now()
    with world.ledger() as ledger:
        view = ledger.view()
        assert view.restored
        found = reconcile(world.scan(), view, world.policy, now, since=ledger.known_until())
        assert ledger.adopt_restored(found, now=now) == ()
        assert ledger.check() == []
    return [str(key) for key in found.held]


def held(world: World) -> list[str]:
    """Give the deliveries that are held as ones that may have gone out."""
    records = world.deliveries().items()
    return [
        key
        for key, record in sorted(records)
        if record.state is DeliveryState.HELD and record.cause is Cause.RESTORED
    ]


def announced(world: World, *names: str) -> dict[str, int]:
    """Count what readers see of each post."""
    return {name: sum(f"Post {name} " in text for text in world.texts()) for name in names}


def test_what_went_out_after_the_copy_is_held_and_not_repeated(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    restore(world)

    names = adopt(world)
    world.run_until(NOW + 2 * HOUR)

    assert names == held(world) == ["one/x/launch"]
    assert announced(world, "one") == {"one": 1}
    assert world.releases()["one"].state == "live"
    assert world.tick().plan.holds[0].needs_person


def test_what_is_still_to_come_goes_on_by_itself(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=NOW + HOUR)
    world.write("two", at=NOW + 3 * HOUR)
    world.run_until(NOW + HOUR / 2)
    copy(world)
    world.run_until(NOW + HOUR)
    restore(world)

    adopt(world)
    world.run_until(NOW + 3 * HOUR)

    assert held(world) == ["one/x/launch"]
    assert announced(world, "one", "two") == {"one": 1, "two": 1}


def test_a_person_who_says_that_it_is_not_there_has_it_sent(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    restore(world)
    adopt(world)
    world.channels["x"].posts.clear()  # as if it had not gone out

    say_not_sent(world)
    world.run_until(NOW + 2 * HOUR)

    assert announced(world, "one") == {"one": 1}


def test_a_copy_from_between_release_and_announcement_holds_the_announcement(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=NOW + HOUR, more="announce: {x: {after: 1h}}\n")
    world.run_until(NOW + HOUR)
    copy(world)
    world.run_until(NOW + 2 * HOUR)
    restore(world)

    names = adopt(world)
    world.run_until(NOW + 3 * HOUR)

    assert names == ["one/x/launch"]
    assert announced(world, "one") == {"one": 1}


def test_a_post_released_ahead_of_its_date_is_held_though_its_date_is_to_come(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=NOW + 5 * HOUR)
    world.tick()
    copy(world)
    world.clock.advance(HOUR)
    world.request_release("one")
    world.tick()
    restore(world)

    names = adopt(world)
    world.run_until(NOW + 6 * HOUR)

    assert names == ["one/x/launch"]
    assert announced(world, "one") == {"one": 1}


def test_an_early_release_that_was_not_announced_is_announced_when_a_person_says_so(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=NOW + 99 * HOUR)
    world.tick()
    copy(world)
    world.request_release("one")
    world.tick()
    restore(world)
    adopt(world)
    world.channels["x"].posts.clear()  # as if it had not gone out
    world.clock.advance(HOUR)
    world.tick()

    say_not_sent(world)
    world.tick()

    assert announced(world, "one") == {"one": 1}


def say_not_sent(world: World) -> None:
    """Settle the only delivery as `publisher resolve --not-sent` does."""
    now = world.clock.now()
    with world.ledger() as ledger:
        (record,) = ledger.view().deliveries.values()
        ledger.settle(record, DeliveryState.PLANNED, reason="not there", now=now, due_at=now)


def test_a_launch_that_no_release_could_have_brought_yet_is_not_held(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.write("one", at=NOW + HOUR, more="announce: {mail: {after: 4h}}\n")
    world.run_until(NOW + HOUR / 2)
    copy(world)
    world.run_until(NOW + HOUR)
    restore(world)

    names = adopt(world)
    world.run_until(NOW + 6 * HOUR)

    assert names == ["one/x/launch"]
    assert [len(world.texts("x")), len(world.texts("mail"))] == [1, 1]


def test_a_post_that_was_not_released_meanwhile_keeps_what_is_to_come(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.write("one", at=NOW + HOUR, more="announce: {mail: {after: 4h}}\n")
    world.write("two", at=NOW + HOUR / 2, more="announce: {mail: false}\n")
    world.tick()
    copy(world)
    world.run_until(NOW + HOUR / 2)
    world.clock.advance_to(NOW + 4.5 * HOUR)  # the machine was off
    restore(world)

    names = adopt(world)
    world.run_until(NOW + 5 * HOUR)

    assert names == ["one/x/launch", "two/x/launch"]
    assert [len(world.texts("x")), len(world.texts("mail"))] == [1, 1]


def test_a_launch_that_an_edit_moved_ahead_is_held(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    later = (NOW + 9 * HOUR).isoformat()
    world.write("one", at=NOW + HOUR, more=f"announce: {{x: {{at: '{later}'}}}}\n")
    world.run_until(NOW + HOUR)
    copy(world)
    path = next(world.root.rglob("one.md"))
    sooner = (NOW + 2 * HOUR).isoformat()
    path.write_text(path.read_text().replace(later, sooner))
    world.run_until(NOW + 2 * HOUR)
    restore(world)

    names = adopt(world)
    world.run_until(NOW + 10 * HOUR)

    assert names == ["one/x/launch"]
    assert announced(world, "one") == {"one": 1}


def test_an_announcement_made_again_is_held_once_its_instant_is_over(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    world.announce_again("one", at=NOW + 2 * HOUR, text="Once more {url}", occasion="again-1")
    world.announce_again("one", at=NOW + 4 * HOUR, text="And again {url}", occasion="again-2")
    copy(world)
    world.run_until(NOW + 3 * HOUR)
    restore(world)

    names = adopt(world)
    world.run_until(NOW + 5 * HOUR)

    assert names == ["one/x/again-1"]
    assert len(world.texts()) == 3


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.HELD])
def test_what_had_stopped_may_have_been_sent_by_hand_since(
    tmp_path: Path, state: DeliveryState
) -> None:
    world = a_world(tmp_path, NOW, max_late=timedelta(minutes=5))
    world.write("one", at=NOW + HOUR, more="announce: {x: {text: Short}}\n")
    stop(world, state)
    copy(world)
    (before,) = world.deliveries().values()
    say_not_sent(world)
    world.tick()
    restore(world)

    adopt(world)

    assert before.state is state
    assert held(world) == ["one/x/launch"]
    assert len(world.texts()) == 1


def stop(world: World, state: DeliveryState) -> None:
    """Let the launch of a post be refused for good, or come too late."""
    if state is DeliveryState.FAILED:
        world.channels["x"].before.append(NotDelivered("refused", permanent=True))
        world.run_until(NOW + HOUR)
        return
    world.run_until(NOW + HOUR / 2)
    world.clock.advance_to(NOW + 2 * HOUR)
    world.tick()


def test_an_attempt_under_way_in_the_copy_is_held(tmp_path: Path) -> None:
    with a_begun_ledger(tmp_path) as ledger:
        record = sending(ledger)
        ledger.keep_mark()
        ledger.backup(tmp_path / "copy")
        done = ledger.record_outcome(record, Outcome.NOT_SENT, now=NOW, not_before=NOW)
        intend(ledger, claim(ledger, done))
        ledger.keep_mark()
    put_back(a_file(tmp_path), tmp_path / "copy")
    world = a_world(tmp_path, NOW)

    with a_ledger(tmp_path) as ledger:
        found = reconcile((), ledger.view(), world.policy, NOW, since=ledger.known_until())
        ledger.adopt_restored(found, now=NOW)

        assert read(ledger).state is DeliveryState.HELD
        assert read(ledger).cause is Cause.RESTORED
        assert [attempt.outcome for attempt in ledger.attempts(read(ledger))] == ["unknown"]


def test_a_request_of_the_copy_is_old_and_forgotten(tmp_path: Path) -> None:
    with a_begun_ledger(tmp_path) as ledger:
        record = uncertain(ledger)
        asked = WithdrawRequest(post=record.key.post, to=PostState.DRAFT, asked_at=NOW)
        ledger.request([asked], now=NOW)
        ledger.keep_mark()
        ledger.backup(tmp_path / "copy")
        ledger.drop_requests([record.key.post])
        claimed = claim(ledger, ledger.record_absent(record, now=NOW, not_before=NOW))
        ledger.intend(claimed, payload="Read", deadline=NOW, schedule_rev=2, now=NOW)
        ledger.keep_mark()
    put_back(a_file(tmp_path), tmp_path / "copy")
    world = a_world(tmp_path, NOW)

    with a_ledger(tmp_path) as ledger:
        before = ledger.view()
        found = reconcile((), before, world.policy, NOW, since=ledger.known_until())
        ledger.adopt_restored(found, now=NOW)

        assert before.restored
        assert before.requests == (asked,)
        assert ledger.view().requests == ()


def test_an_uncertain_delivery_of_the_copy_is_held(tmp_path: Path) -> None:
    with a_begun_ledger(tmp_path) as ledger:
        record = uncertain(ledger)
        ledger.keep_mark()
        ledger.backup(tmp_path / "copy")
        planned_again = ledger.record_absent(record, now=NOW, not_before=NOW)
        intend(ledger, claim(ledger, planned_again), payload="Read this")
        ledger.keep_mark()
    put_back(a_file(tmp_path), tmp_path / "copy")
    world = a_world(tmp_path, NOW)

    with a_ledger(tmp_path) as ledger:
        found = reconcile((), ledger.view(), world.policy, NOW, since=ledger.known_until())
        ledger.adopt_restored(found, now=NOW)

        assert read(ledger).state is DeliveryState.HELD
        assert read(ledger).cause is Cause.RESTORED
        assert ledger.check() == []


def test_a_copy_made_while_the_clock_was_ahead_holds_an_early_release(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW + 90 * HOUR)
    world.write("one", at=NOW + 200 * HOUR, more="announce: {x: {after: 1h}}\n")
    world.tick()
    copy(world)
    world.clock.set_ahead(-90 * HOUR)  # put right
    world.request_release("one")
    world.tick()
    world.clock.advance(HOUR)
    world.tick()
    restore(world)

    names = adopt(world)

    assert announced(world, "one") == {"one": 1}
    assert names == ["one/x/launch"]


def test_a_claim_of_the_copy_is_held(tmp_path: Path) -> None:
    put_back(a_file(tmp_path), a_sent_ledger(tmp_path))
    world = a_world(tmp_path, NOW)

    with a_ledger(tmp_path) as ledger:
        found = reconcile((), ledger.view(), world.policy, NOW, since=ledger.known_until())
        ledger.adopt_restored(found, now=NOW)

        assert (read(ledger).state, read(ledger).owner) == (DeliveryState.HELD, None)


def test_a_post_that_the_copy_does_not_know_becomes_baseline(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.write("two", at=NOW + HOUR)
    world.run_until(NOW + HOUR)
    world.write("three", at=NOW + 9 * HOUR)
    restore(world)

    adopt(world)
    world.tick()

    states = {post: record.state.value for post, record in world.releases().items()}
    assert states == {"one": "live", "two": "baseline", "three": "scheduled"}
    assert announced(world, "one", "two") == {"one": 1, "two": 1}


def test_a_post_that_is_missing_is_held_for_when_it_comes_back(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    path = next(world.root.rglob("one.md"))
    path.rename(world.root / "away.md")
    restore(world)

    names = adopt(world)
    (world.root / "away.md").rename(path)
    world.run_until(NOW + 2 * HOUR)

    assert names == held(world) == ["one/x/launch"]
    assert announced(world, "one") == {"one": 1}


def test_a_post_that_is_a_draft_again_is_held_for_when_it_is_released(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    path = next(world.root.rglob("one.md"))
    path.write_text(path.read_text().replace("published", "draft"))
    restore(world)

    names = adopt(world)
    path.write_text(path.read_text().replace("status: draft", "status: scheduled"))
    world.run_until(NOW + 2 * HOUR)

    assert names == ["one/x/launch"]
    assert announced(world, "one") == {"one": 1}


def test_a_withdrawn_post_that_was_released_again_is_held(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=NOW + HOUR, more="announce: {x: {after: 1h}}\n")
    world.run_until(NOW + HOUR)
    path.write_text(path.read_text().replace("published", "draft"))
    world.tick()
    copy(world)
    path.write_text(path.read_text().replace("draft", "published"))
    world.run_until(NOW + 2 * HOUR)
    restore(world)

    names = adopt(world)
    world.run_until(NOW + 4 * HOUR)

    assert names == ["one/x/launch"]
    assert announced(world, "one") == {"one": 1}


def test_a_ledger_begun_anew_announces_nothing_that_was_public(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    world.write("two", at=NOW + 3 * HOUR)
    (world.state_dir / "ledger.sqlite").unlink()
    (world.state_dir / "ledger.sqlite.mark").unlink()

    world.adopt()
    world.run_until(NOW + 3 * HOUR)

    states = {post: record.state.value for post, record in world.releases().items()}
    assert states == {"one": "baseline", "two": "live"}
    assert announced(world, "one", "two") == {"one": 1, "two": 1}


def test_adopting_twice_is_adopting_once(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    restore(world)
    with world.ledger() as ledger:
        now = world.clock.now()
        found = reconcile(world.scan(), ledger.view(), world.policy, now, since=None)
        ledger.adopt_restored(found, now=now)
        before = ledger.view(), ledger.events(limit=999)

        ledger.adopt_restored(found, now=now)

        assert (ledger.view(), ledger.events(limit=999)) == before


def test_the_same_copy_put_back_once_more_is_noticed_again(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    restore(world)
    adopt(world)

    restore(world)

    assert world.tick().plan.holds[0].needs_person
    assert adopt(world) == ["one/x/launch"]


def test_a_copy_put_on_a_new_machine_twice_is_noticed_twice(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    copy(world)
    mark_path(world.state_dir / "ledger.sqlite").unlink()
    restore(world)
    first = adopt(world)

    restore(world)

    assert (first, adopt(world)) == ([], [])


def test_a_ledger_that_cannot_write_its_mark_is_not_adopted(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    restore(world)
    obstacle = temporary_of(mark_path(world.state_dir / "ledger.sqlite"))
    obstacle.mkdir()

    with pytest.raises(LedgerError, match="mark of the ledger cannot be written"):
        adopt(world)
    with world.ledger() as ledger:
        words, deliveries = ledger.view().restored, ledger.view().deliveries
    obstacle.rmdir()

    assert WAITS in words
    assert deliveries == {}
    assert adopt(world) == ["one/x/launch"]


def test_a_ledger_of_two_sites_waits_until_both_are_adopted(tmp_path: Path) -> None:
    older = a_sent_ledger(tmp_path)
    add_site(older, "other")
    put_back(a_file(tmp_path), older)
    world = a_world(tmp_path, NOW)

    with a_ledger(tmp_path) as mine, a_ledger(tmp_path, site="other") as other:
        found = reconcile((), mine.view(), world.policy, NOW, since=mine.known_until())
        first = mine.adopt_restored(found, now=NOW)
        words = other.view().restored
        again = mine.adopt_restored(found, now=NOW)
        policy = replace(world.policy, site="other")
        found = reconcile((), other.view(), policy, SOON, since=other.known_until())
        last = other.adopt_restored(found, now=SOON)

        assert (first, again, last) == (("other",), ("other",), ())
        assert "still to be run for other" in words
        assert (mine.view().restored, other.view().restored) == ("", "")


def add_site(path: Path, site: str, *, is_adopted: bool = True) -> None:
    """Let a copy serve another site as well."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO meta (site, adopted_at, dirty_gen, built_gen, rebuild_failures,"
            " rebuild_reason, changed_at) VALUES (?, ?, 0, 0, 0, '', 0)",
            (site, 0 if is_adopted else None),
        )


def test_a_site_that_was_never_adopted_is_not_waited_for(tmp_path: Path) -> None:
    older = a_sent_ledger(tmp_path)
    add_site(older, "misspelt", is_adopted=False)
    put_back(a_file(tmp_path), older)
    world = a_world(tmp_path, NOW)

    with a_ledger(tmp_path) as mine:
        found = reconcile((), mine.view(), world.policy, NOW, since=mine.known_until())

        assert mine.adopt_restored(found, now=NOW) == ()
        assert mine.view().restored == ""


# Every copy of a day put back at every later hour of it; the day has a release ahead of its
# date, one that is announced hours later, one that is withdrawn and released again, and an
# announcement made again.
HOURS = range(1, 12, 2)


def live_through(world: World, until: datetime, *, since: datetime) -> None:
    for at, act in DAY.items():
        if since < NOW + at <= until:
            world.run_until(NOW + at)
            act(world)
    world.run_until(until)


def rewrite(world: World, name: str, old: str, new: str) -> None:
    path = next(world.root.rglob(f"{name}.md"))
    path.write_text(path.read_text().replace(f"status: {old}", f"status: {new}"))


def request(world: World) -> None:
    if world.releases()["early"].state == "scheduled":
        world.request_release("early")


def again(world: World) -> None:
    if world.releases()["slow"].state == "live":
        world.announce_again(
            "slow", at=NOW + 9 * HOUR, text="{{ post.title }} again {{ post.url }}"
        )


DAY: dict[timedelta, Callable[[World], object]] = {
    1.5 * HOUR: request,
    5.5 * HOUR: lambda world: rewrite(world, "back", "published", "draft"),
    6.5 * HOUR: lambda world: rewrite(world, "back", "draft", "published"),
    7.5 * HOUR: again,
}


@pytest.mark.parametrize("copied", HOURS)
def test_whichever_copy_is_put_back_nothing_is_announced_twice(tmp_path: Path, copied: int) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"), burst=9)
    world.write("early", at=NOW + 8 * HOUR, more="announce: {mail: {after: 1h}}\n")
    world.write("slow", at=NOW + 2 * HOUR, more="announce: {mail: {after: 6h}}\n")
    world.write("back", at=NOW + 4 * HOUR, more="announce: {mail: {after: 4h}}\n")
    world.write("late", at=NOW + 10 * HOUR)
    live_through(world, NOW + copied * HOUR, since=NOW - HOUR)
    copy(world)

    at = NOW + copied * HOUR
    for later in [hour for hour in HOURS if hour > copied]:
        live_through(world, NOW + later * HOUR, since=at)
        at = NOW + later * HOUR
        restore(world)
        if world.tick().plan.holds[0].post is None:
            adopt(world)
    live_through(world, NOW + 14 * HOUR, since=at)

    keys = [key for channel in world.channels.values() for key, _ in channel.posts]
    assert len(keys) == len(set(keys))
    assert announced(world, "late") == {"late": 1}
    with world.ledger() as ledger:
        assert ledger.check() == []


def test_post_that_came_due_meanwhile_is_not_called_public(tmp_path: Path) -> None:
    world = a_released_world(tmp_path)
    world.run_until(NOW + HOUR)
    restore(world)
    world.write("unseen", at=NOW + HOUR / 2)

    adopt(world)

    reason = world.releases()["unseen"].reason
    assert reason == "came due while an older copy of the ledger was in its place"
