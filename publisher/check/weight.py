"""How much a problem matters: what stops a release, what readers of a release see, and the rest."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum, auto
from pathlib import PurePosixPath

from publisher.generators.file_kinds import PROSE
from publisher.model import Problem


class Weight(Enum):
    """Most first."""

    STOPS = auto()  # a release, or all of them
    SHOWS = auto()  # in a release, or in what is said of it
    REST = auto()  # in pages that are public already, or drafts


# Of these a release goes on.
_SEEN = frozenset(
    {
        "bad-hero",
        "bad-series",
        "bad-tags",
        "dead-link",
        "empty-link",
        "missing-image",
        "mojibake",
        "no-description",
        "weekday-mismatch",
    }
)
# These tell readers of a release, on whatever page they stand.
_OF_A_RELEASE = frozenset(
    {
        "blurred-but-released",
        "link-into-embargo",
        "orphan-preview",
        "published-in-future",
        "revealed-too-early",
        "schedule-claim",
        "stamp-date-mismatch",
        "stray",
    }
)


def weigh(problem: Problem, coming: Collection[str]) -> Weight:
    """Weigh a problem; ``coming`` are the paths of the scheduled posts."""
    if problem.severity == "error" and problem.rule not in _SEEN | _OF_A_RELEASE:
        return Weight.STOPS
    is_page = PurePosixPath(problem.path).suffix.lower() in PROSE
    is_public = is_page and problem.path not in coming
    return Weight.REST if is_public and problem.rule not in _OF_A_RELEASE else Weight.SHOWS
