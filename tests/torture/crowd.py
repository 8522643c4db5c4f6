"""Several processes on one ledger, each killed again and again while it works."""

from __future__ import annotations

import json
import random
import subprocess
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.programs import World, a_world
from tests.acceptance.sites import ROOT
from tests.torture.stage import Stage, Verdict, let_hang_up
from tests.torture.warm import Warm

ACTORS = (("run",), ("tick",), ("tick",))
CHANNELS = ("keyed", "newsletter", "x", "hook", "outbox")
LIFE_S = 0.8  # of a process, about; posts come due as long as kills go on
PROC = Path("/proc")
PATIENCE = 400  # vain looks for somebody to kill


@dataclass(kw_only=True)
class Actor:
    """A command that is started again whenever it has ended."""

    world: World
    arguments: Sequence[str]
    popen: subprocess.Popen[bytes] | None = None
    kills: int = 0

    def live(self) -> bool:
        """Start the command unless it runs; tell whether it works on the ledger."""
        if self.popen is None or self.popen.poll() is not None:
            site = self.world.site
            self.popen = subprocess.Popen(
                [*site.command(), "--config", str(site.folder / "jobs.yaml"), *self.arguments],
                cwd=ROOT,
                env=site.all_environ(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            return False
        return self._has_ledger(self.popen.pid)

    def kill(self) -> None:
        """Kill the command; it counts when the command had not ended by itself."""
        if self.popen is not None:
            self.popen.kill()
            self.kills += self.popen.wait() == -9

    def end(self) -> None:
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()

    def _has_ledger(self, pid: int) -> bool:
        if not PROC.exists():
            return True  # nobody tells, elsewhere than on Linux
        ledger = str(self.world.site.ledger)
        try:
            links = [link.readlink() for link in (PROC / str(pid) / "fd").iterdir()]
        except OSError:
            return False  # it has ended
        return any(str(link).startswith(ledger) for link in links)


@dataclass(kw_only=True)
class Crowd:
    """The actors, and the chance that picks whom to kill and when."""

    actors: Sequence[Actor]
    chance: random.Random
    pause: threading.Event = field(default_factory=threading.Event)

    def suffer(self, kills: int) -> int:
        """Kill one that works, after a random while, until there were so many kills."""
        vain = 0
        while sum(actor.kills for actor in self.actors) < kills and vain < PATIENCE:
            self.pause.wait(self.chance.uniform(0.05, 0.4))
            at_work = [actor for actor in self.actors if actor.live()]
            vain = 0 if at_work else vain + 1
            if at_work:
                self.chance.choice(at_work).kill()
        for actor in self.actors:
            actor.end()
        return sum(actor.kills for actor in self.actors)


def kill_in_a_crowd(folder: Path, *, posts: int, kills: int, seed: int) -> Verdict:
    """Let a daemon and two ticks release ``posts`` posts on five channels while they are killed."""
    with ExitStack() as stack:
        site, spare = folder / "site", folder / "spare"
        site.mkdir(parents=True)
        world = stack.enter_context(a_world(site, *CHANNELS))
        stage = Stage(world=world, warm=stack.enter_context(Warm()), spare=spare)
        let_hang_up(world)
        _allow_bursts(world)
        for number in range(posts):
            world.write(f"pattern{number:04d}", due_s=number * LIFE_S * kills / posts)
        actors = [Actor(world=world, arguments=arguments) for arguments in ACTORS]
        done = Crowd(actors=actors, chance=random.Random(seed)).suffer(kills)
        found = stage.recover(stage.start) + Verdict(trials=done)
        again = f"python -m tests.torture --only 'crowd {posts} {kills} {seed}'"
        return found if found.is_good else found + Verdict(notes=(again,))


def _allow_bursts(world: World) -> None:
    """Let any number of posts come due at once."""
    file = world.site.folder / "jobs.yaml"
    jobs = json.loads(file.read_text())
    file.write_text(json.dumps({**jobs, "policy": {"burst": 100_000}}))
