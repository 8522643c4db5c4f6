"""The rules of releases and deliveries, over a real SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from publisher.ledger import Event, Ledger
from publisher.model import (
    Cause,
    ChannelName,
    DeliveryRecord,
    DeliveryState,
    LedgerView,
    Outcome,
    PostId,
    PostState,
    Receipt,
    ReleaseRecord,
    ReleaseState,
    RescheduleRequest,
    Sight,
    WithdrawRequest,
)
from publisher.model.errors import LedgerError, StaleError
from tests.ledger.ledger_factories import (
    NOW,
    POST,
    SOON,
    X,
    a_begun_ledger,
    a_flip,
    a_key,
    a_ledger,
    a_sight,
    begin,
    claim,
    claimed,
    intend,
    outcomes,
    planned,
    read,
    reveal,
    sending,
    sent,
    uncertain,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with a_begun_ledger(tmp_path) as opened:
        yield opened


def a_release(ledger: Ledger) -> ReleaseRecord:
    return ledger.view().releases[POST]


def states(events: list[Event]) -> list[tuple[str, str | None, str | None]]:
    return [(event.kind, event.from_state, event.to_state) for event in events]


# --- observing -------------------------------------------------------------------------------


def test_a_new_ledger_knows_nothing(ledger: Ledger) -> None:
    assert ledger.view() == LedgerView()


def test_a_new_post_is_scheduled(ledger: Ledger) -> None:
    ledger.observe(a_sight(Sight.NEW, release_at=LATER, why="scheduled"), now=NOW)

    assert a_release(ledger) == ReleaseRecord(
        post=POST,
        path="blog/pattern.md",
        digest="d1",
        state=ReleaseState.SCHEDULED,
        release_at=LATER,
        first_seen_at=NOW,
        reason="scheduled",
    )


@pytest.mark.parametrize("sight", list(Sight))
def test_seeing_the_same_twice_changes_nothing(ledger: Ledger, sight: Sight) -> None:
    ledger.observe(a_sight(Sight.NEW), now=NOW)
    ledger.observe(a_sight(sight, digest="d9"), now=NOW)
    before = ledger.view(), ledger.events(limit=100)

    ledger.observe(a_sight(sight, digest="d9"), now=LATER)

    assert (ledger.view(), ledger.events(limit=100)) == before


def test_another_date_raises_the_schedule_revision_and_drops_a_request(ledger: Ledger) -> None:
    ledger.observe(a_sight(Sight.NEW, release_at=LATER), now=NOW)
    ask(ledger)

    ledger.observe(a_sight(Sight.MOVED, release_at=LATER + timedelta(hours=1)), now=NOW)

    release = a_release(ledger)
    assert (release.schedule_rev, release.requested_at) == (2, None)
    assert release.release_at == LATER + timedelta(hours=1)


def test_another_text_keeps_the_schedule_revision_and_the_request(ledger: Ledger) -> None:
    ledger.observe(a_sight(Sight.NEW), now=NOW)
    ask(ledger)

    ledger.observe(a_sight(Sight.MOVED, digest="d2", path="blog/new.md"), now=NOW)

    release = a_release(ledger)
    assert (release.schedule_rev, release.requested_at) == (1, NOW)
    assert (release.digest, release.path) == ("d2", "blog/new.md")


def test_a_missing_file_is_noted_until_it_is_back(ledger: Ledger) -> None:
    ledger.observe(a_sight(Sight.NEW), now=NOW)

    ledger.observe(a_sight(Sight.MISSING), now=SOON)
    missing_since = a_release(ledger).missing_since
    ledger.observe(a_sight(Sight.BACK), now=LATER)

    assert (missing_since, a_release(ledger).missing_since) == (SOON, None)


def test_seeing_more_of_an_unknown_post_is_stale(ledger: Ledger) -> None:
    with pytest.raises(StaleError):
        ledger.observe(a_sight(Sight.GONE), now=NOW)


def test_a_deleted_post_cancels_what_waits(ledger: Ledger) -> None:
    claimed(ledger, a_key(), a_key("linkedin"))

    ledger.observe(a_sight(Sight.GONE, why="blog/pattern.md was deleted"), now=NOW)

    assert a_release(ledger).state is ReleaseState.GONE
    assert [
        (record.state, record.reason, record.owner) for record in ledger.view().deliveries.values()
    ] == [(DeliveryState.CANCELLED, "deleted: blog/pattern.md was deleted", None)] * 2


def test_a_deleted_post_forgets_that_it_was_asked_for(ledger: Ledger) -> None:
    ledger.observe(a_sight(Sight.NEW, release_at=LATER), now=NOW)
    ask(ledger)

    ledger.observe(a_sight(Sight.GONE), now=NOW)

    assert a_release(ledger).requested_at is None


def test_a_withdrawn_post_cancels_what_waits_and_forgets_its_steps(ledger: Ledger) -> None:
    planned(ledger)

    ledger.observe(a_sight(Sight.WITHDRAWN, why="its file says draft again"), now=NOW)

    release = a_release(ledger)
    assert release.state is ReleaseState.WITHDRAWN
    assert (release.verified_gen, release.live_at) == (None, None)
    assert read(ledger).reason == "withdrawn: its file says draft again"


@pytest.mark.parametrize("sight", [Sight.WITHDRAWN, Sight.GONE])
def test_a_page_that_may_be_out_is_to_be_built_away(ledger: Ledger, sight: Sight) -> None:
    planned(ledger)
    before = ledger.view().dirty_gen

    ledger.observe(a_sight(sight), now=NOW)
    ledger.observe(a_sight(sight), now=SOON)

    assert ledger.view().dirty_gen == before + 1
    assert a_release(ledger).flip_gen == before + 1


@pytest.mark.parametrize("sight", [Sight.WITHDRAWN, Sight.GONE])
def test_what_was_never_out_needs_no_build_to_go(ledger: Ledger, sight: Sight) -> None:
    ledger.observe(a_sight(Sight.NEW), now=NOW)

    ledger.observe(a_sight(sight), now=NOW)

    assert (ledger.view().dirty_gen, a_release(ledger).flip_gen) == (0, None)


@pytest.mark.parametrize("sight", [Sight.BASELINE, Sight.NEW])
def test_a_post_at_rest_stays_as_it_is_and_the_site_is_built_again(
    ledger: Ledger, sight: Sight
) -> None:
    ledger.observe(a_sight(sight), now=NOW)
    before = a_release(ledger).state

    ledger.build_again(POST, cause=Cause.WITHDRAWN, reason="by hand", now=NOW)

    release = a_release(ledger)
    assert release.state is before
    assert (release.flip_gen, ledger.view().dirty_gen) == (1, 1)
    assert ledger.events(limit=1)[0].reason == "by hand"


def test_a_live_post_is_not_built_again_by_command_alone(ledger: Ledger) -> None:
    planned(ledger)
    before = ledger.view()

    with pytest.raises(StaleError):
        ledger.build_again(POST, cause=Cause.WITHDRAWN, reason="by hand", now=NOW)

    assert ledger.view() == before


@pytest.mark.parametrize("sight", [Sight.WITHDRAWN, Sight.GONE])
def test_a_look_that_ends_after_its_post_went_wants_no_other_build(
    ledger: Ledger, sight: Sight
) -> None:
    begin(ledger)
    ledger.record_flip(POST, digest="d", now=NOW)
    ledger.observe(a_sight(sight), now=NOW)

    with pytest.raises(StaleError):
        ledger.fail_step(
            POST, cause=Cause.PAGE_WRONG, reason="no text", retry_at=SOON, now=NOW, rebuild=True
        )


def test_a_withdrawal_leaves_what_is_on_its_way(ledger: Ledger) -> None:
    record = sending(ledger)

    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)

    assert read(ledger) == record


def test_a_withdrawal_beats_a_claim(ledger: Ledger) -> None:
    record = claimed(ledger)
    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)

    with pytest.raises(StaleError):
        intend(ledger, record)


# --- adopting --------------------------------------------------------------------------------


def test_adopting_counts_what_became_baseline(ledger: Ledger) -> None:
    ledger.observe(a_sight(Sight.NEW, post=PostId("due")), now=NOW)
    begin(ledger, a_flip(post="begun"))

    count = ledger.adopt(
        [
            a_sight(Sight.BASELINE, post=PostId("old")),
            a_sight(Sight.BASELINE, post=PostId("old")),
            a_sight(Sight.BASELINE, post=PostId("due")),
            a_sight(Sight.BASELINE, post=PostId("begun")),
            a_sight(Sight.NEW, post=PostId("coming")),
        ],
        now=SOON,
    )

    assert count == 2
    assert {post: str(record.state) for post, record in ledger.view().releases.items()} == {
        "old": "baseline",
        "due": "baseline",
        "begun": "revealing",
        "coming": "scheduled",
    }


def test_only_the_first_adoption_is_dated(ledger: Ledger) -> None:
    ledger.adopt([], now=NOW)

    ledger.adopt([a_sight(Sight.BASELINE)], now=LATER)

    assert ledger.view().adopted_at == NOW


# --- releasing -------------------------------------------------------------------------------


def test_a_release_begins_with_its_deliveries(ledger: Ledger) -> None:
    begin(ledger, a_flip(a_key(), a_key("linkedin"), at=SOON))

    assert a_release(ledger).state is ReleaseState.REVEALING
    assert [
        (record.key.channel, record.state, record.due_at, record.not_before)
        for record in ledger.view().deliveries.values()
    ] == [("x", "planned", SOON, SOON), ("linkedin", "planned", SOON, SOON)]


def test_beginning_twice_is_beginning_once(ledger: Ledger) -> None:
    begin(ledger)
    before = ledger.view(), ledger.events(limit=100)

    begin(ledger, a_flip(at=LATER), now=LATER)

    assert (ledger.view(), ledger.events(limit=100)) == before


def test_what_a_withdrawal_cancelled_is_planned_again(ledger: Ledger) -> None:
    planned(ledger)
    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)

    begin(ledger, a_flip(at=LATER))

    record = read(ledger)
    assert (record.state, record.due_at, record.not_before) == ("planned", LATER, LATER)


def test_what_a_person_cancelled_stays_cancelled(ledger: Ledger) -> None:
    record = planned(ledger)
    ledger.settle(record, DeliveryState.CANCELLED, reason="not this one", now=NOW)
    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)

    begin(ledger)

    assert read(ledger).state is DeliveryState.CANCELLED


def test_what_may_have_gone_out_is_not_planned_again(ledger: Ledger) -> None:
    record = ledger.settle(uncertain(ledger), DeliveryState.HELD, reason="look", now=NOW)
    ledger.settle(record, DeliveryState.CANCELLED, reason="withdrawn by hand", now=NOW)
    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)

    begin(ledger)

    assert read(ledger).state is DeliveryState.CANCELLED


def test_what_was_found_is_not_planned_again_whatever_was_said_of_it(ledger: Ledger) -> None:
    record = ledger.record_found(uncertain(ledger), Receipt(remote_id="7"), now=NOW)
    record = ledger.settle(record, DeliveryState.HELD, reason="look", now=NOW)
    ledger.settle(record, DeliveryState.CANCELLED, reason="withdrawn by hand", now=NOW)
    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)

    begin(ledger)

    assert read(ledger).state is DeliveryState.CANCELLED


def test_what_was_sent_stays_sent_when_released_again(ledger: Ledger) -> None:
    record = sent(ledger)
    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)

    begin(ledger)

    assert read(ledger) == record


def test_a_live_post_cannot_begin(ledger: Ledger) -> None:
    planned(ledger)

    with pytest.raises(StaleError, match="live already"):
        begin(ledger)


def test_each_flip_is_a_generation_that_a_rebuild_covers(ledger: Ledger) -> None:
    begin(ledger, a_flip(post="one"))
    begin(ledger, a_flip(post="two"))

    first = ledger.record_flip(PostId("one"), digest="d", now=NOW)
    second = ledger.record_flip(PostId("two"), digest="d", now=NOW)
    rebuild(ledger, gen=first)

    view = ledger.view()
    assert (first, second, view.dirty_gen, view.built_gen) == (1, 2, 2, 1)


def test_an_older_rebuild_does_not_take_back_a_newer_one(ledger: Ledger) -> None:
    begin(ledger)
    ledger.record_flip(POST, digest="d", now=NOW)
    ledger.record_flip(POST, digest="d", now=NOW)
    rebuild(ledger, gen=2)

    rebuild(ledger, gen=1)

    assert ledger.view().built_gen == 2


def test_failed_rebuilds_are_counted_until_one_succeeds(ledger: Ledger) -> None:
    begin(ledger)
    gen = ledger.record_flip(POST, digest="d", now=NOW)

    for _ in range(2):
        ledger.record_rebuild(
            gen=gen, started_at=NOW, ok=False, reason="npm: 1", retry_at=SOON, now=NOW
        )
    failed = ledger.view()
    rebuild(ledger, gen=gen)

    assert (failed.rebuild_failures, failed.rebuild_retry_at) == (2, SOON)
    assert (failed.rebuild_reason, failed.built_gen) == ("npm: 1", 0)
    view = ledger.view()
    assert (view.rebuild_failures, view.rebuild_retry_at, view.rebuild_reason) == (0, None, "")


def test_a_post_is_live_once_a_build_of_its_flip_was_verified(ledger: Ledger) -> None:
    begin(ledger)
    ledger.fail_step(POST, cause=Cause.NOT_LIVE, reason="not there yet", retry_at=SOON, now=NOW)

    reveal(ledger, now=SOON)

    release = a_release(ledger)
    assert (release.state, release.live_at, release.verified_gen) == ("live", SOON, 1)
    assert (release.failures, release.retry_at, release.reason) == (0, None, "")


def test_a_post_is_not_live_before_its_flip(ledger: Ledger) -> None:
    begin(ledger)

    with pytest.raises(StaleError):
        ledger.record_verified(POST, gen=0, now=NOW)


def test_a_post_is_not_live_by_a_build_before_its_flip(ledger: Ledger) -> None:
    begin(ledger)
    gen = ledger.record_flip(POST, digest="d", now=NOW)

    with pytest.raises(StaleError):
        ledger.record_verified(POST, gen=gen, now=NOW)

    assert "verified" not in [event.kind for event in ledger.events(limit=100)]


def test_a_withdrawn_post_cannot_be_flipped(ledger: Ledger) -> None:
    begin(ledger)
    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)

    with pytest.raises(StaleError):
        ledger.record_flip(POST, digest="d", now=NOW)


def test_failures_of_a_step_add_up(ledger: Ledger) -> None:
    begin(ledger)

    ledger.fail_step(POST, cause=Cause.NOT_LIVE, reason="git", retry_at=SOON, now=NOW)
    ledger.fail_step(POST, cause=Cause.NOT_LIVE, reason="git again", retry_at=LATER, now=NOW)

    release = a_release(ledger)
    assert (release.failures, release.retry_at, release.reason) == (2, LATER, "git again")


def test_a_build_that_is_no_good_is_followed_by_another(ledger: Ledger) -> None:
    begin(ledger)
    rebuild(ledger, gen=ledger.record_flip(POST, digest="d", now=NOW))

    ledger.fail_step(
        POST, cause=Cause.PAGE_WRONG, reason="text is missing", retry_at=SOON, now=NOW, rebuild=True
    )

    assert (a_release(ledger).flip_gen, ledger.view().dirty_gen) == (2, 2)
    with pytest.raises(StaleError):
        ledger.record_verified(POST, gen=2, now=NOW)


def test_what_was_never_flipped_needs_no_other_build(ledger: Ledger) -> None:
    begin(ledger)

    with pytest.raises(StaleError):
        ledger.fail_step(
            POST, cause=Cause.PAGE_WRONG, reason="x", retry_at=SOON, now=NOW, rebuild=True
        )


@pytest.mark.parametrize("sight", [Sight.BASELINE, Sight.WITHDRAWN, Sight.GONE])
def test_a_person_may_ask_for_any_post_that_is_not_under_way(ledger: Ledger, sight: Sight) -> None:
    ledger.observe(a_sight(Sight.NEW), now=NOW)
    ledger.observe(a_sight(sight), now=NOW)

    ask(ledger)

    release = a_release(ledger)
    assert (release.state, release.requested_at, release.due_at) == ("scheduled", NOW, NOW)


def test_a_person_may_ask_for_a_post_never_seen(ledger: Ledger) -> None:
    ask(ledger)

    assert a_release(ledger).requested_at == NOW
    assert ledger.events(limit=1)[0].reason == "now"


def test_asking_twice_is_asking_once(ledger: Ledger) -> None:
    ask(ledger)
    before = ledger.view(), ledger.events(limit=100)

    ask(ledger)

    assert (ledger.view(), ledger.events(limit=100)) == before


def test_asking_for_a_live_post_is_refused(ledger: Ledger) -> None:
    planned(ledger)

    with pytest.raises(LedgerError, match="is live already"):
        ask(ledger)


# --- what a command asks for -----------------------------------------------------------------


def a_withdrawal(to: PostState = PostState.DRAFT) -> WithdrawRequest:
    return WithdrawRequest(post=POST, to=to, reason="it names a client", asked_at=NOW)


def a_move(at: datetime = LATER) -> RescheduleRequest:
    return RescheduleRequest(post=POST, from_at=SOON, to_at=at, asked_at=NOW)


def test_a_request_is_open_until_it_is_dropped(ledger: Ledger) -> None:
    ledger.request([a_withdrawal()], now=NOW)
    known = ledger.view().requests

    ledger.drop_requests([POST])

    assert known == (a_withdrawal(),)
    assert ledger.view().requests == ()


def test_the_latest_request_for_a_post_counts(ledger: Ledger) -> None:
    ledger.request([a_move()], now=NOW)
    ledger.request([a_move(LATER + timedelta(days=1))], now=NOW)
    moved = ledger.view().requests
    ledger.request([a_withdrawal()], now=NOW)
    withdrawn = ledger.view().requests

    ask(ledger)

    assert moved == (a_move(LATER + timedelta(days=1)),)
    assert withdrawn == (a_withdrawal(),)
    assert ledger.view().requests == ()


def test_requests_of_one_command_are_recorded_together_or_not_at_all(ledger: Ledger) -> None:
    broken = replace(a_move(), post=PostId("other"), to_at=None)  # type: ignore[arg-type]

    with pytest.raises(LedgerError, match="refuses this"):
        ledger.request([a_move(), broken], now=NOW)

    assert ledger.view().requests == ()


def test_nothing_planned_before_is_sent_of_a_post_that_is_to_be_withdrawn(ledger: Ledger) -> None:
    record = claimed(ledger)

    ledger.request([a_withdrawal()], now=NOW)

    assert_closed(ledger, record, schedule_rev=1)


# --- waiting deliveries ----------------------------------------------------------------------


def test_announcing_again_takes_an_occasion_of_its_own(ledger: Ledger) -> None:
    sent(ledger)

    assert again(ledger) is True
    assert again(ledger) is False
    assert read(ledger, a_key(occasion="again")).text == "Once more"


def test_announcing_again_needs_a_known_post(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="is not in the ledger"):
        again(ledger)


def test_a_moved_delivery_has_another_instant_and_fence(ledger: Ledger) -> None:
    record = planned(ledger)

    moved = ledger.move(record, at=LATER, reason="edited", now=NOW)

    assert (moved.due_at, moved.not_before, moved.fence) == (LATER, LATER, record.fence + 1)
    assert moved == read(ledger)
    assert ledger.events(limit=1)[0].kind == "moved"


def test_a_record_can_be_used_once(ledger: Ledger) -> None:
    record = planned(ledger)
    ledger.move(record, at=NOW, reason="edited", now=NOW)

    with pytest.raises(StaleError):
        claim(ledger, record)


def test_only_a_planned_delivery_is_claimed(ledger: Ledger) -> None:
    with pytest.raises(StaleError, match="planned"):
        claim(ledger, sent(ledger))


def test_one_of_two_ledgers_on_a_file_wins_a_claim(tmp_path: Path, ledger: Ledger) -> None:
    record = planned(ledger)

    with a_ledger(tmp_path) as other:
        won = claim(other, read(other), owner="other")
        with pytest.raises(StaleError):
            claim(ledger, record, owner="daemon")

    assert read(ledger) == won


def test_a_claim_is_given_back_without_its_owner(ledger: Ledger) -> None:
    record = ledger.release_claim(claimed(ledger), reason="429", not_before=LATER, now=NOW)

    assert (record.state, record.owner, record.lease_until) == ("planned", None, None)
    assert (record.due_at, record.not_before, record.reason) == (NOW, LATER, "429")


def test_a_claim_is_not_given_back_after_an_intent(ledger: Ledger) -> None:
    record = claimed(ledger)
    intend(ledger, record)

    with pytest.raises(StaleError):
        ledger.release_claim(record, reason="", not_before=None, now=NOW)


def test_a_draft_outlives_the_claim(ledger: Ledger) -> None:
    record = ledger.keep_draft(claimed(ledger), "media-7", now=NOW)

    ledger.release_claim(record, reason="", not_before=None, now=NOW)

    assert read(ledger).draft == "media-7"


@pytest.mark.parametrize("to", [DeliveryState.HELD, DeliveryState.SKIPPED, DeliveryState.CANCELLED])
def test_a_settled_delivery_can_be_planned_again(ledger: Ledger, to: DeliveryState) -> None:
    record = ledger.settle(planned(ledger), to, reason="late", now=NOW)
    if to is DeliveryState.SKIPPED:
        assert record.reason == "late"

    again = ledger.settle(record, DeliveryState.PLANNED, reason="retry", now=NOW, due_at=LATER)

    assert (again.state, again.due_at, again.not_before) == ("planned", LATER, LATER)


def test_what_is_on_its_way_cannot_be_settled(ledger: Ledger) -> None:
    record = sending(ledger)

    with pytest.raises(LedgerError, match="cannot become cancelled"):
        ledger.settle(record, DeliveryState.CANCELLED, reason="stop", now=NOW)


def test_a_person_says_that_it_went_out(ledger: Ledger) -> None:
    record = ledger.settle(uncertain(ledger), DeliveryState.HELD, reason="look", now=NOW)

    record = ledger.settle(
        record, DeliveryState.SENT, reason="seen", now=NOW, remote_url="https://x.test/1"
    )

    assert (record.state, record.evidence, record.remote_url) == (
        "sent",
        "human",
        "https://x.test/1",
    )
    assert outcomes(ledger, record) == ["found"]


def test_a_person_says_that_it_did_not_go_out(ledger: Ledger) -> None:
    record = ledger.settle(uncertain(ledger), DeliveryState.HELD, reason="look", now=NOW)

    record = ledger.settle(record, DeliveryState.PLANNED, reason="not there", now=NOW)

    assert outcomes(ledger, record) == ["absent"]


def test_what_cannot_be_read_back_is_held_with_its_id(ledger: Ledger) -> None:
    record = ledger.settle(sent(ledger), DeliveryState.HELD, reason="not seen", now=NOW)

    again = ledger.settle(record, DeliveryState.SENT, reason="it is there", now=NOW)

    assert (record.state, again.remote_id, again.evidence) == ("held", "42", "human")


def test_a_person_cannot_name_the_id_of_another_delivery(ledger: Ledger) -> None:
    sent(ledger, a_key(), remote_id="42")
    again(ledger)
    record = ledger.settle(
        read(ledger, a_key(occasion="again")), DeliveryState.HELD, reason="look", now=NOW
    )

    with pytest.raises(LedgerError, match="pattern/x/launch has that id"):
        ledger.settle(record, DeliveryState.SENT, reason="seen", now=NOW, remote_id="42")


def test_a_dropped_delivery_that_may_be_out_is_not_planned_again(ledger: Ledger) -> None:
    record = ledger.settle(uncertain(ledger), DeliveryState.HELD, reason="look", now=NOW)
    record = ledger.settle(record, DeliveryState.CANCELLED, reason="never mind", now=NOW)

    with pytest.raises(LedgerError, match="may have gone out"):
        ledger.settle(record, DeliveryState.PLANNED, reason="retry", now=NOW)


# --- the gate --------------------------------------------------------------------------------


def test_an_intent_is_an_open_attempt(ledger: Ledger) -> None:
    record = sending(ledger)

    (attempt,) = ledger.attempts(record)
    assert (attempt.n, attempt.outcome, attempt.payload) == (1, None, "Read it")
    assert (attempt.fence, attempt.intent_at, attempt.deadline_at) == (record.fence, NOW, SOON)
    assert (record.state, record.attempts, record.first_attempt_at) == ("sending", 1, NOW)


def test_the_gate_closes_while_the_page_is_not_live(ledger: Ledger) -> None:
    begin(ledger)

    assert_closed(ledger, claim(ledger, read(ledger)))


def test_the_gate_closes_when_the_date_moved_to_later(ledger: Ledger) -> None:
    record = claimed(ledger)
    ledger.observe(a_sight(Sight.MOVED, release_at=LATER), now=NOW)

    assert_closed(ledger, record, schedule_rev=2)

    assert read(ledger).not_before == LATER


def test_the_gate_closes_when_the_date_was_edited(ledger: Ledger) -> None:
    record = claimed(ledger)
    earlier = NOW - timedelta(hours=1)
    ledger.observe(a_sight(Sight.MOVED, release_at=earlier), now=NOW)

    assert_closed(ledger, record, schedule_rev=1)


def test_the_gate_closes_before_the_delivery_may_go_out(ledger: Ledger) -> None:
    record = planned(ledger)
    record = claim(ledger, ledger.move(record, at=LATER, reason="edited", now=NOW))

    assert_closed(ledger, record)


def test_the_gate_closes_with_the_channel(ledger: Ledger) -> None:
    record = claimed(ledger)
    ledger.close_channel(X, "sign in again", now=NOW)

    assert_closed(ledger, record)


def test_the_gate_opens_early_for_a_release_asked_for(ledger: Ledger) -> None:
    ledger.observe(a_sight(Sight.NEW, release_at=LATER), now=NOW)
    ask(ledger)
    begin(ledger)
    reveal(ledger)

    assert intend(ledger, claim(ledger, read(ledger))).state is DeliveryState.SENDING


def test_a_baseline_post_can_be_announced_again(ledger: Ledger) -> None:
    ledger.adopt([a_sight(Sight.BASELINE)], now=NOW)
    again(ledger)

    record = claim(ledger, read(ledger, a_key(occasion="again")))

    assert intend(ledger, record).state is DeliveryState.SENDING


def test_a_baseline_post_is_never_launched(ledger: Ledger) -> None:
    ledger.adopt([a_sight(Sight.BASELINE)], now=NOW)
    ledger.add_delivery(a_key(), at=NOW, text=None, reason="", now=NOW)

    assert_closed(ledger, claim(ledger, read(ledger)))


def test_a_stale_claim_makes_no_intent(ledger: Ledger) -> None:
    record = claimed(ledger)
    ledger.keep_draft(record, "media-7", now=NOW)

    with pytest.raises(StaleError):
        intend(ledger, record)

    assert ledger.attempts(record) == []


# --- outcomes --------------------------------------------------------------------------------


def test_an_accepted_delivery_is_sent_with_evidence(ledger: Ledger) -> None:
    record = sent(ledger)

    assert (record.state, record.evidence) == ("sent", "response")
    assert (record.remote_id, record.remote_url) == ("42", "https://x.test/42")
    assert outcomes(ledger, record) == ["accepted"]


def test_a_sent_delivery_is_confirmed_once(ledger: Ledger) -> None:
    record = sent(ledger)
    confirmed = ledger.confirm(record, now=NOW)

    with pytest.raises(StaleError):
        ledger.confirm(record, now=NOW)

    assert confirmed.state is DeliveryState.CONFIRMED


def test_an_unknown_outcome_is_uncertain(ledger: Ledger) -> None:
    record = uncertain(ledger)

    assert (record.state, record.reason, record.owner) == ("uncertain", "timed out", None)
    assert outcomes(ledger, record) == ["unknown"]


def test_a_refusal_is_planned_again_for_later(ledger: Ledger) -> None:
    record = ledger.record_outcome(
        sending(ledger), Outcome.NOT_SENT, now=NOW, reason="429", not_before=LATER
    )

    assert (record.state, record.due_at, record.not_before) == ("planned", NOW, LATER)


def test_a_refusal_for_good_is_failed(ledger: Ledger) -> None:
    record = ledger.record_outcome(
        sending(ledger), Outcome.NOT_SENT, now=NOW, reason="400", permanent=True
    )

    assert record.state is DeliveryState.FAILED


@pytest.mark.parametrize("permanent", [False, True])
def test_not_sent_after_an_unknown_attempt_stays_uncertain(ledger: Ledger, permanent: bool) -> None:
    record = repeat(ledger, uncertain(ledger))

    record = ledger.record_outcome(record, Outcome.NOT_SENT, now=NOW, permanent=permanent)

    assert record.state is DeliveryState.UNCERTAIN
    assert outcomes(ledger, record) == ["unknown", "not_sent"]


def test_an_accepted_repeat_resolves_the_unknown_attempt(ledger: Ledger) -> None:
    record = repeat(ledger, uncertain(ledger))

    record = ledger.record_outcome(
        record, Outcome.ACCEPTED, now=NOW, receipt=Receipt(remote_id="1")
    )

    assert outcomes(ledger, record) == ["found", "accepted"]


def test_a_repeat_needs_the_same_bytes(ledger: Ledger) -> None:
    record = uncertain(ledger)

    with pytest.raises(LedgerError, match="reads differently"):
        repeat(ledger, record, payload="other")


def test_a_withdrawn_post_is_not_sent_again(ledger: Ledger) -> None:
    record = uncertain(ledger)
    ledger.observe(a_sight(Sight.WITHDRAWN), now=NOW)

    assert repeat(ledger, record, must=False) is None
    assert read(ledger) == record


def test_the_id_of_another_delivery_is_held(ledger: Ledger) -> None:
    sent(ledger, a_key(), remote_id="42")
    again(ledger)
    record = intend(ledger, claim(ledger, read(ledger, a_key(occasion="again"))))

    record = ledger.record_outcome(
        record, Outcome.ACCEPTED, now=NOW, receipt=Receipt(remote_id="42")
    )

    assert (record.state, record.remote_id) == ("held", None)
    assert record.reason == "the service named 42, which pattern/x/launch has already; look there"


def test_a_duplicate_answer_naming_another_delivery_is_held_unresolved(ledger: Ledger) -> None:
    sent(ledger, a_key(), remote_id="42")
    again(ledger)
    record = intend(ledger, claim(ledger, read(ledger, a_key(occasion="again"))))

    record = ledger.record_outcome(record, Outcome.FOUND, now=NOW, receipt=Receipt(remote_id="42"))

    assert (record.state, outcomes(ledger, record)) == ("held", ["unknown"])


def test_two_receipts_without_an_id_do_not_collide(ledger: Ledger) -> None:
    sent(ledger, a_key(), remote_id="")
    again(ledger)
    record = intend(ledger, claim(ledger, read(ledger, a_key(occasion="again"))))

    record = ledger.record_outcome(record, Outcome.ACCEPTED, now=NOW, receipt=Receipt(remote_id=""))

    assert (record.state, record.remote_id) == ("sent", None)


def test_an_outcome_is_recorded_once(ledger: Ledger) -> None:
    record = sending(ledger)
    ledger.record_outcome(record, Outcome.NOT_SENT, now=NOW)

    with pytest.raises(StaleError):
        ledger.record_outcome(record, Outcome.ACCEPTED, now=NOW)


# --- finding out -----------------------------------------------------------------------------


def test_absent_is_planned_again_with_nothing_unresolved(ledger: Ledger) -> None:
    record = ledger.record_absent(uncertain(ledger), now=NOW, not_before=SOON)

    assert (record.state, record.not_before) == ("planned", SOON)
    assert outcomes(ledger, record) == ["absent"]


def test_found_is_sent(ledger: Ledger) -> None:
    record = ledger.record_found(uncertain(ledger), Receipt(remote_id="7"), now=NOW)

    assert (record.state, record.remote_id, record.evidence) == ("sent", "7", "lookup")
    assert outcomes(ledger, record) == ["found"]


def test_finding_the_post_of_another_delivery_is_held(ledger: Ledger) -> None:
    sent(ledger, a_key(), remote_id="42")
    again(ledger)
    record = intend(ledger, claim(ledger, read(ledger, a_key(occasion="again"))))
    record = ledger.record_outcome(record, Outcome.UNKNOWN, now=NOW)

    record = ledger.record_found(record, Receipt(remote_id="42"), now=NOW)

    assert (record.state, outcomes(ledger, record)) == ("held", ["unknown"])


def test_recovery_takes_only_from_the_dead(ledger: Ledger) -> None:
    begin(ledger, a_flip(a_key("x"), a_key("linkedin"), a_key("mail")))
    reveal(ledger)
    claim(ledger, read(ledger, a_key("x")), owner="dead")
    intend(ledger, claim(ledger, read(ledger, a_key("linkedin")), owner="dead"))
    alive = claim(ledger, read(ledger, a_key("mail")), owner="alive")

    recovered = ledger.recover(owner_alive=lambda owner: owner == "alive", now=SOON)

    assert {(str(r.key.channel), str(r.state)) for r in recovered} == {
        ("x", "planned"),
        ("linkedin", "uncertain"),
    }
    assert outcomes(ledger, read(ledger, a_key("linkedin"))) == ["unknown"]
    assert read(ledger, a_key("mail")) == alive


def test_recovery_fences_off_its_old_owner(ledger: Ledger) -> None:
    record = sending(ledger)
    ledger.recover(owner_alive=lambda _: False, now=NOW)

    with pytest.raises(StaleError):
        ledger.record_outcome(record, Outcome.ACCEPTED, now=NOW)


def test_the_first_sight_of_uncertainty_is_kept_within_a_boot(ledger: Ledger) -> None:
    record = uncertain(ledger)
    before = ledger.events(limit=100)

    seen = [
        ledger.observe_uncertain(record, era="boot-1", monotonic_s=100.25),
        ledger.observe_uncertain(record, era="boot-1", monotonic_s=190.0),
        ledger.observe_uncertain(record, era="boot-2", monotonic_s=3.5),
    ]

    assert seen == [100.25, 100.25, 3.5]
    assert (read(ledger), ledger.events(limit=100)) == (record, before)


def test_the_first_sight_begins_anew_with_each_uncertainty(ledger: Ledger) -> None:
    record = uncertain(ledger)
    ledger.observe_uncertain(record, era="boot-1", monotonic_s=100.0)
    record = repeat(ledger, record)
    record = ledger.record_outcome(record, Outcome.UNKNOWN, now=NOW)

    assert ledger.observe_uncertain(record, era="boot-1", monotonic_s=500.0) == 500.0


def test_the_first_sight_of_a_settled_delivery_is_stale(ledger: Ledger) -> None:
    record = uncertain(ledger)
    ledger.record_found(record, Receipt(remote_id="7"), now=NOW)

    with pytest.raises(StaleError):
        ledger.observe_uncertain(record, era="boot-1", monotonic_s=1.0)


# --- channels and log ------------------------------------------------------------------------


def test_a_closed_channel_keeps_its_first_reason_until_opened(ledger: Ledger) -> None:
    ledger.close_channel(X, "sign in again", now=NOW)
    ledger.close_channel(X, "still", now=SOON)
    closed = ledger.view().closed_channels

    ledger.open_channel(X, now=LATER)
    ledger.open_channel(X, now=LATER)

    assert closed == {X: "sign in again"}
    assert ledger.view().closed_channels == {}
    assert states(ledger.events(limit=100)) == [
        ("channel", None, "closed"),
        ("channel", None, "open"),
    ]


def test_the_log_tells_a_release_from_end_to_end(ledger: Ledger) -> None:
    ledger.observe(a_sight(Sight.NEW), now=NOW)
    ledger.confirm(sent(ledger), now=NOW)

    assert states(ledger.events(POST, limit=100)) == [
        ("release", None, "scheduled"),
        ("release", "scheduled", "revealing"),
        ("delivery", None, "planned"),
        ("flipped", None, None),
        ("verified", None, None),
        ("release", "revealing", "live"),
        ("delivery", "planned", "claimed"),
        ("delivery", "claimed", "sending"),
        ("delivery", "sending", "sent"),
        ("delivery", "sent", "confirmed"),
    ]


def test_the_log_gives_the_newest_and_puts_them_last(ledger: Ledger) -> None:
    ledger.confirm(sent(ledger), now=SOON)

    events = ledger.events(limit=2)

    assert states(events) == [("delivery", "sending", "sent"), ("delivery", "sent", "confirmed")]
    assert (events[1].at, events[1].post, events[1].channel) == (SOON, POST, X)
    assert events[1].occasion == "launch"


def test_a_rebuild_is_logged_for_the_site(ledger: Ledger) -> None:
    ledger.record_rebuild(gen=0, started_at=NOW, ok=False, reason="npm: 1", retry_at=SOON, now=NOW)

    (event,) = ledger.events(limit=10)
    assert (event.kind, event.to_state, event.reason) == ("rebuild", "failed", "npm: 1")
    assert ledger.events(POST, limit=10) == []


def test_sites_of_one_file_do_not_see_each_other(tmp_path: Path, ledger: Ledger) -> None:
    sent(ledger)

    with a_ledger(tmp_path, site="other") as other:
        assert (other.view(), other.events(limit=10)) == (LedgerView(), [])


# --- the acts that tests repeat --------------------------------------------------------------


def ask(ledger: Ledger) -> None:
    ledger.request_release(
        POST, now=NOW, reason="now", path="blog/pattern.md", digest="d1", release_at=LATER
    )


def again(ledger: Ledger) -> bool:
    key = a_key(occasion="again")
    return ledger.add_delivery(key, at=NOW, text="Once more", reason="asked", now=NOW)


def rebuild(ledger: Ledger, *, gen: int) -> None:
    ledger.record_rebuild(gen=gen, started_at=NOW, ok=True, reason="", retry_at=None, now=NOW)


def repeat(
    ledger: Ledger, record: DeliveryRecord, *, payload: str = "Read it", must: bool = True
) -> DeliveryRecord:
    again = ledger.intend_again(record, owner="daemon", payload=payload, deadline=SOON, now=NOW)
    assert again is not None or not must
    return again


def assert_closed(ledger: Ledger, record: DeliveryRecord, *, schedule_rev: int = 1) -> None:
    """The gate gives the delivery back, with a reason and without an attempt."""
    intended = ledger.intend(
        record, payload="Read it", deadline=SOON, schedule_rev=schedule_rev, now=NOW
    )

    found = read(ledger, record.key)
    assert intended is None
    assert found.state is DeliveryState.PLANNED
    assert found.reason
    assert ledger.attempts(record) == []


def test_view_is_read_again_only_after_somebody_wrote(tmp_path: Path) -> None:
    with a_ledger(tmp_path) as ledger, a_ledger(tmp_path) as other:
        first = ledger.view()
        unchanged = ledger.view()
        other.adopt((), now=NOW)
        by_other = ledger.view()
        ledger.close_channel(ChannelName("x"), "expired", now=NOW)
        by_us = ledger.view()

    assert unchanged is first
    assert by_other.adopted_at == NOW
    assert by_us.closed_channels == {"x": "expired"}
