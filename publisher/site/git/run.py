"""Runs the git program: bounded in time and output, asking nobody, with nothing foreign in it.

What a repository may and may not supply is decided in ``safe_config``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from publisher.model.errors import GitError
from publisher.site.git.explain import explain
from publisher.system.processes import CannotStart, Cause, follow

LOCAL_LIMIT = timedelta(minutes=5)
NETWORK_LIMIT = timedelta(minutes=10)
OUT_MAX_BYTES = 256 * 1024**2
ERR_MAX_BYTES = 64 * 1024

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
    def fields(self) -> tuple[str, ...]:
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
        name, limit = arguments[0], self.network_limit if is_remote else LOCAL_LIMIT
        if self.stop is not None and self.stop.is_set():
            raise _ended_early(name, Cause.STOPPED, limit)
        out, err = bytearray(), bytearray()

        def keep(chunk: bytes) -> bool:
            if len(out) <= OUT_MAX_BYTES:
                out.extend(chunk)
            return len(out) > OUT_MAX_BYTES

        def keep_last(chunk: bytes) -> None:
            err[:] = (err + chunk)[-ERR_MAX_BYTES:]

        try:
            ending = follow(
                ("git", "--no-pager", *arguments),
                cwd=self.folder,
                environ=_with_config({**self.environ, **self.variables}, self.config),
                limit=limit,
                on_out=keep,
                on_err=keep_last,
                data=data,
                stop=self.stop,
                keep_open=self.keep_open,
            )
        except CannotStart as failure:
            raise self._cannot_start(name, failure.error) from None
        if ending.cause is not None:
            raise _ended_early(name, ending.cause, limit)
        answer = Answer(code=ending.code or 0, out=bytes(out), err=err.decode(errors="replace"))
        if answer.code not in allowed:
            raise explain(name, answer.err, folder=self.folder, ignored=self.ignored)
        return answer

    def said(self, *arguments: str, allowed: Sequence[int] = (0,)) -> str:
        """Run a command and give what it says, without the last line end."""
        return self.run(*arguments, allowed=allowed).text

    def has(self, newer: str, older: str) -> bool:
        """Tell whether ``newer`` has ``older`` in its history; a commit not here has nothing."""
        if self.run("cat-file", "-e", f"{older}^{{commit}}", allowed=(0, 1, 128)).code:
            return False
        return not self.run("merge-base", "--is-ancestor", older, newer, allowed=(0, 1)).code

    def _cannot_start(self, name: str, error: OSError | ValueError) -> GitError:
        if not self.folder.is_dir():
            return GitError(f"{self.folder}: the folder does not exist any more")
        if isinstance(error, FileNotFoundError):
            return GitError(
                "the program git is not installed",
                hint="install git, or remove `git:` from jobs.yaml",
            )
        return GitError(f"`git {name}` cannot be started", why=str(error))


def joined(names: Iterable[str]) -> bytes:
    """Write names as git reads them with ``-z``: each with NUL at its end."""
    return b"".join(os.fsencode(name) + b"\0" for name in names)


def _with_config(environ: Mapping[str, str], config: Config) -> dict[str, str]:
    """Add settings after those that the environment brings itself; the last one counts."""
    given = environ.get("GIT_CONFIG_COUNT", "")
    first = int(given) if given.isascii() and given.isdigit() else 0
    full = dict(environ)
    for number, (name, value) in enumerate(config, start=first):
        full[f"GIT_CONFIG_KEY_{number}"] = name
        full[f"GIT_CONFIG_VALUE_{number}"] = value
    full["GIT_CONFIG_COUNT"] = str(first + len(config))
    return full


def _ended_early(name: str, cause: Cause, limit: timedelta) -> GitError:
    if cause is Cause.STOPPED:
        return GitError(f"`git {name}` was stopped: publisher was asked to end")
    if cause is Cause.LOUD:
        return GitError(f"`git {name}` wrote more than {OUT_MAX_BYTES // 1024**2} MiB")
    return GitError(
        f"`git {name}` did not end within {limit.total_seconds():g} s and was stopped",
        why="the network hangs, or the repository is very large",
        hint="no action needed if it passes: publisher tries again",
    )
