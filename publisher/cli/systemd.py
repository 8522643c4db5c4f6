"""``publisher systemd``: print the units of systemd for this site."""

from __future__ import annotations

import grp
import pwd
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from publisher.cli.invocation import Invocation
from publisher.cli.output import note, say
from publisher.config.settings import Settings
from publisher.daemon.units import units as units_of
from publisher.model.errors import PublisherError


@click.command(epilog="Example: publisher systemd --user www-data")
@click.option(
    "--user", help="The user that runs the service; default: the owner of the site's folder."
)
@click.option("--group", help="The group; default: that user's group.")
@click.option(
    "--write",
    "folder",
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="Write the files there instead of printing them.",
)
@click.pass_obj
def systemd(
    invocation: Invocation, user: str | None, group: str | None, folder: str | None
) -> None:
    """Print the systemd units for this site."""
    settings = invocation.settings()
    owner, owners = _owner(settings, user)
    units = units_of(
        settings,
        executable=_executable(invocation.environ),
        user=user or owner,
        group=group or owners,
    )
    if folder is None:
        say("\n".join(f"# --- {name}\n{text}" for name, text in units.items()))
        return
    for name, text in units.items():
        _write(Path(folder) / name, text)
        say(f"wrote {Path(folder) / name}")
    first = next(iter(units)).removesuffix(".service")
    note(f"next: systemctl daemon-reload && systemctl enable --now {first}")


def _owner(settings: Settings, user: str | None) -> tuple[str, str]:
    """Give the names of user and group that the site belongs to."""
    status = settings.project.stat()
    try:
        entry = pwd.getpwnam(user) if user else pwd.getpwuid(status.st_uid)
        gid = entry.pw_gid if user else status.st_gid
        return entry.pw_name, grp.getgrgid(gid).gr_name
    except KeyError:
        who = f"user {user!r}" if user else f"the owner of {settings.project}"
        raise PublisherError(
            f"{who} is not known on this machine", hint="name another one with --user and --group"
        ) from None


def _executable(environ: Mapping[str, str]) -> Path:
    """Find the installed command: beside this Python, else on PATH."""
    beside = Path(sys.executable).parent / "publisher"
    found = str(beside) if beside.is_file() else shutil.which("publisher", path=environ.get("PATH"))
    if found is None:
        raise PublisherError(
            "the command publisher is not installed", hint="pip install it; units name its path"
        )
    return Path(found).absolute()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PublisherError(
            f"{path}: cannot be written: {error.strerror}",
            hint="run it as root, or write elsewhere",
        ) from error
