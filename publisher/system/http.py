"""The one HTTP client: one request, one limit of time, a bounded answer, nothing followed.

What an answer means is for the caller to judge. What is certain about a request that got none is
said here: before the connection was made, and secured where it is to be, no byte of it has left.
No proxy of the environment comes between, and nothing is logged: a path may be a password.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

import certifi

from publisher.model.errors import SiteError
from publisher.text.urls import shown

if TYPE_CHECKING:
    from requests import PreparedRequest

USER_AGENT = "publisher (+static site announcements)"
POLL_S = 0.05
HANG_UP_S = 1.0  # for the worker to notice that its connection is gone
CHUNK_BYTES = 65_536

Endpoint = tuple[str, int]  # an IP address and a port
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"https": 443, "http": 80}
_READER = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Accept-Encoding": "gzip, deflate"}


class Trouble(Enum):
    """Why there is no answer."""

    MALFORMED = auto()  # the request cannot be written
    UNABLE = auto()  # this machine cannot ask: it has no thread or no certificates
    NO_NAME = auto()  # the host cannot be found
    NO_CONNECTION = auto()  # nobody takes the connection
    LATE_CONNECTION = auto()  # or not in time
    UNTRUSTED = auto()  # whoever answers has no certificate for that name
    NO_TLS = auto()  # the handshake failed
    SILENT = auto()  # nothing came for a while
    LATE = auto()  # the answer was not complete in time
    BROKEN = auto()  # the connection ended before the answer
    NO_HTTP = auto()  # what came is no HTTP
    STOPPED = auto()  # we were asked to end


class NoAnswer(Exception):
    """There is no answer; ``is_sent`` tells whether the request may have been received."""

    def __init__(self, trouble: Trouble, *, is_sent: bool, detail: str = "") -> None:
        super().__init__(trouble.name)
        self.trouble = trouble
        self.is_sent = is_sent
        self.detail = detail  # of the system or of TLS, without any part of the address
        self.timeouts: Timeouts | None = None  # that of the exchange

    @property
    def words(self) -> str:
        """Say what happened, to be put behind the name of who was asked."""
        timeouts = self.timeouts or Timeouts(total_s=0)
        match self.trouble:
            case Trouble.LATE if self.is_sent:
                return f"did not answer within {timeouts.total_s:g} s"
            case Trouble.SILENT if self.is_sent:
                return f"did not answer within {timeouts.silence_s:g} s"
            case Trouble.LATE | Trouble.SILENT | Trouble.LATE_CONNECTION:
                limit_s = min(timeouts.total_s, timeouts.connect_s)
                return f"did not accept the connection within {limit_s:g} s"
        words = _WORDS[self.trouble]
        return f"{words}: {self.detail}" if self.detail else words


_WORDS = {
    Trouble.MALFORMED: "is not a usable web address",
    Trouble.UNABLE: "cannot be asked from this machine",
    Trouble.NO_NAME: "cannot be found",
    Trouble.NO_CONNECTION: "did not accept the connection",
    Trouble.UNTRUSTED: "has a certificate that is not trusted",
    Trouble.NO_TLS: "failed the TLS handshake",
    Trouble.BROKEN: "closed the connection before its answer was complete",
    Trouble.NO_HTTP: "answered something that is not HTTP",
    Trouble.STOPPED: "was not waited for: publisher was asked to end",
}


class CannotAskError(SiteError):
    """This machine cannot ask anybody: that says nothing of the site."""


class Headers(dict[str, str]):
    """Header fields by name, in any case; the values of a repeated one are joined by commas."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__()
        for name, value in fields:
            known = super().get(name.lower())
            self[name.lower()] = value if known is None else f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came, by the names that ``requests`` has; tweepy takes it for one of those.

    ``content`` is cut at the limit. ``trouble`` says why the rest of it did not come.
    """

    status_code: int
    headers: Headers
    content: bytes
    trouble: Trouble | None = None
    reason: ClassVar[str] = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status_code < 300

    @property
    def target(self) -> str | None:
        """Give where a redirect leads, as it is written; ``None`` of what is no redirect."""
        target = self.headers.get("Location") if self.status_code in REDIRECTS else None
        return target.encode("latin-1").decode("utf-8", "replace") if target else None

    def json(self) -> Any:
        """Read the content as JSON.

        :raises ValueError: when it is none, or none that can be read.
        """
        try:
            return json.loads(self.content)
        except RecursionError:
            raise ValueError("too deep") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        """Nothing is left open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait: ``total_s`` for everything together, less for a connection or silence."""

    total_s: float
    connect_s: float = 10.0
    silence_s: float = 30.0


def look_up(host: str, port: int) -> Sequence[Endpoint]:
    """Give the places that a host name means; a guard may stand here instead."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [(str(address[0]), port) for *_, address in found]


