"""Changes the state that a post's frontmatter says, and not one byte beside it. Pure.

Every place where key and value may stand is tried, and the result read again: the one accepted
is the one after which the state is the new one and everything else means what it meant. A state
that the file leaves to its generator gets a line of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from publisher.generators.base import Generator, as_yaml, is_same
from publisher.model import PostState
from publisher.model.errors import PostError
from publisher.text.frontmatter import BOM, HEADERS, Document, UnreadableError, parse

CANDIDATES_MAX = 100  # each is parsed; a real file has one or two


def set_state(data: bytes, generator: Generator, to: PostState, path: str) -> bytes:
    """Give the file's bytes with its state set to ``to``; the same bytes when it is already.

    :raises PostError: when the frontmatter cannot be read, or holds no value to change.
    """
    document, key, target = parse(data, path), generator.state_key, generator.values[to]
    if key in document.metadata:
        if is_same(document.metadata[key], target):
            return data
        candidates = _candidates(document, key, target)
        why = "is written in a way that cannot be changed safely"
    else:
        if to is generator.missing:
            return data
        candidates = _added(document, key, target)
        why = "has no such key"
    wanted = (
        repr({**document.metadata, key: target}),
        repr({key: target, **document.metadata}),
    )
    for text in islice(candidates, CANDIDATES_MAX):
        if _means(text, wanted, document):
            return (BOM if data.startswith(BOM) else b"") + text.encode()
    raise _unchangeable(document, generator, to, why)


def _added(document: Document, key: str, target: str | bool) -> Iterator[str]:
    """Give the texts with the value on a line of its own: first where tables may follow."""
    start, end = document.block
    line_end = "\r\n" if "\r\n" in document.text[start:end] else "\n"
    line = _line(document, key, target)
    match document.format:
        case "yaml" | "pelican" | "nikola":
            at, lines = end, (f"{line}{line_end}", f"{line_end}{line}")
        case "toml":
            at, lines = start, (f"{line}{line_end}", f"{line_end}{line}")
        case _:
            at, lines = start + 1, (f"{line_end}  {line},", f"{line_end}  {line}")
    for new in lines:
        yield document.text[:at] + new + document.text[at:]


def _line(document: Document, key: str, target: str | bool) -> str:
    forms: Mapping[str | None, str] = {
        "toml": f"{key} = {json.dumps(target)}",
        "json": f'"{key}": {json.dumps(target)}',
        "nikola": f".. {key}: {as_yaml(target)}",
    }
    return forms.get(document.format, f"{key}: {as_yaml(target)}")


def _candidates(document: Document, key: str, target: str | bool) -> Iterator[str]:
    """Give the texts with one occurrence of the value replaced, keeping its quotes if possible."""
    value = document.metadata[key]
    start, end = document.block
    pattern = re.compile(
        rf"{re.escape(key)}[\"']*\s*[:=]\s*(?P<outer>(?P<quote>[\"']*)"
        rf"(?P<inner>{_spelled(value)})(?P=quote))(?![\w-])",
        re.IGNORECASE if document.format in HEADERS else 0,
    )
    places = list(pattern.finditer(document.text, start, end))
    for group in ("inner", "outer"):
        for place in places:
            written = _write(target, place, group, document)
            yield document.text[: place.start(group)] + written + document.text[place.end(group) :]


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "(?i:true)" if value else "(?i:false)"
    return re.escape(str(value))


def _write(target: str | bool, place: re.Match[str], group: str, document: Document) -> str:
    """Write the new value: bare within the old quotes, or complete in their place."""
    if isinstance(target, bool):
        old = place["inner"]
        word = as_yaml(target)
        return word.upper() if old.isupper() else word.title() if old.istitle() else word
    bare_is_text = document.format in ("yaml", *HEADERS) or place["quote"]
    return target if group == "inner" and bare_is_text else json.dumps(target, ensure_ascii=False)


def _means(text: str, wanted: Collection[str], old: Document) -> bool:
    """Tell whether the text reads as wanted; ``repr`` tells 1 from true and keeps the order."""
    try:
        new = parse(text.encode(), old.path)
    except UnreadableError:
        return False
    is_same_text = (new.format, new.body) == (old.format, old.body)
    return is_same_text and repr(new.metadata) in wanted


def _unchangeable(document: Document, generator: Generator, to: PostState, why: str) -> PostError:
    key, value = generator.state_key, generator.values[to]
    return PostError(
        f"{document.path}:{document.line_of(key)}: cannot set {key} to {as_yaml(value)}",
        why=f"{key} {why}",
        hint=f"write it on a line of its own: {_line(document, key, value)}",
    )
