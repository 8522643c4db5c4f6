"""A web server on this machine that is only good for the time it tells, true or false."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from tests.platforms.loopback import Loopback


@dataclass(kw_only=True)
class Timekeeper(Loopback):
    """Answers every request without a body. ``now`` tells the time that it believes in."""

    now: Callable[[], datetime]
    ahead: timedelta = timedelta(0)  # how wrong it is
    date: str | None = ""  # what it sends instead of the time; None: nothing
    headers: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)  # by method
    is_silent: bool = False
    dribble: bytes = b""  # sent again and again by one that is silent otherwise
    before_answer: Callable[[], object] = lambda: None
    requests: list[str] = field(default_factory=list)
    asked: list[Mapping[str, str]] = field(default_factory=list)  # headers, names in lower case

    def __post_init__(self) -> None:
        self.listen(type("Handler", (_Handler,), {"keeper": self}))


class _Handler(BaseHTTPRequestHandler):
    keeper: ClassVar[Timekeeper]
    timeout = 10

    def answer(self) -> None:
        keeper = self.keeper
        keeper.requests.append(f"{self.command} {self.path}")
        keeper.asked.append({name.lower(): value for name, value in self.headers.items()})
        keeper.before_answer()
        if keeper.is_silent:
            self._dribble()
            return
        self.send_response_only(keeper.statuses.get(self.command, 200))
        date = keeper.date
        if date == "":
            date = format_datetime((keeper.now() + keeper.ahead).astimezone(UTC), usegmt=True)
        if date is not None:
            self.send_header("Date", date)
        for name, value in keeper.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _dribble(self) -> None:
        self.close_connection = True
        for _ in range(self.timeout * 10):
            if self.keeper.closing.wait(0.1):
                return
            try:
                self.wfile.write(self.keeper.dribble)
            except (BrokenPipeError, ConnectionResetError):
                return  # the client had enough

    do_GET = do_HEAD = answer  # noqa: N815 (http.server)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
