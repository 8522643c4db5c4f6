"""A part of the torture, and whether it would see what it looks for; `make torture` does it all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture import parts, tracing
from tests.torture.crowd import kill_in_a_crowd
from tests.torture.parts import PAGE, Share
from tests.torture.stage import Scenario, Stage, Verdict, a_stage
from tests.torture.tracing import Call, Fault

EVERY = 5
RARELY = 50  # where a scenario differs from those above by its channel only
KEYED = Scenario(start="send", channels=("keyed",))
DRAFTED = Scenario(start="send", channels=("newsletter",))
FAULTY = tuple(scenario for scenario in parts.FAULTY if scenario != KEYED)  # like DRAFTED
OTHERS = tuple(
    Scenario(start=start, channels=(channel,))
    for start, channel in (
        ("send", "x"),
        ("send", "hook"),
        ("send", "outbox"),
        ("again", "keyed"),
    )
)

needs_strace = pytest.mark.skipif(
    bool(tracing.why_not()), reason=f"no system call can be struck: {tracing.why_not()}"
)


def assert_good(verdict: Verdict, *, trials: int) -> None:
    """Insist on trials that really happened, and on what must hold after each."""
    assert verdict.trials >= trials, verdict
    assert verdict.missed * 10 <= verdict.trials, verdict
    bad = (verdict.duplicates, verdict.lost, verdict.corrupt, verdict.torn)
    assert bad == (0, 0, 0, 0), "\n".join(verdict.notes)


# --- the torture -----------------------------------------------------------------------------


@needs_strace
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("scenario", [PAGE, DRAFTED], ids=lambda scenario: scenario.name)
def test_killed_at_every_fifth_system_call_it_is_announced_once(
    scenario: Scenario, index: int, tmp_path: Path
) -> None:
    verdict = parts.kill_at_calls(
        tmp_path / "here", scenario, Share(every=EVERY, index=index, of=2)
    )

    assert_good(verdict, trials=10)
    assert (verdict.crashed, verdict.held) == (0, 0)


@needs_strace
@pytest.mark.parametrize("scenario", OTHERS, ids=lambda scenario: scenario.name)
def test_killed_at_a_system_call_it_is_announced_at_most_once(
    scenario: Scenario, tmp_path: Path
) -> None:
    verdict = parts.kill_at_calls(tmp_path / "here", scenario, Share(every=RARELY))

    assert_good(verdict, trials=1)
    assert verdict.crashed == 0
    assert verdict.held == 0 or "hook" in scenario.channels


@needs_strace
@pytest.mark.parametrize("scenario", FAULTY, ids=lambda scenario: scenario.name)
def test_disk_that_fails_loses_and_repeats_nothing(scenario: Scenario, tmp_path: Path) -> None:
    verdict = parts.fail_calls(tmp_path / "here", scenario, Share(every=RARELY))

    assert_good(verdict, trials=5)
    assert verdict.crashed == 0, "\n".join(verdict.notes)


@pytest.mark.parametrize("index", [0, 1])
def test_killed_at_every_fifth_line_of_its_log_it_is_announced_at_most_once(
    index: int, tmp_path: Path
) -> None:
    verdict = parts.kill_at_steps(
        tmp_path / "here", parts.EVERYWHERE, Share(every=EVERY, index=index, of=2)
    )

    assert_good(verdict, trials=1)
    assert verdict.crashed == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again_it_is_announced_at_most_once(seed: int, tmp_path: Path) -> None:
    verdict = parts.kill_in_a_row(tmp_path / "here", parts.EVERYWHERE, [seed])

    assert_good(verdict, trials=2)
    assert verdict.crashed == 0


def test_three_processes_that_are_killed_announce_each_post_at_most_once(tmp_path: Path) -> None:
    verdict = kill_in_a_crowd(tmp_path / "here", posts=40, kills=20, seed=1)

    assert_good(verdict, trials=20)
    assert verdict.crashed == 0
    assert verdict.held <= 20  # the webhook without keys: one announcement a kill at most


@needs_strace
def test_no_request_leaves_before_the_ledger_is_on_the_disk(tmp_path: Path) -> None:
    verdict = parts.check_order(tmp_path / "here", ("keyed", "newsletter", "x"))

    assert_good(verdict, trials=10)


# --- would it see it? ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with a_stage(tmp_path_factory.mktemp("stage") / "here", KEYED) as stage:
        yield stage


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    """Give a live page of which nothing was announced."""
    _stage.restore()
    return _stage


def test_announcement_made_twice_is_seen(stage: Stage) -> None:
    stage.recover(stage.tick)
    journal = stage.folder / "journals" / "keyed"
    journal.write_text(journal.read_text() * 2)

    verdict = stage.judge()

    assert (verdict.duplicates, verdict.lost, verdict.corrupt) == (1, 0, 0)


def test_announcement_that_never_arrived_is_seen(stage: Stage) -> None:
    stage.recover(stage.tick)
    (stage.folder / "journals" / "keyed").write_text("")

    verdict = stage.judge()

    assert (verdict.duplicates, verdict.lost, verdict.corrupt) == (0, 1, 0)


def test_announcement_that_nobody_sends_is_seen(stage: Stage) -> None:
    verdict = stage.judge()

    assert (verdict.duplicates, verdict.lost, verdict.corrupt) == (0, 1, 0)


def test_announcement_that_the_ledger_does_not_know_of_is_seen(stage: Stage) -> None:
    stage.recover(stage.tick)
    posts = (stage.folder / "journals" / "keyed").read_text()
    stage.restore()
    (stage.folder / "journals" / "keyed").write_text(posts)

    verdict = stage.judge()

    assert (verdict.duplicates, verdict.lost, verdict.corrupt) == (0, 0, 1)


def test_damaged_ledger_is_seen(stage: Stage) -> None:
    stage.recover(stage.tick)
    ledger = stage.world.site.ledger
    data = bytearray(ledger.read_bytes())
    data[4096 * 3 : 4096 * 3 + 512] = bytes(512)
    ledger.write_bytes(data)

    verdict = stage.judge()

    assert verdict.corrupt == 1


def test_post_that_is_cut_off_is_seen(stage: Stage) -> None:
    (path,) = stage.world.before
    path.write_bytes(path.read_bytes()[:100])

    verdict = stage.judge()

    assert verdict.torn == 1


def call(tid: int, name: str, text: str) -> Call:
    return Call(tid=tid, name=name, text=text, is_ours=True)


def test_request_that_leaves_before_the_ledger_is_synced_is_seen() -> None:
    ledger, socket = "/site/ledger.db", "4<socket:[7]>"
    to_port = f"{socket}, {{sin_port=htons(80)}}, 16) = 0"
    calls = [
        call(1, "connect", to_port),
        call(1, "pwrite64", f'3<{ledger}-journal>, ""..., 12, 0) = 12'),
        call(1, "fdatasync", f"3<{ledger}-journal>) = 0"),
        call(1, "sendto", f'{socket}, ""..., 9, 0, NULL, 0) = 9'),
        call(1, "pwrite64", f'3<{ledger}>, ""..., 12, 0) = 12'),
        call(2, "sendto", f'{socket}, ""..., 9, 0, NULL, 0) = 9'),
        call(1, "sendto", f'{socket}, ""..., 9, 0, NULL, 0) = 9'),
    ]

    found = tracing.broken_orders(calls, Path(ledger), frozenset({80}))

    assert found == (4, 2)


def test_calls_of_a_later_thread_are_out_of_reach_until_they_are_more() -> None:
    calls = [call(tid, "fsync", "3</site/x>) = 0") for tid in (1, 1, 2, 2, 2)]

    assert tracing.reach(calls, "fsync") == ([1, 2, 3], 2)


@needs_strace
def test_fault_that_does_not_happen_is_no_trial(stage: Stage) -> None:
    ended = stage.strike(Fault(call="fsync", n=1000))

    assert (ended.code, ended.was_killed, ended.was_injected) == (0, False, False)
