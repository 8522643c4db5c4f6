"""How things stand, as plain values: status and why.

Nothing is changed and nothing is printed. Instants are as in ``reading``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from publisher.channels import ChannelContext, load_type
from publisher.config import in_force, resolve_secrets
from publisher.config.settings import Settings
from publisher.embargo.embargoed_text import needs_stage
from publisher.embargo.left_out import read_left_out
from publisher.engine.deliver import backoff
from publisher.engine.recover import usable_life
from publisher.model import (
    Action,
    ChannelName,
    Deliver,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Flip,
    Hold,
    Plan,
    PostId,
    Rebuild,
    Reconcile,
    Recovery,
    RecoveryKind,
    ReleaseState,
    Settle,
    Verify,
)
from publisher.model.errors import ConfigError
from publisher.model.secret import Secret, SecretRef
from publisher.system import locks
from publisher.views.calendar import (
    Value,
    attempt_value,
    calendar,
    delivery_value,
    release_value,
    utc,
)
from publisher.views.site_state import Survey, open_ledger

COMMAND = re.compile(r"`(publisher [^`]+)`")
PATIENCE = timedelta(minutes=1)  # with what is due, before a person is told; the daemon needs 15 s
_D = DeliveryState


def status(survey: Survey, *, environ: Mapping[str, str]) -> Value:
    """Give every release and delivery of the ledger, what is next, and what waits for a person.

    ``under_way`` is what goes on by itself, or would if ``daemon`` were true. ``environ`` is
    asked for the secrets of channels that should have sent.
    """
    view, plan = survey.view, _with_overdue(survey, survey.plan(), environ)
    next_at = None if survey.needs_adoption else _next_at(survey)
    deliveries = sorted(view.deliveries.values(), key=lambda record: record.key)
    return {
        "releases": [release_value(survey, view.releases[post]) for post in sorted(view.releases)],
        "deliveries": [delivery_value(record) for record in deliveries],
        "next_due": utc(next_at) if next_at else None,
        "under_way": under_way(survey, plan),
        "waiting": waiting(survey, plan),
        "left_out": left_out(survey),
        "daemon": locks.is_held(survey.settings.state_dir, locks.DAEMON),
        "jobs_file": jobs_file(survey.settings),
    }


def left_out(survey: Survey) -> list[str]:
    """Name the pages that the site is built without: not released, and no posts."""
    scan = survey.scan
    if not needs_stage(survey.settings.embargo, scan.posts):
        return []
    known = {post.path for post in scan.posts} | (scan.broken.keys() - scan.withheld)
    return sorted(scan.withheld | (read_left_out(survey.settings.state_dir) - known))


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


def _with_overdue(survey: Survey, plan: Plan, environ: Mapping[str, str]) -> Plan:
    """Put to a person what should have been sent by now, where waiting does not seem to help."""
    is_running = locks.is_held(survey.settings.state_dir, locks.DAEMON)
    kept, overdue = [], []
    for action in plan.actions:
        if isinstance(action, Deliver | Settle) and _is_overdue(survey, action.key):
            lacks = _lacking(survey, action.key.channel, environ)
            if lacks or is_running:
                overdue.append(_overdue_hold(action.key, lacks))
                continue
        kept.append(action)
    return replace(plan, actions=tuple(kept), holds=(*plan.holds, *overdue))


def _is_overdue(survey: Survey, key: DeliveryKey) -> bool:
    return survey.now - survey.view.deliveries[key].not_before > PATIENCE


def _overdue_hold(key: DeliveryKey, lacks: str) -> Hold:
    why = f"is due and was not sent{': ' if lacks else ''}{lacks}"
    command = "`publisher tick` sends it, or says what is missing"
    return Hold(
        post=key.post,
        channel=key.channel,
        occasion=key.occasion,
        why=f"{why}; {command}",
        needs_person=True,
    )


def _lacking(survey: Survey, name: ChannelName, environ: Mapping[str, str]) -> str:
    """Say which secrets of a channel cannot be had here; empty when none is missing."""
    try:
        for channel in survey.settings.channels:
            if channel.name == name:
                resolve_secrets(channel, environ)
    except ConfigError as error:
        return error.one_line
    return ""


def _next_at(survey: Survey) -> datetime | None:
    happenings = survey.calendar().happenings
    return min((happening.at for happening in happenings), default=None)


def waiting(survey: Survey, plan: Plan) -> list[Value]:
    """Give what waits for a person, with the sentence and the command that settles it."""
    return [_waiting(survey, hold) for hold in plan.holds if hold.needs_person]


def _waiting(survey: Survey, hold: Hold) -> Value:
    commands = commands_of(survey, hold) if hold.needs_person else []
    return {
        "post": hold.post,
        "channel": hold.channel,
        "occasion": hold.occasion,
        "why": hold.why,
        "until": utc(hold.until) if hold.until else None,
        "needs_person": hold.needs_person,
        "command": next(iter(commands), None),
        "commands": commands,
    }


def commands_of(survey: Survey, hold: Hold) -> list[str]:
    """Name the commands of which one settles what waits; none where a file must be edited.

    What a service answered may look like a command: it comes before ours in a sentence, and for
    a delivery the state says what settles it.
    """
    record = _delivery_of(survey, hold)
    if record is not None:
        resolve = f"publisher resolve {record.key}"
        is_open = record.key.channel not in survey.view.closed_channels
        is_uncertain = record.state is DeliveryState.UNCERTAIN and is_open
        if is_uncertain or record.key in survey.in_doubt:
            return [f"{resolve} --sent URL", f"{resolve} --not-sent"]
        if record.state is DeliveryState.FAILED:
            return [f"publisher retry {record.key}", f"{resolve} --drop"]
        if record.state is DeliveryState.HELD:
            may_be_there = f"`{resolve} --sent URL`" in record.reason
            there = [f"{resolve} --sent URL"] if may_be_there else []
            return [*there, f"publisher retry {record.key}"]
    return COMMAND.findall(hold.why)[-1:]


def _delivery_of(survey: Survey, hold: Hold) -> DeliveryRecord | None:
    if hold.post is None or hold.channel is None or hold.occasion is None:
        return None
    key = DeliveryKey(
        site=survey.settings.site.name,
        post=hold.post,
        channel=hold.channel,
        occasion=hold.occasion,
    )
    return survey.view.deliveries.get(key)


# --- what goes on by itself ----------------------------------------------------------------


def under_way(survey: Survey, plan: Plan) -> list[Value]:
    """Give what was begun or is due and settles without a person.

    ``since`` when it is so, ``again_at`` when it is tried next, ``until`` when it is settled or
    put to a person at the latest; null where nobody can say.
    """
    steps = [step for hold in plan.holds if not hold.needs_person for step in _held(survey, hold)]
    stuck = {hold.post for hold in plan.holds if hold.needs_person and hold.channel is None}
    due = (step for action in plan.actions for step in _due(survey, action))
    steps += [step for step in due if step["channel"] or step["post"] not in stuck]
    told = {step["post"] for step in steps if step["channel"] is None}
    told |= {hold.post for hold in plan.holds if hold.channel is None}
    return steps + [
        _build_step(survey, post, "not built yet")  # it waits for the flips of other posts
        for post, release in survey.view.releases.items()
        if release.state is ReleaseState.REVEALING and post not in told
    ]


def _held(survey: Survey, hold: Hold) -> Iterator[Value]:
    """Tell what was begun from what merely waits for its instant."""
    record = _delivery_of(survey, hold)
    release = survey.view.releases.get(hold.post) if hold.post else None
    if record is not None:
        yield from _sent_again(survey, record)
    elif release is not None and release.state is ReleaseState.REVEALING:
        yield _step(release.post, hold.why, since=release.due_at, again_at=hold.until)
    elif release is not None and release.missing_since is not None:
        why = f"{hold.why}; it is taken as deleted unless it comes back"
        yield _step(release.post, why, since=release.missing_since, until=hold.until)


def _due(survey: Survey, action: Action) -> Iterator[Value]:
    """Give what the next tick does, or takes up again."""
    deliveries = survey.view.deliveries
    match action:
        case Flip():
            yield _step(action.post, "due, not released yet", since=action.at)
        case Rebuild():
            for post in action.posts:
                yield _build_step(survey, post, "not built yet")
        case Verify():
            yield _build_step(survey, action.post, "not looked at yet")
        case Deliver():
            since = deliveries[action.key].not_before
            yield _step(action.key, "due, not sent yet", since=since)
        case Settle() if action.to is _D.HELD:
            why = "too late to be sent by itself; the next tick puts it to you"
            yield _step(action.key, why, since=deliveries[action.key].due_at)
        case Reconcile():
            yield _reconciled(survey, deliveries[action.key])


def _step(
    what: DeliveryKey | PostId,
    why: str,
    *,
    since: datetime | None,
    again_at: datetime | None = None,
    until: datetime | None = None,
) -> Value:
    key = what if isinstance(what, DeliveryKey) else None
    return {
        "post": key.post if key else what,
        "channel": key.channel if key else None,
        "occasion": key.occasion if key else None,
        "why": why,
        "since": utc(since) if since else None,
        "again_at": utc(again_at) if again_at else None,
        "until": utc(until) if until else None,
    }


def _build_step(survey: Survey, post: PostId, word: str) -> Value:
    record = survey.view.releases[post]
    reason = release_value(survey, record)["reason"]
    since = record.due_at if record.state is ReleaseState.REVEALING else None  # else not its own
    return _step(post, f"{word}: {reason}" if reason else word, since=since)


def _sent_again(survey: Survey, record: DeliveryRecord) -> Iterator[Value]:
    """Say what is being sent, or sent again after a refusal."""
    if record.state in (_D.CLAIMED, _D.SENDING):
        begun_at = record.last_attempt_at if record.state is _D.SENDING else None
        yield _step(record.key, "is being sent", since=begun_at, until=record.lease_until)
    elif record.state is _D.PLANNED and record.due_at <= survey.now < record.not_before:
        limit = survey.settings.stale_after if record.attempts else survey.settings.max_late
        yield _step(
            record.key,
            f"not sent: {record.reason}",
            since=record.last_attempt_at or record.due_at,
            again_at=record.not_before,
            until=record.due_at + limit,
        )


def _reconciled(survey: Survey, record: DeliveryRecord) -> Value:
    """Say how it is found out what became of a delivery, and when that ends."""
    since = record.first_attempt_at or record.due_at
    stale_at = since + survey.settings.stale_after
    recovery, timeout = _recovery(survey, record.key.channel)
    if record.state is _D.SENT:
        return _step(record.key, "accepted, to be read back", since=since, until=stale_at)
    why = f"may have gone out ({record.reason})"
    if recovery is None or recovery.kind is RecoveryKind.NONE:
        return _step(record.key, f"{why}; the next tick puts it to you", since=since)
    if recovery.kind is RecoveryKind.LOOKUP:
        wait = (timeout + recovery.settle).total_seconds() / 60
        why += f"; it is looked up, and sent again only if it stays absent for {wait:g} min"
        return _step(record.key, why, since=since, until=stale_at)
    why += "; it is sent again under its key, by which the service knows it"
    again_at = None
    if record.last_attempt_at is not None and record.attempts > 1:
        again_at = record.last_attempt_at + backoff(record.attempts - 1)
    life = usable_life(recovery.key_life, timeout) if recovery.key_life else None
    until = since + life if life else None
    return _step(record.key, why, since=since, again_at=again_at, until=until)


def _recovery(survey: Survey, name: ChannelName) -> tuple[Recovery | None, timedelta]:
    """Give what a channel can do about a lost answer, and the longest a send may take.

    Secrets are not needed for that: what stands in for them opens nothing.
    """
    settings = survey.settings
    channel = next(channel for channel in settings.channels if channel.name == name)
    options = {
        option: Secret("-") if isinstance(value, SecretRef) else value
        for option, value in channel.options.items()
    }
    context = ChannelContext(
        name=name,
        site=settings.site.name,
        site_url=settings.site.url,
        state_dir=settings.state_dir,
    )
    try:
        return load_type(channel.type)(options, context).recovery, channel.timeout
    except Exception:  # noqa: BLE001 - a plugin that wants a real secret; nothing depends on it
        return None, channel.timeout


# --- why -----------------------------------------------------------------------------------


def why(survey: Survey, name: PostId, *, environ: Mapping[str, str]) -> Value:
    """Give all that is planned, held or done for one post, and why."""
    post, release = survey.posts.get(name), survey.view.releases.get(name)
    plan = _with_overdue(survey, survey.plan(), environ)
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
        "release": release_value(survey, release) if release else None,
        "coming": calendar(survey, survey.calendar(), post=name)["entries"],
        "holds": [_waiting(survey, hold) for hold in holds],
        "under_way": [step for step in under_way(survey, plan) if step["post"] == name],
        "deliveries": [
            {
                **delivery_value(record),
                "due_at": utc(record.due_at),
                "tries": [attempt_value(attempt) for attempt in attempts.get(record.key, ())],
            }
            for record in sorted(records, key=lambda record: record.key)
        ],
    }
