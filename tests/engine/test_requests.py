"""Requests of `withdraw` and `reschedule`, performed on real files and a real ledger."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher import config
from publisher.engine.requests import Requests
from publisher.ledger import Ledger
from publisher.model import Observe, PostId, PostState, RescheduleRequest, Sight, WithdrawRequest
from publisher.model.errors import LedgerError
from publisher.posts.library import Library
from publisher.system.clock import VirtualClock
from publisher.system.report import Event
from tests.acceptance.sites import Site, a_series

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
PATTERN = PostId("pattern")
DUE = datetime(2099, 3, 10, 8, 0, tzinfo=UTC)


@dataclass
class Desk:
    """A site with its ledger, and what performs requests there."""

    site: Site
    ledger: Ledger
    requests: Requests
    events: list[Event] = field(default_factory=list)

    @property
    def pattern(self) -> Path:
        return self.site.folder / "content" / "blog" / "pattern.md"

    def told(self) -> list[str]:
        return [event.name for event in self.events]

    def edit(self, old: str, new: str) -> None:
        self.pattern.write_text(self.pattern.read_text().replace(old, new))


@contextmanager
def opened(site: Site) -> Iterator[Desk]:
    settings = config.load(site.folder / "jobs.yaml", environ={})
    library, events = Library.of(settings), []
    with Ledger.open(settings.ledger_url, site=settings.site.name, now=NOW) as ledger:
        requests = Requests(
            settings=settings,
            library=library,
            ledger=ledger,
            clock=VirtualClock(NOW),
            report=events.append,
        )
        yield Desk(site, ledger, requests, events)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk whose ledger has seen the coming post `pattern`."""
    with opened(a_series(tmp_path)) as one:
        post = next(p for p in one.requests.library.scan().posts if p.id == PATTERN)
        one.ledger.observe(Observe.of(post, Sight.NEW, "scheduled"), now=NOW)
        yield one


def a_withdrawal(to: PostState = PostState.DRAFT) -> WithdrawRequest:
    return WithdrawRequest(post=PATTERN, to=to, asked_at=NOW)


def a_move(to_at: datetime = DUE + timedelta(days=7)) -> RescheduleRequest:
    return RescheduleRequest(post=PATTERN, from_at=DUE, to_at=to_at, asked_at=NOW)


def test_withdrawal_that_cannot_be_done_stays_open_and_is_told_once(desk: Desk) -> None:
    desk.ledger.request([a_withdrawal()], now=NOW)
    whole = desk.pattern.read_text()
    desk.edit("title:", "title: [")

    desk.requests.perform_all(desk.ledger.view(settled=False))
    desk.requests.perform_all(desk.ledger.view(settled=False))
    told, trouble = desk.told(), desk.requests.trouble
    desk.pattern.write_text(whole)
    desk.requests.perform_all(desk.ledger.view(settled=False))

    assert told == ["request.failed"]
    assert trouble
    assert not desk.requests.trouble
    assert "status: draft\n" in desk.pattern.read_text()
    assert desk.ledger.view().requests == ()


def test_post_whose_date_has_come_meanwhile_becomes_a_draft(desk: Desk) -> None:
    desk.ledger.request([a_withdrawal(PostState.SCHEDULED)], now=NOW)
    desk.edit("2099-03-10", "2026-03-10")

    desk.requests.perform_all(desk.ledger.view(settled=False))

    assert "status: draft\n" in desk.pattern.read_text()


def test_request_that_was_performed_can_be_performed_again(desk: Desk) -> None:
    desk.requests.perform(a_move())
    once = desk.pattern.read_bytes(), desk.ledger.view()

    desk.requests.perform(a_move())

    assert (desk.pattern.read_bytes(), desk.ledger.view()) == once
    assert desk.ledger.view().releases[PATTERN].release_at == DUE + timedelta(days=7)


@pytest.mark.parametrize(
    ("move", "date"),
    [(a_move(), "2099-06-01"), (a_move(NOW - timedelta(days=1)), "2099-03-10")],
    ids=["the date was edited", "the new date is over"],
)
def test_move_that_is_void_is_dropped(move: RescheduleRequest, date: str, desk: Desk) -> None:
    desk.ledger.request([move], now=NOW)
    desk.edit("2099-03-10", date)

    desk.requests.perform_all(desk.ledger.view(settled=False))

    assert desk.told() == ["request.failed"]
    assert f"reveal: {date}\n" in desk.pattern.read_text()
    assert desk.ledger.view().requests == ()


def test_live_post_is_not_moved(desk: Desk) -> None:
    desk.edit("status: scheduled", "status: published")

    with pytest.raises(LedgerError):
        desk.requests.perform(a_move())


def test_request_of_a_restored_ledger_is_not_performed(tmp_path: Path) -> None:
    site = a_series(tmp_path)
    with opened(site) as desk:
        desk.ledger.request([a_withdrawal()], now=NOW)
        desk.ledger.keep_mark()
        path = desk.ledger.path
    shutil.copy(path, tmp_path / "copy")
    path.with_name(f"{path.name}.mark").write_text("another\n")

    with opened(site) as desk:
        before = desk.pattern.read_bytes()
        desk.requests.perform_all(desk.ledger.view(settled=False))

        assert desk.ledger.view().restored
        assert desk.pattern.read_bytes() == before
