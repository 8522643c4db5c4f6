"""The webhook against a local receiver."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from publisher.channels._http import UnknownOutcome
from publisher.channels.testing import KEY, KeyContract, a_context, a_message, nobody_listening
from publisher.channels.webhook import Webhook
from publisher.model import Image, RecoveryKind
from publisher.model.errors import ConfigError, NotDelivered
from publisher.model.secret import Secret
from tests.platforms.server import Fault
from tests.platforms.webhook import TOKEN, WebhookPlatform


def a_channel(**options: Any) -> Webhook:
    return Webhook(options, a_context(timeout=timedelta(seconds=1.5)))


def send(channel: Webhook) -> Any:
    return channel.send(a_message(), key=KEY, draft=None)


class TestContract(KeyContract):
    secrets = (TOKEN,)
    test_length_is_counted_as_the_service_does = None
    test_a_text_over_the_limit_is_refused_for_good = None

    def open_platform(self) -> WebhookPlatform:
        return WebhookPlatform(token=TOKEN)

    def open_channel(self, url: str) -> Webhook:
        return a_channel(url=f"{url}/hook", token=Secret(TOKEN), idempotent=True)

    def keys_seen(self, platform: Any) -> list[str]:
        return [request.headers["idempotency-key"] for request in platform.requests]


def test_the_receiver_gets_everything_it_may_need() -> None:
    image = Image(url="https://example.org/p.png", path="p.png", alt="A workbench")
    with WebhookPlatform() as platform:
        a_channel(url=platform.url).send(a_message(image=image), key=KEY, draft=None)

        assert platform.requests[0].json() == {
            "key": KEY,
            "text": "Six steps. No chaos.\n\nhttps://example.org/blog/pattern",
            "title": "The Pattern That Prevents Chaos",
            "description": "Six steps & no chaos",
            "link": "https://example.org/blog/pattern",
            "image": "https://example.org/p.png",
            "alt": "A workbench",
        }


def test_the_receivers_own_id_is_kept() -> None:
    with WebhookPlatform() as platform:
        assert send(a_channel(url=platform.url)).remote_id == "1"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"ok", [], {}, {"id": None}, {"id": ""}, {"id": True}),
        b"[" * 100_000,
        b'{"id": ' + b"9" * 5000 + b"}",
        b"\xff\xfe\x00",
    ],
)
def test_without_an_id_the_key_names_the_delivery(body: Any) -> None:
    with WebhookPlatform() as platform:
        platform.faults.append(Fault.accept_then_answer(202, body=body))

        assert send(a_channel(url=platform.url)).remote_id == KEY


def test_only_an_idempotent_receiver_is_asked_again() -> None:
    plain, keyed = (
        a_channel(url="http://[::1]:9/"),
        a_channel(url="http://[::1]:9/", idempotent=True),
    )

    assert plain.recovery.kind is RecoveryKind.NONE
    assert keyed.recovery.kind is RecoveryKind.KEY
    assert keyed.recovery.key_life


@pytest.mark.parametrize(
    "options", [{}, {"url": "http://[::1]:9/", "secret_url": Secret("http://[::1]:9/")}]
)
def test_one_address_is_needed(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="secret_url"):
        a_channel(**options)


@pytest.mark.parametrize("status", [400, 403, 404, 410, 413, 422])
def test_a_refusal_is_permanent(status: int) -> None:
    with WebhookPlatform() as platform:
        platform.faults.append(Fault.refuse(status))

        with pytest.raises(NotDelivered) as caught:
            send(a_channel(url=platform.url))

    assert caught.value.permanent


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 408, 409, 418, 500, 502, 503, 504])
def test_every_other_failure_is_unknown(status: int) -> None:
    with WebhookPlatform() as platform:
        platform.faults.append(Fault.refuse(status, {"Location": "http://[bad"}))

        with pytest.raises(UnknownOutcome):
            send(a_channel(url=platform.url))


def test_person_may_allow_less_time_for_an_answer() -> None:
    context = replace(a_context(), timeout=timedelta(seconds=0.2))
    with WebhookPlatform() as platform:
        platform.faults.append(Fault.accept_then_hang())
        channel = Webhook({"url": platform.url}, context)

        with pytest.raises(UnknownOutcome, match=r"did not answer within 0\.2 s"):
            send(channel)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.accept_then_hang(), "did not answer within 1.5 s"),
        (Fault.accept_then_reset(), "closed the connection before its answer was complete"),
        (Fault.refuse(500, body=b"oops"), "pigeon answered 500: oops"),
        (Fault.refuse(307, {"Location": "/x"}), "307: (empty); the address has moved, correct it"),
    ],
)
def test_each_failure_of_unknown_outcome_reads_differently(fault: Fault, words: str) -> None:
    with WebhookPlatform() as platform:
        platform.faults.append(fault)

        with pytest.raises(UnknownOutcome) as caught:
            send(a_channel(url=platform.url))

    assert words in str(caught.value)


def test_receiver_that_is_not_there_reads_differently_from_a_refusal() -> None:
    with nobody_listening() as nowhere, pytest.raises(NotDelivered) as caught:
        send(a_channel(url=nowhere))

    assert "did not accept the connection: connection refused" in str(caught.value)
    assert not caught.value.permanent


def test_name_that_does_not_exist_is_said_so() -> None:
    with pytest.raises(NotDelivered, match=r"http://no-such-name\.invalid cannot be found"):
        send(a_channel(url="http://no-such-name.invalid/hook"))


def test_query_of_an_address_is_never_shown() -> None:
    with WebhookPlatform() as platform:
        channel = a_channel(url=f"{platform.url}/hook?secret=s3cr3tquery")
        platform.faults.append(Fault.refuse(404, body=b"nothing at /hook?secret=s3cr3tquery"))

        with pytest.raises(NotDelivered) as caught:
            send(channel)

    assert channel.recovery.look_at == f"{platform.url}/hook"
    assert "s3cr3tquery" not in str(caught.value)


def test_a_secret_address_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    path = "/services/T0123456789/q1w2e3r4t5y6"
    query = "key=s3cr3tqueryvalue"
    shown = []
    with WebhookPlatform() as platform, nobody_listening() as nowhere:
        channel = a_channel(secret_url=Secret(f"{platform.url}{path}?{query}"))
        send(channel)
        shown += [repr(channel), str(channel.recovery)]
        for fault in (
            Fault.refuse(404, body=f"no such path: {path}?{query}".encode()),
            Fault.refuse(500, body={"path": path, "query": query}),
            Fault.refuse(500, headers={"odd header": "no colon belongs here"}),
            Fault.accept_then_reset(),
            Fault.accept_then_hang(),
        ):
            platform.faults.append(fault)
            with pytest.raises((NotDelivered, UnknownOutcome)) as caught:
                send(channel)
            shown += [str(caught.value), repr(caught.value)]
        with pytest.raises(NotDelivered) as refused:
            send(a_channel(secret_url=Secret(f"{nowhere}{path}?{query}")))
        shown.append(str(refused.value))

    everything = "\n".join([*shown, caplog.text])
    assert "q1w2e3r4t5y6" not in everything
    assert "T0123456789" not in everything
    assert "s3cr3tqueryvalue" not in everything
    assert len(platform.accepted) == 1
