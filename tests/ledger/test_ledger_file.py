"""The ledger's file: opened, refused, shared, copied, and left as it was by those who only read."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from publisher.ledger import Ledger
from publisher.ledger.connecting import has_wal_fix, journal_pragmas
from publisher.ledger.upkeep import drop_old_backups, next_backup
from publisher.model import Cause, DeliveryState, LedgerView, PostId, Sight
from publisher.model.errors import LedgerBusyError, LedgerError, StaleError
from tests.ledger.ledger_factories import (
    NOW,
    POST,
    SOON,
    a_begun_ledger,
    a_file,
    a_ledger,
    a_sight,
    begin,
    claim,
    outcomes,
    planned,
    read,
    reveal,
    sending,
    sent,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with a_begun_ledger(tmp_path) as opened:
        yield opened


def pragma(ledger: Ledger, name: str) -> object:
    with ledger._writing() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def write(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


# --- settings --------------------------------------------------------------------------------


def test_connections_are_set_for_safety(ledger: Ledger) -> None:
    journal, synchronous = journal_pragmas(sqlite3.sqlite_version_info[:3])
    levels = {"FULL": 2, "EXTRA": 3}

    expected = {
        "journal_mode": journal.partition(" = ")[2].lower(),
        "synchronous": levels[synchronous.partition(" = ")[2]],
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "trusted_schema": 0,
    }

    assert {name: pragma(ledger, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_the_wal_is_used_only_where_it_is_safe(version: tuple[int, int, int], fixed: bool) -> None:
    assert has_wal_fix(version) is fixed
    assert journal_pragmas(version)[0] == f"journal_mode = {'WAL' if fixed else 'PERSIST'}"


def test_a_writer_takes_the_lock_at_its_start(tmp_path: Path, ledger: Ledger) -> None:
    other = sqlite3.connect(a_file(tmp_path), timeout=0, isolation_level=None)

    with closing(other), ledger._writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("state/*")}
    assert set(modes.values()) == {0o600}
    assert a_file(tmp_path).parent.stat().st_mode & 0o777 == 0o700


KEEPING = """
import os, sys; os.umask(0)
from pathlib import Path; import tests.ledger.ledger_factories as f
folder = Path(sys.argv[1])
with f.a_ledger(folder) as ledger:
    record = f.sending(ledger)
    ledger.keep_mark()
    ledger.backup(folder / "state" / "copy.sqlite")
    for path in sorted((folder / "state").iterdir()):
        print(path.name, oct(path.stat().st_mode & 0o777))
