"""What the channels' HTTP client concludes from each way in which a request can end."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from publisher.channels._http import ANSWER_BYTES, Http, UnknownOutcome
from publisher.channels.testing import a_context, nobody_listening
from publisher.model.errors import NotDelivered
from publisher.model.secret import Secret
from tests.platforms.server import Answer, Fault, PlatformServer, Request

NOON = "Fri, 20 Nov 2026 12:00:00 GMT"


class Echo(PlatformServer):
    def handle(self, request: Request) -> Answer:
        self.accept({"path": request.path})
        return Answer(body={"path": request.path})


def a_client(*, answer_timeout_s: float = 1.5, **changes: Any) -> Http:
    context = a_context(timeout=timedelta(seconds=answer_timeout_s))
    return Http(service="Pigeon", context=context, **changes)


def failure(kind: type[Exception], client: Http, url: str, **arguments: Any) -> Any:
    with pytest.raises(kind) as caught:
        client.request("POST", url, **arguments)
    return caught.value


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that nobody has signed, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = (
        f"{which('openssl')} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        " -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return certificate, key


@contextmanager
def tls_server(folder: Path, *, ending: bytes = b"") -> Iterator[tuple[str, Path]]:
    """Serve one TLS connection that ends, after its request was read, in unencrypted bytes.

    Gives the URL and the certificate.
    """
    certificate, key = a_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        connection, _ = listener.accept()
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            os.write(secured.fileno(), ending)
            socket.socket.shutdown(secured, socket.SHUT_RDWR)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}/", certificate
    thread.join()
    listener.close()


def test_an_untrusted_certificate_sends_nothing(tmp_path: Path) -> None:
    with tls_server(tmp_path) as (url, _):
        error = failure(NotDelivered, a_client(), url)

    assert not error.permanent
    assert "certificate" in error.what


@pytest.mark.parametrize("ending", [b"", b"no TLS record at all"], ids=["closed", "garbled"])
def test_a_tls_connection_torn_after_the_request_is_unknown(
    tmp_path: Path, ending: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(tmp_path, ending=ending) as (url, certificate):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        failure(UnknownOutcome, a_client(), url, json={"a": "post"})


def test_a_name_that_does_not_exist_sends_nothing() -> None:
    assert not failure(NotDelivered, a_client(), "http://nowhere.invalid/").permanent


def test_a_refused_connection_sends_nothing() -> None:
    with nobody_listening() as url:
        assert not failure(NotDelivered, a_client(), url).permanent


@pytest.mark.parametrize("url", ["nowhere", "ftp://example.org/", "http://", "http://[bad/"])
def test_a_malformed_address_is_permanent(url: str) -> None:
    assert failure(NotDelivered, a_client(), url).permanent


@pytest.mark.parametrize("token", ["line\nbreak-0123", "curly\u2019quote-0123"])
def test_a_malformed_token_is_permanent_and_hidden(token: str) -> None:
    with Echo() as platform:
        client = a_client(secrets=(Secret(token),), headers={"Authorization": f"Bearer {token}"})
        error = failure(NotDelivered, client, platform.url)

        assert not platform.accepted
    assert error.permanent
    assert token not in str(error) + repr(error)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.accept_then_reset(),
        Fault.accept_then_close(),
        Fault.accept_then_hang(),
        Fault.lose(),
    ],
    ids=["reset", "close", "hang", "lose"],
)
def test_a_request_without_its_answer_is_unknown_and_not_repeated(fault: Fault) -> None:
    with Echo() as platform:
        platform.faults.append(fault)

        failure(UnknownOutcome, a_client(), platform.url)

        assert len(platform.requests) == 1


def test_a_certain_refusal_may_be_judged_by_the_channel() -> None:
    with Echo() as platform:
        platform.faults.append(Fault.refuse(403, body={"reason": "duplicate"}))

        answer = a_client().request("POST", platform.url, accept=frozenset({403}))

    assert answer.json() == {"reason": "duplicate"}


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, timedelta(minutes=2)),
        ({"Retry-After": "999999999"}, timedelta(days=31)),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "\u00b2"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({}, None),
        (
            {"Date": NOON, "Retry-After": "Fri, 20 Nov 2026 13:00:00 GMT"},
            timedelta(hours=1),
        ),
        (
            {"Date": NOON, "Retry-After": "Fri, 20 Nov 2026 11:00:00 GMT"},
            timedelta(0),
        ),
    ],
)
def test_the_wait_is_read_from_retry_after(headers: dict[str, str], wait: timedelta | None) -> None:
    with Echo() as platform:
        platform.faults.append(Fault.refuse(429, headers))

        assert failure(NotDelivered, a_client(), platform.url).retry_after == wait


def test_an_answer_that_quotes_the_token_is_redacted() -> None:
    token = "ab/cd-0123456789"
    with Echo() as platform:
        platform.faults.append(Fault.refuse(400, body=b'{"you sent": "ab\\/cd-0123456789"}'))

        error = failure(NotDelivered, a_client(secrets=(Secret(token),)), platform.url)

    assert "0123456789" not in str(error)
    assert "********" in str(error)


def test_user_and_path_of_an_address_stay_out_of_errors() -> None:
    with nobody_listening() as url:
        address = url.replace("http://", "http://user:pass@") + "/path?query"
        error = failure(NotDelivered, a_client(), address)

    assert url in str(error)
    assert "pass" not in str(error)
    assert "path" not in str(error)
    assert "query" not in str(error)


def test_the_environment_gives_no_proxy_and_no_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with Echo() as platform:
        a_client().request("POST", platform.url)

        assert "authorization" not in platform.requests[0].headers


# --- an odd answer never costs more than its limits ------------------------------------------


@contextmanager
def a_raw_server(answer: bytes, *, drip: bytes = b"", wait_for: int = 1) -> Iterator[str]:
    """Answer one connection with these bytes as soon as something came, then drip for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)
    is_over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                connection.recv(wait_for)
                connection.sendall(answer)
                while drip and not is_over.wait(0.02):
                    connection.sendall(drip)
                connection.recv(65_536)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        is_over.set()
        listener.close()
        thread.join()


