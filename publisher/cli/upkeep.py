"""The commands that take over a site, and that care for ledger and configuration."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from publisher.cli.acting import YES
from publisher.cli.invocation import Invocation
from publisher.cli.output import confirm, count, flat, note, say, say_json, when
from publisher.cli.trial import show_trial

if TYPE_CHECKING:
    from publisher.model import Observe, Post
    from publisher.plan.restored import Reconciliation
    from publisher.views.site_state import Survey

LISTED = 20  # posts shown by `adopt`


@click.command()
@click.option(
    "--after-restore", "is_after_restore", is_flag=True, help="An older ledger was put back."
)
@click.option("--build/--no-build", "is_build", default=True, help="Try the build first.")
@click.option(
    "--remove-pages", "is_removal", is_flag=True, help="Let public pages go that no build makes."
)
@YES
@click.pass_context
def adopt(
    ctx: click.Context, is_after_restore: bool, is_build: bool, is_removal: bool, is_yes: bool
) -> None:
    """Take what is public already as it is: it is never announced.

    Posts that are published, or whose date is over, become baseline. Coming ones stay scheduled.
    Before it asks, it tries each coming release as `publisher check --build` does. Pages that are
    public now and that the first build does not make are named, and nothing is deployed until
    they are built, or --remove-pages lets them go.

    With --after-restore it goes through a ledger that was put back from a copy. Whatever may
    have gone out since the copy was made is held for you; the rest goes on by itself.
    """
    from publisher.embargo.first_build import accept_vanishing, read_vanishing
    from publisher.model import PostState
    from publisher.model.errors import LedgerError
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

    seen = ctx.obj.look()
    if is_after_restore:
        ctx.exit(_adopt_restored(seen, is_yes=is_yes))
    if seen.view.restored:
        raise LedgerError(seen.view.restored)
    old, coming = _old(seen), _coming(seen)
    is_adopted = seen.view.adopted_at is not None and not old
    if is_adopted and is_removal:
        _remove_pages(seen, read_vanishing(seen.settings.state_dir).pages, is_yes=is_yes)
        return
    if is_adopted:
        say("adopted already; nothing to do")
        return
    _say_posts(f"{count(len(old), 'post')} will be taken as public, never announced:", old)
    overdue = [post for post in old if post.state is PostState.SCHEDULED]
    if overdue:
        title = "of these, scheduled for a date that is over (`publisher release POST`):"
        _say_posts(title, overdue, seen)
    _say_posts(f"{count(len(coming), 'post')} will stay scheduled:", coming, seen)
    _say_pages(seen)
    vanishing: tuple[str, ...] = ()
    if is_build and (is_yes or sys.stdin.isatty()):
        vanishing = show_trial(ctx.obj)
        if vanishing:
            _say_vanishing(vanishing, is_removal=is_removal)
    confirm("adopt the site like this?", is_yes=is_yes)
    now = SystemClock().now()
    with open_ledger(seen.settings, now=now) as ledger:
        observations = [_observe(post, is_old=True) for post in old]
        observations += [_observe(post, is_old=False) for post in coming]
        number = ledger.adopt(observations, now=now)
    if is_removal:
        accept_vanishing(seen.settings.state_dir, vanishing)
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


def _say_pages(survey: Survey) -> None:
    """Name the pages that no build will have, and those that are public though in error."""
    from publisher.check.strays import strays
    from publisher.embargo.hidden import holds

    settings, scan = survey.settings, survey.scan
    is_held = holds(settings.embargo, scan.posts)
    left_out = scan.withheld.union(strays(settings, scan, survey.now)) if is_held else ()
    if left_out:
        title = f"{count(len(left_out), 'page')} will be left out; not released, and no post:"
        _say_names(title, sorted(left_out))
    public = sorted(scan.broken.keys() - scan.withheld)
    if public:
        title = f"{count(len(public), 'page')} will stay as they are, but cannot be used as posts:"
        _say_names(title, public)


def _remove_pages(survey: Survey, pages: Sequence[str], *, is_yes: bool) -> None:
    """Let the pages go that the latest build was refused for."""
    from publisher.embargo.first_build import accept_vanishing

    if not pages:
        say("no build was refused because of pages that would vanish; nothing to do")
        return
    _say_vanishing(pages, is_removal=True)
    confirm("let them go?", is_yes=is_yes)
    accept_vanishing(survey.settings.state_dir, pages)
    say("the next build goes out without them; `publisher retry` builds at once")


def _say_vanishing(pages: Sequence[str], *, is_removal: bool) -> None:
    _say_names(f"{count(len(pages), 'page')} public now, and not in the first build:", pages)
    if not is_removal:
        note("nothing is deployed until they are built, or `adopt --remove-pages` lets them go")


def _observe(post: Post, *, is_old: bool) -> Observe:
    from publisher.model import Observe, Sight

    if is_old:
        return Observe.of(post, Sight.BASELINE, "was public before `publisher adopt`")
    return Observe.of(post, Sight.NEW, "scheduled")


def _adopt_restored(seen: Survey, *, is_yes: bool) -> int:
    """Compare a restored ledger with the site, show what follows, record it; give the exit code."""
    from publisher.plan.restored import reconcile
    from publisher.system import locks
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger, survey

    if not seen.view.restored:
        say("this ledger was not restored; nothing to do")
        return 0
    settings, now = seen.settings, SystemClock().now()
    with open_ledger(settings, now=now, even_restored=True) as ledger:
        seen = survey(settings, ledger, now=now)
        _require_readable(seen)
        found = reconcile(
            seen.scan.posts, seen.view, settings.policy, now, since=ledger.known_until()
        )
        say(flat(seen.view.restored))
        _say_reconciliation(found, seen)
        confirm("adopt the ledger like this?", is_yes=is_yes)
        with locks.hold(settings.state_dir, locks.TICK, wait=True):
            others = ledger.adopt_restored(found, now=SystemClock().now())
    if others:
        note(f"nothing is sent before it is adopted for {', '.join(others)}, too")
    say(f"adopted: {count(len(found.held), 'announcement')} held for you; see `publisher status`")
    return 3 if others or found.held else 0


def _require_readable(survey: Survey) -> None:
    from publisher.model.errors import LedgerError

    known = {record.path for record in survey.view.releases.values()} | survey.scan.withheld
    public = survey.scan.broken.keys() - known  # were never announced
    paths = sorted(survey.scan.unreadable - public)
    if paths:
        raise LedgerError(
            f"{count(len(paths), 'file')} cannot be used: {', '.join(paths[:LISTED])}",
            why="what they announced meanwhile can only be found out by reading them",
            hint="`publisher check` says what is wrong; mend them, then adopt again",
        )


def _say_reconciliation(found: Reconciliation, survey: Survey) -> None:
    held = [str(key) for key in found.held]
    title = "that may have gone out since the copy was made will be held for you:"
    _say_names(f"{count(len(held), 'announcement')} {title}", held)
    begun = [begun.flip.post for begun in found.begun]
    _say_names(f"{count(len(begun), 'release')} will go on, up to the live page:", begun)
    old = [seen.post for seen in found.old]
    _say_names(f"{count(len(old), 'post')} will be taken as public, never announced:", old)
    missing = sorted({planned.key.post for planned in found.added} - set(survey.posts))
    if missing:
        _say_names(f"{count(len(missing), 'post')} of this ledger cannot be found:", missing)
    _say_posts(
        f"{count(len(_coming(survey)), 'post')} will stay scheduled:", _coming(survey), survey
    )


def _say_names(title: str, names: Sequence[str]) -> None:
    say(title if names else title.removesuffix(":"))
    for name in names[:LISTED]:
        say(f"  {name}")
    if len(names) > LISTED:
        say(f"  and {len(names) - LISTED} more")


# --- the ledger ------------------------------------------------------------------------------


@click.command()
@click.option(
    "--to",
    "target",
    type=click.Path(),
    metavar="PATH",
    help="The file to write; default: one with this moment's name in state_dir/backups.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=14,
    show_default=True,
    help="How many copies stay in state_dir/backups; with --to nothing is deleted.",
)
@click.pass_obj
def backup(invocation: Invocation, target: str | None, keep: int) -> None:
    """Copy the ledger, also while it is in use, and check the copy."""
    from pathlib import Path

    from publisher.ledger.upkeep import drop_old_backups, next_backup
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

    settings = invocation.settings()
    now = SystemClock().now()
    file = Path(target) if target else next_backup(settings.state_dir / "backups", now)
    with open_ledger(settings, now=now, read_only=True) as ledger:
        if target is None and ledger.path.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
        ledger.backup(file)
        is_restored = bool(ledger.view().restored)
    say(str(file))
    if is_restored and target is None:
        note("no older copy was deleted: this ledger is not adopted yet, they may know more")
    for old in drop_old_backups(file, keep=keep) if target is None and not is_restored else ():
        note(f"{old}: deleted, {keep} newer ones are kept")


@click.group()
def db() -> None:
    """The ledger's file: check it, upgrade its schema."""


@db.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def db_check(ctx: click.Context, as_json: bool) -> None:
    """Look through the whole file for damage; exits with 1 when there is any."""
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

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
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

    settings, now = invocation.settings(), SystemClock().now()
    with open_ledger(settings, now=now, even_restored=True) as ledger:
        say(f"{ledger.path}: up to date")
        restored = ledger.view().restored
    if restored:
        note(restored)


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
