"""A process that has loaded the program once and forks a run of it for each order.

A forked run is the program as it is, without the second that importing it takes; under strace
that would be three. It waits for a word before it begins, so that strace can take hold of it.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import publisher
from publisher.system.clock import SystemClock
from tests.acceptance.sites import ROOT
from tests.torture.tracing import allow

LATE = ("tweepy", "twitter_text", "requests_oauthlib")  # imported where they are used


def go_ahead(by: timedelta) -> None:
    """Set the clock of this process ahead: back-off and settle times are over by then."""
    now, monotonic = SystemClock.now, SystemClock.monotonic

    def later(clock: SystemClock) -> datetime:
        return now(clock) + by

    def later_s(clock: SystemClock) -> float:
        return monotonic(clock) + by.total_seconds()

    SystemClock.now, SystemClock.monotonic = later, later_s  # type: ignore[method-assign]


class Warm:
    """The forking process, from outside; one run at a time."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.warm"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._hear()  # it is ready

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._popen.stdin.close()  # type: ignore[union-attr]
        self._popen.stdout.close()  # type: ignore[union-attr]
        self._popen.wait()

    def fork(
        self,
        arguments: Sequence[str],
        *,
        environ: Mapping[str, str],
        said: Path,
        ahead: timedelta = timedelta(0),
    ) -> int:
        """Fork a run that writes what it says to ``said``, and give its process id.

        Its clock is ``ahead`` of the machine's.
        """
        order = {
            "arguments": list(arguments),
            "environ": dict(environ),
            "said": str(said),
            "ahead_s": ahead.total_seconds(),
        }
        self._say(json.dumps(order) + "\n")
        return self._hear()

    def begin(self) -> None:
        """Let the run begin."""
        self._say("\n")

    def wait(self) -> int:
        """Wait for the end of the run, and give its exit code."""
        return self._hear()

    def _say(self, words: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(words)
        self._popen.stdin.flush()

    def _hear(self) -> int:
        assert self._popen.stdout is not None
        return int(self._popen.stdout.readline())


def _load() -> None:
    """Import what a tick would import on its way."""
    for module in pkgutil.walk_packages(publisher.__path__, "publisher."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)


def _run(order: Mapping[str, Any]) -> None:
    """Become the program: its streams, its environment, its clock, its arguments."""
    said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.close(said)
    allow()
    os.read(0, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()  # noqa: TID251 (the run gets exactly what it is given)
    os.environ.update(order["environ"])  # noqa: TID251
    if order["ahead_s"]:
        go_ahead(timedelta(seconds=order["ahead_s"]))
    importlib.import_module("publisher.cli").main(order["arguments"], prog_name="publisher")


def main() -> None:
    """Fork a run for each line of orders; say its process id, and its exit code when it is over."""
    _load()
    print(0, flush=True)
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            _run(json.loads(line))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
