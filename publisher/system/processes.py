"""Runs programs: in bounded time and memory, and nothing that they started outlives them.

``follow`` is the one loop that every program runs in; ``run`` is for commands of ``jobs.yaml``.
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
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from pathlib import Path
from typing import IO

from publisher.model.errors import SiteError

TAIL_LINES = 40
LINE_LENGTH = 2_000
TERM_GRACE_S = 5.0  # between SIGTERM and SIGKILL
PIPE_GRACE_S = 1.0  # for background children that still hold the pipe when the program is over
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

Sink = Callable[[bytes], object]


class CannotStart(Exception):
    """The system cannot start a program; ``error`` says why."""

    def __init__(self, error: OSError | ValueError) -> None:
        super().__init__(str(error))
        self.error = error


class Cause(Enum):
    """Why a program was ended before it ended by itself."""

    STOPPED = auto()  # publisher was asked to end
    LATE = auto()  # the time limit
    LOUD = auto()  # a sink has enough


@dataclass(frozen=True, slots=True)
class Ending:
    """``code`` is negative for a signal, and ``None`` when not even SIGKILL ended the program."""

    code: int | None
    cause: Cause | None


def follow(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    limit: timedelta,
    on_out: Sink,
    on_err: Sink | None = None,
    data: bytes = b"",
    stop: threading.Event | None = None,
    term_grace_s: float = TERM_GRACE_S,
    keep_open: tuple[int, ...] = (),
) -> Ending:
    """Run a program until it is over and its pipes are closed, and kill its process group.

    It reads ``data`` and has no terminal. The sinks get its output in this thread, piece by
    piece, and nothing (``b""``) at the end of a stream; without ``on_err`` errors are output.
    When ``stop`` is set, the limit is over or a sink returns true, its process group gets
    SIGTERM, and SIGKILL after ``term_grace_s``. ``keep_open`` are descriptors that it inherits,
    such as a lock to hold while it lives.

    :raises CannotStart: when there is no such program, no such folder, no room or no right.
    """
    try:
        with tempfile.TemporaryFile() if data else nullcontext() as source:
            if source is not None:
                source.write(data)
                source.seek(0)
            process = subprocess.Popen(
                list(arguments),
                cwd=cwd,
                env=dict(environ),
                stdin=source or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if on_err is None else subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # no terminal: ssh can ask nobody either
                pass_fds=keep_open,
            )
    except (OSError, ValueError) as error:
        raise CannotStart(error) from None
    pipes = [(process.stdout, on_out), (process.stderr, on_err)]
    sinks = {pipe: sink for pipe, sink in pipes if pipe is not None and sink is not None}
    try:
        cause = _read(process, sinks, limit.total_seconds(), term_grace_s, stop)
    finally:
        _signal_group(process, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # stuck in the kernel, on a dead disk
            process.wait(TERM_GRACE_S)
        for pipe in sinks:
            pipe.close()
    return Ending(process.returncode, cause)


def _read(
    process: subprocess.Popen[bytes],
    sinks: Mapping[IO[bytes], Sink],
    limit_s: float,
    grace_s: float,
    stop: threading.Event | None,
) -> Cause | None:
    """Read until the program is over and its pipes closed, or time is up."""
    cause: Cause | None = None
    has_ended = has_enough = False
    deadline_s = time.monotonic() + limit_s
    with selectors.DefaultSelector() as selector:
        for pipe, sink in sinks.items():
            selector.register(pipe, selectors.EVENT_READ, sink)
        while selector.get_map() or not has_ended:
            if selector.get_map():
                for key, _ in selector.select(POLL_S):
                    chunk = os.read(key.fd, CHUNK_BYTES)
                    has_enough |= bool(key.data(chunk))
                    if not chunk:
                        selector.unregister(key.fileobj)
            else:  # nothing more to read: it is about to end
                with suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_S)
            if not has_ended and process.poll() is not None:
                has_ended = True
                deadline_s = min(deadline_s, time.monotonic() + PIPE_GRACE_S)
            is_late = time.monotonic() >= deadline_s
            if is_late and (has_ended or cause is not None):
                break
            if not has_ended and cause is None:
                cause = _reason_to_end(stop, has_enough=has_enough, is_late=is_late)
                if cause is not None:
                    _signal_group(process, signal.SIGTERM)
                    deadline_s = time.monotonic() + grace_s
    return cause


def _reason_to_end(
    stop: threading.Event | None, *, has_enough: bool, is_late: bool
) -> Cause | None:
    if stop is not None and stop.is_set():
        return Cause.STOPPED
    if has_enough:
        return Cause.LOUD
    return Cause.LATE if is_late else None


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody left (macOS: only a zombie)
        os.killpg(process.pid, number)


# --- commands of jobs.yaml -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, and the words for errors: ``name`` is that of its section in ``jobs.yaml``.

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

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._on_line = on_line

    def take(self, data: bytes) -> None:
        """Give the lines that ``data`` completes; no data means the end of the stream."""
        text = self._rest + self._decoder.decode(data, not data)
        *whole, rest = _LINE_END.split(text)
        if not data:
            whole, rest = [*whole, rest], ""
        self._rest = rest[:_RAW_LENGTH]
        for line in whole:
            clean = _CODES.sub("", line[:_RAW_LENGTH])[:LINE_LENGTH].rstrip()
            if clean:
                self._on_line(clean)


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended: ``error`` unless it ended by itself, in time, with exit code 0."""

    tail: str  # its last lines
    error: SiteError | None


