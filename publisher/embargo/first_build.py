"""Compares the first build of a site with what is public already: no page vanishes unasked.

What is public is what lies in the output folder before we put anything there, or else what
the live sitemap lists. Pages that the build does not make stop the deployment until a person has
accepted that (`publisher adopt --remove-pages`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from publisher.config.settings import Settings
from publisher.embargo.sync import read_names
from publisher.model.errors import SiteError, VanishingError
from publisher.system.notes import write_note
from publisher.system.output import find_page
from publisher.system.pages import Live
from publisher.text.feeds import read_listing
from publisher.text.urls import is_on_site, path_on_site

PAGES = frozenset({".html", ".htm", ".xhtml"})
NO_PAGES = frozenset({"404.html"})  # what hosts show for an address that is none
LISTING_BYTES = 10_000_000
PARTS = 8  # files of a sitemap index that are asked
TIMEOUTS = (5.0, 15.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanishing:
    """The addresses of the pages that would vanish, and whether a person has accepted that."""

    pages: tuple[str, ...] = ()
    is_accepted: bool = False


def vanishing(staged_output: Path, public_output: Path) -> tuple[str, ...]:
    """Give the addresses of the pages in a public output that a build has no page for."""
    return _missing(staged_output, map(_address_of, _pages(public_output)))


def refuse_vanishing(settings: Settings, staged_output: Path) -> None:
    """Refuse the first build of a site if a page that is public is not in it.

    :raises VanishingError: when there is one that no person has accepted.
    """
    if settings.rebuild is None:
        return
    output, home = settings.rebuild.output, settings.state_dir / "stage"
    if read_names(home / "mirrored.json", output):
        return
    if any(True for _ in _pages(output)):
        found = vanishing(staged_output, output)
    elif settings.verify.live:
        found = _missing(staged_output, _listed(settings))
    else:
        return
    known = read_vanishing(settings.state_dir)
    if set(found) <= set(known.pages if known.is_accepted else ()):
        return
    _write(settings.state_dir, Vanishing(pages=found))
    raise VanishingError(found)


def read_vanishing(state_dir: Path) -> Vanishing:
    """Give what the latest first build found; nothing where none was refused."""
    with suppress(OSError, ValueError, TypeError):
        known = Vanishing(**json.loads(_file(state_dir).read_bytes()))
        return replace(known, pages=tuple(known.pages))
    return Vanishing()


def accept_vanishing(state_dir: Path, pages: Iterable[str]) -> None:
    """Let the first build go out without these pages.

    :raises PublisherError: when that cannot be written down.
    """
    _write(state_dir, Vanishing(pages=tuple(sorted(pages)), is_accepted=True))


def _missing(output: Path, addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({path for path in addresses if not _is_built(output, path)}))


def _is_built(output: Path, path: str) -> bool:
    with suppress(SiteError):
        return find_page(output, path) is not None
    return True  # no address that a build could have


def _pages(output: Path) -> Iterator[PurePosixPath]:
    for folder, _, names in os.walk(output):
        for name in names:
            path = PurePosixPath(Path(folder, name).relative_to(output).as_posix())
            if path.suffix.lower() in PAGES and str(path) not in NO_PAGES:
                yield path


def _address_of(file: PurePosixPath) -> str:
    if file.stem != "index":
        return f"/{file.with_suffix('')}" if file.suffix == ".html" else f"/{file}"
    folder = file.parent.as_posix()
    return "/" if folder == "." else f"/{folder}/"


def _listed(settings: Settings) -> Iterator[str]:
    """Give the addresses in the live sitemap; a site that has none tells nothing."""
    base = settings.site.url.rstrip("/")
    live = Live(site_url=base, timeouts=TIMEOUTS)
    waiting = [f"{base}/{(settings.verify.sitemap or 'sitemap.xml').lstrip('/')}"]
    asked = 0
    while waiting and asked <= PARTS:
        asked += 1
        try:
            listing = read_listing(live.read(waiting.pop(0), LISTING_BYTES).body)
        except SiteError:
            continue
        waiting += [part for part in listing.parts if is_on_site(part, base)]
        yield from (path_on_site(url, base) for url in listing.urls if is_on_site(url, base))


def _write(state_dir: Path, found: Vanishing) -> None:
    write_note(_file(state_dir), asdict(found))


def _file(state_dir: Path) -> Path:
    return state_dir / "stage" / "vanishing.json"
