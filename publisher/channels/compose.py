"""Write the text of an announcement: post + channel's voice -> message, or a precise complaint.

Pure. Templates of ``jobs.yaml`` are Jinja in a sandbox; texts of posts know plain placeholders
only (``{url}``), since a post is content and not a program.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import regex
from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from publisher.model import Limits, Message, Post
from publisher.model.errors import ComposeError
from publisher.text.mail import Markdown, as_text, link, to_html, to_plain
from publisher.text.printable import without_controls

OUTPUT_CAP = 100_000  # characters; the longest text any channel takes is far below
ELLIPSIS = "…"
PLACEHOLDER = regex.compile(r"\{\{([a-z_]+)\}\}|\{([a-z_]+)\}")
FILTERS = ("capitalize", "default", "first", "join", "last", "length", "lower", "replace", "trim")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How one channel speaks: its default texts and what it accepts."""

    channel: str
    template: str
    subject: str
    limits: Limits


def compose(post: Post, voice: Voice, *, text: str | None = None) -> Message:
    """Write the message for a post; ``text`` replaces whatever post and template say.

    A text that lacks the post's URL gets it at the end: an announcement points at its post, and
    look-ups find it by that link. Only the description of a template text is ever shortened.

    :raises ComposeError: when the text does not fit, or names what does not exist.
    """
    rule = next((r for name, r in post.announce.items() if name == voice.channel), None)
    own = text if text is not None else (rule.text if rule else None)
    is_mail = voice.limits.mail
    if own is not None:
        filled = _fill(own, post, is_markdown=is_mail)
        body = _check_length(_with_url(filled, post, is_markdown=is_mail), post, voice)
    else:
        body = _fit_template(post, voice)
    return Message(
        text=to_plain(body) if is_mail else body,
        link=post.url,
        title=without_controls(post.title),
        description=without_controls(post.description),
        subject=_subject(post, voice, rule.subject if rule else None) if is_mail else None,
        html=to_html(body) if is_mail else None,
        image=post.hero,
    )


def check_template(source: str) -> str | None:
    """Return what is wrong with a Jinja template, or ``None``."""
    try:
        _environment().from_string(source)
    except TemplateError as error:
        return str(error)
    return None


def _subject(post: Post, voice: Voice, own: str | None) -> str:
    subject = _fill(own, post) if own is not None else _render(voice.subject, post, voice)
    subject = " ".join(subject.split())
    limit = voice.limits.subject_length
    if not subject:
        raise ComposeError(
            f"the subject for {voice.channel} is empty",
            place=post.path,
            hint="give the post a title, or announce: {…: {subject: …}}",
        )
    if limit is not None and len(subject) > limit:
        raise ComposeError(
            f"the subject for {voice.channel} has {len(subject)} characters, {limit} are allowed",
            place=post.path,
            is_too_long=True,
        )
    return subject


# --- placeholders --------------------------------------------------------------------------


def _facts(post: Post, *, is_markdown: bool) -> dict[str, str]:
    """Give what texts may name; nothing of an embargoed body is among it."""
    series = post.series
    return {
        "title": post.title,
        "description": post.description,
        "url": link(post.url) if is_markdown else post.url,
        "teaser": Markdown(post.teaser or ""),
        "series": series.name if series else "",
        "part": str(series.part) if series else "",
        "parts": str(series.parts) if series else "",
        "hashtags": " ".join("#" + regex.sub(r"[^\w]", "", tag) for tag in post.tags),
    }


def _fill(source: str, post: Post, *, is_markdown: bool = False) -> str:
    """Replace ``{name}`` placeholders; ``{{name}}`` gives ``{name}``, other braces are text."""
    facts = _facts(post, is_markdown=is_markdown)

    def value(match: regex.Match[str]) -> str:
        literal, name = match.groups()
        if literal is not None:
            return f"{{{literal}}}"
        if name in facts:
            return str(as_text(facts[name])) if is_markdown else facts[name]
        near = get_close_matches(name, facts, n=1)
        raise ComposeError(
            f"the announcement names {{{name}}}, which does not exist",
            place=post.path,
            hint=(f"did you mean {{{near[0]}}}?" if near else f"known: {', '.join(facts)}")
            + f" For the text {{{name}}} itself, write {{{{{name}}}}}.",
        )

    return _tidy(PLACEHOLDER.sub(value, source))


