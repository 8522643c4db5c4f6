"""What the author of a channel needs to test it: a message factory and the contract suite.

Needs pytest, which is imported only when the suite runs.
"""

# ruff: noqa: S101 (the assertions are what this module is for)

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from publisher.channels import ChannelContext
from publisher.model import Channel, Message, Receipt
from publisher.model.errors import NotDelivered

if TYPE_CHECKING:
    import pytest

KEY = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"


def a_message(**changes: Any) -> Message:
    """Give a message that every channel can send, changed as told."""
    message = Message(
        text="Six steps. No chaos.\n\nhttps://example.org/blog/pattern",
        link="https://example.org/blog/pattern",
        title="The Pattern That Prevents Chaos",
        description="Six steps & no chaos",
        subject="The Pattern That Prevents Chaos",
        html="<p>Six steps. <a href='https://example.org/blog/pattern'>No chaos.</a></p>",
    )
    return replace(message, **changes)


def a_context(**changes: Any) -> ChannelContext:
    """Give the context of a channel, changed as told."""
    context = ChannelContext(
        name="pigeon", site="sample", site_url="https://example.org", state_dir=Path("nowhere")
    )
    return replace(context, **changes)


class Platform(Protocol):
    """A local double of the service, with state. Each fault hits the next request only."""

    @property
    def url(self) -> str:
        """The address to give to the channel."""

    @property
    def accepted(self) -> Sequence[Any]:
        """What the public would see."""

    @property
    def requests(self) -> Sequence[Any]:
        """Everything that arrived."""

    def refuse_credentials(self) -> None:
        """Refuse as the service does when the token is wrong (HTTP: 401)."""

    def ask_to_wait(self, seconds: int) -> None:
        """Refuse for now, and say for how long, as the service does (HTTP: 429)."""

    def accept_then_reset(self) -> None:
        """Act on the request, then reset the connection."""

    def accept_then_hang(self) -> None:
        """Act on the request, then say nothing."""

    def accept_then_fail(self) -> None:
        """Act on the request, then answer with a fault of the server (HTTP: 5xx)."""

    def redirect(self, url: str) -> None:
        """Answer with a redirect that keeps method and body (HTTP: 307)."""