"""


def test_no_umask_opens_ledger_journal_mark_or_copy_to_others(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEEPING, str(tmp_path)],
        env={"PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        check=True,
    )

    modes = dict(line.split() for line in done.stdout.splitlines())
    journals = ["-wal", "-shm"] if has_wal_fix(sqlite3.sqlite_version_info[:3]) else ["-journal"]
    names = ["copy.sqlite", *(f"ledger.sqlite3{end}" for end in ("", *journals, ".mark"))]
    assert modes == dict.fromkeys(sorted(names), "0o600")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_file_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()
    a_file(tmp_path).chmod(0o644)

    a_ledger(tmp_path).close()

    assert a_file(tmp_path).stat().st_mode & 0o777 == 0o600


# --- reading only ----------------------------------------------------------------------------


def test_reading_leaves_every_byte(tmp_path: Path, ledger: Ledger) -> None:
    record = sent(ledger)
    view = ledger.view()
    ledger.close()
    before = {path: path.read_bytes() for path in tmp_path.glob("state/*")}

    with a_ledger(tmp_path, read_only=True, check=True) as reader:
        found = reader.view(), reader.check(), outcomes(reader, record), len(reader.events(limit=9))

    assert found == (view, [], ["accepted"], 9)
    assert {path: path.read_bytes() for path in tmp_path.glob("state/*")} == before


def test_reading_a_ledger_in_wal_mode_leaves_its_file(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()
    write(a_file(tmp_path), "PRAGMA journal_mode = WAL")
    before = a_file(tmp_path).read_bytes()

    with a_ledger(tmp_path, read_only=True) as reader:
        assert reader.view() == LedgerView()

    assert a_file(tmp_path).read_bytes() == before


def test_reading_what_is_not_there_finds_nothing_and_creates_nothing(tmp_path: Path) -> None:
    with a_ledger(tmp_path, read_only=True) as reader:
        found = reader.view(), reader.events(limit=9), reader.check()

    assert found == (LedgerView(), [], [])
    assert list(tmp_path.iterdir()) == []


def test_reading_a_file_that_was_only_just_created_finds_nothing(tmp_path: Path) -> None:
    a_file(tmp_path).parent.mkdir()
    a_file(tmp_path).touch()

    with a_ledger(tmp_path, read_only=True) as reader:
        assert reader.view() == LedgerView()

    assert a_file(tmp_path).read_bytes() == b""


def test_a_reader_may_not_write(tmp_path: Path, ledger: Ledger) -> None:
    with (
        a_ledger(tmp_path, read_only=True) as reader,
        pytest.raises(LedgerError, match="for reading only"),
    ):
        reader.adopt([], now=NOW)


def test_a_reader_sees_what_is_written_meanwhile(tmp_path: Path, ledger: Ledger) -> None:
    with a_ledger(tmp_path, read_only=True) as reader:
        before = reader.view().adopted_at
        ledger.adopt([], now=NOW)

        assert (before, reader.view().adopted_at) == (None, NOW)


# --- refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_ledger_is_left_alone(tmp_path: Path, read_only: bool) -> None:
    a_ledger(tmp_path).close()
    write(a_file(tmp_path), "UPDATE alembic_version SET version_num = '0099'")
    before = a_file(tmp_path).read_bytes()

    with pytest.raises(LedgerError, match="written by a newer publisher"):
        a_ledger(tmp_path, site="other", read_only=read_only)

    assert a_file(tmp_path).read_bytes() == before


def test_an_older_ledger_is_not_upgraded_by_a_reader(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()
    write(a_file(tmp_path), "UPDATE alembic_version SET version_num = '0000'")

    with pytest.raises(LedgerError, match="publisher db upgrade"):
        a_ledger(tmp_path, read_only=True)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b"some words, but no database at all" * 40),
        lambda path: write(path, "CREATE TABLE letters (text)"),
    ],
    ids=["not a database", "a database of others"],
)
def test_another_file_is_left_alone(
    tmp_path: Path, make: Callable[[Path], object], read_only: bool
) -> None:
    a_file(tmp_path).parent.mkdir()
    make(a_file(tmp_path))
    before = a_file(tmp_path).read_bytes()

    with pytest.raises(LedgerError, match="is not a ledger"):
        a_ledger(tmp_path, read_only=read_only)

    assert a_file(tmp_path).read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_folder_is_no_ledger(tmp_path: Path, read_only: bool) -> None:
    a_file(tmp_path).mkdir(parents=True)

    with pytest.raises(LedgerError, match="cannot be") as caught:
        a_ledger(tmp_path, read_only=read_only)

    assert caught.value.hint


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")

    with pytest.raises(LedgerError, match="cannot be created") as caught:
        a_ledger(tmp_path)

    assert "state_dir" in caught.value.hint


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://user:secret@host/db", "sqlite:///relative", "sqlite://", "x"]
)
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(LedgerError, match="no ledger can be kept there") as caught:
        Ledger.open(url, site="sample", now=NOW)

    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "my site %20 #1?" / "ledger.sqlite3"

    Ledger.open(f"sqlite:///{path}", site="sample", now=NOW).close()

    assert path.is_file()


def test_damage_is_found_when_asked_for(tmp_path: Path, ledger: Ledger) -> None:
    ledger.adopt([a_sight(Sight.BASELINE, post=PostId(f"p{n}")) for n in range(500)], now=NOW)
    ledger.close()
    damage(a_file(tmp_path))

    with pytest.raises(LedgerError, match="is damaged") as caught:
        a_ledger(tmp_path, check=True)
    with a_ledger(tmp_path, read_only=True) as reader:
        problems = reader.check()

    assert "backup" in caught.value.hint
    assert problems


def test_a_row_without_its_parent_is_found(tmp_path: Path, ledger: Ledger) -> None:
    planned(ledger)
    write(a_file(tmp_path), "PRAGMA foreign_keys = OFF")
    write(
        a_file(tmp_path),
        "INSERT INTO attempts VALUES (99, 1, 1, 'Read it', 0, 0, 'accepted', 0, '', NULL, NULL)",
    )

    assert ledger.check() == ["a row of attempts points to a row of deliveries that is not there"]


def without_triggers(ledger: Ledger, *statements: str) -> None:
    """Write as a program would that knows none of the ledger's rules."""
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as connection:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = connection.execute(query).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)


