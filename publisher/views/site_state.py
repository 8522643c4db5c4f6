"""What files and ledger say at one instant, and finding things in it by the names people use.

Read-only. What is shown of it is ``reading``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from publisher.config.settings import Settings
from publisher.ledger import Ledger
from publisher.model import (
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    LedgerView,
    Plan,
    Post,
    PostId,
)
from publisher.model.errors import LedgerError, PublisherError, UnknownNameError
from publisher.plan import plan
from publisher.plan.calendar import Calendar, preview
from publisher.posts.library import Library, Scan
from publisher.site.git import incoming
from publisher.system.state_folder import make_private
from publisher.views.issues import STOPPED, find_in_doubt

UNSETTLED = (*STOPPED, DeliveryState.UNCERTAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """``in_doubt`` are the stopped deliveries of which an attempt may have gone out."""

    settings: Settings
    now: datetime
    scan: Scan
    posts: Mapping[PostId, Post]
    view: LedgerView
    in_doubt: frozenset[DeliveryKey]

    def plan(self) -> Plan:
        """Give what may be done now, and what waits."""
        if block := incoming.block(self.settings):
            return Plan(holds=(block,))
        return plan(
            self.scan.posts,
            self.view,
            self.settings.policy,
            self.now,
            unreadable=self.scan.unreadable,
        )

    def calendar(self, *, until: datetime | None = None) -> Calendar:
        """Give what will happen from now on; an unadopted ledger as after `publisher adopt`."""
        return preview(
            self.scan.posts,
            self.view,
            self.settings.policy,
            self.now,
            until=until,
            unreadable=self.scan.unreadable,
        )

    @property
    def stopped(self) -> list[DeliveryRecord]:
        """Give what was refused, held, or waits longer after a refusal; by key."""
        return sorted(filter(self.is_stopped, self.view.deliveries.values()), key=lambda r: r.key)

    def is_stopped(self, record: DeliveryRecord) -> bool:
        is_backing_off = (
            record.state is DeliveryState.PLANNED
            and record.attempts > 0
            and record.due_at <= self.now < record.not_before
        )
        return record.state in STOPPED or is_backing_off

    @property
    def needs_adoption(self) -> bool:
        """Tell whether nothing happens before `publisher adopt`."""
        return self.view.adopted_at is None and not self.plan().actions

    def find(self, name: str) -> PostId:
        """Find a post by its id, its slug or its path; one whose file is gone by its id.

        :raises PublisherError: when none or several are called that; it names the nearest.
        """
        if name in self.posts or name in self.view.releases:
            return PostId(name)
        file = Path(name).absolute()
        found = [
            post.id
            for post in self.scan.posts
            if name in (post.slug, post.path) or self.settings.project / post.path == file
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise PublisherError(
                f"several posts are called {name!r}", hint=f"say which: {', '.join(sorted(found))}"
            )
        raise self._unknown(name, file)

    def get(self, name: str) -> Post:
        """Find a post whose file is there.

        :raises PublisherError: when there is none.
        """
        post = self.posts.get(self.find(name))
        if post is None:
            raise PublisherError(
                f"the file of {name} is not there, or cannot be read",
                hint=f"see `publisher check` and `publisher why {name}`",
            )
        return post

    def find_delivery(self, name: str) -> DeliveryRecord:
        """Find a delivery by ``post/channel/occasion``.

        Without the occasion it is the only one, or the only one that a person must settle.

        :raises PublisherError: when none or several are meant.
        """
        records = self.view.deliveries
        found = [r for key, r in records.items() if name in (str(key), f"{key.post}/{key.channel}")]
        stuck = [record for record in found if record.state in UNSETTLED]
        if len(found) == 1 or len(stuck) == 1:
            return (stuck or found)[0]
        if found:
            known = ", ".join(sorted(str(record.key) for record in found))
            raise PublisherError(f"{name} was announced more than once", hint=f"say which: {known}")
        hint = near(name, [str(key) for key in records]) or "see `publisher status --json`"
        raise PublisherError(f"there is no delivery {name!r}", hint=hint)

    def _unknown(self, name: str, file: Path) -> PublisherError:
        broken = [problem for problem in self.scan.problems if problem.severity == "error"]
        for problem in broken:
            if self.settings.project / problem.path == file or Path(problem.path).stem == name:
                return PublisherError(
                    f"{name}: {problem.message}", hint="see `publisher check` for all of it"
                )
        names = [text for post in self.scan.posts for text in (post.id, post.slug)]
        hint = near(name, names) or "`publisher calendar` lists what is coming"
        return UnknownNameError(f"there is no post {name!r}", hint=hint)


def read_site_state(settings: Settings, ledger: Ledger, *, now: datetime) -> SiteState:
    """Read all posts and the whole ledger.

    :raises PublisherError: when a folder cannot be listed or the ledger cannot be read.
    """
    view = ledger.view()
    scan = Library.of(settings).scan(view, now)
    return SiteState(
        settings=settings,
        now=now,
        scan=scan,
        posts={post.id: post for post in scan.posts},
        view=view,
        in_doubt=find_in_doubt(ledger, view),
    )


def open_ledger(
    settings: Settings, *, now: datetime, read_only: bool = False, even_restored: bool = False
) -> Ledger:
    """Open the ledger of the site, to read it or to record a person's wishes.

    :raises LedgerError: when it cannot be used; or when it was restored and is not adopted yet,
        unless it is only read or ``even_restored``.
    """
    if not read_only:
        make_private(settings.state_dir, public=(settings.project, settings.site.root))
    ledger = Ledger.open(settings.ledger_url, site=settings.site.name, now=now, read_only=read_only)
    try:
        if not (read_only or even_restored):
            ledger.require_adopted()
    except LedgerError:
        ledger.close()
        raise
    return ledger


def look(settings: Settings, *, now: datetime) -> SiteState:
    """Read everything and change nothing, not even by creating a ledger."""
    with open_ledger(settings, now=now, read_only=True) as ledger:
        return read_site_state(settings, ledger, now=now)


def near(name: str, names: Iterable[str]) -> str:
    """Suggest what may have been meant; empty when nothing is like it."""
    found = get_close_matches(name, sorted(set(names)), n=3)
    return f"did you mean {' or '.join(found)}?" if found else ""
