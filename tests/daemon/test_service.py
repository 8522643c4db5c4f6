"""The daemon with scripted ticks, and whole: real processes, signals and sockets."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

import pytest

from publisher.config import load
from publisher.config.in_force import JobsFile, read_note
from publisher.config.settings import Settings
from publisher.daemon.service import Alarm, Daemon, status_of
from publisher.engine.tick import Tick
from publisher.ledger import Ledger
from publisher.model import Cause, ChannelName, DeliveryKey, Hold, LedgerView, Plan, PostId, Problem
from publisher.model.errors import LedgerError, LedgerUnavailable, PostError, PublisherError
from publisher.system import locks
from publisher.system.clock import SystemClock
from publisher.system.report import Event, info
from publisher.text.printable import OBEYED
from publisher.views.issues import held

NOW = datetime(2027, 3, 9, 8, 0, tzinfo=UTC)
OSLO = ZoneInfo("Europe/Oslo")
KEY = DeliveryKey(site="s", post=PostId("pattern"), channel=ChannelName("x"))
HELD = Hold(cause=Cause.TOO_LATE, post=KEY.post, key=KEY, reason="late", needs_person=True)
PATIENCE_S = 20.0  # for what must come; a healthy machine needs a hundredth of it
JOBS = """\
site:
  name: sample
  url: https://chronicles.example
  root: .
  posts: "blog/*.md"
  post_url: /blog/{slug}
  generator: vitepress
  timezone: Europe/Oslo
