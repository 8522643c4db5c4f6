"""The calendar: run ``plan`` forward over virtual time and list what would happen.

Pure. Every action is taken to succeed at once; what fails in reality only happens later.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from publisher.model import (
    Action,
    Adopt,
    Cause,
    Deliver,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Flip,
    Hold,
    LedgerView,
    Move,
    Observe,
    Policy,
    Post,
    PostId,
    PostState,
    Rebuild,
    Reconcile,
    ReleaseRecord,
    ReleaseState,
    Settle,
    Sight,
    Verify,
)
from publisher.plan import plan

# A plan that never becomes empty would be a mistake of ours; no real instant needs as many.
ROUNDS_PER_INSTANT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of the calendar: a release, or one announcement of it."""

    at: datetime
    action: Flip | Deliver
    post: PostId


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    happenings: tuple[Happening, ...]
    holds: tuple[Hold, ...]  # as of now: what waits, and for whom
    needs_adoption: bool


def preview(
    posts: Sequence[Post],
    view: LedgerView,
    policy: Policy,
    now: datetime,
    *,
    until: datetime | None = None,
    unreadable: frozenset[str] = frozenset(),
) -> Calendar:
    """Return what would happen from ``now`` on, up to and including ``until``.

    A ledger that was never adopted is shown as it would go on after `publisher adopt`.
    """
    first = plan(posts, view, policy, now, unreadable=unreadable)
    needs_adoption = view.adopted_at is None and not first.actions
    if needs_adoption:
        view = _adopt(posts, view, now)
    world = _World(posts, view, policy, unreadable)
    happenings: list[Happening] = []
    at: datetime | None = now
    while at is not None and (until is None or at <= until):
        happenings += world.settle(at)
        at = world.next_at(at)
    return Calendar(happenings=tuple(happenings), holds=first.holds, needs_adoption=needs_adoption)


def _adopt(posts: Iterable[Post], view: LedgerView, now: datetime) -> LedgerView:
    releases = dict(view.releases)
    for post in posts:
        is_due = post.release_at is not None and post.release_at <= now
        is_old = post.state is PostState.PUBLISHED or (post.state is PostState.SCHEDULED and is_due)
        if is_old and post.id not in releases:
            releases[post.id] = _record(post, ReleaseState.BASELINE)
    return replace(view, adopted_at=now, releases=releases)


def _record(post: Post, state: ReleaseState) -> ReleaseRecord:
    return ReleaseRecord(
        post=post.id, path=post.path, digest=post.digest, state=state, release_at=post.release_at
    )


