"""Which deliveries to send, move, reconcile or hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from publisher.model import (
    LAUNCH,
    Cause,
    ChannelName,
    Deliver,
    DeliveryRecord,
    DeliveryState,
    Flip,
    Move,
    Observe,
    Policy,
    Post,
    PostState,
    Reconcile,
    ReleaseRecord,
    ReleaseState,
    Settle,
)
from publisher.plan.builder import PlanBuilder

_OVER = {
    ReleaseState.GONE: (Cause.DELETED, "its post is gone"),
    ReleaseState.WITHDRAWN: (Cause.WITHDRAWN, "its post is not public any more"),
}


def planned_at(
    post: Post, policy: Policy, channel: ChannelName, due_at: datetime
) -> datetime | None:
    """Give the instant of a post's launch on a channel; ``None`` where it is switched off.

    Never before ``due_at``: an announcement does not precede its release.
    """
    rule = post.announce.get(channel)
    if post.announce_off or (rule is not None and not rule.enabled):
        return None
    if rule is not None and rule.at is not None:
        return max(rule.at, due_at)
    default = next((c.after for c in policy.channels if c.name == channel), timedelta(0))
    after = rule.after if rule is not None and rule.after is not None else default
    try:
        return due_at + after
    except OverflowError:  # beyond the year 9999: as good as never
        return datetime.max.replace(tzinfo=UTC)


def deliver(builder: PlanBuilder) -> None:
    """Decide about every delivery that is not settled, each by itself.

    What a scan just saw of a post is recorded first: an edit may close the gate. A release that
    begins plans its deliveries anew; what waited before it is decided about after that.
    """
    seen = {action.post for action in builder.actions if isinstance(action, Observe)}
    begun = {action.post for action in builder.actions if isinstance(action, Flip)}
    for record in sorted(builder.view.deliveries.values(), key=lambda r: (r.due_at, r.key)):
        if record.key.post in seen:
            continue
        match record.state:
            case DeliveryState.PLANNED if record.key.post in begun:
                pass
            case DeliveryState.PLANNED:
                _deliver_planned(builder, record)
            case DeliveryState.UNCERTAIN | DeliveryState.SENT:
                _reconcile(builder, record)
            case DeliveryState.CLAIMED | DeliveryState.SENDING:
                builder.hold(record.key, Cause.SENDING)
            case DeliveryState.HELD | DeliveryState.FAILED:
                is_refused = record.state is DeliveryState.FAILED
                cause = Cause.REFUSED if is_refused else record.cause or Cause.HELD
                builder.hold(record.key, cause, record.reason, needs_person=True)
            case DeliveryState.CONFIRMED | DeliveryState.CANCELLED | DeliveryState.SKIPPED:
                pass


def _reconcile(builder: PlanBuilder, record: DeliveryRecord) -> None:
    channel, is_uncertain = record.key.channel, record.state is DeliveryState.UNCERTAIN
    if not _has_channel(builder, channel):
        builder.hold(record.key, Cause.CHANNEL_REMOVED, needs_person=is_uncertain)
    elif not _hold_closed(builder, record):
        why = "accepted, to be read back"
        if is_uncertain:
            why = record.reason or "a request may have been accepted"
        builder.actions.append(Reconcile(key=record.key, why=why))


def _deliver_planned(builder: PlanBuilder, record: DeliveryRecord) -> None:
    key, post = record.key, builder.by_id.get(record.key.post)
    release = builder.view.releases.get(key.post)
    if release is not None and release.state in _OVER:
        # Found absent after its post went: it waits like the others for the post to come back.
        _settle(builder, record, DeliveryState.CANCELLED, *_OVER[release.state])
    elif post is None or release is None:
        is_stuck = release is None or release.state is ReleaseState.BASELINE
        builder.hold(key, Cause.POST_MISSING, needs_person=is_stuck)
    elif key.occasion == LAUNCH and not _is_launch_due(builder, record, post, release):
        return
    elif not _has_channel(builder, key.channel):
        builder.hold(key, Cause.CHANNEL_REMOVED, needs_person=True)
    elif _hold_closed(builder, record):
        return
    elif post.state is not PostState.PUBLISHED or not _is_open(release, key.occasion):
        builder.hold(key, Cause.PAGE_NOT_PUBLIC)
    elif record.not_before > builder.now:
        builder.hold(key, record.cause or Cause.NOT_DUE, record.reason, until=record.not_before)
    else:
        _deliver_now(builder, record)


def _is_launch_due(
    builder: PlanBuilder, record: DeliveryRecord, post: Post, release: ReleaseRecord
) -> bool:
    """Follow what the post says of its launch: switched off, moved, or as it was."""
    due_at = release.due_at
    at = planned_at(post, builder.policy, record.key.channel, due_at or record.due_at)
    if at is None:
        builder.hold(record.key, Cause.SWITCHED_OFF)
        return False
    if due_at is not None and _is_redated(record, at, builder.now):
        builder.actions.append(Move(key=record.key, at=at, why="its post was edited"))
        return False
    return True


def _deliver_now(builder: PlanBuilder, record: DeliveryRecord) -> None:
    late = builder.now - record.due_at
    limit = builder.policy.stale_after if record.attempts else builder.policy.max_late
    if late > limit:
        why = f"late by {_words(late)} (limit {_words(limit)})"
        _settle(builder, record, DeliveryState.HELD, Cause.TOO_LATE, why)
    else:
        builder.actions.append(Deliver(key=record.key, at=record.due_at, why="the page is live"))


def _hold_closed(builder: PlanBuilder, record: DeliveryRecord) -> bool:
    """Hold a delivery whose channel cannot be used; tell whether it cannot."""
    view, channel = builder.view, record.key.channel
    for cause, closed in (
        (Cause.CHANNEL_UNUSABLE, view.unusable_channels),
        (Cause.CHANNEL_CLOSED, view.closed_channels),
    ):
        if channel in closed:
            builder.hold(record.key, cause, closed[channel], needs_person=True)
            return True
    return False


def _settle(
    builder: PlanBuilder, record: DeliveryRecord, to: DeliveryState, cause: Cause, why: str
) -> None:
    builder.actions.append(Settle(key=record.key, to=to, cause=cause, why=why))


def _has_channel(builder: PlanBuilder, name: ChannelName) -> bool:
    return any(channel.name == name for channel in builder.policy.channels)


def _is_open(release: ReleaseRecord, occasion: str) -> bool:
    """Tell whether the page is public: only then may anything point at it."""
    if release.state is ReleaseState.LIVE:
        return True
    return occasion != LAUNCH and release.state is ReleaseState.BASELINE


def _is_redated(record: DeliveryRecord, at: datetime, now: datetime) -> bool:
    """Tell whether an edit moved a waiting delivery.

    Moving ahead only counts while the old instant is still to come: a row whose instant passed
    may have been given a new one by a person, and that one stands.
    """
    return at > record.due_at or (at < record.due_at and record.due_at > now)


def _words(duration: timedelta) -> str:
    """Write a duration as people say it, in its two largest units."""
    seconds = int(duration.total_seconds())
    units: Iterable[tuple[str, int]] = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
