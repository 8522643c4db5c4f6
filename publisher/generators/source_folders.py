"""Which files a generator makes pages of: the folders where its sources are, and what it skips.

README files, archetypes, themes and other projects beside the site are none of these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from publisher.generators.own_config import GeneratorConfig, read_config
from publisher.model.settings import SiteSettings
from publisher.system.tree import compile_globs


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Folders below the root, "" being the root itself, and globs of what is skipped in them.

    ``anywhere``: none of these folders is there, so any page may be a source. Of folders whose
    names begin with an underscore only those ``underscored`` are read, where it is not ``None``.
    """

    folders: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    underscored: tuple[str, ...] | None = None
    anywhere: bool = False

    def has(self, path: str) -> bool:
        """Tell whether the generator makes a page of a file; ``path`` is below the root."""
        parts = PurePosixPath(path).parts
        if not self.anywhere and not any(_is_below(path, one) for one in self.folders):
            return False
        if any(part.startswith(".") or part == "node_modules" for part in parts[:-1]):
            return False
        if self.underscored is not None and any(
            part.startswith("_") and part not in self.underscored for part in parts
        ):
            return False
        return not any(_matches(path, glob) for glob in self.skipped)


def page_test(site: SiteSettings, project: Path) -> Callable[[str], bool]:
    """Give the test whether a file may be a page of the site, by its path below the project."""
    sources = find_sources(site.preset.name, site.root)
    globs = compile_globs(site.posts)

    def may_be_page(path: str) -> bool:
        place = project / path
        if not place.is_relative_to(site.root):
            return False
        below = place.relative_to(site.root).as_posix()
        return globs.matches(below) or sources.has(below)

    return may_be_page


def find_sources(generator: str, root: Path) -> Sources:
    """Find where the generator of a project has its sources, as its configuration says.

    Where none of these folders is there, anything may be a source.
    """
    if generator == "vitepress":
        found = _vitepress(root)
    else:
        found = _FINDERS[generator](root, read_config(generator, root))
    is_there = any((root / folder).is_dir() for folder in found.folders)
    return replace(found, anywhere=not is_there)


def vitepress_project(root: Path) -> str:
    """Give the folder, below the root, that VitePress builds: the one with ``.vitepress``."""
    script = re.search(r"vitepress build\s+(?!-)[\"'\\]*([\w./-]+)", _read(root / "package.json"))
    named = [_folder(script[1])] if script else []
    found = (
        folder.parent.relative_to(root).as_posix().removeprefix(".")
        for glob in (".vitepress", "*/.vitepress", "*/*/.vitepress")
        for folder in sorted(root.glob(glob))
        if folder.is_dir() and "node_modules" not in folder.parts
    )
    return next((name for name in (*named, *found) if (root / name / ".vitepress").is_dir()), "")


def _vitepress(root: Path) -> Sources:
    project = vitepress_project(root)
    config = read_config("vitepress", root / project)
    folder = _joined(project, _folder(config.script_text("srcDir")))
    excluded = re.search(r"\bsrcExclude\s*:\s*\[([^\]]*)\]", config.text)
    globs = re.findall(r"[\"'`]([^\"'`]+)[\"'`]", excluded[1]) if excluded else []
    return Sources(folders=(folder,), skipped=tuple(_joined(folder, glob) for glob in globs))


def _hugo(root: Path, config: GeneratorConfig) -> Sources:
    folders: list[str] = []
    languages = config.get("languages")
    for one in languages.values() if isinstance(languages, Mapping) else ():
        if isinstance(one, Mapping):
            named = next((v for k, v in one.items() if str(k).lower() == "contentdir"), None)
            folders += [named] if isinstance(named, str) else []
    folders.append(config.get_text("contentdir") or "content")
    mounts = config.get("module", "mounts")
    for mount in mounts if isinstance(mounts, list) else ():
        match mount:
            case {"source": str(source), "target": str(target)} if _is_below(target, "content"):
                folders.append(source)
    return Sources(folders=_distinct(folders))


def _jekyll(root: Path, config: GeneratorConfig) -> Sources:
    top = _folder(config.get_text("source"))
    collections = config.get("collections")
    names = [str(name) for name in collections or ()] if _is_listing(collections) else []
    excluded = config.get("exclude")
    globs = [str(glob) for glob in excluded] if isinstance(excluded, list) else []
    return Sources(
        folders=(top,),
        skipped=tuple(_joined(top, glob) for glob in (*globs, "vendor")),
        underscored=("_posts", *(f"_{name}" for name in names)),
    )


