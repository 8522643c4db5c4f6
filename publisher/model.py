"""Frozen values that every layer shares: posts, deliveries, actions, the ledger as seen.

No behaviour that needs the outside world belongs here. Every instant is an aware datetime in
UTC; every duration a ``timedelta``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol

PostId = NewType("PostId", str)
ChannelName = NewType("ChannelName", str)

LAUNCH = "launch"

# How the reason of a cancelled delivery begins when a new release of its post plans it again.
REPLANNED = ("withdrawn", "deleted")


class PostState(StrEnum):
    """What the file of a post says about its publication."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"


class ReleaseState(StrEnum):
    """RELEASE states in the ledger."""

    BASELINE = "baseline"  # was public before publisher came; never announced by itself
    SCHEDULED = "scheduled"  # seen, waits for its instant
    REVEALING = "revealing"  # being flipped, rebuilt or verified
    LIVE = "live"  # verified on the page; the gate for announcements is open
    WITHDRAWN = "withdrawn"  # was under way or live, and its file no longer says so
    GONE = "gone"  # its file disappeared


class DeliveryState(StrEnum):
    """DELIVERY states in the ledger; edges in ``EDGES``."""

    PLANNED = "planned"  # nothing was sent by any unresolved attempt
    CLAIMED = "claimed"  # leased by one process; text rendered, media uploaded
    SENDING = "sending"  # intent committed; the request may leave at any time
    UNCERTAIN = "uncertain"  # a request may have been accepted
    SENT = "sent"  # accepted, with evidence
    CONFIRMED = "confirmed"  # read back, or not readable by design
    FAILED = "failed"  # refused for good, nothing unresolved
    HELD = "held"  # a person must decide
    CANCELLED = "cancelled"  # will not be sent: withdrawn, deleted, switched off
    SKIPPED = "skipped"  # will not be sent: stale or baseline


_D = DeliveryState
EDGES: frozenset[tuple[DeliveryState, DeliveryState]] = frozenset(
    {
        (_D.PLANNED, _D.CLAIMED),
        (_D.PLANNED, _D.CANCELLED),
        (_D.PLANNED, _D.SKIPPED),
        (_D.PLANNED, _D.HELD),
        (_D.CLAIMED, _D.PLANNED),
        (_D.CLAIMED, _D.SENDING),
        (_D.CLAIMED, _D.CANCELLED),
        (_D.SENDING, _D.SENT),
        (_D.SENDING, _D.PLANNED),
        (_D.SENDING, _D.FAILED),
        (_D.SENDING, _D.UNCERTAIN),
        (_D.UNCERTAIN, _D.SENT),
        (_D.UNCERTAIN, _D.PLANNED),
        (_D.UNCERTAIN, _D.SENDING),
        (_D.UNCERTAIN, _D.HELD),
        (_D.SENT, _D.CONFIRMED),
        (_D.SENT, _D.HELD),
        (_D.FAILED, _D.PLANNED),
        (_D.FAILED, _D.CANCELLED),
        (_D.HELD, _D.PLANNED),
        (_D.HELD, _D.SENT),
        (_D.HELD, _D.CANCELLED),
        (_D.CANCELLED, _D.PLANNED),
        (_D.SKIPPED, _D.PLANNED),
    }
)


