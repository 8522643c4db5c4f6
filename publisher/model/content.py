"""What the author wrote: posts, their announcements, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from publisher.model.errors import PublisherError
from publisher.model.states import ChannelName, Embargo, PostId, PostState


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    name: str
    part: int
    parts: int = 0  # how many posts the series has on disk; 0 until the whole site is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    url: str  # absolute; "" where only the generator knows it
    path: str | None  # file below the site root that holds it, posix, None when remote
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceRule:
    """What a post's ``announce:`` says for one channel; ``None`` means the channel's default."""

    enabled: bool = True
    text: str | None = None
    subject: str | None = None
    after: timedelta | None = None
    at: datetime | None = None  # wins over ``after``


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One content file: the author's intent.

    ``path`` is posix and relative to the folder of ``jobs.yaml``, as shown in errors.
    ``explicit`` is true when the file says "scheduled" in so many words; generators whose state
    is a mere draft flag cannot say it, so a date alone is weaker evidence. ``withheld_until`` is
    of a published post whose generator would not build it before.
    """

    id: PostId
    path: str
    digest: str  # sha256 of the file's bytes
    text_digest: str = ""  # sha256 of title and body; "" where there is no body
    state: PostState
    explicit: bool = True
    release_at: datetime | None = None
    withheld_until: datetime | None = None
    release_zone_note: str = ""  # e.g. "02:30 exists twice that night, +02:00 taken"
    title: str = ""
    has_title: bool = True  # False: the title is made of the file's name, and no page need show it
    description: str = ""
    has_own_id: bool = False  # its file says ``id:``
    slug: str = ""
    url: str = ""  # absolute
    tags: tuple[str, ...] = ()
    series: Series | None = None
    hero: Image | None = None
    teaser: str | None = None
    embargo: Embargo | None = None  # ``embargo:`` of the post itself; None: as the site says
    announce_off: bool = False  # ``announce: false``
    announce: Mapping[ChannelName, AnnounceRule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with the input, for ``check`` and the log; never stops other posts."""

    rule: str  # kebab-case, documented in docs/reference/checks.md
    severity: str  # "error" | "warning"
    path: str
    line: int | None
    message: str
    hint: str = ""

    @classmethod
    def error(
        cls, rule: str, path: str, message: str, hint: str = "", *, line: int | None = None
    ) -> Problem:
        """Make one that stops a release, or all of them."""
        return cls(rule=rule, severity="error", path=path, line=line, message=message, hint=hint)

    @classmethod
    def warning(
        cls, rule: str, path: str, message: str, hint: str = "", *, line: int | None = None
    ) -> Problem:
        """Make one that stops nothing."""
        return cls(rule=rule, severity="warning", path=path, line=line, message=message, hint=hint)

    @classmethod
    def of(cls, rule: str, path: str, error: PublisherError, *, line: int | None = None) -> Problem:
        """Make one of an error that was raised."""
        return cls.error(rule, path, error.said, error.advice, line=line)

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message}" + (f"\n  {self.hint}" if self.hint else "")
