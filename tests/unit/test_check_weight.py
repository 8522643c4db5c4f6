"""Which problems `check` shows first, and which only as counts."""

from __future__ import annotations

import pytest

from publisher.check.weight import Weight, weigh
from publisher.model import Problem


@pytest.mark.parametrize(
    ("rule", "severity", "path", "weight"),
    [
        ("bad-date", "error", "blog/next.md", Weight.STOPS),
        ("rebuild-missing", "error", "jobs.yaml", Weight.STOPS),
        ("dead-link", "error", "blog/next.md", Weight.SHOWS),
        ("no-title", "warning", "blog/next.md", Weight.SHOWS),
        ("embargo-off", "warning", "jobs.yaml", Weight.SHOWS),
        ("stamp-date-mismatch", "error", "blog/index.md", Weight.SHOWS),
        ("dead-link", "error", "blog/old.md", Weight.REST),
        ("no-title", "warning", "blog/old.md", Weight.REST),
        ("unknown-channel", "warning", "blog/old.md", Weight.REST),
    ],
)
def test_what_stops_a_release_weighs_most_and_old_pages_least(
    rule: str, severity: str, path: str, weight: Weight
) -> None:
    problem = Problem(rule=rule, severity=severity, path=path, line=1, message="m", hint="")

    assert weigh(problem, {"blog/next.md"}) is weight
