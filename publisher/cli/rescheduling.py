"""The command that moves a release, and with it the rest of its series."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn

import click

from publisher.cli.acting import YES
from publisher.cli.moves import Shift, forget, left_over, perform, require_unreleased
from publisher.cli.output import clean, confirm, count, flat, note, say, when
from publisher.cli.targets import later_on, read_target, wall_time, with_seconds
from publisher.model.errors import LedgerError, PublisherError

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.config.settings import Settings
    from publisher.model import Post, ReleaseRecord
    from publisher.posts.library import Library
    from publisher.views.site_state import Survey


@click.command()
@click.argument("post")
@click.option(
    "--to",
    "to",
    required=True,
    metavar="INSTANT",
    help="2027-03-16, 2027-03-16T09:00, with offset; or +7d, +2w, +6h from its date.",
)
@click.option(
    "--shift-following",
    "is_shifted",
    is_flag=True,
    help="Move the later parts of its series by as much.",
)
@YES
@click.pass_context
def reschedule(ctx: click.Context, post: str, to: str, is_shifted: bool, is_yes: bool) -> None:
    """Move the release of POST to another instant.

    Only the date in the file is changed, in the way it is written there. A bare date means the
    site's release time; +7d keeps the time of the day.
    """
    from publisher.posts.library import Library

    seen = ctx.obj.look()
    chosen = seen.get(post)
    library = Library.of(seen.settings)
    library.scan()
    if left := _left(seen, library, is_yes=is_yes):
        _carry_out(ctx, seen, library, left)
    old = _require_waiting(seen, chosen)
    at = read_target(seen, old, to)
    shifts = [Shift(chosen, old, library.redated(chosen, at))]
    if is_shifted:
        shifts += _following(seen, library, shifts[0])
    shifts = [shift for shift in shifts if shift.new != shift.old]
    if not shifts:
        note(f"{chosen.id} is released at that instant already; nothing to do")
        return
    _require_coming(seen, shifts)
    _say_plan(seen, library, shifts, is_shifted=is_shifted)
    confirm(f"move {count(len(shifts), 'release')}?", is_yes=is_yes)
    _carry_out(ctx, seen, library, shifts)


def _left(seen: Survey, library: Library, *, is_yes: bool) -> list[Shift]:
    """Give the moves that an earlier command left over, if they are to be made."""
    left = list(left_over(seen, library))
    if left:
        say("an earlier `publisher reschedule` was cut short; these were still to move:")
        _say_plan(seen, library, left, is_shifted=True)
        if is_yes or not sys.stdin.isatty():
            confirm("move them first?", is_yes=is_yes)
        elif not click.confirm("move them first? n: forget it, and go on", err=True):
            left = []
    if left:
        note("nothing else is done; if another date is meant, run the command again")
    else:
        forget(seen.settings)
    return left


def _carry_out(
    ctx: click.Context, seen: Survey, library: Library, shifts: Sequence[Shift]
) -> NoReturn:
    from publisher.cli.performing import tick_unless_daemon

    is_shown = perform(seen, library, shifts)
    _say_next(seen.settings, len(shifts))
    about = {shift.post.id for shift in shifts}
    ctx.exit(tick_unless_daemon(ctx.obj, seen.settings, about=about) if is_shown else 0)


# --- what may be moved -----------------------------------------------------------------------


def _require_waiting(survey: Survey, post: Post) -> datetime:
    """Give the date of a post; refuse what is public, on its way, or without a date."""
    record = survey.view.releases.get(post.id)
    if survey.view.restored:
        raise LedgerError(survey.view.restored)
    require_unreleased(post, record)
    if record is not None and _is_asked_for(record, survey.now):
        raise LedgerError(
            f"{post.id} is about to be released: somebody asked for it",
            hint=f"see `publisher why {post.id}`",
        )
    if post.release_at is None:
        keys = ("reveal", *survey.settings.site.generator.date_keys)
        raise PublisherError(
            f"{post.path} has no release date that could be moved",
            hint=f"write one into it, such as {keys[-1]}: 2027-03-16",
        )
    return post.release_at


def _is_asked_for(record: ReleaseRecord, now: datetime) -> bool:
    return record.requested_at is not None and record.requested_at <= now


def _following(survey: Survey, library: Library, first: Shift) -> Iterator[Shift]:
    """Move the later parts of the series by as much on the clocks of the site.

    :raises PublisherError: when one of them would come at a time that is no single instant.
    """
    series, zone = first.post.series, survey.settings.site.zone
    if series is None:
        raise PublisherError(
            f"{first.post.id} belongs to no series", hint="leave --shift-following out"
        )
    span = wall_time(first.new, zone) - wall_time(first.old, zone)
    for part in _later_parts(survey, first.post):
        try:
            require_unreleased(part, survey.view.releases.get(part.id))
        except LedgerError as error:
            note(f"{part.id}: left alone: {error.what}")
            continue
        if part.release_at is None:
            note(f"{part.id}: left alone: it has no date")
            continue
        try:
            at = later_on(survey, part.release_at, span)
        except PublisherError as error:
            raise PublisherError(
                f"{part.id}: {error.what}",
                why=error.why,
                hint=f"leave --shift-following out, and move it with `publisher reschedule "
                f"{part.id} --to …`; {with_seconds(error.hint, survey)}",
            ) from None
        yield Shift(part, part.release_at, library.redated(part, at))


def _later_parts(survey: Survey, post: Post) -> list[Post]:
    series = post.series
    parts = [
        (other.series.part, other.id, other)
        for other in survey.scan.posts
        if series and other.series and other.series.name == series.name
        if other.series.part > series.part
    ]
    return [other for _, _, other in sorted(parts, key=lambda part: part[:2])]


def _require_coming(survey: Survey, shifts: Sequence[Shift]) -> None:
    for shift in shifts:
        if shift.new <= survey.now:
            at = when(shift.new, survey.settings.site.zone)
            raise click.BadParameter(
                f"{shift.post.id} would come at {at}, which is over; "
                f"`publisher release {shift.post.id}` releases it now",
                param_hint="--to",
            )


# --- the plan --------------------------------------------------------------------------------


def _say_plan(
    survey: Survey, library: Library, shifts: Sequence[Shift], *, is_shifted: bool
) -> None:
    from publisher.cli.mentions import mentions_of

    zone = survey.settings.site.zone
    width = max(len(shift.post.id) for shift in shifts)
    for shift in shifts:
        old, new = _spelled(shift.old, survey), _spelled(shift.new, survey)
        say(f"{shift.post.id:<{width}}  {old}  ->  {new}")
        for remark in _remarks(shift, survey):
            say(f"{'':{width}}  {flat(remark)}")
    for remark in _out_of_order(survey, shifts, is_shifted=is_shifted):
        say(remark)
    mentions = [
        text
        for shift in shifts
        for text in mentions_of(survey.settings.site, library, shift.post, shift.old, shift.new)
    ]
    if mentions:
        say("\nwhat still names the old day, for you to edit:")
        for text in dict.fromkeys(mentions):
            say(f"  {clean(text)}")
    if survey.view.adopted_at is None:
        note(f"this ledger was never adopted; times are of {zone.key}")


def _spelled(at: datetime, survey: Survey) -> str:
    zone = survey.settings.site.zone
    return f"{at.astimezone(zone):%a} {when(at, zone)}"


def _remarks(shift: Shift, survey: Survey) -> Iterator[str]:
    """Say what else becomes different, and what does not."""
    from publisher.model import PostState

    zone, moved = survey.settings.site.zone, shift.moved
    if shift.old.astimezone(zone).utcoffset() != shift.new.astimezone(zone).utcoffset():
        yield "clocks change in between; the time is as clocks show it then"
    if moved.release_zone_note:
        yield moved.release_zone_note
    if moved.url != shift.post.url:
        yield f"its address changes to {moved.url}"
    if moved.state is PostState.DRAFT:
        yield "is a draft, and stays one: its date alone does not release it"
    for channel, rule in moved.announce.items():
        if rule.at is not None and rule.enabled:
            late = "" if rule.at >= shift.new else ", which is too early then: it goes out with it"
            at = when(rule.at, zone)
            yield f"its announcement on {channel} has its own time, which stays: {at}{late}"


def _out_of_order(survey: Survey, shifts: Sequence[Shift], *, is_shifted: bool) -> Iterator[str]:
    """Find parts of the series that would come in another order than their numbers."""
    from publisher.model import PostState

    series = shifts[0].post.series
    if series is None:
        return
    moved = {shift.post.id: shift.moved for shift in shifts}
    parts = [
        (post.series.part, post.release_at, post)
        for post in (moved.get(post.id, post) for post in survey.scan.posts)
        if post.series and post.series.name == series.name and post.release_at
        if post.state is not PostState.PUBLISHED
    ]
    parts.sort(key=lambda part: (part[0], part[2].id))
    for (part, at, post), (later, later_at, other) in pairwise(parts):
        if at <= later_at or not {post.id, other.id} & set(moved):
            continue
        if other.id in moved:
            what_fits = f"{when(at, survey.settings.site.zone)} is the earliest instant that fits"
        elif is_shifted:
            what_fits = f"move part {later} as well"
        else:
            what_fits = "--shift-following moves the later parts along"
        yield f"part {later} ({other.id}) comes before part {part} ({post.id}) then; {what_fits}"


def _say_next(settings: Settings, number: int) -> None:
    if settings.git is not None and settings.git.commit:
        files = "the file is" if number == 1 else "the files are"
        note(f"{files} not committed: that is yours to do")
    note("the daemon, or the next tick, goes by it; see `publisher calendar`")


COMMANDS = (reschedule,)
