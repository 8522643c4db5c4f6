"""``publisher adopt``: take what is public already as it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from publisher.check.unreleased import unlisted_drafts
from publisher.cli.check import show_trial
from publisher.cli.invocation import YES
from publisher.cli.output import confirm, count, flat, note, say, when
from publisher.embargo.embargoed_text import needs_stage
from publisher.embargo.first_build import accept_vanishing, read_vanishing
from publisher.ledger.mark import REMEDY
from publisher.model import Observe, Post, PostState, Sight
from publisher.model.errors import LedgerError
from publisher.plan.builder import is_old, is_unknown
from publisher.plan.restored import Reconciliation, reconcile
from publisher.system import locks
from publisher.system.clock import SystemClock
from publisher.views.site_state import SiteState, open_ledger, read_site_state

LISTED = 20  # posts shown by `adopt`


@click.command(epilog="Example: publisher adopt")
@click.option(
    "--after-restore",
    "is_after_restore",
    is_flag=True,
    help="Adopt a ledger that was restored from a backup.",
)
@click.option("--build/--no-build", "is_build", default=True, help="Try a build first.")
@click.option(
    "--remove-pages",
    "is_removal",
    is_flag=True,
    help="Remove public pages that the build does not make.",
)
@YES
@click.pass_context
def adopt(
    ctx: click.Context, is_after_restore: bool, is_build: bool, is_removal: bool, is_yes: bool
) -> None:
    """Record what is already public; it is never announced.

    Posts that are published, or whose date is past, are recorded as public. Future posts stay
    scheduled. Before it asks, publisher tries each release as `publisher check --build` does. Pages
    that are public now but missing from the first build are listed, and nothing is deployed until
    the build has them, or --remove-pages removes them.

    With --after-restore, publisher goes through a ledger that was restored from a backup. What may
    have been sent since the backup is held for you; everything else continues.
    """
    seen = ctx.obj.look()
    if is_after_restore:
        ctx.exit(_adopt_restored(seen, is_yes=is_yes))
    if seen.view.restored:
        raise LedgerError(seen.view.restored, hint=REMEDY)
    old, coming = _old(seen), _coming(seen)
    is_adopted = seen.view.adopted_at is not None and not old
    if is_adopted and is_removal:
        _remove_pages(seen, read_vanishing(seen.settings.state_dir).pages, is_yes=is_yes)
        return
    if is_adopted:
        say("already adopted; nothing to do")
        return
    _say_posts(f"{count(len(old), 'post')} already public; never announced:", old)
    overdue = [post for post in old if post.state is PostState.SCHEDULED]
    if overdue:
        title = "of these, scheduled for a past date (`publisher release POST` releases one):"
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
    say(f"adopted: {count(number, 'post')} recorded as public")


def _old(seen: SiteState) -> list[Post]:
    """Give the old posts that the ledger never saw; what it waits for already is not touched."""
    return [
        post for post in seen.scan.posts if is_unknown(post, seen.view) and is_old(post, seen.now)
    ]


def _coming(seen: SiteState) -> list[Post]:
    found = [
        (post.release_at, post.id, post)
        for post in seen.scan.posts
        if post.state is PostState.SCHEDULED and post.release_at and post.release_at > seen.now
    ]
    return [post for *_, post in sorted(found, key=lambda row: row[:2])]


def _say_posts(title: str, posts: Sequence[Post], seen: SiteState | None = None) -> None:
    zone = seen.settings.site.zone if seen else None
    dates = [f"{when(post.release_at, zone)}  " if zone else "" for post in posts]
    names = [f"{at}{post.id}: {flat(post.title)}" for at, post in zip(dates, posts, strict=True)]
    _say_names(title, names)


def _say_pages(seen: SiteState) -> None:
    """Name the pages that no build will have, and those that are public though in error."""
    settings, scan = seen.settings, seen.scan
    is_held = needs_stage(settings.embargo, scan.posts)
    left_out = scan.withheld.union(unlisted_drafts(settings, scan, seen.now)) if is_held else ()
    if left_out:
        title = f"{count(len(left_out), 'page')} will be left out (not released, and not posts):"
        _say_names(title, sorted(left_out))
    public = sorted(scan.broken.keys() - scan.withheld)
    if public:
        title = f"{count(len(public), 'page')} will stay public, but cannot be read as posts:"
        _say_names(title, public)


def _remove_pages(seen: SiteState, pages: Sequence[str], *, is_yes: bool) -> None:
    """Let the pages go that the latest build was refused for."""
    if not pages:
        say("no build was stopped because of missing pages; nothing to do")
        return
    _say_vanishing(pages, is_removal=True)
    confirm("remove them?", is_yes=is_yes)
    accept_vanishing(seen.settings.state_dir, pages)
    say("the next build is deployed without them; `publisher retry` builds now")


def _say_vanishing(pages: Sequence[str], *, is_removal: bool) -> None:
    _say_names(f"{count(len(pages), 'page')} public now, but not in the first build:", pages)
    if not is_removal:
        note("nothing is deployed until the build has them; --remove-pages removes them")


def _observe(post: Post, *, is_old: bool) -> Observe:
    if is_old:
        return Observe.of(post, Sight.BASELINE, "was public before `publisher adopt`")
    return Observe.of(post, Sight.NEW, "scheduled")


def _adopt_restored(seen: SiteState, *, is_yes: bool) -> int:
    """Compare a restored ledger with the site, show what follows, record it; give the exit code."""
    if not seen.view.restored:
        say("this ledger was not restored; nothing to do")
        return 0
    settings, now = seen.settings, SystemClock().now()
    with open_ledger(settings, now=now, even_restored=True) as ledger:
        seen = read_site_state(settings, ledger, now=now)
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
        note(f"nothing is sent until it is also adopted for {', '.join(others)}, too")
    say(f"adopted: {count(len(found.held), 'announcement')} held for you; see `publisher status`")
    return 3 if others or found.held else 0


def _require_readable(seen: SiteState) -> None:
    known = {record.path for record in seen.view.releases.values()} | seen.scan.withheld
    public = seen.scan.broken.keys() - known  # were never announced
    paths = sorted(seen.scan.unreadable - public)
    if paths:
        raise LedgerError(
            f"{count(len(paths), 'file')} cannot be used: {', '.join(paths[:LISTED])}",
            why="what they announced meanwhile is only known from the files",
            hint="run `publisher check`, fix them, then adopt again",
        )


def _say_reconciliation(found: Reconciliation, seen: SiteState) -> None:
    held = [str(key) for key in found.held]
    title = "that may have gone out since the copy was made will be held for you:"
    _say_names(f"{count(len(held), 'announcement')} {title}", held)
    begun = [begun.flip.post for begun in found.begun]
    _say_names(f"{count(len(begun), 'release')} will continue:", begun)
    old = [seen.post for seen in found.old]
    _say_names(f"{count(len(old), 'post')} already public; never announced:", old)
    missing = sorted({planned.key.post for planned in found.added} - set(seen.posts))
    if missing:
        _say_names(f"{count(len(missing), 'post')} of this ledger cannot be found:", missing)
    _say_posts(f"{count(len(_coming(seen)), 'post')} will stay scheduled:", _coming(seen), seen)


def _say_names(title: str, names: Sequence[str]) -> None:
    say(title if names else title.removesuffix(":"))
    for name in names[:LISTED]:
        say(f"  {name}")
    if len(names) > LISTED:
        say(f"  and {len(names) - LISTED} more")