channels: {outbox: {type: outbox}}
"""
REPOSITORY = Path(__file__).parents[2]


def a_tick(
    *, next_at: datetime | None = None, holds: tuple[Hold, ...] = (), problems: tuple[str, ...] = ()
) -> Tick:
    found = tuple(
        Problem(rule="date", severity="error", path="a.md", line=1, message=text)
        for text in problems
    )
    return Tick(performed=(), plan=Plan(holds=holds, next_at=next_at), problems=found)


@dataclass
class Stage:
    """A daemon with everything it says, and ticks that go as scripted."""

    folder: Path
    watchdog_s: float | None = 60.0
    events: list[Event] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    armed: list[datetime | None] = field(default_factory=list)
    ticks: int = 0

    def __post_init__(self) -> None:
        self.daemon = Daemon(
            report=self.events.append,
            notify=lambda *lines: self.words.extend(lines),
            zone=OSLO,
            jobs_file=JobsFile(self.settings(), environ={}, clock=SystemClock()),
            watchdog_s=self.watchdog_s,
            issues_of=lambda plan: held(LedgerView(), plan.holds, in_doubt=()),
        )

    def settings(self) -> Settings:
        """Read a jobs.yaml, of which nothing is left for the daemon to watch."""
        file = self.folder / "jobs.yaml"
        file.write_text(JOBS)
        settings = load(file, environ={})
        file.unlink()
        return settings

    def play(self, *script: Tick | Exception | Callable[[], Tick]) -> None:
        """Let each tick go as the script says; every tick asks for the next, the last to stop."""

        def tick() -> Tick:
            step = script[self.ticks]
            self.ticks += 1
            self.daemon.wake.set()
            if self.ticks == len(script):
                self.daemon.stop.set()
            if isinstance(step, Exception):
                raise step
            return step() if callable(step) else step

        self.daemon.work(tick, self.armed.append)

    def told(self, name: str) -> list[str]:
        return [event.fields["reason"] for event in self.events if event.name == name]


# --- the loop ------------------------------------------------------------------------------


def test_a_wake_up_during_a_tick_leads_to_another_tick(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage.play(a_tick(), a_tick())  # without it, the second would come after a sweep

    assert stage.ticks == 2


def test_nothing_begins_after_stop(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.daemon.stop.set()

    stage.play(a_tick())

    assert stage.ticks == 0


def test_the_alarm_is_set_to_the_next_due_instant_of_each_tick(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage.play(a_tick(next_at=NOW), a_tick(next_at=NOW + timedelta(hours=1)), a_tick())

    assert stage.armed == [NOW, NOW + timedelta(hours=1), None]


def test_a_failed_tick_is_logged_and_the_next_one_runs(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage.play(a_tick(), LedgerError("the disk is full", hint="make room"), a_tick())

    assert stage.ticks == 3
    assert stage.told("tick.failed") == ["the disk is full; make room"]


def test_a_failed_tick_leaves_the_alarm_as_it_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage.play(a_tick(next_at=NOW), PostError("unreadable"))

    assert stage.armed == [NOW]


def test_what_each_tick_left_is_handed_on_and_so_is_why_one_failed(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    handed: list[object] = []
    stage.daemon.after_tick = handed.append
    ticks, error = (a_tick(), a_tick(next_at=NOW)), PostError("unreadable")

    stage.play(ticks[0], error, ticks[1])

    assert handed == [ticks[0], error, ticks[1]]


def test_alerts_that_fail_end_no_daemon(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(tmp_path)

    def fail(left: object) -> None:
        raise RuntimeError("can't start new thread")

    stage.daemon.after_tick = fail

    stage.play(a_tick(), a_tick())

    assert stage.ticks == 2
    assert [record.message for record in caplog.records] == ["alerts.crashed"] * 2


def test_a_ledger_that_fails_at_the_start_ends_the_daemon(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    with pytest.raises(LedgerError, match="damaged"):
        stage.play(LedgerError("damaged"))

    assert stage.words == []


def test_a_programming_mistake_ends_the_daemon(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    with pytest.raises(ZeroDivisionError):
        stage.play(a_tick(), ZeroDivisionError())


def test_what_waits_for_a_person_is_told_once_and_again_when_it_comes_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage.play(a_tick(holds=(HELD,)), a_tick(holds=(HELD,)), a_tick(), a_tick(holds=(HELD,)))

    assert stage.told("person.needed") == ["late", "late"]


def test_a_problem_of_a_post_is_told_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage.play(a_tick(problems=("no title",)), a_tick(problems=("no title", "no date")))

    assert stage.told("post.problem") == ["a.md:1: no title", "a.md:1: no date"]


def test_a_broken_jobs_file_is_told_once_and_at_every_tick_to_alerts(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    handed: list[Tick | PublisherError] = []
    stage.daemon.after_tick = handed.append
    (tmp_path / "jobs.yaml").write_text("site: {}")

    stage.play(a_tick(), a_tick())

    assert [event.name for event in stage.events] == ["jobs.broken"]
    assert [list(tick.troubles) for tick in handed if isinstance(tick, Tick)] == [
        ["jobs.broken"],
        ["jobs.broken"],
    ]


def test_an_edited_jobs_file_ends_the_loop_with_its_settings(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    (tmp_path / "jobs.yaml").write_text(JOBS + "policy: {burst: 9}\n")

    edited = stage.daemon.work(a_tick, stage.armed.append)

    assert edited is not None
    assert edited.burst == 9


def test_a_disk_that_is_full_at_the_start_ends_no_daemon(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage.play(LedgerUnavailable("the disk is full"), a_tick())

    assert stage.ticks == 2


# --- signs of life -------------------------------------------------------------------------


def test_ready_comes_after_the_first_tick(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    during: list[str] = []

    def look() -> Tick:
        during.extend(stage.words)
        return a_tick()

    stage.play(look)

    assert during == []
    assert stage.words == ["READY=1", "WATCHDOG=1", "STATUS=nothing is due"]


def test_ready_comes_even_if_the_posts_refuse_the_first_tick(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage.play(PostError("two posts have the same id"))

    assert stage.words == ["STATUS=last tick failed: two posts have the same id", "READY=1"]


def test_a_failed_tick_feeds_no_watchdog(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage.play(a_tick(), LedgerError("the disk is full"), LedgerError("the disk is full"))

    assert stage.words.count("WATCHDOG=1") == 1


def test_what_a_tick_does_feeds_the_watchdog(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    def build() -> Tick:
        info(stage.daemon.tell, "rebuild.started")
        info(stage.daemon.tell, "rebuild.done")
        return a_tick()

    stage.play(a_tick(), build)

    assert stage.words.count("WATCHDOG=1") == 1 + 2 + 1


def test_what_a_tick_does_after_a_failed_one_feeds_no_watchdog(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    def fail_late() -> Tick:
        info(stage.daemon.tell, "post.observed")
        raise LedgerError("the disk is full")

    stage.play(a_tick(), LedgerError("the disk is full"), fail_late, fail_late)

    assert stage.words.count("WATCHDOG=1") == 1


def test_a_long_first_tick_asks_for_more_time_to_start(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    def build() -> Tick:
        info(stage.daemon.tell, "rebuild.started")
        return a_tick()

    stage.play(build)

    assert stage.words[:2] == ["EXTEND_TIMEOUT_USEC=60000000", "READY=1"]


def test_sweeps_are_twice_as_frequent_as_the_watchdog(tmp_path: Path) -> None:
    stage = Stage(tmp_path, watchdog_s=0.2)
    stage.daemon.wake.set()
    enough = threading.Event()

    def tick() -> Tick:
        stage.ticks += 1
        if stage.ticks == 3:  # nobody wakes the loop: its own pace does
            stage.daemon.stop.set()
            stage.daemon.wake.set()
            enough.set()
        return a_tick()

    stage.daemon.work(tick, stage.armed.append)

    assert enough.is_set()


def test_the_status_says_what_is_next_in_the_zone_of_the_site() -> None:
    done = a_tick(next_at=NOW, holds=(HELD, Hold(cause=Cause.NOT_DUE)))

    assert status_of(done, OSLO) == "next due 2027-03-09 09:00:00 +0100; 1 waiting for a person"


# --- the alarm -----------------------------------------------------------------------------


def test_the_alarm_rings_at_its_instant() -> None:
    wake = threading.Event()
    at = SystemClock().now() + timedelta(milliseconds=100)

    with Alarm(wake) as alarm:
        alarm.arm(at)
        rang = wake.wait(PATIENCE_S)

    assert rang
    assert SystemClock().now() >= at


def test_the_alarm_rings_at_once_for_an_instant_long_past() -> None:
    wake = threading.Event()

    with Alarm(wake) as alarm:
        alarm.arm(NOW - timedelta(days=9000))
        rang = wake.wait(PATIENCE_S)

    assert rang


def test_the_alarm_moves_to_an_earlier_instant() -> None:
    wake = threading.Event()

    with Alarm(wake) as alarm:
        alarm.arm(SystemClock().now() + timedelta(days=400))
        alarm.arm(SystemClock().now() + timedelta(milliseconds=50))
        rang = wake.wait(PATIENCE_S)

    assert rang


def test_the_alarm_does_not_ring_at_the_instant_it_was_moved_from() -> None:
    wake = threading.Event()
    soon = SystemClock().now() + timedelta(milliseconds=50)

    with Alarm(wake) as alarm, Alarm(later := threading.Event()) as other:
        alarm.arm(soon)
        alarm.arm(None)
        other.arm(soon + timedelta(milliseconds=50))
        later.wait(PATIENCE_S)

    assert not wake.is_set()


# --- processes -----------------------------------------------------------------------------

SCRIPTED = """
import os, sys
from datetime import UTC
from pathlib import Path
from publisher.daemon import service
from publisher.system import log as logs, report
from publisher.system.clock import SystemClock
from publisher.config import load
from publisher.engine.tick import Tick
from publisher.config.in_force import JobsFile, read_note
from publisher.model import Plan
from publisher.daemon.service import Daemon, listen

