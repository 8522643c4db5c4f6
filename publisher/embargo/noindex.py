"""Marks the built pages of posts under embargo, so that search engines stay away.

A page keeps every byte it has; it gets one tag more. Pages that an earlier build left are no
matter here: the stage has no output when a page is gone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from publisher.embargo.embargoed_text import EmbargoedText
from publisher.embargo.redirects import NOINDEX, PAGES, is_redirect, write_redirects
from publisher.embargo.sync import COMPRESSED, Place
from publisher.model import Embargo
from publisher.model.errors import SiteError
from publisher.posts.blocks import normal_path
from publisher.system.files import os_errors_as
from publisher.system.output import find_page
from publisher.text.html import fold, read_page
from publisher.text.urls import path_on_site

_BLANKS = r"[ \t\n\f\r]"
_ATTRIBUTES = rf"(?:(?:{_BLANKS}|/)(?:\"[^\"]*\"|'[^']*'|[^\"'>])*+)?>"
_MARKS = rf"(?:{_BLANKS}|<!--(?:-?>|.*?--!?>)|<\?[^>]*>|<!(?!--)[^>]*>)*+"
_BEFORE_HEAD = re.compile(
    rf"{_MARKS}(?:<html{_ATTRIBUTES})?(?:{_MARKS}<head{_ATTRIBUTES})?", re.DOTALL | re.IGNORECASE
)


def mark_pages(
    output: Path, hidden: Iterable[EmbargoedText], *, site_url: str, redirects: Mapping[str, str]
) -> tuple[str, ...]:
    """Put ``noindex`` into the pages of unreleased posts, and write the redirects.

    Gives the files changed, as paths below the output. Doing it again changes nothing.

    :raises SiteError: when a path leads out of the output, or a file cannot be written.
    """
    with _explained(output):
        changed = set(write_redirects(output, redirects, site_url))
        for post in hidden:  # last: no redirect of ours is in front of the page
            if post.url and post.policy is not Embargo.OMIT:
                file = find_page(output, path_on_site(post.url, site_url))
                changed.update(_mark_page(Place(output), file) if file is not None else ())
    return tuple(sorted(changed))


def with_own_page(
    output: Path, hidden: Iterable[EmbargoedText], *, site_url: str, public: Iterable[str]
) -> tuple[EmbargoedText, ...]:
    """Give the posts less those whose address another page has: that one stays as it is.

    A post that is left out has no page, so what was built at its address is another's. Where one
    of the files in ``public`` may have the address as well, the page is whose title it shows.

    :raises SiteError: when an address leads out of the output, or a page cannot be read.
    """
    claimed = frozenset(ending for path in public for ending in _endings(path))
    with _explained(output):
        return tuple(h for h in hidden if not _is_anothers(output, h, site_url, claimed))


def _endings(path: str) -> Iterator[str]:
    """Give each address that the page of a file may have: nobody here knows where pages begin."""
    parts = normal_path(f"/{path}").split("/")
    return ("/".join(["", *parts[at:]]) for at in range(1, len(parts)))


def _is_anothers(
    output: Path, post: EmbargoedText, site_url: str, claimed: Collection[str]
) -> bool:
    path = path_on_site(post.url, site_url) if post.url else ""
    file = find_page(output, path) if path else None
    if file is None or is_redirect(file):
        return False
    if post.policy is Embargo.OMIT:
        return True
    if normal_path(path) not in claimed:
        return False
    title = fold(post.shown.partition("\n\n")[0]).casefold()
    page = read_page(file.read_bytes())
    return title not in fold(page.text).casefold()


def _mark_page(place: Place, file: Path) -> Iterator[str]:
    data = file.read_bytes()
    is_page = file.suffix.lower() in PAGES or data.lstrip()[:1] == b"<"
    new = with_noindex(data) if is_page else data
    if new == data:
        return
    path = file.relative_to(place.folder.resolve()).as_posix()
    place.put(path, new, file.stat())
    yield path
    for suffix in sorted(COMPRESSED):  # packed before the page was marked: hosts serve the page
        if (file.parent / f"{file.name}{suffix}").is_file():
            place.remove(f"{path}{suffix}")
            yield f"{path}{suffix}"


def with_noindex(data: bytes) -> bytes:
    """Put the tag first into the head of a page, or where its head would begin."""
    mark = data[:3] if data.startswith(b"\xef\xbb\xbf") else b""
    text = data[len(mark) :].decode("latin-1")  # every byte is a character; tags are ASCII
    before = _BEFORE_HEAD.match(text)
    at = before.end() if before else 0
    if read_page(text).is_noindex_in_head or text.startswith(NOINDEX, at):
        return data
    return mark + f"{text[:at]}{NOINDEX}{text[at:]}".encode("latin-1")


def _explained(output: Path) -> AbstractContextManager[None]:
    return os_errors_as(
        SiteError,
        output,
        why="pages under embargo ask search engines to stay away",
        hint="make room or mend the permissions; the next build tries again",
    )
