"""``publisher why``: what is planned or held for a post, and why."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from publisher.cli.invocation import Invocation, reads
from publisher.cli.output import flat, say, say_json, say_wrapped, when
from publisher.cli.render import Value, say_issue, to_text
from publisher.views import status


@click.command(epilog="Example: publisher why my-post")
@click.argument("post")
@reads
@click.pass_obj
def why(invocation: Invocation, post: str, as_json: bool, now: str | None) -> None:
    """Explain what is planned or held for POST, and why."""
    seen = invocation.look(now)
    found = status.why(seen, seen.find(post), environ=invocation.environ)
    say_json(found) if as_json else say_why(found, seen.settings.site.zone)


def say_why(found: Value, zone: ZoneInfo) -> None:
    say(f"{flat(found['title']) or found['post']}  ({found['post']}, {found['path']})")
    say(f"  state: {found['file_says']}" if found["file_says"] else "  its file is missing")
    if found["note"]:
        say(f"  {flat(found['note'])}")
    release = found["release"]
    if release is None:
        say("  the ledger has not seen it yet")
    else:
        is_told = any(row["channel"] is None for row in (*found["holds"], *found["under_way"]))
        reason = f": {flat(release['reason'])}" if release["reason"] and not is_told else ""
        due = f", due {when(release['release_at'], zone)}" if release["release_at"] else ""
        live = f", live since {when(release['live_at'], zone)}" if release["live_at"] else ""
        say(f"  release: {release['state']}{due}{live}{reason}")
    of_post = [hold for hold in found["holds"] if hold["channel"] is None]
    for hold in of_post:
        say_issue(hold, zone, name=_heading(hold), indent="  ")
    told = {hold["kind"] for hold in of_post}
    for step in found["under_way"]:
        if step["channel"] is None and step["kind"] not in told:
            say_issue(step, zone, name="in progress", indent="  ")
    for delivery in found["deliveries"]:
        _say_delivery(found, delivery, zone)
    if found["coming"]:
        say("\ncoming:")
        say(to_text({"timezone": zone.key, "entries": found["coming"]}))


def _say_delivery(found: Value, delivery: Value, zone: ZoneInfo) -> None:
    """Say how a delivery stands; one reason is said once."""
    mine = (delivery["channel"], delivery["occasion"])
    steps = [s for s in found["under_way"] if (s["channel"], s["occasion"]) == mine]
    holds = [h for h in found["holds"] if (h["channel"], h["occasion"]) == mine]
    holds = [hold for hold in holds if hold["needs_person"] or not steps]
    is_told = any(holds) or any(steps)
    reason = "" if is_told else flat(delivery["reason"])
    due = f"due {when(delivery['due_at'], zone)}"
    say_wrapped(
        f"{'/'.join(mine)}: {delivery['state']}, {due}{f': {reason}' if reason else ''}",
        indent="  ",
    )
    for hold in holds:
        say_issue(hold, zone, name=_heading(hold), indent="    ")
    for step in steps:
        say_issue(step, zone, name="in progress", indent="    ")
    for attempt in delivery["tries"]:
        outcome = (attempt["outcome"] or "under way").replace("_", " ")
        is_shown = attempt is delivery["tries"][-1] and (is_told or reason)
        said = "" if is_shown or not attempt["reason"] else f": {flat(attempt['reason'])}"
        say_wrapped(f"{when(attempt['at'], zone)}  {outcome}{said}", indent="    ")
    if delivery["remote_url"] or delivery["remote_id"]:
        say(f"    {flat(delivery['remote_url'] or 'its id there is ' + delivery['remote_id'])}")


def _heading(hold: Value) -> str:
    return "needs action" if hold["needs_person"] else "waits"
