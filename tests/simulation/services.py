"""Simulated services: what they accept, refuse, lose and show too late; and their channels.

Every post a service accepts is kept with the key of its delivery, whether or not the service
itself honours keys: that is how duplicates are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from publisher.model import Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.model.errors import DuplicateContent, NotDelivered
from tests.simulation.schedule import Machine

TIMEOUT_S = 60.0  # T_SEND
LAG_S = (
    90.0  # the longest a service hides what it holds, or a request is under way after we gave up
)
SETTLE = timedelta(seconds=TIMEOUT_S + 2 * LAG_S)  # given up, arrives late, is shown late
KEY_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a service can do after a lost answer; ``names`` is the word in its refusal."""

    recovery: Recovery
    refuses_duplicates: bool = False
    names_duplicates: bool = False
    drafts: bool = False
    lag_s: float = LAG_S


def _look_up() -> Recovery:
    return Recovery(kind=RecoveryKind.LOOKUP, settle=SETTLE)


KINDS: dict[str, Kind] = {
    "key": Kind(recovery=Recovery(kind=RecoveryKind.KEY, key_life=KEY_LIFE)),
    "files": Kind(recovery=Recovery(kind=RecoveryKind.KEY)),
    "look-up": Kind(recovery=_look_up()),
    # Hides posts for longer than it says; what it refuses is then the only proof.
    "look-up and refusal": Kind(recovery=_look_up(), refuses_duplicates=True, lag_s=10 * LAG_S),
    "drafts": Kind(recovery=_look_up(), drafts=True),
    "none": Kind(recovery=Recovery(kind=RecoveryKind.NONE)),
    "refusal that names": Kind(
        recovery=Recovery(kind=RecoveryKind.NONE), refuses_duplicates=True, names_duplicates=True
    ),
}


@dataclass(frozen=True, slots=True)
class RemotePost:
    id: str
    key: str
    words: str
    made_at: datetime
    visible_s: float


@dataclass(slots=True)
class Service:
    """One platform. ``watch`` is told of each request that reaches it, before it is answered."""

    name: str
    kind: Kind
    machine: Machine
    random: Random
    watch: Callable[[str], None]
    fault_rate: float
    posts: list[RemotePost] = field(default_factory=list)
    lost: int = 0  # requests or answers
    _first: dict[str, tuple[float, str, Receipt]] = field(default_factory=dict)  # by honoured key

    def accept(self, message: Message, key: str) -> Receipt:
        """Take in a request that arrived.

        :raises DuplicateContent: where the service refuses what it holds already.
        """
        now_s = self.machine.now_s
        life = self.kind.recovery.key_life
        if self.kind.recovery.kind is RecoveryKind.KEY and key in self._first:
            first_s, words, receipt = self._first[key]
            is_alive = life is None or now_s - first_s <= life.total_seconds()
            if is_alive and words == message.text:
                return receipt
        if self.kind.refuses_duplicates:
            same = [post for post in self.posts if post.words == message.text]
            if same:
                known = same[0].id if self.kind.names_duplicates else None
                raise DuplicateContent("it is a duplicate", remote_id=known)
        lag_s = 0.0 if self.machine.calm else self.random.uniform(0, self.kind.lag_s)
        post = RemotePost(
            id=f"{self.name}-{len(self.posts) + 1}",
            key=key,
            words=message.text,
            made_at=self.machine.now(),
            visible_s=now_s + lag_s,
        )
        self.posts.append(post)
        receipt = Receipt(remote_id=post.id)
        self._first[key] = (now_s, message.text, receipt)
        return receipt


class Line:
    """A channel: the way from one publisher to one service, with its faults."""

    limits = Limits()

    def __init__(self, service: Service) -> None:
        self.service = service
        self.machine = service.machine
        self.recovery = service.kind.recovery

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        machine, service = self.machine, self.service
        machine.point(pause_s=0)  # frozen here for longer than the settle time: see the document
        service.watch(key)
        fate = self._fate()
        if fate in REFUSALS:
            machine.sleep(service.random.uniform(0.05, 2))
            raise REFUSALS[fate](service.random)
        answer: list[Receipt | DuplicateContent] = []

        def arrive() -> None:
            try:
                answer.append(service.accept(message, key))
            except DuplicateContent as error:
                answer.append(error)

        took_s = service.random.uniform(0.05, 3)
        if fate == "late":
            took_s = TIMEOUT_S + service.random.uniform(0, LAG_S)
        if fate != "lost request":
            machine.call(arrive, in_s=took_s)
        if fate in ("lost request", "lost answer", "late"):
            service.lost += 1
            machine.sleep(TIMEOUT_S)
            raise TimeoutError("no answer in time")
        machine.sleep(took_s + 0.1)
        if fate == "broken answer":
            service.lost += 1
            raise ConnectionResetError("reset by peer")
        machine.point(pause_s=600)
        if isinstance(answer[0], DuplicateContent):
            raise answer[0]
        return answer[0]

    def _fate(self) -> str:
        random = self.service.random
        if self.machine.calm or random.random() > self.service.fault_rate:
            return "answer"
        return random.choices(FATES, WEIGHTS)[0]


class SearchableLine(Line):
    def find(
        self, message: Message, *, key: str, draft: str | None, since: datetime
    ) -> Receipt | None:
        machine, service = self.machine, self.service
        machine.point(pause_s=0)
        machine.sleep(service.random.uniform(0.05, 1))
        if not machine.calm and service.random.random() < service.fault_rate / 4:
            raise TimeoutError("the look-up got no answer")
        for post in service.posts:
            if post.words == message.text and post.visible_s <= machine.now_s:
                return Receipt(remote_id=post.id)
        return None


class DraftLine(SearchableLine):
    def prepare(self, message: Message, *, key: str) -> str | None:
        self.machine.point()
        self.machine.sleep(self.service.random.uniform(0.05, 2))
        if not self.machine.calm and self.service.random.random() < self.service.fault_rate / 4:
            raise ConnectionResetError("reset by peer")
        return f"draft of {key[:8]}"


def open_line(service: Service) -> Line:
    if service.kind.drafts:
        return DraftLine(service)
    if service.kind.recovery.kind is RecoveryKind.LOOKUP:
        return SearchableLine(service)
    return Line(service)


def _refused(random: Random) -> NotDelivered:
    return NotDelivered("connection refused")


def _limited(random: Random) -> NotDelivered:
    wait = timedelta(seconds=random.choice([60, 900, 20_000, 80_000]))
    return NotDelivered("too many requests", retry_after=wait)


def _signed_out(random: Random) -> NotDelivered:
    return NotDelivered("the token has expired", needs_auth=True)


def _rejected(random: Random) -> NotDelivered:
    return NotDelivered("not allowed", permanent=True)


REFUSALS: dict[str, Callable[[Random], NotDelivered]] = {
    "refused": _refused,
    "limited": _limited,
    "signed out": _signed_out,
    "rejected": _rejected,
}
FATES = ("lost request", "lost answer", "late", "broken answer", *REFUSALS)
WEIGHTS = (4, 5, 3, 4, 4, 2, 1, 1)
