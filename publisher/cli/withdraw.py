"""``publisher withdraw``: take a post back."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Event

import click

from publisher.check import links
from publisher.check.pages import read_page, read_site
from publisher.cli.invocation import YES
from publisher.cli.output import confirm, count, flat, note, say, say_wrapped, when
from publisher.cli.release import require_adoption
from publisher.cli.tick import performer_of, tick_unless_daemon
from publisher.config.settings import Settings
from publisher.engine.requests import Requests, is_under_way
from publisher.model import (
    DeliveryRecord,
    DeliveryState,
    Embargo,
    LedgerView,
    Post,
    PostId,
    PostState,
    ReleaseState,
    WithdrawRequest,
)
from publisher.model.errors import LedgerBusyError, LedgerError, PostError, PublisherError
from publisher.posts.library import Library, Scan
from publisher.posts.reschedule import date_key
from publisher.system import locks
from publisher.system.clock import SystemClock
from publisher.system.files import read_file
from publisher.text.frontmatter import parse
from publisher.views.site_state import SiteState, open_ledger

# What can be taken back of what went out, by the type of its channel (docs/reference/channels.md).
TAKE_BACK: Mapping[str, str] = {
    "buttondown": "a sent mail cannot be recalled; send a correction",
    "console": "it was only printed; there is nothing to delete",
    "linkedin": "delete it there; copies and reshares stay",
    "outbox": "it is only a file in the outbox folder; delete it",
    "smtp": "a sent mail cannot be recalled; send a correction",
    "webhook": "ask its receiver whether it can be deleted",
    "x": "delete it there, or by the API (DELETE /2/tweets/ID); copies and quotes stay",
}


UNKNOWN = "ask its service whether it can be deleted"


@click.command(epilog='Example: publisher withdraw my-post --reason "names a client"')
@click.argument("post")
@click.option("--reason", default="", help="Why; stored in the ledger.")
@click.option(
    "--to-embargo",
    "is_embargoed",
    is_flag=True,
    help="Put it back under embargo until its date, which must be in the future; default: a draft.",
)
@YES
@click.pass_context
def withdraw(ctx: click.Context, post: str, reason: str, is_embargoed: bool, is_yes: bool) -> None:
    """Unpublish POST and cancel its pending announcements.

    Announcements that were already sent are listed, with how to delete them; publisher does not
    delete them.
    """
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
    done = _carry_out(seen, chosen, to, reason)
    _say_done(seen, chosen, to, done)
    if _was_public(seen, chosen):
        _say_where_to_look(seen, chosen, to)
    ctx.exit(tick_unless_daemon(ctx.obj, seen.settings, about={chosen.id}))


def _require_public(seen: SiteState, post: Post, to: PostState) -> None:
    """Refuse what was never out and is not going to be."""
    if _was_public(seen, post):
        return
    if post.state is to:
        raise LedgerError(
            f"{post.id} is not public; its file says {to.value} already",
            hint=f"see `publisher why {post.id}`",
        )
    if to is PostState.SCHEDULED and not _was_taken_back(seen, post):
        raise LedgerError(f"{post.id} is not public: it is a draft", hint="omit --to-embargo")


def _was_public(seen: SiteState, post: Post) -> bool:
    return is_under_way(seen.view, post.id) or post.state is PostState.PUBLISHED


def _was_taken_back(seen: SiteState, post: Post) -> bool:
    """Tell whether it was out; a withdrawal to the embargo that was killed may leave a draft."""
    record = seen.view.releases.get(post.id)
    return record is not None and record.state is ReleaseState.WITHDRAWN


def _is_older(seen: SiteState, post: Post) -> bool:
    """Tell whether it was public when the site was adopted: its launch was never announced."""
    record = seen.view.releases.get(post.id)
    is_new = record is not None and record.state is not ReleaseState.BASELINE
    return not is_new and post.state is PostState.PUBLISHED


def _require_way(seen: SiteState, post: Post, to: PostState) -> None:
    """Refuse what the file cannot say so that the post stays away, or comes back on its day."""
    settings = seen.settings
    is_coming = post.release_at is not None and post.release_at > seen.now
    if to is PostState.SCHEDULED and not is_coming:
        raise PublisherError(
            f"{post.id} has no future date, so it would be released again at once",
            hint=f"set a future date in {post.path}, or omit --to-embargo",
        )
    if to is PostState.SCHEDULED and _is_older(seen, post):
        raise PublisherError(
            f"{post.id} was public when the site was adopted; a date does not release it again",
            hint="omit --to-embargo; `publisher release` publishes it again and announces it",
        )
    then = Library.of(settings).withdrawn(post, to)
    waits = then is not None and then.state is PostState.SCHEDULED and then.release_at is not None
    if then is None or (to is PostState.SCHEDULED and not waits):
        raise _undated(seen, post)
    if to is PostState.DRAFT and waits and is_coming:
        key, at = settings.site.generator.state_key, when(then.release_at, settings.site.zone)
        raise PublisherError(
            f"{post.path} says only {key}, and has a future date",
            why=f"a draft with a date is scheduled: it would be released at {at}",
            hint=f"{_way_out(seen, post)}, or use --to-embargo if that is meant",
        )


def _undated(seen: SiteState, post: Post) -> PublisherError:
    """Make the error for a date that counts only as long as the file says published."""
    generator, at = seen.settings.site.generator, post.release_at
    day = at.astimezone(seen.settings.site.zone).isoformat() if at else "its date"
    return PublisherError(
        f"{post.path} would lose its release date",
        why=f"{generator.name} reads its date only while it says published, not in a draft",
        hint=f"write {generator.date_keys[0]}: {day} into it",
    )


def _way_out(seen: SiteState, post: Post) -> str:
    """Say how a post loses its coming date."""
    site = seen.settings.site
    document = Library.of(seen.settings).read(post)
    if date_key(document, site) is not None:
        return "remove the date from the file"
    return "its name holds the date: move the file to the drafts folder, which withdraws the post"


def _say_page(seen: SiteState, post: Post, to: PostState) -> None:
    settings = seen.settings
    blocks = "; its preview blocks are blurred again" if settings.site.generator.blocks else ""
    say(f"{post.path}: status changes from {post.state.value} to {to.value}{blocks}")
    if settings.rebuild is None:
        say(f"  {post.url}: removed when you build the site; jobs.yaml has no `rebuild`")
        return
    embargo = _embargo(settings, post, to)
    if embargo is Embargo.OFF:
        what = "the site is rebuilt; the generator decides whether a page remains"
    elif embargo is not Embargo.OMIT:
        what = f"the site is rebuilt with the page under embargo ({embargo.value})"
    elif settings.withdrawn:
        what = f"the site is rebuilt without it, and the address redirects to {settings.withdrawn}"
    else:
        what = "the site is rebuilt without it; the address returns 404"
    say(f"  {post.url}: {what}")
    if to is PostState.SCHEDULED:
        say(f"  it is released again at {when(post.release_at, settings.site.zone)}")


def _embargo(settings: Settings, post: Post, to: PostState) -> Embargo:
    """Give how builds will hold the post; a stage is always without drafts."""
    embargo = post.embargo or settings.embargo
    is_staged = {embargo, settings.embargo} != {Embargo.OFF}
    return Embargo.OMIT if is_staged and to is PostState.DRAFT else embargo


def _say_links(seen: SiteState, post: Post, to: PostState) -> None:
    """Name the links that lose their page."""
    settings = seen.settings
    embargo, generator = _embargo(settings, post, to), settings.site.generator
    goes = not generator.builds_drafts if embargo is Embargo.OFF else embargo is Embargo.OMIT
    links = list(links_to(settings, seen.scan, post)) if goes else []
    if not links:
        return
    say("\nlinks to it on public pages:")
    for place, link in links:
        say(f"  {flat(f'{place}: {link.target}')}")
    is_off = embargo is Embargo.OFF
    say(f"  these links {'will be broken' if is_off else 'become plain text until it is back'}")


def links_to(settings: Settings, scan: Scan, post: Post) -> Iterator[tuple[str, links.Link]]:
    """Find the links of public pages to a post, each with its place: ``index.md:12``."""
    site = read_site(settings, scan)
    for file in Library.of(settings).pages():
        if file.path == post.path:
            continue
        try:
            document = parse(read_file(file.file, file.path).data, file.path)
        except PostError:
            continue  # `publisher check` says what is wrong with it
        for link in links.links_to(post, read_page(document, file.address, site), site):
            yield f"{file.path}:{link.line}", link


def _say_deliveries(
    seen: SiteState, waiting: Sequence[DeliveryRecord], out: Sequence[DeliveryRecord]
) -> None:
    if waiting:
        say("\npending, will be cancelled:")
        for record in waiting:
            say(f"  {record.key}, due {when(record.due_at, seen.settings.site.zone)}")
    if out:
        say("\nalready sent, not touched:")
        _say_out(seen, out)
    if not waiting and not out:
        say("\nno announcement is pending, and none was sent")


def _say_out(seen: SiteState, records: Sequence[DeliveryRecord]) -> None:
    types = {channel.name: channel.type for channel in seen.settings.channels}
    for record in records:
        place = record.remote_url or record.remote_id
        say(f"  {record.key}: {_standing(record)}{f': {flat(place)}' if place else ''}")
        say_wrapped(TAKE_BACK.get(types.get(record.key.channel, ""), UNKNOWN), indent="    ")


def _standing(record: DeliveryRecord) -> str:
    match record.state:
        case DeliveryState.SENT | DeliveryState.CONFIRMED:
            return "sent"
        case DeliveryState.SENDING:
            return "is being sent"
    return "may have gone out; check there"


def _say_done(seen: SiteState, post: Post, to: PostState, done: Withdrawn) -> None:
    parts = [f"{post.id}: withdrawn"]
    parts += [f"{count(len(done.cancelled), 'announcement')} cancelled"] if done.cancelled else []
    parts += [f"{count(len(done.out), 'announcement')} already sent"] if done.out else []
    say(", ".join(parts))
    if done.overtaken:
        number = count(len(done.overtaken), "announcement")
        say(f"too late to stop {number}:")
        _say_out(seen, done.overtaken)
    if to is PostState.DRAFT and _is_older(seen, post):
        note(
            f"`publisher release {post.id}` publishes it again and announces it; "
            "an edit by hand is not announced"
        )
    elif to is PostState.DRAFT:
        note(f"`publisher release {post.id}` publishes it again; what was sent is not sent again")


def _say_where_to_look(seen: SiteState, post: Post, to: PostState) -> None:
    """Name the page to look at: whether a cache still has it, nobody else says."""
    settings = seen.settings
    is_404 = _embargo(settings, post, to) is Embargo.OMIT and not settings.withdrawn
    if is_404:
        look = f"after the deployment, `curl -sI {shlex.quote(post.url)}` returns 404"
    else:
        look = f"after the deployment, {post.url} shows the text no longer"
    note(f"{look}; if not, purge your host's cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """What became of the announcements."""

    cancelled: Sequence[DeliveryRecord]
    overtaken: Sequence[DeliveryRecord]  # went out after the plan was shown
    out: Sequence[DeliveryRecord]  # were out when it was shown


def _carry_out(seen: SiteState, post: Post, to: PostState, reason: str) -> Withdrawn:
    """Record the request, and perform it; a tick that is under way stops for the file."""
    settings, clock = seen.settings, SystemClock()
    with open_ledger(settings, now=clock.now()) as ledger:
        request = WithdrawRequest(post=post.id, to=to, reason=reason, asked_at=clock.now())
        performer = performer_of(settings, ledger)
        ledger.request([request], now=clock.now())
        try:
            with _no_tick(settings, performer, post.id, is_file_first=_is_followed(seen, post)):
                performer.perform(request)
        except PublisherError:
            ledger.drop_requests([post.id])
            raise
        return _outcome(seen, post, ledger.view())


def _is_followed(seen: SiteState, post: Post) -> bool:
    """Tell whether a tick that is under way stops for what the file says."""
    record = seen.view.releases.get(post.id)
    return record is not None and record.state is not ReleaseState.BASELINE


@contextmanager
def _no_tick(
    settings: Settings, performer: Requests, post: PostId, *, is_file_first: bool
) -> Iterator[None]:
    """Wait until no tick is under way; with ``is_file_first`` the file does not wait.

    A tick reads the files before each of its steps, so nothing is announced once they say draft;
    scheduled might be flipped again, where somebody asked for the release. They are looked at
    again and again: a flip may be written over them at this very moment.
    """
    with ExitStack() as stack:
        is_told = False
        while is_file_first:
            try:
                stack.enter_context(locks.hold(settings.state_dir, locks.TICK))
                break
            except LedgerBusyError:
                if not is_told:
                    note("waiting for the running tick; it sees the changed file")
                is_told = True
            with suppress(PublisherError):  # just being written: the next time
                performer.hide(post)
            Event().wait(locks.POLL_S)
        else:
            stack.enter_context(locks.hold(settings.state_dir, locks.TICK, wait=True))
        yield


def waiting_and_out(
    seen: SiteState, view: LedgerView, post: Post
) -> tuple[list[DeliveryRecord], list[DeliveryRecord]]:
    """Give the announcements that wait, and those that are or may be out."""
    state = DeliveryState
    mine = [r for key, r in sorted(view.deliveries.items()) if key.post == post.id]
    waiting = [r for r in mine if r.state in (state.PLANNED, state.CLAIMED)]
    out_states = (state.SENDING, state.UNCERTAIN, state.SENT, state.CONFIRMED)
    out = [r for r in mine if r.state in out_states or r.key in seen.in_doubt]
    return waiting, out


def _outcome(seen: SiteState, post: Post, view: LedgerView) -> Withdrawn:
    """Compare what was shown with what has become of it."""
    before, (_, out) = seen.view.deliveries, waiting_and_out(seen, seen.view, post)
    known = {record.key for record in out}
    _, out_now = waiting_and_out(seen, view, post)
    cancelled = [
        record
        for key, record in sorted(view.deliveries.items())
        if key.post == post.id and record.state is DeliveryState.CANCELLED
        if key not in before or before[key].state is not DeliveryState.CANCELLED
    ]
    overtaken = [record for record in out_now if record.key not in known]
    return Withdrawn(cancelled=cancelled, overtaken=overtaken, out=out)
