"""Writes content files in the formats that ``frontmatter`` reads. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import yaml

from publisher.text.frontmatter import HEADERS, Format


def write_document(
    format: Format,  # noqa: A002 - as in Document
    metadata: Mapping[str, Any],
    body: str,
    *,
    plain: bool = False,
) -> str:
    """Write a content file; ``frontmatter.parse`` reads the same values and body from it.

    ``plain`` is for Pelican, which reads no YAML though the block looks like it: one line per
    key, lists with commas, and quotes only where YAML could not do without.
    """
    if format == "toml":
        lines = (f"{_toml_key(k)} = {_toml(v)}\n" for k, v in metadata.items() if v is not None)
        return f"+++\n{''.join(lines)}+++\n{body}"
    if format == "json":
        text = json.dumps(dict(metadata), ensure_ascii=False, indent=2, default=str)
        return f"{text}\n{body}"
    if format in HEADERS:
        mark = ".. " if format == "nikola" else ""
        lines = (
            f"{mark}{key}: {_plain(value).replace('-->', '')}\n" for key, value in metadata.items()
        )
        opening, closing = ("<!--\n", "-->\n") if format == "nikola" else ("", "")
        return f"{opening}{''.join(lines)}{closing}\n{body}"
    if plain:
        return f"---\n{''.join(_plain_line(k, v) for k, v in metadata.items())}---\n{body}"
    text = yaml.dump(
        dict(metadata), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=2**31
    )
    return f"---\n{text}---\n{body}"


class _Dumper(yaml.SafeDumper):
    """Writes YAML that means the same to readers of YAML 1.1 and 1.2."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Quote what is no word: 1e3, 0o14 and 12:30 are numbers to some readers, y is true."""
    is_word = bool(re.match(r"[^\W\d_]", text)) and text.lower() not in {"y", "n"}
    style = '"' if not text.isprintable() else None if is_word else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _yaml_instant(dumper: yaml.SafeDumper, at: datetime) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", at.isoformat())


_Dumper.add_representer(str, _yaml_text)
_Dumper.add_representer(datetime, _yaml_instant)
_Dumper.add_representer(time, lambda dumper, at: _yaml_text(dumper, at.isoformat()))


def _toml(value: Any) -> str:
    """Write a value on one line: tables and arrays may stand in it."""
    if isinstance(value, Mapping):
        pairs = (f"{_toml_key(k)} = {_toml(v)}" for k, v in value.items() if v is not None)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value if item is not None)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    return _toml_text(str(value))


def _toml_key(key: Any) -> str:
    return str(key) if re.fullmatch(r"[A-Za-z0-9_-]+", str(key)) else _toml_text(str(key))


def _toml_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain_line(key: str, value: Any) -> str:
    text = _plain(value)
    is_plain = re.match(r"[^\W_]|\Z", text) and not re.search(r": |:\Z| #", text)
    return f"{key}: {text if is_plain else json.dumps(text, ensure_ascii=False)}".rstrip() + "\n"


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_plain, value)))
    if isinstance(value, Mapping):
        return ", ".join(filter(None, map(_plain, value.values())))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else " ".join(str(value).split())
