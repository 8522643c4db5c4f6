"""The ledger as the planner sees it, and the policy it decides by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from publisher.model.causes import REPLANNED, Cause
from publisher.model.channel import DeliveryKey
from publisher.model.states import ChannelName, DeliveryState, PostId, PostState, ReleaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """One row of ``releases``."""

    post: PostId
    path: str  # where the post was seen last
    digest: str
    state: ReleaseState
    release_at: datetime | None  # as the file says
    requested_at: datetime | None = None  # `publisher release`: ahead of the file's date
    schedule_rev: int = 1
    first_seen_at: datetime | None = None
    missing_since: datetime | None = None
    flip_gen: int | None = None  # of its flip; at rest: of the change that a build owes its page
    verified_gen: int | None = None
    live_at: datetime | None = None
    verified_url: str | None = None  # the address that was seen to show the post
    failures: int = 0  # consecutive failures of the step under way
    retry_at: datetime | None = None  # the step is not tried before
    reason: str = ""  # what failed last, or why it is held; for people
    cause: Cause | None = None  # the same for decisions

    @property
    def due_at(self) -> datetime | None:
        """Give the instant that counts: the file's, or the earlier one asked for by hand."""
        if self.requested_at is None or self.release_at is None:
            return self.requested_at or self.release_at
        return min(self.requested_at, self.release_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """One row of ``deliveries`` with what its attempts say."""

    id: int
    key: DeliveryKey
    state: DeliveryState
    reason: str = ""  # for people
    cause: Cause | None = None  # the same for decisions
    due_at: datetime  # when it should go out; lateness counts from here
    not_before: datetime  # not tried before: due_at, or later after a refusal
    text: str | None = None  # re-announcements carry their own text
    fence: int = 0
    owner: str | None = None
    lease_until: datetime | None = None
    draft: str | None = None
    remote_id: str | None = None
    remote_url: str | None = None
    evidence: str | None = None
    attempts: int = 0
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None

    @property
    def is_replanned(self) -> bool:
        """Tell whether a new release of its post plans it again, if none of its attempts is out."""
        is_called_off = self.state is DeliveryState.CANCELLED and self.cause in REPLANNED
        return is_called_off and self.evidence is None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawRequest:
    """A person asked to unpublish a post: its file is to say ``to``, draft or scheduled."""

    post: PostId
    to: PostState
    reason: str = ""
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RescheduleRequest:
    """A person asked to move a release; void once the file no longer says ``from_at``."""

    post: PostId
    from_at: datetime
    to_at: datetime
    reason: str = ""
    asked_at: datetime


Request = WithdrawRequest | RescheduleRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """What is known at one instant; a consistent read."""

    adopted_at: datetime | None = None
    dirty_gen: int = 0  # counts what changed: flips, withdrawals, edits of a staged site
    built_gen: int = 0  # the newest change that a successful rebuild covers
    rebuild_failures: int = 0
    rebuild_retry_at: datetime | None = None
    rebuild_reason: str = ""
    releases: Mapping[PostId, ReleaseRecord] = field(default_factory=dict)
    deliveries: Mapping[DeliveryKey, DeliveryRecord] = field(default_factory=dict)
    closed_channels: Mapping[ChannelName, str] = field(default_factory=dict)  # name -> reason
    unusable_channels: Mapping[ChannelName, str] = field(default_factory=dict)  # lacking a secret
    requests: tuple[Request, ...] = ()  # asked for by command, not performed yet
    restored: str = ""  # not empty: an older copy was put back; why, and nothing is sent

    @property
    def is_site_stuck(self) -> bool:
        """Tell whether the site as it is cannot be built."""
        return self.rebuild_failures > 0 and self.dirty_gen > self.built_gen


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlan:
    """What the planner needs to know of a channel."""

    name: ChannelName
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of ``jobs.yaml`` that decide; durations as ``timedelta``."""

    site: str
    channels: tuple[ChannelPlan, ...] = ()
    max_late: timedelta = timedelta(hours=6)
    stale_after: timedelta = timedelta(hours=24)
    burst: int = 5
    gone_after: timedelta = timedelta(seconds=60)
