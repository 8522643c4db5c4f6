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
from publisher.plan.backoff import is_backing_off
from publisher.plan.builder import PlanBuilder, is_old, is_unknown
from publisher.plan.deliveries import planned_at


def see_posts(builder: PlanBuilder) -> None:
    """Compare every post that is there with its release."""
    unseen = [p for p in builder.posts if _is_unseen_due(builder, p)]
    burst = len(unseen) > builder.policy.burst
    for post in sorted(builder.posts, key=_release_order):
        record = builder.view.releases.get(post.id)
        if record is None:
            _see_unknown(builder, post, burst=len(unseen) if burst else 0)
        elif record.missing_since is not None:
            _observe(builder, post, Sight.BACK, "its file is there again")
        elif _has_moved(post, record):
            _observe(builder, post, Sight.MOVED, "its file was edited")
        else:
            _see_known(builder, post, record)


def _is_unseen_due(builder: PlanBuilder, post: Post) -> bool:
    return (
        is_unknown(post, builder.view)
        and post.state is PostState.SCHEDULED
        and post.explicit
        and is_old(post, builder.now)
        and not (post.release_at is not None and builder.is_early(post.release_at))
    )


def _see_unknown(builder: PlanBuilder, post: Post, *, burst: int) -> None:
    if post.state is PostState.DRAFT or _is_old_draft(builder, post):
        is_over = post.release_at is not None and post.release_at <= builder.now
        builder.hold(post.id, Cause.DRAFT_OVER if is_over else Cause.DRAFT)
    elif post.digest in builder.lost or post.path in builder.lost:
        old = (builder.lost.get(post.digest) or builder.lost[post.path]).post
        builder.hold(post.id, Cause.RENAMED, needs_person=True, old=old, path=post.path)
    elif post.state is PostState.PUBLISHED:
        _observe(builder, post, Sight.BASELINE, "was public when first seen")
    elif post.release_at is None:
        builder.hold(post.id, Cause.NO_DATE, needs_person=True, path=post.path)
    elif post.release_at > builder.now or (post.explicit and builder.is_early(post.release_at)):
        _observe(builder, post, Sight.NEW, "scheduled")
        builder.wakes.append(post.release_at)
    elif burst:
        _observe(
            builder,
            post,
            Sight.BASELINE,
            f"one of {burst} posts that came due unseen (burst: {builder.policy.burst})",
        )
    else:
        _flip(builder, post, post.release_at, "was due when first seen")


def _is_old_draft(builder: PlanBuilder, post: Post) -> bool:
    """Tell whether only the site's clock, which is behind ours, takes the date for one to come."""
    return not post.explicit and post.release_at is not None and post.release_at <= builder.now


def _see_known(builder: PlanBuilder, post: Post, record: ReleaseRecord) -> None:
    match record.state:
        case ReleaseState.BASELINE:
            if post.state is PostState.SCHEDULED:
                builder.hold(post.id, Cause.ALREADY_PUBLIC, record.reason, needs_person=True)
        case ReleaseState.SCHEDULED | ReleaseState.WITHDRAWN | ReleaseState.GONE:
            _see_waiting(builder, post, record)
        case ReleaseState.REVEALING:
            _see_revealing(builder, post, record)
        case ReleaseState.LIVE:
            if post.state is not PostState.PUBLISHED:
                _withdraw(builder, post)
            elif _has_moved_away(builder, post, record):
                why = f"its address changed to {post.url}, which is looked at first"
                builder.actions.append(
                    Observe.of(post, Sight.WITHDRAWN, why, cause=Cause.READDRESSED)
                )


def _see_waiting(builder: PlanBuilder, post: Post, record: ReleaseRecord) -> None:
    due_at = record.due_at
    if post.state is PostState.PUBLISHED:
        _flip(builder, post, due_at or builder.now, "its file says published already")
    elif record.requested_at is not None and record.requested_at <= builder.now:
        _flip(builder, post, record.requested_at, "asked for with `publisher release`")
    elif post.state is PostState.DRAFT:
        builder.hold(post.id, Cause.DRAFT)
    elif due_at is None:
        builder.hold(post.id, Cause.NO_DATE, needs_person=True, path=post.path)
    elif due_at > builder.now and record.state is ReleaseState.WITHDRAWN:
        _observe(builder, post, Sight.NEW, "scheduled again")
    elif due_at > builder.now:
        builder.hold(post.id, Cause.NOT_DUE, until=due_at)
    elif record.state is ReleaseState.WITHDRAWN and not post.explicit:
        # Its file says no more than "draft", and the date is the one it was released on.
        builder.hold(post.id, Cause.WITHDRAWN)
    else:
        _flip_when_due(builder, post, due_at)


