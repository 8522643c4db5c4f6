"""Perform what a person asked for by command: withdraw a post, move its release.

A request is a row of the ledger from the command until it is performed, so that the next tick
finishes what a killed command left. Each step is safe to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from publisher.config.settings import Settings
from publisher.ledger import Ledger
from publisher.model import (
    Cause,
    DeliveryState,
    Embargo,
    LedgerView,
    Observe,
    Post,
    PostId,
    PostState,
    ReleaseRecord,
    ReleaseState,
    Request,
    RescheduleRequest,
    Sight,
    WithdrawRequest,
)
from publisher.model.errors import LedgerError, LedgerUnavailable, PublisherError
from publisher.posts.library import Library
from publisher.system.clock import Clock
from publisher.system.report import Report, info, warn
from publisher.text.times import format_local

TROUBLE = "request.failed"


@dataclass(slots=True, kw_only=True)
class Requests:
    """Performs open requests; the caller holds the tick lock, but for ``hide``.

    ``trouble`` says why a request could not be performed; empty when all were.
    """

    settings: Settings
    library: Library
    ledger: Ledger
    clock: Clock
    report: Report
    trouble: str = field(default="", init=False)
    _told: frozenset[str] = frozenset()

    def perform_all(self, view: LedgerView) -> bool:
        """Perform the open requests of ``view``; of a restored ledger none, for they may be old.

        Tells whether there were any: then the ledger says something else now.
        """
        wanted = () if view.restored else view.requests
        troubles: list[str] = []
        for request in wanted:
            try:
                self.perform(request)
            except PublisherError as error:
                reason = error.one_line
                if reason not in self._told:
                    warn(self.report, TROUBLE, post=request.post, reason=reason)
                if isinstance(request, RescheduleRequest) and is_void(error):
                    self.ledger.drop_requests([request.post])  # the post keeps its date
                else:
                    troubles.append(reason)
        self._told = frozenset(troubles)
        self.trouble = f"requested, but not done yet: {'; '.join(troubles)}" if troubles else ""
        return bool(wanted)

    def perform(self, request: Request) -> None:
        """Perform one request, whether it is open or was performed before.

        :raises PublisherError: when it cannot be done; an open request stays open.
        """
        if isinstance(request, WithdrawRequest):
            self._withdraw(request)
        else:
            self._reschedule(request)
        self.ledger.drop_requests([request.post])

    def hide(self, post: PostId) -> None:
        """Make the file of a post say draft at once; a tick under way stops for that.

        :raises PostError: when the file cannot be changed now.
        """
        self._change(self._find(post), PostState.DRAFT)

    # --- withdraw ------------------------------------------------------------------------

    def _withdraw(self, request: WithdrawRequest) -> None:
        now, post = self.clock.now(), self._find(request.post)
        why = (
            f"asked for with `publisher withdraw`{f': {request.reason}' if request.reason else ''}"
        )
        is_public = is_under_way(self.ledger.view(settled=False), post.id)
        if not is_public:  # first: a build too many does no harm, one too few leaves the page
            self._build_without(post, f"withdrawn: {why}", now)
        is_coming = post.release_at is not None and post.release_at > now
        digest = self._change(post, request.to if is_coming else PostState.DRAFT)
        # At once: a draft flag alone does not tell a withdrawal from a lost flip.
        seen = Observe.of(self._find(post.id), Sight.MOVED, why)
        self.ledger.observe(replace(seen, digest=digest), now=now)
        if is_public:
            self.ledger.observe(replace(seen, digest=digest, sight=Sight.WITHDRAWN), now=now)

    def _build_without(self, post: Post, why: str, now: datetime) -> None:
        """Have the site built without a post whose release the ledger does not follow now."""
        if post.state is PostState.PUBLISHED:
            seen = Observe.of(post, Sight.BASELINE, "was public when first seen")
            self.ledger.observe(seen, now=now)
        elif post.id not in self.ledger.view(settled=False).releases:
            self.ledger.observe(Observe.of(post, Sight.NEW, "scheduled"), now=now)
        self.ledger.build_again(post.id, cause=Cause.WITHDRAWN, reason=why, now=now)
        for key, record in self.ledger.view(settled=False).deliveries.items():
            if key.post == post.id and record.state is DeliveryState.PLANNED:
                self.ledger.settle(
                    record, DeliveryState.CANCELLED, cause=Cause.WITHDRAWN, reason=why, now=now
                )

    def _change(self, post: Post, to: PostState) -> str:
        """Make the files say so, and tell which changed; gives the digest of the post's own."""
        result = self.library.withdraw(post, to=to)
        for path in result.changed:
            info(self.report, "file.changed", path=path)
        return result.digest

    # --- reschedule ----------------------------------------------------------------------

    def _reschedule(self, request: RescheduleRequest) -> None:
        now, view, post = (
            self.clock.now(),
            self.ledger.view(settled=False),
            self._find(request.post),
        )
        record = view.releases.get(post.id)
        require_unreleased(post, record)
        if post.release_at not in (request.from_at, request.to_at) or request.to_at <= now:
            raise LedgerError(
                f"{post.id} is not moved: its date was changed since, or the new one is past",
                hint=f"see `publisher why {post.id}`",
            )
        zone = self.settings.site.zone
        old, new = (format_local(at, zone) for at in (request.from_at, request.to_at))
        why = f"rescheduled with `publisher reschedule`, from {old} to {new}"
        is_moved = post.release_at == request.to_at
        if record is not None and not is_moved and shows_date(post, self.settings):
            is_owed = record.flip_gen is not None and record.flip_gen > view.built_gen
            if not is_owed:  # the reason of a build that is owed already, a withdrawal, must stay
                self.ledger.build_again(post.id, cause=Cause.RESCHEDULED, reason=why, now=now)
        digest = self.library.reschedule(post, request.to_at).digest
        if record is not None:
            seen = Observe.of(post, Sight.MOVED, why)
            seen = replace(seen, digest=digest, release_at=request.to_at)
            self.ledger.observe(seen, now=now)
        info(self.report, "post.rescheduled", post=post.id, at=new)

    def _find(self, name: PostId) -> Post:
        """Read the files anew: a tick may change them, too."""
        scan = self.library.scan(self.ledger.view(settled=False), self.clock.now())
        for post in scan.posts:
            if post.id == name:
                return post
        raise PublisherError(
            f"{name}: its file is gone or cannot be read",
            hint="`publisher check` says what is wrong",
        )


def is_void(error: PublisherError) -> bool:
    """Tell whether a request can never be performed, as things stand in the ledger."""
    return isinstance(error, LedgerError) and not isinstance(error, LedgerUnavailable)


def is_under_way(view: LedgerView, post: PostId) -> bool:
    """Tell whether the ledger follows its release: it is live, or on its way."""
    record = view.releases.get(post)
    return record is not None and record.state in (ReleaseState.LIVE, ReleaseState.REVEALING)


def require_unreleased(post: Post, record: ReleaseRecord | None) -> None:
    """Refuse to move the date of a post that is public, or on its way.

    :raises LedgerError: when it is.
    """
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


def shows_date(post: Post, settings: Settings) -> bool:
    """Tell whether a built page shows the date of a post that is to come."""
    embargo = post.embargo or settings.embargo
    is_built = settings.rebuild is not None and post.state is PostState.SCHEDULED
    return is_built and embargo not in (Embargo.OFF, Embargo.OMIT)
