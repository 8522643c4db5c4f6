"""The ledger: the memory of what was released and announced, in one SQLite file.

Small immediate transactions, and no decision: what may happen next is ``plan``'s. The schema
refuses by itself what its rules forbid.
"""

from __future__ import annotations

from publisher.ledger.alerting import Alert, Alerting
from publisher.ledger.deliveries import Deliveries
from publisher.ledger.observing import Observing
from publisher.ledger.reading import Reading
from publisher.ledger.releases import Releases
from publisher.ledger.requests import Requests
from publisher.ledger.restoring import Restoring
from publisher.ledger.rows import Attempt, Event
from publisher.ledger.sending import Sending
from publisher.ledger.upkeep import Upkeep

__all__ = ["Alert", "Attempt", "Event", "Ledger"]


class Ledger(
    Restoring,
    Observing,
    Releases,
    Requests,
    Deliveries,
    Sending,
    Alerting,
    Upkeep,
    Reading,
):
    """All that may be asked of the ledger, and all that may be told to it."""
