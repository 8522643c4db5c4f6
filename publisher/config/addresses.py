"""Apprise's reading of an alert's address; the URL itself is shown and logged nowhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from publisher.model.errors import PublisherError

if TYPE_CHECKING:
    from apprise import NotifyBase


def understand(url: str) -> NotifyBase | None:
    """Give Apprise's service for a URL; ``None`` when it knows none that it could mean."""
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    # Apprise writes of addresses and answers; whoever calls it asks for what may be known.
    logging.getLogger("apprise").propagate = False
    asset = AppriseAsset(
        app_id="publisher",
        app_desc="publisher",
        image_url_mask="",  # no pictures from elsewhere
        image_url_logo="",
        storage_mode=PersistentStoreMode.MEMORY,  # no files of its own
    )
    return Apprise.instantiate(url, asset=asset)


def require_public(url: str) -> None:
    """Accept a URL that may stand in ``jobs.yaml``.

    :raises PublisherError: when Apprise does not know it, or would hide a part of it.
    """
    service = understand(url)
    if service is None:
        raise PublisherError(
            "is not a URL that Apprise understands",
            hint="write it as in mailto://user@example.org; see docs/howto/get-alerts.md",
        )
    if service.url(privacy=True) != service.url(privacy=False):  # type: ignore[no-untyped-call]
        raise PublisherError(
            "holds a secret",
            why="whoever reads this file could send in your name",
            hint="keep the whole URL elsewhere: write {env: ALERT_URL}; renew what others saw",
        )
