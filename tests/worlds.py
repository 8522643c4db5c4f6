"""A whole small site in a folder, with the real engine, ledger and files, in virtual time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from publisher.channels.compose import Voice
from publisher.config.settings import SiteSettings
from publisher.engine.deliver import OpenChannel, Sender
from publisher.engine.recover import Reconciler
from publisher.engine.tick import Engine, OpenChannels, Tick
from publisher.generators import GENERATORS
from publisher.ledger import Ledger
from publisher.model import (
    ChannelName,
    ChannelPlan,
    DeliveryKey,
    DeliveryRecord,
    Hold,
    LedgerView,
    Limits,
    Message,
    Observe,
    Policy,
    Post,
    PostId,
    Receipt,
    Recovery,
    RecoveryKind,
    ReleaseRecord,
    Sight,
)
from publisher.model.errors import GitError
from publisher.plan import plan
from publisher.plan.builder import is_old
from publisher.posts.library import Library, Scan
from publisher.site.site import Look, RebuildResult
from publisher.system import locks
from publisher.system.clock import VirtualClock
from publisher.system.report import Event

ZONE = ZoneInfo("Europe/Oslo")


class SettableClock(VirtualClock):
    """A clock whose wall time somebody sets; its seconds go on as if nothing had happened."""

    def set_ahead(self, by: timedelta) -> None:
        """Set the wall clock ahead, or back when ``by`` is negative."""
        self._now += by


@dataclass(slots=True)
class ScriptedChannel:
    """A service in memory, with what it raises and what happens elsewhere while it is busy."""

    recovery: Recovery = field(default_factory=lambda: Recovery(kind=RecoveryKind.NONE))
    limits: Limits = field(default_factory=Limits)
    posts: list[tuple[str, str]] = field(default_factory=list)  # (key, text) as readers see them
    before: list[Exception] = field(default_factory=list)  # raised instead of accepting
    after: list[Exception] = field(default_factory=list)  # raised after accepting
    while_sending: list[Callable[[], object]] = field(default_factory=list)  # one for each send

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        if self.while_sending:
            self.while_sending.pop(0)()
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
class PreparingChannel(ScriptedChannel):
    """A service that wants an upload first: the time between a claim and its intent."""

    refusals: list[Exception] = field(default_factory=list)  # raised by the uploads
    while_preparing: list[Callable[[], object]] = field(default_factory=list)  # one for each

    def prepare(self, message: Message, *, key: str) -> str | None:
        if self.while_preparing:
            self.while_preparing.pop(0)()
        if self.refusals:
            raise self.refusals.pop(0)
        return "draft-1"


@dataclass(slots=True)
class ScriptedSite:
    """A site whose builds and looks succeed unless told otherwise."""

    builds: list[RebuildResult] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    built: int = 0
    has_commits: bool = False  # that others pushed
    has_edits: bool = False
    pull_fails: str = ""
    before_pull: Callable[[], object] = bool  # what happens elsewhere, and comes with a pull
    has_news: bool = False  # commits that came, and are not built yet
    stands: dict[str, str] = field(default_factory=dict)  # troubles by name
    pushes: int = 0  # how often it was asked to make up for one

    def pull(self, now: datetime) -> bool | None:
        if self.pull_fails:
            raise GitError(self.pull_fails)
        self.before_pull()
        came, self.has_commits = self.has_commits, False
        self.has_news |= came
        return came

    def push(self, view: LedgerView, now: datetime) -> None:
        self.pushes += 1

    def troubles(self) -> Mapping[str, str]:
        return self.stands

    def is_outdated(self, scan: Scan, view: LedgerView, now: datetime) -> bool:
        return self.has_edits or self.has_news

    def rebuild(
        self, posts: Sequence[PostId], view: LedgerView, now: datetime, stop: threading.Event
    ) -> RebuildResult:
        self.built += 1
        self.has_edits = self.has_news = False
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
    clock: SettableClock
    channels: dict[str, ScriptedChannel]
    site: ScriptedSite = field(default_factory=ScriptedSite)
    policy_changes: dict[str, object] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    is_tree_busy: bool = False  # git is in the middle of changing files

    @property
    def settings(self) -> SiteSettings:
        return SiteSettings(
            name="sample",
            url="https://chronicles.example",
            root=self.root / "content",
            posts=("blog/**/*.md",),
            post_url="/blog/{slug}",
            generator=GENERATORS["vitepress"],
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

    @property
    def state_dir(self) -> Path:
        return self.root / ".publisher"

    def ledger(self) -> Ledger:
        """Open the ledger by itself, as a command does beside whatever else runs."""
        url = f"sqlite:///{self.state_dir / 'ledger.sqlite'}"
        return Ledger.open(url, site="sample", now=self.clock.now())

    @contextmanager
    def engine(
        self, *, on_event: Callable[[Event], None] | None = None, is_locked: bool = True
    ) -> Iterator[Engine]:
        """Open an engine on this world, as a process would.

        ``is_locked`` false: the tick lock does not work, as on a bad network file system.
        """

        def report(event: Event) -> None:
            self.events.append(event)
            if on_event is not None:
                on_event(event)

        with self.ledger() as ledger:
            sender = Sender(
                ledger=ledger,
                clock=self.clock,
                owner="test",
                report=report,
                load_image=lambda post: None,
            )
            open_channels = {ChannelName(n): open_channel(n, c) for n, c in self.channels.items()}
            yield Engine(
                library=Library(self.settings, self.root),
                ledger=ledger,
                site=self.site,
                open_channels=OpenChannels(ready=open_channels),
                policy=self.policy,
                sender=sender,
                reconciler=Reconciler(
                    ledger=ledger,
                    clock=self.clock,
                    sender=sender,
                    report=report,
                    stale_after=timedelta(hours=24),
                ),
                clock=self.clock,
                tick_lock=partial(self._tick_lock, is_locked=is_locked),
                report=report,
                verify_timeout=timedelta(minutes=15),
                is_tree_busy=lambda: self.is_tree_busy,
            )

    def _tick_lock(self, *, is_locked: bool) -> AbstractContextManager[None]:
        return locks.hold(self.state_dir, locks.TICK, wait=True) if is_locked else nullcontext()

    def tick(self, *, is_locked: bool = True) -> Tick:
        with self.engine(is_locked=is_locked) as engine:
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

    # --- what commands do beside the ticks -----------------------------------------------

    def notice(self) -> None:
        """Let the ledger learn of edits, as a tick or a command of another process does."""
        with self.ledger() as ledger:
            posts = self.scan()
            for action in plan(posts, ledger.view(), self.policy, self.clock.now()).actions:
                if isinstance(action, Observe):
                    ledger.observe(action, now=self.clock.now())

    def adopt(self, scan: Scan | None = None) -> int:
        """Take what is public or due as it is, as `publisher adopt` does."""
        now = self.clock.now()
        seen = [
            Observe.of(post, Sight.BASELINE, "adopted")
            for post in (scan.posts if scan else self.scan())
            if is_old(post, now)
        ]
        with self.ledger() as ledger:
            return ledger.adopt(seen, now=now)

    def announce_again(
        self,
        name: str,
        *,
        at: datetime,
        occasion: str = "again-1",
        channel: str = "x",
        text: str | None = None,
    ) -> bool:
        """Ask for an announcement under an occasion of its own; tell whether it is new."""
        key = DeliveryKey(
            site="sample", post=PostId(name), channel=ChannelName(channel), occasion=occasion
        )
        with self.ledger() as ledger:
            return ledger.add_delivery(key, at=at, text=text, reason="", now=self.clock.now())

    def request_release(self, name: str) -> None:
        """Ask for a release ahead of its date."""
        post = next(post for post in self.scan() if post.id == name)
        with self.ledger() as ledger:
            ledger.request_release(
                post.id,
                now=self.clock.now(),
                reason="by hand",
                path=post.path,
                digest=post.digest,
                release_at=post.release_at,
            )

    def open_channel(self, name: str) -> None:
        """Open a channel again after its credentials were renewed."""
        with self.ledger() as ledger:
            ledger.open_channel(ChannelName(name), now=self.clock.now())

    # --- what is to be seen --------------------------------------------------------------

    def scan(self) -> tuple[Post, ...]:
        return Library(self.settings, self.root).scan().posts

    def releases(self) -> dict[str, ReleaseRecord]:
        with self.ledger() as ledger:
            return dict(ledger.view().releases)

    def deliveries(self) -> dict[str, DeliveryRecord]:
        with self.ledger() as ledger:
            return {str(key): record for key, record in ledger.view().deliveries.items()}

    def texts(self, channel: str = "x") -> list[str]:
        """Give what readers of a channel see, oldest first."""
        return [text for _, text in self.channels[channel].posts]

    def holds(self, post: str) -> list[Hold]:
        """Tick, and give why things of a post wait."""
        return [hold for hold in self.tick().plan.holds if hold.post == post]

    def names(self, prefix: str = "") -> list[str]:
        return [event.name for event in self.events if event.name.startswith(prefix)]


def open_channel(name: str, channel: ScriptedChannel) -> OpenChannel:
    voice = Voice(
        channel=name,
        template="{{ post.title }} {{ post.url }}",
        subject="{{ post.title }}",
        limits=channel.limits,
    )
    return OpenChannel(channel=channel, voice=voice, timeout=timedelta(seconds=60))


def a_world(
    root: Path,
    now: datetime,
    channels: Sequence[str] | dict[str, ScriptedChannel] = ("x",),
    **changes: object,
) -> World:
    made = (
        channels if isinstance(channels, dict) else {name: ScriptedChannel() for name in channels}
    )
    return World(root=root, clock=SettableClock(now), channels=made, policy_changes=changes)
