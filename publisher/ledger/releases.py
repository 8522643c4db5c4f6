"""The steps of a release: asked for, begun, flipped, rebuilt, verified."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, exists, select, update

from publisher.ledger.database import Database
from publisher.ledger.release_rows import (
    NO_STEP,
    NOT_FLIPPED,
    RELEASE_ID,
    UNDER_WAY,
    change_release,
    find_release,
    new_release,
)
from publisher.ledger.requests import drop_request
from publisher.ledger.rows import IS_OF_SITE, change_meta, insert_new, insert_row, log, next_gen
from publisher.ledger.schema import attempts, deliveries, meta, rebuilds, releases
from publisher.model import (
    REPLANNED,
    Cause,
    DeliveryState,
    Flip,
    Outcome,
    PlannedDelivery,
    PostId,
    ReleaseState,
)
from publisher.model.errors import LedgerError, StaleError


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
                insert_row(connection, releases, row)
            elif record.state is ReleaseState.REVEALING:
                return
            elif record.state is ReleaseState.LIVE:
                raise StaleError(f"{flip.post} is live already", hint="run the command again")
            else:
                values = {"state": ReleaseState.REVEALING, **NOT_FLIPPED, **NO_STEP}
                change_release(connection, self.site, flip.post, now=now, **values)
            for planned in flip.deliveries:
                self._plan(connection, planned, now)
            found = {"of_site": self.site, "of_post": flip.post, "now": now}
            connection.execute(_PLAN_ALL_AGAIN, found)

    def _plan(self, connection: Connection, planned: PlannedDelivery, now: datetime) -> None:
        if not add_row(connection, self.site, planned, now=now):
            found = {"key": planned.key.idempotency_key, "at": planned.at, "now": now}
            connection.execute(_PLAN_ONE_AGAIN, found)

    def record_flip(self, post: PostId, *, digest: str, now: datetime) -> int:
        """Record that the file says "published"; give the generation a rebuild must cover.

        :raises StaleError: when the release is not under way.
        """
        with self._writing() as connection:
            gen = next_gen(connection, self.site, now)
            values = {"flip_gen": gen, "digest": digest, **NO_STEP}
            change_release(connection, self.site, post, _IS_REVEALING, now=now, **values)
            log(connection, self.site, "flipped", now=now, post=post, reason=f"generation {gen}")
        return gen

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
            insert_row(connection, rebuilds, {**row, "ok": int(ok), "reason": reason})
            found = {"of_site": self.site, "now": now}
            if ok:
                connection.execute(_BUILT, {**found, "gen": gen})
            else:
                connection.execute(_NOT_BUILT, {**found, "retry_at": retry_at, "why": reason})
            state = "succeeded" if ok else "failed"
            log(
                connection,
                self.site,
                "rebuild",
                now=now,
                to_state=state,
                reason=reason or f"generation {gen}",
            )

    def request_rebuild(self, *, reason: str, now: datetime) -> None:
        """Ask for a build that no release needs: what the site shows is out of date."""
        with self._writing() as connection:
            gen = next_gen(connection, self.site, now)
            why = f"{reason}: generation {gen}"
            log(connection, self.site, "rebuild", now=now, to_state="wanted", reason=why)

    def record_verified(
        self, post: PostId, *, gen: int, now: datetime, url: str | None = None
    ) -> None:
        """Open the gate for announcements: at ``url``, build ``gen`` was seen to show the post.

        :raises StaleError: unless the release is under way and that build covers its flip.
        """
        with self._writing() as connection:
            log(connection, self.site, "verified", now=now, post=post, reason=f"generation {gen}")
            change_release(
                connection,
                self.site,
                post,
                _IS_REVEALING,
                _IS_COVERED,
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
        cause: Cause,
        rebuild: bool = False,
        failures: int | None = None,
    ) -> None:
        """Record that the step under way failed; it is not tried again before ``retry_at``.

        ``rebuild`` says that the build at hand is no good: the release needs a newer one.
        ``failures`` is how many that makes, where it is not one more.
        """
        values: dict[str, Any] = {"retry_at": retry_at, "reason": reason, "cause": cause}
        expected = [_IS_REVEALING, _IS_FLIPPED] if rebuild else []
        with self._writing() as connection:
            if rebuild:
                values["flip_gen"] = next_gen(connection, self.site, now)
            record = find_release(connection, self.site, post)
            known = record.failures + 1 if record else 0
            values["failures"] = known if failures is None else failures
            change_release(connection, self.site, post, *expected, now=now, **values)
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
                insert_row(connection, releases, row)
            elif record.requested_at is not None and record.requested_at <= now:
                return  # a later one was asked for while the clock was ahead
            drop_request(connection, self.site, post)  # the latest wish counts
            values = {"state": ReleaseState.SCHEDULED, "requested_at": now, "reason": reason}
            change_release(connection, self.site, post, now=now, **values)
            log(connection, self.site, "requested", now=now, post=post, reason=reason)


# Statements are built once: building one takes longer than running it.
_IS_REVEALING = releases.c.state == ReleaseState.REVEALING.value
_IS_FLIPPED = releases.c.flip_gen.is_not(None)
_IS_COVERED = and_(
    releases.c.flip_gen <= bindparam("verified_gen"),
    releases.c.flip_gen <= select(meta.c.built_gen).where(IS_OF_SITE).scalar_subquery(),
)
_BUILT = (
    update(meta)
    .where(IS_OF_SITE)
    .values(
        built_gen=case(
            (meta.c.built_gen < bindparam("gen"), bindparam("gen")), else_=meta.c.built_gen
        ),
        rebuild_failures=0,
        rebuild_retry_at=None,
        rebuild_reason="",
        changed_at=bindparam("now"),
    )
)
_NOT_BUILT = (
    update(meta)
    .where(IS_OF_SITE)
    .values(
        rebuild_failures=meta.c.rebuild_failures + 1,
        rebuild_retry_at=bindparam("retry_at"),
        rebuild_reason=bindparam("why"),
        changed_at=bindparam("now"),
    )
)


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
    release = connection.execute(RELEASE_ID, {"of_site": site, "of_post": key.post}).scalar()
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
    deliveries.c.cause.in_(sorted(REPLANNED)),
    deliveries.c.evidence.is_(None),  # else it is out, whatever a person said of it later
    ~_IS_IN_DOUBT,
)


# What a withdrawal or a deletion cancelled is planned again.
_PLAN_AGAIN = (
    update(deliveries)
    .where(_MAY_BE_REPLANNED)
    .values(
        state=DeliveryState.PLANNED.value,
        reason="",
        cause=None,
        fence=deliveries.c.fence + 1,
        changed_at=bindparam("now"),
    )
)
_PLAN_ALL_AGAIN = _PLAN_AGAIN.where(deliveries.c.release_id == RELEASE_ID.scalar_subquery()).values(
    not_before=deliveries.c.due_at
)
_PLAN_ONE_AGAIN = _PLAN_AGAIN.where(deliveries.c.idem_key == bindparam("key")).values(
    due_at=bindparam("at"), not_before=bindparam("at")
)
