"""What waits, fails or is under way: computed once, read by status, why, tick and alerts.

An issue is a value; its sentence is made by ``words`` at the very end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from publisher.channels import ChannelContext, load_type
from publisher.config import resolve_secrets
from publisher.config.settings import Settings
from publisher.engine.recover import usable_life
from publisher.ledger import Attempt, Ledger
from publisher.model import (
    Action,
    Cause,
    ChannelName,
    Command,
    Deliver,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Flip,
    Hold,
    LedgerView,
    Outcome,
    Plan,
    PostId,
    Rebuild,
    Reconcile,
    Recovery,
    RecoveryKind,
    ReleaseRecord,
    ReleaseState,
    Settle,
    Verify,
)
from publisher.model.errors import ConfigError
from publisher.model.secret import Secret, SecretRef
from publisher.plan.backoff import backoff
from publisher.system import locks

PATIENCE = timedelta(minutes=1)  # with what is due, before a person is told; the daemon needs 15 s
STOPPED = (DeliveryState.HELD, DeliveryState.FAILED)
_D = DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """``since`` when it is so, ``retry_at`` when it is tried next, ``until`` when it is over.

    Instants are ``None`` where nobody can say. Of ``commands`` one settles it; there is none
    where a file must be edited. ``reason`` is what was observed, for people.
    """

    kind: Cause
    post: PostId | None = None  # None: the whole site
    key: DeliveryKey | None = None  # None: the release of the post
    reason: str = ""
    since: datetime | None = None
    retry_at: datetime | None = None
    until: datetime | None = None
    needs_person: bool = False
    commands: tuple[Command, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_block(self) -> bool:
        """Tell whether nothing at all happens until a person acts.

        A build of the site that failed is tried again by itself, and all else goes on.
        """
        return self.post is None and self.needs_person and self.retry_at is None


# --- what is held ----------------------------------------------------------------------------


def held(
    view: LedgerView, holds: Iterable[Hold], *, in_doubt: Collection[DeliveryKey]
) -> list[Issue]:
    """Give an issue for each hold of a plan; ``in_doubt`` as from ``find_in_doubt``."""
    return [_held(view, hold, is_in_doubt=hold.key in in_doubt) for hold in holds]


def _held(view: LedgerView, hold: Hold, *, is_in_doubt: bool) -> Issue:
    record = view.deliveries.get(hold.key) if hold.key else None
    release = view.releases.get(hold.post) if hold.post else None
    since = None
    if hold.needs_person and record is not None:
        since = record.last_attempt_at or record.due_at
    elif hold.needs_person and release is not None:
        since = release.due_at
    return Issue(
        kind=hold.cause,
        post=hold.post,
        key=hold.key,
        reason=hold.reason,
        since=since,
        retry_at=hold.until if hold.needs_person else None,
        until=None if hold.needs_person else hold.until,
        needs_person=hold.needs_person,
        commands=_commands(hold, record, is_in_doubt=is_in_doubt),
        facts=hold.facts,
    )


def _commands(
    hold: Hold, record: DeliveryRecord | None, *, is_in_doubt: bool
) -> tuple[Command, ...]:
    """Name the commands of which one settles what waits."""
    if hold.key is not None:
        return _delivery_commands(hold, hold.key, record, is_in_doubt=is_in_doubt)
    match hold.cause:
        case Cause.NOT_ADOPTED:
            return (Command("adopt"),)
        case Cause.RESTORED:
            return (Command("adopt", options=("--after-restore",)),)
        case Cause.UNTRUSTED:
            return (Command("trust"),)
        case Cause.BUILD_FAILED:
            return (Command("retry", hold.facts.get("retry", "")),)
        case Cause.FLIP_FAILED | Cause.NOT_LIVE | Cause.PAGE_WRONG if hold.needs_person:
            return (Command("retry", hold.post),)
        case Cause.ALREADY_PUBLIC | Cause.DRAFT_OVER | Cause.WITHDRAWN:
            return (Command("release", hold.post),)
        case Cause.UNREADABLE if hold.post is not None:
            return (Command("check"),)
        case _:
            return ()


def _delivery_commands(
    hold: Hold, key: DeliveryKey, record: DeliveryRecord | None, *, is_in_doubt: bool
) -> tuple[Command, ...]:
    retry, drop = Command("retry", key), Command("resolve", key, ("--drop",))
    is_there = Command("resolve", key, ("--sent", "URL"))
    either = (is_there, Command("resolve", key, ("--not-sent",)))
    is_stopped = record is not None and record.state in STOPPED
    match hold.cause:
        case Cause.INCOMPLETE if record is not None and record.remote_id:
            return (Command("resolve", key, ("--sent", record.remote_id)),)
        case Cause.CHANNEL_REMOVED if record is not None and record.state is _D.UNCERTAIN:
            return either
        case _ if is_in_doubt:
            return either
        case Cause.DUPLICATE if is_stopped:
            return (is_there, retry)
        case Cause.TEXT_REPEATED if is_stopped:
            where = ("--channel", key.channel, "--occasion", f"{key.occasion}-2")
            say = ("--text", "TEXT", "--reason", "WHY")
            return (drop, Command("reannounce", key.post, (*where, *say)))
        case Cause.REFUSED if is_stopped:
            return (retry, drop)
        case Cause.CHANNEL_REMOVED | Cause.POST_MISSING if hold.needs_person:
            return (drop,)
        case Cause.CHANNEL_CLOSED:
            return (Command("retry", key.channel),)
        case Cause.OVERDUE:
            return (Command("tick"),)
        case _:
            return (retry,) if is_stopped else ()


def issues_of_tick(ledger: Ledger, plan: Plan) -> list[Issue]:
    """Give an issue for each hold that a tick left."""
    if not plan.holds:
        return []
    view = ledger.view(settled=False)
    return held(view, plan.holds, in_doubt=find_in_doubt(ledger, view))


def find_in_doubt(ledger: Ledger, view: LedgerView) -> frozenset[DeliveryKey]:
    """Give the stopped deliveries of which an attempt may have gone out."""
    stopped = (record for record in view.deliveries.values() if record.state in STOPPED)
    return frozenset(
        r.key for r in stopped if may_be_out(r, ledger.attempts(r) if r.attempts else ())
    )


def may_be_out(record: DeliveryRecord, attempts: Iterable[Attempt]) -> bool:
    """Tell whether it may be out for all we know; what a person settled is no longer in doubt."""
    is_unknown = any(attempt.outcome in (None, Outcome.UNKNOWN) for attempt in attempts)
    return record.cause is Cause.RESTORED or record.evidence is not None or is_unknown


# --- what should be out ----------------------------------------------------------------------


def with_overdue(
    settings: Settings, view: LedgerView, now: datetime, plan: Plan, environ: Mapping[str, str]
) -> Plan:
    """Put to a person what should have been sent by now, where waiting does not seem to help."""
    is_running = locks.is_held(settings.state_dir, locks.DAEMON)
    kept: list[Action] = []
    overdue: list[Hold] = []
    for action in plan.actions:
        if isinstance(action, Deliver | Settle):
            key = action.key
            lacks = _lacking(settings, key.channel, environ)
            is_overdue = now - view.deliveries[key].not_before > PATIENCE
            if is_overdue and (lacks or is_running):
                hold = Hold(
                    cause=Cause.OVERDUE, post=key.post, key=key, reason=lacks, needs_person=True
                )
                overdue.append(hold)
                continue
        kept.append(action)
    return replace(plan, actions=tuple(kept), holds=(*plan.holds, *overdue))


def _lacking(settings: Settings, name: ChannelName, environ: Mapping[str, str]) -> str:
    """Say which secrets of a channel cannot be had here; empty when none is missing."""
    try:
        for channel in settings.channels:
            if channel.name == name:
                resolve_secrets(channel, environ=environ)
    except ConfigError as error:
        return error.one_line
    return ""


# --- what is under way -----------------------------------------------------------------------


def under_way(settings: Settings, view: LedgerView, now: datetime, plan: Plan) -> list[Issue]:
    """Give what was begun or is due and settles without a person."""
    begun = [hold for hold in plan.holds if not hold.needs_person]
    found = [issue for hold in begun for issue in _begun(settings, view, now, hold)]
    stuck = {hold.post for hold in plan.holds if hold.needs_person and hold.key is None}
    due = (issue for action in plan.actions for issue in _due(settings, view, action))
    found += [issue for issue in due if issue.key or issue.post not in stuck]
    told = {issue.post for issue in found if issue.key is None}
    told |= {hold.post for hold in plan.holds if hold.key is None}
    return found + [
        _unbuilt(view, release, Cause.NOT_BUILT)  # it waits for the flips of other posts
        for post, release in view.releases.items()
        if release.state is ReleaseState.REVEALING and post not in told
    ]


def _begun(settings: Settings, view: LedgerView, now: datetime, hold: Hold) -> Iterator[Issue]:
    """Tell what was begun from what merely waits for its instant."""
    record = view.deliveries.get(hold.key) if hold.key else None
    release = view.releases.get(hold.post) if hold.post else None
    issue = Issue(kind=hold.cause, post=hold.post, key=hold.key, reason=hold.reason)
    issue = replace(issue, facts=hold.facts)
    if record is not None:
        yield from _sent_again(settings, now, issue, record)
    elif release is not None and release.state is ReleaseState.REVEALING:
        yield replace(issue, since=release.due_at, retry_at=hold.until)
    elif release is not None and release.missing_since is not None:
        yield replace(issue, since=release.missing_since, until=hold.until)


def _sent_again(
    settings: Settings, now: datetime, issue: Issue, record: DeliveryRecord
) -> Iterator[Issue]:
    """Say what is being sent, or sent again after a refusal."""
    if record.state in (_D.CLAIMED, _D.SENDING):
        begun_at = record.last_attempt_at if record.state is _D.SENDING else None
        yield replace(issue, since=begun_at, until=record.lease_until)
    elif record.state is _D.PLANNED and record.due_at <= now < record.not_before:
        limit = settings.stale_after if record.attempts else settings.max_late
        yield replace(
            issue,
            kind=Cause.REFUSED,
            reason=record.reason,
            since=record.last_attempt_at or record.due_at,
            retry_at=record.not_before,
            until=record.due_at + limit,
        )


def _due(settings: Settings, view: LedgerView, action: Action) -> Iterator[Issue]:
    """Give what the next tick does, or takes up again."""
    match action:
        case Flip():
            yield Issue(kind=Cause.DUE, post=action.post, since=action.at)
        case Rebuild():
            for post in action.posts:
                yield _unbuilt(view, view.releases[post], Cause.NOT_BUILT)
        case Verify():
            yield _unbuilt(view, view.releases[action.post], Cause.NOT_CHECKED)
        case Deliver():
            since = view.deliveries[action.key].not_before
            yield Issue(kind=Cause.DUE, post=action.key.post, key=action.key, since=since)
        case Settle() if action.to is _D.HELD:
            since = view.deliveries[action.key].due_at
            yield Issue(kind=action.cause, post=action.key.post, key=action.key, since=since)
        case Reconcile():
            yield _recovered(settings, view.deliveries[action.key])


def _unbuilt(view: LedgerView, release: ReleaseRecord, kind: Cause) -> Issue:
    since = release.due_at if release.state is ReleaseState.REVEALING else None  # not its own
    reason = step_of(view, release).reason
    return Issue(kind=kind, post=release.post, reason=reason, since=since)


def step_of(view: LedgerView, release: ReleaseRecord) -> ReleaseRecord:
    """Give a release with the failures of its next step: the build is one for all under way."""
    is_unbuilt = release.flip_gen is not None and release.flip_gen > view.built_gen
    if not (is_unbuilt and view.rebuild_failures):
        return release
    return replace(
        release,
        cause=Cause.BUILD_FAILED,
        failures=view.rebuild_failures,
        retry_at=view.rebuild_retry_at,
        reason=f"the rebuild failed: {view.rebuild_reason}",
    )


def _recovered(settings: Settings, record: DeliveryRecord) -> Issue:
    """Say how it is found out what became of a delivery, and when that ends."""
    since = record.first_attempt_at or record.due_at
    stale_at = since + settings.stale_after
    recovery, timeout = _recovery(settings, record.key.channel)
    issue = Issue(
        kind=Cause.UNKNOWN_OUTCOME,
        post=record.key.post,
        key=record.key,
        reason=record.reason,
        since=since,
        facts={"recovery": RecoveryKind.NONE},
    )
    if record.state is _D.SENT:
        return replace(issue, kind=Cause.NOT_READ_BACK, until=stale_at)
    if recovery is None or recovery.kind is RecoveryKind.NONE:
        return issue
    facts: dict[str, object] = {"recovery": recovery.kind, "wait": timeout + recovery.settle}
    issue = replace(issue, facts=facts)
    if recovery.kind is RecoveryKind.LOOKUP:
        return replace(issue, until=stale_at)
    retry_at = None
    if record.last_attempt_at is not None and record.attempts > 1:
        retry_at = record.last_attempt_at + backoff(record.attempts - 1)
    life = usable_life(recovery.key_life, timeout) if recovery.key_life else None
    return replace(issue, retry_at=retry_at, until=since + life if life else None)


def _recovery(settings: Settings, name: ChannelName) -> tuple[Recovery | None, timedelta]:
    """Give what a channel can do about a lost answer, and the longest a send may take.

    Secrets are not needed for that: what stands in for them opens nothing.
    """
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
