"""Posts that say published, and whose generator would wait for their date."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from publisher.model import Cause, Flip, Observe, Post, PostState, ReleaseState, Sight
from publisher.plan import plan
from publisher.plan.calendar import preview
from publisher.plan.effective import effective
from publisher.plan.restored import reconcile
from tests.factories import HOUR, NOW, a_key, a_policy, a_post, a_release, a_view

DUE = NOW - timedelta(minutes=1)


def a_withheld_post(**changes: Any) -> Post:
    facts = {"state": PostState.PUBLISHED, "explicit": False, "withheld_until": NOW + HOUR}
    return a_post(**{**facts, **changes})


def test_withheld_post_is_scheduled_and_no_baseline() -> None:
    result = plan([a_withheld_post()], a_view(), a_policy(), NOW)

    (action,) = result.actions
    assert isinstance(action, Observe)
    assert (action.sight, result.next_at) == (Sight.NEW, NOW + HOUR)


def test_withheld_post_needs_no_adoption() -> None:
    result = plan([a_withheld_post()], a_view(adopted_at=None), a_policy(), NOW)

    assert Cause.NOT_ADOPTED not in [hold.cause for hold in result.holds]


def test_withheld_post_is_released_on_its_date() -> None:
    post = a_withheld_post(release_at=DUE, withheld_until=DUE)

    result = plan([post], a_view([a_release(post)]), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]


def test_withheld_post_waits_for_the_clock_of_the_site() -> None:
    post = a_withheld_post(release_at=DUE, withheld_until=DUE)

    result = plan([post], a_view([a_release(post)]), a_policy(), NOW, clock_ahead=HOUR)

    assert result.actions == ()
    assert result.holds[0].cause is Cause.CLOCK_AHEAD


def test_calendar_has_a_withheld_post() -> None:
    posts = effective([a_withheld_post()], a_view(), NOW)

    found = preview(posts, a_view(), a_policy(), NOW)

    assert {happening.at for happening in found.happenings} == {NOW + HOUR}


@pytest.mark.parametrize(
    "state", [ReleaseState.BASELINE, ReleaseState.REVEALING, ReleaseState.LIVE]
)
def test_what_is_public_or_becomes_so_is_not_withheld(state: ReleaseState) -> None:
    post = a_withheld_post()

    found = effective([post], a_view([a_release(post, state)]), NOW)

    assert found == (post,)


def test_old_date_withholds_nothing() -> None:
    post = a_withheld_post(withheld_until=DUE)

    assert effective([post], a_view(), NOW) == (post,)


def test_withheld_post_without_a_release_date_comes_out_on_the_date_that_withholds_it() -> None:
    (post,) = effective([a_withheld_post(release_at=None)], a_view(), NOW)

    assert (post.state, post.release_at) == (PostState.SCHEDULED, NOW + HOUR)


def test_what_was_released_is_not_taken_for_edited() -> None:
    post = a_withheld_post(release_at=None)
    release = a_release(replace(post, release_at=NOW + HOUR), ReleaseState.LIVE)

    (found,) = effective([post], a_view([release]), NOW)

    assert (found.state, found.release_at) == (PostState.PUBLISHED, NOW + HOUR)


def test_draft_that_is_released_by_hand_is_not_dated_by_its_other_date() -> None:
    post = a_withheld_post(release_at=None)
    release = a_release(post, ReleaseState.REVEALING, requested_at=DUE, flip_gen=1)

    assert effective([post], a_view([release]), NOW) == (post,)


def test_published_by_hand_ahead_of_its_release_date_goes_out() -> None:
    post = a_withheld_post(withheld_until=DUE)  # of `date`; `reveal` is to come

    result = plan([post], a_view([a_release(post)]), a_policy(), NOW)

    assert [type(action) for action in result.actions] == [Flip]


def test_clock_that_is_ahead_takes_no_withheld_post_for_public() -> None:
    post = a_withheld_post(release_at=DUE, withheld_until=DUE)

    result = plan([post], a_view(), a_policy(), NOW, clock_ahead=HOUR)

    assert [a.sight for a in result.actions if isinstance(a, Observe)] == [Sight.NEW]


def test_public_post_whose_address_changes_is_not_withheld_again() -> None:
    post = a_withheld_post()
    release = a_release(post, ReleaseState.WITHDRAWN, cause=Cause.READDRESSED)

    assert effective([post], a_view([release]), NOW) == (post,)


def test_restored_ledger_holds_what_its_file_cannot_tell_to_be_out() -> None:
    (post,) = effective([a_withheld_post()], a_view([a_release(a_withheld_post())]), NOW)

    found = reconcile([post], a_view([a_release(post)]), a_policy(), NOW, since=NOW - HOUR)

    assert found.held == (a_key(),)
