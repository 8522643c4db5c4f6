"""After an older copy of the ledger was put back: what may have gone out since it was made.

Nobody can know what the lost part of the ledger said. So whatever could have been announced in
that time is to be held for a person; what is still to come goes on by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from publisher.model import (
    LAUNCH,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Flip,
    LedgerView,
    Observe,
    PlannedDelivery,
    Policy,
    Post,
    PostState,
    ReleaseRecord,
    ReleaseState,
    Sight,
)
from publisher.plan import plan
from publisher.plan.builder import is_old
from publisher.plan.deliveries import planned_at

_D = DeliveryState
_WAITING = frozenset({ReleaseState.SCHEDULED, ReleaseState.WITHDRAWN, ReleaseState.GONE})
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A release that was due meanwhile, so that it goes on; facts as for ``begin_release``.

    ``is_early``: its file says published ahead of its date, so somebody asked for it.
    """

    flip: Flip
    is_early: bool
    path: str
    digest: str
    release_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What a restored ledger must learn before anything is sent.

    ``added`` are launches that are planned only to be held: their post is missing, or a draft.
    """

    seen: tuple[Observe, ...] = ()  # edits that this copy does not know
    old: tuple[Observe, ...] = ()  # posts that it does not know, public by now: baseline
    begun: tuple[Begun, ...] = ()
    added: tuple[PlannedDelivery, ...] = ()
    held: tuple[DeliveryKey, ...] = ()


def may_be_out_reason(key: DeliveryKey) -> str:
    return f"may have gone out after this copy was made: look at {key.channel}"


def reconcile(
    posts: Sequence[Post],
    view: LedgerView,
    policy: Policy,
    now: datetime,
    *,
    since: datetime | None,
) -> Reconciliation:
    """Compare a restored ledger with the files, of which all must be readable.

    ``since`` is the last instant that this copy knows of; what could not be sent between then
    and ``now`` stays planned and goes on by itself.
    """
    seen = [observed for post in posts for observed in _edits(post, view.releases.get(post.id))]
    known = _as_the_files_say(posts, view, now)
    flips = {
        action.post: action
        for action in plan(posts, known, policy, now).actions
        if isinstance(action, Flip) and _is_waiting(known.releases.get(action.post))
    }
    by_id = {post.id: post for post in posts}
    added = [
        launch
        for record in known.releases.values()
        if _is_waiting(record) and record.post not in flips
        for launch in _launches(record, by_id.get(record.post), policy, now)
        if launch.key not in view.deliveries
    ]
    coming = [planned for flip in flips.values() for planned in flip.deliveries]
    held = {p.key for p in coming if _could_be_out(p, by_id[p.key.post], policy, now, since)}
    held |= {launch.key for launch in added}
    held |= {
        record.key
        for record in view.deliveries.values()
        if _could_be_settled(record, now, is_begun=record.key.post in flips)
        or _could_have_moved(record, known, by_id.get(record.key.post), policy, now)
    }
    return Reconciliation(
        seen=tuple(seen),
        old=tuple(_baseline(p) for p in posts if p.id not in view.releases and is_old(p, now)),
        begun=tuple(_begun(flip, by_id[post], now) for post, flip in flips.items()),
        added=tuple(added),
        held=tuple(sorted(held)),
    )


def _edits(post: Post, record: ReleaseRecord | None) -> Iterator[Observe]:
    if record is None or record.state is ReleaseState.BASELINE:
        return
    if record.missing_since is not None:
        yield Observe.of(post, Sight.BACK, "its file is there again")
    if (post.path, post.digest, post.release_at) != (
        record.path,
        record.digest,
        record.release_at,
    ):
        yield Observe.of(post, Sight.MOVED, "its file was edited")


def _as_the_files_say(posts: Sequence[Post], view: LedgerView, now: datetime) -> LedgerView:
    """Give the view as it is once edits are known, with nothing that makes a release wait."""
    releases = {
        post: replace(record, failures=0, retry_at=None) for post, record in view.releases.items()
    }
    for post in posts:
        record = releases.get(post.id)
        if record is None:
            continue
        is_redated = record.release_at != post.release_at
        record = replace(
            record,
            path=post.path,
            digest=post.digest,
            release_at=post.release_at,
            requested_at=None if is_redated else record.requested_at,
            missing_since=None,
        )
        is_early = _is_early(record, post, now)
        releases[post.id] = replace(record, requested_at=now) if is_early else record
    return replace(view, restored="", adopted_at=view.adopted_at or now, releases=releases)


def _is_early(record: ReleaseRecord, post: Post, now: datetime) -> bool:
    is_public = post.state is PostState.PUBLISHED and _is_waiting(record)
    return is_public and (record.due_at is None or record.due_at > now)


def _is_waiting(record: ReleaseRecord | None) -> bool:
    return record is not None and record.state in _WAITING


def _launches(
    record: ReleaseRecord, post: Post | None, policy: Policy, now: datetime
) -> Iterator[PlannedDelivery]:
    """Give the launches of a release that cannot be begun now and may have been meanwhile.

    Of a post that is missing nobody knows what its file says; but what this copy knew to be gone
    is taken for gone ever since. A file that always said published tells nothing, either.
    """
    due_at = record.due_at or now
    if post is None and record.state is ReleaseState.GONE:
        return
    for channel in policy.channels:
        at = due_at if post is None else planned_at(post, policy, channel.name, due_at)
        is_silent = post is None or post.withheld_until is not None
        if at is not None and (is_silent or at <= now):
            key = DeliveryKey(site=policy.site, post=record.post, channel=channel.name)
            yield PlannedDelivery(key=key, at=at)


def _could_be_out(
    planned: PlannedDelivery, post: Post, policy: Policy, now: datetime, since: datetime | None
) -> bool:
    """Tell whether a launch may have gone out although this copy says that it was not begun.

    A file that says published may have been released ahead of its date, at any time ``since``.
    """
    if planned.at <= now:
        return True
    if post.state is not PostState.PUBLISHED:
        return False
    earliest = planned_at(post, policy, planned.key.channel, since or _LONG_AGO)
    return earliest is not None and earliest <= now


def _could_have_moved(
    record: DeliveryRecord, view: LedgerView, post: Post | None, policy: Policy, now: datetime
) -> bool:
    """Tell whether a coming launch may have gone out: its post was given an earlier instant."""
    release = view.releases.get(record.key.post)
    if record.state not in (_D.PLANNED, _D.CLAIMED) or record.key.occasion != LAUNCH:
        return False
    if post is None or release is None:
        return False
    at = planned_at(post, policy, record.key.channel, release.due_at or record.due_at)
    return at is not None and at <= now


def _could_be_settled(record: DeliveryRecord, now: datetime, *, is_begun: bool) -> bool:
    """Tell whether a delivery of this copy may have been sent, or settled, after it was made."""
    match record.state:
        case _D.PLANNED | _D.CLAIMED:
            return record.due_at <= now
        case _D.FAILED | _D.HELD:
            return True  # a person may have had it sent
        case _D.SENDING | _D.UNCERTAIN:
            return True  # not found, it may have been sent again since, in other words
        case _D.CANCELLED:
            is_planned_again = is_begun and record.is_replanned
            return is_planned_again and record.key.occasion != LAUNCH and record.due_at <= now
        case _:
            return False  # over


def _begun(flip: Flip, post: Post, now: datetime) -> Begun:
    return Begun(
        flip=flip,
        is_early=post.release_at is None or post.release_at > now,
        path=post.path,
        digest=post.digest,
        release_at=post.release_at,
    )


def _baseline(post: Post) -> Observe:
    why = "was public when an older copy of the ledger was put back"
    if post.state is not PostState.PUBLISHED:
        why = "came due while an older copy of the ledger was in its place"
    return Observe.of(post, Sight.BASELINE, why)
