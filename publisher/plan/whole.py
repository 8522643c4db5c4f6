"""Compare what the files say with what the ledger says and return what may be done now.

Pure: no I/O, no clock. Level-triggered: the same input always gives the same plan, whatever
happened in between, so a restart at any line resumes by itself. ``preview`` runs this very
function forward, which is why a dry run cannot lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from publisher.model import (
    LAUNCH,
    Action,
    Adopt,
    ChannelName,
    Deliver,
    DeliveryKey,
    DeliveryRecord,
    DeliveryState,
    Flip,
    Hold,
    LedgerView,
    Move,
    Observe,
    Plan,
    PlannedDelivery,
    Policy,
    Post,
    PostId,
    PostState,
    Rebuild,
    Reconcile,
    ReleaseRecord,
    ReleaseState,
    Settle,
    Sight,
    Verify,
)


def plan(
    posts: Sequence[Post],
    view: LedgerView,
    policy: Policy,
    now: datetime,
    *,
    unreadable: frozenset[str] = frozenset(),
    tree_busy: bool = False,
) -> Plan:
    """Return the actions that may be performed at ``now``, in the order to perform them.

    ``unreadable`` are paths whose files are there but could not be read: their posts wait and
    are not taken for deleted. ``tree_busy`` says that git is in the middle of changing files.
    """
    old = [post for post in posts if _is_unknown(post, view) and _is_old(post, now)]
    if view.adopted_at is None and old:
        return Plan(holds=(_refuse_unadopted(old),))
    if view.adopted_at is None:
        return Plan(actions=(Adopt(why="nothing was public before"),))
    planner = _Planner(posts, view, policy, now, unreadable, tree_busy)
    planner.see_posts()
    planner.see_missing()
    planner.rebuild_and_verify()
    planner.deliver()
    return planner.result()


def planned_at(
    post: Post, policy: Policy, channel: ChannelName, due_at: datetime
) -> datetime | None:
    """Give the instant of a post's launch on a channel; ``None`` where it is switched off.

    Never before ``due_at``: an announcement does not precede its release.
    """
    rule = post.announce.get(channel)
    if post.announce_off or (rule is not None and not rule.enabled):
        return None
    if rule is not None and rule.at is not None:
        return max(rule.at, due_at)
    default = next((c.after for c in policy.channels if c.name == channel), timedelta(0))
    after = rule.after if rule is not None and rule.after is not None else default
    return due_at + after


def _is_unknown(post: Post, view: LedgerView) -> bool:
    return post.id not in view.releases


def _is_old(post: Post, now: datetime) -> bool:
    """Tell whether a post is public already, or was due before we saw it."""
    if post.state is PostState.PUBLISHED:
        return True
    return (
        post.state is PostState.SCHEDULED and post.release_at is not None and post.release_at <= now
    )


def _refuse_unadopted(old: Sequence[Post]) -> Hold:
    count = len(old)
    posts = "1 post was" if count == 1 else f"{count} posts were"
    return Hold(
        why=f"{posts} public or due before publisher came (first: {old[0].id}); "
        "nothing is released or announced until `publisher adopt` has recorded them",
        needs_person=True,
    )


@dataclass(slots=True)
class _Planner:
    """Collects actions, holds and wake-ups of one call of ``plan``."""

    posts: Sequence[Post]
    view: LedgerView
    policy: Policy
    now: datetime
    unreadable: frozenset[str]
    tree_busy: bool
    actions: list[Action] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    wakes: list[datetime] = field(default_factory=list)
    by_id: Mapping[PostId, Post] = field(init=False)
    lost: Mapping[str, ReleaseRecord] = field(init=False)

    def __post_init__(self) -> None:
        self.by_id = {post.id: post for post in self.posts}
        self.lost = {
            record.digest: record
            for record in self.view.releases.values()
            if record.post not in self.by_id
            and record.path not in self.unreadable
            and record.state in (ReleaseState.REVEALING, ReleaseState.LIVE)
        }

    def result(self) -> Plan:
        return Plan(
            actions=tuple(self.actions),
            holds=tuple(self.holds),
            next_at=min((at for at in self.wakes if at > self.now), default=None),
        )

    def hold(self, post: PostId, why: str, *, until: datetime | None = None) -> None:
        self.holds.append(Hold(post=post, why=why, until=until))
        if until is not None:
            self.wakes.append(until)

    def ask(self, post: PostId, why: str) -> None:
        """Hold for a person."""
        self.holds.append(Hold(post=post, why=why, needs_person=True))

    # --- posts -------------------------------------------------------------------------

    def see_posts(self) -> None:
        unseen = [p for p in self.posts if self._is_unseen_due(p)]
        burst = len(unseen) > self.policy.burst
        for post in sorted(self.posts, key=_release_order):
            record = self.view.releases.get(post.id)
            if record is None:
                self._see_unknown(post, burst=len(unseen) if burst else 0)
            elif record.missing_since is not None:
                self._observe(post, Sight.BACK, "its file is there again")
            elif _has_moved(post, record):
                self._observe(post, Sight.MOVED, "its file was edited")
            else:
                self._see_known(post, record)

    def _is_unseen_due(self, post: Post) -> bool:
        return (
            _is_unknown(post, self.view)
            and post.state is PostState.SCHEDULED
            and post.explicit
            and _is_old(post, self.now)
        )

    def _see_unknown(self, post: Post, *, burst: int) -> None:
        if post.state is PostState.DRAFT:
            self.hold(post.id, "is a draft")
        elif post.digest in self.lost:
            old = self.lost[post.digest].post
            self.ask(post.id, f"looks like {old} renamed; write `id: {old}` into its frontmatter")
        elif post.state is PostState.PUBLISHED:
            self._observe(post, Sight.BASELINE, "was public when first seen; not announced")
        elif post.release_at is None:
            self.ask(post.id, "is scheduled without a date; give it one")
        elif post.release_at > self.now:
            self._observe(post, Sight.NEW, "scheduled")
            self.wakes.append(post.release_at)
        elif not post.explicit:
            self.ask(
                post.id,
                "is a draft whose date had passed when first seen; give it a coming date, "
                f"or run `publisher release {post.id}`",
            )
        elif burst:
            self.ask(
                post.id,
                f"is one of {burst} posts that came due unseen (burst: {self.policy.burst}); "
                f"`publisher release {post.id}` releases it, "
                "`publisher adopt` takes them all as they are",
            )
        else:
            self._flip(post, post.release_at, "was due when first seen")

    def _see_known(self, post: Post, record: ReleaseRecord) -> None:
        match record.state:
            case ReleaseState.BASELINE:
                if post.state is PostState.SCHEDULED:
                    self.ask(
                        post.id,
                        "was public before publisher came and now says scheduled; "
                        f"`publisher release {post.id}` releases it like any other",
                    )
            case ReleaseState.SCHEDULED | ReleaseState.WITHDRAWN | ReleaseState.GONE:
                self._see_waiting(post, record)
            case ReleaseState.REVEALING:
                self._see_revealing(post, record)
            case ReleaseState.LIVE:
                if post.state is not PostState.PUBLISHED:
                    self._withdraw(post)

    def _see_waiting(self, post: Post, record: ReleaseRecord) -> None:
        due_at = record.due_at
        if post.state is PostState.PUBLISHED:
            self._flip(post, due_at or self.now, "its file says published already")
        elif record.requested_at is not None and record.requested_at <= self.now:
            self._flip(post, record.requested_at, "asked for with `publisher release`")
        elif post.state is PostState.DRAFT:
            self.hold(post.id, "is a draft")
        elif due_at is None:
            self.ask(post.id, "is scheduled without a date; give it one")
        elif due_at > self.now:
            self.hold(post.id, "under embargo", until=due_at)
        else:
            self._flip(post, due_at, "due")

    def _see_revealing(self, post: Post, record: ReleaseRecord) -> None:
        due_at = record.due_at or self.now
        was_asked_for = record.requested_at is not None
        if post.state is PostState.PUBLISHED and record.flip_gen is not None:
            return  # rebuild_and_verify goes on from here
        if post.state is PostState.PUBLISHED or was_asked_for:
            self._flip(post, due_at, "begun, not yet recorded")
        elif post.state is PostState.DRAFT or due_at > self.now:
            self._withdraw(post)
        else:
            self._flip(post, due_at, "due")

    def _flip(self, post: Post, due_at: datetime, why: str) -> None:
        record = self.view.releases.get(post.id)
        if record is not None and self._is_backing_off(record):
            return
        deliveries = []
        for channel in self.policy.channels:
            at = planned_at(post, self.policy, channel.name, due_at)
            if at is not None:
                key = DeliveryKey(site=self.policy.site, post=post.id, channel=channel.name)
                deliveries.append(PlannedDelivery(key=key, at=at))
        self.actions.append(Flip(post=post.id, at=due_at, deliveries=tuple(deliveries), why=why))

    def _is_backing_off(self, record: ReleaseRecord) -> bool:
        if record.retry_at is None or record.retry_at <= self.now:
            return False
        self.hold(record.post, record.reason, until=record.retry_at)
        return True

    def _observe(self, post: Post, sight: Sight, why: str) -> None:
        self.actions.append(
            Observe(
                post=post.id,
                sight=sight,
                path=post.path,
                digest=post.digest,
                release_at=post.release_at,
                why=why,
            )
        )

    def _withdraw(self, post: Post) -> None:
        self._observe(post, Sight.WITHDRAWN, f"its file says {post.state.value} again")

    def see_missing(self) -> None:
        for record in self.view.releases.values():
            if record.post in self.by_id:
                continue
            if record.state in (ReleaseState.BASELINE, ReleaseState.GONE):
                continue
            if record.path in self.unreadable:
                self.ask(record.post, f"{record.path} cannot be read; see `publisher check`")
            elif record.missing_since is None:
                self._miss(record, Sight.MISSING, "its file is not there")
                self.wakes.append(self.now + self.policy.gone_after)
            elif self.now - record.missing_since < self.policy.gone_after or self.tree_busy:
                until = max(record.missing_since, self.now) + self.policy.gone_after
                self.hold(record.post, f"{record.path} is missing", until=until)
            elif any(post.digest == record.digest for post in self.posts):
                self.ask(record.post, f"{record.path} seems renamed; keep `id: {record.post}`")
            else:
                self._miss(record, Sight.GONE, f"{record.path} was deleted")

    def _miss(self, record: ReleaseRecord, sight: Sight, why: str) -> None:
        self.actions.append(
            Observe(
                post=record.post,
                sight=sight,
                path=record.path,
                digest=record.digest,
                release_at=record.release_at,
                why=why,
            )
        )

    # --- the site ----------------------------------------------------------------------

    def rebuild_and_verify(self) -> None:
        unbuilt = []
        for record in self.view.releases.values():
            post = self.by_id.get(record.post)
            if record.state is not ReleaseState.REVEALING or record.flip_gen is None:
                continue
            if post is None or post.state is not PostState.PUBLISHED:
                continue
            if record.flip_gen > self.view.built_gen:
                unbuilt.append(record.post)
            elif not self._is_backing_off(record):
                self.actions.append(Verify(post=record.post, why="rebuilt"))
        if unbuilt:
            self._rebuild(sorted(unbuilt))

    def _rebuild(self, posts: Sequence[PostId]) -> None:
        retry_at = self.view.rebuild_retry_at
        if retry_at is not None and retry_at > self.now:
            for post in posts:
                self.hold(post, f"the rebuild failed: {self.view.rebuild_reason}", until=retry_at)
        elif not any(isinstance(action, Flip) for action in self.actions):
            # One rebuild serves every post of this instant, so it waits for their flips.
            self.actions.append(Rebuild(posts=tuple(posts), gen=self.view.dirty_gen, why="flipped"))

    # --- deliveries --------------------------------------------------------------------

    def deliver(self) -> None:
        for record in sorted(self.view.deliveries.values(), key=lambda r: (r.due_at, r.key)):
            match record.state:
                case DeliveryState.PLANNED:
                    self._deliver_planned(record)
                case DeliveryState.UNCERTAIN | DeliveryState.SENT:
                    self._reconcile(record)
                case DeliveryState.CLAIMED | DeliveryState.SENDING:
                    self._hold_delivery(record, "is being sent")
                case DeliveryState.HELD | DeliveryState.FAILED:
                    self._hold_delivery(record, record.reason, needs_person=True)
                case DeliveryState.CONFIRMED | DeliveryState.CANCELLED | DeliveryState.SKIPPED:
                    pass

    def _hold_delivery(
        self,
        record: DeliveryRecord,
        why: str,
        *,
        until: datetime | None = None,
        needs_person: bool = False,
    ) -> None:
        key = record.key
        self.holds.append(
            Hold(
                post=key.post,
                channel=key.channel,
                occasion=key.occasion,
                why=why,
                until=until,
                needs_person=needs_person,
            )
        )
        if until is not None:
            self.wakes.append(until)

    def _reconcile(self, record: DeliveryRecord) -> None:
        if not self._has_channel(record.key.channel):
            self._hold_delivery(record, _channel_gone(record), needs_person=True)
            return
        why = "accepted, to be read back"
        if record.state is DeliveryState.UNCERTAIN:
            why = record.reason or "a request may have been accepted"
        self.actions.append(Reconcile(key=record.key, why=why))

    def _deliver_planned(self, record: DeliveryRecord) -> None:
        key, post = record.key, self.by_id.get(record.key.post)
        release = self.view.releases.get(key.post)
        if post is None or release is None:
            self._hold_delivery(record, "its post is not there")
            return
        if key.occasion == LAUNCH:
            at = planned_at(post, self.policy, key.channel, release.due_at or record.due_at)
            if at is None:
                self._settle(
                    record, DeliveryState.CANCELLED, "switched off by `announce` in the post"
                )
                return
            if _is_redated(record, at, self.now):
                self.actions.append(Move(key=key, at=at, why="its post was edited"))
                return
        if not self._has_channel(key.channel):
            self._hold_delivery(record, _channel_gone(record), needs_person=True)
        elif key.channel in self.view.closed_channels:
            why = self.view.closed_channels[key.channel]
            self._hold_delivery(record, why, needs_person=True)
        elif not _is_open(release, key.occasion):
            self._hold_delivery(record, "waits until the page is live")
        elif record.not_before > self.now:
            why = record.reason or "waits for its instant"
            self._hold_delivery(record, why, until=record.not_before)
        else:
            self._deliver_now(record)

    def _deliver_now(self, record: DeliveryRecord) -> None:
        late = self.now - record.due_at
        limit = self.policy.stale_after if record.attempts else self.policy.max_late
        if late > limit:
            why = f"late by {_words(late)} (limit {_words(limit)}); " + _retry_hint(record)
            self._settle(record, DeliveryState.HELD, why)
        else:
            self.actions.append(Deliver(key=record.key, at=record.due_at, why="the page is live"))

    def _settle(self, record: DeliveryRecord, to: DeliveryState, why: str) -> None:
        self.actions.append(Settle(key=record.key, to=to, why=why))

    def _has_channel(self, name: ChannelName) -> bool:
        return any(channel.name == name for channel in self.policy.channels)


def _release_order(post: Post) -> tuple[bool, float, str]:
    at = post.release_at
    return (at is None, at.timestamp() if at is not None else 0.0, post.id)


def _has_moved(post: Post, record: ReleaseRecord) -> bool:
    """Tell whether the ledger should learn of an edit; what was settled long ago may rest."""
    if record.state is ReleaseState.BASELINE:
        return False
    return (post.path, post.digest, post.release_at) != (
        record.path,
        record.digest,
        record.release_at,
    )


def _is_open(release: ReleaseRecord, occasion: str) -> bool:
    """Tell whether the page is public: only then may anything point at it."""
    if release.state is ReleaseState.LIVE:
        return True
    return occasion != LAUNCH and release.state is ReleaseState.BASELINE


def _is_redated(record: DeliveryRecord, at: datetime, now: datetime) -> bool:
    """Tell whether an edit moved a waiting delivery.

    Moving ahead only counts while the old instant is still to come: a row whose instant passed
    may have been given a new one by a person, and that one stands.
    """
    return at > record.due_at or (at < record.due_at and record.due_at > now)


def _channel_gone(record: DeliveryRecord) -> str:
    return (
        f"the channel {record.key.channel!r} is not in jobs.yaml any more; put it back, "
        f"or `publisher resolve {record.key} --drop`"
    )


def _retry_hint(record: DeliveryRecord) -> str:
    return f"`publisher retry {record.key}` sends it all the same"


def _words(duration: timedelta) -> str:
    """Write a duration as people say it, in its two largest units."""
    seconds = int(duration.total_seconds())
    units: Iterable[tuple[str, int]] = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
