"""Wrong clocks and the tick: ahead of the site's, behind it, set back beyond a key's life."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from publisher.engine.tick import Engine
from publisher.model import (
    Cause,
    DeliveryState,
    LedgerView,
    Message,
    Post,
    PostId,
    Receipt,
    Recovery,
    RecoveryKind,
    ReleaseState,
)
from publisher.posts.library import FlipResult, Library, Scan
from publisher.site.site_clock import SiteClock
from publisher.system.clock import VirtualClock
from tests.factories import HOUR, NOW
from tests.platforms.timekeeper import Timekeeper
from tests.worlds import ScriptedChannel, SettableClock, World, a_world

SOON = NOW + HOUR
MINUTE = timedelta(minutes=1)
SWEEP = timedelta(seconds=15)
LAUNCH = "one/x/launch"


# --- a clock that differs from the site's ------------------------------------------------------


class WatchedWorld(World):
    """A world whose engines ask one site what time it is."""

    keeper: Timekeeper | None = None

    @contextmanager
    def engine(self, **how: Any) -> Iterator[Engine]:
        with super().engine(**how) as engine:
            if self.keeper is not None:
                engine.site_clock = SiteClock(
                    url=self.keeper.url, clock=self.clock, report=engine.report
                )
            yield engine


@pytest.fixture
def world(tmp_path: Path) -> Iterator[WatchedWorld]:
    """Give a world at NOW by its own clock, whose site agrees until told otherwise."""
    made = a_world(tmp_path, NOW)
    world = WatchedWorld(root=made.root, clock=made.clock, channels=made.channels)
    with Timekeeper(now=lambda: world.clock.now()) as keeper:
        world.keeper = keeper
        yield world


def stop_the_site(world: WatchedWorld) -> None:
    assert world.keeper is not None
    world.keeper.date = None


def adopt(world: World) -> None:
    """Begin the ledger, so that posts which are due at first sight are not taken for old."""
    with world.ledger() as ledger:
        ledger.adopt((), now=world.clock.now())


def test_post_is_released_at_its_instant_where_the_clocks_agree(world: WatchedWorld) -> None:
    path = world.write("one", at=SOON)

    world.run_until(SOON)

    assert "status: published" in path.read_text()
    assert world.names("clock.") == []


def test_site_is_asked_before_the_instant_and_not_again_at_it(world: WatchedWorld) -> None:
    world.write("one", at=SOON)

    world.run_until(SOON - 2 * MINUTE)
    asked_early = list(world.keeper.requests)
    world.run_until(SOON - MINUTE)
    asked_before = list(world.keeper.requests)
    world.keeper.requests.clear()
    with world.engine() as engine:
        engine.tick()
        world.clock.advance(MINUTE)
        world.keeper.requests.clear()
        engine.tick()

    assert asked_early == []
    assert asked_before == ["HEAD /"]
    assert world.keeper.requests == []
    assert world.site.built == 1


def test_answer_that_ends_just_before_an_instant_is_renewed_before_it(world: WatchedWorld) -> None:
    world.write("one", at=SOON)
    world.write("two", at=SOON + 9.5 * MINUTE)
    with world.engine() as engine:
        for minutes in (0, 59, 60, 68.75):
            world.clock.advance_to(NOW + minutes * MINUTE)
            engine.tick()
        asked_before = list(world.keeper.requests)

        world.clock.advance_to(NOW + 69.5 * MINUTE)
        engine.tick()

    assert asked_before == ["HEAD /"] * 2
    assert world.keeper.requests == asked_before
    assert world.site.built == 2


def test_nothing_is_flipped_while_our_clock_is_an_hour_ahead(world: WatchedWorld) -> None:
    path = world.write("one", at=SOON)
    world.keeper.ahead = -HOUR

    world.run_until(SOON + HOUR - 3 * MINUTE)

    result = world.tick()
    (hold,) = result.plan.holds
    assert "status: scheduled" in path.read_text()
    assert world.site.built == 0
    assert world.channels["x"].posts == []
    assert hold.needs_person
    assert hold.cause is Cause.CLOCK_AHEAD
    assert "this machine is 60 minutes ahead" in hold.reason


def test_held_post_is_released_once_it_is_due_by_the_sites_clock(world: WatchedWorld) -> None:
    path = world.write("one", at=SOON)
    world.keeper.ahead = -HOUR

    world.run_until(SOON + HOUR)

    assert "status: published" in path.read_text()
    assert len(world.channels["x"].posts) == 1


def test_ledger_says_what_is_held_as_long_as_it_is(world: WatchedWorld) -> None:
    world.write("one", at=SOON)
    world.keeper.ahead = -HOUR
    world.run_until(SOON + 20 * MINUTE)

    with world.engine() as engine:
        held = engine.ledger.view().releases[PostId("one")]
        steps = [event for event in engine.ledger.events(limit=99) if event.kind == "step_failed"]

    assert held.state is ReleaseState.SCHEDULED
    assert held.cause is Cause.CLOCK_AHEAD
    assert held.retry_at == SOON + HOUR
    assert len(steps) == 1


def test_clock_that_is_set_right_releases_at_the_true_instant(world: WatchedWorld) -> None:
    adopt(world)
    true_clock = VirtualClock(NOW)
    world.clock.set_ahead(HOUR)
    world.keeper.now = true_clock.now
    path = world.write("one", at=NOW + 50 * MINUTE)
    with world.engine() as engine:
        engine.tick()
        engine.tick()
        before = engine.ledger.view().releases[PostId("one")]

        world.clock.set_ahead(-HOUR)
        waiting = engine.tick()
        after = engine.ledger.view().releases[PostId("one")]
        world.clock.advance(50 * MINUTE)
        true_clock.advance(50 * MINUTE)
        engine.tick()

    assert before.retry_at is not None
    assert (after.retry_at, after.reason, after.failures) == (None, "", 0)
    assert [hold.cause for hold in waiting.plan.holds] == [Cause.NOT_DUE]
    assert "status: published" in path.read_text()


def test_clock_that_is_behind_holds_nothing_and_is_told(world: WatchedWorld) -> None:
    path = world.write("one", at=SOON)
    world.keeper.ahead = HOUR

    world.run_until(SOON + 30 * MINUTE)

    assert "status: published" in path.read_text()
    assert world.names("clock.") == ["clock.behind"]


def test_site_that_tells_no_time_holds_nothing(world: WatchedWorld) -> None:
    path = world.write("one", at=SOON)
    stop_the_site(world)

    world.run_until(SOON)

    assert "status: published" in path.read_text()


def test_site_that_falls_silent_releases_what_it_held_after_a_minute(world: WatchedWorld) -> None:
    path = world.write("one", at=SOON)
    world.keeper.ahead = -HOUR
    shown = []
    with world.engine() as engine:
        engine.tick()
        world.clock.advance_to(SOON)
        engine.tick()
        stop_the_site(world)

        for _ in range(5):
            world.clock.advance(SWEEP)
            engine.tick()
            shown.append("status: published" in path.read_text())

    assert shown == [False, False, False, False, True]


def test_wrong_answer_of_the_site_holds_nothing_once_it_is_right_again(
    world: WatchedWorld,
) -> None:
    path = world.write("one", at=SOON)
    world.keeper.ahead = -HOUR
    with world.engine() as engine:
        engine.tick()
        world.clock.advance_to(SOON)
        engine.tick()
        held = path.read_text()
        world.keeper.ahead = timedelta(0)

        world.clock.advance(SWEEP)
        engine.tick()

    assert "status: scheduled" in held
    assert "status: published" in path.read_text()


def test_missing_certificates_keep_no_post_back(
    world: WatchedWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "gone.pem"))
    path = world.write("one", at=SOON)
    with world.engine() as engine:
        engine.site_clock = SiteClock(
            url="https://127.0.0.1:1/", clock=world.clock, report=engine.report
        )
        engine.tick()
        world.clock.advance_to(SOON)

        engine.tick()

    assert "status: published" in path.read_text()


def test_posts_that_come_due_at_once_by_a_wrong_clock_are_not_taken_for_old(
    world: WatchedWorld,
) -> None:
    adopt(world)
    for number in range(9):
        world.write(f"post-{number}", at=NOW - MINUTE)
    world.keeper.ahead = -HOUR

    world.tick()

    with world.engine() as engine:
        states = {record.state for record in engine.ledger.view().releases.values()}
    assert states == {ReleaseState.SCHEDULED}


# --- a clock set back ------------------------------------------------------------------------


@dataclass(slots=True)
class ForgetfulChannel(ScriptedChannel):
    """A service that honours keys, and has forgotten them all by now."""

    recovery: Recovery = field(
        default_factory=lambda: Recovery(kind=RecoveryKind.KEY, key_life=HOUR)
    )

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        self.posts.append((key, message.text))
        if self.after:
            raise self.after.pop(0)
        return Receipt(remote_id=f"r{len(self.posts)}")


def a_world_with_a_lost_answer(tmp_path: Path, *, key_life: timedelta | None = HOUR) -> World:
    recovery = Recovery(kind=RecoveryKind.KEY, key_life=key_life)
    world = a_world(tmp_path, NOW, {"x": ForgetfulChannel(recovery=recovery)})
    world.clock = SettableClock(NOW)
    world.write("one", at=NOW + MINUTE)
    world.tick()
    world.channels["x"].after = [TimeoutError("no answer")]
    world.clock.advance(MINUTE)
    with world.engine() as engine:
        engine.reconciler = Idle()  # type: ignore[assignment]
        engine.tick()
    return world


class Idle:
    """Nobody who could find out what became of a delivery."""

    def reconcile(self, *delivery: object) -> None:
        """Do nothing."""


def test_age_of_a_key_is_not_counted_by_the_clock_that_was_set_back(tmp_path: Path) -> None:
    """Found by simulation: each repeat began to count anew."""
    world = a_world_with_a_lost_answer(tmp_path)
    world.clock.advance(2 * HOUR)
    world.clock.set_ahead(-2 * HOUR)

    world.tick()

    assert len(world.channels["x"].posts) == 1
    assert "no longer knows its key" in world.deliveries()[LAUNCH].reason


def test_age_of_a_key_counts_from_the_first_attempt_that_may_have_arrived(tmp_path: Path) -> None:
    world = a_world_with_a_lost_answer(tmp_path)
    world.channels["x"].after = [TimeoutError("no answer")] * 9
    world.run_until(NOW + HOUR / 2)
    world.clock.advance(HOUR)
    world.clock.set_ahead(-HOUR)
    sent = len(world.channels["x"].posts)

    world.tick()

    assert sent > 1
    assert len(world.channels["x"].posts) == sent
    assert "no longer knows its key" in world.deliveries()[LAUNCH].reason


def test_key_of_an_earlier_boot_is_left_to_a_person(tmp_path: Path) -> None:
    world = a_world_with_a_lost_answer(tmp_path)
    world.clock.era = "the next boot"

    world.tick()

    row = world.deliveries()[LAUNCH]
    assert len(world.channels["x"].posts) == 1
    assert row.state is DeliveryState.HELD
    assert "the machine was rebooted" in row.reason


def test_key_of_an_attempt_older_than_the_count_of_seconds_is_left_to_a_person(
    tmp_path: Path,
) -> None:
    world = a_world_with_a_lost_answer(tmp_path)
    with closing(sqlite3.connect(world.state_dir / "ledger.sqlite")) as ledger, ledger:
        for (name,) in ledger.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'attempts'"
        ).fetchall():
            ledger.execute(f"DROP TRIGGER {name}")
        ledger.execute("UPDATE attempts SET era = NULL, monotonic_s = NULL")

    world.tick()

    row = world.deliveries()[LAUNCH]
    assert len(world.channels["x"].posts) == 1
    assert row.state is DeliveryState.HELD
    assert "it was sent before this ledger recorded the boot" in row.reason
    assert "rebooted" not in row.reason


def test_key_that_is_never_forgotten_is_used_whatever_the_clock_says(tmp_path: Path) -> None:
    world = a_world_with_a_lost_answer(tmp_path, key_life=None)
    world.clock.era = "the next boot"
    world.clock.set_ahead(-HOUR)

    world.tick()

    assert len(world.channels["x"].posts) == 2
    assert world.deliveries()[LAUNCH].state is DeliveryState.CONFIRMED


# --- a tick that does not come to an end -----------------------------------------------------


@dataclass(slots=True)
class RestlessLibrary:
    """Posts that somebody edits between any two looks."""

    library: Library
    edits: int = 0

    def scan(self, view: LedgerView | None = None, now: datetime | None = None) -> Scan:
        self.edits += 1
        scan = self.library.scan(view, now)
        posts = tuple(replace(post, digest=f"edit {self.edits}") for post in scan.posts)
        return replace(scan, posts=posts)

    def flip(self, post: Post) -> FlipResult:
        return self.library.flip(post)

    def body(self, post: Post) -> str:
        return self.library.body(post)


def test_tick_that_leaves_work_undone_says_so(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)

    with world.engine() as engine:
        engine.library = RestlessLibrary(Library(world.settings, world.root))
        engine.tick()

    (event,) = [event for event in world.events if event.name == "tick.unfinished"]
    assert event.fields["actions"] == "Observe"


def test_tick_that_comes_to_an_end_says_nothing_of_it(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)

    world.run_until(SOON)

    assert "tick.unfinished" not in world.names()


def test_repeat_does_not_wait_for_a_clock_that_was_set_back(tmp_path: Path) -> None:
    """Found by simulation: it waited for as long as the clock had been set back."""
    world = a_world_with_a_lost_answer(tmp_path, key_life=None)
    world.channels["x"].after = [TimeoutError("no answer")]
    world.tick()
    world.clock.set_ahead(-3 * HOUR)
    world.clock.advance(5 * MINUTE)

    world.tick()

    assert world.deliveries()[LAUNCH].state is DeliveryState.CONFIRMED
