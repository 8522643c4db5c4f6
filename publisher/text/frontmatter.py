"""Splits a content file into frontmatter and body: YAML, TOML or JSON, within bounds, strictly.

Two generators have headers of their own, which are read as well: lines ``Title: …`` of Pelican
(Python-Markdown's meta-data), and ``.. title: …`` of Nikola, in a comment or not.

python-frontmatter's handlers find and split the block; they keep every byte here, and whatever
they would pass over in silence (a block that is never closed, a value that is no mapping) is an
error with its line. Knows nothing of posts.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from frontmatter.default_handlers import BaseHandler

from publisher.model import Problem
from publisher.model.errors import PostError
from publisher.text.yaml import DEPTH, YamlError, key_lines, load_yaml

FRONTMATTER_MAX_BYTES = 64 * 1024
BOM = b"\xef\xbb\xbf"

Format = Literal["yaml", "toml", "json", "pelican", "nikola"]
HEADERS: tuple[Format, ...] = ("pelican", "nikola")  # each is read by the generator of that name

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class UnreadableError(PostError):
    """A file whose frontmatter cannot be read; carries the problem to report."""

    def __init__(
        self, rule: str, path: str, line: int | None, message: str, hint: str = ""
    ) -> None:
        super().__init__(message, place=path if line is None else f"{path}:{line}", hint=hint)
        self.problem = Problem.error(rule, path, message, hint, line=line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A content file in its parts; ``text`` is the whole of it, without a byte order mark.

    ``block`` spans the frontmatter between its delimiters (JSON: with its braces), as offsets
    into ``text``; it is empty, like ``metadata``, where ``format`` is ``None``. Lines count from 1
    in the file.
    """

    path: str
    format: Format | None
    metadata: Mapping[str, Any]
    body: str
    body_line: int
    text: str = field(repr=False)
    block: tuple[int, int]

    def line_of(self, *keys: str) -> int:
        """Give the line of a key, or of the nearest enclosing one that has a line.

        Reads the frontmatter anew: lines are for complaints, and most posts have none.
        """
        if self.format is None:
            return 1
        handler = next(handler for handler in _HANDLERS if handler.name == self.format)
        lines = handler.lines(self.text[slice(*self.block)], self.metadata)
        places = (lines.get(keys[:length]) for length in range(len(keys), 0, -1))
        return next((line for line in places if line is not None), 1)


def parse(data: bytes, path: str) -> Document:
    """Split and read a file's bytes; ``path`` is for messages only.

    Text without frontmatter gives a document without format.

    :raises UnreadableError: when it is no UTF-8, or its frontmatter is broken or out of bounds.
    """
    text = decode(data, path)
    handler = next((handler for handler in _HANDLERS if handler.detect(text)), None)
    if handler is None:
        return Document(
            path=path, format=None, metadata={}, body=text, body_line=1, text=text, block=(0, 0)
        )
    try:
        raw, rest = handler.split(text)
    except ValueError:
        hint = f"close it with a line {handler.END_DELIMITER}"
        _refuse(path, 1, "the frontmatter is never closed", hint)
    if len(raw.encode()) > FRONTMATTER_MAX_BYTES:
        limit = f"{FRONTMATTER_MAX_BYTES // 1024} KiB"
        _refuse(path, 1, f"the frontmatter is longer than {limit}", "move long texts to the body")
    metadata = handler.load(raw, path=path)
    if not isinstance(metadata, dict):
        _refuse(path, 2, "the frontmatter is not a mapping of keys to values", "write `key: value`")
    _check(metadata, path)
    start = handler.start(text)
    body = re.sub(r"\A[ \t]*\r?\n", "", rest, count=1)
    return Document(
        path=path,
        format=handler.name,
        metadata=metadata,
        body=body,
        body_line=text.count("\n", 0, len(text) - len(body)) + 1,
        text=text,
        block=(start, start + len(raw)),
    )


def split(data: bytes) -> tuple[str, str]:
    """Give what precedes a page's body, and the body; also of what cannot be read.

    Every byte survives encoding again with ``surrogateescape``.
    """
    try:
        document = parse(data, "page")
    except UnreadableError:
        return "", data.decode("utf-8", "surrogateescape")
    mark = "\ufeff" if data.startswith(BOM) else ""
    return mark + document.text[: len(document.text) - len(document.body)], document.body


