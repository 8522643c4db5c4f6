"""``publisher reschedule``: move a release, and with it the rest of its series."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, NoReturn
from zoneinfo import ZoneInfo

import click

from publisher.cli.invocation import YES, instant
from publisher.cli.output import clean, confirm, count, flat, note, say, when
from publisher.cli.tick import performer_of, tick_unless_daemon
from publisher.config.settings import Settings, SiteSettings
from publisher.engine.requests import is_void, require_unreleased, shows_date
from publisher.ledger.mark import REMEDY
from publisher.model import Post, PostState, ReleaseRecord, RescheduleRequest
from publisher.model.errors import LedgerError, PostError, PublisherError
from publisher.posts.library import Library
from publisher.posts.reschedule import set_date
from publisher.system import locks
from publisher.system.clock import SystemClock
from publisher.system.files import read_file
from publisher.text.frontmatter import decode
from publisher.text.times import parse_duration, resolve_instant
from publisher.views.site_state import SiteState, open_ledger


class Shift(NamedTuple):
    """One post, the instant it has now, and the post as it will read."""

    post: Post
    old: datetime
    moved: Post

    @property
    def new(self) -> datetime:
        return self.moved.release_at or self.old


@click.command(epilog="Example: publisher reschedule my-post --to +7d")
@click.argument("post")
@click.option(
    "--to",
    "to",
    required=True,
    metavar="INSTANT",
    help="2027-03-16 or 2027-03-16T09:00 or with offset; or +7d, +2w, +6h from its date.",
)
@click.option(
    "--shift-following",
    "is_shifted",
    is_flag=True,
    help="Also move the later parts of its series by the same amount.",
)
@YES
@click.pass_context
def reschedule(ctx: click.Context, post: str, to: str, is_shifted: bool, is_yes: bool) -> None:
    """Move the release of POST to another date.

    Only the date in the file changes, in the format it is written in. A date without a time means
    the site's release time; +7d keeps the time of day.
    """
    seen = ctx.obj.look()
    chosen = seen.get(post)
    library = Library.of(seen.settings)
    library.scan()
    if left := _left(seen, library, is_yes=is_yes):
        _carry_out(ctx, seen, left)
    old = _require_waiting(seen, chosen)
    at = read_target(seen, old, to)
    shifts = [Shift(chosen, old, library.redated(chosen, at))]
    if is_shifted:
        shifts += _following(seen, library, shifts[0])
    shifts = [shift for shift in shifts if shift.new != shift.old]
    if not shifts:
        note(f"{chosen.id} already has that date; nothing to do")
        return
    _require_coming(seen, shifts)
    _say_plan(seen, library, shifts, is_shifted=is_shifted)
    confirm(f"move {count(len(shifts), 'release')}?", is_yes=is_yes)
    _carry_out(ctx, seen, shifts)


def _left(seen: SiteState, library: Library, *, is_yes: bool) -> list[Shift]:
    """Give the moves of a killed command that nobody performed yet, if they are to be made."""
    left = list(_open_moves(seen, library))
    if not left:
        return []
    say("an earlier `publisher reschedule` was interrupted; still to move:")
    _say_plan(seen, library, left, is_shifted=True)
    if is_yes or not sys.stdin.isatty():
        confirm("move them first?", is_yes=is_yes)
    elif not click.confirm("move them first? (n: drop these moves)", err=True):
        with open_ledger(seen.settings, now=seen.now) as ledger:
            ledger.drop_requests([shift.post.id for shift in left])
        return []
    note("nothing else is done; run the command again to set another date")
    return left


def _open_moves(seen: SiteState, library: Library) -> Iterator[Shift]:
    for request in seen.view.requests:
        post = seen.posts.get(request.post)
        if not isinstance(request, RescheduleRequest) or post is None:
            continue
        if post.release_at != request.from_at or request.to_at <= seen.now:
            continue  # moved before the kill, or changed since; the next tick drops it
        try:
            require_unreleased(post, seen.view.releases.get(post.id))
            yield Shift(post, request.from_at, library.redated(post, request.to_at))
        except PublisherError as error:
            note(f"{post.id}: skipped: {error.what}")


def _carry_out(ctx: click.Context, seen: SiteState, shifts: Sequence[Shift]) -> NoReturn:
    """Record the requests, and perform them while no tick is under way."""
    settings, clock = seen.settings, SystemClock()
    posts = {shift.post.id for shift in shifts}
    with open_ledger(settings, now=clock.now()) as ledger:
        requests = [
            RescheduleRequest(
                post=shift.post.id, from_at=shift.old, to_at=shift.new, asked_at=clock.now()
            )
            for shift in shifts
        ]
        performer = performer_of(settings, ledger)
        ledger.request(requests, now=clock.now())
        try:
            with locks.hold(settings.state_dir, locks.TICK, wait=True):
                for request in requests:
                    performer.perform(request)
        except PublisherError as error:
            if is_void(error):
                ledger.drop_requests(posts)
            raise  # else the next tick finishes it, such as when the disk has room again
        known = posts & set(ledger.view().releases)
    _say_next(settings, len(shifts))
    is_shown = any(shows_date(s.post, settings) for s in shifts if s.post.id in known)
    ctx.exit(tick_unless_daemon(ctx.obj, settings, about=posts) if is_shown else 0)


def _require_waiting(seen: SiteState, post: Post) -> datetime:
    """Give the date of a post; refuse what is public, on its way, or without a date."""
    record = seen.view.releases.get(post.id)
    if seen.view.restored:
        raise LedgerError(seen.view.restored, hint=REMEDY)
    require_unreleased(post, record)
    if record is not None and _is_asked_for(record, seen.now):
        raise LedgerError(
            f"{post.id} cannot be moved: its release was requested",
            hint=f"see `publisher why {post.id}`",
        )
    if post.release_at is None:
        keys = ("reveal", *seen.settings.site.generator.date_keys)
        raise PublisherError(
            f"{post.path} has no release date",
            hint=f"add one, such as {keys[-1]}: 2027-03-16",
        )
    return post.release_at


def _is_asked_for(record: ReleaseRecord, now: datetime) -> bool:
    return record.requested_at is not None and record.requested_at <= now


def _following(seen: SiteState, library: Library, first: Shift) -> Iterator[Shift]:
    """Move the later parts of the series by as much on the clocks of the site.

    :raises PublisherError: when one of them would come at a time that is no single instant.
    """
    series, zone = first.post.series, seen.settings.site.zone
    if series is None:
        raise PublisherError(
            f"{first.post.id} is not part of a series", hint="omit --shift-following"
        )
    span = wall_time(first.new, zone) - wall_time(first.old, zone)
    for part in _later_parts(seen, first.post):
        try:
            require_unreleased(part, seen.view.releases.get(part.id))
        except LedgerError as error:
            note(f"{part.id}: skipped: {error.what}")
            continue
        if part.release_at is None:
            note(f"{part.id}: skipped: it has no date")
            continue
        try:
            at = later_on(seen, part.release_at, span)
        except PublisherError as error:
            raise PublisherError(
                f"{part.id}: {error.what}",
                why=error.why,
                hint=f"omit --shift-following, and move it with `publisher reschedule "
                f"{part.id} --to …`; {error.hint}",
            ) from None
        yield Shift(part, part.release_at, library.redated(part, at))


def _later_parts(seen: SiteState, post: Post) -> list[Post]:
    series = post.series
    parts = [
        (other.series.part, other.id, other)
        for other in seen.scan.posts
        if series and other.series and other.series.name == series.name
        if other.series.part > series.part
    ]
    return [other for _, _, other in sorted(parts, key=lambda part: part[:2])]


def _require_coming(seen: SiteState, shifts: Sequence[Shift]) -> None:
    for shift in shifts:
        if shift.new <= seen.now:
            at = when(shift.new, seen.settings.site.zone)
            raise click.BadParameter(
                f"{shift.post.id} would be released at {at}, which is in the past; "
                f"`publisher release {shift.post.id}` releases it now",
                param_hint="--to",
            )


def _say_plan(
    seen: SiteState, library: Library, shifts: Sequence[Shift], *, is_shifted: bool
) -> None:
    zone = seen.settings.site.zone
    width = max(len(shift.post.id) for shift in shifts)
    for shift in shifts:
        old, new = _spelled(shift.old, seen), _spelled(shift.new, seen)
        say(f"{shift.post.id:<{width}}  {old}  ->  {new}")
        for remark in _remarks(shift, seen):
            say(f"{'':{width}}  {flat(remark)}")
    for remark in _out_of_order(seen, shifts, is_shifted=is_shifted):
        say(remark)
    mentions = [
        text
        for shift in shifts
        for text in mentions_of(seen.settings.site, library, shift.post, shift.old, shift.new)
    ]
    if mentions:
        say("\nthese still name the old date; edit them yourself:")
        for text in dict.fromkeys(mentions):
            say(f"  {clean(text)}")
    if seen.view.adopted_at is None:
        note(f"this ledger was never adopted; times are of {zone.key}")


def _spelled(at: datetime, seen: SiteState) -> str:
    zone = seen.settings.site.zone
    return f"{at.astimezone(zone):%a} {when(at, zone)}"


def _remarks(shift: Shift, seen: SiteState) -> Iterator[str]:
    """Say what else becomes different, and what does not."""
    zone, moved = seen.settings.site.zone, shift.moved
    if shift.old.astimezone(zone).utcoffset() != shift.new.astimezone(zone).utcoffset():
        yield "daylight saving time changes in between; the local time stays"
    if moved.release_zone_note:
        yield moved.release_zone_note
    if moved.url != shift.post.url:
        yield f"its address changes to {moved.url}"
    if moved.state is PostState.DRAFT:
        yield "it stays a draft; its date alone does not release it"
    for channel, rule in moved.announce.items():
        if rule.at is not None and rule.enabled:
            late = (
                ""
                if rule.at >= shift.new
                else "; that is before the release, so it is sent with the release"
            )
            at = when(rule.at, zone)
            yield f"its announcement on {channel} keeps its own time: {at}{late}"


def _out_of_order(seen: SiteState, shifts: Sequence[Shift], *, is_shifted: bool) -> Iterator[str]:
    """Find parts of the series that would come in another order than their numbers."""
    series = shifts[0].post.series
    if series is None:
        return
    moved = {shift.post.id: shift.moved for shift in shifts}
    parts = [
        (post.series.part, post.release_at, post)
        for post in (moved.get(post.id, post) for post in seen.scan.posts)
        if post.series and post.series.name == series.name and post.release_at
        if post.state is not PostState.PUBLISHED
    ]
    parts.sort(key=lambda part: (part[0], part[2].id))
    for (part, at, post), (later, later_at, other) in pairwise(parts):
        if at <= later_at or not {post.id, other.id} & set(moved):
            continue
        if other.id in moved:
            what_fits = f"{when(at, seen.settings.site.zone)} is the earliest possible date"
        elif is_shifted:
            what_fits = f"move part {later} too"
        else:
            what_fits = "use --shift-following to move the later parts too"
        yield f"part {later} ({other.id}) would come before part {part} ({post.id}); {what_fits}"


def _say_next(settings: Settings, number: int) -> None:
    if settings.git is not None and settings.git.commit:
        files = "the file is" if number == 1 else "the files are"
        note(f"{files} changed but not committed; commit it yourself")
    note("the daemon or the next tick uses the new date; see `publisher calendar`")


SPANS = "a span from its date: +7d, +2w, +6h, or with a minus"


def read_target(seen: SiteState, old: datetime, to: str) -> datetime:
    """Read where a post is to go: an instant, or a span from its own date ``old``."""
    found = re.fullmatch(r"\s*([+-])(.*)", to, re.DOTALL)
    try:
        if found is None:
            return instant(to, seen.settings, option="--to").replace(microsecond=0)
        span = _span(found[2]) * (-1 if found[1] == "-" else 1)
        days = timedelta(days=int(span / timedelta(days=1)))
        return later_on(seen, old, days) + (span - days)
    except click.BadParameter as error:
        raise click.BadParameter(f"{error.message}; or write {SPANS}", param_hint="--to") from None
    except PublisherError as error:
        raise click.BadParameter(f"{to.strip()} {error.one_line}", param_hint="--to") from None
    except OverflowError:
        raise click.BadParameter(f"{to} is out of range", param_hint="--to") from None


def _span(text: str) -> timedelta:
    """Read a span such as ``7d``, ``2w`` or ``1w 2d``."""
    found = re.fullmatch(r"(?:(\d{1,3})w)?(.*)", re.sub(r"\s", "", text).lower())
    weeks, rest = (found[1], found[2]) if found else (None, text)
    if weeks and not rest:
        return timedelta(weeks=int(weeks))
    try:
        return parse_duration(rest) + timedelta(weeks=int(weeks or 0))
    except PublisherError as error:
        raise click.BadParameter(f"+{text} {error.what}") from None


def later_on(seen: SiteState, at: datetime, span: timedelta) -> datetime:
    """Give the instant at which clocks of the site have gone on by ``span`` since another."""
    site = seen.settings.site
    local = wall_time(at, site.zone) + span
    return resolve_instant(local, zone=site.zone, release_time=site.release_time).at


def wall_time(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def mentions_of(
    site: SiteSettings, library: Library, post: Post, old_at: datetime, new_at: datetime
) -> Iterator[str]:
    """Find where a post that moves, and pages that name it, will still say the old day."""
    old, new = (at.astimezone(site.zone).date() for at in (old_at, new_at))
    if old == new:
        return
    pattern = _day_pattern(old)
    for page in library.pages():
        is_own = page.path == post.path
        try:
            data = read_file(page.file, page.path).data
            if is_own:
                data = set_date(data, site, new_at, page.path)
            text = decode(data, page.path)
        except PostError:
            continue  # `publisher check` says what is wrong with it
        if not is_own and post.slug not in text and post.id not in text:
            continue
        for found in pattern.finditer(text):
            if found["year"] in (None, str(old.year)):
                line = text.count("\n", 0, found.start()) + 1
                yield f"{page.path}:{line}: {flat(found[0])}"


def _day_pattern(day: date) -> re.Pattern[str]:
    """Match a day as people write it, in English or as 2027-03-09."""
    month = rf"(?:{day:%B}|{day:%b})\.?"
    number = rf"0?{day.day}(?:st|nd|rd|th)?(?!\d)"
    weekday = r"(?:\b[A-Z][a-z]+day,?[ ]+)?"
    return re.compile(
        rf"{weekday}\b(?:{month}[ ]+(?:the[ ]+)?{number}|{number}[ ]+(?:of[ ]+)?{month})"
        rf"(?:,?[ ]+(?P<year>\d{{4}})(?!\d))?|(?<!\d){day.isoformat()}(?!\d)"
    )
