"""The tick, with real files and a real ledger; only the services and the build are scripted."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from publisher.errors import DuplicateContent, NotDelivered
from publisher.model import DeliveryState, Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.site import Look, RebuildResult
from tests.factories import HOUR, NOW, a_key
from tests.worlds import ScriptedChannel, SearchableChannel, World, a_world

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


def test_failed_build_announces_nothing_and_is_tried_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    broken = RebuildResult(ok=False, reason="exit 1", tail="boom", seconds=0.1)
    world.site.builds = [broken, broken]

    world.run_until(SOON + timedelta(seconds=59))
    posts_before = list(world.channels["x"].posts)
    world.run_until(SOON + timedelta(minutes=4))

    assert posts_before == []
    assert world.site.built == 3
    assert len(world.channels["x"].posts) == 1
    assert world.names("rebuild.output") == ["rebuild.output"] * 2


def test_announcements_wait_for_the_live_page(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [Look(ok=False, reason="answered 404")] * 3

    world.run_until(SOON + timedelta(seconds=13))
    posts_before = list(world.channels["x"].posts)
    world.run_until(SOON + timedelta(seconds=15))

    assert posts_before == []
    assert len(world.channels["x"].posts) == 1
    assert world.site.built == 1


def test_page_missing_in_the_output_is_built_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [Look(ok=False, reason="no page", needs_rebuild=True)]

    world.run_until(SOON + timedelta(minutes=2))

    assert world.site.built == 2
    assert len(world.channels["x"].posts) == 1


def test_one_channel_failing_does_not_stop_the_other(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("refused", permanent=True)]

    world.run_until(SOON)

    rows = world.deliveries()
    assert rows["one/x/launch"].state is DeliveryState.FAILED
    assert rows["one/mail/launch"].state is DeliveryState.CONFIRMED


def test_refused_for_now_is_tried_again_after_the_wait(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("429", retry_after=timedelta(minutes=7))]

    world.run_until(SOON + timedelta(minutes=6))
    posts_before = list(world.channels["x"].posts)
    world.run_until(SOON + timedelta(minutes=8))

    assert posts_before == []
    assert len(world.channels["x"].posts) == 1


def test_expired_credentials_close_the_channel_until_a_person_acts(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("401", needs_auth=True)]

    world.run_until(SOON + 2 * HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert row.state is DeliveryState.PLANNED
    assert row.attempts == 1
    assert any(hold.needs_person for hold in world.tick().plan.holds)


def test_lost_answer_without_any_look_up_is_held_and_never_repeated(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].after = [lost()]

    world.run_until(SOON + 30 * HOUR, sweep=HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert row.state is DeliveryState.HELD
    assert f"publisher resolve {LAUNCH_X}" in row.reason
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


def test_date_moved_later_before_its_instant(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.write("one", at=SOON + HOUR)

    world.run_until(SOON + timedelta(minutes=59))
    posts_before = list(world.channels["x"].posts)
    world.run_until(SOON + HOUR)

    assert posts_before == []
    assert len(world.channels["x"].posts) == 1


def test_date_moved_into_the_past_releases_now(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.write("one", at=NOW - HOUR)

    world.tick()

    assert len(world.channels["x"].posts) == 1


def test_date_moved_far_into_the_past_releases_the_page_and_holds_the_announcement(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    path = world.write("one", at=NOW - 7 * HOUR)

    world.tick()

    assert "status: published" in path.read_text()
    assert world.channels["x"].posts == []
    assert world.deliveries()[LAUNCH_X].state is DeliveryState.HELD


def test_deleted_post_is_cancelled_after_a_minute(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON, more="announce: {x: {after: 2h}}\n")
    world.run_until(SOON)
    path.unlink()

    world.run_until(SOON + 3 * HOUR)

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.CANCELLED
    assert world.channels["x"].posts == []


def test_renamed_file_with_its_id_is_the_same_post(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON, more="id: one\n")
    world.run_until(SOON)
    path.rename(path.with_name("better-name.md"))

    world.run_until(SOON + HOUR)

    assert len(world.channels["x"].posts) == 1


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


def test_withdrawn_and_scheduled_again_announces_only_what_was_not_sent(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.write("one", at=SOON, more="announce: {mail: {after: 2h}}\n")
    world.run_until(SOON)
    world.write("one", at=SOON + 5 * HOUR, more="announce: {mail: {after: 2h}}\n")

    world.run_until(SOON + 6 * HOUR)
    early = len(world.channels["mail"].posts)
    world.run_until(SOON + 8 * HOUR)

    assert early == 0
    assert len(world.channels["x"].posts) == 1
    assert len(world.channels["mail"].posts) == 1


def test_first_run_over_an_old_blog_announces_nothing(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    for number in range(200):
        world.write(f"old-{number}", at=NOW - number * HOUR, status="published")

    result = world.tick()

    assert result.performed == ()
    assert "publisher adopt" in result.plan.holds[0].why
    assert world.deliveries() == {}


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


def test_deleted_and_restored_post_goes_on_where_it_was(tmp_path: Path) -> None:
    """Somebody switches branches for some minutes: nothing may be lost by that."""
    world = a_world(tmp_path, NOW, ("x", "mail"))
    path = world.write("one", at=SOON, more="announce: {mail: {after: 2h}}\n")
    world.run_until(SOON)
    text = path.read_text()
    path.unlink()
    world.run_until(SOON + timedelta(minutes=5))
    path.write_text(text)

    world.run_until(SOON + 3 * HOUR)

    assert [len(channel.posts) for channel in world.channels.values()] == [1, 1]


class PreparingChannel(ScriptedChannel):
    """A service that wants an upload first; ``refusals`` are what the upload raises."""

    refusals: tuple[Exception, ...] = ()

    def prepare(self, message: Message, *, key: str) -> str | None:
        if self.refusals:
            error, *rest = self.refusals
            self.refusals = tuple(rest)
            raise error
        return "draft-1"


def a_world_with_upload(tmp_path: Path, *refusals: Exception) -> World:
    channel = PreparingChannel()
    channel.refusals = refusals
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
    assert f"publisher retry {LAUNCH_X}" in row.reason


def test_draft_that_the_service_calls_a_duplicate_waits_for_a_person(tmp_path: Path) -> None:
    world = a_world_with_upload(tmp_path, DuplicateContent("email_duplicate"))

    world.run_until(SOON + HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert (row.state, row.attempts) == (DeliveryState.HELD, 0)
    assert f"publisher resolve {LAUNCH_X}" in row.reason


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


def ask_again(world: World, *, at: datetime, occasion: str = "again-1") -> None:
    with world.engine() as engine:
        key = a_key("one", "x", occasion)
        engine.ledger.add_delivery(key, at=at, text=None, reason="", now=world.clock.now())


def ask_for_release(world: World, name: str) -> None:
    with world.engine() as engine:
        post = next(p for p in engine.library.scan().posts if p.id == name)
        engine.ledger.request_release(
            post.id,
            now=world.clock.now(),
            reason="by hand",
            path=post.path,
            digest=post.digest,
            release_at=post.release_at,
        )


def test_post_published_by_hand_without_a_date_is_announced_once(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON, more=AFTER)
    world.tick()
    world.write("one", at=None, status="published", more=AFTER)

    world.run_until(NOW + 3 * HOUR)

    assert len(world.channels["x"].posts) == 1


def test_post_set_back_to_draft_between_two_ticks_is_not_announced(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON, more=AFTER)
    world.run_until(SOON)
    world.write("one", at=SOON, status="draft", more=AFTER)
    world.clock.advance(2 * HOUR)

    world.tick()

    assert world.channels["x"].posts == []


def test_baseline_post_set_to_draft_is_not_announced_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    (tmp_path / "content").mkdir()
    world.tick()
    world.write("one", at=NOW - HOUR, status="published")
    world.tick()
    ask_again(world, at=NOW + 2 * HOUR)
    world.write("one", at=NOW - HOUR, status="draft")

    world.run_until(NOW + 3 * HOUR)

    assert world.channels["x"].posts == []


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
    ask_for_release(world, "p0")

    world.run_until(NOW + HOUR)

    assert [text for _, text in world.channels["x"].posts] == [
        "Post p0 https://chronicles.example/blog/p0"
    ]


def test_draft_written_after_a_release_by_hand_is_not_overwritten(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.site.builds = [RebuildResult(ok=False, reason="exit 1", tail="", seconds=0.1)] * 2
    ask_for_release(world, "one")
    world.tick()
    path = world.write("one", at=SOON, status="draft")

    world.run_until(NOW + timedelta(minutes=10))

    assert "status: draft" in path.read_text()
    assert world.channels["x"].posts == []


def test_announcing_again_survives_a_switch_of_branches(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON)
    world.run_until(SOON)
    ask_again(world, at=SOON + 3 * HOUR)
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


def test_id_given_to_a_live_post_asks_instead_of_dropping_its_announcement(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON, more=AFTER)
    world.run_until(SOON)
    world.write("one", at=SOON, status="published", more=AFTER + "id: other\n")

    world.run_until(SOON + timedelta(minutes=5))

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.PLANNED
    assert any("write `id: one`" in hold.why for hold in world.tick().plan.holds)


def test_uncertain_delivery_of_a_withdrawn_post_waits_for_a_person(tmp_path: Path) -> None:
    recovery = Recovery(kind=RecoveryKind.KEY)
    channel = ScriptedChannel(recovery=recovery, before=[lost()] * 2)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)
    world.write("one", at=SOON, status="draft")

    world.run_until(SOON + HOUR)

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.HELD


def test_accepted_post_nobody_can_look_for_is_held_in_the_end(tmp_path: Path) -> None:
    channel = SearchableChannel(hidden=10_000)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)

    for _ in range(30):  # each a process of its own, as from cron
        world.clock.advance(HOUR)
        world.tick()

    assert world.deliveries()[LAUNCH_X].state is DeliveryState.HELD
