"""The words of issues: these are the sentences that people read, so they stand here whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from publisher.model import Cause, Command, PostId, RecoveryKind
from publisher.views.issues import Issue
from publisher.views.words import full_sentence, sentence
from tests.factories import NOW, a_key

POST = PostId("pattern")
KEY = a_key()
DROP = (Command("resolve", KEY, ("--drop",)),)


def an_issue(kind: Cause, **changes: object) -> Issue:
    defaults: dict[str, object] = {"post": POST, "reason": "exit 1"}
    return Issue(kind=kind, **{**defaults, **changes})  # type: ignore[arg-type]


SENTENCES = {
    "3 existing posts are not adopted yet (first: jigs). Run `publisher adopt`; until then nothing"
    " is released or announced": an_issue(
        Cause.NOT_ADOPTED, post=None, facts={"count": 3, "first": "jigs"}
    ),
    "1 existing post is not adopted yet (first: jigs). Run `publisher adopt`; until then nothing"
    " is released or announced": an_issue(
        Cause.NOT_ADOPTED, post=None, facts={"count": 1, "first": "jigs"}
    ),
    "the rebuild failed: exit 1": an_issue(Cause.BUILD_FAILED),
    "under embargo": an_issue(Cause.NOT_DUE),
    "waits for its instant": an_issue(Cause.NOT_DUE, key=KEY, reason=""),
    "is a draft": an_issue(Cause.DRAFT),
    "is scheduled without a date; write one into a.md": an_issue(
        Cause.NO_DATE, facts={"path": "a.md"}
    ),
    "exit 1, yet its file says scheduled": an_issue(Cause.ALREADY_PUBLIC),
    "old seems to be renamed to new.md; write `id: old` into that file": an_issue(
        Cause.RENAMED, facts={"old": "old", "path": "new.md"}
    ),
    "a.md cannot be read": an_issue(Cause.UNREADABLE, needs_person=True, facts={"path": "a.md"}),
    "a.md is missing; it is taken as deleted unless it comes back": an_issue(
        Cause.MISSING, until=NOW, facts={"path": "a.md"}
    ),
    "is not due yet by the site's clock: exit 1. Set the clock (`timedatectl` shows it); if the"
    " site's is wrong, write `verify: {clock: false}` into jobs.yaml": an_issue(Cause.CLOCK_AHEAD),
    "the flip failed: exit 1": an_issue(Cause.FLIP_FAILED),
    "not live after 30 looks: exit 1": an_issue(
        Cause.NOT_LIVE, needs_person=True, facts={"failures": 30}
    ),
    "not live yet: exit 1": an_issue(Cause.NOT_LIVE, facts={"failures": 3}),
    "the channel 'x' is not in jobs.yaml any more; put it back, or drop it": an_issue(
        Cause.CHANNEL_REMOVED, key=KEY, needs_person=True, commands=DROP
    ),
    "exit 1; renew the credentials": an_issue(Cause.CHANNEL_CLOSED, key=KEY),
    "is due and was not sent: exit 1": an_issue(Cause.OVERDUE, key=KEY),
    "refused for good: exit 1": an_issue(Cause.REFUSED, key=KEY, needs_person=True),
    "not sent: exit 1": an_issue(Cause.REFUSED, key=KEY),
    "may have gone out (exit 1); it is looked up, and sent again only if it stays absent for 6"
    " min": an_issue(
        Cause.UNKNOWN_OUTCOME,
        key=KEY,
        facts={"recovery": RecoveryKind.LOOKUP, "wait": timedelta(minutes=6)},
    ),
    "exit 1": an_issue(Cause.TOO_LATE, key=KEY, needs_person=True),
    "due, not sent yet": an_issue(Cause.DUE, key=KEY),
}


@pytest.mark.parametrize("words", SENTENCES)
def test_issue_is_one_sentence(words: str) -> None:
    assert sentence(SENTENCES[words]) == words


@pytest.mark.parametrize("kind", Cause)
def test_every_kind_has_words(kind: Cause) -> None:
    facts = {"count": 2, "first": "a", "old": "a", "path": "p", "failures": 3}

    assert sentence(an_issue(kind, key=KEY, facts=facts))


def test_what_a_service_answered_is_no_template() -> None:
    assert sentence(an_issue(Cause.REFUSED, key=KEY, reason="{x} {0}")) == "not sent: {x} {0}"


def test_log_has_the_commands_in_the_sentence() -> None:
    issue = an_issue(Cause.FLIP_FAILED, commands=(Command("retry", POST),))

    assert full_sentence(issue) == "the flip failed: exit 1; run `publisher retry pattern`"
