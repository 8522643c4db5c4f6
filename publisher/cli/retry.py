"""``publisher retry``: try again what failed or was late."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import click

from publisher.cli.invocation import YES
from publisher.cli.output import confirm, flat, note, say
from publisher.cli.tick import tick_unless_daemon
from publisher.model import (
    Cause,
    ChannelName,
    DeliveryRecord,
    DeliveryState,
    LedgerView,
    PostId,
    ReleaseRecord,
    ReleaseState,
)
from publisher.model.errors import LedgerError, PublisherError, UnknownNameError
from publisher.system.clock import SystemClock
from publisher.views.site_state import SiteState, near, open_ledger

REASON = "tried again with `publisher retry`"


@click.command(epilog="Example: publisher retry my-post/x")
@click.argument("what", required=False, metavar="[DELIVERY|POST|CHANNEL]")
@YES
@click.pass_context
def retry(ctx: click.Context, what: str | None, is_yes: bool) -> None:
    """Retry failed or late steps now.

    Without an argument, everything that failed or is late is retried, except announcements that may
    have gone out already. A DELIVERY is written post/channel/occasion; the occasion may be omitted
    when there is only one. A CHANNEL that was closed because of its credentials is opened again.
    """
    seen = ctx.obj.look()
    chosen = _choose(seen, what)
    channel, records = chosen.channel, chosen.records
    for record in records:
        say(f"{record.key}: {record.state.value}, will be sent: {flat(record.reason)}")
    if channel is not None:
        say(f"{channel}: closed, will be opened: {flat(seen.view.closed_channels[channel])}")
    steps = _failed_steps(seen, chosen.post) if what is None or chosen.post else []
    for release in steps:
        is_release = release.state in (ReleaseState.REVEALING, ReleaseState.SCHEDULED)
        what_goes_on = "its release continues" if is_release else "the site is built again"
        say(f"{release.post}: {release.state.value}, {what_goes_on} now")
    is_site = what is None and not steps and seen.view.is_site_stuck
    if is_site:
        say("the site: its rebuild failed; it is built again now")
    if channel is None and not records and not steps and not is_site:
        note("there is nothing to retry")
        return
    confirm("continue?", is_yes=is_yes)
    now = SystemClock().now()
    with open_ledger(seen.settings, now=now) as ledger:
        if channel is not None:
            ledger.open_channel(channel, now=now)
        if steps or is_site:
            ledger.retry_steps([release.post for release in steps], now=now)
        for record in records:
            if record.state is DeliveryState.PLANNED:
                ledger.move(record, at=now, reason=REASON, now=now)
            else:
                ledger.settle(
                    record,
                    DeliveryState.PLANNED,
                    cause=Cause.RETRIED,
                    reason=REASON,
                    now=now,
                    due_at=now,
                )
    about = {record.key.post for record in records} | {release.post for release in steps}
    about |= {key.post for key in seen.view.deliveries if key.channel == channel}
    ctx.exit(tick_unless_daemon(ctx.obj, seen.settings, about=about))


class Chosen(NamedTuple):
    """The deliveries to try again, the channel to open, the post that was named."""

    records: list[DeliveryRecord]
    channel: ChannelName | None = None
    post: PostId | None = None


def _choose(seen: SiteState, what: str | None) -> Chosen:
    """Find what is meant: all, a delivery, a channel or a post.

    :raises PublisherError: when what was named cannot be tried again, with the reason.
    """
    stopped = seen.stopped
    channels = {channel.name for channel in seen.settings.channels}
    if what is None:
        return Chosen(_open(seen, _without_doubt(seen, stopped)))
    if "/" in what and seen.settings.project / what not in _files(seen):
        record = seen.find_delivery(what)
        _require_open(seen, record)
        _require_stopped(seen, record)
        return Chosen([record])
    if what in channels or what in seen.view.closed_channels:
        mine = [record for record in stopped if record.key.channel == what]
        is_closed = what in seen.view.closed_channels
        channel = ChannelName(what) if is_closed else None
        return Chosen(_without_doubt(seen, mine), channel=channel)
    post = _post(seen, what)
    mine = [record for record in stopped if record.key.post == post]
    return Chosen(_open(seen, _without_doubt(seen, mine), post=post), post=post)


def _post(seen: SiteState, what: str) -> PostId:
    with suppress(UnknownNameError):
        return seen.find(what)
    names = [text for post in seen.scan.posts for text in (post.id, post.slug)]
    names += [channel.name for channel in seen.settings.channels]
    raise PublisherError(
        f"no delivery, post or channel is called {what!r}",
        hint=near(what, names) or "see `publisher status`",
    )


def _failed_steps(seen: SiteState, post: PostId | None) -> list[ReleaseRecord]:
    """Give the releases whose next step waits after a failure: all, or the post's."""
    return [
        release
        for release in seen.view.releases.values()
        if post in (None, release.post) and _has_failed(release, seen.view)
    ]


