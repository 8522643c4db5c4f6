"""What site is here: its generator, where its posts are, and what it serves."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from publisher.check.judging import switch_for
from publisher.cli.generators import PACKAGES, SIGNS, TRAITS, is_its_own
from publisher.cli.listings import find_listings
from publisher.cli.permalinks import configured_url
from publisher.cli.post_folders import Posts, find_posts, used_keys
from publisher.config.kinds import RESERVED_HOSTS
from publisher.generators.own_config import GeneratorConfig, mkdocs_blogs, read_config, zone_of
from publisher.generators.presets import PRESETS
from publisher.generators.source_folders import eleventy_folder, find_sources, vitepress_project
from publisher.model.errors import ConfigError
from publisher.model.settings import Preset
from publisher.site.git.remotes import PUBLIC_FORGES

LOCALTIME = Path("/etc/localtime")
DOMAIN_FILES = ("CNAME", "*/CNAME", "*/public/CNAME")  # of GitHub Pages
FUTURE = "WITH_FUTURE_DATES=true"  # of Pelican
_PUBLIC_AT_ONCE = "write `status: draft` into posts to come first, or they are public at once"
# The program that builds, as scripts of package.json call it.
_BUILDS = {"vitepress": r"vitepress build", "astro": r"astro build", "eleventy": r"eleventy"}
_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A site; ``root`` is relative to the folder of ``jobs.yaml``, other paths to ``root``.

    What is ``None`` was not found.
    """

    preset: Preset
    root: str
    posts: tuple[str, ...]
    post_url: str | None
    command: tuple[str, ...]
    output: str
    url: str | None
    zone: str | None
    feed: str | None
    sitemap: str | None
    number: int  # of posts
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # as in `site.keys`
    notes: tuple[str, ...] = ()


def discover(folder: Path, wanted: str | None = None) -> Found:
    """Find the generator's project in a folder, its ``content``, or the only other that has one.

    :raises ConfigError: when there is none or several, or ``wanted`` is no generator we know.
    """
    if wanted is not None and wanted not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise ConfigError(f"there is no preset for {wanted!r}", hint=f"known: {known}")
    for root in (".", "content"):
        name = _generator(folder / root) or (wanted if root == "." else None)
        if name is not None:
            return _describe(folder / root, root, PRESETS[wanted or name])
    _refuse_without_blog(folder)
    below = {place.name: name for place in _folders(folder) if (name := _generator(place))}
    if len(below) == 1:
        ((root, name),) = below.items()
        return _describe(folder / root, root, PRESETS[name])
    also = f"; there are several below: {', '.join(below)}" if below else ""
    raise ConfigError(
        f"no site was found in {folder} or in content/",
        why=f"looked for the configuration of {', '.join(PRESETS)}, and into package.json{also}",
        hint="go to the generator's project, or name the generator with --generator",
    )


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        for place in sorted(folder.iterdir()):
            if place.is_dir() and not place.name.startswith((".", "node_modules", "themes")):
                yield place


def _refuse_without_blog(folder: Path) -> None:
    for file in (folder / "mkdocs.yml", folder / "content" / "mkdocs.yml"):
        if file.is_file() and read_config("mkdocs", file.parent).broken:
            raise ConfigError(
                f"{file} cannot be read as YAML",
                why="it says where the posts are",
                hint="mend it; `mkdocs build` names the line",
            )
        if file.is_file():
            raise ConfigError(
                f"{file} names no blog plugin",
                why="the posts of MkDocs are those of Material's blog",
                hint="write blog below plugins in it, or name the generator with --generator",
            )


def _generator(folder: Path) -> str | None:
    package = _package(folder)
    for kind in ("dependencies", "devDependencies"):
        listed = package.get(kind)
        for name, generator in PACKAGES.items():
            if isinstance(listed, dict) and name in listed:
                return generator
    for sign, generator in SIGNS:
        if (folder / sign).exists():
            config = read_config(generator, folder)
            has_blog = generator != "mkdocs" or bool(mkdocs_blogs(config))
            if has_blog and is_its_own(generator, config, sign):
                return generator
    return None


