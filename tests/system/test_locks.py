"""One daemon, one tick, one build at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.config.settings import RebuildSettings
from publisher.model.errors import LedgerBusyError, SiteError
from publisher.site.site import build
from publisher.system import locks

HOLD = """
import sys, pathlib
sys.path.insert(0, {root!r})
from publisher.system import locks
with locks.hold(pathlib.Path(sys.argv[1]), locks.DAEMON):
    print("held", flush=True)
    sys.stdin.read()
"""


BUILD = "import sys; sys.stdin.read()"
KILLED_WHILE_IT_BUILDS = """\
import os, pathlib, signal, subprocess, sys, threading
from datetime import timedelta
from publisher.system import locks
state = pathlib.Path(sys.argv[1])
with locks.hold_for_build(state, patience=timedelta(0), stop=threading.Event()) as lock:
    subprocess.Popen([sys.executable, "-c", sys.argv[2]], pass_fds=(lock,))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def a_holder(folder: Path) -> subprocess.Popen[str]:
    script = HOLD.format(root=str(Path(__file__).parents[2]))
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_second_daemon_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with a_holder(tmp_path) as holder:
        with pytest.raises(LedgerBusyError) as caught, locks.hold(tmp_path, locks.DAEMON):
            pass
        holder.kill()

    assert f"process {holder.pid}" in caught.value.what
    assert caught.value.exit_code == 75


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with a_holder(tmp_path) as holder:
        is_held_before = locks.is_held(tmp_path, locks.DAEMON)
        holder.kill()

    assert is_held_before
    assert not locks.is_held(tmp_path, locks.DAEMON)


def test_asking_for_a_lock_creates_nothing(tmp_path: Path) -> None:
    assert not locks.is_held(tmp_path / "state", locks.DAEMON)
    assert list(tmp_path.iterdir()) == []


def test_build_that_outlives_its_parent_keeps_the_next_one_waiting(tmp_path: Path) -> None:
    stop = threading.Event()
    parent = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_IT_BUILDS, str(tmp_path), BUILD],
        stdin=subprocess.PIPE,  # which the orphan reads to its end
    )
    parent.wait()

    with (
        pytest.raises(SiteError, match="earlier build"),
        locks.hold_for_build(tmp_path, patience=timedelta(seconds=0.3), stop=stop),
    ):
        pass
    parent.communicate()
    with locks.hold_for_build(tmp_path, patience=timedelta(seconds=10), stop=stop) as lock:
        is_free_again = lock > 0

    assert is_free_again


def test_process_that_stays_when_its_build_is_over_keeps_nobody_waiting(tmp_path: Path) -> None:
    stop = threading.Event()
    with locks.hold_for_build(tmp_path, patience=timedelta(0), stop=stop) as lock:
        server = subprocess.Popen(
            [sys.executable, "-c", BUILD], stdin=subprocess.PIPE, pass_fds=(lock,)
        )

    with locks.hold_for_build(tmp_path, patience=timedelta(0), stop=stop) as lock:
        is_free = lock > 0
    server.communicate()

    assert is_free


def test_command_inherits_the_lock(tmp_path: Path) -> None:
    output = tmp_path / "out"
    script = "import os,sys; os.fstat(int(sys.argv[1])); os.mkdir('out'); open('out/a','w').close()"
    stop = threading.Event()

    with locks.hold_for_build(tmp_path, patience=timedelta(0), stop=stop) as lock:
        settings = RebuildSettings(command=(sys.executable, "-c", script, str(lock)), output=output)
        result = build.run(settings, cwd=tmp_path, environ={}, keep_open=(lock,))

    assert result.ok, result.reason


def test_waiting_for_an_earlier_build_ends_when_we_are_told_to_stop(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()

    with (
        locks.hold_for_build(tmp_path, patience=timedelta(0), stop=threading.Event()),
        pytest.raises(SiteError, match="asked to end"),
        locks.hold_for_build(tmp_path, patience=timedelta(hours=1), stop=stop),
    ):
        pass
