"""The sample series through a real git remote: its deploy branch never knows what is to come."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from publisher.text.excerpts import excerpts
from publisher.text.frontmatter import parse
from publisher.text.html import fold
from tests.acceptance.sites import ROOT, Site

SERIES = {
    "bench": "bench-before-the-build.md",
    "pattern": "the-pattern-that-prevents-chaos.md",
    "door": "the-workshop-door.md",
}
JOBS = """\
site:
  name: grain-and-loop
  url: https://chronicles.example
  root: content
  posts: "blog/**/*.md"
  post_url: /blog/{slug}
  generator: vitepress
  timezone: Europe/Oslo
embargo: redact
verify: {live: false}
git: {deploy_branch: live, deploy_remote: public}
channels: {x: {type: outbox}, linkedin: {type: outbox}, newsletter: {type: outbox}}
"""


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Runa", "-c", "user.email=runa@chronicles.example"]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def the_sample(folder: Path) -> tuple[Site, Path]:
    """Give the sample site under version control, and the public remote of its deploy branch."""
    site = Site(folder=folder / "site")
    left_out = shutil.ignore_patterns("node_modules", "dist", "cache")
    shutil.copytree(ROOT / "content", site.folder / "content", ignore=left_out)
    (site.folder / "jobs.yaml").write_text(JOBS)
    (site.folder / ".gitignore").write_text(".publisher\n")
    git(folder, "init", "-q", "--bare", "-b", "main", "private.git")
    git(folder, "init", "-q", "--bare", "-b", "live", "public.git")
    git(site.folder, "init", "-q", "-b", "main")
    git(site.folder, "remote", "add", "origin", str(folder / "private.git"))
    git(site.folder, "remote", "add", "public", str(folder / "public.git"))
    git(site.folder, "add", "-A")
    git(site.folder, "commit", "-qm", "The site")
    git(site.folder, "push", "-qu", "origin", "main")
    return site, folder / "public.git"


def telling(name: str) -> list[str]:
    """Give words that only the text of a post has: what its title and teaser say is public."""
    path = ROOT / "content" / "blog" / SERIES[name]
    document = parse(path.read_bytes(), path.name)
    shown = fold(" | ".join(str(value) for value in document.metadata.values()))
    pages = [page for page in path.parent.glob("*.md") if page != path]
    public = shown + "".join(fold(page.read_text()) for page in pages)
    return [piece for e in excerpts(document.body) if (piece := fold(e)) not in public]


def told_by(remote: Path, name: str) -> list[str]:
    """Give what any object of a repository, reachable or not, tells of a post."""
    listed = git(remote, "cat-file", "--batch-all-objects", "--batch-check").splitlines()
    objects = fold(" ".join(git(remote, "cat-file", "-p", line.split()[0]) for line in listed))
    return [piece for piece in telling(name) if piece in objects]


def test_series_is_released_part_by_part_and_no_object_tells_of_the_next(tmp_path: Path) -> None:
    site, remote = the_sample(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")

    told = [{name: bool(told_by(remote, name)) for name in SERIES}]
    for name in SERIES:
        site.run("release", name, "--yes")
        told.append({name: bool(told_by(remote, name)) for name in SERIES})

    assert all(len(telling(name)) >= 3 for name in SERIES)
    assert told == [
        {"bench": False, "pattern": False, "door": False},
        {"bench": True, "pattern": False, "door": False},
        {"bench": True, "pattern": True, "door": False},
        {"bench": True, "pattern": True, "door": True},
    ]
    assert git(remote, "log", "--format=%s", "live").splitlines() == [
        "Release: door",
        "Release: pattern",
        "Release: bench",
        "Update the site",
    ]
