"""Frozen values that every layer shares: posts, deliveries, actions, the ledger as seen.

No behaviour that needs the outside world belongs here. Every instant is an aware datetime in
UTC; every duration a ``timedelta``.
"""

from __future__ import annotations

from publisher.model.actions import (
    Action,
    Adopt,
    Deliver,
    Flip,
    Hold,
    Move,
    Observe,
    Plan,
    PlannedDelivery,
    Rebuild,
    Reconcile,
    Settle,
    Sight,
    Verify,
)
from publisher.model.causes import REPLANNED, Cause
from publisher.model.channel import (
    CanFind,
    CanPrepare,
    Channel,
    DeliveryKey,
    Limits,
    Message,
    Receipt,
    Recovery,
    RecoveryKind,
)
from publisher.model.command import Command
from publisher.model.content import (
    AnnounceRule,
    Image,
    Post,
    Problem,
    Series,
)
from publisher.model.records import (
    ChannelPlan,
    DeliveryRecord,
    LedgerView,
    Policy,
    ReleaseRecord,
    Request,
    RescheduleRequest,
    WithdrawRequest,
)
from publisher.model.states import (
    DUPLICATE,
    EDGES,
    LAUNCH,
    ChannelName,
    DeliveryState,
    Embargo,
    Outcome,
    PostId,
    PostState,
    ReleaseState,
)

__all__ = [
    "DUPLICATE",
    "EDGES",
    "LAUNCH",
    "REPLANNED",
    "Action",
    "Adopt",
    "AnnounceRule",
    "CanFind",
    "CanPrepare",
    "Cause",
    "Channel",
    "ChannelName",
    "ChannelPlan",
    "Command",
    "Deliver",
    "DeliveryKey",
    "DeliveryRecord",
    "DeliveryState",
    "Embargo",
    "Flip",
    "Hold",
    "Image",
    "LedgerView",
    "Limits",
    "Message",
    "Move",
    "Observe",
    "Outcome",
    "Plan",
    "PlannedDelivery",
    "Policy",
    "Post",
    "PostId",
    "PostState",
    "Problem",
    "Rebuild",
    "Receipt",
    "Reconcile",
    "Recovery",
    "RecoveryKind",
    "ReleaseRecord",
    "ReleaseState",
    "Request",
    "RescheduleRequest",
    "Series",
    "Settle",
    "Sight",
    "Verify",
    "WithdrawRequest",
]
