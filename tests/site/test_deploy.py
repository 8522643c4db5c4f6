"""Making a build public, against local servers that behave as the services do."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from publisher.channels.testing import nobody_listening
from publisher.config.settings import DeploySettings, GitHubSettings
from publisher.model.errors import ConfigError
from publisher.model.secret import Secret, SecretRef
from publisher.site.deploy import DeployResult, deploy
from publisher.system.address_guard import complaint
from tests.platforms import deploy_hooks, github
from tests.platforms.deploy_hooks import DeployHooks
from tests.platforms.github import GitHub, Workflow
from tests.platforms.server import Fault

CANARY = "canary-7f3a9c"
HOOK = SecretRef("env", "HOOK")
TOKEN = SecretRef("env", "TOKEN")
AGAIN = "it will be tried again"
SOON = timedelta(milliseconds=400)
HELLO = b"\x16"  # how a client begins TLS


def run(
    project: Path,
    *,
    hook: str | None = None,
    token: str = github.TOKEN,
    stop: threading.Event | None = None,
    posts: tuple[str, ...] = ("pattern",),
    output: Path | None = None,
    environ: Mapping[str, str] | None = None,
    **settings: Any,
) -> DeployResult:
    """Deploy with ``hook`` and ``token`` kept as secrets, to local servers unless told not to."""
    secrets = {HOOK: hook, TOKEN: token}
    facts = {"hook": HOOK if hook else None, "private": True, **settings}
    return deploy(
        DeploySettings(**facts),
        project=project,
        environ={"PATH": os.defpath} if environ is None else environ,
        resolve=lambda ref: Secret(secrets[ref] or ""),
        output=output,
        posts=posts,
        stop=stop or threading.Event(),
    )


def a_workflow(platform: GitHub, **changes: Any) -> GitHubSettings:
    facts = {
        "repository": github.REPOSITORY,
        "token": TOKEN,
        "workflow": "deploy.yml",
        "api_url": platform.url,
    }
    return GitHubSettings(**{**facts, **changes})


def an_event(platform: GitHub, **changes: Any) -> GitHubSettings:
    return a_workflow(platform, **{"workflow": None, "event": "released", **changes})


# --- the command -----------------------------------------------------------------------------


def test_nothing_to_do_is_done(tmp_path: Path) -> None:
    result = run(tmp_path)

    assert result == DeployResult(ok=True, reason="", steps=(), tail="")


def test_the_command_gets_output_and_posts_and_runs_in_the_project(tmp_path: Path) -> None:
    script = 'pwd -P; echo "$PUBLISHER_OUTPUT"; echo "$PUBLISHER_POSTS"; env | wc -l'

    result = run(
        tmp_path,
        command=("sh", "-c", script),
        output=tmp_path / "dist",
        posts=("pattern", "workflow"),
        environ={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )

    assert result.ok, result.reason
    folder, output, posts, variables = result.tail.splitlines()
    assert (folder, output) == (str(tmp_path.resolve()), str(tmp_path / "dist"))
    assert posts == "pattern workflow"
    assert int(variables) <= 6  # ours, and PWD and OLDPWD and _ of the shell
    assert result.steps == (f"ran `sh -c '{script}'`",)


def test_without_an_output_its_variable_is_not_set(tmp_path: Path) -> None:
    result = run(tmp_path, command=("sh", "-c", 'echo "${PUBLISHER_OUTPUT-none}"'))

    assert result.tail == "none"


def test_a_thousand_posts_do_not_burst_the_environment(tmp_path: Path) -> None:
    posts = tuple(f"{n:0100}" for n in range(10_000))

    result = run(tmp_path, command=("sh", "-c", "echo $PUBLISHER_POSTS | wc -w"), posts=posts)

    assert (result.ok, result.tail.strip()) == (True, "200")


def test_a_command_that_fails_ends_the_deploy(tmp_path: Path) -> None:
    with DeployHooks() as hooks:
        script = "echo uploading; echo no credit >&2; exit 4"

        result = run(tmp_path, command=("sh", "-c", script), hook=hooks.url + deploy_hooks.NETLIFY)

        assert hooks.requests == []
    assert not result.ok
    assert "failed with exit code 4" in result.reason
    assert (result.steps, result.tail) == ((), "uploading\nno credit")


def test_a_missing_command_names_its_key(tmp_path: Path) -> None:
    result = run(tmp_path, command=("no-such-uploader",))

    assert "the deploy command 'no-such-uploader' was not found" in result.reason
    assert "correct deploy.command in jobs.yaml" in result.reason


def test_a_command_that_hangs_is_stopped_and_names_its_limit(tmp_path: Path) -> None:
    result = run(tmp_path, command=("sleep", "60"), timeout=timedelta(seconds=0.2))

    assert "did not end within 0.2 s" in result.reason
    assert "raise deploy.timeout" in result.reason


def test_a_stop_that_came_before_does_nothing(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()

    with DeployHooks() as hooks:
        url = hooks.url + deploy_hooks.NETLIFY
        first = run(tmp_path, command=("touch", "done"), hook=url, stop=stop)
        second = run(tmp_path, hook=url, stop=stop)

        assert hooks.requests == []
    assert first.reason == "the deploy was stopped before it began"
    assert second.reason.endswith("was not asked: publisher was asked to end")
    assert not (tmp_path / "done").exists()


def test_a_stop_during_the_command_ends_it_and_what_follows(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "up")
    stop = threading.Event()

    def wait_and_stop() -> None:
        (tmp_path / "up").read_text()
        stop.set()

    threading.Thread(target=wait_and_stop).start()
    with DeployHooks() as hooks:
        result = run(
            tmp_path,
            command=("sh", "-c", "echo > up; exec sleep 60"),
            hook=hooks.url + deploy_hooks.NETLIFY,
            stop=stop,
        )

        assert hooks.requests == []
    assert "was stopped: publisher was asked to end" in result.reason


def test_a_secret_that_cannot_be_had_is_missed_before_anything_is_done(tmp_path: Path) -> None:
    def resolve(ref: SecretRef) -> Secret:
        raise ConfigError(f"the environment variable {ref.name} is not set")

    result = deploy(
        DeploySettings(command=("touch", "done"), hook=HOOK),
        project=tmp_path,
        environ={"PATH": os.defpath},
        resolve=resolve,
        output=None,
        posts=(),
        stop=threading.Event(),
    )

    assert result.reason == "deploy.hook: the environment variable HOOK is not set"
    assert not (tmp_path / "done").exists()


def test_all_three_go_in_order_and_say_so(tmp_path: Path) -> None:
    with DeployHooks() as hooks, GitHub() as platform:
        result = run(
            tmp_path,
            command=("true",),
            hook=hooks.url + deploy_hooks.NETLIFY,
            github=a_workflow(platform),
        )

        assert (len(hooks.accepted), len(platform.accepted)) == (1, 1)
    place = f"127.0.0.1:{platform.port}"
    assert result.ok
    assert result.steps == (
        "ran `true`",
        f"the deploy hook at 127.0.0.1:{hooks.port} accepted (200)",
        f"GitHub at {place} accepted workflow_dispatch of deploy.yml on main in ada/site (204)",
    )


def test_a_hook_that_refuses_keeps_github_from_being_asked(tmp_path: Path) -> None:
    with DeployHooks() as hooks, GitHub() as platform:
        result = run(
            tmp_path, command=("true",), hook=f"{hooks.url}/gone", github=a_workflow(platform)
        )

        assert platform.requests == []
    assert not result.ok
    assert result.steps == ("ran `true`",)


# --- hooks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "by", "status"),
    [
        (f"{deploy_hooks.NETLIFY}?trigger_title=released", "netlify", 200),
        (deploy_hooks.VERCEL, "vercel", 201),
        (deploy_hooks.CLOUDFLARE, "cloudflare", 200),
        (f"{deploy_hooks.RENDER}?key={deploy_hooks.RENDER_KEY}", "render", 200),
    ],
)
def test_each_service_accepts(tmp_path: Path, path: str, by: str, status: int) -> None:
    with DeployHooks() as hooks:
        result = run(tmp_path, hook=hooks.url + path)

        (build,) = hooks.accepted
    assert result.steps == (f"the deploy hook at 127.0.0.1:{hooks.port} accepted ({status})",)
    assert (build["by"], build["sent"]) == (by, {})
    assert build["title"] == ("released" if by == "netlify" else None)


def test_a_hook_that_is_asked_twice_builds_twice_and_is_fine(tmp_path: Path) -> None:
    with DeployHooks() as hooks:
        url = f"{hooks.url}{deploy_hooks.RENDER}?key={deploy_hooks.RENDER_KEY}"

        results = [run(tmp_path, hook=url), run(tmp_path, hook=url)]

        assert len(hooks.accepted) == 2
    assert [result.steps[0].rpartition(" ")[2] for result in results] == ["(200)", "(202)"]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (400, "it does not understand the request"),
        (401, "it wants credentials, or the address is not complete"),
        (403, "it denies access"),
        (404, "there is no such hook, or no longer"),
        (405, "it does not take a POST"),
        (410, "the hook was deleted"),
        (418, "it refused"),
    ],
)
def test_a_refusal_says_what_to_do(tmp_path: Path, status: int, why: str) -> None:
    with DeployHooks() as hooks:
        hooks.faults.append(Fault.refuse(status, body={"message": CANARY}))

        result = run(tmp_path, hook=f"{hooks.url}/{CANARY}")

    assert result.reason.startswith(
        f"the deploy hook at 127.0.0.1:{hooks.port} answered {status}; {why}; "
    )
    assert AGAIN not in result.reason
    assert CANARY not in repr(result)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_of_the_service_is_tried_again(tmp_path: Path, status: int) -> None:
    with DeployHooks() as hooks:
        hooks.faults.append(Fault.refuse(status, body=b"busy"))

        result = run(tmp_path, hook=f"{hooks.url}/{CANARY}")

    assert f"answered {status}" in result.reason
    assert result.reason.endswith(AGAIN)


def test_a_redirect_is_named_by_its_host_and_not_followed(tmp_path: Path) -> None:
    with DeployHooks() as hooks, DeployHooks() as elsewhere:
        hooks.redirect(f"{elsewhere.url}/{CANARY}?key={CANARY}")

        result = run(tmp_path, hook=f"{hooks.url}/{CANARY}")

        assert elsewhere.requests == []
    assert f"it redirects to 127.0.0.1:{elsewhere.port};" in result.reason
    assert CANARY not in repr(result)


@pytest.mark.parametrize(
    "place", [f"/{CANARY}", f"//[{CANARY}", "", f"javascript:{CANARY}", f"https://{CANARY} x/"]
)
def test_a_redirect_to_nowhere_is_survived(tmp_path: Path, place: str) -> None:
    with DeployHooks() as hooks:
        hooks.redirect(place)

        result = run(tmp_path, hook=f"{hooks.url}/{CANARY}")

    assert "it redirects to a place it does not name" in result.reason
    assert CANARY not in repr(result)


@pytest.mark.parametrize(
    "fault",
    [Fault.accept_then_reset(), Fault.accept_then_close(), Fault.lose()],
    ids=["reset", "close", "lose"],
)
def test_a_lost_answer_is_tried_again(tmp_path: Path, fault: Fault) -> None:
    with DeployHooks() as hooks:
        hooks.faults.append(fault)

        result = run(tmp_path, hook=hooks.url + deploy_hooks.NETLIFY)

        assert len(hooks.requests) == 1
    name = f"the deploy hook at 127.0.0.1:{hooks.port}"
    assert result.reason.startswith(f"{name} closed the connection before its answer was complete")
    assert result.reason.endswith(AGAIN)


def test_an_answer_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    with DeployHooks() as hooks:
        hooks.faults.append(Fault.accept_then_hang())

        result = run(tmp_path, hook=hooks.url + deploy_hooks.NETLIFY, timeout=SOON)

    assert result.reason.endswith(f"did not answer within 0.4 s; {AGAIN}")


def test_a_refused_connection_is_tried_again(tmp_path: Path) -> None:
    with nobody_listening() as url:
        result = run(tmp_path, hook=f"{url}/{CANARY}")

    assert "did not accept the connection: connection refused" in result.reason
    assert result.reason.endswith(AGAIN)
    assert CANARY not in repr(result)


def test_a_stop_ends_the_waiting(tmp_path: Path) -> None:
    stop = threading.Event()
    with DeployHooks() as hooks:
        hooks.faults.append(Fault.accept_then_hang())

        def stop_when_asked() -> None:
            while not hooks.requests:
                hooks.stopping.wait(0.01)
            stop.set()

        threading.Thread(target=stop_when_asked).start()
        result = run(tmp_path, hook=hooks.url + deploy_hooks.NETLIFY, stop=stop)

    assert result.reason.endswith("was not waited for: publisher was asked to end")


def test_no_proxy_of_the_environment_comes_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DeployHooks() as hooks, nobody_listening() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)

        result = run(tmp_path, hook=hooks.url + deploy_hooks.NETLIFY)

    assert result.ok


def test_nothing_of_a_hook_is_logged_or_printed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    command = (sys.executable, "-c", "import os; print(os.environ)")
    with DeployHooks() as hooks:
        hook = f"{hooks.url}/{CANARY}/x?key={CANARY}"
        hooks.faults += [Fault.lose(), Fault.refuse(200, {"Bad\x01Header": CANARY}, b"x")]

        results = [
            run(tmp_path, hook=hook),
            run(tmp_path, hook=hook, command=command),
            run(tmp_path, hook=f"{hooks.url}:{CANARY}/"),
        ]

    shown = [repr(result) + result.tail for result in results]
    assert CANARY not in "".join([*shown, caplog.text, *capfd.readouterr()])


def test_a_command_that_prints_the_hook_shows_stars(tmp_path: Path) -> None:
    with DeployHooks() as hooks:
        hook = f"{hooks.url}/{CANARY}"

        result = run(tmp_path, hook=hook, command=("echo", hook, f"/{CANARY}", github.TOKEN))

    assert CANARY not in repr(result)
    assert result.tail == f"******** /******** {github.TOKEN}"  # no token is configured here


# --- servers that mean no good ---------------------------------------------------------------


@dataclass(slots=True)
class Raw:
    """What a server saw: bytes that arrived, and the host name of TLS."""

    port: int
    received: bytes = b""
    asked_for: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)
    was_left: threading.Event = field(default_factory=threading.Event)
    lines: list[socket.socket] = field(default_factory=list)


def _gone() -> bytes:
    raise ConnectionResetError


@contextmanager
def raw_server(
    answer: Callable[[socket.socket, Raw], None], context: ssl.SSLContext | None = None
) -> Iterator[Raw]:
    """Serve one connection as ``answer`` says, once a request was read."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen = Raw(listener.getsockname()[1])
    if context is not None:
        context.sni_callback = lambda _socket, name, _context: seen.asked_for.append(name)

    def serve() -> None:
        with suppress(OSError):
            plain, _ = listener.accept()
            seen.lines.append(plain)
            with plain, context.wrap_socket(plain, server_side=True) if context else plain as line:
                while not seen.received.endswith(b"\r\n\r\n{}") and seen.received[:1] != HELLO:
                    seen.received += line.recv(65_536) or _gone()
                answer(line, seen)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield seen
    finally:
        seen.is_over.set()
        for line in (listener, *seen.lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def trickle(line: socket.socket, seen: Raw) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not seen.is_over.wait(0.02):
        line.sendall(b"x")


def flood(line: socket.socket, seen: Raw) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    while not seen.is_over.is_set():
        line.sendall(b"x" * 65_536)


def endless_headers(line: socket.socket, seen: Raw) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n")
    while not seen.is_over.is_set():
        line.sendall(b"X-More: more\r\n" * 100)


def endless_continue(line: socket.socket, seen: Raw) -> None:
    while not seen.is_over.is_set():
        line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def one_long_line(line: socket.socket, seen: Raw) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1_000_000)
    seen.is_over.wait(5)


