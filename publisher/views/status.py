"""How things stand, as plain values: status and why.

Nothing is changed and nothing is printed. Instants are as in ``calendar``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from publisher.config import in_force
from publisher.config.settings import Settings
from publisher.embargo.embargoed_text import needs_stage
from publisher.embargo.left_out import read_left_out
from publisher.model import Plan, PostId
from publisher.system import locks
from publisher.views.calendar import (
    Value,
    attempt_value,
    calendar,
    delivery_value,
    release_value,
    utc,
)
from publisher.views.issues import Issue, held, under_way, with_overdue
from publisher.views.site_state import SiteState, open_ledger
from publisher.views.words import sentence


def status(seen: SiteState, *, environ: Mapping[str, str]) -> Value:
    """Give every release and delivery of the ledger, what is next, and what waits for a person.

    ``under_way`` is what goes on by itself, or would if ``daemon`` were true. ``environ`` is
    asked for the secrets of channels that should have sent.
    """
    view, plan = seen.view, _plan(seen, environ)
    next_at = None if seen.needs_adoption else _next_at(seen)
    deliveries = sorted(view.deliveries.values(), key=lambda record: record.key)
    return {
        "releases": [release_value(seen, view.releases[post]) for post in sorted(view.releases)],
        "deliveries": [delivery_value(record) for record in deliveries],
        "next_due": utc(next_at) if next_at else None,
        "under_way": [issue_value(issue) for issue in _under_way(seen, plan)],
        "waiting": waiting(seen, plan),
        "left_out": left_out(seen),
        "daemon": locks.is_held(seen.settings.state_dir, locks.DAEMON),
        "jobs_file": jobs_file(seen.settings),
    }


def left_out(seen: SiteState) -> list[str]:
    """Name the pages that the site is built without: not released, and no posts."""
    scan = seen.scan
    if not needs_stage(seen.settings.embargo, scan.posts):
        return []
    known = {post.path for post in scan.posts} | (scan.broken.keys() - scan.withheld)
    return sorted(scan.withheld | (read_left_out(seen.settings.state_dir) - known))


def jobs_file(settings: Settings) -> Value | None:
    """Say since when the daemon works with which jobs.yaml; ``None`` when no daemon runs."""
    note = in_force.read_note(settings.state_dir)
    if note is None or not locks.is_held(settings.state_dir, locks.DAEMON):
        return None
    return {
        "since": note.since,
        "is_current": note.digest == in_force.digest_of(settings.file),
        "trouble": note.trouble,
    }


def _plan(seen: SiteState, environ: Mapping[str, str]) -> Plan:
    return with_overdue(seen.settings, seen.view, seen.now, seen.plan(), environ)


def _under_way(seen: SiteState, plan: Plan) -> list[Issue]:
    return under_way(seen.settings, seen.view, seen.now, plan)


def _next_at(seen: SiteState) -> datetime | None:
    happenings = seen.calendar().happenings
    return min((happening.at for happening in happenings), default=None)


def waiting(seen: SiteState, plan: Plan) -> list[Value]:
    """Give what waits for a person, with the commands that settle it."""
    return [issue_value(issue) for issue in _held(seen, plan) if issue.needs_person]


def _held(seen: SiteState, plan: Plan) -> list[Issue]:
    return held(seen.view, plan.holds, in_doubt=seen.in_doubt)


def issue_value(issue: Issue) -> Value:
    """Give an issue as JSON has it; ``why`` is its sentence, ``command`` the first of several."""
    commands = [str(command) for command in issue.commands]
    until = issue.until or (issue.retry_at if issue.needs_person else None)
    return {
        "kind": issue.kind.value,
        "post": issue.post,
        "channel": issue.key.channel if issue.key else None,
        "occasion": issue.key.occasion if issue.key else None,
        "why": sentence(issue),
        "since": utc(issue.since) if issue.since else None,
        "again_at": utc(issue.retry_at) if issue.retry_at else None,
        "until": utc(until) if until else None,
        "needs_person": issue.needs_person,
        "command": next(iter(commands), None),
        "commands": commands,
    }


# --- why -----------------------------------------------------------------------------------


def why(seen: SiteState, name: PostId, *, environ: Mapping[str, str]) -> Value:
    """Give all that is planned, held or done for one post, and why."""
    post, release = seen.posts.get(name), seen.view.releases.get(name)
    plan = _plan(seen, environ)
    holds = [issue for issue in _held(seen, plan) if issue.post in (name, None)]
    records = [record for key, record in seen.view.deliveries.items() if key.post == name]
    with open_ledger(seen.settings, now=seen.now, read_only=True) as ledger:
        attempts = {record.key: ledger.attempts(record) for record in records if record.attempts}
    return {
        "post": name,
        "title": post.title if post else "",
        "path": post.path if post else (release.path if release else None),
        "file_says": post.state.value if post else None,
        "note": post.release_zone_note if post else "",
        "release": release_value(seen, release) if release else None,
        "coming": calendar(seen, seen.calendar(), post=name)["entries"],
        "holds": [issue_value(issue) for issue in holds],
        "under_way": [issue_value(i) for i in _under_way(seen, plan) if i.post == name],
        "deliveries": [
            {
                **delivery_value(record),
                "tries": [attempt_value(attempt) for attempt in attempts.get(record.key, ())],
            }
            for record in sorted(records, key=lambda record: record.key)
        ],
    }
