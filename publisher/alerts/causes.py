"""What is worth an alert, from what a tick left and what the ledger says. Pure.

A cause keeps its key while the matter lasts, whatever becomes of its words and its level.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from publisher.config.in_force import JOBS
from publisher.engine.release import POLL_AFTER_TIMEOUT, poll_wait
from publisher.engine.tick import Tick
from publisher.model import (
    ChannelName,
    DeliveryRecord,
    DeliveryState,
    Hold,
    LedgerView,
    Outcome,
    PostId,
    ReleaseRecord,
    ReleaseState,
)
from publisher.model.errors import PublisherError
from publisher.plan.waiting import SAME_BUILDS

TICK = "tick"
COMMAND = re.compile(r"`(publisher [^`]+|--[^`]+)`")
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
class Cause:
    """``why`` says what happened, and names the command where a person must act."""

    key: str
    level: Level
    why: str
    posts: tuple[PostId, ...] = ()
    channel: ChannelName | None = None
    occasion: str | None = None
    tried: int = 0  # how often, where no attempts of a delivery tell it
    retry_at: datetime | None = None
    delivery: DeliveryRecord | None = None  # its attempts tell what was tried
    gets_worse: bool = False  # a person is needed once it has lasted an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the causes are drawn from.

    ``closed`` are channels of ``jobs.yaml`` that cannot be used; ``settles`` says within what
    time each other channel tells what became of an attempt. ``streak`` counts how many of the
    newest attempts of a delivery ended with the same outcome.
    """

    done: Tick
    view: LedgerView
    closed: Mapping[ChannelName, str]
    settles: Mapping[ChannelName, timedelta]
    streak: Callable[[DeliveryRecord, Outcome], int]
    verify_timeout: timedelta
    now: datetime


def causes_of(facts: Facts) -> dict[str, Cause]:
    """Give everything that is worth an alert now, by key."""
    found: dict[str, Cause] = {}
    for source in (
        _of_site,
        _of_troubles,
        _of_channels,
        _of_rebuild,
        _of_files,
        _of_releases,
        _of_deliveries,
    ):
        for cause in source(facts):
            found.setdefault(cause.key, cause)
    for cause in _of_holds(facts, frozenset(found)):
        found[cause.key] = cause
    return found


def is_hidden(done: Tick | PublisherError, key: str) -> bool:
    """Tell whether nobody can know by this tick if a cause still stands."""
    if isinstance(done, PublisherError):
        return key != TICK
    is_blocked = any(map(_is_block, done.plan.holds))
    return is_blocked and key.startswith(("post/", "delivery/"))


def failed_tick(error: PublisherError) -> Cause:
    return Cause(key=TICK, level=Level.TRYING, why=error.one_line, tried=1, gets_worse=True)


def subject_of(cause: Cause, title: Callable[[PostId], str]) -> str:
    """Name what the cause is about, without its level."""
    kind = cause.key.partition("/")[0]
    quoted = f'"{title(cause.posts[0])}"' if cause.posts else ""
    subjects = {
        TICK: "the sweep",
        "rebuild": "the rebuild",
        "pull": "git pull",
        "push": "the push of a release",
        "deploy": "deploy.command",
        "stage": "the staging of the site",
        "jobs": "jobs.yaml",
        "channel": f"the channel {cause.channel}",
        "post": f"the release of {quoted}",
        "delivery": f"the announcement of {quoted} on {cause.channel} ({cause.occasion})",
    }
    return subjects.get(kind, "the whole site")


# --- where causes come from ----------------------------------------------------------------


def _of_site(facts: Facts) -> Iterator[Cause]:
    for hold in facts.done.plan.holds:
        if _is_block(hold):
            command = COMMAND.search(hold.why)
            key = f"site/{command[1] if command else 'held'}"
            yield Cause(key=key, level=Level.WAITING, why=hold.why)


def _is_block(hold: Hold) -> bool:
    """Tell whether nothing at all is planned until a person acts.

    The build of the site that failed waits for a while only, and all else goes on.
    """
    return hold.post is None and hold.needs_person and hold.until is None