def babble(line: socket.socket, seen: Raw) -> None:
    line.sendall(f"SSH-2.0-{CANARY}\r\n".encode())


def wait_for_the_end(line: socket.socket, seen: Raw) -> None:
    seen.received += line.recv(1)
    seen.was_left.set()


def accept(line: socket.socket, seen: Raw) -> None:
    line.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("server", [trickle, endless_continue])
def test_an_answer_without_an_end_is_left(
    tmp_path: Path, server: Callable[[socket.socket, Raw], None]
) -> None:
    with raw_server(server) as seen:
        result = run(tmp_path, hook=f"http://127.0.0.1:{seen.port}/{CANARY}", timeout=SOON)

    assert result.reason.endswith(f"did not answer within 0.4 s; {AGAIN}")
    assert CANARY not in repr(result)


def test_a_server_that_is_left_is_hung_up_on(tmp_path: Path) -> None:
    with raw_server(wait_for_the_end) as seen:
        run(tmp_path, hook=f"http://127.0.0.1:{seen.port}/", timeout=SOON)

        assert seen.was_left.wait(5)


@pytest.mark.parametrize("server", [endless_headers, one_long_line, babble])
def test_an_answer_that_is_no_http_is_left(
    tmp_path: Path, server: Callable[[socket.socket, Raw], None]
) -> None:
    with raw_server(server) as seen:
        result = run(tmp_path, hook=f"http://127.0.0.1:{seen.port}/{CANARY}")

    assert result.reason.endswith(f"answered something that is not HTTP; {AGAIN}")
    assert CANARY not in repr(result)


