"""SMTP: every failure before the final dot is certain, silence after it is not."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from publisher.channels import ChannelContext
from publisher.channels._http import UnknownOutcome
from publisher.channels.smtp import Smtp
from publisher.channels.testing import KEY, ChannelContract, a_message
from publisher.model import RecoveryKind
from publisher.model.errors import ConfigError, NotDelivered
from publisher.model.secret import Secret
from tests.platforms.smtp import (
    HANG,
    PASSWORD,
    RESET,
    USERNAME,
    SmtpFault,
    SmtpPlatform,
    make_certificate,
)


def open_channel(url: str, *, answer_timeout_s: float = 0.6, **options: Any) -> Smtp:
    context = ChannelContext(
        name="mail", site="bench", site_url="https://example.org", state_dir=Path("unused")
    )
    wanted = {
        "host": "127.0.0.1",
        "port": urlsplit(url).port,
        "security": "none",
        "sender": "Wörkbench <bench@example.org>",
        "to": ("ada@example.net", "bob@example.net"),
        "answer_timeout": answer_timeout_s,
    }
    return Smtp({**wanted, **options}, context)


def send(channel: Smtp, **changes: Any) -> Any:
    return channel.send(a_message(**changes), key=KEY, draft=None)


def parse(mail: dict[str, Any]) -> EmailMessage:
    return message_from_string(mail["content"], policy=SMTP_POLICY)


class TestContract(ChannelContract):
    secrets = (PASSWORD,)
    test_a_rate_limit_carries_its_delay = None  # type: ignore[assignment]  # SMTP names no delay
    test_a_redirect_is_not_followed = None  # type: ignore[assignment]
    test_length_is_counted_as_the_service_does = None  # type: ignore[assignment]  # no limit
    test_a_text_over_the_limit_is_refused_for_good = None  # type: ignore[assignment]

    def open_platform(self) -> Any:
        return SmtpPlatform(wants_login=True)

    def open_channel(self, url: str) -> Smtp:
        return open_channel(url, username=USERNAME, password=Secret(PASSWORD))


# --- the mail


def test_the_mail_has_a_text_and_an_html_part() -> None:
    with SmtpPlatform() as platform:
        send(open_channel(platform.url), text="Sechs Schritte. Grüße!", html="<p>Grüße</p>")

        mail = parse(platform.accepted[0])
        parts = [(part.get_content_type(), part.get_content()) for part in mail.iter_parts()]
        assert mail.get_content_type() == "multipart/alternative"
        assert parts == [
            ("text/plain", "Sechs Schritte. Grüße!\r\n"),
            ("text/html", "<p>Grüße</p>\r\n"),
        ]


def test_the_headers_are_the_message_s() -> None:
    with SmtpPlatform() as platform:
        send(open_channel(platform.url), subject="Grüße 🐢")

        mail = parse(platform.accepted[0])
        assert mail["Subject"] == "Grüße 🐢"
        assert mail["From"] == "Wörkbench <bench@example.org>"
        assert mail["Message-ID"] == f"<{KEY}@example.org>"


def test_recipients_do_not_see_each_other() -> None:
    with SmtpPlatform() as platform:
        send(open_channel(platform.url))

        assert platform.accepted[0]["recipients"] == ["ada@example.net", "bob@example.net"]
        assert "example.net" not in platform.accepted[0]["content"]


def test_a_list_address_is_shown_as_the_recipient() -> None:
    with SmtpPlatform() as platform:
        send(open_channel(platform.url, list_address="Readers <readers@example.org>"))

        assert parse(platform.accepted[0])["To"] == "Readers <readers@example.org>"


def test_the_same_message_gives_the_same_bytes() -> None:
    with SmtpPlatform() as platform:
        send(open_channel(platform.url))
        send(open_channel(platform.url))

        assert platform.accepted[0]["content"] == platform.accepted[1]["content"]


def test_a_long_unsubscribe_address_stays_whole() -> None:
    page = "https://example.org/unsubscribe/" + "x" * 200
    with SmtpPlatform() as platform:
        send(open_channel(platform.url, list_unsubscribe=page))

        content = platform.accepted[0]["content"]
        assert f"List-Unsubscribe: <{page}>\r\n" in content
        assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content


@pytest.mark.parametrize("ending", ["\n.\nMAIL FROM:<e@example.net>", "\r.\r", "\n.\r\n..\n"])
def test_a_text_cannot_end_the_mail(ending: str) -> None:
    text = f"before{ending}\nafter"
    with SmtpPlatform() as platform:
        send(open_channel(platform.url), text=text)

        shown = parse(platform.accepted[0]).get_body(("plain",))
        assert shown is not None
        assert shown.get_content().splitlines() == text.splitlines()
        assert len(platform.accepted) == 1


@pytest.mark.parametrize("subject", ["Six\r\nBcc: eve@example.net", "Six\nsteps", "Six\rsteps"])
def test_a_line_break_in_the_subject_is_refused_for_good(subject: str) -> None:
    with SmtpPlatform() as platform:
        with pytest.raises(NotDelivered) as caught:
            send(open_channel(platform.url), subject=subject)

        assert caught.value.permanent
        assert platform.requests == []


def test_a_text_without_utf8_form_is_refused_for_good() -> None:
    with SmtpPlatform() as platform:
        with pytest.raises(NotDelivered) as caught:
            send(open_channel(platform.url), text="\ud800")

        assert caught.value.permanent


# --- outcomes


@pytest.mark.parametrize("step", ["MAIL", "DATA", "DOT"])
def test_a_refusal_for_good_is_permanent(step: str) -> None:
    with SmtpPlatform() as platform:
        platform.faults.append(SmtpFault(step=step, reply="554 5.7.1 no mail from you"))

        with pytest.raises(NotDelivered, match=r"554 5\.7\.1 no mail") as caught:
            send(open_channel(platform.url))

        assert caught.value.permanent
        assert platform.accepted == []


@pytest.mark.parametrize("step", ["MAIL", "DATA", "DOT"])
def test_a_refusal_for_now_may_be_tried_again(step: str) -> None:
    with SmtpPlatform() as platform:
        platform.faults.append(SmtpFault(step=step, reply="451 4.3.0 come back later"))

        with pytest.raises(NotDelivered, match=r"451 4\.3\.0 come back") as caught:
            send(open_channel(platform.url))

        assert not caught.value.permanent
        assert platform.accepted == []


@pytest.mark.parametrize("ending", [RESET, HANG])
@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_content_is_not_delivered(step: str, ending: str) -> None:
    with SmtpPlatform() as platform:
        platform.faults.append(SmtpFault(step=step, reply=ending))

        with pytest.raises(NotDelivered) as caught:
            send(open_channel(platform.url, answer_timeout_s=0.2))

        assert not caught.value.permanent


@pytest.mark.parametrize("step", ["BODY", "DOT"])
@pytest.mark.parametrize("ending", [RESET, HANG])
def test_a_connection_lost_after_the_content_began_is_unknown(step: str, ending: str) -> None:
    with SmtpPlatform() as platform:
        platform.faults.append(SmtpFault(step=step, reply=ending))

        with pytest.raises(UnknownOutcome):
            send(open_channel(platform.url, answer_timeout_s=0.2))


def test_one_refused_recipient_does_not_stop_the_others() -> None:
    with SmtpPlatform() as platform:
        platform.faults.append(SmtpFault(step="RCPT", reply="550 5.1.1 no such user ada"))

        receipt = send(open_channel(platform.url))

        assert receipt.note == "1 of 2 recipients were refused"
        assert platform.accepted[0]["recipients"] == ["bob@example.net"]


def test_recipients_refused_for_good_are_permanent_and_unnamed() -> None:
    with SmtpPlatform() as platform:
        platform.faults += [SmtpFault(step="RCPT", reply="550 no user ada@example.net")] * 2

        with pytest.raises(NotDelivered, match=r"every recipient \(550\)") as caught:
            send(open_channel(platform.url))

        assert caught.value.permanent
        assert "ada" not in str(caught.value)


def test_one_recipient_refused_for_now_is_worth_another_try() -> None:
    with SmtpPlatform() as platform:
        platform.faults.append(SmtpFault(step="RCPT", reply="550 no such user"))
        platform.faults.append(SmtpFault(step="RCPT", reply="450 grey-listed"))

        with pytest.raises(NotDelivered, match=r"\(450, 550\)") as caught:
            send(open_channel(platform.url))

        assert not caught.value.permanent


def test_nobody_can_look_but_a_person() -> None:
    channel = open_channel("smtp://127.0.0.1:25")

    assert channel.recovery.kind is RecoveryKind.NONE
    assert "bench@example.org" in channel.recovery.look_at


# --- signing in


def test_a_wrong_password_asks_for_another() -> None:
    with SmtpPlatform(wants_login=True) as platform:
        channel = open_channel(platform.url, username=USERNAME, password=Secret("wrong"))

        with pytest.raises(NotDelivered) as caught:
            send(channel)

        assert caught.value.needs_auth
        assert not caught.value.permanent


def test_a_server_that_wants_a_login_asks_for_credentials() -> None:
    with SmtpPlatform(wants_login=True) as platform:
        with pytest.raises(NotDelivered) as caught:
            send(open_channel(platform.url))

        assert caught.value.needs_auth


def test_a_login_that_fails_for_now_may_be_tried_again() -> None:
    with SmtpPlatform(wants_login=True) as platform:
        platform.faults += [SmtpFault(step="AUTH", reply="454 4.7.0 try later")] * 2
        channel = open_channel(platform.url, username=USERNAME, password=Secret(PASSWORD))

        with pytest.raises(NotDelivered) as caught:
            send(channel)

        assert not caught.value.needs_auth
        assert not caught.value.permanent


def test_a_password_outside_ascii_is_not_quoted() -> None:
    with SmtpPlatform(wants_login=True) as platform:
        channel = open_channel(platform.url, username=USERNAME, password=Secret("pässwörd"))

        with pytest.raises(NotDelivered) as caught:
            send(channel)

        assert caught.value.needs_auth
        assert "pässwörd" not in repr(vars(caught.value)) + str(caught.value)


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def a_server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize(("security", "at_once"), [("starttls", False), ("tls", True)])
def test_the_mail_goes_over_tls(certificate: Path, security: str, at_once: bool) -> None:
    tls = a_server_context(certificate)
    with SmtpPlatform(tls=tls, tls_at_once=at_once) as platform:
        channel = open_channel(
            platform.url,
            security=security,
            ca_file=str(certificate),
            username=USERNAME,
            password=Secret(PASSWORD),
        )

        send(channel)

        assert len(platform.accepted) == 1


@pytest.mark.parametrize(("security", "at_once"), [("starttls", False), ("tls", True)])
def test_an_untrusted_certificate_gets_nothing(
    certificate: Path, security: str, at_once: bool
) -> None:
    tls = a_server_context(certificate)
    with SmtpPlatform(tls=tls, tls_at_once=at_once) as platform:
        with pytest.raises(NotDelivered, match="certificate"):
            send(open_channel(platform.url, security=security))

        assert platform.accepted == []


def test_a_server_without_starttls_gets_nothing() -> None:
    with SmtpPlatform() as platform:
        with pytest.raises(NotDelivered, match="STARTTLS"):
            send(open_channel(platform.url, security="starttls"))

        assert platform.accepted == []


def test_a_missing_ca_file_is_named(tmp_path: Path) -> None:
    with SmtpPlatform() as platform, pytest.raises(NotDelivered, match="No such file"):
        send(open_channel(platform.url, security="tls", ca_file=str(tmp_path / "no.pem")))


# --- options


def test_plain_text_to_a_distant_host_is_refused() -> None:
    with pytest.raises(ConfigError, match="security: none"):
        open_channel("smtp://x:25", host="mail.example.org")


def test_plain_text_to_a_distant_host_can_be_allowed() -> None:
    open_channel("smtp://x:25", host="mail.example.org", allow_plain=True)


def test_every_problem_of_the_options_is_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        open_channel(
            "smtp://x:25",
            security="ssl",
            username="bench",
            list_unsubscribe="http://example.org/u",
            sender="Bench, Inc <bench@example.org>",
            to=("ada@example.net\r\nRCPT TO:<eve@example.net>", "żółw@example.net"),
        )

    assert str(caught.value).count("channels.mail: ") == 6


def test_an_international_site_still_gives_an_ascii_message_id() -> None:
    context = ChannelContext(
        name="mail", site="bench", site_url="https://bücher.example", state_dir=Path("unused")
    )
    with SmtpPlatform() as platform:
        options = {"host": "127.0.0.1", "port": platform.port, "security": "none"}
        people = {"sender": "bench@example.org", "to": ["ada@example.net"]}

        send(Smtp({**options, **people}, context))

        assert parse(platform.accepted[0])["Message-ID"] == f"<{KEY}@example.org>"


def test_a_mail_is_dated_by_the_instant_it_was_written_for_sending() -> None:
    at = datetime(2027, 3, 9, 8, 0, 7, tzinfo=UTC)
    with SmtpPlatform() as platform:
        send(open_channel(platform.url), at=at)

        assert parse(platform.accepted[0])["Date"] == "Tue, 09 Mar 2027 08:00:07 +0000"


# --- more recipients than the server takes ----------------------------------------------------

READERS = tuple(f"reader{number}@example.net" for number in range(1, 8))


def recipients(platform: SmtpPlatform) -> list[list[str]]:
    return [mail["recipients"] for mail in platform.accepted]


@pytest.mark.parametrize(
    ("most", "sizes"), [(3, [3, 3, 1]), (6, [6, 1]), (7, [7]), (1, [1] * 7), (None, [7])]
)
def test_those_beyond_the_limit_get_it_in_another_transaction(
    most: int | None, sizes: list[int]
) -> None:
    with SmtpPlatform(most=most) as platform:
        receipt = send(open_channel(platform.url, to=READERS))

        assert [len(group) for group in recipients(platform)] == sizes
        assert sorted(name for group in recipients(platform) for name in group) == sorted(READERS)
        assert len({mail["content"] for mail in platform.accepted}) == 1
    assert receipt.missing == ""
    assert receipt.note == ""


@pytest.mark.parametrize(
    "fault",
    [
        SmtpFault(step="MAIL", reply="451 4.3.0 later"),
        SmtpFault(step="MAIL", reply="550 5.7.1 enough for today"),
        SmtpFault(step="MAIL", reply=RESET),
        SmtpFault(step="RCPT", reply="452 4.5.3 Too many messages"),
        SmtpFault(step="DATA", reply=HANG),
        SmtpFault(step="DOT", reply="554 5.7.1 spam"),
        SmtpFault(step="DOT", reply=RESET, accept=True),
    ],
    ids=["mail later", "mail refused", "mail reset", "rcpt", "data", "dot refused", "dot lost"],
)
def test_a_rest_that_fails_is_named_and_nobody_gets_it_twice(fault: SmtpFault) -> None:
    class Platform(SmtpPlatform):
        def accept(self, envelope: Any) -> None:
            super().accept(envelope)
            if len(self.accepted) == 1:  # from then on it goes wrong
                self.faults.append(fault)

    with Platform(most=6) as platform:
        receipt = send(open_channel(platform.url, to=READERS))

        assert recipients(platform)[0] == list(READERS[:6])
        assert len(platform.accepted) <= 2
    assert receipt.remote_id == f"<{KEY}@example.org>"
    assert "6 of 7 recipients were served" in receipt.missing
    assert "reader7@example.net" in receipt.missing


def test_a_recipient_refused_for_now_is_named_and_one_refused_for_good_is_counted() -> None:
    with SmtpPlatform() as platform:
        platform.faults += [
            SmtpFault(step="RCPT", reply="450 4.2.0 greylisted"),
            SmtpFault(step="RCPT", reply="550 5.1.1 no such user"),
        ]
        receipt = send(open_channel(platform.url, to=READERS))

        assert recipients(platform) == [list(READERS[2:])]
    assert "reader1@example.net" in receipt.missing
    assert "reader2" not in receipt.missing
    assert receipt.note == "1 of 7 recipients were refused"


@pytest.mark.parametrize("reply", ["550 5.5.3 Too many", "451 4.5.3 Too many", "450 4.5.3 no"])
def test_a_limit_of_recipients_is_known_by_its_enhanced_code(reply: str) -> None:
    with SmtpPlatform() as platform:
        platform.faults.append(SmtpFault(step="RCPT", reply=reply))
        receipt = send(open_channel(platform.url, to=READERS))

        assert recipients(platform) == [list(READERS[1:]), [READERS[0]]]
    assert (receipt.missing, receipt.note) == ("", "")


def test_a_first_transaction_that_fails_sends_nothing() -> None:
    with SmtpPlatform(most=3) as platform:
        platform.faults.append(SmtpFault(step="DOT", reply="451 4.3.0 later"))
        with pytest.raises(NotDelivered):
            send(open_channel(platform.url, to=READERS))

        assert platform.accepted == []


# --- one limit of time for all of it ----------------------------------------------------------


def dripping(*, first: bytes, drip: bytes) -> Any:
    """Serve one session that greets, answers with ``first`` and then drips for ever."""

    @contextmanager
    def serve() -> Iterator[int]:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(5)
        is_over = threading.Event()

        def talk() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(5)
                    connection.sendall(first)
                    while not is_over.wait(0.01):
                        connection.sendall(drip)

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            is_over.set()
            listener.close()
            thread.join()

    return serve()


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"220 hi\r\n", b"250-more\r\n"),
        (b"", b"220-welcome\r\n"),
        (b"220 hi\r\n250-x\r\n250 SIZE\r\n250 ok\r\n250 ok\r\n354 go\r\n", b"250-more\r\n"),
        (b"220 hi\r\n", b"2"),
    ],
    ids=["EHLO", "greeting", "after the dot", "one letter at a time"],
)
def test_answers_that_never_end_cost_the_channels_timeout(first: bytes, drip: bytes) -> None:
    with dripping(first=first, drip=drip) as port:
        context = ChannelContext(
            name="mail",
            site="bench",
            site_url="https://example.org",
            state_dir=Path("unused"),
            timeout=timedelta(seconds=0.5),
        )
        options = {
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "sender": "bench@example.org",
            "to": ("ada@example.net",),
        }
        begun_s = time.monotonic()
        with pytest.raises(UnknownOutcome if b"354" in first else NotDelivered) as caught:
            send(Smtp(options, context))

    assert time.monotonic() - begun_s < 3
    if isinstance(caught.value, NotDelivered):
        assert "hung up after 0.5 s" in caught.value.what


def test_a_flood_of_lines_is_left() -> None:
    with dripping(first=b"220 hi\r\n", drip=b"250-more\r\n" * 10_000) as port:
        channel = open_channel(f"smtp://127.0.0.1:{port}", answer_timeout_s=5)
        with pytest.raises(NotDelivered, match="no end"):
            send(channel)


@pytest.mark.parametrize("first", [b"220 plain text\r\n", b"\x15\x03\x01\x00\x02\x02\x28"])
def test_a_handshake_that_fails_sends_nothing(first: bytes) -> None:
    with dripping(first=first, drip=b" ") as port, pytest.raises(NotDelivered) as caught:
        send(open_channel(f"smtp://127.0.0.1:{port}", security="tls"))

    assert not caught.value.permanent
