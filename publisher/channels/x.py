"""X (Twitter), API v2, on behalf of one account (OAuth 1.0a user context).

X knows no idempotency key. What became of a lost answer is read from the account's own timeline;
a repeat of the same text is refused as a duplicate, which is evidence too.
"""

from __future__ import annotations

import base64
import logging
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from html import unescape
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote, urlsplit

from publisher.channels import TEMPLATE, ChannelContext, Option
from publisher.channels._http import (
    LONGEST_WAIT,
    WITHOUT_IMAGE,
    Http,
    UnknownOutcome,
    answered_at,
)
from publisher.model import Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.model.errors import DuplicateContent, NotDelivered
from publisher.model.image_kinds import ImageKind
from publisher.system.http import Response

if TYPE_CHECKING:
    import tweepy

# docs.x.com/x-api/getting-started/pricing, 2026-11-20; in force since 2026-04-20.
POST_USD = 0.015
POST_WITH_URL_USD = 0.200

# docs.x.com/x-api/media, 2026-11-20.
IMAGE_BYTES = 5 * 1024 * 1024
IMAGES = frozenset({ImageKind.JPEG, ImageKind.PNG, ImageKind.GIF, ImageKind.WEBP})
ALT_LENGTH = 1000

RESET_HEADERS = (
    "x-rate-limit-reset",  # docs.x.com/x-api/fundamentals/rate-limits
    "x-user-limit-24hour-reset",  # seen in answers, not documented
    "x-app-limit-24hour-reset",
)
RATE_WINDOW = timedelta(minutes=15)
LOOK_BACK = timedelta(days=1)  # our clock may be ahead of theirs; the words tell posts apart
CAP_WAIT = timedelta(hours=1)  # a spending cap lifts when somebody raises it
TIMELINE_PAGES = 32  # X serves no more than 3,200 posts back


def weighted_length(text: str) -> int:
    """Count as X does (twitter-text config v3): URLs 23, emoji 2, most other letters 1 or 2."""
    from twitter_text import parse_tweet

    return int(parse_tweet(text).weightedLength)


def cost_usd(text: str) -> float:
    """Give the price of a post; whatever X would turn into a link makes it dearer."""
    from twitter_text import extract_urls

    return POST_WITH_URL_USD if extract_urls(text) else POST_USD


class X:
    """Post on X; upload an image with its text; look a post up in the account's timeline."""

    options: ClassVar[tuple[Option, ...]] = (
        Option(name="api_key", required=True, secret=True, help="the app's API key"),
        Option(name="api_secret", required=True, secret=True, help="the app's API key secret"),
        Option(name="access_token", required=True, secret=True, help="the account's token"),
        Option(name="access_token_secret", required=True, secret=True, help="its secret"),
        Option(name="api_url", kind="url", default="https://api.x.com", help="another host"),
    )
    limits: Limits = Limits(
        length=280,
        count=weighted_length,
        cost_usd=cost_usd,
        refuses_repeats=True,
        images=IMAGES,
        image_bytes=IMAGE_BYTES,
    )
    template: ClassVar[str] = TEMPLATE
    subject: ClassVar[str] = ""
    recovery: Recovery = Recovery(
        kind=RecoveryKind.LOOKUP, settle=timedelta(minutes=5), look_at="https://x.com/home"
    )

    def __init__(self, options: Mapping[str, Any], context: ChannelContext) -> None:
        names = ("api_key", "api_secret", "access_token", "access_token_secret")
        self._credentials = tuple(options[name] for name in names)
        self._api_url = str(options.get("api_url") or "https://api.x.com").rstrip("/")
        self._http = Http(
            service="X",
            secrets=self._credentials,
            context=context,
        )

    def prepare(self, message: Message, *, key: str) -> str | None:
        """Upload the image and its alt text; return the media id, or None without a fit image."""
        image = message.image_bytes
        if not image or not self.limits.takes_image(image, size=len(image)):
            return None
        upload = {
            "media": base64.b64encode(image).decode("ascii"),
            "media_category": "tweet_image",
        }
        try:
            answer = self._post("/2/media/upload", upload)
        except NotDelivered as error:
            if error.permanent:  # what X makes of this image will not change
                return None
            raise
        with _reading("the upload of the image"):
            media_id = _number(answer.json()["data"]["id"])
        if message.image is not None and message.image.alt:
            alt = {"alt_text": {"text": message.image.alt[:ALT_LENGTH]}}
            self._post("/2/media/metadata", {"id": media_id, "metadata": alt})
        return media_id

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        note = WITHOUT_IMAGE if message.image_bytes and draft is None else ""
        post: dict[str, Any] = {"text": message.text}
        if draft:
            post["media"] = {"media_ids": [draft]}
        answer = self._post("/2/tweets", post)
        try:
            with _reading("the post"):
                return replace(_receipt(answer.json()["data"]["id"]), note=note)
        except UnknownOutcome as error:  # it is there all the same
            return Receipt(remote_id="", note=str(error))

    def find(
        self, message: Message, *, key: str, draft: str | None, since: datetime
    ) -> Receipt | None:
        """Look for a post with the same words and link in the account's timeline."""
        with _reading("the timeline"):
            for post in self._timeline(since - LOOK_BACK):
                if is_same(post, message):
                    return _receipt(post["id"])
        return None

    def _timeline(self, start: datetime) -> Iterator[dict[str, Any]]:
        """Give the account's own posts since ``start``, newest first, all of them."""
        page: dict[str, Any] = {}
        for _ in self._http.pages(TIMELINE_PAGES):
            answer = self._client.get_users_tweets(
                self._user_id,
                start_time=start,
                exclude=["retweets", "replies"],
                max_results=100,
                tweet_fields=["created_at", "entities"],
                user_auth=True,
                **page,
            )
            if answer.get("errors"):
                raise UnknownOutcome("X answered with a part of the timeline only")
            if answer["meta"]["result_count"]:
                yield from answer["data"]
            if not answer["meta"].get("next_token"):
                return
            page = {"pagination_token": answer["meta"]["next_token"]}

    @cached_property
    def _user_id(self) -> str:
        return _number(self._client.get_me(user_auth=True)["data"]["id"])

    @cached_property
    def _client(self) -> tweepy.Client:
        import tweepy

        # At DEBUG they log tokens, signatures and whole requests.
        for name in ("tweepy", "oauthlib", "requests_oauthlib"):
            logging.getLogger(name).setLevel(logging.INFO)
        keys = [secret.reveal() for secret in self._credentials]
        client = tweepy.Client(None, *keys, return_type=dict, wait_on_rate_limit=False)
        client.session = _Session(self._http, self._api_url)
        return client

    def _post(self, route: str, body: dict[str, Any]) -> Response:
        answer: Response = self._client.request("POST", route, json=body, user_auth=True)
        return answer


