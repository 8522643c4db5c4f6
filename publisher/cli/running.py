"""The commands that do what is due: the daemon, one pass, and the rehearsal."""

from __future__ import annotations

import click

from publisher.cli.invocation import Invocation, instant
from publisher.cli.output import flat, note, say, say_json, when


@click.command()
@click.option("--log-json", "is_json", is_flag=True, help="Log one JSON object per line.")
@click.pass_context
def run(ctx: click.Context, is_json: bool) -> None:
    """The daemon: release and announce, each at its instant.

    Ends with 78 when jobs.yaml is wrong and with 75 when another daemon works on this ledger.
    """
    from publisher.daemon import service
    from publisher.system import log, report
    from publisher.system.clock import SystemClock

    invocation: Invocation = ctx.obj
    log.configure_logging(
        environ=invocation.environ, verbose=invocation.is_verbose, json_lines=is_json
    )
    ctx.exit(
        service.run(
            invocation.settings(),
            environ=invocation.environ,
            clock=SystemClock(),
            report=report.log,
        )
    )


@click.command()
@click.option("--dry-run", "is_dry", is_flag=True, help="Show what it would do; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --dry-run.")
@click.option("--now", metavar="INSTANT", help="As if it were then; with --dry-run.")
@click.pass_context
def tick(ctx: click.Context, is_dry: bool, as_json: bool, now: str | None) -> None:
    """One pass: do everything that is due, then end. For cron, timers and CI.

    Exits with 1 when something failed, and with 3 when something waits for a person. Ends at once
    with 0 when another tick is at work.
    """
    if (as_json or now) and not is_dry:
        raise click.UsageError("--json and --now go with --dry-run")
    if is_dry:
        ctx.exit(_rehearse_tick(ctx.obj, now, as_json=as_json))
    from publisher.cli import performing

    ctx.exit(performing.tick(ctx.obj, ctx.obj.settings()))


def _rehearse_tick(invocation: Invocation, now: str | None, *, as_json: bool) -> int:
    """Show what a tick would do, and give the exit code it would have if all went well."""
    from dataclasses import replace

    from publisher.cli.pages import say_waiting
    from publisher.model import Settle
    from publisher.views.calendar import calendar, too_late
    from publisher.views.status import waiting

    survey = invocation.look(now)
    plan = survey.plan()
    left = waiting(survey, plan)
    coming = survey.calendar(until=survey.now)
    if survey.needs_adoption:  # the calendar shows what would be; a tick does nothing
        coming = replace(coming, happenings=())
    late = too_late(survey, coming)
    settled = [action for action in plan.actions if isinstance(action, Settle)]
    code = 3 if left or late or any(action.to == "held" for action in settled) else 0
    if any(problem.severity == "error" for problem in survey.scan.problems):
        code = 1  # the posts that cannot be used; a failure goes before what waits
    found = calendar(survey, coming)
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
        at = when(planned.at, survey.settings.site.zone)
        say(f"{planned.key}: would be held: was due {at}, which is too late")
    for action in settled:
        say(f"{action.key}: would be {action.to}: {flat(action.why)}")
    if not (found["entries"] or settled):
        say("nothing is due")
    say_waiting(left, survey.settings.site.zone)
    return code


@click.command()
@click.option(
    "--scratch",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where to play; default: a new temporary folder, which is kept.",
)
@click.option("--now", metavar="INSTANT", help="When to begin; default: before the first release.")
@click.pass_context
def rehearse(ctx: click.Context, scratch: str | None, now: str | None) -> None:
    """Play the calendar in virtual time on a scratch copy.

    The real site build, with a local outbox in the place of every channel; nothing real is
    touched.
    """
    import tempfile
    from pathlib import Path

    from publisher.cli.output import clean_console
    from publisher.rehearse.play import rehearse as play
    from publisher.system.clock import SystemClock

    invocation: Invocation = ctx.obj
    settings = invocation.settings()
    begin_at = instant(now, settings, option="--now") if now else None
    if scratch is None:
        scratch = tempfile.mkdtemp(prefix="publisher-rehearsal-")
        note(f"rehearsing in {scratch}")
    console = clean_console()
    rehearsal = play(
        settings,
        scratch=Path(scratch),
        environ=invocation.environ,
        now=begin_at,
        today=SystemClock().now(),
        console=console,
    )
    rehearsal.render(console)
    if not rehearsal.ok:
        ctx.exit(1)


COMMANDS = (rehearse, run, tick)
