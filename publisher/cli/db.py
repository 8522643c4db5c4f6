"""``publisher db``: check the ledger's file, upgrade its schema."""

from __future__ import annotations

import click

from publisher.cli.invocation import Invocation
from publisher.cli.output import flat, note, say, say_json
from publisher.ledger.mark import REMEDY
from publisher.system.clock import SystemClock
from publisher.views.site_state import open_ledger


@click.group(epilog="Example: publisher db check")
def db() -> None:
    """Check or upgrade the ledger's database."""


@db.command("check", epilog="Example: publisher db check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def db_check(ctx: click.Context, as_json: bool) -> None:
    """Check the whole database for damage; exits with 1 when there is any."""
    settings = ctx.obj.settings()
    with open_ledger(settings, now=SystemClock().now(), read_only=True) as ledger:
        path, is_there = ledger.path, ledger.path.exists()
        damage = ledger.check() if is_there else []
    if as_json:
        say_json({"path": str(path), "exists": is_there, "damage": damage})
    for line in [] if as_json else damage:
        say(f"{path}: {flat(line)}")
    if damage:
        note("keep the file, and restore the newest backup")
        ctx.exit(1)
    if not as_json:
        say(f"{path}: {'no damage' if is_there else 'there is no ledger yet'}")


@db.command("upgrade", epilog="Example: publisher db upgrade")
@click.pass_obj
def db_upgrade(invocation: Invocation) -> None:
    """Upgrade the ledger's schema to this version."""
    settings, now = invocation.settings(), SystemClock().now()
    with open_ledger(settings, now=now, even_restored=True) as ledger:
        say(f"{ledger.path}: up to date")
        restored = ledger.view().restored
    if restored:
        note(f"{restored}; {REMEDY}")
