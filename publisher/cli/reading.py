"""The commands that look at what will happen and what did; none of them changes a byte."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from publisher.cli.invocation import Invocation, instant, reads
from publisher.cli.output import note, say, say_json, when
from publisher.model.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from publisher.check import Report
    from publisher.config.settings import Settings


@click.command()
@click.option("--from", "start", metavar="DATE", help="Leave out what comes earlier.")
@click.option("--to", "end", metavar="DATE", help="Leave out what comes later; a day is whole.")
@click.option("--ics", "form", flag_value="ics", help="Print iCalendar.")
@click.option("--markdown", "form", flag_value="markdown", help="Print Markdown, texts in full.")
@reads
@click.pass_obj
def calendar(
    invocation: Invocation,
    start: str | None,
    end: str | None,
    form: str | None,
    as_json: bool,
    now: str | None,
) -> None:
    """What will happen, when, where, with which text."""
    from publisher.cli import formats, pages
    from publisher.views import calendar as reading
    from publisher.views import status as standing

    if as_json and form:
        raise click.UsageError(f"--json and --{form} exclude each other")
    survey = invocation.look(now)
    span = _span(start, end, survey.settings)
    if span[0] is not None and span[1] is not None and span[0] > span[1]:
        raise click.BadParameter(f"{end} comes before --from {start}", param_hint="--to")
    coming = survey.calendar(until=span[1])
    found = reading.calendar(survey, coming, start=span[0])
    if survey.needs_adoption:
        note("this ledger was never adopted: shown as it will be after `publisher adopt`")
    for planned in reading.too_late(survey, coming):
        at = when(planned.at, survey.settings.site.zone)
        note(f"{planned.key}: was due {at}, which is too late: it will be held")
    if as_json:
        say_json(found)
    elif form == "ics":
        sys.stdout.buffer.write(formats.to_ics(found))
    elif form == "markdown":
        say(formats.to_markdown(found))
    else:
        pages.say_waiting(standing.waiting(survey, survey.plan()), survey.settings.site.zone)
        say(formats.to_text(found) or "nothing is coming")


def _span(
    start: str | None, end: str | None, settings: Settings
) -> tuple[datetime | None, datetime | None]:
    """Read ``--from`` and ``--to``; a bare date means all of that day."""
    from datetime import time

    first = instant(start, settings, option="--from", release_time=time.min) if start else None
    last = instant(end, settings, option="--to", release_time=time.max) if end else None
    return first, last


@click.command()
@click.argument("post")
@reads
@click.pass_obj
def preview(invocation: Invocation, post: str, as_json: bool, now: str | None) -> None:
    """Each announcement of POST as it will be sent.

    POST is the id, the slug or the path of a post.
    """
    from publisher.cli import pages
    from publisher.views import calendar as reading

    survey = invocation.look(now)
    found = reading.preview(survey, survey.get(post))
    say_json(found) if as_json else pages.say_preview(found, survey.settings.site.zone)


@click.command()
@reads
@click.pass_context
def status(ctx: click.Context, as_json: bool, now: str | None) -> None:
    """What is next, and what waits for a person.

    Exits with 3 when something waits for a person.
    """
    from publisher.cli import pages
    from publisher.views import status as standing

    try:
        survey = ctx.obj.look(now)
    except ConfigError:
        _note_what_is_in_force(ctx.obj.file)
        raise
    found = standing.status(survey, environ=ctx.obj.environ)
    say_json(found) if as_json else pages.say_status(found, survey.settings.site.zone)
    if found["waiting"]:
        ctx.exit(3)


def _note_what_is_in_force(file: Path) -> None:
    """Say that a daemon goes on with what jobs.yaml said before it was broken."""
    from publisher.config import in_force
    from publisher.system import locks

    state_dir = in_force.likely_state_dir(file)
    found = in_force.read_note(state_dir)
    if found is not None and locks.is_held(state_dir, locks.DAEMON):
        note(f"the daemon goes on with the {file.name} of {found.since}")


@click.command()
@click.argument("post")
@reads
@click.pass_obj
def why(invocation: Invocation, post: str, as_json: bool, now: str | None) -> None:
    """What is planned or held for POST, and why."""
    from publisher.cli import pages
    from publisher.views import status as standing

    survey = invocation.look(now)
    found = standing.why(survey, survey.find(post), environ=invocation.environ)
    say_json(found) if as_json else pages.say_why(found, survey.settings.site.zone)


@click.command()
@click.argument("post", required=False)
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many, at most."
)
@reads
@click.pass_obj
def log(
    invocation: Invocation, post: str | None, limit: int, as_json: bool, now: str | None
) -> None:
    """The ledger's events, of the site or of POST.

    The newest come last.
    """
    from publisher.cli import pages
    from publisher.views import calendar as reading

    survey = invocation.look(now)
    name = survey.find(post) if post is not None else None
    found = reading.log(survey, name, limit=limit)
    say_json(found) if as_json else pages.say_log(found, survey.settings.site.zone)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--all", "is_all", is_flag=True, help="Show those in public pages and drafts, too.")
@click.option("--build", "is_build", is_flag=True, help="Build a copy with all posts released.")
@click.option("--fix", "is_fix", is_flag=True, help="Mend what is safe to mend.")
@reads
@click.pass_context
def check(
    ctx: click.Context,
    paths: Sequence[str],
    is_all: bool,
    is_build: bool,
    is_fix: bool,
    as_json: bool,
    now: str | None,
) -> None:
    """Every problem in config and posts, or only those in PATH.

    What stops a release comes first. Of public pages and drafts there are counts, but with --all or
    PATH. Exits with 1 when there is an error; warnings alone are fine.

    --build tries every coming release in a copy of the site: the page, its address, title and
    card, and the lists that must name it. What is public stays as it is.
    """
    from publisher.cli import pages

    report = _report(ctx.obj, paths, now, is_fix=is_fix)
    if is_build:
        report = _with_trial(ctx.obj, report, now)
    if as_json:
        say_json({"problems": [_shown(problem) for problem in report.problems]})
    else:
        pages.say_problems(report, is_all=is_all or bool(paths))
    if any(problem.severity == "error" for problem in report.problems):
        ctx.exit(1)


def _report(
    invocation: Invocation, paths: Sequence[str], now: str | None, *, is_fix: bool
) -> Report:
    from publisher import check as checking
    from publisher import config
    from publisher.posts.library import Library

    settings, problems = config.read(invocation.file, environ=invocation.environ)
    if settings is None:
        return checking.Report(problems=problems, coming=frozenset())
    library = Library.of(settings)
    only = [_path_in(settings, path) for path in paths]
    at = instant(now, settings, option="--now")
    found = checking.examine(settings, library, now=at, environ=invocation.environ, paths=only)
    if is_fix:
        for path in checking.fix(settings, library, found.problems):
            note(f"mended {path}")
        found = checking.examine(settings, library, now=at, environ=invocation.environ, paths=only)
    return found


def _with_trial(invocation: Invocation, report: Report, now: str | None) -> Report:
    """Add what a trial build shows; with errors in jobs.yaml there is none."""
    from dataclasses import replace

    from publisher.cli.trial import try_build

    found = try_build(invocation, invocation.look(now))
    return replace(report, problems=(*found.problems, *report.problems))


def _path_in(settings: Settings, path: str) -> str:
    """Give a path as problems name it: relative to the folder of ``jobs.yaml``."""
    from pathlib import Path

    file = Path(path).resolve()
    if not file.exists():
        raise click.BadParameter(f"there is no {path}", param_hint="PATH")
    if not file.is_relative_to(settings.project):
        raise click.BadParameter(f"{path} is not below {settings.project}", param_hint="PATH")
    return file.relative_to(settings.project).as_posix()


def _shown(problem: Any) -> dict[str, Any]:
    names = ("rule", "severity", "path", "line", "message", "hint")
    return {name: getattr(problem, name) for name in names}


COMMANDS = (check, calendar, preview, status, why, log)
