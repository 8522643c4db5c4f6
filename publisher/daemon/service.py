"""The daemon: an alarm clock around the tick, with signals, the log and word to systemd.

Nothing is decided here. Whatever wakes the main thread, it runs the same tick; ticks never
overlap, and a wake-up during a tick leads to another one. What is due comes from the ledger.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from itertools import chain, repeat
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Self

from publisher.config.in_force import JOBS, SETTLED_S, JobsFile
from publisher.config.settings import Settings
from publisher.daemon.notify import Notifier, Starts, watchdog_of
from publisher.model.errors import ConfigError, LedgerError, LedgerUnavailable, PublisherError
from publisher.system import locks
from publisher.system.clock import Clock
from publisher.system.report import Event, Report, info, logger, warn

if TYPE_CHECKING:  # the engine and all it needs; the commands only want the log from here
    from publisher.engine.tick import Tick
    from publisher.model import Plan
    from publisher.views.issues import Issue

FAREWELL_S = 5.0  # at the end, for an alert that is being sent
START_AGAIN_S = (15.0, 30.0, 60.0, 120.0, 300.0)  # after a start that found no room
SWEEP_S = 15.0  # the longest wait between ticks: what any missed wake-up costs


def run(settings: Settings, *, environ: Mapping[str, str], clock: Clock, report: Report) -> int:
    """Release and announce until SIGTERM or SIGINT, and give the exit code.

    Must be called in the main thread, which alone receives signals.

    :raises LedgerBusyError: when another daemon works on this ledger.
    :raises LedgerError: when the ledger cannot be used at the start.
    """
    notify = Notifier(environ.get("NOTIFY_SOCKET"))
    daemon = Daemon(
        report=report,
        notify=notify,
        watchdog_s=watchdog_of(environ),
        zone=settings.site.zone,
        jobs_file=JobsFile(settings, environ=environ, clock=clock),
    )
    starts = Starts(environ)
    daemon.when_well = starts.succeed
    with (
        ExitStack() as held,
        listen(daemon.take_signal),
        Alarm(daemon.wake) as alarm,
        _Works(daemon, environ=environ, clock=clock, report=report) as works,
    ):

        def begin() -> None:
            with ExitStack() as taken:
                taken.enter_context(locks.hold(settings.state_dir, locks.DAEMON))
                works.begin(settings)
                held.push(taken.pop_all())

        if not (
            _wait_after_crashes(daemon, starts)
            and _begin_when_possible(begin, daemon, settings, environ)
        ):
            return 0
        if (edited := daemon.look_at_jobs_file()) is not None:  # since it was read
            works.begin_anew(edited)
        info(report, "service.started", site=settings.site.name, pid=os.getpid())
        try:
            while (edited := daemon.work(works.tick, alarm.arm)) is not None:
                works.begin_anew(edited)
        except PublisherError:
            raise
        except Exception:  # noqa: BLE001 - our own mistake: say all, let systemd start us afresh
            logger.exception("tick.crashed")
            return 1
    info(report, "service.stopped", site=settings.site.name)
    return 0


class _Works:
    """Engine and alerts under the settings in force; changed for others between two ticks."""

    def __init__(
        self, daemon: Daemon, *, environ: Mapping[str, str], clock: Clock, report: Report
    ) -> None:
        self._daemon = daemon
        self._environ = environ
        self._clock = clock
        self._report = report
        self._open = ExitStack()
        self.tick: Callable[[], Tick]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._open.close()

    def begin(self, settings: Settings) -> None:
        """Open what the settings name; all of it, or nothing changes.

        :raises PublisherError: when it cannot be opened.
        """
        from publisher.alerts.assemble import open_alerts
        from publisher.engine.assemble import open_engine
        from publisher.views.issues import issues_of_tick

        daemon = self._daemon
        with ExitStack() as opened:
            engine = opened.enter_context(
                open_engine(
                    settings,
                    environ=self._environ,
                    clock=self._clock,
                    report=daemon.tell,
                    stop=daemon.stop,
                )
            )
            alerts = open_alerts(
                engine,
                settings,
                environ=self._environ,
                report=self._report,
                wake=daemon.wake.set,
            )
            opened.callback(alerts.finish, FAREWELL_S)
            self._open.close()
            self._open = opened.pop_all()
        self.tick = engine.tick
        daemon.issues_of = partial(issues_of_tick, engine.ledger)
        daemon.after_tick = alerts.settle
        daemon.zone = settings.site.zone

    def begin_anew(self, settings: Settings) -> None:
        """Go on with an edited jobs.yaml, or with the one before it where that cannot be."""
        jobs_file = self._daemon.jobs_file
        try:
            self.begin(settings)
        except PublisherError as error:
            jobs_file.refuse(error)
        except Exception as error:  # noqa: BLE001 - such as a channel of somebody else
            logger.exception("jobs.crashed")
            jobs_file.refuse(ConfigError(f"{type(error).__name__}: {error}"))
        else:
            jobs_file.take(settings)
            info(self._report, "jobs.applied", file=settings.file)


def _wait_after_crashes(daemon: Daemon, starts: Starts) -> bool:
    """Wait where the starts before this one came to nothing; false when asked to stop."""
    wait_s = starts.begin()
    if wait_s:
        info(daemon.report, "start.waits", seconds=f"{wait_s:g}")
        _extend_start(daemon, wait_s, f"starts in {wait_s:g} s, after crashes")
    return not daemon.stop.wait(wait_s)


def _extend_start(daemon: Daemon, wait_s: float, status: str) -> None:
    daemon.notify(f"EXTEND_TIMEOUT_USEC={round((wait_s + SWEEP_S) * 2e6)}", f"STATUS={status}")


def _begin_when_possible(
    begin: Callable[[], None], daemon: Daemon, settings: Settings, environ: Mapping[str, str]
) -> bool:
    """Begin, or wait for a disk that is full, and tell the operator; false when asked to stop."""
    for wait_s in chain(START_AGAIN_S, repeat(START_AGAIN_S[-1])):
        try:
            begin()
        except LedgerUnavailable as error:
            failure = error
        else:
            return True
        fields = {"reason": failure.one_line, "again_in_s": str(wait_s)}
        daemon.report(Event(name="start.failed", level=logging.ERROR, fields=fields))
        _extend_start(daemon, wait_s, f"cannot start: {' '.join(failure.what.split())}")
        if wait_s == START_AGAIN_S[0]:
            _tell_without_ledger(failure, daemon, settings, environ)
        if daemon.stop.wait(wait_s):
            return False
    raise AssertionError("the waits never end")


def _tell_without_ledger(
    failure: PublisherError, daemon: Daemon, settings: Settings, environ: Mapping[str, str]
) -> None:
    """Send an alert once, at the first try, from a thread: no server may hold up the start."""
    from publisher.alerts.assemble import open_addresses
    from publisher.alerts.messages import cannot_start

    def send() -> None:
        for address in open_addresses(settings, environ):
            if reason := address.send(message):
                warn(daemon.report, "alert.failed", address=address.name, reason=reason)

    message = cannot_start(settings.site.name, failure)
    Thread(target=send, name="alerts", daemon=True).start()


@dataclass(slots=True, kw_only=True)
class Daemon:
    """The main loop and what its other threads tell it.

    ``watchdog_s`` is how long systemd lets us be silent, ``None`` when it does not mind. Every
    sign of life comes from a tick: its end, or something that it did while the one before it
    succeeded. A tick that hangs or keeps failing gives none. ``after_tick`` is handed what each
    tick left, or why it failed; it must not wait for anybody. ``when_well`` is called after each
    that succeeded. ``issues_of`` gives the issues of what a plan holds.
    """

    report: Report
    notify: Callable[..., None]
    zone: tzinfo
    jobs_file: JobsFile
    watchdog_s: float | None = None
    after_tick: Callable[[Tick | PublisherError], None] = lambda done: None
    when_well: Callable[[], None] = lambda: None
    issues_of: Callable[[Plan], Sequence[Issue]] = lambda plan: ()
    stop: Flag = field(default_factory=Flag)
    wake: Flag = field(default_factory=Flag)
    _is_ready: bool = False
    _is_well: bool = True  # the last tick succeeded
    _doing: str = ""  # the last event of the tick under way
    _known: frozenset[tuple[str, ...]] = frozenset()  # news already told

    def work(
        self, tick: Callable[[], Tick], arm: Callable[[datetime | None], None]
    ) -> Settings | None:
        """Tick at once, then at each wake-up and at least every ``SWEEP_S``.

        Ends at ``stop``, or with the settings of an edited jobs.yaml, to go on with.

        The wait has its own time limit, counted by the monotonic clock: no step of the wall clock
        can stretch it, and a missed alarm costs one sweep. Half of ``watchdog_s``, if shorter.
        """
        pace_s = min(SWEEP_S, (self.watchdog_s or SWEEP_S * 2) / 2)
        while True:
            self.wake.clear()  # first: what happens from here on asks for another tick
            if self.stop.is_set():
                return None
            edited = self.look_at_jobs_file()
            if edited is not None:
                return edited
            done = self._tick(tick)
            if done is not None:
                arm(done.plan.next_at)
            self.wake.wait(SETTLED_S if self.jobs_file.is_settling else pace_s)

    def tell(self, event: Event) -> None:
        """Pass on an event of the tick; each is a sign of life, from whatever thread."""
        self._doing = str(event)
        self.report(event)
        if self._is_well:
            self._beat()

    def take_signal(self, number: signal.Signals) -> None:
        """Ask the tick to end at its next safe place; a second signal changes nothing."""
        if number is signal.SIGHUP:
            info(self.report, "signal.taken", signal=number.name)
            self.wake.set()
            return
        waits_for = self._doing or "nothing"
        if self.stop.is_set():
            reason = "already stopping; what is under way must end first, so nothing is sent twice"
            warn(
                self.report,
                "signal.ignored",
                signal=number.name,
                waits_for=waits_for,
                reason=reason,
            )
            return
        self.stop.set()
        self.wake.set()
        self.notify("STOPPING=1", "STATUS=stopping")
        info(self.report, "service.stopping", signal=number.name, waits_for=waits_for)

    def _tick(self, tick: Callable[[], Tick]) -> Tick | None:
        """Run one tick; ``None`` when it failed in a way that the next one may not."""
        self._doing = "tick.begun"
        done, failure = None, None
        try:
            done = tick()
        except PublisherError as error:
            failure = error
            is_lasting = isinstance(error, LedgerError) and not isinstance(error, LedgerUnavailable)
            if is_lasting and not self._is_ready:
                raise
            fields = {"reason": error.one_line}
            self.report(Event(name="tick.failed", level=logging.ERROR, fields=fields))
            self.notify("STATUS=last tick failed: " + " ".join(error.what.split()))
        self._doing = ""
        self._is_well = done is not None
        if not self._is_ready:
            self._is_ready = True
            self.notify("READY=1")
        if done is not None:
            self.when_well()
            self._tell_news(done)
            self._beat(f"STATUS={status_of(done, self.zone)}")
        if done is not None and self.jobs_file.trouble:
            troubles = {**done.troubles, JOBS: self.jobs_file.trouble}
            self._tell_operator(replace(done, troubles=troubles))
        elif (left := done or failure) is not None:
            self._tell_operator(left)
        return done

    def _tell_operator(self, left: Tick | PublisherError) -> None:
        """Let alerts be told; whatever goes wrong there, releases go on."""
        try:
            self.after_tick(left)
        except Exception:  # noqa: BLE001 - a plugin of Apprise, no thread left: not worth a reveal
            logger.exception("alerts.crashed")

    def _beat(self, *lines: str) -> None:
        """Tell systemd that we are alive; before we are ready, that the start makes progress."""
        if self.watchdog_s is None:
            self.notify(*lines)
        elif self._is_ready:
            self.notify("WATCHDOG=1", *lines)
        else:
            self.notify(f"EXTEND_TIMEOUT_USEC={round(self.watchdog_s * 1e6)}", *lines)

    def _tell_news(self, done: Tick) -> None:
        """Log what is wrong or waits for a person once, not at every sweep."""
        news = news_of(done, self.issues_of(done.plan))
        for key, event in news.items():
            if key not in self._known:
                self.report(event)
        self._known = frozenset(news)

    def look_at_jobs_file(self) -> Settings | None:
        """Give the settings of an edit that is to be taken up, and tell of one that cannot be."""
        known = self.jobs_file.trouble
        edited = self.jobs_file.look()
        if self.jobs_file.trouble != known and self.jobs_file.trouble:
            warn(self.report, JOBS, reason=self.jobs_file.trouble)
        return edited


class Alarm:
    """An alarm clock for one instant, in threads of its own; setting ``wake`` is all it does.

    APScheduler's own job for regular work is not used for the sweep: after a step of the wall
    clock it first lists every run it missed (2.4 s and 130 MB for a year, 3.11.3), and after a
    step back it waits for the old time to come again.
    """

    def __init__(self, wake: Flag) -> None:
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        self._wake = wake
        self._scheduler = BackgroundScheduler(
            timezone=UTC, executors={"default": ThreadPoolExecutor(1)}
        )

    def __enter__(self) -> Self:
        self._scheduler.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.arm(None)  # a job that runs during shutdown() ends APScheduler's thread with an error
        self._scheduler.shutdown()

    def arm(self, at: datetime | None) -> None:
        """Ring at ``at`` instead of the instant given before; ``None`` means not at all."""
        if at is None:
            self._scheduler.remove_all_jobs()
            return
        self._scheduler.add_job(
            self._wake.set,
            "date",
            run_date=at,
            id="next due instant",
            replace_existing=True,
            misfire_grace_time=None,  # late is better than never; the default drops after 1 s
            max_instances=1,
            coalesce=True,
        )


@contextmanager
def listen(take: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call ``take`` in a thread for each SIGTERM, SIGINT and SIGHUP while the block runs.

    The interpreter runs signal handlers between two steps of the main thread, which may hold
    the very lock that a handler would need (an Event's, the log's). A thread has no such limits
    and answers at once, even while the main thread waits in a system call.
    """
    numbers = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    def follow() -> None:
        while data := ours.recv(64):
            for number in numbers.intersection(data):
                take(signal.Signals(number))

    thread = threading.Thread(target=follow, name="signals", daemon=True)
    thread.start()
    before_fd = signal.set_wakeup_fd(theirs.fileno())
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_fd)
        theirs.close()
        thread.join()
        ours.close()


