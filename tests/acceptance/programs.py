"""The real program, started, killed and started again on a small site with services beside it.

The services and the web server run in the test's process, so they outlive every kill; what they
accepted is in their journals.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from publisher.ledger import Ledger
from publisher.model import DeliveryRecord, DeliveryState
from publisher.system import locks
from publisher.system.clock import SystemClock
from tests.acceptance.sites import ROOT, Site
from tests.platforms import buttondown, linkedin, x
from tests.platforms.buttondown import ButtondownPlatform
from tests.platforms.linkedin import LinkedInPlatform
from tests.platforms.server import Fault, PlatformServer, Request
from tests.platforms.site import Site as WebServer
from tests.platforms.webhook import WebhookPlatform
from tests.platforms.x import XPlatform

OSLO = ZoneInfo("Europe/Oslo")
PATIENCE_S = 60.0  # for what must come; a healthy machine needs a fiftieth of it

# While control/<step> exists a build stops at that step; control/broken makes it fail.
GENERATOR = """\
import os, pathlib, re, shutil, sys, time

control = pathlib.Path("../control")

def reach(step):
    with (control / "builds").open("a") as file:
        file.write(f"{os.getpid()} {step}\\n")
    for _ in range(6000):
        if not (control / step).exists():
            return
        time.sleep(0.01)

reach("start")
if (control / "broken").exists():
    sys.exit("the generator does not like this")
out = pathlib.Path("dist")
shutil.rmtree(out, ignore_errors=True)
(out / "blog").mkdir(parents=True)
(out / "index.html").write_text("<h1>Home</h1>")
reach("middle")
for path in sorted(pathlib.Path("blog").glob("*.md")):
    head, _, body = path.read_text().removeprefix("---\\n").partition("\\n---\\n")
    page = "<h1>" + re.search("title: (.*)", head)[1] + "</h1>"
    if "status: published" in head:
        page += "".join("<p>" + part + "</p>" for part in body.strip().split("\\n\\n"))
    (out / "blog" / (path.stem + ".html")).write_text(page)
reach("end")
"""

# Runs publisher and kills it where it would write the first log line that holds these words.
MORTAL = """\
import logging, os, signal, sys
from publisher.cli import main

words = set(sys.argv[1].split())

def die(record):
    if words <= set(record.getMessage().split()):
        os.kill(os.getpid(), signal.SIGKILL)
    return True

logging.getLogger("publisher").addFilter(die)
main(sys.argv[2:], prog_name="publisher")
"""

SECRETS = {
    **{f"X_{name.upper()}": value for name, value in x.CREDENTIALS.items()},
    "LINKEDIN_TOKEN": linkedin.TOKEN,
    "BUTTONDOWN_TOKEN": buttondown.TOKEN,
}
X_OPTIONS = {name: {"env": f"X_{name.upper()}"} for name in x.CREDENTIALS}


class PatientWebhook(WebhookPlatform):
    """A receiver that answers when it is told to."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.may_answer = threading.Event()

    def handle(self, request: Request) -> Any:
        answer = super().handle(request)
        while not (self.may_answer.wait(0.01) or self.stopping.is_set()):
            pass
        return answer


class NamedX(XPlatform):
    """X as if the site's host had a name; of an address on this machine it makes no link."""

    def accept(self, post: dict[str, Any]) -> None:
        """Shorten the link as X does."""
        link, short = post["raw"].split()[-1], f"https://t.co/{len(self.accepted):010}"
        text = post["text"].replace(link, short)
        urls = [{"url": short, "expanded_url": link, "display_url": "site.example"}]
        super().accept({**post, "text": text, "entities": {"urls": urls}})


@dataclass(frozen=True, slots=True)
class Service:
    """A channel with the service behind it: which request makes a post, and a post's identity."""

    make: Callable[..., PlatformServer]
    options: Mapping[str, Any]
    sends: str  # the beginning of the request that makes a post public
    identify: Callable[[Mapping[str, Any]], str]


SERVICES = {
    "x": Service(
        NamedX,
        {"type": "x", **X_OPTIONS},
        "POST /2/tweets",
        lambda post: str(post["raw"]),
    ),
    "linkedin": Service(
        LinkedInPlatform,
        {"type": "linkedin", "author": linkedin.MEMBER, "token": {"env": "LINKEDIN_TOKEN"}},
        "POST /rest/posts",
        lambda post: str(post["content"]["article"]["source"]),
    ),
    "newsletter": Service(
        ButtondownPlatform,
        {"type": "buttondown", "token": {"env": "BUTTONDOWN_TOKEN"}},
        "POST /v1/emails/",
        lambda post: str(post["canonical_url"]),
    ),
    "keyed": Service(
        WebhookPlatform,
        {"type": "webhook", "idempotent": True},
        "POST /",
        lambda post: str(post["idempotency_key"]),
    ),
    "hook": Service(
        lambda **options: WebhookPlatform(honours_keys=False, **options),
        {"type": "webhook"},
        "POST /",
        lambda post: str(post["idempotency_key"]),
    ),
    "patient": Service(
        lambda **options: PatientWebhook(honours_keys=False, **options),
        {"type": "webhook"},
        "POST /",
        lambda post: str(post["idempotency_key"]),
    ),
}
ALL = ("x", "linkedin", "newsletter", "keyed", "hook", "outbox")


