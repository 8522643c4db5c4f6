"""The alerts as the ledger has them; what it cannot take is kept in memory until it can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from publisher.ledger import Alert, Ledger
from publisher.model.errors import LedgerError


class Board:
    """Reads and writes alerts, also while the ledger is what fails."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kept: dict[str, Alert | None] = {}  # None: to be forgotten

    def read(self) -> dict[str, Alert]:
        """Give the alerts that stand, by cause."""
        try:
            if self._kept:
                self._ledger.note_alerts(*_split(self._kept))
                self._kept.clear()
            found: dict[str, Alert | None] = {**self._ledger.alerts()}
        except LedgerError:
            found = {}
        found |= self._kept
        return {key: alert for key, alert in found.items() if alert is not None}

    def change(
        self, changes: Mapping[str, Alert | None], *, now: datetime, news: Sequence[str] = ()
    ) -> None:
        """Write alerts, or forget them where the value is ``None``; log what was told."""
        changed, forgotten = _split(changes)
        try:
            if news:
                self._ledger.record_told(changed, forgotten, news=news, now=now)
            elif changes:
                self._ledger.note_alerts(changed, forgotten)
        except LedgerError:
            self._kept |= changes


def _split(changes: Mapping[str, Alert | None]) -> tuple[list[Alert], list[str]]:
    changed = [alert for alert in changes.values() if alert is not None]
    return changed, [key for key, alert in changes.items() if alert is None]
