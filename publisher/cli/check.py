"""``publisher check``: every problem in config and posts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from publisher import check as checking
from publisher import config
from publisher.check import Report, Weight
from publisher.check.preflight import Preflight, preflight
from publisher.cli.invocation import Invocation, instant, reads
from publisher.cli.output import clean, count, note, say, say_json
from publisher.config.settings import Settings
from publisher.engine.assemble import build_environ
from publisher.model import PostState, Problem
from publisher.model.errors import PublisherError
from publisher.posts.library import Library
from publisher.views.site_state import SiteState

NAMED = 3  # places of the same problem


LISTED = 20  # addresses shown


@click.command(epilog="Example: publisher check --build")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--all", "is_all", is_flag=True, help="Also show problems in public pages and drafts."
)
@click.option(
    "--build", "is_build", is_flag=True, help="Build a copy with all posts released, and check it."
)
@click.option("--fix", "is_fix", is_flag=True, help="Fix what is safe to fix.")
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
    """Find problems in jobs.yaml and in the posts.

    Problems that stop a release come first. Problems in public pages and drafts are only counted;
    name a PATH or use --all to see them. Exits with 1 when there is an error; warnings are fine.

    With --build, publisher builds a copy of the site with every scheduled post released, and
    checks each page, its address, title and preview card, and the feeds that must list it.
    """
    report = _report(ctx.obj, paths, now, is_fix=is_fix)
    if is_build:
        report = _with_trial(ctx.obj, report, now)
    if as_json:
        say_json({"problems": [_shown(problem) for problem in report.problems]})
    else:
        say_problems(report, is_all=is_all or bool(paths))
    if any(problem.severity == "error" for problem in report.problems):
        ctx.exit(1)


def _report(
    invocation: Invocation, paths: Sequence[str], now: str | None, *, is_fix: bool
) -> Report:
    settings, problems = config.read(invocation.file, environ=invocation.environ)
    if settings is None:
        return checking.Report(problems=problems, coming=frozenset())
    library = Library.of(settings)
    only = [_path_in(settings, path) for path in paths]
    at = instant(now, settings, option="--now")
    found = checking.examine(settings, library, now=at, environ=invocation.environ, paths=only)
    if is_fix:
        for path in checking.fix(settings, library, found.problems):
            note(f"fixed {path}")
        found = checking.examine(settings, library, now=at, environ=invocation.environ, paths=only)
    return found


def _with_trial(invocation: Invocation, report: Report, now: str | None) -> Report:
    """Add what a trial build shows; with errors in jobs.yaml there is none."""
    found = try_build(invocation, invocation.look(now))
    return replace(report, problems=(*found.problems, *report.problems))


def _path_in(settings: Settings, path: str) -> str:
    """Give a path as problems name it: relative to the folder of ``jobs.yaml``."""
    file = Path(path).resolve()
    if not file.exists():
        raise click.BadParameter(f"there is no {path}", param_hint="PATH")
    if not file.is_relative_to(settings.project):
        raise click.BadParameter(f"{path} is not below {settings.project}", param_hint="PATH")
    return file.relative_to(settings.project).as_posix()


def _shown(problem: Any) -> dict[str, Any]:
    names = ("rule", "severity", "path", "line", "message", "hint")
    return {name: getattr(problem, name) for name in names}


def say_problems(report: Report, *, is_all: bool) -> None:
    titles = {
        Weight.STOPS: "Problems that stop a release:",
        Weight.SHOWS: "Problems that readers would see, or that need a look:",
        Weight.REST: "Problems in public pages and drafts:",
    }
    for weight, title in titles.items():
        problems = report.of(weight)
        if not problems:
            continue
        if weight is Weight.REST and not is_all:
            rules = Counter(problem.rule for problem in problems).most_common()
            counts = ", ".join(f"{number} {rule}" for rule, number in rules)
            note(f"{title} {counts}. To see them, run: publisher check --all")
            continue
        note(title)
        alike: dict[tuple[str, ...], list[Problem]] = {}
        for problem in problems:
            kind = (problem.rule, problem.severity, problem.message, problem.hint)
            alike.setdefault(kind, []).append(problem)
        for same in alike.values():
            say_problem(*same[: None if is_all else NAMED], total=len(same))
    errors = sum(problem.severity == "error" for problem in report.problems)
    warnings = len(report.problems) - errors
    if report.problems:
        note(f"{count(errors, 'error')}, {count(warnings, 'warning')}")
    else:
        note("no problems")


def say_problem(*alike: Problem, total: int = 1) -> None:
    """Say what is wrong in one place, or the same in several; ``total`` counts those not shown."""
    for problem in alike:
        place = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
        say(f"{place}: {problem.severity}: {clean(problem.message)} [{problem.rule}]")
    if total > len(alike):
        say(f"and in {total - len(alike)} more places: to see them, run: publisher check --all")
    for line in alike[0].hint.splitlines():
        say(f"  {clean(line)}")


def try_build(invocation: Invocation, seen: SiteState) -> Preflight:
    """Build a copy of the site with all coming posts released; show their addresses.

    :raises PublisherError: when no copy can be made.
    """
    coming = sum(post.state is PostState.SCHEDULED for post in seen.scan.posts)
    note(f"building a copy of the site with {count(coming, 'coming post')} released …")
    environ = build_environ(seen.settings, invocation.environ)
    found = preflight(seen, environ=environ)
    for name, url in list(found.addresses.items())[:LISTED]:
        note(f"  {name}: {url}")
    if len(found.addresses) > LISTED:
        note(f"  and {len(found.addresses) - LISTED} more")
    return found


def show_trial(invocation: Invocation) -> tuple[str, ...]:
    """Try the build and show what is wrong; nothing of it ends the command.

    Give the pages that are public now, and that the first build would take away.
    """
    try:
        seen = invocation.look()
        if seen.settings.rebuild is None:
            return ()
        found = try_build(invocation, seen)
    except PublisherError as error:
        note(f"no trial build: {error.one_line}")
        return ()
    for problem in found.problems:
        say_problem(problem)
    if not found.problems:
        note("the trial build shows every coming post correctly")
    return found.vanishing
