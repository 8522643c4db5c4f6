"""The calendar is the plan, run forward."""

from __future__ import annotations

from datetime import timedelta

from publisher.model import (
    AnnounceRule,
    Cause,
    ChannelName,
    Deliver,
    DeliveryState,
    Flip,
    PostState,
    ReleaseState,
)
from publisher.plan.calendar import Calendar, preview
from tests.factories import HOUR, NOW, X, a_delivery, a_policy, a_post, a_release, a_view


def lines(calendar: Calendar) -> list[tuple[timedelta, str, str]]:
    """Write each happening as (time from NOW, post, what)."""
    return [
        (
            happening.at - NOW,
            happening.post,
            "release" if isinstance(happening.action, Flip) else happening.action.key.channel,
        )
        for happening in calendar.happenings
    ]


def test_calendar_lists_release_and_announcements_in_order() -> None:
    first = a_post("one", release_at=NOW + HOUR, announce={X: AnnounceRule(after=3 * HOUR)})
    second = a_post("two", release_at=NOW + 2 * HOUR)

    calendar = preview([second, first], a_view(), a_policy("x", "mail"), NOW)

    assert lines(calendar) == [
        (HOUR, "one", "release"),
        (HOUR, "one", "mail"),
        (2 * HOUR, "two", "release"),
        (2 * HOUR, "two", "mail"),
        (2 * HOUR, "two", "x"),
        (4 * HOUR, "one", "x"),
    ]


def test_window_ends_at_until_inclusive() -> None:
    posts = [a_post("one", release_at=NOW + HOUR), a_post("two", release_at=NOW + 2 * HOUR)]

    calendar = preview(posts, a_view(), a_policy(), NOW, until=NOW + HOUR)

    assert [line[1] for line in lines(calendar)] == ["one", "one"]


def test_unadopted_ledger_is_shown_as_after_adopt() -> None:
    posts = [a_post("old", state=PostState.PUBLISHED), a_post("new")]

    calendar = preview(posts, a_view(adopted_at=None), a_policy(), NOW)

    assert calendar.needs_adoption
    assert [line[1] for line in lines(calendar)] == ["new", "new"]


def test_what_was_sent_does_not_come_again() -> None:
    post = a_post(state=PostState.PUBLISHED, release_at=NOW - HOUR)
    row = a_delivery(state=DeliveryState.CONFIRMED)

    calendar = preview([post], a_view([a_release(post, ReleaseState.LIVE)], [row]), a_policy(), NOW)

    assert lines(calendar) == []


def test_rescheduled_post_announces_only_what_was_not_sent() -> None:
    post = a_post(release_at=NOW + HOUR)
    view = a_view(
        [a_release(post, ReleaseState.WITHDRAWN)], [a_delivery(state=DeliveryState.CONFIRMED)]
    )

    calendar = preview([post], view, a_policy("x", "mail"), NOW)

    assert lines(calendar) == [(HOUR, "pattern", "release"), (HOUR, "pattern", "mail")]


def test_drafts_and_held_deliveries_do_not_happen() -> None:
    post = a_post(state=PostState.PUBLISHED, release_at=NOW - HOUR)
    held = a_delivery(state=DeliveryState.HELD, cause=Cause.TOO_LATE)
    view = a_view([a_release(post, ReleaseState.LIVE)], [held])

    calendar = preview([post, a_post("draft", state=PostState.DRAFT)], view, a_policy(), NOW)

    assert lines(calendar) == []
    assert [hold.cause for hold in calendar.holds] == [Cause.DRAFT, Cause.TOO_LATE]


def test_long_calendar_costs_what_happens_in_it() -> None:
    """Squared work over 2,000 posts would plan four million posts and not come back."""
    posts = [a_post(f"p{n}", release_at=NOW + n * HOUR) for n in range(1, 2_001)]

    calendar = preview(posts, a_view(), a_policy(), NOW)

    assert len(calendar.happenings) == 4_000


def test_announcement_is_never_before_its_release() -> None:
    rule = AnnounceRule(at=NOW)
    post = a_post(release_at=NOW + HOUR, announce={X: rule, ChannelName("mail"): rule})

    calendar = preview([post], a_view(), a_policy("x", "mail"), NOW)

    deliveries = [h for h in calendar.happenings if isinstance(h.action, Deliver)]
    assert [h.at for h in deliveries] == [NOW + HOUR, NOW + HOUR]
