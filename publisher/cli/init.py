"""``publisher init``: write ``jobs.yaml`` for the site that is here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from publisher import config
from publisher.cli.check import show_trial
from publisher.cli.invocation import FILE, Invocation
from publisher.cli.output import note, say
from publisher.config import new_file
from publisher.config.kinds import Place, read_glob, read_site_url, read_zone
from publisher.generators import discovery
from publisher.generators.discovery import Found
from publisher.model.errors import ConfigError, PublisherError

NEXT_STEPS = """\
next:
  publisher check        find problems in jobs.yaml and in the posts
  publisher calendar     show what will be released and announced, and when
  publisher adopt        record what is already public
  publisher rehearse     play the calendar on a copy of the site
  publisher run          run the daemon; or `publisher tick` from cron"""


STATE = ".publisher"  # the default of state_dir, which `init` leaves as it is


@click.command(epilog="Example: publisher init --generator hugo")
@click.option("--generator", metavar="NAME", help="The generator; default: the one found here.")
@click.option("--build/--no-build", "is_build", default=True, help="Try a build at the end.")
@click.pass_obj
def init(invocation: Invocation, generator: str | None, is_build: bool) -> None:
    """Write a jobs.yaml for the site in this folder.

    The generator is looked for here and in ./content. At the end, publisher builds a copy of the
    site with every scheduled post released, as `publisher check --build` does, and shows what would
    stop a release.
    """
    file = Path(invocation.config or FILE).absolute()
    if file.exists() or file.is_symlink():
        raise ConfigError(f"{file} exists already", why="it is never overwritten")
    found = discovery.discover(file.parent, generator)
    machine = discovery.find_zone(invocation.environ)
    if sys.stdin.isatty() and sys.stdout.isatty():
        found = _ask(found, machine)
    zone_note = ""
    if found.zone is None:
        zone_note = "this machine's; see that it is yours" if machine else "not found: set this"
    text = new_file.to_yaml(
        found,
        name=file.parent.name,
        zone=found.zone or machine or "UTC",
        zone_note=zone_note,
    )
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from error
    if found.url is not None:  # else it says that site.url is to be set
        config.load(file, environ=invocation.environ)
    where = f" in {found.root}/" if found.root != "." else ""
    say(f"wrote {file} for {found.generator.name}{where}")
    _say_found(found, zone=found.zone or machine or "UTC", is_own_zone=bool(found.zone))
    for line in found.notes:
        note(f"note: {line}")
    if found.url is not None and is_build:
        show_trial(invocation)
    note(NEXT_STEPS)
    wanted = {f"{start}{STATE}{end}" for start in ("", "/", "**/") for end in _ENDS}
    if not wanted & _ignored(file.parent):
        note(f"Keep {STATE}/ out of git: it holds the ledger. Add to .gitignore:\n{STATE}/")


def _say_found(found: Found, *, zone: str, is_own_zone: bool) -> None:
    """Say what was found of the site, and what was not."""
    rows = {
        "posts": f"{', '.join(found.posts)} ({found.number} now)",
        "address": found.url or "not found",
        "time zone": zone if is_own_zone else f"{zone} (the site names none)",
        "build": " ".join(found.command),
        "feed": found.feed or "not found",
        "sitemap": found.sitemap or "not found",
        **{
            f"{name} also in": ", ".join(set(keys) - set(getattr(found.generator.keys, name)))
            for name, keys in found.keys.items()
        },
    }
    for name, value in rows.items():
        note(f"  {name:<14} {value}")
    if found.url is None:
        note(
            f"Set site.url in {FILE} to the address at which the site is public. "
            "Until then every other command ends with an error."
        )
    if not found.number:
        note(f"No posts were found: see that site.posts in {FILE} names their folder.")


def _ask(found: Found, machine: str | None) -> Found:
    """Ask for what was not found; an empty answer leaves it open."""
    place = Place(project=Path(), home=None)

    def reader(read: Callable[[Any, Place], Any]) -> Callable[[str], Any]:
        def check(answer: str) -> Any:
            try:
                return read(answer, place) if answer else None
            except PublisherError as error:
                raise click.UsageError(f"{error.what}; {error.hint}") from None

        return check

    if found.url is None:
        question = "Address of the site, such as https://blog.name.org"
        url = click.prompt(
            question, default="", show_default=False, value_proc=reader(read_site_url)
        )
        found = replace(found, url=url)
    if found.zone is None:
        zone = click.prompt(
            "Time zone of the dates in posts",
            default=machine or "UTC",
            value_proc=reader(read_zone),
        )
        found = replace(found, zone=zone.key)
    if not found.number:
        glob = click.prompt(
            "Which files are posts", default=found.posts[0], value_proc=reader(read_glob)
        )
        found = replace(found, posts=(glob,), post_url=None)
    return found


_ENDS = ("", "/", "/*", "/**")


def _ignored(folder: Path) -> set[str]:
    """Give the lines of a ``.gitignore``; none where it cannot be read."""
    try:
        text = (folder / ".gitignore").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return set()
    return {line.strip() for line in text.splitlines()}
