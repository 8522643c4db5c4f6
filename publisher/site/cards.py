"""Checks the link card of a page: what X, LinkedIn and others show of it, and keep for days.

They ask once, when the first link is posted; what they find then stays. So the card must be the
post's before the announcement. Each check raises what is wrong, in words for the operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urljoin, urlsplit

from publisher.model import Post
from publisher.model.errors import SiteError
from publisher.system.pages import Found, Live, Output
from publisher.text import response_headers
from publisher.text.html import Page, fold
from publisher.text.urls import is_on_site, quoted, shown

IMAGES = 2  # the most that are looked at
IMAGE_BYTES = 20_000_000  # the most that is compared
GLANCE_BYTES = 1024  # enough to see that there is something
LEAST_BYTES = 16  # fewer make no image
OFF = "say `verify: {card: false}` in jobs.yaml if it is meant to be so"

BEGINNING_LENGTH = 20  # letters of a title that are no accident
_ELLIPSIS = re.compile(r"…|\.\.\.")
_SEPARATOR = re.compile(r"\s[-\u2013\u2014~/]\s|[:|·•»«\u2039\u203a¦]")

_TAGS = (("og:image", "og:image:url"), ("twitter:image", "twitter:image:src"))
_PLACEHOLDER = re.compile(r"(?:^|[/._=-])embargoed-[0-9a-f]{6,}")  # as embargo names them
_MADE_BY_HOST = re.compile(r"/(?:_vercel|_next|\.netlify|cdn-cgi|api)/")  # no files of a build


# --- the tags -------------------------------------------------------------------------------


def check_tags(post: Post, page: Page, found: Found) -> tuple[str, ...]:
    """Check title and images that a page names for its card; give the addresses of the images."""
    url = shown(post.url)
    titles = [title for title in page.cards.get("og:title", ()) if fold(title)]
    if titles and post.has_title and not _is_title(titles[0], post.title):
        raise SiteError(
            f"the card of {url} has another title than the post: {quoted(titles[0])!r} (og:title)",
            why="still the old page, or a title of the theme's own?",
            hint=OFF,
        )
    images = []
    for tags in _TAGS:
        written = next((page.cards[tag][0] for tag in tags if tag in page.cards), None)
        if written is not None:
            images.append(_image_url(found.base, written, tags[0]))
    return tuple(dict.fromkeys(images))[:IMAGES]


def _is_title(said: str, title: str) -> bool:
    """Compare two titles; themes add the site's name, leave out a subtitle, or cut the end off."""
    one, other = fold(said).casefold(), fold(title).casefold()
    is_part = f" {one} " in f" {other} " or f" {other} " in f" {one} "
    return is_part or any(other.startswith(begun) for begun in _beginnings(said))


def _beginnings(said: str) -> Iterator[str]:
    """Give what a card may show of a longer title: what an ellipsis ends, or a long part.

    The site's name may stand before it or behind it, past a sign that separates.
    """
    *cut, rest = _ELLIPSIS.split(said)
    for text in cut:
        yield from filter(None, (fold(part).casefold() for part in _tails(text)))
    for part in (part for text in (*cut, rest) for part in _SEPARATOR.split(text)):
        words = fold(part).casefold()
        if len(words) >= BEGINNING_LENGTH:
            yield words


def _tails(text: str) -> Iterator[str]:
    """Give the text, and what is left of it behind each sign that separates."""
    yield text
    for sign in _SEPARATOR.finditer(text):
        yield text[sign.end() :]


def _image_url(page_url: str, written: str, tag: str) -> str:
    try:
        url = urljoin(page_url, written)
        scheme = urlsplit(url).scheme
    except ValueError:
        url, scheme = written, ""
    what = f"the card image of {shown(page_url)}, {quoted(shown(url))} ({tag}),"
    if _PLACEHOLDER.search(unquote(url)):
        raise SiteError(
            f"{what} is the placeholder of the embargo", why="still the page from before?"
        )
    if scheme not in {"https", urlsplit(page_url).scheme}:
        raise SiteError(
            f"{what} is not an https address", why="link cards leave it out", hint="correct it"
        )
    return url


