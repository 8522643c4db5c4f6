"""The command that takes a post back: its page goes, and what was said of it is shown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from publisher.cli.acting import YES, require_adoption
from publisher.cli.output import confirm, count, flat, note, say, say_wrapped, when
from publisher.model.errors import LedgerError, PublisherError

if TYPE_CHECKING:
    from publisher.cli.taking_back import TakenBack
    from publisher.config.settings import Settings
    from publisher.model import (
        DeliveryRecord,
        Embargo,
        Post,
        PostState,
    )
    from publisher.views.site_state import Survey

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
    from publisher.cli.taking_back import take_back, waiting_and_out
    from publisher.model import PostState

    seen = ctx.obj.look()
    chosen = seen.get(post)
    require_adoption(seen)
    to = PostState.SCHEDULED if is_embargoed else PostState.DRAFT
    _require_public(seen, chosen, to)
    _require_way(seen, chosen, to)
    _say_page(seen, chosen, to)
    _say_links(seen, chosen, to)
    waiting, out = waiting_and_out(seen, seen.view, chosen)
    _say_deliveries(seen, waiting, out)
    confirm(f"withdraw {chosen.id}?", is_yes=is_yes)
    done = take_back(seen, chosen, to, reason)
    _say_done(seen, chosen, to, done)
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
    if to is PostState.SCHEDULED and not _was_taken_back(survey, post):
        raise LedgerError(f"{post.id} is not public: it is a draft", hint="leave --to-embargo out")


def _was_public(survey: Survey, post: Post) -> bool:
    from publisher.cli.taking_back import is_under_way
    from publisher.model import PostState

    return is_under_way(survey.view, post) or post.state is PostState.PUBLISHED


def _was_taken_back(survey: Survey, post: Post) -> bool:
    """Tell whether it was out; a withdrawal to the embargo that was killed may leave a draft."""
    from publisher.model import ReleaseState

    record = survey.view.releases.get(post.id)
    return record is not None and record.state is ReleaseState.WITHDRAWN


def _is_older(survey: Survey, post: Post) -> bool:
    """Tell whether it was public before publisher came: its launch was never announced."""
    from publisher.model import PostState, ReleaseState

    record = survey.view.releases.get(post.id)
    is_new = record is not None and record.state is not ReleaseState.BASELINE
    return not is_new and post.state is PostState.PUBLISHED


def _require_way(survey: Survey, post: Post, to: PostState) -> None:
    """Refuse what the file cannot say so that the post stays away, or comes back on its day."""
    from publisher.model import PostState
    from publisher.posts.library import Library

    settings = survey.settings
    is_coming = post.release_at is not None and post.release_at > survey.now
    if to is PostState.SCHEDULED and not is_coming:
        raise PublisherError(
            f"{post.id} has no date to come, so it would be released again at once",
            hint=f"write a coming date into {post.path} first, or leave --to-embargo out",
        )
    if to is PostState.SCHEDULED and _is_older(survey, post):
        raise PublisherError(
            f"{post.id} was public before publisher came: no date brings it back by itself",
            hint="leave --to-embargo out; `publisher release` brings it back, and announces it",
        )
    then = Library.of(settings).withdrawn(post, to)
    waits = then is not None and then.state is PostState.SCHEDULED and then.release_at is not None
    if then is None or (to is PostState.SCHEDULED and not waits):
        raise _undated(survey, post)
    if to is PostState.DRAFT and waits and is_coming:
        key, at = settings.site.generator.state_key, when(then.release_at, settings.site.zone)
        raise PublisherError(
            f"{post.path} says no more than {key}, and has a date to come",
            why=f"a draft with a date is scheduled: it would come out at {at}",
            hint=f"{_way_out(survey, post)}, or use --to-embargo if that is meant",
        )


def _undated(survey: Survey, post: Post) -> PublisherError:
    """Make the error for a date that counts only as long as the file says published."""
    generator, at = survey.settings.site.generator, post.release_at
    day = at.astimezone(survey.settings.site.zone).isoformat() if at else "its date"
    return PublisherError(
        f"{post.path} would have no release date any more",
        why=f"its date counts only while it says published; a draft has none for {generator.name}",
        hint=f"write {generator.date_keys[0]}: {day} into it first",
    )


def _way_out(survey: Survey, post: Post) -> str:
    """Say how a post loses its coming date."""
    from publisher.posts.library import Library
    from publisher.posts.reschedule import date_key

    site = survey.settings.site
    document = Library.of(survey.settings).read(post)
    if date_key(document, site) is not None:
        return "take the date out of the file first"
    return "its name holds the date: move the file to where drafts are, which takes the post back"


# --- the plan --------------------------------------------------------------------------------


def _say_page(survey: Survey, post: Post, to: PostState) -> None:
    from publisher.model import Embargo, PostState

    settings = survey.settings
    blocks = "; its preview blocks are blurred again" if settings.site.generator.blocks else ""
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
    embargo, generator = _embargo(settings, post, to), settings.site.generator
    goes = not generator.builds_drafts if embargo is Embargo.OFF else embargo is Embargo.OMIT
    links = list(links_to(settings, survey.scan, post)) if goes else []
    if not links:
        return
    say("\nlinks to it on public pages:")
    for place, link in links:
        say(f"  {flat(f'{place}: {link.target}')}")
    is_off = embargo is Embargo.OFF
    say(f"  these links {'will lead nowhere' if is_off else 'are built as text until it is back'}")


def _say_deliveries(
    survey: Survey, waiting: Sequence[DeliveryRecord], out: Sequence[DeliveryRecord]
) -> None:
    if waiting:
        say("\nwaiting, and cancelled by it:")
        for record in waiting:
            say(f"  {record.key}, due {when(record.due_at, survey.settings.site.zone)}")
    if out:
        say("\nout already, and not touched:")
        _say_out(survey, out)
    if not waiting and not out:
        say("\nno announcement waits, and none went out")


def _say_out(survey: Survey, records: Sequence[DeliveryRecord]) -> None:
    types = {channel.name: channel.type for channel in survey.settings.channels}
    for record in records:
        place = record.remote_url or record.remote_id
        say(f"  {record.key}: {_standing(record)}{f': {flat(place)}' if place else ''}")
        say_wrapped(TAKE_BACK.get(types.get(record.key.channel, ""), UNKNOWN), indent="    ")


def _standing(record: DeliveryRecord) -> str:
    from publisher.model import DeliveryState

    match record.state:
        case DeliveryState.SENT | DeliveryState.CONFIRMED:
            return "sent"
        case DeliveryState.SENDING:
            return "is being sent"
    return "may have gone out; look there"


# --- what was done ----------------------------------------------------------------------------


def _say_done(survey: Survey, post: Post, to: PostState, done: TakenBack) -> None:
    from publisher.model import PostState

    parts = [f"{post.id}: withdrawn"]
    parts += [f"{count(len(done.cancelled), 'announcement')} cancelled"] if done.cancelled else []
    parts += [f"{count(len(done.out), 'announcement')} left where they are"] if done.out else []
    say(", ".join(parts))
    if done.overtaken:
        number = count(len(done.overtaken), "announcement")
        say(f"{number} had gone out before it could be stopped:")
        _say_out(survey, done.overtaken)
    if to is PostState.DRAFT and _is_older(survey, post):
        note(
            f"`publisher release {post.id}` brings it back and announces it; "
            "an edit by hand back to published does not"
        )
    elif to is PostState.DRAFT:
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
