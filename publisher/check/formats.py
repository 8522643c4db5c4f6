"""Posts that are no Markdown: they can be neither redacted nor quoted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePosixPath

from publisher.check.links import NOWHERE
from publisher.config.settings import Settings
from publisher.generators.file_kinds import PAGES
from publisher.model import Problem
from publisher.system.tree import compile_globs, walk


def check_formats(settings: Settings) -> Iterator[Problem]:
    """Find the files of ``site.posts`` in formats that publisher does not read."""
    site = settings.site
    globs = compile_globs(site.posts)
    root = os.path.relpath(site.root, settings.project)
    for path, _ in walk(site.root, globs.base, without=site.generator.output, needed=NOWHERE):
        suffix = PurePosixPath(path).suffix
        if globs.matches(path) and suffix.lower() not in PAGES:
            yield Problem(
                rule="post-format",
                severity="error",
                path=PurePosixPath(root, path).as_posix(),
                line=None,
                message=f"matches site.posts and is no Markdown: "
                f"publisher reads no posts in {suffix or 'a file without a suffix'}",
                hint="write it in Markdown, or let site.posts match Markdown only: "
                f"{globs.bases[0]}/**/*.md",
            )
