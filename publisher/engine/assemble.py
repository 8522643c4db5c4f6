"""Put the parts together: from ``Settings`` to open channels and an engine that is ready."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event as Flag

from publisher.channels import ChannelContext, load_type
from publisher.config import resolve, resolve_secrets
from publisher.config.settings import Settings
from publisher.config.voices import voice_of
from publisher.engine.deliver import OpenChannel, Sender
from publisher.engine.recover import Reconciler
from publisher.engine.requests import Requests
from publisher.engine.tick import Engine, OpenChannels
from publisher.ledger import Ledger
from publisher.model import ChannelName, Post
from publisher.model.errors import ConfigError
from publisher.posts.images import is_image
from publisher.posts.library import Library
from publisher.site.git import incoming
from publisher.site.site import GeneratedSite
from publisher.site.site_clock import SiteClock
from publisher.system import locks
from publisher.system.clock import Clock
from publisher.system.report import Report
from publisher.system.state_folder import make_private

IMAGE_MAX_BYTES = 20 * 1024 * 1024  # no channel takes more; larger files are not read


def open_all_channels(settings: Settings, *, environ: Mapping[str, str]) -> OpenChannels:
    """Open every channel; one that lacks a secret is closed and says which, the others go on."""
    ready: dict[ChannelName, OpenChannel] = {}
    closed: dict[ChannelName, str] = {}
    for channel in settings.channels:
        try:
            options = resolve_secrets(channel, environ)
        except ConfigError as error:
            closed[channel.name] = error.one_line
            continue
        context = ChannelContext(
            name=channel.name,
            site=settings.site.name,
            site_url=settings.site.url,
            state_dir=settings.state_dir,
            timeout=channel.timeout,
        )
        ready[channel.name] = OpenChannel(
            channel=load_type(channel.type)(options, context),
            voice=voice_of(channel),
            timeout=channel.timeout,
        )
    return OpenChannels(ready=ready, closed=closed)


@contextmanager
def open_engine(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    clock: Clock,
    report: Report,
    stop: Flag | None = None,
) -> Iterator[Engine]:
    """Open ledger and channels and give the engine that works on them.

    :raises LedgerError: when the ledger cannot be opened or is damaged.
    """
    make_private(settings.state_dir, public=(settings.project, settings.site.root))
    open_channels = open_all_channels(settings, environ=environ)
    with Ledger.open(
        settings.ledger_url, site=settings.site.name, now=clock.now(), check=True
    ) as ledger:
        sender = Sender(
            ledger=ledger,
            clock=clock,
            owner=f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}",
            report=report,
            load_image=lambda post: load_image(settings, post),
        )
        reconciler = Reconciler(
            ledger=ledger,
            clock=clock,
            sender=sender,
            report=report,
            stale_after=settings.stale_after,
        )
        library = Library.of(settings)
        stop = stop or Flag()
        yield Engine(
            library=library,
            ledger=ledger,
            site=GeneratedSite(
                settings=settings,
                environ=build_environ(settings, environ),
                library=library,
                resolve=partial(resolve, environ=environ),
                stop=stop,
            ),
            open_channels=open_channels,
            policy=settings.policy,
            sender=sender,
            reconciler=reconciler,
            clock=clock,
            tick_lock=partial(locks.hold, settings.state_dir, locks.TICK, wait=True),
            report=report,
            verify_timeout=settings.verify.timeout,
            is_tree_busy=lambda: is_tree_busy(settings.project),
            find_block=partial(incoming.block, settings),
            stop=stop,
            requests=Requests(
                settings=settings, library=library, ledger=ledger, clock=clock, report=report
            ),
            site_clock=open_site_clock(settings, clock=clock, report=report),
        )


def open_site_clock(settings: Settings, *, clock: Clock, report: Report) -> SiteClock | None:
    """Give the site's clock, or ``None`` where nobody is to ask the live site anything."""
    if not (settings.verify.live and settings.verify.clock):
        return None
    return SiteClock(url=settings.site.url, clock=clock, report=report)


def build_environ(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of the build: ours without any secret that ``jobs.yaml`` names."""
    names = {ref.name for ref in settings.secrets.values() if ref.source == "env"}
    names |= {"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}
    return {name: value for name, value in environ.items() if name not in names}


def load_image(settings: Settings, post: Post) -> bytes | None:
    """Read the post's hero image; ``None`` when it has none here, or one too large to send."""
    if post.hero is None or post.hero.path is None:
        return None
    path = settings.site.root / post.hero.path
    try:
        is_private = path.resolve().is_relative_to(settings.state_dir)
        if is_private or path.is_symlink() or path.stat().st_size > IMAGE_MAX_BYTES:
            return None
        data = path.read_bytes()
        return data if is_image(data) else None  # it may be another file since it was found
    except OSError:
        return None


def is_tree_busy(project: Path) -> bool:
    """Tell whether git is in the middle of changing files: then a missing post is not deleted."""
    for folder in (project, *project.parents):
        git = folder / ".git"
        if git.is_dir():
            marks = ("index.lock", "rebase-merge", "rebase-apply", "MERGE_HEAD")
            return any((git / mark).exists() for mark in marks)
    return False
