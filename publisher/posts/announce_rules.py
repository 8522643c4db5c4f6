"""Reads what a post says of its announcements: where, when, and with which words."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import Any

from publisher.config.settings import OUTBOX, SiteSettings
from publisher.model import AnnounceRule, ChannelName, PostState
from publisher.model.errors import PublisherError
from publisher.posts.problems import ProblemList
from publisher.text.times import parse_duration, resolve_instant

_RULE_KEYS = ("text", "subject", "after", "at", "enabled")


def read_rules(
    value: Any, state: PostState, site: SiteSettings, problems: ProblemList
) -> dict[ChannelName, AnnounceRule]:
    """Read the value of ``announce``; a channel that is not named in it has no rule."""
    if value is None or isinstance(value, bool):
        return {}
    if not isinstance(value, dict):
        hint = "write announce: false, or one line per channel below it"
        problems.fail("bad-announce", "announce", "announce is not a list of channels", hint)
        return {}
    rules = {}
    for name, entry in value.items():
        if name not in (site.channels or (OUTBOX,)):
            # The channel of an old post may be gone, and a site without channels announces
            # nowhere; else it is a slip that could let out what the author meant to hold back.
            is_slip = site.channels and state is not PostState.PUBLISHED
            report = problems.fail if is_slip else problems.warn
            message = f"there is no channel {str(name)[:60]!r} in jobs.yaml"
            hint = _nearest(str(name), site.channels)
            if not site.channels:
                hint = "nothing is announced there until it stands below channels: in jobs.yaml"
            report("unknown-channel", "announce", message, hint, str(name))
            continue
        rule = _rule(name, entry, site, problems)
        if rule is not None:
            rules[ChannelName(name)] = rule
    return rules


def _rule(name: str, entry: Any, site: SiteSettings, problems: ProblemList) -> AnnounceRule | None:
    if entry is None or isinstance(entry, bool):
        return AnnounceRule(enabled=entry is not False)
    if isinstance(entry, str):
        entry = {"text": entry}
    hint = f"write {name}: false, a text, or {{text: …, after: 2h}}"
    if not isinstance(entry, dict):
        message = f"what to announce on {name} is neither a text nor false"
        problems.fail("bad-announce", "announce", message, hint, name)
        return None
    for key in entry:
        if key not in _RULE_KEYS:
            message, near = f"unknown key {str(key)[:60]!r}", _nearest(str(key), _RULE_KEYS)
            problems.fail("bad-announce", "announce", message, near, name, str(key))
    text, subject, after, at, enabled = (
        _part(name, key, entry, site, problems) for key in _RULE_KEYS
    )
    return AnnounceRule(
        enabled=enabled is not False, text=text, subject=subject, after=after, at=at
    )


def _part(
    name: str, key: str, entry: dict[str, Any], site: SiteSettings, problems: ProblemList
) -> Any:
    value = entry.get(key)
    if value is None:
        return None
    return problems.attempt(
        "bad-announce", "announce", partial(_read_part, key, value, site), name, key
    )


def _read_part(key: str, value: Any, site: SiteSettings) -> str | bool | timedelta | datetime:
    if key == "at":
        return resolve_instant(value, zone=site.zone, release_time=site.release_time).at
    if key == "enabled":
        if not isinstance(value, bool):
            raise PublisherError("enabled is neither true nor false")
        return value
    if not isinstance(value, str) or not value.strip():
        raise PublisherError(f"{key} is not text", hint="put it in quotes")
    if key != "after":
        return value
    try:
        return parse_duration(value)
    except PublisherError as error:
        raise PublisherError(f"after {error.what}", hint=error.hint) from None


def _nearest(word: str, words: Collection[str]) -> str:
    """Say which of the words was probably meant, or name them all."""
    near = get_close_matches(word, words, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"possible here: {', '.join(sorted(words))}" if words else "there are none"
