"""Remotes over https and ssh: real servers of this machine, reached as the service would."""

from __future__ import annotations

import base64
import getpass
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from publisher.config.settings import GitSettings
from publisher.model.errors import GitError
from publisher.site.git import Repository
from tests.platforms.smtp import make_certificate
from tests.site.repositories import World, a_world

PUBLISHED = "---\ntitle: A title\nstatus: published\n---\n\nText.\n"
USER, PASSWORD = "ada", "swordfish"
MOMENT = timedelta(seconds=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


def set_up(world: World, **settings: str) -> None:
    """Write into the user's own settings; ``__`` stands for the dot."""
    for name, value in settings.items():
        world.git("config", "--global", name.replace("__", "."), value)


def pull(world: World, *, limit: timedelta = timedelta(seconds=30)) -> str:
    """Pull as a tick does; give why it failed, or nothing."""
    repository = Repository.open(world.site, GitSettings(), environ=world.environ)
    hasty = replace(repository, git=replace(repository.git, network_limit=limit))
    try:
        hasty.pull()
    except GitError as error:
        return error.one_line
    return ""


def release(world: World) -> None:
    """Let somebody push, then pull, commit a release, push it, and fill the deploy branch."""
    world.colleague("blog/new.md", "new")
    repository = world.open(deploy_branch="live")
    repository.pull()
    world.write("blog/a-post.md", PUBLISHED)
    repository.commit_release({"a-post": "blog/a-post.md"}, ["blog/a-post.md"])
    world.colleague("blog/newer.md", "newer")
    repository.push()
    repository.deploy(world.site, ["a-post"])


def log_of(world: World, branch: str) -> list[str]:
    return world.git("log", "--format=%s", branch, at=world.remote).splitlines()


RELEASED = ["Release: a-post", "Write blog/newer.md", "Write blog/new.md", "Begin"]


# --- https -----------------------------------------------------------------------------------


class Smart(BaseHTTPRequestHandler):
    """``git http-backend`` behind a password."""

    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        told = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {told}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        length = int(self.headers["Content-Length"] or 0)
        environ = {
            **self.server.environ,
            "GIT_PROJECT_ROOT": str(self.server.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": USER,
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers["Content-Type"] or "",
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers["Content-Encoding"] or "",
            "GIT_PROTOCOL": self.headers["Git-Protocol"] or "",
        }
        done = subprocess.run(
            ["git", "http-backend"],  # noqa: S607 - the one that the tests find in PATH
            env=environ,
            input=self.rfile.read(length),
            capture_output=True,
            check=True,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = dict(fields).get("Status", "200 OK")  # type: ignore[arg-type]
        self.send_response(int(status.split()[0]))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    folder: Path
    environ: dict[str, str]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that does not trust us hangs up


@contextmanager
def an_https_remote(world: World) -> Iterator[Path]:
    """Serve the remote; gives the file of the certificate, which is its own authority."""
    certificate = make_certificate(world.folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Server(("127.0.0.1", 0), Smart) as server:
        server.folder, server.environ = world.folder, world.environ
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        port = server.server_address[1]
        world.git("remote", "set-url", "origin", f"https://127.0.0.1:{port}/origin.git")
        try:
            yield certificate
        finally:
            server.shutdown()
            thread.join()


def keep_password(world: World, password: str) -> None:
    """Do what docs/howto/use-git.md says: ``credential.helper store`` in the user's settings."""
    set_up(world, credential__helper="store")
    address = world.git("remote", "get-url", "origin").replace("://", f"://{USER}:{password}@")
    address = address.removesuffix("/origin.git")
    world.write(".git-credentials", f"{address}\n", at=world.home).chmod(0o600)


def test_a_release_over_https_with_a_credential_helper(world: World) -> None:
    world.clone("colleague")  # by its path
    with an_https_remote(world) as certificate:
        set_up(world, http__sslCAInfo=str(certificate))
        keep_password(world, PASSWORD)

        release(world)

    assert log_of(world, "main") == RELEASED
    assert log_of(world, "live") == ["Release: a-post"]


@pytest.mark.parametrize("password", ["wrong", None])
def test_a_wrong_password_and_none_are_told_and_nobody_is_asked(
    world: World, password: str | None
) -> None:
    with an_https_remote(world) as certificate:
        set_up(world, http__sslCAInfo=str(certificate))
        if password:
            keep_password(world, password)

        why = pull(world)

    assert why.startswith("git ls-remote: access to the remote was denied; publisher cannot ask")
    assert "a credential helper in its own ~/.gitconfig" in why
    assert "wrong" not in why


def test_a_certificate_that_is_not_trusted_is_told_as_such(world: World) -> None:
    with an_https_remote(world):
        keep_password(world, PASSWORD)

        why = pull(world)

    assert why.startswith("git ls-remote: the certificate of the remote is not trusted; ")
    assert "http.sslCAInfo" in why


def test_a_repository_that_is_not_there_is_told_as_such(world: World) -> None:
    with an_https_remote(world) as certificate:
        set_up(world, http__sslCAInfo=str(certificate))
        keep_password(world, PASSWORD)
        address = world.git("remote", "get-url", "origin")
        world.git("remote", "set-url", "origin", address.replace("origin", "elsewhere"))

        why = pull(world)

    assert why.startswith("git ls-remote: the remote repository does not exist, or this user may")


@contextmanager
def a_silent_server() -> Iterator[int]:
    """Give the port of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("address", ["https://127.0.0.1:{}/origin.git", "ssh://127.0.0.1:{}/x"])
def test_a_server_that_hangs_is_given_up(world: World, address: str) -> None:
    if address.startswith("ssh") and shutil.which("ssh") is None:
        pytest.skip("there is no ssh here")
    with a_silent_server() as port:
        world.git("remote", "set-url", "origin", address.format(port))

        why = pull(world, limit=MOMENT)

    assert "`git ls-remote` did not end within 1 s and was stopped" in why


# --- ssh -------------------------------------------------------------------------------------

SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/known.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


def why_no_ssh() -> str:
    if shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") is None:  # noqa: TID251
        return "there is no sshd here"
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        return "sshd wants the folder /run/sshd to run as root"
    return ""


needs_ssh = pytest.mark.skipif(bool(why_no_ssh()), reason=why_no_ssh())


def make_key(folder: Path, name: str) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
    subprocess.run(command, check=True)


def line_of(folder: Path, name: str) -> str:
    return " ".join((folder / f"{name}.pub").read_text().split()[:2])


@contextmanager
def an_ssh_remote(world: World) -> Iterator[Path]:
    """Serve the remote; gives the folder of the keys ``host``, ``known`` and ``wrong``."""
    folder = world.folder / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "known", "wrong"):
        make_key(folder, name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "config").write_text(SSHD.format(port=port, folder=folder))
    path = f"{os.environ['PATH']}:/usr/sbin"  # noqa: TID251
    program = str(shutil.which("sshd", path=path))
    command = [program, "-D", "-e", "-f", str(folder / "config")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            assert "Server listening" in server.stderr.readline()
            address = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{world.remote}"
            world.git("remote", "set-url", "origin", address)
            trust(world, folder, line_of(folder, "host"))
            yield folder
        finally:
            server.terminate()


def trust(world: World, folder: Path, line: str) -> None:
    """Let the user know the server by this key, or by none."""
    address = world.git("remote", "get-url", "origin")
    port = address.split(":")[2].partition("/")[0]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {line}\n" if line else "")


def use_key(world: World, folder: Path, name: str) -> None:
    """Do what docs/howto/use-git.md says; ssh looks for known hosts in the real home otherwise."""
    command = f"ssh -i {folder / name} -o BatchMode=yes -o ConnectTimeout=20 -F none"
    command += f" -o IdentitiesOnly=yes -o UserKnownHostsFile={folder}/known_hosts"
    set_up(world, core__sshCommand=command)


@needs_ssh
def test_a_release_over_ssh_with_a_key(world: World) -> None:
    world.clone("colleague")
    with an_ssh_remote(world) as folder:
        use_key(world, folder, "known")

        release(world)

    assert log_of(world, "main") == RELEASED
    assert log_of(world, "live") == ["Release: a-post"]


@needs_ssh
def test_a_host_that_is_not_known_is_told_and_nobody_is_asked(world: World) -> None:
    with an_ssh_remote(world) as folder:
        use_key(world, folder, "known")
        trust(world, folder, "")

        why = pull(world)

    assert why.startswith("git ls-remote: the remote's host key is not known to this user; ")
    assert "ssh-keyscan" in why


@needs_ssh
def test_a_host_that_shows_another_key_is_no_host_that_is_not_known(world: World) -> None:
    with an_ssh_remote(world) as folder:
        use_key(world, folder, "known")
        trust(world, folder, line_of(folder, "wrong"))

        why = pull(world)

    assert why.startswith("git ls-remote: the remote shows another host key than it did before; ")
    assert "ssh-keygen -R" in why


@needs_ssh
def test_a_key_that_the_host_does_not_know_is_told(world: World) -> None:
    with an_ssh_remote(world) as folder:
        use_key(world, folder, "wrong")

        why = pull(world)

    assert why.startswith("git ls-remote: access to the remote was denied; ")
    assert "Permission denied (publickey)" in why


@needs_ssh
def test_a_key_that_others_may_read_is_told_in_few_words(world: World) -> None:
    with an_ssh_remote(world) as folder:
        use_key(world, folder, "known")
        (folder / "known").chmod(0o644)

        why = pull(world)

    assert "UNPROTECTED PRIVATE KEY FILE" in why
    assert "@@" not in why
