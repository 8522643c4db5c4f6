"""The command that takes a post back: its page goes, and what was said of it is shown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from publisher.cli.acting import YES, require_adoption
from publisher.cli.output import confirm, count, flat, note, say, say_wrapped, when
from publisher.errors import LedgerError, PublisherError

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.ledger import Ledger
    from publisher.model import (
        DeliveryRecord,
        Embargo,
        LedgerView,
        Observe,
        Post,
        PostState,
        Sight,
    )
    from publisher.settings import Settings
    from publisher.survey import Survey

# What can be taken back of what went out, by the type of its channel. Facts: docs/channels.md.
TAKE_BACK: Mapping[str, str] = {
    "buttondown": "a mail that was sent cannot be called back; a correction is another mail",
    "console": "it was printed; there is nothing to take back",
    "linkedin": "delete it there; what others copied or reshared is theirs",
    "outbox": "it is a file below the outbox folder, which nobody else has: delete it",
    "smtp": "a mail that was sent cannot be called back; a correction is another mail",
    "webhook": "only its receiver knows what became of it, and whether it can be taken back",
    "x": "delete it there, or by the API (DELETE /2/tweets/ID); copies and quotes stay",
}
UNKNOWN = "only its service knows whether it can be taken back"


@click.command()
@click.argument("post")
@click.option("--reason", default="", help="Kept in the ledger.")
@click.option(
    "--to-embargo",
    "is_embargoed",
    is_flag=True,
    help="Back under embargo until its date, which must be to come; default: a draft.",
)
@YES
@click.pass_context
def withdraw(ctx: click.Context, post: str, reason: str, is_embargoed: bool, is_yes: bool) -> None:
    """Take POST back: its page goes, and what waits is cancelled.

    What went out is shown with what its channel can take back; nothing there is deleted.
    """
    from publisher.cli.performing import tick_unless_daemon
    from publisher.model import PostState

    seen = ctx.obj.look()
    chosen = seen.get(post)
    require_adoption(seen)
    to = PostState.SCHEDULED if is_embargoed else PostState.DRAFT
    _require_public(seen, chosen, to)
    _require_way(seen, chosen, to)
    _say_page(seen, chosen, to)
    _say_links(seen, chosen, to)
    waiting, out = _deliveries(seen, chosen)
    _say_deliveries(seen, waiting, out)
    confirm(f"withdraw {chosen.id}?", is_yes=is_yes)
    _perform(seen, chosen, to, waiting, reason)
    _say_done(chosen, to, waiting, out)
    if _was_public(seen, chosen):
        _say_where_to_look(seen, chosen, to)
    ctx.exit(tick_unless_daemon(ctx.obj, seen.settings, about={chosen.id}))


# --- what may be withdrawn -------------------------------------------------------------------


def _require_public(survey: Survey, post: Post, to: PostState) -> None:
    """Refuse what was never out and is not going to be."""
    from publisher.model import PostState

    if _was_public(survey, post):
        return
    if post.state is to:
        raise LedgerError(
            f"{post.id} is not public, and its file says {to.value} already",
            hint=f"see `publisher why {post.id}`",
        )
    if to is PostState.SCHEDULED:
        raise LedgerError(f"{post.id} is not public: it is a draft", hint="leave --to-embargo out")


def _was_public(survey: Survey, post: Post) -> bool:
    from publisher.model import PostState

    return _is_under_way(survey.view, post) or post.state is PostState.PUBLISHED


def _is_under_way(view: LedgerView, post: Post) -> bool:
    from publisher.model import ReleaseState

    record = view.releases.get(post.id)
    return record is not None and record.state in (ReleaseState.LIVE, ReleaseState.REVEALING)


def _require_way(survey: Survey, post: Post, to: PostState) -> None:
    """Refuse what the file cannot say so that the post stays away."""
    from publisher.model import PostState, ReleaseState

    preset, record = survey.settings.site.preset, survey.view.releases.get(post.id)
    is_coming = post.release_at is not None and post.release_at > survey.now
    if to is PostState.SCHEDULED and not is_coming:
        raise PublisherError(
            f"{post.id} has no date to come, so it would be released again at once",
            hint=f"write a coming date into {post.path} first, or leave --to-embargo out",
        )
    is_old = record is None or record.state is ReleaseState.BASELINE
    if to is PostState.SCHEDULED and is_old and post.state is PostState.PUBLISHED:
        raise PublisherError(
            f"{post.id} was public before publisher came: no date brings it back by itself",
            hint="leave --to-embargo out; `publisher release` brings it back, and announces it",
        )
    is_one_value = preset.values[PostState.DRAFT] == preset.values[PostState.SCHEDULED]
    if to is PostState.DRAFT and is_coming and is_one_value:
        at = when(post.release_at, survey.settings.site.zone)
        raise PublisherError(
            f"{post.path} says no more than {preset.state_key}, and has a date to come",
            why=f"a draft with a date is scheduled: it would come out at {at}",
            hint="take the date out of the file first, or use --to-embargo if that is meant",
        )


# --- the plan --------------------------------------------------------------------------------


def _say_page(survey: Survey, post: Post, to: PostState) -> None:
    from publisher.model import Embargo, PostState

    settings = survey.settings
    blocks = "; its preview blocks are blurred again" if settings.site.preset.blocks else ""
    say(f"{post.path}: says {post.state.value}, will say {to.value}{blocks}")
    if settings.rebuild is None:
        say(f"  {post.url}: goes when you build the site; jobs.yaml has no `rebuild`")
        return
    embargo = _embargo(settings, post, to)
    if embargo is Embargo.OFF:
        what = "the site is built again; whether a page is left is the generator's to say"
    elif embargo is not Embargo.OMIT:
        what = f"the site is built again, with the page under embargo ({embargo.value})"
    elif settings.withdrawn:
        what = f"the site is built again without it, and the address leads to {settings.withdrawn}"
    else:
        what = "the site is built again without it: the address answers 404 from then on"
    say(f"  {post.url}: {what}")
    if to is PostState.SCHEDULED:
        say(f"  it comes back at {when(post.release_at, settings.site.zone)}")


def _embargo(settings: Settings, post: Post, to: PostState) -> Embargo:
    """Give how builds will hold the post; a stage is always without drafts."""
    from publisher.model import Embargo, PostState

    embargo = post.embargo or settings.embargo
    is_staged = {embargo, settings.embargo} != {Embargo.OFF}
    return Embargo.OMIT if is_staged and to is PostState.DRAFT else embargo


def _say_links(survey: Survey, post: Post, to: PostState) -> None:
    """Name the links that lose their page."""
    from publisher.cli.mentions import links_to
    from publisher.model import Embargo

    settings = survey.settings
    embargo, is_vitepress = _embargo(settings, post, to), settings.site.preset.name == "vitepress"
    goes = not is_vitepress if embargo is Embargo.OFF else embargo is Embargo.OMIT
    links = list(links_to(settings, survey.scan, post)) if goes else []
    if not links:
        return
    say("\nlinks to it on public pages:")
    for place, link in links:
        say(f"  {flat(f'{place}: {link.target}')}")
    is_off = embargo is Embargo.OFF
    say(f"  these links {'will lead nowhere' if is_off else 'are built as text until it is back'}")


def _deliveries(survey: Survey, post: Post) -> tuple[list[DeliveryRecord], list[DeliveryRecord]]:
    """Give the announcements that wait, and those that are or may be out."""
    from publisher.model import DeliveryState

    state = DeliveryState
    mine = [r for key, r in sorted(survey.view.deliveries.items()) if key.post == post.id]
    waiting = [r for r in mine if r.state in (state.PLANNED, state.CLAIMED)]
    out_states = (state.SENDING, state.UNCERTAIN, state.SENT, state.CONFIRMED)
    out = [r for r in mine if r.state in out_states or r.key in survey.in_doubt]
    return waiting, out


def _say_deliveries(
    survey: Survey, waiting: Sequence[DeliveryRecord], out: Sequence[DeliveryRecord]
) -> None:
    types = {channel.name: channel.type for channel in survey.settings.channels}
    if waiting:
        say("\nwaiting, and cancelled by it:")
        for record in waiting:
            say(f"  {record.key}, due {when(record.due_at, survey.settings.site.zone)}")
    if out:
        say("\nout already, and not touched:")
    for record in out:
        place = record.remote_url or record.remote_id
        say(f"  {record.key}: {_standing(record)}{f': {flat(place)}' if place else ''}")
        text = TAKE_BACK.get(types.get(record.key.channel, ""), UNKNOWN)
        say_wrapped(text, indent="    ")
    if not waiting and not out:
        say("\nno announcement waits, and none went out")


def _standing(record: DeliveryRecord) -> str:
    from publisher.model import DeliveryState

    match record.state:
        case DeliveryState.SENT | DeliveryState.CONFIRMED:
            return "sent"
        case DeliveryState.SENDING:
            return "is being sent"
    return "may have gone out; look there"


# --- doing it --------------------------------------------------------------------------------


def _perform(
    survey: Survey, post: Post, to: PostState, waiting: Sequence[DeliveryRecord], reason: str
) -> None:
    """Change the files and tell the ledger, while no tick is under way."""
    from publisher import locks
    from publisher.clock import SystemClock
    from publisher.posts import Library
    from publisher.survey import open_ledger

    settings, now = survey.settings, SystemClock().now()
    why = f"withdrawn: asked for with `publisher withdraw`{': ' if reason else ''}{reason}"
    library = Library(settings.site, settings.project)
    library.scan()
    with (
        locks.hold(settings.state_dir, locks.TICK, wait=True),
        open_ledger(settings, now=now) as ledger,
    ):
        is_public = _is_under_way(ledger.view(), post)
        if not is_public:  # first: a build too many does no harm, one too few leaves the page
            _build_without(ledger, post, waiting, why, now)
        result = library.withdraw(post, to=to)
        for path in result.changed:
            say(f"changed {path}")
        _tell(ledger, post, result.digest, why, now)


def _build_without(
    ledger: Ledger, post: Post, waiting: Sequence[DeliveryRecord], why: str, now: datetime
) -> None:
    """Have the site built without a post whose release the ledger does not follow now."""
    from publisher.model import DeliveryState, PostState, Sight

    if post.state is PostState.PUBLISHED:
        because = "was public when first seen"
        ledger.observe(_sight(post, Sight.BASELINE, post.digest, because), now=now)
    if post.id not in ledger.view().releases:
        return  # the next tick sees it for the first time
    ledger.build_again(post.id, reason=why, now=now)
    for record in waiting:
        if record.state is DeliveryState.PLANNED:
            ledger.settle(record, DeliveryState.CANCELLED, reason=why, now=now)


def _tell(ledger: Ledger, post: Post, digest: str, why: str, now: datetime) -> None:
    """Let the ledger know at once: a draft flag alone does not tell it from a lost flip."""
    from publisher.model import Sight

    view = ledger.view()
    if post.id not in view.releases:
        return
    words = why.removeprefix("withdrawn: ")
    ledger.observe(_sight(post, Sight.MOVED, digest, words), now=now)
    if _is_under_way(view, post):
        ledger.observe(_sight(post, Sight.WITHDRAWN, digest, words), now=now)


def _sight(post: Post, sight: Sight, digest: str, why: str) -> Observe:
    from publisher.model import Observe

    return Observe(
        post=post.id,
        sight=sight,
        path=post.path,
        digest=digest,
        release_at=post.release_at,
        why=why,
    )


def _say_done(
    post: Post,
    to: PostState,
    waiting: Sequence[DeliveryRecord],
    out: Sequence[DeliveryRecord],
) -> None:
    from publisher.model import PostState

    parts = [f"{post.id}: withdrawn"]
    parts += [f"{count(len(waiting), 'announcement')} cancelled"] if waiting else []
    parts += [f"{count(len(out), 'announcement')} left where they are"] if out else []
    say(", ".join(parts))
    if to is PostState.DRAFT:
        note(
            f"`publisher release {post.id}` brings it back; "
            "what went out is not announced a second time"
        )


def _say_where_to_look(survey: Survey, post: Post, to: PostState) -> None:
    """Name the page to look at: whether a cache still has it, nobody else says."""
    from publisher.model import Embargo

    settings = survey.settings
    is_404 = _embargo(settings, post, to) is Embargo.OMIT and not settings.withdrawn
    if is_404:
        look = f"once it is deployed, `curl -sI {shlex.quote(post.url)}` says 404"
    else:
        look = f"once it is deployed, {post.url} shows the text no longer"
    note(f"{look}; if not, purge the cache of your host")


COMMANDS = (withdraw,)
