"""``publisher run``: the daemon."""

from __future__ import annotations

import click

from publisher.cli.invocation import Invocation
from publisher.daemon import service
from publisher.system import log, report
from publisher.system.clock import SystemClock


@click.command(epilog="Example: publisher run")
@click.option("--log-json", "is_json", is_flag=True, help="Log one JSON object per line.")
@click.pass_context
def run(ctx: click.Context, is_json: bool) -> None:
    """Run the daemon: release and announce each post on time.

    Exits with 78 when jobs.yaml is wrong, and with 75 when another daemon uses this ledger.
    """
    invocation: Invocation = ctx.obj
    log.configure_logging(
        environ=invocation.environ, verbose=invocation.is_verbose, json_lines=is_json
    )
    ctx.exit(
        service.run(
            invocation.settings(),
            environ=invocation.environ,
            clock=SystemClock(),
            report=report.log,
        )
    )
