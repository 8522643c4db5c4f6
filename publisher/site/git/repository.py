"""The repository of the sources: pull, one commit per release, push, and the deploy branch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from publisher.config.settings import GitSettings
from publisher.model.errors import GitError
from publisher.site.git import checkout, deploy_branch, merge
from publisher.site.git.locks import Locks, Move
from publisher.site.git.remotes import Remote, find_remote, is_on_public_forge, read_remotes
from publisher.site.git.run import NETWORK_LIMIT, Git, joined
from publisher.site.git.safe_config import (
    check_version,
    clean_environ,
    connection_settings,
    harden,
    value_of,
)

BeforeMove = Callable[[Git, str, str], None]  # gets the commits before and after; may refuse


def _allow(git: Git, old: str, new: str) -> None:
    """Let the branch move."""


class Pulled(NamedTuple):
    """The commit before and after; the same where nothing came."""

    old: str
    new: str


class Pushed(NamedTuple):
    """What the remote has now; ``note`` says why the branch here could not follow, or nothing."""

    commit: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A working tree and its branch, with the remotes of ``jobs.yaml``.

    Safe to use from several processes at once: they wait for one another. Every method may be
    called again after a kill at any moment, and then ends where it would have.
    """

    project: Path  # the folder of jobs.yaml
    top: Path  # the folder that git works in; the project is in there
    settings: GitSettings
    git: Git
    locks: Locks

    @classmethod
    def open(
        cls,
        project: Path,
        settings: GitSettings,
        *,
        environ: Mapping[str, str],
        stop: threading.Event | None = None,
        network_limit: timedelta = NETWORK_LIMIT,
    ) -> Repository:
        """Find the repository around ``project``; read-only.

        ``environ`` is what git and the user's credential helpers see, so the caller leaves out
        what is not theirs.

        :raises GitError: when there is none, git refuses it, or git is missing or too old.
        """
        project = project.resolve()
        environ = clean_environ(environ)
        git = harden(Git(folder=project, environ=environ, stop=stop, network_limit=network_limit))
        check_version(git)
        top = Path(git.said("rev-parse", "--show-toplevel"))
        if not project.is_relative_to(top.resolve()):
            raise GitError(
                f"{project}: its repository has its files elsewhere, in {top}",
                why="core.worktree in .git/config says so",
                hint="remove that line",
            )
        locks = Locks(
            git_dir=Path(git.said("rev-parse", "--absolute-git-dir")),
            common_dir=Path(git.said("rev-parse", "--path-format=absolute", "--git-common-dir")),
            stop=stop,
        )
        top = top.resolve()
        return cls(
            project=project,
            top=top,
            settings=settings,
            git=replace(git, folder=top),
            locks=locks,
        )

    # --- what is done ------------------------------------------------------------------------

    def pull(self, *, before_move: BeforeMove = _allow) -> Pulled:
        """Fetch, and move the branch forward with its files; returns the old and the new commit.

        Forward only: where the remote has commits that we lack and the branch has some that it
        lacks, those must be release commits of ours, which are then put on top. Files appear one
        after the other; index and branch follow, each at once. Work that is not committed is
        never touched. When something came, ``before_move`` is called before the first file, and
        may raise.

        :raises GitError: when that cannot be done; then nothing has changed here.
        """
        with self._on_branch() as (git, ref, old):
            remote = find_remote(git, self.settings.remote, sources=self.top)
            branch = self._branch_there(git, ref, remote)
            theirs = remote.tip(git, branch)
            if theirs is None:
                raise GitError(
                    f"git pull: {remote.name} has no branch {branch}",
                    hint=f"publish it once by hand: git push -u {remote.name} {branch}",
                )
            remote.fetch(git, branch, theirs)
            new = merge.combine(git, old, theirs, remote=remote)
            if new != old:
                before_move(git, old, new)
                checkout.advance(git, self.locks, Move(ref=ref, old=old, new=new))
            remote.remember(git, branch, theirs)
            return Pulled(old, new)

    def commit_release(
        self,
        released: Mapping[str, str],
        paths: Sequence[str],
        *,
        withdrawn: Mapping[str, str] = MappingProxyType({}),
    ) -> str | None:
        """Commit these files as they are on disk, and nothing else; returns the commit.

        ``released`` and ``withdrawn`` give posts with their own files; the message names those
        whose file the commit changes. ``paths`` are relative to the project; a file that is gone
        is removed, one that ``.gitignore`` keeps out of the repository stays out. ``None`` when
        the branch has them like this already. What is staged or edited in other files stays so.
        The index follows first, then the branch: a kill in between leaves the files staged.

        :raises GitError: when that cannot be done; then the branch has not changed.
        """
        with self._on_branch() as (git, ref, old):
            names = [self._in_repository(path) for path in dict.fromkeys(paths)]
            names = checkout.without_ignored(git, names)
            checkout.refuse_filtered(git, names)
            with self.locks.index_lock() as index:
                apart = git.having(GIT_INDEX_FILE=str(index.with_name("commit")))
                apart.run("read-tree", old)
                options = ("--add", "--remove", "-z", "--stdin")
                apart.run("update-index", *options, data=joined(names))
                tree = apart.said("write-tree")
                difference = ("-r", "-z", "--no-renames", "--name-only", old, tree)
                changed = git.run("diff-tree", *difference).fields
                if not changed:
                    return None
                out, back = (
                    [post for post, path in posts.items() if self._in_repository(path) in changed]
                    for posts in (released, withdrawn)
                )
                message = merge.message_for(out, merge.RELEASED, withdrawn=back).encode()
                who = git.having(**merge.identity(git))
                commit = who.run("commit-tree", tree, "-p", old, data=message).text
                checkout.follow(git, index, checkout.read_index(apart, names), names)
                if index.exists():
                    index.replace(self.locks.index)
                move = Move(ref=ref, old=old, new=commit)
                # A note that leads nowhere: only for the locks that a kill might leave.
                self.locks.note_move(replace(move, old=commit))
                checkout.set_branch(git, move)
                self.locks.forget_move()
                return commit

    def push(self, *, before_move: BeforeMove = _allow) -> Pushed:
        """Bring the branch to the remote, and its commits below what came there meanwhile.

        Never forces. Where the remote moved, our release commits are put on top of it, without
        the working tree, and tried again, five times at most. Only then the branch here follows,
        with its files, and ``before_move`` is called before that.

        :raises GitError: when the remote refuses, or both sides changed the same lines; then
            nothing has changed on either side.
        """
        with self._on_branch(even_in_merge=True) as (git, ref, old):
            remote = find_remote(git, self.settings.remote, sources=self.top)
            branch = self._branch_there(git, ref, remote)
            tip = merge.push(git, remote, branch, old, pause=self.locks.pause)
            note = ""
            if tip != old:
                try:
                    self.locks.refuse_unfinished(self.top)
                    before_move(git, old, tip)
                    checkout.advance(git, self.locks, Move(ref=ref, old=old, new=tip))
                except GitError as error:
                    note = error.one_line
            return Pushed(tip, note)

    def deploy(
        self,
        folder: Path,
        posts: Sequence[str],
        leave_out: Collection[str] = (),
        inspect: Callable[[Sequence[str]], None] | None = None,
    ) -> str | None:
        """Commit the staged tree to the deploy branch, and push it; returns the commit.

        ``posts`` are those that it releases, if any; ``folder`` is a copy of the project. Of it
        goes what the sources' repository has, new files of the site, and what the stage made:
        never ``node_modules``, ``.git``, what ``.gitignore`` names, links that lead out, and
        ``leave_out`` (files or folders, relative). ``inspect`` gets the files that go, relative
        to ``folder``, before anything is written, and raises when they must not. ``None`` when
        the remote has this tree already. The remote has the old tree or the new.

        :raises GitError: when the branch holds commits of somebody else, or cannot be pushed.
        """
        name, folder = self.settings.deploy_branch, folder.resolve()
        if not name:
            raise GitError("git.deploy_branch is not set in jobs.yaml")
        with self._alone() as git:
            self._refuse_sources_branch(git)
            bare = deploy_branch.open_bare(
                git, self.locks.shared / "deploy.git", settings=connection_settings(git)
            )
            files = deploy_branch.choose_files(
                git, folder, project=self.project, leave_out=leave_out
            )
            if inspect is not None:
                inspect(sorted(files))
            target = deploy_branch.DeployBranch(
                git=bare, name=name, remote=self._deploy_remote(git)
            )
            message = merge.message_for(posts, merge.STAGED)
            return target.update(folder, files, message, who=merge.identity(git))

    # --- what can be asked -------------------------------------------------------------------

    def committed(self, path: str) -> bytes | None:
        """Give a file as the branch has it, if it does; ``path`` is relative to the project."""
        with self._on_branch() as (git, _, tip):
            file = f"{tip}:{self._in_repository(path)}"
            answer = git.run("cat-file", "--filters", file, allowed=(0, 128))
            return None if answer.code else answer.out

    def remotes(self) -> Mapping[str, tuple[str, ...]]:
        """Give the addresses of each remote, credentials included; asks nobody."""
        return read_remotes(harden(self.git))

    def public_remotes(self) -> tuple[str, ...]:
        """Name the remotes of the sources that are on a forge where anybody may be able to read.

        The remote that only the deploy branch goes to is meant to be public, and left out.
        """
        apart = self.settings.deploy_remote
        expected = apart if apart != self.settings.remote else None
        return tuple(
            name
            for name, urls in self.remotes().items()
            if name != expected and any(map(is_on_public_forge, urls))
        )

    def tracked(self, paths: Collection[str]) -> frozenset[str]:
        """Give those of these paths, relative to the project, that git has in its index."""
        names = {self._in_repository(path): path for path in paths}
        listed = harden(self.git).run("ls-files", "-z", "--cached").fields
        return frozenset(names[name] for name in listed if name in names)

    def check_settings(self) -> None:
        """Look whether the settings fit the repository; asks nobody.

        :raises GitError: when a remote is not there, or the deploy branch is the sources' own.
        """
        git = harden(self.git)
        if self.settings.pull or self.settings.push:
            find_remote(git, self.settings.remote, sources=self.top)
        if self.settings.deploy_branch:
            self._refuse_sources_branch(git)
            self._deploy_remote(git)

    # --- parts -------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[Git]:
        with self.locks.alone() as lock:
            yield replace(harden(self.git), keep_open=(lock,))

    @contextmanager
    def _on_branch(self, *, even_in_merge: bool = False) -> Iterator[tuple[Git, str, str]]:
        """Be alone; give git, the branch and its commit, once no move is half done.

        :raises GitError: when there is no branch, or its author has not ended a merge.
        """
        with self._alone() as git:
            ref, tip = self._branch(git)
            if not even_in_merge:
                self.locks.refuse_unfinished(self.top)
            yield git, ref, checkout.finish(git, self.locks, ref=ref, tip=tip)

    def _branch(self, git: Git) -> tuple[str, str]:
        ref = git.said("symbolic-ref", "-q", "HEAD", allowed=(0, 1))
        if not ref:
            raise GitError(
                f"{self.top}: no branch is checked out",
                why="a release must go to a branch, and HEAD is detached",
                hint="git switch BRANCH; a rebase that is not finished has this effect, too",
            )
        tip = git.said("rev-parse", "-q", "--verify", "HEAD^{commit}", allowed=(0, 1))
        if not tip:
            raise GitError(
                f"{self.top}: the branch has no commit yet", hint="make the first commit by hand"
            )
        return ref, tip

    def _branch_there(self, git: Git, ref: str, remote: Remote) -> str:
        """Give the name that the branch has at the remote: what it follows, else its own."""
        name = ref.removeprefix("refs/heads/")
        if value_of(git, f"branch.{name}.remote") == remote.name:
            merge = value_of(git, f"branch.{name}.merge")
            return merge.removeprefix("refs/heads/") or name
        return name

    def _in_repository(self, path: str) -> str:
        place = self.project / path
        parent = place.parent.resolve()
        if not parent.is_relative_to(self.top) or place.name in ("", ".."):
            raise GitError(f"{path}: is not in the repository {self.top}")
        if place.is_dir() and not place.is_symlink():
            raise GitError(f"{path}: is a folder; a release commits files")
        return (parent / place.name).relative_to(self.top).as_posix()

    def _deploy_remote(self, git: Git) -> Remote:
        name = self.settings.deploy_remote or self.settings.remote
        return find_remote(git, name, sources=self.top).by_address()

    def _refuse_sources_branch(self, git: Git) -> None:
        """Never let the staged tree go over the sources."""
        name = self.settings.deploy_branch or ""
        deploy_branch.check_name(git, name)
        current = git.said("symbolic-ref", "-q", "HEAD", allowed=(0, 1))
        if current.removeprefix("refs/heads/") != name:
            return
        with suppress(GitError):
            sources = find_remote(git, self.settings.remote, sources=self.top)
            if self._deploy_remote(git).address != sources.by_address().address:
                return
        raise GitError(
            f"git.deploy_branch: {name} is the branch of the sources",
            why="the staged site would be committed over them",
            hint="give it a branch of its own, such as deploy, or another git.deploy_remote",
        )
