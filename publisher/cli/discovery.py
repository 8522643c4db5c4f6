"""What site is here: its generator, where its posts are, and what it serves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from publisher.cli.post_folders import Posts, find_posts, used_keys
from publisher.config.kinds import RESERVED_HOSTS
from publisher.generators import GENERATORS, Generator
from publisher.generators.config_files import GeneratorConfig, read_package
from publisher.generators.pelican import FUTURE
from publisher.model.errors import ConfigError
from publisher.site.git.remotes import PUBLIC_FORGES

LOCALTIME = Path("/etc/localtime")
DOMAIN_FILES = ("CNAME", "*/CNAME", "*/public/CNAME")  # of GitHub Pages
_PUBLIC_AT_ONCE = "write `status: draft` into posts to come first, or they are public at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A site; ``root`` is relative to the folder of ``jobs.yaml``, other paths to ``root``.

    What is ``None`` was not found.
    """

    generator: Generator
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
    if wanted is not None and wanted not in GENERATORS:
        known = ", ".join(sorted(GENERATORS))
        raise ConfigError(f"there is no generator {wanted!r}", hint=f"known: {known}")
    for root in (".", "content"):
        found = _generator(folder / root)
        if wanted is not None and (found or root == "."):
            found = GENERATORS[wanted]
        if found is not None:
            return _describe(folder / root, root, found)
    for place in (folder, folder / "content"):
        for generator in GENERATORS.values():
            generator.refuse(place)
    below = {place.name: one for place in _folders(folder) if (one := _generator(place))}
    if len(below) == 1:
        ((root, generator),) = below.items()
        return _describe(folder / root, root, generator)
    also = f"; there are several below: {', '.join(below)}" if below else ""
    raise ConfigError(
        f"no site was found in {folder} or in content/",
        why=f"looked for the configuration of {', '.join(GENERATORS)}, and into package.json{also}",
        hint="go to the generator's project, or name the generator with --generator",
    )


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        for place in sorted(folder.iterdir()):
            if place.is_dir() and not place.name.startswith((".", "node_modules", "themes")):
                yield place


def _generator(folder: Path) -> Generator | None:
    package = read_package(folder)
    for kind in ("dependencies", "devDependencies"):
        listed = package.get(kind)
        for one in GENERATORS.values():
            if isinstance(listed, dict) and one.package in listed:
                return one
    return next((one for one in GENERATORS.values() if one.is_project(folder)), None)


def _describe(folder: Path, root: str, generator: Generator) -> Found:
    config = generator.read_config(folder)
    sources = generator.find_sources(folder)
    top = next(iter(sources.folders), "")
    usual = "/".join(filter(None, (top, generator.posts_folder)))
    posts = find_posts(folder, generator, config, sources, usual)
    command = generator.build_command(folder)
    switch = generator.date_switch(folder, command)
    feed, sitemap = generator.listings(folder, config)
    zone = generator.zone(config)
    notes = (
        generator.note,
        switch and f"{switch}: it judges dates by itself",
        f"{FUTURE} in rebuild.command: {_PUBLIC_AT_ONCE}" if FUTURE in command else "",
        _elsewhere_note(posts),
        *(f"{name} could not be read: what it says was not taken up" for name in config.broken),
    )
    return Found(
        generator=generator,
        root=root,
        posts=posts.globs,
        post_url=_post_url(folder, generator, config, posts, top),
        command=command,
        output=generator.output_folder(folder, config),
        url=_url(folder, generator, config),
        zone=zone.key if zone else None,
        feed=feed,
        sitemap=sitemap,
        number=len(posts.pages),
        keys=used_keys(generator, posts.pages),
        notes=tuple(filter(None, notes)),
    )


def _post_url(
    root: Path, generator: Generator, config: GeneratorConfig, posts: Posts, top: str
) -> str | None:
    """Give the URL of posts where it is certain: configured so, or usual and all alike."""
    (folder, *others) = posts.folders
    inner = folder.removeprefix(top).strip("/")
    is_worded, path = generator.configured_url(config, inner or folder)
    words = set(generator.address_words)
    if others or any(words.intersection(page.metadata) for page in posts.pages):
        return None
    if generator.may_change_urls(root, folder, inner):
        return None
    if is_worded:
        return path
    depths = {page.path.count("/") - folder.count("/") for page in posts.pages}
    is_by_path = "{path}" in generator.post_url
    if is_by_path and (depths - {1} or "pages/" in folder or "[" in folder):
        return None
    return generator.post_url.replace("{path}", f"{inner}/{{slug}}").replace("//", "/")


def _elsewhere_note(posts: Posts) -> str:
    listed = ", ".join(f"{folder or '.'}/ ({n})" for folder, n in posts.elsewhere.items())
    return f"dated pages outside of site.posts: {listed}; add what are posts" if listed else ""


# --- where it is public ----------------------------------------------------------------------


def _url(folder: Path, generator: Generator, config: GeneratorConfig) -> str | None:
    """Read the site's address where the generator keeps it; ``None`` when it does not say."""
    keys = generator.address_keys
    values = [config.get_text(key) for key in keys]
    pattern = rf"\b(?:{'|'.join(keys)})[\"']?\s*(?::|=|\|\||\?\?)\s*[^\n\"'`]*[\"'`](https?://[^\s\"'`#?${{}}]+)[\"'`]"
    values += re.findall(pattern, config.text)
    url = next((value.rstrip("/") for value in values if _is_public(value)), None)
    if url is None:
        return _domain(folder)
    base = generator.base_path(config)
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
