"""The commands that take over a site, and that care for ledger and configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from publisher.cli.acting import YES
from publisher.cli.invocation import Invocation
from publisher.cli.output import confirm, count, flat, note, say, say_json, when

if TYPE_CHECKING:
    from publisher.model import Observe, Post
    from publisher.survey import Survey

LISTED = 20  # posts shown by `adopt`


@click.command()
@YES
@click.pass_obj
def adopt(invocation: Invocation, is_yes: bool) -> None:
    """Take what is public already as it is: it is never announced.

    Posts that are published, or whose date is over, become baseline. Coming ones stay scheduled.
    """
    from publisher.clock import SystemClock
    from publisher.model import PostState
    from publisher.survey import open_ledger

    seen = invocation.look()
    old, coming = _old(seen), _coming(seen)
    if seen.view.adopted_at is not None and not old:
        say("adopted already; nothing to do")
        return
    _say_posts(f"{count(len(old), 'post')} will be taken as public, never announced:", old)
    overdue = [post for post in old if post.state is PostState.SCHEDULED]
    if overdue:
        title = "of these, scheduled for a date that is over (`publisher release POST`):"
        _say_posts(title, overdue, seen)
    _say_posts(f"{count(len(coming), 'post')} will stay scheduled:", coming, seen)
    confirm("adopt the site like this?", is_yes=is_yes)
    now = SystemClock().now()
    with open_ledger(seen.settings, now=now) as ledger:
        observations = [_observe(post, is_old=True) for post in old]
        observations += [_observe(post, is_old=False) for post in coming]
        number = ledger.adopt(observations, now=now)
    say(f"adopted: {count(number, 'post')} taken as public")


def _old(survey: Survey) -> list[Post]:
    """Give the old posts that the ledger never saw; what it waits for already is not touched."""
    from publisher.plan.draft import is_old, is_unknown

    return [
        post
        for post in survey.scan.posts
        if is_unknown(post, survey.view) and is_old(post, survey.now)
    ]


def _coming(survey: Survey) -> list[Post]:
    from publisher.model import PostState

    found = [
        (post.release_at, post.id, post)
        for post in survey.scan.posts
        if post.state is PostState.SCHEDULED and post.release_at and post.release_at > survey.now
    ]
    return [post for *_, post in sorted(found, key=lambda row: row[:2])]


def _say_posts(title: str, posts: Sequence[Post], survey: Survey | None = None) -> None:
    say(title if posts else title.removesuffix(":"))
    for post in posts[:LISTED]:
        at = f"{when(post.release_at, survey.settings.site.zone)}  " if survey else ""
        say(f"  {at}{post.id}: {flat(post.title)}")
    if len(posts) > LISTED:
        say(f"  and {len(posts) - LISTED} more")


def _observe(post: Post, *, is_old: bool) -> Observe:
    from publisher.model import Observe, Sight

    return Observe(
        post=post.id,
        sight=Sight.BASELINE if is_old else Sight.NEW,
        path=post.path,
        digest=post.digest,
        release_at=post.release_at,
        why="was public before `publisher adopt`" if is_old else "scheduled",
    )


# --- the ledger ------------------------------------------------------------------------------


@click.command()
@click.option(
    "--to",
    "target",
    type=click.Path(),
    metavar="PATH",
    help="The file to write; default: one with this moment's name in state_dir/backups.",
)
@click.pass_obj
def backup(invocation: Invocation, target: str | None) -> None:
    """Copy the ledger, also while it is in use, and check the copy."""
    from pathlib import Path

    from publisher.clock import SystemClock
    from publisher.survey import open_ledger

    settings = invocation.settings()
    now = SystemClock().now()
    name = f"ledger-{now:%Y%m%dT%H%M%SZ}.sqlite"
    file = Path(target) if target else settings.state_dir / "backups" / name
    with open_ledger(settings, now=now, read_only=True) as ledger:
        if target is None and ledger.path.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
        ledger.backup(file)
    say(str(file))


@click.group()
def db() -> None:
    """The ledger's file: check it, upgrade its schema."""


@db.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def db_check(ctx: click.Context, as_json: bool) -> None:
    """Look through the whole file for damage; exits with 1 when there is any."""
    from publisher.clock import SystemClock
    from publisher.survey import open_ledger

    settings = ctx.obj.settings()
    with open_ledger(settings, now=SystemClock().now(), read_only=True) as ledger:
        path, is_there = ledger.path, ledger.path.exists()
        damage = ledger.check() if is_there else []
    if as_json:
        say_json({"path": str(path), "exists": is_there, "damage": damage})
    for line in [] if as_json else damage:
        say(f"{path}: {flat(line)}")
    if damage:
        note("keep the file, and put the newest backup in its place")
        ctx.exit(1)
    if not as_json:
        say(f"{path}: {'no damage' if is_there else 'there is no ledger yet'}")


@db.command("upgrade")
@click.pass_obj
def db_upgrade(invocation: Invocation) -> None:
    """Bring the ledger's schema up to date; does nothing when it is."""
    from publisher.clock import SystemClock
    from publisher.survey import open_ledger

    with open_ledger(invocation.settings(), now=SystemClock().now()) as ledger:
        say(f"{ledger.path}: up to date")


# --- jobs.yaml -------------------------------------------------------------------------------


@click.group()
def config() -> None:
    """About jobs.yaml."""


@config.command()
def schema() -> None:
    """Print the JSON Schema of jobs.yaml, for editors."""
    from publisher.config import schema as describe

    say_json(describe())


COMMANDS = (adopt, backup, db, config)
