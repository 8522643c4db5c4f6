"""A deploy command that changes the project at every run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from publisher.site.deploy.loop_guard import LoopGuard
from tests.factories import NOW

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_first_change_during_a_run_is_built_at_once(tmp_path: Path) -> None:
    guard = LoopGuard(tmp_path / "guard.json")

    guard.record({"posts/a.md"}, NOW, is_first=True)

    assert guard.wants_build(NOW)
    assert guard.trouble == ""


def test_second_in_a_row_waits_for_an_hour_whatever_the_file_is_called(tmp_path: Path) -> None:
    guard = LoopGuard(tmp_path / "guard.json")

    guard.record({"report-1.json"}, NOW, is_first=True)
    guard.record({"report-2.json"}, NOW + MINUTE, is_first=False)

    assert not guard.wants_build(NOW + HOUR)
    assert guard.wants_build(NOW + MINUTE + HOUR)
    assert guard.trouble.startswith("deploy.command changes report-2.json in the project")


def test_edit_in_between_begins_the_count_anew_and_the_trouble_stays(tmp_path: Path) -> None:
    guard = LoopGuard(tmp_path / "guard.json")
    guard.record({"a.json"}, NOW, is_first=True)
    guard.record({"a.json"}, NOW, is_first=False)

    guard.record({"a.json"}, NOW, is_first=True)

    assert guard.wants_build(NOW)
    assert guard.trouble != ""


def test_run_that_changes_nothing_ends_the_trouble(tmp_path: Path) -> None:
    guard = LoopGuard(tmp_path / "guard.json")
    guard.record({"a.json"}, NOW, is_first=True)
    guard.record({"a.json"}, NOW, is_first=False)

    guard.record((), NOW, is_first=False)

    assert guard.trouble == ""
    assert not guard.wants_build(NOW)


def test_clock_that_was_set_back_delays_no_build(tmp_path: Path) -> None:
    guard = LoopGuard(tmp_path / "guard.json")
    guard.record({"a.json"}, NOW, is_first=True)
    guard.record({"a.json"}, NOW, is_first=False)

    assert guard.wants_build(NOW - MINUTE)


def test_damaged_note_is_none(tmp_path: Path) -> None:
    (tmp_path / "guard.json").write_text('{"files": 3')
    guard = LoopGuard(tmp_path / "guard.json")

    assert not guard.wants_build(NOW)
    assert guard.trouble == ""
