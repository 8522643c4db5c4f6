"""The steps of a release: flip, rebuild, verify; each recorded, each safe to repeat.

Which step is due is the planner's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event as Flag
from typing import Protocol

from publisher.ledger import Ledger
from publisher.model import Cause, Flip, LedgerView, Post, PostId, Rebuild
from publisher.model.errors import PublisherError
from publisher.plan.backoff import BACKOFF, backoff, rebuild_wait
from publisher.posts.library import FlipResult, Scan
from publisher.site.site import Look, RebuildResult
from publisher.system.clock import Clock
from publisher.system.report import Report, info, warn

POLL_FIRST_S, POLL_LONGEST_S = 2, 30  # between looks at the live page
POLL_AFTER_TIMEOUT = timedelta(minutes=5)


class Library(Protocol):
    """What the engine needs of the posts: read, and flipped, wherever they are kept."""

    def scan(self, view: LedgerView | None = None, now: datetime | None = None) -> Scan: ...

    def flip(self, post: Post) -> FlipResult: ...

    def body(self, post: Post) -> str: ...


class Site(Protocol):
    """What the engine needs of the site: built and looked at, by whatever means."""

    def pull(self, now: datetime) -> bool | None: ...

    def push(self, view: LedgerView, now: datetime) -> None: ...

    def troubles(self) -> Mapping[str, str]: ...

    def is_outdated(self, scan: Scan, view: LedgerView, now: datetime) -> bool: ...

    def rebuild(
        self, posts: Sequence[PostId], view: LedgerView, now: datetime, stop: Flag
    ) -> RebuildResult: ...

    def verify(self, post: Post, body: str) -> Look: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Takes releases forward, one step at a time; what fails is tried again later."""

    library: Library
    ledger: Ledger
    site: Site
    clock: Clock
    report: Report
    verify_timeout: timedelta
    stop: Flag

    def flip(self, action: Flip, post: Post, view: LedgerView) -> None:
        """Begin the release in the ledger, then make its file say so."""
        now = self.clock.now()
        self.ledger.begin_release(
            action, path=post.path, digest=post.digest, release_at=post.release_at, now=now
        )
        late_ms = round((now - action.at).total_seconds() * 1000)
        info(self.report, "release.begun", post=post.id, due=action.at.isoformat(), late_ms=late_ms)
        try:
            result = self.library.flip(post)
        except PublisherError as error:
            known = view.releases.get(post.id)
            retry_at = now + backoff(known.failures + 1 if known else 1)
            reason = error.one_line
            self.ledger.fail_step(
                post.id, cause=Cause.FLIP_FAILED, reason=reason, retry_at=retry_at, now=now
            )
            warn(self.report, "flip.failed", post=post.id, reason=reason, retry_at=retry_at)
            return
        self.ledger.record_flip(post.id, digest=result.digest, now=self.clock.now())
        info(self.report, "flip.done", post=post.id, changed=", ".join(result.changed) or "nothing")

    def rebuild(self, action: Rebuild, view: LedgerView) -> None:
        """Build once for all posts named."""
        started_at = self.clock.now()
        names = ", ".join(action.posts) or "the site"
        info(self.report, "rebuild.started", posts=names)
        result = self.site.rebuild(action.posts, view, started_at, self.stop)
        if not result.ok and self.stop.is_set():
            return  # we were told to stop; that is no failure of the build
        now = self.clock.now()
        retry_at = None if result.ok else now + backoff(view.rebuild_failures + 1)
        self.ledger.record_rebuild(
            gen=action.gen,
            started_at=started_at,
            ok=result.ok,
            reason=result.reason,
            retry_at=retry_at,
            now=now,
        )
        for path in result.left_out:
            info(self.report, "page.left_out", path=path)
        if result.ok:
            self._look_at_once(view, action.gen, now)
            info(self.report, "rebuild.done", posts=names, seconds=f"{result.seconds:.1f}")
            return
        warn(self.report, "rebuild.failed", posts=names, reason=result.reason, retry_at=retry_at)
        for line in result.tail.splitlines():
            warn(self.report, "rebuild.output", line=line)

    def _look_at_once(self, view: LedgerView, gen: int, now: datetime) -> None:
        """Let releases that wait for a build of their own make do with that of another."""
        waiting = [
            record.post
            for record in view.releases.values()
            if record.flip_gen is not None
            and view.built_gen < record.flip_gen <= gen
            and record.retry_at is not None
            and record.retry_at > now
        ]
        if waiting:
            self.ledger.retry_steps(waiting, now=now)

    def verify(self, post: Post, view: LedgerView) -> None:
        """Look at the page: it is live, or looked at again later."""
        record = view.releases[post.id]
        look = self.site.verify(post, self.library.body(post))
        now = self.clock.now()
        if look.ok:
            gen = record.flip_gen or 0
            self.ledger.record_verified(post.id, gen=gen, url=post.url, now=now)
            info(self.report, "release.live", post=post.id, url=post.url)
            return
        failures = record.failures + 1
        if look.needs_rebuild:
            if look.reason != record.reason:  # looks, or builds that left another fault
                failures = min(failures, len(BACKOFF))
            retry_at = now + max(backoff(failures), rebuild_wait(failures))
        else:
            retry_at = now + poll_wait(record.failures, self.verify_timeout)
        self.ledger.fail_step(
            post.id,
            cause=Cause.PAGE_WRONG if look.needs_rebuild else Cause.NOT_LIVE,
            reason=look.reason,
            retry_at=retry_at,
            rebuild=look.needs_rebuild,
            failures=failures,
            now=now,
        )
        tell = info if record.failures and not look.needs_rebuild else warn
        tell(self.report, "verify.waiting", post=post.id, reason=look.reason, retry_at=retry_at)


def poll_wait(failures: int, timeout: timedelta) -> timedelta:
    """Give the wait before the next look at the live page after ``failures`` vain looks.

    2, 4, 8, 16, then every 30 s until ``timeout`` has gone by since the first; then every 5 min.
    """
    waited = 0
    for count in range(failures + 1):
        wait = min(POLL_FIRST_S * 2**count, POLL_LONGEST_S)
        waited += wait
        if waited > timeout.total_seconds():
            return POLL_AFTER_TIMEOUT
    return timedelta(seconds=wait)
