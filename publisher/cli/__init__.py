"""The command ``publisher``: its options, and how errors are shown. One file per kind of command.

Importing this must stay cheap: whatever a command needs is imported when it runs.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from publisher import __version__
from publisher.cli import (
    acting,
    alerting,
    embargo,
    reading,
    rescheduling,
    running,
    settling,
    setup,
    terminal,
    trusting,
    upkeep,
    withdrawing,
)
from publisher.cli.invocation import Invocation
from publisher.cli.output import complain, note
from publisher.model.errors import (
    ConfigError,
    LedgerBusyError,
    PublisherError,
    UntrustedError,
)

SECTIONS = (
    (
        "Look",
        ("check", "calendar", "preview", "rehearse", "status", "why", "log", "embargo", "alerts"),
    ),
    (
        "Work",
        (
            "run",
            "tick",
            "release",
            "reschedule",
            "withdraw",
            "reannounce",
            "retry",
            "resolve",
        ),
    ),
    ("Set up and keep", ("init", "adopt", "backup", "db", "config", "trust", "systemd")),
)


class Program(click.Group):
    """The group of all commands: shows errors as people read them, lists commands by purpose."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        if args is None:  # started as a program
            terminal.prepare()
        return super().main(args, *more, **options)

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
        for title, names in SECTIONS:
            with formatter.section(title):
                formatter.write_dl(
                    [(name, self.commands[name].get_short_help_str(64)) for name in names]
                )


def _words_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return f"a disk does not take what is written: {error.strerror}; what was done is kept"
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return f"this is a mistake in publisher: {words}; run again with --debug"


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
    help="The site's jobs.yaml; default: here or in a folder above.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what is done, to standard error.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, package_name="publisher")
@click.pass_context
def main(ctx: click.Context, config: str | None, verbose: bool, debug: bool) -> None:
    """Release posts of a static site at their instant, then announce each once.

    Exit codes: 0 fine, 1 error, 2 usage, 3 something waits for a person.
    """
    ctx.obj = Invocation(
        config=config,
        is_verbose=verbose,
        environ=os.environ,  # noqa: TID251 - the one place; everything below is handed it
    )


_MODULES = (
    reading,
    embargo,
    alerting,
    acting,
    rescheduling,
    withdrawing,
    settling,
    running,
    setup,
    trusting,
    upkeep,
)

for _module in _MODULES:
    for _command in _module.COMMANDS:
        main.add_command(_command)
