"""Whether a release that failed a step, or came too early, still has to wait, and why. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from publisher.model import PostId, ReleaseRecord, ReleaseState
from publisher.plan.draft import Draft

MANY_LOOKS = 30  # at a page that should be live: about a quarter of an hour
# Well above every back-off; an instant further ahead was set by a clock that was corrected since.
LONGEST_WAIT = timedelta(hours=1)


def is_backing_off(draft: Draft, record: ReleaseRecord) -> bool:
    if record.state is not ReleaseState.REVEALING:
        return _was_early(draft, record)
    if not is_ahead(record.retry_at, draft.now):
        return False
    is_stuck = record.flip_gen is None or record.failures >= MANY_LOOKS
    why = f"not live yet: {record.reason}"
    if record.flip_gen is None:
        why = f"the flip failed: {record.reason}{mended(record.post)}"
    elif is_stuck:
        why = f"not live after {record.failures} looks: {record.reason}{mended(record.post)}"
    draft.hold(record.post, why, until=record.retry_at, needs_person=is_stuck)
    return True


def mended(post: PostId) -> str:
    return f"; once that is mended, `publisher retry {post}` goes on at once"


def _was_early(draft: Draft, record: ReleaseRecord) -> bool:
    """Tell whether the site's clock, when last asked, held a release that is not begun."""
    is_told = draft.clock_ahead is not None
    if is_told or record.retry_at is None or record.retry_at <= draft.now:
        return False
    draft.hold(record.post, record.reason, until=record.retry_at, needs_person=True)
    return True


def is_ahead(retry_at: datetime | None, now: datetime) -> bool:
    """Tell whether a step still has to wait until ``retry_at``."""
    return retry_at is not None and timedelta(0) < retry_at - now <= LONGEST_WAIT