def took(work: Callable[[], object]) -> float:
    begun_s = time.monotonic()
    work()
    return time.monotonic() - begun_s


@pytest.mark.parametrize(
    ("answer", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HT", b"T"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 1000000\r\n\r\n", b" "),
    ],
    ids=["header", "continue", "status", "body of a fault"],
)
def test_an_answer_that_drips_is_unknown_after_the_limit(answer: bytes, drip: bytes) -> None:
    with a_raw_server(answer, drip=drip) as url:
        client = a_client(answer_timeout_s=0.4)

        assert took(lambda: failure(UnknownOutcome, client, url)) < 2.5


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 1000000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffff\r\n",
        b"\r\n",
    ],
    ids=["length", "chunked", "until closed"],
)
def test_a_success_whose_body_drips_is_a_success(body: bytes) -> None:
    with a_raw_server(b"HTTP/1.1 200 OK\r\n" + body, drip=b" ") as url:
        client = a_client(answer_timeout_s=0.4)
        begun_s = time.monotonic()

        assert client.request("POST", url).status_code == 200
        assert time.monotonic() - begun_s < 2.5


@pytest.mark.parametrize(
    "fault",
    [
        Fault.accept_then_answer(200, {"Content-Length": "99"}, b"cut"),
        Fault.accept_then_answer(200, {"Content-Encoding": "gzip"}, b"no gzip"),
        Fault.accept_then_answer(201, body=b"[" * 100_000),
        Fault.accept_then_answer(200, body=b"9" * 5_000),
        Fault.accept_then_answer(202, body=b"\xff\xfe\x00"),
    ],
    ids=["cut", "no gzip", "deep", "huge integer", "odd bytes"],
)
def test_a_success_stands_whatever_its_body_says(fault: Fault) -> None:
    with Echo() as platform:
        platform.faults.append(fault)

        answer = a_client().request("POST", platform.url)

    assert answer.ok
    with pytest.raises(ValueError):  # noqa: PT011 - of whichever kind
        answer.json()


def test_a_huge_answer_is_read_up_to_a_bound() -> None:
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(zeros.compress(bytes(1_000_000)) for _ in range(400)) + zeros.flush()
    with Echo() as platform:
        platform.faults.append(Fault.accept_then_answer(200, {"Content-Encoding": "gzip"}, packed))
        platform.faults.append(Fault.accept_then_answer(200, body=bytes(20_000_000)))

        sizes = [len(a_client().request("POST", platform.url).content) for _ in range(2)]

    assert sizes == [ANSWER_BYTES, ANSWER_BYTES]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "deflate without header"])
def test_a_packed_answer_is_read(coding: str) -> None:
    bits = {"gzip": 31, "deflate": 15}.get(coding, -15)
    packer = zlib.compressobj(wbits=bits)
    packed = packer.compress(b'{"id": 7}') + packer.flush()
    with Echo() as platform:
        headers = {"Content-Encoding": coding.partition(" ")[0]}
        platform.faults.append(Fault.accept_then_answer(200, headers, packed))

        assert a_client().request("POST", platform.url).json() == {"id": 7}


@pytest.mark.parametrize(
    ("answer", "drip"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\nspeak plainly", b""),
        (b"\x15\x03\x01\x00\x02\x02\x28", b""),  # a fatal alert: handshake failure
        (b"", b"\x16"),
    ],
    ids=["plain HTTP", "refused", "dripping"],
)
def test_a_handshake_that_fails_sends_nothing(answer: bytes, drip: bytes) -> None:
    with a_raw_server(answer, drip=drip) as url:
        client = a_client(answer_timeout_s=0.5)

        error = failure(NotDelivered, client, url.replace("http:", "https:"), json={"a": "post"})

    assert not error.permanent


def test_a_server_that_takes_no_connection_in_time_gets_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(3)]  # nobody accepts them: the queue is full
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"

        assert not failure(NotDelivered, a_client(answer_timeout_s=0.3), url).permanent
        for one in waiting:
            one.close()


def test_control_characters_of_an_answer_are_shown_by_their_escapes() -> None:
    with Echo() as platform:
        platform.faults.append(Fault.refuse(400, body=b"no \x1b[31m \x00 \xff \xc2\x9b"))

        error = failure(NotDelivered, a_client(), platform.url)

    assert "no \\x1b[31m \\x00 \ufffd \\x9b" in str(error)


def test_a_long_list_is_not_read_for_ever() -> None:
    pages = a_client(answer_timeout_s=0.0).pages(3)

    assert next(pages) == 0
    with pytest.raises(UnknownOutcome, match="too slowly"):
        next(pages)
    with pytest.raises(UnknownOutcome, match="more posts"):
        list(a_client().pages(3))
