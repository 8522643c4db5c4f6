"""Verifies a release: does the output, and then the live site, really show the post?

Proof is text of the post itself: its URL and title may have been visible all the time, above
filler. What must *not* be visible is ``embargo``'s business. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from publisher.config.settings import RebuildSettings, VerifySettings
from publisher.model import Post
from publisher.model.errors import SiteError
from publisher.site import cards, page_checks
from publisher.site.page_checks import NEEDED, PAGE_BYTES
from publisher.system.pages import Found, Live, Output, Source
from publisher.text import cache_query
from publisher.text.excerpts import excerpts
from publisher.text.html import read_page

__all__ = ["NEEDED", "Finding", "excerpts", "verify_live", "verify_output"]

LOOKS = 2  # at the live page
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 15.0
GONE = frozenset({404, 410})


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
    live = _live(site_url, served_at, settings, (connect_timeout_s, answer_timeout_s))
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


# --- the page -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What is checked alike in the output and on the live site."""

    post: Post
    wanted: Sequence[str]
    settings: VerifySettings

    def check_page(self, found: Found) -> tuple[str, tuple[str, ...]]:
        """Check all that the page says by itself; give what convinced, and its card images."""
        found.expect_ok()
        page = read_page(found.body.decode("utf-8", "replace"))
        detail = page_checks.check_text(self.post, self.wanted, page)
        page_checks.check_robots(self.post, page, found)
        if self.settings.canonical:
            page_checks.check_canonical(self.post, page, found)
        return detail, cards.check_tags(self.post, page, found) if self.settings.card else ()

    def check_lists(self, site_url: str, source: Source, built: Output | None) -> list[str]:
        """Check index, feed and sitemap, as far as jobs.yaml names them."""
        base, settings, notes = site_url.rstrip("/"), self.settings, []
        feed = settings.feed and self._feed_of_language(site_url, settings.feed, built or source)
        for kind, path in (("feed", feed), ("sitemap", settings.sitemap)):
            if path:
                url = f"{base}/{path.lstrip('/')}"
                likely = self._listed_by(kind, url, built)
                page_checks.check_listing(kind, url, self.post, source, likely=likely)
                notes.append(f"is in the {kind}")
        if settings.index is not None:
            url = f"{base}/{settings.index.lstrip('/')}"
            page_checks.check_index(url, self.post, source)
            notes.append("is linked from the index")
        return notes

    def _feed_of_language(self, site_url: str, path: str, source: Source) -> str:
        """Give the path of the feed that lists the post's language; "" when there is none.

        A post below ``/de/`` is listed by the feed of that name below ``/de/``. Where there is
        none, the site's feed must list it, unless that lists nothing below ``/de/``.
        """
        base, path = site_url.rstrip("/"), path.lstrip("/")
        language = page_checks.language_of(self.post.url, base)
        if not language or path.startswith(f"{language}/"):
            return path
        with suppress(SiteError):
            source.read(f"{base}/{language}/{path}", 1)
            return f"{language}/{path}"
        with suppress(SiteError):  # of a feed that is not there, ``check_listing`` says so
            if not page_checks.lists_below(f"{base}/{path}", f"{base}/{language}/", source):
                return ""
        return path

    def _listed_by(self, kind: str, url: str, built: Output | None) -> str | None:
        """Give the file that lists the post in the output: of many, that one is asked for."""
        if built is None:
            return None
        try:
            return page_checks.check_listing(kind, url, self.post, built)
        except SiteError:
            return None


def _check_live_page(look: _Look, live: Live) -> tuple[str, tuple[str, ...]]:
    """Check the live page; of an old one, say who serves it."""
    found = live.ask(look.post.url, PAGE_BYTES)
    try:
        return look.check_page(found)
    except SiteError as error:
        words = cache_query.cached_words(found.headers, "page")
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
    guesses = [error.why, cache_query.origin_words(found.headers)]
    whys = [words] if words else [why for why in guesses if why]
    if has_new:
        whys.append("the origin has the new page, a cache still serves the old one")
        hint = "purge the page from the cache, or wait until it expires"
        return SiteError(error.what, why="; ".join(whys), hint=hint)
    return SiteError(error.what, why="; ".join(whys), hint=error.hint)


def _wanted(post: Post, excerpts: Sequence[str]) -> list[str]:
    """Prefer the excerpts that prove the release; where a teaser shows all, these must do."""
    return page_checks.unseen(post, excerpts) or list(excerpts)


# --- both -----------------------------------------------------------------------------------


def _live(
    site_url: str, served_at: str | None, settings: VerifySettings, timeouts: tuple[float, float]
) -> Live:
    longest = settings.timeout.total_seconds()
    connect_s, answer_s = (min(seconds, longest) for seconds in timeouts)
    return Live(site_url=site_url, served_at=served_at, timeouts=(connect_s, answer_s))


def _joined(detail: str, notes: Sequence[str]) -> str:
    """Join what convinced us into one sentence, each note once."""
    return ", and ".join([detail, *dict.fromkeys(filter(None, notes))])
