"""YAML as people mean it, within bounds: no anchors, aliases, merge keys, tags or duplicate keys.

The C scanner and parser of PyYAML feed a Python composer, so that every node is judged before it
is built. Plain scalars follow the core of YAML 1.2: only true and false are booleans (``off`` and
``no`` are words), ``12:30`` is text and not a number in base 60, ``010`` is text and not eight.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import yaml
from yaml.composer import Composer

from publisher.model.errors import PublisherError

DEPTH = 20  # nested collections
LENGTH = 64 * 1024  # characters

_QUOTE = "quote a value that begins with & * ! % @ { [ or `, or that holds ': '"
_TAG = "tag:yaml.org,2002:"
_DIGITS = "0123456789"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = (
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?"
)
_RESOLVERS: tuple[tuple[str, str, str], ...] = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", "-+" + _DIGITS),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?", "-+." + _DIGITS),
    ("timestamp", _DATE + "|" + _TIME, _DIGITS),
    ("merge", r"<<", "<"),
)


class YamlError(PublisherError):
    """A text is not YAML, or not within our bounds; ``line`` is where."""

    def __init__(self, what: str, path: str, line: int, hint: str) -> None:
        super().__init__(what, place=f"{path}:{line}", hint=hint)
        self.line = line


class BoundedLoader(Composer, yaml.CSafeLoader):
    """A ``CSafeLoader`` that refuses what can explode or surprise; use ``load_yaml``."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's protocol

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            problem = "anchors (&name) and aliases (*name) are not accepted"
            raise _refusal(problem, event, hint=_QUOTE)
        if event.tag not in (None, "!", _TAG + "str"):
            raise _refusal("tags (!name) are not accepted", event, hint=_QUOTE)
        self._depth += 1
        if self._depth > DEPTH:
            raise _refusal(f"nested more than {DEPTH} levels deep", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
        return node

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refusal("a key must be one word or text", key_node, hint=_QUOTE)
            if key_node.tag == _TAG + "merge":
                raise _refusal(
                    "merge keys (<<) are not accepted", key_node, hint="write the keys out"
                )
            key = self.construct_object(key_node)
            if key in seen:
                raise _refusal(f"the key {key_node.value!r} is given twice", key_node)
            seen.add(key)

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """Leave what only looks like an instant (30 February) as the text it is."""
        try:
            return super().construct_yaml_timestamp(node)
        except (ValueError, OverflowError, AttributeError):  # the last for +0100, without colon
            return node.value


for _name, _pattern, _first in _RESOLVERS:
    BoundedLoader.add_implicit_resolver(
        _TAG + _name, re.compile(rf"(?:{_pattern})\Z"), ["" if c == "\0" else c for c in _first]
    )
BoundedLoader.add_constructor(_TAG + "timestamp", BoundedLoader.construct_yaml_timestamp)


def load_yaml(text: str, path: str, *, first_line: int = 1) -> Any:
    """Read one YAML document; an empty one is ``None``.

    Dates and full timestamps arrive as ``date`` and ``datetime``. ``path`` and ``first_line``
    (where the text begins in its file) are for the message only.

    :raises YamlError: it never quotes a value.
    """
    loader, node = _compose(text, path, first_line)
    return None if node is None else loader.construct_document(node)


def key_lines(text: str, *, first_line: int = 1) -> Mapping[tuple[str, ...], int]:
    """Give the line of each key, nested keys and list items (by number) included.

    Meant for a text that ``load_yaml`` accepted.
    """
    _, node = _compose(text, "yaml", first_line)
    return {} if node is None else dict(_walk(node, (), first_line))


def _compose(text: str, path: str, first_line: int) -> tuple[BoundedLoader, yaml.Node | None]:
    if len(text) > LENGTH:
        raise YamlError(
            f"this YAML is longer than {LENGTH // 1024} KiB",
            path,
            first_line,
            "move long texts out of it",
        )
    try:
        loader = BoundedLoader(text)
        return loader, loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        if mark and re.match(r" *\t", "\n".join(text.split("\n")[mark.line :])):
            what, hint = "a tab indents this line", "YAML wants blanks there"
            raise YamlError(what, path, line, hint) from None
        hint = _QUOTE if error.note is None else error.note
        raise YamlError(error.problem or "not YAML", path, line, hint) from None
    except (yaml.YAMLError, UnicodeError):
        raise YamlError(
            "this YAML contains a character that YAML does not allow",
            path,
            first_line,
            "remove control characters; save the file as UTF-8",
        ) from None


def _walk(
    node: yaml.Node, path: tuple[str, ...], first_line: int
) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            yield here, first_line + key.start_mark.line
            yield from _walk(value, here, first_line)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            here = (*path, str(number))
            yield here, first_line + item.start_mark.line
            yield from _walk(item, here, first_line)


def _refusal(problem: str, place: Any, *, hint: str = "") -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark, note=hint)
