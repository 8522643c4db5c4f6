"""The receiver of a webhook; honours Idempotency-Key when told to."""

from __future__ import annotations

from pathlib import Path

from tests.platforms.server import Answer, PlatformServer, Request, main

TOKEN = "webhook-bearer-token-0123456789"


class WebhookPlatform(PlatformServer):
    """``token`` is the bearer token asked for, None for none; ``names`` gives posts an id."""

    def __init__(
        self,
        *,
        token: str | None = None,
        honours_keys: bool = True,
        names: bool = True,
        journal: Path | None = None,
    ) -> None:
        super().__init__(journal=journal)
        self.token = token
        self.honours_keys = honours_keys
        self.names = names

    def handle(self, request: Request) -> Answer:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer(status=401, body={"error": "wrong token"})
        key = request.headers.get("idempotency-key", "")
        keys = [post["idempotency_key"] for post in self.accepted]
        if not (self.honours_keys and key in keys):
            self.accept({**request.json(), "idempotency_key": key})
            keys.append(key)
        return Answer(status=201, body={"id": keys.index(key) + 1} if self.names else b"thanks")


if __name__ == "__main__":
    main(lambda journal: WebhookPlatform(journal=journal))
