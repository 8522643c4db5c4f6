"""strace: which system calls a run makes, and what happens when one of them goes wrong.

strace counts each thread's calls by itself. So the n-th call that it strikes is that of the thread
which gets there first; a kill cannot reach a later thread's calls with the same numbers, and
scenarios begin late enough in a release that few of them are left. An error meets every thread.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.acceptance.sites import ROOT

FILE_CALLS = (
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "ftruncate",
    "openat",  # that create
)
NET_CALLS = ("connect", "sendto", "sendmsg", "recvfrom")
WAITS = ("flock", "poll")
_LINE = re.compile(r"(\d+) +([\d.]+) (\w+)\((.*)")
_PATH = re.compile(r'<(/[^>]*)>|"(/[^"]*)"')


@cache
def why_not() -> str:
    """Say why nothing can be traced here; nothing when it can."""
    if sys.platform != "linux":
        return "strace is a program for Linux"
    if shutil.which("strace") is None:
        return "strace is not installed"
    waiting = "from tests.torture.tracing import allow; allow(); print(flush=True); input()"
    command = [sys.executable, "-c", waiting]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        with _attach(program.pid, ["-e", "trace=none"]) as (strace, first):
            program.kill()
            words = first + str(strace.stderr and strace.stderr.read())
    return "" if "attached" in first else f"strace may not trace here: {' '.join(words.split())}"


def allow() -> None:
    """Let any process of this user trace this one; Linux can be set to refuse all but parents.

    The number is PR_SET_PTRACER of prctl(2), checked 2026-11-21.
    """
    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call of a recorded run."""

    tid: int
    name: str
    text: str  # what strace shows of it, after the bracket
    is_ours: bool  # not the site generator's

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(a or b for a, b in _PATH.findall(self.text))

    @property
    def creates(self) -> bool:
        return "O_CREAT" in self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the ``n``-th call of that name, of any thread: killed there, or an error.

    With ``paths`` only calls on those files count.
    """

    call: str
    n: int
    error: str = ""  # ENOSPC, …; without one the process is killed
    paths: tuple[str, ...] = ()

    def options(self) -> list[str]:
        blow = f"error={self.error}" if self.error else "signal=KILL"
        inject = f"inject={self.call}:{blow}:when={self.n}"
        only = [word for path in self.paths for word in ("-P", path)]
        return ["-e", f"trace={self.call}", "-e", inject, *only]


@contextmanager
def traced(pid: int, options: Sequence[str], output: Path) -> Iterator[None]:
    """Trace a process that waits; once the block is entered, strace has hold of it."""
    with _attach(pid, [*options, "-o", str(output)]) as (strace, first):
        assert "attached" in first, first
        yield
        assert strace.stderr is not None
        strace.stderr.read()


@contextmanager
def _attach(pid: int, options: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run strace on a process, and give the first line that it says."""
    command = ["strace", "-f", "-p", str(pid), "-e", "signal=none", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        yield strace, strace.stderr.readline()


def recording_options() -> list[str]:
    calls = (*FILE_CALLS, *NET_CALLS, *WAITS, "execve")
    return ["-y", "-ttt", "-s", "0", "-e", f"trace={','.join(calls)}"]


def read_recording(output: Path) -> list[Call]:
    """Read the calls of a run in their order; those of the site generator are marked."""
    found = [match.groups() for match in map(_LINE.match, output.read_text().splitlines()) if match]
    builders = {tid for tid, _, name, _ in found if name == "execve"}
    return [
        Call(tid=int(tid), name=name, text=text, is_ours=tid not in builders)
        for tid, _, name, text in found
        if name != "execve"
    ]


def files_of(calls: Sequence[Call], name: str, folder: Path) -> tuple[str, ...]:
    """Give the files below a folder that the program itself touches with calls of that name.

    Nothing where all of them are the program's own: then there is nobody to tell it from.
    """
    named = [call for call in calls if call.name == name]
    if name != "openat" and all(call.is_ours for call in named):
        return ()
    ours = {path for call in named if call.is_ours for path in call.paths}
    theirs = {path for call in named if not call.is_ours for path in call.paths}
    return tuple(sorted(path for path in ours - theirs if path.startswith(f"{folder}/")))


def reach(calls: Sequence[Call], name: str, paths: tuple[str, ...] = ()) -> tuple[list[int], int]:
    """Give the numbers at which strace would strike the program, and how many calls it cannot.

    ``paths`` are those of the fault; without any all calls count.
    """
    counts: dict[int, int] = defaultdict(int)
    numbers: list[int] = []
    shadowed = 0
    top = 0
    for call in calls:
        if call.name != name or (paths and not call.paths.intersection(paths)):
            continue
        counts[call.tid] += 1
        is_wanted = call.is_ours and (name != "openat" or call.creates)
        is_first = counts[call.tid] > top
        top = max(top, counts[call.tid])
        if is_wanted and is_first:
            numbers.append(counts[call.tid])
        shadowed += is_wanted and not is_first
    return numbers, shadowed


def broken_orders(calls: Sequence[Call], ledger: Path, ports: frozenset[int]) -> tuple[int, int]:
    """Count the requests to ``ports``, and those that left while the ledger was unsynced.

    The request leaves from another thread than its intent was written by, so the writes of all
    threads count: record one channel at a time.
    """
    dirty: set[str] = set()
    sockets: set[str] = set()
    sends = broken = 0
    for call in calls:
        files = {path for path in call.paths if path.startswith(str(ledger))}
        socket = re.match(r"\d+<(socket:\[\d+\])>", call.text)
        if call.name in ("pwrite64", "write", "ftruncate", "unlink"):
            dirty |= files
        elif call.name in ("fsync", "fdatasync"):
            dirty -= files
        elif call.name == "connect" and socket:
            port = re.search(r"htons\((\d+)\)", call.text)
            if port and int(port[1]) in ports:
                sockets.add(socket[1])
        if socket and socket[1] in sockets and call.name in ("connect", "sendto", "sendmsg"):
            sends += 1
            broken += bool(dirty)
    return sends, broken
