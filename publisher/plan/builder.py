"""A plan in the making: the facts it rests on, and what was decided so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from publisher.model import (
    Action,
    Cause,
    DeliveryKey,
    Hold,
    LedgerView,
    Plan,
    Policy,
    Post,
    PostId,
    PostState,
    ReleaseRecord,
    ReleaseState,
)

CLOCK_TOLERANCE = timedelta(seconds=120)  # between our clock and the site: see decision 0011


def is_unknown(post: Post, view: LedgerView) -> bool:
    return post.id not in view.releases


def is_old(post: Post, now: datetime) -> bool:
    """Tell whether a post is public already, or was due before we saw it."""
    if post.state is PostState.PUBLISHED:
        return True
    return (
        post.state is PostState.SCHEDULED and post.release_at is not None and post.release_at <= now
    )


@dataclass(slots=True)
class PlanBuilder:
    """Collects actions, holds and wake-ups of one call of ``plan``."""

    posts: Sequence[Post]
    view: LedgerView
    policy: Policy
    now: datetime
    unreadable: frozenset[str]
    tree_busy: bool
    clock_ahead: timedelta | None = None
    actions: list[Action] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    wakes: list[datetime] = field(default_factory=list)
    by_id: Mapping[PostId, Post] = field(init=False)
    lost: Mapping[str, ReleaseRecord] = field(init=False)

    def __post_init__(self) -> None:
        self.by_id = {post.id: post for post in self.posts}
        lost = [
            record
            for record in self.view.releases.values()
            if record.post not in self.by_id
            and record.path not in self.unreadable
            and record.state in (ReleaseState.REVEALING, ReleaseState.LIVE)
        ]
        # By content and by path: a post may be renamed, or given another id where it stands.
        self.lost = {key: record for record in lost for key in (record.digest, record.path)}

    def is_early(self, at: datetime) -> bool:
        """Tell whether an instant is still well ahead by the site's clock, whatever ours says."""
        if self.clock_ahead is None:
            return False
        return at - (self.now - self.clock_ahead) > CLOCK_TOLERANCE

    def result(self) -> Plan:
        return Plan(
            actions=tuple(self.actions),
            holds=tuple(self.holds),
            next_at=min((at for at in self.wakes if at > self.now), default=None),
        )

    def hold(
        self,
        what: PostId | DeliveryKey,
        cause: Cause,
        reason: str = "",
        *,
        until: datetime | None = None,
        needs_person: bool = False,
        **facts: object,
    ) -> None:
        key = what if isinstance(what, DeliveryKey) else None
        self.holds.append(
            Hold(
                cause=cause,
                post=what.post if isinstance(what, DeliveryKey) else what,
                key=key,
                reason=reason,
                until=until,
                needs_person=needs_person,
                facts=facts,
            )
        )
        if until is not None:
            self.wakes.append(until)
