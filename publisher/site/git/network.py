"""What is asked of a remote: where its branch is, its commits, and to take ours. Never by force."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from publisher.model.errors import GitError
from publisher.site.git.commits import is_ancestor
from publisher.site.git.complaints import explain, summary
from publisher.site.git.program import ASKING_LIMIT, Git
from publisher.site.git.remotes import folder_of, hide_credentials, is_address
from publisher.site.git.trust import serving


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
        option = f"--upload-pack={self._serving('upload-pack')}"
        limit = min(git.network_limit, ASKING_LIMIT)
        asking = replace(git, network_limit=limit)
        lines = asking.run("ls-remote", option, "--", self.said, ref, is_remote=True).text
        for line in lines.splitlines():
            commit, _, name = line.partition("\t")
            if name == ref:
                return commit
        return None

    def fetch(self, git: Git, branch: str, commit: str) -> None:
        """Bring the commit and its history here; no reference and no file changes."""
        if is_ancestor(git, commit, "HEAD") if git.folder == self.sources else False:
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
                hint="nothing to do: it is tried again",
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
        return hide_credentials(summary("\n".join([*refused, *told])))

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
    has = ", ".join(sorted(known)) or "none"
    raise GitError(
        f"the repository has no remote {name}",
        why=f"it has {has}",
        hint=f"git remote add {name} ADDRESS, or name another in jobs.yaml, under git",
    )


def read_remotes(git: Git) -> Mapping[str, tuple[str, ...]]:
    """Give the addresses of each remote as git would use them, that for pushes last."""
    asked = git.run("config", "-z", "--get-regexp", r"^remote\..*\.(url|pushurl)$", allowed=(0, 1))
    names = {field.partition("\n")[0].split(".", 1)[1].rpartition(".")[0] for field in asked.names}
    addresses: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        for option in ((), ("--push",)):
            told = git.run("remote", "get-url", *option, "--", name, allowed=range(256))
            if told.code == 0:
                addresses[name].append(told.text)
    return {name: tuple(dict.fromkeys(urls)) for name, urls in addresses.items()}
