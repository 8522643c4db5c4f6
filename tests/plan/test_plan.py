"""The planner decides; these tests say what, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from publisher.model import (
    Adopt,
    AnnounceRule,
    Cause,
    Deliver,
    DeliveryState,
    Flip,
    Move,
    Observe,
    Plan,
    PlannedDelivery,
    Post,
    PostState,
    Rebuild,
    Reconcile,
    ReleaseState,
    Settle,
    Sight,
    Verify,
)
from publisher.plan import plan
from tests.factories import (
    HOUR,
    NOW,
    X,
    a_delivery,
    a_key,
    a_policy,
    a_post,
    a_release,
    a_view,
)

DUE = NOW - timedelta(minutes=1)


def sights(actions: tuple[object, ...]) -> list[Sight]:
    return [action.sight for action in actions if isinstance(action, Observe)]


# --- first run -----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [200, 5_000])
def test_first_run_over_old_posts_refuses_and_points_to_adopt(count: int) -> None:
    posts = [a_post(f"old-{n}", state=PostState.PUBLISHED) for n in range(count)]

    result = plan(posts, a_view(adopted_at=None), a_policy(), NOW)

    assert result.actions == ()
    assert len(result.holds) == 1
    assert result.holds[0].cause is Cause.NOT_ADOPTED
    assert result.holds[0].facts == {"count": count, "first": "old-0"}
    assert result.holds[0].needs_person


def test_first_run_refuses_even_a_coming_post_while_old_ones_are_unadopted() -> None:
    posts = [a_post("old", state=PostState.PUBLISHED), a_post("new", release_at=DUE)]

    result = plan(posts, a_view(adopted_at=None), a_policy(), NOW)

    assert result.actions == ()


def test_first_run_on_a_site_without_old_posts_begins_by_itself() -> None:
    result = plan([a_post()], a_view(adopted_at=None), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Adopt]


def test_published_post_never_seen_becomes_baseline_without_announcement() -> None:
    post = a_post(state=PostState.PUBLISHED, release_at=DUE)

    result = plan([post], a_view(), a_policy(), NOW)

    assert sights(result.actions) == [Sight.BASELINE]
    assert len(result.actions) == 1


def test_baseline_post_never_gets_a_delivery() -> None:
    post = a_post(state=PostState.PUBLISHED)
    view = a_view([a_release(post, ReleaseState.BASELINE)])

    result = plan([post], view, a_policy(), NOW + 1000 * HOUR)

    assert result.actions == ()


# --- embargo and release -------------------------------------------------------------------


def test_scheduled_post_is_observed_and_its_instant_wakes_us() -> None:
    post = a_post()

    result = plan([post], a_view(), a_policy(), NOW)

    assert sights(result.actions) == [Sight.NEW]
    assert result.next_at == post.release_at


def test_known_post_waits_under_embargo_until_its_instant() -> None:
    post = a_post()

    result = plan([post], a_view([a_release(post)]), a_policy(), NOW)

    assert result.actions == ()
    assert result.holds[0].cause is Cause.NOT_DUE
    assert result.holds[0].until == post.release_at


def test_due_post_is_flipped_with_its_launches() -> None:
    post = a_post(release_at=DUE)

    result = plan([post], a_view([a_release(post)]), a_policy("x", "mail"), NOW)

    assert result.actions == (
        Flip(
            post=post.id,
            at=DUE,
            deliveries=(
                PlannedDelivery(key=a_key(channel="x"), at=DUE),
                PlannedDelivery(key=a_key(channel="mail"), at=DUE),
            ),
            why="due",
        ),
    )


def test_a_post_is_flipped_exactly_at_its_instant_and_not_a_moment_before() -> None:
    post = a_post(release_at=NOW)
    view = a_view([a_release(post)])

    before = plan([post], view, a_policy(), NOW - timedelta(microseconds=1))
    at = plan([post], view, a_policy(), NOW)

    assert before.actions == ()
    assert [type(action) for action in at.actions] == [Flip]


def test_draft_is_never_released() -> None:
    post = a_post(state=PostState.DRAFT, release_at=DUE)

    result = plan([post], a_view(), a_policy(), NOW)

    assert result.actions == ()


@pytest.mark.parametrize("adopted_at", [None, NOW - HOUR])
def test_draft_flag_with_a_past_date_never_seen_is_a_draft(adopted_at: datetime | None) -> None:
    post = a_post(release_at=DUE, explicit=False)

    result = plan([post], a_view(adopted_at=adopted_at), a_policy(), NOW)

    assert [type(action) for action in result.actions] == ([] if adopted_at else [Adopt])
    assert not any(hold.needs_person for hold in result.holds)


def test_draft_flag_of_a_baseline_post_asks_nobody() -> None:
    post = a_post(release_at=DUE, explicit=False)
    view = a_view([a_release(post, ReleaseState.BASELINE)])

    result = plan([post], view, a_policy(), NOW)

    assert result.actions == result.holds == ()


def test_draft_flag_seen_before_its_date_is_released() -> None:
    post = a_post(release_at=DUE, explicit=False)

    result = plan([post], a_view([a_release(post)]), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]


def test_old_draft_is_scheduled_by_a_coming_date() -> None:
    post = a_post(release_at=NOW + HOUR, explicit=False)

    result = plan([post], a_view(), a_policy(), NOW)

    assert [a.sight for a in result.actions if isinstance(a, Observe)] == [Sight.NEW]


def test_site_clock_that_is_behind_schedules_no_draft_whose_date_had_passed() -> None:
    post = a_post(release_at=DUE, explicit=False)

    result = plan([post], a_view(), a_policy(), NOW, clock_ahead=HOUR)

    assert result.actions == ()
    assert not result.holds[0].needs_person


def test_explicitly_scheduled_post_due_when_first_seen_is_released() -> None:
    post = a_post(release_at=DUE)

    result = plan([post], a_view(), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]


def test_more_unseen_due_posts_than_the_burst_are_all_held() -> None:
    posts = [a_post(f"p{n}", release_at=DUE) for n in range(6)]

    result = plan(posts, a_view(), a_policy(burst=5), NOW)

    assert sights(result.actions) == [Sight.BASELINE] * 6
    assert len(result.actions) == 6


def test_post_held_by_the_burst_asks_until_it_is_released_by_hand() -> None:
    post = a_post(release_at=DUE)
    record = a_release(post, ReleaseState.BASELINE, reason="one of 6 posts that came due unseen")

    result = plan([post], a_view([record]), a_policy(burst=5), NOW)

    assert result.actions == ()
    assert result.holds[0].cause is Cause.ALREADY_PUBLIC
    assert result.holds[0].reason == record.reason


def test_posts_seen_before_do_not_count_as_a_burst() -> None:
    posts = [a_post(f"p{n}", release_at=DUE) for n in range(9)]

    result = plan(posts, a_view([a_release(p) for p in posts]), a_policy(burst=5), NOW)

    assert [type(action) for action in result.actions] == [Flip] * 9


def test_release_asked_for_by_hand_is_due_ahead_of_its_date() -> None:
    post = a_post()

    result = plan([post], a_view([a_release(post, requested_at=DUE)]), a_policy(), NOW)

    assert isinstance(result.actions[0], Flip)
    assert result.actions[0].at == DUE


def test_post_revealed_by_hand_before_its_date_waits_with_its_announcements() -> None:
    """The page is out; what points at it still goes at the planned instant."""
    post = a_post(state=PostState.PUBLISHED)

    result = plan([post], a_view([a_release(post)]), a_policy(), NOW)

    assert isinstance(result.actions[0], Flip)
    assert result.actions[0].deliveries[0].at == post.release_at


def test_failed_flip_waits_for_its_back_off() -> None:
    post = a_post(release_at=DUE)
    release = a_release(
        post, ReleaseState.REVEALING, retry_at=NOW + HOUR, failures=1, reason="read-only"
    )

    result = plan([post], a_view([release]), a_policy(), NOW)

    assert result.actions == ()
    assert (result.holds[0].cause, result.holds[0].reason) == (Cause.FLIP_FAILED, "read-only")
    assert result.next_at == NOW + HOUR


# --- the site's clock ----------------------------------------------------------------------


SECOND = timedelta(seconds=1)


def flips(result: Plan) -> list[str]:
    return [action.post for action in result.actions if isinstance(action, Flip)]


def plan_ahead(post: Post, ahead: timedelta | None, **record: Any) -> Plan:
    """Plan for one known post while our clock is ahead of the site's."""
    view = a_view([a_release(post, **record)])
    return plan([post], view, a_policy(), NOW, clock_ahead=ahead)


