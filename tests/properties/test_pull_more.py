"""Random checkouts: a pull loses nothing of the author's, also one that was killed before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from publisher.model.errors import GitError
from tests.site.repositories import World, a_world

PATHS = ["a.md", "a.md/z.md", "d/a.md", "d/b.md", "d/e/x.md", "e", "e/f.md", "notes.txt"]
Tree = dict[str, tuple[str, str]]


@pytest.mark.parametrize("was_killed", [False, True])
@pytest.mark.parametrize("seed", range(20, 130))
def test_pull_brings_theirs_or_changes_nothing_and_keeps_what_is_ours(
    tmp_path: Path, seed: int, was_killed: bool
) -> None:
    random, world = Random(seed), a_world(tmp_path)
    edit(random, world.site, 8)
    commit(world, world.site)
    world.write(".git/info/exclude", random.choice(["", "*.txt\n"]))
    other = world.clone("other")
    old = tree(world.site)
    edit(random, other, random.randint(1, 4))
    commit(world, other)
    new = tree(other)
    edit(random, world.site, random.choice([0, 1, 1, 2, 3]))
    author(random, world, [path for path in old if old[path] != new.get(path)])
    if was_killed:
        begin_to_move(random, world, other)
    before, staged = tree(world.site), index(world)

    try:
        world.open().pull()
    except GitError:
        assert tree(world.site) == before or was_killed
        assert index(world) == staged
    else:
        after = tree(world.site)
        assert world.head() == world.head(other)
        committed = index(world, "HEAD~1")
        for path in {*old, *new, *before}:
            is_edited = before.get(path) not in (None, old.get(path), new.get(path))
            if was_killed and is_cut_off(before.get(path), new.get(path)):
                is_edited = False
            is_staged = path in before and staged.get(path) != committed.get(path)
            has_news = old.get(path) != new.get(path) and not (is_edited or is_staged)
            assert after.get(path) == (new if has_news else before).get(path), path


def edit(random: Random, at: Path, times: int) -> None:
    for _ in range(times):
        place = at / random.choice(PATHS)
        for parent in place.relative_to(at).parents:
            if (at / parent).is_file() or (at / parent).is_symlink():
                (at / parent).unlink()
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        kind = random.random()
        if kind < 0.3:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind < 0.4:
            place.symlink_to("jobs.yaml")
        else:
            place.write_text("line\n" * random.randint(0, 2) + f"{random.randint(0, 2)}\n")
            place.chmod(0o755 if random.random() < 0.1 else 0o644)


def commit(world: World, at: Path) -> None:
    world.git("add", "-A", at=at)
    world.git("commit", "-qm", "Some", "--allow-empty", at=at)
    world.git("push", "-q", at=at)


def author(random: Random, world: World, changed: list[str]) -> None:
    """Stage something, perhaps what the remote has, and perhaps go on after it."""
    kind = random.random()
    if kind < 0.3:
        world.git("add", "-A")
    elif kind < 0.5 and changed:
        world.git("rm", "-q", "--cached", "--ignore-unmatch", random.choice(changed))
    elif kind < 0.7 and changed:
        path = random.choice(changed)
        world.git("fetch", "-q")
        if listed := world.git("ls-tree", "origin/main", "--", path).split():
            world.git("update-index", "--cacheinfo", f"{listed[0]},{listed[2]},{path}")
    if kind < 0.15:
        edit(random, world.site, 1)


def begin_to_move(random: Random, world: World, other: Path) -> None:
    """Leave what a publisher leaves that is killed while it writes the files of a pull."""
    world.git("fetch", "-q")
    world.write(".git/publisher/move", f"{world.head()}\n{world.head(other)}\nrefs/heads/main\n")
    for path in world.git("diff", "--name-only", "HEAD", "origin/main").splitlines():
        file = other / path
        is_free = not world.git("status", "--porcelain", "--ignored", "--", path)
        if not (is_free and file.is_file() and not file.is_symlink() and random.random() < 0.5):
            continue
        if (world.site / path).is_file() and not (world.site / path).is_symlink():
            data = file.read_bytes()
            is_cut = random.random() < 0.5
            (world.site / path).write_bytes(
                data[: random.randint(0, len(data))] if is_cut else data
            )
            (world.site / path).chmod(file.stat().st_mode)


def tree(at: Path) -> Tree:
    found: Tree = {}
    for base, folders, files in os.walk(at):
        if ".git" in folders:
            folders.remove(".git")
        for name in (*files, *folders):
            place = Path(base, name)
            if place.is_symlink():
                found[str(place.relative_to(at))] = ("link", str(place.readlink()))
            elif place.is_file():
                mode = "x" if place.stat().st_mode & 0o100 else "-"
                found[str(place.relative_to(at))] = (mode, place.read_text())
    return found


def is_cut_off(mine: tuple[str, str] | None, theirs: tuple[str, str] | None) -> bool:
    return mine is not None and theirs is not None and theirs[1].startswith(mine[1])


def index(world: World, commit: str = "") -> dict[str, str]:
    command = ("ls-tree", "-r", commit) if commit else ("ls-files", "-s")
    lines = world.git(*command).splitlines()
    return {line.partition("\t")[2]: line.replace(" blob ", " ").split()[1] for line in lines}