# --- the images -----------------------------------------------------------------------------


def check_built_image(url: str, output: Output) -> str:
    """Check that an image of our own site is in the output; one that a host makes cannot be."""
    if not is_on_site(url, output.site_url):
        return ""
    try:
        body = output.read(url, LEAST_BYTES).body
    except SiteError:
        if _is_made_by_host(url):
            return ""
        raise SiteError(
            f"the card image {shown(url)} is not in the built site",
            why="a link card would lack it",
            hint=f"see whether the build copies it; or {OFF}",
        ) from None
    _expect_some(url, body)
    return "its card image is there"


def check_live_image(url: str, live: Live, output: Output | None) -> str:
    """Check that an image answers as one, and is the built one if it is ours; give a note.

    Bytes that differ count only where a cache surely holds an old image: it says that it
    answered, and the origin has ours. Otherwise somebody may have made the image smaller.
    """
    is_ours = is_on_site(url, live.site_url)
    if live.served_at is not None and (not is_ours or _is_made_by_host(url)):
        return "its card image is not looked at in a rehearsal"
    built = _built(url, output) if is_ours else None
    found = live.ask(url, GLANCE_BYTES if built is None else IMAGE_BYTES + 1)
    if found.elsewhere is not None and not is_ours:
        return f"its card image redirects to {shown(found.elsewhere)}, which was not asked"
    _expect_image(url, found, is_stand_in=live.served_at is not None)
    if built is None or found.body == built:
        return "its card image is there"
    if response_headers.is_re_encoded(found.headers, url):
        return "its card image is there, made anew on the way"
    words = response_headers.cached_words(found.headers, "copy")
    if words and _origin_has(built, url, live):
        raise SiteError(
            f"the card image {shown(url)} is an old one",
            why=f"{words}; the origin has the new image",
            hint=f"purge that address from the cache, or wait until it expires; or {OFF}",
        )
    return "its card image is there, with other bytes than in the output"


def _expect_image(url: str, found: Found, *, is_stand_in: bool) -> None:
    """Accept only what a maker of cards would take for an image."""
    try:
        found.expect_ok()
    except SiteError as error:
        raise SiteError(
            f"the card image {shown(url)}: {error.what}",
            why=error.why or "a link card would lack it",
            hint=f"see whether it is deployed; or {OFF}",
        ) from None
    given = response_headers.media_type(found.headers)
    if not given.startswith("image/") and not is_stand_in:
        raise SiteError(
            f"the card image {shown(url)} is not an image, but {quoted(given) or 'of no type'}"
            " (Content-Type)",
            why="a link card would lack it",
            hint=f"see what the host answers there; or {OFF}",
        )
    _expect_some(url, found.body)


def _expect_some(url: str, body: bytes) -> None:
    if len(body) < LEAST_BYTES:
        raise SiteError(
            f"the card image {shown(url)} is empty ({len(body)} bytes)",
            why="a link card would lack it",
            hint="put the image there",
        )


def _built(url: str, output: Output | None) -> bytes | None:
    """Give the bytes of an image in the output, unless they are too many to compare."""
    if output is None:
        return None
    try:
        body = output.read(url, IMAGE_BYTES + 1).body
    except SiteError:
        return None
    return body if len(body) <= IMAGE_BYTES else None


def _origin_has(built: bytes, url: str, live: Live) -> bool:
    try:
        found = live.ask_past_caches(url, IMAGE_BYTES + 1)
    except SiteError:
        return False
    return found.status == 200 and found.body == built


def _is_made_by_host(url: str) -> bool:
    """Tell whether a host may make an image when asked for it: no build has a file of it."""
    parts = urlsplit(url)
    return (
        bool(parts.query)
        or response_headers.image_type(url) is None
        or _MADE_BY_HOST.search(parts.path) is not None
    )