@pytest.mark.parametrize("ahead", [HOUR, 121 * SECOND, timedelta(days=400)])
def test_post_that_is_due_by_our_clock_only_is_held_for_a_person(ahead: timedelta) -> None:
    result = plan_ahead(a_post(release_at=NOW), ahead)

    (hold,) = result.holds
    assert result.actions == ()
    assert hold.needs_person
    assert hold.cause is Cause.CLOCK_AHEAD
    assert (hold.until, result.next_at) == (NOW + ahead, NOW + ahead)


def test_hold_names_the_difference_in_words() -> None:
    minutes = plan_ahead(a_post(release_at=NOW), HOUR).holds[0].reason
    hours = plan_ahead(a_post(release_at=NOW), 5 * HOUR).holds[0].reason
    days = plan_ahead(a_post(release_at=NOW), 100 * HOUR).holds[0].reason

    assert "is 60 minutes ahead" in minutes
    assert "is 5 hours ahead" in hours
    assert "is 4 days ahead" in days


def test_two_minutes_by_the_sites_clock_are_close_enough() -> None:
    microsecond = timedelta(microseconds=1)
    post = a_post(release_at=NOW)

    at = plan_ahead(post, 120 * SECOND)
    before = plan_ahead(post, 120 * SECOND + microsecond)

    assert flips(at) == [post.id]
    assert flips(before) == []


