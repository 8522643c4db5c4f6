"""The state of a post that counts: what its file says, its date, and what the ledger knows of it.

A date to come is a schedule, whatever the state says, unless it says draft: where an embargo
holds the post, or its generator would wait for the date. A mere draft flag with a date that had
passed when the post was first seen is a draft.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from publisher.model import Cause, LedgerView, Post, PostState, ReleaseRecord, ReleaseState


def effective(posts: Iterable[Post], view: LedgerView, now: datetime) -> tuple[Post, ...]:
    """Give the posts in the state that counts at ``now``.

    What the ledger knows as public stays public, and so does what is released ahead of its date.
    """
    return tuple(_as_known(post, view.releases.get(post.id), now) for post in posts)


def _as_known(post: Post, record: ReleaseRecord | None, now: datetime) -> Post:
    if _is_old_draft(post, record, now):
        return replace(post, state=PostState.DRAFT, explicit=True)
    until = post.withheld_until
    if post.state is not PostState.PUBLISHED or until is None:
        return post
    if _waits(post, record, until, now):
        at = post.release_at or until
        return replace(post, state=PostState.SCHEDULED, explicit=True, release_at=at)
    if post.release_at is None and record is not None and record.release_at == until:
        return replace(post, release_at=until)  # it waited for that, and was not edited since
    return post


def _is_old_draft(post: Post, record: ReleaseRecord | None, now: datetime) -> bool:
    """Tell whether nobody promised a post: its file says "draft", with a date that is over."""
    is_flag = post.state is PostState.SCHEDULED and not post.explicit
    is_over = post.release_at is not None and post.release_at <= now
    is_known = record is not None and record.state is not ReleaseState.BASELINE
    return is_flag and is_over and not is_known


def _waits(post: Post, record: ReleaseRecord | None, until: datetime, now: datetime) -> bool:
    if record is None or record.state is ReleaseState.GONE:
        return until > now
    if record.state is ReleaseState.WITHDRAWN:
        return until > now and record.cause is not Cause.READDRESSED
    if record.state is ReleaseState.SCHEDULED:  # until it is flipped, by whichever clock
        return until > now or post.release_at in (None, until)
    return False


def waiting_files(view: LedgerView) -> Collection[str]:
    """Give the files of the posts that the ledger knows, and knows as not released."""
    waits = (ReleaseState.SCHEDULED, ReleaseState.WITHDRAWN, ReleaseState.GONE)
    releases = view.releases.values()
    begun = {r.path for r in releases if r.state is ReleaseState.REVEALING and not r.flip_gen}
    return begun | {r.path for r in releases if r.state in waits}
