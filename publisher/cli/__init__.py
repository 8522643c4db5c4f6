"""The command ``publisher``: its options, its commands, and how errors are shown.

One file per command, named as the command, and imported when it is used: ``--help`` needs none.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, cast

import click

from publisher import __version__
from publisher.cli import terminal
from publisher.cli.output import complain, note
from publisher.model.errors import (
    ConfigError,
    LedgerBusyError,
    PublisherError,
    UntrustedError,
)

# The commands by purpose, each with the first sentence of its help.
SECTIONS = {
    "Look": {
        "check": "Find problems in jobs.yaml and in the posts.",
        "calendar": "Show what will be released and announced, and when.",
        "preview": "Show the announcements of POST as they will be sent.",
        "rehearse": "Play the calendar on a copy of the site.",
        "status": "Show what is due next and what needs action.",
        "why": "Explain what is planned or held for POST, and why.",
        "log": "Show the events of the site, or of POST.",
        "embargo": "Search the built site for text of unreleased posts.",
        "alerts": "Show the open alerts, or send a test message.",
    },
    "Work": {
        "run": "Run the daemon: release and announce each post on time.",
        "tick": "Do everything that is due now, then exit.",
        "release": "Release POST now, before its date, and announce it.",
        "reschedule": "Move the release of POST to another date.",
        "withdraw": "Unpublish POST and cancel its pending announcements.",
        "reannounce": "Announce POST again, as a new occasion.",
        "retry": "Retry failed or late steps now.",
        "resolve": "Tell publisher whether DELIVERY was sent.",
    },
    "Set up and keep": {
        "init": "Write a jobs.yaml for the site in this folder.",
        "adopt": "Record what is already public; it is never announced.",
        "backup": "Copy the ledger and check the copy; safe while it is in use.",
        "db": "Check or upgrade the ledger's database.",
        "config": "Print the JSON Schema of jobs.yaml.",
        "trust": "Accept a change of jobs.yaml that came by git.",
        "systemd": "Print the systemd units for this site.",
    },
}


class Program(click.Group):
    """The group of all commands: shows errors as people read them, lists commands by purpose."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        if args is None:  # started as a program
            terminal.prepare()
        return super().main(args, *more, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"publisher.cli.{cmd_name}")
        return cast("click.Command", getattr(module, cmd_name))

    def invoke(self, ctx: click.Context) -> object:
        is_debug = bool(ctx.params.get("debug"))
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except PublisherError as error:
            complain(error)
            if is_debug:
                raise
            ctx.exit(exit_code_of(error, ctx.invoked_subcommand))
        except (KeyboardInterrupt, click.Abort):
            note("interrupted")
            ctx.exit(130)
        except Exception as error:
            if is_debug or getattr(error, "errno", None) == errno.EPIPE:
                raise  # a reader that went away is click's to pass over
            with suppress(OSError):  # the disk behind standard error may be full as well
                note(f"error: {_words_of(error)}")
            ctx.exit(1)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def _words_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return f"cannot write: {error.strerror}; what was done before is kept"
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return f"internal error: {words}; run again with --debug, and report it"


def exit_code_of(error: PublisherError, command: str | None) -> int:
    """Give the exit code: that of a wrong jobs.yaml matters to systemd, which starts ``run``."""
    if isinstance(error, LedgerBusyError | UntrustedError):
        return error.exit_code
    if isinstance(error, ConfigError) and command == "run":
        return error.exit_code
    return 1


@click.group(
    cls=Program,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    metavar="PATH",
    help="The jobs.yaml to use; default: here or in a folder above.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log each step to standard error.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, package_name="publisher")
@click.pass_context
def main(ctx: click.Context, config: str | None, verbose: bool, debug: bool) -> None:
    """Release the posts of a static site on time, then announce each once.

    Exit codes: 0 success, 1 error, 2 wrong usage, 3 something needs action.
    """
    from publisher.cli.invocation import Invocation  # not for --help

    ctx.obj = Invocation(
        config=config,
        is_verbose=verbose,
        environ=os.environ,  # noqa: TID251 - the one place; everything below is handed it
    )