BROKEN_RULES = {
    "the state is not that of the newest event": (
        sent,
        "UPDATE deliveries SET state = 'failed'",
        ["pattern/x/launch is failed, but the newest event about it says sent"],
    ),
    "the newest event is missing": (
        planned,
        "DELETE FROM events WHERE kind = 'delivery'",
        ["pattern/x/launch is planned, but the newest event about it says nothing"],
    ),
    "a release is not what its newest event says": (
        planned,
        "UPDATE releases SET state = 'withdrawn'",
        ["the release of pattern is withdrawn, but the newest event about it says live"],
    ),
    "an event in the middle is missing": (
        sending,
        "DELETE FROM events WHERE kind = 'delivery' AND to_state = 'claimed'",
        ["event 8 says that pattern/x/launch went from claimed to sending, but it was planned"],
    ),
    "a step that is none": (
        planned,
        """
        INSERT INTO events (at, kind, site, post, channel, occasion, from_state, to_state, reason)
        SELECT 0, 'delivery', 'sample', 'pattern', 'x', 'launch', a, b, ''
        FROM (SELECT 'planned' AS a, 'failed' AS b UNION ALL SELECT 'failed', 'planned')
        """,
        ["event 7 says that pattern/x/launch went from planned to failed, which is no step"],
    ),
    "sending without an open attempt": (
        sending,
        "UPDATE attempts SET outcome = 'unknown'",
        ["pattern/x/launch is sending, with open attempts: 0"],
    ),
    "an open attempt of what is not being sent": (
        sent,
        "UPDATE attempts SET outcome = NULL",
        ["pattern/x/launch is sent, with open attempts: 1"],
    ),
    "attempts that were not counted": (
        sent,
        "UPDATE provenance SET intents = 0",
        ["the ledger counts 0 attempts and holds 1"],
    ),
}


@pytest.mark.parametrize("name", BROKEN_RULES)
def test_what_breaks_the_rules_of_the_ledger_is_found(ledger: Ledger, name: str) -> None:
    act, statement, expected = BROKEN_RULES[name]
    act(ledger)
    before = ledger.check()

    without_triggers(ledger, statement)

    assert (before, ledger.check()) == ([], expected)


def test_a_gap_in_the_numbers_of_events_is_no_fault(ledger: Ledger) -> None:
    record = planned(ledger)
    with pytest.raises(LedgerError, match="the ledger refuses this"):
        ledger.record_rebuild(gen=9, started_at=NOW, ok=True, reason="", retry_at=None, now=NOW)
    without_triggers(ledger, "UPDATE sqlite_sequence SET seq = seq + 5 WHERE name = 'events'")

    claim(ledger, record)

    assert ledger.check() == []


def test_a_full_disk_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        ledger.adopt([a_sight(Sight.BASELINE)], now=NOW)
        before = ledger.view()
        fill = [a_sight(Sight.NEW, post=PostId(f"p{n}"), why="w" * 999) for n in range(500)]
        limit_pages(ledger)

        with pytest.raises(LedgerError, match="the disk is full"):
            ledger.adopt(fill, now=SOON)

        assert (ledger.view(), ledger.check()) == (before, [])


def test_a_lock_that_is_never_freed_is_reported(tmp_path: Path, ledger: Ledger) -> None:
    shorten_wait(ledger)
    other = sqlite3.connect(a_file(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with closing(other), pytest.raises(LedgerBusyError, match="another process"):
        ledger.adopt([], now=NOW)


def test_a_refusal_of_the_schema_is_an_error_for_people(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="the ledger refuses this"):
        ledger.record_rebuild(gen=9, started_at=NOW, ok=True, reason="", retry_at=None, now=NOW)

    assert ledger.events(limit=9) == []


# --- shared ----------------------------------------------------------------------------------


def test_threads_lose_no_update(ledger: Ledger) -> None:
    begin(ledger)

    def fail(_: int) -> None:
        ledger.fail_step(POST, cause=Cause.NOT_LIVE, reason="again", retry_at=None, now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fail, range(200)))

    assert ledger.view().releases[POST].failures == 200


def test_a_cancellation_decided_before_the_post_came_back_is_refused(ledger: Ledger) -> None:
    """Found by simulation: a process that was paused cancelled by what it had seen before."""
    record = planned(ledger)
    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)
    begin(ledger)
    reveal(ledger)
    again = read(ledger)

    with pytest.raises(StaleError, match="is live again"):
        ledger.settle(
            again, DeliveryState.CANCELLED, reason="withdrawn: it was", now=SOON, with_post=True
        )

    assert (again.key, again.state) == (record.key, DeliveryState.PLANNED)
    assert read(ledger) == again


