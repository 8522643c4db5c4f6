"""Announcements that cannot be written: broken templates, and texts that do not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from publisher.channels.compose import Voice, check_template, compose
from publisher.config.settings import ChannelSettings, Settings
from publisher.config.voices import voice_of
from publisher.model import Image, Limits, Post, PostId, PostState, Problem, Series
from publisher.model.errors import ComposeError, PublisherError
from publisher.model.image_kinds import SAMPLE_BYTES, kind_of
from publisher.posts.library import Library
from publisher.text.yaml import key_lines


def check_texts(settings: Settings, library: Library, posts: Sequence[Post]) -> Iterator[Problem]:
    """Write every announcement to come, for every channel, and report what fails.

    Where the template itself fails, that is one problem and not one for each post.
    """
    coming = [post for post in posts if post.state is not PostState.PUBLISHED]
    yield from _image_problems(settings, coming)
    for channel in settings.channels:
        voice = voice_of(channel)
        broken = tuple(_template_problems(voice, channel, settings))
        yield from broken
        for post in coming:
            yield from _text_problems(post, voice, library, has_template=not broken)


def _template_problems(
    voice: Voice, channel: ChannelSettings, settings: Settings
) -> Iterator[Problem]:
    sources = {"template": voice.template}
    if voice.limits.mail:
        sources["subject"] = voice.subject
    for key, source in sources.items():
        wrong = check_template(source) or _failure(replace(voice, template=source))
        if wrong:
            place = ("channels", channel.name, key)
            yield Problem.error(
                "template-broken",
                settings.file.name,
                f"{'.'.join(place)} cannot be used: {wrong}",
                "templates know post.title, .description, .url, .teaser, .series, .part, "
                ".parts, .hashtags, .tags, .id, .slug",
                line=_line_of(settings, place),
            )


def _failure(voice: Voice) -> str:
    """Say how a template fails on a post that has everything; "" when it does not."""
    try:
        compose(_full_post(), replace(voice, limits=Limits()))
    except ComposeError as error:
        return str(error.__cause__ or error.what)
    return ""


def _text_problems(
    post: Post, voice: Voice, library: Library, *, has_template: bool
) -> Iterator[Problem]:
    rules: Mapping[str, object] = {str(name): rule for name, rule in post.announce.items()}
    rule = next((r for name, r in post.announce.items() if name == voice.channel), None)
    if not _is_announced(post, voice):
        return
    if not has_template:
        if rule is None or rule.text is None:
            return
        voice = replace(voice, subject="{{ post.title }}")  # its own is reported already
    try:
        compose(post, voice)
    except ComposeError as error:
        own = ("announce", voice.channel) if voice.channel in rules else ()
        yield Problem.error(
            "text-too-long" if error.is_too_long else "text-fails",
            post.path,
            error.said,
            error.hint or f"give it its own text: announce: {{{voice.channel}: …}}",
            line=_post_line(post, library, own),
        )


def _image_problems(settings: Settings, posts: Sequence[Post]) -> Iterator[Problem]:
    """Report the images that a service does not take: the announcement goes without."""
    voices = [voice_of(channel) for channel in settings.channels]
    for post in posts:
        image = _beginning(settings, post)
        if image is None:
            continue
        data, size = image
        refusing = [
            voice.channel
            for voice in voices
            if _is_announced(post, voice) and not voice.limits.takes_image(data, size=size)
        ]
        if refusing:
            kind = kind_of(data)
            yield Problem.warning(
                "image-left-out",
                post.path,
                f"the announcement on {', '.join(refusing)} goes without its image, "
                f"{kind or 'no image that is known'} of {size} bytes: the service refuses it",
                "give the post a JPEG or PNG, of less than 5 MB for X",
            )


def _beginning(settings: Settings, post: Post) -> tuple[bytes, int] | None:
    """Read the beginning of a post's image, and its size; ``None`` without one that is here."""
    if post.hero is None or post.hero.path is None:
        return None
    path = settings.site.root / post.hero.path
    try:
        with path.open("rb") as file:
            return file.read(SAMPLE_BYTES), path.stat().st_size
    except OSError:
        return None


def _is_announced(post: Post, voice: Voice) -> bool:
    rule = next((r for name, r in post.announce.items() if name == voice.channel), None)
    return not post.announce_off and (rule is None or rule.enabled)


def _post_line(post: Post, library: Library, keys: tuple[str, ...]) -> int:
    try:
        return library.read(post).line_of(*keys)
    except PublisherError:
        return 1


def _line_of(settings: Settings, place: tuple[str, ...]) -> int | None:
    """Find the nearest line of ``jobs.yaml`` that has to do with a key."""
    try:
        lines = key_lines(settings.file.read_text())
    except (OSError, UnicodeDecodeError, PublisherError):
        return None
    keys = (place[:length] for length in range(len(place), 0, -1))
    return next((lines[key] for key in keys if key in lines), None)


def _full_post() -> Post:
    return Post(
        id=PostId("id"),
        path="any post",
        digest="",
        state=PostState.SCHEDULED,
        title="Title",
        description="Description",
        slug="slug",
        url="https://example.org/slug",
        tags=("tag",),
        series=Series(name="Series", part=1, parts=2),
        hero=Image(url="https://example.org/i.png", path=None, alt="Alt"),
        teaser="Teaser",
    )
