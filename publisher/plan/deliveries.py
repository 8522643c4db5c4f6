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
    Hold,
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
from publisher.plan.draft import Draft

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


def deliver(draft: Draft) -> None:
    """Decide about every delivery that is not settled, each by itself.

    What a scan just saw of a post is recorded first: an edit may close the gate. A release that
    begins plans its deliveries anew; what waited before it is decided about after that.
    """
    seen = {action.post for action in draft.actions if isinstance(action, Observe)}
    begun = {action.post for action in draft.actions if isinstance(action, Flip)}
    for record in sorted(draft.view.deliveries.values(), key=lambda r: (r.due_at, r.key)):
        if record.key.post in seen:
            continue
        match record.state:
            case DeliveryState.PLANNED if record.key.post in begun:
                pass
            case DeliveryState.PLANNED:
                _deliver_planned(draft, record)
            case DeliveryState.UNCERTAIN | DeliveryState.SENT:
                _reconcile(draft, record)
            case DeliveryState.CLAIMED | DeliveryState.SENDING:
                _hold_delivery(draft, record, "is being sent")
            case DeliveryState.HELD | DeliveryState.FAILED:
                _hold_delivery(draft, record, _stopped(record), needs_person=True)
            case DeliveryState.CONFIRMED | DeliveryState.CANCELLED | DeliveryState.SKIPPED:
                pass


def _hold_delivery(
    draft: Draft,
    record: DeliveryRecord,
    why: str,
    *,
    until: datetime | None = None,
    needs_person: bool = False,
) -> None:
    key = record.key
    draft.holds.append(
        Hold(
            post=key.post,
            channel=key.channel,
            occasion=key.occasion,
            why=why,
            until=until,
            needs_person=needs_person,
        )
    )
    if until is not None:
        draft.wakes.append(until)


def _reconcile(draft: Draft, record: DeliveryRecord) -> None:
    channel, is_uncertain = record.key.channel, record.state is DeliveryState.UNCERTAIN
    if not _has_channel(draft, channel):
        why = f"the channel {channel!r} is not in jobs.yaml any more"
        if is_uncertain:
            why += (
                f"; put it back, or look there, then `publisher resolve {record.key} --sent URL` "
                "or `--not-sent`"
            )
        _hold_delivery(draft, record, why, needs_person=is_uncertain)
    elif channel in draft.view.closed_channels:
        why = draft.view.closed_channels[channel]
        _hold_delivery(draft, record, why, needs_person=True)
    else:
        why = "accepted, to be read back"
        if is_uncertain:
            why = record.reason or "a request may have been accepted"
        draft.actions.append(Reconcile(key=record.key, why=why))


def _deliver_planned(draft: Draft, record: DeliveryRecord) -> None:
    key, post = record.key, draft.by_id.get(record.key.post)
    release = draft.view.releases.get(key.post)
    if release is not None and release.state in _OVER:
        # Found absent after its post went: it waits like the others for the post to come back.
        _settle(draft, record, DeliveryState.CANCELLED, *_OVER[release.state])
    elif post is None or release is None:
        is_stuck = release is None or release.state is ReleaseState.BASELINE
        why = "its post is not there"
        if is_stuck:
            why += f"; put it back, or `publisher resolve {key} --drop`"
        _hold_delivery(draft, record, why, needs_person=is_stuck)
    elif key.occasion == LAUNCH and not _is_launch_due(draft, record, post, release):
        return
    elif not _has_channel(draft, key.channel):
        _hold_delivery(draft, record, _channel_gone(record), needs_person=True)
    elif key.channel in draft.view.closed_channels:
        why = draft.view.closed_channels[key.channel]
        _hold_delivery(draft, record, why, needs_person=True)
    elif post.state is not PostState.PUBLISHED or not _is_open(release, key.occasion):
        _hold_delivery(draft, record, "waits until the page is live")
    elif record.not_before > draft.now:
        why = record.reason or "waits for its instant"
        _hold_delivery(draft, record, why, until=record.not_before)
    else:
        _deliver_now(draft, record)


def _is_launch_due(
    draft: Draft, record: DeliveryRecord, post: Post, release: ReleaseRecord
) -> bool:
    """Follow what the post says of its launch: switched off, moved, or as it was."""
    due_at = release.due_at
    at = planned_at(post, draft.policy, record.key.channel, due_at or record.due_at)
    if at is None:
        _hold_delivery(draft, record, "switched off by `announce` in the post")
        return False
    if due_at is not None and _is_redated(record, at, draft.now):
        draft.actions.append(Move(key=record.key, at=at, why="its post was edited"))
        return False
    return True


def _deliver_now(draft: Draft, record: DeliveryRecord) -> None:
    late = draft.now - record.due_at
    limit = draft.policy.stale_after if record.attempts else draft.policy.max_late
    if late > limit:
        why = f"late by {_words(late)} (limit {_words(limit)}); " + _retry_hint(record)
        _settle(draft, record, DeliveryState.HELD, Cause.TOO_LATE, why)
    else:
        draft.actions.append(Deliver(key=record.key, at=record.due_at, why="the page is live"))


def _stopped(record: DeliveryRecord) -> str:
    """Say why a delivery stopped, and the command that settles it where the reason does not."""
    if record.state is DeliveryState.FAILED:
        return (
            f"refused for good: {record.reason}; once that is mended, "
            f"`publisher retry {record.key}`, or `publisher resolve {record.key} --drop`"
        )
    if "`publisher " in record.reason or not record.attempts:
        return record.reason
    return f"{record.reason}, then `publisher resolve {record.key} --sent URL` or `--not-sent`"


def _settle(
    draft: Draft, record: DeliveryRecord, to: DeliveryState, cause: Cause, why: str
) -> None:
    draft.actions.append(Settle(key=record.key, to=to, cause=cause, why=why))


def _has_channel(draft: Draft, name: ChannelName) -> bool:
    return any(channel.name == name for channel in draft.policy.channels)


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


def _channel_gone(record: DeliveryRecord) -> str:
    return (
        f"the channel {record.key.channel!r} is not in jobs.yaml any more; put it back, "
        f"or `publisher resolve {record.key} --drop`"
    )


def _retry_hint(record: DeliveryRecord) -> str:
    return f"`publisher retry {record.key}` sends it all the same"


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