def test_post_that_is_due_by_both_clocks_is_flipped_although_they_differ() -> None:
    result = plan_ahead(a_post(release_at=NOW - HOUR), HOUR)

    assert flips(result) == ["pattern"]


@pytest.mark.parametrize("ahead", [-HOUR, timedelta(0), None])
def test_clock_that_is_behind_right_or_unknown_holds_nothing(ahead: timedelta | None) -> None:
    result = plan_ahead(a_post(release_at=NOW), ahead)

    assert flips(result) == ["pattern"]


def test_only_the_posts_that_are_too_early_are_held() -> None:
    early, late = a_post("early", release_at=DUE), a_post("late", release_at=NOW - 2 * HOUR)
    view = a_view([a_release(early), a_release(late)])

    result = plan([early, late], view, a_policy(), NOW, clock_ahead=HOUR)

    assert flips(result) == ["late"]
    assert [hold.post for hold in result.holds] == ["early"]


def test_release_that_a_person_asked_for_waits_for_no_clock() -> None:
    result = plan_ahead(a_post(), HOUR, requested_at=NOW)

    assert flips(result) == ["pattern"]


def test_post_whose_file_says_published_waits_for_no_clock() -> None:
    result = plan_ahead(a_post(state=PostState.PUBLISHED, release_at=NOW), HOUR)

    assert flips(result) == ["pattern"]


def test_flip_that_was_begun_is_not_finished_too_early() -> None:
    result = plan_ahead(a_post(release_at=NOW), HOUR, state=ReleaseState.REVEALING)

    assert flips(result) == []


@pytest.mark.parametrize("count", [1, 20])
def test_unseen_posts_that_are_early_by_the_sites_clock_are_scheduled(count: int) -> None:
    posts = [a_post(f"post-{n}", release_at=DUE) for n in range(count)]

    result = plan(posts, a_view(), a_policy(), NOW, clock_ahead=HOUR)

    assert sights(result.actions) == [Sight.NEW] * count
    assert flips(result) == []


def test_posts_that_are_early_do_not_make_a_burst_of_the_one_that_is_due() -> None:
    early = [a_post(f"early-{n}", release_at=DUE) for n in range(20)]
    due = a_post("due", release_at=NOW - HOUR)

    result = plan([*early, due], a_view(), a_policy(), NOW, clock_ahead=HOUR)

    assert flips(result) == ["due"]


def test_announcement_of_a_live_page_waits_for_no_clock() -> None:
    post = a_post(state=PostState.PUBLISHED, release_at=DUE)
    release = a_release(post, ReleaseState.LIVE, live_at=DUE, flip_gen=1)

    result = plan([post], a_view([release], [a_delivery()]), a_policy(), NOW, clock_ahead=HOUR)

    assert [type(action) for action in result.actions] == [Deliver]


