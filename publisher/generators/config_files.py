"""Reads the configuration files of generators as data; a program in one is never run.

Of Python files the plain values that are set at the top are taken. Of JavaScript there is only
the text, with its comments blanked.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from publisher.text.yaml import load_yaml

SIZE = 1_000_000  # bytes of one file; longer ones are not read
DATA = ("toml", "yaml", "yml", "json")
SCRIPTS = ("mts", "ts", "mjs", "js", "cjs")
READABLE = frozenset({*SCRIPTS, *DATA, "py"})


class _Loader(yaml.CSafeLoader):
    """Reads YAML; a value whose tag only its generator knows is left out."""


_Loader.add_multi_constructor("", lambda loader, suffix, node: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorConfig:
    """What was found: ``values`` of data, ``text`` of scripts; paths are below the root."""

    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    files: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()  # files that exist and cannot be read

    def get(self, *path: str) -> Any:
        """Give the value at a path of keys; ``None`` where there is none."""
        value: Any = self.values
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def get_text(self, *path: str) -> str:
        """Give the text at a path of keys; "" where there is none."""
        value = self.get(*path)
        return value.strip() if isinstance(value, str) else ""

    def get_list(self, *path: str) -> list[Any]:
        """Give the list, or the keys of the mapping, at a path of keys; empty for anything else."""
        value = self.get(*path)
        return list(value) if isinstance(value, list | Mapping) else []

    def script_text(self, key: str) -> str:
        """Give the text that a script has under a key, as in ``srcDir: './src'``; "" for none."""
        found = re.search(rf"\b{key}[\"']?\s*:\s*([\"'`])([^\"'`$\n]*)\1", self.text)
        return found[2].strip() if found else ""


def read_config_file(file: Path) -> Mapping[str, Any]:
    """Read the values of one file.

    :raises OSError, ValueError, SyntaxError, RecursionError, MemoryError, yaml.YAMLError: when it
        cannot be read.
    """
    values = _READERS[file.suffix.lstrip(".")](read_whole(file))
    if values is not None and not isinstance(values, Mapping):
        raise ValueError("not a mapping")
    return values or {}


def read_whole(file: Path) -> str:
    """Give the text of a file of configuration.

    :raises OSError, ValueError: when it cannot be read, or is too long.
    """
    with file.open("rb") as stream:
        data = stream.read(SIZE + 1)
    if len(data) > SIZE:
        raise ValueError("too long")
    return data.decode("utf-8-sig")


def load_data(data: bytes, path: str) -> Any:
    """Read a file of data that pages take values from; its name says in which format.

    :raises PublisherError, ValueError, RecursionError: when it cannot be read.
    """
    text, suffix = data.decode("utf-8-sig"), PurePosixPath(path).suffix
    if suffix in (".yml", ".yaml"):
        return load_yaml(text, path)
    return tomllib.loads(text) if suffix == ".toml" else json.loads(text)


UNREADABLE = (OSError, ValueError, SyntaxError, RecursionError, MemoryError, yaml.YAMLError)


def merge(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put more values over those that are there, mapping by mapping."""
    for key, value in more.items():
        known = values.get(key)
        if isinstance(known, dict) and isinstance(value, Mapping):
            merge(known, value)
        else:
            values[key] = value


def read_text(file: Path) -> str:
    """Give the text of a file; "" when it is not there or not text."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def read_package(root: Path) -> Mapping[str, Any]:
    """Give what ``package.json`` in a folder says; empty when it cannot be read."""
    with suppress(ValueError, RecursionError):
        package = json.loads(read_text(root / "package.json"))
        return package if isinstance(package, dict) else {}
    return {}


def read_scripts(root: Path) -> Mapping[str, str]:
    """Give the scripts of ``package.json`` by name."""
    scripts = read_package(root).get("scripts")
    return {k: str(v) for k, v in scripts.items()} if isinstance(scripts, dict) else {}


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader


def _load_python(text: str) -> dict[str, Any]:
    """Give the names at the top of a Python file that are set to plain values."""
    values: dict[str, Any] = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign):
            targets = [target for target in statement.targets if isinstance(target, ast.Name)]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            targets = [statement.target]
        else:
            continue
        with suppress(ValueError, TypeError):
            value = _plain(statement.value, values)
            values.update({target.id: value for target in targets})
    return values


def _plain(node: ast.AST | None, known: Mapping[str, Any]) -> Any:
    """Give the value of an expression; names that are known stand for theirs.

    :raises ValueError: when it takes a program to know.
    """
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return [_plain(item, known) for item in items]
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {_plain(key, known): _plain(value, known) for key, value in pairs}
        case ast.Call(args=[*_, ast.Constant(value=value)]):  # os.environ.get(NAME, default)
            return value
        case ast.BoolOp(op=ast.Or(), values=[*_, last]):
            return _plain(last, known)
    raise ValueError("not a plain value")


_READERS: Mapping[str, Callable[[str], Any]] = {
    "toml": tomllib.loads,
    "yaml": _load_yaml,
    "yml": _load_yaml,
    "json": json.loads,
    "py": _load_python,
}
_SCRIPT_PARTS = re.compile(
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|//[^\n]*|/\*.*?\*/""",
    re.DOTALL,
)


def without_comments(script: str) -> str:
    """Blank the comments of JavaScript; those within texts are none."""
    return _SCRIPT_PARTS.sub(lambda match: match[1] or " ", script)
