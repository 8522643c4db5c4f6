"""Seals a built site: search engines stay away from pages under embargo, old addresses lead on.

A page keeps every byte it has; it gets one tag more. Redirects that are none any more go.
Pages that an earlier build left are no matter here: the stage has no output when a page is gone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from publisher.embargo.hidden import Hidden
from publisher.embargo.mirror import COMPRESSED, Place
from publisher.model import Embargo
from publisher.model.errors import SiteError
from publisher.posts.blocks import normal_path
from publisher.system.output import find_page, page_names
from publisher.text.html import fold, read_page
from publisher.text.urls import is_on_site, path_on_site

NOINDEX = '<meta name="robots" content="noindex">'
PAGES = (".html", ".htm")

_REDIRECT = (  # how our redirects begin
    f'<!doctype html>\n<html><head><meta charset="utf-8">{NOINDEX}\n'
    '<meta http-equiv="refresh" content="0; url='
)
_IN_HEAD = frozenset(
    {"html", "head", "meta", "title", "link", "script", "style", "base", "noscript", "template"}
)
_TOKEN = re.compile(
    r"<!--(?:-?>|.*?-->)|<!(?!--)[^>]*>|<\?[^>]*>"
    r"|<(?P<raw>script|style|title|noscript|template)\b[^>]*>.*?</(?P=raw)\s*>"
    r"|<(?:(?P<close>/)|(?!(?:script|style|title|noscript|template)\b))(?P<name>[a-z][^\s/>]*)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\"'>])*>"
    r"|(?P<torn><[a-z/!?])",  # what has no end: browsers read no head behind it
    re.DOTALL | re.IGNORECASE,
)


def seal(
    output: Path, hidden: Iterable[Hidden], *, site_url: str, redirects: Mapping[str, str]
) -> tuple[str, ...]:
    """Put ``noindex`` into the pages of unreleased posts, and write the redirects.

    ``redirects`` maps a path below the site's address to another, or to a URL; where a page
    stands already, none is written. Gives the files changed, as paths below the output. Doing it
    again changes nothing.

    :raises SiteError: when a path leads out of the output, or a file cannot be written.
    """
    place = Place(output)
    changed: set[str] = set()
    with _in_words(output):
        changed.update(_redirect(place, redirects, site_url))
        for post in hidden:  # last: no redirect of ours is in front of the page
            if post.url and post.policy is not Embargo.OMIT:
                changed.update(_seal_page(place, path_on_site(post.url, site_url)))
    return tuple(sorted(changed))


def without_strangers(
    output: Path, hidden: Iterable[Hidden], *, site_url: str, public: Iterable[str]
) -> tuple[Hidden, ...]:
    """Give the posts less those whose address another page has: that one stays as it is.

    A post that is left out has no page, so what was built at its address is another's. Where one
    of the files in ``public`` may have the address as well, the page is whose title it shows.

    :raises SiteError: when an address leads out of the output, or a page cannot be read.
    """
    claimed = frozenset(ending for path in public for ending in _endings(path))
    with _in_words(output):
        return tuple(h for h in hidden if not _is_stranger(output, h, site_url, claimed))


def _endings(path: str) -> Iterator[str]:
    """Give each address that the page of a file may have: nobody here knows where pages begin."""
    parts = normal_path(f"/{path}").split("/")
    return ("/".join(["", *parts[at:]]) for at in range(1, len(parts)))


def _is_stranger(output: Path, post: Hidden, site_url: str, claimed: Collection[str]) -> bool:
    path = path_on_site(post.url, site_url) if post.url else ""
    file = find_page(output, path) if path else None
    if file is None or _is_redirect(file):
        return False
    if post.policy is Embargo.OMIT:
        return True
    if normal_path(path) not in claimed:
        return False
    title = fold(post.shown.partition("\n\n")[0]).casefold()
    page = read_page(file.read_bytes().decode("utf-8", "replace"))
    return title not in fold(page.text).casefold()


@contextmanager
def _in_words(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SiteError(
            f"{error.filename or output}: {(error.strerror or str(error)).lower()}",
            why="pages under embargo ask search engines to stay away",
            hint="make room or mend the permissions; the next build tries again",
        ) from error


def _seal_page(place: Place, path: str) -> Iterator[str]:
    file = find_page(place.folder, path)
    data = file.read_bytes() if file else b""
    if file is None or not _is_page(file, data):
        return
    new = with_noindex(data)
    if new != data:
        yield _put(place, file, new)
        yield from _drop_compressed(place, file)


def _is_page(file: Path, data: bytes) -> bool:
    return file.suffix.lower() in PAGES or data.lstrip()[:1] == b"<"


def with_noindex(data: bytes) -> bytes:
    """Put the tag first into the head of a page, or where its head would begin."""
    text = data.decode("latin-1")  # every byte is a character; what matters is ASCII
    at = 0
    for token in _TOKEN.finditer(text):
        name = (token["name"] or token["raw"] or "").lower()
        is_over = token["torn"] or (token["close"] and name == "head")
        if is_over or (name and name not in _IN_HEAD):
            break
        if name == "meta" and _is_noindex(token[0]):
            return data
        if name in ("html", "head") or (not name and not at and token[0][1] == "!"):
            at = token.end()
    mark = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    at = max(at, mark)
    return data[:at] + NOINDEX.encode() + data[at:]


def _is_noindex(tag: str) -> bool:
    reader = _Attributes()
    reader.feed(tag)
    rules = re.split(r"[\s,]+", reader.found.get("content", "").lower())
    is_robots = reader.found.get("name", "").lower() == "robots"
    return is_robots and not {"noindex", "none"}.isdisjoint(rules)


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found = {name: value or "" for name, value in attrs}


# --- redirects ---------------------------------------------------------------------------------


def _redirect(place: Place, redirects: Mapping[str, str], site_url: str) -> Iterator[str]:
    """Write all redirects, and delete those of ours that are none any more."""
    current = set()
    for path, target in sorted(redirects.items()):
        name = _redirect_name(place.folder, path, site_url)
        if name is None:
            continue
        current.add(name)
        page = redirect_page(target, site_url)
        if not place.holds(name, page):
            yield from _remove(place, name)
            place.put(name, page, None)
            yield name
    for file in sorted(place.folder.rglob("*.htm*")):
        name = file.relative_to(place.folder).as_posix()
        if name not in current and file.suffix in PAGES and _is_redirect(file):
            yield from _remove(place, name)


def _redirect_name(output: Path, path: str, site_url: str) -> str | None:
    """Give the file of a redirect; ``None`` where a page stands already."""
    path = path_on_site(path, site_url) if is_on_site(path, site_url) else unquote(path)
    if not path.strip("/"):
        return None
    find_page(output, path)  # refuses what leads out
    found = [name for name in page_names(path) if (output / name).is_file()]
    if not all(_is_redirect(output / name) for name in found):
        return None
    return posixpath.normpath(found[0] if found else _name_of(output, path))


def _is_redirect(file: Path) -> bool:
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


# --- files -------------------------------------------------------------------------------------


def _put(place: Place, file: Path, data: bytes) -> str:
    path = file.relative_to(place.folder.resolve()).as_posix()
    place.put(path, data, file.stat())
    return path


def _remove(place: Place, name: str) -> Iterator[str]:
    """Delete a file with what is packed of it."""
    for path in (name, *(name + suffix for suffix in COMPRESSED)):
        file = place.folder / path
        if file.is_file() or file.is_symlink():
            place.remove(path)
            yield path


def _drop_compressed(place: Place, file: Path) -> Iterator[str]:
    """Delete what a generator compressed before the page was sealed; hosts serve the page then."""
    for suffix in COMPRESSED:
        compressed = file.with_name(file.name + suffix)
        with suppress(FileNotFoundError):
            compressed.unlink()
            yield compressed.relative_to(place.folder.resolve()).as_posix()
