"""The words of issues: one table, from what it is to a sentence. Commands are shown beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from publisher.model import Cause, RecoveryKind
from publisher.views.issues import Issue

Words = str | Callable[[Issue], str]


def sentence(issue: Issue) -> str:
    """Say what is the matter, in one sentence without its commands."""
    words = _WORDS.get(issue.kind, "{reason}")
    text = words(issue) if callable(words) else words
    channel = issue.key.channel if issue.key else ""
    return text.format_map({"reason": issue.reason, "channel": channel, **issue.facts})


def full_sentence(issue: Issue) -> str:
    """Say it with the commands, for a place that has one line only, such as a log."""
    commands = " or ".join(f"`{command}`" for command in issue.commands)
    return f"{sentence(issue)}; run {commands}" if commands else sentence(issue)


def _not_adopted(issue: Issue) -> str:
    is_one = issue.facts["count"] == 1
    posts = "1 existing post is" if is_one else "{count} existing posts are"
    return (
        f"{posts} not adopted yet (first: {{first}}). Run `publisher adopt`; until then nothing"
        " is released or announced"
    )


def _not_due(issue: Issue) -> str:
    if issue.key is None:
        return "under embargo"
    return "{reason}" if issue.reason else "waits for its instant"


def _stuck(issue: Issue) -> str:
    return "not live after {failures} looks: {reason}" if issue.needs_person else _NOT_LIVE


def _missing(issue: Issue) -> str:
    ending = "; it is taken as deleted unless it comes back" if issue.until else ""
    return "{path} is missing" + ending


def _unreadable(issue: Issue) -> str:
    if issue.post is None:
        return "{reason}"
    return "{path} cannot be read" + ("" if issue.needs_person else "; its page stays as it is")


def _refused(issue: Issue) -> str:
    return "refused for good: {reason}" if issue.needs_person else "not sent: {reason}"


def _removed(issue: Issue) -> str:
    text = "the channel '{channel}' is not in jobs.yaml any more"
    if not issue.needs_person:
        return text
    return text + ("; put it back, or drop it" if len(issue.commands) == 1 else _LOOK)


def _unknown(issue: Issue) -> str:
    if issue.needs_person:
        return "{reason}"
    text = "may have gone out ({reason})"
    match issue.facts.get("recovery"):
        case RecoveryKind.LOOKUP:
            wait = issue.facts["wait"]
            minutes = wait / timedelta(minutes=1) if isinstance(wait, timedelta) else 0
            ending = (
                f"; it is looked up, and sent again only if it stays absent for {minutes:g} min"
            )
        case RecoveryKind.KEY:
            ending = "; it is sent again under its key, by which the service knows it"
        case _:
            ending = "; the next tick asks you what became of it"
    return text + ending


def _due(issue: Issue) -> str:
    return "due, not released yet" if issue.key is None else "due, not sent yet"


_LOOK = "; put it back, or look there"
_NOT_LIVE = "not live yet: {reason}"
_WORDS: Mapping[Cause, Words] = {
    Cause.NOT_ADOPTED: _not_adopted,
    Cause.BUILD_FAILED: "the rebuild failed: {reason}",
    Cause.DUE: _due,
    Cause.NOT_BUILT: lambda issue: "not built yet" + _after(issue),
    Cause.NOT_CHECKED: lambda issue: "not looked at yet" + _after(issue),
    Cause.NOT_READ_BACK: "accepted, to be read back",
    Cause.DRAFT: "is a draft",
    Cause.DRAFT_OVER: "is a draft, and its date has passed; give it a new date, or release it",
    Cause.NO_DATE: "is scheduled without a date; write one into {path}",
    Cause.NOT_DUE: _not_due,
    Cause.ALREADY_PUBLIC: lambda issue: (
        ("{reason}" if issue.reason else "was taken as public") + ", yet its file says scheduled"
    ),
    Cause.RENAMED: "{old} seems to be renamed to {path}; write `id: {old}` into that file",
    Cause.UNREADABLE: _unreadable,
    Cause.MISSING: _missing,
    Cause.CLOCK_AHEAD: (
        "is not due yet by the site's clock: {reason}. Set the clock (`timedatectl` shows it); if"
        " the site's is wrong, write `verify: {{clock: false}}` into jobs.yaml"
    ),
    Cause.FLIP_FAILED: "the flip failed: {reason}",
    Cause.PAGE_WRONG: _stuck,
    Cause.NOT_LIVE: _stuck,
    Cause.WITHDRAWN: "is withdrawn; give it a new date, or release it",
    Cause.PAGE_NOT_PUBLIC: "waits until the page is live",
    Cause.SENDING: "is being sent",
    Cause.SWITCHED_OFF: "switched off by `announce` in the post",
    Cause.POST_MISSING: lambda issue: (
        "its post is not there" + ("; put it back, or drop it" if issue.needs_person else "")
    ),
    Cause.CHANNEL_REMOVED: _removed,
    Cause.CHANNEL_CLOSED: "{reason}; renew the credentials",
    Cause.OVERDUE: lambda issue: "is due and was not sent" + (": {reason}" if issue.reason else ""),
    Cause.REFUSED: _refused,
    Cause.UNKNOWN_OUTCOME: _unknown,
    Cause.TOO_LATE: lambda issue: (
        "{reason}" if issue.reason else "too late to be sent by itself; the next tick asks you"
    ),
}


def _after(issue: Issue) -> str:
    return ": {reason}" if issue.reason else ""
