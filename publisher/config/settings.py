"""The frozen form of ``jobs.yaml``: what each part is told. Reading the file is ``config``'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from publisher.generators import Generator, Keys
from publisher.model import ChannelName, ChannelPlan, Embargo, Policy
from publisher.model.channel import ChannelSettings
from publisher.model.secret import Secret, SecretRef

OUTBOX = ChannelName("outbox")  # the only channel where `jobs.yaml` configures none


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    name: str
    url: str  # absolute, no slash at the end
    root: Path  # absolute; the generator's project
    posts: tuple[str, ...]  # globs below root
    generator: Generator
    zone: ZoneInfo
    release_time: time
    embargo: Embargo = Embargo.OFF  # that of all posts, as in ``Settings``
    sources: tuple[str, ...] = ()  # folders below root in which the generator looks for pages
    post_url: str | None = None  # path with {slug}, {id}, {year}, {month}, {day}; None: a guess
    channels: tuple[ChannelName, ...] = ()  # those configured, for complaints about `announce:`
    keep: tuple[str, ...] = ()  # frontmatter keys that stay as they are under embargo
    badge_for: timedelta = timedelta(days=3)  # how long a post counts as just published

    @property
    def keys(self) -> Keys:
        """Give the frontmatter keys of title, description, date and image."""
        return self.generator.keys


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildSettings:
    command: tuple[str, ...]
    output: Path  # absolute
    timeout: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    live: bool = True
    timeout: timedelta = timedelta(minutes=15)
    feed: str | None = None  # path on the site, e.g. /feed.xml
    sitemap: str | None = None
    clock: bool = True  # ask the site what time it is; only where the live page is looked at
    index: str | None = None  # path of the page that must link to the post, e.g. /blog/
    canonical: bool = True  # a canonical address on the page must be the post's own
    card: bool = True  # og:title and og:image, where the page has them, must be the post's


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    """What the git program does for a site; ``deploy_branch`` holds the staged tree."""

    pull: bool = True
    commit: bool = True
    push: bool = True
    remote: str = "origin"
    deploy_branch: str | None = None
    deploy_remote: str | None = None  # None: `remote`


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubSettings:
    """A workflow to start on GitHub; with ``event`` by ``repository_dispatch``."""

    repository: str  # owner/name
    token: SecretRef
    workflow: str | None = None  # file name or id
    ref: str = "main"
    event: str | None = None
    api_url: str = "https://api.github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploySettings:
    """How a build that was searched for leaks goes public, in this order; all may be empty."""

    command: tuple[str, ...] = ()
    hook: SecretRef | None = None
    github: GitHubSettings | None = None
    timeout: timedelta = timedelta(minutes=10)
    private: bool = False  # the hook may be plain HTTP, or on a private network

    @property
    def is_set(self) -> bool:
        return bool(self.command or self.hook or self.github)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of ``jobs.yaml``, checked."""

    file: Path  # absolute path of jobs.yaml
    site: SiteSettings
    state_dir: Path  # absolute
    ledger_url: str  # SQLAlchemy URL
    rebuild: RebuildSettings | None
    verify: VerifySettings
    max_late: timedelta
    stale_after: timedelta
    burst: int
    channels: tuple[ChannelSettings, ...]
    alerts: tuple[str | SecretRef, ...] = ()  # Apprise URLs; a text holds no secret
    ping: str | SecretRef | None = None
    embargo: Embargo = Embargo.OFF
    withdrawn: str | None = None  # path of the page to which a withdrawn post leads; None: 404
    deploy: DeploySettings = DeploySettings()
    git: GitSettings | None = None

    def __post_init__(self) -> None:
        site = replace(self.site, embargo=self.embargo)
        object.__setattr__(self, "site", site)  # whoever reads posts must know

    @property
    def secrets(self) -> Mapping[str, SecretRef]:
        """Give all that must be fetched from elsewhere, by its place in ``jobs.yaml``."""
        named = {
            f"channels.{channel.name}.{name}": value
            for channel in self.channels
            for name, value in channel.options.items()
        }
        named |= {f"alerts.{n}": value for n, value in enumerate(self.alerts, start=1)}
        named["ping"] = self.ping
        named["deploy.hook"] = self.deploy.hook
        named["deploy.github.token"] = self.deploy.github and self.deploy.github.token
        return {name: value for name, value in named.items() if isinstance(value, SecretRef)}

    @property
    def own_files(self) -> frozenset[Path]:
        """Give what no copy of the project may take along: our state and settings, the ledger, the
        output of builds.

        Jekyll copies every file it finds to its output, ``jobs.yaml`` among them.
        """
        ledger = self.ledger_url.removeprefix("sqlite:///")
        own = {self.state_dir, self.file}
        own |= {Path(ledger + suffix) for suffix in ("", "-wal", "-shm", "-journal", ".mark")}
        return frozenset(own if self.rebuild is None else own | {self.rebuild.output})

    @property
    def project(self) -> Path:
        """Give the folder of ``jobs.yaml``; relative paths of posts start here."""
        return self.file.parent

    @property
    def policy(self) -> Policy:
        return Policy(
            site=self.site.name,
            channels=tuple(ChannelPlan(name=c.name, after=c.after) for c in self.channels),
            max_late=self.max_late,
            stale_after=self.stale_after,
            burst=self.burst,
        )


Resolved = Mapping[str, Any | Secret]
