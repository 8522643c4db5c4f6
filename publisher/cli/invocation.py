"""What every command starts from: which ``jobs.yaml``, which environment, what time it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from publisher.model.errors import ConfigError, PublisherError

if TYPE_CHECKING:
    from datetime import datetime, time
    from pathlib import Path

    from publisher.config.settings import Settings
    from publisher.views.site_state import Survey

FILE = "jobs.yaml"


class Invocation:
    """What the person said before the command's name, and the environment; no dataclass, since
    those take a millisecond to make.
    """

    def __init__(self, *, config: str | None, is_verbose: bool, environ: Mapping[str, str]) -> None:
        self.config = config
        self.is_verbose = is_verbose
        self.environ = environ

    @property
    def file(self) -> Path:
        """Find ``jobs.yaml``, here or in the nearest folder above.

        :raises ConfigError: when there is none.
        """
        from pathlib import Path

        if self.config is not None:
            return Path(self.config).absolute()
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / FILE).is_file():
                return folder / FILE
        raise ConfigError(
            f"there is no {FILE} in {here} or in a folder above",
            hint="run `publisher init` to write one, or name it with --config",
        )

    def settings(self) -> Settings:
        """Read ``jobs.yaml``.

        :raises ConfigError: with everything that is wrong in it.
        """
        from publisher import config

        return config.load(self.file, environ=self.environ)

    def look(self, now: str | None = None) -> Survey:
        """Read files and ledger as of ``now``, which changes nothing."""
        from publisher.cli.output import note_problems
        from publisher.views.site_state import look

        settings = self.settings()
        survey = look(settings, now=instant(now, settings, option="--now"))
        note_problems(survey.scan)
        return survey


def instant(
    text: str | None, settings: Settings, *, option: str, release_time: time | None = None
) -> datetime:
    """Read an instant that was given with an option; none given means this moment.

    What has no offset is local time of the site; a bare date means ``release_time``.
    """
    from publisher.system.clock import SystemClock
    from publisher.text.times import resolve_instant

    if text is None:
        return SystemClock().now()
    site = settings.site
    try:
        return resolve_instant(
            text, zone=site.zone, release_time=release_time or site.release_time
        ).at
    except PublisherError as error:
        words = "; ".join(part for part in (error.what, error.why, error.hint) if part)
        raise click.BadParameter(words, param_hint=option) from None


def reads(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a reading command its options ``--json`` and ``--now``."""
    command = click.option(
        "--now", metavar="INSTANT", help="As if it were then: 2027-03-09T09:00, or with offset."
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
