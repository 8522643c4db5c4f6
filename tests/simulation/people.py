"""The author, who edits at any moment, and the operator, who settles what waits for a person."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from publisher.ledger import Ledger
from publisher.model import (
    ChannelName,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Outcome,
    Post,
    PostId,
    PostState,
    ReleaseState,
)
from publisher.model.errors import LedgerError, StaleError
from tests.simulation.parts import OLD, SITE, Files
from tests.simulation.schedule import Machine
from tests.simulation.services import LAG_S, TIMEOUT_S, Service

_D = DeliveryState
AGAIN = "again-2026-11-20"
CERTAIN_S = 2 * TIMEOUT_S + 2 * LAG_S  # after that a person who looks sees what there is


@dataclass(slots=True, kw_only=True)
class Author:
    machine: Machine
    files: Files
    random: Random
    may_reword: bool  # not where only the sameness of the words keeps a service from a duplicate

    def edit(self) -> None:
        """Do one thing that authors do, to one post."""
        posts = [name for name in (*self.files.posts, *self.files.away) if name != OLD]
        name = self.random.choice(sorted(posts))
        if name in self.files.away:
            self.files.restore(name)
            return
        post = self.files.posts[name]
        choice = self.random.random()
        if choice < 0.45:
            self.files.edit(name, release_at=self._another_date())
        elif choice < 0.6 and self.may_reword:
            self._reword(name)
        elif choice < 0.75 and post.state is PostState.PUBLISHED:
            state = self.random.choice([PostState.DRAFT, PostState.SCHEDULED])
            self.files.edit(name, state=state)
        elif choice < 0.85:
            self.files.delete(name)
        else:
            self.files.edit(name, state=self.random.choice(list(PostState)))

    def tidy(self) -> None:
        """Leave all posts in place and to be released."""
        for name in list(self.files.away):
            self.files.restore(name)
        for name, post in list(self.files.posts.items()):
            if post.state is PostState.DRAFT:
                self.files.edit(name, state=PostState.SCHEDULED)

    def _another_date(self) -> datetime:
        hours = self.random.choice([-10, -1, -0.1, 0.01, 0.1, 1, 5])
        return self.machine.now() + timedelta(hours=hours)

    def _reword(self, name: PostId) -> None:
        number = self.random.randrange(10_000)
        rules = {
            channel: type(rule)(text=f"Reworded {number} {name} {{url}}")
            for channel, rule in self.files.posts[name].announce.items()
        }
        self.files.edit(name, announce=rules, title=f"Reworded {number} {name}")


@dataclass(slots=True, kw_only=True)
class Operator:
    """Acts through the ledger as the commands do, and tells the truth about what there is."""

    machine: Machine
    ledger: Ledger
    services: dict[ChannelName, Service]
    files: Files
    random: Random

    def act(self) -> None:
        choice = self.random.random()
        if choice < 0.25:
            self.announce_again()
        elif choice < 0.35:
            self.release_early()
        else:
            self.settle_all()

    def settle_all(self) -> None:
        view = self.ledger.view()
        for channel in view.closed_channels:
            self.ledger.open_channel(channel, now=self.machine.now())
        for record in view.deliveries.values():
            if record.state in (_D.HELD, _D.FAILED):
                with suppress(StaleError):
                    self.settle(record)

    def settle(self, record: DeliveryRecord) -> None:
        """Look at the service, long enough after the last attempt, and say what is there."""
        attempts = self.ledger.attempts(record)
        in_doubt = record.evidence is not None or any(
            attempt.outcome in (None, Outcome.UNKNOWN) for attempt in attempts
        )
        now = self.machine.now()
        if not in_doubt:
            self.ledger.settle(record, _D.PLANNED, reason="retried", now=now, due_at=now)
            return
        self.machine.sleep(CERTAIN_S)
        now = self.machine.now()
        key = record.key.idempotency_key
        found = [p for p in self.services[record.key.channel].posts if p.key == key]
        if found:
            self.ledger.settle(
                record, _D.SENT, reason="", now=now, remote_id=found[0].id, evidence="person"
            )
        else:
            self.ledger.settle(record, _D.PLANNED, reason="not there", now=now, due_at=now)

    def announce_again(self) -> None:
        """Run the same command twice, as people do who are not sure."""
        view = self.ledger.view()
        name = self.random.choice(sorted(view.releases))
        channel = self.random.choice(sorted(self.services))
        key = DeliveryKey(site=SITE, post=name, channel=channel, occasion=AGAIN)
        for _ in range(2):
            now = self.machine.now()
            text = f"Again: {name} {{url}}"
            self.ledger.add_delivery(key, at=now, text=text, reason="asked", now=now)

    def release_early(self) -> None:
        posts = [post for post in self.files.scan().posts if post.id != OLD]
        if posts:
            self._release(self.random.choice(posts))

    def settle_in_the_end(self) -> None:
        """Do all that is asked for, so that nothing has a reason to wait any more."""
        self.settle_all()
        releases = self.ledger.view().releases
        for post in self.files.scan().posts:
            release = releases.get(post.id)
            is_baseline = release is not None and release.state is ReleaseState.BASELINE
            if is_baseline and post.state is PostState.SCHEDULED:
                self._release(post)  # "yet its file says scheduled": only a person knows

    def _release(self, post: Post) -> None:
        with suppress(LedgerError):
            self.ledger.request_release(
                post.id,
                now=self.machine.now(),
                reason="asked",
                path=post.path,
                digest=post.digest,
                release_at=post.release_at,
            )
