"""The clocks: the only module that asks the machine what time it is."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """``now`` is wall time in UTC; ``monotonic`` never steps and counts seconds in ``era``.

    Two readings of ``monotonic`` may be compared only when their ``era`` is the same: the
    same boot of the same machine.
    """

    @property
    def era(self) -> str: ...

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The clock of this machine.

    Linux counts CLOCK_BOOTTIME from boot, alike for all processes and while it is suspended, too
    (clock_gettime(2), checked 2026-11-21), so the boot id names the era. Elsewhere every process
    is its own era.
    """

    def __init__(self) -> None:
        self._own_era = f"process-{time.monotonic_ns()}"

    @property
    def era(self) -> str:
        try:
            return BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return self._own_era

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place

    def monotonic(self) -> float:
        if sys.platform == "linux":  # services go on while we are suspended
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()


class VirtualClock:
    """A clock that stands still until it is told to move: rehearsals and tests."""

    era = "virtual"

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, duration: timedelta) -> None:
        """Let time pass."""
        self._now += duration
        self._monotonic += duration.total_seconds()

    def advance_to(self, at: datetime) -> None:
        """Let time pass until ``at``; an instant already past changes nothing."""
        if at > self._now:
            self.advance(at - self._now)
