"""A small site in a folder, built by a Python script, and the real command run upon it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.platforms.server import Fault
from tests.platforms.webhook import WebhookPlatform

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0

GENERATOR = """\
import pathlib, re, sys
if pathlib.Path("broken").exists():
    sys.exit("the generator does not like this")
out = pathlib.Path("dist")
(out / "blog").mkdir(parents=True, exist_ok=True)
(out / "index.html").write_text("<h1>Home</h1>")
for path in sorted(pathlib.Path("blog").glob("*.md")):
    head, _, body = path.read_text().removeprefix("---\\n").partition("\\n---\\n")
    title = re.search("title: (.*)", head)
    page = "<h1>" + (title[1] if title else "") + "</h1>"
    if "status: published" in head:
        page += "".join("<p>" + part + "</p>" for part in body.strip().split("\\n\\n"))
    (out / "blog" / (path.stem + ".html")).write_text(page)
"""

OUTBOXES = """\
  x: {type: outbox, shape: x}
  newsletter: {type: outbox, shape: newsletter}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def ledger(self) -> Path:
        return self.folder / ".publisher" / "ledger.db"

    @property
    def outbox(self) -> list[dict[str, Any]]:
        """Give what was announced, by channel and link."""
        files = (self.folder / ".publisher" / "outbox").glob("*.json")
        found = [json.loads(file.read_text()) for file in files]
        return sorted(found, key=lambda entry: (entry["channel"], entry["link"], entry["text"]))

    def write(
        self, name: str, *, reveal: str | None = None, status: str = "scheduled", more: str = ""
    ) -> Path:
        """Write a post; ``reveal`` goes into its frontmatter."""
        path = self.folder / "content" / "blog" / f"{name}.md"
        date = f"reveal: {reveal}\n" if reveal else ""
        path.write_text(
            f"---\ntitle: The {name.title()}\ndescription: About the {name}.\n{date}"
            f"status: {status}\n{more}---\n\n"
            f"One morning the {name} lay on the bench and nobody could say whose it had been.\n\n"
            f"In the evening the {name} was gone and everybody had something to say about it.\n"
        )
        return path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "publisher", *arguments]

    def all_environ(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
        return {
            "PATH": path,
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "80",
            **self.environ,
        }

    def run(self, *arguments: str, code: int | None = 0) -> Result:
        """Run ``publisher`` without a terminal; ``code`` is what it must exit with."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.all_environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        result = Result(code=done.returncode, out=done.stdout, err=done.stderr)
        assert code is None or result.code == code, result
        return result

    def files(self) -> dict[str, bytes]:
        """Give every file of the project with its bytes."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


def a_site(folder: Path, *, channels: str = OUTBOXES, more: str = "", **environ: str) -> Site:
    """Write a site without posts; ``more`` are further lines of its jobs.yaml."""
    blog = folder / "content" / "blog"
    blog.mkdir(parents=True)
    (folder / "content" / "generate.py").write_text(GENERATOR)
    (folder / "jobs.yaml").write_text(
        "site:\n"
        "  name: sample\n"
        "  url: https://site.example\n"
        "  root: content\n"
        '  posts: "blog/*.md"\n'
        "  post_url: /blog/{slug}\n"
        "  generator: vitepress\n"
        "  timezone: Europe/Oslo\n"
        f"rebuild: {{command: [{json.dumps(sys.executable)}, generate.py], output: dist}}\n"
        "verify: {live: false}\n"
        f"{more}"
        f"channels:\n{channels}"
    )
    return Site(folder=folder, environ=environ)


def a_series(folder: Path, *, channels: str = OUTBOXES, **changes: Any) -> Site:
    """Write a site with a public post, two coming ones and a draft."""
    site = a_site(folder, channels=channels, **changes)
    door = "announce: {newsletter: false}\n" if "newsletter" in channels else ""
    site.write("plane", reveal="2026-01-13", status="published")
    site.write("pattern", reveal="2099-03-10")
    site.write("door", reveal="2099-03-24T18:30:00+01:00", more=door)
    site.write("idea", status="draft")
    return site


def a_lived_in_site(folder: Path, **changes: Any) -> Site:
    """Write the series, adopt it, and release one of its posts."""
    site = a_series(folder, **changes)
    site.run("adopt", "--yes", "--no-build")
    site.run("release", "pattern", "--yes")
    return site


def a_faulty_site(folder: Path, platform: WebhookPlatform, fault: Fault) -> Site:
    """Write the series with one channel, whose first announcement meets a fault."""
    platform.faults.append(fault)
    webhook = f"  x: {{type: webhook, url: '{platform.url}/hook', timeout: 2s}}\n"
    site = a_series(folder, channels=webhook)
    site.run("adopt", "--yes", "--no-build")
    site.run("release", "pattern", "--yes", code=None)
    return site
