"""Pure readings of an answer's headers: did a cache give it, how old is it, may it be indexed?

`Age` is RFC 9111 section 5.1, `Cache-Status` RFC 9211; the others are what Cloudflare, Fastly,
CloudFront, Akamai, Varnish, nginx and Vercel document of themselves (checked 2026-11-21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from publisher.text.urls import quoted

_HITS = frozenset({"hit", "stale", "updating"})  # not REVALIDATED: the origin was asked
_ONE_WORD = ("CF-Cache-Status", "X-Vercel-Cache", "X-Cache-Status", "X-Proxy-Cache")
_MEMBER_HIT = re.compile(r";\s*hit\s*(?:=\s*\?1\s*)?(?=[;,]|$)", re.IGNORECASE)
_RULES_WITH_VALUE = frozenset(
    {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
)
_ROBOTS = frozenset({"robots", "googlebot", "*"})
_RE_ENCODERS = ("cf-polished", "cf-resized", "fastly-io-info", "x-imgix", "x-imagekit", "x-cld")
_IMAGE_SERVERS = ("imgix", "cloudinary", "imagekit", "bunnycdn-optimizer")
IMAGE_TYPES = {
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


def cached_words(headers: Mapping[str, str], noun: str) -> str:
    """Say that a cache gave the answer and how old its ``noun`` is; empty when no header does."""
    signs = list(_signs(headers))
    age = _age_s(headers)
    if not signs and not age:
        return ""
    how_old = f" {age} s old" if age else ""
    return f"a cache answered with a {noun}{how_old} ({', '.join(signs) or f'Age: {age}'})"


def origin_words(headers: Mapping[str, str]) -> str:
    """Say when what was served was last changed and by which way it came, where that is said."""
    changed, via = headers.get("Last-Modified", ""), headers.get("Via", "")
    words = [f"the server says that it was last changed {quoted(changed)}"] if changed else []
    words += [f"it came by way of {quoted(via)}"] if via else []
    return "; ".join(words)


def is_noindex(headers: Mapping[str, str]) -> bool:
    """Tell whether `X-Robots-Tag` keeps the page out of search engines that we care about.

    A bot's name before a rule holds for the rules after it, until the next name.
    """
    is_for_us = True
    for part in headers.get("X-Robots-Tag", "").lower().split(","):
        name, colon, rule = part.strip().partition(":")
        if colon and name.strip() not in _RULES_WITH_VALUE:
            is_for_us = name.strip() in _ROBOTS
        else:
            rule = name
        if is_for_us and rule.strip() in {"noindex", "none"}:
            return True
    return False


def image_type(url: str) -> str | None:
    """Give the media type that the name of an image promises, if it promises one."""
    return IMAGE_TYPES.get(PurePosixPath(urlsplit(url).path).suffix.lower())


def is_re_encoded(headers: Mapping[str, str], url: str) -> bool:
    """Tell whether a service on the way says, or shows by the type, that it makes other bytes."""
    promised, given = image_type(url), media_type(headers)
    names = tuple(name.lower() for name in headers)
    server = headers.get("Server", "").lower()
    return (
        (promised is not None and given != promised)
        or any(name.startswith(_RE_ENCODERS) for name in names)
        or server.startswith(_IMAGE_SERVERS)
    )


def media_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _signs(headers: Mapping[str, str]) -> Iterator[str]:
    for name in _ONE_WORD:
        if headers.get(name, "").strip().lower() in _HITS:
            yield f"{name}: {headers[name].strip()}"
    x_cache = headers.get("X-Cache", "").lower()
    if "hit" in x_cache and "refresh" not in x_cache:  # TCP_HIT, Hit from …; not RefreshHit
        yield f"X-Cache: {quoted(headers['X-Cache'])}"
    if _MEMBER_HIT.search(headers.get("Cache-Status", "")):
        yield f"Cache-Status: {quoted(headers['Cache-Status'])}"


def _age_s(headers: Mapping[str, str]) -> int:
    age = headers.get("Age", "0").strip()
    is_number = age.isascii() and age.isdecimal() and len(age) < 10
    return int(age) if is_number else 0
