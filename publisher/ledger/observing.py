"""What a scan saw of a post: new, moved, missing, gone, withdrawn; and the adoption of a site."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

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
from publisher.ledger.rows import change_meta, insert_row, log, next_gen
from publisher.ledger.schema import deliveries, meta, releases
from publisher.model import (
    Cause,
    DeliveryState,
    Observe,
    PostId,
    ReleaseRecord,
    ReleaseState,
    Sight,
)
from publisher.model.errors import StaleError


class Observing(Database):
    """Each method is one transaction; all are safe to repeat."""

    def observe(self, observation: Observe, *, now: datetime) -> None:
        """Remember what a scan saw; seeing it again changes nothing.

        A post that is gone or withdrawn takes its waiting deliveries with it (``cancelled``); if
        its page may be out, the site is to be built again.
        """
        with self._writing() as connection:
            self._observe(connection, observation, now)

    def build_again(self, post: PostId, *, cause: Cause, reason: str, now: datetime) -> None:
        """Have the site built again because of a post that is not being released, nor live.

        Its file is about to change by command, and a page that shows it, or the promise of it,
        is out. The release stays in its state: baseline is not announced by itself afterwards.

        :raises StaleError: when the release is under way or live.
        """
        with self._writing() as connection:
            gen = next_gen(connection, self.site, now)
            values = {"flip_gen": gen, "reason": reason, "cause": cause}
            change_release(connection, self.site, post, _IS_AT_REST, now=now, **values)
            log(connection, self.site, "observed", now=now, post=post, reason=reason)

    def adopt(self, observations: Sequence[Observe], *, now: datetime) -> int:
        """Take a site as it is; give the number of posts that became baseline by it."""
        with self._writing() as connection:
            known = connection.execute(
                select(meta.c.adopted_at).where(meta.c.site == self.site)
            ).scalar_one()
            first = self._insert_unknown(connection, observations, now)
            later = [seen for seen in observations if first.get(seen.post) is not seen]
            count = sum(seen.sight is Sight.BASELINE for seen in first.values())
            count += sum([self._observe(connection, seen, now) for seen in later])
            if known is None:
                change_meta(connection, self.site, now=now, adopted_at=now)
                log(
                    connection,
                    self.site,
                    "adopted",
                    now=now,
                    reason=f"{count} posts were public before",
                )
        return count

    def _insert_unknown(
        self, connection: Connection, observations: Sequence[Observe], now: datetime
    ) -> dict[PostId, Observe]:
        """Insert at once the posts never seen before, and give them."""
        known = select(releases.c.post).where(releases.c.site == self.site)
        posts = set(connection.execute(known).scalars())
        firsts = [seen for seen in observations if seen.sight in (Sight.NEW, Sight.BASELINE)]
        fresh = {seen.post: seen for seen in reversed(firsts) if seen.post not in posts}
        if fresh:
            rows = [_first_row(self.site, seen, now) for seen in reversed(fresh.values())]
            connection.execute(releases.insert(), rows)
        return fresh

    def _observe(self, connection: Connection, seen: Observe, now: datetime) -> bool:
        """Tell whether the post became baseline."""
        record = find_release(connection, self.site, seen.post)
        if seen.sight in (Sight.NEW, Sight.BASELINE):
            return self._see_first(connection, record, seen, now)
        if record is None:
            raise StaleError(f"{seen.post} is not in the ledger", hint="run `publisher tick` once")
        match seen.sight:
            case Sight.MOVED:
                self._see_moved(connection, record, seen, now)
            case Sight.MISSING if record.missing_since is None:
                self._note(connection, seen, now, missing_since=now)
            case Sight.BACK if record.missing_since is not None:
                self._note(connection, seen, now, missing_since=None)
            case Sight.GONE if record.state is not ReleaseState.GONE:
                self._end(connection, record, seen, now, ReleaseState.GONE, Cause.DELETED)
            case Sight.WITHDRAWN if record.state is not ReleaseState.WITHDRAWN:
                self._end(connection, record, seen, now, ReleaseState.WITHDRAWN, Cause.WITHDRAWN)
            case _:
                pass  # known already
        return False

    def _see_first(
        self, connection: Connection, record: ReleaseRecord | None, seen: Observe, now: datetime
    ) -> bool:
        if record is None:
            insert_row(connection, releases, _first_row(self.site, seen, now))
            return seen.sight is Sight.BASELINE
        if seen.sight is Sight.NEW and record.state is ReleaseState.WITHDRAWN:
            values = {"state": ReleaseState.SCHEDULED, "reason": ""}
            change_release(connection, self.site, seen.post, now=now, **values)
        if seen.sight is Sight.NEW or record.state in {ReleaseState.BASELINE, *UNDER_WAY}:
            return False
        change_release(
            connection,
            self.site,
            seen.post,
            state=ReleaseState.BASELINE,
            requested_at=None,
            reason=seen.why,
            cause=seen.cause,
            now=now,
        )
        return True

    def _see_moved(
        self, connection: Connection, record: ReleaseRecord, seen: Observe, now: datetime
    ) -> None:
        found = (seen.path, seen.digest, seen.release_at)
        if found == (record.path, record.digest, record.release_at):
            return
        values: dict[str, Any] = {"path": seen.path, "digest": seen.digest}
        if seen.release_at != record.release_at:
            values |= {
                "release_at": seen.release_at,
                "schedule_rev": record.schedule_rev + 1,
                "requested_at": None,
            }
        self._note(connection, seen, now, **values)

    def _note(self, connection: Connection, seen: Observe, now: datetime, **values: Any) -> None:
        change_release(connection, self.site, seen.post, now=now, **values)
        log(
            connection,
            self.site,
            "observed",
            now=now,
            post=seen.post,
            reason=f"{seen.sight}: {seen.why}",
        )

    def _end(
        self,
        connection: Connection,
        record: ReleaseRecord,
        seen: Observe,
        now: datetime,
        state: ReleaseState,
        cause: Cause,
    ) -> None:
        """End a release; a page that may be out is gone once a rebuild covers ``flip_gen``."""
        reason = f"{cause}: {seen.why}"
        # A request is used up: the file may come back with a date of its own, under embargo.
        values: dict[str, Any] = {"state": state, "requested_at": None, "reason": reason}
        values["cause"] = seen.cause or cause
        if state is ReleaseState.WITHDRAWN:
            values = {**NOT_FLIPPED, **NO_STEP, **values}
        if record.state in UNDER_WAY:
            values["flip_gen"] = next_gen(connection, self.site, now)
        change_release(connection, self.site, seen.post, now=now, **values)
        found = {"of_site": self.site, "of_post": seen.post}
        connection.execute(_CANCEL_WAITING, {**found, "why": reason, "of_cause": cause, "now": now})


_IS_AT_REST = releases.c.state.not_in(sorted(state.value for state in UNDER_WAY))
_WAITING = (DeliveryState.PLANNED.value, DeliveryState.CLAIMED.value)
_CANCEL_WAITING = (
    update(deliveries)
    .where(
        deliveries.c.release_id == RELEASE_ID.scalar_subquery(),
        deliveries.c.state.in_(_WAITING),
    )
    .values(
        state=DeliveryState.CANCELLED.value,
        reason=bindparam("why"),
        cause=bindparam("of_cause"),
        owner=None,
        lease_until=None,
        fence=deliveries.c.fence + 1,
        changed_at=bindparam("now"),
    )
)


def _first_row(site: str, seen: Observe, now: datetime) -> dict[str, Any]:
    is_baseline = seen.sight is Sight.BASELINE
    return new_release(
        site,
        seen.post,
        state=ReleaseState.BASELINE if is_baseline else ReleaseState.SCHEDULED,
        now=now,
        path=seen.path,
        digest=seen.digest,
        release_at=seen.release_at,
        reason=seen.why,
        cause=seen.cause,
    )