def _see_revealing(builder: PlanBuilder, post: Post, record: ReleaseRecord) -> None:
    due_at = record.due_at or builder.now
    was_asked_for = record.requested_at is not None
    if post.state is PostState.PUBLISHED and record.flip_gen is not None:
        return  # rebuild_and_verify goes on from here
    if post.state is PostState.PUBLISHED or (was_asked_for and record.flip_gen is None):
        _flip(builder, post, due_at, "begun, not yet recorded")
    elif (
        post.state is PostState.DRAFT
        or due_at > builder.now
        or (record.flip_gen is not None and _was_taken_back(post, builder.now))
    ):
        _withdraw(builder, post)
    else:
        _flip_when_due(builder, post, due_at)


def _was_taken_back(post: Post, now: datetime) -> bool:
    """Tell whether a flipped file was meant to say that it waits again, and is not merely older.

    A mere draft flag says so, and a date to come.
    """
    return not post.explicit or (post.release_at is not None and post.release_at > now)


def _flip_when_due(builder: PlanBuilder, post: Post, due_at: datetime) -> None:
    """Flip a post that its date brings, unless the site's clock says that it is too early.

    What a person asked for, or wrote into the file, does not wait for any clock.
    """
    if not builder.is_early(due_at):
        _flip(builder, post, due_at, "due")
        return
    ahead = builder.clock_ahead or timedelta(0)
    reason = f"the clock of this machine is {_in_words(ahead)} ahead of the site's"
    builder.hold(post.id, Cause.CLOCK_AHEAD, reason, until=_later(due_at, ahead), needs_person=True)


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


def _flip(builder: PlanBuilder, post: Post, due_at: datetime, why: str) -> None:
    record = builder.view.releases.get(post.id)
    if record is not None and is_backing_off(builder, record):
        return
    deliveries = []
    for channel in builder.policy.channels:
        at = planned_at(post, builder.policy, channel.name, due_at)
        if at is not None:
            key = DeliveryKey(site=builder.policy.site, post=post.id, channel=channel.name)
            deliveries.append(PlannedDelivery(key=key, at=at))
    builder.actions.append(Flip(post=post.id, at=due_at, deliveries=tuple(deliveries), why=why))


def _observe(builder: PlanBuilder, post: Post, sight: Sight, why: str) -> None:
    builder.actions.append(Observe.of(post, sight, why))


def _withdraw(builder: PlanBuilder, post: Post) -> None:
    _observe(
        builder,
        post,
        Sight.WITHDRAWN,
        f"its file says {post.state.value} again; its page goes when the site is built again",
    )


def see_missing(builder: PlanBuilder) -> None:
    """Notice releases whose file is not there; deleted is what two scans a minute apart miss."""
    for record in builder.view.releases.values():
        if record.post in builder.by_id:
            continue
        if record.state in (ReleaseState.BASELINE, ReleaseState.GONE):
            continue
        if record.path in builder.unreadable and record.state is ReleaseState.LIVE:
            builder.hold(record.post, Cause.UNREADABLE, path=record.path)
        elif record.path in builder.unreadable:
            builder.hold(record.post, Cause.UNREADABLE, needs_person=True, path=record.path)
        elif record.missing_since is None:
            _miss(builder, record, Sight.MISSING, "its file is not there")
            builder.wakes.append(builder.now + builder.policy.gone_after)
        elif builder.now - record.missing_since < builder.policy.gone_after or builder.tree_busy:
            until = max(record.missing_since, builder.now) + builder.policy.gone_after
            builder.hold(record.post, Cause.MISSING, until=until, path=record.path)
        elif record.path in builder.lost and (path := _found_again(builder, record)):
            builder.hold(record.post, Cause.RENAMED, needs_person=True, old=record.post, path=path)
        else:
            _miss(builder, record, Sight.GONE, f"{record.path} was deleted")


def _found_again(builder: PlanBuilder, record: ReleaseRecord) -> str:
    """Give the path of a file with the content, or in the place, of a missing one."""
    found = (p.path for p in builder.posts if p.digest == record.digest or p.path == record.path)
    return next(found, "")


def _miss(builder: PlanBuilder, record: ReleaseRecord, sight: Sight, why: str) -> None:
    builder.actions.append(
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


def _has_moved_away(builder: PlanBuilder, post: Post, record: ReleaseRecord) -> bool:
    """Tell whether announcements still wait that would point at an address nobody looked at."""
    is_elsewhere = record.verified_url is not None and record.verified_url != post.url
    return is_elsewhere and any(
        key.post == post.id and delivery.state is DeliveryState.PLANNED
        for key, delivery in builder.view.deliveries.items()
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
