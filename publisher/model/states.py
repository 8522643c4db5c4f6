"""Names, and the states of posts, releases, deliveries and attempts."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

PostId = NewType("PostId", str)
ChannelName = NewType("ChannelName", str)

LAUNCH = "launch"


class PostState(StrEnum):
    """What the file of a post says about its publication."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"


class Embargo(StrEnum):
    """How the built site holds a post that is not released."""

    REDACT = "redact"  # its page is there, with filler for every word
    TEASER = "teaser"  # its page is there, with title, description, teaser and stamp
    OMIT = "omit"  # it has no page
    OFF = "off"  # the site itself withholds it


class ReleaseState(StrEnum):
    """RELEASE states in the ledger."""

    BASELINE = "baseline"  # was public when the site was adopted; never announced by itself
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


# In ``evidence``: the service refused because it holds the same content already. While that is
# looked for, the delivery is uncertain.
DUPLICATE = "duplicate"


class Outcome(StrEnum):
    """How an attempt ended; an attempt without outcome is open."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    FOUND = "found"
    ABSENT = "absent"
