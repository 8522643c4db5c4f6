"""How systemd is told that we are well, over its socket, and what it tells us of its patience."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from publisher.printable import shown

NOTIFY_TIMEOUT_S = 5.0


class Notifier:
    """Tell systemd how we are, over its socket; without one, tell nobody.

    The protocol is sd_notify(3), checked 2026-11-20. A word that does not arrive is not our
    failure: systemd draws its own conclusions from silence.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address

    def __call__(self, *lines: str) -> None:
        if not self._address or not lines:
            return
        address = self._address
        if address.startswith("@"):
            address = "\0" + address[1:]  # an abstract name, unix(7)
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_systemd:
            to_systemd.settimeout(NOTIFY_TIMEOUT_S)
            to_systemd.sendto("\n".join(map(shown, lines)).encode(), address)


def watchdog_of(environ: Mapping[str, str]) -> float | None:
    """Give the seconds after which systemd takes our silence for death (sd_watchdog_enabled(3))."""
    text = environ.get("WATCHDOG_USEC", "")
    is_for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(text) / 1e6 if is_for_us and text.isdecimal() and int(text) else None
