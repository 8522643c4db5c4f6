"""``publisher alerts``: which alerts are open, and a test message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from publisher.alerts import Level, ask
from publisher.alerts.assemble import open_addresses, open_ping
from publisher.alerts.messages import a_test
from publisher.cli.invocation import Invocation, instant, reads
from publisher.cli.output import flat, note, say, say_json, when
from publisher.config.settings import Settings
from publisher.ledger import Alert
from publisher.model.errors import PublisherError
from publisher.views.calendar import utc
from publisher.views.site_state import open_ledger

NO_ADDRESS = "No alert addresses are configured. Add `alerts:` to jobs.yaml."


@click.command(epilog="Example: publisher alerts --test")
@click.option(
    "--test", "is_test", is_flag=True, help="Send a test message to every address, and the ping."
)
@reads
@click.pass_context
def alerts(ctx: click.Context, is_test: bool, as_json: bool, now: str | None) -> None:
    """Show the open alerts, or send a test message.

    Exits with 3 when an alert needs action. With --test, exits with 1 when a message could
    not be sent.
    """
    invocation: Invocation = ctx.obj
    settings = invocation.settings()
    if is_test:
        if as_json or now:
            raise click.UsageError("--json and --now do not go with --test")
        ctx.exit(_test(invocation, settings))
    ctx.exit(_show(settings, instant(now, settings, option="--now"), as_json=as_json))


def _show(settings: Settings, now: datetime, *, as_json: bool) -> int:
    with open_ledger(settings, now=now, read_only=True) as ledger:
        open_alerts = [a for a in ledger.alerts().values() if a.level != Level.OVER]
    if as_json:
        say_json({"alerts": [_value(alert, now) for alert in open_alerts]})
    elif not open_alerts:
        note("no open alerts" if settings.alerts else NO_ADDRESS)
    for alert in () if as_json else open_alerts:
        since = when(alert.since_at, settings.site.zone)
        was_told = (
            f"told {when(alert.told_at, settings.site.zone)}" if alert.told_at else "not told"
        )
        level = Level(alert.level).name.lower()
        say(f"{level:<7}  {flat(alert.what)}, since {since}, {was_told}")
    return 3 if any(alert.level >= Level.WAITING for alert in open_alerts) else 0


def _value(alert: Alert, now: datetime) -> dict[str, Any]:
    return {
        "cause": alert.cause,
        "what": alert.what,
        "level": Level(alert.level).name.lower(),
        "since": utc(alert.since_at),
        "lasts_s": max(0, round((now - alert.since_at).total_seconds())),
        "told_level": Level(alert.told_level).name.lower() if alert.told_level else None,
        "told_at": utc(alert.told_at) if alert.told_at else None,
    }


def _test(invocation: Invocation, settings: Settings) -> int:
    """Send to every address and tell which took it; give the exit code."""
    addresses = open_addresses(settings, invocation.environ)
    if not addresses and settings.ping is None:
        raise PublisherError(
            "no alert addresses are configured",
            hint="add `alerts:` or `ping:` to jobs.yaml; see docs/howto/get-alerts.md",
        )
    message = a_test(settings.site.name)
    reasons = {address.name: address.send(message) for address in addresses}
    if settings.ping is not None:
        try:
            url = open_ping(settings, invocation.environ)
            reasons["ping"] = ask(url) if url else ""
        except PublisherError as error:
            reasons["ping"] = error.what
    for name, reason in reasons.items():
        say(f"{name}: not sent: {flat(reason)}" if reason else f"{name}: sent")
    return 1 if any(reasons.values()) else 0
