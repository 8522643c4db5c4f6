"""Checks of a page and of what lists it: its own text, its own address, found where it should be.

Each check raises what is wrong, in words for the operator; what convinced it, it gives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urljoin, urlsplit

from publisher.model import Post
from publisher.model.errors import SiteError
from publisher.system.pages import Found, NotInOutput, Source
from publisher.text import cache_query
from publisher.text.feeds import LISTING_BYTES, Listing, read_listing
from publisher.text.html import Page, fold, read_page
from publisher.text.urls import is_same_page, page_key, quoted, shown

NEEDED = 2  # excerpts that must be found
PAGE_BYTES = 5_000_000
STAMP_WITHIN = 100  # letters below the title
PARTS = 50  # files of a sitemap index that are looked into

_LANGUAGE = re.compile(r"[a-z]{2}(?:-[a-z]{2,4})?", re.IGNORECASE)  # in folders: de, pt-br
_SOON = "Coming soon"  # of a post whose day is over


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
    places = (text, *map(fold, page.alts))
    found = sum(any(fold(excerpt) in place for place in places) for excerpt in wanted)
    count = f"{found} of {len(wanted)} excerpts found"
    if not (post.has_title and title) and not wanted:
        raise SiteError(
            f"{url} cannot be verified: the post has neither title nor text to look for",
            hint=f"give {post.path} a title",
        )
    if post.has_title and f" {title} " not in f" {text} ":
        raise SiteError(
            f"{url} does not show the title {post.title!r} ({count})",
            why="is it another page, or an old one?",
        )
    if found < min(NEEDED, len(wanted)):
        raise SiteError(
            f"{url} shows the page without its text ({count})",
            why="still the old page, or still under embargo?",
        )
    if len(unseen(post, wanted)) < NEEDED and (stamp := _stamp(post, text)):
        raise SiteError(f"{url} still says {stamp!r}", why="still under embargo?")
    return f"{url} shows its title, {count if wanted else 'no text to compare'}"


def _stamp(post: Post, text: str) -> str:
    """Give the words by which the page still promises the post; "" when it does not.

    They are those of embargo's pages. Which day it says hangs on the site's zone; without a day,
    the words count right below the title only, for anything may be coming soon.
    """
    at = post.release_at
    if at is None:
        return ""
    days = (at + timedelta(hours=hours) for hours in (-12, 0, 14))
    stamps = (f"Coming {day:%A} {day:%B} {day.day} {day.year}" for day in days)
    found = next((stamp for stamp in stamps if f" {stamp} " in f" {text} "), "")
    title = fold(post.title)
    below = text.split(title)[1:] if title else [text]
    return found or (_SOON if any(_SOON in part[:STAMP_WITHIN] for part in below) else "")


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
    if cache_query.is_noindex(found.headers):
        said = quoted(found.headers["X-Robots-Tag"])
        raise SiteError(
            f"{url} shows the post, but its answer asks search engines to stay away"
            f" (X-Robots-Tag: {said})",
            why=why,
            hint="take the header out of the settings of the host",
        )


def check_canonical(post: Post, page: Page, found: Found) -> None:
    """Check that the page, where it names its own address, names the post's.

    Where it names none, it must be at the post's: a host may lead from a page that is missing to
    one that shows the same text, such as an index.
    """
    named = [("link rel=canonical", url) for url in dict.fromkeys(page.canonicals)]
    named += [("og:url", url) for url in page.cards.get("og:url", ())[:1]]
    if not named and not _is_at(found.base, post.url):
        raise SiteError(
            f"{shown(post.url)} leads to {shown(found.base)}, which does not say whose page it is",
            why="is the post's own page missing?",
            hint="let the page name its address (link rel=canonical), correct site.post_url in"
            " jobs.yaml, or say `verify: {canonical: false}` there if it is meant to",
        )
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


def _is_at(end: str, url: str) -> bool:
    """Tell whether redirects led to the page itself; some hosts write its path in small letters."""
    return [(part or "").casefold() for part in page_key(end)] == [
        (part or "").casefold() for part in page_key(url)
    ]


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
    base = _base(found, page)
    if page_key(post.url) not in (page_key(_url(base, written)) for written in page.links):
        raise SiteError(
            f"the index {shown(url)} does not link to {shown(post.url)}",
            why=cache_query.cached_words(found.headers, "page"),
            hint="see why the theme leaves it out, or drop verify.index from jobs.yaml",
        )


def language_of(url: str, site_url: str) -> str:
    """Give the language that an address is below, such as ``de`` or ``pt-br``; "" for none."""
    first, separator, _ = url.removeprefix(site_url).lstrip("/").partition("/")
    return first if separator and _LANGUAGE.fullmatch(first) else ""


def lists_below(url: str, start: str, source: Source) -> bool:
    """Tell whether a feed lists any address that begins with ``start``.

    :raises SiteError: when it cannot be read.
    """
    found = source.read(url, LISTING_BYTES)
    return any(_url(found.base, one).startswith(start) for one in read_listing(found.body).urls)


def check_listing(
    kind: str, url: str, post: Post, source: Source, *, likely: str | None = None
) -> str:
    """Check that a feed or sitemap lists the post; give the address of the file that does.

    Of a sitemap index the first files are looked into, and before them the ``likely`` one.
    """
    try:
        found = source.read(url, LISTING_BYTES)
        listing = read_listing(found.body)
        if _is_listed(post, listing, found):
            return url
        parts = [part for part in (_url(found.base, part) for part in listing.parts) if part]
        own = [part for part in parts if urlsplit(part).netloc == urlsplit(found.base).netloc]
        for part in sorted(own, key=lambda part: part != likely)[:PARTS]:
            answer = source.read(part, LISTING_BYTES)
            if _is_listed(post, read_listing(answer.body), answer):
                return part
    except SiteError as error:
        raise _named(kind, url, error) from None
    if there := _listed_elsewhere(post, listing, found):
        raise SiteError(
            f"the {kind} {shown(url)} lists the post at another host, {quoted(shown(there))}",
            why=f"its address by jobs.yaml is {shown(post.url)}",
            hint="let site.url in jobs.yaml and the generator name the same address",
        )
    others = [part for part in parts if part not in own]
    named = ", ".join(quoted(shown(part)) for part in others[:1])
    elsewhere = f"its parts on other hosts, such as {named}, are not asked"
    raise SiteError(
        f"the {kind} {shown(url)} does not list {shown(post.url)}",
        why=elsewhere if others else cache_query.cached_words(found.headers, "copy"),
        hint=f"see why the generator leaves it out, or drop verify.{kind} from jobs.yaml",
    )


def _is_listed(post: Post, listing: Listing, found: Found) -> bool:
    wanted = page_key(post.url)
    return any(page_key(_url(found.base, listed)) == wanted for listed in listing.urls)


def _listed_elsewhere(post: Post, listing: Listing, found: Found) -> str:
    """Give the address of the post at another host, if a list has that; "" otherwise."""
    path = page_key(post.url)[1]
    urls = (_url(found.base, listed) for listed in listing.urls)
    return next((url for url in urls if path and page_key(url)[1] == path), "")


def _url(base: str, written: str) -> str:
    """Give an address of a page or a list; "" for one that nobody could follow."""
    try:
        url = urljoin(base, written)
        urlsplit(url).port  # noqa: B018 - raises for one that is none
    except ValueError:
        return ""
    return url


def _named(kind: str, url: str, error: SiteError) -> SiteError:
    hint = error.hint
    if isinstance(error, NotInOutput):
        hint = f"see whether the build writes it, or correct verify.{kind} in jobs.yaml"
    return SiteError(f"the {kind} {shown(url)}: {error.what}", why=error.why, hint=hint)
