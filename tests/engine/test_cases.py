"""Every case of the states' table, each under its name: what an edit, a loss or a clock may do.

The rows are those of RELIABILITY 4.5, as the decision records amend them; whole site, real
engine, ledger and files, virtual time. That a second daemon is refused stands with the daemon's
own tests, and that a clock which is ahead is noticed with those of the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from publisher.engine.release import POLL_AFTER_TIMEOUT
from publisher.model import Cause, DeliveryState, Recovery, RecoveryKind, ReleaseState
from publisher.model.errors import NotDelivered
from publisher.plan.backoff import BACKOFF, LONGEST_WAIT
from publisher.site.site import Look, RebuildResult
from tests.factories import HOUR, NOW
from tests.worlds import PreparingChannel, ScriptedChannel, SearchableChannel, World, a_world

MINUTE = timedelta(minutes=1)
SOON = NOW + HOUR
LAUNCH_X = "one/x/launch"
AFTER = "announce: {x: {after: 2h}}\n"
MAIL_AFTER = "announce: {mail: {after: 2h}}\n"
BROKEN = RebuildResult(ok=False, reason="exit 1", tail="boom", seconds=0.1)
NOT_FOUND = Look(ok=False, reason="answered 404")
NO_PAGE = Look(ok=False, reason="no page", needs_rebuild=True)
GOOD = RebuildResult(ok=True, reason="", tail="", seconds=0.1)
KEYED = Recovery(kind=RecoveryKind.KEY, key_life=HOUR)
D = DeliveryState


class KilledError(BaseException):
    """The process ends here, with nothing tidied up."""


def killed() -> None:
    raise KilledError


def lost() -> Exception:
    return TimeoutError("no answer")


def a_live_world(tmp_path: Path, *channels: str, more: str = "") -> World:
    """Give a site whose post "one" was released at ``SOON``."""
    world = a_world(tmp_path, NOW, channels or ("x",))
    world.write("one", at=SOON, more=more)
    world.run_until(SOON)
    return world


def an_adopted_world(tmp_path: Path) -> World:
    world = a_world(tmp_path, NOW)
    (tmp_path / "content").mkdir()
    world.tick()
    return world


def edited(world: World, **facts: object) -> Callable[[], None]:
    """Give an edit of the post "one" that another process notices at once."""

    def edit() -> None:
        world.write("one", **{"at": SOON + 3 * HOUR, **facts})  # type: ignore[arg-type]
        world.notice()

    return edit


def state_of(world: World, key: str = LAUNCH_X) -> DeliveryState:
    return world.deliveries()[key].state


# --- announced again by hand -----------------------------------------------------------------


def test_manual_reannounce_repeated_is_sent_once(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)

    answers = [world.announce_again("one", at=SOON) for _ in range(3)]
    world.run_until(SOON + HOUR)

    assert answers == [True, False, False]
    assert len(world.texts()) == 2


def test_manual_reannounce_repeated_after_it_went_out_is_not_sent_again(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    world.announce_again("one", at=SOON)
    world.run_until(SOON + HOUR)

    is_new = world.announce_again("one", at=SOON + HOUR)
    world.run_until(SOON + 2 * HOUR)

    assert not is_new
    assert len(world.texts()) == 2


def test_manual_reannounce_repeated_with_other_words_keeps_the_first(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    world.announce_again("one", at=SOON + HOUR, text="First words")
    world.announce_again("one", at=SOON + HOUR, text="Second words")

    world.run_until(SOON + HOUR)

    assert world.texts()[1:] == ["First words\n\nhttps://chronicles.example/blog/one"]


def test_manual_reannounce_repeated_while_it_is_sent_is_sent_once(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    world.announce_again("one", at=SOON)
    answers: list[bool] = []
    repeat = lambda: answers.append(world.announce_again("one", at=SOON))  # noqa: E731
    world.channels["x"].while_sending = [repeat]

    world.run_until(SOON + HOUR)

    assert answers == [False]
    assert len(world.texts()) == 2


def test_manual_reannounce_repeated_after_a_lost_answer_is_not_sent_again(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    world.announce_again("one", at=SOON)
    world.channels["x"].after = [lost()]
    world.run_until(SOON + MINUTE)

    is_new = world.announce_again("one", at=SOON + HOUR)
    world.run_until(SOON + 2 * HOUR)

    assert not is_new
    assert state_of(world, "one/x/again-1") is D.HELD
    assert len(world.texts()) == 2


def test_manual_reannounce_under_another_occasion_is_sent_as_well(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    world.announce_again("one", at=SOON, occasion="again-1")
    world.announce_again("one", at=SOON, occasion="again-2")

    world.run_until(SOON + HOUR)

    assert len(world.texts()) == 3


# --- date edited before it is due ------------------------------------------------------------


def test_date_edited_before_due_to_later_waits_for_the_new_instant(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.write("one", at=SOON + HOUR)

    world.run_until(SOON + 59 * MINUTE)
    early = list(world.texts())
    world.run_until(SOON + HOUR)

    assert early == []
    assert len(world.texts()) == 1
    assert world.releases()["one"].schedule_rev == 2


def test_date_edited_before_due_to_earlier_does_not_wait_for_the_old_instant(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON + 5 * HOUR)
    world.tick()
    world.write("one", at=SOON)

    world.run_until(SOON)

    assert len(world.texts()) == 1


@pytest.mark.parametrize("moved", [HOUR, -HOUR / 2], ids=["later", "earlier"])
def test_date_edited_before_due_moves_the_rows_that_wait(tmp_path: Path, moved: timedelta) -> None:
    world = a_live_world(tmp_path, more=AFTER)
    before = world.deliveries()[LAUNCH_X]
    due_at = SOON + 2 * HOUR + moved
    world.write("one", at=SOON + moved, status="published", more=AFTER)

    world.run_until(due_at - MINUTE)
    early = list(world.texts())
    world.run_until(due_at)

    after = world.deliveries()[LAUNCH_X]
    assert early == []
    assert (after.id, after.due_at, after.state) == (before.id, due_at, D.CONFIRMED)
    assert len(world.texts()) == 1


def test_date_edited_twice_before_due_ends_at_the_last_instant(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.write("one", at=SOON + 5 * HOUR)
    world.tick()
    world.write("one", at=SOON)

    world.run_until(SOON + 6 * HOUR)

    assert len(world.texts()) == 1
    assert world.deliveries()[LAUNCH_X].due_at == SOON


# --- date edited after the claim, while sending, after it was sent -----------------------------


def a_world_with_upload(tmp_path: Path, *meanwhile: Callable[[World], object]) -> World:
    """Give a site on which something happens while the announcement is claimed."""
    channel = PreparingChannel()
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    channel.while_preparing = [lambda act=act: act(world) for act in meanwhile]
    return world


@pytest.mark.parametrize("status", ["scheduled", "published"])
def test_date_edited_after_claim_to_later_sends_nothing_until_then(
    tmp_path: Path, status: str
) -> None:
    world = a_world_with_upload(tmp_path, lambda world: edited(world, status=status)())

    world.run_until(SOON + 3 * HOUR - MINUTE)
    early = world.texts(), world.deliveries()[LAUNCH_X].attempts
    world.run_until(SOON + 3 * HOUR)

    assert early == ([], 0)
    assert world.names("delivery.returned") == ["delivery.returned"]
    assert len(world.texts()) == 1


def test_date_edited_after_claim_to_earlier_is_asked_once_more_and_sent(tmp_path: Path) -> None:
    world = a_world_with_upload(
        tmp_path, lambda world: edited(world, at=SOON - HOUR / 2, status="published")()
    )

    world.run_until(SOON + 5 * MINUTE)

    assert world.names("delivery.returned") == ["delivery.returned"]
    assert len(world.texts()) == 1


def test_date_edited_after_claim_and_back_again_is_sent_once(tmp_path: Path) -> None:
    def there_and_back(world: World) -> None:
        edited(world, status="published")()
        edited(world, at=SOON, status="published")()

    world = a_world_with_upload(tmp_path, there_and_back)

    world.run_until(SOON + 5 * MINUTE)

    assert len(world.texts()) == 1


def test_words_edited_after_claim_do_not_hold_the_announcement_back(tmp_path: Path) -> None:
    world = a_world_with_upload(
        tmp_path, lambda world: edited(world, at=SOON, status="published", more="tags: [a]\n")()
    )

    world.run_until(SOON)

    assert len(world.texts()) == 1


def test_date_edited_while_sending_finishes_first_and_never_sends_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].while_sending = [edited(world)]

    world.run_until(SOON)
    state = state_of(world)
    world.run_until(SOON + 4 * HOUR)

    assert state is D.CONFIRMED
    assert world.releases()["one"].state is ReleaseState.LIVE
    assert len(world.texts()) == 1


def test_date_edited_while_sending_that_is_refused_goes_out_on_the_new_date(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].while_sending = [edited(world)]
    world.channels["x"].before = [NotDelivered("429")]

    world.run_until(SOON + 3 * HOUR - MINUTE)
    early = list(world.texts())
    world.run_until(SOON + 4 * HOUR)

    assert early == []
    assert len(world.texts()) == 1


def test_date_edited_while_sending_with_the_answer_lost_asks_a_person(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].while_sending = [edited(world)]
    world.channels["x"].after = [lost()]

    world.run_until(SOON + 4 * HOUR)

    assert state_of(world) is D.HELD
    assert len(world.texts()) == 1


def test_date_edited_while_uncertain_finishes_first(tmp_path: Path) -> None:
    channel = SearchableChannel(after=[lost()], hidden=2)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)
    world.write("one", at=SOON + 3 * HOUR)

    world.run_until(SOON + 10 * MINUTE)
    state = state_of(world)
    world.run_until(SOON + 4 * HOUR)

    assert state is D.CONFIRMED
    assert len(channel.posts) == 1


def test_date_edited_while_uncertain_and_absent_goes_out_on_the_new_date(tmp_path: Path) -> None:
    channel = SearchableChannel(before=[lost()])
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)
    world.write("one", at=SOON + 3 * HOUR)

    world.run_until(SOON + 3 * HOUR - MINUTE)
    early = list(channel.posts)
    world.run_until(SOON + 4 * HOUR)

    assert early == []
    assert len(channel.posts) == 1


def test_date_edited_after_sent_announces_only_where_it_was_not_sent(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, "x", "mail", more=MAIL_AFTER)
    world.write("one", at=SOON + 5 * HOUR, more=MAIL_AFTER)

    world.run_until(SOON + 6 * HOUR)
    early = len(world.texts("mail"))
    world.run_until(SOON + 8 * HOUR)

    assert early == 0
    assert len(world.texts("x")) == 1
    assert len(world.texts("mail")) == 1


# --- date edited into the past ---------------------------------------------------------------


def test_date_edited_into_the_past_releases_and_announces_now(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.write("one", at=NOW - HOUR)

    world.tick()

    assert len(world.texts()) == 1


def test_date_edited_far_into_the_past_releases_the_page_and_holds_the_announcement(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    path = world.write("one", at=NOW - 7 * HOUR)

    world.tick()

    assert "status: published" in path.read_text()
    assert world.texts() == []
    assert state_of(world) is D.HELD


def test_date_edited_into_the_past_of_many_posts_that_waited_releases_all(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    for number in range(8):
        world.write(f"p{number}", at=SOON)
    world.tick()
    for number in range(8):
        world.write(f"p{number}", at=NOW - HOUR)

    world.tick()

    assert len(world.texts()) == 8
    assert world.site.built == 1


def test_date_in_the_past_of_a_post_never_seen_that_says_scheduled_is_released(
    tmp_path: Path,
) -> None:
    """As the decision on posts never seen waiting has it; the table's row says baseline."""
    world = an_adopted_world(tmp_path)
    world.write("one", at=NOW - HOUR)
    world.write("two", at=NOW - 7 * HOUR)

    world.tick()

    assert {key: row.state for key, row in world.deliveries().items()} == {
        "one/x/launch": D.CONFIRMED,
        "two/x/launch": D.HELD,
    }


