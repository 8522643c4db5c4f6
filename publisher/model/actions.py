"""What the planner returns: actions to perform, holds, the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from publisher.model.causes import Cause
from publisher.model.channel import DeliveryKey
from publisher.model.content import Post
from publisher.model.states import ChannelName, DeliveryState, PostId


class Sight(StrEnum):
    """What a scan saw of a post that the ledger should remember."""

    NEW = "new"  # scheduled, in the future, never seen
    BASELINE = "baseline"  # public at first sight
    MOVED = "moved"  # its date, path or content changed
    MISSING = "missing"  # its file is not there
    BACK = "back"  # its file is there again
    GONE = "gone"  # missing for good
    WITHDRAWN = "withdrawn"  # the file no longer says published


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe:
    """Record what a scan saw; no effect outside the ledger."""

    post: PostId
    sight: Sight
    path: str = ""
    digest: str = ""
    release_at: datetime | None = None
    why: str = ""
    cause: Cause | None = None

    @classmethod
    def of(cls, post: Post, sight: Sight, why: str, *, cause: Cause | None = None) -> Self:
        """Make it from a post as it was just scanned."""
        return cls(
            post=post.id,
            sight=sight,
            path=post.path,
            digest=post.digest,
            release_at=post.release_at,
            why=why,
            cause=cause,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDelivery:
    key: DeliveryKey
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """Make the post's file say "published", and its preview blocks "revealed".

    ``deliveries`` are written to the ledger in the transaction that begins the release.
    """

    post: PostId
    at: datetime  # the instant that is due
    deliveries: tuple[PlannedDelivery, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """Run the site generator once for all posts named."""

    posts: tuple[PostId, ...]
    gen: int
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Look at the output and the live page of one post."""

    post: PostId
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A waiting delivery is due at another instant now, since its post or rule was edited."""

    key: DeliveryKey
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Send one planned delivery."""

    key: DeliveryKey
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """Find out what became of an uncertain delivery."""

    key: DeliveryKey
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Move a waiting delivery to ``held``, ``cancelled`` or ``planned`` without sending."""

    key: DeliveryKey
    to: DeliveryState
    cause: Cause
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Begin a ledger on a site where nothing was public before."""

    why: str = ""


Action = Adopt | Observe | Flip | Rebuild | Verify | Move | Deliver | Reconcile | Settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why nothing happens yet, as a value; sentences are made of it in ``views.words``.

    ``needs_person`` is true when waiting alone will not help. ``reason`` is what was observed,
    for people; ``facts`` are names and counts that belong to the cause.
    """

    cause: Cause
    post: PostId | None = None  # None: the whole site
    key: DeliveryKey | None = None  # None: the release of the post
    reason: str = ""
    until: datetime | None = None
    needs_person: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def channel(self) -> ChannelName | None:
        return self.key.channel if self.key else None

    @property
    def occasion(self) -> str | None:
        return self.key.occasion if self.key else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may be done now, what waits and why, and the next instant worth waking for."""

    actions: tuple[Action, ...] = ()
    holds: tuple[Hold, ...] = ()
    next_at: datetime | None = None