def decode(data: bytes, path: str) -> str:
    """Decode strict UTF-8 without its byte order mark.

    :raises UnreadableError: with line and offset for other bytes, and for NUL.
    """
    try:
        text = data.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        offset = error.start + len(data) - len(data.removeprefix(BOM))
        line = data.count(b"\n", 0, offset) + 1
        message = f"byte {offset} (0x{data[offset]:02x}) is not UTF-8"
        raise UnreadableError("not-utf8", path, line, message, "save the file as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableError(
            "not-utf8", path, line, "contains a NUL byte", "save the file as text"
        )
    return text


class _Handler(BaseHandler):  # type: ignore[misc, unused-ignore]  # untyped in older releases
    """One format: how python-frontmatter splits it, and how we read it."""

    name: Format
    FM_BOUNDARY: re.Pattern[str]

    def start(self, text: str) -> int:
        """Give where the block begins behind its opening delimiter."""
        match = self.FM_BOUNDARY.match(text)
        return match.end() if match else 0

    def load(self, fm: str, *, path: str = "") -> Any:
        raise NotImplementedError

    def lines(self, raw: str, metadata: Mapping[str, Any]) -> dict[tuple[str, ...], int]:
        """Find the first line that looks like each top-level key's."""
        found: dict[tuple[str, ...], int] = {}
        for key in metadata:
            match = re.search(
                rf"""^[\[{{,\s]*["']?{re.escape(key)}["']?\s*[=:.\]]""", raw, re.MULTILINE
            )
            if match:
                end = match.end() - len(match[0].lstrip("[{, \t\r\n"))
                found[(key,)] = raw.count("\n", 0, end) + 1
        return found


