"""States that pages take from elsewhere: publisher reads what a page itself says, and no more."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from publisher.generators.presets import as_yaml
from publisher.generators.project import own_files, walk
from publisher.model import PostState, Problem
from publisher.model.errors import PublisherError
from publisher.model.settings import Preset, Settings
from publisher.posts.frontmatter import parse
from publisher.system.files import read_file
from publisher.text.yaml import load_yaml

_HUGO = re.compile(r"(?:hugo|config|config/_default/(?:hugo|config|cascade))\.(?:toml|ya?ml|json)")
_ELEVENTY_SCRIPT = re.compile(r".*\.11tydata\.[cm]?js")
_DRAFT_FLAG = re.compile(r"""^[^/\n]*\bdraft["']?\s*:\s*true\b""", re.MULTILINE)
_PELICAN = re.compile(
    r"""^DEFAULT_METADATA\s*=[^}]*["']status["']\s*:\s*["'](\w+)["']""", re.MULTILINE
)


def check_inherited(settings: Settings) -> Iterator[Problem]:
    """Warn of what makes drafts of pages that say nothing: publisher takes them for public."""
    preset, root = settings.site.preset, settings.site.root
    for found in walk(settings.project, root, own_files(settings)):
        file = Path(found.entry.path)
        if found.kind != "file" or not file.is_relative_to(root):
            continue
        said = _said(file, file.relative_to(root).as_posix(), preset)
        if said:
            hidden = f"{preset.state_key}: {as_yaml(preset.values[PostState.DRAFT])}"
            yield Problem(
                rule="inherited-state",
                severity="warning",
                path=found.path,
                line=None,
                message=f"says {said} for pages that say nothing themselves: "
                "publisher does not follow that, and takes them for public",
                hint=f"write {hidden} into each of these pages",
            )


def _said(file: Path, path: str, preset: Preset) -> str:
    """Give what a file says for other pages that hides them; "" for nothing, or nothing known."""
    place = PurePosixPath(path)
    reads: Mapping[str, bool] = {
        "hugo": place.stem == "_index" or bool(_HUGO.fullmatch(path)),
        "jekyll": path == "_config.yml",
        "eleventy": place.name.endswith(".11tydata.json")
        or (place.suffix == ".json" and place.stem == place.parent.name)
        or bool(_ELEVENTY_SCRIPT.fullmatch(path)),
        "mkdocs": place.name in (".meta.yml", ".meta.yaml"),
        "pelican": path in ("pelicanconf.py", "publishconf.py"),
    }
    if not reads.get(preset.name):
        return ""
    try:
        values = list(_values(read_file(file, path).data, path, preset.name))
    except (PublisherError, ValueError, RecursionError):  # its generator will say so
        return ""
    return next((said for value in values if (said := _hiding(value, preset))), "")


def _values(data: bytes, path: str, generator: str) -> Iterator[Any]:
    """Give the sets of values that a file has for other pages."""
    place, text = PurePosixPath(path), data.decode("utf-8-sig")
    if generator == "pelican":
        status = _PELICAN.search(text)
        yield {"status": status[1]} if status else {}
    elif generator == "eleventy" and place.suffix != ".json":
        yield {"draft": True} if _DRAFT_FLAG.search(text) else {}
    elif generator == "hugo":
        whole = _load(text, path) if place.stem != "_index" else parse(data, path).metadata
        cascade = whole if place.stem == "cascade" else _get(whole, "cascade")
        yield from cascade if isinstance(cascade, list) else [cascade]
    elif generator == "jekyll":
        defaults = _get(_load(text, path), "defaults")
        yield from (_get(one, "values") for one in (defaults or []))
    else:
        yield _load(text, path)


def _load(text: str, path: str) -> Any:
    suffix = PurePosixPath(path).suffix
    if suffix == ".toml":
        return tomllib.loads(text)
    return json.loads(text) if suffix == ".json" else load_yaml(text, path)


def _get(values: Any, wanted: str) -> Any:
    """Give the value of a key, which Hugo reads in any case."""
    if not isinstance(values, Mapping):
        return None
    return next((v for key, v in values.items() if str(key).lower() == wanted.lower()), None)


def _hiding(values: Any, preset: Preset) -> str:
    """Give which of these values hides a page; "" when none does."""
    state = _get(values, preset.state_key)
    hidden = {as_yaml(v) for s, v in preset.values.items() if s is not PostState.PUBLISHED}
    if state is not None and as_yaml(state).lower() in hidden:
        return f"{preset.state_key}: {as_yaml(state)}"
    if preset.name != "hugo":
        return ""
    build = _get(values, "build") or _get(values, "_build")
    if as_yaml(_get(build, "render")) in ("never", "false"):
        return "build: {render: never}"
    dates = (key for key in preset.withholds if _get(values, key) is not None)
    return next((f"{key}: {as_yaml(_get(values, key))}" for key in dates), "")
