"""The console channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.channels import ChannelContext
from publisher.channels.console import Console
from publisher.channels.testing import KEY, a_message
from publisher.model import RecoveryKind


def a_console() -> Console:
    context = ChannelContext(
        name="screen", site="bench", site_url="https://example.org", state_dir=Path("unused")
    )
    return Console({}, context)


def test_the_text_is_printed_under_the_channel_s_name(capsys: pytest.CaptureFixture[str]) -> None:
    receipt = a_console().send(a_message(text="Six steps."), key=KEY, draft=None)

    assert capsys.readouterr().out == "[screen]\nSix steps.\n\n"
    assert receipt.remote_id == KEY


def test_a_terminal_gets_no_commands(capsys: pytest.CaptureFixture[str]) -> None:
    a_console().send(a_message(text="Six\x1b[2J\x07 steps.\n\tOr\x9b seven?"), key=KEY, draft=None)

    assert capsys.readouterr().out == "[screen]\nSix[2J steps.\n\tOr seven?\n\n"


def test_a_repeat_is_harmless_for_ever() -> None:
    recovery = a_console().recovery

    assert recovery.kind is RecoveryKind.KEY
    assert recovery.key_life is None