def _of_troubles(facts: Facts) -> Iterator[Cause]:
    for name, why in facts.done.troubles.items():
        key = name.partition(".")[0]
        if name == JOBS:
            yield Cause(key=key, level=Level.WAITING, why=why)
        else:
            yield Cause(key=key, level=Level.TRYING, why=why, tried=1, gets_worse=True)


def _of_channels(facts: Facts) -> Iterator[Cause]:
    for name, why in facts.closed.items():
        yield Cause(key=f"channel/{name}", level=Level.WAITING, why=why, channel=name)


def _of_rebuild(facts: Facts) -> Iterator[Cause]:
    view = facts.view
    waiting = tuple(sorted(r.post for r in view.releases.values() if _is_unbuilt(r, view)))
    if view.is_site_stuck:
        yield Cause(
            key="rebuild",
            level=Level.TRYING,
            why=f"the rebuild failed: {view.rebuild_reason}",
            posts=waiting,
            tried=view.rebuild_failures,
            retry_at=view.rebuild_retry_at,
            gets_worse=True,
        )


def _of_files(facts: Facts) -> Iterator[Cause]:
    """Find posts that are due soon and whose files hold an error; what it is stays unsaid.

    The post may be under embargo, and the message of a problem may quote it.
    """
    bad = {p.path: p for p in reversed(facts.done.problems) if p.severity == "error"}
    for record in _unreadable(facts):
        problem = bad[record.path]
        if _is_near(record, facts.now):
            place = f"{record.path}:{problem.line}" if problem.line else record.path
            why = f"{place} cannot be used ({problem.rule}); `publisher check {record.path}` shows"
            yield _of_post(record.post, Level.WAITING, f"{why} what is wrong")


def _of_releases(facts: Facts) -> Iterator[Cause]:
    """Find releases of which a step failed: the flip, a build without the text, the live page."""
    holds = facts.done.plan.holds
    asked = {h.post: h.why for h in holds if h.post and h.channel is None and h.needs_person}
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
        yield Cause(
            key=f"post/{record.post}",
            level=Level.WAITING if is_stuck else Level.TRYING,
            why=asked[record.post] if is_stuck else why,
            posts=(record.post,),
            tried=record.failures,
            retry_at=record.retry_at,
            gets_worse=True,
        )


def _of_deliveries(facts: Facts) -> Iterator[Cause]:
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
            yield Cause(
                key=f"delivery/{key}",
                level=Level.TRYING,
                why=why,
                posts=(key.post,),
                channel=key.channel,
                occasion=key.occasion,
                retry_at=record.not_before if record.state is DeliveryState.PLANNED else None,
                delivery=record,
            )


def _of_holds(facts: Facts, known: frozenset[str]) -> Iterator[Cause]:
    """Find what else waits for a person; a closed channel is one matter, not one per delivery."""
    unreadable = {record.post for record in _unreadable(facts)}
    unbuilt = {r.post for r in facts.view.releases.values() if _is_unbuilt(r, facts.view)}
    by_name = {
        (str(key.post), str(key.channel), key.occasion): record
        for key, record in facts.view.deliveries.items()
    }
    for hold in facts.done.plan.holds:
        if hold.post is None or not hold.needs_person:
            continue
        if hold.channel is None or hold.occasion is None:
            key = f"post/{hold.post}"
            if key not in known and hold.post not in unreadable | unbuilt:
                yield _of_post(hold.post, Level.WAITING, hold.why)
            continue
        record = by_name.get((hold.post, hold.channel, hold.occasion))
        if hold.channel in facts.closed and (record is None or record.state not in _STOPPED):
            continue
        yield _of_delivery(hold, record)


def _of_post(post: PostId, level: Level, why: str) -> Cause:
    return Cause(key=f"post/{post}", level=level, why=why, posts=(post,))


def _of_delivery(hold: Hold, record: DeliveryRecord | None) -> Cause:
    return Cause(
        key=f"delivery/{hold.post}/{hold.channel}/{hold.occasion}",
        level=Level.WAITING,
        why=hold.why,
        posts=(hold.post,) if hold.post else (),
        channel=hold.channel,
        occasion=hold.occasion,
        delivery=record,
    )


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
