"""One tick: scan, view, plan, perform, record, and again until nothing is left to do.

Level-triggered: nothing is remembered between ticks but the ledger. A failure of one action is
recorded and the next one runs; this is the one place that turns an exception into a record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Flag
from typing import assert_never

from publisher.engine.changes import Watch
from publisher.engine.deliver import OpenChannel, Sender
from publisher.engine.recover import Reconciler
from publisher.engine.release import Library, Site, Steps
from publisher.engine.requests import TROUBLE, Requests
from publisher.ledger import Ledger
from publisher.model import (
    Action,
    Adopt,
    Cause,
    ChannelName,
    Deliver,
    DeliveryState,
    Flip,
    Hold,
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
    ReleaseState,
    Settle,
    Sight,
    Verify,
)
from publisher.model.errors import PublisherError, StaleError
from publisher.plan import CLOCK_TOLERANCE, plan
from publisher.posts.library import Scan
from publisher.site.site_clock import SiteClock
from publisher.system.clock import Clock
from publisher.system.report import Report, info, warn

ROUNDS = 50  # per tick that do something; a real one needs about six
GRACE_S = 1.0  # how long the rest of a tick waits for the channels; most are done by then
REPLAN_S = 15.0  # while a slow channel is waited for, what comes due is looked for that often
HEAD_START = timedelta(seconds=60)  # so that the site's clock has answered before an instant


def in_threads(parts: Sequence[Callable[[], None]]) -> Sequence[Future[None]]:
    """Begin the parts at once, each in a thread of its own."""
    pool = ThreadPoolExecutor(len(parts), thread_name_prefix="channel")
    futures = [pool.submit(part) for part in parts]
    pool.shutdown(wait=False)  # takes no more; what was submitted runs to its end
    return futures


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one tick did and what it left."""

    performed: tuple[Action, ...]
    plan: Plan  # what is left: its holds say why, its next_at when
    problems: tuple[Problem, ...]
    troubles: Mapping[str, str] = field(default_factory=dict)  # what cannot be seen, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChannels:
    """The channels by name: those ready for use, and why the others are not."""

    ready: Mapping[ChannelName, OpenChannel] = field(default_factory=dict)
    closed: Mapping[ChannelName, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Engine:
    library: Library
    ledger: Ledger
    site: Site
    open_channels: OpenChannels
    policy: Policy
    sender: Sender
    reconciler: Reconciler
    clock: Clock
    tick_lock: Callable[[], AbstractContextManager[None]]
    report: Report
    verify_timeout: timedelta
    is_tree_busy: Callable[[], bool]
    run_together: Callable[[Sequence[Callable[[], None]]], Sequence[Future[None]]] = in_threads
    stop: Flag = field(default_factory=Flag)
    site_clock: SiteClock | None = None  # None: nobody is asked what time it is
    find_block: Callable[[], Hold | None] = lambda: None
    requests: Requests | None = None  # None: nobody asks for anything by command
    _watch: Watch = field(init=False)
    _busy: dict[ChannelName, Future[None]] = field(default_factory=dict)  # within one tick
    _spent_s: dict[ChannelName, float] = field(default_factory=dict)  # within one tick

    def __post_init__(self) -> None:
        self._watch = Watch(
            library=self.library, ledger=self.ledger, clock=self.clock, report=self.report
        )

    def tick(self) -> Tick:
        """Do everything that is due now.

        Holds the tick lock, so that whatever an earlier owner left under way belongs to nobody.
        Returns early, at a safe place, once ``stop`` is set.

        :raises LedgerError: when the ledger cannot be read or written.
        """
        with self.tick_lock():
            self._spent_s.clear()
            self._recover()
            self._watch.before_all(self.site, is_blocked=self.find_block() is not None)
            if hold := self.find_block():
                troubles = self._watch.after_all(self.site)
                return Tick(performed=(), plan=Plan(holds=(hold,)), problems=(), troubles=troubles)
            done, scan, view = self._work()
            is_idle = not self.stop.is_set() and not self.is_tree_busy()
            if is_idle and self._watch.has_news(self.site, scan, view):
                more, _, _ = self._work()
                done = replace(more, performed=done.performed + more.performed)
            troubles = dict(self._watch.after_all(self.site))
            if self.requests is not None and self.requests.trouble:
                troubles[TROUBLE] = self.requests.trouble
            return replace(done, troubles=troubles)

    def _work(self) -> tuple[Tick, Scan, LedgerView]:
        """Plan and perform, until nothing is left that was not tried.

        A channel that is slow holds up nothing else: meanwhile the tick goes on, and does what
        comes due.
        """
        performed: list[Action] = []
        tried: set[Action] = set()
        rounds = 0
        try:
            while True:
                scan, view, todo = self._plan()
                fresh = [a for a in todo.actions if a not in tried and not self._waits(a)]
                if self.stop.is_set():
                    break
                if fresh and rounds == ROUNDS:
                    left = ", ".join(sorted({type(action).__name__ for action in fresh}))
                    warn(self.report, "tick.unfinished", rounds=ROUNDS, actions=left)
                    break
                if fresh:
                    rounds += 1
                    tried.update(fresh)
                    performed += self._perform(fresh, scan, view)
                elif self._busy:
                    self._wait(todo.next_at)
                else:
                    break
        finally:
            wait(self._busy.values())
        self._collect()
        return Tick(performed=tuple(performed), plan=todo, problems=scan.problems), scan, view

    def _waits(self, action: Action) -> bool:
        """Tell whether an action is for a channel that is at work."""
        return isinstance(action, Deliver | Reconcile) and action.key.channel in self._busy

    def _wait(self, next_at: datetime | None) -> None:
        """Wait for the first channel that ends, or for what comes due."""
        wait_s = REPLAN_S
        if next_at is not None:
            ahead_s = (next_at - self.clock.now()).total_seconds()
            wait_s = min(wait_s, ahead_s if ahead_s > 0 else GRACE_S)
        wait(self._busy.values(), timeout=wait_s, return_when=FIRST_COMPLETED)
        self._collect()

    def _collect(self) -> None:
        """Forget the channels that have ended; a mistake of ours ends the tick loudly."""
        ended = [name for name, future in self._busy.items() if future.done()]
        for future in [self._busy.pop(name) for name in ended]:
            future.result()

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
        view = self.ledger.view(settled=False)
        if self.requests is not None and self.requests.perform_all(view):
            view = self.ledger.view(settled=False)
        view = replace(view, unusable_channels=self.open_channels.closed)
        scan = self.library.scan(view, self.clock.now())
        decide = partial(
            plan,
            scan.posts,
            view,
            self.policy,
            self.clock.now(),
            unreadable=scan.unreadable,
            tree_busy=self.is_tree_busy(),
        )
        by_our_clock = todo = decide(clock_ahead=timedelta(0))
        ahead = self._ask_site_clock(by_our_clock)
        if ahead > CLOCK_TOLERANCE:
            todo = decide(clock_ahead=ahead)
        self._record_early(flipped(by_our_clock) - flipped(todo), todo, view)
        return scan, view, todo

    def _ask_site_clock(self, by_our_clock: Plan) -> timedelta:
        """Give by how much our clock is ahead of the site's, if that matters now and is known.

        It matters to what is due by our clock. Ahead of an instant it is asked already, by the
        sweep, so that the release does not wait for the answer.
        """
        if self.site_clock is None:
            return timedelta(0)
        next_at = by_our_clock.next_at
        wait = next_at - self.clock.now() if next_at is not None else timedelta.max
        if wait <= HEAD_START:
            return self.site_clock.ahead(lasting=wait) or timedelta(0)
        if any(map(trusts_our_clock, by_our_clock.actions)):
            return self.site_clock.ahead() or timedelta(0)
        return timedelta(0)

    def _record_early(self, early: frozenset[PostId], todo: Plan, view: LedgerView) -> None:
        """Let the ledger say which releases the site's clock holds: the commands do not ask it."""
        now = self.clock.now()
        holds = {hold.post: hold for hold in todo.holds if hold.post in early}
        for record in view.releases.values():
            if record.state in (ReleaseState.REVEALING, ReleaseState.LIVE):
                continue  # these wait for other things
            hold = holds.get(record.post)
            if hold is None and record.retry_at is not None:
                self.ledger.forget_step(record.post, now=now)
            elif hold is not None and hold.until is not None:
                known_at = record.retry_at
                if known_at is None or abs(hold.until - known_at) > CLOCK_TOLERANCE:
                    self.ledger.fail_step(
                        record.post,
                        cause=Cause.CLOCK_AHEAD,
                        reason=hold.reason,
                        retry_at=hold.until,
                        now=now,
                    )

    def _perform(self, actions: list[Action], scan: Scan, view: LedgerView) -> list[Action]:
        """Perform the actions: records and flips first, then deliveries, builds last.

        An announcement that is due does not wait for the build of another post, nor that for a
        channel that is slow.
        """
        posts = {post.id: post for post in scan.posts}
        sends = [a for a in actions if isinstance(a, Deliver | Reconcile)]
        slow = [a for a in actions if isinstance(a, Rebuild | Verify)]
        quick = [a for a in actions if not isinstance(a, Deliver | Reconcile | Rebuild | Verify)]
        return [
            *self._perform_each(quick, posts, view),
            *self._send(sends, posts, view),
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
                self._steps().flip(action, posts[action.post], view)
            case Rebuild():
                begun_s = self.clock.monotonic()
                self._steps().rebuild(action, view)
                self._watch.build_took = timedelta(seconds=self.clock.monotonic() - begun_s)
            case Verify():
                self._steps().verify(posts[action.post], view)
            case Move():
                record = view.deliveries[action.key]
                self.ledger.move(record, at=action.at, reason=action.why, now=now)
            case Settle():
                record = view.deliveries[action.key]
                is_over = action.to is DeliveryState.CANCELLED
                self.ledger.settle(
                    record,
                    action.to,
                    cause=action.cause,
                    reason=action.why,
                    now=now,
                    with_post=is_over,
                )
                warn(self.report, f"delivery.{action.to}", delivery=action.key, reason=action.why)
            case Deliver() | Reconcile():
                raise AssertionError("deliveries go through _send")
            case _:
                assert_never(action)

    def _steps(self) -> Steps:
        return Steps(
            library=self.library,
            ledger=self.ledger,
            site=self.site,
            clock=self.clock,
            report=self.report,
            verify_timeout=self.verify_timeout,
            stop=self.stop,
        )

    # --- announcements -----------------------------------------------------------------

    def _send(
        self, sends: Sequence[Deliver | Reconcile], posts: Mapping[PostId, Post], view: LedgerView
    ) -> list[Action]:
        """Begin to send, channel by channel; the deliveries of one channel go in order."""
        batches: dict[ChannelName, list[Deliver | Reconcile]] = {}
        for action in sends:
            batches.setdefault(action.key.channel, []).append(action)
        if self.stop.is_set() or not batches:
            return []
        begun = self.run_together(
            [
                partial(self._send_batch, channel, batch, posts, view)
                for channel, batch in batches.items()
            ]
        )
        self._busy.update(zip(batches, begun, strict=False))
        wait(begun, timeout=GRACE_S)
        self._collect()
        return list(sends)

    def _send_batch(
        self,
        channel: ChannelName,
        batch: Sequence[Deliver | Reconcile],
        posts: Mapping[PostId, Post],
        view: LedgerView,
    ) -> None:
        """Carry out the deliveries of one channel, one after the other.

        A channel that took more than its time for some leaves the others to the next tick.
        """
        open_channel = self.open_channels.ready.get(channel)
        if open_channel is None:
            return  # closed; the planner holds its deliveries and says why
        for action in batch:
            if self.stop.is_set():
                return
            if self._spent_s.get(channel, 0.0) > open_channel.timeout.total_seconds():
                info(self.report, "channel.slow", channel=channel)
                return
            begun_s = self.clock.monotonic()
            record = view.deliveries[action.key]
            if isinstance(action, Deliver):
                release = view.releases[action.key.post]
                self._guard(
                    action,
                    partial(
                        self.sender.deliver,
                        record,
                        posts[action.key.post],
                        open_channel,
                        schedule_rev=release.schedule_rev,
                    ),
                )
            else:
                self._guard(action, partial(self.reconciler.reconcile, record, open_channel))
            took_s = self.clock.monotonic() - begun_s
            self._spent_s[channel] = self._spent_s.get(channel, 0.0) + took_s


def flipped(plan: Plan) -> frozenset[PostId]:
    return frozenset(action.post for action in plan.actions if isinstance(action, Flip))


def trusts_our_clock(action: Action) -> bool:
    """Tell whether an action rests on a date that has come by our clock."""
    is_baseline = isinstance(action, Observe) and action.sight is Sight.BASELINE
    return is_baseline or isinstance(action, Flip)
