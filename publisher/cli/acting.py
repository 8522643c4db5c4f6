"""The commands that ask for a release or an announcement ahead of, or after, the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from publisher.cli.invocation import instant
from publisher.cli.output import clean, confirm, flat, note, say, when
from publisher.model.errors import LedgerError, PublisherError

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.ledger import Ledger
    from publisher.model import ChannelName, DeliveryKey, Message, Post
    from publisher.views.site_state import Survey

YES = click.option("--yes", "is_yes", is_flag=True, help="Do it without asking.")


@click.command()
@click.argument("post")
@click.option("--reason", default="", help="Kept in the ledger.")
@YES
@click.pass_context
def release(ctx: click.Context, post: str, reason: str, is_yes: bool) -> None:
    """Release POST now, ahead of its date, and announce it."""
    from publisher.cli.performing import tick_unless_daemon
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

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


def _require_unreleased(survey: Survey, post: Post) -> None:
    from publisher.model import PostState, ReleaseState

    record = survey.view.releases.get(post.id)
    require_adoption(survey)
    if record is not None and record.state in (ReleaseState.LIVE, ReleaseState.REVEALING):
        word = "live" if record.state is ReleaseState.LIVE else "being released"
        raise LedgerError(f"{post.id} is {word} already", hint=f"see `publisher why {post.id}`")
    is_old = record is None or record.state is ReleaseState.BASELINE
    if post.state is PostState.PUBLISHED and is_old:
        raise LedgerError(
            f"{post.id} is public already: its file says published",
            hint=f"`publisher reannounce {post.id} --reason …` announces it",
        )


def require_adoption(survey: Survey) -> None:
    if survey.view.restored:
        raise LedgerError(survey.view.restored)
    if survey.needs_adoption:
        raise LedgerError(
            "this ledger was never adopted, and posts were public or due before it",
            why="nothing is released or announced until it knows which",
            hint="run `publisher adopt` first",
        )


def _say_release(survey: Survey, post: Post) -> None:
    """Show what a release at this moment will do."""
    from dataclasses import replace

    from publisher.cli.formats import to_text
    from publisher.model import ReleaseRecord, ReleaseState
    from publisher.views.calendar import calendar

    known = survey.view.releases.get(post.id) or ReleaseRecord(
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
        requested_at=survey.now,
        missing_since=None,
    )
    releases = {**survey.view.releases, post.id: asked}
    view = replace(survey.view, releases=releases, adopted_at=survey.view.adopted_at or survey.now)
    then = replace(survey, view=view)
    say(f"{post.path}: will say published, and the site be rebuilt\n")
    say(to_text(calendar(then, then.calendar(), post=post.id)))


def _catch_up(ledger: Ledger, survey: Survey, post: Post, now: datetime) -> None:
    """Let the ledger learn of edits first: a new date would take the request for outdated."""
    from publisher.model import Observe, Sight

    record = survey.view.releases.get(post.id)
    if record is None:
        return
    if record.missing_since is not None:
        ledger.observe(Observe.of(post, Sight.BACK, "its file is there again"), now=now)
    ledger.observe(Observe.of(post, Sight.MOVED, "its file was edited"), now=now)


# --- again -----------------------------------------------------------------------------------


@click.command()
@click.argument("post")
@click.option("--channel", "channels", multiple=True, metavar="C", help="Only there; repeatable.")
@click.option("--text", help="What to say this time; {url}, {title} … are filled in.")
@click.option("--at", "at", metavar="INSTANT", help="When; default: now.")
@click.option("--occasion", help="Its name; default: again- and today's date.")
@click.option("--reason", required=True, help="Kept in the ledger.")
@YES
@click.pass_context
def reannounce(
    ctx: click.Context,
    post: str,
    channels: Sequence[str],
    text: str | None,
    at: str | None,
    occasion: str | None,
    reason: str,
    is_yes: bool,
) -> None:
    """Announce POST again, under a new occasion.

    Repeating the command repeats nothing: an occasion is announced once on each channel.
    """
    if not reason.strip():
        raise click.UsageError("--reason must say why, in a word or two")
    from publisher.cli.performing import tick_unless_daemon
    from publisher.system.clock import SystemClock
    from publisher.views.site_state import open_ledger

    seen = ctx.obj.look()
    settings = seen.settings
    due_at = instant(at, settings, option="--at") if at else seen.now
    if due_at < seen.now:
        raise click.BadParameter(f"{at} is over", param_hint="--at")
    occasion = _occasion(occasion, seen.now.astimezone(settings.site.zone))
    chosen = seen.get(post)
    _require_public(seen, chosen)
    keys = _keys(seen, chosen, _channels(seen, chosen, channels), occasion)
    new = [key for key in keys if key not in seen.view.deliveries]
    _say_existing(seen, keys, text)
    if not new:
        return
    _say_texts(seen, chosen, new, text, due_at)
    confirm("announce it?", is_yes=is_yes)
    now = SystemClock().now()
    with open_ledger(settings, now=now) as ledger:
        for key in new:
            if not ledger.add_delivery(key, at=max(due_at, now), text=text, reason=reason, now=now):
                note(f"{key}: was planned by somebody else meanwhile")
    if due_at > now:
        note("the daemon or the next tick sends it then")
        return
    ctx.exit(tick_unless_daemon(ctx.obj, settings, about={chosen.id}))


def _occasion(given: str | None, today: datetime) -> str:
    import re

    from publisher.model import LAUNCH

    if given is None:
        return f"again-{today.year:04}-{today:%m-%d}"
    if given == LAUNCH:
        raise click.BadParameter("launch is the first announcement", param_hint="--occasion")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", given):
        raise click.BadParameter(
            "write letters, digits, dots and dashes, 64 at most", param_hint="--occasion"
        )
    return given


def _require_public(survey: Survey, post: Post) -> None:
    from publisher.model import ReleaseState

    record = survey.view.releases.get(post.id)
    require_adoption(survey)
    if record is None or record.state not in (ReleaseState.LIVE, ReleaseState.BASELINE):
        state = record.state.value if record else "not in the ledger yet"
        raise LedgerError(
            f"{post.id} is not live: it is {state}",
            why="an announcement never points at a page that is not public",
            hint=f"see `publisher why {post.id}`",
        )


def _channels(survey: Survey, post: Post, given: Sequence[str]) -> list[ChannelName]:
    from publisher.plan.deliveries import planned_at
    from publisher.views.site_state import near

    policy = survey.settings.policy
    known = [channel.name for channel in policy.channels]
    for name in given:
        if name not in known:
            hint = near(name, known) or f"known: {', '.join(known)}"
            raise PublisherError(f"there is no channel {name!r} in jobs.yaml", hint=hint)
    if given:
        return [name for name in known if name in given]
    found = [name for name in known if planned_at(post, policy, name, survey.now) is not None]
    if not found:
        raise PublisherError(
            f"{post.path} switches every channel off",
            hint="name one with --channel to announce it there all the same",
        )
    return found


def _keys(
    survey: Survey, post: Post, channels: Sequence[ChannelName], occasion: str
) -> list[DeliveryKey]:
    from publisher.model import DeliveryKey

    site = survey.settings.site.name
    return [
        DeliveryKey(site=site, post=post.id, channel=name, occasion=occasion) for name in channels
    ]


def _say_existing(survey: Survey, keys: Sequence[DeliveryKey], text: str | None) -> None:
    for key in keys:
        record = survey.view.deliveries.get(key)
        if record is None:
            continue
        say(f"{key}: exists already, {record.state.value}; nothing is repeated")
        if text is not None and text != record.text:
            say("  --text was not taken: another --occasion can say it")


def _say_texts(
    survey: Survey, post: Post, keys: Sequence[DeliveryKey], text: str | None, at: datetime
) -> None:
    """Show the texts in full.

    :raises ComposeError: when one cannot be written; then nothing is announced anywhere.
    """
    from publisher.channels.compose import compose
    from publisher.views.calendar import voices_of

    voices = voices_of(survey.settings)
    for key in keys:
        message = compose(post, voices[key.channel], text=text)
        if voices[key.channel].limits.refuses_repeats:
            _warn_of_repeat(survey, key, message, is_chosen=text is not None)
        say(f"{key}  {when(at, survey.settings.site.zone)}")
        if message.subject:
            say(f"  subject  {flat(message.subject)}")
        for line in clean(message.text).splitlines():
            say(f"  | {line}".rstrip())


def _warn_of_repeat(survey: Survey, key: DeliveryKey, message: Message, *, is_chosen: bool) -> None:
    from publisher.engine.deliver import is_repeat
    from publisher.views.site_state import open_ledger

    with open_ledger(survey.settings, now=survey.now, read_only=True) as ledger:
        payloads = ledger.sent_payloads(key)
    if is_repeat(message, payloads):
        effect = "may refuse it" if is_chosen else "refuses repeats, so it will be held"
        note(f"{key}: {key.channel} has had this text and {effect}")
        note("  give other words with --text, or name other channels with --channel")


COMMANDS = (release, reannounce)
