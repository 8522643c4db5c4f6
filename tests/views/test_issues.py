"""Issues: of what waits, what it is, whom it needs, and the commands of which one settles it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from publisher.model import Cause, Command, DeliveryRecord, DeliveryState, Hold, PostId
from publisher.views.issues import Issue, held
from tests.factories import NOW as DUE
from tests.factories import a_delivery, a_key, a_view

POST = PostId("pattern")
KEY = a_key()
RETRY = Command("retry", KEY)
DROP = Command("resolve", KEY, ("--drop",))
EITHER = (Command("resolve", KEY, ("--sent", "URL")), Command("resolve", KEY, ("--not-sent",)))


def of(hold: Hold, record: DeliveryRecord | None = None, *, in_doubt: bool = False) -> Issue:
    """Give the issue of one hold, about a delivery where there is a record."""
    view = a_view([], [record] if record else [])
    (issue,) = held(view, [hold], in_doubt={KEY} if in_doubt else ())
    return issue


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (Command("adopt"), "publisher adopt"),
        (Command("retry", POST), "publisher retry pattern"),
        (EITHER[0], "publisher resolve pattern/x/launch --sent URL"),
    ],
)
def test_command_is_written_as_it_is_typed(command: Command, words: str) -> None:
    assert str(command) == words


@pytest.mark.parametrize(
    ("cause", "post", "commands"),
    [
        (Cause.NOT_ADOPTED, None, [Command("adopt")]),
        (Cause.RESTORED, None, [Command("adopt", options=("--after-restore",))]),
        (Cause.UNTRUSTED, None, [Command("trust")]),
        (Cause.BUILD_FAILED, None, [Command("retry")]),
        (Cause.FLIP_FAILED, POST, [Command("retry", POST)]),
        (Cause.NOT_LIVE, POST, [Command("retry", POST)]),
        (Cause.ALREADY_PUBLIC, POST, [Command("release", POST)]),
        (Cause.UNREADABLE, POST, [Command("check")]),
        (Cause.NO_DATE, POST, []),
        (Cause.RENAMED, POST, []),
        (Cause.CLOCK_AHEAD, POST, []),
    ],
)
def test_release_and_site_name_the_command_that_settles_them(
    cause: Cause, post: PostId | None, commands: Sequence[Command]
) -> None:
    issue = of(Hold(cause=cause, post=post, needs_person=True))

    assert (issue.kind, list(issue.commands)) == (cause, list(commands))


@pytest.mark.parametrize(
    ("cause", "in_doubt", "commands"),
    [
        (Cause.TOO_LATE, False, (RETRY,)),
        (Cause.TEXT_UNUSABLE, False, (RETRY,)),
        (Cause.HELD, False, (RETRY,)),
        (Cause.HELD, True, EITHER),
        (Cause.RESTORED, True, EITHER),
        (Cause.UNKNOWN_OUTCOME, True, EITHER),
        (Cause.NOT_SEEN, True, EITHER),
        (Cause.ID_TAKEN, True, EITHER),
        (Cause.DUPLICATE, False, (EITHER[0], RETRY)),
    ],
)
def test_held_delivery_is_never_sent_again_while_it_may_be_out(
    cause: Cause, in_doubt: bool, commands: tuple[Command, ...]
) -> None:
    record = a_delivery(state=DeliveryState.HELD, cause=cause)

    issue = of(Hold(cause=cause, post=POST, key=KEY, needs_person=True), record, in_doubt=in_doubt)

    assert issue.commands == commands


def test_delivery_that_some_got_is_only_recorded_as_sent() -> None:
    """FileState to be absent, it would go to everybody once more."""
    record = a_delivery(state=DeliveryState.HELD, remote_id="7", evidence="response")
    hold = Hold(cause=Cause.INCOMPLETE, post=POST, key=KEY, needs_person=True)

    assert of(hold, record, in_doubt=True).commands == (Command("resolve", KEY, ("--sent", "7")),)


def test_delivery_that_was_refused_is_tried_again_or_dropped() -> None:
    record = a_delivery(state=DeliveryState.FAILED, due_at=DUE)

    issue = of(Hold(cause=Cause.REFUSED, post=POST, key=KEY, needs_person=True), record)

    assert (issue.commands, issue.since) == ((RETRY, DROP), DUE)


@pytest.mark.parametrize(
    ("state", "commands"),
    [(DeliveryState.PLANNED, (DROP,)), (DeliveryState.UNCERTAIN, EITHER)],
)
def test_delivery_without_its_channel_is_dropped_unless_it_may_be_out(
    state: DeliveryState, commands: tuple[Command, ...]
) -> None:
    hold = Hold(cause=Cause.CHANNEL_REMOVED, post=POST, key=KEY, needs_person=True)

    assert of(hold, a_delivery(state=state)).commands == commands


def test_channel_without_its_secret_has_no_command_and_a_closed_one_is_opened() -> None:
    lacking = Hold(cause=Cause.CHANNEL_UNUSABLE, post=POST, key=KEY, needs_person=True)
    closed = Hold(cause=Cause.CHANNEL_CLOSED, post=POST, key=KEY, needs_person=True)

    assert of(lacking, a_delivery()).commands == ()
    assert of(closed, a_delivery()).commands == (Command("retry", "x"),)


@pytest.mark.parametrize(
    ("hold", "is_block"),
    [
        (Hold(cause=Cause.NOT_ADOPTED, needs_person=True), True),
        (Hold(cause=Cause.BUILD_FAILED, needs_person=True, until=DUE), False),
        (Hold(cause=Cause.NO_DATE, post=POST, needs_person=True), False),
    ],
)
def test_only_what_holds_the_whole_site_is_a_block(hold: Hold, is_block: bool) -> None:
    assert of(hold).is_block is is_block