def send(
    method: str,
    url: str,
    *,
    timeouts: Timeouts,
    limit_of: Callable[[int], int] = lambda status: 0,
    resolve: Callable[[str, int], Sequence[Endpoint]] = look_up,
    stop: threading.Event | None = None,
    **arguments: Any,
) -> Response:
    """Send one request and give its answer; no redirect is followed.

    ``arguments`` are those of ``requests.Request``: params, json, data, headers, auth.
    ``limit_of`` gives how many bytes of the body to read, by the status. Of an answer whose head
    came in time and whose body did not, there is what came of it. ``resolve`` may refuse a host.

    :raises NoAnswer: when there is no answer.
    """
    line = Line(timeouts)
    try:
        request = _written(method, url, arguments)
        return _await(_begin(lambda: _exchange(request, line, limit_of, resolve)), line, stop)
    except NoAnswer as error:
        error.timeouts = timeouts
        raise


def _written(method: str, url: str, arguments: Mapping[str, Any]) -> PreparedRequest:
    import requests

    try:
        request = requests.Request(method, url, **arguments).prepare()
        parts = urlsplit(request.url or "")
        _ = parts.port or _PORTS[parts.scheme]
        for value in request.headers.values():
            _native(value).encode("latin-1")
    except (ValueError, KeyError):  # of requests, too; their words quote the address
        raise NoAnswer(Trouble.MALFORMED, is_sent=False) from None
    return request


def visit(
    url: str,
    *,
    method: str = "GET",
    limit: int = 0,
    timeouts: Timeouts,
    resolve: Callable[[str, int], Sequence[Endpoint]] = look_up,
) -> Response:
    """Ask for ``url`` once, as a reader would, and caches to stand back.

    Gives the first ``limit`` bytes of the body where the status is 200, else none of it.
    ``resolve`` may refuse to look a host up.

    :raises SiteError: when no whole answer came; a ``CannotAskError`` says nothing of the site.
    """
    try:
        answer = send(
            method,
            url,
            headers=_READER,
            timeouts=timeouts,
            limit_of=lambda status: limit if status == 200 else 0,
            resolve=resolve,
        )
        if answer.trouble is None:
            return answer
        broken = NoAnswer(answer.trouble, is_sent=True)
        broken.timeouts = timeouts
        raise broken
    except NoAnswer as error:
        kind = CannotAskError if error.trouble is Trouble.UNABLE else SiteError
        raise kind(f"{shown(url)} {error.words}") from None


def _await(future: Future[Response], line: Line, stop: threading.Event | None) -> Response:
    """Wait for the worker until the time is over or we are asked to stop."""
    deadline_s = time.monotonic() + line.timeouts.total_s
    while not future.done():
        left_s = deadline_s - time.monotonic()
        is_stopped = stop is not None and stop.is_set()
        if left_s <= 0 or is_stopped:
            line.hang_up()
            wait([future], timeout=HANG_UP_S)
            return _left(future, line, Trouble.STOPPED if is_stopped else Trouble.LATE)
        wait([future], timeout=left_s if stop is None else min(POLL_S, left_s))
    try:
        return future.result()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _judge(error, is_open=line.is_open) from None


def _left(future: Future[Response], line: Line, trouble: Trouble) -> Response:
    """Give what had come when we hung up; ``is_open`` does not change any more."""
    if future.done() and future.exception() is None:
        return replace(future.result(), trouble=trouble)
    raise NoAnswer(trouble, is_sent=line.is_open) from None


def _begin(work: Callable[[], Response]) -> Future[Response]:
    """Work in a thread: no limit of a socket covers slow DNS or a trickle, or ends at a stop."""
    future: Future[Response] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
            future.set_exception(error)

    try:
        threading.Thread(target=run, name="http", daemon=True).start()
    except RuntimeError as error:  # the system has no thread left
        raise NoAnswer(Trouble.UNABLE, is_sent=False, detail=str(error)) from None
    return future


