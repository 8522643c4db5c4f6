"""Where a release is to go, as people write it: an instant, or a span from its own date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from publisher.cli.invocation import instant
from publisher.model.errors import PublisherError

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    from publisher.views.site_state import Survey

SPANS = "+7d, +2w, +6h, or with a minus"


def read_target(survey: Survey, old: datetime, to: str) -> datetime:
    """Read where a post is to go: an instant, or a span from its own date ``old``."""
    found = re.fullmatch(r"\s*([+-])(.*)", to, re.DOTALL)
    if found is None:
        try:
            return instant(to, survey.settings, option="--to").replace(microsecond=0)
        except click.BadParameter as error:
            words = with_seconds(error.message, survey)
            words += f"; or a span from its date: {SPANS}" if "is not a date;" in words else ""
            raise click.BadParameter(words, param_hint="--to") from None
    from datetime import timedelta

    try:
        span = _span(found[2]) * (-1 if found[1] == "-" else 1)
        days = timedelta(days=int(span / timedelta(days=1)))
        return later_on(survey, old, days) + (span - days)
    except PublisherError as error:
        words = "; ".join(filter(None, (error.what, error.why, error.hint)))
        words = with_seconds(words, survey)
        raise click.BadParameter(f"{to.strip()} {words}", param_hint="--to") from None
    except OverflowError:
        raise click.BadParameter(f"{to} leads out of the calendar", param_hint="--to") from None


def _span(text: str) -> timedelta:
    """Read a span such as ``7d``, ``2w`` or ``1w 2d``."""
    from datetime import timedelta

    from publisher.text.times import parse_duration

    found = re.fullmatch(r"(?:(\d{1,3})w)?(.*)", re.sub(r"\s", "", text).lower())
    weeks, rest = (found[1], found[2]) if found else (None, text)
    if weeks and not rest:
        return timedelta(weeks=int(weeks))
    try:
        return parse_duration(rest) + timedelta(weeks=int(weeks or 0))
    except PublisherError as error:
        hint = f"write {SPANS}" if error.what == "is not a duration" else error.hint
        raise PublisherError(error.what, hint=hint) from None


def with_seconds(words: str, survey: Survey) -> str:
    """Spell the times of a hint as the generator takes them, for they are written into files."""
    if not survey.settings.site.generator.needs_seconds:
        return words
    return re.sub(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(?!:|\d)", r"\1:00", words)


def later_on(survey: Survey, at: datetime, span: timedelta) -> datetime:
    """Give the instant at which clocks of the site have gone on by ``span`` since another."""
    from publisher.text.times import resolve_instant

    site = survey.settings.site
    local = wall_time(at, site.zone) + span
    return resolve_instant(local, zone=site.zone, release_time=site.release_time).at


def wall_time(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)
