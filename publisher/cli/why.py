"""``publisher why``: what is planned or held for a post, and why."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from publisher.cli.invocation import Invocation, reads
from publisher.cli.output import flat, say, say_json, say_wrapped, when
from publisher.cli.render import Value, say_hold, say_under_way, to_text
from publisher.views import status


@click.command(epilog="Example: publisher why my-post")
@click.argument("post")
@reads
@click.pass_obj
def why(invocation: Invocation, post: str, as_json: bool, now: str | None) -> None:
    """Explain what is planned or held for POST, and why."""
    survey = invocation.look(now)
    found = status.why(survey, survey.find(post), environ=invocation.environ)
    say_json(found) if as_json else say_why(found, survey.settings.site.zone)


def say_why(found: Value, zone: ZoneInfo) -> None:
    say(f"{flat(found['title']) or found['post']}  ({found['post']}, {found['path']})")
    say(f"  state: {found['file_says']}" if found["file_says"] else "  its file is missing")
    if found["note"]:
        say(f"  {flat(found['note'])}")
    release = found["release"]
    if release is None:
        say("  the ledger has not seen it yet")
    else:
        said = " ".join(row["why"] for row in (*found["holds"], *found["under_way"]))
        is_told = not release["reason"] or release["reason"] in said
        reason = "" if is_told else f": {flat(release['reason'])}"
        due = f", due {when(release['release_at'], zone)}" if release["release_at"] else ""
        live = f", live since {when(release['live_at'], zone)}" if release["live_at"] else ""
        say(f"  release: {release['state']}{due}{live}{reason}")
    of_post = [hold for hold in found["holds"] if hold["channel"] is None]
    for hold in of_post:
        say_hold(hold, zone, name="waits", indent="  ")
    told = {hold["why"] for hold in of_post}
    for step in found["under_way"]:
        if step["channel"] is None and step["why"] not in told:
            say_under_way(step, zone, name="goes on by itself", indent="  ")
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
    told = " ".join(flat(row["why"]) for row in (*holds, *steps))
    reason = flat(delivery["reason"])
    shown = f": {reason}" if reason and reason not in told else ""
    told += shown
    say_wrapped(
        f"{'/'.join(mine)}: {delivery['state']}, due {when(delivery['due_at'], zone)}{shown}",
        indent="  ",
    )
    for hold in holds:
        who = "waits for you" if hold["needs_person"] else "waits"
        say_hold(hold, zone, name=who, indent="    ")
    for step in steps:
        say_under_way(step, zone, name="goes on by itself", indent="    ")
    for attempt in delivery["tries"]:
        outcome = (attempt["outcome"] or "under way").replace("_", " ")
        reason = flat(attempt["reason"])
        shown = f": {reason}" if reason and reason not in told else ""
        say_wrapped(f"{when(attempt['at'], zone)}  {outcome}{shown}", indent="    ")
    if delivery["remote_url"] or delivery["remote_id"]:
        say(f"    {flat(delivery['remote_url'] or 'its id there is ' + delivery['remote_id'])}")
