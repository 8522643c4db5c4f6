"""Asks a deploy hook to build and publish the site: Netlify, Vercel, Cloudflare, Render, others.

All of them take a POST without credentials: the address is the password. Sources, checked
2026-11-21: docs.netlify.com/build/configure-builds/build-hooks, vercel.com/docs/deploy-hooks,
developers.cloudflare.com/pages/configuration/deploy-hooks, render.com/docs/deploy-hooks.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from publisher.model.errors import SiteError
from publisher.model.secret import Secret
from publisher.site.deploy.post import post, read_address, redirects_to
from publisher.system.address_guard import AGAIN
from publisher.system.http import Answer

RENEW = "make a new hook, and put its address where deploy.hook says"

_REFUSALS = {
    400: ("it does not understand the request", RENEW),
    401: ("it wants credentials, or the address is not complete", RENEW),
    403: ("it does not let us", RENEW),
    404: ("there is no such hook, or no longer", RENEW),
    405: ("it does not take a POST", "take the address of a deploy hook, not of a page"),
    410: ("the hook was deleted", RENEW),
}


def call_hook(url: Secret, *, private: bool, timeout: timedelta, stop: threading.Event) -> str:
    """Ask once, and give what was done in words.

    Any 2xx means accepted, and accepted is not deployed: whoever calls this waits for the live
    page. A hook that is asked twice builds twice, and the second build changes nothing: harmless,
    so after a lost answer it may be asked again.

    :raises SiteError: when it did not accept; the address is in no message.
    """
    address = read_address(url, "the deploy hook", key="deploy.hook", private=private)
    answer = post(address, b"{}", private=private, timeout=timeout, stop=stop)
    if 200 <= answer.status < 300:
        return f"{address.name} accepted ({answer.status})"
    raise _refusal(address.name, answer)


def _refusal(name: str, answer: Answer) -> SiteError:
    status = answer.status
    if 300 <= status < 400:
        return SiteError(
            f"{name} answered {status}: it redirects to {redirects_to(answer)}",
            why="redirects are not followed: only you say where requests go",
            hint="if that is the right place, write its address",
        )
    if status in (408, 425, 429) or status >= 500:
        why = "it is asked too often" if status == 429 else "it has trouble of its own"
        return SiteError(f"{name} answered {status}", why=why, hint=AGAIN)
    why, hint = _REFUSALS.get(status, ("it refused", RENEW))
    return SiteError(f"{name} answered {status}", why=why, hint=hint)
