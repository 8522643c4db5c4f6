"""A stateful HTTP server on 127.0.0.1 that behaves, and misbehaves, as a test scripts it.

A platform subclasses ``PlatformServer`` and answers requests in ``handle``. In a test::

    with XPlatform() as platform:
        platform.faults.append(Fault.accept_then_reset(on="POST /2/tweets"))

As a process of its own (it ends with its parent; ``running`` starts one)::

    python -m tests.platforms.x --port-file PORT --journal JOURNAL

PORT appears once the server listens; JOURNAL gets one JSON line per accepted post, on the disk
before the answer leaves. There ``POST /-/faults {"name": "accept_then_reset", "arguments": {}}``
scripts a fault, ``POST /-/state {"lag": 2}`` sets attributes of the platform and
``GET /-/accepted`` lists the posts.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close() sends RST, not FIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str  # without the query
    query: Mapping[str, str]
    headers: Mapping[str, str]  # lower-case names
    body: bytes
    url: str  # as the client called it

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``body`` is sent as it is when it is bytes, as JSON otherwise, and not at all when None."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one request.

    It hits the next request whose "METHOD /path" begins with ``on``.
    """

    accept: bool  # the platform acts on the request first
    ending: Literal["answer", "reset", "close", "hang"] = "answer"
    answer: Answer | None = None  # None: the platform's own
    wait_s: float = 0.0
    on: str = ""

    @classmethod
    def refuse(
        cls, status: int, headers: Mapping[str, str] | None = None, body: Any = None, on: str = ""
    ) -> Self:
        """Answer so without acting on the request."""
        answer = Answer(status=status, headers=headers or {}, body=body)
        return cls(accept=False, answer=answer, on=on)

    @classmethod
    def accept_then_answer(
        cls, status: int, headers: Mapping[str, str] | None = None, body: Any = None, on: str = ""
    ) -> Self:
        """Act on the request, then answer something else."""
        answer = Answer(status=status, headers=headers or {}, body=body)
        return cls(accept=True, answer=answer, on=on)

    @classmethod
    def accept_then_reset(cls, on: str = "") -> Self:
        return cls(accept=True, ending="reset", on=on)

    @classmethod
    def accept_then_close(cls, on: str = "") -> Self:
        return cls(accept=True, ending="close", on=on)

    @classmethod
    def accept_then_hang(cls, on: str = "") -> Self:
        """Act on the request, then say nothing until the client gives up or the server stops."""
        return cls(accept=True, ending="hang", on=on)

    @classmethod
    def lose(cls, on: str = "") -> Self:
        """Close the connection without acting on the request."""
        return cls(accept=False, ending="close", on=on)

    @classmethod
    def delay(cls, seconds: float, on: str = "") -> Self:
        """Wait, then act and answer as usual."""
        return cls(accept=True, wait_s=seconds, on=on)


