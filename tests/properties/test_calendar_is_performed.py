"""What the calendar shows is what ticking through the window performs, to the letter."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.model import Deliver, Flip, LedgerView
from publisher.plan import plan
from publisher.plan.calendar import preview
from publisher.posts.library import Library
from publisher.system.report import Event
from tests.factories import HOUR, NOW
from tests.worlds import World, a_world

END = NOW + 60 * HOUR

posts = st.lists(
    st.fixed_dictionaries(
        {
            "hours": st.integers(-30, 50),
            "status": st.sampled_from(["scheduled", "scheduled", "published", "draft"]),
            "announce": st.sampled_from(
                [
                    "",
                    "announce: false\n",
                    "announce: {x: false}\n",
                    "announce: {mail: {after: 2h}}\n",
                    "announce: {x: 'Own words {url}', mail: {after: 90m}}\n",
                    "announce: {x: {at: 2027-03-10T07:00}}\n",
                ]
            ),
        }
    ),
    max_size=6,
)


def shown(world: World, view: LedgerView) -> list[tuple[datetime, str]]:
    scan = Library(world.settings, world.root).scan()
    calendar = preview(scan.posts, view, world.policy, world.clock.now(), until=END)
    lines = []
    for happening in calendar.happenings:
        match happening.action:
            case Flip():
                lines.append((happening.at, f"release {happening.post}"))
            case Deliver(key=key):
                lines.append((happening.at, f"announce {key}"))
    return sorted(lines)


def performed(world: World) -> list[tuple[datetime, str]]:
    lines: list[tuple[datetime, str]] = []

    def note(event: Event) -> None:
        fields = event.fields
        if event.name == "release.begun":
            lines.append((world.clock.now(), f"release {fields['post']}"))
        elif event.name == "delivery.sending":
            key = "/".join((fields["post"], fields["channel"], fields["occasion"]))
            lines.append((world.clock.now(), f"announce {key}"))

    with world.engine(on_event=note) as engine:
        while world.clock.now() < END:
            next_at = engine.tick().plan.next_at
            world.clock.advance_to(min(next_at, END) if next_at else END)
        engine.tick()
    return sorted(lines)


@settings(max_examples=40, deadline=None)
@given(posts, st.booleans())
def test_calendar_equals_what_ticking_performs(facts: list[dict], adopt_first: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = a_world(Path(folder), NOW, ("x", "mail"), burst=3)
        (world.root / "content").mkdir()
        if adopt_first:
            world.tick()
        for number, fact in enumerate(facts):
            at = NOW + fact["hours"] * HOUR + timedelta(minutes=number)
            world.write(f"p{number}", at=at, status=fact["status"], more=fact["announce"])
        with world.engine() as engine:
            view = engine.ledger.view()
        posts_found = Library(world.settings, world.root).scan().posts
        first = plan(posts_found, view, world.policy, world.clock.now())
        is_refused = any(hold.post is None for hold in first.holds)
        plan_shown = shown(world, view)

        really = performed(world)

        assert really == ([] if is_refused else plan_shown)
        assert world.tick().performed == ()
