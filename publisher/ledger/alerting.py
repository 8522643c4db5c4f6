"""What the operator was told of, or is to be told. What is worth it is for ``alerts`` to say."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from publisher.ledger.database import Database
from publisher.ledger.rows import log
from publisher.ledger.schema import alerts

_COLUMNS = [column for column in alerts.c if column.name != "site"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One cause, and how much of it the operator knows.

    A higher ``level`` is worse; 0 is a cause that is over while the operator still believes in
    it. ``told_level`` 0 says that nothing was told yet.
    """

    cause: str
    what: str
    level: int
    since_at: datetime
    told_level: int = 0
    told_at: datetime | None = None


class Alerting(Database):
    """Each method is one transaction; all are safe to repeat."""

    def alerts(self) -> dict[str, Alert]:
        """Give the alerts that stand, by cause."""
        query = select(*_COLUMNS).where(alerts.c.site == self.site).order_by(alerts.c.cause)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["cause"]: Alert(**row) for row in rows}

    def note_alerts(self, changed: Iterable[Alert], forgotten: Collection[str] = ()) -> None:
        """Remember causes as they stand now, and forget those that nobody was told of."""
        with self._writing() as connection:
            self._keep(connection, changed, forgotten)

    def record_told(
        self,
        changed: Iterable[Alert],
        forgotten: Collection[str] = (),
        *,
        news: Iterable[str],
        now: datetime,
    ) -> None:
        """Remember what the operator knows now; each of ``news`` is an event of the log."""
        with self._writing() as connection:
            self._keep(connection, changed, forgotten)
            for line in news:
                log(connection, self.site, "alert", now=now, reason=line)

    def _keep(
        self, connection: Connection, changed: Iterable[Alert], forgotten: Collection[str]
    ) -> None:
        for alert in changed:
            row: dict[str, Any] = {c.name: getattr(alert, c.name) for c in _COLUMNS}
            connection.execute(
                insert(alerts)
                .values(site=self.site, **row)
                .on_conflict_do_update(index_elements=["site", "cause"], set_=row)
            )
        if forgotten:
            connection.execute(
                alerts.delete().where(alerts.c.site == self.site, alerts.c.cause.in_(forgotten))
            )
