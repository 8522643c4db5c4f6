"""The deploy branch: a history of staged trees, in a repository of its own.

It never meets the sources: its objects are in a bare repository of their own (``deploy.git`` in
our folder inside ``.git``), so that no push can send anything else. That repository is a cache;
without it, the branch is fetched again.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from threading import Event

from publisher.model.errors import GitError
from publisher.site.git.merge import PAUSE_S, STAGED, TRIES, commits_of_others
from publisher.site.git.remotes import Remote
from publisher.site.git.run import Config, Git, joined
from publisher.site.git.safe_config import harden
from publisher.system.files import os_errors_as

NEVER = frozenset({".git", ".venv", "__pycache__", "node_modules", "venv"})
SITE_SUFFIXES = frozenset(  # of files that are the site's, though nobody has added them yet
    {".astro", ".cjs", ".css", ".htm", ".html", ".j2", ".jinja", ".js", ".json", ".jsx", ".liquid"}
    | {".markdown", ".md", ".mdx", ".mjs", ".mts", ".njk", ".sass", ".scss", ".svelte", ".toml"}
    | {".ts", ".tsx", ".vue", ".yaml", ".yml"}
    | {".apng", ".avif", ".bmp", ".gif", ".ico", ".jfif", ".jpeg", ".jpg", ".png", ".svg", ".webp"}
)
TIDY: Config = (("gc.auto", "6700"), ("gc.autoDetach", "false"))

# What the stage makes: placeholders of images, and data for themes. All else that only the copy has
# is a generator's, such as a cache of what was built there under another policy.
_MADE = re.compile(r"(?:^|/)(?:embargoed-[0-9a-f]{12}\.\w+|publisher\.json)\Z")

# Files go in byte for byte, whatever a .gitattributes among them says.
_ATTRIBUTES = "* -text -ident -filter -working-tree-encoding\n"


def open_bare(git: Git, folder: Path, *, settings: Config) -> Git:
    """Give git in the bare repository of the deploy branch, made when it is not there.

    ``settings`` are the sources' about how hosts are reached. Only for who is alone there.
    """
    if not (folder / "info" / "attributes").is_file():
        _make_bare(git, folder)
    for leftover in (*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock")):
        leftover.unlink(missing_ok=True)  # of a git that was killed: nobody else is here
    bare = harden(replace(git, folder=folder, variables={"GIT_DIR": str(folder)}))
    return replace(bare, config=(*settings, *bare.config))


def _make_bare(git: Git, folder: Path) -> None:
    temporary = folder.with_name("new-" + folder.name)
    with os_errors_as(GitError, str(folder), "cannot be made"):
        for old in (temporary, folder):
            shutil.rmtree(old, ignore_errors=True)
        git.run("init", "--quiet", "--bare", "--template=", "--", str(temporary))
        (temporary / "info").mkdir(exist_ok=True)
        (temporary / "info" / "attributes").write_text(_ATTRIBUTES, encoding="ascii")
        temporary.rename(folder)


def check_name(git: Git, name: str) -> None:
    """Insist on a name that a branch can have.

    :raises GitError: when git knows no such name.
    """
    if git.run("check-ref-format", f"refs/heads/{name}", allowed=(0, 1)).code:
        raise GitError(
            f"git.deploy_branch: {name!r} cannot be the name of a branch",
            hint="write letters, digits, dots and dashes, such as deploy",
        )


def choose_files(
    git: Git, folder: Path, *, project: Path, leave_out: Collection[str]
) -> frozenset[str]:
    """Give the files and links of the staged copy that may be seen, relative to it.

    A file goes when the sources' repository has it, when it is new, of the site (by its suffix),
    and neither hidden nor named by ``.gitignore``, or when the stage made it.
    """
    at_project = replace(git, folder=project)
    known = frozenset(at_project.run("ls-files", "-z", "--cached").fields)
    added = frozenset(at_project.run("ls-files", "-z", "--others", "--exclude-standard").fields)
    out = frozenset(path.strip("/") for path in leave_out)
    return frozenset(
        path
        for path in _walk(folder, out)
        if _is_meant(path, project=project, known=known, added=added)
    )


def _is_meant(path: str, *, project: Path, known: Collection[str], added: Collection[str]) -> bool:
    parents = PurePosixPath(path).parents
    if path in known or any(str(parent) in known for parent in parents):  # of a submodule
        return True
    if path in added:
        is_hidden = any(part.startswith(".") for part in path.split("/"))
        return not is_hidden and PurePosixPath(path).suffix.lower() in SITE_SUFFIXES
    return _MADE.search(path) is not None and not os.path.lexists(project / path)


def _walk(folder: Path, out: Collection[str]) -> Iterator[str]:
    """Give the files and links below a folder; links that lead out of it are left out."""
    waiting = [""]
    while waiting:
        base = waiting.pop()
        hint = "the stage is made anew with the next rebuild"
        with (
            os_errors_as(GitError, str(folder / base), "cannot be read", hint=hint),
            os.scandir(folder / base) as listing,
        ):
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            path = f"{base}/{entry.name}" if base else entry.name
            if entry.name in NEVER or path in out:
                continue
            if entry.is_symlink():
                if _leads_inside(folder, path, out):
                    yield path
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield path


def _leads_inside(folder: Path, path: str, out: Collection[str]) -> bool:
    link = folder / path
    with suppress(OSError, RuntimeError):
        target = link.readlink()
        place = link.resolve()
        if target.is_absolute() or not place.is_relative_to(folder):
            return False
        parts = place.relative_to(folder)
        hidden = {str(parts), *map(str, parts.parents)} & set(out)
        return not hidden and not NEVER & set(parts.parts)
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployBranch:
    """The branch ``name`` at a remote; ``git`` runs in the bare repository."""

    git: Git
    name: str
    remote: Remote

    def update(
        self, folder: Path, files: Collection[str], message: str, *, who: Mapping[str, str]
    ) -> str | None:
        """Let the branch show these files, on top of what it has; ``None`` when it does.

        :raises GitError: when the branch is not ours, or the remote refuses.
        """
        if not files:
            raise GitError(
                f"{folder}: holds nothing to deploy",
                why="an empty site must not go anywhere",
                hint="look at git.deploy_branch, and at .gitignore",
            )
        tree = self._tree(folder, files)
        refusal, last = "", ""
        for number in range(1, TRIES + 1):
            theirs = self.remote.tip(self.git, self.name)
            if refusal and theirs == last:
                break
            last = theirs or ""
            if theirs is not None:
                self._take_over(theirs)
                if tree == self.git.said("rev-parse", f"{theirs}^{{tree}}"):
                    return None
            parent = ("-p", theirs) if theirs is not None else ()
            commit = self.git.having(**who).run("commit-tree", tree, *parent, data=message.encode())
            refusal = self.remote.push(self.git, commit.text, self.name)
            if not refusal:
                self._remember(commit.text)
                return commit.text
            (self.git.stop or Event()).wait(PAUSE_S * number)
        raise GitError(
            f"git push: {self.remote.name} rejected the deploy branch {self.name}",
            why=refusal,
            hint="its rules or hooks do not allow it; only publisher may push to that branch",
        )

    def _tree(self, folder: Path, files: Collection[str]) -> str:
        """Write the files as a tree; only what changed since the last time is read."""
        git = self.git.having(
            GIT_WORK_TREE=str(folder), GIT_INDEX_FILE=str(self.git.folder / "stage-index")
        )
        git = replace(git, folder=folder)
        gone = [name for name in git.run("ls-files", "-z").fields if name not in files]
        if gone:
            git.run("update-index", "--force-remove", "-z", "--stdin", data=joined(gone))
        data = joined(sorted(files))
        git.run("update-index", "--add", "--replace", "-z", "--stdin", data=data)
        return git.said("write-tree")

    def _take_over(self, theirs: str) -> None:
        """Bring the remote's commit here, if every commit of it is ours.

        :raises GitError: when somebody else committed there.
        """
        base = self.git.said("rev-parse", "-q", "--verify", self._ref, allowed=(0, 1))
        if theirs == base:
            return
        self.remote.fetch(self.git, self.name, theirs)
        others = commits_of_others(self.git, base, theirs, sign=STAGED)
        if others:
            raise GitError(
                f"the branch {self.name} at {self.remote.name} holds a commit that publisher "
                f"did not make: {others[0]}",
                why="the staged site would undo it; that branch is publisher's alone",
                hint="move that work to the sources, or name another git.deploy_branch",
            )
        self._remember(theirs)

    def _remember(self, commit: str) -> None:
        self.git.run("update-ref", "--", self._ref, commit)
        with suppress(GitError):
            tidy = replace(self.git, config=(*self.git.config, *TIDY))
            tidy.run("gc", "--auto", "--quiet")

    @property
    def _ref(self) -> str:
        return f"refs/heads/{self.name}"
