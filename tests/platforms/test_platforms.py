"""The doubles as processes of their own, as the tests that kill the program use them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from publisher.channels.testing import KEY, a_context, a_message
from publisher.channels.x import X
from publisher.model.secret import Secret
from tests.platforms.server import running
from tests.platforms.x import CREDENTIALS


def a_channel(url: str) -> X:
    options = {name: Secret(value) for name, value in CREDENTIALS.items()}
    return X({**options, "api_url": url}, a_context(timeout=timedelta(seconds=2)))


def test_an_accepted_post_is_in_the_journal_although_its_answer_is_lost(tmp_path: Path) -> None:
    with running("x", tmp_path) as (url, journal):
        fault = {"name": "accept_then_reset", "arguments": {"on": "POST /2/tweets"}}
        requests.post(f"{url}/-/faults", json=fault, timeout=2).raise_for_status()

        with pytest.raises(Exception, match="closed the connection before its answer was complete"):
            a_channel(url).send(a_message(), key=KEY, draft=None)

        accepted = requests.get(f"{url}/-/accepted", timeout=2).json()
    posts = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [post["raw"] for post in posts] == [a_message().text]
    assert posts == accepted


def test_the_state_of_a_running_platform_can_be_set(tmp_path: Path) -> None:
    with running("x", tmp_path) as (url, _):
        requests.post(f"{url}/-/state", json={"credits": 0}, timeout=2).raise_for_status()

        with pytest.raises(Exception, match="402"):
            a_channel(url).send(a_message(), key=KEY, draft=None)
