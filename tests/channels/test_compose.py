"""Texts: what is written, what is shortened, what is refused."""

from __future__ import annotations

import pytest
import regex

from publisher.channels.compose import Voice, check_template, compose
from publisher.model import AnnounceRule, ChannelName, Limits, Series
from publisher.model.errors import ComposeError
from publisher.text.mail import link
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


def a_mail() -> Voice:
    source = "# {{ post.title }}\n\n{{ post.description }}\n\n[Read it]({{ post.url }})"
    return a_voice(source, length=None, mail=True)


@pytest.mark.parametrize(
    "words",
    [
        "The *args and **kwargs of Python",
        "snake_case_names and `code`",
        "[draft] 2 < 3 & 4 > 1, <b>bold</b>",
        "1. First things first",
        "- a dash, # a number sign, > an arrow, | a pipe",
        "C:\\path ![image](x) https://a.example/b_c_d",
        "&amp; stays &amp;",
        "    four blanks before",
    ],
)
def test_title_and_description_of_a_mail_are_text(words: str) -> None:
    message = compose(a_post(title=words, description=words), a_mail())

    shown = words.strip()
    assert f"<h1>{escape(shown)}</h1>" in unquoted(message.html)
    assert f"<p>{escape(shown)}</p>" in unquoted(message.html)
    assert message.text == f"{shown}\n\n{shown}\n\nRead it <{a_post().url}>"
    assert message.title == words


def unquoted(html: str | None) -> str:
    return (html or "").replace("&quot;", '"')


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def test_the_plain_part_of_a_mail_is_no_markdown() -> None:
    own = (
        "## News\n\nSome **bold** and `code`,\n[here]({url}).\n\n- one\n- two\n\n  more\n\n"
        "3. three\n4. four\n\n> said\n> so\n\n    x = 1\n\n---\n\n"
        "<https://a.example/> ![A cat](c.png)"
    )
    message = compose(a_post(), a_mail(), text=own)

    assert message.text == (
        "News\n\nSome bold and code,\nhere <https://chronicles.example/blog/pattern>.\n\n"
        "- one\n\n- two\n\n  more\n\n3. three\n\n4. four\n\n> said\n> so\n\nx = 1\n\n-----\n\n"
        "https://a.example/ A cat"
    )


def test_an_own_text_of_a_mail_keeps_its_markdown_and_escapes_the_title() -> None:
    message = compose(a_post(title="a*b*c"), a_mail(), text="**{title}**")

    assert message.html == (
        f'<p><strong>a*b*c</strong></p>\n<p><a href="{a_post().url}">{a_post().url}</a></p>\n'
    )
    assert message.text == f"a*b*c\n\n{a_post().url}"


@pytest.mark.parametrize(
    "text",
    [
        "See https://chronicles.example/blog/pattern-2",
        "See https://chronicles.example/blog/patterns",
        "See https://chronicles.example/blog/pattern/part-2",
        "See https://chronicles.example/blog/pattern.html",
        "See https://chronicles.example/blog/pattern%20b and more",
        "See https://chronicles.example/blog/patternä",
        "See https://chronicles.example/blog/pattern~old",
    ],
)
def test_the_address_of_another_post_is_not_the_posts_own(text: str) -> None:
    assert compose(a_post(), a_voice(), text=text).text == f"{text}\n\n{a_post().url}"


@pytest.mark.parametrize(
    "text",
    [
        "{url}",
        "({url})",
        "It is {url}.",
        "{url}, at last",
        "{url}/ as it is",
        "{url}?utm_source=x",
        "{url}#start",
        "https://chronicles.example/blog/pattern-2 and {url}!",
        "“{url}”",
        "{url}: read",
    ],
)
def test_a_text_with_the_posts_own_address_gets_no_second_one(text: str) -> None:
    assert compose(a_post(), a_voice(), text=text).text == text.replace("{url}", a_post().url)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Why {{props}} drilling", "Why {props} drilling"),
        ("{{title}} is a placeholder", "{title} is a placeholder"),
        ("{{{props}}} and { props } and {Props}", "{{props}} and { props } and {Props}"),
        ("{{ props }}", "{{ props }}"),
    ],
)
def test_braces_are_written_twice_to_be_sent(text: str, sent: str) -> None:
    message = compose(a_post(), a_voice(), text=text)

    assert message.text == f"{sent}\n\n{a_post().url}"


def test_an_unknown_placeholder_says_how_to_write_the_braces() -> None:
    with pytest.raises(ComposeError) as caught:
        compose(a_post(), a_voice(), text="Why {props} drilling")

    assert "{{props}}" in caught.value.hint


def test_no_control_characters_leave_with_a_message() -> None:
    dirty = "One\x1b[31m red\x07, \x00\x9b half \ud83d"
    post = a_post(title=dirty, description=dirty)
    for voice in (a_voice(), a_mail()):
        message = compose(post, voice)
        parts = (message.text, message.title, message.description, message.subject, message.html)
        for part in filter(None, parts):
            assert part.replace("\n", "").isprintable()
    assert compose(post, a_mail()).subject == "One[31m red,  half".replace("  ", " ")


@pytest.mark.parametrize("text", [None, "{url}", "At last"])
@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://a.example/b/gr\u00f6\u00dfe", "https://a.example/b/gr%C3%B6%C3%9Fe"),
        ("https://a.example/b/one_(two", "https://a.example/b/one_%28two"),
        ("https://a.example/b/a*b*c/", "https://a.example/b/a%2Ab%2Ac/"),
        ("https://a.example/?p=1&x=2", "https://a.example/?p=1&amp;x=2"),
    ],
)
def test_any_address_is_a_whole_link_in_a_mail(url: str, href: str, text: str | None) -> None:
    message = compose(a_post(url=url), a_mail(), text=text)

    if text == "{url}":
        assert message.text == link(url)
    else:
        assert f'<a href="{href}">' in (message.html or "")
        assert message.text.count("https:") == 1
