"""Runs the git program: bounded in time and output, asking nobody, with nothing foreign in it.

What a repository may and may not supply is ``trust``'s business.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import IO

from publisher.model.errors import GitError
from publisher.site.git.complaints import explain

LOCAL_LIMIT = timedelta(minutes=5)
NETWORK_LIMIT = timedelta(minutes=10)
ASKING_LIMIT = timedelta(minutes=1)  # for a remote that is asked where a branch is
OUT_MAX_BYTES = 256 * 1024**2
ERR_MAX_BYTES = 64 * 1024
TERM_GRACE_S = 5.0  # between SIGTERM and SIGKILL: git takes its lock files away
PIPE_GRACE_S = 1.0  # for a child of git that still holds the pipe
POLL_S = 0.05
CHUNK_BYTES = 65_536

Config = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a git command said; ``out`` as bytes, since file names need not be UTF-8."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Give the output without its last line end; bytes that are no UTF-8 survive."""
        return os.fsdecode(self.out.removesuffix(b"\n"))

    @property
    def names(self) -> tuple[str, ...]:
        """Give the fields of an output that ends each with NUL."""
        return tuple(os.fsdecode(name) for name in self.out.split(b"\0")[:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """The git program in one folder.

    ``environ`` is complete but for ``config``, which is handed over by GIT_CONFIG_COUNT: unlike
    ``-c`` it takes names with any character (git-config(1), since 2.31). ``ignored`` names the
    settings of the repository that are not used. ``keep_open`` are descriptors that git inherits.
    """

    folder: Path
    environ: Mapping[str, str]
    config: Config = ()
    ignored: tuple[str, ...] = ()
    stop: threading.Event | None = None
    keep_open: tuple[int, ...] = ()
    local_limit: timedelta = LOCAL_LIMIT
    network_limit: timedelta = NETWORK_LIMIT
    variables: Mapping[str, str] = field(default_factory=dict)

    def having(self, **variables: str) -> Git:
        """Give the same with more environment variables, such as GIT_INDEX_FILE."""
        return replace(self, variables={**self.variables, **variables})

    def run(
        self,
        *arguments: str,
        data: bytes = b"",
        allowed: Sequence[int] = (0,),
        is_remote: bool = False,
    ) -> Answer:
        """Run one git command with ``data`` as its input, and wait for its end.

        :raises GitError: when it ends with a code that is not among ``allowed``, takes too long,
            says too much, or ``stop`` is set.
        """
        limit = self.network_limit if is_remote else self.local_limit
        answer = self._see_through(arguments, data, limit.total_seconds())
        if answer.code not in allowed:
            raise explain(arguments[0], answer.err, folder=self.folder, ignored=self.ignored)
        return answer

    def said(self, *arguments: str, allowed: Sequence[int] = (0,)) -> str:
        """Run a command and give what it says, without the last line end."""
        return self.run(*arguments, allowed=allowed).text

    def is_true(self, *arguments: str) -> bool:
        """Tell whether a command that answers by its exit code says yes (0) or no (1)."""
        return self.run(*arguments, allowed=(0, 1)).code == 0

    def _see_through(self, arguments: Sequence[str], data: bytes, limit_s: float) -> Answer:
        if self.stop is not None and self.stop.is_set():
            raise _was_stopped(arguments[0])
        process = self._start(arguments)
        try:
            talk = _Talk(process, data, name=arguments[0], limit_s=limit_s, stop=self.stop)
            out, err = talk.follow()
        finally:
            _signal_group(process, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):  # stuck in the kernel, on a dead disk
                process.wait(TERM_GRACE_S)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
        return Answer(code=process.returncode or 0, out=out, err=err.decode(errors="replace"))

    def _start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        command = ["git", "--no-pager", *arguments]
        try:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=_with_config({**self.environ, **self.variables}, self.config),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # no terminal: ssh can ask nobody either
                pass_fds=self.keep_open,
            )
        except FileNotFoundError:
            if not self.folder.is_dir():
                raise GitError(f"{self.folder}: is not there any more") from None
            raise GitError(
                "there is no program git here",
                hint="install git, or take `git:` out of jobs.yaml",
            ) from None
        except (OSError, ValueError) as error:
            raise GitError(
                f"`git {shlex.join(arguments[:1])}` cannot be started", why=str(error)
            ) from None


class _Talk:
    """One conversation over the pipes of a process, in bounded time and memory."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        data: bytes,
        *,
        name: str,
        limit_s: float,
        stop: threading.Event | None,
    ) -> None:
        self._process = process
        self._data = memoryview(data)
        self._name = name
        self._limit_s = limit_s
        self._stop = stop
        self._out = bytearray()
        self._err = bytearray()
        self._selector = selectors.DefaultSelector()

    def follow(self) -> tuple[bytes, bytes]:
        """Feed and read until the process is over and its pipes closed, or time is up."""
        with self._selector:
            self._watch(self._process.stdin, selectors.EVENT_WRITE, self._feed)
            self._watch(self._process.stdout, selectors.EVENT_READ, self._read_out)
            self._watch(self._process.stderr, selectors.EVENT_READ, self._read_err)
            self._until_over()
        return bytes(self._out), bytes(self._err)

    def _watch(self, pipe: IO[bytes] | None, event: int, handle: object) -> None:
        if pipe is None:
            raise AssertionError("git was started without a pipe")
        os.set_blocking(pipe.fileno(), False)
        self._selector.register(pipe, event, handle)

    def _until_over(self) -> None:
        ended_early: GitError | None = None
        has_ended = False
        deadline_s = time.monotonic() + self._limit_s
        while self._selector.get_map() or not has_ended:
            for key, _ in self._selector.select(POLL_S) if self._selector.get_map() else ():
                if not key.data(key.fd):
                    self._selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr] # pipes only
            if not self._selector.get_map():  # nothing more to hear: it is about to end
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(POLL_S)
            if not has_ended and self._process.poll() is not None:
                has_ended = True
                deadline_s = min(deadline_s, time.monotonic() + PIPE_GRACE_S)
            is_late = time.monotonic() >= deadline_s
            if has_ended or ended_early is not None:
                if is_late:
                    break
                continue
            ended_early = self._reason_to_end(is_late=is_late)
            if ended_early is not None:
                _signal_group(self._process, signal.SIGTERM)
                deadline_s = time.monotonic() + TERM_GRACE_S
        if ended_early is not None:
            raise ended_early

    def _reason_to_end(self, *, is_late: bool) -> GitError | None:
        if self._stop is not None and self._stop.is_set():
            return _was_stopped(self._name)
        if len(self._out) > OUT_MAX_BYTES:
            return GitError(f"`git {self._name}` says more than can be kept")
        if is_late:
            return GitError(
                f"`git {self._name}` did not end within {self._limit_s:g} s and was stopped",
                why="the network hangs, or the repository is very large",
                hint="nothing to do if it passes: it is tried again",
            )
        return None

    def _feed(self, pipe: int) -> bool:
        if self._data:
            try:
                self._data = self._data[os.write(pipe, self._data[:CHUNK_BYTES]) :]
            except BrokenPipeError:  # it wants no more; its exit code tells why
                return False
        return bool(self._data)

    def _read_out(self, pipe: int) -> bool:
        chunk = os.read(pipe, CHUNK_BYTES)
        if len(self._out) <= OUT_MAX_BYTES:
            self._out += chunk
        return bool(chunk)

    def _read_err(self, pipe: int) -> bool:
        chunk = os.read(pipe, CHUNK_BYTES)
        self._err = (self._err + chunk)[-ERR_MAX_BYTES:]
        return bool(chunk)


def _with_config(environ: Mapping[str, str], config: Config) -> dict[str, str]:
    """Add settings behind those that the environment brings itself; the last one counts."""
    given = environ.get("GIT_CONFIG_COUNT", "")
    first = int(given) if given.isascii() and given.isdigit() else 0
    full = dict(environ)
    for number, (name, value) in enumerate(config, start=first):
        full[f"GIT_CONFIG_KEY_{number}"] = name
        full[f"GIT_CONFIG_VALUE_{number}"] = value
    full["GIT_CONFIG_COUNT"] = str(first + len(config))
    return full


def _was_stopped(name: str) -> GitError:
    return GitError(f"`git {name}` was stopped: publisher was asked to end")


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody left (macOS: only a zombie)
        os.killpg(process.pid, number)
