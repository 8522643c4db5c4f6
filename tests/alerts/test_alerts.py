"""What the operator is told, when, and how often: the real engine, ledger and Apprise."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from publisher.alerts import Address, Alerts, Level, Pinger, address_at
from publisher.alerts.dedup import is_news, noted, told
from publisher.alerts.messages import a_test
from publisher.alerts.rules import Finding, is_hidden
from publisher.engine.tick import Engine, OpenChannels, Tick
from publisher.ledger import Alert
from publisher.model import Cause, ChannelName, DeliveryState, Message, Receipt
from publisher.model.errors import LedgerError, NotDelivered, PostError, PublisherError
from publisher.model.secret import Secret
from publisher.site.site import Look, RebuildResult
from publisher.system.report import Event
from tests.factories import HOUR, NOW
from tests.platforms.alerts import AlertPlatform
from tests.platforms.server import Fault
from tests.worlds import ZONE, PreparingChannel, SearchableChannel, World, a_world

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SOON = NOW + HOUR
PATIENCE_S = 30.0
BROKEN = RebuildResult(ok=False, reason="exit code 1", tail="", seconds=0.1)
X = ChannelName("x")


@dataclass
class Desk:
    """A process that ticks and alerts; what it sent is recorded unless ``is_hasty``."""

    world: World
    engine: Engine
    alerts: Alerts
    events: list[Event] = field(default_factory=list)
    is_hasty: bool = False

    def tick(self) -> Tick:
        done = self.engine.tick()
        self.settle(done)
        return done

    def settle(self, done: Tick | PublisherError) -> None:
        self.alerts.settle(done)
        if not self.is_hasty:
            self.alerts.finish(PATIENCE_S)

    def tick_at(self, at: datetime) -> Tick:
        self.world.clock.advance_to(at)
        return self.tick()

    def tick_each(self, count: int, step: timedelta) -> None:
        for _ in range(count):
            self.world.clock.advance(step)
            self.tick()

    def standing(self) -> dict[str, Alert]:
        return self.engine.ledger.alerts()


@contextmanager
def a_desk(
    world: World, *servers: AlertPlatform, ping: str = "", **changes: bool
) -> Iterator[Desk]:
    events: list[Event] = []
    with world.engine() as engine:
        alerts = Alerts(
            engine=engine,
            zone=ZONE,
            addresses=[address_at(n, Secret(s.address)) for n, s in enumerate(servers, start=1)],
            pinger=Pinger(Secret(ping), clock=world.clock, report=events.append) if ping else None,
            report=events.append,
        )
        yield Desk(world=world, engine=engine, alerts=alerts, events=events, **changes)


@pytest.fixture
def server() -> Iterator[AlertPlatform]:
    with AlertPlatform() as server:
        yield server


def a_waiting_world(root: Path, **changes: object) -> World:
    """Give a world with one post that is due soon."""
    world = a_world(root, NOW, **changes)  # type: ignore[arg-type]
    world.write("one", at=SOON)
    world.tick()
    return world


def names_in(events: list[Event], name: str) -> list[Event]:
    return [event for event in events if event.name == name]


# --- once, again, over ---------------------------------------------------------------------


def test_failing_build_of_an_edit_is_one_matter_and_hides_no_other(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN]
    with a_desk(world, server) as desk:
        desk.tick()
        world.site.has_edits = True

        done = desk.tick()

        assert [hold.post for hold in done.plan.holds if hold.needs_person] == [None]
        assert list(desk.standing()) == ["rebuild"]
        assert not is_hidden(done, "post/one")
    assert server.titles == ["sample: the rebuild fails; publisher keeps trying"]


def test_failing_build_is_told_once_and_not_at_every_try(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN] * 9
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(20, MINUTE)

    assert world.site.built > 3
    assert server.titles == ["sample: the rebuild fails; publisher keeps trying"]


def test_alert_says_what_failed_for_which_post_since_when_and_what_to_do(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)

    body = server.bodies[0]
    assert body.startswith(
        "The rebuild fails; publisher keeps trying.\n\n"
        "What happened: the rebuild failed: exit code 1\n"
        "Post: Post one (one)\n"
        "Tried: 1 time\n"
        "Since: 2027-03-09 10:00 +01:00\n"
        "Now: nothing yet; publisher tries again at 2027-03-09 10:01 +01:00"
    )
    assert server.accepted[0]["type"] == "warning"


def test_end_of_a_told_cause_is_told_once(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(5, MINUTE)
        standing = desk.standing()

    assert server.titles[1:] == ["sample: over: the rebuild"]
    assert "from 2027-03-09 10:00 +01:00 until 2027-03-09 10:01 +01:00" in server.bodies[1]
    assert server.accepted[1]["type"] == "success"
    assert standing == {}


def test_build_that_fails_for_an_hour_waits_for_a_person(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN] * 99
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(59, MINUTE)
        before = list(server.titles)
        desk.tick_each(30, MINUTE)

    assert len(before) == 1
    assert server.titles[1:] == ["sample: the rebuild waits for you"]
    assert "Now: correct it, then `publisher retry one`" in server.bodies[1]


def test_what_waits_a_day_is_told_once_more_and_no_more(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.channels["x"].before = [NotDelivered("x answered 403: no", permanent=True)]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(100, HOUR)

    assert server.titles == [
        'sample: the announcement of "Post one" on x (launch) waits for you',
        'sample: the announcement of "Post one" on x (launch) still waits for you',
    ]


def test_cause_that_was_never_told_ends_in_silence(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN]
    server.faults = [Fault.refuse(500)]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(5, MINUTE)

    assert server.accepted == []


def test_told_and_over_stand_in_the_log(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(2, MINUTE)
        events = desk.engine.ledger.events(limit=50)

    told = [event.reason for event in events if event.kind == "alert"]
    assert told == ["told: fails: the rebuild", "told: over: the rebuild"]


# --- which causes, at which level ------------------------------------------------------------


def test_refused_announcement_waits_with_its_attempts_and_its_command(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.channels["x"].before = [NotDelivered("x answered 403: no", permanent=True)]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)

    body = server.bodies[0]
    assert "Post: Post one (one)\nChannel: x, occasion launch\nTried: 1 time\n" in body
    assert "  2027-03-09 10:00 +01:00  not sent: x answered 403: no\n" in body
    assert "Now: `publisher retry one/x/launch`" in body
    assert server.accepted[0]["type"] == "failure"


def test_lost_answer_that_nobody_can_look_up_waits_with_both_answers(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.channels["x"].after = [TimeoutError("no answer")]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)

    commands = [f"`publisher resolve one/x/launch {said}`" for said in ("--sent URL", "--not-sent")]
    assert f"Now: {', or '.join(commands)}" in server.bodies[0]


def test_third_refusal_in_a_row_is_told_and_the_second_is_not(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.channels["x"].before = [NotDelivered("x answered 429: later")] * 3
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(1, 2 * MINUTE)
        before = list(server.titles)
        desk.tick_each(1, 3 * MINUTE)
        desk.tick_each(1, 6 * MINUTE)

    assert before == []
    assert server.titles == [
        'sample: the announcement of "Post one" on x (launch) fails; publisher keeps trying',
        'sample: over: the announcement of "Post one" on x (launch)',
    ]
    assert "Tried: 3 times" in server.bodies[0]


def test_draft_that_cannot_be_made_is_told_after_some_minutes(
    tmp_path: Path, server: AlertPlatform
) -> None:
    channel = PreparingChannel(refusals=[NotDelivered("no room for images")] * 99)
    world = a_waiting_world(tmp_path, channels={"x": channel})
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        before = list(server.titles)
        desk.tick_each(6, MINUTE)

    assert before == []
    assert "no room for images" in server.bodies[0]
    assert len(server.bodies) == 1


class Blind(SearchableChannel):
    """A service whose look-ups fail."""

    def find(self, message: Message, *, key: str, draft: str | None, since: datetime) -> Receipt:
        raise TimeoutError("the search does not answer")


def test_look_up_that_keeps_failing_is_told_then_waits(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path, channels={"x": Blind(after=[TimeoutError("no answer")])})
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(4, 5 * MINUTE)
        before = list(server.titles)
        desk.tick_each(1, 5 * MINUTE)
        first = list(server.titles)
        desk.tick_each(25, HOUR)

    subject = 'sample: the announcement of "Post one" on x (launch)'
    assert before == []
    assert first == [f"{subject} fails; publisher keeps trying"]
    assert server.titles[1:] == [f"{subject} waits for you"]


def test_closed_channel_is_one_alert_for_all_that_waits_for_it(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.write("two", at=SOON)
    world.channels["x"].before = [NotDelivered("x answered 401", needs_auth=True)]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        states = {str(key): r.state for key, r in desk.engine.ledger.view().deliveries.items()}

    assert set(states.values()) == {DeliveryState.PLANNED}
    assert server.titles == ["sample: the channel x waits for you"]
    assert "Now: `publisher retry x`" in server.bodies[0]


def test_channel_without_its_secret_is_told_before_anything_is_due(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    with a_desk(world, server) as desk:
        desk.engine.open_channels = OpenChannels(
            closed={X: "the environment variable X_KEY is not set"}
        )
        desk.tick()

    assert server.titles == ["sample: the channel x waits for you"]
    assert "What happened: the environment variable X_KEY is not set" in server.bodies[0]


def test_ledger_that_was_never_adopted_is_told(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_world(tmp_path, NOW)
    world.write("old", at=NOW - DAY, status="published")
    with a_desk(world, server) as desk:
        desk.tick()
        world.adopt()
        desk.tick()

    assert server.titles == ["sample: the whole site waits for you", "sample: over: the whole site"]
    assert "Now: `publisher adopt`" in server.bodies[0]


def test_burst_goes_out_as_one_message(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    for number in range(7):
        world.write(f"late{number}", at=NOW - HOUR)
    with a_desk(world, server) as desk:
        desk.tick()
        for number in range(7):
            world.write(f"late{number}", at=NOW - HOUR, status="published")
        desk.tick()

    assert server.titles == ["sample: 7 things need you", "sample: 7 things are over"]
    assert '- the release of "Post late6" waits for you: one of 7 posts' in server.bodies[0]


def test_flip_that_fails_again_waits_for_a_person(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    with a_desk(world, server) as desk:
        desk.engine.library = Refusing(desk.engine.library)
        desk.tick_at(SOON)
        desk.tick_each(3, MINUTE)

    assert server.titles == [
        'sample: the release of "Post one" fails; publisher keeps trying',
        'sample: the release of "Post one" waits for you',
    ]
    assert "What happened: the flip failed: the disk is full" in server.bodies[0]
    assert "publisher retry one" in server.bodies[1]


@dataclass
class Refusing:
    """A library whose disk is full."""

    library: object

    def __getattr__(self, name: str) -> object:
        return getattr(self.library, name)

    def flip(self, post: object) -> object:
        raise PostError("the disk is full")


def test_page_is_told_when_its_time_to_appear_is_over(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.looks = [Look(ok=False, reason="it answered 404")] * 999
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(2 * 13, MINUTE / 2)
        before = list(server.titles)
        desk.tick_each(2 * 10, MINUTE / 2)

    assert before == []
    assert server.titles == ['sample: the release of "Post one" fails; publisher keeps trying']
    assert "What happened: its page is not live: it answered 404" in server.bodies[0]


def test_build_without_the_text_is_told_at_once(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    world.site.looks = [Look(ok=False, reason="the text is missing", needs_rebuild=True)]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)

    assert "the site was built without it: the text is missing" in server.bodies[0]


def test_page_that_each_build_leaves_wrong_waits_for_a_person(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    look = Look(ok=False, reason="the title is missing", needs_rebuild=True)
    world.site.looks = [look] * 99
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(2, MINUTE)

    assert server.titles == [
        'sample: the release of "Post one" fails; publisher keeps trying',
        'sample: the release of "Post one" waits for you',
    ]
    assert "the title is missing" in server.bodies[1]
    assert "publisher retry one" in server.bodies[1]


@pytest.mark.parametrize(("ahead", "count"), [(timedelta(hours=25), 0), (timedelta(hours=23), 1)])
def test_file_that_cannot_be_used_is_told_a_day_before_its_post_is_due(
    tmp_path: Path, server: AlertPlatform, ahead: timedelta, count: int
) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=NOW + ahead)
    world.tick()
    path.write_text("---\ntitle: [\n---\nA secret text.\n")
    with a_desk(world, server) as desk:
        desk.tick()

    assert len(server.accepted) == count
    assert all("`publisher check content/blog/one.md`" in body for body in server.bodies)


def test_no_text_of_a_post_and_no_address_leaves_with_an_alert(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_world(tmp_path, NOW)
    path = world.write("one", at=SOON, more="announce: {x: Canary in the announcement}\n")
    world.tick()
    path.write_text(path.read_text().replace("reveal: ", "reveal: Canary "))
    with a_desk(world, server) as desk:
        desk.tick()

    assert len(server.accepted) == 1
    assert "Canary" not in str(server.accepted)
    assert "long enough to be told" not in str(server.accepted)
    assert str(server.port) not in str([str(event) for event in desk.events])


# --- ticks that fail ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "subject"),
    [("push.failed", "the push of a release"), ("deploy.restless", "deploy.command")],
)
def test_what_stands_though_releases_go_on_is_told_once_and_so_is_its_end(
    tmp_path: Path, server: AlertPlatform, name: str, subject: str
) -> None:
    world = a_waiting_world(tmp_path)
    with a_desk(world, server) as desk:
        world.site.stands = {name: "origin refuses the branch main"}
        desk.tick_each(3, MINUTE)
        world.site.stands = {}
        desk.tick_each(2, MINUTE)

    assert server.titles == [
        f"sample: {subject} fails; publisher keeps trying",
        f"sample: over: {subject}",
    ]
    assert "What happened: origin refuses the branch main" in server.bodies[0]


def test_failing_tick_is_told_once_and_so_is_its_end(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    with a_desk(world, server) as desk:
        desk.settle(PostError("content/blog cannot be listed"))
        desk.settle(PostError("content/blog cannot be listed"))
        desk.tick()

    assert server.titles == [
        "sample: the sweep fails; publisher keeps trying",
        "sample: over: the sweep",
    ]
    assert "What happened: content/blog cannot be listed" in server.bodies[0]


def test_failing_tick_does_not_end_what_stands(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN] * 9
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.settle(PostError("content/blog cannot be listed"))

    assert [title for title in server.titles if "over" in title] == []


def test_ledger_that_fails_is_told_once_though_it_cannot_remember(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    file = world.state_dir / "ledger.sqlite"
    whole = file.read_bytes()
    with a_desk(world, server) as desk:
        file.write_bytes(b"not a ledger" * 1000)
        failures = [failure(desk.engine.tick) for _ in range(2)]
        for error in failures:
            desk.settle(error)
        file.write_bytes(whole)
        desk.tick()
        standing = desk.standing()

    assert server.titles == [
        "sample: the sweep fails; publisher keeps trying",
        "sample: over: the sweep",
    ]
    assert standing == {}


def failure(act: Callable[[], object]) -> LedgerError:
    with pytest.raises(LedgerError) as caught:
        act()
    return caught.value


def test_site_that_is_held_as_a_whole_does_not_end_what_stands(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.channels["x"].before = [NotDelivered("x answered 403: no", permanent=True)]
    with a_desk(world, server) as desk:
        done = desk.tick_at(SOON)
        facts = {"count": 1, "first": "one"}
        held = replace(
            done.plan.holds[0], cause=Cause.NOT_ADOPTED, post=None, key=None, facts=facts
        )
        desk.settle(replace(done, plan=replace(done.plan, holds=(held,))))

    assert len(server.titles) == 2
    assert [title for title in server.titles if "over" in title] == []


# --- what is news ------------------------------------------------------------------------------


def an_alert(level: Level, told_level: int = 0, **changes: object) -> Alert:
    facts = {"cause": "post/one", "what": "one", "since_at": NOW, **changes}
    return Alert(level=level, told_level=told_level, **facts)  # type: ignore[arg-type]


def note(known: Alert, level: Level, now: datetime = NOW) -> Alert:
    """Give an alert after a tick in which its cause stood at a level."""
    causes = {known.cause: Finding(key=known.cause, level=level, why="so")}
    found = noted(
        {known.cause: known}, causes, now, is_hidden=lambda key: False, subject=lambda cause: ""
    )
    return found[known.cause]


def test_what_got_better_and_then_worse_again_is_news() -> None:
    better = note(an_alert(Level.WAITING, Level.WAITING, told_at=NOW), Level.TRYING)

    worse = note(better, Level.WAITING)

    assert not is_news(better)
    assert is_news(worse)


def test_what_comes_back_before_its_end_was_told_is_no_news() -> None:
    known = an_alert(Level.OVER, Level.WAITING, told_at=NOW)

    assert not is_news(note(known, Level.WAITING))


def test_what_ended_while_it_was_told_is_told_to_be_over() -> None:
    left = told(None, an_alert(Level.WAITING), NOW)

    assert left is not None
    assert (left.level, left.told_level, is_news(left)) == (Level.OVER, Level.WAITING, True)


def test_what_came_back_while_its_end_was_told_is_told_again() -> None:
    current = an_alert(Level.WAITING, Level.WAITING, told_at=NOW)

    left = told(current, replace(current, level=Level.OVER), NOW)

    assert left is not None
    assert is_news(left)


def test_what_got_worse_while_it_was_told_is_told_again() -> None:
    left = told(an_alert(Level.WAITING), an_alert(Level.TRYING), NOW)

    assert left is not None
    assert is_news(left)


# --- restarts and failed sending -------------------------------------------------------------


def test_new_process_tells_the_end_and_not_the_beginning_again(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN] * 2
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
    with a_desk(world, server) as desk:
        desk.tick()
        desk.tick_each(1, MINUTE)
        before = list(server.titles)
        desk.tick_each(1, 2 * MINUTE)

    assert len(before) == 1
    assert server.titles[1:] == ["sample: over: the rebuild"]


def test_process_that_dies_before_it_recorded_what_it_sent_tells_again(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN]
    with a_desk(world, server, is_hasty=True) as desk:
        desk.tick_at(SOON)
        assert server_has(server, 1)
    with a_desk(world, server) as desk:
        desk.tick()
        desk.tick()

    assert server.titles == ["sample: the rebuild fails; publisher keeps trying"] * 2


def server_has(server: AlertPlatform, count: int) -> bool:
    """Wait until so many requests arrived."""
    for _ in range(round(PATIENCE_S / 0.01)):
        if len(server.requests) >= count:
            return True
        server.stopping.wait(0.01)
    return False


def test_alert_that_did_not_go_out_is_sent_again_after_a_while(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN] * 9
    server.faults = [Fault.refuse(500), Fault.refuse(500)]
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick_each(3, MINUTE / 4)
        counts = [len(server.requests)]
        desk.tick_each(1, MINUTE / 4)
        counts.append(len(server.requests))
        desk.tick_each(8, MINUTE / 4)
        standing = desk.standing()["rebuild"]

    assert counts == [1, 2]
    assert server.titles == ["sample: the rebuild fails; publisher keeps trying"]
    assert standing.told_at == SOON + 3 * MINUTE
    reasons = [event.fields["reason"] for event in names_in(desk.events, "alert.failed")]
    assert reasons == ["it answered 500"] * 2


def test_server_that_hangs_delays_no_tick(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN]
    server.faults = [Fault.delay(PATIENCE_S)]
    with a_desk(world, server, is_hasty=True) as desk:
        desk.tick_at(SOON)
        arrived = server_has(server, 1)
        desk.tick_each(3, MINUTE)  # while the first is still under way
        released = world.channels["x"].posts
        desk.settle(PostError("unreadable"))  # more news, which has to wait
        desk.alerts.finish(PATIENCE_S)
        requests = len(server.requests)

    assert arrived
    assert len(released) == 1
    assert requests == 1


def test_address_that_fails_is_tried_again_without_troubling_the_others(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN] * 9
    with AlertPlatform() as other:
        other.faults = [Fault.refuse(503)]
        with a_desk(world, server, other) as desk:
            desk.tick_at(SOON)
            told = desk.standing()["rebuild"].told_level
            desk.tick_each(4, MINUTE)

        assert told == 1
        assert (len(server.titles), len(other.titles)) == (1, 1)


def test_address_that_never_works_is_given_up_for_that_alert(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN] * 99
    with a_desk(world, server) as desk:
        desk.alerts.addresses = [*desk.alerts.addresses, Address("alerts.2", None, "is no URL")]
        desk.tick_at(SOON)
        desk.tick_each(55, MINUTE)

    assert len(server.titles) == 1
    assert len(names_in(desk.events, "alert.failed")) == 5
    assert names_in(desk.events, "alert.dropped")[0].fields["address"] == "alerts.2"


def test_quiet_ticks_write_nothing(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN] * 9
    with a_desk(world, server) as desk:
        desk.tick_at(SOON)
        desk.tick()
        before = (world.state_dir / "ledger.sqlite").read_bytes()
        desk.tick()
        after = (world.state_dir / "ledger.sqlite").read_bytes()

    assert before == after


def test_reason_of_a_failure_holds_nothing_of_the_address(tmp_path: Path) -> None:
    address = address_at(1, Secret("json://user:hunter2canary@127.0.0.1:1/secret-path"))
    world = a_waiting_world(tmp_path)
    world.site.builds = [BROKEN]
    with a_desk(world) as desk:
        desk.alerts.addresses = [address]
        desk.tick_at(SOON)

    failed = names_in(desk.events, "alert.failed")[0]
    assert failed.fields == {"address": "alerts.1 (JSON)", "reason": "it cannot be reached"}


# --- the dead man's switch -------------------------------------------------------------------


def test_each_sweep_that_succeeds_pings(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    with a_desk(world, ping=f"{server.url}/secret") as desk:
        desk.tick()
        desk.tick()  # at once: no sweep
        desk.tick_each(1, timedelta(seconds=15))
        desk.settle(PostError("unreadable"))

    assert server.pings == 2
    assert desk.events == []


def test_ping_that_fails_is_logged_once_an_hour_without_its_path(
    tmp_path: Path, server: AlertPlatform
) -> None:
    world = a_waiting_world(tmp_path)
    server.faults = [Fault.refuse(500) for _ in range(99)]
    with a_desk(world, ping=f"{server.url}/secret-path") as desk:
        desk.tick_each(65, MINUTE)

    assert [str(event) for event in desk.events] == ['ping.failed reason="it answered 500"'] * 2


def test_ping_follows_no_redirect(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    with AlertPlatform() as other:
        server.redirect(f"{other.url}/elsewhere")
        with a_desk(world, ping=f"{server.url}/secret-path") as desk:
            desk.tick()

        assert other.requests == []
    assert [event.fields["reason"] for event in desk.events] == ["it answered 307"]


def test_ping_that_hangs_is_the_only_one_under_way(tmp_path: Path, server: AlertPlatform) -> None:
    world = a_waiting_world(tmp_path)
    server.faults = [Fault.delay(PATIENCE_S)]
    with a_desk(world, ping=server.url, is_hasty=True) as desk:
        desk.tick()
        arrived = server_has(server, 1)
        desk.tick_each(5, MINUTE)

    assert arrived
    assert len(server.requests) == 1


def test_odd_answer_of_an_address_shows_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answering = threading.Thread(target=answer_oddly, args=(server,))
        answering.start()
        address = address_at(1, Secret(f"json://127.0.0.1:{port}/T0KENSECRET"))

        failure = address.send(a_test("sample"))

        answering.join()
    assert failure == ""
    assert "T0KENSECRET" not in caplog.text


def answer_oddly(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        request = connection.recv(65536)
        while b"}" not in request:  # its body may come by itself
            request += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nthis is no header\r\nX: y\r\n\r\n")


def test_address_that_answers_for_ever_is_left_and_asked_nothing_more() -> None:
    is_over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    sessions = []

    def drip() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            sessions.append(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not is_over.wait(0.05):
                connection.sendall(b"x")
        for session in sessions:
            session.close()

    thread = threading.Thread(target=drip)
    thread.start()
    address = address_at(1, Secret(f"json://127.0.0.1:{listener.getsockname()[1]}"))

    reasons = [address.send(a_test("sample"), within_s=0.5) for _ in range(2)]
    is_over.set()
    thread.join()
    listener.close()
    address.errand.wait(10)

    assert reasons == ["it did not answer within 0.5 s", "its last answer has no end yet"]
    assert not address.errand.is_under_way
