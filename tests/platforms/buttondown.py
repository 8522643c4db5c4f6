"""A double of Buttondown: e-mails with states, idempotency keys, and sending by accident.

As its OpenAPI document of 2026-08-22 and docs.buttondown.com say; where they are silent
(publishing what was published) it does nothing a second time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.platforms.server import Answer, PlatformServer, Request, main

TOKEN = "bd-0123456789abcdef"
FIELDS = frozenset(  # of EmailInput that a channel could want; others are refused
    {"subject", "slug", "description", "canonical_url", "image", "body", "status", "publish_date"}
    | {"metadata", "filters", "template", "archival_mode", "email_type", "featured"}
)
SIGIL = re.compile(r"<!-- buttondown-editor-mode: (fancy|plaintext) -->")


class ButtondownPlatform(PlatformServer):
    """``accepted`` holds what went to subscribers. ``is_key_fresh``: the API key never sent.

    ``forgets_keys`` makes it treat every idempotency key as new, as after its life is over.
    ``refuses_same_subject`` makes it answer ``email_duplicate``.
    """

    def __init__(self, *, journal: Path | None = None) -> None:
        super().__init__(journal=journal)
        self.emails: dict[str, dict[str, Any]] = {}
        self.is_key_fresh = False
        self.forgets_keys = False
        self.refuses_same_subject = False
        self._answers: dict[str, Answer] = {}

    def handle(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Token {TOKEN}":
            return Answer(status=401, body={"detail": "Invalid token."})
        key = request.headers.get("x-idempotency-key")
        if key is None or self.forgets_keys:
            return self._route(request)
        if len(key) > 200:
            return _error("idempotency_key_invalid")
        if key not in self._answers:
            self._answers[key] = self._route(request)
        return self._answers[key]

    def _route(self, request: Request) -> Answer:
        routes: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("POST", "/v1/emails"): self._create,
            ("GET", "/v1/emails"): self._list,
        }
        if route := routes.get((request.method, request.path)):
            return route(request)
        found = re.fullmatch(r"/v1/emails/([^/]+)(/publish)?", request.path)
        email = self.emails.get(found.group(1)) if found else None
        if found is None or email is None:
            return Answer(status=404, body={"detail": "Not found."})
        if found.group(2) and request.method == "POST":
            return self._publish(request, email)
        return Answer(body=dict(email))

    def _create(self, request: Request) -> Answer:
        wanted = request.json()
        if "subject" not in wanted or set(wanted) - FIELDS:
            return Answer(status=422, body={"detail": [{"type": "fields", "loc": ["body"]}]})
        body = SIGIL.sub("", wanted.get("body", ""))
        if re.match(r"---[ \t]*\n\w+:", body):
            return _error("body_contains_frontmatter")
        subjects = [email["subject"] for email in self.emails.values()]
        if self.refuses_same_subject and wanted["subject"] in subjects:
            return _error("email_duplicate")
        status = wanted.get("status", "about_to_send")
        if status != "draft" and not self._may_send(request):
            return _error("sending_requires_confirmation")
        number = len(self.emails) + 1
        email = {
            **wanted,
            "id": f"em_{number:026d}",
            "status": status,
            "source": "api",
            "absolute_url": f"https://buttondown.com/bench/archive/{number}/",
        }
        self.emails[email["id"]] = email
        if status != "draft":
            self.accept(dict(email))
        return Answer(status=201, body=dict(email))

    def _publish(self, request: Request, email: dict[str, Any]) -> Answer:
        if not self._may_send(request):
            return _error("sending_requires_confirmation")
        if email["status"] == "draft":
            email["status"] = "about_to_send"
            self.accept(dict(email))
        return Answer(body=dict(email))

    def _list(self, request: Request) -> Answer:
        newest_first = list(reversed(self.emails.values()))
        return Answer(body={"results": newest_first, "count": len(newest_first), "next": None})

    def _may_send(self, request: Request) -> bool:
        if request.headers.get("x-buttondown-live-dangerously") == "true":
            self.is_key_fresh = False
        return not self.is_key_fresh


def _error(code: str) -> Answer:
    return Answer(status=400, body={"code": code, "detail": "See the code.", "metadata": {}})


if __name__ == "__main__":
    main(lambda journal: ButtondownPlatform(journal=journal))
