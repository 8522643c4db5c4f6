"""Searches a built site for texts under embargo: every file, in one pass.

A file shows a post when it holds eight of its words in a row, or a whole short block such as a
heading, or many shorter pieces, or, in whatever order, most words that only this post has: a
search index. What any public text holds as well proves nothing. Reads only.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from publisher.embargo.embargoed_text import EmbargoedText, PublicTexts
from publisher.embargo.leaks.decoding import TAG, texts_of
from publisher.embargo.leaks.fingerprints import (
    KEY,
    LETTERS_MIN,
    RUN,
    STEM,
    WINDOW,
    Block,
    Fingerprints,
    Window,
    Word,
    Words,
    hashes,
    is_name,
    letters,
    readings,
    unmark,
)
from publisher.model import PostId
from publisher.model.errors import SiteError
from publisher.system.files import reason

EXCERPT_LETTERS = 100
CONTEXT_LETTERS = 20  # of them, before what was found
PIECES_MIN = 8  # of a post in a file, and an eighth of its windows: it is taken apart there
PIECES_SHARE = 0.125
DOUBTFUL_BLOCKS = 3  # short blocks that could be anybody's, but not all of them
NAMES_MIN = 8  # words that only one post has; and how many of them a search index holds
NAMES_SHARE = 0.5
NAMES_FROM = 4  # of one post; a piece of a file with fewer is no index
FAMILIAR_SHARE = 0.4  # words in an index that are the site's; in programs nearly none are
SHOWN = 5  # files that a message names


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A file shows the text of a post; ``excerpt`` is from the hidden text, on one line."""

    file: str  # relative to the output
    post: PostId
    path: str
    excerpt: str

    def __str__(self) -> str:
        return f"{self.file}: shows text of {self.post} ({self.path}): {self.excerpt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsearched:
    """A file that may show anything, since it cannot be looked into."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found, in order of path, and how much it went through."""

    leaks: tuple[Leak, ...]
    unsearched: tuple[Unsearched, ...]
    posts: int
    files: int
    size: int  # bytes


def search(
    folder: Path,
    *,
    hidden: Iterable[EmbargoedText],
    public: PublicTexts,
    files: Iterable[str] | None = None,
) -> tuple[Leak, ...]:
    """Give at most one leak per file and post, in order of path.

    Searched is a built site as a whole, or ``files`` of a folder, paths relative to it. Of those a
    public text shows nothing, unless it is a copy, and links are passed over: where files go as
    they are, a link is but a path.

    :raises SiteError: when there is no leak, but a file that cannot be searched, or no output.
    """
    found = look_through(folder, hidden=hidden, public=public, files=files)
    if found.unsearched and not found.leaks:
        named = "; ".join(map(str, found.unsearched[:SHOWN]))
        rest = f"; and {more} more" if (more := len(found.unsearched) - SHOWN) > 0 else ""
        searched = "the output" if files is None else "what is to be deployed"
        raise SiteError(
            f"{searched} cannot be searched for leaks: {named}{rest}",
            why="unreleased text may be in there",
            hint="leave such files out of the site, or pack them another way",
        )
    return found.leaks


def look_through(
    folder: Path,
    *,
    hidden: Iterable[EmbargoedText],
    public: PublicTexts,
    files: Iterable[str] | None = None,
) -> Found:
    """Search, and tell of files that cannot be searched as well as of leaks.

    :raises SiteError: when there is no output, or a folder of it cannot be listed.
    """
    hidden = tuple(hidden)
    if files is None:
        sizes = dict(sorted(_files_of(folder)))
    else:
        names = sorted(name for name in set(files) if not (folder / name).is_symlink())
        sizes = {name: _size_of(os.path.join(folder, name)) for name in names}  # noqa: PTH118
    leaks, unsearched = list[Leak](), list[Unsearched]()
    if hidden and sizes:  # what there is to look for takes longest where much is hidden
        fingerprints = Fingerprints(hidden)
        for text in chain(_addresses(hidden, sizes), (h.shown for h in hidden), public.posts):
            fingerprints.subtract(text, is_meant=True)
        for text in public.others:
            fingerprints.subtract(text)
        for file in sizes:
            evidence = _Evidence(fingerprints)
            try:
                for text in texts_of(folder / file):
                    evidence.take(text)
            except SiteError as error:
                unsearched.append(Unsearched(file=file, reason=error.what))
            leaks += evidence.leaks(file)
    return Found(
        leaks=tuple(leaks),
        unsearched=tuple(unsearched),
        posts=sum(not text.is_bundled for text in hidden),
        files=len(sizes),
        size=sum(sizes.values()),
    )


