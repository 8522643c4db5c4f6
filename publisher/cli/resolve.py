"""``publisher resolve``: say what became of a delivery."""

from __future__ import annotations

from datetime import datetime

import click

from publisher.cli.invocation import YES
from publisher.cli.output import confirm, flat, say
from publisher.cli.tick import tick_unless_daemon
from publisher.ledger import Ledger
from publisher.model import (
    DeliveryRecord,
    DeliveryState,
)
from publisher.model.errors import LedgerError, PublisherError
from publisher.system.clock import SystemClock
from publisher.views.site_state import SiteState, open_ledger


@click.command(epilog="Example: publisher resolve my-post/x --sent https://x.com/i/status/1")
@click.argument("delivery")
@click.option("--sent", "url", metavar="URL", help="It was sent: its address, or its id.")
@click.option("--not-sent", "is_absent", is_flag=True, help="It was not sent: send it now.")
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
    """Tell publisher whether DELIVERY was sent.

    For announcements whose outcome publisher cannot know. A DELIVERY is written
    post/channel/occasion; the occasion may be omitted when there is only one.
    """
    if (url is not None) + is_absent + is_dropped != 1:
        raise click.UsageError("give one of --sent URL, --not-sent and --drop")
    seen = ctx.obj.look()
    record = seen.find_delivery(delivery)
    _require_unsettled(record, is_dropped=is_dropped)
    say(f"{record.key}: {record.state.value}: {flat(record.reason)}")
    if url is not None:
        _require_new(seen, record, url)
        say(f"  will be recorded as sent: {flat(url)}")
    else:
        say("  will be sent" if is_absent else "  will never be sent")
    confirm("continue?", is_yes=is_yes)
    now = SystemClock().now()
    with open_ledger(seen.settings, now=now) as ledger:
        if url is not None:
            _settle_sent(ledger, record, url, now)
        elif is_dropped:
            reason = "dropped with `publisher resolve`"
            ledger.settle(record, DeliveryState.CANCELLED, reason=reason, now=now)
        else:
            reason = "did not arrive, says `publisher resolve`"
            ledger.settle(record, DeliveryState.PLANNED, reason=reason, now=now, due_at=now)
    if is_dropped:
        return
    ctx.exit(tick_unless_daemon(ctx.obj, seen.settings, about={record.key.post}))


def _settle_sent(ledger: Ledger, record: DeliveryRecord, url: str, now: datetime) -> None:
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
    open_states = {DeliveryState.HELD, DeliveryState.UNCERTAIN}
    if is_dropped:
        open_states = {DeliveryState.HELD, DeliveryState.FAILED, DeliveryState.PLANNED}
    if record.state in open_states:
        return
    hint = f"see `publisher why {record.key.post}`"
    if record.state is DeliveryState.FAILED:
        hint = f"it was refused; run `publisher retry {record.key}`, or use --drop"
    if record.state is DeliveryState.UNCERTAIN:
        hint = "it may have gone out; use --sent URL or --not-sent"
    raise LedgerError(
        f"{record.key} is {record.state.value}: there is nothing to resolve", hint=hint
    )


def _require_new(seen: SiteState, record: DeliveryRecord, url: str) -> None:
    if not url.strip():
        raise click.BadParameter("is empty", param_hint="--sent")
    for other in seen.view.deliveries.values():
        is_same = url in (other.remote_url, other.remote_id) and other.key != record.key
        if is_same and other.key.channel == record.key.channel:
            raise PublisherError(
                f"{url} is {other.key}", hint="give the address of this announcement"
            )
