"""Verifies a release: does the output, and then the live site, really show the post?

Proof is text of the post itself: its URL and title may have been visible all the time, above
filler. What must *not* be visible is ``embargo``'s business. Reads only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from publisher.config.settings import RebuildSettings, VerifySettings
from publisher.model import Post
from publisher.model.errors import SiteError
from publisher.site import cards
from publisher.system.pages import Found, Live, NotInOutput, Output, Source
from publisher.text import response_headers
from publisher.text.excerpts import excerpts
from publisher.text.feeds import LISTING_BYTES, Listing, read_listing
from publisher.text.html import Page, fold, read_page
from publisher.text.urls import is_same_page, page_key, quoted, shown

__all__ = ["NEEDED", "Finding", "excerpts", "verify_live", "verify_output"]

LOOKS = 2  # at the live page
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 15.0
GONE = frozenset({404, 410})
NEEDED = 2  # excerpts that must be found
PAGE_BYTES = 5_000_000
STAMP_WITHIN = 100  # letters below the title
PARTS = 50  # files of a sitemap index that are looked into

_LANGUAGE = re.compile(r"[a-z]{2}(?:-[a-z]{2,4})?", re.IGNORECASE)  # in folders: de, pt-br
_SOON = "Coming soon"  # of a post whose day is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a look found: ``reason`` says what is wrong, ``detail`` what convinced us."""

    ok: bool
    reason: str = ""
    detail: str = ""


def verify_output(
    post: Post,
    excerpts: Sequence[str],
    *,
    settings: VerifySettings,
    rebuild: RebuildSettings,
    site_url: str,
) -> Finding:
    """Look for the post in the built site: its page, its card, and what must list it."""
    output = Output(folder=rebuild.output, site_url=site_url)
    look = _Look(post=post, wanted=_wanted(post, excerpts), settings=settings)
    try:
        found = output.read(post.url, PAGE_BYTES)
        detail, images = look.check_page(found)
        notes = [cards.check_built_image(image, output) for image in images]
        notes += look.check_lists(site_url, output, None)
    except SiteError as error:
        return Finding(ok=False, reason=error.one_line)
    return Finding(ok=True, detail=_joined(detail, notes))


def verify_live(
    post: Post,
    excerpts: Sequence[str],
    *,
    settings: VerifySettings,
    site_url: str,
    served_at: str | None = None,
    output: Path | None = None,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    answer_timeout_s: float = ANSWER_TIMEOUT_S,
) -> Finding:
    """Look for the post on the live site; the page must match twice in a row.

    ``served_at`` is the base URL of a server that stands in for ``site_url``: a rehearsal's.
    ``output`` is the folder of the built site: a card image is compared with the one there.
    An answer must be complete within the sum of both time limits, none longer than
    ``verify.timeout``; a look makes twelve requests at the most.
    """
    longest_s = settings.timeout.total_seconds()
    timeouts = (min(connect_timeout_s, longest_s), min(answer_timeout_s, longest_s))
    live = Live(site_url=site_url, served_at=served_at, timeouts=timeouts)
    built = Output(folder=output, site_url=site_url) if output is not None else None
    look = _Look(post=post, wanted=_wanted(post, excerpts), settings=settings)
    try:
        for _ in range(LOOKS):
            detail, images = _check_live_page(look, live)
        notes = [cards.check_live_image(image, live, built) for image in images]
        notes += look.check_lists(site_url, live, built)
    except SiteError as error:
        return Finding(ok=False, reason=error.one_line)
    return Finding(ok=True, detail=_joined(detail, notes))


# --- one look -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What is checked alike in the output and on the live site."""

    post: Post
    wanted: Sequence[str]
    settings: VerifySettings

    def check_page(self, found: Found) -> tuple[str, tuple[str, ...]]:
        """Check all that the page says by itself; give what convinced, and its card images."""
        found.expect_ok()
        page = read_page(found.body)
        detail = _check_text(self.post, self.wanted, page)
        _check_robots(self.post, page, found)
        if self.settings.canonical:
            _check_canonical(self.post, page, found)
        return detail, cards.check_tags(self.post, page, found) if self.settings.card else ()

    def check_lists(self, site_url: str, source: Source, built: Output | None) -> list[str]:
        """Check index, feed and sitemap, as far as jobs.yaml names them."""
        base, settings, notes = site_url.rstrip("/"), self.settings, []
        feed = settings.feed and self._feed_of_language(site_url, settings.feed, built or source)
        for kind, path in (("feed", feed), ("sitemap", settings.sitemap)):
            if path:
                url = f"{base}/{path.lstrip('/')}"
                likely = self._listed_by(kind, url, built)
                _check_listing(kind, url, self.post, source, likely=likely)
                notes.append(f"is in the {kind}")
        if settings.index is not None:
            url = f"{base}/{settings.index.lstrip('/')}"
            _check_index(url, self.post, source)
            notes.append("is linked from the index")
        return notes

    def _feed_of_language(self, site_url: str, path: str, source: Source) -> str:
        """Give the path of the feed that lists the post's language; "" when there is none.

        A post below ``/de/`` is listed by the feed of that name below ``/de/``. Where there is
        none, the site's feed must list it, unless that lists nothing below ``/de/``.
        """
        base, path = site_url.rstrip("/"), path.lstrip("/")
        language = _language_of(self.post.url, base)
        if not language or path.startswith(f"{language}/"):
            return path
        with suppress(SiteError):
            source.read(f"{base}/{language}/{path}", 1)
            return f"{language}/{path}"
        with suppress(SiteError):  # of a feed that is not there, ``_check_listing`` says so
            if not _lists_below(f"{base}/{path}", f"{base}/{language}/", source):
                return ""
        return path

    def _listed_by(self, kind: str, url: str, built: Output | None) -> str | None:
        """Give the file that lists the post in the output: of many, that one is asked for."""
        if built is None:
            return None
        try:
            return _check_listing(kind, url, self.post, built)
        except SiteError:
            return None


