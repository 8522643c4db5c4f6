"""The readings as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from publisher.cli.formats import sizes, to_text
from publisher.cli.output import clean, count, flat, note, say, when
from publisher.model import Problem

Value = dict[str, Any]


def say_waiting(waiting: Sequence[Value]) -> None:
    """Say what waits for a person, and the command that settles it."""
    if not waiting:
        return
    say("waits for a person:")
    for hold in waiting:
        for line in waiting_lines(hold):
            say(f"  {line}")
    say()


def waiting_lines(hold: Value) -> list[str]:
    name = "/".join(part for part in (hold["post"], hold["channel"], hold["occasion"]) if part)
    sentence = flat(hold["why"])
    lines = [f"{name}: {sentence}" if name else sentence]
    if hold["command"] and f"`{hold['command']}" not in sentence:
        lines.append(f"  {hold['command']}")
        if hold["command"].startswith("publisher resolve"):
            lines.append(f"  {hold['command'].removesuffix('--sent URL')}--not-sent")
    return lines


def say_preview(found: Value, zone: ZoneInfo) -> None:
    say(f"{flat(found['title'])}  ({found['post']}, {found['path']})")
    say(flat(found["url"]))
    for announcement in found["announcements"]:
        say()
        _say_announcement(announcement, zone)


def _say_announcement(announcement: Value, zone: ZoneInfo) -> None:
    occasion = "" if announcement["occasion"] == "launch" else f" ({announcement['occasion']})"
    state = announcement["state"] or "not planned"
    at = f"  {when(announcement['at'], zone)}" if announcement["at"] else ""
    say(f"{announcement['channel']}{occasion}: {state}{at}  {sizes(announcement)}".rstrip())
    if announcement["why"] and (announcement["state"] != "planned" or not announcement["text"]):
        say(f"  why      {flat(announcement['why'])}")
    for label, name in (("subject", "subject"), ("link", "link"), ("image", "image")):
        if announcement[name]:
            say(f"  {label:<7}  {flat(announcement[name])}")
    if announcement["image_alt"]:
        say(f"  alt      {flat(announcement['image_alt'])}")
    for line in clean(announcement["text"] or "").splitlines():
        say(f"  | {line}".rstrip())


def say_status(found: Value, zone: ZoneInfo) -> None:
    next_due = found["next_due"]
    say(f"next due: {when(next_due, zone) if next_due else 'nothing'}")
    say(f"releases: {_counts(found['releases'])}")
    say(f"deliveries: {_counts(found['deliveries'])}")
    under_way = [release for release in found["releases"] if release["state"] == "revealing"]
    if under_way:
        say("\nunder way:")
    for release in under_way:
        reason = f": {flat(release['reason'])}" if release["reason"] else ""
        again = f"; again at {when(release['retry_at'], zone)}" if release["retry_at"] else ""
        say(f"  {release['post']}{reason}{again}")
    if found["waiting"]:
        say()
    say_waiting(found["waiting"])


def _counts(rows: Sequence[Value]) -> str:
    counts = Counter(row["state"] for row in rows)
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "none"


def say_why(found: Value, zone: ZoneInfo) -> None:
    say(f"{flat(found['title']) or found['post']}  ({found['post']}, {found['path']})")
    say(f"  its file says {found['file_says']}" if found["file_says"] else "  its file is missing")
    if found["note"]:
        say(f"  {flat(found['note'])}")
    release = found["release"]
    if release is None:
        say("  the ledger has not seen it yet")
    else:
        reason = f": {flat(release['reason'])}" if release["reason"] else ""
        due = f", due {when(release['release_at'], zone)}" if release["release_at"] else ""
        live = f", live since {when(release['live_at'], zone)}" if release["live_at"] else ""
        say(f"  release: {release['state']}{due}{live}{reason}")
    _say_holds(found["holds"], zone)
    for delivery in found["deliveries"]:
        _say_delivery(delivery, zone)
    if found["coming"]:
        say("\ncoming:")
        say(to_text({"timezone": zone.key, "entries": found["coming"]}))


def _say_holds(holds: Sequence[Value], zone: ZoneInfo) -> None:
    for hold in holds:
        if hold["channel"] is not None and not hold["command"]:
            continue  # said with its delivery
        until = f" until {when(hold['until'], zone)}" if hold["until"] else ""
        first, *more = waiting_lines({**hold, "post": None})
        say(f"  waits: {first}{until}")
        for line in more:
            say(f"  {line}")


def _say_delivery(delivery: Value, zone: ZoneInfo) -> None:
    name = f"{delivery['channel']}/{delivery['occasion']}"
    reason = f": {flat(delivery['reason'])}" if delivery["reason"] else ""
    say(f"  {name}: {delivery['state']}, due {when(delivery['due_at'], zone)}{reason}")
    for attempt in delivery["tries"]:
        outcome = (attempt["outcome"] or "under way").replace("_", " ")
        reason = f": {flat(attempt['reason'])}" if attempt["reason"] else ""
        say(f"    {when(attempt['at'], zone)}  {outcome}{reason}")
    where = delivery["remote_url"] or delivery["remote_id"]
    if where:
        say(f"    {flat(where)}")


def say_log(found: Value, zone: ZoneInfo) -> None:
    if not found["events"]:
        note("the ledger holds no events yet")
    for event in found["events"]:
        name = "/".join(filter(None, (event["post"], event["channel"], event["occasion"])))
        states = " -> ".join(filter(None, (event["from_state"], event["to_state"])))
        parts = (when(event["at"], zone), name, event["kind"], states, flat(event["reason"]))
        say("  ".join(filter(None, parts)))


def say_problems(problems: Sequence[Problem]) -> None:
    for problem in problems:
        place = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
        say(f"{place}: {problem.severity}: {clean(problem.message)} [{problem.rule}]")
        if problem.hint:
            say(f"  {clean(problem.hint)}")
    errors = sum(problem.severity == "error" for problem in problems)
    if problems:
        note(f"{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}")
    else:
        note("no problems")