def _addresses(posts: Sequence[EmbargoedText], files: Iterable[str]) -> Iterator[str]:
    """Give the addresses of all pages: they are public, even those of hidden posts."""
    origins = {"/".join(post.url.split("/")[:3]) for post in posts}
    for post in posts:
        yield f"{post.url} {post.path}"
    for file in files:
        for origin in sorted(origins):
            yield f"{origin}/{file}"


# --- the files ------------------------------------------------------------------------------


def _files_of(output: Path) -> Iterator[tuple[str, int]]:
    """Give the path of everything below the output that is no folder, and its size.

    A link to a folder counts as a file, which then cannot be read.
    """

    def complain(error: OSError) -> None:
        raise SiteError(
            f"{error.filename}: cannot be listed: {reason(error)}",
            why="what is in there cannot be searched for leaks",
            hint="mend its permissions, or see rebuild.output in jobs.yaml",
        ) from error

    for folder, folders, names in os.walk(output, onerror=complain):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118 - a site has many files
        for name in (*names, *links):
            path = os.path.join(folder, name)  # noqa: PTH118
            yield os.path.relpath(path, output).replace(os.sep, "/"), _size_of(path)


def _size_of(path: str) -> int:
    with suppress(OSError):  # reading it will tell why
        return os.stat(path).st_size  # noqa: PTH116
    return 0


# --- what a file gives away -----------------------------------------------------------------