def test_date_in_the_past_of_a_post_never_seen_that_says_published_is_baseline(
    tmp_path: Path,
) -> None:
    world = an_adopted_world(tmp_path)
    world.write("one", at=NOW - HOUR, status="published")

    world.run_until(NOW + HOUR)

    assert world.releases()["one"].state is ReleaseState.BASELINE
    assert world.deliveries() == {}


# --- first run ---------------------------------------------------------------------------------


def an_old_site(tmp_path: Path, count: int) -> World:
    """Give a site of old posts, every third of which still says scheduled."""
    world = a_world(tmp_path, NOW)
    for number in range(count):
        status = "published" if number % 3 else "scheduled"
        world.write(f"old-{number}", at=NOW - (1 + number) * HOUR, status=status)
    return world


def test_first_run_over_200_old_posts_announces_nothing(tmp_path: Path) -> None:
    world = an_old_site(tmp_path, 200)

    result = world.tick()
    adopted = world.adopt()
    world.run_until(NOW + 3 * HOUR, sweep=HOUR)

    assert result.performed == ()
    assert result.plan.holds[0].cause is Cause.NOT_ADOPTED
    assert adopted == 200
    assert world.deliveries() == {}


def test_first_run_over_5000_old_posts_announces_nothing(tmp_path: Path) -> None:
    world = an_old_site(tmp_path, 5_000)
    with world.engine() as engine:
        refused = engine.tick()

        adopted = world.adopt(engine.library.scan())
        world.clock.advance(HOUR)
        result = engine.tick()

    assert (refused.performed, result.performed) == ((), ())
    assert adopted == 5_000
    assert world.deliveries() == {}
    assert world.texts() == []
    assert world.site.built == 0


