"""``publisher reannounce``: announce a post again, under a new occasion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import click

from publisher.channels.compose import compose
from publisher.cli.invocation import YES, instant
from publisher.cli.output import clean, confirm, flat, note, say, when
from publisher.cli.release import require_adoption
from publisher.cli.tick import tick_unless_daemon
from publisher.engine.deliver import is_repeat
from publisher.model import LAUNCH, ChannelName, DeliveryKey, Message, Post, ReleaseState
from publisher.model.errors import LedgerError, PublisherError
from publisher.plan.deliveries import planned_at
from publisher.system.clock import SystemClock
from publisher.views.calendar import voices_of
from publisher.views.site_state import SiteState, near, open_ledger


@click.command(epilog='Example: publisher reannounce my-post --channel x --reason "new edition"')
@click.argument("post")
@click.option(
    "--channel", "channels", multiple=True, metavar="C", help="Announce only there; repeatable."
)
@click.option("--text", help="The text; {url}, {title} … are filled in.")
@click.option("--at", "at", metavar="INSTANT", help="When to announce; default: now.")
@click.option("--occasion", help="Name of the occasion; default: again- and today's date.")
@click.option("--reason", required=True, help="Why; stored in the ledger.")
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
    """Announce POST again, as a new occasion.

    An occasion is announced once on each channel, so repeating the command sends nothing twice.
    """
    if not reason.strip():
        raise click.UsageError("--reason must not be empty")
    seen = ctx.obj.look()
    settings = seen.settings
    due_at = instant(at, settings, option="--at") if at else seen.now
    if due_at < seen.now:
        raise click.BadParameter(f"{at} is in the past", param_hint="--at")
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
                note(f"{key}: another command planned it meanwhile")
    if due_at > now:
        note("the daemon or the first tick after that sends it")
        return
    ctx.exit(tick_unless_daemon(ctx.obj, settings, about={chosen.id}))


def _occasion(given: str | None, today: datetime) -> str:
    if given is None:
        return f"again-{today.year:04}-{today:%m-%d}"
    if given == LAUNCH:
        raise click.BadParameter(
            "launch names the first announcement; choose another name", param_hint="--occasion"
        )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", given):
        raise click.BadParameter(
            "use letters, digits, dots, dashes and underscores, 64 at most", param_hint="--occasion"
        )
    return given


def _require_public(seen: SiteState, post: Post) -> None:
    record = seen.view.releases.get(post.id)
    require_adoption(seen)
    if record is None or record.state not in (ReleaseState.LIVE, ReleaseState.BASELINE):
        state = record.state.value if record else "not in the ledger yet"
        raise LedgerError(
            f"{post.id} is not live: it is {state}",
            why="an announcement never points at a page that is not public",
            hint=f"see `publisher why {post.id}`",
        )


def _channels(seen: SiteState, post: Post, given: Sequence[str]) -> list[ChannelName]:
    policy = seen.settings.policy
    known = [channel.name for channel in policy.channels]
    for name in given:
        if name not in known:
            hint = near(name, known) or f"known: {', '.join(known)}"
            raise PublisherError(f"there is no channel {name!r} in jobs.yaml", hint=hint)
    if given:
        return [name for name in known if name in given]
    found = [name for name in known if planned_at(post, policy, name, seen.now) is not None]
    if not found:
        raise PublisherError(
            f"{post.path} turns every channel off",
            hint="name a channel with --channel to announce it there anyway",
        )
    return found


def _keys(
    seen: SiteState, post: Post, channels: Sequence[ChannelName], occasion: str
) -> list[DeliveryKey]:
    site = seen.settings.site.name
    return [
        DeliveryKey(site=site, post=post.id, channel=name, occasion=occasion) for name in channels
    ]


def _say_existing(seen: SiteState, keys: Sequence[DeliveryKey], text: str | None) -> None:
    for key in keys:
        record = seen.view.deliveries.get(key)
        if record is None:
            continue
        say(f"{key}: already {record.state.value}; nothing is repeated")
        if text is not None and text != record.text:
            say("  --text is ignored; use another --occasion to send it")


def _say_texts(
    seen: SiteState, post: Post, keys: Sequence[DeliveryKey], text: str | None, at: datetime
) -> None:
    """Show the texts in full.

    :raises ComposeError: when one cannot be written; then nothing is announced anywhere.
    """
    voices = voices_of(seen.settings)
    for key in keys:
        message = compose(post, voices[key.channel], text=text)
        if voices[key.channel].limits.refuses_repeats:
            _warn_of_repeat(seen, key, message, is_chosen=text is not None)
        say(f"{key}  {when(at, seen.settings.site.zone)}")
        if message.subject:
            say(f"  subject  {flat(message.subject)}")
        for line in clean(message.text).splitlines():
            say(f"  | {line}".rstrip())


def _warn_of_repeat(
    seen: SiteState, key: DeliveryKey, message: Message, *, is_chosen: bool
) -> None:
    with open_ledger(seen.settings, now=seen.now, read_only=True) as ledger:
        payloads = ledger.sent_payloads(key)
    if is_repeat(message, payloads):
        effect = "may refuse it" if is_chosen else "refuses repeats, so it will be held"
        note(f"{key}: {key.channel} already got this text and {effect}")
        note("  change the text with --text, or choose channels with --channel")
