"""Put the alerts together: from ``Settings`` to what tells the operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from publisher.alerts import Address, Alerts, Pinger, address_at
from publisher.config import resolve
from publisher.config.settings import Settings
from publisher.engine.tick import Engine
from publisher.model.errors import PublisherError
from publisher.model.secret import Secret, SecretRef
from publisher.system.report import Report, warn


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
    return resolve(value, environ)
