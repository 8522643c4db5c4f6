"""Why something waits, failed or ended: one value for every decision, never a sentence.

The ledger keeps the cause of each release and delivery in a column; the planner gives one to each
hold. Sentences for people are made from it at the very end.
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """A new value needs a migration that adds it to the ledger's table ``causes``."""

    # the whole site
    NOT_ADOPTED = "not_adopted"  # it has public posts that the ledger never recorded
    RESTORED = "restored"  # the ledger is an older copy; or a delivery may be out since
    UNTRUSTED = "untrusted"  # a commit that came by git changes what is run here
    BUILD_FAILED = "build_failed"

    # a step or delivery that comes next
    DUE = "due"
    NOT_BUILT = "not_built"
    NOT_CHECKED = "not_checked"  # built, and not looked at yet
    NOT_READ_BACK = "not_read_back"  # accepted, and not confirmed yet

    # a release
    DRAFT = "draft"
    DRAFT_OVER = "draft_over"  # a draft whose date has passed
    NO_DATE = "no_date"
    NOT_DUE = "not_due"  # waits for its instant; a delivery, too
    ALREADY_PUBLIC = "already_public"  # taken as public, and its file says scheduled
    RENAMED = "renamed"
    UNREADABLE = "unreadable"
    MISSING = "missing"  # its file is not there
    CLOCK_AHEAD = "clock_ahead"  # our clock is ahead of the site's
    FLIP_FAILED = "flip_failed"
    PAGE_WRONG = "page_wrong"  # built, and the page does not show the post: build again
    NOT_LIVE = "not_live"  # the live page does not show the post yet

    # a release that ended, and deliveries cancelled with it
    WITHDRAWN = "withdrawn"
    DELETED = "deleted"
    RESCHEDULED = "rescheduled"  # at rest; its page shows the old date
    READDRESSED = "readdressed"  # withdrawn to be looked at under its new address

    # a delivery that waits
    PAGE_NOT_PUBLIC = "page_not_public"
    SENDING = "sending"
    SWITCHED_OFF = "switched_off"  # by `announce:` in the post
    POST_MISSING = "post_missing"
    CHANNEL_REMOVED = "channel_removed"  # from jobs.yaml
    CHANNEL_CLOSED = "channel_closed"
    CHANNEL_UNUSABLE = "channel_unusable"  # the channel cannot be opened
    OVERDUE = "overdue"  # due for a while, and not sent
    REFUSED = "refused"  # certainly nothing went out
    INTERRUPTED = "interrupted"  # its process ended
    UNKNOWN_OUTCOME = "unknown_outcome"  # a request may have been accepted

    # a delivery that a person settles, or settled
    TOO_LATE = "too_late"
    NOT_SEEN = "not_seen"  # accepted, and absent when read back
    TEXT_UNUSABLE = "text_unusable"  # the announcement cannot be written or prepared
    TEXT_REPEATED = "text_repeated"  # the channel refuses a text that it has had
    DUPLICATE = "duplicate"  # the service says that it holds it already
    INCOMPLETE = "incomplete"  # accepted for some recipients only
    ID_TAKEN = "id_taken"  # the service named the post of another delivery
    HELD = "held"  # by something that gave no cause
    RETRIED = "retried"
    DROPPED = "dropped"


# What a new release of its post plans again, when it was cancelled because of one of these.
REPLANNED = frozenset({Cause.WITHDRAWN, Cause.DELETED})
