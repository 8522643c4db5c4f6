"""Checks of a page and of what lists it: its own text, its own address, found where it should be.

Each check raises what is wrong, in words for the operator; what convinced it, it gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urljoin, urlsplit

from publisher import caches
from publisher.addresses import is_same_page, page_key, quoted, shown
from publisher.errors import SiteError
from publisher.markup import Page, fold, read_listing, read_page
from publisher.model import Post
from publisher.sources import Found, NotInOutput, Source

NEEDED = 2  # excerpts that must be found
PAGE_BYTES = 5_000_000
LISTING_BYTES = 52_428_800  # the largest sitemap allowed: sitemaps.org/protocol.html, 2026-11-20
PARTS = 50  # files of a sitemap index that are looked into


def unseen(post: Post, excerpts: Sequence[str]) -> list[str]:
    """Drop the excerpts that a teaser shows while the post is under embargo."""
    teased = fold(f"{post.title} | {post.description} | {post.teaser or ''}")
    return [excerpt for excerpt in excerpts if fold(excerpt) not in teased]


# --- the page -------------------------------------------------------------------------------


def check_text(post: Post, wanted: Sequence[str], page: Page) -> str:
    """Check that the page shows the post's title, and at least two of the excerpts."""
    url = shown(post.url)
    text = fold(page.text)
    title = fold(post.title)
    found = sum(fold(excerpt) in text for excerpt in wanted)
    count = f"{found} of {len(wanted)} excerpts found"
    if not title and not wanted:
        raise SiteError(
            f"{url} cannot be verified: the post has neither title nor text to look for",
            hint=f"give {post.path} a title",
        )
    if f" {title} " not in f" {text} ":
        raise SiteError(
            f"{url} does not show the title {post.title!r} ({count})",
            why="is it another page, or an old one?",
        )
    if found < min(NEEDED, len(wanted)):
        raise SiteError(
            f"{url} shows the page without its text ({count})",
            why="still the old page, or still under embargo?",
        )
    return f"{url} shows its title, {count if wanted else 'no text to compare'}"


def check_robots(post: Post, page: Page, found: Found) -> None:
    """Check that neither the page nor its headers keep search engines away."""
    url = shown(post.url)
    why = "that belongs to embargoed pages"
    if page.is_noindex:
        raise SiteError(
            f"{url} shows the post, but asks search engines to stay away (robots: noindex)",
            why=why,
            hint="take the robots meta tag out of the released page",
        )
    if caches.is_noindex(found.headers):
        said = quoted(found.headers["X-Robots-Tag"])
        raise SiteError(
            f"{url} shows the post, but its answer asks search engines to stay away"
            f" (X-Robots-Tag: {said})",
            why=why,
            hint="take the header out of the settings of the host",
        )


def check_canonical(post: Post, page: Page, found: Found) -> None:
    """Check that the page, where it names its own address, names the post's."""
    named = [("link rel=canonical", url) for url in dict.fromkeys(page.canonicals)]
    named += [("og:url", url) for url in page.cards.get("og:url", ())[:1]]
    for tag, written in named:
        try:
            url = urljoin(_base(found, page), written)
        except ValueError:
            url = written
        if not is_same_page(url, post.url):
            raise SiteError(
                f"{shown(post.url)} says that its address is another, {quoted(shown(url))} ({tag})",
                why="search engines and link cards would take readers there",
                hint="correct it in the theme or the post, or say `verify: {canonical: false}`"
                " in jobs.yaml if it is meant to",
            )


def _base(found: Found, page: Page) -> str:
    return urljoin(found.base, page.base) if page.base else found.base


# --- what lists it --------------------------------------------------------------------------


def check_index(url: str, post: Post, source: Source) -> None:
    """Check that the page at ``url`` links to the post."""
    try:
        found = source.read(url, PAGE_BYTES)
    except SiteError as error:
        raise _named("index", url, error) from None
    page = read_page(found.body.decode("utf-8", "replace"))
    if page_key(post.url) not in map(page_key, _links(found, page)):
        raise SiteError(
            f"the index {shown(url)} does not link to {shown(post.url)}",
            why=caches.cached_words(found.headers, "page"),
            hint="see why the theme leaves it out, or drop verify.index from jobs.yaml",
        )


def _links(found: Found, page: Page) -> Iterator[str]:
    for written in page.links:
        try:
            yield urljoin(_base(found, page), written)
        except ValueError:  # one that no browser could follow
            continue


def check_listing(
    kind: str, url: str, post: Post, source: Source, *, likely: str | None = None
) -> str:
    """Check that a feed or sitemap lists the post; give the address of the file that does.

    Of a sitemap index the first files are looked into, and before them the ``likely`` one.
    """
    wanted = page_key(post.url)
    try:
        found = source.read(url, LISTING_BYTES)
        listing = read_listing(found.body)
        if wanted in (page_key(urljoin(url, listed)) for listed in listing.urls):
            return url
        parts = [urljoin(url, part) for part in listing.parts]
        own = [part for part in parts if urlsplit(part).netloc == urlsplit(url).netloc]
        for part in sorted(own, key=lambda part: part != likely)[:PARTS]:
            if wanted in map(page_key, read_listing(source.read(part, LISTING_BYTES).body).urls):
                return part
    except SiteError as error:
        raise _named(kind, url, error) from None
    except ValueError as error:
        raise SiteError(f"the {kind} {shown(url)} holds an unusable URL: {error}") from None
    raise SiteError(
        f"the {kind} {shown(url)} does not list {shown(post.url)}",
        why=caches.cached_words(found.headers, "copy"),
        hint=f"see why the generator leaves it out, or drop verify.{kind} from jobs.yaml",
    )


def _named(kind: str, url: str, error: SiteError) -> SiteError:
    hint = error.hint
    if isinstance(error, NotInOutput):
        hint = f"see whether the build writes it, or correct verify.{kind} in jobs.yaml"
    return SiteError(f"the {kind} {shown(url)}: {error.what}", why=error.why, hint=hint)
