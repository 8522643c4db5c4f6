"""Where the tests' files lie, how many examples are generated, and whether they are the same.

The files lie in memory (/dev/shm) where there is enough of it: the tests write and sync a lot,
and a disk makes them twice as slow. ``--basetemp`` or ``PYTEST_DEBUG_TEMPROOT`` set another place.

In CI they are the same at every run; at home they are new ones each time. A search of some
minutes: ``HYPOTHESIS_PROFILE=long python -m pytest tests/properties`` (2,000 examples; the
ledger's machine takes a quarter, 500 of 50 steps each). ``HYPOTHESIS_EXAMPLES`` sets another
number. What it finds is printed as the steps that lead to it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hypothesis import settings

_ENVIRON = os.environ  # noqa: TID251 - the tests' own environment
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 << 30

if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
    _ENVIRON.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

_LONG = int(_ENVIRON.get("HYPOTHESIS_EXAMPLES", "2000"))

settings.register_profile("home", max_examples=100, stateful_step_count=50, deadline=None)
settings.register_profile("ci", settings.get_profile("home"), derandomize=True)
settings.register_profile("long", settings.get_profile("home"), max_examples=_LONG)
_PROFILE = "ci" if _ENVIRON.get("CI") else "home"
settings.load_profile(_ENVIRON.get("HYPOTHESIS_PROFILE", _PROFILE))
