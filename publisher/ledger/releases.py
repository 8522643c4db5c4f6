"""The steps of a release: asked for, begun, flipped, rebuilt, verified."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, or_, select, update

from publisher.errors import LedgerError, StaleError
from publisher.ledger.database import Database
from publisher.ledger.rows import (
    NO_STEP,
    NOT_FLIPPED,
    UNDER_WAY,
    change_meta,
    change_release,
    find_release,
    insert_new,
    log,
    new_release,
    release_id,
)
from publisher.ledger.schema import attempts, deliveries, meta, rebuilds, releases
from publisher.model import (
    REPLANNED,
    DeliveryState,
    Flip,
    Outcome,
    PlannedDelivery,
    PostId,
    ReleaseState,
)


class Releases(Database):
    """Each method is one transaction."""

    def begin_release(
        self,
        flip: Flip,
        *,
        path: str,
        digest: str,
        release_at: datetime | None,
        now: datetime,
    ) -> None:
        """Begin to reveal a post, with its deliveries planned in the same transaction.

        ``path``, ``digest`` and ``release_at`` are for a post that the ledger does not know.
        What a withdrawal or a deletion cancelled is planned again; other deliveries stay as they
        are. A release that is under way already is left alone.

        :raises StaleError: when the post is live.
        """
        with self._writing() as connection:
            record = find_release(connection, self.site, flip.post)
            if record is None:
                row = new_release(
                    self.site,
                    flip.post,
                    state=ReleaseState.REVEALING,
                    path=path,
                    digest=digest,
                    release_at=release_at,
                    reason="",
                    now=now,
                )
                connection.execute(releases.insert().values(row))
            elif record.state is ReleaseState.REVEALING:
                return
            elif record.state is ReleaseState.LIVE:
                raise StaleError(f"{flip.post} is live already", hint="run the command again")
            else:
                values = {"state": ReleaseState.REVEALING, **NOT_FLIPPED, **NO_STEP}
                change_release(connection, self.site, flip.post, now=now, **values)
            for planned in flip.deliveries:
                self._plan(connection, planned, now)
            found = release_id(self.site, flip.post).scalar_subquery()
            _plan_again(connection, deliveries.c.release_id == found, deliveries.c.due_at, now)

    def _plan(self, connection: Connection, planned: PlannedDelivery, now: datetime) -> None:
        key, at = planned.key, planned.at
        if add_row(connection, self.site, planned, now=now):
            return
        row = deliveries.c.idem_key == key.idempotency_key
        _plan_again(connection, row, at, now)

    def record_flip(self, post: PostId, *, digest: str, now: datetime) -> int:
        """Record that the file says "published"; give the generation a rebuild must cover.

        :raises StaleError: when the release is not under way.
        """
        with self._writing() as connection:
            gen = self._next_gen(connection, now)
            expected = [releases.c.state == ReleaseState.REVEALING.value]
            values = {"flip_gen": gen, "digest": digest, **NO_STEP}
            change_release(connection, self.site, post, *expected, now=now, **values)
            log(connection, self.site, "flipped", now=now, post=post, reason=f"generation {gen}")
        return gen

    def _next_gen(self, connection: Connection, now: datetime) -> int:
        """Count one more change that no rebuild covers yet."""
        changed = connection.execute(
            update(meta)
            .where(meta.c.site == self.site)
            .values(dirty_gen=meta.c.dirty_gen + 1, changed_at=now)
            .returning(meta.c.dirty_gen)
        )
        return int(changed.scalar_one())

    def record_rebuild(
        self,
        *,
        gen: int,
        started_at: datetime,
        ok: bool,
        reason: str,
        retry_at: datetime | None,
        now: datetime,
    ) -> None:
        """Record a rebuild that began when ``gen`` flips were on disk."""
        row = {"site": self.site, "gen": gen, "started_at": started_at, "ended_at": now}
        with self._writing() as connection:
            connection.execute(rebuilds.insert().values(ok=int(ok), reason=reason, **row))
            if ok:
                built = case((meta.c.built_gen < gen, gen), else_=meta.c.built_gen)
                done = {"rebuild_failures": 0, "rebuild_retry_at": None, "rebuild_reason": ""}
                change_meta(connection, self.site, now=now, built_gen=built, **done)
            else:
                change_meta(
                    connection,
                    self.site,
                    now=now,
                    rebuild_failures=meta.c.rebuild_failures + 1,
                    rebuild_retry_at=retry_at,
                    rebuild_reason=reason,
                )
            state = "succeeded" if ok else "failed"
            log(
                connection,
                self.site,
                "rebuild",
                now=now,
                to_state=state,
                reason=reason or f"generation {gen}",
            )

    def record_verified(
        self, post: PostId, *, gen: int, now: datetime, url: str | None = None
    ) -> None:
        """Open the gate for announcements: at ``url``, build ``gen`` was seen to show the post.

        :raises StaleError: unless the release is under way and that build covers its flip.
        """
        built_gen = select(meta.c.built_gen).where(meta.c.site == self.site).scalar_subquery()
        with self._writing() as connection:
            log(connection, self.site, "verified", now=now, post=post, reason=f"generation {gen}")
            change_release(
                connection,
                self.site,
                post,
                releases.c.state == ReleaseState.REVEALING.value,
                releases.c.flip_gen <= gen,
                releases.c.flip_gen <= built_gen,
                state=ReleaseState.LIVE,
                live_at=now,
                verified_gen=gen,
                verified_url=url,
                now=now,
                **NO_STEP,
            )

    def fail_step(
        self,
        post: PostId,
        *,
        reason: str,
        retry_at: datetime | None,
        now: datetime,
        rebuild: bool = False,
    ) -> None:
        """Record that the step under way failed; it is not tried again before ``retry_at``.

        ``rebuild`` says that the build at hand is no good: the release needs a newer one.
        """
        values: dict[str, Any] = {"retry_at": retry_at, "reason": reason}
        expected = [releases.c.flip_gen.is_not(None)] if rebuild else []
        with self._writing() as connection:
            if rebuild:
                values["flip_gen"] = self._next_gen(connection, now)
            failures = releases.c.failures + 1
            change_release(
                connection, self.site, post, *expected, failures=failures, now=now, **values
            )
            log(connection, self.site, "step_failed", now=now, post=post, reason=reason)

    def forget_step(self, post: PostId, *, now: datetime) -> None:
        """Forget why the step under way was not done: it is no longer so."""
        with self._writing() as connection:
            change_release(connection, self.site, post, now=now, **NO_STEP)

    def retry_steps(self, posts: Sequence[PostId], *, now: datetime) -> None:
        """Try the failed steps of these releases at once, the rebuild among them."""
        with self._writing() as connection:
            change_meta(connection, self.site, now=now, rebuild_retry_at=None)
            for post in posts:
                change_release(connection, self.site, post, now=now, retry_at=None)

    def request_release(
        self,
        post: PostId,
        *,
        now: datetime,
        reason: str,
        path: str,
        digest: str,
        release_at: datetime | None,
    ) -> None:
        """Ask for a release ahead of its date; asking twice is asking once.

        ``path``, ``digest`` and ``release_at`` are for a post that the ledger does not know.

        :raises LedgerError: when the post is live or being released.
        """
        with self._writing() as connection:
            record = find_release(connection, self.site, post)
            if record is not None and record.state in UNDER_WAY:
                word = "live" if record.state is ReleaseState.LIVE else "being released"
                raise LedgerError(f"{post} is {word} already", hint=f"see `publisher why {post}`")
            if record is None:
                row = new_release(
                    self.site,
                    post,
                    state=ReleaseState.SCHEDULED,
                    path=path,
                    digest=digest,
                    release_at=release_at,
                    reason=reason,
                    now=now,
                )
                connection.execute(releases.insert().values(row))
            elif record.requested_at is not None and record.requested_at <= now:
                return  # a later one was asked for while the clock was ahead
            values = {"state": ReleaseState.SCHEDULED, "requested_at": now, "reason": reason}
            change_release(connection, self.site, post, now=now, **values)
            log(connection, self.site, "requested", now=now, post=post, reason=reason)


def add_row(
    connection: Connection,
    site: str,
    planned: PlannedDelivery,
    *,
    now: datetime,
    reason: str = "",
    text: str | None = None,
) -> bool:
    """Plan a delivery of a known release; tell whether it is new."""
    key = planned.key
    release = connection.execute(release_id(site, key.post)).scalar()
    if release is None or key.site != site:
        raise LedgerError(
            f"{key.post} is not in the ledger of {site}",
            hint="run `publisher tick` once, so that it is seen",
        )
    row = {
        "release_id": release,
        "channel": key.channel,
        "occasion": key.occasion,
        "idem_key": key.idempotency_key,
        "state": DeliveryState.PLANNED.value,
        "reason": reason,
        "due_at": planned.at,
        "not_before": planned.at,
        "text": text,
        "fence": 0,
        "changed_at": now,
    }
    return insert_new(connection, deliveries, row)


_IS_IN_DOUBT = exists().where(
    attempts.c.delivery_id == deliveries.c.id, attempts.c.outcome == Outcome.UNKNOWN.value
)
_MAY_BE_REPLANNED = and_(
    deliveries.c.state == DeliveryState.CANCELLED.value,
    or_(*(deliveries.c.reason.startswith(word) for word in REPLANNED)),
    ~_IS_IN_DOUBT,
)


def _plan_again(
    connection: Connection, rows: ColumnElement[bool], due_at: Any, now: datetime
) -> None:
    """Plan again what a withdrawal or a deletion cancelled."""
    connection.execute(
        update(deliveries)
        .where(rows, _MAY_BE_REPLANNED)
        .values(
            state=DeliveryState.PLANNED.value,
            reason="",
            due_at=due_at,
            not_before=due_at,
            fence=deliveries.c.fence + 1,
            changed_at=now,
        )
    )