logs.configure_logging(environ=os.environ, verbose=False)
jobs_file = JobsFile(load(Path(sys.argv[2]), environ={}), environ={}, clock=SystemClock())
daemon = Daemon(report=report.log, notify=lambda *lines: None, zone=UTC, jobs_file=jobs_file)

def tick():
    report.info(daemon.tell, "delivery.sending", post="pattern")
    if sys.argv[1] == "busy":
        sys.stdin.readline()
        report.info(daemon.tell, "delivery.sent", post="pattern")
    return Tick(performed=(), plan=Plan(), problems=())

with listen(daemon.take_signal):
    daemon.work(tick, lambda at: report.info(report.log, "alarm.armed"))
report.info(report.log, "test.ended")
"""

DAEMON = """
import os, sys
from pathlib import Path
from publisher.daemon import service
from publisher.system import log as logs, report
from publisher.system.clock import SystemClock
from publisher.config import load
from publisher.model.errors import PublisherError

logs.configure_logging(environ=os.environ, verbose=False)
settings = load(Path(sys.argv[1]), environ=os.environ)
try:
    sys.exit(
        service.run(settings, environ=os.environ, clock=SystemClock(), report=report.log)
    )
except PublisherError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def a_jobs_file(folder: Path) -> Path:
    file = folder / "jobs.yaml"
    file.write_text(JOBS)
    return file


