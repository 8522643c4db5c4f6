"""What is to be built, and what was built and is to be looked at. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from publisher.model import (
    Cause,
    Flip,
    Hold,
    Observe,
    PostId,
    PostState,
    Rebuild,
    ReleaseState,
    Verify,
)
from publisher.plan.backoff import is_ahead, is_backing_off
from publisher.plan.builder import PlanBuilder

UNDER_WAY = frozenset({ReleaseState.REVEALING, ReleaseState.LIVE})


def rebuild_and_verify(builder: PlanBuilder) -> None:
    """Build what was flipped, look at what was built, build without what was withdrawn."""
    # What was just seen of a post comes first: it may be on its way back.
    seen = {action.post for action in builder.actions if isinstance(action, Observe)}
    unbuilt: list[PostId] = []
    withdrawn: list[PostId] = []  # or still to come: what a page says of them is out of date
    for record in builder.view.releases.values():
        if record.flip_gen is None:
            continue
        is_unbuilt = record.flip_gen > builder.view.built_gen
        if is_unbuilt and record.state not in UNDER_WAY and record.post not in seen:
            withdrawn.append(record.post)
        if record.state is not ReleaseState.REVEALING:
            continue
        post = builder.by_id.get(record.post)
        if post is None or post.state is not PostState.PUBLISHED:
            continue
        if is_backing_off(builder, record):
            continue
        if is_unbuilt:
            unbuilt.append(record.post)
        else:
            builder.actions.append(Verify(post=record.post, why="rebuilt"))
    if unbuilt or withdrawn:
        _rebuild(builder, sorted(unbuilt + withdrawn), _why_built(unbuilt, sorted(withdrawn)))
    elif builder.view.dirty_gen > builder.view.built_gen and not _has_unbuilt(builder):
        _rebuild(builder, (), "the site changed")


def _has_unbuilt(builder: PlanBuilder) -> bool:
    """Tell whether a post waits to be built: its build, when it comes, serves the site too."""
    return any(
        record.flip_gen is not None and record.flip_gen > builder.view.built_gen
        for record in builder.view.releases.values()
    )


def _why_built(flipped: Sequence[PostId], withdrawn: Sequence[PostId]) -> str:
    parts = ["flipped"] if flipped else []
    parts += [f"withdrawn or rescheduled: {', '.join(withdrawn)}"] if withdrawn else []
    return "; ".join(parts)


def _rebuild(builder: PlanBuilder, posts: Sequence[PostId], why_built: str) -> None:
    retry_at, has_failed = builder.view.rebuild_retry_at, builder.view.rebuild_retry_at is not None
    has_to_wait = is_ahead(retry_at, builder.now)
    until = retry_at if has_to_wait else None
    if has_failed and not posts:
        builder.holds.append(
            Hold(
                cause=Cause.BUILD_FAILED,
                reason=builder.view.rebuild_reason,
                until=retry_at,
                needs_person=True,
            )
        )
        builder.wakes += [until] if until else []
    for post in posts if has_failed else ():
        builder.hold(
            post,
            Cause.BUILD_FAILED,
            builder.view.rebuild_reason,
            until=until,
            needs_person=True,
            retry=posts[0],  # one retry serves them all
        )
    if not has_to_wait and not any(isinstance(action, Flip) for action in builder.actions):
        # One rebuild serves every post of this instant, so it waits for their flips.
        builder.actions.append(
            Rebuild(posts=tuple(posts), gen=builder.view.dirty_gen, why=why_built)
        )
