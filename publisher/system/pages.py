"""Where a look reads from: the built output, or the live site. Reads only."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from publisher.model.errors import SiteError
from publisher.system.address_guard import resolve
from publisher.system.http import Endpoint, Timeouts, look_up, visit
from publisher.system.output import find_page, page_names
from publisher.text import response_headers
from publisher.text.urls import path_on_site, shown

OWN_IMAGE = "let the page name an image of the site itself, or say `verify: {card: false}`"
REDIRECTS = 3
REQUESTS = 12  # of one look at the live site
LOOK_S = 60.0  # and the longest it may take: other work waits for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stands at an address; ``elsewhere`` is a redirect to another host, not followed.

    Relative addresses are relative to ``base``: where a reader ends up on the site.
    """

    url: str  # as asked last, after redirects
    base: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    elsewhere: str | None = None

    def expect_ok(self) -> None:
        """Accept nothing but status 200."""
        if self.elsewhere is not None:
            raise SiteError(
                f"{shown(self.url)} redirects to another host, {shown(self.elsewhere)}",
                hint="set site.url in jobs.yaml to the address where readers end up",
            )
        if self.status != 200:
            why = response_headers.cached_words(self.headers, "copy")
            raise SiteError(f"{shown(self.url)} answered {self.status}", why=why)


class NotInOutput(SiteError):
    """The output has no file for an address; the hint is for that of a post."""


class Source(Protocol):
    def read(self, url: str, limit: int) -> Found:
        """Give the first ``limit`` bytes at an address of the site.

        :raises SiteError: when they cannot be had, with the status or the trouble in words.
        """


# --- the output folder ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The built site in ``folder``, as a static host would serve it."""

    folder: Path
    site_url: str

    def read(self, url: str, limit: int) -> Found:
        path = path_on_site(url, self.site_url)
        file = find_page(self.folder, path)
        if file is None:
            raise NotInOutput(
                f"the built site has nothing for {path!r}"
                f" (looked for {', '.join(page_names(path))})",
                hint="see whether the build skips the post, or correct site.post_url in jobs.yaml",
            )
        try:
            with file.open("rb") as stream:
                body = stream.read(limit)
        except OSError as error:
            raise SiteError(f"the path {path!r} cannot be read in the output: {error}") from None
        is_folder = file.name == "index.html" and not path.endswith(("/", ".html"))
        return Found(url=url, base=f"{url}/" if is_folder else url, body=body)


# --- the live site --------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Live:
    """The live site, asked at most ``left`` times more, and for a minute from the first time.

    ``served_at`` is the base URL of a server that stands in for the site: a rehearsal's.
    """

    site_url: str
    timeouts: tuple[float, float]
    served_at: str | None = None
    left: int = REQUESTS
    end_s: float | None = None  # when the look must be over; from the first request on

    def read(self, url: str, limit: int) -> Found:
        found = self.ask(url, limit)
        found.expect_ok()
        return found

    def ask(self, url: str, limit: int) -> Found:
        """Get what stands at ``url``, whatever the status; follow redirects on the same host."""
        start = url = self._address(url)
        for _ in range(1 + REDIRECTS):
            if self.left <= 0:
                raise SiteError(
                    f"{shown(url)} was not asked: one look makes {REQUESTS} requests",
                    hint="of a sitemap in many parts, let verify.sitemap name the one that"
                    " lists new posts",
                )
            self.left -= 1
            answer = visit(
                url,
                limit=limit,
                timeouts=self._time_left(url),
                resolve=self._resolve(url),
            )
            found = Found(
                url=url,
                base=self._base(url),
                status=answer.status_code,
                headers=answer.headers,
                body=answer.content,
            )
            if answer.target is None:
                return found
            target, is_elsewhere = _target(url, answer.target)
            if is_elsewhere:
                return replace(found, elsewhere=target)
            url = target
        raise SiteError(f"{shown(start)} redirects more than {REDIRECTS} times")

    def _time_left(self, url: str) -> Timeouts:
        """Give how long the next answer may take."""
        now_s = time.monotonic()
        if self.end_s is None:
            self.end_s = now_s + LOOK_S
        if now_s >= self.end_s:
            raise SiteError(f"{shown(url)} was not asked: one look takes {LOOK_S:g} s at most")
        connect_s, silence_s = self.timeouts
        total_s = min(connect_s + silence_s, self.end_s - now_s)
        return Timeouts(total_s=total_s, connect_s=connect_s, silence_s=silence_s)

    def ask_past_caches(self, url: str, limit: int) -> Found:
        """Ask with a query parameter that no cache can know.

        Only to tell a cache's fault from the origin's: readers get what ``ask`` gets.
        """
        bare = url.partition("#")[0]
        sign = "&" if "?" in bare else "?"
        return self.ask(f"{bare}{sign}publisher-look={secrets.token_hex(4)}", limit)

    def _resolve(self, url: str) -> Callable[[str, int], Sequence[Endpoint]]:
        """Give how to look up the host: what is not the site's own is an address from a page."""
        with suppress(ValueError):  # of what is no address, which is refused where it is asked
            if _origins(url) & _origins(self.served_at or self.site_url):
                return look_up
        return partial(resolve, name=shown(url), private=False, hint=OWN_IMAGE)

    def _address(self, url: str) -> str:
        if self.served_at is None:
            return url
        path_on_site(url, self.site_url)  # refuses what the stand-in cannot have
        return self.served_at.rstrip("/") + url.removeprefix(self.site_url.rstrip("/"))

    def _base(self, url: str) -> str:
        """Give the address on the site itself of what may have come from its stand-in."""
        if self.served_at is None:
            return url
        return self.site_url.rstrip("/") + url.removeprefix(self.served_at.rstrip("/"))


def _target(url: str, written: str) -> tuple[str, bool]:
    """Give where a redirect leads, and whether that is another host."""
    try:
        target = urljoin(url, written)
        return target, not _origins(target) <= _origins(url)
    except ValueError:
        raise SiteError(f"{shown(url)} redirects to an unusable URL") from None


def _origins(url: str) -> frozenset[tuple[str | None, int | None]]:
    """Give host and port; plain HTTP on its usual port includes the step up to HTTPS."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    ports = {80, 443} if parts.scheme == "http" and port == 80 else {port}
    return frozenset((parts.hostname, each) for each in ports)