class _World:
    """Posts and ledger as they would be; actions change them in memory only.

    Each instant plans only the posts that have something to do then: a calendar of 10,000
    posts costs what happens in it, not its square.
    """

    def __init__(
        self, posts: Sequence[Post], view: LedgerView, policy: Policy, unreadable: frozenset[str]
    ) -> None:
        self._posts = {post.id: post for post in posts}
        self._view = view
        self._releases = dict(view.releases)
        self._deliveries: dict[PostId, dict[DeliveryKey, DeliveryRecord]] = {}
        for key, record in view.deliveries.items():
            self._deliveries.setdefault(key.post, {})[key] = record
        self._policy = policy
        self._unreadable = unreadable
        self._alarms: list[tuple[datetime, PostId]] = []
        self._awake: set[PostId] = set(self._posts) | set(self._releases)

    def next_at(self, after: datetime) -> datetime | None:
        """Give the next instant at which any post has something to do."""
        while self._alarms:
            at = self._alarms[0][0]
            while self._alarms and self._alarms[0][0] == at:
                self._awake.add(heapq.heappop(self._alarms)[1])
            if at > after:
                return at
        return None

    def settle(self, now: datetime) -> list[Happening]:
        """Perform everything that is due, until nothing is."""
        happenings: list[Happening] = []
        for _ in range(ROUNDS_PER_INSTANT):
            actions = self._plan(now)
            if not actions:
                self._awake.clear()
                return happenings
            for action in actions:
                self._apply(action, now)
                if isinstance(action, Flip):
                    happenings.append(Happening(at=now, action=action, post=action.post))
                elif isinstance(action, Deliver):
                    happenings.append(Happening(at=now, action=action, post=action.key.post))
        raise AssertionError(f"the plan for {now} does not come to an end")

    def _plan(self, now: datetime) -> list[Action]:
        """Plan for the posts that are awake, and set the alarm of each for later."""
        posts = [self._posts[i] for i in sorted(self._awake) if i in self._posts]
        view = replace(
            self._view,
            releases={i: self._releases[i] for i in self._awake if i in self._releases},
            deliveries={
                key: record
                for i in self._awake
                for key, record in self._deliveries.get(i, {}).items()
            },
        )
        result = plan(posts, view, self._policy, now, unreadable=self._unreadable)
        for hold in result.holds:
            if hold.until is not None and hold.until > now and hold.post is not None:
                heapq.heappush(self._alarms, (hold.until, hold.post))
        return list(result.actions)

    def _apply(self, action: Action, now: datetime) -> None:
        match action:
            case Adopt():
                self._view = replace(self._view, adopted_at=now)
            case Observe():
                self._observe(action, now)
            case Flip():
                self._flip(action, now)
            case Rebuild():
                self._view = replace(self._view, built_gen=action.gen, rebuild_retry_at=None)
            case Verify():
                url = self._posts[action.post].url
                self._change(action.post, state=ReleaseState.LIVE, live_at=now, verified_url=url)
            case Move():
                record = self._delivery(action.key)
                self._keep(replace(record, due_at=action.at, not_before=action.at))
            case Settle():
                record = self._delivery(action.key)
                self._keep(replace(record, state=action.to, cause=action.cause, reason=action.why))
            case Deliver() | Reconcile():
                record = self._delivery(action.key)
                self._keep(replace(record, state=DeliveryState.CONFIRMED))
            case _:
                assert_never(action)

    def _observe(self, action: Observe, now: datetime) -> None:
        post = self._posts.get(action.post)
        match action.sight:
            case Sight.NEW | Sight.BASELINE if post is not None:
                is_new = action.sight is Sight.NEW
                state = ReleaseState.SCHEDULED if is_new else ReleaseState.BASELINE
                gen = known.flip_gen if (known := self._releases.get(action.post)) else None
                self._releases[action.post] = replace(_record(post, state), flip_gen=gen)
            case Sight.MISSING:
                self._change(action.post, missing_since=now)
            case Sight.GONE:
                self._close(action, ReleaseState.GONE, Cause.DELETED)
            case Sight.WITHDRAWN:
                self._close(action, ReleaseState.WITHDRAWN, Cause.WITHDRAWN)
            case _:
                known = self._releases[action.post]
                is_redated = action.release_at != known.release_at
                self._change(
                    action.post,
                    requested_at=None if is_redated else known.requested_at,
                    path=action.path,
                    digest=action.digest,
                    release_at=action.release_at,
                    missing_since=None,
                )

    def _close(self, seen: Observe, state: ReleaseState, cause: Cause) -> None:
        post, gen = seen.post, None
        if self._releases[post].state in (ReleaseState.REVEALING, ReleaseState.LIVE):
            gen = self._view.dirty_gen + 1
            self._view = replace(self._view, dirty_gen=gen)
        self._change(
            post,
            state=state,
            flip_gen=gen,
            live_at=None,
            requested_at=None,
            cause=seen.cause or cause,
        )
        for record in list(self._deliveries.get(post, {}).values()):
            if record.state in (DeliveryState.PLANNED, DeliveryState.CLAIMED):
                self._keep(replace(record, state=DeliveryState.CANCELLED, cause=cause))

    def _flip(self, action: Flip, now: datetime) -> None:
        post = self._posts[action.post]
        self._posts[action.post] = replace(post, state=PostState.PUBLISHED)
        gen = self._view.dirty_gen + 1
        self._view = replace(self._view, dirty_gen=gen)
        known = self._releases.get(action.post) or _record(post, ReleaseState.SCHEDULED)
        self._releases[action.post] = replace(
            known, state=ReleaseState.REVEALING, flip_gen=gen, retry_at=None
        )
        rows = self._deliveries.setdefault(action.post, {})
        for old in list(rows.values()):
            if old.is_replanned:
                self._keep(replace(old, state=DeliveryState.PLANNED, not_before=old.due_at))
        for planned in action.deliveries:
            row = rows.get(planned.key)
            if row is not None and row.state is DeliveryState.PLANNED:
                self._keep(replace(row, due_at=planned.at, not_before=planned.at))
            elif row is None:
                self._keep(
                    DeliveryRecord(
                        id=0,
                        key=planned.key,
                        state=DeliveryState.PLANNED,
                        due_at=planned.at,
                        not_before=planned.at,
                    )
                )

    def _change(self, post: PostId, **changes: object) -> None:
        self._releases[post] = replace(self._releases[post], **changes)  # type: ignore[arg-type]

    def _delivery(self, key: DeliveryKey) -> DeliveryRecord:
        return self._deliveries[key.post][key]

    def _keep(self, record: DeliveryRecord) -> None:
        self._deliveries.setdefault(record.key.post, {})[record.key] = record
