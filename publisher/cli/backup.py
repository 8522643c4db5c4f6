"""``publisher backup``: copy the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from publisher.cli.invocation import Invocation
from publisher.cli.output import note, say
from publisher.ledger.upkeep import drop_old_backups, next_backup
from publisher.system.clock import SystemClock
from publisher.views.site_state import open_ledger


@click.command(epilog="Example: publisher backup --keep 30")
@click.option(
    "--to",
    "target",
    type=click.Path(),
    metavar="PATH",
    help="The file to write; default: a new one in state_dir/backups.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=14,
    show_default=True,
    help="How many backups to keep in state_dir/backups; with --to nothing is deleted.",
)
@click.pass_obj
def backup(invocation: Invocation, target: str | None, keep: int) -> None:
    """Copy the ledger and check the copy; safe while it is in use."""
    settings = invocation.settings()
    now = SystemClock().now()
    file = Path(target) if target else next_backup(settings.state_dir / "backups", now)
    with open_ledger(settings, now=now, read_only=True) as ledger:
        if target is None and ledger.path.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
        ledger.backup(file)
        is_restored = bool(ledger.view().restored)
    say(str(file))
    if is_restored and target is None:
        note("no old backup was deleted: this restored ledger is not adopted yet")
    for old in drop_old_backups(file, keep=keep) if target is None and not is_restored else ():
        note(f"{old}: deleted, {keep} newer ones are kept")