class _Session:
    """What tweepy takes for its ``requests`` session: our client, our host, our judgement.

    tweepy 4.17 has no time limits, keeps its host in a local variable, and fails with
    AttributeError or TypeError on error bodies it does not expect; so it never sees an error.
    The address must change here and not in an adapter: OAuth 1.0a signs it (RFC 5849, 3.4.1.2).
    """

    def __init__(self, http: Http, api_url: str) -> None:
        self._http = http
        self._api_url = api_url

    def request(self, method: str, url: str, **arguments: Any) -> Response:
        response = self._http.request(
            method,
            self._api_url + urlsplit(url).path,
            retry_after=_retry_after,
            accept=frozenset({402, 403}),
            **arguments,
        )
        if response.status_code == 402:
            raise NotDelivered(
                f"X answered 402: {self._http.excerpt(response)}",
                why="the account has no credits left",
                hint="top up the credits in the developer console of X",
            )
        if response.status_code == 403:
            raise self._forbidden(response)
        return response

    def _forbidden(self, response: Response) -> Exception:
        what = f"X answered 403: {self._http.excerpt(response)}"
        try:
            problem = response.json()
        except ValueError:
            problem = None
        if not isinstance(problem, dict):
            return UnknownOutcome(what)  # nobody can say that it is not about a duplicate
        if "duplicate" in str(problem).lower():
            return DuplicateContent(what)
        return self._http.refusal(
            response, hint="check the permissions of the app and the state of the account"
        )


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Say in our words that an answer could not be read; its text stays out of the error."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnknownOutcome(
            f"X's answer about {what} cannot be read ({type(error).__name__})"
        ) from None


def _number(value: object) -> str:
    """Give an id as X writes it: a text of digits."""
    if not re.fullmatch(r"[0-9]{1,19}", str(value)):
        raise ValueError("not an id")
    return str(value)


def _receipt(value: object) -> Receipt:
    post_id = _number(value)
    return Receipt(remote_id=post_id, remote_url=f"https://x.com/i/web/status/{post_id}")


def _retry_after(response: Response) -> timedelta:
    """Give the wait until the last of the limits is lifted, by X's own clock."""
    now = answered_at(response)
    values = [response.headers.get(name, "") for name in RESET_HEADERS]
    resets = [int(v) for v in values if v.isdecimal() and v.isascii() and len(v) < 12]
    if b"usage-capped" in response.content:
        return CAP_WAIT
    if now is None or not resets:
        return RATE_WINDOW
    wait = timedelta(seconds=max(resets) - now.timestamp())
    return min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)


def is_same(post: Mapping[str, Any], message: Message) -> bool:
    """Tell whether a post of the timeline carries the message's words and link.

    X gives the text back with every URL shortened to t.co, with & < > as HTML entities, and with
    the link of an attached image at its end. An announcement and its repetition share the link:
    the words tell them apart.
    """
    text = str(post["text"])
    urls = post.get("entities", {}).get("urls", [])
    for url in urls:
        text = text.replace(url["url"], "" if _is_media(url) else "\0")
    text = _plain(unescape(text))
    words = [re.escape(part) for part in text.split("\0")]
    if not re.fullmatch(r"\S+".join(words), _plain(message.text)):
        return False
    if message.link not in message.text or message.link in text:  # not every host becomes a link
        return True
    targets = {_address(url[name]) for url in urls for name in _TARGETS if url.get(name)}
    return _address(message.link) in targets


_TARGETS = ("expanded_url", "unwound_url")


def _is_media(url: Mapping[str, Any]) -> bool:
    return "media_key" in url or str(url.get("display_url", "")).startswith(
        ("pic.x.com/", "pic.twitter.com/")
    )


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _address(url: str) -> tuple[str, str, str, str]:
    """Give the parts of a URL in the form in which two spellings of it are equal."""
    parts = urlsplit(url)
    return (
        parts.scheme.lower(),
        parts.netloc.lower(),
        unquote(parts.path).rstrip("/"),
        unquote(parts.query),
    )
