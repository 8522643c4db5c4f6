"""Runs one command to its end: within a time limit, watched line by line.

Nothing that the command started outlives it, so that no straggler works on what somebody else
looks at already. What the command is for is its caller's business.
"""

from __future__ import annotations

import codecs
import os
import re
import secrets
import selectors
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from publisher.model.errors import SiteError

TAIL_LINES = 40
LINE_LENGTH = 2_000
TERM_GRACE_S = 5.0  # between SIGTERM and SIGKILL
PIPE_GRACE_S = 1.0  # for background children that still hold the pipe when the command is over
POLL_S = 0.05
MARK = "PUBLISHER_COMMAND"  # in the environment of all that a command starts
PROCESSES = Path("/proc")
CHUNK_BYTES = 65_536

_RAW_LENGTH = 4 * LINE_LENGTH  # colour codes take room that does not count
_LINE_END = re.compile(r"\r\n|\n|\r")
_CODES = re.compile(  # ECMA-48: CSI, OSC (titles, links), two-character escapes, other controls
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, and the words for complaints: ``name`` is that of its section in ``jobs.yaml``.

    ``folder_key`` is the key that says where it runs, if one does.
    """

    arguments: tuple[str, ...]
    cwd: Path
    timeout: timedelta
    name: str
    folder_key: str = ""

    @property
    def shown(self) -> str:
        return shlex.join(self.arguments)


class _Lines:
    """Cut a stream of bytes into clean lines, in bounded memory."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def take(self, data: bytes) -> Iterator[str]:
        """Give the lines that ``data`` completes; no data means the end of the stream."""
        text = self._rest + self._decoder.decode(data, not data)
        *whole, rest = _LINE_END.split(text)
        if not data:
            whole, rest = [*whole, rest], ""
        self._rest = rest[:_RAW_LENGTH]
        for line in whole:
            clean = _CODES.sub("", line[:_RAW_LENGTH])[:LINE_LENGTH].rstrip()
            if clean:
                yield clean


def run(
    command: Command,
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
    stop: threading.Event | None = None,
    term_grace_s: float = TERM_GRACE_S,
    keep_open: tuple[int, ...] = (),
) -> None:
    """Run a command until it is over, and leave nothing of it behind.

    It gets ``environ``, and a mark: the caller leaves credentials out. ``on_line`` is called in
    this thread, once for each line that is not blank. When ``stop`` is set the command is ended as
    it is when it takes too long: SIGTERM for its whole process group, and SIGKILL after
    ``term_grace_s``. What it started and is not over then is killed, also in a session of its own;
    where there is no ``/proc``, or the mark was taken out of the environment, only its group is.
    ``keep_open`` are descriptors that the command inherits, such as a lock to hold while it lives.

    :raises SiteError: unless it ended by itself, in time, with exit code 0.
    """
    if stop is not None and stop.is_set():
        raise SiteError(f"the {command.name} was stopped before it began")
    mark = f"{os.getpid()}-{secrets.token_hex(8)}"
    process = _start(command, environ={**environ, MARK: mark}, keep_open=keep_open)
    try:
        _follow(process, command, on_line, grace_s=term_grace_s, stop=stop)
    finally:
        _signal_group(process, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # stuck in the kernel, on a dead disk
            process.wait(TERM_GRACE_S)
        _kill_marked(mark)
        if process.stdout is not None:
            process.stdout.close()
    _check_exit(process.returncode, command)


def _start(
    command: Command,
    *,
    environ: Mapping[str, str],
    keep_open: tuple[int, ...],
) -> subprocess.Popen[bytes]:
    name, cwd = command.name, command.cwd
    if not command.arguments:
        raise SiteError(f"there is no {name} command", hint=f"set {name}.command in jobs.yaml")
    if not cwd.is_dir():
        hint = f"correct {command.folder_key} in jobs.yaml" if command.folder_key else ""
        raise SiteError(f"the {name} cannot start: {cwd} is not a folder", hint=hint)
    program = command.arguments[0]
    try:
        return subprocess.Popen(
            list(command.arguments),
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            pass_fds=keep_open,
        )
    except FileNotFoundError:
        raise SiteError(
            f"the {name} command {program!r} was not found",
            why=f"neither it nor what its first line names is in PATH or {cwd}",
            hint=f"install it, or correct {name}.command in jobs.yaml",
        ) from None
    except PermissionError:
        raise SiteError(
            f"the {name} command {program!r} may not be executed",
            why="it is no program, or this user lacks the right to run it",
            hint=f"try `chmod +x {shlex.quote(program)}`, or correct {name}.command in jobs.yaml",
        ) from None
    except (OSError, ValueError) as error:
        raise SiteError(
            f"the {name} command {program!r} cannot be started",
            why=str(error),
            hint=f"correct {name}.command in jobs.yaml",
        ) from None


def _follow(
    process: subprocess.Popen[bytes],
    command: Command,
    on_line: Callable[[str], None],
    *,
    grace_s: float,
    stop: threading.Event | None,
) -> None:
    """Read the output until the command is over and its pipe closed, or time is up."""
    if process.stdout is None:
        raise AssertionError("the command was started without a pipe")
    pipe = process.stdout.fileno()
    lines = _Lines()
    ended_early: SiteError | None = None
    has_ended = False
    deadline_s = time.monotonic() + command.timeout.total_seconds()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() or not has_ended:
            if selector.select(POLL_S):  # sleeps, too, when nothing is left to read
                data = os.read(pipe, CHUNK_BYTES)
                for line in lines.take(data):
                    on_line(line)
                if not data:
                    selector.unregister(pipe)
            if not has_ended and process.poll() is not None:
                has_ended = True
                if ended_early is None:
                    deadline_s = time.monotonic() + PIPE_GRACE_S
            is_late = time.monotonic() >= deadline_s
            is_stopped = stop is not None and stop.is_set()
            if not has_ended and ended_early is None and (is_late or is_stopped):
                ended_early = _reason_to_end(command, is_stopped=is_stopped)
                _signal_group(process, signal.SIGTERM)
                deadline_s = time.monotonic() + grace_s
            elif is_late:
                break
    for line in lines.take(b""):
        on_line(line)
    if ended_early is not None:
        raise ended_early


def _reason_to_end(command: Command, *, is_stopped: bool) -> SiteError:
    if is_stopped:
        return SiteError(f"`{command.shown}` was stopped: publisher was asked to end")
    limit_s = command.timeout.total_seconds()
    return SiteError(
        f"`{command.shown}` did not end within {limit_s:g} s and was stopped",
        why="it hangs, or needs more time",
        hint=f"run it by hand to see, or raise {command.name}.timeout in jobs.yaml",
    )


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody left (macOS: only a zombie)
        os.killpg(process.pid, number)


def _kill_marked(mark: str) -> None:
    """Kill every process with this mark, and those that it starts meanwhile, until none is left."""
    deadline_s = time.monotonic() + TERM_GRACE_S
    while found := list(_marked(mark)):
        for number in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        if time.monotonic() >= deadline_s:
            return  # stuck in the kernel
        threading.Event().wait(POLL_S)


def _marked(mark: str) -> Iterator[int]:
    entry = f"{MARK}={mark}".encode()
    for folder in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):  # over meanwhile, or somebody else's
            if entry in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


def _check_exit(returncode: int | None, command: Command) -> None:
    name, hint = command.shown, f"read its last lines, or run it by hand in {command.cwd}"
    if returncode is None:
        raise SiteError(
            f"`{name}` cannot be ended", why="not even SIGKILL helps", hint="look at its disks"
        )
    if returncode < 0:
        killer = signal.Signals(-returncode).name if -returncode in _signal_numbers() else "?"
        raise SiteError(
            f"`{name}` was killed by signal {-returncode} ({killer})",
            why="often there was too little memory" if killer == "SIGKILL" else "it crashed",
            hint=hint,
        )
    if returncode > 0:
        raise SiteError(f"`{name}` failed with exit code {returncode}", hint=hint)


def _signal_numbers() -> frozenset[int]:
    return frozenset(int(number) for number in signal.Signals)
