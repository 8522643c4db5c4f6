"""Dates, times and durations as people write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.model.errors import PublisherError
from publisher.text.times import Instant, format_local, parse_duration, resolve_instant

OSLO = "Europe/Oslo"


def resolve(value: Any, zone: str = OSLO, **more: Any) -> Instant:
    return resolve_instant(value, zone=ZoneInfo(zone), release_time=time(9), **more)


def complaint(value: Any, zone: str = OSLO, **more: Any) -> str:
    with pytest.raises(PublisherError) as error:
        resolve(value, zone, **more)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15s", timedelta(seconds=15)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("90d", timedelta(days=90)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        (" 1D2H ", timedelta(days=1, hours=2)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "2", "h", "-2h", "2 hours", "1.5h", "30m1h", "1h1h", "٣h", "9" * 5000 + "d"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(PublisherError) as error:
        parse_duration(text)

    assert "write" in error.value.hint


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        (date(2027, 3, 9), OSLO, datetime(2027, 3, 9, 8, 0, tzinfo=UTC)),
        ("2027-03-09", OSLO, datetime(2027, 3, 9, 8, 0, tzinfo=UTC)),
        ("2027-7-9", OSLO, datetime(2027, 7, 9, 7, 0, tzinfo=UTC)),
        ("2027-03-09T09:30", OSLO, datetime(2027, 3, 9, 8, 30, tzinfo=UTC)),
        ("2027-03-09 09:30:15.5", OSLO, datetime(2027, 3, 9, 8, 30, 15, 500_000, tzinfo=UTC)),
        ("2027-03-09T09:00Z", OSLO, datetime(2027, 3, 9, 9, 0, tzinfo=UTC)),
        ("2027-03-09 09:00:00 +0530", OSLO, datetime(2027, 3, 9, 3, 30, tzinfo=UTC)),
        ("2027-03-09T09:00-05", OSLO, datetime(2027, 3, 9, 14, 0, tzinfo=UTC)),
        ("2027-03-09 09:00:00 UTC", OSLO, datetime(2027, 3, 9, 9, 0, tzinfo=UTC)),
        ("2027-03-09 09:00 GMT", OSLO, datetime(2027, 3, 9, 9, 0, tzinfo=UTC)),
        ("2027-03-09 09:00:00 UTC+02:00", OSLO, datetime(2027, 3, 9, 7, 0, tzinfo=UTC)),
        ("2027-03-09 09:00:00 UTC-05:30", OSLO, datetime(2027, 3, 9, 14, 30, tzinfo=UTC)),
        (datetime(2027, 3, 9, 7, 0), OSLO, datetime(2027, 3, 9, 6, 0, tzinfo=UTC)),  # noqa: DTZ001
        (
            datetime(2027, 3, 9, 7, 0, tzinfo=timezone(timedelta(hours=2))),
            OSLO,
            datetime(2027, 3, 9, 5, 0, tzinfo=UTC),
        ),
        ("2027-03-09", "America/New_York", datetime(2027, 3, 9, 14, 0, tzinfo=UTC)),
        ("2027-03-09", "Asia/Kathmandu", datetime(2027, 3, 9, 3, 15, tzinfo=UTC)),
        ("2027-03-09", "Australia/Lord_Howe", datetime(2027, 3, 8, 22, 0, tzinfo=UTC)),
        ("2027-03-09", "Pacific/Apia", datetime(2027, 3, 8, 20, 0, tzinfo=UTC)),
        ("2028-02-29", OSLO, datetime(2028, 2, 29, 8, 0, tzinfo=UTC)),
        ("2027-12-31T23:59:59", OSLO, datetime(2027, 12, 31, 22, 59, 59, tzinfo=UTC)),
        ("1970-01-01T01:00", OSLO, datetime(1970, 1, 1, 0, 0, tzinfo=UTC)),
        ("2026-03-29T03:00", OSLO, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("2026-10-25T03:00", OSLO, datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
    ],
)
def test_an_instant_comes_out_in_utc(value: Any, zone: str, expected: datetime) -> None:
    assert resolve(value, zone) == Instant(expected)


@pytest.mark.parametrize(
    "text",
    [
        "Mar 09 2027",
        "March 9, 2027",
        "march 9th 2027",
        "9 March 2027",
        "09. Mar. 2027",
        "Tue, 9 Mar 2027",
        "Tuesday, March 9, 2027",
        "2027/03/09",
        "2027/3/9",
        "Tue, 09 Mar 2027 09:00:00 +0100",
        "Mar 9, 2027 08:00 GMT",
        "2027/03/09 09:00",
    ],
)
def test_date_that_can_mean_one_day_only_is_read(text: str) -> None:
    assert resolve(text).at == datetime(2027, 3, 9, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "03/09/2027",
        "13/03/2027",
        "09.03.2027",
        "Mar 09 27",
        "March 2027",
        "9 Märch 2027",
        "Feb 30 2027",
        "Mar 9 2027 9 pm",
        "Mon, 9 Mar 2027",
    ],
)
def test_date_that_could_mean_another_day_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(PublisherError) as error:
        resolve(text)

    assert "2027-03-09" in error.value.hint


@pytest.mark.parametrize("clock", ["07:15", "7:15", "07:15:00", time(7, 15)])
def test_the_time_key_goes_with_a_bare_date(clock: Any) -> None:
    assert resolve("2027-03-09", time_value=clock).at == datetime(2027, 3, 9, 6, 15, tzinfo=UTC)


def test_a_local_time_that_does_not_exist_is_explained() -> None:
    assert complaint("2026-03-29T02:30") == (
        "release time 2026-03-29 02:30 does not exist in Europe/Oslo\n"
        "  clocks go from 02:00 to 03:00 that night\n"
        "  write 2026-03-29T03:30:00, or give an offset: 2026-03-29T02:30:00+01:00"
    )


def test_a_bare_date_whose_release_time_does_not_exist_is_explained() -> None:
    with pytest.raises(PublisherError, match=r"2026-03-29 02:30 does not exist"):
        resolve_instant(date(2026, 3, 29), zone=ZoneInfo(OSLO), release_time=time(2, 30))


def test_half_an_hour_can_be_missing() -> None:
    assert complaint("2026-10-04T02:15", "Australia/Lord_Howe") == (
        "release time 2026-10-04 02:15 does not exist in Australia/Lord_Howe\n"
        "  clocks go from 02:00 to 02:30 that night\n"
        "  write 2026-10-04T02:45:00, or give an offset: 2026-10-04T02:15:00+10:30"
    )


def test_a_whole_day_can_be_missing() -> None:
    assert complaint("2011-12-30", "Pacific/Apia") == (
        "release time 2011-12-30 09:00 does not exist in Pacific/Apia\n"
        "  clocks go from 2011-12-30 00:00 to 2011-12-31 00:00 that night\n"
        "  write 2011-12-31T09:00:00, or give an offset: 2011-12-30T09:00:00-10:00"
    )


@pytest.mark.parametrize(
    ("value", "zone", "first", "second"),
    [
        ("2026-10-25T02:30", OSLO, "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"),
        (
            "2026-11-01T01:00",
            "America/New_York",
            "2026-11-01T01:00:00-04:00",
            "2026-11-01T01:00:00-05:00",
        ),
        (
            "2026-04-05T01:45",
            "Australia/Lord_Howe",
            "2026-04-05T01:45:00+11:00",
            "2026-04-05T01:45:00+10:30",
        ),
    ],
)
def test_a_local_time_that_exists_twice_needs_an_offset(
    value: str, zone: str, first: str, second: str
) -> None:
    text = complaint(value, zone)

    assert f"exists twice in {zone}" in text
    assert f"give an offset: {first} is the first, {second} the second" in text
    assert resolve(first, zone).at < resolve(second, zone).at


def test_the_chosen_one_of_two_is_noted() -> None:
    instant = resolve("2026-10-25T02:30+01:00")

    assert instant.note == "02:30 exists twice that night, +01:00 taken"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("2027-02-30", "2027-02-30 is not a date that exists"),
        ("2027-02-29T09:00", "2027-02-29 is not a date that exists"),
        ("2027-13-01", "2027-13-01 is not a date that exists"),
        ("2027-03-09T24:00", "2027-03-09T24:00 is not a time that exists"),
        ("2027-03-09T09:60", "2027-03-09T09:60 is not a time that exists"),
        ("2027-03-09T09:00+15:00", "has an offset that does not exist"),
        ("9999-12-31T23:00-05:00", "9999 is not a year to plan for"),
        ("tomorrow", "'tomorrow' is not a date"),
        ("03/09/2027", "'03/09/2027' is not a date"),
        ("20270309", "'20270309' is not a date"),
        ("2027-W10-2", "'2027-W10-2' is not a date"),
        ("12:30", "'12:30' is not a date"),
        ("2027-03-09 09:00 CET", "'2027-03-09 09:00 CET' is not a date"),
        # Nikola and Pelican take these for hours behind UTC, most others for hours ahead of it.
        ("2027-03-09 09:00 GMT+02:00", "'2027-03-09 09:00 GMT+02:00' is not a date"),
        ("2027-03-09 09:00 UTC+02", "'2027-03-09 09:00 UTC+02' is not a date"),
        ("2027-03-09 09:00UTC+02:00", "'2027-03-09 09:00UTC+02:00' is not a date"),
        (45045, "45045 is not a date"),  # what YAML 1.1 makes of 12:30:45
        (False, "False is not a date"),  # what YAML 1.1 makes of NO
        (["2027-03-09"], "is not a date"),
    ],
)
def test_what_is_no_date_is_refused(value: Any, what: str) -> None:
    assert what in complaint(value)


@pytest.mark.parametrize(
    "value", ["tomorrow", "2027-02-30", "2026-03-29T02:30", "2026-10-25T02:30"]
)
def test_a_suggested_instant_has_seconds_as_hugo_and_toml_want_them(value: str) -> None:
    with pytest.raises(PublisherError) as caught:
        resolve(value)

    hint = caught.value.hint
    assert len(re.findall(r"T\d\d:\d\d:\d\d", hint)) == hint.count("T") == 2


@pytest.mark.parametrize("clock", ["nine", 45045, True, "25:00", "9"])
def test_what_is_no_time_of_day_is_refused(clock: Any) -> None:
    assert "not a time" in complaint("2027-03-09", time_value=clock)


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        (datetime(2027, 3, 9, 8, 0, tzinfo=UTC), OSLO, "2027-03-09 09:00 +01:00"),
        (datetime(2027, 7, 9, 7, 0, 5, tzinfo=UTC), OSLO, "2027-07-09 09:00:05 +02:00"),
        (datetime(2027, 3, 9, 8, 0, tzinfo=UTC), "America/New_York", "2027-03-09 03:00 -05:00"),
        (datetime(2027, 3, 9, 8, 0, tzinfo=UTC), "Asia/Kathmandu", "2027-03-09 13:45 +05:45"),
    ],
)
def test_an_instant_is_shown_with_its_offset(at: datetime, zone: str, expected: str) -> None:
    assert format_local(at, ZoneInfo(zone)) == expected


ZONES = (OSLO, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC")


@given(
    at=st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    zone=st.sampled_from(ZONES),
)
def test_what_is_shown_reads_back_as_the_same_instant(at: datetime, zone: str) -> None:
    at = at.replace(microsecond=0, tzinfo=UTC)

    assert resolve(format_local(at, ZoneInfo(zone)), zone).at == at


@given(
    local=st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    zone=st.sampled_from(ZONES),
)
def test_a_local_time_is_taken_only_if_clocks_show_it_once(local: datetime, zone: str) -> None:
    local = local.replace(microsecond=0)
    tz = ZoneInfo(zone)
    spellings = {local.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1)}
    shown = [at for at in spellings if at.astimezone(tz).replace(tzinfo=None) == local]

    try:
        taken = [resolve(local, zone).at]
    except PublisherError:
        taken = []

    assert taken == (shown if len(shown) == 1 else [])
