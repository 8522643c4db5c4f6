"""Pure readings of web addresses: which page one means, and where on the site it lies."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from publisher.model.errors import SiteError
from publisher.text.printable import escaped

RESERVED_HOSTS = frozenset(  # nobody's site: `init` and the starters of generators write them
    f"{www}example.{end}" for www in ("", "www.") for end in ("org", "com", "net")
)
PUBLIC_FORGES = frozenset(
    {"bitbucket.org", "codeberg.org", "framagit.org", "git.sr.ht", "gitea.com", "gitee.com"}
    | {"github.com", "gitlab.com", "notabug.org", "salsa.debian.org", "sourceforge.net"}
)
QUOTED_LENGTH = 200
# What a terminal, or a reader of commands, obeys; and halves of surrogate pairs.
_UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff`]+")


def shown(url: str) -> str:
    """Show a URL without user and password, and with nothing that a terminal obeys."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return escaped(f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}")


def quoted(text: str) -> str:
    """Give what somebody else's page or server said in a form that is fit for a sentence."""
    words = _UNQUOTABLE.sub(" ", text).strip()
    return words if len(words) <= QUOTED_LENGTH else f"{words[:QUOTED_LENGTH]}…"


def page_key(url: str) -> tuple[str | None, str]:
    """Give host and path, alike for ``/x``, ``/x/``, ``/x.html`` and ``/x/index.html``."""
    try:
        parts = urlsplit(url)
        path = unquote(parts.path).removesuffix("/index.html").removesuffix(".html")
        return _ascii_host(parts.hostname), path.rstrip("/")
    except ValueError:
        return None, url


def is_same_page(one: str, other: str) -> bool:
    """Tell whether two addresses are one: ``page_key``, port and query alike; not the scheme."""
    return (page_key(one), *_port_and_query(one)) == (page_key(other), *_port_and_query(other))


def is_on_site(url: str, site_url: str) -> bool:
    base = site_url.rstrip("/")
    return url == base or url.startswith((f"{base}/", f"{base}?", f"{base}#"))


def path_on_site(url: str, site_url: str) -> str:
    """Give the path below the site's own, with a slash in front, percent-decoded.

    :raises SiteError: when the address is not one of the site's.
    """
    base = site_url.rstrip("/")
    if not is_on_site(url, base):
        raise SiteError(
            f"{shown(url)} is not below the site's address {shown(base)}",
            hint="correct site.url or site.post_url in jobs.yaml",
        )
    return unquote(urlsplit(url.removeprefix(base)).path) or "/"


def _ascii_host(host: str | None) -> str | None:
    """Give a host as DNS has it; a name that DNS cannot have stays as it is."""
    if host is None or host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _port_and_query(url: str) -> tuple[int | None, str]:
    try:
        parts = urlsplit(url)
        return (None if parts.port in {80, 443} else parts.port), parts.query
    except ValueError:
        return None, url
