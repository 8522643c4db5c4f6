"""LinkedIn, Posts API, on behalf of a member or of an organisation.

LinkedIn knows no idempotency key. An organisation's posts can be read back; a member's cannot
(``r_member_social`` is not granted to new apps), so there only a person can look.
Facts: learn.microsoft.com/linkedin/marketing (Posts API, Images API, little text format, rate
limits), 2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from publisher.channels import TEMPLATE, ChannelContext, Option
from publisher.channels._http import (
    IMAGE_REFUSALS,
    WITHOUT_IMAGE,
    Http,
    UnknownOutcome,
    answered_at,
    retry_after_header,
)
from publisher.model import Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.model.errors import DuplicateContent, PublisherError
from publisher.model.image_kinds import ImageKind
from publisher.system.http import Response

API_VERSION = "202609"
IMAGES = frozenset({ImageKind.JPEG, ImageKind.PNG, ImageKind.GIF})  # Images API
ORGANIZATION = "urn:li:organization:"
LOOK_BACK = timedelta(days=1)  # our clock may be ahead of theirs; the words tell posts apart

_HASHTAG = re.compile(r"(?<![\w/&])#(?=\d*[^\W\d])\w+")
_RESERVED = re.compile(r"[|{}@\[\]()<>#\\*_~]")
_ESCAPED = re.compile(r"\\([|{}@\[\]()<>#\\*_~])")
_TEMPLATE = re.compile(r"\{hashtag\|\\?#\|(.+?)\}")
_POST_URN = re.compile(r"urn:li:(?:share|ugcPost|activity):[0-9]+")

STATUS_LOOKS = 10  # at an image that LinkedIn works up
STATUS_PAUSE_S = 0.5

PAGE_POSTS = 100
PAGES = 20


def little_text(text: str) -> str:
    r"""Escape a text for ``commentary``; one bare reserved character would cut it short silently.

    A hashtag keeps its ``#``; ``_`` inside it is escaped like everywhere else.
    """
    pieces, end = [], 0
    for hashtag in _HASHTAG.finditer(text):
        pieces += [_escape(text[end : hashtag.start()]), "#", _escape(hashtag.group()[1:])]
        end = hashtag.end()
    return "".join([*pieces, _escape(text[end:])])


def plain_text(commentary: str) -> str:
    """Read a ``commentary`` back as the text that people see, blanks evened out."""
    text = _TEMPLATE.sub(r"#\1", commentary)
    return " ".join(_ESCAPED.sub(r"\1", text).split())


def commentary_length(text: str) -> int:
    """Count the characters of the escaped text: those are what LinkedIn receives."""
    return len(little_text(text))


class LinkedIn:
    """Post on LinkedIn with a link card; upload the card's image first."""

    options: ClassVar[tuple[Option, ...]] = (
        Option(name="author", required=True, help="urn:li:person:… or urn:li:organization:…"),
        Option(name="token", required=True, secret=True, help="access token, valid for 60 days"),
        Option(name="version", default=API_VERSION, help="LinkedIn-Version, YYYYMM"),
        Option(name="api_url", kind="url", default="https://api.linkedin.com", help="another host"),
    )
    limits: Limits = Limits(length=3000, count=commentary_length, images=IMAGES)
    template: ClassVar[str] = TEMPLATE
    subject: ClassVar[str] = ""

    def __init__(self, options: Mapping[str, Any], context: ChannelContext) -> None:
        self._author = str(options["author"])
        self._api_url = str(options.get("api_url") or "https://api.linkedin.com").rstrip("/")
        self._http = Http(
            service="LinkedIn",
            secrets=(options["token"],),
            headers={
                "Authorization": f"Bearer {options['token'].reveal()}",
                "LinkedIn-Version": str(options.get("version") or API_VERSION),
                "X-Restli-Protocol-Version": "2.0.0",
            },
            context=context,
        )
        self.recovery = _recovery(self._author)

    def prepare(self, message: Message, *, key: str) -> str | None:
        """Upload the image of the card; return its URN, or None without a fit image."""
        data = message.image_bytes
        if not data or not self.limits.takes_image(data, size=len(data)):
            return None
        answer = self._request(
            "POST",
            "/rest/images?action=initializeUpload",
            json={"initializeUploadRequest": {"owner": self._author}},
        )
        try:
            place = answer.json()["value"]
            upload_url, image = str(place["uploadUrl"]), str(place["image"])
        except (ValueError, LookupError, TypeError):
            raise UnknownOutcome("LinkedIn's answer about the upload cannot be read") from None
        headers = self._upload_headers(upload_url)
        answer = self._http.request(
            "PUT", upload_url, data=data, headers=headers, accept=IMAGE_REFUSALS
        )
        return image if answer.ok and self._is_usable(image) else None

    def _is_usable(self, image: str) -> bool:
        """Wait a little until LinkedIn has worked an image up; tell whether it can be used.

        Where LinkedIn does not say, it is tried: a post is refused for its image, and nothing else.
        """
        try:
            for _ in self._http.pages(STATUS_LOOKS):
                answer = self._request("GET", f"/rest/images/{quote(image, safe=':')}")
                status = answer.json().get("status")
                if status not in ("WAITING_UPLOAD", "PROCESSING"):
                    return bool(status != "PROCESSING_FAILED")
                Event().wait(STATUS_PAUSE_S)
        except (PublisherError, UnknownOutcome, ValueError, AttributeError):
            return True
        return True

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        """Send it; where LinkedIn refuses it for its image, send it without."""
        note = WITHOUT_IMAGE if message.image_bytes and draft is None else ""
        try:
            answer = self._create(message, image=draft)
        except _ImageRefused as refused:
            answer, note = self._create(message, image=None), f"{WITHOUT_IMAGE}: {refused}"
        try:
            return replace(_receipt(answer.headers.get("x-restli-id", "")), note=note)
        except UnknownOutcome as error:  # it is there all the same
            return Receipt(remote_id="", note=note or str(error))

    def _create(self, message: Message, *, image: str | None) -> Response:
        article = {
            "source": message.link,
            "title": message.title,
            **({"description": message.description} if message.description else {}),
            **({"thumbnail": image} if image else {}),
        }
        return self._request(
            "POST",
            "/rest/posts",
            image=image,
            json={
                "author": self._author,
                "commentary": little_text(message.text),
                "visibility": "PUBLIC",
                "distribution": {
                    "feedDistribution": "MAIN_FEED",
                    "targetEntities": [],
                    "thirdPartyDistributionChannels": [],
                },
                "content": {"article": article},
                "lifecycleState": "PUBLISHED",
                "isReshareDisabledByAuthor": False,
            },
        )

    def find(
        self, message: Message, *, key: str, draft: str | None, since: datetime
    ) -> Receipt | None:
        """Look for a post with the same words and link among the organisation's posts.

        :raises UnknownOutcome: always for a member, whose posts LinkedIn does not show.
        """
        if self.recovery.kind is not RecoveryKind.LOOKUP:
            raise UnknownOutcome("LinkedIn does not show a member's posts to apps")
        start_ms = (since - LOOK_BACK).timestamp() * 1000
        try:
            for post in self._posts(start_ms):
                if post["createdAt"] >= start_ms and _is_same(post, message):
                    return _receipt(post["id"])
        except (ValueError, LookupError, TypeError, AttributeError):
            raise UnknownOutcome("LinkedIn's list of posts cannot be read") from None
        return None

    def _posts(self, start_ms: float) -> Iterator[dict[str, Any]]:
        """Give the author's posts modified since an instant, all of them."""
        start = 0
        for _ in self._http.pages(PAGES):
            answer = self._request(
                "GET",
                "/rest/posts",
                params={
                    "author": self._author,
                    "q": "author",
                    "count": PAGE_POSTS,
                    "start": start,
                    "sortBy": "LAST_MODIFIED",
                },
                headers={"X-RestLi-Method": "FINDER"},
            )
            elements = answer.json()["elements"]
            yield from elements
            start += len(elements)
            # A page may be short and not the last: posts that may not be shown are left out.
            if not elements or elements[-1]["lastModifiedAt"] < start_ms:
                return

    def _request(
        self, method: str, route: str, *, image: str | None = None, **arguments: Any
    ) -> Response:
        response = self._http.request(
            method,
            self._api_url + route,
            retry_after=_retry_after,
            accept=frozenset({400, 403, 422, 426}),
            **arguments,
        )
        if response.ok:
            return response
        body = response.content.decode("utf-8", "replace")
        if response.status_code == 422 and "DUPLICATE_POST" in body:
            raise _duplicate(body, f"LinkedIn answered 422: {self._http.excerpt(response)}")
        names_image = image is not None and ("MEDIA_ASSET" in body or image in body)
        if response.status_code in (400, 422) and names_image:
            raise _ImageRefused(self._http.excerpt(response))
        hint = "check that the token has w_member_social or w_organization_social"
        if response.status_code == 426 or (response.status_code == 400 and "VERSION" in body):
            hint = "set the channel's `version` to one that LinkedIn supports now (YYYYMM)"
        elif response.status_code != 403:
            hint = "change the text or the channel's options, then `publisher retry`"
        raise self._http.refusal(response, hint=hint)

    def _upload_headers(self, upload_url: str) -> dict[str, str | None]:
        """Keep the token for LinkedIn: the upload address is taken from an answer."""
        host = urlsplit(upload_url).hostname or ""
        known = host == urlsplit(self._api_url).hostname or host.endswith(".linkedin.com")
        headers: dict[str, str | None] = {"Content-Type": "application/octet-stream"}
        return headers if known else {**headers, "Authorization": None}


