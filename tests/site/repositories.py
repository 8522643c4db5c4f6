"""Real git repositories on disk: a project with a bare remote, and a user of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from publisher.config.settings import GitSettings
from publisher.site.git import Repository

POST = "---\ntitle: A title\nstatus: {}\n---\n\nText.\n"


@dataclass(frozen=True, slots=True)
class World:
    """A folder with a home, a project (``site``) and bare repositories (``*.git``)."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def remote(self) -> Path:
        return self.folder / "origin.git"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def git(self, *arguments: str, at: Path | None = None, data: str = "") -> str:
        """Run git as a person would, in the project unless told otherwise."""
        done = self._run(arguments, at or self.site, data)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return os.fsdecode(done.stdout).removesuffix("\n")

    def fails(self, *arguments: str, at: Path | None = None) -> bool:
        """Run git as a person would, and tell whether it complains."""
        return self._run(arguments, at or self.site, "").returncode != 0

    def _run(
        self, arguments: Sequence[str], folder: Path, data: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["git", *arguments],  # noqa: S607 - the one that the tests find in PATH
            cwd=folder,
            env=self.environ,
            input=os.fsencode(data),
            capture_output=True,
            check=False,
        )

    def write(self, name: str, text: str, at: Path | None = None) -> Path:
        file = (at or self.site) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.fsencode(text))
        return file

    def commit(self, name: str, text: str, at: Path | None = None) -> str:
        """Commit one file as a person would; returns the commit."""
        self.write(name, text, at)
        self.git("add", "--", name, at=at)
        self.git("commit", "--quiet", "-m", f"Write {name}", "--", name, at=at)
        return self.head(at)

    def head(self, at: Path | None = None) -> str:
        return self.git("rev-parse", "HEAD", at=at)

    def tip(self, branch: str = "main", at: Path | None = None) -> str:
        return self.git("rev-parse", f"refs/heads/{branch}", at=at or self.remote)

    def bare(self, name: str) -> Path:
        path = self.folder / name
        self.git("init", "--quiet", "--bare", "-b", "main", str(path), at=self.folder)
        return path

    def clone(self, name: str) -> Path:
        """Clone the remote: another person's, or another machine's working copy."""
        path = self.folder / name
        self.git("clone", "--quiet", str(self.remote), str(path), at=self.folder)
        return path

    def colleague(self, name: str, text: str) -> str:
        """Let somebody else push one file to the remote; returns the commit."""
        path = self.folder / "colleague"
        if not path.exists():
            self.clone("colleague")
        self.git("pull", "--quiet", "--rebase", at=path)
        commit = self.commit(name, text, at=path)
        self.git("push", "--quiet", at=path)
        return commit

    def open(
        self, at: Path | None = None, stop: Event | None = None, **settings: Any
    ) -> Repository:
        given = GitSettings(**settings)
        return Repository.open(at or self.site, given, environ=self.environ, stop=stop)

    def status(self, at: Path | None = None) -> list[str]:
        """Give the short status, sorted by file."""
        lines = self.git("status", "--porcelain=v1", "-z", at=at).split("\0")[:-1]
        return sorted(lines, key=lambda line: line[3:])

    def files(self, branch: str, at: Path | None = None) -> list[str]:
        listed = self.git("ls-tree", "-r", "-z", "--name-only", branch, at=at or self.remote)
        return sorted(listed.split("\0")[:-1])

    def blobs(self, at: Path) -> Iterator[bytes]:
        """Give the bytes of every object of a repository, reachable or not."""
        check = self.git("cat-file", "--batch-all-objects", "--batch-check", at=at)
        for line in check.splitlines():
            name, kind, _ = line.split(" ")
            yield os.fsencode(self.git("cat-file", kind, name, at=at))


def a_world(folder: Path) -> World:
    """Make a project with two posts, pushed to a bare remote."""
    environ = {
        "PATH": os.environ["PATH"],  # noqa: TID251 - where git is on this machine
        "HOME": str(folder / "home"),
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    world = World(folder, environ)
    world.home.mkdir()
    world.write(
        ".gitconfig",
        "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n",
        at=world.home,
    )
    world.bare("origin.git")
    world.site.mkdir()
    world.git("init", "--quiet", "-b", "main")
    world.write("jobs.yaml", "site: {}\n")
    world.write("blog/a-post.md", POST.format("scheduled"))
    world.write("blog/other.md", POST.format("scheduled"))
    world.git("add", "-A")
    world.git("commit", "--quiet", "-m", "Begin")
    world.git("remote", "add", "origin", str(world.remote))
    world.git("push", "--quiet", "-u", "origin", "main")
    return world