def run(
    command: Command,
    *,
    environ: Mapping[str, str],
    on_line: Callable[[str], object] = lambda line: None,
    stop: threading.Event | None = None,
    term_grace_s: float = TERM_GRACE_S,
    keep_open: tuple[int, ...] = (),
) -> Result:
    """Run a command until it is over, and leave nothing of it behind.

    It gets ``environ`` and a mark: the caller leaves credentials out. ``on_line`` is called in
    this thread, once for each line that is not blank. How it is stopped: see ``follow``. What it
    started and is not over then is killed, also in a session of its own; where there is no
    ``/proc``, or the mark was taken out of the environment, only its process group is. Never
    raises for anything that the command does.
    """
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    mark = f"{os.getpid()}-{secrets.token_hex(8)}"

    def keep(line: str) -> None:
        tail.append(line)
        on_line(line)

    lines = _Lines(keep)
    error = _refusal(command, stop)
    if error is None:
        try:
            ending = follow(
                command.arguments,
                cwd=command.cwd,
                environ={**environ, MARK: mark},
                limit=command.timeout,
                on_out=lines.take,
                stop=stop,
                term_grace_s=term_grace_s,
                keep_open=keep_open,
            )
        except CannotStart as failure:
            error = _cannot_start(command, failure.error)
        else:
            lines.take(b"")  # where the pipe was never closed
            error = _complaint(ending, command)
        finally:
            _kill_marked(mark)
    return Result("\n".join(tail), error)


def _refusal(command: Command, stop: threading.Event | None) -> SiteError | None:
    name = command.name
    if stop is not None and stop.is_set():
        return SiteError(f"the {name} was stopped before it began")
    if not command.arguments:
        return SiteError(f"there is no {name} command", hint=f"set {name}.command in jobs.yaml")
    if not command.cwd.is_dir():
        hint = f"correct {command.folder_key} in jobs.yaml" if command.folder_key else ""
        return SiteError(f"the {name} cannot start: {command.cwd} is not a folder", hint=hint)
    return None


def _cannot_start(command: Command, error: OSError | ValueError) -> SiteError:
    program, correct = command.arguments[0], f"correct {command.name}.command in jobs.yaml"
    what, why, hint = "cannot be started", str(error), correct
    if isinstance(error, FileNotFoundError):
        what = "was not found"
        why = f"neither it nor what its first line names is in PATH or {command.cwd}"
        hint = f"install it, or {correct}"
    elif isinstance(error, PermissionError):
        what = "may not be executed"
        why = "it is not a program, or this user may not run it"
        hint = f"try `chmod +x {shlex.quote(program)}`, or {correct}"
    return SiteError(f"the {command.name} command {program!r} {what}", why=why, hint=hint)


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


def _complaint(ending: Ending, command: Command) -> SiteError | None:
    name, code = command.shown, ending.code
    if ending.cause is Cause.STOPPED:
        return SiteError(f"`{name}` was stopped: publisher was asked to end")
    if ending.cause is not None:
        return SiteError(
            f"`{name}` did not end within {command.timeout.total_seconds():g} s and was stopped",
            why="it hangs, or needs more time",
            hint=f"run it by hand to see, or raise {command.name}.timeout in jobs.yaml",
        )
    if code is None:
        return SiteError(
            f"`{name}` cannot be ended", why="not even SIGKILL helps", hint="look at its disks"
        )
    hint = f"read its last lines, or run it by hand in {command.cwd}"
    if code < 0:
        known = [number.name for number in signal.Signals if number == -code]
        return SiteError(
            f"`{name}` was killed by signal {-code} ({known[0] if known else '?'})",
            why="often there was too little memory" if code == -signal.SIGKILL else "it crashed",
            hint=hint,
        )
    return SiteError(f"`{name}` failed with exit code {code}", hint=hint) if code else None
