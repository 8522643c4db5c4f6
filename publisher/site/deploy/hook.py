"""Asks a deploy hook to build and publish the site: Netlify, Vercel, Cloudflare, Render, others.

All of them take a POST without credentials: the address is the password. Sources, checked
2026-11-21: docs.netlify.com/build/configure-builds/build-hooks, vercel.com/docs/deploy-hooks,
developers.cloudflare.com/pages/configuration/deploy-hooks, render.com/docs/deploy-hooks.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from publisher.model.secret import Secret
from publisher.site.deploy.post import ELSE, REDIRECT, post, read_address, refusal

RENEW = "make a new hook, and put its address where deploy.hook says"

_ADVICE = {
    REDIRECT: (
        "redirects are not followed: only jobs.yaml says where requests go",
        "if that is the right place, write its address",
    ),
    400: ("it does not understand the request", RENEW),
    401: ("it wants credentials, or the address is not complete", RENEW),
    403: ("it denies access", RENEW),
    404: ("there is no such hook, or no longer", RENEW),
    405: ("it does not take a POST", "use the address of a deploy hook, not of a page"),
    410: ("the hook was deleted", RENEW),
    ELSE: ("it refused", RENEW),
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
    if answer.ok:
        return f"{address.name} accepted ({answer.status_code})"
    raise refusal(address.name, answer, _ADVICE)