class Outcome(StrEnum):
    """How an attempt ended; an attempt without outcome is open."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    FOUND = "found"
    ABSENT = "absent"


# --- posts ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    name: str
    part: int
    parts: int = 0  # how many posts the series has on disk; 0 until the whole site is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    url: str  # absolute
    path: str | None  # file below the site root that holds it, posix, None when remote
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceRule:
    """What a post's ``announce:`` says for one channel; ``None`` means the channel's default."""

    enabled: bool = True
    text: str | None = None
    subject: str | None = None
    after: timedelta | None = None
    at: datetime | None = None  # wins over ``after``


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One content file: the author's intent.

    ``path`` is posix and relative to the folder of ``jobs.yaml``, as shown in errors.
    ``explicit`` is true when the file says "scheduled" in so many words; generators whose state
    is a mere draft flag cannot say it, so a date alone is weaker evidence.
    """

    id: PostId
    path: str
    digest: str  # sha256 of the file's bytes
    state: PostState
    explicit: bool = True
    release_at: datetime | None = None
    release_zone_note: str = ""  # e.g. "02:30 exists twice that night, +02:00 taken"
    title: str = ""
    description: str = ""
    slug: str = ""
    url: str = ""  # absolute
    tags: tuple[str, ...] = ()
    series: Series | None = None
    hero: Image | None = None
    teaser: str | None = None
    announce_off: bool = False  # ``announce: false``
    announce: Mapping[ChannelName, AnnounceRule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with the input, for ``check`` and the log; never stops other posts."""

    rule: str  # kebab-case, documented in docs/checks.md
    severity: str  # "error" | "warning"
    path: str
    line: int | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message}" + (f"\n  {self.hint}" if self.hint else "")


# --- announcements and channels -------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DeliveryKey:
    """The identity of a delivery: whatever is repeated under it is the same announcement."""

    site: str
    post: PostId
    channel: ChannelName
    occasion: str = LAUNCH

    @property
    def idempotency_key(self) -> str:
        """Give the stable 64-character key that services and files know this delivery by."""
        joined = "\x1f".join((self.site, self.post, self.channel, self.occasion))
        return hashlib.sha256(joined.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.post}/{self.channel}/{self.occasion}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a channel is asked to send; final, nothing left to decide."""

    text: str
    link: str
    title: str
    description: str = ""
    subject: str | None = None  # mail channels only
    html: str | None = None  # mail channels only
    image: Image | None = None
    image_bytes: bytes | None = field(default=None, repr=False)
    at: datetime | None = None  # when it was written for sending; a mail's Date


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a channel accepts. ``count`` measures a text as the service does."""

    length: int | None = None
    count: Callable[[str], int] = len
    subject_length: int | None = None
    mail: bool = False  # wants subject, plain text and HTML
    cost_usd: Callable[[str], float] | None = None


class RecoveryKind(StrEnum):
    """What can be done about an attempt of unknown outcome (RELIABILITY 4.4)."""

    KEY = "key"  # the service honours our key: the same request may be repeated
    LOOKUP = "lookup"  # the service can be asked whether it holds the post
    NONE = "none"  # only a person can look


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    kind: RecoveryKind
    key_life: timedelta | None = None  # KEY: None means that a repeat is harmless for ever
    settle: timedelta = timedelta(0)  # LOOKUP: how long "absent" may be a lagging index
    look_at: str = ""  # where a person looks, a URL or a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the service answered."""

    remote_id: str
    remote_url: str | None = None
    note: str = ""


class Channel(Protocol):
    """A named destination. One instance serves one tick thread at a time.

    A channel composes nothing, stores nothing, retries nothing, reads no clock and no
    environment. It may also offer ``CanPrepare`` and ``CanFind``.
    """

    limits: Limits
    recovery: Recovery

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        """Send once.

        :raises NotDelivered: when certainly nothing went out.
        :raises DuplicateContent: when the service says that it already holds the content.
        Any other exception means that the outcome is unknown.
        """


class CanPrepare(Protocol):
    def prepare(self, message: Message, *, key: str) -> str | None:
        """Do what must precede the send and has no public effect: upload media, make a draft.

        May be repeated. Returns the reference that ``send`` and ``find`` receive as ``draft``.
        :raises NotDelivered: with the same meaning as in ``send``.
        """


class CanFind(Protocol):
    def find(
        self, message: Message, *, key: str, draft: str | None, since: datetime
    ) -> Receipt | None:
        """Look the announcement up among what the service holds; never writes.

        ``since`` is when the first attempt began. ``None`` means absent; any exception means
        that the look-up itself failed and says nothing.
        """


# --- the ledger as seen ---------------------------------------------------------------------


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
    flip_gen: int | None = None  # set once the flip is on disk
    verified_gen: int | None = None
    live_at: datetime | None = None
    verified_url: str | None = None  # the address that was seen to show the post
    failures: int = 0  # consecutive failures of the step under way
    retry_at: datetime | None = None  # the step is not tried before
    reason: str = ""  # what failed last, or why it is held

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
    reason: str = ""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """What is known at one instant; a consistent read."""

    adopted_at: datetime | None = None
    dirty_gen: int = 0  # counts flips
    built_gen: int = 0  # the newest flip that a successful rebuild covers
    rebuild_failures: int = 0
    rebuild_retry_at: datetime | None = None
    rebuild_reason: str = ""
    releases: Mapping[PostId, ReleaseRecord] = field(default_factory=dict)
    deliveries: Mapping[DeliveryKey, DeliveryRecord] = field(default_factory=dict)
    closed_channels: Mapping[ChannelName, str] = field(default_factory=dict)  # name -> reason


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


# --- actions --------------------------------------------------------------------------------


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
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Begin a ledger on a site where nothing was public before."""

    why: str = ""


Action = Adopt | Observe | Flip | Rebuild | Verify | Move | Deliver | Reconcile | Settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why nothing happens yet: the sentence that ``why`` and ``status`` show.

    ``needs_person`` is true when waiting alone will not help; then ``why`` names the command.
    """

    post: PostId | None = None  # None: the whole site
    channel: ChannelName | None = None
    occasion: str | None = None
    why: str
    until: datetime | None = None
    needs_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may be done now, what waits and why, and the next instant worth waking for."""

    actions: tuple[Action, ...] = ()
    holds: tuple[Hold, ...] = ()
    next_at: datetime | None = None
