"""Writes filler: meaningless words of like length in the place of a text. Pure.

What it writes is made of ``WORDS``, blanks and ``PUNCTUATION`` only: nothing of it means anything
to Markdown, HTML or a template language. Which word stands where follows from the seed and the
position, never from what stood there; lengths, capitals and line breaks are all that shows through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from itertools import count

# Lorem ipsum by length. A letter alone becomes two, lest a line begin with "a." like a list.
_BY_LENGTH = (
    "ab ac ad at de do ea et eu ex id in ut",
    "cum dui est hac leo mus nec non per qui sed sem sit vel",
    "amet anim arcu ante diam duis elit enim erat esse eros nibh nisi nunc orci quam quis urna",
    "augue culpa curae dolor fugit ipsum irure lacus lorem magna massa minim morbi neque purus",
    "aenean aliqua auctor cillum cursus dictum labore libero mattis mollit tempor turpis varius",
    "aliquam blandit commodo dapibus egestas eiusmod feugiat gravida lacinia laboris nostrud",
    "accumsan bibendum deserunt eleifend faucibus interdum lobortis occaecat proident pulvinar",
    "consequat cupidatat curabitur dignissim excepteur facilisis fringilla hendrerit voluptate",
    "adipiscing architecto doloremque incididunt laudantium parturient vestibulum voluptatem",
    "accusantium condimentum consectetur perferendis scelerisque suspendisse ullamcorper",
    "exercitation pellentesque perspiciatis sollicitudin voluptatibus",
)
_BUCKETS = tuple(tuple(line.split()) for line in _BY_LENGTH)
_SHORTEST = 2
_LONGEST = _SHORTEST + len(_BUCKETS) - 1
_ONE_WORD = 16  # a longer run without blanks becomes several words, as in Chinese or a hash
_ORDINARY = 8

WORDS = frozenset(word for bucket in _BUCKETS for word in bucket)
_OPENING = "(\"'\u201c\u2018\xab"
_CLOSING = ".,;:?…)\"'\u201d\u2019\xbb"
_DASH = "\u2013"
_DASHES = "—" + _DASH
OPENING = frozenset(_OPENING)
PUNCTUATION = frozenset(_OPENING + _CLOSING + _DASHES + "-/")

_RUN = re.compile(r"\S+")
_BLANKS = re.compile(r"[^\S\n]+")
_REPEATED = re.compile(r"(.)\1+")
_JOINTS = re.compile(rf"(?<=[^\W_])([-/{_DASHES}])(?=[^\W_])")
_DIGEST = 64


class Filler:
    """A stream of filler; ``seed`` names the place that is filled, such as a post's id."""

    def __init__(self, seed: str) -> None:
        self._numbers = _numbers(seed)
        self._last = ""

    def text(self, text: str) -> str:
        """Give filler for a text, with its blanks (one for several) and line breaks.

        Punctuation stays where it touches a word, or an end of the text: that may touch one.
        Everything else that is not blank counts as letters: digits, signs and emoji, too.
        """
        filler = _RUN.sub(self._run, _BLANKS.sub(" ", text))
        return _BLANKS.sub(" ", filler) if "  " in filler else filler

    def phrase(self, text: str) -> str:
        """Give filler in one line that begins and ends with a word; never empty."""
        line = " ".join(self.text(text).split()).strip("".join(PUNCTUATION) + " ")
        return line or self._word(_SHORTEST)

    def letters(self, text: str) -> str:
        """Give filler without a sign that any notation could take for its own; never empty."""
        kept = "".join(sign for sign in self.text(text) if sign.isalpha() or sign == " ")
        return kept.strip() or self._word(_SHORTEST)

    def code(self, text: str) -> str:
        """Give filler for lines of code: indents and the number of lines stay."""
        lines = text.split("\n")
        return "\n".join(_indent(line) + self.text(line.strip()).strip() for line in lines)

    def _run(self, match: re.Match[str]) -> str:
        """Give filler for what stands between two blanks."""
        run = match[0]
        if run.isalnum():
            return self._part(run)
        run = run.replace("!", ".")  # before a link it would make an image
        core = run.lstrip(_OPENING)
        rest = core.rstrip(_CLOSING)
        opening, closing = run[: len(run) - len(core)], core[len(rest) :]
        if rest.strip("-" + _DASHES):
            return _once(opening) + self._words(rest) + _once(closing)
        if rest:
            return _DASH
        is_first, is_last = match.start() == 0, match.end() == len(match.string)
        touching = _CLOSING if is_first else _OPENING if is_last else ""
        return _once("".join(sign for sign in run if sign in touching))

    def _words(self, run: str) -> str:
        """Give filler for a run without blanks, with the hyphens and strokes between its words."""
        if run.isalnum():
            return self._part(run)
        parts = _JOINTS.split(run)
        return "".join(part if n % 2 else self._part(part) for n, part in enumerate(parts))

    def _part(self, part: str) -> str:
        length = len(part)
        if length <= _ONE_WORD:
            word = self._word(min(length, _LONGEST))
            return word.upper() if length > 1 and part.isupper() else _like(part, word)
        whole, rest = divmod(length, _ORDINARY + 1)
        words = [self._word(_ORDINARY) for _ in range(whole)]
        return _like(part, " ".join([*words, *([self._word(rest)] if rest > 1 else [])]))

    def _word(self, length: int) -> str:
        bucket = _BUCKETS[max(length, _SHORTEST) - _SHORTEST]
        index = next(self._numbers) % len(bucket)
        word = bucket[index]
        if word == self._last:
            word = bucket[(index + 1) % len(bucket)]
        self._last = word
        return word


def _numbers(seed: str) -> Iterator[int]:
    """Give an endless row of numbers, the same for the same seed on every machine."""
    key = seed.encode("utf-8", "surrogatepass")
    for block in count():
        digest = blake2b(b"%d " % block + key, digest_size=_DIGEST).digest()
        yield from (int.from_bytes(digest[at : at + 2]) for at in range(0, _DIGEST, 2))


def _like(original: str, word: str) -> str:
    return word[0].upper() + word[1:] if original[0].isupper() else word


def _once(punctuation: str) -> str:
    """Leave one of each sign that is repeated: "::" and "..." can mean something."""
    return _REPEATED.sub(r"\1", punctuation) if len(punctuation) > 1 else punctuation


def _indent(line: str) -> str:
    """Give the blanks a line begins with; nothing for a line that holds nothing else."""
    return (re.match(r"[ \t]*", line) or [""])[0] if line.strip() else ""