class _ImageRefused(Exception):
    """A post was refused, so there is none, and the reason is its image."""


def _recovery(author: str) -> Recovery:
    if author.startswith(ORGANIZATION):
        number = author.removeprefix(ORGANIZATION)
        return Recovery(
            kind=RecoveryKind.LOOKUP,
            settle=timedelta(minutes=5),
            look_at=f"https://www.linkedin.com/company/{number}/admin/page-posts/published/",
        )
    return Recovery(
        kind=RecoveryKind.NONE, look_at="https://www.linkedin.com/in/me/recent-activity/all/"
    )


def _escape(text: str) -> str:
    return _RESERVED.sub(r"\\\g<0>", text)


def _post_url(urn: str) -> str:
    return f"https://www.linkedin.com/feed/update/{quote(urn, safe=':')}/"


def _receipt(urn: str) -> Receipt:
    if not _POST_URN.fullmatch(urn):
        raise UnknownOutcome("LinkedIn accepted the post without naming it")
    return Receipt(remote_id=urn, remote_url=_post_url(urn))


def _duplicate(body: str, what: str) -> DuplicateContent:
    """Take the earlier post from the refusal; a person's URN in it is no post."""
    found = _POST_URN.search(body)
    if found is None:
        return DuplicateContent(what)
    return DuplicateContent(what, remote_id=found.group(), remote_url=_post_url(found.group()))


def _retry_after(response: Response) -> timedelta | None:
    """Give the wait that LinkedIn names, else that until its daily limits end, at 00:00 UTC."""
    named = retry_after_header(response)
    if named is not None:
        return named
    now = answered_at(response)
    if now is None:
        return None
    tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=UTC) - now


def _is_same(post: Mapping[str, Any], message: Message) -> bool:
    """Tell whether a post carries the message's words, and its link in the text or the card."""
    if plain_text(post["commentary"]) != " ".join(message.text.split()):
        return False
    source = post.get("content", {}).get("article", {}).get("source", "")
    return message.link in message.text or str(source).rstrip("/") == message.link.rstrip("/")
