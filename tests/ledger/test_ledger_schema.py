"""What the schema refuses by itself, whoever writes; and that it is what the migrations make."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import TableClause
from sqlalchemy.exc import StatementError

from publisher.ledger import Ledger, schema
from publisher.model import EDGES, Cause, DeliveryRecord, DeliveryState, ReleaseState
from tests.ledger.ledger_factories import (
    NOW,
    a_begun_ledger,
    a_file,
    a_key,
    a_ledger,
    begin,
    claimed,
    planned,
    sending,
    sent,
    uncertain,
)

Act = Callable[[Ledger], object]
INSERT = (
    "INSERT INTO deliveries (release_id, channel, occasion, idem_key, state, reason, due_at,"
    " not_before, fence, changed_at) "
)
ATTEMPT = (
    "INSERT INTO attempts (delivery_id, n, fence, payload, intent_at, deadline_at, outcome,"
    " ended_at, reason) SELECT id, 2, fence, '', 0, 0, 'unknown', 0, '' FROM deliveries"
)
OPEN_ATTEMPT = ATTEMPT.replace("'unknown'", "NULL")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with a_begun_ledger(tmp_path) as opened:
        yield opened


def run(ledger: Ledger, statement: str, *values: object) -> None:
    """Write as a stranger to our code would, with any SQLite tool."""
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(statement, values)


def force(ledger: Ledger, record: DeliveryRecord, state: str) -> None:
    run(ledger, "UPDATE deliveries SET state = ? WHERE id = ?", state, record.id)


def assert_refused(ledger: Ledger, words: str, statement: str, *values: object) -> None:
    before = ledger.path.read_bytes()
    with pytest.raises(sqlite3.IntegrityError, match=words):
        run(ledger, statement, *values)
    assert ledger.path.read_bytes() == before


# --- deliveries ------------------------------------------------------------------------------


def test_a_planned_delivery_takes_only_the_listed_edges(ledger: Ledger) -> None:
    record = planned(ledger)
    listed = {new for old, new in EDGES if old is DeliveryState.PLANNED}
    refused = []

    for state in set(DeliveryState) - listed - {DeliveryState.PLANNED}:
        with pytest.raises(sqlite3.IntegrityError):
            force(ledger, record, state)
        refused.append(state)

    assert set(refused) == {"sending", "uncertain", "sent", "confirmed", "failed"}


def test_a_confirmed_delivery_stays(ledger: Ledger) -> None:
    record = ledger.confirm(sent(ledger), now=NOW)

    assert_refused(
        ledger,
        "illegal transition",
        "UPDATE deliveries SET state = 'planned' WHERE id = ?",
        record.id,
    )


def test_the_edges_are_those_of_the_model(ledger: Ledger) -> None:
    with closing(sqlite3.connect(ledger.path)) as connection:
        edges = set(connection.execute("SELECT from_state, to_state FROM delivery_edges"))
        states = {row[0] for row in connection.execute("SELECT state FROM delivery_states")}

    assert edges == {(str(old), str(new)) for old, new in EDGES}
    assert states == {str(state) for state in DeliveryState}


def test_an_unknown_state_is_refused(ledger: Ledger) -> None:
    planned(ledger)

    assert_refused(
        ledger, "illegal transition", "UPDATE deliveries SET state = 'lost', evidence = 'x'"
    )


REFUSALS: dict[str, tuple[Act, str, str]] = {
    "the fence never moves back": (
        claimed,
        "fence",
        "UPDATE deliveries SET fence = fence - 1",
    ),
    "the channel is frozen": (planned, "frozen", "UPDATE deliveries SET channel = 'y'"),
    "the occasion is frozen": (planned, "frozen", "UPDATE deliveries SET occasion = 'again'"),
    "the idempotency key is frozen": (planned, "frozen", "UPDATE deliveries SET idem_key = 'k'"),
    "the release is frozen": (planned, "frozen", "UPDATE deliveries SET release_id = 2"),
    "deliveries stay": (planned, "never deleted", "DELETE FROM deliveries"),
    "releases stay": (begin, "never deleted", "DELETE FROM releases"),
    "the post is frozen": (begin, "frozen", "UPDATE releases SET post = 'other'"),
    "sending needs an intent": (
        claimed,
        "needs an intent",
        "UPDATE deliveries SET state = 'sending'",
    ),
    "sending ends with its attempt": (
        sending,
        "still open",
        "UPDATE deliveries SET state = 'planned'",
    ),
    "an unknown attempt is not forgotten": (
        uncertain,
        "unresolved",
        "UPDATE deliveries SET state = 'planned'",
    ),
    "one attempt is open at a time": (
        sending,
        "UNIQUE",
        OPEN_ATTEMPT,
    ),
    "an attempt is frozen": (sending, "frozen", "UPDATE attempts SET payload = 'other'"),
    "an accepted attempt is settled": (sent, "settled", "UPDATE attempts SET outcome = 'absent'"),
    "an unknown attempt is not opened again": (
        uncertain,
        "settled",
        "UPDATE attempts SET outcome = NULL",
    ),
    "an outcome is one of the listed": (
        sending,
        "known_outcome",
        "UPDATE attempts SET outcome = 'perhaps'",
    ),
    "attempts stay": (sending, "never deleted", "DELETE FROM attempts"),
    "sent has evidence": (sent, "evidence", "UPDATE deliveries SET evidence = NULL"),
    "a claim has an owner": (claimed, "owner", "UPDATE deliveries SET owner = NULL"),
    "a claim has a lease": (claimed, "owner", "UPDATE deliveries SET lease_until = NULL"),
    "a live release was verified": (planned, "verified", "UPDATE releases SET live_at = NULL"),
    "a release is live by its last flip": (
        planned,
        "verified",
        "UPDATE releases SET flip_gen = flip_gen + 1",
    ),
    "a release state is one of the listed": (
        begin,
        "known_state",
        "UPDATE releases SET state = 'lost'",
    ),
    "events are not changed": (begin, "append-only", "UPDATE events SET reason = 'better'"),
    "events are not deleted": (begin, "append-only", "DELETE FROM events"),
    "the count of intents never moves back": (
        sending,
        "moved back",
        "UPDATE provenance SET intents = intents - 1",
    ),
    "the provenance stays": (begin, "never deleted", "DELETE FROM provenance"),
    "the identity of a ledger is frozen": (begin, "frozen", "UPDATE provenance SET id = 'other'"),
    "a ledger has one provenance": (
        begin,
        "one_row",
        "INSERT INTO provenance (one, id, intents, reason) VALUES (2, 'other', 0, '')",
    ),
    "the provenance is not written twice": (
        begin,
        "UNIQUE",
        "INSERT INTO provenance (one, id, intents, reason) VALUES (1, 'other', 0, '')",
    ),
    "the one provenance keeps its number": (begin, "frozen", "UPDATE provenance SET one = 2"),
    "nothing is built that was not flipped": (
        begin,
        "built_after_flipped",
        "UPDATE meta SET built_gen = 7",
    ),
    "columns hold what they say": (planned, "cannot store TEXT", "UPDATE releases SET live_at='x'"),
    "a delivery belongs to a release": (
        planned,
        "FOREIGN KEY",
        INSERT + "VALUES (99, 'x', 'launch', 'k', 'planned', '', 0, 0, 0, 0)",
    ),
}


@pytest.mark.parametrize("rule", REFUSALS)
def test_the_schema_refuses(ledger: Ledger, rule: str) -> None:
    act, words, statement = REFUSALS[rule]
    act(ledger)

    assert_refused(ledger, words, statement)


@pytest.mark.parametrize("state", ["planned", "skipped", "failed"])
def test_a_held_delivery_keeps_its_unknown_attempt(ledger: Ledger, state: str) -> None:
    record = ledger.settle(uncertain(ledger), DeliveryState.HELD, reason="look", now=NOW)

    with pytest.raises(sqlite3.IntegrityError):
        force(ledger, record, state)


def test_a_held_delivery_may_be_dropped_with_an_unknown_attempt(ledger: Ledger) -> None:
    record = ledger.settle(uncertain(ledger), DeliveryState.HELD, reason="look", now=NOW)

    force(ledger, record, "cancelled")

    assert ledger.view().deliveries[record.key].state is DeliveryState.CANCELLED


def test_one_delivery_per_post_channel_and_occasion(ledger: Ledger) -> None:
    planned(ledger)

    assert_refused(
        ledger, "UNIQUE", INSERT + "VALUES (1, 'x', 'launch', 'k', 'planned', '', 0, 0, 0, 0)"
    )


def test_one_remote_id_per_channel(ledger: Ledger) -> None:
    record = sent(ledger, a_key("x"), a_key("linkedin"))
    other = ledger.view().deliveries[a_key("linkedin")]
    run(ledger, "UPDATE deliveries SET remote_id = '42' WHERE id = ?", other.id)  # elsewhere: fine
    ledger.add_delivery(a_key(occasion="again"), at=NOW, text=None, reason="", now=NOW)

    assert_refused(
        ledger,
        "UNIQUE",
        "UPDATE deliveries SET remote_id = ? WHERE occasion = 'again'",
        record.remote_id,
    )


def test_a_stranger_who_changes_a_state_is_logged(ledger: Ledger) -> None:
    record = planned(ledger)

    force(ledger, record, "held")

    (event,) = ledger.events(limit=1)
    assert (event.kind, event.from_state, event.to_state) == ("delivery", "planned", "held")


# --- provenance --------------------------------------------------------------------------------


def intents(ledger: Ledger) -> int:
    with closing(sqlite3.connect(ledger.path)) as connection:
        return int(connection.execute("SELECT intents FROM provenance").fetchone()[0])


def test_every_intent_is_counted(ledger: Ledger) -> None:
    counts = [intents(ledger)]
    uncertain(ledger)
    counts.append(intents(ledger))

    run(ledger, ATTEMPT)

    assert [*counts, intents(ledger)] == [0, 1, 2]


def test_an_outcome_is_no_intent(ledger: Ledger) -> None:
    ledger.confirm(sent(ledger), now=NOW)

    assert intents(ledger) == 1


def test_an_intent_that_is_refused_is_not_counted(ledger: Ledger) -> None:
    sending(ledger)

    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        run(ledger, OPEN_ATTEMPT)

    assert intents(ledger) == 1


def test_a_restored_ledger_takes_no_intent_until_it_is_adopted(ledger: Ledger) -> None:
    uncertain(ledger)
    run(ledger, "UPDATE provenance SET restored_at = 1, reason = 'an older copy'")

    assert_refused(ledger, "restored and is not adopted", ATTEMPT)

    run(ledger, "UPDATE provenance SET restored_at = NULL, reason = ''")
    run(ledger, ATTEMPT)
    assert intents(ledger) == 2


def test_a_restored_ledger_still_learns_what_became_of_its_attempts(ledger: Ledger) -> None:
    record = uncertain(ledger)
    run(ledger, "UPDATE provenance SET restored_at = 1, reason = 'an older copy'")

    run(ledger, "UPDATE attempts SET outcome = 'found' WHERE delivery_id = ?", record.id)

    assert [attempt.outcome for attempt in ledger.attempts(record)] == ["found"]


def test_each_ledger_has_an_identity_of_its_own(tmp_path: Path) -> None:
    ids = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        a_ledger(tmp_path / name).close()
        with closing(sqlite3.connect(a_file(tmp_path / name))) as connection:
            ids.add(connection.execute("SELECT id FROM provenance").fetchone()[0])

    assert {len(identity) for identity in ids} == {32}
    assert len(ids) == 2


# --- instants --------------------------------------------------------------------------------


def test_a_naive_instant_is_refused(ledger: Ledger) -> None:
    naive = datetime(2026, 11, 20, 9, 0)  # noqa: DTZ001 - the mistake under test

    with pytest.raises(StatementError, match="needs a time zone"):
        begin(ledger, now=naive)


def test_instants_are_stored_as_microseconds(ledger: Ledger) -> None:
    begin(ledger, now=NOW.replace(microsecond=123_457))

    with closing(sqlite3.connect(ledger.path)) as connection:
        stored = connection.execute("SELECT changed_at FROM releases").fetchone()[0]
    assert stored == 1_795_165_200_123_457
    assert ledger.events(limit=1)[0].at == NOW.replace(microsecond=123_457)


# --- migrations ------------------------------------------------------------------------------


def test_statements_name_the_columns_that_the_migrations_make(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()

    named = {
        table.name: {column.name for column in table.c}
        for table in vars(schema).values()
        if isinstance(table, TableClause)
    }

    assert {"releases", "deliveries", "attempts"} < set(named)
    assert named == {name: columns(a_file(tmp_path), name) for name in named}


def columns(path: Path, table: str) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def test_the_newest_revision_is_the_one_we_look_for() -> None:
    config = Config()
    config.set_main_option("script_location", "publisher.ledger:migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_the_upgrade_counts_the_attempts_that_were_made_before_it(tmp_path: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/old.sqlite3")
    with engine.begin() as connection:
        upgrade(connection, "0001")
        for number in (1, 2, 3):
            connection.exec_driver_sql(
                "INSERT INTO attempts (delivery_id, n, fence, payload, intent_at, deadline_at,"
                " outcome, reason) VALUES (1, ?, 1, '', 0, 0, 'not_sent', '')",
                (number,),
            )

        upgrade(connection, "0002")

        found = connection.exec_driver_sql("SELECT intents, restored_at FROM provenance").all()
    engine.dispose()
    assert found == [(3, None)]


RELEASES_BEFORE = {
    # (state, flip_gen, failures, retry_at, reason) of revision 0002: the cause since
    (
        "scheduled",
        1,
        0,
        None,
        "rescheduled with `publisher reschedule`, from A to B",
    ): "rescheduled",
    ("withdrawn", 1, 0, None, "withdrawn: its address changed to U, which …"): "readdressed",
    ("withdrawn", 1, 0, None, "withdrawn: its file says draft again; …"): "withdrawn",
    ("baseline", 1, 0, None, "withdrawn: asked for with `publisher withdraw`"): "withdrawn",
    ("gone", None, 0, None, "deleted: blog/a.md was deleted"): "deleted",
    ("scheduled", None, 1, 5, "is not due yet by the site's clock: …"): "clock_ahead",
    ("revealing", None, 1, 5, "blog/a.md: cannot be written"): "flip_failed",
    ("revealing", 2, 3, 5, "its text is not on the page"): "page_wrong",
    ("revealing", 1, 3, 5, "the page answers 404"): "not_live",
    ("scheduled", None, 0, None, "scheduled"): None,
    ("live", 1, 0, None, ""): None,
}
DELIVERIES_BEFORE = {
    ("cancelled", "withdrawn: its post is not public any more"): "withdrawn",
    ("cancelled", "deleted: its post is gone"): "deleted",
    ("cancelled", "dropped with `publisher resolve`"): "dropped",
    ("held", "may have gone out after this copy was made: look at x, then …"): "restored",
    ("held", "may have gone out (timed out); the service cannot be asked: …"): "unknown_outcome",
    ("held", "was accepted (42) but is not to be seen; look at U, then …"): "not_seen",
    ("held", "refused: a@b.test; it is never sent twice: send it to them yourself"): "incomplete",
    ("held", "late by 7 h (limit 6 h); `publisher retry K` sends it all the same"): "too_late",
    ("held", "the service named 42, which p/x/launch has already; look there"): "id_taken",
    ("held", "x refuses a text that it has had already; say it in other words"): "text_repeated",
    ("held", "has it; if that is it, `publisher resolve K --sent URL`, else"): "duplicate",
    ("held", "the text is too long; correct it, then `publisher retry K`"): "text_unusable",
    ("held", "somebody wrote this with a tool of their own"): None,
    ("planned", "its process ended before it was sent"): "interrupted",
    ("planned", "its post was edited"): None,
    ("failed", "403: forbidden"): "refused",
    ("planned", ""): None,
}


def test_the_upgrade_reads_the_words_of_an_older_ledger_for_the_last_time(tmp_path: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/old.sqlite3")
    alerts = {
        "site/publisher adopt": "site/not_adopted",
        "site/publisher adopt --after-restore": "site/restored",
        "site/publisher trust": "site/untrusted",
        "post/a": "post/a",
    }
    with engine.begin() as connection:
        upgrade(connection, "0002")
        run = connection.exec_driver_sql
        run("INSERT INTO meta VALUES ('s', 1, 2, 1, 0, NULL, '', 0)")
        for n, (state, gen, failures, retry_at, reason) in enumerate(RELEASES_BEFORE, start=1):
            run(
                "INSERT INTO releases (id, site, post, path, digest, state, flip_gen, verified_gen,"
                " live_at, schedule_rev, failures, retry_at, reason, changed_at)"
                " VALUES (?, 's', ?, '', '', ?, ?, 1, 0, 1, ?, ?, ?, 0)",
                (n, f"post-{n}", state, gen, failures, retry_at, reason),
            )
        for n, (state, reason) in enumerate(DELIVERIES_BEFORE, start=1):
            values = "VALUES (1, 'x', ?, ?, ?, ?, 0, 0, 0, 0)"
            run(INSERT + values, (str(n), str(n), state, reason))
        for cause in alerts:
            run("INSERT INTO alerts VALUES ('s', ?, 'what', 2, 0, 2, 0)", (cause,))

        upgrade(connection, "0003")

        releases = run("SELECT cause FROM releases ORDER BY id").scalars().all()
        deliveries = run("SELECT cause FROM deliveries ORDER BY id").scalars().all()
        keys = set(run("SELECT cause FROM alerts").scalars())
    engine.dispose()
    assert releases == list(RELEASES_BEFORE.values())
    assert deliveries == list(DELIVERIES_BEFORE.values())
    assert keys == set(alerts.values())


def test_the_ledger_knows_every_cause_and_no_other(ledger: Ledger) -> None:
    begin(ledger)
    with closing(sqlite3.connect(ledger.path)) as connection:
        known = {row[0] for row in connection.execute("SELECT cause FROM causes")}

    assert known == {str(cause) for cause in Cause}
    assert_refused(ledger, "FOREIGN KEY", "UPDATE releases SET cause = 'the weather'")


def upgrade(connection: sqlalchemy.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "publisher.ledger:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def test_release_states_are_those_of_the_model(ledger: Ledger) -> None:
    (sql,) = (text for name, text in tables(ledger.path).items() if name == "releases")

    assert ", ".join(f"'{state}'" for state in ReleaseState) in sql


def tables(path: Path) -> dict[str, str]:
    """Give the text of each table and index, without the layout."""
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql NOT NULL"
    with closing(sqlite3.connect(path)) as connection:
        return {name: " ".join(sql.split()) for name, sql in connection.execute(query)}