def _has_failed(release: ReleaseRecord, view: LedgerView) -> bool:
    if release.state in (ReleaseState.REVEALING, ReleaseState.SCHEDULED) and release.retry_at:
        return True
    waits_for_build = release.flip_gen is not None and release.flip_gen > view.built_gen
    is_revealing = release.state is ReleaseState.REVEALING
    return view.rebuild_retry_at is not None and (waits_for_build or is_revealing)


def _files(seen: SiteState) -> set[object]:
    return {seen.settings.project / post.path for post in seen.scan.posts}


def _without_doubt(seen: SiteState, records: Sequence[DeliveryRecord]) -> list[DeliveryRecord]:
    """Leave out what may have gone out, saying so."""
    for record in records:
        if record.key in seen.in_doubt:
            note(f"{record.key}: skipped, it may have gone out; {_settle_hint(record)}")
    return [record for record in records if record.key not in seen.in_doubt]


def _open(
    seen: SiteState, records: Sequence[DeliveryRecord], *, post: PostId | None = None
) -> list[DeliveryRecord]:
    """Leave out what could not go out, saying so: its channel is closed, and must be named."""
    closed = seen.view.closed_channels
    for record in sorted(seen.view.deliveries.values(), key=lambda record: record.key):
        is_due = record.state is DeliveryState.PLANNED and record.due_at <= seen.now
        is_meant = is_due and post in (None, record.key.post)
        if record.key.channel in closed and (is_meant or record in records):
            reason = flat(closed[record.key.channel])
            note(f"{record.key}: skipped, its channel is closed: {reason}")
    return [record for record in records if record.key.channel not in closed]


def _require_open(seen: SiteState, record: DeliveryRecord) -> None:
    name = record.key.channel
    states = (DeliveryState.PLANNED, DeliveryState.HELD, DeliveryState.FAILED)
    is_sure = record.state in states and record.key not in seen.in_doubt
    if is_sure and name in seen.view.closed_channels:
        raise LedgerError(
            f"{record.key} cannot be sent: the channel {name} is closed",
            why=flat(seen.view.closed_channels[name]),
            hint=f"`publisher retry {name}` opens it and sends what is pending there",
        )


def _require_stopped(seen: SiteState, record: DeliveryRecord) -> None:
    if record.key in seen.in_doubt or record.state is DeliveryState.UNCERTAIN:
        raise LedgerError(
            f"{record.key} may have gone out",
            why="sending it again could announce the post twice",
            hint=_settle_hint(record),
        )
    if not seen.is_stopped(record):
        raise LedgerError(
            f"{record.key} is {record.state.value}: there is nothing to retry",
            hint=f"see `publisher why {record.key.post}`",
        )


def _settle_hint(record: DeliveryRecord) -> str:
    return (
        f"check the channel, then run `publisher resolve {record.key} --sent URL` or `--not-sent`"
    )
