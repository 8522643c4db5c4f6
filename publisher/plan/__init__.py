"""Compare what the files say with what the ledger says and return what may be done now.

Pure: no I/O, no clock. Level-triggered: the same input always gives the same plan, whatever
happened in between, so a restart at any line resumes by itself. ``preview`` runs this very
function forward, which is why a dry run cannot lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from publisher.model import Adopt, Cause, Hold, LedgerView, Plan, Policy, Post
from publisher.plan import building, deliveries, releases
from publisher.plan.builder import CLOCK_TOLERANCE, PlanBuilder, is_old, is_unknown
from publisher.plan.effective import effective

__all__ = ["CLOCK_TOLERANCE", "plan"]


def plan(
    posts: Sequence[Post],
    view: LedgerView,
    policy: Policy,
    now: datetime,
    *,
    unreadable: frozenset[str] = frozenset(),
    tree_busy: bool = False,
    clock_ahead: timedelta | None = None,
) -> Plan:
    """Return the actions that may be performed at ``now``, in the order to perform them.

    ``unreadable`` are paths whose files are there but could not be read: their posts wait and
    are not taken for deleted. ``tree_busy`` says that git is in the middle of changing files.
    ``clock_ahead`` is ``now`` minus what the site's clock says: a release that its date brings
    waits until it is due there too. Announcements do not wait: their page is public by then, and
    a few minutes harm nobody. ``None`` means that the site was not asked; then what the ledger
    recorded of an earlier answer stands.
    """
    if view.restored:
        return Plan(holds=(Hold(cause=Cause.RESTORED, reason=view.restored, needs_person=True),))
    posts = effective(posts, view, now - max(clock_ahead or timedelta(0), timedelta(0)))
    old = [post for post in posts if is_unknown(post, view) and is_old(post, now)]
    if view.adopted_at is None and old:
        return Plan(holds=(_refuse_unadopted(old),))
    if view.adopted_at is None:
        return Plan(actions=(Adopt(why="nothing was public before"),))
    builder = PlanBuilder(posts, view, policy, now, unreadable, tree_busy, clock_ahead)
    releases.see_posts(builder)
    releases.see_missing(builder)
    building.rebuild_and_verify(builder)
    deliveries.deliver(builder)
    return builder.result()


def _refuse_unadopted(old: Sequence[Post]) -> Hold:
    facts = {"count": len(old), "first": old[0].id}
    return Hold(cause=Cause.NOT_ADOPTED, needs_person=True, facts=facts)
