"""Values with good defaults, so that a test shows only what matters to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from publisher.config.settings import SiteSettings
from publisher.generators import GENERATORS
from publisher.model import (
    LAUNCH,
    ChannelName,
    ChannelPlan,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    LedgerView,
    Policy,
    Post,
    PostId,
    PostState,
    ReleaseRecord,
    ReleaseState,
)

NOW = datetime(2027, 3, 9, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
X = ChannelName("x")
SITE = SiteSettings(
    name="sample",
    url="https://chronicles.example",
    root=Path("/site"),
    posts=("blog/*.md",),
    post_url="/blog/{slug}",
    generator=GENERATORS["vitepress"],
    zone=ZoneInfo("Europe/Oslo"),
    release_time=time(9, 0),
)


def a_post(name: str = "pattern", **changes: Any) -> Post:
    facts: dict[str, Any] = {
        "id": PostId(name),
        "path": f"content/blog/{name}.md",
        "digest": hashlib.sha256(name.encode()).hexdigest(),
        "state": PostState.SCHEDULED,
        "release_at": NOW + HOUR,
        "title": "The Pattern That Prevents Chaos",
        "description": "Six steps from an idea to a finished piece.",
        "slug": name,
        "url": f"https://chronicles.example/blog/{name}",
    }
    return Post(**{**facts, **changes})


def a_policy(*channels: str, **changes: Any) -> Policy:
    names = channels or ("x",)
    plans = tuple(ChannelPlan(name=ChannelName(name)) for name in names)
    return Policy(site="sample", channels=plans, **changes)


def a_key(post: str = "pattern", channel: str = "x", occasion: str = LAUNCH) -> DeliveryKey:
    return DeliveryKey(
        site="sample", post=PostId(post), channel=ChannelName(channel), occasion=occasion
    )


def a_release(
    post: Post, state: ReleaseState = ReleaseState.SCHEDULED, **changes: Any
) -> ReleaseRecord:
    facts: dict[str, Any] = {
        "post": post.id,
        "path": post.path,
        "digest": post.digest,
        "state": state,
        "release_at": post.release_at,
    }
    return ReleaseRecord(**{**facts, **changes})


def a_delivery(
    key: DeliveryKey | None = None,
    state: DeliveryState = DeliveryState.PLANNED,
    due_at: datetime = NOW,
    **changes: Any,
) -> DeliveryRecord:
    facts: dict[str, Any] = {"id": 1, "key": key or a_key(), "due_at": due_at, "not_before": due_at}
    return DeliveryRecord(state=state, **{**facts, **changes})


def a_view(
    releases: Iterable[ReleaseRecord] = (),
    deliveries: Iterable[DeliveryRecord] = (),
    **changes: Any,
) -> LedgerView:
    facts: dict[str, Any] = {"adopted_at": NOW - 1000 * HOUR}
    return LedgerView(
        releases={record.post: record for record in releases},
        deliveries={record.key: record for record in deliveries},
        **{**facts, **changes},
    )
