"""Sends one request to where ``jobs.yaml`` says: guarded, bounded in time, followed nowhere.

Not through ``requests``: here the socket goes to the very address that was looked at, no proxy of
the environment comes between, and nobody logs the path, which may be a password. What an answer
means is for ``hook`` and ``github`` to judge.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

import certifi

from publisher.deploy.guard import AGAIN, resolve
from publisher.errors import SiteError
from publisher.secret import Secret

CONNECT_S = 10.0
ANSWER_S = 30.0
POLL_S = 0.05
BODY_BYTES = 65_536
USER_AGENT = "publisher (+static site announcements)"

_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a request goes; ``name`` is all of it that may be shown."""

    name: str
    host: str
    port: int
    is_tls: bool
    authority: str  # host, and port where it is not the usual one
    target: str = field(repr=False)  # path and query


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    wants_words: bool = False  # the body of an answer that is no success


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes  # its beginning

    @property
    def redirects_to(self) -> str:
        """Name the host that a redirect leads to, and no more of it."""
        return _authority(_split(self.headers.get("location", ""))) or "a place it does not name"


def read_address(url: Secret, what: str, *, key: str, private: bool) -> Address:
    """Read a web address and name it: ``what`` "at HOST".

    :raises SiteError: when it cannot be used, without quoting it; ``key`` is where it stands.
    """
    parts = _split(url.reveal())
    authority, hint = _authority(parts), f"correct {key} in jobs.yaml, or the secret it names"
    if not authority:
        raise SiteError(f"{what} is no web address", hint=hint)
    name = f"{what} at {authority}"
    if "@" in parts.netloc:
        raise SiteError(f"{name} holds a user name or password", hint=hint)
    is_tls = parts.scheme == "https"
    if not is_tls and not private:
        raise SiteError(
            f"{name} is not an https address",
            why="anybody on the way could read it, and use it",
            hint="write https://, or set deploy.private: true for one in your own network",
        )
    return Address(
        name=name,
        host=parts.hostname or "",
        port=parts.port or _PORTS[parts.scheme],
        is_tls=is_tls,
        authority=authority,
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )


def post(
    address: Address,
    request: Request,
    *,
    private: bool,
    timeout: timedelta,
    stop: threading.Event,
) -> Answer:
    """Send ``request`` once and give what answered.

    The whole takes no longer than ``timeout``, nor than connecting and answering may; whoever
    was reached by then may still act on it.

    :raises SiteError: when no answer came, with what went wrong in words.
    """
    if stop.is_set():
        raise SiteError(f"{address.name} was not asked: publisher was asked to end")
    limit_s = min(timeout.total_seconds(), CONNECT_S + ANSWER_S)
    deadline_s = time.monotonic() + limit_s
    line = _Line()
    future = _begin(lambda: _exchange(address, request, line, private=private))
    while not future.done():
        if stop.is_set():
            line.hang_up()
            raise SiteError(f"{address.name} was not waited for: publisher was asked to end")
        if time.monotonic() >= deadline_s:
            line.hang_up()
            raise SiteError(f"{address.name} did not answer within {limit_s:g} s", hint=AGAIN)
        wait([future], timeout=POLL_S)
    try:
        return future.result()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _judge(error, address.name, is_open=line.is_open) from None


def _begin(exchange: Callable[[], Answer]) -> Future[Answer]:
    """Work in a thread: no limit of a socket covers slow DNS or a trickle, or ends at a stop."""
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(exchange())
        except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
            future.set_exception(error)

    threading.Thread(target=work, name="deploy", daemon=True).start()
    return future


class _Line:
    """A connection that another thread may hang up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_over = False
        self.is_open = False  # connected and, where it is to be, secured

    def connect(self, places: Iterable[tuple[str, int]]) -> socket.socket:
        """Connect to the first place that takes it."""
        trouble: OSError = OSError("no address")
        for place in places:
            try:
                connection = socket.create_connection(place, timeout=CONNECT_S)
            except OSError as error:
                trouble = error
            else:
                return self._hold(connection)
        raise trouble

    def secure(self, plain: socket.socket, host: str) -> socket.socket:
        """Begin TLS with whoever has the certificate of ``host``."""
        context = ssl.create_default_context()  # what this machine trusts; heeds SSL_CERT_FILE
        context.load_verify_locations(certifi.where())  # some machines come without
        secured = context.wrap_socket(
            plain, server_hostname=host.rstrip("."), do_handshake_on_connect=False
        )
        self._hold(secured)
        secured.do_handshake()
        return secured

    def hang_up(self) -> None:
        with self._lock:
            self._is_over = True
            if self._socket is not None:
                with suppress(OSError):  # past TLS, whose state belongs to the other thread
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _hold(self, connection: socket.socket) -> socket.socket:
        with self._lock:
            self._socket = connection
            if self._is_over:  # hung up while there was no connection yet
                raise TimeoutError
        return connection


def _exchange(address: Address, request: Request, line: _Line, *, private: bool) -> Answer:
    places = resolve(address.host, address.port, name=address.name, private=private)
    with closing(line), closing(http.client.HTTPConnection(address.host)) as connection:
        connection.auto_open = 0  # never by name: only to a place that the guard has seen
        connection.sock = line.connect(places)
        connection.sock.settimeout(ANSWER_S)
        if address.is_tls:
            connection.sock = line.secure(connection.sock, address.host)
        line.is_open = True
        headers = {
            "Host": address.authority,
            "User-Agent": USER_AGENT,
            "Content-Type": "application/json",
            "Connection": "close",
            **request.headers,
        }
        connection.request("POST", address.target, body=request.body, headers=headers)
        with closing(connection.getresponse()) as response:
            has_words = request.wants_words and not 200 <= response.status < 300
            return Answer(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                body=response.read(BODY_BYTES) if has_words else b"",
            )


def _judge(error: Exception, name: str, *, is_open: bool) -> SiteError:
    """Say what went wrong, in words of ours: those of ``http.client`` quote addresses."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return SiteError(
            f"{name} has a certificate that is not trusted: {error.verify_message}",
            why="somebody else may be answering, so nothing was sent",
            hint="have it mended; one of your own goes into the file that SSL_CERT_FILE names",
        )
    if isinstance(error, TimeoutError):
        return SiteError(f"{name} did not answer in time", hint=AGAIN)
    if isinstance(error, ssl.SSLError) and not is_open:
        return SiteError(f"{name} speaks no TLS that can be understood", hint=AGAIN)
    if isinstance(error, OSError) and not is_open:
        why = (error.strerror or "the connection broke off").lower()
        return SiteError(f"{name} cannot be reached: {why}", hint=AGAIN)
    if isinstance(error, OSError):
        return SiteError(f"{name} hung up without an answer", hint=AGAIN)
    return SiteError(f"{name} answered something that is not HTTP", hint=AGAIN)


def _split(url: str) -> SplitResult:
    """Split a URL; one that cannot be read, or holds what no URL may, has no parts."""
    try:
        parts = urlsplit(url if re.fullmatch(r"[!-~]+", url) else "")
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def _authority(parts: SplitResult) -> str:
    """Give host and port of a web address, the port where it is not the usual one."""
    host, usual = parts.hostname or "", _PORTS.get(parts.scheme)
    if not _HOST.fullmatch(host) or usual is None or parts.port == 0:
        return ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"
