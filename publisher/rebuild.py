"""Runs the site generator: one command, within a time limit, watched line by line.

Nothing that the command started outlives it, so that no straggler writes into an output that
was already verified. What the output says is ``verify``'s business.
"""

from __future__ import annotations

import codecs
import os
import re
import selectors
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from publisher.errors import SiteError
from publisher.settings import RebuildSettings

TAIL_LINES = 40
LINE_LENGTH = 2_000
TERM_GRACE_S = 5.0  # between SIGTERM and SIGKILL
PIPE_GRACE_S = 1.0  # for background children that still hold the pipe when the command is over
POLL_S = 0.05
CHUNK_BYTES = 65_536

_RAW_LENGTH = 4 * LINE_LENGTH  # colour codes take room that does not count
_LINE_END = re.compile(r"\r\n|\n|\r")
_CODES = re.compile(  # ECMA-48: CSI, OSC (titles, links), two-character escapes, other controls
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildResult:
    """How a rebuild ended; ``reason`` is empty when ``ok``, ``tail`` holds its last lines."""

    ok: bool
    reason: str
    tail: str
    seconds: float


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
    settings: RebuildSettings,
    *,
    cwd: Path,
    environ: Mapping[str, str],
    on_line: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
    term_grace_s: float = TERM_GRACE_S,
    keep_open: tuple[int, ...] = (),
) -> RebuildResult:
    """Run the rebuild command and tell whether it left an output.

    The command gets exactly ``environ``: the caller leaves credentials out. ``on_line`` is
    called in this thread, once for each line that is not blank. When ``stop`` is set the
    command is ended as it is when it takes too long: SIGTERM for its whole process group, and
    SIGKILL after ``term_grace_s``. ``keep_open`` are descriptors that the command inherits, such
    as a lock to hold while it lives. Never raises for anything that the command does.
    """
    started_s = time.monotonic()
    tail: deque[str] = deque(maxlen=TAIL_LINES)

    def keep(line: str) -> None:
        tail.append(line)
        if on_line is not None:
            on_line(line)

    reason = ""
    try:
        if stop is not None and stop.is_set():
            raise SiteError("the rebuild was stopped before it began")
        process = _start(settings, cwd=cwd, environ=environ, keep_open=keep_open)
        _see_through(process, settings, cwd=cwd, keep=keep, stop=stop, grace_s=term_grace_s)
        _check_output(settings)
    except SiteError as error:
        reason = "; ".join(part for part in (error.what, error.why, error.hint) if part)
    return RebuildResult(
        ok=not reason,
        reason=reason,
        tail="\n".join(tail),
        seconds=time.monotonic() - started_s,
    )


def _see_through(
    process: subprocess.Popen[bytes],
    settings: RebuildSettings,
    *,
    cwd: Path,
    keep: Callable[[str], None],
    stop: threading.Event | None,
    grace_s: float,
) -> None:
    """Follow the command to its end, leave nothing of it behind, and judge its exit code."""
    name = shlex.join(settings.command)
    limit_s = settings.timeout.total_seconds()
    try:
        _follow(process, keep, name=name, limit_s=limit_s, grace_s=grace_s, stop=stop)
    finally:
        _signal_group(process, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # stuck in the kernel, on a dead disk
            process.wait(TERM_GRACE_S)
        if process.stdout is not None:
            process.stdout.close()
    _check_exit(process.returncode, name=name, cwd=cwd)


def _start(
    settings: RebuildSettings,
    *,
    cwd: Path,
    environ: Mapping[str, str],
    keep_open: tuple[int, ...],
) -> subprocess.Popen[bytes]:
    if not settings.command:
        raise SiteError("there is no rebuild command", hint="set rebuild.command in jobs.yaml")
    if not cwd.is_dir():
        raise SiteError(
            f"the rebuild cannot start: {cwd} is not a folder",
            hint="correct site.root in jobs.yaml",
        )
    program = settings.command[0]
    try:
        return subprocess.Popen(
            list(settings.command),
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
            f"the rebuild command {program!r} was not found",
            why=f"neither it nor what its first line names is in PATH or {cwd}",
            hint="install it, or correct rebuild.command in jobs.yaml",
        ) from None
    except PermissionError:
        raise SiteError(
            f"the rebuild command {program!r} may not be executed",
            why="it is no program, or this user lacks the right to run it",
            hint=f"try `chmod +x {shlex.quote(program)}`, or correct rebuild.command in jobs.yaml",
        ) from None
    except (OSError, ValueError) as error:
        raise SiteError(
            f"the rebuild command {program!r} cannot be started",
            why=str(error),
            hint="correct rebuild.command in jobs.yaml",
        ) from None


def _follow(
    process: subprocess.Popen[bytes],
    keep: Callable[[str], None],
    *,
    name: str,
    limit_s: float,
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
    deadline_s = time.monotonic() + limit_s
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() or not has_ended:
            if selector.select(POLL_S):  # sleeps, too, when nothing is left to read
                data = os.read(pipe, CHUNK_BYTES)
                for line in lines.take(data):
                    keep(line)
                if not data:
                    selector.unregister(pipe)
            if not has_ended and process.poll() is not None:
                has_ended = True
                if ended_early is None:
                    deadline_s = time.monotonic() + PIPE_GRACE_S
            is_late = time.monotonic() >= deadline_s
            is_stopped = stop is not None and stop.is_set()
            if not has_ended and ended_early is None and (is_late or is_stopped):
                ended_early = _reason_to_end(name, limit_s, is_stopped=is_stopped)
                _signal_group(process, signal.SIGTERM)
                deadline_s = time.monotonic() + grace_s
            elif is_late:
                break
    for line in lines.take(b""):
        keep(line)
    if ended_early is not None:
        raise ended_early


def _reason_to_end(name: str, limit_s: float, *, is_stopped: bool) -> SiteError:
    if is_stopped:
        return SiteError(f"`{name}` was stopped: publisher was asked to end")
    return SiteError(
        f"`{name}` did not end within {limit_s:g} s and was stopped",
        why="it hangs, or needs more time",
        hint="run it by hand to see, or raise rebuild.timeout in jobs.yaml",
    )


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody left (macOS: only a zombie)
        os.killpg(process.pid, number)


def _check_exit(returncode: int | None, *, name: str, cwd: Path) -> None:
    hint = f"read its last lines, or run it by hand in {cwd}"
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


def _check_output(settings: RebuildSettings) -> None:
    """Insist on a folder with at least one file: an empty site must not go anywhere."""
    hint = "correct rebuild.output in jobs.yaml, or the command"
    if not settings.output.is_dir():
        raise SiteError(
            f"the rebuild succeeded, but its output {settings.output} is not there",
            why="the command writes elsewhere, or removed it",
            hint=hint,
        )
    if not any(files for _, _, files in os.walk(settings.output)):
        raise SiteError(
            f"the rebuild succeeded, but its output {settings.output} holds no file",
            why="the command writes elsewhere, or built nothing",
            hint=hint,
        )
