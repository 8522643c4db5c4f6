"""What happens to a delivery on its way: intent, outcome, and finding out after a crash.

The order is the guarantee: the attempt is on disk before the request leaves (R2), and "we do
not know" is kept until somebody does (R4).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from publisher.ledger.delivery_rows import (
    IS_AS_READ,
    NEWLY_UNCERTAIN,
    OWNED,
    as_read,
    belongs_elsewhere,
    change,
    end_attempt,
    evidence_of,
    has_unresolved,
    holder_of,
    insert_attempt,
    require_fresh,
    require_state,
    resolve,
    stale,
)
from publisher.ledger.reading import Reading
from publisher.ledger.release_rows import find_release
from publisher.ledger.schema import attempts, closed_channels, deliveries
from publisher.model import (
    DUPLICATE,
    LAUNCH,
    Cause,
    DeliveryRecord,
    DeliveryState,
    Outcome,
    Receipt,
    ReleaseRecord,
    ReleaseState,
)
from publisher.model.errors import LedgerError, StaleError

_D = DeliveryState
_CLOSED = select(closed_channels.c.reason).where(
    closed_channels.c.site == bindparam("of_site"),
    closed_channels.c.channel == bindparam("of_channel"),
)

_SINCE = select(deliveries.c.uncertain_era, deliveries.c.uncertain_since_s).where(IS_AS_READ)
_SEEN = (
    update(deliveries)
    .where(IS_AS_READ)
    .values(uncertain_era=bindparam("era"), uncertain_since_s=bindparam("since_s"))
)


class Sending(Reading):
    """Each method is one transaction. A record given must be as it was read (R1), else
    ``StaleError``; the record returned is the one to go on with.
    """

    def intend(
        self,
        record: DeliveryRecord,
        *,
        payload: str,
        deadline: datetime,
        schedule_rev: int,
        now: datetime,
        era: str | None = None,
        monotonic_s: float | None = None,
    ) -> DeliveryRecord | None:
        """Write down that the request may leave from now on; ask the gate once more first.

        ``payload`` is the text that leaves, kept so that it can be repeated or looked up.
        ``schedule_rev`` is the release's when the delivery was planned. ``monotonic_s`` is now on
        the clock that never steps, counted in the boot ``era``. With the gate closed the
        delivery is ``planned`` again, and ``None`` says that nothing may be sent.
        """
        require_state(record, _D.CLAIMED)
        with self._writing() as connection:
            require_fresh(connection, record)
            release = self._release_of(connection, record)
            closed, until = self._gate(connection, record, release, now)
            if not closed and release.schedule_rev != schedule_rev:
                closed = "its post was given another date"
            if closed:
                values = {"not_before": until} if until is not None else {}
                change(connection, record, to=_D.PLANNED, now=now, reason=closed, **values)
                return None
            self._require_marked(connection)
            insert_attempt(
                connection, record, payload, deadline, now, era=era, monotonic_s=monotonic_s
            )
            return change(connection, record, to=_D.SENDING, now=now, reason="")

    def intend_again(
        self,
        record: DeliveryRecord,
        *,
        owner: str,
        payload: str,
        deadline: datetime,
        now: datetime,
        era: str | None = None,
        monotonic_s: float | None = None,
    ) -> DeliveryRecord | None:
        """Write down that an uncertain request is repeated, on a channel that honours its key.

        ``None`` when the page is not public any more or the channel is closed; the delivery
        stays ``uncertain`` then. Whether the key is still alive is for the caller to know.

        :raises LedgerError: when the payload differs from that of the last attempt.
        """
        require_state(record, _D.UNCERTAIN)
        with self._writing() as connection:
            require_fresh(connection, record)
            release = self._release_of(connection, record)
            if not _is_public(release, record) or self._is_closed(connection, record):
                return None
            _require_same(connection, record, payload)
            self._require_marked(connection)
            insert_attempt(
                connection, record, payload, deadline, now, era=era, monotonic_s=monotonic_s
            )
            owned = {"owner": owner, "lease_until": deadline}
            return change(connection, record, to=_D.SENDING, now=now, reason="", **owned)

    def record_outcome(
        self,
        record: DeliveryRecord,
        outcome: Outcome,
        *,
        now: datetime,
        reason: str = "",
        receipt: Receipt | None = None,
        not_before: datetime | None = None,
        permanent: bool = False,
        evidence: str = "response",
        is_held: bool = False,
    ) -> DeliveryRecord:
        """End the open attempt and move the delivery on.

        ``not_sent`` is planned again (not before ``not_before``), or failed when ``permanent``;
        but while an earlier attempt may have arrived it is uncertain (R4). A remote id that
        another delivery has already makes it ``held``; so does ``is_held`` with what was sent.
        """
        require_state(record, _D.SENDING)
        values: dict[str, Any] = {"reason": reason}
        if not_before is not None:
            values["not_before"] = not_before
        with self._writing() as connection:
            require_fresh(connection, record)
            match outcome:
                case Outcome.ACCEPTED | Outcome.FOUND:
                    record = _accept(connection, record, outcome, receipt, evidence, reason, now)
                    if is_held and record.state is _D.SENT:
                        values["cause"] = Cause.INCOMPLETE
                        return change(connection, record, to=_D.HELD, now=now, **values)
                    return record
                case Outcome.UNKNOWN:
                    to, values["cause"] = _D.UNCERTAIN, Cause.UNKNOWN_OUTCOME
                    if evidence == DUPLICATE:
                        values["evidence"] = evidence
                case Outcome.NOT_SENT if has_unresolved(connection, record):
                    to, values["cause"] = _D.UNCERTAIN, Cause.UNKNOWN_OUTCOME
                case Outcome.NOT_SENT:
                    to = _D.FAILED if permanent else _D.PLANNED
                    values["cause"] = Cause.REFUSED
                case Outcome.ABSENT:
                    raise ValueError("an attempt under way cannot be absent; see record_absent")
            if to is _D.UNCERTAIN:
                values |= NEWLY_UNCERTAIN
            end_attempt(connection, record, outcome, reason, now)
            return change(connection, record, to=to, now=now, **values)

    def confirm(
        self, record: DeliveryRecord, *, now: datetime, receipt: Receipt | None = None
    ) -> DeliveryRecord:
        """Record that a sent announcement was read back, or cannot be by design.

        Where the service did not name it when it accepted it, ``receipt`` does, unless that is
        another delivery's.
        """
        require_state(record, _D.SENT)
        with self._writing() as connection:
            values: dict[str, Any] = {}
            if (
                receipt is not None
                and record.remote_id is None
                and not holder_of(connection, record, receipt.remote_id)
            ):
                values = {"remote_id": receipt.remote_id or None, "remote_url": receipt.remote_url}
            return change(connection, record, to=_D.CONFIRMED, now=now, **values)

    # --- finding out ---------------------------------------------------------------------

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

    # --- the gate ------------------------------------------------------------------------

    def _gate(
        self,
        connection: Connection,
        record: DeliveryRecord,
        release: ReleaseRecord,
        now: datetime,
    ) -> tuple[str, datetime | None]:
        """Say why a delivery may not go out, and until when if that is known."""
        if not _is_public(release, record):
            return "waits until the page is live", None
        is_baseline = release.state is ReleaseState.BASELINE  # public, whatever its date says
        if release.due_at is not None and release.due_at > now and not is_baseline:
            return "its post was given a later date", max(release.due_at, record.not_before)
        if record.not_before > now:
            return record.reason or "waits for its instant", None
        if self._is_closed(connection, record):
            return f"the channel {record.key.channel} is closed", None
        return "", None

    def _is_closed(self, connection: Connection, record: DeliveryRecord) -> bool:
        names = {"of_site": self.site, "of_channel": record.key.channel}
        return connection.execute(_CLOSED, names).first() is not None

    def _release_of(self, connection: Connection, record: DeliveryRecord) -> ReleaseRecord:
        release = find_release(connection, self.site, record.key.post)
        if release is None:
            raise stale(record)
        return release


def _is_public(release: ReleaseRecord, record: DeliveryRecord) -> bool:
    if release.state is ReleaseState.LIVE:
        return True
    return release.state is ReleaseState.BASELINE and record.key.occasion != LAUNCH


def _require_same(connection: Connection, record: DeliveryRecord, payload: str) -> None:
    query = select(attempts.c.payload).where(attempts.c.delivery_id == record.id)
    last = connection.execute(query.order_by(attempts.c.n.desc()).limit(1)).scalar()
    if last != payload:
        raise LedgerError(
            f"{record.key} reads differently from what may have been sent already",
            why="a key is only honoured for the same bytes",
            hint=f"look at the channel, then `publisher resolve {record.key}`",
        )


def _accept(
    connection: Connection,
    record: DeliveryRecord,
    outcome: Outcome,
    receipt: Receipt | None,
    evidence: str,
    reason: str,
    now: datetime,
) -> DeliveryRecord:
    """Record that the service holds the announcement; earlier unknown attempts are that one."""
    holder = holder_of(connection, record, receipt.remote_id if receipt else None)
    if not holder or receipt is None:
        end_attempt(connection, record, outcome, reason, now)
        resolve(connection, record, Outcome.FOUND)
        found = evidence_of(receipt, evidence)
        return change(connection, record, to=_D.SENT, now=now, reason=reason, **found)
    reason = belongs_elsewhere(receipt, holder)
    if outcome is Outcome.ACCEPTED:
        end_attempt(connection, record, outcome, reason, now)
        values: dict[str, Any] = {"evidence": evidence, "remote_url": receipt.remote_url}
        record = change(connection, record, to=_D.SENT, now=now, reason=reason, **values)
    else:
        end_attempt(connection, record, Outcome.UNKNOWN, reason, now)
        values = {"reason": reason, "cause": Cause.UNKNOWN_OUTCOME, **NEWLY_UNCERTAIN}
        record = change(connection, record, to=_D.UNCERTAIN, now=now, **values)
    return change(connection, record, to=_D.HELD, now=now, reason=reason, cause=Cause.ID_TAKEN)


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
