"""Which issues are worth an alert, from what a tick left and what the ledger says. Pure.

A finding keeps its key while the matter lasts, whatever becomes of its words and its level.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from publisher.config.in_force import JOBS
from publisher.engine.release import POLL_AFTER_TIMEOUT, poll_wait
from publisher.engine.tick import Tick
from publisher.model import (
    ChannelName,
    Command,
    DeliveryRecord,
    DeliveryState,
    LedgerView,
    Outcome,
    PostId,
    ReleaseRecord,
    ReleaseState,
)
from publisher.model.errors import PublisherError
from publisher.plan.backoff import SAME_BUILDS
from publisher.views.issues import Issue
from publisher.views.words import sentence

TICK = "tick"
REFUSALS = 3  # in a row, until they are worth an alert
NOT_PREPARED = timedelta(minutes=5)  # a draft that cannot be made is tried each minute
NOT_FOUND_OUT = timedelta(minutes=15)  # beyond the settle time
AHEAD = timedelta(hours=24)  # a file that is no good matters when its post is due this soon

_STOPPED = (DeliveryState.HELD, DeliveryState.FAILED)


class Level(IntEnum):
    """How bad it is; each step up is told."""

    OVER = 0
    TRYING = 1  # something failed, and publisher keeps trying by itself
    WAITING = 2  # a person must act
    OVERDUE = 3  # nobody did, a day later


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``why`` says what happened; one of ``commands`` settles it where a person must act."""

    key: str
    level: Level
    why: str
    commands: tuple[Command, ...] = ()
    posts: tuple[PostId, ...] = ()
    channel: ChannelName | None = None
    occasion: str | None = None
    tried: int = 0  # how often, where no attempts of a delivery tell it
    retry_at: datetime | None = None
    delivery: DeliveryRecord | None = None  # its attempts tell what was tried
    gets_worse: bool = False  # a person is needed once it has lasted an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the findings are drawn from.

    ``issues`` is one for each hold that the tick left. ``closed`` are channels of ``jobs.yaml``
    that cannot be used; ``settles`` says within what time each other channel tells what became
    of an attempt. ``streak`` counts how many of the
    newest attempts of a delivery ended with the same outcome.
    """

    done: Tick
    issues: Sequence[Issue]
    view: LedgerView
    closed: Mapping[ChannelName, str]
    unusable: Collection[ChannelName]  # of those, what lacks a secret
    settles: Mapping[ChannelName, timedelta]
    streak: Callable[[DeliveryRecord, Outcome], int]
    verify_timeout: timedelta
    now: datetime


def findings_of(facts: Facts) -> dict[str, Finding]:
    """Give everything that is worth an alert now, by key."""
    found: dict[str, Finding] = {}
    for source in (
        _of_site,
        _of_troubles,
        _of_channels,
        _of_rebuild,
        _of_files,
        _of_releases,
        _of_deliveries,
    ):
        for finding in source(facts):
            found.setdefault(finding.key, finding)
    for finding in _of_holds(facts, frozenset(found)):
        found[finding.key] = finding
    return found


def is_hidden(done: Tick | PublisherError, key: str) -> bool:
    """Tell whether nobody can know by this tick if a cause still stands."""
    if isinstance(done, PublisherError):
        return key != TICK
    is_blocked = any(h.post is None and h.needs_person and not h.until for h in done.plan.holds)
    return is_blocked and key.startswith(("post/", "delivery/"))


def failed_tick(error: PublisherError) -> Finding:
    return Finding(key=TICK, level=Level.TRYING, why=error.one_line, tried=1, gets_worse=True)


def subject_of(finding: Finding, title: Callable[[PostId], str]) -> str:
    """Name what the cause is about, without its level."""
    kind = finding.key.partition("/")[0]
    quoted = f'"{title(finding.posts[0])}"' if finding.posts else ""
    subjects = {
        TICK: "the sweep",
        "rebuild": "the rebuild",
        "pull": "git pull",
        "push": "the push of a release",
        "deploy": "deploy.command",
        "stage": "the staging of the site",
        "jobs": "jobs.yaml",
        "channel": f"the channel {finding.channel}",
        "post": f"the release of {quoted}",
        "delivery": f"the announcement of {quoted} on {finding.channel} ({finding.occasion})",
    }
    return subjects.get(kind, "the whole site")


# --- where causes come from ----------------------------------------------------------------


def _of_site(facts: Facts) -> Iterator[Finding]:
    for issue in facts.issues:
        if issue.is_block:
            yield _finding(f"site/{issue.kind}", issue)


def _finding(key: str, issue: Issue, delivery: DeliveryRecord | None = None) -> Finding:
    """Give what waits for a person."""
    return Finding(
        key=key,
        level=Level.WAITING,
        why=sentence(issue),
        commands=issue.commands,
        posts=(issue.post,) if issue.post else (),
        channel=issue.key.channel if issue.key else None,
        occasion=issue.key.occasion if issue.key else None,
        delivery=delivery,
    )


def _of_troubles(facts: Facts) -> Iterator[Finding]:
    for name, why in facts.done.troubles.items():
        key = name.partition(".")[0]
        if name == JOBS:
            yield Finding(key=key, level=Level.WAITING, why=why)
        else:
            yield Finding(key=key, level=Level.TRYING, why=why, tried=1, gets_worse=True)


def _of_channels(facts: Facts) -> Iterator[Finding]:
    for name, why in facts.closed.items():
        is_lacking = name in facts.unusable  # `publisher retry` would not help
        yield Finding(
            key=f"channel/{name}",
            level=Level.WAITING,
            why=why if is_lacking else f"{why}; renew the credentials",
            commands=() if is_lacking else (Command("retry", name),),
            channel=name,
        )


def _of_rebuild(facts: Facts) -> Iterator[Finding]:
    view = facts.view
    waiting = tuple(sorted(r.post for r in view.releases.values() if _is_unbuilt(r, view)))
    if view.is_site_stuck:
        yield Finding(
            key="rebuild",
            level=Level.TRYING,
            why=f"the rebuild failed: {view.rebuild_reason}",
            commands=(Command("retry", next(iter(waiting), "")),),
            posts=waiting,
            tried=view.rebuild_failures,
            retry_at=view.rebuild_retry_at,
            gets_worse=True,
        )


def _of_files(facts: Facts) -> Iterator[Finding]:
    """Find posts that are due soon and whose files hold an error; what it is stays unsaid.

    The post may be under embargo, and the message of a problem may quote it.
    """
    bad = {p.path: p for p in reversed(facts.done.problems) if p.severity == "error"}
    for record in _unreadable(facts):
        problem = bad[record.path]
        if _is_near(record, facts.now):
            place = f"{record.path}:{problem.line}" if problem.line else record.path
            yield Finding(
                key=f"post/{record.post}",
                level=Level.WAITING,
                why=f"{place} cannot be used ({problem.rule})",
                commands=(Command("check", record.path),),
                posts=(record.post,),
            )


def _of_releases(facts: Facts) -> Iterator[Finding]:
    """Find releases of which a step failed: the flip, a build without the text, the live page."""
    asked = {i.post: i for i in facts.issues if i.post and i.key is None and i.needs_person}
    for record in facts.view.releases.values():
        if record.state is not ReleaseState.REVEALING or not record.failures:
            continue
        unbuilt = _is_unbuilt(record, facts.view)
        if unbuilt and facts.view.rebuild_failures:
            continue  # told as the rebuild's failure
        if record.flip_gen is None:
            why = f"the flip failed: {record.reason}"
        elif unbuilt:
            why = f"the site was built without it: {record.reason}"
        elif record.post in asked or _is_past_timeout(record, facts.verify_timeout):
            why = f"its page is not live: {record.reason}"
        else:
            continue
        is_ours = unbuilt or record.flip_gen is None  # no host or cache is to blame
        is_stuck = is_ours and record.post in asked and record.failures >= SAME_BUILDS
        yield Finding(
            key=f"post/{record.post}",
            level=Level.WAITING if is_stuck else Level.TRYING,
            why=sentence(asked[record.post]) if is_stuck else why,
            commands=(Command("retry", record.post),),
            posts=(record.post,),
            tried=record.failures,
            retry_at=record.retry_at,
            gets_worse=True,
        )


def _of_deliveries(facts: Facts) -> Iterator[Finding]:
    """Find deliveries that keep failing without having stopped yet."""
    for record in facts.view.deliveries.values():
        key, why = record.key, ""
        if key.channel not in facts.settles:
            continue
        if record.state is DeliveryState.PLANNED and _is_refused(record, facts):
            why = f"it was refused again and again: {record.reason}"
        elif record.state is DeliveryState.UNCERTAIN and _is_in_the_dark(record, facts):
            why = f"it may have gone out, and looking it up keeps failing: {record.reason}"
        if why:
            yield Finding(
                key=f"delivery/{key}",
                level=Level.TRYING,
                why=why,
                posts=(key.post,),
                channel=key.channel,
                occasion=key.occasion,
                retry_at=record.not_before if record.state is DeliveryState.PLANNED else None,
                delivery=record,
            )


def _of_holds(facts: Facts, known: frozenset[str]) -> Iterator[Finding]:
    """Find what else waits for a person; a closed channel is one matter, not one per delivery."""
    unreadable = {record.post for record in _unreadable(facts)}
    unbuilt = {r.post for r in facts.view.releases.values() if _is_unbuilt(r, facts.view)}
    for issue in facts.issues:
        if issue.post is None or not issue.needs_person:
            continue
        key = f"post/{issue.post}"
        if issue.key is None:
            if key not in known and issue.post not in unreadable | unbuilt:
                yield _finding(key, issue)
            continue
        record = facts.view.deliveries.get(issue.key)
        is_stopped = record is not None and record.state in _STOPPED
        if issue.key.channel not in facts.closed or is_stopped:
            yield _finding(f"delivery/{issue.key}", issue, record)


# --- judging one record --------------------------------------------------------------------


def _is_unbuilt(record: ReleaseRecord, view: LedgerView) -> bool:
    return record.flip_gen is not None and record.flip_gen > view.built_gen


def _is_past_timeout(record: ReleaseRecord, timeout: timedelta) -> bool:
    return poll_wait(record.failures - 1, timeout) >= POLL_AFTER_TIMEOUT


def _unreadable(facts: Facts) -> list[ReleaseRecord]:
    bad = {problem.path for problem in facts.done.problems if problem.severity == "error"}
    over = (ReleaseState.BASELINE, ReleaseState.GONE)
    records = facts.view.releases.values() if bad else ()
    return [record for record in records if record.path in bad and record.state not in over]


def _is_near(record: ReleaseRecord, now: datetime) -> bool:
    """Tell whether its release is under way, over, or comes within a day."""
    if record.state in (ReleaseState.REVEALING, ReleaseState.LIVE):
        return True
    return record.due_at is not None and record.due_at <= now + AHEAD


def _is_refused(record: DeliveryRecord, facts: Facts) -> bool:
    if record.attempts >= REFUSALS:
        return facts.streak(record, Outcome.NOT_SENT) >= REFUSALS
    release = facts.view.releases.get(record.key.post)
    open_at = max(record.due_at, release.live_at or record.due_at) if release else record.due_at
    is_put_off = bool(record.reason) and record.not_before > record.due_at
    return not record.attempts and is_put_off and facts.now >= open_at + NOT_PREPARED


def _is_in_the_dark(record: DeliveryRecord, facts: Facts) -> bool:
    """Tell whether what became of it should be known by now."""
    if record.attempts >= REFUSALS and facts.streak(record, Outcome.UNKNOWN) >= REFUSALS:
        return True
    since = record.last_attempt_at or record.due_at
    return facts.now - since > facts.settles[record.key.channel] + NOT_FOUND_OUT
