"""What site is here: its generator, where its posts are, and what it serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from publisher.check.judging import switch_for
from publisher.cli.generators import FILES, PACKAGES, PELICAN, TRAITS, Sign
from publisher.cli.permalinks import jekyll_permalink, post_url
from publisher.config.kinds import RESERVED_HOSTS
from publisher.errors import ConfigError
from publisher.presets import PRESETS
from publisher.settings import Preset

LOCALTIME = Path("/etc/localtime")
FUTURE = "WITH_FUTURE_DATES=true"  # of Pelican
_PUBLIC_AT_ONCE = "write `status: draft` into posts to come first, or they are public at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A site; ``root`` is relative to the folder of ``jobs.yaml``, ``source`` to ``root``."""

    preset: Preset
    root: str
    posts: str
    post_url: str
    command: tuple[str, ...]
    output: str
    url: str | None
    feed: str | None
    sitemap: str | None
    notes: tuple[str, ...]


def discover(folder: Path, wanted: str | None = None) -> Found:
    """Find the generator's project in a folder or its ``content``.

    :raises ConfigError: when there is none, or ``wanted`` is no generator we know.
    """
    if wanted is not None and wanted not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise ConfigError(f"there is no preset for {wanted!r}", hint=f"known: {known}")
    for root in (".", "content"):
        name = wanted or _generator(folder / root)
        if name is not None:
            return _describe(folder / root, root, PRESETS[name])
    _refuse_without_blog(folder)
    files = ", ".join(name for name, _, _ in FILES)
    raise ConfigError(
        f"no site was found in {folder} or in content/",
        why=f"looked for package.json with {', '.join(PACKAGES)}, and for {files}",
        hint="go to the generator's project, or name the generator with --generator",
    )


def _refuse_without_blog(folder: Path) -> None:
    for file in (folder / "mkdocs.yml", folder / "content" / "mkdocs.yml"):
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
    for file, pattern, generator in FILES:
        if (folder / file).exists() and re.search(pattern, _text(folder / file), re.MULTILINE):
            return generator
    return None


