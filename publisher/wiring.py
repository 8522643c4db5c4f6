"""Put the parts together: from ``Settings`` to outlets and an engine that is ready."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event as Flag

from publisher import locks
from publisher.alerts import Address, Alerts, Pinger, address_at
from publisher.channels import ChannelContext, load_type
from publisher.clock import Clock
from publisher.config import resolve, resolve_secrets
from publisher.courier import Courier, Outlet
from publisher.engine import Engine, Outlets
from publisher.errors import ConfigError, PublisherError
from publisher.git import incoming
from publisher.ledger import Ledger
from publisher.model import ChannelName, Post
from publisher.post_images import is_image
from publisher.posts import Library
from publisher.reconcile import Reconciler
from publisher.report import Report, warn
from publisher.secret import Secret
from publisher.settings import SecretRef, Settings
from publisher.site import GeneratedSite
from publisher.site_clock import SiteClock
from publisher.state_folder import make_private
from publisher.voices import voice_of

IMAGE_MAX_BYTES = 20 * 1024 * 1024  # no channel takes more; larger files are not read


def open_outlets(
    settings: Settings, *, environ: Mapping[str, str], credentials_dir: Path | None
) -> Outlets:
    """Open every channel; one that lacks a secret is closed and says which, the others go on."""
    ready: dict[ChannelName, Outlet] = {}
    closed: dict[ChannelName, str] = {}
    for channel in settings.channels:
        try:
            options = resolve_secrets(channel, environ=environ, credentials_dir=credentials_dir)
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
        ready[channel.name] = Outlet(
            channel=load_type(channel.type)(options, context),
            voice=voice_of(channel),
            timeout=channel.timeout,
        )
    return Outlets(ready=ready, closed=closed)


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
    make_private(settings)
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    outlets = open_outlets(
        settings, environ=environ, credentials_dir=Path(credentials) if credentials else None
    )
    with Ledger.open(
        settings.ledger_url, site=settings.site.name, now=clock.now(), check=True
    ) as ledger:
        courier = Courier(
            ledger=ledger,
            clock=clock,
            owner=f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}",
            report=report,
            load_image=lambda post: load_image(settings, post),
        )
        reconciler = Reconciler(
            ledger=ledger,
            clock=clock,
            courier=courier,
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
                resolve=partial(_resolve, environ=environ),
                stop=stop,
            ),
            outlets=outlets,
            policy=settings.policy,
            courier=courier,
            reconciler=reconciler,
            clock=clock,
            tick_lock=partial(locks.hold, settings.state_dir, locks.TICK, wait=True),
            report=report,
            verify_timeout=settings.verify.timeout,
            is_tree_busy=lambda: is_tree_busy(settings.project),
            why_blocked=partial(incoming.why_held, settings),
            stop=stop,
            site_clock=open_site_clock(settings, clock=clock, report=report),
        )


def open_site_clock(settings: Settings, *, clock: Clock, report: Report) -> SiteClock | None:
    """Give the site's clock, or ``None`` where nobody is to ask the live site anything."""
    if not (settings.verify.live and settings.verify.clock):
        return None
    return SiteClock(url=settings.site.url, clock=clock, report=report)


def open_addresses(settings: Settings, environ: Mapping[str, str]) -> list[Address]:
    """Give where alerts go; what cannot be used complains when it is."""
    addresses = []
    for number, value in enumerate(settings.alerts, start=1):
        try:
            addresses.append(address_at(number, _fetch(value, environ)))
        except PublisherError as error:
            addresses.append(Address(f"alerts.{number}", complaint=error.what))
    return addresses


def open_ping(settings: Settings, environ: Mapping[str, str]) -> Secret | None:
    """Give the URL of the dead man's switch, if there is one.

    :raises PublisherError: when it is kept where it cannot be had.
    """
    return None if settings.ping is None else _fetch(settings.ping, environ)


def open_alerts(
    engine: Engine,
    settings: Settings,
    *,
    environ: Mapping[str, str],
    report: Report,
    wake: Callable[[], None] = lambda: None,
) -> Alerts:
    """Give what tells the operator; ``wake`` and ``report`` as in ``Alerts``."""
    pinger = None
    try:
        url = open_ping(settings, environ)
        pinger = Pinger(url, clock=engine.clock, report=report) if url else None
    except PublisherError as error:
        warn(report, "ping.failed", reason=error.what)
    return Alerts(
        engine=engine,
        zone=settings.site.zone,
        addresses=open_addresses(settings, environ),
        pinger=pinger,
        report=report,
        wake=wake,
    )


def _fetch(value: str | SecretRef, environ: Mapping[str, str]) -> Secret:
    if isinstance(value, str):
        return Secret(value)  # not one by its looks, and still nobody else's affair
    return _resolve(value, environ)


def _resolve(value: SecretRef, environ: Mapping[str, str]) -> Secret:
    directory = environ.get("CREDENTIALS_DIRECTORY")
    return resolve(value, environ=environ, credentials_dir=Path(directory) if directory else None)


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
