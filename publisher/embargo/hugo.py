"""What staged pages must say to the Hugo that builds them: which version it is, and which lists.

Before 0.145 the key that keeps a page out of lists is ``_build``; a later Hugo refuses that word.
Of every taxonomy of its configuration Hugo makes pages, also for posts under embargo.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from publisher.generators.own_config import read_config
from publisher.model.errors import SiteError
from publisher.model.settings import Settings
from publisher.system import processes
from publisher.system.processes import Command

BUILD_SINCE = 145  # 0.145 knows `build`
PATIENCE = timedelta(seconds=20)
_VERSION = re.compile(r"\bv0\.(\d+)")


def for_stage(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Give the settings to stage with; ``environ`` is what the build sees."""
    site = settings.site
    if site.preset.name != "hugo":
        return settings
    names = read_config("hugo", site.root).get("taxonomies")
    taxonomies = names.values() if isinstance(names, Mapping) else ()
    preset = site.preset
    if (minor := _minor_of(settings, environ)) is not None and minor < BUILD_SINCE:
        staged = {"_build" if k == "build" else k: v for k, v in preset.staged.items()}
        preset = replace(preset, staged=staged)
    lists = tuple(sorted(str(name).lower() for name in taxonomies))
    return replace(settings, site=replace(site, preset=preset, taxonomies=lists))


def _minor_of(settings: Settings, environ: Mapping[str, str]) -> int | None:
    """Give N of Hugo 0.N; ``None`` when it does not tell, for it may be started by a script."""
    command = settings.rebuild.command if settings.rebuild else ()
    root = settings.site.root
    named = [word for word in command[:1] if Path(word).stem == "hugo"]
    for program in (*named, str(root / "node_modules" / ".bin" / "hugo"), "hugo"):
        path = environ.get("PATH")
        found = shutil.which(str(root / program) if "/" in program else program, path=path)
        if found is not None:
            file = Path(found).resolve()
            return _asked(found, file.stat().st_mtime_ns, path or "")
    return None


@cache
def _asked(program: str, stamp: int, path: str) -> int | None:
    """Ask a program for its version; ``stamp`` tells one installation from the next."""
    lines: list[str] = []
    command = Command(
        arguments=(program, "version"), cwd=Path(program).parent, timeout=PATIENCE, name="rebuild"
    )
    with suppress(SiteError):
        processes.run(command, environ={"PATH": path}, on_line=lines.append)
    found = _VERSION.search("\n".join(lines))
    return int(found[1]) if found else None
