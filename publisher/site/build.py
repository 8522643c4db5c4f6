"""Runs the site generator: one command, within a time limit, watched line by line.

Nothing that the command started outlives it, so that no straggler writes into an output that
was already verified. What the output says is ``verify``'s business.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from publisher.config.settings import RebuildSettings
from publisher.model.errors import SiteError
from publisher.system import processes
from publisher.system.processes import TAIL_LINES, TERM_GRACE_S, Command


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildResult:
    """How a rebuild ended; ``reason`` is empty when ``ok``, ``tail`` holds its last lines.

    ``left_out`` are the pages that the site is built without, and was built with before.
    """

    ok: bool
    reason: str
    tail: str
    seconds: float
    left_out: tuple[str, ...] = ()


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

    How it is run, stopped and ended: see ``processes.run``. Never raises for anything that the
    command does.
    """
    started_s = time.monotonic()
    tail: deque[str] = deque(maxlen=TAIL_LINES)

    def keep(line: str) -> None:
        tail.append(line)
        if on_line is not None:
            on_line(line)

    reason = ""
    try:
        processes.run(
            Command(
                arguments=settings.command,
                cwd=cwd,
                timeout=settings.timeout,
                name="rebuild",
                folder_key="site.root",
            ),
            environ=environ,
            on_line=keep,
            stop=stop,
            term_grace_s=term_grace_s,
            keep_open=keep_open,
        )
        _check_output(settings)
    except SiteError as error:
        reason = error.one_line
    return RebuildResult(
        ok=not reason,
        reason=reason,
        tail="\n".join(tail),
        seconds=time.monotonic() - started_s,
    )


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