def _package(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        return package if isinstance(package, dict) else {}
    return {}


def _describe(folder: Path, root: str, preset: Preset) -> Found:
    traits = TRAITS[preset.name]
    project = vitepress_project(folder) if preset.name == "vitepress" else ""
    config = read_config(preset.name, folder / project)
    sources = find_sources(preset.name, folder)
    top = next(iter(sources.folders), "")
    usual = "/".join(filter(None, (top, traits.folder)))
    posts = find_posts(folder, preset, config, sources, usual)
    command = _command(folder, preset, config, project)
    switch = switch_for(preset.name, folder, command)
    feed, sitemap = find_listings(preset.name, folder / project, config)
    notes = (
        traits.note,
        switch and f"{switch}: it judges dates by itself",
        f"{FUTURE} in rebuild.command: {_PUBLIC_AT_ONCE}" if FUTURE in command else "",
        _elsewhere_note(posts),
        *(f"{name} could not be read: what it says was not taken up" for name in config.broken),
    )
    return Found(
        preset=preset,
        root=root,
        posts=posts.globs,
        post_url=_post_url(folder, preset, config, posts, top),
        command=command,
        output=_output(folder, preset, config, project),
        url=_url(folder, preset, config),
        zone=zone.key if (zone := zone_of(preset.name, config)) else None,
        feed=feed,
        sitemap=sitemap,
        number=len(posts.pages),
        keys=used_keys(preset, posts.pages),
        notes=tuple(filter(None, notes)),
    )


def _is_routed(root: Path, preset: Preset, folder: str, inner: str) -> bool:
    """Tell whether other files may give the posts their addresses."""
    if preset.name == "astro":  # its routes are files; without one we know nothing
        return bool(inner) and not any((root / "src/pages" / inner).glob("[[]*"))
    if preset.name == "eleventy":
        data = (*(root / folder).glob("*.json"), *(root / folder).glob("*.11tydata.*"))
        return any("permalink" in file.read_text("utf-8", "replace") for file in data)
    return False


def _post_url(
    root: Path, preset: Preset, config: GeneratorConfig, posts: Posts, top: str
) -> str | None:
    """Give the URL of posts where it is certain: configured so, or usual and all alike."""
    (folder, *others) = posts.folders
    inner = folder.removeprefix(top).strip("/")
    is_worded, path = configured_url(preset.name, config, inner or folder)
    keys = {"url", "permalink", *(("category", "categories") if preset.name == "jekyll" else ())}
    if others or any(keys & set(page.metadata) for page in posts.pages):
        return None
    if _is_routed(root, preset, folder, inner):
        return None
    if is_worded:
        return path
    url = TRAITS[preset.name].url.replace("{folder}", inner).replace("//", "/")
    is_by_path = "{folder}" in TRAITS[preset.name].url
    depths = {page.path.count("/") - folder.count("/") for page in posts.pages}
    if is_by_path and (depths - {1} or "pages/" in folder or "[" in folder):
        return None
    return url


def _elsewhere_note(posts: Posts) -> str:
    listed = ", ".join(f"{folder or '.'}/ ({n})" for folder, n in posts.elsewhere.items())
    return f"dated pages outside of site.posts: {listed}; add what are posts" if listed else ""


# --- how it is built -------------------------------------------------------------------------


def _command(
    folder: Path, preset: Preset, config: GeneratorConfig, project: str
) -> tuple[str, ...]:
    if preset.name in _BUILDS:
        return _script(folder, preset, project)
    if preset.name == "jekyll":  # Bundler looks for it upwards
        has_gemfile = any((top / "Gemfile").is_file() for top in (folder, folder.parent))
        return ("bundle", "exec", *preset.rebuild) if has_gemfile else preset.rebuild
    if preset.name != "pelican":
        return preset.rebuild
    program, _, *options = preset.rebuild
    sources = find_sources(preset.name, folder).folders[0] or "content"
    names = ("publishconf.py", "pelicanconf.py")
    file = next((name for name in names if (folder / name).is_file()), names[-1])
    command = (program, sources, *options, "--settings", file)
    judges = switch_for(preset.name, folder, command)
    return (*command, "--extra-settings", FUTURE) if judges else command


def _script(folder: Path, preset: Preset, project: str) -> tuple[str, ...]:
    """Give the command that runs the script of ``package.json`` that builds."""
    listed = _package(folder).get("scripts")
    scripts = listed if isinstance(listed, dict) else {}
    runner = next((name for lock, name in _LOCKS.items() if (folder / lock).is_file()), "npm")
    builds = [
        str(name)
        for name, text in scripts.items()
        if re.search(_BUILDS[preset.name], str(text))
        and not re.search(r"--(?:serve|watch)|vitepress dev", str(text))
    ]
    usual = [name for name in ("build", "docs:build") if name in scripts]
    chosen = next((name for name in usual if name in builds), next(iter((*usual, *builds)), None))
    if chosen is not None:
        return (runner, "run", chosen)
    if preset.name == "eleventy":
        return preset.rebuild
    return ("npx", preset.name, "build", *filter(None, (project,)))


def _output(folder: Path, preset: Preset, config: GeneratorConfig, project: str) -> str:
    key = TRAITS[preset.name].output
    named = config.get_text(key) or config.script_text(key) if key else ""
    if preset.name == "eleventy":
        named = eleventy_folder(folder, config, "output")
    path = os.path.normpath(os.path.join(project, named or preset.output))  # noqa: PTH118
    is_below = not path.startswith(("/", "..")) and path != "."
    return path if is_below else os.path.normpath(f"{project}/{preset.output}".strip("/"))


# --- where it is public ----------------------------------------------------------------------


def _url(folder: Path, preset: Preset, config: GeneratorConfig) -> str | None:
    """Read the site's address where the generator keeps it; ``None`` when it does not say."""
    keys = TRAITS[preset.name].address
    values = [config.get_text(key) for key in keys]
    pattern = rf"\b(?:{'|'.join(keys)})[\"']?\s*(?::|=|\|\||\?\?)\s*[^\n\"'`]*[\"'`](https?://[^\s\"'`#?${{}}]+)[\"'`]"
    values += re.findall(pattern, config.text)
    url = next((value.rstrip("/") for value in values if _is_public(value)), None)
    if url is None:
        return _domain(folder)
    base = config.get_text("baseurl").strip("/") if preset.name == "jekyll" else ""
    if preset.name in ("vitepress", "astro"):
        named = re.search(r"\bbase\s*:\s*[\"'`]/([\w./-]*)[\"'`]", config.text)
        base = named[1].strip("/") if named else ""
    is_said = not re.fullmatch(r"[\w./-]+", base) or url.endswith(f"/{base}")
    return url if is_said else f"{url}/{base}"


def _domain(folder: Path) -> str | None:
    """Give the address that GitHub Pages is told in a file of its own."""
    for file in (file for glob in DOMAIN_FILES for file in sorted(folder.glob(glob))):
        with suppress(OSError, ValueError):
            name = file.read_text(encoding="utf-8").strip().lower()
            if re.fullmatch(r"[a-z0-9.-]+\.[a-z]{2,}", name) and _is_public(f"https://{name}"):
                return f"https://{name}"
    return None


def _is_public(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    is_dotted = host is not None and "." in host and not host.startswith("127.")
    is_own = host not in RESERVED_HOSTS | PUBLIC_FORGES  # the last of the sources
    return parts.scheme in ("http", "https") and is_dotted and is_own


# --- in which zone ---------------------------------------------------------------------------


def find_zone(environ: Mapping[str, str]) -> str | None:
    """Give the zone of this machine, if it is known."""
    names: Sequence[str] = (environ.get("TZ", "").lstrip(":"),)
    with suppress(OSError):
        names = (*names, str(LOCALTIME.readlink()))
    return next(filter(None, map(_zone, names)), None)


def _zone(name: str) -> str | None:
    name = name.partition("zoneinfo/")[2] or name
    with suppress(ValueError, OSError, KeyError):
        if name and not name.startswith("/"):
            return ZoneInfo(name).key
    return None
