"""A small site on disk, so that a test writes only the files that matter to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from publisher.config.settings import SiteSettings
from publisher.generators import GENERATORS
from publisher.model import ChannelName, Post, Problem
from publisher.posts.library import Library, Scan

CHANNELS = ("x", "linkedin", "newsletter")


def a_library(project: Path, *, generator: str = "vitepress", **changes: Any) -> Library:
    (project / "content" / "blog").mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {
        "name": "sample",
        "url": "https://example.org",
        "root": project / "content",
        "posts": ("blog/**/*.md",),
        "post_url": "/blog/{slug}",
        "generator": GENERATORS[generator],
        "zone": ZoneInfo("Europe/Oslo"),
        "release_time": time(9),
        "channels": tuple(map(ChannelName, CHANNELS)),
    }
    return Library(SiteSettings(**{**facts, **changes}), project)


def write(project: Path, name: str, content: str | bytes) -> Path:
    """Write ``content/<name>``."""
    file = project / "content" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def a_text(*lines: str, state: str = "status: scheduled", body: str = "Text.") -> str:
    """Give a post with title, description, date and state, and more frontmatter lines."""
    head = ("title: A title", "description: A description", "date: 2027-03-09", state, *lines)
    keys = [line.partition(":")[0] for line in head]
    kept = [line for index, line in enumerate(head) if keys[index] not in keys[index + 1 :]]
    return "\n".join(("---", *filter(None, kept), "---", "", body, ""))


def the_post(scan: Scan) -> Post:
    """Give the only post, which must be without problems."""
    assert scan.problems == ()
    (post,) = scan.posts
    return post


def rules(problems: Iterable[Problem]) -> list[tuple[str, str, int | None]]:
    return [(problem.rule, problem.path, problem.line) for problem in problems]
