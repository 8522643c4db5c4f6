"""Verifies a release: does the output, and then the live site, really show the post?

Proof is text of the post itself: its URL and title may have been visible all the time, above
filler. What must *not* be visible is ``embargo``'s business. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from publisher.errors import SiteError
from publisher.excerpts import excerpts
from publisher.markup import fold, read_listing, read_page
from publisher.model import Post
from publisher.settings import RebuildSettings, VerifySettings
from publisher.visit import shown, visit

__all__ = ["Finding", "excerpts", "verify_live", "verify_output"]

NEEDED = 2  # excerpts that must be found, and looks that must find them
PAGE_BYTES = 5_000_000
LISTING_BYTES = 52_428_800  # the largest sitemap allowed: sitemaps.org/protocol.html, 2026-11-20
PARTS = 50  # files of a sitemap index that are looked into
REDIRECTS = 3
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 15.0


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
    """Look for the post in the built site: its page, and its URL in feed and sitemap."""

    def read(url: str, limit: int) -> bytes:
        return _read_output(rebuild.output, _path_on_site(url, site_url), limit)

    return _judge(post, excerpts, settings=settings, site_url=site_url, read=read, looks=1)


def verify_live(
    post: Post,
    excerpts: Sequence[str],
    *,
    settings: VerifySettings,
    site_url: str,
    served_at: str | None = None,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    answer_timeout_s: float = ANSWER_TIMEOUT_S,
) -> Finding:
    """Look for the post on the live site; the page must match twice in a row.

    ``served_at`` is the base URL of a server that stands in for ``site_url``: a rehearsal's.
    An answer must be complete within the sum of both time limits.
    """
    timeouts = (connect_timeout_s, answer_timeout_s)

    def read(url: str, limit: int) -> bytes:
        if served_at is not None:
            _path_on_site(url, site_url)
            url = served_at.rstrip("/") + url.removeprefix(site_url.rstrip("/"))
        return _fetch(url, limit=limit, timeouts=timeouts)

    return _judge(post, excerpts, settings=settings, site_url=site_url, read=read, looks=NEEDED)


def _judge(
    post: Post,
    excerpts: Sequence[str],
    *,
    settings: VerifySettings,
    site_url: str,
    read: Callable[[str, int], bytes],
    looks: int,
) -> Finding:
    """Look at the page, the feed and the sitemap through ``read(url, limit)``."""
    wanted = _unseen(post, excerpts)
    try:
        for _ in range(looks):
            detail = _check_page(post, wanted, read(post.url, PAGE_BYTES))
        for kind, path in (("feed", settings.feed), ("sitemap", settings.sitemap)):
            if path is not None:
                _check_listing(kind, f"{site_url.rstrip('/')}/{path.lstrip('/')}", post, read)
                detail += f", and is in the {kind}"
    except SiteError as error:
        reason = "; ".join(part for part in (error.what, error.why, error.hint) if part)
        return Finding(ok=False, reason=reason)
    return Finding(ok=True, detail=detail)


def _unseen(post: Post, excerpts: Sequence[str]) -> list[str]:
    """Drop the excerpts that a teaser shows before the release, unless none would be left."""
    shown = fold(f"{post.title} | {post.description} | {post.teaser or ''}")
    return [excerpt for excerpt in excerpts if fold(excerpt) not in shown] or list(excerpts)


def _check_page(post: Post, wanted: Sequence[str], body: bytes) -> str:
    url = shown(post.url)
    page = read_page(body.decode("utf-8", "replace"))
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
    if page.is_noindex:
        raise SiteError(
            f"{url} shows the post, but asks search engines to stay away (robots: noindex)",
            why="that belongs to embargoed pages",
            hint="take the robots meta tag out of the released page",
        )
    return f"{url} shows its title, {count if wanted else 'no text to compare'}"


# --- feed and sitemap -----------------------------------------------------------------------


def _check_listing(kind: str, url: str, post: Post, read: Callable[[str, int], bytes]) -> None:
    wanted = _page_key(post.url)
    if wanted not in map(_page_key, _listed_urls(kind, url, read)):
        raise SiteError(
            f"the {kind} {shown(url)} does not list {shown(post.url)}",
            hint=f"see why the generator leaves it out, or drop verify.{kind} from jobs.yaml",
        )


def _listed_urls(kind: str, url: str, read: Callable[[str, int], bytes]) -> Iterator[str]:
    """Give the URLs that a feed, a sitemap or the first files of a sitemap index list."""
    try:
        listing = read_listing(read(url, LISTING_BYTES))
        yield from (urljoin(url, listed) for listed in listing.urls)
        for part in listing.parts[:PARTS]:
            part_url = urljoin(url, part)
            if urlsplit(part_url).netloc == urlsplit(url).netloc:
                yield from read_listing(read(part_url, LISTING_BYTES)).urls
    except SiteError as error:
        raise SiteError(f"the {kind} {shown(url)}: {error.what}", hint=error.hint) from None
    except ValueError as error:
        raise SiteError(f"the {kind} {shown(url)} holds an unusable URL: {error}") from None


def _page_key(url: str) -> tuple[str | None, str]:
    """Give host and path, alike for ``/x``, ``/x/``, ``/x.html`` and ``/x/index.html``."""
    try:
        parts = urlsplit(url)
        path = unquote(parts.path).removesuffix("/index.html").removesuffix(".html")
        return parts.hostname, path.rstrip("/")
    except ValueError:
        return None, url


# --- the output folder ----------------------------------------------------------------------


def _path_on_site(url: str, site_url: str) -> str:
    """Give the path below the site's own, with a slash in front, percent-decoded."""
    base = site_url.rstrip("/")
    if url != base and not url.startswith((f"{base}/", f"{base}?", f"{base}#")):
        raise SiteError(
            f"{shown(url)} is not below the site's address {shown(base)}",
            hint="correct site.url or site.post_url in jobs.yaml",
        )
    return unquote(urlsplit(url.removeprefix(base)).path) or "/"


