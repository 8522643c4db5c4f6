"""Finds the page that a build made of each post: by the post's own words. Reads only.

A generator decides by itself where a page goes: by folders, permalinks, slugs, categories, dates
and titles. So the page is looked for in what was built. The address where it was last, or where
it is likely to be, is tried first; only what is not there is searched for in all pages.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from posixpath import splitext
from urllib.parse import quote, urljoin, urlsplit

from publisher.model.errors import SiteError
from publisher.system.files import os_errors_as
from publisher.system.output import find_page
from publisher.text.excerpts import excerpts
from publisher.text.feeds import read_listing
from publisher.text.html import Page, fold, read_page
from publisher.text.urls import is_on_site, path_on_site

NEEDED = 2  # excerpts that must be on a page, or all that there are
PAGES = (".html", ".htm", ".xhtml")
LISTS = ("*.xml", "*/*.xml")  # sitemaps and feeds
IN_HEAD, IN_HEADING = 2, 1  # where a page has a title
KEY_WORDS = 3  # the first of an excerpt; they are looked up at every word of a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A post whose page is wanted; ``path`` as in ``Post``, ``text`` gives its Markdown as built.

    ``url`` is where it was last, or is likely to be; with ``is_told`` it is written as it is to
    be. With ``is_public`` a page there that has the post's title is taken for the post's without
    reading its text.
    """

    path: str
    title: str
    url: str
    text: Callable[[], str]
    is_told: bool = False
    is_public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    url: str  # absolute
    file: str  # below the output, posix


def find_pages(output: Path, wanted: Sequence[Wanted], site_url: str) -> dict[str, FoundPage]:
    """Give the page of each post that has one, by the path of the post.

    Of several pages with the text of a post it is the one with most of it, then the one that is
    titled like the post, then the one whose address is most like its title and file. The first
    page of the site is nobody's: it may show its newest post as a whole. A post without words has
    the only page that is titled like it.

    :raises SiteError: when the output cannot be read.
    """
    search = _Search(output=output.resolve(), site_url=site_url.rstrip("/"))
    why = "the addresses of posts are read from what was built"
    hint = "correct its permissions; the next build tries again"
    with os_errors_as(SiteError, output, why=why, hint=hint):
        search.look_everywhere([one for one in wanted if not search.look_at_address(one)])
    return search.found


def title_grade(data: bytes, title: str) -> int:
    """Tell where a page has this title: ``IN_HEAD``, only ``IN_HEADING``, or 0 for nowhere."""
    wanted = fold(title).casefold()
    places = ((IN_HEAD, b"<title", b"</title"), (IN_HEADING, b"<h1", b"</h1"))
    for grade, opening, closing in places:
        start = data.find(opening)
        end = data.find(closing, start)
        if wanted and 0 <= start < end:
            shown = read_page(data[start:end]).text
            if wanted in fold(shown).casefold():
                return grade
    return 0


@dataclass(frozen=True, slots=True)
class _Needles:
    """The words by which the page of a post is known."""

    title: str
    names: frozenset[str]  # words that its address may have
    excerpts: tuple[str, ...]

    @classmethod
    def of(cls, one: Wanted) -> _Needles:
        pieces = filter(None, map(fold, excerpts(one.text())))
        names = fold(f"{one.title} {one.path} {one.url}").casefold().split()
        return cls(one.title, frozenset(names), tuple(dict.fromkeys(pieces)))

    def count_in(self, text: str) -> int:
        return sum(f" {excerpt} " in f" {text} " for excerpt in self.excerpts)

    def are_in(self, text: str) -> bool:
        return bool(self.excerpts) and self.count_in(text) >= min(NEEDED, len(self.excerpts))


