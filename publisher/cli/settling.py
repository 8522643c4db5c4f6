"""The commands that settle deliveries which failed, are late, or may have gone out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from publisher.cli.acting import YES
from publisher.cli.output import confirm, flat, note, say
from publisher.model.errors import LedgerError, PublisherError

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.ledger import Ledger
    from publisher.model import ChannelName, DeliveryRecord, LedgerView, PostId, ReleaseRecord
    from publisher.views.site_state import Survey

REASON = "tried again with `publisher retry`"


@click.command()
@click.argument("what", required=False, metavar="[DELIVERY|POST|CHANNEL]")
@YES
@click.pass_context
def retry(ctx: click.Context, what: str | None, is_yes: bool) -> None:
    """Try failed and late deliveries once more.

    Without a name it takes all of them, but never one that may have gone out. A DELIVERY is
    written post/channel/occasion; the occasion may be left out when there is only one. A CHANNEL
    that was closed because of its credentials is opened again. A failed flip, rebuild or look at
    the page is tried again at once, too.
    """
    from publisher.cli.performing import tick_unless_daemon
    from publisher.model import Cause, DeliveryState, ReleaseState
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

    seen = ctx.obj.look()
    channel, records = _what(seen, what)
    for record in records:
        say(f"{record.key}: {record.state.value}, will be sent: {flat(record.reason)}")
    if channel is not None:
        say(f"{channel}: closed, will be opened: {flat(seen.view.closed_channels[channel])}")
    steps = _failed_steps(seen, what)
    for release in steps:
        is_release = release.state in (ReleaseState.REVEALING, ReleaseState.SCHEDULED)
        what_goes_on = "its release goes on" if is_release else "the site is built again"
        say(f"{release.post}: {release.state.value}, {what_goes_on} at once")
    is_site = what is None and not steps and seen.view.is_site_stuck
    if is_site:
        say("the site: its rebuild failed, it is built again at once")
    if channel is None and not records and not steps and not is_site:
        note("there is nothing to try again")
        return
    confirm("go on?", is_yes=is_yes)
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


def _what(survey: Survey, what: str | None) -> tuple[ChannelName | None, list[DeliveryRecord]]:
    """Give the channel to open, if any, and the deliveries to try again.

    :raises PublisherError: when what was named cannot be tried again, with the reason.
    """
    from publisher.model import ChannelName

    stopped = survey.stopped
    channels = {channel.name for channel in survey.settings.channels}
    if what is None:
        return None, _open(survey, _without_doubt(survey, stopped))
    if "/" in what and survey.settings.project / what not in _files(survey):
        record = survey.find_delivery(what)
        _require_open(survey, record)
        _require_stopped(survey, record)
        return None, [record]
    if what in channels or what in survey.view.closed_channels:
        mine = [record for record in stopped if record.key.channel == what]
        is_closed = what in survey.view.closed_channels
        return ChannelName(what) if is_closed else None, _without_doubt(survey, mine)
    post = _post(survey, what)
    mine = [record for record in stopped if record.key.post == post]
    return None, _open(survey, _without_doubt(survey, mine), post=post)


def _post(survey: Survey, what: str) -> PostId:
    from publisher.views.site_state import near

    try:
        return survey.find(what)
    except PublisherError as error:
        if error.what != f"there is no post {what!r}":
            raise  # it is there, but cannot be read
    names = [text for post in survey.scan.posts for text in (post.id, post.slug)]
    names += [channel.name for channel in survey.settings.channels]
    raise PublisherError(
        f"{what!r} is no delivery, no post and no channel",
        hint=near(what, names) or "`publisher status` names what can be tried again",
    )


def _failed_steps(survey: Survey, what: str | None) -> list[ReleaseRecord]:
    """Give the releases whose next step waits after a failure: all, or the post's."""
    return [
        release
        for release in survey.view.releases.values()
        if (what is None or what == release.post) and _has_failed(release, survey.view)
    ]


def _has_failed(release: ReleaseRecord, view: LedgerView) -> bool:
    from publisher.model import ReleaseState

    if release.state in (ReleaseState.REVEALING, ReleaseState.SCHEDULED) and release.retry_at:
        return True
    waits_for_build = release.flip_gen is not None and release.flip_gen > view.built_gen
    is_revealing = release.state is ReleaseState.REVEALING
    return view.rebuild_retry_at is not None and (waits_for_build or is_revealing)


def _files(survey: Survey) -> set[object]:
    return {survey.settings.project / post.path for post in survey.scan.posts}


def _without_doubt(survey: Survey, records: Sequence[DeliveryRecord]) -> list[DeliveryRecord]:
    """Leave out what may have gone out, saying so."""
    for record in records:
        if record.key in survey.in_doubt:
            note(f"{record.key}: left alone, it may have gone out; {_settle_hint(record)}")
    return [record for record in records if record.key not in survey.in_doubt]


def _open(
    survey: Survey, records: Sequence[DeliveryRecord], *, post: PostId | None = None
) -> list[DeliveryRecord]:
    """Leave out what could not go out, saying so: its channel is closed, and must be named."""
    from publisher.model import DeliveryState

    closed = survey.view.closed_channels
    for record in sorted(survey.view.deliveries.values(), key=lambda record: record.key):
        is_due = record.state is DeliveryState.PLANNED and record.due_at <= survey.now
        is_meant = is_due and post in (None, record.key.post)
        if record.key.channel in closed and (is_meant or record in records):
            reason = flat(closed[record.key.channel])
            note(f"{record.key}: left alone, its channel is closed: {reason}")
    return [record for record in records if record.key.channel not in closed]


