"""Posts that say published, and that their generator would keep back until their date.

publisher has it build what is to come, so it keeps them back itself: they count as scheduled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from publisher.model import READDRESSED, LedgerView, Post, PostState, ReleaseRecord, ReleaseState


def with_withheld(posts: Iterable[Post], view: LedgerView, now: datetime) -> tuple[Post, ...]:
    """Give the posts, with those that wait for their date as scheduled.

    What the ledger knows as public stays public, and so does what is released ahead of its date.
    """
    return tuple(_as_known(post, view.releases.get(post.id), now) for post in posts)


def _as_known(post: Post, record: ReleaseRecord | None, now: datetime) -> Post:
    until = post.withheld_until
    if post.state is not PostState.PUBLISHED or until is None:
        return post
    if _waits(post, record, until, now):
        at = post.release_at or until
        return replace(post, state=PostState.SCHEDULED, explicit=True, release_at=at)
    if post.release_at is None and record is not None and record.release_at == until:
        return replace(post, release_at=until)  # it waited for that, and was not edited since
    return post


def _waits(post: Post, record: ReleaseRecord | None, until: datetime, now: datetime) -> bool:
    if record is None or record.state is ReleaseState.GONE:
        return until > now
    if record.state is ReleaseState.WITHDRAWN:
        return until > now and READDRESSED not in record.reason
    if record.state is ReleaseState.SCHEDULED:  # until it is flipped, by whichever clock
        return until > now or post.release_at in (None, until)
    return False
