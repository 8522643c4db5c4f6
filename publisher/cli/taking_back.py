"""What `publisher withdraw` does: the files first where a release is under way, then the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from publisher.cli.output import note, say
from publisher.model.errors import LedgerBusyError, PublisherError

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.config.settings import Settings
    from publisher.ledger import Ledger
    from publisher.model import DeliveryRecord, LedgerView, Observe, Post, PostState, Sight
    from publisher.posts.library import Library
    from publisher.views.site_state import Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """What became of the announcements."""

    cancelled: Sequence[DeliveryRecord]
    overtaken: Sequence[DeliveryRecord]  # went out after the plan was shown
    out: Sequence[DeliveryRecord]  # were out when it was shown


def take_back(survey: Survey, post: Post, to: PostState, reason: str) -> TakenBack:
    """Change the files and tell the ledger; a tick that is under way takes notice of the files."""
    from publisher.posts.library import Library
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

    settings, now = survey.settings, SystemClock().now()
    why = f"withdrawn: asked for with `publisher withdraw`{': ' if reason else ''}{reason}"
    page = _Page(library=Library.of(settings), post=post)
    with (
        _no_tick(settings, page, is_file_first=goes_by_its_file(survey.view, post)),
        open_ledger(settings, now=now) as ledger,
    ):
        current = page.read()
        is_public = is_under_way(ledger.view(), current)
        if not is_public:  # first: a build too many does no harm, one too few leaves the page
            _build_without(ledger, current, why, now)
        digest = page.take_back(to)
        _tell(ledger, page.read(), digest, why, now)
        return _outcome(survey, post, ledger.view())


def is_under_way(view: LedgerView, post: Post) -> bool:
    from publisher.model import ReleaseState

    record = view.releases.get(post.id)
    return record is not None and record.state in (ReleaseState.LIVE, ReleaseState.REVEALING)


def goes_by_its_file(view: LedgerView, post: Post) -> bool:
    """Tell whether a tick that is under way stops for what the file says."""
    from publisher.model import ReleaseState

    record = view.releases.get(post.id)
    return record is not None and record.state is not ReleaseState.BASELINE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """The files of one post, read anew before each change: a tick may change them, too."""

    library: Library
    post: Post

    def read(self) -> Post:
        for post in self.library.scan().posts:
            if post.path == self.post.path:
                return replace(post, id=self.post.id)
        raise PublisherError(
            f"{self.post.id}: its file is not there any more, or cannot be read",
            hint="`publisher check` says what is wrong",
        )

    def take_back(self, to: PostState) -> str:
        """Make the files say so, and tell which changed; gives the digest of the post's own."""
        result = self.library.withdraw(self.read(), to=to)
        for path in result.changed:
            say(f"changed {path}")
        return result.digest


@contextmanager
def _no_tick(settings: Settings, page: _Page, *, is_file_first: bool) -> Iterator[None]:
    """Wait until no tick is under way; with ``is_file_first`` the files do not wait.

    A tick reads the files before each of its steps, so nothing is announced once they say draft;
    scheduled might be flipped again, where somebody asked for the release. They are looked at
    again and again: a flip may be written over them at this very moment.
    """
    from threading import Event

    from publisher.model import PostState
    from publisher.system import locks

    with ExitStack() as stack:
        is_told = False
        while is_file_first:
            try:
                stack.enter_context(locks.hold(settings.state_dir, locks.TICK))
                break
            except LedgerBusyError:
                if not is_told:
                    note("waiting for the tick that is under way; it takes notice of the file")
                is_told = True
            with suppress(PublisherError):  # just being written: the next time
                page.take_back(PostState.DRAFT)
            Event().wait(locks.POLL_S)
        else:
            stack.enter_context(locks.hold(settings.state_dir, locks.TICK, wait=True))
        yield


# --- the ledger ------------------------------------------------------------------------------


def _build_without(ledger: Ledger, post: Post, why: str, now: datetime) -> None:
    """Have the site built without a post whose release the ledger does not follow now."""
    from publisher.model import Cause, DeliveryState, PostState, Sight

    if post.state is PostState.PUBLISHED:
        because = "was public when first seen"
        ledger.observe(_sight(post, Sight.BASELINE, post.digest, because), now=now)
    elif post.id not in ledger.view().releases:
        ledger.observe(_sight(post, Sight.NEW, post.digest, "scheduled"), now=now)
    ledger.build_again(post.id, cause=Cause.WITHDRAWN, reason=why, now=now)
    for key, record in ledger.view().deliveries.items():
        if key.post == post.id and record.state is DeliveryState.PLANNED:
            ledger.settle(
                record, DeliveryState.CANCELLED, cause=Cause.WITHDRAWN, reason=why, now=now
            )


def _tell(ledger: Ledger, post: Post, digest: str, why: str, now: datetime) -> None:
    """Let the ledger know at once: a draft flag alone does not tell it from a lost flip."""
    from publisher.model import Sight

    words = why.removeprefix("withdrawn: ")
    is_public = is_under_way(ledger.view(), post)
    ledger.observe(_sight(post, Sight.MOVED, digest, words), now=now)
    if is_public:
        ledger.observe(_sight(post, Sight.WITHDRAWN, digest, words), now=now)


def _sight(post: Post, sight: Sight, digest: str, why: str) -> Observe:
    from publisher.model import Observe

    return Observe(
        post=post.id,
        sight=sight,
        path=post.path,
        digest=digest,
        release_at=post.release_at,
        why=why,
    )


# --- the announcements -----------------------------------------------------------------------


def waiting_and_out(
    survey: Survey, view: LedgerView, post: Post
) -> tuple[list[DeliveryRecord], list[DeliveryRecord]]:
    """Give the announcements that wait, and those that are or may be out."""
    from publisher.model import DeliveryState

    state = DeliveryState
    mine = [r for key, r in sorted(view.deliveries.items()) if key.post == post.id]
    waiting = [r for r in mine if r.state in (state.PLANNED, state.CLAIMED)]
    out_states = (state.SENDING, state.UNCERTAIN, state.SENT, state.CONFIRMED)
    out = [r for r in mine if r.state in out_states or r.key in survey.in_doubt]
    return waiting, out


def _outcome(survey: Survey, post: Post, view: LedgerView) -> TakenBack:
    """Compare what was shown with what has become of it."""
    from publisher.model import DeliveryState

    before, (_, out) = survey.view.deliveries, waiting_and_out(survey, survey.view, post)
    known = {record.key for record in out}
    _, out_now = waiting_and_out(survey, view, post)
    cancelled = [
        record
        for key, record in sorted(view.deliveries.items())
        if key.post == post.id and record.state is DeliveryState.CANCELLED
        if key not in before or before[key].state is not DeliveryState.CANCELLED
    ]
    overtaken = [record for record in out_now if record.key not in known]
    return TakenBack(cancelled=cancelled, overtaken=overtaken, out=out)
