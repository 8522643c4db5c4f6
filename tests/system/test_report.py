"""One line for each event, whatever is in it."""

from __future__ import annotations

from publisher.system.report import Event


def test_event_is_one_line_of_names_and_values() -> None:
    event = Event(
        name="delivery.held", fields={"post": "pattern", "reason": "two\nlines", "url": ""}
    )

    assert str(event) == 'delivery.held post=pattern reason="two lines"'


def test_what_a_service_answers_cannot_command_a_terminal() -> None:
    event = Event(name="delivery.held", fields={"reason": "no \x1b[31mroom"})

    assert str(event) == 'delivery.held reason="no \\x1b[31mroom"'
