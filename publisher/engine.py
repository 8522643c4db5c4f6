"""One tick: scan, view, plan, perform, record, and again until nothing is left to do.

Level-triggered: nothing is remembered between ticks but the ledger. A failure of one action is
recorded and the next one runs; this is the one place that turns an exception into a record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from threading import Event as Flag
from typing import Protocol, assert_never

from publisher.clock import Clock
from publisher.courier import Courier, Outlet, backoff
from publisher.errors import PublisherError, StaleError
from publisher.ledger import Ledger
from publisher.model import (
    Action,
    Adopt,
    ChannelName,
    Deliver,
    Flip,
    LedgerView,
    Move,
    Observe,
    Plan,
    Policy,
    Post,
    PostId,
    Problem,
    Rebuild,
    Reconcile,
    Settle,
    Verify,
)
from publisher.plan import plan
from publisher.posts import FlipResult, Scan
from publisher.reconcile import Reconciler
from publisher.report import Report, info, warn
from publisher.site import Look, RebuildResult

ROUNDS = 50  # per tick; a real one needs about six
POLL_FIRST_S, POLL_LONGEST_S = 2, 30  # between looks at the live page
POLL_AFTER_TIMEOUT = timedelta(minutes=5)


def in_threads(parts: Sequence[Callable[[], None]]) -> None:
    """Run the parts at once, each in a thread of its own, until all have ended."""
    with ThreadPoolExecutor(len(parts), thread_name_prefix="channel") as pool:
        futures = [pool.submit(part) for part in parts]
    for future in futures:
        future.result()  # a mistake of ours ends the tick loudly, after all parts


class Library(Protocol):
    """What the engine needs of the posts: read, and flipped, wherever they are kept."""

    def scan(self) -> Scan: ...

    def flip(self, post: Post) -> FlipResult: ...

    def body(self, post: Post) -> str: ...


class Site(Protocol):
    """What the engine needs of the site: built and looked at, by whatever means."""

    def rebuild(self, stop: Flag) -> RebuildResult: ...

    def verify(self, post: Post, body: str) -> Look: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one tick did and what it left."""

    performed: tuple[Action, ...]
    plan: Plan  # what is left: its holds say why, its next_at when
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """The channels by name: those ready for use, and why the others are not."""

    ready: Mapping[ChannelName, Outlet] = field(default_factory=dict)
    closed: Mapping[ChannelName, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Engine:
    library: Library
    ledger: Ledger
    site: Site
    outlets: Outlets
    policy: Policy
    courier: Courier
    reconciler: Reconciler
    clock: Clock
    tick_lock: Callable[[], AbstractContextManager[None]]
    report: Report
    verify_timeout: timedelta
    is_tree_busy: Callable[[], bool]
    run_together: Callable[[Sequence[Callable[[], None]]], None] = in_threads
    stop: Flag = field(default_factory=Flag)

    def tick(self) -> Tick:
        """Do everything that is due now.

        Holds the tick lock, so that whatever an earlier owner left under way belongs to nobody.
        Returns early, at a safe place, once ``stop`` is set.

        :raises LedgerError: when the ledger cannot be read or written.
        """
        with self.tick_lock():
            self._recover()
            performed: list[Action] = []
            tried: set[Action] = set()
            for _ in range(ROUNDS):
                scan, view, todo = self._plan()
                fresh = [action for action in todo.actions if action not in tried]
                if not fresh or self.stop.is_set():
                    break
                tried.update(fresh)
                performed += self._perform(fresh, scan, view)
            return Tick(performed=tuple(performed), plan=todo, problems=scan.problems)

    def _recover(self) -> None:
        now = self.clock.now()
        for record in self.ledger.recover(owner_alive=lambda owner: False, now=now):
            key = record.key
            info(
                self.report,
                "delivery.recovered",
                post=key.post,
                channel=key.channel,
                occasion=key.occasion,
                state=record.state,
            )

    def _plan(self) -> tuple[Scan, LedgerView, Plan]:
        scan = self.library.scan()
        view = self.ledger.view(settled=False)
        view = replace(view, closed_channels={**view.closed_channels, **self.outlets.closed})
        todo = plan(
            scan.posts,
            view,
            self.policy,
            self.clock.now(),
            unreadable=unreadable(scan),
            tree_busy=self.is_tree_busy(),
        )
        return scan, view, todo

    def _perform(self, actions: list[Action], scan: Scan, view: LedgerView) -> list[Action]:
        """Perform the actions: records and flips first, then deliveries, builds last.

        An announcement that is due does not wait for the build of another post.
        """
        posts = {post.id: post for post in scan.posts}
        letters = [a for a in actions if isinstance(a, Deliver | Reconcile)]
        slow = [a for a in actions if isinstance(a, Rebuild | Verify)]
        quick = [a for a in actions if not isinstance(a, Deliver | Reconcile | Rebuild | Verify)]
        return [
            *self._perform_each(quick, posts, view),
            *self._send(letters, posts, view),
            *self._perform_each(slow, posts, view),
        ]

    def _perform_each(
        self, actions: Sequence[Action], posts: Mapping[PostId, Post], view: LedgerView
    ) -> list[Action]:
        performed: list[Action] = []
        for action in actions:
            if self.stop.is_set():
                break
            self._guard(action, partial(self._perform_one, action, posts, view))
            performed.append(action)
        return performed

    def _guard(self, action: Action, perform: Callable[[], None]) -> None:
        """Run one action; a person's error or a lost race ends it, not the tick."""
        try:
            perform()
        except StaleError as error:
            info(self.report, "action.overtaken", action=type(action).__name__, reason=error.what)
        except PublisherError as error:
            warn(self.report, "action.failed", action=type(action).__name__, reason=str(error))

    def _perform_one(self, action: Action, posts: Mapping[PostId, Post], view: LedgerView) -> None:
        now = self.clock.now()
        match action:
            case Adopt():
                self.ledger.adopt((), now=now)
            case Observe():
                self.ledger.observe(action, now=now)
                info(
                    self.report,
                    "post.observed",
                    post=action.post,
                    sight=action.sight,
                    why=action.why,
                )
            case Flip():
                self._flip(action, posts[action.post], view)
            case Rebuild():
                self._rebuild(action, view)
            case Verify():
                self._verify(posts[action.post], view)
            case Move():
                record = view.deliveries[action.key]
                self.ledger.move(record, at=action.at, reason=action.why, now=now)
            case Settle():
                record = view.deliveries[action.key]
                self.ledger.settle(record, action.to, reason=action.why, now=now)
                warn(self.report, f"delivery.{action.to}", delivery=action.key, reason=action.why)
            case Deliver() | Reconcile():
                raise AssertionError("deliveries go through _send")
            case _:
                assert_never(action)

    # --- the page ----------------------------------------------------------------------

    def _flip(self, action: Flip, post: Post, view: LedgerView) -> None:
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
            reason = str(error).replace("\n  ", "; ")
            self.ledger.fail_step(post.id, reason=reason, retry_at=retry_at, now=now)
            warn(self.report, "flip.failed", post=post.id, reason=reason, retry_at=retry_at)
            return
        self.ledger.record_flip(post.id, digest=result.digest, now=self.clock.now())
        info(self.report, "flip.done", post=post.id, changed=", ".join(result.changed) or "nothing")

    def _rebuild(self, action: Rebuild, view: LedgerView) -> None:
        started_at = self.clock.now()
        names = ", ".join(action.posts)
        info(self.report, "rebuild.started", posts=names)
        result = self.site.rebuild(self.stop)
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
        if result.ok:
            info(self.report, "rebuild.done", posts=names, seconds=f"{result.seconds:.1f}")
            return
        warn(self.report, "rebuild.failed", posts=names, reason=result.reason, retry_at=retry_at)
        for line in result.tail.splitlines():
            warn(self.report, "rebuild.output", line=line)

    def _verify(self, post: Post, view: LedgerView) -> None:
        record = view.releases[post.id]
        look = self.site.verify(post, self.library.body(post))
        now = self.clock.now()
        if look.ok:
            gen = record.flip_gen or 0
            self.ledger.record_verified(post.id, gen=gen, url=post.url, now=now)
            info(self.report, "release.live", post=post.id, url=post.url)
            return
        if look.needs_rebuild:
            retry_at = now + backoff(record.failures + 1)
        else:
            retry_at = now + poll_wait(record.failures, self.verify_timeout)
        self.ledger.fail_step(
            post.id,
            reason=look.reason,
            retry_at=retry_at,
            rebuild=look.needs_rebuild,
            now=now,
        )
        tell = info if record.failures and not look.needs_rebuild else warn
        tell(self.report, "verify.waiting", post=post.id, reason=look.reason, retry_at=retry_at)

    # --- announcements -----------------------------------------------------------------

    def _send(
        self, letters: Sequence[Deliver | Reconcile], posts: Mapping[PostId, Post], view: LedgerView
    ) -> list[Action]:
        """Send in parallel, channel by channel; the deliveries of one channel go in order."""
        batches: dict[ChannelName, list[Deliver | Reconcile]] = {}
        for letter in letters:
            batches.setdefault(letter.key.channel, []).append(letter)
        if self.stop.is_set() or not batches:
            return []
        self.run_together(
            [
                partial(self._send_batch, channel, batch, posts, view)
                for channel, batch in batches.items()
            ]
        )
        return list(letters)

    def _send_batch(
        self,
        channel: ChannelName,
        batch: Sequence[Deliver | Reconcile],
        posts: Mapping[PostId, Post],
        view: LedgerView,
    ) -> None:
        """Carry out the deliveries of one channel, one after the other."""
        outlet = self.outlets.ready.get(channel)
        if outlet is None:
            return  # closed; the planner holds its deliveries and says why
        for action in batch:
            if self.stop.is_set():
                return
            record = view.deliveries[action.key]
            if isinstance(action, Deliver):
                release = view.releases[action.key.post]
                self._guard(
                    action,
                    partial(
                        self.courier.deliver,
                        record,
                        posts[action.key.post],
                        outlet,
                        schedule_rev=release.schedule_rev,
                    ),
                )
            else:
                self._guard(action, partial(self.reconciler.reconcile, record, outlet))


def unreadable(scan: Scan) -> frozenset[str]:
    """Give the paths of files that are there but hold an error."""
    return frozenset(p.path for p in scan.problems if p.severity == "error")


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
