"""Runs the site generator: one command, within a time limit, watched line by line.

Nothing that the command started outlives it, so that no straggler writes into an output that
was already verified. What the output says is ``verify``'s business.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from publisher.config.settings import RebuildSettings
from publisher.model.errors import SiteError
from publisher.system import processes
from publisher.system.processes import TERM_GRACE_S, Command


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildResult:
    """How a rebuild ended; ``reason`` is empty when ``ok``, ``tail`` holds its last lines.

    ``left_out`` are the pages that the site is built without, and was built with before.
    """

    ok: bool
    reason: str = ""
    tail: str = ""
    seconds: float = 0.0
    left_out: tuple[str, ...] = ()


def run(
    settings: RebuildSettings,
    *,
    cwd: Path,
    environ: Mapping[str, str],
    on_line: Callable[[str], object] = lambda line: None,
    stop: threading.Event | None = None,
    term_grace_s: float = TERM_GRACE_S,
    keep_open: tuple[int, ...] = (),
) -> RebuildResult:
    """Run the rebuild command and tell whether it left an output.

    How it is run, stopped and ended: see ``processes.run``. Never raises for anything that the
    command does.
    """
    started_s = time.monotonic()
    command = Command(
        arguments=settings.command,
        cwd=cwd,
        timeout=settings.timeout,
        name="rebuild",
        folder_key="site.root",
    )
    result = processes.run(
        command,
        environ=environ,
        on_line=on_line,
        stop=stop,
        term_grace_s=term_grace_s,
        keep_open=keep_open,
    )
    error = result.error or _look_at_output(settings.output)
    return RebuildResult(
        ok=error is None,
        reason=error.one_line if error is not None else "",
        tail=result.tail,
        seconds=time.monotonic() - started_s,
    )


def _look_at_output(output: Path) -> SiteError | None:
    """Insist on a folder with at least one file: an empty site must not go anywhere."""
    what, why = "is not there", "the command writes elsewhere, or removed it"
    if output.is_dir():
        if any(files for _, _, files in os.walk(output)):
            return None
        what, why = "holds no file", "the command writes elsewhere, or built nothing"
    return SiteError(
        f"the rebuild succeeded, but its output {output} {what}",
        why=why,
        hint="correct rebuild.output in jobs.yaml, or the command",
    )
