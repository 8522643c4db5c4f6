"""Finding out what became of deliveries: looked up, found, or their process ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from publisher.ledger.attempts import (
    belongs_elsewhere,
    end_attempt,
    evidence_of,
    holder_of,
    resolve,
)
from publisher.ledger.delivery_rows import (
    IS_AS_READ,
    NEWLY_UNCERTAIN,
    OWNED,
    as_read,
    change,
    require_fresh,
    require_state,
    stale,
)
from publisher.ledger.reading import Reading
from publisher.ledger.schema import deliveries
from publisher.model import Cause, DeliveryRecord, DeliveryState, Outcome, Receipt
from publisher.model.errors import StaleError

_D = DeliveryState
_SINCE = select(deliveries.c.uncertain_era, deliveries.c.uncertain_since_s).where(IS_AS_READ)
_SEEN = (
    update(deliveries)
    .where(IS_AS_READ)
    .values(uncertain_era=bindparam("era"), uncertain_since_s=bindparam("since_s"))
)


class Reconciling(Reading):
    """Each method is one transaction. A record given must be as it was read (R1), else
    ``StaleError``; the record returned is the one to go on with.
    """

    def record_absent(
        self, record: DeliveryRecord, *, now: datetime, not_before: datetime
    ) -> DeliveryRecord:
        """Record that the service does not hold an uncertain announcement; R5 is the caller's."""
        require_state(record, _D.UNCERTAIN)
        reason = "looked up: it did not arrive"
        with self._writing() as connection:
            require_fresh(connection, record)
            resolve(connection, record, Outcome.ABSENT)
            return change(
                connection, record, to=_D.PLANNED, now=now, reason=reason, not_before=not_before
            )

    def record_found(
        self,
        record: DeliveryRecord,
        receipt: Receipt,
        *,
        now: datetime,
        evidence: str = "lookup",
    ) -> DeliveryRecord:
        """Record that the service holds an uncertain announcement.

        What it found may belong to another delivery; then this one is ``held``.
        """
        require_state(record, _D.UNCERTAIN)
        with self._writing() as connection:
            require_fresh(connection, record)
            holder = holder_of(connection, record, receipt.remote_id)
            if holder:
                reason = belongs_elsewhere(receipt, holder)
                return change(
                    connection, record, to=_D.HELD, now=now, reason=reason, cause=Cause.ID_TAKEN
                )
            resolve(connection, record, Outcome.FOUND)
            found = evidence_of(receipt, evidence)
            return change(connection, record, to=_D.SENT, now=now, reason="", **found)

    def recover(self, *, owner_alive: Callable[[str], bool], now: datetime) -> list[DeliveryRecord]:
        """Take deliveries from processes that ended: not sent if claimed, uncertain if sending.

        Begins a tick: a file that took the ledger's place meanwhile is opened first.

        :raises LedgerError: when the ledger's file is gone or cannot be used.
        """
        self._stay_with_file(now)
        records = self.view(settled=False).deliveries.values()
        owned = [record for record in records if record.state in OWNED]
        dead = [record for record in owned if not owner_alive(record.owner or "")]
        if not dead:
            return []
        with self._writing() as connection:
            taken = [take_back(connection, record, now) for record in dead]
        return [record for record in taken if record is not None]

    def observe_uncertain(self, record: DeliveryRecord, *, era: str, monotonic_s: float) -> float:
        """Give the monotonic second at which the delivery was first seen uncertain in this era.

        ``era`` names the boot that ``monotonic_s`` counts in. The answer is kept for other
        processes of that boot; the record stays usable.
        """
        with self._writing() as connection:
            found = connection.execute(_SINCE, as_read(record)).first()
            if found is None:
                raise stale(record)
            if found.uncertain_era == era:
                return float(found.uncertain_since_s)
            connection.execute(_SEEN, {**as_read(record), "era": era, "since_s": monotonic_s})
        return monotonic_s


def take_back(
    connection: Connection, record: DeliveryRecord, now: datetime
) -> DeliveryRecord | None:
    """Free one delivery of a process that ended; ``None`` when it moved on meanwhile."""
    try:
        require_fresh(connection, record)
    except StaleError:
        return None
    if record.state is _D.CLAIMED:
        reason = "its process ended before it was sent"
        values: dict[str, Any] = {"reason": reason, "cause": Cause.INTERRUPTED}
        return change(connection, record, to=_D.PLANNED, now=now, **values)
    reason = "its process ended while it was being sent"
    end_attempt(connection, record, Outcome.UNKNOWN, reason, now)
    values = {"reason": reason, "cause": Cause.INTERRUPTED, **NEWLY_UNCERTAIN}
    return change(connection, record, to=_D.UNCERTAIN, now=now, **values)