class Process:
    """A process that ends with the test, and whose log is read line by line."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen
        self.lines: list[str] = []

    @property
    def log(self) -> IO[str]:
        assert self.popen.stderr is not None
        return self.popen.stderr

    def wait_for(self, text: str) -> str:
        """Read the log until a line holds ``text`` and give that line."""
        for line in self.log:
            self.lines.append(line.rstrip("\n"))
            if text in line:
                return self.lines[-1]
        raise AssertionError(f"{text!r} never came:\n" + "\n".join(self.lines))

    def end(self) -> int:
        self.lines += self.log.read().splitlines()
        return self.popen.wait(PATIENCE_S)


@contextmanager
def a_process(
    code: str, *arguments: str, environ: Mapping[str, str] | None = None
) -> Iterator[Process]:
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=REPOSITORY,
        env={"PATH": os.defpath, **(environ or {})},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as popen:
        killer = threading.Timer(PATIENCE_S, popen.kill)
        killer.start()
        try:
            yield Process(popen)
        finally:
            killer.cancel()
            popen.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_waiting_daemon_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with a_process(SCRIPTED, "idle", str(a_jobs_file(tmp_path))) as process:
        process.wait_for("alarm.armed")

        process.popen.send_signal(number)

        assert process.end() == 0
        assert process.lines[-2:] == [
            f"service.stopping signal={number.name} waits_for=nothing",
            "test.ended",
        ]


def test_signals_during_a_delivery_let_it_finish_and_say_so(tmp_path: Path) -> None:
    with a_process(SCRIPTED, "busy", str(a_jobs_file(tmp_path))) as process:
        process.wait_for("delivery.sending")

        process.popen.send_signal(signal.SIGTERM)
        first = process.wait_for("signal=SIGTERM")
        process.popen.send_signal(signal.SIGINT)
        second = process.wait_for("signal=SIGINT")
        assert process.popen.stdin is not None
        process.popen.stdin.write("answer\n")
        process.popen.stdin.flush()

        assert process.end() == 0
    assert first.endswith('waits_for="delivery.sending post=pattern"')
    assert second.startswith("signal.ignored")
    assert 'waits_for="delivery.sending post=pattern"' in second
    assert "delivery.sent post=pattern" in process.lines


def test_a_hangup_asks_for_another_tick(tmp_path: Path) -> None:
    with a_process(SCRIPTED, "idle", str(a_jobs_file(tmp_path))) as process:
        process.wait_for("alarm.armed")

        process.popen.send_signal(signal.SIGHUP)
        process.wait_for("signal=SIGHUP")
        process.wait_for("alarm.armed")
        process.popen.send_signal(signal.SIGTERM)

        assert process.end() == 0


# --- the whole daemon ------------------------------------------------------------------------


@contextmanager
def a_daemon(jobs_file: Path, **environ: str) -> Iterator[Process]:
    """Run the daemon; its channel types are declared as an installed package would do it."""
    package = jobs_file.parent / "publisher-0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: publisher\nVersion: 0\n")
    (package / "entry_points.txt").write_text(
        "[publisher.channels]\noutbox = publisher.channels.outbox:Outbox\n"
        "mistaken = mistaken:Mistaken\n"
    )
    environ["PYTHONPATH"] = str(jobs_file.parent)
    with a_process(DAEMON, str(jobs_file), environ=environ) as process:
        yield process


def write_post(blog: Path, reveal_at: datetime) -> None:
    (blog / "pattern.md").write_text(
        "---\n"
        "title: The Pattern That Prevents Chaos\n"
        "description: Six steps from an idea to a finished piece.\n"
        f"reveal: {reveal_at.isoformat()}\n"
        "status: scheduled\n"
        "---\n"
        "Begin with the smallest thing that could be shown to somebody else.\n"
    )


def a_site(
    folder: Path,
    *,
    reveal_at: datetime | None = None,
    rebuild: str = "",
    channel_type: str = "outbox",
) -> Path:
    """Write an adopted site with at most one scheduled post, and give its ``jobs.yaml``."""
    blog = folder / "content" / "blog"
    blog.mkdir(parents=True)
    url = f"sqlite:///{folder / '.publisher' / 'ledger.db'}"
    now = SystemClock().now()
    with Ledger.open(url, site="sample", now=now, check=True) as ledger:
        ledger.adopt((), now=now)
    if reveal_at is not None:
        write_post(blog, reveal_at)
    jobs_file = folder / "jobs.yaml"
    jobs_file.write_text(
        "site:\n"
        "  name: sample\n"
        "  url: https://chronicles.example\n"
        "  root: content\n"
        '  posts: "blog/*.md"\n'
        "  post_url: /blog/{slug}\n"
        "  generator: vitepress\n"
        "  timezone: Europe/Oslo\n"
        f"{rebuild}"
        "verify: {live: false}\n"
        "channels:\n"
        f"  outbox: {{type: {channel_type}}}\n"
    )
    return jobs_file


@contextmanager
def a_notify_socket(folder: Path) -> Iterator[Callable[[], list[str]]]:
    """Listen as systemd does; each call gives the lines of the next word."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(folder / "notify"))
        receiver.settimeout(PATIENCE_S)
        yield lambda: receiver.recv(4096).decode().splitlines()