class _Evidence:
    """What one file holds against the posts."""

    def __init__(self, fingerprints: Fingerprints) -> None:
        self._fingerprints = fingerprints
        self._guilty: dict[int, str] = {}  # with an excerpt that proves it
        self._windows: defaultdict[int, set[Window]] = defaultdict(set)
        self._blocks: defaultdict[int, set[Window]] = defaultdict(set)
        self._names: set[Word] = set()
        self._stems: set[Word] = set()
        self._familiar = 0
        self._all = 0  # words where names were found; their beginnings, to be exact

    def take(self, text: str) -> None:
        """Look at a piece of the file."""
        fingerprints = self._fingerprints
        for found in readings(text):
            numbers = set(map(fingerprints.windows.get, hashes(found, WINDOW)))
            hit = {n for n in numbers if n is not None and n not in self._guilty}
            if hit:
                self._judge_windows(found, hit)
            if not fingerprints.blocks.keys().isdisjoint(hashes(found, KEY)):
                self._judge_blocks(found)
            self._notice_names(set(found))

    def leaks(self, file: str) -> list[Leak]:
        """Give the verdict on the file, in order of the posts' paths."""
        if self._familiar > FAMILIAR_SHARE * self._all:
            known = self._fingerprints
            self._judge_names(self._names, known.names, known.names_of_each)
            self._judge_names(self._stems, known.stems, known.stems_of_each)
        posts = ((self._fingerprints.hidden[n], proof) for n, proof in self._guilty.items())
        leaks = [Leak(file=file, post=p.post, path=p.path, excerpt=proof) for p, proof in posts]
        return sorted(leaks, key=lambda leak: leak.path)

    def _notice_names(self, found: set[Word]) -> None:
        names, stems = self._fingerprints.names, self._fingerprints.stems
        noticed = names.keys() & found
        self._names |= noticed
        if max(Counter(map(names.get, noticed)).values(), default=0) >= NAMES_FROM:
            beginnings = {word[:STEM] for word in found if is_name(word)}
            self._stems |= stems.keys() & beginnings
            self._familiar += len(beginnings & self._fingerprints.vocabulary)
            self._all += len(beginnings)

    def _judge_windows(self, found: Words, hit: set[int]) -> None:
        ends: dict[int, int] = {}
        get = self._fingerprints.windows.get
        for at, number in enumerate(map(get, hashes(found, WINDOW))):
            if number not in hit or number in self._guilty or at < ends.get(number, 0):
                continue
            known = self._fingerprints.known(number)
            start, end = _stretch(found, at, known)
            if start == end:
                continue  # another window with the same hash
            ends[number] = end
            run = found[start : end + WINDOW - 1]
            seen = self._windows[number]
            seen.update(zip(*(run[n:] for n in range(WINDOW)), strict=False))
            needed = max(PIECES_MIN, round(PIECES_SHARE * len(known)))
            if (len(run) >= RUN and letters(run) >= LETTERS_MIN) or len(seen) >= needed:
                self._convict(number, run)

    def _judge_blocks(self, found: Words) -> None:
        blocks = self._fingerprints.blocks
        for at, key in enumerate(hashes(found, KEY)):
            for block in blocks.get(key, ()):
                if tuple(found[at : at + len(block.words)]) == block.words:
                    self._hold_block(block)

    def _hold_block(self, block: Block) -> None:
        held = self._blocks[block.number]
        held.add(block.words)
        is_enough = self._fingerprints.is_sure(block) or len(held) >= DOUBTFUL_BLOCKS
        if is_enough and block.number not in self._guilty:
            self._convict(block.number, block.words)

    def _judge_names(self, found: set[Word], owners: dict[Word, int], totals: Counter[int]) -> None:
        for number, count in Counter(map(owners.__getitem__, found)).items():
            if number not in self._guilty and count >= max(NAMES_MIN, NAMES_SHARE * totals[number]):
                names = sorted(
                    word.decode(errors="ignore") for word in found if owners[word] == number
                )
                self._guilty[number] = _cut(", ".join(names), 0)

    def _convict(self, number: int, proof: Sequence[Word]) -> None:
        self._guilty[number] = excerpt(self._fingerprints.hidden[number].text, proof)


def _stretch(found: Words, at: int, known: frozenset[Window]) -> tuple[int, int]:
    """Give how far the windows around one are known, as a range; an empty one if it is not."""
    start, end = at, at
    while tuple(found[end : end + WINDOW]) in known:
        end += 1
    while start < end and start and tuple(found[start - 1 : start - 1 + WINDOW]) in known:
        start -= 1
    return start, end


def excerpt(text: str, proof: Sequence[Word]) -> str:
    """Give the words in their context, as the hidden text has them; at most 100 letters."""
    shown = [word.decode() for word in proof]
    prose = " ".join(TAG.sub(" ", unmark(text).prose).split())
    found = re.search(r"[\W_]*".join(map(re.escape, shown[:RUN])), prose, re.IGNORECASE)
    return _cut(" ".join(shown), 0) if found is None else _cut(prose, found.start())


def _cut(text: str, at: int) -> str:
    """Cut a text to 100 letters around a place, between words where there are blanks."""
    start = max(0, at - CONTEXT_LETTERS)
    if start:
        blank = text.find(" ", start, at)
        start = at if blank < 0 else blank + 1
    room = EXCERPT_LETTERS - (start > 0)
    if len(text) - start <= room:
        return "…" * (start > 0) + text[start:]
    end = text.rfind(" ", at, start + room)
    return "…" * (start > 0) + text[start : end if end > at else start + room - 1] + "…"
