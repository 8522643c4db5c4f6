"""Sees what no instant brings: commits of others, edits of a staged site, badges that settle.

It takes a while, and the build that follows even longer, so it is done in a quiet time only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from publisher.clock import Clock
from publisher.errors import PublisherError
from publisher.ledger import Ledger
from publisher.model import LedgerView, PostState
from publisher.posts import Scan
from publisher.report import Report, warn
from publisher.steps import Library, Site

QUIET_TIME = timedelta(minutes=2)  # ahead of a release: what need not be now waits until after it
PULL, STAGE = "pull.failed", "stage.failed"


@dataclass(slots=True, kw_only=True)
class Watch:
    """Asks for builds; ``troubles`` says what cannot be seen at present, and why.

    ``build_took`` is how long the latest build took.
    """

    library: Library
    ledger: Ledger
    clock: Clock
    report: Report
    build_took: timedelta = timedelta(0)
    troubles: dict[str, str] = field(default_factory=dict)
    _has_pulled: bool = False
    _has_commits: bool = False

    def before_all(self, site: Site) -> None:
        """Pull before the posts are looked at for the first time.

        What was called off elsewhere while nobody ran must not go out.
        """
        if not self._has_pulled:
            self._pull(site)

    def has_news(self, site: Site, scan: Scan, view: LedgerView) -> bool:
        """Look, and tell whether there is anything to plan for now."""
        if not self._is_quiet(scan):
            return False
        self._pull(site)
        if self._has_commits:
            scan = self.library.scan()
        is_outdated = self._is_outdated(site, scan, view)
        if is_outdated and _may_build(view):
            why = "commits came" if self._has_commits else "the site changed"
            self.ledger.request_rebuild(reason=why, now=self.clock.now())
            self._has_commits = False
        return is_outdated

    def _pull(self, site: Site) -> None:
        self._has_pulled = True
        try:
            came = site.pull(self.clock.now())
        except PublisherError as error:
            self._complain(PULL, error)
            return
        if came is not None:
            self.troubles.pop(PULL, None)
            self._has_commits |= came

    def _is_outdated(self, site: Site, scan: Scan, view: LedgerView) -> bool:
        try:
            is_outdated = site.is_outdated(scan, view, self.clock.now())
        except PublisherError as error:
            self._complain(STAGE, error)
            return False
        self.troubles.pop(STAGE, None)
        return is_outdated or self._has_commits

    def _complain(self, name: str, error: PublisherError) -> None:
        self.troubles[name] = error.one_line
        warn(self.report, name, reason=error.one_line)

    def _is_quiet(self, scan: Scan) -> bool:
        """Tell whether no post is due before a build that begins now would be over."""
        now = self.clock.now()
        until = now + max(QUIET_TIME, self.build_took * 1.5)
        scheduled = (post for post in scan.posts if post.state is PostState.SCHEDULED)
        instants = (post.release_at for post in scheduled if post.release_at is not None)
        return not any(now <= at < until for at in instants)


def _may_build(view: LedgerView) -> bool:
    """Tell whether a build may be asked for that is not asked for yet."""
    is_ours = view.adopted_at is not None and not view.restored
    return is_ours and view.dirty_gen <= view.built_gen
