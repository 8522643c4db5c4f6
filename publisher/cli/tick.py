"""``publisher tick``: do everything that is due, then end; other commands end with it, too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Event as Flag
from threading import RLock
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from publisher.alerts import Alerts
from publisher.alerts.assemble import open_alerts
from publisher.cli.invocation import Invocation
from publisher.cli.output import flat, note, say, say_json, when
from publisher.cli.render import say_waiting
from publisher.config.settings import Settings
from publisher.daemon import service
from publisher.daemon.service import SWEEP_S
from publisher.engine.assemble import open_engine
from publisher.engine.requests import Requests
from publisher.engine.tick import Engine, Tick
from publisher.ledger import Ledger
from publisher.model import Settle
from publisher.model.errors import PublisherError
from publisher.posts.library import Library
from publisher.system import locks, report
from publisher.system.clock import SystemClock
from publisher.system.log import configure_logging
from publisher.system.report import Event
from publisher.views.calendar import calendar, too_late
from publisher.views.site_state import look
from publisher.views.status import waiting

ALERT_S = 60.0  # the longest that a tick of cron waits for its alerts to be sent


# What is told of an event, by its name; others are for the log only.
LINES: Mapping[str, str] = {
    "post.observed": "{post}: {why}",
    "post.rescheduled": "{post}: moved to {at}",
    "request.failed": "{post}: {reason}",
    "file.changed": "changed {path}",
    "flip.done": "{post}: flipped ({changed})",
    "flip.failed": "{post}: the flip failed: {reason}",
    "rebuild.done": "rebuilt in {seconds} s for {posts}",
    "pull.done": "pulled new commits",
    "pull.failed": "git pull failed: {reason}",
    "push.failed": "{reason}",
    "deploy.restless": "{reason}",
    "output.overwritten": "{reason}",
    "stage.failed": "the staged copy cannot be updated: {reason}",
    "page.left_out": "{path}: left out of the site: not released, and not a post",
    "rebuild.failed": "the rebuild for {posts} failed: {reason}",
    "release.live": "{post}: live at {url}",
    "verify.waiting": "{post}: not live yet: {reason}",
    "delivery.sent": "{name}: sent",
    "delivery.not_sent": "{name}: not sent: {reason}",
    "delivery.not_prepared": "{name}: not sent: {reason}",
    "delivery.uncertain": "{name}: may have gone out: {reason}",
    "delivery.recovered": "{name}: resumed, {state}",
    "delivery.absent": "{name}: checked: it was not sent",
    "delivery.confirmed": "{name}: confirmed",
    "delivery.held": "{name}: held: {reason}",
    "delivery.cancelled": "{name}: cancelled: {reason}",
    "delivery.returned": "{name}: waits: {reason}",
    "action.failed": "{action} failed: {reason}",
    "alert.told": "alert sent: {what} ({degree})",
    "alert.failed": "alert to {address} failed: {reason}",
    "ping.failed": "the ping failed: {reason}",
}


FAILURES = frozenset(
    {
        "flip.failed",
        "deploy.restless",
        "output.overwritten",
        "pull.failed",
        "push.failed",
        "request.failed",
        "rebuild.failed",
        "stage.failed",
        "delivery.not_sent",
        "delivery.not_prepared",
        "delivery.uncertain",
        "action.failed",
    }
)


@click.command(epilog="Example: publisher tick --dry-run")
@click.option("--dry-run", "is_dry", is_flag=True, help="Show what would be done; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --dry-run.")
@click.option("--now", metavar="INSTANT", help="Pretend that it is this time; with --dry-run.")
@click.pass_context
def tick(ctx: click.Context, is_dry: bool, as_json: bool, now: str | None) -> None:
    """Do everything that is due now, then exit.

    For cron, timers and CI. Exits with 1 when something failed, and with 3 when something needs
    your attention. Exits at once with 0 when another tick is running.
    """
    if (as_json or now) and not is_dry:
        raise click.UsageError("--json and --now go with --dry-run")
    if is_dry:
        ctx.exit(_rehearse_tick(ctx.obj, now, as_json=as_json))
    ctx.exit(run_tick(ctx.obj, ctx.obj.settings()))


def _rehearse_tick(invocation: Invocation, now: str | None, *, as_json: bool) -> int:
    """Show what a tick would do, and give the exit code it would have if all went well."""
    seen = invocation.look(now)
    plan = seen.plan()
    left = waiting(seen, plan)
    coming = seen.calendar(until=seen.now)
    if seen.needs_adoption:  # the calendar shows what would be; a tick does nothing
        coming = replace(coming, happenings=())
    late = too_late(seen, coming)
    settled = [action for action in plan.actions if isinstance(action, Settle)]
    code = 3 if left or late or any(action.to == "held" for action in settled) else 0
    if any(problem.severity == "error" for problem in seen.scan.problems):
        code = 1  # the posts that cannot be used; a failure goes before what waits
    found = calendar(seen, coming)
    if as_json:
        say_json(found)
        return code
    for entry in found["entries"]:
        if entry["action"] == "release":
            say(f"{entry['post']}: would be released at {entry['url']}")
        elif entry["text"] is None:
            say(f"{entry['post']}/{entry['channel']}: would be held: {flat(entry['why'])}")
        else:
            name = f"{entry['post']}/{entry['channel']}/{entry['occasion']}"
            say(f"{name}: would be sent: {flat(entry['text'])}")
    for planned in late:
        at = when(planned.at, seen.settings.site.zone)
        say(f"{planned.key}: would be held: was due {at}, too late")
    for action in settled:
        say(f"{action.key}: would be {action.to}: {flat(action.why)}")
    if not (found["entries"] or settled):
        say("nothing is due")
    say_waiting(left, seen.settings.site.zone)
    return code


@dataclass(slots=True)
class Teller:
    """Tells the events of a tick; ``tell`` may be called from any thread."""

    log: Callable[[Event], None] | None = None
    has_failed: bool = False
    said: int = 0
    _spinner: Status | None = None
    _lock: RLock = field(default_factory=RLock)

    def tell(self, event: Event) -> None:
        with self._lock:
            self.has_failed |= event.name in FAILURES
            with suppress(OSError):  # the disk of `publisher tick >> log` is full: the work goes on
                self._tell(event)

    def _tell(self, event: Event) -> None:
        self._spin(event)
        if self.log is not None:
            self.log(event)
        if event.name == "rebuild.output":
            note(f"  {flat(event.fields['line'])}")
        elif event.name in LINES:
            self.said += 1
            say(flat(LINES[event.name].format_map(_facts(event))))

    def close(self) -> None:
        if self._spinner is not None:
            self._spinner.stop()

    def _spin(self, event: Event) -> None:
        """Show that a build is under way: a spinner on a terminal, a line elsewhere."""
        if event.name == "rebuild.started":
            words = f"rebuilding for {flat(event.fields['posts'])}"
            if sys.stderr.isatty():
                self._spinner = Console(stderr=True).status(escape(words))
                self._spinner.start()
            else:
                note(words)
        elif self._spinner is not None:
            self._spinner.stop()
            self._spinner = None


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _facts(event: Event) -> _Facts:
    names = (event.fields.get(part, "") for part in ("post", "channel", "occasion"))
    name = event.fields.get("delivery") or "/".join(filter(None, names))
    return _Facts({**event.fields, "name": name})


def run_tick(
    invocation: Invocation, settings: Settings, *, about: Collection[str] | None = None
) -> int:
    """Do everything that is due, tell what was done and what waits; give the exit code.

    With ``about``, only what waits for a person with these posts counts, and another tick is
    waited for. Without, one that is at work does what is due: ticks of cron must not pile up.
    """
    if about is None and (holder := locks.holder_of(settings.state_dir, locks.TICK)):
        _say_at_work(settings, *holder)
        return 0
    if invocation.is_verbose:
        configure_logging(environ=invocation.environ, verbose=True)
    stop = Flag()
    teller = Teller(report.log if invocation.is_verbose else None)

    def end(number: int) -> None:
        note("stopping after the current step")
        stop.set()

    with ExitStack() as stack:
        stack.callback(teller.close)
        stack.enter_context(service.listen(end))
        engine = stack.enter_context(
            open_engine(
                settings,
                environ=invocation.environ,
                clock=SystemClock(),
                report=teller.tell,
                stop=stop,
            )
        )
        if about is None and not locks.is_held(settings.state_dir, locks.DAEMON):
            alerts = open_alerts(engine, settings, environ=invocation.environ, report=teller.tell)
            done = _tick_and_alert(engine, alerts)
        else:  # the person is here, or the daemon tells
            done = engine.tick()
    if stop.is_set():
        return 130
    return _conclude(settings, teller, done, about)


def _say_at_work(settings: Settings, pid: str, since: datetime) -> None:
    at = when(since, settings.site.zone)
    say(f"another publisher process is at work: {pid}, since {at}; it does what is due")


def _tick_and_alert(engine: Engine, alerts: Alerts) -> Tick:
    try:
        done = engine.tick()
    except PublisherError as error:
        alerts.settle(error)
        raise
    else:
        alerts.settle(done)
        return done
    finally:
        alerts.finish(ALERT_S)


def _conclude(settings: Settings, teller: Teller, done: Tick, about: Collection[str] | None) -> int:
    """Say what is left, and give the exit code: a failure goes before what waits."""
    errors = [problem for problem in done.problems if problem.severity == "error"]
    for problem in errors:
        note(f"error: {problem}")
    if not teller.said:
        next_at = done.plan.next_at
        coming = f"; next at {when(next_at, settings.site.zone)}" if next_at else ""
        say(f"nothing is due{coming}")
    left = [
        hold
        for hold in _waiting(settings, done)
        if about is None or hold["post"] in about or hold["post"] is None
    ]
    say_waiting(left)
    if teller.has_failed or (errors and about is None):
        return 1
    return 3 if left else 0


def _waiting(settings: Settings, done: Tick) -> list[dict[str, Any]]:
    if not any(hold.needs_person for hold in done.plan.holds):
        return []
    return waiting(look(settings, now=SystemClock().now()), done.plan)


def performer_of(settings: Settings, ledger: Ledger) -> Requests:
    """Give what performs the requests of a command at once, told line by line."""
    return Requests(
        settings=settings,
        library=Library.of(settings),
        ledger=ledger,
        clock=SystemClock(),
        report=Teller().tell,
    )


def tick_unless_daemon(
    invocation: Invocation, settings: Settings, *, about: Collection[str]
) -> int:
    """Let the daemon do what was asked for, or do it here where none runs."""
    if locks.is_held(settings.state_dir, locks.DAEMON):
        note(f"the daemon does it within {SWEEP_S:.0f} s; see `publisher status`")
        return 0
    return run_tick(invocation, settings, about=about)
