"""Writes the pages of a built site that lead from an old address to another."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from publisher.embargo.sync import COMPRESSED, Place
from publisher.system.output import find_page, page_names
from publisher.text.urls import is_on_site, path_on_site

PAGES = (".html", ".htm")
NOINDEX = '<meta name="robots" content="noindex">'
_REDIRECT = (  # how our redirects begin
    f'<!doctype html>\n<html><head><meta charset="utf-8">{NOINDEX}\n'
    '<meta http-equiv="refresh" content="0; url='
)


def write_redirects(output: Path, redirects: Mapping[str, str], site_url: str) -> Iterator[str]:
    """Write all redirects, and delete those of ours that are none any more; give what changed.

    ``redirects`` maps a path below the site's address to another, or to a URL; where a page
    stands already, none is written.
    """
    place, current = Place(output), set()
    for path, target in sorted(redirects.items()):
        name = _redirect_name(output, path, site_url)
        if name is None:
            continue
        current.add(name)
        page = redirect_page(target, site_url)
        if not place.holds(name, page):
            yield from _remove(place, name)
            place.put(name, page, None)
            yield name
    for file in sorted(output.rglob("*.htm*")):
        name = file.relative_to(output).as_posix()
        if name not in current and file.suffix in PAGES and is_redirect(file):
            yield from _remove(place, name)


def is_redirect(file: Path) -> bool:
    """Tell whether a file is a redirect of ours."""
    if not file.is_file() or file.is_symlink():
        return False
    with file.open("rb") as stream:
        return stream.read(len(_REDIRECT)) == _REDIRECT.encode()


def redirect_page(target: str, site_url: str) -> bytes:
    """Give a page that leads to a path below the site's address, or to a URL."""
    base = site_url.rstrip("/")
    is_url = bool(urlsplit(target).scheme)
    canonical = target if is_url else f"{base}/{target.lstrip('/')}"
    link = target if is_url else f"{urlsplit(base).path}/{target.lstrip('/')}"
    shown, canonical = escape(link), escape(canonical)
    return (
        f'{_REDIRECT}{shown}">\n'
        f'<link rel="canonical" href="{canonical}"><title>Moved</title></head>\n'
        f'<body><p><a href="{shown}">{shown}</a></p></body></html>\n'
    ).encode()


def _redirect_name(output: Path, path: str, site_url: str) -> str | None:
    """Give the file of a redirect; ``None`` where a page stands already."""
    path = path_on_site(path, site_url) if is_on_site(path, site_url) else unquote(path)
    if not path.strip("/"):
        return None
    find_page(output, path)  # refuses what leads out
    found = [name for name in page_names(path) if (output / name).is_file()]
    if not all(is_redirect(output / name) for name in found):
        return None
    return posixpath.normpath(found[0] if found else _name_of(output, path))


def _name_of(output: Path, path: str) -> str:
    """Name the file of a new page as those beside it are named."""
    bare = path.strip("/")
    if bare.endswith(PAGES):
        return bare
    if not path.endswith("/"):
        beside = (output / bare).parent.glob("*.html")
        if any(file.name not in ("index.html", "404.html") for file in beside):
            return f"{bare}.html"
    return f"{bare}/index.html"


def _remove(place: Place, name: str) -> Iterator[str]:
    """Delete a file with what is packed of it."""
    for path in (name, *(name + suffix for suffix in sorted(COMPRESSED))):
        file = place.folder / path
        if file.is_file() or file.is_symlink():
            place.remove(path)
            yield path
