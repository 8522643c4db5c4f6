"""Reading one ``jobs.yaml`` along the table of keys, collecting problems on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from publisher.config.keys import KEYS, keys_below
from publisher.config.kinds import KINDS, Key, Place, nearest, wrong
from publisher.model import Problem
from publisher.model.errors import PublisherError

KeyPath = tuple[str, ...]

RULE = "config"


class Reading:
    """The problems about one file; ``values`` are read key by key, the good ones are kept."""

    def __init__(self, file: str, lines: Mapping[KeyPath, int], place: Place) -> None:
        self._file = file
        self._lines = lines
        self._problems: list[Problem] = []
        self.place = place

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Give the problems in the order of the file."""
        return tuple(sorted(self._problems, key=lambda problem: problem.line or 0))

    def report(
        self, path: KeyPath, message: str, hint: str = "", *, at: KeyPath | None = None
    ) -> None:
        """Note a problem of the key at ``path``; ``at`` is a better place for the line."""
        message = f"{'.'.join(path)}: {message}" if path else message
        self._problems.append(
            Problem.error(RULE, self._file, message, hint, line=self._line(at or path))
        )

    @contextmanager
    def at(self, path: KeyPath) -> Iterator[None]:
        """Turn an error into a problem of the key at ``path``."""
        try:
            yield
        except PublisherError as error:
            hint = "; ".join(text for text in (error.why, error.hint) if text)
            self.report(path, error.what, hint)

    def read(self, path: KeyPath, reader: Callable[[Any, Place], Any], value: Any) -> Any:
        """Read one value; ``None`` after a problem."""
        with self.at(path):
            return reader(value, self.place)
        return None

    def mapping(self, path: KeyPath, value: Any) -> dict[str, Any]:
        """Read a mapping; nothing given is an empty one."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            error = wrong("a mapping", value, hint="write indented lines `key: value` below it")
            self.report(path, error.what, error.hint)
            return {}
        return {str(key): item for key, item in value.items()}

    def section(
        self, path: KeyPath, value: Any, *, pattern: str | None = None, more: Collection[str] = ()
    ) -> dict[str, Any]:
        """Read a section and those within it to one flat mapping of dotted keys.

        ``pattern`` is the section's path in the table where that differs; unknown keys are
        reported unless they are in ``more``.
        """
        section = ".".join(path) if pattern is None else pattern
        keys = keys_below(section)
        data = self.mapping(path, value)
        self._report_unknown(path, data, {word for word in keys if word != "*"} | {*more})
        found: dict[str, Any] = {}
        for word, key in keys.items():
            found |= self._key((*path, word), key, data.get(word))
        return found

    def _key(self, path: KeyPath, key: Key, value: Any) -> dict[str, Any]:
        """Read one key of a section that is there."""
        name = ".".join(path)
        if key.kind == "later":
            if value is not None or path in self._lines:
                self.report(path, "is not supported in this version", "remove it")
            return {}
        if value is None and key.required:
            self.report(path, "is missing", key.help)
            return {name: None}
        if key.path == "channels":
            return {name: value}
        if key.kind == "section":
            return self.section(path, value) if value is not None else self._defaults(key.path)
        if key.kind == "addresses":
            return {name: self._items(path, KINDS["address"].read, value)}
        if value is None:
            value = key.default
        return {name: None if value is None else self.read(path, KINDS[key.kind].read, value)}

    def _items(
        self, path: KeyPath, reader: Callable[[Any, Place], Any], value: Any
    ) -> tuple[Any, ...]:
        """Read a list item by item; each problem names its own line."""
        if value is None:
            return ()
        if not isinstance(value, list):
            error = wrong("a list", value, hint="write one per line, each behind a dash")
            self.report(path, error.what, error.hint)
            return ()
        found = []
        for number, item in enumerate(value):
            try:
                found.append(reader(item, self.place))
            except PublisherError as error:
                hint = "; ".join(text for text in (error.why, error.hint) if text)
                message = f"number {number + 1} {error.what}"
                self.report(path, message, hint, at=(*path, str(number)))
        return tuple(found)

    def _defaults(self, section: str) -> dict[str, Any]:
        """Give the defaults of a section that is not in the file."""
        return {
            key.path: None if key.default is None else KINDS[key.kind].read(key.default, self.place)
            for key in KEYS
            if key.path.startswith(f"{section}.") and key.kind not in ("section", "later")
        }

    def _report_unknown(
        self, path: KeyPath, data: Mapping[str, Any], known: Collection[str]
    ) -> None:
        for word in data:
            if word not in known:
                # What does not look like a key may be a secret in the wrong place.
                shown = word if re.fullmatch(r"[A-Za-z_][A-Za-z_-]{0,39}", word) else "(not shown)"
                hint = _place_of(word) if path[:1] != ("channels",) else ""
                hint = hint or nearest(word, known)
                self.report(path, f"unknown key {shown}", hint, at=(*path, word))

    def _line(self, path: KeyPath) -> int | None:
        """Give the line of a key, or of the nearest section that holds it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)


def _place_of(word: str) -> str:
    """Name the section that a key which stands in the wrong one belongs to."""
    places = [key.path for key in KEYS if key.path.endswith(f".{word}") and "*" not in key.path]
    return f"did you mean {places[0]}?" if places else ""
