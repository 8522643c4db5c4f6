"""Texts: what is written, what is shortened, what is refused."""

from __future__ import annotations

import pytest
import regex

from publisher.compose import Voice, check_template, compose
from publisher.errors import ComposeError
from publisher.model import AnnounceRule, ChannelName, Limits, Series
from tests.factories import X, a_post

PLAIN = "{{ post.title }}\n\n{{ post.description }}\n\n{{ post.url }}"


def a_voice(template: str = PLAIN, *, length: int | None = 280, **limits: object) -> Voice:
    return Voice(
        channel="x",
        template=template,
        subject="{{ post.title }}",
        limits=Limits(length=length, **limits),
    )


def test_template_is_filled_from_the_post() -> None:
    message = compose(a_post(), a_voice())

    assert message.text == (
        "The Pattern That Prevents Chaos\n\n"
        "Six steps from an idea to a finished piece.\n\n"
        "https://chronicles.example/blog/pattern"
    )


def test_empty_description_leaves_no_hole() -> None:
    message = compose(a_post(description=""), a_voice())

    assert message.text == (
        "The Pattern That Prevents Chaos\n\nhttps://chronicles.example/blog/pattern"
    )


def test_own_text_of_the_post_wins_over_the_template() -> None:
    post = a_post(announce={X: AnnounceRule(text="Six steps. No chaos. {url}")})

    message = compose(post, a_voice())

    assert message.text == "Six steps. No chaos. https://chronicles.example/blog/pattern"


def test_text_given_by_command_wins_over_both() -> None:
    post = a_post(announce={X: AnnounceRule(text="Six steps. {url}")})

    message = compose(post, a_voice(), text="Once more: {url}")

    assert message.text == "Once more: https://chronicles.example/blog/pattern"


def test_text_without_a_link_gets_one() -> None:
    message = compose(a_post(), a_voice(), text="It is out.")

    assert message.text == "It is out.\n\nhttps://chronicles.example/blog/pattern"


def test_unknown_placeholder_names_the_nearest() -> None:
    with pytest.raises(ComposeError) as caught:
        compose(a_post(), a_voice(), text="{titel}")

    assert "{titel}" in caught.value.what
    assert "{title}" in caught.value.hint


def test_long_description_is_shortened_at_a_word_and_the_link_stays_whole() -> None:
    post = a_post(description="many words about very little " * 30)

    message = compose(post, a_voice())

    assert len(message.text) <= 280
    assert message.text.endswith("…\n\nhttps://chronicles.example/blog/pattern")
    assert "words…" in message.text or "little…" in message.text or "about…" in message.text


def test_graphemes_are_never_split() -> None:
    family = "👩‍👩‍👧‍👦"
    post = a_post(description=family * 100)

    message = compose(post, a_voice())

    shortened = message.text.split("\n\n")[1].removesuffix("…")
    assert set(regex.findall(r"\X", shortened)) == {family}


def test_own_text_is_refused_rather_than_cut() -> None:
    with pytest.raises(ComposeError) as caught:
        compose(a_post(), a_voice(), text="x" * 300 + " {url}")

    assert "counts 340, 280 are allowed" in caught.value.what
    assert caught.value.hint == "shorten it by 60"


def test_title_too_long_for_the_channel_is_refused() -> None:
    with pytest.raises(ComposeError):
        compose(a_post(title="t" * 300), a_voice())


def test_text_is_normalised_as_services_count() -> None:
    message = compose(a_post(title="Cafe\u0301"), a_voice("{{ post.title }} {{ post.url }}"))

    assert message.text.startswith("Caf\u00e9 ")


def test_series_is_available() -> None:
    post = a_post(series=Series(name="Chronicles", part=2, parts=3))

    message = compose(post, a_voice(), text="Part {part} of {parts} of {series}: {url}")

    assert message.text.startswith("Part 2 of 3 of Chronicles: ")


def test_mail_has_subject_text_and_html() -> None:
    voice = a_voice("# {{ post.title }}\n\n[Read]({{ post.url }})", length=None, mail=True)

    message = compose(a_post(title="Tea & <script>"), voice)

    assert message.subject == "Tea & <script>"
    assert message.html == (
        "<h1>Tea &amp; &lt;script&gt;</h1>\n"
        '<p><a href="https://chronicles.example/blog/pattern">Read</a></p>\n'
    )


def test_mail_subject_of_the_post_wins() -> None:
    rule = AnnounceRule(subject="News: {title}")
    post = a_post(announce={ChannelName("x"): rule})

    message = compose(post, a_voice(length=None, mail=True))

    assert message.subject == "News: The Pattern That Prevents Chaos"


def test_mail_without_a_subject_is_refused() -> None:
    with pytest.raises(ComposeError):
        compose(a_post(title=""), a_voice("{{ post.url }}", length=None, mail=True))


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 1000000000 }}",
        "{{ 2 ** 10000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'a'|center(1000000000) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ post.nothing }}",
        "{{ range(10) }}",
    ],
)
def test_template_cannot_explode_or_escape(template: str) -> None:
    with pytest.raises(ComposeError):
        compose(a_post(), a_voice(template))


def test_broken_template_is_found_before_it_is_used() -> None:
    assert check_template("{{ post.title") is not None
    assert check_template(PLAIN) is None


def test_message_carries_nothing_that_was_not_declared() -> None:
    """Before and at release, only title, description, teaser and link may leave the house."""
    message = compose(a_post(), a_voice())

    assert {message.title, message.description, message.link} <= set(message.text.split("\n\n"))
