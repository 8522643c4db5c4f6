"""What the channels' HTTP client concludes from each way in which a request can end."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from publisher.channels._http import Http, UnknownOutcome
from publisher.errors import NotDelivered
from publisher.secret import Secret
from publisher.testing import nobody_listening
from tests.platforms.server import Answer, Fault, PlatformServer, Request

NOON = "Fri, 20 Nov 2026 12:00:00 GMT"


class Echo(PlatformServer):
    def handle(self, request: Request) -> Answer:
        self.accept({"path": request.path})
        return Answer(body={"path": request.path})


def a_client(**changes: Any) -> Http:
    return Http(**{"service": "Pigeon", "answer_timeout_s": 1.5, **changes})


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
    assert "certificate" in error.why


@pytest.mark.parametrize("ending", [b"", b"no TLS record at all"], ids=["closed", "garbled"])
def test_a_tls_connection_torn_after_the_request_is_unknown(tmp_path: Path, ending: bytes) -> None:
    with tls_server(tmp_path, ending=ending) as (url, certificate):
        failure(UnknownOutcome, a_client(), url, verify=str(certificate), json={"a": "post"})


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
        Fault.accept_then_answer(200, {"Content-Length": "99"}, b"cut"),
        Fault.accept_then_answer(200, {"Content-Encoding": "gzip"}, b"no gzip"),
    ],
    ids=["reset", "close", "hang", "lose", "cut", "gzip"],
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
