"""The readings as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from publisher.cli.formats import sizes, to_text
from publisher.cli.output import clean, count, flat, note, say, say_wrapped, when
from publisher.model import Problem

if TYPE_CHECKING:
    from publisher.check import Report

Value = dict[str, Any]
NAMED = 3  # places of the same problem


def say_waiting(waiting: Sequence[Value], zone: ZoneInfo | None = None) -> None:
    """Say what waits for a person, each with the commands that settle it; the same only once."""
    if not waiting:
        return
    say("waits for a person:")
    alike: dict[tuple[str, ...], list[Value]] = {}
    for hold in waiting:
        alike.setdefault((hold["why"], hold["until"] or "", *hold["commands"]), []).append(hold)
    for holds in alike.values():
        names = ", ".join(filter(None, map(_name, holds)))
        _say_hold(holds[0], zone, name=names, indent="  ")
    say()


def _name(row: Value) -> str:
    return "/".join(part for part in (row["post"], row["channel"], row["occasion"]) if part)


def _say_hold(hold: Value, zone: ZoneInfo | None, *, name: str, indent: str) -> None:
    """Say why something waits; commands that do not stand in the sentence whole come below it."""
    sentence = flat(hold["why"])
    if hold["until"] and zone is not None:
        word = "; tried again at" if hold["needs_person"] else " until"
        sentence += f"{word} {when(hold['until'], zone)}"
    say_wrapped(f"{name}: {sentence}" if name else sentence, indent=indent)
    if not all(f"`{command}`" in sentence for command in hold["commands"]):
        for command in hold["commands"]:
            say(f"{indent}  {command}")


def _say_under_way(step: Value, zone: ZoneInfo, *, name: str, indent: str) -> None:
    parts = [flat(step["why"])]
    if step["since"]:
        parts.append(f"since {when(step['since'], zone)}")
    if step["again_at"]:
        parts.append(f"tried again at {when(step['again_at'], zone)}")
    if step["until"]:
        parts.append(f"settled or put to you by {when(step['until'], zone)}")
    say_wrapped(f"{name}: {', '.join(parts)}", indent=indent)


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
    if found["jobs_file"] and not found["jobs_file"]["is_current"]:
        since = when(found["jobs_file"]["since"], zone)
        trouble = flat(found["jobs_file"]["trouble"]) or "it takes up the edit with its next sweep"
        say_wrapped(f"the daemon works with the jobs.yaml of {since}: {trouble}", indent="")
    say_wrapped(f"releases: {_counts(found['releases'])}", indent="")
    say_wrapped(f"deliveries: {_counts(found['deliveries'])}", indent="")
    if found["under_way"]:
        say()
        say_wrapped("goes on by itself, nothing is to be done:", indent="")
        for step in found["under_way"]:
            _say_under_way(step, zone, name=_name(step), indent="  ")
        if not found["daemon"]:
            words = "no daemon is running: it goes on with the next `publisher tick`"
            say_wrapped(words, indent="  ")
    if found["waiting"]:
        say()
    say_waiting(found["waiting"], zone)
    if found["left_out"]:
        names = ", ".join(found["left_out"])
        say_wrapped(f"left out, for they are not released and no posts: {names}", indent="")


def _counts(rows: Sequence[Value]) -> str:
    counts = Counter(row["state"] for row in rows)
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "none"


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
        _say_hold(hold, zone, name="waits", indent="  ")
    told = {hold["why"] for hold in of_post}
    for step in found["under_way"]:
        if step["channel"] is None and step["why"] not in told:
            _say_under_way(step, zone, name="goes on by itself", indent="  ")
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
        _say_hold(hold, zone, name=who, indent="    ")
    for step in steps:
        _say_under_way(step, zone, name="goes on by itself", indent="    ")
    for attempt in delivery["tries"]:
        outcome = (attempt["outcome"] or "under way").replace("_", " ")
        reason = flat(attempt["reason"])
        shown = f": {reason}" if reason and reason not in told else ""
        say_wrapped(f"{when(attempt['at'], zone)}  {outcome}{shown}", indent="    ")
    if delivery["remote_url"] or delivery["remote_id"]:
        say(f"    {flat(delivery['remote_url'] or 'its id there is ' + delivery['remote_id'])}")


def say_log(found: Value, zone: ZoneInfo) -> None:
    if not found["events"]:
        note("the ledger holds no events yet")
    for event in found["events"]:
        name = "/".join(filter(None, (event["post"], event["channel"], event["occasion"])))
        states = " -> ".join(filter(None, (event["from_state"], event["to_state"])))
        parts = (when(event["at"], zone), name, event["kind"], states, flat(event["reason"]))
        say("  ".join(filter(None, parts)))


def say_problems(report: Report, *, is_all: bool) -> None:
    from publisher.check import Weight

    titles = {
        Weight.STOPS: "These stop a release:",
        Weight.SHOWS: "Readers would see these, or they need a look:",
        Weight.REST: "In pages that are public already, or drafts:",
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
