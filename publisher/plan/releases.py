"""Which posts to observe, flip, rebuild and verify."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from publisher.model import (
    Cause,
    DeliveryKey,
    DeliveryState,
    Flip,
    Observe,
    PlannedDelivery,
    Post,
    PostState,
    ReleaseRecord,
    ReleaseState,
    Sight,
)
from publisher.plan.deliveries import planned_at
from publisher.plan.draft import Draft, is_old, is_unknown
from publisher.plan.waiting import is_backing_off


def see_posts(draft: Draft) -> None:
    """Compare every post that is there with its release."""
    unseen = [p for p in draft.posts if _is_unseen_due(draft, p)]
    burst = len(unseen) > draft.policy.burst
    for post in sorted(draft.posts, key=_release_order):
        record = draft.view.releases.get(post.id)
        if record is None:
            _see_unknown(draft, post, burst=len(unseen) if burst else 0)
        elif record.missing_since is not None:
            _observe(draft, post, Sight.BACK, "its file is there again")
        elif _has_moved(post, record):
            _observe(draft, post, Sight.MOVED, "its file was edited")
        else:
            _see_known(draft, post, record)


def _is_unseen_due(draft: Draft, post: Post) -> bool:
    return (
        is_unknown(post, draft.view)
        and post.state is PostState.SCHEDULED
        and post.explicit
        and is_old(post, draft.now)
        and not (post.release_at is not None and draft.is_early(post.release_at))
    )


def _see_unknown(draft: Draft, post: Post, *, burst: int) -> None:
    if post.state is PostState.DRAFT or _is_old_draft(draft, post):
        is_over = post.release_at is not None and post.release_at <= draft.now
        draft.hold(post.id, Cause.DRAFT_OVER if is_over else Cause.DRAFT)
    elif post.digest in draft.lost or post.path in draft.lost:
        old = (draft.lost.get(post.digest) or draft.lost[post.path]).post
        draft.hold(post.id, Cause.RENAMED, needs_person=True, old=old, path=post.path)
    elif post.state is PostState.PUBLISHED:
        _observe(draft, post, Sight.BASELINE, "was public when first seen")
    elif post.release_at is None:
        draft.hold(post.id, Cause.NO_DATE, needs_person=True, path=post.path)
    elif post.release_at > draft.now or (post.explicit and draft.is_early(post.release_at)):
        _observe(draft, post, Sight.NEW, "scheduled")
        draft.wakes.append(post.release_at)
    elif burst:
        _observe(
            draft,
            post,
            Sight.BASELINE,
            f"one of {burst} posts that came due unseen (burst: {draft.policy.burst})",
        )
    else:
        _flip(draft, post, post.release_at, "was due when first seen")


def _is_old_draft(draft: Draft, post: Post) -> bool:
    """Tell whether only the site's clock, which is behind ours, takes the date for one to come."""
    return not post.explicit and post.release_at is not None and post.release_at <= draft.now


def _see_known(draft: Draft, post: Post, record: ReleaseRecord) -> None:
    match record.state:
        case ReleaseState.BASELINE:
            if post.state is PostState.SCHEDULED:
                draft.hold(post.id, Cause.ALREADY_PUBLIC, record.reason, needs_person=True)
        case ReleaseState.SCHEDULED | ReleaseState.WITHDRAWN | ReleaseState.GONE:
            _see_waiting(draft, post, record)
        case ReleaseState.REVEALING:
            _see_revealing(draft, post, record)
        case ReleaseState.LIVE:
            if post.state is not PostState.PUBLISHED:
                _withdraw(draft, post)
            elif _has_moved_away(draft, post, record):
                why = f"its address changed to {post.url}, which is looked at first"
                draft.actions.append(
                    Observe.of(post, Sight.WITHDRAWN, why, cause=Cause.READDRESSED)
                )


def _see_waiting(draft: Draft, post: Post, record: ReleaseRecord) -> None:
    due_at = record.due_at
    if post.state is PostState.PUBLISHED:
        _flip(draft, post, due_at or draft.now, "its file says published already")
    elif record.requested_at is not None and record.requested_at <= draft.now:
        _flip(draft, post, record.requested_at, "asked for with `publisher release`")
    elif post.state is PostState.DRAFT:
        draft.hold(post.id, Cause.DRAFT)
    elif due_at is None:
        draft.hold(post.id, Cause.NO_DATE, needs_person=True, path=post.path)
    elif due_at > draft.now and record.state is ReleaseState.WITHDRAWN:
        _observe(draft, post, Sight.NEW, "scheduled again")
    elif due_at > draft.now:
        draft.hold(post.id, Cause.NOT_DUE, until=due_at)
    elif record.state is ReleaseState.WITHDRAWN and not post.explicit:
        # Its file says no more than "draft", and the date is the one it was released on.
        draft.hold(post.id, Cause.WITHDRAWN)
    else:
        _flip_when_due(draft, post, due_at)