def test_a_huge_body_is_not_read(tmp_path: Path) -> None:
    with raw_server(flood) as seen:
        result = run(tmp_path, hook=f"http://127.0.0.1:{seen.port}/{CANARY}")

    assert result.ok


def test_a_request_is_plain_and_says_who_asks(tmp_path: Path) -> None:
    with raw_server(accept) as seen:
        run(tmp_path, hook=f"http://127.0.0.1:{seen.port}/a/b?c=d#e")

    head, _, body = seen.received.decode().partition("\r\n\r\n")
    line, *fields = head.split("\r\n")
    assert (line, body) == ("POST /a/b?c=d HTTP/1.1", "{}")
    assert sorted(fields) == [
        "Accept-Encoding: identity",
        "Connection: close",
        "Content-Length: 2",
        "Content-Type: application/json",
        f"Host: 127.0.0.1:{seen.port}",
        "User-Agent: publisher (+static site announcements)",
    ]


# --- where requests may go -------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "::1",
        "fd12::1",
        "64:ff9b::7f00:1",
    ],
)
def test_private_addresses_need_permission(address: str) -> None:
    assert complaint(ip_address(address), private=False) == "is on a private network"
    assert complaint(ip_address(address), private=True) == ""


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%1",
        "64:ff9b::a9fe:a9fe",
        "0.0.0.0",  # noqa: S104
        "192.0.0.192",
        "192.0.2.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b:1::7f00:1",
        "fec0::1",
        "ff02::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
    ],
)
def test_some_addresses_are_never_asked(address: str) -> None:
    assert complaint(ip_address(address), private=False)
    assert complaint(ip_address(address), private=True)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "172.15.0.1",
        "172.32.0.1",
        "223.255.255.255",
        "2606:4700::6810:84e5",
        "64:ff9b::808:808",
    ],
)
def test_public_addresses_are_fine(address: str) -> None:
    assert complaint(ip_address(address), private=False) == ""


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "10.0.0.1"],
)
def test_a_private_host_is_not_asked(tmp_path: Path, host: str) -> None:
    with DeployHooks() as hooks:
        result = run(tmp_path, hook=f"https://{host}:{hooks.port}/{CANARY}", private=False)

        assert hooks.requests == []
    assert f"at {host}:{hooks.port} is not asked: " in result.reason
    assert "is on a private network" in result.reason
    assert result.reason.endswith("if it is meant, set deploy.private: true in jobs.yaml")
    assert CANARY not in repr(result)


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"])
def test_no_permission_opens_the_metadata(tmp_path: Path, host: str, private: bool) -> None:
    with DeployHooks() as hooks:
        result = run(tmp_path, hook=f"https://{host}:{hooks.port}/{CANARY}", private=private)

        assert hooks.requests == []
    assert "is not asked" in result.reason
    assert "deploy.private" not in result.reason


