"""The command by which a person accepts a change of ``jobs.yaml`` that came by git."""

from __future__ import annotations

import click

from publisher.cli.acting import YES
from publisher.cli.output import confirm, say
from publisher.text.printable import shown


@click.command()
@click.option("--show", "is_show", is_flag=True, help="Print the difference; accept nothing.")
@YES
@click.pass_context
def trust(ctx: click.Context, is_show: bool, is_yes: bool) -> None:
    """Accept a change of jobs.yaml that came by git.

    Until then the commits that bring it are not checked out, and nothing is released, built or
    announced. With --show it exits with 3 when a change waits.
    """
    from threading import Event

    from publisher.engine import assemble
    from publisher.posts.library import Library
    from publisher.site.git import incoming
    from publisher.site.git.sources import Sources
    from publisher.system import locks

    settings = ctx.obj.settings()
    change = incoming.held(settings)
    if change is None:
        say("no change of jobs.yaml waits")
        return
    say(f"commit {change.commit}")
    for line in change.difference():
        say(shown(line))
    if is_show:
        ctx.exit(3)
    confirm("let this say what runs here and where secrets go?", is_yes=is_yes)
    sources = Sources(
        settings=settings,
        environ=assemble.build_environ(settings, ctx.obj.environ),
        library=Library(settings.site, settings.project),
        stop=Event(),
    )
    with locks.hold(settings.state_dir, locks.TICK, wait=True):
        sources.accept(change)
    say("accepted and pulled; publisher goes on with it")


COMMANDS = (trust,)