def news_of(done: Tick, issues: Iterable[Issue]) -> Mapping[tuple[str, ...], Event]:
    """Give an event for each fault of the input and each thing that waits for a person.

    The keys stay the same while the matter does, even where its words change.
    """
    from publisher.views.words import full_sentence

    news: dict[tuple[str, ...], Event] = {}
    for problem in done.problems:
        fields = {"rule": problem.rule, "reason": str(problem)}
        news["post.problem", str(problem)] = Event(
            name="post.problem", level=logging.WARNING, fields=fields
        )
    for issue in issues:
        if issue.needs_person:
            key = issue.key
            place = (
                issue.post or "",
                key.channel if key else "",
                key.occasion if key else "",
            )
            fields = dict(zip(("post", "channel", "occasion"), place, strict=True))
            fields |= {"kind": issue.kind.value, "reason": full_sentence(issue)}
            news["person.needed", *place] = Event(
                name="person.needed", level=logging.WARNING, fields=fields
            )
    return news


def status_of(done: Tick, zone: tzinfo) -> str:
    """Say in one line what comes next, for ``systemctl status``."""
    at = done.plan.next_at
    text = f"next due {at.astimezone(zone):%Y-%m-%d %H:%M:%S %z}" if at else "nothing is due"
    waiting = sum(hold.needs_person for hold in done.plan.holds)
    return f"{text}; {waiting} waiting for a person" if waiting else text
