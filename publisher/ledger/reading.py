"""What the ledger says: the view that the planner gets, the log, the attempts."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from publisher.ledger.database import Database
from publisher.ledger.delivery_rows import delivery_query, to_delivery
from publisher.ledger.mark import doubt_of, mark_path, provenance_of, read_mark
from publisher.ledger.release_rows import release_query, to_release
from publisher.ledger.requests import requests_query, to_request
from publisher.ledger.rows import Attempt, Event
from publisher.ledger.schema import (
    OF_DELIVERY,
    OF_RELEASE,
    attempts,
    closed_channels,
    events,
    meta,
    releases,
)
from publisher.ledger.schema import deliveries as deliveries_table
from publisher.model import (
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    LedgerView,
    Outcome,
    PostId,
)

SETTLED = tuple(
    state.value
    for state in (DeliveryState.CONFIRMED, DeliveryState.CANCELLED, DeliveryState.SKIPPED)
)


@cache
def _closed_query(site: str) -> Select[Any]:
    columns = (closed_channels.c.channel, closed_channels.c.reason)
    return select(*columns).where(closed_channels.c.site == site)


@cache
def _meta_query(site: str) -> Select[Any]:
    columns = [c for c in meta.c if c.name not in ("site", "changed_at")]
    return select(*columns).where(meta.c.site == site)


_ATTEMPTS = (
    select(*(c for c in attempts.c if c.name != "delivery_id"))
    .where(attempts.c.delivery_id == bindparam("of"))
    .order_by(attempts.c.n)
)


_SENT = (
    select(attempts.c.payload)
    .join_from(attempts, deliveries_table, OF_DELIVERY)
    .join(releases, OF_RELEASE)
    .where(
        releases.c.site == bindparam("of_site"),
        deliveries_table.c.channel == bindparam("of_channel"),
        deliveries_table.c.idem_key != bindparam("but"),
        attempts.c.outcome.in_([Outcome.ACCEPTED.value, Outcome.FOUND.value]),
    )
)


@cache
def _open_query(site: str) -> Select[Any]:
    return delivery_query(site).where(deliveries_table.c.state.not_in(SETTLED))


class Reading(Database):
    """Changes nothing. What was opened for reading only is compared with its mark here."""

    def view(self, *, settled: bool = True) -> LedgerView:
        """Give all that is known of the site, as of one instant.

        ``settled`` includes deliveries with which nothing is left to do; the planner of a tick
        can do without those thousands. As long as nobody writes, the same view is given again.
        """
        version = self._data_version()
        known = self._views.get(settled)
        if known is not None and known[0] == version:
            return known[1]
        view = self._read_view(settled=settled)
        self._views[settled] = (version, view)
        return view

    def _read_view(self, *, settled: bool) -> LedgerView:
        query = delivery_query(self.site) if settled else _open_query(self.site)
        found = read_mark(self.path) if self._read_only else None  # before the ledger: see `mark`
        with self._reading() as connection:
            releases = connection.execute(release_query(self.site)).mappings().all()
            deliveries = connection.execute(query).all()
            closed = connection.execute(_closed_query(self.site)).all()
            wanted = connection.execute(requests_query(self.site)).all()
            site = self._meta(connection)
            known = provenance_of(connection)
        doubt = doubt_of(found, known, name=mark_path(self.path).name) if self._read_only else ""
        # Values are made after the transaction, so that a long list keeps no writer waiting.
        records = [to_delivery(row, self.site) for row in deliveries]
        return LedgerView(
            **site,
            releases={row["post"]: to_release(row) for row in releases},
            deliveries={record.key: record for record in records},
            closed_channels={row.channel: row.reason for row in closed},
            requests=tuple(map(to_request, wanted)),
            restored=known.restored or doubt,
        )

    def _meta(self, connection: Connection) -> dict[str, Any]:
        row = connection.execute(_meta_query(self.site))
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

    def sent_payloads(self, key: DeliveryKey) -> list[str]:
        """Give what the channel of a delivery accepted under other keys."""
        with self._reading() as connection:
            names = {"of_site": self.site, "of_channel": key.channel, "but": key.idempotency_key}
            return list(connection.execute(_SENT, names).scalars())

    def attempts(self, record: DeliveryRecord) -> list[Attempt]:
        """Give the attempts of a delivery, oldest first."""
        with self._reading() as connection:
            rows = connection.execute(_ATTEMPTS, {"of": record.id}).mappings().all()
        return [
            Attempt(**{**row, "outcome": row["outcome"] and Outcome(row["outcome"])})
            for row in rows
        ]