class PlatformServer:
    """The base of the doubles; satisfies ``publisher.channels.testing.Platform``.

    ``accepted`` holds what the public would see, ``requests`` everything that arrived.
    """

    def __init__(self, *, journal: Path | None = None) -> None:
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.accepted: list[dict[str, Any]] = []
        self.stopping = threading.Event()
        self._journal = journal
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # --- for subclasses

    def handle(self, request: Request) -> Answer:
        """Act on one request; called under a lock, so state needs no other care."""
        raise NotImplementedError

    def accept(self, post: dict[str, Any]) -> None:
        """Make a post public: remember it, and write it to the journal durably."""
        self.accepted.append(post)
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(post) + "\n")
                file.flush()
                os.fsync(file.fileno())

    # --- faults by meaning, for publisher.channels.testing.ChannelContract

    def refuse_credentials(self) -> None:
        self.faults.append(Fault.refuse(401, body={"message": "unauthorized"}))

    def ask_to_wait(self, seconds: int) -> None:
        self.faults.append(Fault.refuse(429, headers={"Retry-After": str(seconds)}))

    def accept_then_reset(self) -> None:
        self.faults.append(Fault.accept_then_reset())

    def accept_then_hang(self) -> None:
        self.faults.append(Fault.accept_then_hang())

    def accept_then_fail(self) -> None:
        self.faults.append(Fault.accept_then_answer(500, body=b"internal error"))

    def redirect(self, url: str) -> None:
        self.faults.append(Fault.refuse(307, headers={"Location": url}))

    # --- machinery

    def _take_fault(self, request: Request) -> Fault:
        line = f"{request.method} {request.path}"
        for fault in self.faults:
            if line.startswith(fault.on):
                self.faults.remove(fault)
                return fault
        return Fault(accept=True)

    def _perform(self, request: Request) -> tuple[Fault, Answer]:
        with self._lock:
            self.requests.append(request)
            fault = self._take_fault(request)
        self.stopping.wait(fault.wait_s)
        answer = Answer()
        if fault.accept:
            with self._lock:
                answer = self.handle(request)
        return fault, fault.answer or answer

    def _control(self, request: Request) -> Answer:
        """Serve ``/-/…``, the remote control of a server that runs as its own process."""
        with self._lock:
            if request.method == "GET":
                return Answer(body=self.accepted)
            order = request.json()
            if request.path == "/-/state":
                vars(self).update(order)
                return Answer(status=204)
            self.faults.append(getattr(Fault, order["name"])(**order.get("arguments", {})))
            return Answer(status=204)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10  # a client that connects and says nothing

            def answer(self) -> None:
                self.close_connection = True
                request = _read(self)
                if request.path.startswith("/-/"):
                    _write(self, platform._control(request))
                    return
                fault, answer = platform._perform(request)
                if fault.ending == "answer":
                    _write(self, answer)
                elif fault.ending == "hang":
                    _hang(self.connection, platform.stopping)
                elif fault.ending == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 (http.server)

            def log_message(self, *arguments: object) -> None:
                pass  # the test's output is no access log

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # joined on close: nothing outlives the test

    def shutdown_request(self, request: Any) -> None:
        """Close a connection; without the polite FIN where a reset is wanted."""
        linger = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET))
        if linger == _RESET:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet when the client has hung up; show everything else."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _read(handler: BaseHTTPRequestHandler) -> Request:
    parts = urlsplit(handler.path)
    headers = {name.lower(): value for name, value in handler.headers.items()}
    return Request(
        method=handler.command,
        path=parts.path,
        query={name: values[-1] for name, values in parse_qs(parts.query).items()},
        headers=headers,
        body=handler.rfile.read(int(headers.get("content-length", "0"))),
        url=f"http://{headers.get('host', '')}{handler.path}",
    )


def _write(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    body = answer.body if isinstance(answer.body, bytes) else b""
    headers = {"Date": formatdate(usegmt=True), "Connection": "close"}
    if not isinstance(answer.body, bytes | None):
        body = json.dumps(answer.body).encode()
        headers["Content-Type"] = "application/json"
    handler.send_response_only(answer.status)
    for name, value in {**headers, "Content-Length": str(len(body)), **answer.headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _hang(connection: socket.socket, stopping: threading.Event) -> None:
    """Return when the client closes its side or the server stops."""
    while not stopping.wait(0.01):
        try:
            if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                return
        except BlockingIOError:
            continue


@contextmanager
def running(module: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Run a platform (``"x"``) as a process of its own; give its URL and its journal."""
    port_file, journal = folder / f"{module}.port", folder / f"{module}.journal"
    command = [sys.executable, "-W", "ignore", "-m", f"tests.platforms.{module}"]
    arguments = ["--port-file", str(port_file), "--journal", str(journal)]
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen([*command, *arguments], cwd=root) as process:
        try:
            while not port_file.exists() and process.poll() is None:
                threading.Event().wait(0.01)
            yield f"http://127.0.0.1:{port_file.read_text()}", journal
        finally:
            process.kill()


def main(make: Callable[[Path | None], PlatformServer]) -> None:
    """Serve as a process of its own until a signal comes or the parent process ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--journal", type=Path)
    arguments = parser.parse_args()
    parent = os.getppid()
    with make(arguments.journal) as platform:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: platform.stopping.set())
        fresh = arguments.port_file.with_name(arguments.port_file.name + ".new")
        fresh.write_text(str(platform.port))
        fresh.replace(arguments.port_file)
        while not platform.stopping.wait(0.2) and os.getppid() == parent:
            pass
