"""What the ledger says: the view that the planner gets, the log, the attempts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from publisher.ledger.database import Database
from publisher.ledger.rows import (
    Attempt,
    Event,
    delivery_query,
    release_query,
    to_delivery,
    to_release,
)
from publisher.ledger.schema import attempts, closed_channels, events, meta
from publisher.model import DeliveryRecord, LedgerView, Outcome, PostId


class Reading(Database):
    """Read-only."""

    def view(self) -> LedgerView:
        """Give all that is known of the site, as of one instant."""
        with self._reading() as connection:
            releases = connection.execute(release_query(self.site)).mappings().all()
            deliveries = connection.execute(delivery_query(self.site)).all()
            closed = connection.execute(
                select(closed_channels.c.channel, closed_channels.c.reason).where(
                    closed_channels.c.site == self.site
                )
            ).all()
            site = self._meta(connection)
        # Values are made after the transaction, so that a long list keeps no writer waiting.
        records = [to_delivery(row, self.site) for row in deliveries]
        return LedgerView(
            **site,
            releases={row["post"]: to_release(row) for row in releases},
            deliveries={record.key: record for record in records},
            closed_channels={row.channel: row.reason for row in closed},
        )

    def _meta(self, connection: Connection) -> dict[str, Any]:
        columns = [c for c in meta.c if c.name not in ("site", "changed_at")]
        row = connection.execute(select(*columns).where(meta.c.site == self.site))
        return dict(row.mappings().first() or {})

    def events(self, post: PostId | None = None, *, limit: int) -> list[Event]:
        """Give the newest ``limit`` events of a post, or of the whole site; newest last."""
        columns = [c for c in events.c if c.name != "site"]
        query = select(*columns).where(events.c.site == self.site)
        if post is not None:
            query = query.where(events.c.post == post)
        query = query.order_by(events.c.seq.desc()).limit(limit)
        with self._reading() as connection:
            newest_first = connection.execute(query).mappings().all()
        return [Event(**row) for row in reversed(newest_first)]

    def attempts(self, record: DeliveryRecord) -> list[Attempt]:
        """Give the attempts of a delivery, oldest first."""
        columns = [c for c in attempts.c if c.name != "delivery_id"]
        query = select(*columns).where(attempts.c.delivery_id == record.id).order_by(attempts.c.n)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            Attempt(**{**row, "outcome": row["outcome"] and Outcome(row["outcome"])})
            for row in rows
        ]

    def last_event_at(self) -> datetime | None:
        """Give the newest instant on record: a clock that says less has gone backwards."""
        query = select(func.max(events.c.at)).where(events.c.site == self.site)
        with self._reading() as connection:
            return connection.execute(query).scalar()
