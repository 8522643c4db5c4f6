"""Buttondown: a draft first, then the send, and a look-up after a lost answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from publisher.channels import ChannelContext
from publisher.channels._http import UnknownOutcome
from publisher.channels.buttondown import Buttondown
from publisher.channels.testing import KEY, KeyContract, LookupContract, a_message
from publisher.model import Image, Receipt
from publisher.model.errors import DuplicateContent, NotDelivered
from publisher.model.secret import Secret
from tests.platforms.buttondown import TOKEN, ButtondownPlatform
from tests.platforms.server import Fault

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def open_channel(url: str, **options: Any) -> Buttondown:
    context = ChannelContext(
        name="newsletter",
        site="bench",
        site_url="https://example.org",
        state_dir=Path("unused"),
        timeout=timedelta(seconds=1.5),
    )
    wanted = {"token": Secret(TOKEN), "api_url": url, **options}
    return Buttondown(wanted, context)


class TestContract(LookupContract, KeyContract):
    secrets = (TOKEN,)
    test_length_is_counted_as_the_service_does = None  # type: ignore[assignment]  # no limit
    test_a_text_over_the_limit_is_refused_for_good = None  # type: ignore[assignment]

    def open_platform(self) -> ButtondownPlatform:
        return ButtondownPlatform()

    def open_channel(self, url: str) -> Buttondown:
        return open_channel(url)

    def keys_seen(self, platform: Any) -> Sequence[str]:
        return [r.headers["x-idempotency-key"] for r in platform.requests if r.method == "POST"]


def test_preparing_sends_nothing() -> None:
    with ButtondownPlatform() as platform:
        draft = open_channel(platform.url).prepare(a_message(), key=KEY)

        assert platform.emails[draft]["status"] == "draft"
        assert platform.accepted == []


def test_the_draft_says_all_that_the_message_says() -> None:
    image = Image(url="https://example.org/p.jpg", path=None, alt="A workbench")
    message = a_message(html="<p>Six steps.</p>", subject="Six steps", image=image)
    with ButtondownPlatform() as platform:
        open_channel(platform.url).prepare(message, key=KEY)

        assert platform.requests[0].json() == {
            "status": "draft",
            "subject": "Six steps",
            "body": "<!-- buttondown-editor-mode: fancy --><p>Six steps.</p>",
            "canonical_url": "https://example.org/blog/pattern",
            "description": "Six steps & no chaos",
            "image": "https://example.org/p.jpg",
            "metadata": {"publisher_key": KEY},
        }


def test_what_looks_like_a_variable_is_text() -> None:
    html = "<p>Why {{ props }} {% if x %} {# note #} {y} &amp; {</p>"
    with ButtondownPlatform() as platform:
        open_channel(platform.url).prepare(a_message(html=html), key=KEY)

    body = platform.requests[-1].json()["body"]
    assert not re.search(r"\{[{%#]", body)
    assert unescape(body.partition("-->")[2]) == unescape(html)


def test_a_message_without_html_goes_as_markdown() -> None:
    with ButtondownPlatform() as platform:
        open_channel(platform.url).prepare(a_message(html=None, text="Six *steps*."), key=KEY)

        body = platform.requests[0].json()["body"]
        assert body == "<!-- buttondown-editor-mode: plaintext -->Six *steps*."


def test_a_text_like_frontmatter_is_refused_without_a_request() -> None:
    message = a_message(html=None, text="---\nstatus: sent\n---\nSix steps.")
    with ButtondownPlatform() as platform:
        with pytest.raises(NotDelivered) as caught:
            open_channel(platform.url).prepare(message, key=KEY)

        assert caught.value.permanent
        assert platform.requests == []


def test_the_api_version_is_named() -> None:
    with ButtondownPlatform() as platform:
        open_channel(platform.url, version="2027-01-01").prepare(a_message(), key=KEY)

        assert platform.requests[0].headers["x-api-version"] == "2027-01-01"


def test_preparing_twice_makes_one_draft() -> None:
    with ButtondownPlatform() as platform:
        first = open_channel(platform.url).prepare(a_message(), key=KEY)
        second = open_channel(platform.url).prepare(a_message(), key=KEY)

        assert first == second
        assert len(platform.emails) == 1


def test_an_edited_message_gets_its_own_draft() -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        channel.prepare(a_message(), key=KEY)

        draft = channel.prepare(a_message(html="<p>Seven steps.</p>"), key=KEY)

        assert platform.emails[draft]["body"].endswith("<p>Seven steps.</p>")


def test_the_receipt_names_the_email_and_its_page() -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        draft = channel.prepare(a_message(), key=KEY)

        receipt = channel.send(a_message(), key=KEY, draft=draft)

        assert receipt == Receipt(
            remote_id=draft, remote_url="https://buttondown.com/bench/archive/1/"
        )


def test_a_fresh_api_key_may_send() -> None:
    with ButtondownPlatform() as platform:
        platform.is_key_fresh = True
        channel = open_channel(platform.url)
        draft = channel.prepare(a_message(), key=KEY)

        channel.send(a_message(), key=KEY, draft=draft)

        assert len(platform.accepted) == 1


def test_a_second_draft_of_the_same_delivery_is_not_sent_too() -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        first = channel.prepare(a_message(), key=KEY)
        channel.send(a_message(), key=KEY, draft=first)
        second = channel.prepare(a_message(html="<p>Edited.</p>"), key=KEY)

        channel.send(a_message(), key=KEY, draft=second)

        assert [email["id"] for email in platform.accepted] == [first]


def test_sending_twice_sends_once_even_when_the_key_is_forgotten() -> None:
    with ButtondownPlatform() as platform:
        platform.forgets_keys = True
        channel = open_channel(platform.url)
        draft = channel.prepare(a_message(), key=KEY)
        channel.send(a_message(), key=KEY, draft=draft)

        channel.send(a_message(), key=KEY, draft=draft)

        assert len(platform.accepted) == 1


def test_sending_without_a_draft_is_not_delivered() -> None:
    with ButtondownPlatform() as platform:
        with pytest.raises(NotDelivered):
            open_channel(platform.url).send(a_message(), key=KEY, draft=None)

        assert platform.requests == []


def test_an_email_that_is_not_a_draft_at_birth_is_no_draft() -> None:
    with ButtondownPlatform() as platform:
        born_sent = {"id": "em_1", "status": "about_to_send"}
        platform.faults.append(Fault.refuse(201, body=born_sent))

        with pytest.raises(UnknownOutcome):
            open_channel(platform.url).prepare(a_message(), key=KEY)


@pytest.mark.parametrize("body", [b"<html>hotel wifi</html>", b"[]", b""])
def test_a_success_that_cannot_be_read_is_a_success(body: bytes) -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        draft = channel.prepare(a_message(), key=KEY)
        platform.faults.append(Fault.accept_then_answer(200, body=body))

        assert channel.send(a_message(), key=KEY, draft=draft).remote_id == draft


def test_a_send_that_leaves_a_draft_is_unknown() -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        draft = channel.prepare(a_message(), key=KEY)
        platform.faults.append(Fault.refuse(200, body={"id": draft, "status": "draft"}))

        with pytest.raises(UnknownOutcome):
            channel.send(a_message(), key=KEY, draft=draft)


@pytest.mark.parametrize(
    "status",
    ["about_to_send", "scheduled", "in_flight", "throttled", "paused", "sent", "resending"],
)
def test_an_accepted_email_is_found(status: str) -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        draft = channel.prepare(a_message(), key=KEY)
        platform.emails[draft]["status"] = status

        found = channel.find(a_message(), key=KEY, draft=draft, since=LONG_AGO)

        assert found is not None
        assert found.remote_id == draft


@pytest.mark.parametrize("status", ["errored", "suppressed", "deleted", "managed_by_rss", "new"])
def test_a_doubtful_status_is_neither_found_nor_absent(status: str) -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        draft = channel.prepare(a_message(), key=KEY)
        platform.emails[draft]["status"] = status

        with pytest.raises(UnknownOutcome, match=f"{status}.*buttondown.com/emails"):
            channel.find(a_message(), key=KEY, draft=draft, since=LONG_AGO)


def test_a_draft_that_vanished_is_not_absent() -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        draft = channel.prepare(a_message(), key=KEY)
        platform.emails.clear()

        with pytest.raises(UnknownOutcome):
            channel.find(a_message(), key=KEY, draft=draft, since=LONG_AGO)


def test_without_a_draft_nothing_was_sent() -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)

        assert channel.find(a_message(), key=KEY, draft=None, since=LONG_AGO) is None


def test_a_duplicate_draft_of_ours_is_taken_up() -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        first = channel.prepare(a_message(), key=KEY)
        platform.forgets_keys = platform.refuses_same_subject = True

        assert channel.prepare(a_message(), key=KEY) == first


def test_a_duplicate_that_was_sent_is_evidence() -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        first = channel.prepare(a_message(), key=KEY)
        channel.send(a_message(), key=KEY, draft=first)
        platform.forgets_keys = platform.refuses_same_subject = True

        with pytest.raises(DuplicateContent) as caught:
            channel.prepare(a_message(), key=KEY)

        assert caught.value.remote_id == first
        assert caught.value.remote_url == "https://buttondown.com/bench/archive/1/"


def test_a_duplicate_of_somebody_else_names_nothing() -> None:
    with ButtondownPlatform() as platform:
        channel = open_channel(platform.url)
        channel.prepare(a_message(), key="another")
        platform.refuses_same_subject = True

        with pytest.raises(DuplicateContent) as caught:
            channel.prepare(a_message(), key=KEY)

        assert caught.value.remote_id is None


def test_a_refused_connection_while_preparing_is_not_delivered() -> None:
    with ButtondownPlatform() as platform:
        url = platform.url

    with pytest.raises(NotDelivered) as caught:
        open_channel(url).prepare(a_message(), key=KEY)

    assert not caught.value.permanent
