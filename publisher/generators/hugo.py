"""Hugo."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Self

from publisher.generators.base import (
    Generator,
    Keys,
    Listings,
    as_yaml,
    get_any_case,
    replace_words,
)
from publisher.generators.config_files import DATA, GeneratorConfig, load_data
from publisher.generators.sources import Sources, as_folders, is_below
from publisher.system import processes
from publisher.system.processes import Command
from publisher.text.frontmatter import parse

BUILD_SINCE = 145  # Hugo 0.145 knows `build`; a page says `_build` to those before it
PATIENCE = timedelta(seconds=20)
_FOLDERS = ("config/_default", "config/production")
_CASCADES = re.compile(
    r"(?:hugo|config|config/_default/(?:hugo|config|cascade))\.(?:toml|ya?ml|json)"
)
_VERSION = re.compile(r"\bv0\.(\d+)")
_WORDS = {
    ":year": "{year}",
    ":month": "{month}",
    ":day": "{day}",
    ":slugorfilename": "{slug}",
    ":slugorcontentbasename": "{slug}",
    ":slug": "{slug}",
    ":filename": "{id}",
    ":contentbasename": "{id}",
}


class Hugo(Generator):
    def _slug(self, given: str | None, title: str, name: str) -> str:
        return re.sub(r"[^\w.+~%#-]", "", re.sub(r"\s+", "-", (given or name).lower()))

    def _config_names(self, folder: Path) -> Iterator[str]:
        yield from super()._config_names(folder)
        for place in _FOLDERS:
            for file in sorted((folder / place).glob("*")):
                if file.suffix.lstrip(".") in DATA and file.is_file():
                    yield file.relative_to(folder).as_posix()

    def _config_values(self, name: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
        stem = PurePosixPath(name).name.partition(".")[0].lower()
        is_part = name.startswith(_FOLDERS) and stem not in ("hugo", "config")
        return _lower({stem: found} if is_part else found)

    def _is_own(self, config: GeneratorConfig, sign: str) -> bool:
        if not sign.startswith("config."):
            return True
        # Zola has a config.toml, too; it says base_url
        return "baseurl" in config.values or (not config.values and bool(config.broken))

    def _sources(self, root: Path, config: GeneratorConfig) -> Sources:
        folders: list[str] = []
        languages = config.get("languages")
        for one in languages.values() if isinstance(languages, Mapping) else ():
            named = get_any_case(one, "contentdir")
            folders += [named] if isinstance(named, str) else []
        folders.append(config.get_text("contentdir") or "content")
        mounts = config.get("module", "mounts")
        for mount in mounts if isinstance(mounts, list) else ():
            match mount:
                case {"source": str(source), "target": str(target)} if is_below(target, "content"):
                    folders.append(source)
        return Sources(folders=as_folders(folders))

    def _url_form(self, config: GeneratorConfig, folder: str) -> str:
        section = folder.partition("/")[0].lower()
        form = ("permalinks", "page", section), ("permalinks", section)
        path = next(filter(None, (config.get_text(*keys) for keys in form)), "")
        # The title stands for itself here, not for the slug.
        return path if ":title" in path else replace_words(path, _WORDS)

    def listings(self, root: Path, config: GeneratorConfig) -> Listings:
        off = {str(kind).lower() for kind in config.get_list("disablekinds")}
        feed = config.get_text("outputformats", "rss", "basename") or "index"
        sitemap = config.get_text("sitemap", "filename") or "sitemap.xml"
        return (
            None if "rss" in off else f"/{feed}.xml",
            None if "sitemap" in off else f"/{sitemap.lstrip('/')}",
        )

    def _date_switch(self, root: Path, words: str) -> str:
        if not re.search(r"(?:^|[\s/])hugo\b", words):  # built by a script of which we know nothing
            return ""
        in_config = self.read_config(root).get("buildfuture") is True
        in_command = re.search(r"\s(?:--buildFuture(?!=false)\b|-[A-Za-z]*F)", words)
        return "" if in_config or in_command else "write --buildFuture into rebuild.command"

    def inherited(self, path: str, read: Callable[[], bytes]) -> Iterable[Any]:
        place = PurePosixPath(path)
        if place.stem == "_index":
            whole = parse(read(), path).metadata
        elif _CASCADES.fullmatch(path):
            whole = load_data(read(), path)
        else:
            return ()
        cascade = whole if place.stem == "cascade" else get_any_case(whole, "cascade")
        return cascade if isinstance(cascade, list) else [cascade]

    def hidden_by(self, values: Any) -> str:
        if said := super().hidden_by(values):
            return said
        build = get_any_case(values, "build") or get_any_case(values, "_build")
        if as_yaml(get_any_case(build, "render")) in ("never", "false"):
            return "build: {render: never}"
        dates = ((key, get_any_case(values, key)) for key in self.withholds)
        return next((f"{key}: {as_yaml(value)}" for key, value in dates if value is not None), "")

    def for_stage(self, root: Path, command: Sequence[str], environ: Mapping[str, str]) -> Self:
        names = self.read_config(root).get("taxonomies")
        taxonomies = names.values() if isinstance(names, Mapping) else ()
        staged = self.staged
        if (minor := _minor_version(root, command, environ)) is not None and minor < BUILD_SINCE:
            staged = {"_build" if key == "build" else key: v for key, v in staged.items()}
        lists = tuple(sorted(str(name).lower() for name in taxonomies))
        return replace(self, staged=staged, taxonomies=lists)


def _lower(data: Mapping[Any, Any], done: dict[int, Any] | None = None) -> dict[str, Any]:
    """Write keys in small letters: Hugo reads them in any case. ``done`` is what aliases mean."""
    done = {} if done is None else done
    lowered: dict[str, Any] = done.setdefault(id(data), {})
    for key, value in data.items() if not lowered else ():
        lowered[str(key).lower()] = _lower(value, done) if isinstance(value, Mapping) else value
    return lowered


def _minor_version(root: Path, command: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Give N of Hugo 0.N; ``None`` when it does not tell, for it may be started by a script."""
    named = [word for word in command[:1] if Path(word).stem == "hugo"]
    for program in (*named, str(root / "node_modules" / ".bin" / "hugo"), "hugo"):
        path = environ.get("PATH")
        found = shutil.which(str(root / program) if "/" in program else program, path=path)
        if found is not None:
            return _ask_version(found, Path(found).resolve().stat().st_mtime_ns, path or "")
    return None


@cache
def _ask_version(program: str, stamp: int, path: str) -> int | None:
    """Ask a program for its version; ``stamp`` tells one installation from the next."""
    command = Command(
        arguments=(program, "version"), cwd=Path(program).parent, timeout=PATIENCE, name="rebuild"
    )
    found = _VERSION.search(processes.run(command, environ={"PATH": path}).tail)
    return int(found[1]) if found else None


HUGO = Hugo(
    name="hugo",
    keys=Keys(date=("publishDate",)),  # Hugo's `date` is when the page was made
    withholds=("publishDate", "date"),
    any_case=True,
    needs_seconds=True,
    config_files=tuple(f"{stem}.{end}" for stem in ("hugo", "config") for end in DATA),
    signs=_FOLDERS,
    zone_key="timezone",
    address_keys=("baseurl",),
    output="public",
    output_key="publishdir",
    rebuild=("hugo", "--buildFuture", "--cleanDestinationDir"),
    public=("static", "assets"),
    post_url="/{path}/",
    posts_folder="posts",
    staged={"draft": False, "build": {"list": "never"}},
    data="data/publisher.json",
    lists_tags=True,
    bundles=True,
)