def test_a_post_is_released_and_announced_at_its_instant(tmp_path: Path) -> None:
    reveal_at = (SystemClock().now() + timedelta(seconds=3)).replace(microsecond=0)
    jobs_file = a_site(tmp_path, reveal_at=reveal_at)

    with a_daemon(jobs_file) as process:
        begun = process.wait_for("release.begun")
        process.wait_for("delivery.sent")
        process.popen.send_signal(signal.SIGTERM)

        assert process.end() == 0
    late_ms = int(begun.rpartition("late_ms=")[2])
    assert 0 <= late_ms < 10_000  # by the alarm, 5 on an idle machine; a sweep takes 12 s more
    assert "status: published" in (tmp_path / "content/blog/pattern.md").read_text()
    assert process.lines[-1] == "service.stopped site=sample"


def test_systemd_hears_ready_then_stopping(tmp_path: Path) -> None:
    jobs_file = a_site(tmp_path)

    with a_notify_socket(tmp_path) as hear:
        address = str(tmp_path / "notify")
        with a_daemon(jobs_file, NOTIFY_SOCKET=address, WATCHDOG_USEC="60000000") as process:
            words = hear()
            while words != ["READY=1"]:  # the first tick may ask for more time
                assert words[0].startswith("EXTEND_TIMEOUT_USEC=")
                words = hear()
            alive = hear()
            process.popen.send_signal(signal.SIGTERM)
            stopping = hear()

            assert process.end() == 0

    assert alive == ["WATCHDOG=1", "STATUS=nothing is due"]
    assert stopping == ["STOPPING=1", "STATUS=stopping"]


def test_a_stop_ends_the_build_that_is_running(tmp_path: Path) -> None:
    build = tmp_path / "build.py"
    build.write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'building')!r}).write_text(str(os.getpid()))\n"
        "print('building', flush=True)\n"
        "time.sleep(600)\n"
    )
    rebuild = f"rebuild: {{command: [{sys.executable}, {build}], output: dist}}\n"
    jobs_file = a_site(tmp_path, reveal_at=SystemClock().now(), rebuild=rebuild)

    with a_daemon(jobs_file) as process:
        process.wait_for("rebuild.started")
        process.popen.send_signal(signal.SIGTERM)

        assert process.end() == 0
    assert not any("rebuild.failed" in line for line in process.lines)


def test_a_second_daemon_leaves_the_ledger_to_the_first(tmp_path: Path) -> None:
    jobs_file = a_site(tmp_path)

    with (
        locks.hold(tmp_path / ".publisher", locks.DAEMON),
        a_daemon(jobs_file) as process,
    ):
        assert process.end() == 75

    assert f"held by the publisher process {os.getpid()}" in process.lines[0]