def test_hold_in_the_ledger_stands_until_the_site_is_asked_again() -> None:
    post = a_post(release_at=NOW)
    view = a_view([a_release(post, retry_at=NOW + HOUR, reason="not due yet", failures=1)])

    unasked = plan([post], view, a_policy(), NOW)
    asked = plan([post], view, a_policy(), NOW, clock_ahead=timedelta(0))

    (hold,) = unasked.holds
    assert unasked.actions == ()
    assert (hold.cause, hold.reason) == (Cause.CLOCK_AHEAD, "not due yet")
    assert (hold.until, hold.needs_person) == (NOW + HOUR, True)
    assert flips(asked) == [post.id]


def test_instant_at_the_end_of_time_is_held_too() -> None:
    end = datetime.max.replace(tzinfo=UTC)
    post = a_post(release_at=end)

    result = plan([post], a_view([a_release(post)]), a_policy(), end, clock_ahead=HOUR)

    assert result.holds[0].until == end


# --- rebuild and verify --------------------------------------------------------------------


def revealing(name: str, flip_gen: int | None, **changes: object) -> tuple[object, object]:
    post = a_post(name, state=PostState.PUBLISHED, release_at=DUE)
    return post, a_release(post, ReleaseState.REVEALING, flip_gen=flip_gen, **changes)


def test_one_rebuild_serves_all_flipped_posts() -> None:
    one, first = revealing("one", 1)
    two, second = revealing("two", 2)

    result = plan([one, two], a_view([first, second], dirty_gen=2), a_policy(), NOW)

    assert result.actions == (Rebuild(posts=("one", "two"), gen=2, why="flipped"),)


def test_rebuild_waits_for_flips_of_the_same_instant() -> None:
    one, first = revealing("one", 1)
    two = a_post("two", release_at=DUE)

    result = plan([one, two], a_view([first, a_release(two)], dirty_gen=1), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]


def test_failed_rebuild_backs_off_and_says_why() -> None:
    post, release = revealing("one", 1)
    view = a_view([release], dirty_gen=1, rebuild_retry_at=NOW + HOUR, rebuild_reason="exit 1")

    result = plan([post], view, a_policy(), NOW)

    assert result.actions == ()
    assert (result.holds[0].cause, result.holds[0].reason) == (Cause.BUILD_FAILED, "exit 1")
    assert result.next_at == NOW + HOUR


@pytest.mark.parametrize(("wait", "until"), [(HOUR, NOW + HOUR), (-HOUR, None)])
@pytest.mark.parametrize(("failures", "needs_person"), [(1, False), (2, True), (12, True)])
def test_page_that_builds_leave_wrong_is_put_to_a_person_also_when_its_next_build_is_due(
    failures: int, needs_person: bool, wait: timedelta, until: datetime | None
) -> None:
    changes = {"failures": failures, "retry_at": NOW + wait, "reason": "no title"}
    post, release = revealing("one", 1, **changes)

    result = plan([post], a_view([release], dirty_gen=1), a_policy(), NOW)

    assert [type(action) for action in result.actions] == ([] if until else [Rebuild])
    if until or needs_person:
        (hold,) = result.holds
        assert (hold.needs_person, hold.until) == (needs_person, until)
    else:
        assert result.holds == ()


def test_failed_rebuild_waits_for_a_person_also_when_the_next_one_is_due() -> None:
    post, release = revealing("one", 1)
    view = a_view([release], dirty_gen=1, rebuild_retry_at=NOW - HOUR, rebuild_reason="exit 1")

    result = plan([post], view, a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Rebuild]
    assert [(hold.post, hold.needs_person) for hold in result.holds] == [("one", True)]


def test_built_post_is_verified() -> None:
    post, release = revealing("one", 1)

    result = plan([post], a_view([release], dirty_gen=1, built_gen=1), a_policy(), NOW)

    assert result.actions == (Verify(post="one", why="rebuilt"),)


def test_flip_undone_by_a_checkout_is_done_again() -> None:
    post = a_post(release_at=DUE)
    release = a_release(post, ReleaseState.REVEALING, flip_gen=1)

    result = plan([post], a_view([release], dirty_gen=1, built_gen=1), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]


# --- edits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"release_at": NOW + 5 * HOUR},
        {"release_at": DUE},
        {"path": "content/blog/moved.md"},
        {"digest": "edited"},
    ],
)
def test_edited_post_is_recorded_before_anything_else(change: dict[str, object]) -> None:
    seen = a_post()
    post = a_post(**change)

    result = plan([post], a_view([a_release(seen)]), a_policy(), NOW)

    assert sights(result.actions) == [Sight.MOVED]
    assert len(result.actions) == 1


