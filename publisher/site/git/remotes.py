"""Remotes: where they lead, where their branch is, their commits, and to take ours. No force."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from publisher.model.errors import GitError
from publisher.site.git.explain import explain, hide_credentials, summary
from publisher.site.git.run import Git
from publisher.site.git.safe_config import serving
from publisher.text.urls import PUBLIC_FORGES

ASKING_LIMIT = timedelta(minutes=1)  # for a remote that is asked where a branch is

_URL_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/]*@)?(?P<host>\[[^\]]*\]|[^/:]*)", re.IGNORECASE)
_SCP_HOST = re.compile(r"(?:[^/:@]*@)?(?P<host>\[[^\]]*\]|[^/:]+):")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """``address`` is where pushes go; ``said`` is what git is told: a name, or the address."""

    name: str  # to be shown
    said: str
    address: str
    sources: Path  # the working tree

    def by_address(self) -> Remote:
        """Give the same for use in another repository, which does not know its name."""
        folder = folder_of(self.address, base=self.sources)
        address = self.address if folder is None else str(folder)
        return replace(self, said=address, address=address)

    def tip(self, git: Git, branch: str) -> str | None:
        """Ask which commit the branch is at; ``None`` when the remote has no such branch.

        Asks where fetches come from.
        """
        ref = f"refs/heads/{branch}"
        asking = replace(git, network_limit=min(git.network_limit, ASKING_LIMIT))
        option = f"--upload-pack={self._serving('upload-pack')}"
        lines = asking.run("ls-remote", option, "--", self.said, ref, is_remote=True).text
        found = (line.partition("\t") for line in lines.splitlines())
        return next((commit for commit, _, name in found if name == ref), None)

    def fetch(self, git: Git, branch: str, commit: str) -> None:
        """Bring the commit and its history here; no reference and no file changes."""
        if git.folder == self.sources and git.has("HEAD", commit):
            return
        git.run(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--refmap=",
            f"--upload-pack={self._serving('upload-pack')}",
            "--",
            self.said,
            f"refs/heads/{branch}",
            is_remote=True,
        )
        if git.run("cat-file", "-e", f"{commit}^{{commit}}", allowed=(0, 1, 128)).code:
            raise GitError(
                f"git fetch: the branch {branch} of {self.name} was replaced just now",
                hint="no action needed: publisher tries again",
            )

    def push(self, git: Git, commit: str, branch: str) -> str:
        """Let the remote's branch be the commit, if that adds to it; returns its refusal, or ''.

        :raises GitError: when the remote cannot be reached.
        """
        answer = git.run(
            "push",
            "--porcelain",
            "--no-progress",
            "--no-verify",
            "--no-follow-tags",
            "--no-signed",
            "--recurse-submodules=no",
            f"--receive-pack={self._serving('receive-pack')}",
            "--",
            self.said,
            f"{commit}:refs/heads/{branch}",
            allowed=range(256),
            is_remote=True,
        )
        if answer.code == 0:
            return ""
        lines = answer.out.decode(errors="replace").splitlines()
        refused = [line.split("\t")[-1] for line in lines if line.startswith("!\t")]
        if not refused:
            raise explain("push", answer.err, folder=git.folder, ignored=git.ignored)
        told = [
            line.removeprefix("remote:").strip()
            for line in answer.err.splitlines()
            if line.startswith("remote:")
        ]
        return summary("\n".join([*refused, *told]))

    def remember(self, git: Git, branch: str, commit: str) -> None:
        """Set the remote-tracking branch, as a fetch by hand does; it is only for show."""
        if not is_address(self.said):
            with suppress(GitError):
                git.run("update-ref", "--", f"refs/remotes/{self.said}/{branch}", commit)

    def _serving(self, program: str) -> str:
        folder = folder_of(self.address, base=self.sources)
        return serving(program, remote=folder, sources=self.sources)


def find_remote(git: Git, name: str, *, sources: Path) -> Remote:
    """Give a remote by the name that it has in the repository, or by its address.

    :raises GitError: when the repository has none of that name.
    """
    known = read_remotes(git)
    if name in known:
        return Remote(name=name, said=name, address=known[name][-1], sources=sources)
    if is_address(name) and not name.startswith("-"):
        return Remote(name=hide_credentials(name), said=name, address=name, sources=sources)
    raise GitError(
        f"the repository has no remote {name}",
        why=f"it has {', '.join(sorted(known)) or 'none'}",
        hint=f"git remote add {name} ADDRESS, or name another in jobs.yaml, under git",
    )


def read_remotes(git: Git) -> Mapping[str, tuple[str, ...]]:
    """Give the addresses of each remote as git would use them, that for pushes last."""
    asked = git.run("config", "-z", "--get-regexp", r"^remote\..*\.(url|pushurl)$", allowed=(0, 1))
    names = {field.partition("\n")[0].split(".", 1)[1].rpartition(".")[0] for field in asked.fields}
    addresses: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        for option in ((), ("--push",)):
            told = git.run("remote", "get-url", *option, "--", name, allowed=range(256))
            if told.code == 0:
                addresses[name].append(told.text)
    return {name: tuple(dict.fromkeys(urls)) for name, urls in addresses.items()}


def is_on_public_forge(url: str) -> bool:
    """Tell whether everybody may be able to read a repository at ``url``."""
    host = (_host_of(url) or "").removeprefix("ssh.").removeprefix("altssh.").removeprefix("www.")
    return host in PUBLIC_FORGES


def folder_of(url: str, *, base: Path) -> Path | None:
    """Give the folder that a remote on this machine is; ``base`` is where its paths start."""
    if _host_of(url) is not None:
        return None
    return (base / re.sub(r"^file://(localhost)?", "", url, flags=re.IGNORECASE)).resolve()


def is_address(remote: str) -> bool:
    """Tell an address (URL or path) from the name of a configured remote."""
    return "/" in remote or ":" in remote


def _host_of(url: str) -> str | None:
    """Give the host of a URL, or of ``user@host:path``; ``None`` for a path of this machine."""
    if url.lower().startswith("file://"):
        return None
    found = _URL_HOST.match(url) or _SCP_HOST.match(url)
    return found["host"].lower() if found else None
