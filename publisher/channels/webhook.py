"""Webhook: the announcement as JSON to an address of your own; the way to any other service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from publisher.channels import TEMPLATE, ChannelContext, Option
from publisher.channels._http import Http
from publisher.model import Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.model.errors import ConfigError
from publisher.model.secret import Secret
from publisher.system.http import Response

KEY_LIFE = timedelta(hours=24)
SECRET_PART_LENGTH = 8  # shorter parts of an address are words: "hooks", "v1"


class Webhook:
    """POST each announcement as JSON, with its key in ``Idempotency-Key``; any 2xx is a success.

    Say ``idempotent: true`` when the receiver remembers keys for a day: then a lost answer is
    followed by a repeat, and by a question to a person otherwise.
    """

    options: ClassVar[tuple[Option, ...]] = (
        Option(name="url", kind="url", help="where to post"),
        Option(name="secret_url", secret=True, help="the same, when the address is a password"),
        Option(name="token", secret=True, help="sent as Authorization: Bearer"),
        Option(
            name="idempotent",
            kind="boolean",
            default=False,
            help="the receiver honours Idempotency-Key",
        ),
    )
    limits: Limits = Limits()
    template: ClassVar[str] = TEMPLATE
    subject: ClassVar[str] = ""

    def __init__(self, options: Mapping[str, Any], context: ChannelContext) -> None:
        self._url, url_secrets = _address(options, context)
        token: Secret | None = options.get("token")
        self._http = Http(
            service=context.name,
            secrets=(*url_secrets, *([token] if token else [])),
            headers={"Authorization": f"Bearer {token.reveal()}"} if token else {},
            context=context,
        )
        is_secret = options.get("secret_url") is not None
        look_at = "the receiver of the webhook" if is_secret else _without_query(self._url)
        if options.get("idempotent"):
            self.recovery = Recovery(kind=RecoveryKind.KEY, key_life=KEY_LIFE, look_at=look_at)
        else:
            self.recovery = Recovery(kind=RecoveryKind.NONE, look_at=look_at)

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        answer = self._http.request(
            "POST",
            self._url,
            headers={"Idempotency-Key": key},
            json={
                "key": key,
                "text": message.text,
                "title": message.title,
                "description": message.description,
                "link": message.link,
                "image": (message.image.url or None) if message.image else None,
                "alt": message.image.alt if message.image else None,
            },
        )
        return Receipt(remote_id=_identity(answer) or key)


def _address(options: Mapping[str, Any], context: ChannelContext) -> tuple[str, tuple[Secret, ...]]:
    """Give the address, and what of it must not be shown."""
    url, secret_url = options.get("url"), options.get("secret_url")
    if (url is None) == (secret_url is None):
        raise ConfigError(
            f"channels.{context.name}: give `url` or `secret_url`, and one of them only",
            hint="take `secret_url` when whoever knows the address may post to it",
        )
    address = secret_url.reveal() if secret_url is not None else str(url)
    parts = urlsplit(address)
    # A receiver's error page likes to quote path and query; what is asked is secret in any case.
    pieces = [parts.query, *(value for _, value in parse_qsl(parts.query))]
    if secret_url is not None:
        pieces += [address, *parts.path.split("/"), parts.password or ""]
    hidden = [Secret(piece) for piece in pieces if len(piece) >= SECRET_PART_LENGTH]
    return address, tuple(sorted(hidden, key=lambda secret: -len(secret.reveal())))


def _without_query(url: str) -> str:
    """Give an address as it may be shown: the query may hold a password."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _identity(answer: Response) -> str | None:
    """Give the receiver's own id of what it accepted, where it tells one."""
    try:
        body = answer.json()
    except ValueError:
        return None
    value = body.get("id") if isinstance(body, dict) else None
    is_id = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if is_id and str(value) else None