def _see_revealing(draft: Draft, post: Post, record: ReleaseRecord) -> None:
    due_at = record.due_at or draft.now
    was_asked_for = record.requested_at is not None
    if post.state is PostState.PUBLISHED and record.flip_gen is not None:
        return  # rebuild_and_verify goes on from here
    if post.state is PostState.PUBLISHED or (was_asked_for and record.flip_gen is None):
        _flip(draft, post, due_at, "begun, not yet recorded")
    elif (
        post.state is PostState.DRAFT
        or due_at > draft.now
        or (record.flip_gen is not None and _was_taken_back(post, draft.now))
    ):
        _withdraw(draft, post)
    else:
        _flip_when_due(draft, post, due_at)


def _was_taken_back(post: Post, now: datetime) -> bool:
    """Tell whether a flipped file was meant to say that it waits again, and is not merely older.

    A mere draft flag says so, and a date to come.
    """
    return not post.explicit or (post.release_at is not None and post.release_at > now)


def _flip_when_due(draft: Draft, post: Post, due_at: datetime) -> None:
    """Flip a post that its date brings, unless the site's clock says that it is too early.

    What a person asked for, or wrote into the file, does not wait for any clock.
    """
    if not draft.is_early(due_at):
        _flip(draft, post, due_at, "due")
        return
    ahead = draft.clock_ahead or timedelta(0)
    reason = f"the clock of this machine is {_in_words(ahead)} ahead of the site's"
    draft.hold(post.id, Cause.CLOCK_AHEAD, reason, until=_later(due_at, ahead), needs_person=True)


def _in_words(duration: timedelta) -> str:
    minutes = round(duration / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _later(at: datetime, duration: timedelta) -> datetime:
    try:
        return at + duration
    except OverflowError:  # beyond the year 9999: as good as never
        return datetime.max.replace(tzinfo=UTC)


def _flip(draft: Draft, post: Post, due_at: datetime, why: str) -> None:
    record = draft.view.releases.get(post.id)
    if record is not None and is_backing_off(draft, record):
        return
    deliveries = []
    for channel in draft.policy.channels:
        at = planned_at(post, draft.policy, channel.name, due_at)
        if at is not None:
            key = DeliveryKey(site=draft.policy.site, post=post.id, channel=channel.name)
            deliveries.append(PlannedDelivery(key=key, at=at))
    draft.actions.append(Flip(post=post.id, at=due_at, deliveries=tuple(deliveries), why=why))


def _observe(draft: Draft, post: Post, sight: Sight, why: str) -> None:
    draft.actions.append(Observe.of(post, sight, why))


def _withdraw(draft: Draft, post: Post) -> None:
    _observe(
        draft,
        post,
        Sight.WITHDRAWN,
        f"its file says {post.state.value} again; its page goes when the site is built again",
    )


def see_missing(draft: Draft) -> None:
    """Notice releases whose file is not there; deleted is what two scans a minute apart miss."""
    for record in draft.view.releases.values():
        if record.post in draft.by_id:
            continue
        if record.state in (ReleaseState.BASELINE, ReleaseState.GONE):
            continue
        if record.path in draft.unreadable and record.state is ReleaseState.LIVE:
            draft.hold(record.post, Cause.UNREADABLE, path=record.path)
        elif record.path in draft.unreadable:
            draft.hold(record.post, Cause.UNREADABLE, needs_person=True, path=record.path)
        elif record.missing_since is None:
            _miss(draft, record, Sight.MISSING, "its file is not there")
            draft.wakes.append(draft.now + draft.policy.gone_after)
        elif draft.now - record.missing_since < draft.policy.gone_after or draft.tree_busy:
            until = max(record.missing_since, draft.now) + draft.policy.gone_after
            draft.hold(record.post, Cause.MISSING, until=until, path=record.path)
        elif record.path in draft.lost and (path := _found_again(draft, record)):
            draft.hold(record.post, Cause.RENAMED, needs_person=True, old=record.post, path=path)
        else:
            _miss(draft, record, Sight.GONE, f"{record.path} was deleted")


def _found_again(draft: Draft, record: ReleaseRecord) -> str:
    """Give the path of a file with the content, or in the place, of a missing one."""
    found = (p.path for p in draft.posts if p.digest == record.digest or p.path == record.path)
    return next(found, "")


def _miss(draft: Draft, record: ReleaseRecord, sight: Sight, why: str) -> None:
    draft.actions.append(
        Observe(
            post=record.post,
            sight=sight,
            path=record.path,
            digest=record.digest,
            release_at=record.release_at,
            why=why,
        )
    )


def _release_order(post: Post) -> tuple[bool, float, str]:
    at = post.release_at
    return (at is None, at.timestamp() if at is not None else 0.0, post.id)


def _has_moved_away(draft: Draft, post: Post, record: ReleaseRecord) -> bool:
    """Tell whether announcements still wait that would point at an address nobody looked at."""
    is_elsewhere = record.verified_url is not None and record.verified_url != post.url
    return is_elsewhere and any(
        key.post == post.id and delivery.state is DeliveryState.PLANNED
        for key, delivery in draft.view.deliveries.items()
    )


def _has_moved(post: Post, record: ReleaseRecord) -> bool:
    """Tell whether the ledger should learn of an edit; what was settled long ago may rest."""
    if record.state is ReleaseState.BASELINE:
        return False
    return (post.path, post.digest, post.release_at) != (
        record.path,
        record.digest,
        record.release_at,
    )