def _is_listing(value: object) -> bool:
    return isinstance(value, list | Mapping)


def _astro(root: Path, config: GeneratorConfig) -> Sources:
    top = _folder(config.script_text("srcDir")) or "src"
    loaded = re.findall(r"\bbase\s*:\s*[\"'`](\.?/?[^\"'`$\n]+)[\"'`]", config.text)
    folders = [f"{top}/content", f"{top}/pages"]
    folders += [folder for name in loaded if (folder := _folder(name)) and (root / folder).is_dir()]
    return Sources(folders=_distinct(folders), underscored=())


def _eleventy(root: Path, config: GeneratorConfig) -> Sources:
    top = eleventy_folder(root, config, "input")
    ignored = re.findall(r"\bignores\.add\(\s*[\"'`]([^\"'`]+)[\"'`]", config.text)
    lines = _read(root / ".eleventyignore").splitlines()
    globs = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return Sources(
        folders=(top,),
        skipped=(*(_folder(glob) for glob in (*ignored, *globs)), "**/_includes", "**/_data"),
    )


def eleventy_folder(root: Path, config: GeneratorConfig, key: str) -> str:
    """Give the folder that Eleventy reads (``input``) or writes (``output``); "" is the default."""
    set_by = rf"\bset{key.title()}Directory\(\s*[\"'`]([^\"'`]+)[\"'`]"
    found = re.search(set_by, config.text)
    found = found or re.search(rf"--{key}[= ][\"'\\]*([\w./-]+)", _read(root / "package.json"))
    if found is None:  # `dir: {input: "src"}`; elsewhere these words mean something else
        folders = re.search(r"\bdir\s*:\s*\{([^}]*)\}", config.text)
        pattern = rf"\b{key}[\"']?\s*:\s*[\"'`]([^\"'`]+)[\"'`]"
        found = re.search(pattern, folders[1]) if folders else None
    return _folder(found[1]) if found else ""


def _mkdocs(root: Path, config: GeneratorConfig) -> Sources:
    folder = _folder(config.get_text("docs_dir")) or "docs"
    excluded = config.get_text("exclude_docs").splitlines()
    globs = [line.strip() for line in excluded if line.strip() and not line.startswith(("#", "!"))]
    return Sources(folders=(folder,), skipped=tuple(_joined(folder, glob) for glob in globs))


def _pelican(root: Path, config: GeneratorConfig) -> Sources:
    return Sources(folders=(_folder(config.get_text("PATH")) or "content",))


def _nikola(root: Path, config: GeneratorConfig) -> Sources:
    both = (config.get("POSTS"), config.get("PAGES"))
    listed = [one for places in both if isinstance(places, list) for one in places]
    globs = [one[0] for one in listed if isinstance(one, list) and one and isinstance(one[0], str)]
    folders = [PurePosixPath(glob).parent.as_posix() for glob in globs]
    return Sources(folders=_distinct(folders or ["posts", "pages"]))


_FINDERS: Mapping[str, Callable[[Path, GeneratorConfig], Sources]] = {
    "hugo": _hugo,
    "jekyll": _jekyll,
    "astro": _astro,
    "eleventy": _eleventy,
    "mkdocs": _mkdocs,
    "pelican": _pelican,
    "nikola": _nikola,
}


def _folder(written: str) -> str:
    """Write a folder of a configuration as a path below the root; "" is the root itself."""
    parts = PurePosixPath(written.strip()).parts
    if not parts or parts[0] == "/" or ".." in parts:
        return ""
    return "/".join(parts)


def _joined(folder: str, name: str) -> str:
    return "/".join(filter(None, (folder, name.removeprefix("./").lstrip("/"))))


def _distinct(folders: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_folder, folders)))


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(folder + "/")


def _matches(path: str, glob: str) -> bool:
    """Tell whether a glob means a file, or a folder that it is in."""
    return any(
        fnmatchcase(part, glob.rstrip("/")) or _is_name(part, glob) for part in _upwards(path)
    )


def _is_name(part: str, glob: str) -> bool:
    """Tell whether a glob that begins with ``**/`` means a file at the top, too."""
    return glob.startswith("**/") and fnmatchcase(part, glob.removeprefix("**/").rstrip("/"))


def _upwards(path: str) -> Iterator[str]:
    yield path
    yield from (parent.as_posix() for parent in PurePosixPath(path).parents if parent.name)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
