"""LinkedIn against a local double that cuts unescaped texts short as LinkedIn does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from publisher.channels._http import UnknownOutcome
from publisher.channels.linkedin import LinkedIn, little_text, plain_text
from publisher.channels.testing import KEY, ChannelContract, LookupContract, a_context, a_message
from publisher.model import Image, Message, RecoveryKind
from publisher.model.errors import DuplicateContent, NotDelivered
from publisher.model.secret import Secret
from tests.platforms.linkedin import MEMBER, MIDNIGHT, ORGANIZATION, TOKEN, LinkedInPlatform
from tests.platforms.server import Answer, Fault, PlatformServer, Request

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def a_channel(url: str, **changes: str) -> LinkedIn:
    options = {"author": MEMBER, "token": Secret(TOKEN), "api_url": url, **changes}
    return LinkedIn(options, a_context(timeout=timedelta(seconds=1.5)))


def an_organisation(url: str) -> LinkedIn:
    return a_channel(url, author=ORGANIZATION)


def with_image() -> Message:
    image = Image(url="https://example.org/p.png", path="p.png", alt="A workbench")
    return a_message(image=image, image_bytes=PNG)


def send(channel: LinkedIn, message: Message | None = None, draft: str | None = None) -> Any:
    return channel.send(message or a_message(), key=KEY, draft=draft)


def find(channel: LinkedIn, message: Message, since: datetime = LONG_AGO) -> Any:
    return channel.find(message, key=KEY, draft=None, since=since)


def refused(status: int, body: Any, headers: dict[str, str] | None = None) -> NotDelivered:
    with LinkedInPlatform() as platform:
        platform.faults.append(Fault.refuse(status, headers, body))
        with pytest.raises(NotDelivered) as caught:
            send(a_channel(platform.url))
    return caught.value


class TestMember(ChannelContract):
    secrets = (TOKEN,)
    counts: ClassVar = {"plain": 5, "żółw": 4, "a_b (c)": 10, "#hashtag": 8, "C#": 3}

    def open_platform(self) -> LinkedInPlatform:
        return LinkedInPlatform()

    def open_channel(self, url: str) -> LinkedIn:
        return a_channel(url)


class TestOrganisation(LookupContract, TestMember):
    def open_channel(self, url: str) -> LinkedIn:
        return an_organisation(url)


# --- text


@pytest.mark.parametrize(
    ("text", "commentary"),
    [
        (r"a|b {c} @d [e](f)", r"a\|b \{c\} \@d \[e\]\(f\)"),
        (r"<g> \ *h* _i_ ~j~", r"\<g\> \\ \*h\* \_i\_ \~j\~"),
        ("#workflow and #planning", "#workflow and #planning"),
        ("(#workflow)", r"\(#workflow\)"),
        ("#to_do", r"#to\_do"),
        ("#2027goals", "#2027goals"),
        ("C# is #1, # alone", r"C\# is \#1, \# alone"),
        ("https://example.org/a_b#part", r"https://example.org/a\_b\#part"),
        ("https://example.org/#part", r"https://example.org/\#part"),
        ("##twice", r"\##twice"),
        ("", ""),
    ],
)
def test_reserved_characters_are_escaped_and_hashtags_are_not(text: str, commentary: str) -> None:
    assert little_text(text) == commentary


@pytest.mark.parametrize(
    "text",
    [
        r"a|b {c} @d [e](f) <g> \ *h* _i_ ~j~ #k #1 ##l C# https://example.org/#m",
        "Six steps (no chaos) 🐢\n\n- one_two\n- #three_four",
    ],
)
def test_the_whole_text_is_shown(text: str) -> None:
    with LinkedInPlatform() as platform:
        send(a_channel(platform.url), a_message(text=text))

        assert platform.accepted[0]["shown"] == text


def test_a_hashtag_template_reads_as_a_hashtag() -> None:
    assert plain_text(r"Six {hashtag|\#|steps}  \(no chaos\)") == "Six #steps (no chaos)"


# --- send


def test_the_post_is_public_and_carries_the_card() -> None:
    with LinkedInPlatform() as platform:
        receipt = send(a_channel(platform.url))

        post = platform.accepted[0]
        assert post["author"] == MEMBER
        assert post["visibility"] == "PUBLIC"
        assert post["lifecycleState"] == "PUBLISHED"
        assert post["content"] == {
            "article": {
                "source": "https://example.org/blog/pattern",
                "title": "The Pattern That Prevents Chaos",
                "description": "Six steps & no chaos",
            }
        }
        assert receipt.remote_id == post["id"]
        assert receipt.remote_url == f"https://www.linkedin.com/feed/update/{post['id']}/"


def test_the_card_carries_the_uploaded_image() -> None:
    with LinkedInPlatform() as platform:
        channel = a_channel(platform.url)
        draft = channel.prepare(with_image(), key=KEY)
        assert draft is not None
        assert not platform.accepted

        send(channel, with_image(), draft)

        assert platform.images[draft] == PNG
        assert platform.accepted[0]["content"]["article"]["thumbnail"] == draft


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF\x10\0\0\0WEBPVP8 ",
        b"\0\0\0\x20ftypavif",
        b"\0\0\0\x18ftypheic",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"BM no bitmap",
        b"",
    ],
)
def test_an_image_that_linkedin_does_not_take_is_left_out(data: bytes) -> None:
    image = Image(url="https://example.org/p.png", path="p.png", alt="A workbench")
    with LinkedInPlatform() as platform:
        channel = a_channel(platform.url)

        assert channel.prepare(a_message(image=image, image_bytes=data), key=KEY) is None
        assert not platform.requests


@pytest.mark.parametrize(
    ("statuses", "is_used"),
    [
        (["AVAILABLE"], True),
        (["WAITING_UPLOAD", "PROCESSING", "AVAILABLE"], True),
        (["PROCESSING", "PROCESSING_FAILED"], False),
        (["of a new kind"], True),
        ([], True),  # LinkedIn does not say
    ],
)
def test_an_image_is_waited_for_and_left_out_where_it_failed(
    statuses: list[str], is_used: bool
) -> None:
    with LinkedInPlatform() as platform:
        platform.statuses = list(statuses)

        assert (a_channel(platform.url).prepare(with_image(), key=KEY) is not None) is is_used


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_an_image_whose_upload_is_refused_is_left_out(status: int) -> None:
    with LinkedInPlatform() as platform:
        channel = a_channel(platform.url)
        platform.faults.append(Fault.refuse(status, on="PUT"))

        draft = channel.prepare(with_image(), key=KEY)
        receipt = send(channel, with_image(), draft)

        assert "thumbnail" not in platform.accepted[0]["content"]["article"]
    assert receipt.note == "it went out without its image"


def test_a_post_refused_for_its_image_goes_out_without_it() -> None:
    with LinkedInPlatform() as platform:
        channel = a_channel(platform.url)
        draft = channel.prepare(with_image(), key=KEY)
        platform.statuses = ["PROCESSING_FAILED"]

        receipt = send(channel, with_image(), draft)

        assert len(platform.accepted) == 1
        assert "thumbnail" not in platform.accepted[0]["content"]["article"]
        assert receipt.remote_id == platform.accepted[0]["id"]
    assert "without its image" in receipt.note


def test_a_post_refused_for_another_reason_is_not_sent_again() -> None:
    with LinkedInPlatform() as platform:
        channel = a_channel(platform.url)
        draft = channel.prepare(with_image(), key=KEY)
        platform.faults.append(Fault.refuse(400, body={"code": "FIELD_LENGTH_TOO_LONG"}))

        with pytest.raises(NotDelivered):
            send(channel, with_image(), draft)

        assert platform.accepted == []


def test_without_an_image_nothing_is_prepared() -> None:
    with LinkedInPlatform() as platform:
        assert a_channel(platform.url).prepare(a_message(), key=KEY) is None
        assert not platform.requests


class Elsewhere(PlatformServer):
    def handle(self, request: Request) -> Answer:
        return Answer(status=201)


def test_the_token_stays_with_linkedin() -> None:
    with LinkedInPlatform() as platform, Elsewhere() as elsewhere:
        url = elsewhere.url.replace("127.0.0.1", "localhost")
        place = {"uploadUrl": f"{url}/upload", "image": "urn:li:image:C1"}
        platform.faults.append(Fault.refuse(200, body={"value": place}))

        draft = a_channel(platform.url).prepare(with_image(), key=KEY)

        assert draft == "urn:li:image:C1"
        assert elsewhere.requests[0].body == PNG
        assert "authorization" not in elsewhere.requests[0].headers


@pytest.mark.parametrize("body", [b"", [], {}, {"value": None}, {"value": {"image": "x"}}])
def test_an_upload_that_cannot_be_read_is_unknown(body: Any) -> None:
    with LinkedInPlatform() as platform:
        platform.faults.append(Fault.refuse(200, body=body))

        with pytest.raises(UnknownOutcome):
            a_channel(platform.url).prepare(with_image(), key=KEY)


@pytest.mark.parametrize("headers", [{}, {"x-restli-id": ""}, {"x-restli-id": MEMBER}])
def test_a_success_without_an_id_is_a_success(headers: dict[str, str]) -> None:
    with LinkedInPlatform() as platform:
        platform.faults.append(Fault.accept_then_answer(201, headers))

        receipt = send(a_channel(platform.url))

        assert len(platform.accepted) == 1
    assert (receipt.remote_id, receipt.remote_url) == ("", None)


def test_the_id_is_read_in_any_case() -> None:
    with LinkedInPlatform() as platform:
        urn = "urn:li:ugcPost:7141000000000000001"
        platform.faults.append(Fault.accept_then_answer(201, {"X-RestLi-Id": urn}))

        assert send(a_channel(platform.url)).remote_id == urn


def test_a_duplicate_names_the_earlier_post() -> None:
    with LinkedInPlatform() as platform:
        channel = a_channel(platform.url)
        first = send(channel)

        with pytest.raises(DuplicateContent) as caught:
            send(channel)

    assert caught.value.remote_id == first.remote_id
    assert caught.value.remote_url == first.remote_url


def test_a_duplicate_that_names_a_person_names_no_post() -> None:
    with LinkedInPlatform() as platform:
        body = {"message": f"duplicate of {MEMBER}", "code": "DUPLICATE_POST"}
        platform.faults.append(Fault.refuse(422, body=body))

        with pytest.raises(DuplicateContent) as caught:
            send(a_channel(platform.url))

    assert caught.value.remote_id is None


def test_another_unprocessable_answer_is_permanent() -> None:
    assert refused(422, {"message": "INVALID_URN"}).permanent


@pytest.mark.parametrize(
    ("status", "body"),
    [(426, {"code": "NONEXISTENT_VERSION"}), (400, {"code": "VERSION_MISSING"})],
)
def test_a_version_that_is_gone_names_the_option(status: int, body: Any) -> None:
    error = refused(status, body)

    assert error.permanent
    assert "`version`" in error.hint


def test_an_old_version_is_refused_by_the_service() -> None:
    with LinkedInPlatform() as platform, pytest.raises(NotDelivered) as caught:
        send(a_channel(platform.url, version="202511"))

    assert "`version`" in caught.value.hint


def test_a_missing_permission_is_permanent() -> None:
    error = refused(403, {"code": "ACCESS_DENIED"})

    assert error.permanent
    assert "w_member_social" in error.hint


def test_a_conflict_is_unknown() -> None:
    with LinkedInPlatform() as platform:
        platform.faults.append(Fault.refuse(409, body={"code": "CONFLICT"}))

        with pytest.raises(UnknownOutcome):
            send(a_channel(platform.url))


def test_the_daily_limit_ends_at_midnight_utc() -> None:
    date = {"Date": "Fri, 20 Nov 2026 21:30:00 GMT"}

    assert refused(429, None, date).retry_after == timedelta(hours=2, minutes=30)
    assert refused(429, None, {"Date": "?"}).retry_after is None


def test_the_wait_that_linkedin_names_goes_before_the_daily_limit() -> None:
    headers = {"Date": "Fri, 20 Nov 2026 21:30:00 GMT", "Retry-After": "90"}

    assert refused(429, None, headers).retry_after == timedelta(seconds=90)


# --- recovery


def test_only_an_organisation_can_be_looked_up() -> None:
    member, organisation = a_channel("http://127.0.0.1:9"), an_organisation("http://127.0.0.1:9")

    assert member.recovery.kind is RecoveryKind.NONE
    assert "recent-activity" in member.recovery.look_at
    assert organisation.recovery.kind is RecoveryKind.LOOKUP
    assert "company/5515715" in organisation.recovery.look_at


def test_a_member_is_never_said_to_be_absent() -> None:
    with LinkedInPlatform() as platform:
        with pytest.raises(UnknownOutcome):
            find(a_channel(platform.url), a_message())

        assert not platform.requests


def test_an_organisations_post_is_found_among_many() -> None:
    with LinkedInPlatform(page=2) as platform:
        channel = an_organisation(platform.url)
        sent = send(channel, a_message(text="Six steps (no chaos) #planning"))
        for number in range(5):
            send(channel, a_message(text=f"another {number}"))

        assert find(channel, a_message(text="Six steps (no chaos) #planning")) == sent


def test_an_older_post_is_not_ours() -> None:
    with LinkedInPlatform(clock=lambda: MIDNIGHT - timedelta(hours=24, seconds=1)) as platform:
        channel = an_organisation(platform.url)
        send(channel)

        assert find(channel, a_message(), since=MIDNIGHT) is None


def test_the_same_card_with_other_words_is_not_ours() -> None:
    with LinkedInPlatform() as platform:
        channel = an_organisation(platform.url)
        send(channel, a_message(text="again"))

        assert find(channel, a_message()) is None


def test_the_same_words_with_another_card_are_not_ours() -> None:
    with LinkedInPlatform() as platform:
        channel = an_organisation(platform.url)
        send(channel, a_message(text="a new post", link="https://example.org/blog/another"))

        assert find(channel, a_message(text="a new post")) is None


def test_a_rewritten_card_does_not_hide_a_post_whose_text_has_the_link() -> None:
    with LinkedInPlatform() as platform:
        card = {"article": {"source": "https://lnkd.in/abc", "title": "t"}}
        commentary = little_text(a_message().text)
        order = {"author": ORGANIZATION, "commentary": commentary, "content": card}
        urn = platform.post(order)

        assert find(an_organisation(platform.url), a_message()).remote_id == urn


@pytest.mark.parametrize("body", [b"", [], {}, {"elements": None}, {"elements": [{}]}])
def test_a_list_that_cannot_be_read_does_not_say_absent(body: Any) -> None:
    with LinkedInPlatform() as platform:
        platform.faults.append(Fault.refuse(200, body=body))

        with pytest.raises(UnknownOutcome):
            find(an_organisation(platform.url), a_message())