def test_first_run_announces_what_comes_after_it(tmp_path: Path) -> None:
    world = an_old_site(tmp_path, 20)
    world.write("one", at=SOON)
    world.adopt()

    world.run_until(SOON)

    assert set(world.deliveries()) == {LAUNCH_X}
    assert len(world.texts()) == 1


def test_burst_of_posts_never_seen_announces_none_and_asks(tmp_path: Path) -> None:
    world = an_adopted_world(tmp_path)
    for number in range(6):
        world.write(f"p{number}", at=NOW - HOUR)

    world.run_until(NOW + 2 * HOUR)

    asked = {hold.post for hold in world.tick().plan.holds if hold.needs_person}
    assert asked == {f"p{number}" for number in range(6)}
    assert world.deliveries() == {}


def test_as_many_posts_never_seen_as_the_burst_allows_are_announced(tmp_path: Path) -> None:
    world = an_adopted_world(tmp_path)
    for number in range(5):
        world.write(f"p{number}", at=NOW - HOUR)

    world.tick()

    assert len(world.texts()) == 5


# --- deleted and renamed -----------------------------------------------------------------------


def test_deleted_post_before_its_release_is_never_released(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON)
    world.tick()
    path.unlink()

    world.run_until(SOON + HOUR)

    assert world.releases()["one"].state is ReleaseState.GONE
    assert world.deliveries() == {}
    assert world.site.built == 0


def test_deleted_post_takes_what_waits_with_it_after_a_minute(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, more=AFTER)
    (tmp_path / "content/blog/one.md").unlink()

    world.tick()
    world.clock.advance(timedelta(seconds=59))
    world.tick()
    soon = state_of(world)
    world.run_until(SOON + 3 * HOUR)

    assert soon is D.PLANNED
    assert state_of(world) is D.CANCELLED
    assert world.texts() == []


def test_deleted_post_waits_while_git_changes_files(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, more=AFTER)
    path = tmp_path / "content/blog/one.md"
    text = path.read_text()
    path.unlink()
    world.is_tree_busy = True

    world.run_until(SOON + HOUR)
    meanwhile = state_of(world)
    path.write_text(text)
    world.is_tree_busy = False
    world.run_until(SOON + 3 * HOUR)

    assert meanwhile is D.PLANNED
    assert len(world.texts()) == 1


def test_deleted_post_during_a_claim_is_not_announced(tmp_path: Path) -> None:
    def delete(world: World) -> None:
        (tmp_path / "content/blog/one.md").unlink()
        world.notice()
        world.clock.advance(MINUTE)
        world.notice()

    world = a_world_with_upload(tmp_path, delete)

    world.run_until(SOON + HOUR)

    assert state_of(world) is D.CANCELLED
    assert world.deliveries()[LAUNCH_X].attempts == 0
    assert world.texts() == []


def test_deleted_post_while_sending_finishes_and_leaves_what_is_there(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON)
    world.channels["x"].while_sending = [path.unlink]

    world.run_until(SOON + HOUR)

    assert world.releases()["one"].state is ReleaseState.GONE
    assert state_of(world) is D.CONFIRMED
    assert len(world.texts()) == 1


def test_deleted_post_with_the_answer_lost_is_still_looked_up(tmp_path: Path) -> None:
    channel = SearchableChannel(after=[lost()], hidden=3)
    world = a_world(tmp_path, NOW, {"x": channel})
    path = world.write("one", at=SOON)
    channel.while_sending = [path.unlink]

    world.run_until(SOON + HOUR)

    assert state_of(world) is D.CONFIRMED
    assert len(channel.posts) == 1


def test_deleted_post_that_never_arrived_is_not_sent_again(tmp_path: Path) -> None:
    channel = SearchableChannel(before=[lost()])
    world = a_world(tmp_path, NOW, {"x": channel})
    path = world.write("one", at=SOON)
    channel.while_sending = [path.unlink]

    world.run_until(SOON + HOUR)

    assert state_of(world) is D.CANCELLED
    assert channel.posts == []


def test_deleted_and_restored_post_goes_on_where_it_was(tmp_path: Path) -> None:
    """Somebody switches branches for some minutes: nothing may be lost by that."""
    world = a_live_world(tmp_path, "x", "mail", more=MAIL_AFTER)
    path = tmp_path / "content/blog/one.md"
    text = path.read_text()
    path.unlink()
    world.run_until(SOON + 5 * MINUTE)
    path.write_text(text)

    world.run_until(SOON + 3 * HOUR)

    assert [len(channel.posts) for channel in world.channels.values()] == [1, 1]


def test_renamed_post_with_its_id_is_the_same_post(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, more="id: one\n")
    path = tmp_path / "content/blog/one.md"
    path.rename(path.with_name("better-name.md"))

    world.run_until(SOON + HOUR)

    assert len(world.texts()) == 1


def test_renamed_post_with_its_id_is_announced_where_it_still_waits(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, more="id: one\nslug: one\n" + AFTER)
    path = tmp_path / "content/blog/one.md"
    path.rename(path.with_name("better-name.md"))

    world.run_until(SOON + 3 * HOUR)

    assert len(world.texts()) == 1


def test_renamed_post_without_id_before_its_release_is_released_once(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON)
    world.tick()
    path.rename(path.with_name("two.md"))

    world.run_until(SOON + HOUR)

    assert set(world.deliveries()) == {"two/x/launch"}
    assert len(world.texts()) == 1


