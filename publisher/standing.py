"""How things stand, as plain values: status, why, log.

Nothing is changed and nothing is printed. Instants are as in ``reading``.
"""

from __future__ import annotations

import re
from datetime import datetime

from publisher.ledger import Attempt
from publisher.model import (
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Hold,
    Plan,
    PostId,
    ReleaseRecord,
)
from publisher.reading import Value, calendar, local, utc
from publisher.survey import Survey, open_ledger

COMMAND = re.compile(r"`(publisher [^`]+)`")


def status(survey: Survey) -> Value:
    """Give every release and delivery of the ledger, what is next, and what waits for a person."""
    view = survey.view
    next_at = None if survey.needs_adoption else _next_at(survey)
    deliveries = sorted(view.deliveries.values(), key=lambda record: record.key)
    return {
        "releases": [_release(survey, view.releases[post]) for post in sorted(view.releases)],
        "deliveries": [_delivery(record) for record in deliveries],
        "next_due": utc(next_at) if next_at else None,
        "waiting": waiting(survey, survey.plan()),
    }


def _next_at(survey: Survey) -> datetime | None:
    happenings = survey.calendar().happenings
    return min((happening.at for happening in happenings), default=None)


def waiting(survey: Survey, plan: Plan) -> list[Value]:
    """Give what waits for a person, with the sentence and the command that settles it."""
    return [_waiting(survey, hold) for hold in plan.holds if hold.needs_person]


def _waiting(survey: Survey, hold: Hold) -> Value:
    return {
        "post": hold.post,
        "channel": hold.channel,
        "occasion": hold.occasion,
        "why": hold.why,
        "command": command_of(survey, hold),
    }


def command_of(survey: Survey, hold: Hold) -> str | None:
    """Name the command that settles what waits; ``None`` where a file must be edited instead."""
    if hold.post is not None and hold.channel is not None and hold.occasion is not None:
        key = DeliveryKey(
            site=survey.settings.site.name,
            post=hold.post,
            channel=hold.channel,
            occasion=hold.occasion,
        )
        record = survey.view.deliveries.get(key)
        if key in survey.in_doubt:
            return f"publisher resolve {key} --sent URL"
        if record is not None and record.state in (DeliveryState.HELD, DeliveryState.FAILED):
            return f"publisher retry {key}"
        if hold.channel in survey.view.closed_channels:
            return f"publisher retry {hold.channel}"
    named = COMMAND.search(hold.why)
    return named[1] if named else None


def _release(survey: Survey, record: ReleaseRecord) -> Value:
    post = survey.posts.get(record.post)
    due_at = record.due_at
    failures, retry_at, reason = record.failures, record.retry_at, record.reason
    view = survey.view
    if record.flip_gen is not None and record.flip_gen > view.built_gen and view.rebuild_failures:
        # The build is one for all releases under way; its failure is each one's.
        failures, retry_at = view.rebuild_failures, view.rebuild_retry_at
        reason = f"the rebuild failed: {view.rebuild_reason}"
    return {
        "post": record.post,
        "title": post.title if post else "",
        "url": post.url if post else "",
        "state": record.state.value,
        "release_at": utc(due_at) if due_at else None,
        "live_at": utc(record.live_at) if record.live_at else None,
        "failures": failures,
        "retry_at": utc(retry_at) if retry_at else None,
        "reason": reason,
    }


def _delivery(record: DeliveryRecord) -> Value:
    return {
        "post": record.key.post,
        "channel": record.key.channel,
        "occasion": record.key.occasion,
        "state": record.state.value,
        "remote_id": record.remote_id,
        "remote_url": record.remote_url,
        "attempts": record.attempts,
        "reason": record.reason,
    }


# --- why and log ---------------------------------------------------------------------------


def why(survey: Survey, name: PostId) -> Value:
    """Give all that is planned, held or done for one post, and why."""
    post, release = survey.posts.get(name), survey.view.releases.get(name)
    plan = survey.plan()
    holds = [hold for hold in plan.holds if hold.post in (name, None)]
    records = [record for key, record in survey.view.deliveries.items() if key.post == name]
    with open_ledger(survey.settings, now=survey.now, read_only=True) as ledger:
        attempts = {record.key: ledger.attempts(record) for record in records if record.attempts}
    return {
        "post": name,
        "title": post.title if post else "",
        "path": post.path if post else (release.path if release else None),
        "file_says": post.state.value if post else None,
        "note": post.release_zone_note if post else "",
        "release": _release(survey, release) if release else None,
        "coming": calendar(survey, survey.calendar(), post=name)["entries"],
        "holds": [
            {
                **_waiting(survey, hold),
                "command": command_of(survey, hold) if hold.needs_person else None,
                "until": utc(hold.until) if hold.until else None,
            }
            for hold in holds
        ],
        "deliveries": [
            {
                **_delivery(record),
                "due_at": utc(record.due_at),
                "tries": [_attempt(attempt) for attempt in attempts.get(record.key, ())],
            }
            for record in sorted(records, key=lambda record: record.key)
        ],
    }


def _attempt(attempt: Attempt) -> Value:
    return {
        "at": utc(attempt.intent_at),
        "ended_at": utc(attempt.ended_at) if attempt.ended_at else None,
        "outcome": attempt.outcome.value if attempt.outcome else None,
        "reason": attempt.reason,
    }


def log(survey: Survey, name: PostId | None, *, limit: int) -> Value:
    """Give the newest events of the ledger, or of one post, oldest first."""
    with open_ledger(survey.settings, now=survey.now, read_only=True) as ledger:
        events = ledger.events(name, limit=limit)
    zone = survey.settings.site.zone
    return {
        "events": [
            {
                "seq": event.seq,
                "at": utc(event.at),
                "local": local(event.at, zone),
                "kind": event.kind,
                "post": event.post,
                "channel": event.channel,
                "occasion": event.occasion,
                "from_state": event.from_state,
                "to_state": event.to_state,
                "reason": event.reason,
            }
            for event in events
        ]
    }
