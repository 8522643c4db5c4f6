"""``publisher rehearse``: play the calendar in virtual time on a scratch copy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from publisher.cli.invocation import Invocation, instant
from publisher.cli.output import clean, note
from publisher.rehearse.play import rehearse as play
from publisher.system.clock import SystemClock


class CleanConsole(Console):
    """A Rich console on which foreign text cannot command the terminal either."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(clean(segment.text), segment.style)


@click.command(epilog="Example: publisher rehearse --now 2027-03-01")
@click.option(
    "--scratch",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Folder for the copy; default: a new temporary folder, which is kept.",
)
@click.option(
    "--now", metavar="INSTANT", help="When the rehearsal begins; default: before the first release."
)
@click.pass_context
def rehearse(ctx: click.Context, scratch: str | None, now: str | None) -> None:
    """Play the calendar on a copy of the site.

    Time is simulated, the site is really built, and announcements go to files. The real site, the
    ledger and the channels are not touched.
    """
    invocation: Invocation = ctx.obj
    settings = invocation.settings()
    begin_at = instant(now, settings, option="--now") if now else None
    if scratch is None:
        scratch = tempfile.mkdtemp(prefix="publisher-rehearsal-")
        note(f"rehearsing in {scratch}")
    console = CleanConsole()
    rehearsal = play(
        settings,
        scratch=Path(scratch),
        environ=invocation.environ,
        now=begin_at,
        today=SystemClock().now(),
        console=console,
    )
    rehearsal.render(console)
    if not rehearsal.ok:
        ctx.exit(1)
