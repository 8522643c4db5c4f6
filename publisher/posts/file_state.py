"""What a file says of not being released yet, post or not, as far as it can be read. Pure.

What cannot be read as a whole is read line by line: of a key that is given twice, each value
counts. A file that says nothing of the kind is public, whatever else is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from publisher.config.settings import SiteSettings
from publisher.generators import Generator
from publisher.generators.base import as_yaml
from publisher.generators.headers import HEAD_LINES
from publisher.model import Embargo, PostState
from publisher.model.errors import PublisherError
from publisher.posts.fields import Reader
from publisher.text.frontmatter import FRONTMATTER_MAX_BYTES, Document, UnreadableError, parse
from publisher.text.yaml import load_yaml

ALIKE = 0.8  # how near a misspelled word is to the one that was meant
_FLAGS = {
    True: frozenset({"true", "yes", "on", "1"}),
    False: frozenset({"false", "no", "off", "0"}),
}
_PAIR = re.compile(r"""(["']?)(?P<key>[A-Za-z][\w.-]*)\1[ \t]*[:=][ \t]*(?P<value>.*)""")
_PAIR_IN_JSON = re.compile(r'"(?P<key>[\w.-]+)"[ \t]*:[ \t]*(?P<value>"[^"\n]*"|[^,}\n]*)')
_ENDS = {"---": ("---", "..."), "+++": ("+++", "[")}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """``state`` is ``None`` where the file says none that is known; ``until`` is its date."""

    state: PostState | None = None
    until: datetime | None = None

    def is_unreleased(self, now: datetime, embargo: Embargo) -> bool:
        """Tell whether a site under this embargo is to be built without the file."""
        if self.state is PostState.DRAFT:
            return True
        is_to_come = self.until is not None and self.until > now
        is_waiting = self.state is PostState.SCHEDULED or is_to_come
        return embargo is not Embargo.OFF and is_waiting


def read_file_state(data: bytes, path: str, site: SiteSettings, *, is_post: bool) -> FileState:
    """Read what a file says; of posts every date counts, else those that its generator heeds."""
    return FileState(
        state=stated_in(data, path, site),
        until=withheld_until(data, path, site, is_post=is_post),
    )


def is_set_aside(path: str, site: SiteSettings) -> bool:
    """Tell whether a file is where its generator leaves drafts, whatever they say."""
    return site.generator.is_draft_path(path)


def stated_in(data: bytes, path: str, site: SiteSettings) -> PostState | None:
    """Give the state that a file says; ``None`` for none, or for a word that nobody knows."""
    if is_set_aside(path, site):
        return PostState.DRAFT
    found = [_stated(reader) for reader in _readers(data, path, site)]
    if not found:
        return _state_in_header(_head(data), path, site.generator)
    unreleased = (state for state in found if state not in (None, PostState.PUBLISHED))
    return next(unreleased, found[-1])


def withheld_until(
    data: bytes, path: str, site: SiteSettings, *, is_post: bool = False
) -> datetime | None:
    """Give the instant before which a file is not to be public, by its date.

    Of a page that is no post, that is the instant before which the generator by itself would
    build no page.
    """
    generator = site.generator
    if not is_post and not generator.heeds_date(path):
        return None
    readers = _readers(data, path, site)
    if not readers:
        header = {key: value for _, key, value in generator.header_of(_head(data), path)}
        readers = [Reader(_document(path, header), site)]
    found = [_date_in(reader, site.embargo if is_post else Embargo.OFF) for reader in readers]
    return max(filter(None, found), default=None)


def _date_in(reader: Reader, embargo: Embargo) -> datetime | None:
    try:
        return reader.withheld_until(embargo)
    except PublisherError:
        return None  # nor does the generator know


def _stated(reader: Reader) -> PostState | None:
    generator = reader.site.generator
    try:
        return reader.stated() or generator.missing
    except PublisherError:
        metadata = reader.document.metadata
        words = [v for key, v in metadata.items() if key.lower() == generator.state_key.lower()]
        is_draft = any(_is_draft_word(as_yaml(word), generator) for word in words)
        return PostState.DRAFT if is_draft else None


# --- what is there to be read ----------------------------------------------------------------


def _readers(data: bytes, path: str, site: SiteSettings) -> list[Reader]:
    """Read the frontmatter, as many times as there are ways to; nothing where there is none."""
    if path.endswith(".meta"):  # a header from its first line to its last, blank lines or not
        return []
    try:
        document = parse(data, path)
    except UnreadableError:
        document = None
    if document is not None and site.generator.reads(document):
        return [Reader(document, site)]
    pairs = list(_pairs(_head(data).lstrip()))
    ways = (dict(pairs), dict(reversed(pairs))) if pairs or document is None else ()
    return [Reader(_document(path, metadata), site) for metadata in ways]


def _pairs(head: str) -> Iterator[tuple[str, Any]]:
    """Give the keys and values that stand on lines of their own, as the format has them."""
    if re.match(r'\{\s*["}]', head):
        for pair in _PAIR_IN_JSON.finditer(head.partition("\n}")[0]):
            yield pair["key"], _value(pair["value"])
        return
    lines = head.splitlines()
    ends = _ENDS.get(lines[0].rstrip()) if lines else None
    if ends is None:
        return
    closed = next((n for n, line in enumerate(lines) if n and line.startswith(ends)), HEAD_LINES)
    for found in map(_PAIR.match, lines[1:closed]):
        if found:
            yield found["key"], _value(found["value"])


def _value(text: str) -> Any:
    try:
        return load_yaml(text, "value")
    except PublisherError:
        return text.strip(" \t,\"'")


def _document(path: str, metadata: Mapping[str, Any]) -> Document:
    return Document(
        path=path, format="yaml", metadata=metadata, body="", body_line=1, text="", block=(0, 0)
    )


def _head(data: bytes) -> str:
    return data[:FRONTMATTER_MAX_BYTES].decode("utf-8-sig", "replace")


# --- without frontmatter ---------------------------------------------------------------------


def _state_in_header(head: str, path: str, generator: Generator) -> PostState | None:
    """Give the state that a page without frontmatter of ours says, as its generator reads it."""
    if _has_draft_header(head, path, generator):
        return PostState.DRAFT
    keys = {key for _, key, _ in generator.header_of(head, path)}
    return generator.missing if generator.header and {"title", "date"} & keys else None


def _has_draft_header(head: str, path: str, generator: Generator) -> bool:
    """Tell whether a page without frontmatter of ours says that it is a draft."""
    script = re.match(r"---[ \t]*[A-Za-z]+[ \t]*\r?\n(.*?)^---", head, re.MULTILINE | re.DOTALL)
    if script:  # of Eleventy: ---js
        return _has_draft_line(script[1], generator)
    return any(
        (key == generator.state_key.lower() and _is_draft_word(value, generator))
        or (key == "draft" and value.lower() in ("", "true", "yes"))
        for _, key, value in generator.header_of(head, path)
    )


def _has_draft_line(head: str, generator: Generator) -> bool:
    key = re.escape(generator.state_key)
    line = rf"""^[ \t{{]*["']?{key}["']?[ \t]*[:=][ \t]*["']?([\w-]+)"""
    found = re.search(line, head, re.MULTILINE | re.IGNORECASE)
    return found is not None and _is_draft_word(found[1], generator)


def _is_draft_word(word: str, generator: Generator) -> bool:
    """Tell whether a word means that a file is not released, also where it is misspelled."""
    flag = generator.values[PostState.DRAFT]
    if isinstance(flag, bool):
        return word.lower() in _FLAGS[flag]
    return bool(
        get_close_matches(word.lower(), [w.lower() for w in generator.hidden_words], cutoff=ALIKE)
    )