def _require_open(survey: Survey, record: DeliveryRecord) -> None:
    from publisher.model import DeliveryState

    name = record.key.channel
    states = (DeliveryState.PLANNED, DeliveryState.HELD, DeliveryState.FAILED)
    is_sure = record.state in states and record.key not in survey.in_doubt
    if is_sure and name in survey.view.closed_channels:
        raise LedgerError(
            f"{record.key} cannot be sent: the channel {name} is closed",
            why=flat(survey.view.closed_channels[name]),
            hint=f"`publisher retry {name}` opens it, and sends all that waits there",
        )


def _require_stopped(survey: Survey, record: DeliveryRecord) -> None:
    from publisher.model import DeliveryState

    if record.key in survey.in_doubt or record.state is DeliveryState.UNCERTAIN:
        raise LedgerError(
            f"{record.key} may have gone out",
            why="sending it again could announce the post twice",
            hint=_settle_hint(record),
        )
    if not survey.is_stopped(record):
        raise LedgerError(
            f"{record.key} is {record.state.value}: there is nothing to try again",
            hint=f"see `publisher why {record.key.post}`",
        )


def _settle_hint(record: DeliveryRecord) -> str:
    return f"look there, then `publisher resolve {record.key} --sent URL` or `--not-sent`"


@click.command()
@click.argument("delivery")
@click.option("--sent", "url", metavar="URL", help="It is there: where readers see it, or its id.")
@click.option("--not-sent", "is_absent", is_flag=True, help="It is not there: send it.")
@click.option("--drop", "is_dropped", is_flag=True, help="Never send it.")
@YES
@click.pass_context
def resolve(
    ctx: click.Context,
    delivery: str,
    url: str | None,
    is_absent: bool,
    is_dropped: bool,
    is_yes: bool,
) -> None:
    """Say what became of DELIVERY, where only a person can know.

    A DELIVERY is written post/channel/occasion; the occasion may be left out when there is only
    one.
    """
    from publisher.cli.performing import tick_unless_daemon
    from publisher.model import Cause, DeliveryState
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

    if (url is not None) + is_absent + is_dropped != 1:
        raise click.UsageError("say one of --sent URL, --not-sent and --drop")
    seen = ctx.obj.look()
    record = seen.find_delivery(delivery)
    _require_unsettled(record, is_dropped=is_dropped)
    say(f"{record.key}: {record.state.value}: {flat(record.reason)}")
    if url is not None:
        _require_new(seen, record, url)
        say(f"  will be recorded as sent: {flat(url)}")
    else:
        say("  will be sent" if is_absent else "  will never be sent")
    confirm("go on?", is_yes=is_yes)
    now = SystemClock().now()
    with open_ledger(seen.settings, now=now) as ledger:
        if url is not None:
            _settle_sent(ledger, record, url, now)
        elif is_dropped:
            reason = "dropped with `publisher resolve`"
            ledger.settle(
                record, DeliveryState.CANCELLED, cause=Cause.DROPPED, reason=reason, now=now
            )
        else:
            reason = "did not arrive, says `publisher resolve`"
            ledger.settle(record, DeliveryState.PLANNED, reason=reason, now=now, due_at=now)
    if is_dropped:
        return
    ctx.exit(tick_unless_daemon(ctx.obj, seen.settings, about={record.key.post}))


def _settle_sent(ledger: Ledger, record: DeliveryRecord, url: str, now: datetime) -> None:
    from publisher.model import DeliveryState

    is_url = "://" in url
    ledger.settle(
        record,
        DeliveryState.SENT,
        reason="",
        now=now,
        remote_id=None if is_url else url,
        remote_url=url if is_url else None,
    )


def _require_unsettled(record: DeliveryRecord, *, is_dropped: bool) -> None:
    from publisher.model import DeliveryState

    open_states = {DeliveryState.HELD, DeliveryState.UNCERTAIN}
    if is_dropped:
        open_states = {DeliveryState.HELD, DeliveryState.FAILED, DeliveryState.PLANNED}
    if record.state in open_states:
        return
    hint = f"see `publisher why {record.key.post}`"
    if record.state is DeliveryState.FAILED:
        hint = f"it was refused for certain: `publisher retry {record.key}` or --drop"
    if record.state is DeliveryState.UNCERTAIN:
        hint = "say --sent URL or --not-sent: it may have gone out"
    raise LedgerError(
        f"{record.key} is {record.state.value}: that is not for a person to settle", hint=hint
    )


def _require_new(survey: Survey, record: DeliveryRecord, url: str) -> None:
    if not url.strip():
        raise click.BadParameter("is empty", param_hint="--sent")
    for other in survey.view.deliveries.values():
        is_same = url in (other.remote_url, other.remote_id) and other.key != record.key
        if is_same and other.key.channel == record.key.channel:
            raise PublisherError(
                f"{url} is {other.key}", hint="give the address of this announcement"
            )


COMMANDS = (retry, resolve)
