"""X against a local double that checks signatures and shortens URLs as X does."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from publisher.channels._http import UnknownOutcome
from publisher.channels.testing import KEY, LookupContract, a_context, a_message
from publisher.channels.x import POST_USD, POST_WITH_URL_USD, X, cost_usd, weighted_length
from publisher.model import Image, Message
from publisher.model.errors import DuplicateContent, NotDelivered
from publisher.model.secret import Secret
from tests.platforms.server import Fault
from tests.platforms.x import CREDENTIALS, NOON, XPlatform

VECTORS = Path(__file__).parent.parent / "data" / "twitter-text" / "validate-v3.yml"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def a_channel(url: str, **changes: str) -> X:
    options: dict[str, Any] = {n: Secret(v) for n, v in {**CREDENTIALS, **changes}.items()}
    return X({**options, "api_url": url}, a_context(timeout=timedelta(seconds=1.5)))


def send(channel: X, message: Message | None = None, draft: str | None = None) -> Any:
    return channel.send(message or a_message(), key=KEY, draft=draft)


def find(channel: X, message: Message, since: datetime = LONG_AGO) -> Any:
    return channel.find(message, key=KEY, draft=None, since=since)


def vectors() -> list[Any]:
    sections = yaml.safe_load(VECTORS.read_text(encoding="utf-8"))["tests"]
    return [
        pytest.param(case["text"], case["expected"]["weightedLength"], id=case["description"])
        for section in sections.values()
        for case in section
    ]


class TestContract(LookupContract):
    secrets = tuple(CREDENTIALS.values())
    counts: ClassVar = {
        "plain": 5,
        "żółw": 4,
        "東京": 4,
        "🐢": 2,
        "see https://example.org/a/long/path": 27,
    }

    def open_platform(self) -> XPlatform:
        return XPlatform()

    def open_channel(self, url: str) -> X:
        return a_channel(url)


@pytest.mark.parametrize(("text", "length"), vectors())
def test_weight_agrees_with_the_official_vectors(text: str, length: int) -> None:
    assert weighted_length(text) == length


def test_a_bare_domain_is_billed_as_a_link() -> None:
    assert cost_usd("six steps") == POST_USD
    assert cost_usd("see https://example.org") == POST_WITH_URL_USD
    assert cost_usd("made with node.js") == POST_USD
    assert cost_usd("read setup.py") == POST_WITH_URL_USD


def test_counting_does_not_import_tweepy() -> None:
    code = (
        "import sys; from publisher.channels.x import X; X.limits.count('https://example.org');"
        "sys.exit('tweepy' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False)

    assert done.returncode == 0


# --- send


def test_the_receipt_leads_to_the_post() -> None:
    with XPlatform() as platform:
        receipt = send(a_channel(platform.url))

        assert receipt.remote_id == platform.accepted[0]["id"]
        assert receipt.remote_url == f"https://x.com/i/web/status/{receipt.remote_id}"
        assert platform.accepted[0]["raw"] == a_message().text


def test_a_wrong_secret_is_found_by_its_signature() -> None:
    with XPlatform() as platform, pytest.raises(NotDelivered) as caught:
        send(a_channel(platform.url, api_secret="another-secret"))

    assert caught.value.needs_auth


def test_a_duplicate_is_evidence() -> None:
    with XPlatform() as platform:
        channel = a_channel(platform.url)
        send(channel)

        with pytest.raises(DuplicateContent):
            send(channel)


def test_an_empty_account_asks_for_credits() -> None:
    with XPlatform(credits=0) as platform, pytest.raises(NotDelivered) as caught:
        send(a_channel(platform.url))

    assert not caught.value.permanent
    assert "top up" in caught.value.hint


def test_another_refusal_is_permanent() -> None:
    with XPlatform() as platform:
        body = {"detail": "You are not permitted to perform this action.", "status": 403}
        platform.faults.append(Fault.refuse(403, body=body))

        with pytest.raises(NotDelivered) as caught:
            send(a_channel(platform.url))

    assert caught.value.permanent
    assert "not permitted" in caught.value.what


@pytest.mark.parametrize("body", [[], ["duplicate"], "no", None, b"<html>Forbidden</html>"])
def test_a_refusal_that_cannot_be_read_may_be_about_a_duplicate(body: Any) -> None:
    with XPlatform() as platform:
        platform.faults.append(Fault.refuse(403, body=body))

        with pytest.raises(UnknownOutcome):
            send(a_channel(platform.url))


@pytest.mark.parametrize("body", [{"errors": None}, ["no"], {"errors": [None]}, b"<html>"])
def test_a_strange_body_does_not_hide_wrong_credentials(body: Any) -> None:
    with XPlatform() as platform:
        platform.faults.append(Fault.refuse(401, body=body))

        with pytest.raises(NotDelivered) as caught:
            send(a_channel(platform.url))

    assert caught.value.needs_auth


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", [], {}, {"data": None}, {"data": []}, {"data": {"id": "a/b"}}, 7),
        b"[" * 100_000,
        b'{"data": {"id": ' + b"9" * 5000 + b"}}",
        b'{"data": {"id": "\\ud83d"}}',
        b"\xff\xfe\x00",
    ],
)
def test_a_success_that_cannot_be_read_is_a_success(body: Any) -> None:
    with XPlatform() as platform:
        platform.faults.append(Fault.accept_then_answer(201, body=body))
        channel = a_channel(platform.url)

        receipt = send(channel)
        found = channel.find(a_message(), key=KEY, draft=None, since=NOON - timedelta(days=9))

        assert len(platform.accepted) == 1
    assert (receipt.remote_id, receipt.remote_url) == ("", None)
    assert found is not None


def limited(headers: dict[str, str], body: Any = None) -> timedelta | None:
    """Give the wait that a 429 with these headers leads to."""
    with XPlatform() as platform:
        platform.faults.append(Fault.refuse(429, headers, body))
        with pytest.raises(NotDelivered) as caught:
            send(a_channel(platform.url))
    return caught.value.retry_after


def test_the_last_limit_to_lift_counts() -> None:
    now = int(NOON.timestamp())
    headers = {
        "Date": "Fri, 20 Nov 2026 12:00:00 GMT",
        "x-rate-limit-reset": str(now + 60),
        "x-user-limit-24hour-reset": str(now + 7200),
        "x-app-limit-24hour-reset": str(now + 3600),
    }

    assert limited(headers) == timedelta(hours=2)


def test_a_limit_without_a_time_lasts_a_window() -> None:
    assert limited({}) == timedelta(minutes=15)
    assert limited({"x-rate-limit-reset": "soon"}) == timedelta(minutes=15)
    assert limited({"x-rate-limit-reset": "1", "Date": "today"}) == timedelta(minutes=15)


def test_a_limit_in_the_past_is_short_and_one_far_away_is_bounded() -> None:
    assert limited({"x-rate-limit-reset": "1"}) == timedelta(seconds=1)
    assert limited({"x-rate-limit-reset": "99999999999"}) == timedelta(days=31)


def test_a_spent_cap_is_not_tried_every_minute() -> None:
    body = {"type": "https://api.twitter.com/2/problems/usage-capped", "title": "UsageCapExceeded"}

    assert limited({"x-rate-limit-reset": "1"}, body) == timedelta(hours=1)


# --- prepare


def with_image(data: bytes, alt: str = "A workbench") -> Message:
    image = Image(url="https://example.org/p.png", path="p.png", alt=alt)
    return a_message(image=image, image_bytes=data)


def test_an_image_is_uploaded_with_its_alt_text_and_posted() -> None:
    with XPlatform() as platform:
        channel = a_channel(platform.url)
        draft = channel.prepare(with_image(PNG), key=KEY)
        assert draft is not None
        assert not platform.accepted

        send(channel, with_image(PNG), draft)

        assert platform.media[draft] == {"bytes": PNG, "alt": "A workbench"}
        assert platform.accepted[0]["media"] == [draft]


@pytest.mark.parametrize(
    "data", [b"<svg/>", b"BM bitmap", PNG + bytes(5 * 1024 * 1024)], ids=["svg", "bmp", "big"]
)
def test_an_image_that_x_does_not_take_is_left_out(data: bytes) -> None:
    with XPlatform() as platform:
        draft = a_channel(platform.url).prepare(with_image(data), key=KEY)

        assert draft is None
        assert not platform.requests


def test_an_image_whose_upload_is_refused_is_left_out() -> None:
    with XPlatform() as platform:
        channel = a_channel(platform.url)
        platform.faults.append(Fault.refuse(400, body={"title": "Invalid media"}))

        draft = channel.prepare(with_image(PNG), key=KEY)
        receipt = send(channel, with_image(PNG), draft)

        assert len(platform.accepted) == 1
    assert draft is None
    assert receipt.note == "it went out without its image"


@pytest.mark.parametrize("body", [b"", ["no"], {}, {"data": {"id": None}}])
def test_an_upload_that_cannot_be_read_sends_nothing(body: Any) -> None:
    with XPlatform() as platform:
        platform.faults.append(Fault.accept_then_answer(200, body=body))

        with pytest.raises(UnknownOutcome):
            a_channel(platform.url).prepare(with_image(PNG), key=KEY)

        assert not platform.accepted


# --- find

FOUND = [
    pytest.param("Six steps.\n\nhttps://example.org/blog/pattern", id="plain"),
    pytest.param("Q & A: is 1 < 2 > 0?\nhttps://example.org/blog/pattern", id="entities"),
    pytest.param("  Six\tsteps. \r\n https://example.org/blog/pattern ", id="blanks"),
    pytest.param("z\u0307o\u0301\u0142w https://example.org/blog/pattern", id="not NFC"),
    pytest.param("example.com, https://example.org/blog/pattern.", id="several URLs"),
    pytest.param("node.js & setup.py https://example.org/blog/pattern", id="accidental URLs"),
    pytest.param("(https://example.org/blog/pattern)", id="brackets"),
    pytest.param("東京https://example.org/blog/pattern です", id="no blanks"),
    pytest.param("&copy; &amp; https://example.org/blog/pattern", id="typed entities"),
    pytest.param("words alone", id="no link"),
]


@pytest.mark.parametrize("text", FOUND)
def test_our_text_is_recognised_after_the_shortening(text: str) -> None:
    with XPlatform() as platform:
        channel = a_channel(platform.url)
        message = a_message(text=text)
        sent = send(channel, message)

        assert find(channel, message) == sent


def test_a_post_with_an_image_is_recognised() -> None:
    with XPlatform() as platform:
        channel = a_channel(platform.url)
        draft = channel.prepare(with_image(PNG), key=KEY)
        sent = send(channel, with_image(PNG), draft)

        assert find(channel, with_image(PNG)) == sent


def test_the_same_link_with_other_words_is_not_ours() -> None:
    with XPlatform() as platform:
        platform.post("Again: six steps.\n\nhttps://example.org/blog/pattern")
        platform.post("Six steps. No chaos.\n\nhttps://example.org/blog/pattern Worth it!")

        assert find(a_channel(platform.url), a_message()) is None


def test_the_same_words_with_another_link_are_not_ours() -> None:
    with XPlatform() as platform:
        platform.post("Six steps. No chaos.\n\nhttps://example.org/blog/another")

        assert find(a_channel(platform.url), a_message()) is None


def test_a_link_may_be_spelled_another_way() -> None:
    message = a_message(text="New: https://example.org/blog/pattern")
    with XPlatform() as platform:
        post_id = platform.post("New: HTTPS://Example.org/blog/pattern/")

        assert find(a_channel(platform.url), message).remote_id == post_id


@pytest.mark.parametrize("link", ["http://127.0.0.1:8080/blog/a?b=1&c", "https://blog.internal/a"])
def test_an_address_that_x_does_not_make_a_link_of_is_found_as_it_stands(link: str) -> None:
    message = a_message(text=f"New: {link}", link=link)
    with XPlatform() as platform:
        channel = a_channel(platform.url)
        sent = send(channel, message)

        assert find(channel, message) == sent


def test_an_older_post_is_not_ours() -> None:
    with XPlatform() as platform:
        platform.post(a_message().text, created_at=NOON - timedelta(hours=24, seconds=1))

        assert find(a_channel(platform.url), a_message(), since=NOON) is None


def test_a_clock_that_is_ahead_by_hours_does_not_hide_a_post() -> None:
    with XPlatform() as platform:
        platform.post(a_message().text, created_at=NOON - timedelta(hours=23))

        assert find(a_channel(platform.url), a_message(), since=NOON)


def test_a_busy_timeline_is_read_to_its_end() -> None:
    with XPlatform(page=2) as platform:
        post_id = platform.post(a_message().text)
        for number in range(5):
            platform.post(f"another post {number}")

        assert find(a_channel(platform.url), a_message()).remote_id == post_id


def test_a_post_appears_after_a_lag() -> None:
    with XPlatform(lag=1) as platform:
        channel = a_channel(platform.url)
        send(channel)

        assert find(channel, a_message()) is None
        assert find(channel, a_message()) is not None


def test_the_account_is_asked_for_once() -> None:
    with XPlatform() as platform:
        channel = a_channel(platform.url)
        find(channel, a_message())
        find(channel, a_message())

        assert [r.path for r in platform.requests].count("/2/users/me") == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        [],
        {},
        {"meta": {}},
        {"meta": {"result_count": 3}},
        {"meta": {"result_count": 0}, "errors": [{"title": "partial"}]},
        {"meta": {"result_count": 1}, "data": [{"id": "1"}]},
    ],
)
def test_a_timeline_that_cannot_be_read_does_not_say_absent(body: Any) -> None:
    with XPlatform() as platform:
        platform.faults.append(Fault.accept_then_answer(200, body=body, on="GET /2/users/2"))

        with pytest.raises(UnknownOutcome):
            find(a_channel(platform.url), a_message())


def test_the_default_host_is_the_one_x_documents() -> None:
    from tweepy import Client

    options = {name: Secret(value) for name, value in CREDENTIALS.items()}
    client: Client = X(options, a_context())._client

    assert client.session._api_url == "https://api.x.com"