def _with_url(text: str, post: Post, *, is_markdown: bool) -> str:
    """Add the post's address where the text does not have it; a longer one is another page's."""
    url = link(post.url) if is_markdown else post.url
    own = regex.escape(url.rstrip("/"), literal_spaces=True)
    if regex.search(rf"{own}/?(?![\w/%~+=@-]|[.,;:!'$]+[\w/%])", text):
        return text
    return f"{text}\n\n<{url}>" if is_markdown else f"{text}\n\n{url}"


def _tidy(text: str) -> str:
    """Normalise to NFC, as the services count; drop control characters and what is left empty."""
    text = unicodedata.normalize("NFC", without_controls(regex.sub(r"\r\n?", "\n", text)))
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return str(regex.sub(r"\n{3,}", "\n\n", lines)).strip()


# --- templates -----------------------------------------------------------------------------


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox of Jinja without the operators and filters that make huge strings."""

    intercepted_binops = frozenset(["*", "**", "%"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, int) and isinstance(right, int) and operator != "**":
            return super().call_binop(context, operator, left, right)
        raise SecurityError(f"{operator!r} is not available in templates")


def _environment(*, is_markdown: bool = False) -> _Sandbox:
    """Give the environment of templates; one of a mail is Markdown, and what it prints is text."""
    finalize = as_text if is_markdown else None
    sandbox = _Sandbox(undefined=StrictUndefined, autoescape=False, finalize=finalize)
    sandbox.filters = {name: sandbox.filters[name] for name in FILTERS}
    sandbox.globals.clear()
    return sandbox


def _render(
    source: str,
    post: Post,
    voice: Voice,
    *,
    description: str | None = None,
    is_markdown: bool = False,
) -> str:
    known = _facts(post, is_markdown=is_markdown)
    facts: dict[str, Any] = {**known, "tags": post.tags, "id": post.id, "slug": post.slug}
    if description is not None:
        facts["description"] = description
    try:
        template = _environment(is_markdown=is_markdown).from_string(source)
        text = template.render(post=facts)
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise ComposeError(
            f"jobs.yaml: channels.{voice.channel}: the template fails for {post.path}: {error}",
            hint="templates know post.title, .description, .url, .teaser, .series, .part, "
            ".parts, .hashtags, .tags, .id, .slug",
        ) from error
    if len(text) > OUTPUT_CAP:
        raise ComposeError(f"jobs.yaml: channels.{voice.channel}: the template writes too much")
    return _tidy(text)


def _fit_template(post: Post, voice: Voice) -> str:
    """Render the channel's template, shortening the description as far as needed."""

    is_mail = voice.limits.mail

    def render(description: str) -> str:
        text = _render(voice.template, post, voice, description=description, is_markdown=is_mail)
        return _with_url(text, post, is_markdown=is_mail)

    whole = render(post.description)
    if _fits(whole, voice.limits):
        return whole
    graphemes = regex.findall(r"\X", post.description)
    keep = _longest(len(graphemes), lambda n: _fits(render(_cut(graphemes, n)), voice.limits))
    if keep is None:
        return _check_length(render(""), post, voice)
    return render(_cut(graphemes, keep))


def _cut(graphemes: list[str], count: int) -> str:
    """Keep whole words where there are any, and say that something is missing."""
    if count == 0:
        return ""
    kept = "".join(graphemes[:count])
    if count < len(graphemes) and not graphemes[count].isspace() and " " in kept.strip():
        kept = kept.rsplit(" ", 1)[0]
    return kept.rstrip(" ,;:.-\u2013\u2014") + ELLIPSIS


def _longest(most: int, is_good: Callable[[int], bool]) -> int | None:
    """Find the largest count below ``most`` that is good; ``None`` when not even 0 is."""
    if not is_good(0):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_good(middle) else (low, middle)
    return low


def _fits(text: str, limits: Limits) -> bool:
    return limits.length is None or limits.count(text) <= limits.length


def _check_length(text: str, post: Post, voice: Voice) -> str:
    if _fits(text, voice.limits):
        return text
    count, limit = voice.limits.count(text), voice.limits.length or 0
    raise ComposeError(
        f"the text for {voice.channel} counts {count}, {limit} are allowed",
        place=post.path,
        hint=f"shorten it by {count - limit}",
        is_too_long=True,
    )
