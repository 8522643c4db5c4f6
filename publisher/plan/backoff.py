"""Whether a release that failed a step, or came too early, still has to wait, and why. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from publisher.model import Cause, ReleaseRecord, ReleaseState
from publisher.plan.builder import PlanBuilder

BACKOFF = (timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=10))
MANY_LOOKS = 30  # at a page that should be live: about a quarter of an hour
SAME_BUILDS = 2  # that left the page wrong: a third of the same files would, too
# Well above every back-off; an instant further ahead was set by a clock that was corrected since.
LONGEST_WAIT = timedelta(hours=1)
# Builds may cost money: of one that leaves the page wrong again and again, few are made. The
# first number of failures for each wait, an hour and then some seven hours after the first.
_REBUILD_WAITS = ((15, timedelta(hours=6)), (9, timedelta(hours=1)))


def is_backing_off(builder: PlanBuilder, record: ReleaseRecord) -> bool:
    """Tell whether the next step of a release has to wait; what is stuck is put to a person.

    It is stuck for as long as the next try, which goes on by itself, does not do better.
    """
    if record.state is not ReleaseState.REVEALING:
        return _was_early(builder, record)
    if record.retry_at is None:
        return False
    is_unbuilt = record.flip_gen is not None and record.flip_gen > builder.view.built_gen
    rest = rebuild_wait(record.failures) if is_unbuilt else timedelta(0)
    has_to_wait = is_ahead(record.retry_at, builder.now, longest=max(rest, LONGEST_WAIT))
    until = record.retry_at if has_to_wait else None
    is_stuck = record.failures >= (SAME_BUILDS if is_unbuilt else MANY_LOOKS)
    cause = Cause.PAGE_WRONG if is_unbuilt else Cause.NOT_LIVE
    if record.flip_gen is None:
        cause, is_stuck = Cause.FLIP_FAILED, True
    if is_stuck or has_to_wait:
        builder.hold(
            record.post,
            cause,
            record.reason,
            until=until,
            needs_person=is_stuck,
            failures=record.failures,
        )
    return has_to_wait


def backoff(failures: int) -> timedelta:
    """Give the wait after the n-th failure in a row: 1, 2, 5, then 10 minutes."""
    return BACKOFF[min(max(failures - 1, 0), len(BACKOFF) - 1)]


def rebuild_wait(failures: int) -> timedelta:
    """Give the least wait before another build after so many that left the same fault."""
    return next((wait for first, wait in _REBUILD_WAITS if failures >= first), timedelta(0))


def _was_early(builder: PlanBuilder, record: ReleaseRecord) -> bool:
    """Tell whether the site's clock, when last asked, held a release that is not begun."""
    is_told = builder.clock_ahead is not None
    if is_told or record.retry_at is None or record.retry_at <= builder.now:
        return False
    builder.hold(
        record.post,
        record.cause or Cause.CLOCK_AHEAD,
        record.reason,
        until=record.retry_at,
        needs_person=True,
    )
    return True


def is_ahead(
    retry_at: datetime | None, now: datetime, *, longest: timedelta = LONGEST_WAIT
) -> bool:
    """Tell whether a step still has to wait until ``retry_at``."""
    return retry_at is not None and timedelta(0) < retry_at - now <= longest
