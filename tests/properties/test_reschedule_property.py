"""I11 for dates: moving a release changes the date's bytes and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from publisher.config.settings import SiteSettings
from publisher.generators import GENERATORS
from publisher.posts.reschedule import set_date
from publisher.text.frontmatter import parse
from publisher.text.times import resolve_instant

ZONES = ("Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
FIRST, LAST = datetime(2026, 1, 1), datetime(2029, 1, 1)  # noqa: DTZ001 - as Hypothesis wants it
INSTANTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(
    lambda at: at.replace(second=0, microsecond=0)
)
OFFSETS = st.sampled_from(("", "Z", "+01:00", "-0500", "+05:45", "+02"))
NOISE = st.lists(
    st.sampled_from(
        (
            "title: 2027-03-09",
            "# date: 2027-03-09",
            "# time: 09:00",
            "x: {date: 2027-03-09, time: '10:00'}",
            "y: |\n  date: 2027-03-09\n  reveal: 2027-03-09T09:00",
            "mydate: 2027-03-09T09:00:00Z",
            "update: 2027-03-09",
        )
    ),
    max_size=4,
    unique=True,
)
WHEN = st.datetimes(FIRST, LAST).map(lambda at: at.replace(microsecond=0))


@st.composite
def a_site(draw: st.DrawFn) -> SiteSettings:
    return SiteSettings(
        name="sample",
        url="https://example.org",
        root=Path("/site"),
        posts=("*.md",),
        post_url="/{slug}",
        generator=GENERATORS["vitepress"],
        zone=ZoneInfo(draw(st.sampled_from(ZONES))),
        release_time=draw(st.sampled_from((time(9), time(0), time(18, 30)))),
    )


@st.composite
def a_value(draw: st.DrawFn) -> str:
    """Write a date in one of the ways in which people do."""
    at = draw(WHEN)
    day = f"{at:%Y-%m-%d}"
    if draw(st.booleans()):
        return day
    clock = draw(st.sampled_from((f"{at:%H:%M}", f"{at:%H:%M:%S}", f"{at:%H:%M:%S}.000")))
    return day + draw(st.sampled_from("T ")) + clock + draw(OFFSETS)


@st.composite
def a_document(draw: st.DrawFn) -> tuple[str, str]:
    """Give what precedes the value of the date, and what follows it, quotes on both sides."""
    before, after = draw(NOISE), draw(NOISE)
    keys = {line.split(":")[0] for line in before if not line.startswith("#")}
    after = [line for line in after if line.split(":")[0] not in keys]
    quote = draw(st.sampled_from(("", "'", '"')))
    end = draw(st.sampled_from(("\n", "\r\n")))
    head = "".join(f"{line}\n" for line in before)
    tail = "".join(f"{line}\n" for line in after)
    comment = draw(st.sampled_from(("", "  # 2027-03-09")))
    text = f"---\n{head}date: {quote}\0{quote}{comment}\n{tail}---\n\ndate: 2027-03-09\n"
    head, _, tail = text.replace("\n", end).partition("\0")
    return head, tail


def instant(value: object, site: SiteSettings) -> datetime:
    return resolve_instant(value, zone=site.zone, release_time=site.release_time).at


@given(a_document(), a_value(), INSTANTS, a_site())
def test_only_the_bytes_of_the_date_change_and_it_means_the_instant(
    around: tuple[str, str], value: str, at: datetime, site: SiteSettings
) -> None:
    head, tail = around
    data = f"{head}{value}{tail}".encode()

    changed = set_date(data, site, at, "a.md")

    text = changed.decode()
    assert text.startswith(head)
    assert text.endswith(tail)
    assert instant(parse(changed, "a.md").metadata["date"], site) == at
    assert set_date(changed, site, at, "a.md") == changed


@given(INSTANTS, st.integers(-400, 400), a_site())
def test_bare_date_stays_bare_as_long_as_the_time_is_that_of_the_site(
    at: datetime, days: int, site: SiteSettings
) -> None:
    local = datetime.combine(at.astimezone(site.zone).date(), site.release_time)
    moved = local + timedelta(days=days)
    new = moved.replace(tzinfo=site.zone).astimezone(UTC)
    text = json.dumps({"date": f"{local:%Y-%m-%d}"})

    changed = json.loads(set_date(text.encode(), site, new, "a.md"))

    assert changed == {"date": f"{moved:%Y-%m-%d}"}
