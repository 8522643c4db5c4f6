"""What happens to a delivery while nothing is on its way: planned, moved, claimed, settled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from publisher.ledger.database import Database
from publisher.ledger.delivery_rows import (
    change,
    has_unresolved,
    holder_of,
    require_fresh,
    require_state,
    resolve,
)
from publisher.ledger.release_rows import UNDER_WAY, find_release
from publisher.ledger.releases import add_row
from publisher.ledger.rows import insert_new, log
from publisher.ledger.schema import closed_channels
from publisher.model import (
    Cause,
    ChannelName,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Outcome,
    PlannedDelivery,
)
from publisher.model.errors import LedgerError, StaleError

_D = DeliveryState
_SETTLES = {
    _D.PLANNED: (_D.HELD, _D.SKIPPED, _D.CANCELLED),
    _D.HELD: (_D.PLANNED, _D.SENT, _D.CANCELLED),
    _D.FAILED: (_D.PLANNED, _D.CANCELLED),
    _D.CANCELLED: (_D.PLANNED,),
    _D.SKIPPED: (_D.PLANNED,),
    _D.UNCERTAIN: (_D.HELD, _D.SENT, _D.PLANNED),
    _D.SENT: (_D.HELD,),  # accepted, and not to be seen when read back
}


class Deliveries(Database):
    """Each method is one transaction. A record given must be as it was read (R1), else
    ``StaleError``; the record returned is the one to go on with.
    """

    def add_delivery(
        self, key: DeliveryKey, *, at: datetime, text: str | None, reason: str, now: datetime
    ) -> bool:
        """Plan an announcement under an occasion of its own; ``False`` when the key exists.

        :raises LedgerError: when the post is not in the ledger.
        """
        planned = PlannedDelivery(key=key, at=at)
        with self._writing() as connection:
            return add_row(connection, self.site, planned, now=now, reason=reason, text=text)

    def move(
        self, record: DeliveryRecord, *, at: datetime, reason: str, now: datetime
    ) -> DeliveryRecord:
        """Give a planned delivery another instant."""
        require_state(record, _D.PLANNED)
        with self._writing() as connection:
            moved = change(connection, record, now=now, due_at=at, not_before=at)
            log(
                connection,
                self.site,
                "moved",
                now=now,
                post=record.key.post,
                channel=record.key.channel,
                occasion=record.key.occasion,
                fence=moved.fence,
                reason=reason,
            )
        return moved

    def settle(
        self,
        record: DeliveryRecord,
        to: DeliveryState,
        *,
        reason: str,
        now: datetime,
        cause: Cause | None = None,
        remote_id: str | None = None,
        remote_url: str | None = None,
        evidence: str | None = None,
        due_at: datetime | None = None,
        with_post: bool = False,
    ) -> DeliveryRecord:
        """Decide about a delivery without sending it.

        Making a held or uncertain one ``sent`` says that its unknown attempts arrived, making
        it ``planned`` that they did not; both are for a person to say. ``due_at`` gives it
        another instant. ``with_post`` says that it is cancelled because its post is over.

        :raises LedgerError: when that cannot be decided in its state, when an attempt may have
            gone out, or when another delivery has that remote id.
        :raises StaleError: when it is cancelled with its post, and that is there again.
        """
        if to not in _SETTLES.get(record.state, ()):
            raise LedgerError(f"{record.key} is {record.state}; it cannot become {to}")
        values: dict[str, Any] = {"reason": reason, "cause": cause}
        if due_at is not None:
            values |= {"due_at": due_at, "not_before": due_at}
        if to is _D.PLANNED:
            values |= {"remote_id": None, "remote_url": None, "evidence": None}
        if to is _D.SENT:
            values |= {
                "remote_id": remote_id or record.remote_id,
                "remote_url": remote_url or record.remote_url,
                "evidence": evidence or "human",
            }
        with self._writing() as connection:
            require_fresh(connection, record)
            if with_post:
                _require_over(connection, record)
            if to is _D.SENT:
                _require_unused(connection, record, remote_id)
                resolve(connection, record, Outcome.FOUND)
            elif to is _D.PLANNED and record.state in (_D.HELD, _D.UNCERTAIN):
                resolve(connection, record, Outcome.ABSENT)
            elif to is _D.PLANNED and has_unresolved(connection, record):
                raise _may_be_out(record)
            return change(connection, record, to=to, now=now, **values)

    def claim(
        self, record: DeliveryRecord, *, owner: str, lease_until: datetime, now: datetime
    ) -> DeliveryRecord:
        """Take a planned delivery for one process, which may then render and upload."""
        require_state(record, _D.PLANNED)
        with self._writing() as connection:
            return change(
                connection, record, to=_D.CLAIMED, now=now, owner=owner, lease_until=lease_until
            )

    def release_claim(
        self,
        record: DeliveryRecord,
        *,
        reason: str,
        cause: Cause | None = None,
        not_before: datetime | None,
        now: datetime,
    ) -> DeliveryRecord:
        """Give a claimed delivery back, with nothing sent; impossible after an intent."""
        require_state(record, _D.CLAIMED)
        values: dict[str, Any] = {"reason": reason, "cause": cause}
        if not_before is not None:
            values["not_before"] = not_before
        with self._writing() as connection:
            return change(connection, record, to=_D.PLANNED, now=now, **values)

    def keep_draft(
        self, record: DeliveryRecord, draft: str | None, *, now: datetime
    ) -> DeliveryRecord:
        """Remember what a channel prepared for a claimed delivery."""
        require_state(record, _D.CLAIMED)
        with self._writing() as connection:
            return change(connection, record, now=now, draft=draft)

    # --- channels ------------------------------------------------------------------------

    def close_channel(self, name: ChannelName, reason: str, *, now: datetime) -> None:
        """Let nothing out through a channel until ``open_channel``; closing twice is once."""
        row = {"site": self.site, "channel": name, "reason": reason, "closed_at": now}
        with self._writing() as connection:
            if insert_new(connection, closed_channels, row):
                self._log_channel(connection, name, "closed", reason, now)

    def open_channel(self, name: ChannelName, *, now: datetime) -> None:
        """Let a closed channel send again; an open one stays open."""
        here = (closed_channels.c.site == self.site) & (closed_channels.c.channel == name)
        with self._writing() as connection:
            if connection.execute(closed_channels.delete().where(here)).rowcount:
                self._log_channel(connection, name, "open", "", now)

    def _log_channel(
        self, connection: Connection, name: ChannelName, state: str, reason: str, now: datetime
    ) -> None:
        log(
            connection,
            self.site,
            "channel",
            now=now,
            channel=name,
            to_state=state,
            reason=reason,
        )


def _require_unused(connection: Connection, record: DeliveryRecord, remote_id: str | None) -> None:
    holder = holder_of(connection, record, remote_id)
    if holder:
        raise LedgerError(
            f"{record.key} cannot be {remote_id}: {holder} has that id already",
            hint="look at the channel again, and give the id or address of this announcement",
        )


def _may_be_out(record: DeliveryRecord) -> LedgerError:
    return LedgerError(
        f"{record.key} may have gone out: an attempt has an unknown outcome",
        why="sending it again could announce the post twice",
        hint=f"`publisher reannounce {record.key.post}` announces it under a new occasion",
    )


def _require_over(connection: Connection, record: DeliveryRecord) -> None:
    """Refuse to cancel with its post what only a new release of that post could plan again."""
    release = find_release(connection, record.key.site, record.key.post)
    if release is not None and release.state in UNDER_WAY:
        raise StaleError(
            f"{record.key.post} is {release.state} again",
            why="it came back after this was decided",
            hint="run the command again",
        )
