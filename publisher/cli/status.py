"""``publisher status``: what is next, and what waits for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from publisher.cli.invocation import reads
from publisher.cli.output import flat, note, say, say_json, say_wrapped, when
from publisher.cli.render import Value, name_of, say_issue, say_waiting
from publisher.config import in_force
from publisher.ledger.reading import SETTLED
from publisher.model.errors import ConfigError
from publisher.system import locks
from publisher.views.status import status as status_value

LISTED = 10  # open deliveries


@click.command(epilog="Example: publisher status")
@reads
@click.pass_context
def status(ctx: click.Context, as_json: bool, now: str | None) -> None:
    """Show what is due next and what needs action.

    Exits with 3 when something needs action.
    """
    try:
        seen = ctx.obj.look(now)
    except ConfigError:
        _note_what_is_in_force(ctx.obj.file)
        raise
    found = status_value(seen, environ=ctx.obj.environ)
    say_json(found) if as_json else say_status(found, seen.settings.site.zone)
    if found["waiting"]:
        ctx.exit(3)


def _note_what_is_in_force(file: Path) -> None:
    """Say that a daemon goes on with what jobs.yaml said before it was broken."""
    state_dir = in_force.likely_state_dir(file)
    found = in_force.read_note(state_dir)
    if found is not None and locks.is_held(state_dir, locks.DAEMON):
        note(f"the daemon goes on with the {file.name} of {found.since}")


def say_status(found: Value, zone: ZoneInfo) -> None:
    next_due = found["next_due"]
    say(f"next due: {when(next_due, zone) if next_due else 'nothing'}")
    if found["jobs_file"] and not found["jobs_file"]["is_current"]:
        since = when(found["jobs_file"]["since"], zone)
        trouble = flat(found["jobs_file"]["trouble"]) or "it reads the new one within 15 s"
        say_wrapped(f"the daemon works with the jobs.yaml of {since}: {trouble}", indent="")
    say_wrapped(f"releases: {_counts(found['releases'])}", indent="")
    say_wrapped(f"deliveries: {_counts(found['deliveries'])}", indent="")
    _say_open(found, zone)
    if found["under_way"]:
        say()
        say("In progress (no action needed):")
        for step in found["under_way"]:
            say_issue(step, zone, name=name_of(step), indent="  ")
        if not found["daemon"]:
            say("  No daemon is running. To go on, run:")
            say("    publisher tick")
    if found["waiting"]:
        say()
    say_waiting(found["waiting"], zone)
    if found["left_out"]:
        names = ", ".join(found["left_out"])
        say_wrapped(f"not in the built site (unreleased, and no posts): {names}", indent="")


def _say_open(found: Value, zone: ZoneInfo) -> None:
    """List the announcements that wait for their time; the others are listed as issues."""
    issues = {name_of(row) for row in (*found["under_way"], *found["waiting"])}
    rows = [
        row
        for row in found["deliveries"]
        if row["state"] not in SETTLED and name_of(row) not in issues
    ]
    if rows:
        say("\nOpen deliveries:")
    for row in sorted(rows, key=lambda row: row["due_at"])[:LISTED]:
        say(f"  {name_of(row)}: {row['state']}, due {when(row['due_at'], zone)}")
    if len(rows) > LISTED:
        say(f"  and {len(rows) - LISTED} more; to see them, run:\n    publisher status --json")


def _counts(rows: Sequence[Value]) -> str:
    counts = Counter(row["state"] for row in rows)
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "none"
