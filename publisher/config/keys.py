"""The keys of ``jobs.yaml``: the one list that reading and JSON Schema share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from publisher.config.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Key:
    """One key, or with kind ``section`` a mapping of keys.

    ``path`` is dotted; ``*`` stands for any name. A required key must be there when its section
    is. ``default`` is written as in the file; ``None`` means that there is none. The kind
    ``addresses`` is a list of kind ``address``; ``later`` marks a documented key that this version
    does not have.
    """

    path: str
    kind: str
    help: str
    default: Any = None
    required: bool = False


KEYS: tuple[Key, ...] = (
    Key("site", "section", "The static site.", required=True),
    Key("site.name", "line", "Names the site in the ledger; keep it for ever.", required=True),
    Key("site.url", "site_url", "Where the site is public.", required=True),
    Key("site.root", "folder", "The generator's project.", default="."),
    Key("site.posts", "globs", "Which files below root are posts; one or a list.", required=True),
    Key(
        "site.post_url",
        "post_url",
        "Likely path of a post before its first build: {slug}, {id}, {year}, {month}, {day}.",
    ),
    Key("site.generator", "generator", "Whose frontmatter the posts have.", required=True),
    Key("site.timezone", "zone", "Zone of dates without offset.", required=True),
    Key("site.release_time", "clock", "Time of day of a bare date.", default="09:00"),
    Key("site.keys", "section", "Frontmatter keys where they differ from the generator's."),
    Key("site.keys.state", "line", "The key that holds the publication state."),
    Key("site.keys.title", "names", "The key that holds the title; or several, best first."),
    Key("site.keys.description", "names", "The key that holds the description."),
    Key("site.keys.date", "names", "The key that holds the release date."),
    Key("site.keys.dates", "names", "The older name of site.keys.date."),
    Key("site.keys.image", "names", "The key that holds the image; cover.image is one within."),
    Key("site.keys.keep", "texts", "The keys whose values stay as they are under embargo."),
    Key("site.keys.values", "section", "What the state key says for each state."),
    Key("site.keys.values.draft", "state_value", "The value for a draft."),
    Key("site.keys.values.scheduled", "state_value", "The value for a scheduled post."),
    Key("site.keys.values.published", "state_value", "The value for a published post."),
    Key("site.badge_for", "duration", "How long a post is just published.", default="3d"),
    Key("state_dir", "path", "Where ledger and outbox are.", default=".publisher"),
    Key("ledger", "ledger", "sqlite (in state_dir), or sqlite:///path.", default="sqlite"),
    Key(
        "embargo",
        "embargo",
        "How a build holds unreleased posts: redact, teaser, omit; off: the site itself does.",
        default="off",
    ),
    Key("withdrawn", "page", "Where the page of a withdrawn post leads; default: it is gone."),
    Key("rebuild", "section", "How the site is built; without it, nothing is built."),
    Key("rebuild.command", "texts", "The command as a list, run in site.root.", required=True),
    Key("rebuild.output", "line", "The built site, below site.root; default: the generator's."),
    Key("rebuild.timeout", "timeout", "The longest a build may take.", default="10m"),
    Key("verify", "section", "What is looked at before announcing."),
    Key("verify.live", "boolean", "Look at the public page.", default=True),
    Key("verify.timeout", "timeout", "How long the page may take to appear.", default="15m"),
    Key("verify.feed", "page", "Path of the feed that must show the post."),
    Key("verify.sitemap", "page", "Path of the sitemap that must show the post."),
    Key(
        "verify.clock",
        "boolean",
        "Compare our clock with the site's before a release.",
        default=True,
    ),
    Key("verify.index", "page", "Path of the page that must link to the post."),
    Key(
        "verify.canonical",
        "boolean",
        "A canonical address on the page must be the post's own.",
        default=True,
    ),
    Key(
        "verify.card",
        "boolean",
        "The card's title and image, where the page has them, must be right.",
        default=True,
    ),
    Key("deploy", "section", "How a build goes public, once it was searched for leaks."),
    Key("deploy.command", "texts", "A command as a list, run in the folder of jobs.yaml."),
    Key("deploy.hook", "secret", "A deploy hook (Netlify, Vercel, Cloudflare, Render): a POST."),
    Key("deploy.github", "section", "A workflow to start on GitHub."),
    Key("deploy.github.repository", "line", "owner/name", required=True),
    Key("deploy.github.token", "secret", "A token that may start workflows.", required=True),
    Key("deploy.github.workflow", "line", "The workflow's file name: workflow_dispatch."),
    Key("deploy.github.ref", "line", "The branch or tag to run it on.", default="main"),
    Key("deploy.github.event", "line", "The event's name instead: repository_dispatch."),
    Key("deploy.github.api_url", "url", "Of a GitHub elsewhere.", default="https://api.github.com"),
    Key("deploy.timeout", "timeout", "The longest a step of it may take.", default="10m"),
    Key("deploy.private", "boolean", "The hook may be plain HTTP or private.", default=False),
    Key("policy", "section", "When a person must decide."),
    Key("policy.max_late", "duration", "A later first attempt is held.", default="6h"),
    Key("policy.stale_after", "duration", "A later repeat is held.", default="24h"),
    Key("policy.burst", "count", "More unseen releases at once are held.", default=5),
    Key("policy.preflight", "later", "Checks ahead of a release."),
    Key("channels", "section", "Where to announce; default: an outbox of files."),
    Key("channels.*", "section", "One channel; its type has more options."),
    Key("channels.*.type", "line", "The channel's type.", required=True),
    Key("channels.*.template", "text", "Jinja text of the announcement."),
    Key("channels.*.subject", "text", "Jinja text of the mail's subject."),
    Key("channels.*.after", "duration", "Wait after the release.", default="0s"),
    Key("channels.*.timeout", "timeout", "The longest a send may take.", default="60s"),
    Key("git", "section", "What git does for a release; without it, nothing."),
    Key("git.pull", "boolean", "Fetch and fast-forward before looking at the posts.", default=True),
    Key("git.commit", "boolean", "Commit what a release changed.", default=True),
    Key("git.push", "boolean", "Push that commit.", default=True),
    Key("git.remote", "line", "The remote to pull from and push to.", default="origin"),
    Key("git.deploy_branch", "line", "A branch for the staged site, under embargo."),
    Key("git.deploy_remote", "line", "Where that branch is pushed; default: git.remote."),
    Key("alerts", "addresses", "Apprise URLs, or where they are kept: told what needs a person."),
    Key("ping", "ping", "Asked for after each healthy sweep, for a dead man's switch."),
    Key("jobs", "later", "Recurring work."),
)


def keys_below(section: str) -> Mapping[str, Key]:
    """Give the keys of one section (``""`` is the whole file) by their last word."""
    prefix = f"{section}." if section else ""
    return {
        key.path.removeprefix(prefix): key
        for key in KEYS
        if key.path.startswith(prefix) and "." not in key.path.removeprefix(prefix)
    }


def schema() -> dict[str, Any]:
    """Describe ``jobs.yaml`` as JSON Schema (draft 2020-12), for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jobs.yaml of publisher",
        **_section_schema(""),
    }


def _section_schema(section: str) -> dict[str, Any]:
    keys = {word: key for word, key in keys_below(section).items() if key.kind != "later"}
    described: dict[str, Any] = {"type": "object"}
    if "*" in keys:
        return described | {"additionalProperties": _key_schema(keys["*"])}
    described["properties"] = {word: _key_schema(key) for word, key in keys.items()}
    described["required"] = [word for word, key in keys.items() if key.required]
    described["additionalProperties"] = section.endswith("*")  # a channel type has its own
    return described


def _key_schema(key: Key) -> dict[str, Any]:
    described = {"description": key.help}
    if key.kind == "section":
        return _section_schema(key.path) | described
    if key.default is not None:
        described["default"] = key.default
    if key.kind == "addresses":
        return {"type": "array", "items": KINDS["address"].json, **described}
    return {**KINDS[key.kind].json, **described}