def test_renamed_post_without_id_asks_and_is_not_announced_again(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    path = tmp_path / "content/blog/one.md"
    path.rename(path.with_name("two.md"))

    world.run_until(SOON + HOUR)

    assert [hold.cause for hold in world.holds("two")] == [Cause.RENAMED]
    assert len(world.texts()) == 1


def test_renamed_and_edited_post_without_id_is_not_announced_again(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    (tmp_path / "content/blog/one.md").unlink()
    world.write("two", at=SOON, status="published")

    world.run_until(SOON + HOUR)

    assert world.releases()["two"].state is ReleaseState.BASELINE
    assert len(world.texts()) == 1


def test_renamed_post_during_a_claim_is_announced_once(tmp_path: Path) -> None:
    def rename(world: World) -> None:
        path = tmp_path / "content/blog/one.md"
        path.write_text(path.read_text().replace("title:", "id: one\ntitle:", 1))
        path.rename(path.with_name("better-name.md"))
        world.notice()

    world = a_world_with_upload(tmp_path, rename)

    world.run_until(SOON + HOUR)

    assert len(world.texts()) == 1


def test_id_given_to_a_live_post_asks_instead_of_dropping_its_announcement(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, more=AFTER)
    world.write("one", at=SOON, status="published", more=AFTER + "id: other\n")

    world.run_until(SOON + 5 * MINUTE)

    assert state_of(world) is D.PLANNED
    assert Cause.RENAMED in [hold.cause for hold in world.tick().plan.holds]


# --- withdrawn -------------------------------------------------------------------------------


def test_withdrawn_before_its_release_is_not_released(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    path = world.write("one", at=SOON, status="draft")

    world.run_until(SOON + HOUR)

    assert "status: draft" in path.read_text()
    assert world.deliveries() == {}


def test_withdrawn_while_it_is_revealed_is_not_announced(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.builds = [BROKEN]
    world.run_until(SOON)
    world.write("one", at=SOON, status="draft")

    world.run_until(SOON + HOUR)

    assert world.releases()["one"].state is ReleaseState.WITHDRAWN
    assert state_of(world) is D.CANCELLED
    assert world.texts() == []


def test_withdrawn_between_two_ticks_is_not_announced(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, more=AFTER)
    world.write("one", at=SOON, status="draft", more=AFTER)
    world.clock.advance(2 * HOUR)

    world.tick()

    assert world.texts() == []


def test_withdrawn_during_a_claim_is_not_announced(tmp_path: Path) -> None:
    def withdraw(world: World) -> None:
        world.write("one", at=SOON, status="draft")
        world.notice()  # the edit
        world.notice()  # what it means

    world = a_world_with_upload(tmp_path, withdraw)

    world.run_until(SOON + HOUR)

    assert state_of(world) is D.CANCELLED
    assert world.texts() == []


def test_withdrawn_while_sending_finishes_and_is_not_announced_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].while_sending = [edited(world, at=SOON, status="draft")]
    world.run_until(SOON + HOUR)
    world.write("one", at=SOON + 2 * HOUR)

    world.run_until(SOON + 3 * HOUR)

    assert state_of(world) is D.CONFIRMED
    assert len(world.texts()) == 1


def test_withdrawn_while_uncertain_is_still_looked_up(tmp_path: Path) -> None:
    channel = SearchableChannel(after=[lost()], hidden=3)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)
    world.write("one", at=SOON, status="draft")

    world.run_until(SOON + HOUR)

    assert state_of(world) is D.CONFIRMED


def test_withdrawn_while_uncertain_is_not_repeated_under_its_key(tmp_path: Path) -> None:
    channel = ScriptedChannel(recovery=Recovery(kind=RecoveryKind.KEY), before=[lost()] * 2)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)
    world.write("one", at=SOON, status="draft")

    world.run_until(SOON + HOUR)

    assert state_of(world) is D.HELD
    assert channel.posts == []


def test_withdrawn_baseline_post_is_not_announced_again(tmp_path: Path) -> None:
    world = an_adopted_world(tmp_path)
    world.write("one", at=NOW - HOUR, status="published")
    world.tick()
    world.announce_again("one", at=NOW + 2 * HOUR)
    world.write("one", at=NOW - HOUR, status="draft")

    world.run_until(NOW + 3 * HOUR)

    assert world.texts() == []


def test_page_of_a_withdrawn_post_is_built_away_once(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    world.write("one", at=SOON, status="draft")

    world.run_until(SOON + HOUR)

    assert world.site.built == 2


def test_page_of_a_deleted_post_is_built_away_once(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    (tmp_path / "content" / "blog" / "one.md").unlink()

    world.run_until(SOON + HOUR)

    assert world.releases()["one"].state is ReleaseState.GONE
    assert world.site.built == 2


def test_page_of_a_withdrawn_post_is_built_away_although_the_build_fails_at_first(
    tmp_path: Path,
) -> None:
    world = a_live_world(tmp_path)
    world.site.builds = [BROKEN, BROKEN]
    world.write("one", at=SOON, status="draft")

    holds = world.holds("one")
    world.run_until(SOON + HOUR)

    assert (Cause.BUILD_FAILED, "exit 1") in [(hold.cause, hold.reason) for hold in holds]
    assert world.site.built == 4


def test_page_of_a_withdrawn_post_is_built_away_after_a_crash(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    world.write("one", at=SOON, status="draft")
    world.notice()  # the edit
    world.notice()  # what it means

    world.run_until(SOON + HOUR)

    assert world.releases()["one"].state is ReleaseState.WITHDRAWN
    assert world.site.built == 2


def test_withdrawn_post_that_comes_back_at_once_is_built_once(tmp_path: Path) -> None:
    world = a_live_world(tmp_path)
    world.write("one", at=SOON, status="draft")
    world.notice()  # the edit
    world.notice()  # what it means
    world.write("one", at=SOON, status="published")

    world.run_until(SOON + HOUR)

    assert world.releases()["one"].state is ReleaseState.LIVE
    assert world.site.built == 2
    assert len(world.texts()) == 1


def test_withdrawn_post_returns_on_its_new_date_and_is_not_announced_again(
    tmp_path: Path,
) -> None:
    world = a_live_world(tmp_path)
    world.write("one", at=SOON + 2 * HOUR)
    world.run_until(SOON + HOUR)
    meanwhile = world.releases()["one"].state

    world.run_until(SOON + 3 * HOUR)

    assert meanwhile is ReleaseState.SCHEDULED
    assert world.releases()["one"].state is ReleaseState.LIVE
    assert world.site.built == 3
    assert len(world.texts()) == 1


# --- two daemons ------------------------------------------------------------------------------


@pytest.mark.parametrize("is_first_killed", [False, True])
def test_two_daemons_whose_lock_fails_during_a_claim_announce_once(
    tmp_path: Path, is_first_killed: bool
) -> None:
    channel = PreparingChannel()
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.tick()
    world.clock.advance_to(SOON)

    def second() -> None:
        world.tick(is_locked=False)
        if is_first_killed:
            killed()

    channel.while_preparing = [second]
    with pytest.raises(KilledError) if is_first_killed else nullcontext():
        world.tick(is_locked=False)
    world.run_until(SOON + HOUR)

    assert state_of(world) is D.CONFIRMED
    assert len(channel.posts) == 1


@pytest.mark.parametrize(
    ("channel", "ends"),
    [
        (ScriptedChannel(), D.HELD),
        (SearchableChannel(), D.CONFIRMED),
        (ScriptedChannel(recovery=KEYED), D.CONFIRMED),
    ],
    ids=["cannot be asked", "looked up", "keyed"],
)
def test_two_daemons_whose_lock_fails_while_sending_announce_once(
    tmp_path: Path, channel: ScriptedChannel, ends: DeliveryState
) -> None:
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.tick()
    world.clock.advance_to(SOON)
    channel.posts.clear()
    channel.while_sending = [lambda: world.tick(is_locked=False)]

    world.tick(is_locked=False)
    world.run_until(SOON + HOUR)

    assert state_of(world) is ends
    assert len(channel.posts) == 1


def test_two_daemons_whose_lock_fails_at_once_announce_each_post_once(tmp_path: Path) -> None:
    channel = SearchableChannel()
    world = a_world(tmp_path, NOW, {"x": channel})
    for number in range(6):
        world.write(f"p{number}", at=SOON)
    world.tick()
    world.clock.advance_to(SOON)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(world.tick, is_locked=False) for _ in range(2)]:
            future.result()
    world.run_until(SOON + HOUR)

    assert sorted(channel.posts) == sorted(set(channel.posts))
    assert [row.state for row in world.deliveries().values()] == [D.CONFIRMED] * 6


# --- clock backwards ---------------------------------------------------------------------------


def test_clock_backwards_before_a_reveal_reveals_at_its_instant_once(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.run_until(SOON - MINUTE)
    world.clock.set_ahead(-2 * HOUR)

    world.run_until(SOON - MINUTE)
    early = list(world.texts())
    world.run_until(SOON)

    assert early == []
    assert len(world.texts()) == 1


def test_clock_backwards_after_a_reveal_takes_nothing_back_and_repeats_nothing(
    tmp_path: Path,
) -> None:
    world = a_live_world(tmp_path)
    world.clock.set_ahead(-24 * HOUR)

    world.run_until(SOON + HOUR, sweep=HOUR)

    assert world.releases()["one"].state is ReleaseState.LIVE
    assert world.site.built == 1
    assert len(world.texts()) == 1


def test_clock_backwards_while_revealing_goes_on(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.builds = [BROKEN]
    world.run_until(SOON)
    world.clock.set_ahead(-5 * MINUTE)

    world.run_until(SOON + MINUTE)

    assert world.releases()["one"].state is ReleaseState.LIVE
    assert len(world.texts()) == 1


def test_clock_backwards_before_an_announcement_waits_for_its_instant(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, more=AFTER)
    world.run_until(SOON + HOUR)
    world.clock.set_ahead(-5 * HOUR)

    world.run_until(SOON + 2 * HOUR - MINUTE)
    early = list(world.texts())
    world.run_until(SOON + 2 * HOUR)

    assert early == []
    assert len(world.texts()) == 1


def test_clock_backwards_during_a_claim_waits_for_the_instant_again(tmp_path: Path) -> None:
    world = a_world_with_upload(tmp_path, lambda world: world.clock.set_ahead(-HOUR))
    world.tick()
    world.clock.advance_to(SOON)
    world.tick()

    world.run_until(SOON - MINUTE)
    early = world.texts(), state_of(world)
    world.run_until(SOON + MINUTE)

    assert early == ([], D.PLANNED)
    assert len(world.texts()) == 1


def test_clock_backwards_while_sending_sends_once(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].while_sending = [lambda: world.clock.set_ahead(-3 * HOUR)]

    world.run_until(SOON + HOUR)

    assert state_of(world) is D.CONFIRMED
    assert len(world.texts()) == 1


def test_clock_backwards_keeps_no_lease_of_a_process_that_ended(tmp_path: Path) -> None:
    world = a_world_with_upload(tmp_path, lambda _: killed())
    with pytest.raises(KilledError):
        world.run_until(SOON)
    lease_until = world.deliveries()[LAUNCH_X].lease_until
    world.clock.set_ahead(timedelta(seconds=-1))

    world.run_until(SOON)

    assert lease_until is not None
    assert lease_until > world.clock.now()
    assert len(world.texts()) == 1


def test_clock_backwards_while_uncertain_does_not_lengthen_the_settle_time(
    tmp_path: Path,
) -> None:
    channel = SearchableChannel(before=[lost()])
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON + 5 * MINUTE)
    world.clock.set_ahead(-5 * MINUTE)

    world.run_until(SOON + 2 * MINUTE)

    assert len(channel.posts) == 1


def test_clock_backwards_while_uncertain_does_not_lengthen_the_life_of_a_key(
    tmp_path: Path,
) -> None:
    recovery = Recovery(kind=RecoveryKind.KEY, key_life=10 * MINUTE)
    channel = ScriptedChannel(recovery=recovery, before=[lost()] * 50)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON + MINUTE)
    world.clock.set_ahead(-3 * HOUR)
    left = len(channel.before)

    world.run_until(world.clock.now() + 10 * MINUTE)

    assert state_of(world) is D.HELD
    assert left - len(channel.before) <= 1


# --- clock forward, and corrected --------------------------------------------------------------


def test_clock_forward_while_uncertain_does_not_shorten_the_settle_time(tmp_path: Path) -> None:
    channel = SearchableChannel(after=[lost()], hidden=5)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)
    world.clock.set_ahead(2 * HOUR)

    world.run_until(world.clock.now() + 10 * MINUTE)

    assert state_of(world) is D.CONFIRMED
    assert len(channel.posts) == 1


def test_clock_forward_while_uncertain_repeats_under_no_key_that_may_have_ended(
    tmp_path: Path,
) -> None:
    channel = ScriptedChannel(recovery=KEYED, after=[lost()])
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    channel.while_sending = [lambda: world.clock.set_ahead(2 * HOUR)]

    world.run_until(SOON + 5 * HOUR)

    assert state_of(world) is D.HELD
    assert len(channel.posts) == 1


def test_clock_forward_while_sending_records_what_was_sent(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].while_sending = [lambda: world.clock.set_ahead(400 * 24 * HOUR)]

    world.run_until(SOON)

    assert state_of(world) is D.CONFIRMED
    assert len(world.texts()) == 1


def test_clock_forward_after_the_intent_and_corrected_sends_once(tmp_path: Path) -> None:
    channel = SearchableChannel(after=[lost()], hidden=3)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    channel.while_sending = [lambda: world.clock.set_ahead(5 * HOUR)]
    world.run_until(SOON)
    world.clock.set_ahead(-5 * HOUR)

    world.run_until(SOON + HOUR)

    assert state_of(world) is D.CONFIRMED
    assert len(channel.posts) == 1


def test_clock_forward_then_corrected_does_not_hold_the_rebuild_for_the_error(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.builds = [BROKEN] * 2
    world.run_until(SOON)
    world.clock.set_ahead(365 * 24 * HOUR)
    world.tick()
    world.clock.set_ahead(-365 * 24 * HOUR)

    world.run_until(SOON + LONGEST_WAIT)

    assert world.releases()["one"].state is ReleaseState.LIVE


def test_clock_forward_then_corrected_does_not_hold_the_look_at_the_page_for_the_error(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [NOT_FOUND] * 2
    world.run_until(SOON)
    world.clock.set_ahead(365 * 24 * HOUR)
    world.tick()
    world.clock.set_ahead(-365 * 24 * HOUR)

    world.run_until(SOON + LONGEST_WAIT)

    assert world.releases()["one"].state is ReleaseState.LIVE


def test_clock_forward_then_corrected_does_not_hold_a_flip_for_the_error(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON)
    obstacle = path.with_name(".publisher-obstacle.tmp")  # a flip clears such leftovers away
    obstacle.mkdir()
    world.run_until(SOON)
    world.clock.set_ahead(365 * 24 * HOUR)
    world.tick()
    obstacle.rmdir()
    world.clock.set_ahead(-365 * 24 * HOUR)

    world.run_until(SOON + LONGEST_WAIT)

    assert "status: published" in path.read_text()


def test_no_wait_of_ours_is_longer_than_the_planner_believes() -> None:
    assert max(*BACKOFF, POLL_AFTER_TIMEOUT) <= LONGEST_WAIT


def test_clock_forward_then_corrected_delays_a_refused_announcement_by_max_late_at_most(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("429")]
    world.run_until(SOON - MINUTE)
    world.clock.set_ahead(6 * HOUR)
    world.tick()
    world.clock.set_ahead(-6 * HOUR)

    world.run_until(SOON + 6 * HOUR + 2 * MINUTE)

    assert len(world.texts()) == 1


def test_clock_forward_then_corrected_waits_for_an_instant_the_author_chose(
    tmp_path: Path,
) -> None:
    more = "announce: {x: {at: 2027-06-01T09:00:00+02:00}}\n"
    world = a_live_world(tmp_path, more=more)
    world.clock.set_ahead(30 * 24 * HOUR)
    world.tick()
    world.clock.set_ahead(-30 * 24 * HOUR)

    world.tick()

    assert state_of(world) is D.PLANNED
    assert world.texts() == []


# --- the rebuild, and the live page -------------------------------------------------------------


def test_rebuild_fails_and_is_tried_after_1_2_5_and_10_minutes(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.builds = [BROKEN] * 5
    begun: list[datetime] = []
    world.tick()

    with world.engine(
        on_event=lambda event: (
            begun.append(world.clock.now()) if event.name == "rebuild.started" else None
        )
    ) as engine:
        while (next_at := engine.tick().plan.next_at) is not None:
            world.clock.advance_to(next_at)

    assert [int((at - SOON) / MINUTE) for at in begun] == [0, 1, 3, 8, 18, 28]
    assert state_of(world) is D.CONFIRMED


def test_rebuild_fails_and_nothing_is_announced_meanwhile(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.builds = [BROKEN, BROKEN]

    world.run_until(SOON + timedelta(seconds=59))
    meanwhile = world.texts(), state_of(world), world.releases()["one"].state
    asks = [hold.needs_person for hold in world.holds("one") if hold.channel is None]
    world.run_until(SOON + 4 * MINUTE)

    assert meanwhile == ([], D.PLANNED, ReleaseState.REVEALING)
    assert asks == [True]
    assert world.site.built == 3
    assert len(world.texts()) == 1
    assert world.names("rebuild.output") == ["rebuild.output"] * 2


def test_rebuild_fails_for_longer_than_max_late_and_the_announcement_asks(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.builds = [BROKEN] * 40

    world.run_until(SOON + 7 * HOUR)

    assert world.releases()["one"].state is ReleaseState.LIVE
    assert state_of(world) is D.HELD
    assert world.texts() == []


def test_rebuild_fails_and_holds_back_no_announcement_of_another_post(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, more=AFTER)
    world.write("two", at=SOON + HOUR)
    world.site.builds = [BROKEN] * 100

    world.run_until(SOON + 2 * HOUR)

    assert state_of(world) is D.CONFIRMED
    assert state_of(world, "two/x/launch") is D.PLANNED


def test_built_but_not_live_announces_nothing(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [NOT_FOUND] * 3

    world.run_until(SOON + timedelta(seconds=13))
    early = list(world.texts())
    world.run_until(SOON + timedelta(seconds=15))

    assert early == []
    assert len(world.texts()) == 1
    assert world.site.built == 1


def test_built_but_not_live_for_a_quarter_of_an_hour_asks_a_person(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [NOT_FOUND] * 1_000
    world.run_until(SOON + 10 * MINUTE)
    early = [hold.needs_person for hold in world.holds("one") if hold.channel is None]

    world.run_until(SOON + 20 * MINUTE)

    late = [hold.needs_person for hold in world.holds("one") if hold.channel is None]
    assert (early, late) == ([False], [True])
    assert state_of(world) is D.PLANNED


def test_built_but_not_live_for_hours_is_announced_once_it_is_live(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [NOT_FOUND] * 1_000
    world.run_until(SOON + 3 * HOUR)
    world.site.looks = []

    world.run_until(SOON + 3 * HOUR + 5 * MINUTE)

    assert len(world.texts()) == 1


def test_built_without_the_page_is_built_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [Look(ok=False, reason="no page", needs_rebuild=True)]

    world.run_until(SOON + 2 * MINUTE)

    assert world.site.built == 2
    assert len(world.texts()) == 1


def test_built_without_the_page_for_good_is_built_less_and_less(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [NO_PAGE] * 1_000

    built = []
    for hours in (1, 7, 31):
        world.run_until(SOON + hours * HOUR)
        built.append(world.site.built)

    assert built == [9, 15, 19]
    assert [hold.needs_person for hold in world.holds("one") if hold.channel is None] == [True]


def test_built_without_the_page_an_edit_is_built_at_once(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [NO_PAGE] * 20
    world.run_until(SOON + 24 * HOUR)
    before = world.site.built
    world.site.looks, world.site.has_edits = [], True

    world.run_until(world.clock.now() + MINUTE)

    assert world.site.built == before + 1
    assert world.releases()["one"].state is ReleaseState.LIVE


def test_a_build_that_fails_is_not_hurried_by_edits(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks, world.site.builds = [NO_PAGE], [GOOD, BROKEN, BROKEN, BROKEN]
    world.run_until(SOON + MINUTE)
    world.site.has_edits = True

    world.run_until(SOON + MINUTE + timedelta(seconds=50), sweep=timedelta(seconds=5))

    assert world.site.built == 2


def test_another_fault_of_the_page_is_another_matter(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [NOT_FOUND] * 40 + [NO_PAGE]

    world.run_until(SOON + 2 * HOUR)

    assert world.releases()["one"].state is ReleaseState.LIVE


def test_looks_at_the_live_page_do_not_count_as_builds_that_left_it_wrong(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.site.looks = [NOT_FOUND] * 16 + [NO_PAGE] * 3

    world.run_until(SOON + HOUR)

    assert world.releases()["one"].state is ReleaseState.LIVE


def test_the_build_for_another_post_is_looked_at_for_one_that_waits_for_its_own(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.write("two", at=SOON + 90 * MINUTE)
    world.site.looks = [NO_PAGE] * 9
    world.run_until(SOON + 80 * MINUTE)
    before = world.site.built

    world.run_until(SOON + 91 * MINUTE)

    assert world.site.built == before + 1
    assert {world.releases()[post].state for post in ("one", "two")} == {ReleaseState.LIVE}


# --- channels that fail --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "ends"),
    [(NotDelivered("refused", permanent=True), D.FAILED), (lost(), D.HELD)],
    ids=["refused", "answer lost"],
)
def test_some_channels_fail_and_the_others_do_not_notice(
    tmp_path: Path, error: Exception, ends: DeliveryState
) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.write("one", at=SOON)
    world.channels["x"].before = [error]

    world.run_until(SOON)

    assert state_of(world) is ends
    assert state_of(world, "one/mail/launch") is D.CONFIRMED


def test_rate_limit_of_minutes_is_waited_for(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("429", retry_after=7 * MINUTE)]

    world.run_until(SOON + 6 * MINUTE)
    early = list(world.texts())
    world.run_until(SOON + 8 * MINUTE)

    assert early == []
    assert len(world.texts()) == 1


def test_rate_limit_until_tomorrow_is_waited_for_and_asked_once(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("429", retry_after=20 * HOUR)]

    world.run_until(SOON + 19 * HOUR, sweep=HOUR)
    early = world.deliveries()[LAUNCH_X]
    world.run_until(SOON + 21 * HOUR, sweep=HOUR)

    assert (early.state, early.attempts) == (D.PLANNED, 1)
    assert early.not_before >= SOON + 20 * HOUR
    assert len(world.texts()) == 1


def test_rate_limit_past_stale_after_asks_a_person(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("429", retry_after=30 * HOUR)]

    world.run_until(SOON + 40 * HOUR, sweep=HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert (row.state, row.attempts) == (D.HELD, 1)
    assert row.cause is Cause.TOO_LATE


# --- credentials ---------------------------------------------------------------------------------


def test_token_expired_closes_the_channel_until_a_person_acts(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("401", needs_auth=True)]

    world.run_until(SOON + 2 * HOUR)

    row = world.deliveries()[LAUNCH_X]
    assert (row.state, row.attempts) == (D.PLANNED, 1)
    assert any(hold.needs_person for hold in world.tick().plan.holds)


@pytest.mark.parametrize("kind", [ScriptedChannel, PreparingChannel])
def test_token_expired_mid_run_stops_the_next_delivery_of_the_same_tick(
    tmp_path: Path, kind: type[ScriptedChannel]
) -> None:
    world = a_world(tmp_path, NOW, {"x": kind(before=[NotDelivered("401", needs_auth=True)])})
    world.write("one", at=SOON)
    world.write("two", at=SOON)

    world.run_until(SOON + HOUR)

    rows = world.deliveries().values()
    assert sorted((row.state, row.attempts) for row in rows) == [(D.PLANNED, 0), (D.PLANNED, 1)]
    assert world.texts() == []


def test_token_expired_while_preparing_stops_the_next_delivery_of_the_same_tick(
    tmp_path: Path,
) -> None:
    channel = PreparingChannel(refusals=[NotDelivered("401", needs_auth=True)])
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.write("two", at=SOON)

    world.run_until(SOON + HOUR)

    assert [(row.state, row.attempts) for row in world.deliveries().values()] == [
        (D.PLANNED, 0),
        (D.PLANNED, 0),
    ]
    assert world.texts() == []


def test_token_expired_mid_run_and_renewed_sends_each_once(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    for name in ("one", "two", "three"):
        world.write(name, at=SOON)
    world.channels["x"].before = [NotDelivered("401", needs_auth=True)]
    world.run_until(SOON + 2 * HOUR)
    world.open_channel("x")

    world.run_until(SOON + 3 * HOUR)

    assert sorted(text.split()[1] for text in world.texts()) == ["one", "three", "two"]
    assert {row.state for row in world.deliveries().values()} == {D.CONFIRMED}


def test_token_renewed_too_late_asks_about_each_delivery(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.write("two", at=SOON)
    world.channels["x"].before = [NotDelivered("401", needs_auth=True)]
    world.run_until(SOON + 30 * HOUR, sweep=HOUR)
    world.open_channel("x")

    world.run_until(SOON + 31 * HOUR, sweep=HOUR)

    assert {row.state for row in world.deliveries().values()} == {D.HELD}
    assert world.texts() == []


def test_token_renewed_and_refused_again_closes_the_channel_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("401", needs_auth=True)] * 2
    world.run_until(SOON + HOUR)
    world.open_channel("x")
    world.run_until(SOON + 2 * HOUR)

    meanwhile = world.deliveries()[LAUNCH_X].attempts
    world.open_channel("x")
    world.run_until(SOON + 3 * HOUR)

    assert meanwhile == 2
    assert len(world.texts()) == 1


def test_token_expired_on_one_channel_leaves_the_other_open(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.write("one", at=SOON)
    world.channels["x"].before = [NotDelivered("401", needs_auth=True)]

    world.run_until(SOON)

    assert (len(world.texts("x")), len(world.texts("mail"))) == (0, 1)


def test_token_expired_while_one_is_uncertain_looks_it_up_after_the_renewal(
    tmp_path: Path,
) -> None:
    channel = SearchableChannel(after=[lost()], hidden=1)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)
    world.run_until(SOON)
    world.write("two", at=SOON + MINUTE)
    channel.hidden = 1_000
    channel.before = [NotDelivered("401", needs_auth=True)]
    world.run_until(SOON + HOUR)
    meanwhile = state_of(world)
    channel.hidden = 0
    world.open_channel("x")

    world.run_until(SOON + 2 * HOUR)

    assert meanwhile is D.UNCERTAIN
    assert {row.state for row in world.deliveries().values()} == {D.CONFIRMED}
    assert len(channel.posts) == 2


def test_token_expired_at_a_repeat_does_not_forget_what_may_be_out(tmp_path: Path) -> None:
    channel = ScriptedChannel(recovery=KEYED, before=[lost(), NotDelivered("401", needs_auth=True)])
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=SOON)

    world.run_until(SOON + 10 * MINUTE)
    meanwhile = state_of(world)
    world.open_channel("x")
    world.run_until(SOON + 20 * MINUTE)

    assert meanwhile is D.UNCERTAIN
    assert state_of(world) is D.CONFIRMED
    assert len(channel.posts) == 1


# --- channels that come and go in jobs.yaml ------------------------------------------------------


def test_channel_added_before_a_release_announces_it(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=SOON)
    world.tick()
    world.channels["mail"] = ScriptedChannel()

    world.run_until(SOON)

    assert (len(world.texts("x")), len(world.texts("mail"))) == (1, 1)


def test_channel_added_while_deliveries_wait_announces_only_what_comes(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, more=AFTER)
    world.write("two", at=SOON + HOUR)
    world.channels["mail"] = ScriptedChannel()

    world.run_until(SOON + 3 * HOUR)

    assert set(world.deliveries()) == {LAUNCH_X, "two/x/launch", "two/mail/launch"}
    assert {row.state for row in world.deliveries().values()} == {D.CONFIRMED}


def test_channel_removed_before_a_release_leaves_no_row(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.write("one", at=SOON)
    world.tick()
    del world.channels["mail"]

    world.run_until(SOON)

    assert set(world.deliveries()) == {LAUNCH_X}


def removed(world: World, *, until: datetime) -> ScriptedChannel:
    """Take the channel x out of `jobs.yaml` and let time pass."""
    channel = world.channels.pop("x")
    world.run_until(until)
    return channel


def test_channel_removed_while_planned_asks_and_sends_once_it_is_back(tmp_path: Path) -> None:
    world = a_live_world(tmp_path, "x", "mail", more=AFTER)
    channel = removed(world, until=SOON + 3 * HOUR)
    meanwhile = state_of(world)
    asks = [hold.cause for hold in world.holds("one") if hold.needs_person]
    world.channels["x"] = channel

    world.run_until(SOON + 3 * HOUR + MINUTE)

    assert meanwhile is D.PLANNED
    assert asks == [Cause.CHANNEL_REMOVED]
    assert len(channel.posts) == 1


def test_channel_removed_while_planned_and_back_too_late_asks_about_the_delay(
    tmp_path: Path,
) -> None:
    world = a_live_world(tmp_path, "x", "mail", more=AFTER)
    channel = removed(world, until=SOON + 9 * HOUR)
    world.channels["x"] = channel

    world.run_until(SOON + 10 * HOUR)

    assert state_of(world) is D.HELD
    assert channel.posts == []


def test_channel_removed_while_claimed_gives_the_claim_back_and_asks(tmp_path: Path) -> None:
    world = a_world_with_upload(tmp_path, lambda _: killed())
    world.channels["mail"] = ScriptedChannel()
    with pytest.raises(KilledError):
        world.run_until(SOON)
    claimed = state_of(world)
    channel = removed(world, until=SOON + HOUR)
    meanwhile = state_of(world)
    world.channels["x"] = channel

    world.run_until(SOON + 2 * HOUR)

    assert (claimed, meanwhile) == (D.CLAIMED, D.PLANNED)
    assert len(channel.posts) == 1


@pytest.mark.parametrize("has_arrived", [True, False])
def test_channel_removed_while_sending_is_settled_once_it_is_back(
    tmp_path: Path, has_arrived: bool
) -> None:
    channel = SearchableChannel()
    world = a_world(tmp_path, NOW, {"x": channel, "mail": ScriptedChannel()})
    world.write("one", at=SOON)
    dead: list[BaseException] = [KilledError()]
    (channel.after if has_arrived else channel.before)[:] = dead  # type: ignore[assignment]
    with pytest.raises(KilledError):
        world.run_until(SOON)
    sending = state_of(world)
    removed(world, until=SOON + HOUR)
    meanwhile = state_of(world)
    asks = [hold.cause for hold in world.holds("one") if hold.needs_person]
    world.channels["x"] = channel

    world.run_until(SOON + 2 * HOUR)

    assert (sending, meanwhile) == (D.SENDING, D.UNCERTAIN)
    assert asks == [Cause.CHANNEL_REMOVED]
    assert state_of(world) is D.CONFIRMED
    assert len(channel.posts) == 1


def test_channel_removed_while_uncertain_is_looked_up_once_it_is_back(tmp_path: Path) -> None:
    channel = SearchableChannel(after=[lost()], hidden=1)
    world = a_world(tmp_path, NOW, {"x": channel, "mail": ScriptedChannel()})
    world.write("one", at=SOON)
    world.run_until(SOON)
    removed(world, until=SOON + HOUR)
    meanwhile = state_of(world)
    world.channels["x"] = channel

    world.run_until(SOON + 2 * HOUR)

    assert meanwhile is D.UNCERTAIN
    assert state_of(world) is D.CONFIRMED
    assert len(channel.posts) == 1


def test_channel_removed_while_held_stays_held_until_a_person_decides(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW, ("x", "mail"))
    world.write("one", at=SOON)
    world.channels["x"].after = [lost()]
    world.run_until(SOON)
    channel = removed(world, until=SOON + HOUR)
    world.channels["x"] = channel

    world.run_until(SOON + 2 * HOUR)

    assert state_of(world) is D.HELD
    assert len(channel.posts) == 1


def test_channel_removed_after_it_accepted_is_read_back_once_it_is_back(tmp_path: Path) -> None:
    channel = SearchableChannel(hidden=1)
    world = a_world(tmp_path, NOW, {"x": channel, "mail": ScriptedChannel()})
    world.write("one", at=SOON)
    world.run_until(SOON)
    sent = state_of(world)
    removed(world, until=SOON + HOUR)
    meanwhile = state_of(world)
    world.channels["x"] = channel

    world.run_until(SOON + 2 * HOUR)

    assert (sent, meanwhile) == (D.SENT, D.SENT)
    assert state_of(world) is D.CONFIRMED


def test_release_asked_for_while_the_clock_was_ahead_can_be_asked_for_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, NOW)
    world.write("one", at=NOW + 48 * HOUR)
    world.tick()
    world.clock.set_ahead(365 * 24 * HOUR)
    world.request_release("one")
    world.clock.set_ahead(-365 * 24 * HOUR)

    world.request_release("one")
    world.run_until(NOW + HOUR)

    assert len(world.texts()) == 1


def test_accepted_post_is_not_given_up_because_the_clock_was_set_ahead(tmp_path: Path) -> None:
    channel = SearchableChannel(hidden=2)
    world = a_world(tmp_path, NOW, {"x": channel})
    world.write("one", at=NOW + HOUR)
    world.run_until(NOW + HOUR)
    world.clock.set_ahead(48 * HOUR)

    world.run_until(world.clock.now() + timedelta(minutes=10))

    assert world.deliveries()["one/x/launch"].state is DeliveryState.CONFIRMED