class ChannelContract:
    """The questions that every channel must answer; inherit it in the channel's test class.

    ::

        class TestPigeon(ChannelContract):
            secrets = ("the-token-given-to-the-channel",)
            counts = {"żółw 🐢": 6}

            def open_platform(self):
                return PigeonPlatform()

            def open_channel(self, url):
                return Pigeon({"api_url": url, "token": Secret(self.secrets[0])}, a_context())

    Where a question makes no sense for a service (no credentials, no length), set its test to
    ``None``: ``test_length_is_counted_as_the_service_does = None``.
    Add ``KeyContract`` or ``LookupContract`` when ``recovery`` promises what they ask for.
    """

    secrets: ClassVar[tuple[str, ...]] = ()  # the values that must never be seen
    counts: ClassVar[Mapping[str, int]] = {}  # text -> length

    def open_platform(self) -> AbstractContextManager[Platform]:
        """Start the double of the service; leaving the context stops it."""
        raise NotImplementedError

    def open_channel(self, url: str) -> Channel:
        """Make a channel that talks to ``url`` and waits well under a second for answers."""
        raise NotImplementedError

    def a_message(self, **changes: Any) -> Message:
        """Give a message that the channel can send."""
        return a_message(**changes)

    def test_opening_a_channel_makes_no_request(self) -> None:
        with self.open_platform() as platform:
            self.open_channel(platform.url)

            assert not platform.requests

    def test_a_message_is_sent_once(self) -> None:
        with self.open_platform() as platform:
            receipt = _deliver(self.open_channel(platform.url), self.a_message())

            assert receipt.remote_id
            assert len(platform.accepted) == 1

    def test_wrong_credentials_close_the_channel(self) -> None:
        with self.open_platform() as platform:
            error = self._failure(platform, platform.refuse_credentials)

            assert isinstance(error, NotDelivered)
            assert error.needs_auth
            assert not platform.accepted

    def test_a_rate_limit_carries_its_delay(self) -> None:
        with self.open_platform() as platform:
            error = self._failure(platform, lambda: platform.ask_to_wait(1234))

            assert isinstance(error, NotDelivered)
            assert error.retry_after == timedelta(seconds=1234)
            assert not error.permanent

    def test_a_refused_connection_is_not_delivered(self) -> None:
        with nobody_listening() as url:
            error = _send_failure(self.open_channel(url), self.a_message(), draft=None)

            assert isinstance(error, NotDelivered)
            assert not error.permanent

    def test_a_reset_after_the_request_leaves_the_outcome_unknown(self) -> None:
        with self.open_platform() as platform:
            error = self._failure(platform, platform.accept_then_reset)

            assert not isinstance(error, NotDelivered)
            assert len(platform.accepted) == 1  # and the channel did not try again

    def test_silence_after_the_request_leaves_the_outcome_unknown(self) -> None:
        with self.open_platform() as platform:
            error = self._failure(platform, platform.accept_then_hang)

            assert not isinstance(error, NotDelivered)
            assert len(platform.accepted) == 1

    def test_a_fault_of_the_server_leaves_the_outcome_unknown(self) -> None:
        with self.open_platform() as platform:
            error = self._failure(platform, platform.accept_then_fail)

            assert not isinstance(error, NotDelivered)
            assert len(platform.accepted) == 1

    def test_a_redirect_is_not_followed(self) -> None:
        with self.open_platform() as platform, self.open_platform() as elsewhere:
            self._failure(platform, lambda: platform.redirect(elsewhere.url + "/elsewhere"))

            assert not elsewhere.requests
            assert not platform.accepted

    def test_no_secret_is_shown(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with self.open_platform() as platform, nobody_listening() as nowhere:
            channel = self.open_channel(platform.url)
            away = self.open_channel(nowhere)
            shown = [
                repr(channel),
                str(_deliver(channel, self.a_message())),
                _shown(self._failure(platform, platform.refuse_credentials)),
                _shown(self._failure(platform, platform.accept_then_fail)),
                _shown(self._failure(platform, platform.accept_then_reset)),
                _shown(self._failure(platform, platform.accept_then_hang)),
                _shown(_send_failure(away, self.a_message(), draft=None)),
            ]

        everything = "\n".join([*shown, *map(repr, map(vars, caplog.records)), caplog.text])
        assert self.secrets, "name the secrets, or set this test to None"
        assert [secret for secret in self.secrets if secret in everything] == []

    def test_length_is_counted_as_the_service_does(self) -> None:
        with self.open_platform() as platform:
            count = self.open_channel(platform.url).limits.count

        assert self.counts, "give texts with their lengths, or set this test to None"
        assert {text: count(text) for text in self.counts} == self.counts

    def test_a_text_over_the_limit_is_refused_for_good(self) -> None:
        with self.open_platform() as platform:
            channel = self.open_channel(platform.url)
            length = channel.limits.length
            assert length is not None, "the channel has no limit: set this test to None"
            error = _send_failure(channel, self.a_message(text="x" * (length + 1)), draft=None)

            assert isinstance(error, NotDelivered)
            assert error.permanent
            assert not platform.accepted

    def _failure(self, platform: Platform, fault: Any) -> Exception:
        """Deliver with a fault on the request that sends."""
        channel = self.open_channel(platform.url)
        message = self.a_message()
        draft = _prepare(channel, message)
        fault()
        return _send_failure(channel, message, draft=draft)


class KeyContract(ChannelContract):
    """For channels whose ``recovery`` is KEY: the service must see the key and honour it."""

    def keys_seen(self, platform: Platform) -> Sequence[str]:
        """Give the idempotency key of each request that asked the service to send."""
        raise NotImplementedError

    def test_the_key_is_passed(self) -> None:
        with self.open_platform() as platform:
            _deliver(self.open_channel(platform.url), self.a_message())

            assert [key for key in self.keys_seen(platform) if KEY not in key] == []
            assert self.keys_seen(platform)

    def test_a_repeat_with_the_same_key_sends_nothing_new(self) -> None:
        with self.open_platform() as platform:
            channel = self.open_channel(platform.url)
            message = self.a_message()
            draft = _prepare(channel, message)
            platform.accept_then_reset()
            _send_failure(channel, message, draft=draft)

            receipt = channel.send(message, key=KEY, draft=draft)

            assert receipt.remote_id
            assert len(platform.accepted) == 1


class LookupContract(ChannelContract):
    """For channels whose ``recovery`` is LOOKUP: what the service holds must be found."""

    def test_what_was_sent_is_found(self) -> None:
        with self.open_platform() as platform:
            channel: Any = self.open_channel(platform.url)
            message = self.a_message()
            draft = _prepare(channel, message)
            platform.accept_then_reset()
            _send_failure(channel, message, draft=draft)

            found = channel.find(message, key=KEY, draft=draft, since=_long_ago())

            assert found.remote_id
            assert len(platform.accepted) == 1

    def test_what_was_not_sent_is_absent(self) -> None:
        with self.open_platform() as platform:
            channel: Any = self.open_channel(platform.url)
            message = self.a_message()
            draft = _prepare(channel, message)

            assert channel.find(message, key=KEY, draft=draft, since=_long_ago()) is None

    def test_a_failed_look_up_does_not_say_absent(self) -> None:
        import pytest

        with self.open_platform() as platform:
            channel: Any = self.open_channel(platform.url)
            message = self.a_message()
            draft = _prepare(channel, message)
            platform.accept_then_fail()

            with pytest.raises(Exception):  # noqa: B017, PT011 (any exception says "unknown")
                channel.find(message, key=KEY, draft=draft, since=_long_ago())


@contextmanager
def nobody_listening() -> Iterator[str]:
    """Give a local URL at which every connection is refused, for as long as the context lasts."""
    with socket.socket() as bound:  # bound and not listening: nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def _prepare(channel: Any, message: Message) -> str | None:
    if not hasattr(channel, "prepare"):
        return None
    draft: str | None = channel.prepare(message, key=KEY)
    return draft


def _deliver(channel: Channel, message: Message) -> Receipt:
    return channel.send(message, key=KEY, draft=_prepare(channel, message))


def _send_failure(channel: Channel, message: Message, *, draft: str | None) -> Exception:
    import pytest

    with pytest.raises(Exception) as caught:  # noqa: PT011 (the caller looks at what it is)
        channel.send(message, key=KEY, draft=draft)
    return caught.value


def _shown(error: Exception) -> str:
    """Give all that a log, a ledger or a traceback could show of an error."""
    return "\n".join(
        [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    )


def _long_ago() -> datetime:
    return datetime(2020, 1, 1, tzinfo=UTC)