def test_live_post_set_back_to_draft_is_withdrawn() -> None:
    post = a_post(state=PostState.DRAFT)

    result = plan([post], a_view([a_release(post, ReleaseState.LIVE)]), a_policy(), NOW)

    assert sights(result.actions) == [Sight.WITHDRAWN]


@pytest.mark.parametrize(
    "state", [ReleaseState.WITHDRAWN, ReleaseState.GONE, ReleaseState.SCHEDULED]
)
def test_site_is_built_again_without_a_post_that_was_out(state: ReleaseState) -> None:
    post = a_post(state=PostState.DRAFT)
    view = a_view([a_release(post, state, flip_gen=2)], dirty_gen=3, built_gen=1)

    result = plan([post], view, a_policy(), NOW)

    why = "withdrawn or rescheduled: pattern"
    assert result.actions == (Rebuild(posts=("pattern",), gen=3, why=why),)


def test_site_that_was_built_without_a_withdrawn_post_is_left_alone() -> None:
    post = a_post(state=PostState.DRAFT)
    release = a_release(post, ReleaseState.WITHDRAWN, flip_gen=2)

    result = plan([post], a_view([release], dirty_gen=2, built_gen=2), a_policy(), NOW)

    assert result.actions == ()


def test_one_rebuild_serves_what_comes_and_what_goes() -> None:
    coming, first = revealing("coming", 1)
    going = a_post("going", state=PostState.DRAFT)
    view = a_view([first, a_release(going, ReleaseState.WITHDRAWN, flip_gen=2)], dirty_gen=2)

    result = plan([coming, going], view, a_policy(), NOW)

    why = "flipped; withdrawn or rescheduled: going"
    assert result.actions == (Rebuild(posts=("coming", "going"), gen=2, why=why),)


def test_failed_rebuild_holds_a_withdrawn_post_and_says_that_it_is_still_there() -> None:
    post = a_post(state=PostState.DRAFT)
    release = a_release(post, ReleaseState.WITHDRAWN, flip_gen=1)
    view = a_view([release], dirty_gen=1, rebuild_retry_at=NOW + HOUR, rebuild_reason="exit 1")

    result = plan([post], view, a_policy(), NOW)

    hold = result.holds[-1]
    assert result.actions == ()
    assert (hold.post, hold.until, hold.needs_person) == ("pattern", NOW + HOUR, True)
    assert (hold.cause, hold.reason) == (Cause.BUILD_FAILED, "exit 1")
    assert hold.facts == {"retry": "pattern"}


def test_withdrawn_post_with_a_coming_date_is_scheduled_again() -> None:
    post = a_post()

    result = plan([post], a_view([a_release(post, ReleaseState.WITHDRAWN)]), a_policy(), NOW)

    assert sights(result.actions) == [Sight.NEW]


def test_draft_flag_on_a_withdrawn_post_does_not_release_it_again() -> None:
    post = a_post(explicit=False, release_at=DUE)

    result = plan([post], a_view([a_release(post, ReleaseState.WITHDRAWN)]), a_policy(), NOW)

    assert result.actions == ()
    assert result.holds[0].cause is Cause.WITHDRAWN


def test_draft_flag_that_comes_back_while_the_site_is_built_calls_the_release_off() -> None:
    post = a_post(explicit=False, release_at=DUE)
    release = a_release(post, ReleaseState.REVEALING, flip_gen=1)

    result = plan([post], a_view([release]), a_policy(), NOW)

    assert sights(result.actions) == [Sight.WITHDRAWN]


def test_coming_date_that_comes_back_while_the_site_is_built_calls_the_release_off() -> None:
    post = a_post(release_at=NOW + HOUR)
    release = a_release(post, ReleaseState.REVEALING, requested_at=DUE, flip_gen=1)

    result = plan([post], a_view([release]), a_policy(), NOW)

    assert sights(result.actions) == [Sight.WITHDRAWN]


def test_old_copy_of_a_file_that_lies_over_the_flip_is_flipped_again() -> None:
    post = a_post(release_at=DUE)
    release = a_release(post, ReleaseState.REVEALING, flip_gen=1)

    result = plan([post], a_view([release]), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]


