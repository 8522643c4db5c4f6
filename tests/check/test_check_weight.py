"""Which problems `check` shows first, and which only as counts."""

from __future__ import annotations

import pytest

from publisher.check import Report
from publisher.check.weight import Weight, weigh
from publisher.cli.check import say_problems
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


def test_the_same_in_many_places_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    places = [
        Problem(
            rule="no-frontmatter", severity="error", path=f"{n}.md", line=1, message="m", hint="h"
        )
        for n in range(9)
    ]
    report = Report(problems=tuple(places), coming=frozenset())

    say_problems(report, is_all=False)
    short = capsys.readouterr().out.splitlines()
    say_problems(report, is_all=True)
    full = capsys.readouterr().out.splitlines()

    assert (len(short), len(full)) == (5, 10)
    assert [line for line in full if line.strip() == "h"] == ["  h"]
