"""Buttondown: make a draft, then have it sent, so that a lost answer can be looked up.

Facts of docs.buttondown.com and its OpenAPI document, API version 2026-04-01, checked 2026-11-20.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from publisher.channels import MAIL_TEMPLATE, ChannelContext, Option
from publisher.channels._http import Http, UnknownOutcome
from publisher.model import Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.model.errors import DuplicateContent, NotDelivered
from publisher.system.http import Response

EMAILS_PAGE = "https://buttondown.com/emails"

# Only an accepted send leads to these ("Email status"). An e-mail that is errored, suppressed or
# deleted may have reached some readers or none: that is for a person to see.
ACCEPTED = frozenset(
    {"about_to_send", "scheduled", "in_flight", "throttled", "paused", "sent", "resending"}
)

VARIABLE = re.compile(r"\{(?=[{%#])")
FRONTMATTER = re.compile(r"\s*---[ \t]*\r?\n")


class Buttondown:
    options: ClassVar[tuple[Option, ...]] = (
        Option(name="token", required=True, secret=True, help="API key that may send e-mails"),
        Option(
            name="api_url", kind="url", default="https://api.buttondown.com", help="another host"
        ),
        Option(name="version", default="2026-04-01", help="the X-API-Version to speak"),
    )
    limits: Limits = Limits(mail=True, subject_length=2000)
    template: ClassVar[str] = MAIL_TEMPLATE
    subject: ClassVar[str] = "{{ post.title }}"
    recovery: Recovery = Recovery(
        kind=RecoveryKind.LOOKUP, settle=timedelta(seconds=60), look_at=EMAILS_PAGE
    )

    def __init__(self, options: Mapping[str, Any], context: ChannelContext) -> None:
        token = options["token"]
        self._url = (options.get("api_url") or "https://api.buttondown.com").rstrip("/")
        self._http = Http(
            service="Buttondown",
            secrets=(token,),
            headers={
                "Authorization": f"Token {token.reveal()}",
                "X-API-Version": options.get("version") or "2026-04-01",
            },
            context=context,
        )

    def prepare(self, message: Message, *, key: str) -> str:
        """Make a draft, or find the one made before, and return its id."""
        email = {
            "status": "draft",  # the default is about_to_send
            "subject": message.subject or message.title,
            "body": _body(message),
            "canonical_url": message.link,
            "description": message.description,
            "image": message.image.url if message.image else "",
            "metadata": {"publisher_key": key},
        }
        # A key is answered with the first answer it had: an edited message needs another one.
        digest = hashlib.sha256(json.dumps(email, sort_keys=True).encode()).hexdigest()[:16]
        try:
            made = _read(self._post("/v1/emails", email, key=f"{key}-draft-{digest}"))
        except DuplicateContent as duplicate:
            return self._earlier_draft(key, duplicate)
        if made.get("status") != "draft":
            raise UnknownOutcome(
                f"Buttondown made an e-mail that is {made.get('status')!r} and not a draft"
            )
        return str(made["id"])

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        if draft is None:
            raise NotDelivered("Buttondown has no draft of this e-mail to send")
        # The key does not name the draft: a second draft of the same delivery is not sent after
        # the first. The other header is the confirmation that a fresh API key is asked for
        # (sending_requires_confirmation).
        answer = self._post(
            f"/v1/emails/{quote(draft, safe='')}/publish",
            {},
            key=f"{key}-send",
            headers={"X-Buttondown-Live-Dangerously": "true"},
        )
        try:
            sent = _read(answer)
        except UnknownOutcome as error:  # it is on its way all the same
            return Receipt(remote_id=draft, note=str(error))
        receipt = _receipt(sent, draft)
        if receipt is None:
            raise UnknownOutcome("Buttondown took the e-mail and still calls it a draft")
        return receipt

    def find(
        self, message: Message, *, key: str, draft: str | None, since: datetime
    ) -> Receipt | None:
        if draft is None:  # nothing is ever sent without a draft
            return None
        path = f"/v1/emails/{quote(draft, safe='')}"
        response = self._http.request("GET", self._url + path, accept=frozenset({404}))
        if response.status_code == 404:  # somebody deleted it, before the send or after
            raise UnknownOutcome(f"Buttondown has no e-mail {draft} any more")
        return _receipt(_read(response), draft)

    def _earlier_draft(self, key: str, duplicate: DuplicateContent) -> str:
        """Find the e-mail that the service means when it says that it has this one already.

        :raises DuplicateContent: when that one is on its way, or is not ours.
        """
        query = {"source": "api", "ordering": "-creation_date"}
        answer = _read(self._http.request("GET", f"{self._url}/v1/emails", params=query))
        for email in answer.get("results", ()):
            if email.get("metadata", {}).get("publisher_key") == key:
                if email.get("status") == "draft":
                    return str(email["id"])
                url = email.get("absolute_url")
                raise DuplicateContent(duplicate.what, remote_id=email["id"], remote_url=url)
        raise duplicate

    def _post(
        self, path: str, body: Mapping[str, Any], *, key: str, headers: Mapping[str, str] = {}
    ) -> Response:
        """Send JSON under an idempotency key.

        :raises DuplicateContent: when the service says ``email_duplicate``.
        """
        response = self._http.request(
            "POST",
            self._url + path,
            json=body,
            headers={"X-Idempotency-Key": key, **headers},
            accept=frozenset({400}),
        )
        if response.status_code != 400:
            return response
        refusal = self._http.refusal(response)
        with suppress(ValueError, AttributeError):  # not JSON, or not an object
            if response.json().get("code") == "email_duplicate":
                raise DuplicateContent(str(refusal))
        raise refusal


def _body(message: Message) -> str:
    """Name the format, which Buttondown would guess, and keep what it takes for frontmatter out.

    :raises NotDelivered: when the text begins with a line of dashes.
    """
    mode, content = ("fancy", message.html) if message.html else ("plaintext", message.text)
    if FRONTMATTER.match(content):
        raise NotDelivered(
            "the e-mail begins with a line of three dashes",
            why="Buttondown takes that for frontmatter and refuses it",
            hint="begin the template or the text with words",
            permanent=True,
        )
    if message.html:  # Buttondown fills in its variables, such as {{ subscriber.id }}
        content = VARIABLE.sub("&#123;", content)
    return f"<!-- buttondown-editor-mode: {mode} -->{content}"


def _read(response: Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UnknownOutcome(f"Buttondown answered {response.status_code} without readable JSON")
    return answer


def _receipt(email: Mapping[str, Any], draft: str) -> Receipt | None:
    """Judge an e-mail by its status; ``None`` for a draft.

    :raises UnknownOutcome: when the status does not say whether it goes out.
    """
    status = email.get("status")
    if status == "draft":
        return None
    if status not in ACCEPTED:
        raise UnknownOutcome(f"Buttondown calls the e-mail {status!r}; look at {EMAILS_PAGE}")
    note = "sending is paused" if status == "paused" else ""
    return Receipt(
        remote_id=str(email.get("id") or draft),
        remote_url=email.get("absolute_url") or None,
        note=note,
    )
