"""What stands in for the world while a rehearsal plays: outboxes, and a server for the site.

Channels speak with the voices of the real ones; the site shows what was really built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event as Flag

from publisher.config.settings import ChannelSettings, Settings
from publisher.config.voices import voice_of
from publisher.engine.release import Site
from publisher.model import LedgerView, Post, PostId
from publisher.posts.library import Scan
from publisher.site import verify
from publisher.site.site import Look, RebuildResult

SHAPES = {"x": "x", "linkedin": "linkedin"}


def outboxes_for(settings: Settings, folder: Path) -> tuple[ChannelSettings, ...]:
    """Give the outbox that stands in for each channel, in its shape; name and delay stay."""
    outboxes = []
    for channel in settings.channels:
        shape = channel.options.get("shape") if channel.type == "outbox" else None
        if shape is None:
            is_mail = voice_of(channel).limits.mail
            shape = "newsletter" if is_mail else SHAPES.get(channel.type, "plain")
        options = {"shape": shape, "folder": str(folder)}
        outboxes.append(
            ChannelSettings(
                name=channel.name,
                type="outbox",
                options=options,
                after=channel.after,
                timeout=channel.timeout,
            )
        )
    return tuple(outboxes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedSite:
    """The site of the copy, whose live page is what a server on this machine shows.

    Posts, feed and announcements keep the URLs that they will really have.
    """

    built: Site  # which looks at the output only
    settings: Settings
    served_at: str

    def pull(self, now: datetime) -> bool | None:
        return None  # the real repository is left alone

    def push(self, view: LedgerView, now: datetime) -> None:
        pass

    def troubles(self) -> Mapping[str, str]:
        return self.built.troubles()

    def is_outdated(self, scan: Scan, view: LedgerView, now: datetime) -> bool:
        return self.built.is_outdated(scan, view, now)

    def rebuild(
        self, posts: Sequence[PostId], view: LedgerView, now: datetime, stop: Flag
    ) -> RebuildResult:
        return self.built.rebuild(posts, view, now, stop)

    def verify(self, post: Post, body: str) -> Look:
        look = self.built.verify(post, body)
        if not look.ok:
            return look
        live = verify.verify_live(
            post,
            verify.excerpts(body),
            settings=self.settings.verify,
            site_url=self.settings.site.url,
            served_at=self.served_at,
        )
        return Look(ok=live.ok, reason=live.reason)
