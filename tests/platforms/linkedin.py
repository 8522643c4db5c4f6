"""LinkedIn's Posts and Images API as a member's or an organisation's token sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.platforms.server import Answer, Fault, PlatformServer, Request, main

TOKEN = "AQV-linkedin-access-token-0123456789"
MEMBER = "urn:li:person:abc123"
ORGANIZATION = "urn:li:organization:5515715"
VERSIONS = frozenset({"202601", "202603", "202606", "202609", "202610"})
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)

# What may stand in a commentary: escaped characters, hashtags, anything not reserved.
_LITTLE_TEXT = re.compile(r"(?:\\.|\{hashtag\|\\#\|\w+\}|#\w+|[^|{}@\[\]()<>#\\*_~])*", re.DOTALL)


def _utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (a service has its own clock)


class LinkedInPlatform(PlatformServer):
    """``page`` is how many posts a page of the finder holds at most."""

    def __init__(
        self,
        *,
        page: int = 100,
        clock: Callable[[], datetime] = _utc_now,
        journal: Path | None = None,
    ) -> None:
        super().__init__(journal=journal)
        self.page = page
        self.images: dict[str, bytes | None] = {}
        self.statuses: list[str] = []  # what images are said to be, look by look; the last stays
        self._clock = clock

    def handle(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "INVALID_ACCESS_TOKEN", "Invalid access token")
        if request.method == "PUT":
            self.images["urn:li:image:" + request.path.rpartition("/")[2]] = request.body
            return Answer(status=201)
        version = request.headers.get("linkedin-version")
        if version is None:
            return _error(400, "VERSION_MISSING", "A version must be present")
        if version not in VERSIONS:
            return _error(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
        if request.headers.get("x-restli-protocol-version") != "2.0.0":
            return _error(400, "INVALID_PROTOCOL", "X-Restli-Protocol-Version must be 2.0.0")
        match request.method, request.path:
            case "POST", "/rest/posts":
                return self._create(request.json())
            case "POST", "/rest/images":
                return self._initialize()
            case "GET", path if path.startswith("/rest/images/") and self.statuses:
                status, *later = self.statuses
                self.statuses = later or [status]
                return Answer(body={"status": status})
            case "GET", "/rest/posts":
                return self._find(request)
        return _error(404, "NOT_FOUND", "No such resource")

    def post(self, order: dict[str, Any], *, created_at: datetime | None = None) -> str:
        """Make a post public and return its URN; by any hand."""
        urn = f"urn:li:share:{7141000000000000000 + len(self.accepted)}"
        at = int((created_at or self._clock()).timestamp() * 1000)
        # An unescaped reserved character cuts the text short, silently.
        found = _LITTLE_TEXT.match(order["commentary"])
        shown = found.group() if found else ""
        post = {**order, "id": urn, "createdAt": at, "lastModifiedAt": at}
        self.accept({**post, "shown": re.sub(r"\\(.)", r"\1", shown)})
        return urn

    def ask_to_wait(self, seconds: int) -> None:
        now = MIDNIGHT - timedelta(seconds=seconds)
        date = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        self.faults.append(Fault.refuse(429, {"Date": date}, {"message": "daily limit reached"}))

    def _create(self, order: dict[str, Any]) -> Answer:
        if len(order["commentary"]) > 3000:
            return _error(400, "FIELD_LENGTH_TOO_LONG", "commentary is too long")
        article = order["content"]["article"]
        if "thumbnail" in article and not self.images.get(article["thumbnail"]):
            return _error(400, "INVALID_CONTENT", f"no such image: {article['thumbnail']}")
        if self.statuses and "thumbnail" in article and self.statuses[-1] != "AVAILABLE":
            return _error(400, "MEDIA_ASSET_PROCESSING_FAILED", "it failed processing")
        for post in self.accepted:
            if order == {name: post[name] for name in order}:
                return _duplicate(post["id"])
        return Answer(status=201, headers={"x-restli-id": self.post(order)})

    def _initialize(self) -> Answer:
        number = f"C4E10AQF{len(self.images):04d}"
        self.images[f"urn:li:image:{number}"] = None
        url = f"{self.url}/dms-uploads/{number}"
        return Answer(body={"value": {"uploadUrl": url, "image": f"urn:li:image:{number}"}})

    def _find(self, request: Request) -> Answer:
        author = request.query["author"]
        if author.startswith("urn:li:person:"):
            message = "Not enough permissions to access: partnerApiPostsExternal.GET"
            return _error(403, "ACCESS_DENIED", message)
        if request.headers.get("x-restli-method") != "FINDER":
            return _error(400, "INVALID_METHOD", "X-RestLi-Method is missing")
        posts = [post for post in self.accepted if post["author"] == author]
        newest = sorted(posts, key=lambda post: -post["lastModifiedAt"])
        start = int(request.query.get("start", "0"))
        count = min(self.page, int(request.query["count"]))
        return Answer(body={"elements": newest[start : start + count]})


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status=status, body={"status": status, "code": code, "message": message})


def _duplicate(urn: str) -> Answer:
    body = {
        "message": f"Content is a duplicate of {urn}",
        "errorDetails": {"inputErrors": [{"code": "DUPLICATE_POST"}]},
        "status": 422,
    }
    return Answer(status=422, body=body)


if __name__ == "__main__":
    main(lambda journal: LinkedInPlatform(journal=journal))
