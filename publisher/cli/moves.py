"""What `publisher reschedule` does: the dates are written, and the ledger is told.

The moves of one command are noted in ``state_dir`` before the first is made, so that a command
which was cut short is finished by the next one, and no date is moved twice.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from publisher.cli.output import note, say, when
from publisher.model.errors import LedgerError, PublisherError
from publisher.system.notes import write_note

if TYPE_CHECKING:
    from publisher.config.settings import Settings
    from publisher.ledger import Ledger
    from publisher.model import LedgerView, Post, PostId, ReleaseRecord
    from publisher.posts.library import Library
    from publisher.views.site_state import Survey


class Shift(NamedTuple):
    """One post, the instant it has now, and the post as it will read."""

    post: Post
    old: datetime
    moved: Post

    @property
    def new(self) -> datetime:
        return self.moved.release_at or self.old


def require_unreleased(post: Post, record: ReleaseRecord | None) -> None:
    from publisher.model import PostState, ReleaseState

    state = record.state if record else None
    hint = f"see `publisher why {post.id}`"
    if state is ReleaseState.REVEALING:
        raise LedgerError(f"{post.id} is being released; its date cannot change now", hint=hint)
    if state is ReleaseState.LIVE:
        hint = f"`publisher withdraw {post.id}` unpublishes it"
        raise LedgerError(f"{post.id} is live already", hint=hint)
    if post.state is PostState.PUBLISHED:
        raise LedgerError(f"{post.id} is public already: its file says published", hint=hint)
    if state is ReleaseState.BASELINE:
        raise LedgerError(
            f"{post.id} was already public when the site was adopted; a date does not release it",
            hint=f"`publisher release {post.id}` releases and announces it",
        )


def perform(survey: Survey, library: Library, shifts: Sequence[Shift]) -> bool:
    """Write the dates while no tick is under way, and let the ledger know.

    Tells whether the site is to be built again: pages under embargo show the date.
    """
    from contextlib import ExitStack

    from publisher.model import Cause
    from publisher.system import locks
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

    settings, now = survey.settings, SystemClock().now()
    known: Mapping[PostId, ReleaseRecord] = {}
    shown = {shift.post.id for shift in shifts if _has_page(shift.post, settings)}
    owed: Collection[PostId] = ()
    with ExitStack() as stack:
        stack.enter_context(locks.hold(settings.state_dir, locks.TICK, wait=True))
        ledger = None
        if any(shift.post.id in survey.view.releases for shift in shifts):
            ledger = stack.enter_context(open_ledger(settings, now=now))
            view = ledger.view()
            known = view.releases
            owed = [post for post, record in known.items() if _is_unbuilt(record, view)]
            for shift in shifts:  # a tick may have begun one of them since
                require_unreleased(shift.post, known.get(shift.post.id))
        if len(shifts) > 1:
            _note(settings, shifts)
        for shift in shifts:
            if ledger is not None and shift.post.id in (shown & set(known)).difference(owed):
                ledger.build_again(
                    shift.post.id,
                    cause=Cause.RESCHEDULED,
                    reason=_reason(shift, settings),
                    now=now,
                )
            result = library.reschedule(shift.post, shift.new)
            if ledger is not None and shift.post.id in known:
                _tell(ledger, shift, result.digest, _reason(shift, settings), now)
            say(f"{shift.post.id}: moved to {when(shift.new, settings.site.zone)}")
        forget(settings)
    return bool(shown & set(known))


def _is_unbuilt(record: ReleaseRecord, view: LedgerView) -> bool:
    """Tell whether a build is owed already; its reason, such as a withdrawal, must stay."""
    return record.flip_gen is not None and record.flip_gen > view.built_gen


def _has_page(post: Post, settings: Settings) -> bool:
    """Tell whether a built page shows the date of a post that is to come."""
    from publisher.model import Embargo, PostState

    embargo = post.embargo or settings.embargo
    is_built = settings.rebuild is not None and post.state is PostState.SCHEDULED
    return is_built and embargo not in (Embargo.OFF, Embargo.OMIT)


def _reason(shift: Shift, settings: Settings) -> str:
    old, new = (when(at, settings.site.zone) for at in (shift.old, shift.new))
    return f"rescheduled with `publisher reschedule`, from {old} to {new}"


def _tell(ledger: Ledger, shift: Shift, digest: str, why: str, now: datetime) -> None:
    from publisher.model import Observe, Sight

    seen = Observe(
        post=shift.post.id,
        sight=Sight.MOVED,
        path=shift.post.path,
        digest=digest,
        release_at=shift.new,
        why=why,
    )
    ledger.observe(seen, now=now)


# --- what was cut short ----------------------------------------------------------------------


def left_over(survey: Survey, library: Library) -> Iterator[Shift]:
    """Give the moves of a command that was cut short, as far as they are still to be made."""
    for name, old, new in _read(survey.settings):
        post = survey.posts.get(name)
        if post is None or post.release_at != old:
            continue  # moved before the cut, or changed since
        if new <= survey.now:
            note(f"{name}: skipped: the instant it was to move to is over")
            continue
        try:
            require_unreleased(post, survey.view.releases.get(post.id))
            moved = library.redated(post, new)
        except PublisherError as error:
            note(f"{post.id}: skipped: {error.what}")
            continue
        yield Shift(post, old, moved)


def forget(settings: Settings) -> None:
    _place(settings).unlink(missing_ok=True)


def _read(settings: Settings) -> list[tuple[PostId, datetime, datetime]]:
    from publisher.model import PostId

    try:
        return [
            (PostId(name), datetime.fromisoformat(old), datetime.fromisoformat(new))
            for name, old, new in json.loads(_place(settings).read_bytes())
        ]
    except (OSError, ValueError, TypeError):
        return []


def _note(settings: Settings, shifts: Sequence[Shift]) -> None:
    """Record the moves, entirely or not at all; durable on return."""
    moves = [(shift.post.id, shift.old.isoformat(), shift.new.isoformat()) for shift in shifts]
    write_note(_place(settings), moves)


def _place(settings: Settings) -> Path:
    return settings.state_dir / "moves.json"