def test_draft_flag_before_the_flip_is_recorded_is_flipped() -> None:
    post = a_post(explicit=False, release_at=DUE)
    release = a_release(post, ReleaseState.REVEALING)

    result = plan([post], a_view([release]), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]


def test_missing_post_is_gone_only_after_two_scans_a_minute_apart() -> None:
    post = a_post()
    noticed = a_release(post, missing_since=NOW)

    first = plan([], a_view([a_release(post)]), a_policy(), NOW)
    soon = plan([], a_view([noticed]), a_policy(), NOW + timedelta(seconds=59))
    later = plan([], a_view([noticed]), a_policy(), NOW + timedelta(seconds=60))

    assert sights(first.actions) == [Sight.MISSING]
    assert soon.actions == ()
    assert sights(later.actions) == [Sight.GONE]


def test_missing_post_is_not_gone_while_git_changes_files() -> None:
    release = a_release(a_post(), missing_since=NOW)

    result = plan([], a_view([release]), a_policy(), NOW + HOUR, tree_busy=True)

    assert result.actions == ()


def test_unreadable_post_is_neither_gone_nor_released() -> None:
    post = a_post(release_at=DUE)

    result = plan([], a_view([a_release(post)]), a_policy(), NOW, unreadable=frozenset({post.path}))

    assert result.actions == ()
    assert result.holds[0].cause is Cause.UNREADABLE


def test_renamed_live_post_is_held_and_not_announced_again() -> None:
    old = a_post("old", state=PostState.PUBLISHED)
    release = a_release(old, ReleaseState.LIVE, missing_since=NOW - HOUR)
    new = a_post("new", digest=old.digest, state=PostState.SCHEDULED, release_at=DUE)

    result = plan([new], a_view([release]), a_policy(), NOW)

    assert result.actions == ()
    facts = {"old": "old", "path": new.path}
    assert [(hold.cause, hold.facts) for hold in result.holds] == [(Cause.RENAMED, facts)] * 2


def test_post_that_comes_back_is_no_longer_missing() -> None:
    post = a_post()

    result = plan([post], a_view([a_release(post, missing_since=DUE)]), a_policy(), NOW)

    assert sights(result.actions) == [Sight.BACK]


# --- deliveries ----------------------------------------------------------------------------


def live(**changes: object) -> tuple[object, object]:
    post = a_post(state=PostState.PUBLISHED, release_at=DUE, **changes)
    return post, a_release(post, ReleaseState.LIVE)


def test_launch_waits_until_the_page_is_live() -> None:
    post, release = revealing("pattern", 1)
    row = a_delivery(due_at=DUE)

    result = plan([post], a_view([release], [row], dirty_gen=1, built_gen=1), a_policy(), NOW)

    assert not any(isinstance(action, Deliver) for action in result.actions)
    assert result.holds[-1].cause is Cause.PAGE_NOT_PUBLIC


def test_live_post_is_announced() -> None:
    post, release = live()

    result = plan([post], a_view([release], [a_delivery(due_at=DUE)]), a_policy(), NOW)

    assert result.actions == (Deliver(key=a_key(), at=DUE, why="the page is live"),)


def test_announcement_two_hours_after_waits_for_its_instant() -> None:
    post, release = live(announce={X: AnnounceRule(after=2 * HOUR)})
    row = a_delivery(due_at=DUE + 2 * HOUR)

    result = plan([post], a_view([release], [row]), a_policy(), NOW)

    assert result.actions == ()
    assert result.next_at == DUE + 2 * HOUR


def test_waiting_announcement_moves_with_its_post() -> None:
    post, release = live(announce={X: AnnounceRule(at=NOW + 3 * HOUR)})

    result = plan([post], a_view([release], [a_delivery(due_at=DUE)]), a_policy(), NOW)

    assert result.actions == (Move(key=a_key(), at=NOW + 3 * HOUR, why="its post was edited"),)


def test_announcement_switched_off_while_waiting_waits() -> None:
    """It may have been a slip: written back, the announcement goes out."""
    post, release = live(announce_off=True)

    result = plan([post], a_view([release], [a_delivery(due_at=DUE)]), a_policy(), NOW)

    assert result.actions == ()
    assert result.holds[0].cause is Cause.SWITCHED_OFF


