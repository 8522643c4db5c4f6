"""In CI the generated examples are the same at every run; at home they are new ones each time."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):  # noqa: TID251 - the tests' own environment
    settings.load_profile("ci")
