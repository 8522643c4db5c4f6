"""Sees what no instant brings: commits of others, edits of a staged site, badges that settle.

It takes a while, and the build that follows even longer, so it is done in a quiet time only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from publisher.engine.release import Library, Site
from publisher.ledger import Ledger
from publisher.model import LedgerView, PostId, PostState, ReleaseState
from publisher.model.errors import PublisherError, UntrustedError
from publisher.posts.library import Scan
from publisher.site.site import DEPLOY_LOOP, OVERWRITTEN, PUSH
from publisher.system.clock import Clock
from publisher.system.report import Report, info, warn

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

    def before_all(self, site: Site, *, is_blocked: bool = False) -> None:
        """Pull before the posts are looked at for the first time, and while all waits for that.

        What was called off elsewhere while nobody ran must not go out.
        """
        if is_blocked or not self._has_pulled:
            self._pull(site)

    def has_news(self, site: Site, scan: Scan, view: LedgerView) -> bool:
        """Look, and tell whether there is anything to plan for now."""
        if not self._is_quiet(scan):
            return False
        site.push(view, self.clock.now())
        if self._pull(site):
            scan = self.library.scan(view, self.clock.now())
        is_outdated = self._is_outdated(site, scan, view)
        if is_outdated and _may_build(view):
            self.ledger.request_rebuild(reason="the site changed", now=self.clock.now())
        elif is_outdated and (waiting := _built_in_vain(view)):
            self.ledger.retry_steps(waiting, now=self.clock.now())
        return is_outdated

    def after_all(self, site: Site) -> Mapping[str, str]:
        """Give the troubles; what stands though releases went on is told when its reason is new."""
        found = site.troubles()
        for name in (PUSH, DEPLOY_LOOP, OVERWRITTEN):
            if name not in found:
                self.troubles.pop(name, None)
            elif found[name] != self.troubles.get(name):
                self._complain(name, found[name])
        return dict(self.troubles)

    def _pull(self, site: Site) -> bool:
        """Pull where it is time; tell whether anything came."""
        self._has_pulled = True
        try:
            came = site.pull(self.clock.now())
        except UntrustedError:  # said by what blocks the tick
            self.troubles.pop(PULL, None)
            return False
        except PublisherError as error:
            self._complain(PULL, error.one_line)
            return False
        if came is not None:
            self.troubles.pop(PULL, None)
        if came:
            info(self.report, "pull.done")
        return bool(came)

    def _is_outdated(self, site: Site, scan: Scan, view: LedgerView) -> bool:
        try:
            is_outdated = site.is_outdated(scan, view, self.clock.now())
        except PublisherError as error:
            self._complain(STAGE, error.one_line)
            return False
        self.troubles.pop(STAGE, None)
        return is_outdated

    def _complain(self, name: str, reason: str) -> None:
        self.troubles[name] = reason
        warn(self.report, name, reason=reason)

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


def _built_in_vain(view: LedgerView) -> list[PostId]:
    """Give the releases that wait for another build, since the latest one left a page wrong.

    What changed since may have mended it. Of a build that failed nobody knows what it lacks.
    """
    if view.rebuild_failures:
        return []
    revealing = (r for r in view.releases.values() if r.state is ReleaseState.REVEALING)
    return [r.post for r in revealing if r.failures and (r.flip_gen or 0) > view.built_gen]
