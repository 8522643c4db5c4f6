"""The settings of ``jobs.yaml``. Each key of the file is a field here, with its kind and help.

A field without a ``Key`` is worked out by ``config``, which reads the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from publisher.config.kinds import Key
from publisher.generators import Generator, Keys
from publisher.model import ChannelName, ChannelPlan, Embargo, Policy
from publisher.model.secret import Secret, SecretRef

OUTBOX = ChannelName("outbox")  # the only channel where `jobs.yaml` configures none


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    name: Annotated[str, Key("Names the site in the ledger; keep it for ever.")]
    url: Annotated[str, Key("Where the site is public.", "site_url")]  # no slash at the end
    root: Annotated[Path, Key("The generator's project.", "folder", default=".")]  # absolute
    posts: Annotated[
        tuple[str, ...], Key("Which files below root are posts; one or a list.", "globs")
    ]
    post_url: Annotated[
        str | None,
        Key(
            "Likely path of a post before its first build: {slug}, {id}, {year}, {month}, {day}.",
            "post_url",
        ),
    ] = None
    generator: Annotated[Generator, Key("Whose frontmatter the posts have.", "generator")]
    zone: Annotated[ZoneInfo, Key("Zone of dates without offset.", "zone", path="timezone")]
    release_time: Annotated[time, Key("Time of day of a bare date.", "clock", default="09:00")]
    keep: Annotated[
        tuple[str, ...],
        Key("The keys whose values stay as they are under embargo.", path="keys.keep"),
    ] = ()
    badge_for: Annotated[timedelta, Key("How long a post is just published.")] = timedelta(days=3)
    embargo: Embargo = Embargo.OFF  # that of all posts, as in ``Settings``
    sources: tuple[str, ...] = ()  # folders below root in which the generator looks for pages
    channels: tuple[ChannelName, ...] = ()  # those configured, for problems about `announce:`

    @property
    def keys(self) -> Keys:
        """Give the frontmatter keys of title, description, date and image."""
        return self.generator.keys


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildSettings:
    command: Annotated[tuple[str, ...], Key("The command as a list, run in site.root.")]
    output: Annotated[
        Path,  # absolute
        Key("The built site, below site.root; default: the generator's.", "line", is_optional=True),
    ]
    timeout: Annotated[timedelta, Key("The longest a build may take.", "timeout")] = timedelta(
        minutes=10
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    live: Annotated[bool, Key("Look at the public page.")] = True
    timeout: Annotated[timedelta, Key("How long the page may take to appear.", "timeout")] = (
        timedelta(minutes=15)
    )
    feed: Annotated[str | None, Key("Path of the feed that must show the post.", "page")] = None
    sitemap: Annotated[str | None, Key("Path of the sitemap that must show the post.", "page")] = (
        None
    )
    clock: Annotated[bool, Key("Compare our clock with the site's before a release.")] = True
    index: Annotated[str | None, Key("Path of the page that must link to the post.", "page")] = None
    canonical: Annotated[bool, Key("A canonical address on the page must be the post's own.")] = (
        True
    )
    card: Annotated[
        bool, Key("The card's title and image, where the page has them, must be right.")
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubSettings:
    repository: Annotated[str, Key("The repository, as owner/name.")]
    token: Annotated[SecretRef, Key("A token that may start workflows.")]
    workflow: Annotated[str | None, Key("The workflow's file name: workflow_dispatch.")] = None
    ref: Annotated[str, Key("The branch or tag to run it on.")] = "main"
    event: Annotated[str | None, Key("The event's name instead: repository_dispatch.")] = None
    api_url: Annotated[str, Key("Of a GitHub elsewhere.", "url")] = "https://api.github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploySettings:
    """How a build that was searched for leaks goes public, in this order; all may be empty."""

    command: Annotated[
        tuple[str, ...], Key("A command as a list, run in the folder of jobs.yaml.")
    ] = ()
    hook: Annotated[
        SecretRef | None,
        Key("A deploy hook (Netlify, Vercel, Cloudflare, Render): a POST."),
    ] = None
    github: Annotated[GitHubSettings | None, Key("A workflow to start on GitHub.")] = None
    timeout: Annotated[timedelta, Key("The longest a step of it may take.", "timeout")] = timedelta(
        minutes=10
    )
    private: Annotated[bool, Key("The hook may be plain HTTP or private.")] = False

    @property
    def is_set(self) -> bool:
        return bool(self.command or self.hook or self.github)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """One channel of ``jobs.yaml``. ``options`` may hold ``SecretRef`` until resolved."""

    name: ChannelName
    type: Annotated[str, Key("The channel's type.")]
    options: Mapping[str, Any | SecretRef] = field(default_factory=dict)
    template: Annotated[str | None, Key("Jinja text of the announcement.", "text")] = None
    subject: Annotated[str | None, Key("Jinja text of the mail's subject.", "text")] = None
    after: Annotated[timedelta, Key("Wait after the release.")] = timedelta(0)
    timeout: Annotated[timedelta, Key("The longest a send may take.", "timeout")] = timedelta(
        seconds=60
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    pull: Annotated[bool, Key("Fetch and fast-forward before looking at the posts.")] = True
    commit: Annotated[bool, Key("Commit what a release changed.")] = True
    push: Annotated[bool, Key("Push that commit.")] = True
    remote: Annotated[str, Key("The remote to pull from and push to.")] = "origin"
    deploy_branch: Annotated[str | None, Key("A branch for the staged site, under embargo.")] = None
    deploy_remote: Annotated[
        str | None, Key("Where that branch is pushed; default: git.remote.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of ``jobs.yaml``, checked."""

    file: Path  # absolute path of jobs.yaml
    site: Annotated[SiteSettings, Key("The static site.")]
    state_dir: Annotated[
        Path, Key("Where ledger and outbox are.", default=".publisher")
    ]  # absolute
    ledger_url: Annotated[  # of SQLAlchemy
        str,
        Key("sqlite (in state_dir), or sqlite:///path.", "ledger", path="ledger", default="sqlite"),
    ]
    embargo: Annotated[
        Embargo,
        Key(
            "How a build holds unreleased posts: redact, teaser, omit; off: the site itself does.",
            "embargo",
        ),
    ] = Embargo.OFF
    withdrawn: Annotated[
        str | None,
        Key("Where the page of a withdrawn post leads; default: it is gone.", "page"),
    ] = None
    rebuild: Annotated[
        RebuildSettings | None,
        Key("How the site is built; without it, nothing is built."),
    ]
    verify: Annotated[VerifySettings, Key("What is looked at before announcing.")] = (
        VerifySettings()
    )
    deploy: Annotated[
        DeploySettings,
        Key("How a build goes public, once it was searched for leaks."),
    ] = DeploySettings()
    max_late: Annotated[
        timedelta, Key("A later first attempt is held.", path="policy.max_late")
    ] = timedelta(hours=6)
    stale_after: Annotated[timedelta, Key("A later repeat is held.", path="policy.stale_after")] = (
        timedelta(hours=24)
    )
    burst: Annotated[
        int, Key("More unseen releases at once are held.", "count", path="policy.burst")
    ] = 5
    channels: Annotated[
        tuple[ChannelSettings, ...],
        Key("Where to announce; default: an outbox of files.", "section"),
    ]
    git: Annotated[GitSettings | None, Key("What git does for a release; without it, nothing.")] = (
        None
    )
    alerts: Annotated[  # a text holds no secret
        tuple[str | SecretRef, ...],
        Key("Apprise URLs, or where they are kept: told what needs a person.", "addresses"),
    ] = ()
    ping: Annotated[
        str | SecretRef | None,
        Key("Asked for after each healthy sweep, for a dead man's switch.", "ping"),
    ] = None

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
