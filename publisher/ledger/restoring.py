"""Records what is known of a ledger that was put back from an older copy, and frees it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from publisher.ledger.deliveries import Deliveries
from publisher.ledger.delivery_rows import (
    OWNED,
    change,
    delivery_query,
    has_unresolved,
    to_delivery,
)
from publisher.ledger.mark import REMEDY, Mark, parse_mark, provenance_of, read_mark, write_mark
from publisher.ledger.observing import Observing
from publisher.ledger.releases import Releases, add_row
from publisher.ledger.rows import log
from publisher.ledger.schema import alerts, deliveries, events, meta, provenance, requests
from publisher.ledger.sending import Sending, take_back
from publisher.model import Cause, DeliveryRecord, DeliveryState
from publisher.model.errors import LedgerError
from publisher.plan.restored import Begun, Reconciliation, may_be_out_reason

_D = DeliveryState


class Restoring(Observing, Releases, Deliveries, Sending):
    """Adopts a restored ledger; until then it takes no attempt."""

    def require_adopted(self) -> None:
        """Refuse to go on with a ledger that was restored and is not adopted yet.

        :raises LedgerError: when it is one.
        """
        with self._reading() as connection:
            restored = provenance_of(connection).restored
        if restored:
            raise LedgerError(restored, hint=REMEDY)

    def known_until(self) -> datetime | None:
        """Give the last instant that a restored copy knows of; ``None`` when it knows nothing.

        One that is still to come is none: the clock was wrong, and nobody can say since when.
        """
        restored_at = select(provenance.c.restored_at).scalar_subquery()
        first = select(func.min(events.c.seq)).where(
            events.c.kind == "restored", events.c.at == restored_at
        )
        query = select(func.max(events.c.at)).where(
            events.c.site == self.site, events.c.seq < first.scalar_subquery()
        )
        with self._reading() as connection:
            found: datetime | None = connection.execute(query).scalar()
            noticed: datetime | None = connection.execute(select(restored_at)).scalar()
        return found if found and noticed and found <= noticed else None

    def adopt_restored(self, found: Reconciliation, *, now: datetime) -> tuple[str, ...]:
        """Record what was found, and let things be sent again; doing it twice is doing it once.

        Gives the other sites of this ledger that must be adopted before anything is sent. The
        caller holds the tick lock, so that nothing is under way.
        """
        with self._writing() as connection:
            if not provenance_of(connection).restored:
                return ()
            if self.site in _pending(connection, self.site):
                self._record(connection, found, now)
            pending = _pending(connection, self.site)
            if pending:
                others = ", ".join(pending)
                reason = (
                    "this ledger is an older copy that was put back, and it serves other sites, "
                    f"too: `publisher adopt --after-restore` is still to be run for {others}"
                )
                connection.execute(update(provenance).values(reason=reason))
            else:
                self._end_restore(connection)
        return pending

    def _record(self, connection: Connection, found: Reconciliation, now: datetime) -> None:
        connection.execute(delete(requests).where(requests.c.site == self.site))  # may be old
        for record in _records(connection, self.site):
            if record.state in OWNED:
                take_back(connection, record, now)
        for seen in found.seen:
            self.observe(seen, now=now)
        for begun in found.begun:
            self._begin_again(begun, now)
        for planned in found.added:
            add_row(connection, self.site, planned, now=now)
        held = set(found.held)
        for record in _records(connection, self.site):
            if record.key in held:
                _hold(connection, record, now)
        self.adopt(found.old, now=now)
        # What the operator was told then is not what there is to tell now.
        connection.execute(alerts.delete().where(alerts.c.site == self.site))
        reason = f"an older copy was put back; held for a person: {len(held)}"
        log(connection, self.site, "adopted", now=now, reason=reason)

    def _begin_again(self, begun: Begun, now: datetime) -> None:
        path, digest, release_at = begun.path, begun.digest, begun.release_at
        if begun.is_early:
            self.request_release(
                begun.flip.post,
                reason="its file says published ahead of its date",
                path=path,
                digest=digest,
                release_at=release_at,
                now=now,
            )
        self.begin_release(begun.flip, path=path, digest=digest, release_at=release_at, now=now)

    def _end_restore(self, connection: Connection) -> None:
        known, mark = provenance_of(connection), parse_mark(read_mark(self.path))
        # One more than either, so that the same copy put back once more is noticed.
        intents = max(known.intents, mark.intents if mark else 0) + 1
        values = {"restored_at": None, "reason": "", "intents": intents}
        connection.execute(update(provenance).values(values))
        # Before the commit: if that fails, the ledger still waits to be adopted.
        write_mark(self.path, Mark(ledger=known.id, intents=intents))


def _records(connection: Connection, site: str) -> list[DeliveryRecord]:
    query = delivery_query(site).order_by(deliveries.c.id)
    return [to_delivery(row, site) for row in connection.execute(query)]


def _hold(connection: Connection, record: DeliveryRecord, now: datetime) -> None:
    """Hold a delivery for a person, as one that may have gone out; others say so themselves."""
    values: dict[str, Any] = {"reason": may_be_out_reason(record.key), "cause": Cause.RESTORED}
    if record.state is _D.FAILED:
        record = change(connection, record, to=_D.PLANNED, now=now, reason="")
    if record.state in (_D.PLANNED, _D.UNCERTAIN):
        change(connection, record, to=_D.HELD, now=now, **values)
    elif record.state is _D.HELD and not (record.evidence or has_unresolved(connection, record)):
        change(connection, record, now=now, **values)


def _pending(connection: Connection, mine: str) -> tuple[str, ...]:
    """Give the sites that were not adopted since the ledger was restored.

    Others that were never adopted at all need not be: nothing of theirs was ever sent.
    """
    newest = (
        select(events.c.site, func.max(events.c.seq).label("seq"))
        .where(events.c.kind.in_(("restored", "adopted")))
        .group_by(events.c.site)
        .subquery()
    )
    query = select(events.c.site).join(newest, events.c.seq == newest.c.seq)
    query = query.join(meta, meta.c.site == events.c.site)
    query = query.where(events.c.kind == "restored").order_by(events.c.site)
    query = query.where(or_(meta.c.adopted_at.is_not(None), meta.c.site == mine))
    return tuple(connection.execute(query).scalars())
