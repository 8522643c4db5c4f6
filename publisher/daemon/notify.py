"""How systemd is told that we are well, over its socket, and what it tells us of its patience."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from publisher.text.printable import shown

NOTIFY_TIMEOUT_S = 5.0
DELAYS_S = (0.0, 15.0, 30.0, 60.0, 120.0, 300.0)  # of the first start, and of those after crashes


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


class Starts:
    """Counts the starts that led to no good tick, in the folder that systemd keeps between them.

    Elsewhere nobody starts us again at once, and nothing is counted. systemd itself lets the delay
    grow from 254 on only (RestartSteps=).
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        folder = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        self._file = Path(folder, "starts") if folder else None

    def begin(self) -> float:
        """Count a start, and give for how many seconds it should wait."""
        if self._file is None:
            return 0.0
        try:
            count = self._file.stat().st_size
        except OSError:
            count = 0
        with suppress(OSError), self._file.open("ab") as file:
            file.write(b".")
        return DELAYS_S[min(count, len(DELAYS_S) - 1)]

    def succeed(self) -> None:
        """Begin to count anew."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)


def watchdog_of(environ: Mapping[str, str]) -> float | None:
    """Give the seconds after which systemd takes our silence for death (sd_watchdog_enabled(3))."""
    text = environ.get("WATCHDOG_USEC", "")
    is_for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(text) / 1e6 if is_for_us and text.isdecimal() and int(text) else None
