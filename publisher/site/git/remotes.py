"""Addresses of remotes: what may be shown of them, where they lead. Asks nobody."""

from __future__ import annotations

import re
from pathlib import Path

PUBLIC_FORGES = frozenset(
    {
        "bitbucket.org",
        "codeberg.org",
        "framagit.org",
        "git.sr.ht",
        "gitea.com",
        "gitee.com",
        "github.com",
        "gitlab.com",
        "notabug.org",
        "salsa.debian.org",
        "sourceforge.net",
    }
)

_USERINFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s]*@", re.IGNORECASE)
_URL_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/]*@)?(?P<host>\[[^\]]*\]|[^/:]*)", re.IGNORECASE)
_SCP_HOST = re.compile(r"(?:[^/:@]*@)?(?P<host>\[[^\]]*\]|[^/:]+):")


def hide_credentials(text: str) -> str:
    """Take user names, passwords and tokens out of every URL in a text."""
    return _USERINFO.sub(r"\g<scheme>", text)


def host_of(url: str) -> str | None:
    """Give the host of a URL, or of ``user@host:path``; ``None`` for a path of this machine."""
    if url.lower().startswith("file://"):
        return None
    found = _URL_HOST.match(url) or _SCP_HOST.match(url)
    return found["host"].lower() if found else None


def is_on_public_forge(url: str) -> bool:
    """Tell whether a repository at ``url`` could be read by everybody, for all we know."""
    host = (host_of(url) or "").removeprefix("ssh.").removeprefix("altssh.").removeprefix("www.")
    return host in PUBLIC_FORGES


def folder_of(url: str, *, base: Path) -> Path | None:
    """Give the folder that a remote on this machine is; ``base`` is where its paths start."""
    if host_of(url) is not None:
        return None
    return (base / re.sub(r"^file://(localhost)?", "", url, flags=re.IGNORECASE)).resolve()


def is_address(remote: str) -> bool:
    """Tell an address (URL or path) from the name of a configured remote."""
    return "/" in remote or ":" in remote
