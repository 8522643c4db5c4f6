"""``publisher log``: the events of the ledger."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from publisher.cli.invocation import Invocation, reads
from publisher.cli.output import flat, note, say, say_json, when
from publisher.cli.render import Value
from publisher.views import calendar


@click.command(epilog="Example: publisher log my-post --limit 20")
@click.argument("post", required=False)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Show at most this many.",
)
@reads
@click.pass_obj
def log(
    invocation: Invocation, post: str | None, limit: int, as_json: bool, now: str | None
) -> None:
    """Show the events of the site, or of POST.

    The newest event comes last.
    """
    seen = invocation.look(now)
    name = seen.find(post) if post is not None else None
    found = calendar.log(seen, name, limit=limit)
    say_json(found) if as_json else say_log(found, seen.settings.site.zone)


def say_log(found: Value, zone: ZoneInfo) -> None:
    if not found["events"]:
        note("the ledger holds no events yet")
    for event in found["events"]:
        name = "/".join(filter(None, (event["post"], event["channel"], event["occasion"])))
        states = " -> ".join(filter(None, (event["from_state"], event["to_state"])))
        parts = (when(event["at"], zone), name, event["kind"], states, flat(event["reason"]))
        say("  ".join(filter(None, parts)))
