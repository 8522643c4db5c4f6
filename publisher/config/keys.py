"""The keys of ``jobs.yaml`` as one list, drawn from the fields of ``settings``; its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import time, timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from publisher.config.kinds import KINDS, Key
from publisher.config.settings import ChannelSettings, Settings
from publisher.model.secret import SecretRef

_KINDS: dict[Any, str] = {  # of the types that have one
    bool: "boolean",
    str: "line",
    tuple: "texts",
    timedelta: "duration",
    Path: "path",
    SecretRef: "secret",
}


@cache
def keys_of(settings: type) -> tuple[tuple[str, Key, type | None], ...]:
    """Give the fields that are keys: name, key, and the settings of the section that it is."""
    found = []
    hints = get_type_hints(settings, include_extras=True)
    for field in fields(settings):
        hint = hints[field.name]
        key = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Key)), None)
        if key is None:
            continue
        said = hint.__origin__
        types = [t for t in (get_origin(said), said, *get_args(said)) if isinstance(t, type)]
        kind = key.kind or next((_KINDS[t] for t in types if t in _KINDS), "section")
        section = next(filter(is_dataclass, types)) if kind == "section" else None
        is_optional = key.is_optional or type(None) in types or section is ChannelSettings
        key = replace(key, kind=kind, path=key.path or field.name, is_optional=is_optional)
        if field.default is not MISSING:
            key = replace(key, default=_written(field.default), is_optional=True)
        found.append((field.name, key, section))
    return tuple(found)


def _written(value: Any) -> Any:
    """Write a default as in the file; ``None`` where it says nothing."""
    if isinstance(value, timedelta):
        units = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
        seconds = int(value.total_seconds())
        unit = next(unit for unit, n in units.items() if seconds % n == 0 and (seconds or n == 1))
        return f"{seconds // units[unit]}{unit}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, Enum):
        return value.value
    return value if isinstance(value, str | int) else None


_SECTIONS = {  # that are no settings of their own
    "site.keys": "Frontmatter keys where they differ from the generator's.",
    "policy": "When a person must decide.",
}


def _walk(settings: type, prefix: str = "") -> Iterator[Key]:
    seen: set[str] = set()
    for _, key, section in keys_of(settings):
        path = prefix + key.path
        parent = path.rpartition(".")[0]
        if parent in _SECTIONS and parent not in seen:
            seen.add(parent)
            yield Key(_SECTIONS[parent], "section", parent, is_optional=True)
        yield replace(key, path=path)
        if section is ChannelSettings:
            path = f"{path}.*"
            yield Key("One channel; its type has more options.", "section", path, is_optional=True)
        if section:
            yield from _walk(section, f"{path}.")


# Keys that settings hold in another form, or not at all.
_OTHERS = tuple(
    Key(help_, kind, path, is_optional=True)
    for path, kind, help_ in (
        ("site.keys.state", "line", "The key that holds the publication state."),
        ("site.keys.title", "names", "The key that holds the title; or several, best first."),
        ("site.keys.description", "names", "The key that holds the description."),
        ("site.keys.date", "names", "The key that holds the release date."),
        ("site.keys.dates", "names", "The older name of site.keys.date."),
        ("site.keys.image", "names", "The key that holds the image; cover.image is one within."),
        ("site.keys.values", "section", "What the state key says for each state."),
        ("site.keys.values.draft", "state_value", "The value for a draft."),
        ("site.keys.values.scheduled", "state_value", "The value for a scheduled post."),
        ("site.keys.values.published", "state_value", "The value for a published post."),
        ("policy.preflight", "later", "Checks ahead of a release."),
        ("jobs", "later", "Recurring work."),
    )
)


def _all() -> tuple[Key, ...]:
    keys = [*_walk(Settings), *_OTHERS]
    tops = list(dict.fromkeys(key.path.partition(".")[0] for key in keys))
    return tuple(sorted(keys, key=lambda key: tops.index(key.path.partition(".")[0])))


KEYS = _all()


def build(settings: type, values: Mapping[str, Any], section: str = "", **given: Any) -> Any:
    """Make the settings of a section of the values at their dotted paths.

    What is ``None`` keeps its default; ``given`` are fields, and win.
    """
    prefix = f"{section}." if section else ""
    found: dict[str, Any] = {}
    for name, key, inner in keys_of(settings):
        path = prefix + key.path
        if name in given:
            continue
        if inner is not None:
            needed = (f"{path}.{below.path}" for _, below, _ in keys_of(inner) if below.required)
            is_there = all(values.get(one) is not None for one in needed)
            found[name] = build(inner, values, path) if is_there else None
        else:
            found[name] = values.get(path)
    return settings(**{name: value for name, value in found.items() if value is not None}, **given)


def keys_below(section: str) -> Mapping[str, Key]:
    """Give the keys of one section (``""`` is the whole file) by their last word."""
    prefix = f"{section}." if section else ""
    return {
        key.path.removeprefix(prefix): key
        for key in KEYS
        if key.path.startswith(prefix) and "." not in key.path.removeprefix(prefix)
    }


def schema() -> dict[str, Any]:
    """Describe ``jobs.yaml`` as JSON Schema (draft 2020-12), for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jobs.yaml of publisher",
        **_section_schema(""),
    }


def _section_schema(section: str) -> dict[str, Any]:
    keys = {word: key for word, key in keys_below(section).items() if key.kind != "later"}
    described: dict[str, Any] = {"type": "object"}
    if "*" in keys:
        return described | {"additionalProperties": _key_schema(keys["*"])}
    described["properties"] = {word: _key_schema(key) for word, key in keys.items()}
    described["required"] = [word for word, key in keys.items() if key.required]
    described["additionalProperties"] = section.endswith("*")  # a channel type has its own
    return described


def _key_schema(key: Key) -> dict[str, Any]:
    described = {"description": key.help}
    if key.kind == "section":
        return _section_schema(key.path) | described
    if key.default is not None:
        described["default"] = key.default
    if key.kind == "addresses":
        return {"type": "array", "items": KINDS["address"].json, **described}
    return {**KINDS[key.kind].json, **described}