class _Yaml(_Handler):
    name = "yaml"
    FM_BOUNDARY = re.compile(r"^---[ \t]*\r?$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "---"

    def load(self, fm: str, *, path: str = "") -> Any:
        try:
            metadata = load_yaml(fm, path)
            return {} if metadata is None else _with_text_keys(metadata)
        except YamlError as error:
            _refuse(path, error.line, error.said, error.hint)

    def lines(self, raw: str, metadata: Mapping[str, Any]) -> dict[tuple[str, ...], int]:
        return dict(key_lines(raw))


class _Toml(_Handler):
    name = "toml"
    FM_BOUNDARY = re.compile(r"^\+\+\+[ \t]*\r?$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "+++"

    def load(self, fm: str, *, path: str = "") -> Any:
        try:
            return tomllib.loads(fm)
        except RecursionError:
            _refuse(path, 1, f"nested more than {DEPTH} levels deep")
        except ValueError as error:  # TOMLDecodeError is one
            found = re.fullmatch(
                r"(.*?)\s*\((?:at line (\d+), .*|at end of document)\)", str(error)
            )
            line = int(found[2]) if found and found[2] else 1
            _refuse(path, line, found[1] if found else "not TOML", "see https://toml.io/en/v1.0.0")


class _Json(_Handler):
    name = "json"
    FM_BOUNDARY = re.compile(r'\{\s*["}]')
    END_DELIMITER = "}"

    def start(self, text: str) -> int:
        return 0

    def split(self, text: str) -> tuple[str, str]:
        """Find where the object ends by reading it, for its braces may nest."""
        head = text[: FRONTMATTER_MAX_BYTES + 1]
        try:
            end = _decoder().raw_decode(head)[1]
        except (ValueError, RecursionError):
            close = re.search(r"^\}[ \t]*\r?$", head, re.MULTILINE)
            end = close.start() + 1 if close else len(head)  # `load` tells what is wrong
        return text[:end], text[end:]

    def load(self, fm: str, *, path: str = "") -> Any:
        try:
            return _decoder().decode(fm)
        except RecursionError:
            _refuse(path, 1, f"nested more than {DEPTH} levels deep")
        except json.JSONDecodeError as error:
            _refuse(path, error.lineno, f"not JSON: {error.msg}")
        except ValueError as error:
            _refuse(path, 1, f"not JSON: {error}")


class _Header(_Handler):
    """Lines of key and value at the beginning of a file, up to a blank line; no delimiters.

    Keys are in lower case, and values are text. What lacks a title is no header: any text may
    begin with a word and a colon.
    """

    LINE: re.Pattern[str]
    BLANK = re.compile(r"^[ \t]*\r?$|\Z", re.MULTILINE)

    def detect(self, text: str) -> bool:
        return "title" in self._pairs(self._block(text))

    def split(self, text: str) -> tuple[str, str]:
        start, raw = self.start(text), self._block(text)
        return raw, text[start + len(raw) :]

    def load(self, fm: str, *, path: str = "") -> Any:
        return self._pairs(fm)

    def lines(self, raw: str, metadata: Mapping[str, Any]) -> dict[tuple[str, ...], int]:
        first: dict[tuple[str, ...], int] = {}
        for number, line in enumerate(raw.splitlines(), start=1):
            if found := self.LINE.fullmatch(line):
                first.setdefault((found["key"].lower(),), number)
        return first

    def _block(self, text: str) -> str:
        start = self.start(text)
        end = self.BLANK.search(text, start)
        return text[start : end.start() if end else len(text)]

    def _pairs(self, block: str) -> dict[str, str | None]:
        """Give keys and values; nothing where any line is neither a key's nor goes on with one."""
        found: dict[str, str | None] = {}
        key = ""
        for line in block.splitlines():
            pair = self.LINE.fullmatch(line)
            if pair:
                key = pair["key"].lower()
                found[key] = pair["value"].strip() or None
            elif key and line.startswith(("    ", "\t")):
                found[key] = f"{found[key] or ''} {line.strip()}".strip()
            elif line.strip():
                return {}
        return found


class _Pelican(_Header):
    name = "pelican"
    FM_BOUNDARY = re.compile("")
    LINE = re.compile(r" {0,3}(?P<key>[\w-]+):[ \t]*(?P<value>.*)")


class _Nikola(_Header):
    name = "nikola"
    FM_BOUNDARY = re.compile(r"(?:\s*<!--[ \t]*\r?\n)?")
    BLANK = re.compile(r"^\r?$|\Z", re.MULTILINE)  # with blanks in it, Nikola goes on
    LINE = re.compile(r"[ \t]*\.\. (?P<key>[\w-]+):[ \t]*(?P<value>.*)")
    _CLOSE = re.compile(r"[ \t]*-->[ \t]*\r?\n?")

    def split(self, text: str) -> tuple[str, str]:
        raw, rest = super().split(text)
        close = self._CLOSE.match(rest)
        return raw, rest[close.end() :] if close else rest

    def _block(self, text: str) -> str:
        block = super()._block(text)
        close = re.search(r"^[ \t]*-->", block, re.MULTILINE)
        return block[: close.start()] if close else block


_HANDLERS: tuple[_Handler, ...] = (_Yaml(), _Toml(), _Json(), _Nikola(), _Pelican())


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_no_constant)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is given twice")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _with_text_keys(metadata: Any) -> Any:
    """Leave out top-level keys that are numbers, dates or empty; no generator reads them."""
    if not isinstance(metadata, dict):
        return metadata
    return {key: value for key, value in metadata.items() if isinstance(key, str)}


def _check(metadata: Mapping[str, Any], path: str) -> None:
    for value, depth in _walk(metadata, 1):
        if isinstance(value, dict | list) and depth > DEPTH:
            _refuse(path, 1, f"nested more than {DEPTH} levels deep")
        if isinstance(value, str) and _UNSTORABLE.search(value):
            _refuse(path, 1, "contains a NUL or half a character (\\ud800) as an escape")


def _walk(value: Any, depth: int) -> Iterator[tuple[Any, int]]:
    """Give every value with its depth, without recursion: depth is what is being checked."""
    waiting = [(value, depth)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        if isinstance(value, dict):
            waiting += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]


def _refuse(path: str, line: int, message: str, hint: str = "") -> NoReturn:
    raise UnreadableError("bad-frontmatter", path, line, message, hint)
