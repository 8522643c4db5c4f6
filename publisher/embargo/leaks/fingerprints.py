"""Fingerprints of texts under embargo, and what of them a built site shows.

A fingerprint is a window of five consecutive words of a hidden text that no public text has.
Texts are compared by their words alone: what markup, escapes, typographers and line breaks make
of a text leaves those. Every window of the output is looked up, and of the hidden texts every
one is kept, so any run of five words is noticed; when there are more than two million, every
fourth is, and any run of eight is noticed: it holds four windows. (Winnowing, which thins both
sides, keeps two in five for that: Schleimer, Wilkerson and Aiken 2003, "Winnowing: Local
Algorithms for Document Fingerprinting", checked 2026-11-20. Here one side need not be thinned.)
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

from publisher.embargo.embargoed_text import EmbargoedText
from publisher.embargo.leaks.decoding import TAG, plain

Word = bytes  # of UTF-8: ASCII, which most of a site is, needs no decoding then
Words = list[Word]
Window = tuple[Word, ...]

WINDOW = 5
RUN = 8  # words in a row that are surely no coincidence; a shorter block counts as a whole
STRIDE = RUN - WINDOW + 1
MANY = 2_000_000  # windows; with more, only each STRIDE-th is kept
KEY = 3  # a short block is looked up by its first words
SURE_LETTERS = 20  # in a block that stands for its post alone
LETTERS_MIN = 15  # what must be in a run or a block to be distinctive
LETTERS_OF_WORD = 6  # and the blank behind it, by and large
WORD_MIN = 4  # letters of a word that may give a post away in a search index
STEM = 6  # letters that a stemmer leaves of most words
COPY_SHARE = 0.5  # a file that has more than this of what is hidden of a post may be a copy: when
COPY_MIN = 60  # it has more windows of the post than anybody quotes, or,
COPY_FEW = 20  # of a short post, when they are also
COPY_OF_FILE = 0.3  # that much of the file
CACHED = 256

_NONE_IN_BETWEEN = regex.compile(  # scripts without blanks: each character counts as a word
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
)
_INVISIBLE = regex.compile(r"\p{Cf}+")
_NO_WORD = regex.compile(r"[^\p{L}\p{M}\p{N}\x00-\x7f]+")
_ASCII = bytes(
    ord(chr(c).lower()) if chr(c).isalnum() or c > 127 else ord(" ") for c in range(128)
) + bytes(range(128, 256))


def words(text: str) -> Words:
    """Give the words of a text in NFKC, case folded, as ``markup.fold`` knows them."""
    if not text.isascii():
        text = _NO_WORD.sub(" ", _INVISIBLE.sub("", text))
        composed = unicodedata.normalize("NFKC", text)
        if composed != text:
            text = _NO_WORD.sub(" ", composed)
        text = _NONE_IN_BETWEEN.sub(r" \g<0> ", text).casefold()
    return text.encode(errors="replace").translate(_ASCII).split()


def letters(found: Iterable[Word]) -> int:
    """Count the letters of the words, each word once; numbers say little."""
    return sum(len(word.decode()) for word in set(found) if not word.isdigit())


def is_name(word: Word) -> bool:
    """Tell whether a word may be particular to a post."""
    return len(word) >= WORD_MIN and not word[:1].isdigit()


def hashes(found: Words, size: int) -> Iterator[int]:
    """Give a number for each window of that many words; alike for alike windows."""
    return map(hash, zip(*(found[at:] for at in range(size)), strict=False))


def readings(text: str, *, is_markdown: bool = False) -> Iterator[Words]:
    """Give the words of a text in each way that it may be read: as it is, and as Markdown."""
    for part in plain(text):
        yield words(part)
    if is_markdown or "](" in text:
        yield words(next(plain(unmark(text).prose)))


# --- Markdown -------------------------------------------------------------------------------

_FENCE = re.compile(
    r"^[ \t>]*+(?P<mark>`{3,}+|~{3,}+)[^\n]*+\n(?P<code>.*?)(?:^[ \t>]*(?P=mark)[`~]*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_TARGET = r"""\(\s*<?((?:[^()\s<>]|\([^()\s]*\))*)>?(?:\s+["'(]([^"]*?)["')])?\s*\)"""
_BESIDE = re.compile(  # what a page shows elsewhere than in its text, or not at all
    rf"!\[((?:[^\[\]]|\[[^\[\]]*\])*)\]{_TARGET}"  # images
    rf"|\]{_TARGET}"  # of links only what follows their text
    r"|^[ ]{0,3}\[[^\]^]+\]:\s*(\S+)(?:\s+[\"'(](.*)[\"')])?\s*$"  # definitions
    r"|\{\{((?:(?!\{\{).)*?)\}\}|\{%((?:(?!\{%).)*?)%\}"  # templates
    r"|\{([#.:][^{}\n]*)\}"  # attributes
    r"|\b([a-z][a-z0-9+.-]*://[^\s<>\"')\]]+)",  # addresses
    re.MULTILINE | re.DOTALL,
)
_NOTHING = re.compile(  # references, footnote marks, alerts, emoji names, paths on the site
    r"\]\[[^\]\n]*\]|\[\^[^\]\s]+\]:?|\[![A-Za-z]+\]|:[a-z][a-z0-9_+-]*:"
    r"|(?<![\w.<])\.{0,2}/[\w.~%/-]+|\\(?=\n)"
)
_LINE_MARK = re.compile(
    r"^[ \t>]*(?:[-*+][ \t]+(?:\[[ xX]\][ \t])?|\d{1,9}[.)][ \t]|#{1,6}[ \t]|:{3,}[ \t]*\w*"
    r"|(?:!!!|\?\?\?)\+?[ \t]*\w*)",
    re.MULTILINE,
)
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:(?://[^/\s]*)?|(?=[^\s]*/)[./])")
_BLOCK_END = re.compile(r"\n[ \t>]*\n|\|")
_ATTRIBUTE = re.compile(r"""(?<![\w:@.-])([\w:@.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_NO_TEXT = frozenset(  # what many pages have alike
    {"class", "style", "id", "d", "points", "viewbox", "transform", "srcset", "sizes", "media"}
    | {"fill", "rel", "target", "type", "xmlns"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmarked:
    """The prose of a Markdown text, with a blank line between blocks; and what is beside it."""

    prose: str
    code: tuple[str, ...]
    beside: tuple[str, ...]  # alternative texts, titles, addresses, what a template computes


def unmark(text: str) -> Unmarked:
    """Take the marks of Markdown off a text.

    By patterns, not by a parser: public texts are Markdown, templates or programs, nobody knows
    which, and must come out as hidden ones do; a slip costs some windows, not a sentence.
    """
    code: list[str] = []
    beside: list[str] = []

    def put_code(found: re.Match[str]) -> str:
        code.append(found["code"])
        return "\n\n"

    def put_beside(found: re.Match[str]) -> str:
        beside.extend(_without_host(group) for group in found.groups() if group)
        return "" if found[0].startswith("]") else " "

    prose = _BESIDE.sub(put_beside, _FENCE.sub(put_code, text))
    prose = _LINE_MARK.sub("\n\n", _NOTHING.sub("", prose))
    return Unmarked(prose=prose, code=tuple(code), beside=tuple(filter(None, beside)))


def _without_host(text: str) -> str:
    """Leave of an address what is particular; nothing of one within the site, which is public."""
    found = _SCHEME.match(text)
    if found is None:
        return text
    return text[found.end() :] if ":" in found[0] else ""


def _attributes(text: str) -> Iterator[str]:
    """Give the values of attributes that may hold text, and comments."""
    for tag in TAG.findall(text):
        if tag.startswith("!--"):
            yield tag
        for name, *values in _ATTRIBUTE.findall(tag):
            if name.lower().partition(":")[0] not in _NO_TEXT:
                yield "".join(values)


# --- hidden texts ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A heading, a cell or another text that is too short for a run; of post ``number``."""

    words: Window
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The words of a hidden text: of its prose, of what is beside it, and of its code."""

    prose: list[Words]
    code: list[Words]
    blocks: list[Window]  # distinctive ones that are too short for a run

    @property
    def texts(self) -> list[Words]:
        return [*self.prose, *self.code]


def parts_of(text: str) -> Parts:
    """Take a hidden text to pieces."""
    unmarked = unmark(text)
    prose = next(plain(unmarked.prose))
    beside = [*unmarked.beside, *_attributes(unmarked.prose)]
    pieces = [words(next(plain(piece))) for piece in beside]
    short = [*map(words, _BLOCK_END.split(prose)), *pieces]
    return Parts(
        prose=[words(prose), *pieces],
        code=[words(part) for piece in unmarked.code for part in plain(piece)],
        blocks=[tuple(b) for b in short if KEY <= len(b) < RUN and letters(b) >= LETTERS_MIN],
    )


class Fingerprints:
    """What gives posts under embargo away; posts are known by their number in ``hidden``.

    About 100 bytes per window that is kept.
    """

    def __init__(self, hidden: Sequence[EmbargoedText], *, many: int = MANY) -> None:
        self.hidden = hidden
        self.windows: dict[int, int] = {}  # by hash: the number of the first post that has it
        self._public: dict[int, int] = {}  # likewise, those that public texts have as well
        self._meant: set[int] = set()  # of them, those that were meant to be
        self._shared: dict[int, list[int]] = {}  # of windows that several posts have: the others
        self.blocks: dict[int, list[Block]] = {}  # by the hash of their first words
        self.names: dict[Word, int] = {}  # words that one post alone has
        self.stems: dict[Word, int] = {}  # beginnings of words, likewise
        self.vocabulary: set[Word] = set()  # beginnings of words, of all texts, public ones too
        self._known: dict[int, frozenset[Window]] = {}
        size = sum(len(post.text) for post in hidden)
        is_many = size > many * LETTERS_OF_WORD
        self._stride = STRIDE if is_many else 1
        self._block_words = WINDOW + 1 if is_many else WINDOW - 1
        shared: tuple[set[Word], set[Word]] = (set(), set())
        for number, post in enumerate(hidden):
            parts = parts_of(post.text)
            for text in parts.texts:
                for window in list(hashes(text, WINDOW))[:: self._stride]:
                    if self.windows.setdefault(window, number) != number:
                        self._share(window, number)
            for words_of_block in dict.fromkeys(parts.blocks):
                block = Block(words=words_of_block, number=number)
                self.blocks.setdefault(hash(words_of_block[:KEY]), []).append(block)
            if post.is_bundled:
                continue  # its words are often those of its post
            names = {word for text in parts.prose for word in text if is_name(word)}
            stems = {name[:STEM] for name in names}
            self.vocabulary |= stems
            _claim(self.names, names, number, shared[0])
            _claim(self.stems, stems, number, shared[1])
        self._totals = self._count(set(self.windows))  # less what is meant to be public

    def _share(self, window: int, number: int) -> None:
        others = self._shared.setdefault(window, [])
        if number not in others:
            others.append(number)

    def _count(self, found: set[int]) -> Counter[int]:
        """Count the windows of each post, those that others or public texts have too."""
        counts = Counter[int]()
        for owners in (self.windows, self._public):
            counts.update(map(owners.__getitem__, owners.keys() & found))
        for window in self._shared.keys() & found:
            counts.update(self._shared[window])
        return counts

    def is_sure(self, block: Block) -> bool:
        """Tell whether a block gives its post away all by itself; others do together.

        Among very many posts some have a heading of four words by chance.
        """
        return len(block.words) >= self._block_words and letters(block.words) >= SURE_LETTERS

    def subtract(self, text: str, *, is_meant: bool = False) -> None:
        """Forget what a public text has, too; ``is_meant``: somebody meant all of it to be public.

        Any other file that holds most of what is hidden of a post is no quotation: it is a copy,
        or was generated from the post some day, and makes nothing of it public. Only the amount
        tells, so a public page that quotes most of an unreleased post is taken for a copy, too;
        it will be named as a leak, and a person decides which of the two has to change.
        """
        found = list(readings(text, is_markdown=True))
        seen = set[int]().union(*(hashes(each, WINDOW) for each in found))
        copied = frozenset[int]()
        if is_meant:
            new = (self.windows.keys() & seen | self._public.keys() & seen) - self._meant
            self._totals.subtract(self._count(new))
            self._meant |= new
        else:
            copied = self._copied(seen, max(map(len, found)))
        for window in self.windows.keys() & seen:
            owners = (self.windows[window], *self._shared.get(window, ()))
            kept = [number for number in owners if number in copied]
            if kept:
                self.windows[window] = kept[0]
            else:
                self._public[window] = self.windows.pop(window)
        for each in found:
            self._subtract_blocks(each, copied)
            distinct = set(each)
            _release(self.names, distinct, copied)
            stems = {word[:STEM] for word in distinct if is_name(word)}
            self.vocabulary |= stems
            _release(self.stems, stems, copied)

    def _copied(self, seen: set[int], size: int) -> frozenset[int]:
        """Give the posts of which a text of that many words has the better part."""
        least = min(COPY_MIN, max(COPY_FEW, COPY_OF_FILE * size)) / self._stride
        enough = {number for number, count in self._count(seen).items() if count > least}
        counts = self._count(seen - self._meant) if enough else {}
        most = {n for n in enough & counts.keys() if counts[n] > COPY_SHARE * self._totals[n]}
        return frozenset(n for n in most if not self.hidden[n].is_bundled)

    def _subtract_blocks(self, found: Words, copied: frozenset[int]) -> None:
        for at, key in enumerate(hashes(found, KEY)):
            if key in self.blocks:
                self.blocks[key] = [
                    block
                    for block in self.blocks[key]
                    if block.number in copied
                    or block.words != tuple(found[at : at + len(block.words)])
                ]

    @cached_property  # once nothing is subtracted any more
    def names_of_each(self) -> Counter[int]:
        """Count the words that each post has to itself."""
        return Counter(self.names.values())

    @cached_property
    def stems_of_each(self) -> Counter[int]:
        return Counter(self.stems.values())

    def known(self, number: int) -> frozenset[Window]:
        """Give all windows of a post, public ones too."""
        if number not in self._known:
            if len(self._known) >= CACHED:
                self._known.clear()
            self._known[number] = frozenset(
                window
                for text in parts_of(self.hidden[number].text).texts
                for window in zip(*(text[at:] for at in range(WINDOW)), strict=False)
            )
        return self._known[number]


def _claim(owners: dict[Word, int], found: set[Word], number: int, shared: set[Word]) -> None:
    """Let a post have the words that no other has."""
    for word in found - shared:
        if owners.setdefault(word, number) != number:
            del owners[word]
            shared.add(word)


def _release(owners: dict[Word, int], found: set[Word], copied: frozenset[int]) -> None:
    """Let nobody have the words that are found, but for the posts that were copied."""
    for word in owners.keys() & found:
        if owners[word] not in copied:
            del owners[word]