class Program:
    """A process that ends with the test; its log is read while it runs, one event per line."""

    def __init__(self, popen: subprocess.Popen[str], words: socket.socket) -> None:
        self.popen = popen
        self._words = words
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._has_ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def events(self) -> list[dict[str, Any]]:
        with self._news:
            return [json.loads(line) for line in self._lines if line.startswith("{")]

    @property
    def log(self) -> str:
        with self._news:
            return "".join(self._lines)

    def wait_for(self, name: str, **fields: str) -> dict[str, Any]:
        """Wait until the log tells of an event with these fields, and give it."""
        wanted = {"event": name, **fields}

        def find() -> dict[str, Any] | None:
            found = (event for event in self.events if wanted.items() <= event.items())
            return next(found, None)

        with self._news:
            self._news.wait_for(lambda: find() or self._has_ended, PATIENCE_S)
            event = find()
        assert event is not None, f"{wanted} never came:\n{self.log}"
        return event

    def wait_until_ready(self) -> None:
        """Wait until the daemon's first tick is over, as systemd does."""
        words: list[str] = []
        while "READY=1" not in words:
            try:
                words = self._words.recv(4096).decode().splitlines()
            except TimeoutError:
                raise AssertionError(f"it never was ready:\n{self.log}") from None

    def kill(self) -> None:
        self.popen.kill()
        self.wait()

    def end(self) -> int:
        """Ask it to end, and give its exit code."""
        self.popen.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait for its end, and give its exit code."""
        try:
            code = self.popen.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.log}") from None
        self._reader.join(PATIENCE_S)
        return code

    def _read(self) -> None:
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
        with self._news:
            self._has_ended = True
            self._news.notify_all()


@dataclass(kw_only=True)
class World:
    """A site, the services that it announces on, and the web server that shows it."""

    site: Site
    web: WebServer
    services: Mapping[str, PlatformServer]
    channels: tuple[str, ...]
    before: dict[Path, bytes] = field(default_factory=dict)  # posts as they were written
    count: int = 0  # of programs started

    def write(self, name: str, *, due_s: float = -10) -> Path:
        """Write a post that is due ``due_s`` seconds from now, to the microsecond."""
        at = SystemClock().now().astimezone(OSLO) + timedelta(seconds=due_s)
        path = self.site.write(name, reveal=at.isoformat())
        self.before[path] = path.read_bytes()
        return path

    # --- the program

    @contextmanager
    def program(self, *arguments: str, dies_at: str = "") -> Iterator[Program]:
        """Run ``publisher`` while the block runs; ``dies_at`` are words of a log line."""
        prefix = [sys.executable, "-c", MORTAL, dies_at] if dies_at else self.site.command()
        command = [*prefix, "--config", str(self.site.folder / "jobs.yaml"), *arguments]
        self.count += 1
        address = str(self.site.folder / f"notify{self.count}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as words:
            words.bind(address)
            words.settimeout(PATIENCE_S)
            with subprocess.Popen(
                command,
                cwd=ROOT,
                env={**self.site.all_environ(), "NOTIFY_SOCKET": address},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            ) as popen:
                program = Program(popen, words)
                try:
                    yield program
                finally:
                    program.kill()

    def daemon(self, *, dies_at: str = "") -> AbstractContextManager[Program]:
        return self.program("run", "--log-json", dies_at=dies_at)

    def die_at(self, words: str) -> None:
        """Run the daemon until it is killed where it would write this log line."""
        with self.daemon(dies_at=words) as daemon:
            code = daemon.wait()
        assert code == -signal.SIGKILL, daemon.log

    def recover(self) -> Program:
        """Run the daemon until it has nothing left to do, and end it."""
        with self.daemon() as daemon:
            daemon.wait_until_ready()
            code = daemon.end()
        assert code == 0, daemon.log
        return daemon

    # --- the build

    def hold_build(self, step: str) -> None:
        """Let builds stop at ``step``."""
        (self.site.folder / "control" / step).touch()

    def let_build(self) -> None:
        for step in ("start", "middle"):
            (self.site.folder / "control" / step).unlink(missing_ok=True)

    def builds(self) -> list[list[str]]:
        """Give what builds reached, in its order, as ``[pid, step]``."""
        file = self.site.folder / "control" / "builds"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split() for line in lines]

    def steps(self) -> list[str]:
        return [step for _, step in self.builds()]

    # --- what came of it

    def deliveries(self, post: str = "pattern") -> dict[str, DeliveryRecord]:
        """Give the launch of a post on each channel, as the ledger has it."""
        with self._ledger() as ledger:
            records = ledger.view().deliveries
        return {key.channel: record for key, record in records.items() if key.post == post}

    def states(self, post: str = "pattern") -> dict[str, str]:
        return {channel: record.state.value for channel, record in self.deliveries(post).items()}

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.site.run("status", "--json", code=None).json()
        return found

    def posts(self, channel: str) -> list[str]:
        """Give the identities of all that became public on a channel, from its journal."""
        if channel == "outbox":
            return [str(entry["key"]) for entry in self.site.outbox]
        journal = self.site.folder / "journals" / channel
        lines = journal.read_text().splitlines() if journal.exists() else []
        return [SERVICES[channel].identify(json.loads(line)) for line in lines]

    def sends(self, channel: str) -> int:
        """Count the requests of a channel that ask for a post, whatever came of them."""
        begin = SERVICES[channel].sends
        lines = [f"{r.method} {r.path}" for r in self.services[channel].requests]
        return sum(line.startswith(begin) for line in lines)

    def assert_sound(self) -> None:
        """Check what must hold after every kill, on services, ledger and posts."""
        for channel in self.channels:
            posts = self.posts(channel)
            assert len(posts) == len(set(posts)), f"announced twice on {channel}: {posts}"
        with self._ledger() as ledger:
            records = ledger.view().deliveries.values()
        for channel in self.channels:
            states = [record.state for record in records if record.key.channel == channel]
            surely = sum(s in (DeliveryState.SENT, DeliveryState.CONFIRMED) for s in states)
            maybe = sum(s in (DeliveryState.UNCERTAIN, DeliveryState.HELD) for s in states)
            assert surely <= len(self.posts(channel)) <= surely + maybe, (channel, states)
        for path, old in self.before.items():
            new = old.replace(b"status: scheduled", b"status: published")
            assert path.read_bytes() in (old, new), path
        with sqlite3.connect(self.site.ledger) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()

    def _ledger(self) -> Ledger:
        url = f"sqlite:///{self.site.ledger}"
        return Ledger.open(url, site="sample", now=SystemClock().now(), read_only=True)


@contextmanager
def a_world(folder: Path, *channels: str) -> Iterator[World]:
    """Make an adopted site without posts; it announces on ``channels``, or on an outbox."""
    channels = channels or ("outbox",)
    for name in ("content/blog", "content/dist", "control", "journals"):
        (folder / name).mkdir(parents=True)
    (folder / "content" / "generate.py").write_text(GENERATOR)
    with ExitStack() as stack:
        web = stack.enter_context(WebServer(folder / "content" / "dist"))
        services = {
            name: stack.enter_context(SERVICES[name].make(journal=folder / "journals" / name))
            for name in channels
            if name in SERVICES
        }
        _write_jobs(folder, web.url, {name: _options(name, services) for name in channels})
        site = Site(folder=folder, environ=SECRETS)
        now = SystemClock().now()
        with Ledger.open(f"sqlite:///{site.ledger}", site="sample", now=now) as ledger:
            ledger.adopt((), now=now)
        world = World(site=site, web=web, services=services, channels=channels)
        try:
            yield world
        finally:
            _end_builds(world)


def _options(name: str, services: Mapping[str, PlatformServer]) -> dict[str, Any]:
    if name not in services:
        return {"type": name}
    options = SERVICES[name].options
    key = "url" if options["type"] == "webhook" else "api_url"
    return {**options, key: services[name].url}


def _write_jobs(folder: Path, url: str, channels: Mapping[str, Any]) -> None:
    jobs = {
        "site": {
            "name": "sample",
            "url": url,
            "root": "content",
            "posts": "blog/*.md",
            "post_url": "/blog/{slug}",
            "generator": "vitepress",
            "timezone": "Europe/Oslo",
        },
        "rebuild": {"command": [sys.executable, "generate.py"], "output": "dist"},
        "channels": channels,
    }
    (folder / "jobs.yaml").write_text(json.dumps(jobs))  # JSON is YAML


def _end_builds(world: World) -> None:
    """Leave no build behind that outlived the program that began it."""
    world.let_build()
    running = {int(pid) for pid, step in world.builds() if step == "start"}
    running -= {int(pid) for pid, step in world.builds() if step == "end"}
    if not comes_true(lambda: not locks.is_held(world.site.folder / ".publisher", locks.BUILD)):
        for pid in running:
            os.kill(pid, signal.SIGKILL)


def comes_true(is_so: Callable[[], object], within_s: float = PATIENCE_S) -> bool:
    """Tell whether something comes true in time."""
    pause = threading.Event()
    for _ in range(round(within_s / 0.01)):
        if is_so():
            return True
        pause.wait(0.01)
    return bool(is_so())


def until(is_so: Callable[[], object], program: Program) -> None:
    """Wait until something comes true."""
    assert comes_true(is_so), f"it never came true:\n{program.log}"


def hang(channel: str, *, is_accepted: bool) -> Fault:
    """Let a channel's service say nothing to the next post, and make it public first or not."""
    return Fault(accept=is_accepted, ending="hang", on=SERVICES[channel].sends)


def names(events: Iterable[Mapping[str, Any]]) -> list[str]:
    return [event["event"] for event in events]