def a_resolver(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names be looked up as ``answers`` say, one after the other; give the list of questions.

    Addresses in numbers are looked up as ever.
    """
    real, left, questions = socket.getaddrinfo, list(answers), []

    def look_up(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if not host.endswith(".example"):
            return real(host, port, *rest, **more)
        questions.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in left.pop(0)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return questions


def test_a_name_is_looked_up_once_and_that_address_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = a_resolver(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    with DeployHooks() as hooks:
        url = f"http://hooks.example:{hooks.port}{deploy_hooks.NETLIFY}"

        result = run(tmp_path, hook=url)

        assert hooks.requests[0].headers["host"] == f"hooks.example:{hooks.port}"
    assert result.ok
    assert questions == ["hooks.example"]


def test_a_name_with_a_foot_in_both_networks_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_resolver(monkeypatch, ["8.8.8.8", "127.0.0.1"])

    result = run(tmp_path, hook="https://hooks.example/x", private=False)

    assert "is not asked: 127.0.0.1 is on a private network" in result.reason


def test_the_next_address_is_tried_when_one_takes_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_resolver(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    with DeployHooks() as hooks:
        result = run(tmp_path, hook=f"http://hooks.example:{hooks.port}{deploy_hooks.NETLIFY}")

    assert result.ok


def test_a_name_that_does_not_exist_is_tried_again(tmp_path: Path) -> None:
    result = run(tmp_path, hook=f"https://nowhere.invalid/{CANARY}")

    assert result.reason.startswith("the deploy hook at nowhere.invalid cannot be found: ")
    assert result.reason.endswith(AGAIN)


@pytest.mark.parametrize("host", ["a..example", f"{'a' * 70}.example"])
def test_a_name_that_is_none_is_said(tmp_path: Path, host: str) -> None:
    result = run(tmp_path, hook=f"https://{host}/{CANARY}")

    assert result.reason == f"the deploy hook at {host} cannot be found: that is not a host name"


def test_plain_http_needs_permission(tmp_path: Path) -> None:
    with DeployHooks() as hooks:
        result = run(tmp_path, hook=f"{hooks.url}/{CANARY}", private=False)

        assert hooks.requests == []
    assert "is not an https address" in result.reason
    assert CANARY not in repr(result)


@pytest.mark.parametrize(
    "hook",
    [
        CANARY,
        f"ftp://host/{CANARY}",
        f"https://{CANARY}[/",
        f"https://host:{CANARY}/",
        f"https://host:0/{CANARY}",
        f"https://host/{CANARY}\n",
        f"https://host/{CANARY}\r\nX-Evil: 1",
        f"https://ho\\st/{CANARY}",
        f"https://host/caf\u00e9/{CANARY}",
        f"https:///{CANARY}",
    ],
)
def test_what_is_no_address_is_refused_unquoted(tmp_path: Path, hook: str) -> None:
    result = run(tmp_path, hook=hook)

    assert result.reason == (
        "the deploy hook is not a web address;"
        " correct deploy.hook in jobs.yaml, or the secret it names"
    )


def test_credentials_in_an_address_are_refused_unquoted(tmp_path: Path) -> None:
    result = run(tmp_path, hook=f"https://user:{CANARY}@ci.example.org/job")

    assert "at ci.example.org contains a user name or password" in result.reason
    assert CANARY not in repr(result)


# --- TLS -------------------------------------------------------------------------------------


def a_tls_context(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """Make a server's context whose certificate, for ``name``, nobody has signed."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = (
        f"{which('openssl')} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        f" -days 2 -subj /CN={name} -addext subjectAltName=DNS:{name}"
        f" -keyout {key} -out {certificate}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def test_an_untrusted_certificate_gets_no_request(tmp_path: Path) -> None:
    context, _ = a_tls_context(tmp_path, "localhost")
    with raw_server(accept, context) as seen:
        result = run(tmp_path, hook=f"https://localhost:{seen.port}/{CANARY}")

    assert seen.received == b""
    assert "has a certificate that is not trusted: self-signed certificate" in result.reason
    assert CANARY not in repr(result)


def test_the_certificate_is_that_of_the_name_not_of_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = a_tls_context(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with raw_server(accept, context) as seen:
        result = run(tmp_path, hook=f"https://localhost:{seen.port}/{CANARY}")

    assert result.steps == (f"the deploy hook at localhost:{seen.port} accepted (201)",)
    assert seen.asked_for == ["localhost"]
    assert f"\r\nHost: localhost:{seen.port}\r\n".encode() in seen.received


def test_a_trusted_certificate_of_somebody_else_gets_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = a_tls_context(tmp_path, "other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with raw_server(accept, context) as seen:
        result = run(tmp_path, hook=f"https://localhost:{seen.port}/{CANARY}")

    assert seen.received == b""
    assert "Hostname mismatch" in result.reason


def test_a_server_without_tls_is_said(tmp_path: Path) -> None:
    with raw_server(babble) as seen:
        result = run(tmp_path, hook=f"https://localhost:{seen.port}/{CANARY}")

    assert result.reason.endswith(f"failed the TLS handshake; {AGAIN}")
    assert CANARY.encode() not in seen.received


# --- GitHub ----------------------------------------------------------------------------------


def test_a_workflow_is_started_on_its_ref(tmp_path: Path) -> None:
    with GitHub() as platform:
        result = run(tmp_path, github=a_workflow(platform, ref="v1"))

        (request,) = platform.requests
    assert result.ok, result.reason
    assert platform.accepted == [{"workflow": "deploy.yml", "ref": "v1"}]
    assert request.path == "/repos/ada/site/actions/workflows/deploy.yml/dispatches"
    assert request.headers["accept"] == "application/vnd.github+json"
    assert request.json() == {"ref": "v1"}


def test_a_workflow_may_be_named_by_its_path_and_on_a_server_of_ones_own(tmp_path: Path) -> None:
    with GitHub() as platform:
        settings = a_workflow(
            platform, workflow=".github/workflows/deploy.yml", api_url=f"{platform.url}/api/v3/"
        )

        result = run(tmp_path, github=settings)

        (request,) = platform.requests
    assert result.ok, result.reason
    assert request.path == "/api/v3/repos/ada/site/actions/workflows/deploy.yml/dispatches"


def test_a_workflow_may_have_an_odd_name(tmp_path: Path) -> None:
    with GitHub() as platform:
        platform.workflows["my site?.yml"] = Workflow()

        result = run(tmp_path, github=a_workflow(platform, workflow="my site?.yml"))

    assert platform.accepted == [{"workflow": "my site?.yml", "ref": "main"}]
    assert result.ok


def test_the_answer_with_details_of_the_run_is_accepted_too(tmp_path: Path) -> None:
    with GitHub() as platform:
        platform.faults.append(Fault.accept_then_answer(200, body={"workflow_run_id": 999}))

        result = run(tmp_path, github=a_workflow(platform))

    assert result.steps[0].endswith("(200)")


def test_an_event_carries_the_posts(tmp_path: Path) -> None:
    with GitHub() as platform:
        result = run(tmp_path, github=an_event(platform), posts=("pattern", "workflow"))

    place = f"127.0.0.1:{platform.port}"
    assert platform.accepted == [
        {"event": "released", "payload": {"posts": ["pattern", "workflow"]}}
    ]
    assert result.steps == (
        f"GitHub at {place} accepted repository_dispatch of released in ada/site (204)",
    )


def test_an_event_carries_no_more_posts_than_fit(tmp_path: Path) -> None:
    with GitHub() as platform:
        run(tmp_path, github=an_event(platform), posts=tuple(f"{n:0100}" for n in range(1000)))

        (request,) = platform.requests
    assert len(request.body) < 65_536


def test_a_wrong_token_is_explained(tmp_path: Path) -> None:
    with GitHub() as platform:
        result = run(tmp_path, github=a_workflow(platform), token=CANARY)

    assert "answered 401: Bad credentials; the token is wrong, was revoked or has" in result.reason
    assert CANARY not in repr(result)


@pytest.mark.parametrize(
    ("settings", "permission"),
    [(a_workflow, "Actions: write"), (an_event, "Contents: write")],
)
def test_a_token_without_the_right_is_told_which(
    tmp_path: Path, settings: Callable[[GitHub], GitHubSettings], permission: str
) -> None:
    with GitHub() as platform:
        platform.permissions.clear()

        result = run(tmp_path, github=settings(platform))

    assert "answered 403: Resource not accessible by personal access token;" in result.reason
    assert f"give it {permission} (fine-grained), or repo (classic), for ada/site" in result.reason


@pytest.mark.parametrize(
    ("changes", "thing"),
    [({"workflow": "other.yml"}, "repository or workflow"), ({"repository": "ada/x"}, "workflow")],
)
def test_what_is_not_there_is_explained(
    tmp_path: Path, changes: dict[str, str], thing: str
) -> None:
    with GitHub() as platform:
        result = run(tmp_path, github=a_workflow(platform, **changes))

    assert "answered 404: Not Found;" in result.reason
    assert f"{thing} has another name, or the token may not see it" in result.reason


@pytest.mark.parametrize(
    ("workflow", "ref", "expected"),
    [
        (Workflow(triggers=frozenset({"push"})), "main", "write `workflow_dispatch:` below `on:`"),
        (Workflow(), "gone", "there is no branch or tag gone; correct deploy.github.ref"),
        (Workflow(required=frozenset({"env"})), "main", "give each input in deploy.yml a default"),
    ],
)
def test_a_workflow_that_cannot_be_started_is_explained(
    tmp_path: Path, workflow: Workflow, ref: str, expected: str
) -> None:
    with GitHub() as platform:
        platform.workflows["deploy.yml"] = workflow

        result = run(tmp_path, github=a_workflow(platform, ref=ref))

    assert "answered 422: " in result.reason
    assert expected in result.reason


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1794927600"}, "slow down"),
        (403, {"Retry-After": "60"}, "slow down"),
        (403, {}, "You have exceeded a secondary rate limit."),
        (429, {}, "slow down"),
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 99}, "slow down"),
        (503, {}, "Server Error"),
        (408, {}, "timeout"),
    ],
)
def test_a_limit_of_github_is_waited_for(
    tmp_path: Path, status: int, headers: dict[str, str], message: str
) -> None:
    with GitHub() as platform:
        platform.faults.append(Fault.refuse(status, headers, {"message": message}))

        result = run(tmp_path, github=a_workflow(platform))

    assert f"answered {status}: {message}; " in result.reason
    assert result.reason.endswith(AGAIN)


