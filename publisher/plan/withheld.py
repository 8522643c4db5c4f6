"""Posts that say published, and that their generator would keep back until their date.

publisher has it build what is to come, so it keeps them back itself: they count as scheduled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from publisher.model import LedgerView, Post, PostState, ReleaseState


def with_withheld(posts: Iterable[Post], view: LedgerView, now: datetime) -> tuple[Post, ...]:
    """Give the posts, with those that wait for their date as scheduled.

    What the ledger knows as public stays public, and so does what is released ahead of its date.
    """
    return tuple(
        replace(post, state=PostState.SCHEDULED, explicit=True) if _waits(post, view, now) else post
        for post in posts
    )


def _waits(post: Post, view: LedgerView, now: datetime) -> bool:
    until = post.withheld_until
    if post.state is not PostState.PUBLISHED or until is None:
        return False
    record = view.releases.get(post.id)
    if record is None or record.state in (ReleaseState.WITHDRAWN, ReleaseState.GONE):
        return until > now
    return record.state is ReleaseState.SCHEDULED  # until it is flipped, by whichever clock
