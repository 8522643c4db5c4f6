"""What goes out and where: delivery keys, messages, receipts, and the channel protocols."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from publisher.model.content import Image
from publisher.model.image_kinds import ImageKind, kind_of
from publisher.model.states import LAUNCH, ChannelName, PostId


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DeliveryKey:
    """The identity of a delivery: whatever is repeated under it is the same announcement."""

    site: str
    post: PostId
    channel: ChannelName
    occasion: str = LAUNCH

    @property
    def idempotency_key(self) -> str:
        """Give the stable 64-character key that services and files know this delivery by."""
        joined = "\x1f".join((self.site, self.post, self.channel, self.occasion))
        return hashlib.sha256(joined.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.post}/{self.channel}/{self.occasion}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a channel is asked to send; final, nothing left to decide."""

    text: str
    link: str
    title: str
    description: str = ""
    subject: str | None = None  # mail channels only
    html: str | None = None  # mail channels only
    image: Image | None = None
    image_bytes: bytes | None = field(default=None, repr=False)
    at: datetime | None = None  # when it was written for sending; a mail's Date


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a channel accepts. ``count`` measures a text as the service does."""

    length: int | None = None
    count: Callable[[str], int] = len
    refuses_repeats: bool = False  # the same text is refused, however long ago it was sent
    subject_length: int | None = None
    mail: bool = False  # wants subject, plain text and HTML
    images: frozenset[ImageKind] | None = None  # goes without any other; None: it sends none
    image_bytes: int | None = None  # and without a larger one
    cost_usd: Callable[[str], float] | None = None

    def takes_image(self, beginning: bytes, *, size: int) -> bool:
        """Tell by its first bytes and its size whether the service accepts an image."""
        is_known = self.images is None or kind_of(beginning) in self.images
        return is_known and (self.image_bytes is None or size <= self.image_bytes)


class RecoveryKind(StrEnum):
    """What can be done about an attempt of unknown outcome (RELIABILITY 4.4)."""

    KEY = "key"  # the service honours our key: the same request may be repeated
    LOOKUP = "lookup"  # the service can be asked whether it holds the post
    NONE = "none"  # only a person can look


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    kind: RecoveryKind
    key_life: timedelta | None = None  # KEY: None means that a repeat is harmless for ever
    settle: timedelta = timedelta(0)  # LOOKUP: how long "absent" may be a lagging index
    look_at: str = ""  # where a person looks, a URL or a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the service answered."""

    remote_id: str
    remote_url: str | None = None
    note: str = ""
    missing: str = ""  # who did not get it, of several; a person must see to them


class Channel(Protocol):
    """A named destination. One instance serves one tick thread at a time.

    A channel composes nothing, stores nothing, retries nothing, reads no clock and no
    environment. It may also offer ``CanPrepare`` and ``CanFind``.
    """

    limits: Limits
    recovery: Recovery

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        """Send once.

        :raises NotDelivered: when certainly nothing went out.
        :raises DuplicateContent: when the service says that it already holds the content.
        Any other exception means that the outcome is unknown.
        """


class CanPrepare(Protocol):
    def prepare(self, message: Message, *, key: str) -> str | None:
        """Do what must precede the send and has no public effect: upload media, make a draft.

        May be repeated. Returns the reference that ``send`` and ``find`` receive as ``draft``.
        :raises NotDelivered: with the same meaning as in ``send``.
        """


class CanFind(Protocol):
    def find(
        self, message: Message, *, key: str, draft: str | None, since: datetime
    ) -> Receipt | None:
        """Look the announcement up among what the service holds; never writes.

        ``since`` is when the first attempt began. ``None`` means absent; any exception means
        that the look-up itself failed and says nothing.
        """
