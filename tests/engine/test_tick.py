"""The tick, with real files and a real ledger; only the services and the build are scripted."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from publisher.engine.changes import QUIET_TIME
from publisher.model import Cause, DeliveryState, Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.model.errors import DuplicateContent, NotDelivered
from publisher.site.site import Look, RebuildResult
from tests.factories import HOUR, NOW
from tests.worlds import PreparingChannel, ScriptedChannel, SearchableChannel, World, a_world

SOON = NOW + HOUR
LAUNCH_X = "one/x/launch"


def lost() -> Exception:
    return TimeoutError("no answer")


def test_release_goes_through_flip_build_verify_announce(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    path = world.write("one", at=SOON)

    world.run_until(SOON)

    assert "status: published" in path.read_text()
    assert world.site.built == 1
    assert [len(channel.posts) for channel in world.channels.values()] == [1, 1]
    assert {r.state for r in world.deliveries().values()} == {DeliveryState.CONFIRMED}


def test_nothing_happens_before_the_instant(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON)

    world.run_until(SOON - timedelta(seconds=1))

    assert "status: scheduled" in path.read_text()
    assert world.site.built == 0
    assert world.channels["x"].posts == []


def test_ticking_again_after_everything_does_nothing(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.run_until(SOON)

    result = world.tick()

    assert result.performed == ()
    assert len(world.channels["x"].posts) == 1


def test_lost_answer_without_any_look_up_is_held_and_never_repeated(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].after = [lost()]

    world.run_until(SOON + 30 * HOUR, sweep=HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert row.state is DeliveryState.HELD
    assert row.cause is Cause.UNKNOWN_OUTCOME
    assert len(world.channels["x"].posts) == 1


def test_lost_answer_is_found_by_look_up(tmp_path: Path) -> None:
    channel = SearchableChannel(after=[lost()], hidden=2)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + timedelta(minutes=20))

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.CONFIRMED
    assert len(channel.posts) == 1


def test_lost_request_is_sent_again_only_after_the_settle_time(tmp_path: Path) -> None:
    channel = SearchableChannel(before=[lost()])
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + timedelta(minutes=5, seconds=59))
    posts_before = list(channel.posts)
    world.run_until(SOON + timedelta(minutes=8))

    assert posts_before == []
    assert len(channel.posts) == 1


def test_look_up_asks_for_the_words_that_were_sent_even_after_an_edit(tmp_path: Path) -> None:
    """Looking for the new words would find nothing and post a second time."""
    channel = SearchableChannel(after=[lost()])
    world = a_world(tmp_path, NOW, {"x": channel})
    path = world.write("one", at=SOON)
    world.run_until(SOON)
    path.write_text(path.read_text().replace("title: Post one", "title: A better title"))

    world.run_until(SOON + HOUR)

    assert len(channel.posts) == 1
    assert world.deliveries()[LAUNCH_X].state is DeliveryState.CONFIRMED


def test_service_that_honours_keys_gets_the_same_words_again(tmp_path: Path) -> None:
    recovery = Recovery(kind=RecoveryKind.KEY, key_life=HOUR)
    channel = ScriptedChannel(recovery=recovery, before=[lost()])
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + timedelta(minutes=5))

    assert len(channel.posts) == 1
    assert world.deliveries()[LAUNCH_X].state is DeliveryState.CONFIRMED


def test_key_past_its_life_is_not_used(tmp_path: Path) -> None:
    recovery = Recovery(kind=RecoveryKind.KEY, key_life=timedelta(minutes=10))
    channel = ScriptedChannel(recovery=recovery, before=[lost()] * 20)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + HOUR)

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.HELD
    assert channel.posts == []


def test_duplicate_answer_that_names_the_post_is_proof(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [DuplicateContent("duplicate", remote_id="urn:li:share:7")]

    world.run_until(SOON)

    row = world.deliveries()[LAUNCH_X]
    assert (row.state, row.remote_id) == (DeliveryState.CONFIRMED, "urn:li:share:7")


def test_not_sent_later_never_hides_an_earlier_unknown(tmp_path: Path) -> None:
    """Rule R4, the flaw of the first design: unknown, then surely not sent, is still unknown."""

    class RefusesOnceItHasThePost(ScriptedChannel):
        def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
            if self.posts:
                raise NotDelivered("429")
            return super().send(message, key=key, draft=draft)

    recovery = Recovery(kind=RecoveryKind.KEY, key_life=HOUR)
    channel = RefusesOnceItHasThePost(recovery=recovery, after=[lost()])
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + timedelta(minutes=5))

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.UNCERTAIN


def test_overlong_own_text_is_held_with_the_count(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.channels["x"].limits = Limits(length=50)
    world.write("one", at=SOON, more=f"announce: {{x: '{'long ' * 30}'}}\n")

    world.run_until(SOON)

    row = world.deliveries()[LAUNCH_X]
    assert row.state is DeliveryState.HELD
    assert "50 are allowed" in row.reason


def test_accepted_post_that_cannot_be_seen_is_held(tmp_path: Path) -> None:
    channel = SearchableChannel(hidden=1_000)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + timedelta(minutes=10))

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.HELD


# --- edits between scan and release ----------------------------------------------------------


def test_broken_frontmatter_is_neither_deleted_nor_released(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON)
    world.write("two", at=SOON)
    world.tick()
    text = path.read_text()
    path.write_text(text.replace("title:", "title: [", 1))

    world.run_until(SOON + HOUR)
    keys_meanwhile = set(world.deliveries())
    path.write_text(text)
    world.run_until(SOON + HOUR + timedelta(minutes=1))

    assert keys_meanwhile == {"two/x/launch"}
    assert {"one/x/launch", "two/x/launch"} == set(world.deliveries())
    assert len(world.channels["x"].posts) == 2


@pytest.mark.parametrize("step", ["release.begun", "flip.done", "rebuild.done", "release.live"])
def test_stop_at_any_step_loses_nothing(tmp_path: Path, step: str) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.clock.advance_to(SOON)

    with world.engine(
        on_event=lambda event: engine.stop.set() if event.name == step else None
    ) as engine:
        engine.tick()
    world.run_until(SOON + timedelta(minutes=1))

    assert len(world.channels["x"].posts) == 1
    assert world.deliveries()[LAUNCH_X].state is DeliveryState.CONFIRMED


def test_receipt_is_kept(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)

    world.run_until(SOON)

    row = world.deliveries()[LAUNCH_X]
    assert (row.remote_id, row.evidence, row.attempts) == ("r1", "response", 1)


def a_world_with_upload(tmp_path: Path, *refusals: Exception) -> World:
    channel = PreparingChannel(refusals=list(refusals))
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    return world


def test_upload_that_fails_for_now_is_tried_again(tmp_path: Path) -> None:
    world = a_world_with_upload(tmp_path, TimeoutError("slow"), NotDelivered("429"))

    world.run_until(SOON + timedelta(minutes=3))

    assert len(world.channels["x"].posts) == 1
    assert world.deliveries()[LAUNCH_X].attempts == 1


def test_upload_refused_for_good_waits_for_a_person(tmp_path: Path) -> None:
    world = a_world_with_upload(tmp_path, NotDelivered("the image is too large", permanent=True))

    world.run_until(SOON + HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert (row.state, row.attempts) == (DeliveryState.HELD, 0)
    assert row.cause is Cause.TEXT_UNUSABLE


def test_draft_that_the_service_calls_a_duplicate_waits_for_a_person(tmp_path: Path) -> None:
    world = a_world_with_upload(tmp_path, DuplicateContent("email_duplicate"))

    world.run_until(SOON + HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert (row.state, row.attempts) == (DeliveryState.HELD, 0)
    assert row.cause is Cause.DUPLICATE


def test_channel_that_cannot_count_breaks_nothing_else(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.channels["x"].limits = Limits(length=280, count=lambda text: 1 // 0)
    world.write("one", at=SOON)

    world.run_until(SOON)

    rows = world.deliveries()
    assert rows[LAUNCH_X].state is DeliveryState.HELD
    assert rows["one/mail/launch"].state is DeliveryState.CONFIRMED


def test_post_that_cannot_be_written_waits_and_is_tried_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON)
    before = path.read_bytes()
    obstacle = path.with_name(".publisher-obstacle.tmp")  # a flip clears such leftovers away
    obstacle.mkdir()

    world.run_until(SOON + timedelta(seconds=30))
    meanwhile = path.read_bytes()
    built_meanwhile = world.site.built
    obstacle.rmdir()
    world.run_until(SOON + timedelta(minutes=2))

    assert (meanwhile, built_meanwhile) == (before, 0)
    assert world.names("flip.failed") == ["flip.failed"]
    assert len(world.channels["x"].posts) == 1


# --- sequences that once went wrong ----------------------------------------------------------

AFTER = "announce: {x: {after: 2h}}\n"


def test_post_published_by_hand_without_a_date_is_announced_once(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON, more=AFTER)
    world.tick()
    world.write("one", at=None, status="published", more=AFTER)

    world.run_until(NOW + 3 * HOUR)

    assert len(world.channels["x"].posts) == 1


def test_new_address_is_looked_at_before_it_is_announced(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON, more=AFTER)
    world.run_until(SOON)
    world.write("one", at=SOON, status="published", more=AFTER + "slug: better\n")

    world.run_until(SOON + 3 * HOUR)

    urls = [event.fields["url"] for event in world.events if event.name == "release.live"]
    assert urls == [f"https://chronicles.example/blog/{slug}" for slug in ("one", "better")]
    assert [text for _, text in world.channels["x"].posts] == [f"Post one {urls[-1]}"]
    assert world.site.built == 2


def test_releasing_one_post_of_a_burst_releases_no_other(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    (tmp_path / "content").mkdir()
    world.tick()
    for number in range(6):
        world.write(f"p{number}", at=NOW - HOUR)
    world.tick()
    world.request_release("p0")

    world.run_until(NOW + HOUR)

    assert [text for _, text in world.channels["x"].posts] == [
        "Post p0 https://chronicles.example/blog/p0"
    ]


def test_draft_written_after_a_release_by_hand_is_not_overwritten(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.site.builds = [RebuildResult(ok=False, reason="exit 1", tail="", seconds=0.1)] * 2
    world.request_release("one")
    world.tick()
    path = world.write("one", at=SOON, status="draft")

    world.run_until(NOW + timedelta(minutes=10))

    assert "status: draft" in path.read_text()
    assert world.channels["x"].posts == []


def test_announcing_again_survives_a_switch_of_branches(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON)
    world.run_until(SOON)
    world.announce_again("one", at=SOON + 3 * HOUR)
    text = path.read_text()
    path.unlink()
    world.run_until(SOON + timedelta(minutes=5))
    path.write_text(text)

    world.run_until(SOON + 4 * HOUR)

    assert len(world.channels["x"].posts) == 2


def test_announcement_switched_off_by_mistake_goes_out_once_it_is_back(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON, more=AFTER)
    world.run_until(SOON)
    world.write("one", at=SOON, status="published", more="announce: false\n")
    world.tick()
    world.write("one", at=SOON, status="published", more=AFTER)

    world.run_until(SOON + 3 * HOUR)

    assert len(world.channels["x"].posts) == 1


def test_accepted_post_nobody_can_look_for_is_held_in_the_end(tmp_path: Path) -> None:
    channel = SearchableChannel(hidden=10_000)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)

    for _ in range(30):  # each a process of its own, as from cron
        world.clock.advance(HOUR)
        world.tick()

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.HELD


# --- what no instant brings ----------------------------------------------------------------


def test_edit_of_the_site_is_built_in_a_quiet_time(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.site.has_edits = True

    world.tick()
    world.tick()

    assert world.site.built == 1


def test_edit_just_before_an_instant_waits_until_after_the_release(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.clock.advance_to(SOON - QUIET_TIME + timedelta(seconds=1))
    world.site.has_edits = True

    world.tick()

    assert world.site.built == 0


def test_commits_that_came_are_seen_and_built_in_the_same_tick(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.site.has_commits = True

    world.tick()

    assert world.site.built == 1


def test_build_of_an_edit_that_fails_is_tried_again_and_asks_a_person(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.site.builds.append(RebuildResult(ok=False, reason="exit 1", tail="", seconds=1))
    world.site.has_edits = True

    failed = world.tick()
    world.run_until(NOW + timedelta(minutes=5))

    asks = [(hold.cause, hold.reason) for hold in failed.plan.holds if hold.needs_person]
    assert asks == [(Cause.BUILD_FAILED, "exit 1")]
    assert world.site.built == 2


def test_site_that_is_not_adopted_is_not_built(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("old", at=NOW - timedelta(days=9))
    world.site.has_edits = True

    world.tick()

    assert world.site.built == 0


def test_post_called_off_elsewhere_while_nobody_ran_does_not_go_out(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.clock.advance_to(SOON)
    world.site.before_pull = lambda: world.write("one", at=SOON + HOUR)
    world.site.has_commits = True

    world.tick()

    assert world.channels["x"].posts == []


def test_pull_that_fails_is_told_and_stops_no_build_of_an_edit(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.site.pull_fails = "origin does not answer"
    world.site.has_edits = True

    done = world.tick()

    assert done.troubles == {"pull.failed": "origin does not answer"}
    assert [event.name for event in world.events if event.name == "pull.failed"]
    assert world.site.built == 1


def test_what_stands_though_releases_go_on_is_told_once_until_it_is_over(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.stands = {"push.failed": "not all is pushed", "deploy.restless": "changes a file"}

    with world.engine() as engine:
        standing = [engine.tick().troubles for _ in range(2)]
        world.site.stands = {}
        after = engine.tick().troubles

    told = [event.name for event in world.events if event.name in standing[0]]
    assert standing[0].keys() == {"push.failed", "deploy.restless"}
    assert standing[1] == standing[0]
    assert after == {}
    assert told == ["push.failed", "deploy.restless"]


def test_push_is_made_up_for_in_a_quiet_time_only(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.clock.advance_to(SOON - QUIET_TIME + timedelta(seconds=1))

    world.tick()
    before = world.site.pushes
    world.run_until(SOON)

    assert before == 0
    assert world.site.pushes > 0


def test_release_whose_page_is_waited_for_keeps_no_edit_from_being_built(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks.extend([Look(ok=False, reason="not there yet")] * 3)
    world.run_until(SOON)
    world.site.has_edits = True

    world.tick()

    assert world.site.built == 2


# --- what a service refuses or answers ---------------------------------------------------------


def test_receipt_that_misses_recipients_is_held_and_never_sent_again(tmp_path: Path) -> None:
    class Partial(ScriptedChannel):
        def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
            self.posts.append((key, message.text))
            return Receipt(remote_id="m1", missing="6 of 7 recipients were served")

    channel = Partial()
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + 30 * HOUR, sweep=HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert (row.state, row.remote_id) == (DeliveryState.HELD, "m1")
    assert row.reason.startswith("6 of 7 recipients were served")
    assert len(channel.posts) == 1


@pytest.mark.parametrize(
    ("remote_id", "kept"),
    [("\ud83d1", "\\ud83d1"), ("a\x00b\x1b[2J", "a\\x00b\\x1b[2J"), ("9" * 5000, "9" * 500)],
    ids=["half a character", "control characters", "huge"],
)
def test_odd_id_of_a_service_is_recorded_as_escaped(
    tmp_path: Path, remote_id: str, kept: str
) -> None:
    class Odd(ScriptedChannel):
        def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
            return Receipt(remote_id=remote_id, remote_url=f"https://a.example/{remote_id[:9]}")

    world = a_world(tmp_path, NOW, {"x": Odd()})
    world.write("one", at=SOON)

    world.run_until(SOON)

    row = world.deliveries()[LAUNCH_X]
    assert (row.state, row.remote_id) == (DeliveryState.CONFIRMED, kept)


def test_odd_words_of_an_error_are_recorded_as_escaped(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("no \ud83d \x1b[31m", permanent=True)]

    world.run_until(SOON)

    row = world.deliveries()[LAUNCH_X]
    assert row.state is DeliveryState.FAILED
    assert row.reason == "no \\ud83d \\x1b[31m"


@pytest.mark.parametrize("is_found", [True, False])
def test_duplicate_that_names_no_post_is_looked_for_and_asked_about_once(
    tmp_path: Path, is_found: bool
) -> None:
    refusals: list[Exception] = [DuplicateContent("403 duplicate") for _ in range(20)]
    channel = SearchableChannel(
        after=refusals if is_found else [], before=[] if is_found else refusals
    )
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + 5 * HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert row.state is (DeliveryState.CONFIRMED if is_found else DeliveryState.HELD)
    assert len(refusals) == 19


@pytest.mark.parametrize("kind", [RecoveryKind.KEY, RecoveryKind.NONE])
def test_duplicate_of_a_service_that_cannot_be_asked_is_asked_about_at_once(
    tmp_path: Path, kind: RecoveryKind
) -> None:
    channel = ScriptedChannel(
        recovery=Recovery(kind=kind), before=[DuplicateContent("duplicate")] * 20
    )
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + HOUR)

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.HELD
    assert len(channel.before) == 19


@pytest.mark.parametrize("refuses_repeats", [True, False])
def test_words_that_a_service_had_before_are_held_where_it_refuses_repeats(
    tmp_path: Path, refuses_repeats: bool
) -> None:
    channel = ScriptedChannel(limits=Limits(refuses_repeats=refuses_repeats))
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)
    world.announce_again("one", at=SOON, occasion="again-0")
    world.announce_again("one", at=SOON, occasion="again-1", text="In other words")
    world.announce_again("one", at=SOON, occasion="again-2", text="In other words")  # insists

    world.run_until(SOON + HOUR)

    found = {name.rpartition("/")[2]: row.state for name, row in world.deliveries().items()}
    repeated = DeliveryState.HELD if refuses_repeats else DeliveryState.CONFIRMED
    assert found == {
        "launch": DeliveryState.CONFIRMED,
        "again-0": repeated,
        "again-1": DeliveryState.CONFIRMED,
        "again-2": DeliveryState.CONFIRMED,
    }


def test_success_that_named_no_post_is_read_back_with_its_id(tmp_path: Path) -> None:
    class Nameless(SearchableChannel):
        def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
            super().send(message, key=key, draft=draft)
            return Receipt(remote_id="", note="it did not say which post it is")

    channel = Nameless()
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert (row.state, row.remote_id) == (DeliveryState.CONFIRMED, "r1")
    assert len(channel.posts) == 1


# --- a slow service ------------------------------------------------------------------------


def test_slow_channel_holds_up_neither_another_channel_nor_what_comes_due(tmp_path: Path) -> None:
    is_told = threading.Event()
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.write("one", at=SOON, more="announce: {mail: false}\n")
    world.write("two", at=SOON + 2 * HOUR, more="announce: {x: false}\n")
    answers: list[bool] = []

    def linger() -> None:
        world.clock.advance_to(SOON + 2 * HOUR)
        answers.append(is_told.wait(20))

    world.channels["x"].while_sending = [linger]
    world.channels["mail"].while_sending = [is_told.set]

    world.run_until(SOON)

    assert answers == [True]
    assert [len(channel.posts) for channel in world.channels.values()] == [1, 1]
    assert {r.state for r in world.deliveries().values()} == {DeliveryState.CONFIRMED}


def test_channel_that_used_its_time_leaves_the_rest_to_the_next_tick(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    for name in ("one", "two", "three"):
        world.write(name, at=SOON)
    world.run_until(SOON - HOUR)
    world.clock.advance_to(SOON)
    late = [partial(world.clock.advance, timedelta(minutes=1, seconds=1)) for _ in range(3)]
    world.channels["x"].while_sending = list(late)

    sent = []
    for _ in range(4):
        world.tick()
        sent.append(len(world.channels["x"].posts))

    assert sent == [1, 2, 3, 3]


def test_mistake_in_a_channel_s_thread_ends_the_tick_after_all_others(tmp_path: Path) -> None:
    class Broken(ScriptedChannel):
        def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
            raise KeyboardInterrupt

    world = a_world(tmp_path, NOW, {"x": Broken(), "mail": ScriptedChannel()})
    world.write("one", at=SOON)

    with pytest.raises(KeyboardInterrupt):
        world.run_until(SOON)

    assert len(world.channels["mail"].posts) == 1