def _read_output(output: Path, path: str, limit: int) -> bytes:
    """Read the file that a static host would serve for ``path``, never one outside the output."""
    bare = path.strip("/")
    names = [f"{bare}.html", f"{bare}/index.html", bare] if bare else ["index.html"]
    if path.endswith("/") and bare:
        names = [f"{bare}/index.html", f"{bare}.html"]
    try:
        root = output.resolve()
        files = [(root / name).resolve() for name in names]
        if not all(file.is_relative_to(root) for file in files):
            raise SiteError(f"the path {path!r} leads out of the output {output}")
        for file in files:
            if file.is_file():
                with file.open("rb") as stream:
                    return stream.read(limit)
    except (OSError, ValueError, RuntimeError) as error:  # unreadable; a NUL; a loop of links
        raise SiteError(f"the path {path!r} cannot be read in the output: {error}") from None
    raise SiteError(
        f"the output {output} has nothing for {path!r} (looked for {', '.join(names)})",
        hint="see whether the build skips the post, or correct site.post_url in jobs.yaml",
    )


# --- the live site --------------------------------------------------------------------------


def _fetch(url: str, *, limit: int, timeouts: tuple[float, float]) -> bytes:
    """Get the first ``limit`` bytes at ``url``, following a few redirects on the same host."""
    start = url
    for _ in range(1 + REDIRECTS):
        answer = visit(url, limit=limit, timeouts=timeouts)
        if answer.target is None and answer.status == 200:
            return answer.body
        if answer.target is None:
            raise SiteError(f"{shown(url)} answered {answer.status}")
        try:
            target = urljoin(url, answer.target)
            is_same_host = _origins(target) <= _origins(url)
        except ValueError:
            raise SiteError(f"{shown(url)} redirects to an unusable URL") from None
        if not is_same_host:
            raise SiteError(
                f"{shown(url)} redirects to another host, {shown(target)}",
                hint="set site.url in jobs.yaml to the address where readers end up",
            )
        url = target
    raise SiteError(f"{shown(start)} redirects more than {REDIRECTS} times")


def _origins(url: str) -> frozenset[tuple[str | None, int | None]]:
    """Give host and port; plain HTTP on its usual port includes the step up to HTTPS."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    ports = {80, 443} if parts.scheme == "http" and port == 80 else {port}
    return frozenset((parts.hostname, each) for each in ports)