def test_late_announcement_is_held_for_a_person() -> None:
    post, release = live()
    row = a_delivery(due_at=DUE)

    at_limit = plan([post], a_view([release], [row]), a_policy(), DUE + 6 * HOUR)
    over = plan([post], a_view([release], [row]), a_policy(), DUE + 6 * HOUR + timedelta(seconds=1))

    assert isinstance(at_limit.actions[0], Deliver)
    assert isinstance(over.actions[0], Settle)
    assert over.actions[0].to is DeliveryState.HELD
    assert over.actions[0].cause is Cause.TOO_LATE


def test_rate_limited_delivery_may_be_a_day_late() -> None:
    post, release = live()
    row = a_delivery(due_at=DUE, attempts=1)

    result = plan([post], a_view([release], [row]), a_policy(), DUE + 20 * HOUR)

    assert isinstance(result.actions[0], Deliver)


def test_late_delivery_that_a_person_retried_is_sent() -> None:
    """`retry` gives the row a new instant; the file's older one must not move it back."""
    post, release = live()
    now = DUE + 48 * HOUR
    row = a_delivery(due_at=now)

    result = plan([post], a_view([release], [row]), a_policy(), now)

    assert isinstance(result.actions[0], Deliver)


def test_removed_channel_holds_its_delivery() -> None:
    post, release = live()

    result = plan([post], a_view([release], [a_delivery(due_at=DUE)]), a_policy("mail"), NOW)

    assert result.actions == ()
    assert result.holds[0].cause is Cause.CHANNEL_REMOVED


def test_channel_that_needs_credentials_holds_its_deliveries_only() -> None:
    post, release = live()
    rows = [a_delivery(due_at=DUE), a_delivery(a_key(channel="mail"), due_at=DUE)]
    view = a_view([release], rows, closed_channels={X: "the token has expired"})

    result = plan([post], view, a_policy("x", "mail"), NOW)

    assert [action.key.channel for action in result.actions] == ["mail"]
    assert result.holds[0].cause is Cause.CHANNEL_CLOSED
    assert result.holds[0].reason == "the token has expired"


@pytest.mark.parametrize("state", [DeliveryState.UNCERTAIN, DeliveryState.SENT])
def test_open_questions_are_reconciled(state: DeliveryState) -> None:
    post, release = live()

    result = plan([post], a_view([release], [a_delivery(state=state)]), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Reconcile]


@pytest.mark.parametrize(
    "state",
    [
        DeliveryState.CLAIMED,
        DeliveryState.SENDING,
        DeliveryState.CONFIRMED,
        DeliveryState.FAILED,
        DeliveryState.HELD,
        DeliveryState.CANCELLED,
        DeliveryState.SKIPPED,
    ],
)
def test_no_other_state_leads_to_a_send(state: DeliveryState) -> None:
    post, release = live()

    result = plan([post], a_view([release], [a_delivery(state=state)]), a_policy(), NOW)

    assert result.actions == ()


def test_announcing_again_works_for_a_baseline_post() -> None:
    post = a_post(state=PostState.PUBLISHED)
    row = a_delivery(a_key(occasion="again-2027-03-09"), due_at=NOW)

    result = plan([post], a_view([a_release(post, ReleaseState.BASELINE)], [row]), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Deliver]


def test_order_of_posts_is_irrelevant() -> None:
    posts = [a_post(f"p{n}", release_at=DUE - n * HOUR) for n in range(4)]
    view = a_view([a_release(post) for post in posts])

    assert plan(posts, view, a_policy(), NOW) == plan(posts[::-1], view, a_policy(), NOW)


def test_post_that_comes_back_keeps_what_a_person_had_planned_meanwhile() -> None:
    """Found by simulation: it was cancelled in the very round that began its release."""
    post = a_post(release_at=DUE)
    row = a_delivery(due_at=DUE, attempts=1)

    result = plan([post], a_view([a_release(post, ReleaseState.GONE)], [row]), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]


def test_held_delivery_is_still_told_while_its_release_begins() -> None:
    post = a_post(release_at=DUE)
    row = a_delivery(state=DeliveryState.HELD, due_at=DUE, cause=Cause.UNKNOWN_OUTCOME)

    result = plan([post], a_view([a_release(post, ReleaseState.GONE)], [row]), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]
    assert [hold.cause for hold in result.holds if hold.needs_person] == [Cause.UNKNOWN_OUTCOME]
