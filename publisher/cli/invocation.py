"""What every command starts from: which ``jobs.yaml``, which environment, what time it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any

import click

from publisher import config
from publisher.cli.output import count, note
from publisher.config.settings import Settings
from publisher.model.errors import ConfigError, PublisherError
from publisher.system.clock import SystemClock
from publisher.text.times import resolve_instant
from publisher.views.site_state import SiteState, look

FILE = "jobs.yaml"
YES = click.option("--yes", "is_yes", is_flag=True, help="Do not ask for confirmation.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The global options, and the environment."""

    config: str | None
    is_verbose: bool
    environ: Mapping[str, str]

    @property
    def file(self) -> Path:
        """Find ``jobs.yaml``, here or in the nearest folder above.

        :raises ConfigError: when there is none.
        """
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
        return config.load(self.file, environ=self.environ)

    def look(self, now: str | None = None) -> SiteState:
        """Read files and ledger as of ``now``, which changes nothing."""
        settings = self.settings()
        seen = look(settings, now=instant(now, settings, option="--now"))
        broken = {p.path for p in seen.scan.problems if p.severity == "error"}
        if broken:
            note(f"{count(len(broken), 'file')} cannot be used: see `publisher check`")
        return seen


def instant(
    text: str | None, settings: Settings, *, option: str, release_time: time | None = None
) -> datetime:
    """Read an instant that was given with an option; none given means this moment.

    What has no offset is local time of the site; a bare date means ``release_time``.
    """
    if text is None:
        return SystemClock().now()
    site = settings.site
    try:
        return resolve_instant(
            text, zone=site.zone, release_time=release_time or site.release_time
        ).at
    except PublisherError as error:
        raise click.BadParameter(error.one_line, param_hint=option) from None


def reads(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a reading command its options ``--json`` and ``--now``."""
    command = click.option(
        "--now",
        metavar="INSTANT",
        help="Pretend that it is this time: 2027-03-09T09:00, or with offset.",
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