def test_one_of_many_threads_wins_a_claim(ledger: Ledger) -> None:
    record = planned(ledger)

    def claim(owner: int) -> bool:
        try:
            ledger.claim(record, owner=str(owner), lease_until=SOON, now=NOW)
        except LedgerError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(claim, range(20)))

    assert won.count(True) == 1


def test_ledgers_created_at_once_are_one(tmp_path: Path) -> None:
    def adopt(number: int) -> None:
        with a_ledger(tmp_path) as ledger:
            ledger.observe(a_sight(Sight.NEW, post=PostId(f"p{number}")), now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(adopt, range(8)))

    with a_ledger(tmp_path) as ledger:
        assert (len(ledger.view().releases), ledger.check()) == (8, [])


@pytest.mark.parametrize(
    ("act", "state", "expected"),
    [("claimed", "planned", []), ("sending", "uncertain", ["unknown"])],
)
def test_a_killed_process_leaves_what_it_did(
    tmp_path: Path, ledger: Ledger, act: str, state: str, expected: list[str]
) -> None:
    script = (
        "import sys, time; from pathlib import Path; import tests.ledger.ledger_factories as f\n"
        f"f.{act}(f.a_ledger(Path(sys.argv[1])))\n"
        "print('done', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parents[2]}"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"done\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()

    (record,) = ledger.recover(owner_alive=lambda _: False, now=SOON)

    assert (record.state, outcomes(ledger, record)) == (state, expected)
    assert ledger.check() == []


# --- copies ----------------------------------------------------------------------------------


def test_a_backup_is_the_ledger(tmp_path: Path, ledger: Ledger) -> None:
    sent(ledger)

    ledger.backup(tmp_path / "copy.sqlite3")

    assert (tmp_path / "copy.sqlite3").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.sqlite3", "state"]
    url = f"sqlite:///{tmp_path}/copy.sqlite3"
    with Ledger.open(url, site="sample", now=NOW, read_only=True, check=True) as copy:
        view = copy.view()
    assert replace(view, restored="") == ledger.view()
    assert view.restored  # a copy is not the ledger


def test_a_backup_never_overwrites(tmp_path: Path, ledger: Ledger) -> None:
    target = tmp_path / "copy.sqlite3"
    target.write_text("precious")

    with pytest.raises(LedgerError, match="exists already"):
        ledger.backup(target)

    assert target.read_text() == "precious"


def test_backups_of_one_second_are_numbered_and_the_oldest_goes_first(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    made = []
    for _ in range(11):
        made.append(next_backup(folder, NOW))
        made[-1].write_text("a copy")

    dropped = drop_old_backups(made[-1], keep=2)

    assert made[1].name == "ledger-20261120T090000Z-2.sqlite"
    assert dropped == made[:-2]


def test_a_backup_into_nowhere_says_so(tmp_path: Path, ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="cannot be written"):
        ledger.backup(tmp_path / "nowhere" / "copy.sqlite3")


def test_a_backup_of_nothing_says_so(tmp_path: Path) -> None:
    with (
        a_ledger(tmp_path, read_only=True) as reader,
        pytest.raises(LedgerError, match="there is no ledger yet"),
    ):
        reader.backup(tmp_path / "copy.sqlite3")


def test_a_damaged_ledger_gives_no_backup(tmp_path: Path, ledger: Ledger) -> None:
    ledger.adopt([a_sight(Sight.BASELINE, post=PostId(f"p{n}")) for n in range(500)], now=NOW)
    ledger.close()
    damage(a_file(tmp_path))

    with a_ledger(tmp_path, read_only=True) as reader, pytest.raises(LedgerError, match="damaged"):
        reader.backup(tmp_path / "copy.sqlite3")

    assert [path.name for path in tmp_path.iterdir()] == ["state"]


# --- the acts that tests repeat --------------------------------------------------------------


def damage(path: Path) -> None:
    """Overwrite the inside of one page of a table, as a bad disk would."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'events'"
        page = connection.execute(query).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 64)


def limit_pages(ledger: Ledger) -> None:
    """Let the file grow no further, as a full disk would."""

    def limit(connection: sqlite3.Connection, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    ledger.close()
    event.listen(ledger._engine, "connect", limit)


def shorten_wait(ledger: Ledger) -> None:
    def shorten(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA busy_timeout = 1")

    ledger.close()
    event.listen(ledger._engine, "connect", shorten)