def test_a_limit_of_github_says_until_when(tmp_path: Path) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795269600"}
    with GitHub() as platform:
        platform.faults.append(Fault.refuse(403, headers, {"message": "API rate limit exceeded"}))

        result = run(tmp_path, github=a_workflow(platform))

    assert "the token asked too often; it may again at 2026-11-21 14:00 UTC" in result.reason


def test_a_repository_that_moved_is_explained(tmp_path: Path) -> None:
    with GitHub() as platform:
        platform.redirect("https://api.github.com/repositories/1/dispatches")

        result = run(tmp_path, github=a_workflow(platform))

        assert len(platform.requests) == 1
    assert "it redirects to api.github.com; the repository was renamed" in result.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>no JSON</html>",
        b"[" * 60_000,
        b"[]",
        b'{"message": 7}',
        json.dumps({"message": f"\x1b[31m{'long ' * 9999}\u202e{github.TOKEN}"}).encode(),
        json.dumps({"message": f"{github.TOKEN} is bad"}).encode(),
        json.dumps({"message": f"{'x' * 180}{github.TOKEN}"}).encode(),
    ],
    ids=["empty", "html", "deep", "list", "number", "long", "echo", "cut"],
)
def test_whatever_github_says_stays_short_and_clean(tmp_path: Path, body: bytes) -> None:
    with GitHub() as platform:
        platform.faults.append(Fault.refuse(403, body=body))

        result = run(tmp_path, github=a_workflow(platform))

    assert "the token may not do this" in result.reason
    assert result.reason.isprintable()
    assert len(result.reason) < 500
    assert github.TOKEN[:10] not in repr(result)


