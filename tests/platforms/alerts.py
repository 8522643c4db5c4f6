"""Somebody who is told: takes Apprise's ``json://`` posts, and pings."""

from __future__ import annotations

from tests.platforms.server import Answer, PlatformServer, Request


class AlertPlatform(PlatformServer):
    """``accepted`` holds the alerts, ``pings`` counts the GETs."""

    pings = 0

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.port}"

    @property
    def titles(self) -> list[str]:
        return [alert["title"] for alert in self.accepted]

    @property
    def bodies(self) -> list[str]:
        return [alert["message"] for alert in self.accepted]

    def handle(self, request: Request) -> Answer:
        if request.method == "GET":
            self.pings += 1
        else:
            self.accept(request.json())
        return Answer(status=200)