def test_a_damaged_ledger_ends_the_start_with_an_error(tmp_path: Path) -> None:
    jobs_file = a_site(tmp_path)
    (tmp_path / ".publisher" / "ledger.db").write_bytes(b"no ledger at all" * 1000)

    with a_daemon(jobs_file) as process:
        assert process.end() == 1

    assert not any("Traceback" in line for line in process.lines)


def test_an_edit_of_jobs_yaml_is_in_force_with_the_next_sweep(tmp_path: Path) -> None:
    jobs_file = a_site(tmp_path)

    with a_daemon(jobs_file) as process:
        process.wait_for("service.started")
        jobs_file.write_text(jobs_file.read_text() + "  second: {type: outbox}\n")
        process.popen.send_signal(signal.SIGHUP)
        process.wait_for("jobs.applied")
        reveal_at = SystemClock().now().replace(microsecond=0)
        write_post(tmp_path / "content/blog", reveal_at)
        process.popen.send_signal(signal.SIGHUP)
        sent = {process.wait_for("delivery.sent"), process.wait_for("delivery.sent")}
        process.popen.send_signal(signal.SIGTERM)

        assert process.end() == 0
    assert {"channel=outbox" in line for line in sent} == {True, False}


@pytest.mark.parametrize(
    "edit",
    ["channels: [", "sitee: {}\n", "state_dir: elsewhere\n"],
    ids=["no YAML", "an unknown key", "another state folder"],
)
def test_an_edit_that_cannot_be_used_leaves_the_old_one_in_force(tmp_path: Path, edit: str) -> None:
    jobs_file = a_site(tmp_path)
    good = jobs_file.read_text()

    with a_daemon(jobs_file) as process:
        process.wait_for("service.started")
        jobs_file.write_text(edit + good)
        process.popen.send_signal(signal.SIGHUP)
        process.wait_for("jobs.broken")
        note = read_note(tmp_path / ".publisher")
        write_post(tmp_path / "content/blog", SystemClock().now().replace(microsecond=0))
        process.popen.send_signal(signal.SIGHUP)
        process.wait_for("delivery.sent")
        jobs_file.write_text(good + "policy: {burst: 9}\n")
        process.popen.send_signal(signal.SIGHUP)
        process.wait_for("jobs.applied")
        process.popen.send_signal(signal.SIGTERM)

        assert process.end() == 0
    assert note is not None
    assert note.trouble != ""
    assert note.digest == hashlib.sha256(good.encode()).hexdigest()


def test_a_daemon_that_crashed_before_waits_and_counts_anew_when_it_is_well(tmp_path: Path) -> None:
    jobs_file = a_site(tmp_path)
    run = tmp_path / "run"
    run.mkdir()

    with a_daemon(jobs_file, RUNTIME_DIRECTORY=str(run)) as process:
        process.wait_for("service.started")
        while (run / "starts").exists():
            process.popen.send_signal(signal.SIGHUP)
            process.wait_for("signal.taken")
        process.popen.send_signal(signal.SIGTERM)
        assert process.end() == 0
    (run / "starts").write_text("...")
    (tmp_path / "publisher-0.dist-info").rename(tmp_path / "before")
    with a_daemon(jobs_file, RUNTIME_DIRECTORY=str(run)) as process:
        waits = process.wait_for("start.waits")
        process.popen.send_signal(signal.SIGTERM)
        assert process.end() == 0

    assert waits.endswith("seconds=60")


def test_a_start_without_a_usable_state_folder_waits_for_one(tmp_path: Path) -> None:
    jobs_file = a_site(tmp_path)
    state = tmp_path / ".publisher"
    state.rename(tmp_path / "kept")
    state.touch()  # nothing can be written in there, as on a full disk

    with (
        a_notify_socket(tmp_path) as hear,
        a_daemon(jobs_file, NOTIFY_SOCKET=str(tmp_path / "notify")) as process,
    ):
        process.wait_for("start.failed")
        words = hear()
        process.popen.send_signal(signal.SIGTERM)

        assert process.end() == 0
    assert words[0].startswith("EXTEND_TIMEOUT_USEC=")


MISTAKEN = """
from publisher.model import Limits, Receipt

class Mistaken:
    options = ()
    limits = Limits()
    template = "{{ post.title }}"
    subject = ""

    def __init__(self, options, context):
        pass

    @property
    def recovery(self):
        return 1 // 0

    def send(self, message, *, key, draft):
        return Receipt(remote_id="1")
"""