def _package(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        return package if isinstance(package, dict) else {}
    return {}


def _describe(folder: Path, root: str, preset: Preset) -> Found:
    traits = TRAITS[preset.name]
    source = _source(folder, preset)
    config = [_text(folder / source / name) for name in traits.config]
    texts = f"{source}{_src_dir(preset, config)}"
    place = next((p for p in traits.places if (folder / texts / p[0]).is_dir()), traits.places[0])
    command = _command(folder, preset)
    switch = switch_for(preset.name, folder, command)
    notes = (
        traits.note,
        switch and f"{switch}: it judges dates by itself",
        f"{FUTURE} in rebuild.command: {_PUBLIC_AT_ONCE}" if FUTURE in command else "",
        _categories_note(folder / place[0], preset, "\n".join(config)),
        _locales_note(preset, config),
    )
    return Found(
        preset=preset,
        root=root,
        posts=f"{texts}{_posts(folder, preset, place[0])}",
        post_url=post_url(preset.name, "\n".join(config), place[1]),
        command=command,
        output=f"{source}{preset.output}",
        url=_with_base(_url(config, traits.url), preset, "".join(config)),
        feed=_served(folder / source, traits.feeds, config),
        sitemap=_served(folder / source, traits.sitemaps, config),
        notes=tuple(filter(None, notes)),
    )


def _source(folder: Path, preset: Preset) -> str:
    """Give where VitePress has its project below its package: ``docs/`` as often as not."""
    if preset.name != "vitepress":
        return ""
    names = ("", "docs/", "src/")
    return next((name for name in names if (folder / name / ".vitepress").is_dir()), "")


def _src_dir(preset: Preset, config: list[str]) -> str:
    """Give where VitePress has its texts below its project, as its ``srcDir`` says."""
    if preset.name != "vitepress":
        return ""
    pattern = r"^(?!\s*//).*?\bsrcDir\s*:\s*[\"'`]([^\"'`$\n]+)[\"'`]"
    found = next(filter(None, (re.search(pattern, text, re.MULTILINE) for text in config)), None)
    folder = PurePosixPath(found[1]) if found else PurePosixPath()
    is_below = not folder.is_absolute() and ".." not in folder.parts
    return f"{folder}/" if is_below and folder.parts else ""


def _posts(folder: Path, preset: Preset, place: str) -> str:
    """Give the glob of posts; beside Pelican's articles there may be pages, which are none."""
    if preset.name == "pelican" and (folder / place / "pages").is_dir():
        return f"{place}/*.md"
    has_mdx = preset.name == "astro" and next((folder / place).rglob("*.mdx"), None) is not None
    return f"{place}/**/*.md*" if has_mdx else f"{place}/**/*.md"


def _command(folder: Path, preset: Preset) -> tuple[str, ...]:
    scripts = _package(folder).get("scripts")
    names = scripts.keys() if isinstance(scripts, dict) else ()
    if preset.rebuild[:1] == ("npm",) and "build" not in names and "docs:build" in names:
        return ("npm", "run", "docs:build")
    if preset.name == "eleventy" and "build" in names:
        return ("npm", "run", "build")
    if preset.name == "jekyll":  # Bundler looks for it upwards
        has_gemfile = any((top / "Gemfile").is_file() for top in (folder, folder.parent))
        return ("bundle", "exec", *preset.rebuild) if has_gemfile else preset.rebuild
    if preset.name != "pelican":
        return preset.rebuild
    config = next((name for name in PELICAN if (folder / name).is_file()), PELICAN[-1])
    command = (*preset.rebuild, "--settings", config)
    judges = switch_for(preset.name, folder, command)
    return (*command, "--extra-settings", FUTURE) if judges else command


def _served(folder: Path, signs: tuple[Sign, ...], config: list[str]) -> str | None:
    """Give the path of the first listing that the generator is known to write."""
    for sign in signs:
        if not sign.files:
            text = "\n".join(config)
            if not sign.unless or not re.search(sign.unless, text, re.MULTILINE):
                return sign.path
        for file in _files(folder, sign.files):
            found = re.search(sign.pattern, _text(file), re.MULTILINE)
            if found:
                return "/" + found[1].lstrip("/") if found.re.groups else sign.path
    return None


def _files(folder: Path, globs: tuple[str, ...]) -> Iterator[Path]:
    for glob in globs:
        files = sorted(folder.glob(glob))
        yield from (file for file in files if "node_modules" not in file.parts and file.is_file())


def _text(file: Path) -> str:
    with suppress(OSError, ValueError):
        return file.read_text(encoding="utf-8")
    return ""


def _url(config: list[str], key: str) -> str | None:
    """Read the site's address where the generator keeps it; ``None`` when it does not say."""
    pattern = re.compile(
        rf"(?:{key})[\"']?\s*(?::|=|\|\|)\s*[^\n\"']*[\"']?(https?://[^\s\"'#?]+)", re.MULTILINE
    )
    for text in config:
        found = pattern.search(text)
        if found and _is_public(found[1]):
            return found[1].rstrip("/,;")
    return None


def _with_base(url: str | None, preset: Preset, config: str) -> str | None:
    """Add the path that Jekyll keeps in a key of its own."""
    found = re.search(r"^baseurl[ \t]*:[ \t]*[\"']?/?([\w./-]+)", config, re.MULTILINE)
    if url is None or found is None or preset.name != "jekyll":
        return url
    return f"{url}/{found[1].rstrip('/')}"


def _categories_note(place: Path, preset: Preset, config: str) -> str:
    """Say what becomes of posts whose categories Jekyll writes into their URLs."""
    permalink = jekyll_permalink(config) if preset.name == "jekyll" else "/"
    if permalink is not None and permalink.startswith("/") and ":categories" not in permalink:
        return ""
    posts = place.rglob("*.md")
    if not any(
        re.search(r"^(?:category|categories):", _text(post), re.MULTILINE) for post in posts
    ):
        return ""
    return (
        "the URLs of posts hold their categories, which post_url cannot say: write "
        "permalink: /:year/:month/:day/:title:output_ext into _config.yml"
    )


def _locales_note(preset: Preset, config: list[str]) -> str:
    pattern = r"^(?!\s*//).*?\blocales\s*:"
    if preset.name != "vitepress" or not any(re.search(pattern, t, re.MULTILINE) for t in config):
        return ""
    return (
        "there are several languages, and publisher releases the posts of one: look whether "
        "site.posts and post_url in jobs.yaml name the right one"
    )


def _is_public(url: str) -> bool:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    is_dotted = host is not None and "." in host and not host.startswith("127.")
    return is_dotted and host not in RESERVED_HOSTS


def find_zone(environ: Mapping[str, str]) -> tuple[str, bool]:
    """Give the zone of this machine, and whether it is known; UTC where it is not."""
    names = [environ.get("TZ", "").lstrip(":")]
    with suppress(OSError):
        names.append(str(LOCALTIME.readlink()))
    for name in names:
        zone = name.partition("zoneinfo/")[2] or name
        with suppress(ValueError, OSError, KeyError):
            if zone and not zone.startswith("/"):
                return ZoneInfo(zone).key, True
    return "UTC", False
