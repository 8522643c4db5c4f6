"""Puts the pages of posts under embargo together. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from publisher.config.settings import SiteSettings
from publisher.embargo.embargoed_text import EmbargoedText
from publisher.embargo.redact.document import write_document
from publisher.embargo.redact.frontmatter import staged_metadata, texts_in
from publisher.embargo.redact.text import Images, redact
from publisher.model import Embargo, Post
from publisher.text.frontmatter import Document
from publisher.text.html import fold

_COMPONENT = re.compile(r"\s*(<[A-Z][A-Za-z0-9]*\s*/>)[ \t]*(?:\r?\n|\Z)")
_TITLE = re.compile(  # without the name of the place, which may be words of the text
    r"\s*(#[ \t]+([^\r\n]*?[^\s#]))[ \t#]*(?:\{[:#.][^{}\r\n]*\}[ \t]*)?(?:\r?\n|\Z)"
)


def embargoed_page(
    document: Document,
    post: Post,
    site: SiteSettings,
    policy: Embargo,
    *,
    image: Images,
    is_overdue: bool = False,
) -> bytes:
    """Give the file that stands in the place of the post's: ``redact`` or ``teaser``.

    ``is_overdue`` says that the day of its release is over: the stamp names none then.

    What a page opens with for its title alone stays: a heading that repeats the title, and with
    VitePress a component of the theme that is given nothing.
    """
    opening, rest = split_opening(document.body, post, site)
    parts = [*opening]
    if post.release_at is not None:
        when = "soon" if is_overdue else _day(post.release_at, site.zone)
        parts.append(f"> Coming {when}")
    if policy is Embargo.TEASER:
        parts.append(_unread(teaser_of(post), site))
    else:
        parts.append(redact(rest, seed=post.id, image=image).rstrip("\n"))
    text = write_document(
        document.format or "yaml",
        staged_metadata(document, post, site, policy, image=image),
        "\n" + "\n\n".join(filter(None, parts)) + "\n",
        plain=site.generator.plain_header,
    )
    return text.encode()


def hidden_text(
    document: Document, post: Post, site: SiteSettings, policy: Embargo
) -> EmbargoedText:
    """Give what may not be seen of the post, and what may."""
    embargoed, kept = texts_in(document, site)
    texts = (document.body.strip("\r\n"), *embargoed)
    shown = [post.title, post.description, post.teaser or ""]
    if policy is not Embargo.OMIT:
        shown += kept
    return EmbargoedText(
        post=post.id,
        path=post.path,
        url=post.url,
        policy=policy,
        text="\n\n".join(filter(None, texts)),
        shown="\n\n".join(dict.fromkeys(filter(None, shown))),
    )


def teaser_of(post: Post) -> str:
    """Give the text of a page with ``teaser``, which is Markdown as its author wrote it."""
    return (post.teaser or post.description).strip()


def split_opening(body: str, post: Post, site: SiteSettings) -> tuple[list[str], str]:
    """Split off what the body opens with for the title's sake."""
    parts: list[str] = []
    while True:
        component = _COMPONENT.match(body) if site.generator.blocks else None
        title = _TITLE.match(body)
        if title and fold(title[2]) != fold(post.title):
            title = None
        found = component or title
        if found is None:
            return parts, body
        parts.append(found[1])
        body = body[found.end() :]


def _unread(text: str, site: SiteSettings) -> str:
    """Keep a text out of the template language that these read in bodies, not in frontmatter."""
    is_read = site.generator.reads_liquid and re.search(r"\{[{%]", text)
    return f"{{% raw %}}{text}{{% endraw %}}" if is_read else text


def _day(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%A}, {local:%B} {local.day}, {local.year}"