def test_a_mistake_in_the_code_ends_the_daemon_with_a_traceback(tmp_path: Path) -> None:
    jobs_file = a_site(tmp_path, reveal_at=SystemClock().now(), channel_type="mistaken")
    (tmp_path / "mistaken.py").write_text(MISTAKEN)

    with a_daemon(jobs_file) as process:
        assert process.end() == 1

    assert "tick.crashed" in process.lines
    assert process.lines[-1] == "ZeroDivisionError: integer division or modulo by zero"


# --- the log -------------------------------------------------------------------------------

LOG = """
import os, sys
from publisher.daemon import service
from publisher.system import log as logs, report

environ = dict(os.environ)
if "journal" in sys.argv:
    status = os.fstat(2)
    environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
for _ in range(2):  # a second call replaces the first
    logs.configure_logging(
        environ=environ, verbose="verbose" in sys.argv, json_lines="json" in sys.argv
    )
report.info(report.log, "release.live", post="pattern", url="a b")
report.warn(report.log, "rebuild.failed", reason="no output")
report.logger.debug("quiet")
import logging
logging.getLogger("urllib3.connectionpool").debug("Authorization: Bearer canary")
logging.getLogger("tweepy.client").info("Authorization: Bearer canary")
try:
    1 / 0
except ZeroDivisionError:
    report.logger.exception("tick.crashed")
"""


def log_of(*arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOG, *arguments],
        cwd=REPOSITORY,
        env={"PATH": os.defpath},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return done.stderr.splitlines()


def test_a_pipe_gets_one_event_per_line_without_time() -> None:
    lines = log_of()

    assert lines[:3] == [
        'release.live post=pattern url="a b"',
        'rebuild.failed reason="no output"',
        "tick.crashed",
    ]


def test_the_journal_gets_a_priority_on_every_line() -> None:
    lines = log_of("journal")

    assert lines[0] == '<6>release.live post=pattern url="a b"'
    assert lines[1] == '<4>rebuild.failed reason="no output"'
    assert lines[2:4] == ["<3>tick.crashed", "<3>Traceback (most recent call last):"]
    assert {line[:3] for line in lines[2:]} == {"<3>"}


def test_json_lines_hold_the_fields_of_the_event() -> None:
    first, *_, last = (json.loads(line) for line in log_of("json"))

    assert datetime.fromisoformat(first.pop("at")).utcoffset() == timedelta(0)
    assert first == {"level": "info", "event": "release.live", "post": "pattern", "url": "a b"}
    assert last["event"] == "tick.crashed"
    assert "ZeroDivisionError" in last["traceback"]


def test_verbose_means_more_of_ours_and_no_more_of_others() -> None:
    lines = log_of("verbose")

    assert "quiet" in lines
    assert not any("canary" in line for line in lines)


HOSTILE = """
import logging, os, sys
from publisher.system import log as logs, report

logs.configure_logging(environ=os.environ, verbose=False, json_lines="json" in sys.argv)
words = "\\x1b[2J\\u202e\\x9b1A"
report.warn(report.log, "delivery.not_sent", reason=words)
logging.getLogger("apprise").warning("%s", words)
try:
    raise ValueError(words)
except ValueError:
    report.logger.exception("tick.crashed")
"""


@pytest.mark.parametrize("form", ["plain", "json"])
def test_nothing_in_the_log_commands_a_terminal(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, form],
        cwd=REPOSITORY,
        env={"PATH": os.defpath},
        stderr=subprocess.PIPE,
        timeout=PATIENCE_S,
        check=True,
    )

    text = done.stderr.decode()
    assert OBEYED.findall(text) == []
    if form == "json":
        reason = json.loads(text.splitlines()[0])["reason"]
        assert reason == "\x1b[2J\u202e\x9b1A"
    else:
        assert text.splitlines()[:2] == [
            "delivery.not_sent reason=\\x1b[2J\\u202e\\x9b1A",
            "\\x1b[2J\\u202e\\x9b1A",
        ]
        assert text.splitlines()[-1] == "ValueError: \\x1b[2J\\u202e\\x9b1A"
