"""``publisher trust``: accept a change of ``jobs.yaml`` that came by git."""

from __future__ import annotations

from threading import Event

import click

from publisher.cli.invocation import YES
from publisher.cli.output import confirm, say
from publisher.engine import assemble
from publisher.posts.library import Library
from publisher.site.git import incoming
from publisher.site.git.sources import Sources
from publisher.system import locks
from publisher.text.printable import shown


@click.command(epilog="Example: publisher trust --show")
@click.option("--show", "is_show", is_flag=True, help="Print the change; accept nothing.")
@YES
@click.pass_context
def trust(ctx: click.Context, is_show: bool, is_yes: bool) -> None:
    """Accept a change of jobs.yaml that came by git.

    Until then the commits with that change are not checked out, and nothing is released, built or
    announced. With --show, exits with 3 when a change is pending.
    """
    settings = ctx.obj.settings()
    change = incoming.held(settings)
    if change is None:
        say("no change of jobs.yaml is pending")
        return
    say(f"commit {change.commit}")
    for line in change.difference():
        say(shown(line))
    if is_show:
        ctx.exit(3)
    confirm(
        "accept this jobs.yaml? It says which commands run here and where secrets are sent",
        is_yes=is_yes,
    )
    sources = Sources(
        settings=settings,
        environ=assemble.build_environ(settings, ctx.obj.environ),
        library=Library(settings.site, settings.project),
        stop=Event(),
    )
    with locks.hold(settings.state_dir, locks.TICK, wait=True):
        sources.accept(change)
    say("accepted and pulled")