@pytest.mark.parametrize("token", [f"{CANARY}\n", f"{CANARY} x", f"{CANARY}\u2019", ""])
def test_a_token_that_is_none_is_not_sent_or_quoted(tmp_path: Path, token: str) -> None:
    with GitHub() as platform:
        result = run(tmp_path, github=a_workflow(platform), token=token)

        assert platform.requests == []
    assert result.reason.startswith("the token of GitHub holds spaces, line breaks or letters")
    assert CANARY not in repr(result)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"event": "released"}, "deploy.github names both a workflow and an event"),
        ({"workflow": None}, "deploy.github names neither a workflow nor an event"),
        ({"repository": "site"}, "deploy.github.repository is not a name"),
        ({"repository": "../site"}, "deploy.github.repository is not a name"),
        ({"repository": "ada/.."}, "deploy.github.repository is not a name"),
        ({"repository": "ada/site/x"}, "deploy.github.repository is not a name"),
        ({"workflow": None, "event": "e" * 101}, "deploy.github.event is longer than 100"),
    ],
)
def test_settings_that_make_no_sense_send_nothing(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    with GitHub() as platform:
        result = run(tmp_path, github=a_workflow(platform, **changes))

        assert platform.requests == []
    assert result.reason.startswith(expected)


def test_a_github_elsewhere_is_guarded_as_hooks_are(tmp_path: Path) -> None:
    with GitHub() as platform:
        plain = run(tmp_path, github=a_workflow(platform), private=False)
        settings = a_workflow(platform, api_url=f"https://localhost:{platform.port}")
        private = run(tmp_path, github=settings, private=False)

        assert platform.requests == []
    assert f"GitHub at 127.0.0.1:{platform.port} is not an https address" in plain.reason
    assert "is on a private network" in private.reason
