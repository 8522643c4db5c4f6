"""Projects to be staged, and what became of them."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image

from publisher.config.settings import RebuildSettings, Settings, SiteSettings, VerifySettings
from publisher.embargo.stage import Stage, Staged
from publisher.generators import GENERATORS
from publisher.model import Embargo
from publisher.posts.library import Library
from tests.factories import NOW

SECRET = "The lathe in the cellar ran all night, and nobody had switched it on."
PUBLIC = "The saw hangs where it has always hung."


def a_site(project: Path, *, embargo: Embargo = Embargo.REDACT, **changes: Any) -> Settings:
    """Give the settings of a site whose generator works in ``site/`` of the project."""
    facts: dict[str, Any] = {
        "name": "sample",
        "url": "https://example.org",
        "root": project / "site",
        "posts": ("blog/**/*.md",),
        "post_url": "/blog/{slug}",
        "generator": GENERATORS["vitepress"],
        "zone": ZoneInfo("Europe/Oslo"),
        "release_time": time(9),
    }
    (project / "site" / "blog").mkdir(parents=True, exist_ok=True)
    (project / "jobs.yaml").touch()
    return Settings(
        file=project / "jobs.yaml",
        site=SiteSettings(**{**facts, **changes}),
        state_dir=project / ".publisher",
        ledger_url=f"sqlite:///{project}/.publisher/ledger.db",
        rebuild=RebuildSettings(command=("make",), output=project / "site/.vitepress/dist"),
        verify=VerifySettings(),
        max_late=timedelta(hours=6),
        stale_after=timedelta(hours=24),
        burst=5,
        channels=(),
        embargo=embargo,
    )


def write(project: Path, path: str, content: str | bytes) -> Path:
    file = project / "site" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def a_post(*lines: str, status: str = "scheduled", body: str = SECRET) -> str:
    head = ("title: A title", "description: In short", "date: 2027-03-09", f"status: {status}")
    return "\n".join(["---", *head, *lines, "---", "", body, ""])


def update(settings: Settings, now: datetime = NOW) -> Staged:
    return Stage(settings).update(Library(settings.site, settings.project).scan(), now=now)


def staged(settings: Settings, path: str) -> bytes | None:
    """Give a staged file below the generator's project."""
    file = settings.state_dir / "stage" / "project" / "site" / path
    return file.read_bytes() if file.is_file() else None


def public(found: Staged) -> str:
    """Give all that anybody may see, posts first."""
    return "\n".join([*found.public.posts, *found.public.others])


def tree(folder: Path) -> dict[str, bytes | str]:
    """Give all below a folder: files with their bytes, links with their targets."""
    found: dict[str, bytes | str] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink()).replace(str(folder), "")
        else:
            found[name] = "folder" if path.is_dir() else path.read_bytes()
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder).items() if isinstance(data, bytes)}


def size_of(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.size


def an_image(colour: str = "red", size: tuple[int, int] = (40, 20)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


# Kills itself at the n-th change of a file or folder below the stage; the audit hook sees all.
KILLED = """\
import os, signal, sys
left = int(sys.argv[2])
CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.utime",
           "os.chmod", "sqlite3.connect")

def hook(event, args):
    global left
    if event not in CHANGES or "/stage" not in str(args[0]):
        return
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def begin():
    sys.addaudithook(hook)
"""