@dataclass(kw_only=True)
class _Search:
    output: Path
    site_url: str
    found: dict[str, FoundPage] = field(default_factory=dict)
    _taken: set[Path] = field(default_factory=set)

    def look_at_address(self, one: Wanted) -> bool:
        """Tell whether the post's page is where it is likely to be."""
        file = self._file_at(one.url)
        if file is None or not file.name.endswith(PAGES):
            return False
        data = file.read_bytes()
        if not (one.is_public and title_grade(data, one.title)):
            needles, text = _Needles.of(one), fold(read_page(data).text)
            if not needles.are_in(text) and (needles.excerpts or not title_grade(data, one.title)):
                return False
        self._take(one, file, data)
        return True

    def look_everywhere(self, missing: Sequence[Wanted]) -> None:
        """Look through the pages that are nobody's yet for the posts that are not found."""
        needles = {one.path: _Needles.of(one) for one in missing}
        likely = _by_first_words(needles)
        wordless = [one for one in missing if not needles[one.path].excerpts]
        titled: defaultdict[str, list[Path]] = defaultdict(list)
        best: dict[str, tuple[tuple[int, ...], Path]] = {}
        for file in self._pages() if missing else ():
            data = file.read_bytes()
            for one in wordless:
                if title_grade(data, one.title) == IN_HEAD:
                    titled[one.path].append(file)
            page = read_page(data)
            text = fold(page.text)
            for path in _named_in(text, likely):
                if needles[path].are_in(text):
                    rank = (
                        needles[path].count_in(text),
                        title_grade(data, needles[path].title),
                        len(needles[path].names & self._words_of(file)),
                        file.name == "index.html",  # beside it a copy for printers may lie
                        self._own_address(page, file) is not None,
                        -len(text),
                        -len(str(file)),
                    )
                    best[path] = max(best.get(path, (rank, file)), (rank, file))
        found = {path: file for path, (_, file) in best.items()}
        found |= {path: files[0] for path, files in titled.items() if len(files) == 1}
        for one in missing:
            if one.path in found:
                self._take(one, found[one.path], found[one.path].read_bytes())

    def _pages(self) -> Iterator[Path]:
        for folder, _, names in os.walk(self.output, onerror=_raise):
            for name in names:
                file = Path(folder, name)
                is_first = name == "index.html" and file.parent == self.output
                if name.endswith(PAGES) and not is_first and file not in self._taken:
                    yield file

    def _take(self, one: Wanted, file: Path, data: bytes) -> None:
        self._taken.add(file)
        url = one.url if one.is_told and self._file_at(one.url) == file else ""
        url = self._own_address(read_page(_head(data)), file) or url or self._usual_address(file)
        self.found[one.path] = FoundPage(url=url, file=self._name_of(file))

    # --- addresses -------------------------------------------------------------------------

    def _own_address(self, page: Page, file: Path) -> str | None:
        """Give the address that a page says is its own, if it leads to the page's file."""
        for written in (*page.canonicals, *page.cards.get("og:url", ())):
            try:
                url = urljoin(self._usual_address(file), written).partition("#")[0]
                is_plain = not urlsplit(url).query
            except ValueError:
                continue
            if is_plain and self._file_at(url) == file:
                return url
        return None

    def _usual_address(self, file: Path) -> str:
        """Give the address that a static host serves a file at.

        Whether it ends with ``.html`` is as in the site's own sitemaps, feeds and links.
        """
        name = self._name_of(file)
        if file.name == "index.html":
            name = name.removesuffix("index.html")
        elif not self._keeps_endings:
            name = splitext(name)[0]
        return f"{self.site_url}/{quote(os.fsencode(name))}"

    @cached_property
    def _keeps_endings(self) -> bool:
        """Tell whether the site names its pages with their endings."""
        for url in self._listed():
            file = self._file_at(url)
            if file is not None and file.name != "index.html" and file.name.endswith(PAGES):
                return urlsplit(url).path.endswith(PAGES)
        return True  # every host serves a file by its name

    def _listed(self) -> Iterator[str]:
        for pattern in LISTS:
            for file in sorted(self.output.glob(pattern)):
                with suppress(SiteError, OSError):
                    yield from read_listing(file.read_bytes()).urls
        with suppress(OSError):
            for link in read_page((self.output / "index.html").read_bytes()).links:
                with suppress(ValueError):
                    yield urljoin(f"{self.site_url}/", link).partition("#")[0]

    def _file_at(self, url: str) -> Path | None:
        if not is_on_site(url, self.site_url):
            return None
        try:
            return find_page(self.output, path_on_site(url, self.site_url))
        except SiteError:
            return None

    def _words_of(self, file: Path) -> set[str]:
        return set(fold(splitext(self._name_of(file))[0]).casefold().split())

    def _name_of(self, file: Path) -> str:
        return file.relative_to(self.output).as_posix()


def _head(data: bytes) -> bytes:
    end = data.find(b"</head")
    return data[:end] if end >= 0 else data


def _raise(error: OSError) -> None:
    raise error


def _by_first_words(needles: Mapping[str, _Needles]) -> dict[int, dict[tuple[str, ...], set[str]]]:
    """Give the posts by the first words of their excerpts, and those by how many words they are."""
    found: dict[int, dict[tuple[str, ...], set[str]]] = {}
    for path, known in needles.items():
        for excerpt in known.excerpts:
            words = tuple(excerpt.split()[:KEY_WORDS])
            found.setdefault(len(words), defaultdict(set))[words].add(path)
    return found


def _named_in(text: str, likely: Mapping[int, Mapping[tuple[str, ...], set[str]]]) -> set[str]:
    """Give the posts of which a page holds the first words of any excerpt."""
    words = text.split()
    found: set[str] = set()
    for count, paths in likely.items():
        runs = set(zip(*(words[start:] for start in range(count)), strict=False))
        for run in paths.keys() & runs:
            found |= paths[run]
    return found
