"""What a generator's own configuration says, read as data; a program in it is never run.

Hugo, Jekyll and MkDocs keep data. Of Pelican's and Nikola's Python the plain values that stand at
the top are taken. Of JavaScript there is only the text, with its comments blanked.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

SIZE = 1_000_000  # bytes of one file; longer ones are not read
_DATA = ("toml", "yaml", "yml", "json")
_SCRIPTS = ("mts", "ts", "mjs", "js", "cjs")

# Files of a project, the first that is there counts; those of a folder count all.
NAMES: Mapping[str, tuple[str, ...]] = {
    "vitepress": tuple(f".vitepress/config.{end}" for end in _SCRIPTS),
    "hugo": tuple(f"{stem}.{end}" for stem in ("hugo", "config") for end in _DATA),
    "jekyll": ("_config.yml", "_config.yaml", "_config.toml"),
    "astro": tuple(f"astro.config.{end}" for end in _SCRIPTS),
    "eleventy": (
        *(f"eleventy.config.{end}" for end in ("js", "mjs", "cjs", "ts", "mts")),
        ".eleventy.js",
    ),
    "mkdocs": ("mkdocs.yml", "mkdocs.yaml"),
    "pelican": ("publishconf.py", "pelicanconf.py"),  # the first is for the public site
    "nikola": ("conf.py",),
}
_MORE = {
    "vitepress": (".vitepress/config/*", ".vitepress/*"),
    "astro": ("src/content.config.*", "src/content/config.*", "src/consts.*", "src/config.*"),
    "eleventy": tuple(
        f"{place}data/{stem}.*"
        for place in ("_", "src/_", "content/_", "src/")
        for stem in ("site", "metadata", "meta", "config")
    ),
    "pelican": ("pelicanconf.py",),
}
# The keys that say in which zone dates are; the other generators have none.
_ZONES = {"hugo": "timezone", "jekyll": "timezone", "pelican": "TIMEZONE", "nikola": "TIMEZONE"}
HUGO_FOLDERS = ("config/_default", "config/production")


class _Loader(yaml.CSafeLoader):
    """Reads YAML whose tags only its generator knows: what they stand for is left out."""


_Loader.add_multi_constructor("", lambda loader, suffix, node: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorConfig:
    """What was found: ``values`` of data, ``text`` of scripts; paths are below the root."""

    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    files: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()  # files that are there and cannot be read

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

    def script_text(self, key: str) -> str:
        """Give the text that a script has under a key, as in ``srcDir: './src'``; "" for none."""
        found = re.search(rf"\b{key}[\"']?\s*:\s*([\"'`])([^\"'`$\n]*)\1", self.text)
        return found[2].strip() if found else ""


def read_config(generator: str, root: Path) -> GeneratorConfig:
    """Read the configuration of a generator's project; what cannot be read is named in it."""
    names = list(_names(generator, root))
    values: dict[str, Any] = {}
    texts, broken = [], []
    for name in names:
        try:
            text = _text(root / name)
            if generator in ("vitepress", "astro", "eleventy"):
                texts.append(without_comments(text))
            else:
                _merge(values, _read(generator, name, text))
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError, yaml.YAMLError):
            broken.append(name)
    return GeneratorConfig(
        values=values, text="\n".join(texts), files=tuple(names), broken=tuple(broken)
    )


def zone_of(generator: str, config: GeneratorConfig) -> ZoneInfo | None:
    """Give the zone in which the generator reads dates; ``None`` where it does not say."""
    name = config.get_text(_ZONES[generator]) if generator in _ZONES else ""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


def mkdocs_blogs(config: GeneratorConfig) -> list[Mapping[str, Any]]:
    """Give the options of each blog plugin in ``mkdocs.yml``."""
    plugins = config.get("plugins")
    entries = plugins if isinstance(plugins, list) else [plugins]
    found: list[Mapping[str, Any]] = []
    for entry in entries:
        named = entry if isinstance(entry, Mapping) else {entry: {}}
        for name, options in named.items():
            if str(name).partition(" ")[0] in ("blog", "material/blog"):
                found.append(options if isinstance(options, Mapping) else {})
    return found


def _names(generator: str, root: Path) -> Iterator[str]:
    """Give the files that are there; later ones say more, and win."""
    first = next((name for name in NAMES[generator] if (root / name).is_file()), None)
    more = [
        file.relative_to(root).as_posix()
        for glob in _MORE.get(generator, ())
        for file in sorted(root.glob(glob))
        if file.suffix.lstrip(".") in (*_SCRIPTS, *_DATA, "py") and file.is_file()
    ]
    if generator == "pelican":  # publishconf.py begins with all of pelicanconf.py
        yield from dict.fromkeys(filter(None, (*more, first)))
        return
    yield from filter(None, (first,))
    yield from more
    if generator == "hugo":
        for folder in HUGO_FOLDERS:
            for file in sorted((root / folder).glob("*")):
                if file.suffix.lstrip(".") in _DATA and file.is_file():
                    yield file.relative_to(root).as_posix()


def _text(file: Path) -> str:
    with file.open("rb") as stream:
        data = stream.read(SIZE + 1)
    if len(data) > SIZE:
        raise ValueError("too long")
    return data.decode("utf-8-sig")


def _read(generator: str, name: str, text: str) -> Mapping[str, Any]:
    read = _READERS[PurePosixPath(name).suffix.lstrip(".")]
    data = read(text)
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise ValueError("not a mapping")
    if generator != "hugo":
        return data
    stem = PurePosixPath(name).name.partition(".")[0].lower()
    is_part = name.startswith(HUGO_FOLDERS) and stem not in ("hugo", "config")
    return _lower({stem: data} if is_part else data)


def _lower(data: Mapping[Any, Any], done: dict[int, Any] | None = None) -> dict[str, Any]:
    """Write keys in small letters: Hugo reads them in any case. ``done`` is what aliases mean."""
    done = {} if done is None else done
    lowered: dict[str, Any] = done.setdefault(id(data), {})
    for key, value in data.items() if not lowered else ():
        lowered[str(key).lower()] = _lower(value, done) if isinstance(value, Mapping) else value
    return lowered


def _merge(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        known = values.get(key)
        if isinstance(known, dict) and isinstance(value, Mapping):
            _merge(known, value)
        else:
            values[key] = value


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