def _check_live_page(look: _Look, live: Live) -> tuple[str, tuple[str, ...]]:
    """Check the live page; of an old one, say who serves it."""
    found = live.ask(look.post.url, PAGE_BYTES)
    try:
        return look.check_page(found)
    except SiteError as error:
        words = response_headers.cached_words(found.headers, "page")
        is_page = found.status == 200 or (bool(words) and found.status in GONE)
        if found.elsewhere is not None or not is_page:
            raise
        has_new = _answers_past_caches(look, live)
        raise _explained(error, found, words=words, has_new=has_new) from None


def _answers_past_caches(look: _Look, live: Live) -> bool:
    try:
        look.check_page(live.ask_past_caches(look.post.url, PAGE_BYTES))
    except SiteError:
        return False
    return True


def _explained(error: SiteError, found: Found, *, words: str, has_new: bool) -> SiteError:
    """Add to what is wrong with a live page what its headers tell, and what the origin has."""
    guesses = [error.why, response_headers.origin_words(found.headers)]
    whys = [words] if words else [why for why in guesses if why]
    if has_new:
        whys.append("the origin has the new page, a cache still serves the old one")
        hint = "purge the page from the cache, or wait until it expires"
        return SiteError(error.what, why="; ".join(whys), hint=hint)
    return SiteError(error.what, why="; ".join(whys), hint=error.hint)


def _wanted(post: Post, excerpts: Sequence[str]) -> list[str]:
    """Prefer the excerpts that prove the release; where a teaser shows all, these must do."""
    return _unseen(post, excerpts) or list(excerpts)


def _joined(detail: str, notes: Sequence[str]) -> str:
    """Join what convinced us into one sentence, each note once."""
    return ", and ".join([detail, *dict.fromkeys(filter(None, notes))])


def _unseen(post: Post, excerpts: Sequence[str]) -> list[str]:
    """Drop the excerpts that a teaser shows while the post is under embargo."""
    teased = fold(f"{post.title} | {post.description} | {post.teaser or ''}")
    return [excerpt for excerpt in excerpts if fold(excerpt) not in teased]


# --- the page -------------------------------------------------------------------------------


def _check_text(post: Post, wanted: Sequence[str], page: Page) -> str:
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
    if len(_unseen(post, wanted)) < NEEDED and (stamp := _stamp(post, text)):
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


def _check_robots(post: Post, page: Page, found: Found) -> None:
    """Check that neither the page nor its headers keep search engines away."""
    url = shown(post.url)
    why = "that belongs to embargoed pages"
    if page.is_noindex:
        raise SiteError(
            f"{url} shows the post, but asks search engines to stay away (robots: noindex)",
            why=why,
            hint="take the robots meta tag out of the released page",
        )
    if response_headers.is_noindex(found.headers):
        said = quoted(found.headers["X-Robots-Tag"])
        raise SiteError(
            f"{url} shows the post, but its answer asks search engines to stay away"
            f" (X-Robots-Tag: {said})",
            why=why,
            hint="take the header out of the settings of the host",
        )


def _check_canonical(post: Post, page: Page, found: Found) -> None:
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


def _check_index(url: str, post: Post, source: Source) -> None:
    """Check that the page at ``url`` links to the post."""
    try:
        found = source.read(url, PAGE_BYTES)
    except SiteError as error:
        raise _named("index", url, error) from None
    page = read_page(found.body)
    base = _base(found, page)
    if page_key(post.url) not in (page_key(_url(base, written)) for written in page.links):
        raise SiteError(
            f"the index {shown(url)} does not link to {shown(post.url)}",
            why=response_headers.cached_words(found.headers, "page"),
            hint="see why the theme leaves it out, or drop verify.index from jobs.yaml",
        )


def _language_of(url: str, site_url: str) -> str:
    """Give the language that an address is below, such as ``de`` or ``pt-br``; "" for none."""
    first, separator, _ = url.removeprefix(site_url).lstrip("/").partition("/")
    return first if separator and _LANGUAGE.fullmatch(first) else ""


def _lists_below(url: str, start: str, source: Source) -> bool:
    """Tell whether a feed lists any address that begins with ``start``.

    :raises SiteError: when it cannot be read.
    """
    found = source.read(url, LISTING_BYTES)
    return any(_url(found.base, one).startswith(start) for one in read_listing(found.body).urls)


def _check_listing(
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
        why=elsewhere if others else response_headers.cached_words(found.headers, "copy"),
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
