"""A whole small site in a folder, with the real engine, ledger and files, in virtual time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from publisher import locks
from publisher.clock import VirtualClock
from publisher.compose import Voice
from publisher.courier import Courier, Outlet
from publisher.engine import Engine, Outlets, Tick
from publisher.ledger import Ledger
from publisher.model import (
    ChannelName,
    ChannelPlan,
    DeliveryRecord,
    Limits,
    Message,
    Policy,
    Post,
    Receipt,
    Recovery,
    RecoveryKind,
)
from publisher.posts import Library
from publisher.presets import PRESETS
from publisher.reconcile import Reconciler
from publisher.report import Event
from publisher.settings import SiteSettings
from publisher.site import Look, RebuildResult

ZONE = ZoneInfo("Europe/Oslo")


@dataclass(slots=True)
class ScriptedChannel:
    """A service in memory. ``script`` is called per send and may raise what a service would."""

    recovery: Recovery = field(default_factory=lambda: Recovery(kind=RecoveryKind.NONE))
    limits: Limits = field(default_factory=Limits)
    posts: list[tuple[str, str]] = field(default_factory=list)  # (key, text) as readers see them
    before: list[Exception] = field(default_factory=list)  # raised instead of accepting
    after: list[Exception] = field(default_factory=list)  # raised after accepting

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        if self.before:
            raise self.before.pop(0)
        keys = [known for known, _ in self.posts]
        if self.recovery.kind is RecoveryKind.KEY and key in keys:
            return Receipt(remote_id=f"r{keys.index(key) + 1}")
        self.posts.append((key, message.text))
        if self.after:
            raise self.after.pop(0)
        return Receipt(remote_id=f"r{len(self.posts)}")


@dataclass(slots=True)
class SearchableChannel(ScriptedChannel):
    """A service that can be asked; ``hidden`` look-ups miss what is there, as a slow index does."""

    recovery: Recovery = field(
        default_factory=lambda: Recovery(kind=RecoveryKind.LOOKUP, settle=timedelta(minutes=5))
    )
    hidden: int = 0

    def find(
        self, message: Message, *, key: str, draft: str | None, since: datetime
    ) -> Receipt | None:
        if self.hidden:
            self.hidden -= 1
            return None
        texts = [text for _, text in self.posts]
        return (
            Receipt(remote_id=f"r{texts.index(message.text) + 1}")
            if message.text in texts
            else None
        )


@dataclass(slots=True)
class ScriptedSite:
    """A site whose builds and looks succeed unless told otherwise."""

    builds: list[RebuildResult] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    built: int = 0

    def rebuild(self, stop: threading.Event) -> RebuildResult:
        self.built += 1
        return (
            self.builds.pop(0)
            if self.builds
            else RebuildResult(ok=True, reason="", tail="", seconds=0.1)
        )

    def verify(self, post: Post, body: str) -> Look:
        return self.looks.pop(0) if self.looks else Look(ok=True)


@dataclass(slots=True)
class World:
    """Files, ledger and services of one site; engines come and go."""

    root: Path
    clock: VirtualClock
    channels: dict[str, ScriptedChannel]
    site: ScriptedSite = field(default_factory=ScriptedSite)
    policy_changes: dict[str, object] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    @property
    def settings(self) -> SiteSettings:
        return SiteSettings(
            name="sample",
            url="https://chronicles.example",
            root=self.root / "content",
            posts="blog/**/*.md",
            post_url="/blog/{slug}",
            preset=PRESETS["vitepress"],
            zone=ZONE,
            release_time=time(9, 0),
            channels=tuple(ChannelName(name) for name in self.channels),
        )

    @property
    def policy(self) -> Policy:
        plans = tuple(ChannelPlan(name=ChannelName(name)) for name in self.channels)
        return Policy(site="sample", channels=plans, **self.policy_changes)  # type: ignore[arg-type]

    def write(
        self, name: str, *, at: datetime | None, status: str = "scheduled", more: str = ""
    ) -> Path:
        """Write a post; ``at`` goes into `reveal`."""
        path = self.root / "content" / "blog" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        reveal = f"reveal: {at.isoformat()}\n" if at is not None else ""
        path.write_text(
            f"---\ntitle: Post {name}\ndescription: About {name}.\n"
            f"{reveal}status: {status}\n{more}---\n\n"
            f"The text of {name} is long enough to be told from any other text.\n"
        )
        return path

    @contextmanager
    def engine(self, *, on_event: Callable[[Event], None] | None = None) -> Iterator[Engine]:
        """Open an engine on this world, as a process would."""

        def report(event: Event) -> None:
            self.events.append(event)
            if on_event is not None:
                on_event(event)

        state = self.root / ".publisher"
        url = f"sqlite:///{state / 'ledger.sqlite'}"
        with Ledger.open(url, site="sample", now=self.clock.now()) as ledger:
            courier = Courier(
                ledger=ledger,
                clock=self.clock,
                owner="test",
                report=report,
                load_image=lambda post: None,
            )
            outlets = {ChannelName(n): outlet(n, c) for n, c in self.channels.items()}
            yield Engine(
                library=Library(self.settings, self.root),
                ledger=ledger,
                site=self.site,
                outlets=Outlets(ready=outlets),
                policy=self.policy,
                courier=courier,
                reconciler=Reconciler(
                    ledger=ledger,
                    clock=self.clock,
                    courier=courier,
                    report=report,
                    stale_after=timedelta(hours=24),
                ),
                clock=self.clock,
                tick_lock=partial(locks.hold, state, locks.TICK, wait=True),
                report=report,
                verify_timeout=timedelta(minutes=15),
                is_tree_busy=lambda: False,
            )

    def tick(self) -> Tick:
        with self.engine() as engine:
            return engine.tick()

    def run_until(self, end: datetime, *, sweep: timedelta = timedelta(minutes=1)) -> None:
        """Tick at every wake-up and at least once per ``sweep``, until ``end``."""
        with self.engine() as engine:
            while True:
                result = engine.tick()
                if self.clock.now() >= end:
                    return
                at = min(self.clock.now() + sweep, end)
                if result.plan.next_at is not None:
                    at = min(at, result.plan.next_at)
                self.clock.advance_to(at)

    def deliveries(self) -> dict[str, DeliveryRecord]:
        with self.engine() as engine:
            return {str(key): record for key, record in engine.ledger.view().deliveries.items()}

    def names(self, prefix: str = "") -> list[str]:
        return [event.name for event in self.events if event.name.startswith(prefix)]


def outlet(name: str, channel: ScriptedChannel) -> Outlet:
    voice = Voice(
        channel=name,
        template="{{ post.title }} {{ post.url }}",
        subject="{{ post.title }}",
        limits=channel.limits,
    )
    return Outlet(channel=channel, voice=voice, timeout=timedelta(seconds=60))


def a_world(
    root: Path,
    now: datetime,
    channels: Sequence[str] | dict[str, ScriptedChannel] = ("x",),
    **changes: object,
) -> World:
    made = (
        channels if isinstance(channels, dict) else {name: ScriptedChannel() for name in channels}
    )
    return World(root=root, clock=VirtualClock(now), channels=made, policy_changes=changes)
