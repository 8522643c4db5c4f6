"""X API v2 as one account sees it: posts, timeline, media; OAuth 1.0a signatures are checked."""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from oauthlib.common import Request as OAuthRequest
from oauthlib.oauth1.rfc5849 import signature
from twitter_text import extract_urls_with_indices, parse_tweet

from tests.platforms.server import Answer, Fault, PlatformServer, Request, main

CREDENTIALS = {
    "api_key": "key-ab12cd34ef56",
    "api_secret": "secret-0123456789abcdef",
    "access_token": "2244994945-tokentokentoken",
    "access_token_secret": "token-secret-fedcba9876543210",
}
USER_ID = "2244994945"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (a service has its own clock)


class XPlatform(PlatformServer):
    """``lag`` counts the timeline reads from which a new post is still missing.

    ``credits`` is how many posts are paid for. ``page`` is how many posts a timeline page holds.
    """

    def __init__(
        self,
        *,
        lag: int = 0,
        credits: int = 1000,  # noqa: A002 (their word)
        page: int = 100,
        clock: Callable[[], datetime] = _utc_now,
        journal: Path | None = None,
    ) -> None:
        super().__init__(journal=journal)
        self.lag = lag
        self.credits = credits
        self.page = page
        self.media: dict[str, dict[str, Any]] = {}
        self._clock = clock

    def handle(self, request: Request) -> Answer:
        if not _is_signed(request):
            return _problem(401, "Unauthorized", "Unauthorized")
        match request.method, request.path:
            case "GET", "/2/users/me":
                return Answer(body={"data": {"id": USER_ID, "name": "Site", "username": "site"}})
            case "GET", path if path == f"/2/users/{USER_ID}/tweets":
                return self._timeline(request)
            case "POST", "/2/tweets":
                return self._create(request.json())
            case "POST", "/2/media/upload":
                return self._upload(request.json())
            case "POST", "/2/media/metadata":
                order = request.json()
                self.media[order["id"]]["alt"] = order["metadata"]["alt_text"]["text"]
                return Answer(body={"data": {"id": order["id"]}})
        return _problem(404, "Not Found", "Not Found")

    def post(self, text: str, *, created_at: datetime | None = None) -> str:
        """Post by another hand, such as the owner's telephone; returns the id."""
        post = _shown(text, len(self.accepted), created_at or self._clock())
        self.accept({**post, "raw": text, "hidden": 0})
        return str(post["id"])

    def ask_to_wait(self, seconds: int) -> None:
        lifted = int(NOON.timestamp()) + seconds
        headers = {
            "Date": NOON.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "x-rate-limit-reset": str(lifted - 60),
            "x-user-limit-24hour-reset": str(lifted),
        }
        self.faults.append(Fault.refuse(429, headers, {"title": "Too Many Requests"}))

    def _create(self, order: dict[str, Any]) -> Answer:
        text = order["text"]
        media = order.get("media", {}).get("media_ids", [])
        if any(post["raw"] == text for post in self.accepted):
            detail = "You are not allowed to create a Tweet with duplicate content."
            return _problem(403, "Forbidden", detail)
        if not parse_tweet(text).valid:
            return _problem(403, "Forbidden", "Your Tweet text is too long.")
        if not set(media) <= self.media.keys():
            return _problem(400, "Invalid Request", "Your media IDs are invalid.")
        if self.credits <= 0:
            return _problem(402, "CreditsDepleted", "Your account has no credits left.")
        self.credits -= 1
        post = _shown(text, len(self.accepted), self._clock(), has_image=bool(media))
        self.accept({**post, "raw": text, "hidden": self.lag, "media": media})
        return Answer(status=201, body={"data": {"id": post["id"], "text": post["text"]}})

    def _timeline(self, request: Request) -> Answer:
        shown = []
        for post in reversed(self.accepted):
            if post["hidden"] > 0:
                post["hidden"] -= 1
            elif post["created_at"][:19] >= request.query.get("start_time", "")[:19]:
                shown.append({k: post[k] for k in ("id", "text", "created_at", "entities")})
        start = int(request.query.get("pagination_token", "0"))
        size = min(self.page, int(request.query.get("max_results", "10")))
        page = shown[start : start + size]
        meta: dict[str, Any] = {"result_count": len(page)}
        if start + size < len(shown):
            meta["next_token"] = str(start + size)
        return Answer(body={"meta": meta, **({"data": page} if page else {})})

    def _upload(self, order: dict[str, Any]) -> Answer:
        if order.get("media_category") != "tweet_image":
            return _problem(400, "Invalid Request", "media_category is required")
        media_id = str(1146654567674912769 + len(self.media))
        self.media[media_id] = {"bytes": base64.b64decode(order["media"])}
        return Answer(body={"data": {"id": media_id, "media_key": f"3_{media_id}"}})


def _shown(text: str, number: int, at: datetime, *, has_image: bool = False) -> dict[str, Any]:
    """Give a post as the API shows it: NFC, URLs shortened, & < > as HTML entities."""
    text = unicodedata.normalize("NFC", text)
    urls: list[dict[str, str]] = []
    for url in reversed(extract_urls_with_indices(text)):
        short = f"https://t.co/{number:05d}{len(urls):05d}"
        start, end = url["indices"]
        full = url["url"] if "://" in url["url"] else f"http://{url['url']}"
        urls.append({"url": short, "expanded_url": full, "display_url": urlsplit(full).netloc})
        text = text[:start] + short + text[end:]
    if has_image:
        short = f"https://t.co/{number:05d}media"
        page = f"https://x.com/site/status/{number}/photo/1"
        urls.append({"url": short, "expanded_url": page, "display_url": "pic.x.com/abc"})
        text += f" {short}"
    return {
        "id": str(1591545391123456000 + number),
        "text": html.escape(text, quote=False),
        "created_at": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "entities": {"urls": urls} if urls else {},
    }


def _is_signed(request: Request) -> bool:
    """Check the HMAC-SHA1 signature of RFC 5849 over the address as it was called."""
    header = request.headers.get("authorization", "")
    fields = dict(re.findall(r'(oauth_\w+)="([^"]*)"', header))
    if not {"oauth_consumer_key", "oauth_token", "oauth_signature"} <= fields.keys():
        return False
    known = (fields["oauth_consumer_key"], fields["oauth_token"])
    checked = OAuthRequest(request.url, request.method, None, {"Authorization": header})
    checked.params = signature.collect_parameters(
        uri_query=urlsplit(request.url).query, headers={"Authorization": header}
    )
    checked.signature = unquote(fields["oauth_signature"])
    return known == (CREDENTIALS["api_key"], CREDENTIALS["access_token"]) and bool(
        signature.verify_hmac_sha1(
            checked, CREDENTIALS["api_secret"], CREDENTIALS["access_token_secret"]
        )
    )


def _problem(status: int, title: str, detail: str) -> Answer:
    body = {"title": title, "detail": detail, "type": "about:blank", "status": status}
    return Answer(status=status, body=body, headers={"Content-Type": "application/problem+json"})


if __name__ == "__main__":
    main(lambda journal: XPlatform(journal=journal))
