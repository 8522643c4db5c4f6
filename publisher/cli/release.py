"""``publisher release``: release a post now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from publisher.cli.invocation import YES
from publisher.cli.output import confirm, say
from publisher.cli.render import to_text
from publisher.cli.tick import tick_unless_daemon
from publisher.ledger import Ledger
from publisher.ledger.mark import REMEDY
from publisher.model import (
    Observe,
    Post,
    PostState,
    ReleaseRecord,
    ReleaseState,
    Sight,
)
from publisher.model.errors import LedgerError
from publisher.system.clock import SystemClock
from publisher.views.calendar import calendar
from publisher.views.site_state import SiteState, open_ledger


@click.command(epilog="Example: publisher release my-post")
@click.argument("post")
@click.option("--reason", default="", help="Why; stored in the ledger.")
@YES
@click.pass_context
def release(ctx: click.Context, post: str, reason: str, is_yes: bool) -> None:
    """Release POST now, before its date, and announce it."""
    seen = ctx.obj.look()
    chosen = seen.get(post)
    _require_unreleased(seen, chosen)
    _say_release(seen, chosen)
    confirm(f"release {chosen.id} now?", is_yes=is_yes)
    now = SystemClock().now()
    with open_ledger(seen.settings, now=now) as ledger:
        _catch_up(ledger, seen, chosen, now)
        ledger.request_release(
            chosen.id,
            now=now,
            reason=reason or "asked for with `publisher release`",
            path=chosen.path,
            digest=chosen.digest,
            release_at=chosen.release_at,
        )
    ctx.exit(tick_unless_daemon(ctx.obj, seen.settings, about={chosen.id}))


def _require_unreleased(seen: SiteState, post: Post) -> None:
    record = seen.view.releases.get(post.id)
    require_adoption(seen)
    if record is not None and record.state in (ReleaseState.LIVE, ReleaseState.REVEALING):
        word = "live" if record.state is ReleaseState.LIVE else "being released"
        raise LedgerError(f"{post.id} is {word} already", hint=f"see `publisher why {post.id}`")
    is_old = record is None or record.state is ReleaseState.BASELINE
    if post.state is PostState.PUBLISHED and is_old:
        raise LedgerError(
            f"{post.id} is public already: its file says published",
            hint=f"`publisher reannounce {post.id} --reason …` announces it",
        )


def require_adoption(seen: SiteState) -> None:
    if seen.view.restored:
        raise LedgerError(seen.view.restored, hint=REMEDY)
    if seen.needs_adoption:
        raise LedgerError(
            "this site has existing posts that are not adopted yet",
            why="until then nothing is released or announced",
            hint="run `publisher adopt`",
        )


def _say_release(seen: SiteState, post: Post) -> None:
    """Show what a release at this moment will do."""
    known = seen.view.releases.get(post.id) or ReleaseRecord(
        post=post.id,
        path=post.path,
        digest=post.digest,
        state=ReleaseState.SCHEDULED,
        release_at=post.release_at,
    )
    asked = replace(
        known,
        path=post.path,
        digest=post.digest,
        release_at=post.release_at,
        state=ReleaseState.SCHEDULED,
        requested_at=seen.now,
        missing_since=None,
    )
    releases = {**seen.view.releases, post.id: asked}
    view = replace(seen.view, releases=releases, adopted_at=seen.view.adopted_at or seen.now)
    then = replace(seen, view=view)
    say(f"{post.path}: status changes to published, and the site is rebuilt\n")
    say(to_text(calendar(then, then.calendar(), post=post.id)))


def _catch_up(ledger: Ledger, seen: SiteState, post: Post, now: datetime) -> None:
    """Let the ledger learn of edits first: a new date would take the request for outdated."""
    record = seen.view.releases.get(post.id)
    if record is None:
        return
    if record.missing_since is not None:
        ledger.observe(Observe.of(post, Sight.BACK, "its file is there again"), now=now)
    ledger.observe(Observe.of(post, Sight.MOVED, "its file was edited"), now=now)
