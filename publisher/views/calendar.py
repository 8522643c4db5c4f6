"""What the reading commands show, as plain values: calendar, preview, log, rows of the ledger.

Nothing is changed and nothing is printed. Instants are ISO 8601: ``at`` in UTC, ``local`` in the
zone of the site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from publisher.channels.compose import Voice, compose
from publisher.config.settings import Settings
from publisher.config.voices import voice_of
from publisher.engine.deliver import from_payload
from publisher.ledger import Attempt
from publisher.model import (
    LAUNCH,
    ChannelName,
    Deliver,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Flip,
    Message,
    PlannedDelivery,
    Post,
    PostId,
    PostState,
    ReleaseRecord,
    ReleaseState,
)
from publisher.model.errors import ComposeError
from publisher.plan.calendar import Calendar, Happening
from publisher.plan.deliveries import planned_at
from publisher.views.issues import held, step_of
from publisher.views.site_state import SiteState, open_ledger
from publisher.views.words import sentence

Value = dict[str, Any]
SENT = (DeliveryState.SENT, DeliveryState.CONFIRMED)


def utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat()


# --- calendar ------------------------------------------------------------------------------


def calendar(
    seen: SiteState,
    found: Calendar,
    *,
    start: datetime | None = None,
    post: PostId | None = None,
) -> Value:
    """Give the entries of a calendar, from ``start`` on, each announcement with its text."""
    settings = seen.settings
    voices = voices_of(settings)
    chosen = [
        happening
        for happening in found.happenings
        if (start is None or happening.at >= start) and (post is None or happening.post == post)
    ]
    entries = [_entry(seen, happening, voices) for happening in chosen]
    return {
        "site": settings.site.name,
        "now": utc(seen.now),
        "timezone": settings.site.zone.key,
        "entries": sorted(entries, key=_order),
    }


def too_late(seen: SiteState, found: Calendar) -> list[PlannedDelivery]:
    """Give the announcements of coming releases that will be held: their instant is long over."""
    sent = {h.action.key for h in found.happenings if isinstance(h.action, Deliver)}
    return [
        planned
        for happening in found.happenings
        if isinstance(happening.action, Flip)
        for planned in happening.action.deliveries
        if planned.at < seen.now
        and planned.key not in sent
        and planned.key not in seen.view.deliveries
    ]


def _order(entry: Value) -> tuple[str, str, bool, str, str]:
    at = datetime.fromisoformat(entry["at"]).isoformat(timespec="microseconds")
    is_announcement = entry["action"] == "announce"
    return at, entry["post"], is_announcement, entry.get("channel", ""), entry.get("occasion", "")


def _entry(seen: SiteState, happening: Happening, voices: Mapping[ChannelName, Voice]) -> Value:
    post = seen.posts.get(happening.post)
    release = seen.view.releases.get(happening.post)
    entry: Value = {
        "at": utc(happening.at),
        "local": local(happening.at, seen.settings.site.zone),
        "action": "release" if isinstance(happening.action, Flip) else "announce",
        "post": happening.post,
        "title": post.title if post else "",
        "url": post.url if post else "",
        "state": release.state.value if release else ReleaseState.SCHEDULED.value,
        "why": happening.action.why,
    }
    if isinstance(happening.action, Deliver) and post is not None:
        key = happening.action.key
        record = seen.view.deliveries.get(key)
        entry["state"] = record.state.value if record else DeliveryState.PLANNED.value
        entry |= {"channel": key.channel, "occasion": key.occasion}
        entry |= _wording(post, voices[key.channel], record.text if record else None)[0]
    return entry


def voices_of(settings: Settings) -> Mapping[ChannelName, Voice]:
    return {channel.name: voice_of(channel) for channel in settings.channels}


def _wording(
    post: Post, voice: Voice, text: str | None, *, sent: Message | None = None
) -> tuple[Value, Message | None]:
    """Write the announcement; where that fails, ``why`` holds the complaint and text is null."""
    limits = voice.limits
    try:
        message = sent or compose(post, voice, text=text)
    except ComposeError as error:
        complaint = " - ".join(part for part in (error.what, error.hint) if part)
        return {
            "text": None,
            "length": None,
            "limit": limits.length,
            "cost_usd": None,
            "why": complaint,
        }, None
    return {
        "text": message.text,
        "length": limits.count(message.text),
        "limit": limits.length,
        "cost_usd": limits.cost_usd(message.text) if limits.cost_usd else None,
    }, message


# --- preview -------------------------------------------------------------------------------


def preview(seen: SiteState, post: Post) -> Value:
    """Give each announcement of the post as it will be sent; past ones as they stand."""
    found = seen.calendar()
    coming = {
        happening.action.key: happening
        for happening in found.happenings
        if isinstance(happening.action, Deliver) and happening.post == post.id
    }
    channels = [channel.name for channel in seen.settings.channels]
    keys = {_launch(seen, post, name) for name in channels}
    keys |= {key for key in seen.view.deliveries if key.post == post.id and key.channel in channels}
    voices = voices_of(seen.settings)
    sent = _words_sent(seen, keys)
    return {
        "post": post.id,
        "title": post.title,
        "url": post.url,
        "path": post.path,
        "announcements": [
            _announcement(seen, post, key, coming.get(key), voices[key.channel], sent.get(key))
            for key in sorted(keys, key=lambda k: (k.occasion != LAUNCH, k.occasion, k.channel))
        ],
    }


def _words_sent(seen: SiteState, keys: Iterable[DeliveryKey]) -> Mapping[DeliveryKey, Message]:
    """Give the very words of what went out: the post may have been edited since."""
    records = [seen.view.deliveries[key] for key in keys if key in seen.view.deliveries]
    done = [record for record in records if record.state in SENT and record.attempts]
    with open_ledger(seen.settings, now=seen.now, read_only=True) as ledger:
        return {r.key: from_payload(ledger.attempts(r)[-1].payload) for r in done}


def _launch(seen: SiteState, post: Post, channel: ChannelName) -> DeliveryKey:
    return DeliveryKey(site=seen.settings.site.name, post=post.id, channel=channel)


def _announcement(
    seen: SiteState,
    post: Post,
    key: DeliveryKey,
    happening: Happening | None,
    voice: Voice,
    sent: Message | None,
) -> Value:
    record = seen.view.deliveries.get(key)
    at = happening.at if happening else record.due_at if record else None
    wording, message = _wording(post, voice, record.text if record else None, sent=sent)
    image = message.image if message else post.hero
    return {
        "at": utc(at) if at else None,
        "local": local(at, seen.settings.site.zone) if at else None,
        "channel": key.channel,
        "occasion": key.occasion,
        "state": _state(record, happening),
        "why": happening.action.why if happening else _why_not(seen, post, key, record),
        "subject": message.subject if message else None,
        "link": message.link if message else post.url,
        "image": (image.url or None) if image else None,
        "image_alt": image.alt if image else None,
        **wording,
    }


def _state(record: DeliveryRecord | None, happening: Happening | None) -> str | None:
    if record is not None:
        return record.state.value
    return DeliveryState.PLANNED.value if happening else None


def _why_not(seen: SiteState, post: Post, key: DeliveryKey, record: DeliveryRecord | None) -> str:
    """Say why an announcement is not on the calendar."""
    if record is not None:
        return record.reason
    if planned_at(post, seen.settings.policy, key.channel, seen.now) is None:
        return "switched off by `announce` in the post"
    release = seen.view.releases.get(post.id)
    if post.state is PostState.PUBLISHED or (release and release.state is ReleaseState.BASELINE):
        return "was public when the site was adopted; `publisher reannounce` announces it"
    holds = [hold for hold in seen.plan().holds if hold.post == post.id]
    issues = held(seen.view, holds[:1], in_doubt=seen.in_doubt)
    return sentence(issues[0]) if issues else "its release is not on the calendar"


# --- the ledger ------------------------------------------------------------------------------


def release_value(seen: SiteState, record: ReleaseRecord) -> Value:
    post = seen.posts.get(record.post)
    due_at = record.due_at
    step = step_of(seen.view, record)
    return {
        "post": record.post,
        "title": post.title if post else "",
        "url": post.url if post else "",
        "state": record.state.value,
        "release_at": utc(due_at) if due_at else None,
        "live_at": utc(record.live_at) if record.live_at else None,
        "failures": step.failures,
        "retry_at": utc(step.retry_at) if step.retry_at else None,
        "cause": step.cause,
        "reason": step.reason,
    }


def delivery_value(record: DeliveryRecord) -> Value:
    return {
        "post": record.key.post,
        "channel": record.key.channel,
        "occasion": record.key.occasion,
        "state": record.state.value,
        "due_at": utc(record.due_at),
        "remote_id": record.remote_id,
        "remote_url": record.remote_url,
        "attempts": record.attempts,
        "cause": record.cause,
        "reason": record.reason,
    }


def attempt_value(attempt: Attempt) -> Value:
    return {
        "at": utc(attempt.intent_at),
        "ended_at": utc(attempt.ended_at) if attempt.ended_at else None,
        "outcome": attempt.outcome.value if attempt.outcome else None,
        "reason": attempt.reason,
    }


def log(seen: SiteState, name: PostId | None, *, limit: int) -> Value:
    """Give the newest events of the ledger, or of one post, oldest first."""
    with open_ledger(seen.settings, now=seen.now, read_only=True) as ledger:
        events = ledger.events(name, limit=limit)
    zone = seen.settings.site.zone
    return {
        "events": [
            {
                "seq": event.seq,
                "at": utc(event.at),
                "local": local(event.at, zone),
                "kind": event.kind,
                "post": event.post,
                "channel": event.channel,
                "occasion": event.occasion,
                "from_state": event.from_state,
                "to_state": event.to_state,
                "reason": event.reason,
            }
            for event in events
        ]
    }
