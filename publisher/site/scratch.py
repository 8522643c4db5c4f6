"""A scratch copy of a project, in which a rehearsal may flip, build and announce what it likes.

Nothing in the copy leads back to a file that a build writes: sources are copied, and of the
installed packages (``node_modules``) the folder is new and only its entries are links.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from publisher.config.settings import DeploySettings, Settings
from publisher.generators import project
from publisher.model.errors import PublisherError
from publisher.system import locks
from publisher.system.files import os_errors_as

MARKER = project.REHEARSAL  # only a folder that holds it is ever emptied
NODE_COMMANDS = frozenset({"npm", "npx", "node", "pnpm", "pnpx", "yarn", "bun", "bunx"})
INSTALLERS = (
    ("package-lock.json", "npm ci"),
    ("pnpm-lock.yaml", "pnpm install"),
    ("yarn.lock", "yarn install"),
    ("bun.lock", "bun install"),
)


@contextmanager
def hold(scratch: Path) -> Iterator[None]:
    """Make ``scratch`` an empty folder of ours, and keep it ours while the block runs.

    What an earlier rehearsal left there is deleted; anything else is refused.

    :raises PublisherError: when it is somebody else's folder, or another rehearsal uses it.
    """
    if scratch.is_symlink() or (scratch.exists() and not _is_ours(scratch)):
        raise PublisherError(
            f"{scratch}: exists, and no rehearsal made it",
            why="a rehearsal empties its folder first",
            hint="name another folder with --scratch, or delete this one yourself",
        )
    if locks.is_held(scratch, MARKER):
        raise PublisherError(
            f"{scratch}: another rehearsal is using it",
            hint="wait until it is over, or name another folder with --scratch",
        )
    with locks.hold(scratch, MARKER):
        with _in_words(scratch):
            for path in scratch.iterdir():
                if path.name != MARKER:
                    _delete(path)
        yield


def _in_words(scratch: Path) -> AbstractContextManager[None]:
    why = "the rehearsal keeps its copy of the site there"
    hint = "make room or make it writable, or name another folder with --scratch"
    return os_errors_as(PublisherError, scratch, why=why, hint=hint)


def _is_ours(scratch: Path) -> bool:
    return scratch.is_dir() and ((scratch / MARKER).is_file() or not any(scratch.iterdir()))


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def copy_project(settings: Settings, scratch: Path) -> Settings:
    """Copy the site below ``scratch`` and give the settings that mean the copy.

    Copied are ``site.root``, and of the folders between it and ``jobs.yaml`` the files only
    (``package.json`` and the like). Left out: version control, caches, the output, our state.

    :raises PublisherError: when the packages that the build needs are not installed.
    """
    top, root = settings.project, settings.site.root
    _check_installed(settings)
    copy = scratch / "project"
    with _in_words(scratch):
        _copy(top, root, copy, left_out={scratch, *settings.own_files})
    site = replace(settings.site, root=copy / root.relative_to(top))
    state_dir = scratch / "state"
    rebuild = settings.rebuild
    if rebuild is not None:
        rebuild = replace(rebuild, output=copy / rebuild.output.relative_to(top))
    return replace(
        settings,
        file=copy / settings.file.name,
        site=site,
        state_dir=state_dir,
        ledger_url=f"sqlite:///{(state_dir / 'ledger.db').as_posix()}",
        rebuild=rebuild,
        deploy=DeploySettings(),  # what a rehearsal builds goes nowhere
        git=None,
    )


def _copy(top: Path, root: Path, copy: Path, *, left_out: set[Path]) -> None:
    (copy / root.relative_to(top)).mkdir(parents=True)
    for found in project.walk(top, root, left_out):
        source, target = Path(found.entry.path), copy / found.path
        match found.kind:
            case "folder":
                target.mkdir()
            case "file":
                shutil.copy2(source, target)
            case "installed":
                project.share(source, target)
            case "link":
                real = Path(os.path.realpath(source))
                is_copied = real.is_relative_to(root)
                target.symlink_to(copy / real.relative_to(top) if is_copied else real)


def _check_installed(settings: Settings) -> None:
    """Refuse early, with the command that helps, what a build by Node could only fail on."""
    root, rebuild = settings.site.root, settings.rebuild
    if rebuild is None or Path(rebuild.command[0]).name not in NODE_COMMANDS:
        return
    package = next((f for f in (root, *root.parents) if (f / "package.json").is_file()), None)
    if package is None or (package / ".pnp.cjs").is_file():
        return
    if any((folder / "node_modules").is_dir() for folder in (root, *root.parents)):
        return
    command = next((c for lock, c in INSTALLERS if (package / lock).is_file()), "npm install")
    place = os.path.relpath(package, settings.project)
    raise PublisherError(
        f"the packages of the site are not installed: {package} has no node_modules",
        why=f"`{' '.join(rebuild.command)}` cannot run without them",
        hint=f"run `{command}`" + ("" if place == "." else f" in {place}/"),
    )