class Line:
    """A connection that another thread may hang up, whatever it waits for."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._lock = threading.Lock()
        self._held: socket.socket | None = None  # of its own, since TLS takes the connection away
        self.is_over = False
        self.is_open = False  # connected and, where it is to be, secured

    def connect(self, places: Iterable[Endpoint]) -> socket.socket:
        """Connect to the first place that takes it."""
        trouble: OSError = OSError("no address")
        for place in places:
            try:
                connection = socket.create_connection(place, timeout=self.timeouts.connect_s)
            except OSError as error:
                trouble = error
                continue
            with self._lock:
                self._held = connection.dup()
            if self.is_over:  # hung up while there was no connection yet
                connection.close()
            self.check()
            return connection
        raise trouble

    def open(self) -> None:
        """Let the request leave from now on, unless somebody hung up."""
        with self._lock:
            if self.is_over:
                raise TimeoutError("out of time")
            self.is_open = True

    def check(self) -> None:
        """Insist that nobody hung up: what came since may be a part of something."""
        if self.is_over:
            raise TimeoutError("out of time")

    def hang_up(self) -> None:
        with self._lock:
            self.is_over = True
            if self._held is not None:
                with suppress(OSError):
                    self._held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            if self._held is not None:
                self._held.close()
                self._held = None


def _exchange(
    request: PreparedRequest,
    line: Line,
    limit_of: Callable[[int], int],
    resolve: Callable[[str, int], Sequence[Endpoint]],
) -> Response:
    parts = urlsplit(request.url or "")
    host, is_tls = parts.hostname or "", parts.scheme == "https"
    context = _trust() if is_tls else None
    places = resolve(host, parts.port or _PORTS[parts.scheme])
    with closing(line), closing(http.client.HTTPConnection(host)) as connection:
        connection.auto_open = 0  # never by name: only to a place that was looked at
        connection.sock = line.connect(places)
        if context is not None:
            connection.sock = context.wrap_socket(connection.sock, server_hostname=host.rstrip("."))
        connection.sock.settimeout(line.timeouts.silence_s)
        line.open()
        headers = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": USER_AGENT}
        headers |= {name: _native(value) for name, value in request.headers.items()}
        headers["Connection"] = "close"
        body = request.body
        connection.request(request.method or "", request.path_url, body=body, headers=headers)
        with closing(connection.getresponse()) as response:
            line.check()
            fields = Headers(response.getheaders())
            content, trouble = _read(response, fields, limit_of(response.status))
            return Response(
                status_code=response.status, headers=fields, content=content, trouble=trouble
            )


def _trust() -> ssl.SSLContext:
    """Trust whom this machine trusts, and ``SSL_CERT_FILE``; some machines come without."""
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(certifi.where())
    except OSError as error:
        detail = f"{certifi.where()}: {_words(error)}"
        raise NoAnswer(Trouble.UNABLE, is_sent=False, detail=detail) from None
    return context


def _read(
    response: http.client.HTTPResponse, headers: Headers, limit: int
) -> tuple[bytes, Trouble | None]:
    """Read the body up to the limit; say why it did not come to its end, or there."""
    body = bytearray()
    if limit <= 0:
        return b"", None
    try:
        for chunk in _decoded(_chunks(response), headers.get("Content-Encoding", "")):
            body += chunk[: limit - len(body)]
            if len(body) >= limit:
                return bytes(body), None
    except TimeoutError:
        return bytes(body), Trouble.SILENT
    except OSError:
        return bytes(body), Trouble.BROKEN
    except (http.client.HTTPException, ValueError, zlib.error):
        return bytes(body), Trouble.NO_HTTP
    return bytes(body), Trouble.BROKEN if response.length else None


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read(CHUNK_BYTES):
        yield chunk


def _decoded(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """Undo gzip and deflate, a piece at a time: a small answer may stand for a huge one."""
    if coding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        yield from chunks
        return
    decoder = None
    for chunk in chunks:
        if decoder is None:  # some say deflate and mean it without the header of zlib
            is_bare = chunk[:1] != b"\x1f" and (chunk[0] & 0x0F) != 8
            decoder = zlib.decompressobj(-zlib.MAX_WBITS if is_bare else zlib.MAX_WBITS | 32)
        yield decoder.decompress(chunk, CHUNK_BYTES)
        while decoder.unconsumed_tail:
            yield decoder.decompress(decoder.unconsumed_tail, CHUNK_BYTES)
    if decoder is not None and not decoder.eof:
        raise ValueError("the end is missing")


def _judge(error: Exception, *, is_open: bool) -> NoAnswer:
    """Say what an exception proves."""
    if is_open:
        if isinstance(error, TimeoutError):
            return NoAnswer(Trouble.SILENT, is_sent=True)
        is_http = isinstance(error, http.client.RemoteDisconnected | OSError)
        return NoAnswer(
            Trouble.BROKEN if is_http else Trouble.NO_HTTP, is_sent=True, detail=_words(error)
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return NoAnswer(Trouble.UNTRUSTED, is_sent=False, detail=error.verify_message)
    if isinstance(error, ssl.SSLError):
        return NoAnswer(Trouble.NO_TLS, is_sent=False)
    if isinstance(error, socket.gaierror | UnicodeError):
        return NoAnswer(Trouble.NO_NAME, is_sent=False, detail=_words(error))
    if isinstance(error, TimeoutError):
        return NoAnswer(Trouble.LATE_CONNECTION, is_sent=False)
    is_system = isinstance(error, OSError)
    return NoAnswer(
        Trouble.NO_CONNECTION if is_system else Trouble.MALFORMED,
        is_sent=False,
        detail=_words(error),
    )


def _words(error: Exception) -> str:
    """Give the system's words; those of ``http.client`` quote addresses."""
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else ""


def _native(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
