"""A real web site on this machine for tests: static files, clean URLs, trouble on demand."""

from __future__ import annotations

import mimetypes
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from publisher.system.clock import SystemClock
from tests.platforms.loopback import Loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one request is answered; what is not said is as usual."""

    status: int | None = None
    location: str | None = None
    body: bytes | None = None
    folder: Path | None = None  # serve from here: a stale copy
    date: datetime | None = None  # the Date header, aware
    delay_s: float = 0.0  # before the answer
    trickle_s: float = 0.0  # between the bytes of the body
    headers: Mapping[str, str] = field(default_factory=dict)  # besides, or instead of, the usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    path: str
    method: str
    headers: dict[str, str]  # names in lower case
    client_port: int


class Site(Loopback):
    """Serve ``folder`` while the context is open; ``next`` scripts the answers to come.

    Only to GET: a HEAD asks for the time, which ``clock_ahead`` may falsify. ``cached`` is what a
    cache in front of the site has: by address, the query being part of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[Request] = []
        self.cached: dict[str, Answer] = {}
        self.clock_ahead = timedelta(0)
        self._script: deque[Answer] = deque()
        self._lock = threading.Lock()
        self.listen(type("Handler", (_Handler,), {"site": self}))

    def next(self, status: int | None = None, *, times: int = 1, **how: Any) -> None:
        """Answer the next ``times`` requests in this way, after those scripted before."""
        with self._lock:
            self._script.extend([Answer(status=status, **how)] * times)

    def take(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            if self._script and request.method == "GET":
                return self._script.popleft()
            return self.cached.get(request.path, Answer())


class _Handler(BaseHTTPRequestHandler):
    site: ClassVar[Site]
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(
            path=self.path,
            method=self.command,
            headers=headers,
            client_port=self.client_address[1],
        )
        self._answer = self.site.take(request)
        self.site.closing.wait(self._answer.delay_s)
        status, body, kind = self._content()
        try:
            self.send_response_only(status)
            headers = {"Server": "odd", "Date": self.date_time_string()}
            headers |= {"Content-Length": str(len(body)), "Content-Type": kind}
            if self._answer.location is not None:
                headers["Location"] = self._answer.location
            for name, value in {**headers, **self._answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self._send(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client had enough

    def do_HEAD(self) -> None:
        self.do_GET()

    def _content(self) -> tuple[int, bytes, str]:
        answer = self._answer
        if answer.body is not None:
            return answer.status or 200, answer.body, "text/html"
        if answer.status is not None:
            return answer.status, f"<h1>{answer.status}</h1>".encode(), "text/html"
        file = find_file(answer.folder or self.site.folder, self.path)
        if file is None:
            return 404, b"<h1>404</h1>", "text/html"
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return 200, file.read_bytes(), kind

    def _send(self, body: bytes) -> None:
        if self.command == "HEAD":
            return
        if not self._answer.trickle_s:
            self.wfile.write(body)
            return
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.site.closing.wait(self._answer.trickle_s):
                return

    def date_time_string(self, timestamp: float | None = None) -> str:
        date = self._answer.date
        if date is None and self.site.clock_ahead:
            date = SystemClock().now() + self.site.clock_ahead
        if date is None:
            return super().date_time_string(timestamp)
        return format_datetime(date.astimezone(UTC), usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def find_file(folder: Path, target: str) -> Path | None:
    """Find what a static host serves: the file, ``x.html``, or ``x/index.html``."""
    bare = unquote(urlsplit(target).path).strip("/")
    names = [bare, f"{bare}.html", f"{bare}/index.html"] if bare else ["index.html"]
    files = [(folder / name).resolve() for name in names]
    return next((f for f in files if f.is_file() and f.is_relative_to(folder.resolve())), None)
