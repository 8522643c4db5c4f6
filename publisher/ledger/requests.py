"""What a person asked for by command, from the command to the tick that performs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, select

from publisher.ledger.database import Database
from publisher.ledger.release_rows import change_release, find_release
from publisher.ledger.rows import insert_row, log
from publisher.ledger.schema import requests
from publisher.model import (
    PostId,
    PostState,
    Request,
    RescheduleRequest,
    WithdrawRequest,
)


class Requests(Database):
    """Each method is one transaction; a post has one open request, the latest."""

    def request(self, wanted: Sequence[Request], *, now: datetime) -> None:
        """Record requests, all of them or none; one that is open for the same post is replaced.

        From now on nothing planned before is announced of a post that is to be withdrawn.
        """
        with self._writing() as connection:
            for one in wanted:
                drop_request(connection, self.site, one.post)
                insert_row(connection, requests, {"site": self.site, **_to_row(one)})
                record = find_release(connection, self.site, one.post)
                if isinstance(one, WithdrawRequest) and record is not None:
                    rev = record.schedule_rev + 1
                    change_release(connection, self.site, one.post, now=now, schedule_rev=rev)
                what = "withdraw" if isinstance(one, WithdrawRequest) else "reschedule"
                reason = f"{what}{f': {one.reason}' if one.reason else ''}"
                log(connection, self.site, "requested", now=now, post=one.post, reason=reason)

    def drop_requests(self, posts: Collection[PostId]) -> None:
        """Forget the requests of these posts: they were performed, or cannot be."""
        with self._writing() as connection:
            for post in posts:
                drop_request(connection, self.site, post)


def drop_request(connection: Connection, site: str, post: PostId) -> None:
    connection.execute(_DROP, {"of_site": site, "of_post": post})


_DROP = delete(requests).where(
    requests.c.site == bindparam("of_site"), requests.c.post == bindparam("of_post")
)


@cache
def requests_query(site: str) -> Select[Any]:
    return select(requests).where(requests.c.site == site).order_by(requests.c.post)


def _to_row(one: Request) -> dict[str, Any]:
    row = {"post": one.post, "reason": one.reason, "asked_at": one.asked_at}
    if isinstance(one, WithdrawRequest):
        return {**row, "to_state": one.to.value}
    return {**row, "from_at": one.from_at, "to_at": one.to_at}


def to_request(row: Row[Any]) -> Request:
    post, reason, asked_at = PostId(row.post), row.reason, row.asked_at
    if row.to_state is not None:
        to = PostState(row.to_state)
        return WithdrawRequest(post=post, to=to, reason=reason, asked_at=asked_at)
    return RescheduleRequest(
        post=post, from_at=row.from_at, to_at=row.to_at, reason=reason, asked_at=asked_at
    )
