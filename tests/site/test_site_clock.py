"""What the site's clock says, asked of real servers that tell the truth, lie, or say nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from publisher.config import load
from publisher.engine.assemble import open_site_clock
from publisher.site.site_clock import SiteClock
from publisher.system.clock import SystemClock
from publisher.system.report import Event
from tests.factories import HOUR, NOW
from tests.platforms.timekeeper import Timekeeper
from tests.worlds import SettableClock

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
SWEEP = 15 * SECOND
NONE = timedelta(0)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def keeper(clock: SettableClock) -> Iterator[Timekeeper]:
    with Timekeeper(now=clock.now) as running:
        yield running


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def site_clock(clock: SettableClock, keeper: Timekeeper, events: list[Event]) -> SiteClock:
    return SiteClock(url=keeper.url, clock=clock, report=events.append)


@pytest.mark.parametrize(
    ("verify", "is_asked"),
    [
        ("{}", True),
        ("{feed: /feed.xml}", True),
        ("{clock: false}", False),
        ("{live: false}", False),
    ],
)
def test_site_is_asked_only_where_jobs_yaml_lets_us(
    tmp_path: Path, clock: SettableClock, events: list[Event], verify: str, is_asked: bool
) -> None:
    jobs = tmp_path / "jobs.yaml"
    jobs.write_text(
        "site: {name: sample, url: https://site.example, posts: '*.md', post_url: '/{slug}', "
        f"generator: vitepress, timezone: Europe/Oslo}}\nverify: {verify}\n"
    )

    made = open_site_clock(load(jobs, environ={}), clock=clock, report=events.append)

    assert (made is not None) == is_asked


# --- one answer ------------------------------------------------------------------------------


def test_clocks_that_agree_differ_by_nothing(site_clock: SiteClock, keeper: Timekeeper) -> None:
    assert site_clock.ahead() == NONE
    assert keeper.requests == ["HEAD /"]


@pytest.mark.parametrize("wrong", [HOUR, -HOUR, 400 * 24 * HOUR, 121 * SECOND])
def test_difference_is_our_time_minus_the_sites(
    site_clock: SiteClock, keeper: Timekeeper, wrong: timedelta
) -> None:
    keeper.ahead = -wrong

    assert site_clock.ahead() == wrong


def test_caches_are_asked_not_to_answer(site_clock: SiteClock, keeper: Timekeeper) -> None:
    site_clock.ahead()

    assert keeper.asked[0]["cache-control"] == "no-cache"


def test_instant_of_the_request_is_its_middle(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    keeper.before_answer = lambda: clock.advance(2 * SECOND)

    assert site_clock.ahead() == -SECOND  # it answered at the end of the two seconds


@pytest.mark.parametrize("status", [404, 500, 503])
def test_whatever_the_answer_it_carries_the_time(
    site_clock: SiteClock, keeper: Timekeeper, status: int
) -> None:
    keeper.statuses, keeper.ahead = {"HEAD": status}, -HOUR

    assert site_clock.ahead() == HOUR
    assert keeper.requests == ["HEAD /"]


@pytest.mark.parametrize("status", [405, 501])
def test_server_without_head_is_asked_with_get(
    site_clock: SiteClock, keeper: Timekeeper, status: int
) -> None:
    keeper.statuses, keeper.ahead = {"HEAD": status}, -HOUR

    assert site_clock.ahead() == HOUR
    assert keeper.requests == ["HEAD /", "GET /"]


def test_redirect_carries_the_time_and_is_not_followed(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    with Timekeeper(now=clock.now, ahead=-9 * HOUR) as elsewhere:
        keeper.statuses, keeper.headers = {"HEAD": 302}, {"Location": elsewhere.url}
        keeper.ahead = -HOUR

        ahead = site_clock.ahead()

    assert ahead == HOUR
    assert elsewhere.requests == []


# --- caches ----------------------------------------------------------------------------------


def test_cached_answer_of_an_honest_cache_is_no_difference(
    site_clock: SiteClock, keeper: Timekeeper
) -> None:
    keeper.ahead, keeper.headers = -HOUR, {"Age": "3600"}

    assert site_clock.ahead() == NONE


def test_cache_that_sends_its_own_date_with_an_age_is_no_difference(
    site_clock: SiteClock, keeper: Timekeeper
) -> None:
    keeper.headers = {"Age": "3600"}

    assert site_clock.ahead() == NONE


def test_age_leaves_what_both_readings_grant_when_we_are_ahead(
    site_clock: SiteClock, keeper: Timekeeper
) -> None:
    keeper.ahead, keeper.headers = -HOUR, {"Age": "600"}

    assert site_clock.ahead() == HOUR - 10 * MINUTE


def test_age_leaves_what_both_readings_grant_when_we_are_behind(
    site_clock: SiteClock, keeper: Timekeeper
) -> None:
    keeper.ahead, keeper.headers = HOUR, {"Age": "600"}

    assert site_clock.ahead() == -HOUR


# --- no knowledge ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "date", [None, "yesterday", "Tue, 99 Mar 2027 08:00:00 GMT", "0", "Tue, 09 Mar 2027, Wed"]
)
def test_answer_without_a_date_tells_nothing(
    site_clock: SiteClock, keeper: Timekeeper, date: str | None
) -> None:
    keeper.date = date

    assert site_clock.ahead() is None


def test_old_form_of_a_date_is_read(site_clock: SiteClock, keeper: Timekeeper) -> None:
    keeper.date = "Tue Mar  9 07:00:00 2027"  # RFC 9110 5.6.7: must be accepted

    assert site_clock.ahead() == HOUR


@pytest.mark.parametrize("age", ["-5", "soon", "1.5", "5, 7", "9" * 40, "9" * 5000])
def test_answer_of_unknown_age_tells_nothing(
    site_clock: SiteClock, keeper: Timekeeper, age: str
) -> None:
    keeper.headers = {"Age": age}

    assert site_clock.ahead() is None


def test_site_that_does_not_answer_tells_nothing(clock: SettableClock, events: list[Event]) -> None:
    with Timekeeper(now=clock.now) as gone:
        url = gone.url
    site_clock = SiteClock(url=url, clock=clock, report=events.append)

    assert site_clock.ahead() is None
    assert events == []


@pytest.mark.parametrize("dribble", [b"", b"H"])
def test_site_that_hangs_is_waited_for_three_seconds(
    site_clock: SiteClock, keeper: Timekeeper, dribble: bytes
) -> None:
    keeper.is_silent, keeper.dribble = True, dribble
    real = SystemClock()
    begun_s = real.monotonic()

    ahead = site_clock.ahead()

    assert ahead is None
    assert 2.9 < real.monotonic() - begun_s < 8


def test_site_cannot_be_asked_without_certificates_and_that_is_no_failure(
    clock: SettableClock, events: list[Event], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "gone.pem"))
    site_clock = SiteClock(url="https://127.0.0.1:1/", clock=clock, report=events.append)

    assert site_clock.ahead() is None
    assert events == []


def test_machine_that_cannot_ask_is_warned_of_and_knows_nothing(
    clock: SettableClock, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    site_clock = SiteClock(url="http://127.0.0.1:1/", clock=clock, report=events.append)
    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", refuse)

        ahead = site_clock.ahead()

    assert ahead is None
    assert [event.name for event in events] == ["clock.unknown"]
    assert "can't start new thread" in events[0].fields["reason"]


def test_clock_set_while_the_site_was_asked_tells_nothing(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    keeper.before_answer = lambda: clock.set_ahead(HOUR)

    assert site_clock.ahead() is None


# --- what is remembered ----------------------------------------------------------------------


def test_answer_serves_for_ten_minutes(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    site_clock.ahead()
    clock.advance(10 * MINUTE - SECOND)
    site_clock.ahead()
    asked_before = len(keeper.requests)
    clock.advance(SECOND)
    site_clock.ahead()

    assert asked_before == 1
    assert len(keeper.requests) == 2


def test_answer_that_will_be_too_old_when_needed_is_asked_for_anew(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    site_clock.ahead()
    clock.advance(9 * MINUTE + 30 * SECOND)
    site_clock.ahead(lasting=29 * SECOND)
    asked_before = len(keeper.requests)
    site_clock.ahead(lasting=MINUTE)

    assert asked_before == 1
    assert len(keeper.requests) == 2


@pytest.mark.parametrize("change", [HOUR, -HOUR, 3 * SECOND])
def test_clock_that_was_set_is_compared_anew(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock, change: timedelta
) -> None:
    keeper.now = lambda: NOW
    before = site_clock.ahead()

    clock.set_ahead(change)
    after = site_clock.ahead()

    assert (before, after) == (NONE, change)
    assert len(keeper.requests) == 2


def test_clock_that_is_nudged_is_not_compared_anew(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    site_clock.ahead()

    clock.set_ahead(2 * SECOND)
    site_clock.ahead()

    assert len(keeper.requests) == 1


def test_silent_site_is_left_alone_for_two_minutes(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    keeper.date = None
    site_clock.ahead()
    clock.advance(2 * MINUTE - SECOND)
    site_clock.ahead()
    asked_before = len(keeper.requests)
    clock.advance(SECOND)
    site_clock.ahead()

    assert asked_before == 1
    assert len(keeper.requests) == 2


@pytest.mark.parametrize("wrong", [HOUR, 121 * SECOND])
def test_answer_that_holds_something_is_asked_for_anew_at_each_sweep(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock, wrong: timedelta
) -> None:
    keeper.ahead = -wrong
    site_clock.ahead()
    site_clock.ahead(lasting=MINUTE)
    asked_at_once = len(keeper.requests)
    keeper.ahead = NONE

    clock.advance(SWEEP)

    assert site_clock.ahead() == NONE
    assert asked_at_once == 1
    assert len(keeper.requests) == 2


@pytest.mark.parametrize("wrong", [120 * SECOND, -HOUR])
def test_answer_that_holds_nothing_serves_for_ten_minutes(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock, wrong: timedelta
) -> None:
    keeper.ahead = -wrong
    site_clock.ahead()

    clock.advance(10 * MINUTE - SECOND)
    site_clock.ahead()

    assert len(keeper.requests) == 1


def test_what_the_site_said_outlives_its_silence_for_a_minute(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    keeper.ahead = -HOUR
    site_clock.ahead()
    keeper.date = None

    said = []
    for _ in range(6):
        clock.advance(SWEEP)
        said.append(site_clock.ahead())

    assert said == [HOUR, HOUR, HOUR, HOUR, None, None]


def test_what_the_site_said_long_ago_is_not_taken_up_when_it_is_silent(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    keeper.ahead = -HOUR
    site_clock.ahead()
    keeper.date = None

    clock.advance(HOUR)

    assert site_clock.ahead() is None


def test_what_a_silent_site_said_is_forgotten_once_the_clock_was_set(
    site_clock: SiteClock, keeper: Timekeeper, clock: SettableClock
) -> None:
    keeper.ahead = -HOUR
    site_clock.ahead()
    keeper.date = None

    clock.set_ahead(-HOUR)

    assert site_clock.ahead() is None


# --- what is told ----------------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "name"), [(HOUR, "clock.ahead"), (-HOUR, "clock.behind")])
def test_wrong_clock_is_told_once_and_again_after_it_was_right(
    site_clock: SiteClock,
    keeper: Timekeeper,
    clock: SettableClock,
    events: list[Event],
    wrong: timedelta,
    name: str,
) -> None:
    for ahead in (-wrong, -wrong, NONE, -wrong):
        keeper.ahead = ahead
        site_clock.ahead()
        clock.advance(HOUR)

    assert [event.name for event in events] == [name, name]
    assert events[0].fields["seconds"] == "3600"


@pytest.mark.parametrize("wrong", [120 * SECOND, -120 * SECOND])
def test_two_minutes_are_not_worth_a_word(
    site_clock: SiteClock, keeper: Timekeeper, events: list[Event], wrong: timedelta
) -> None:
    keeper.ahead = -wrong

    site_clock.ahead()

    assert events == []
