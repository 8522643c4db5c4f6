"""What site is here: its generator, where its posts are, and what it serves.

A generator that names the folders of its posts is asked; else dated pages show them: those in a
folder with the name of a blog, or else in the folder that has the most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from publisher.generators import GENERATORS, Generator
from publisher.generators.base import BLOG_FOLDERS
from publisher.generators.config_files import GeneratorConfig, read_package, read_text
from publisher.generators.file_kinds import PAGES
from publisher.generators.pelican import FUTURE
from publisher.generators.sources import Sources, is_below, joined
from publisher.model.errors import ConfigError, PublisherError
from publisher.system.files import read_file
from publisher.system.tree import walk
from publisher.text.frontmatter import parse
from publisher.text.urls import PUBLIC_FORGES, RESERVED_HOSTS

LOCALTIME = Path("/etc/localtime")
DOMAIN_FILES = ("CNAME", "*/CNAME", "*/public/CNAME")  # of GitHub Pages
READ_AT_MOST = 2_000  # files; enough to know what the others are like
_PUBLIC_AT_ONCE = "write `status: draft` into posts to come first, or they are public at once"

# Keys that themes use, by what they hold; those of the generator come first.
USED: Mapping[str, tuple[str, ...]] = {
    name: tuple(keys.split())
    for name, keys in {
        "description": "description summary excerpt subtitle abstract lead",
        "date": "publishDate pubDate pubDatetime publishedAt published_at publish_date "
        "datePublished published_on posted date",
        "image": "hero heroImage image cover images thumbnail ogImage og_image featured_image "
        "featuredImage featureImage banner socialImage",
    }.items()
}
_LANGUAGE = re.compile(r"[a-z]{2}(?:-[A-Za-z]{2,4})?")
_DATED_NAME = re.compile(r"\d{4}-\d{2}-\d{2}-.+", re.ASCII)

Pages = Mapping[str, Mapping[str, Any]]  # frontmatter by path below the root


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
        raise ConfigError(f"unknown generator {wanted!r}", hint=f"known: {known}")
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
    usual = joined(top, generator.posts_folder)
    posts = _find_posts(folder, generator, config, sources, usual)
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
        keys=_used_keys(generator, posts.pages.values()),
        notes=tuple(filter(None, notes)),
    )


def _post_url(
    root: Path, generator: Generator, config: GeneratorConfig, posts: Posts, top: str
) -> str | None:
    """Give the URL of posts where it is certain: configured so, or usual and all alike."""
    (folder, *others) = posts.folders
    inner = folder.removeprefix(top).strip("/")
    is_worded, url = generator.configured_url(config, inner or folder)
    words = set(generator.address_words)
    if others or any(words.intersection(said) for said in posts.pages.values()):
        return None
    if generator.may_change_urls(root, folder, inner):
        return None
    if is_worded:
        return url
    depths = {path.count("/") - folder.count("/") for path in posts.pages}
    is_by_path = "{path}" in generator.post_url
    if is_by_path and (depths - {1} or "pages/" in folder or "[" in folder):
        return None
    return generator.post_url.replace("{path}", f"{inner}/{{slug}}").replace("//", "/")


def _elsewhere_note(posts: Posts) -> str:
    listed = ", ".join(f"{folder or '.'}/ ({n})" for folder, n in posts.elsewhere.items())
    return f"dated pages outside of site.posts: {listed}; add what are posts" if listed else ""


# --- where its posts are ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """Globs of the posts, the posts themselves, and how many dated pages are elsewhere."""

    globs: tuple[str, ...]
    folders: tuple[str, ...]
    pages: Pages
    elsewhere: Mapping[str, int] = field(default_factory=dict)


def _find_posts(
    root: Path, generator: Generator, config: GeneratorConfig, sources: Sources, usual: str
) -> Posts:
    """Find the posts of a project; where there are none yet, those of the usual folder."""
    pages = _pages(root, generator, sources)
    named = generator.post_folders(root, config, sources, list(pages))
    elsewhere: dict[str, int] = {}
    if named is None:
        folders = {path: _folder_of(path, sources) for path in pages}
        dated = Counter(
            folders[path] for path, said in pages.items() if _is_dated(path, said, generator)
        )
        named = (
            _blogs(dated)
            or _alike(dated)
            or _blogs(folders.values())
            or _blogs(_empty_folders(root, sources))
            or [usual]
        )
        elsewhere = {folder: n for folder, n in sorted(dated.items()) if folder not in named}
    globs: list[str] = []
    posts: dict[str, Mapping[str, Any]] = {}
    for folder in named:
        is_deep = generator.has_posts_below(folder, sources, is_alone=len(named) == 1)
        inside = {p: said for p, said in pages.items() if _is_in(p, folder, is_deep=is_deep)}
        posts |= inside
        # those that are there, and those that the generator expects
        there = PAGES.intersection(PurePosixPath(path).suffix for path in inside)
        suffixes = sorted(there.union(generator.post_suffixes))
        globs += [joined(folder, f"{'**/' if is_deep else ''}*{one}") for one in suffixes]
    return Posts(globs=tuple(globs), folders=tuple(named), pages=posts, elsewhere=elsewhere)


def _used_keys(
    generator: Generator, pages: Iterable[Mapping[str, Any]]
) -> dict[str, tuple[str, ...]]:
    """Give the keys that the posts use and the generator does not read, behind those it does."""
    found = {}
    for name, known in USED.items():
        read: tuple[str, ...] = getattr(generator.keys, name)
        also = {"reveal", *generator.withholds} if name == "date" else set()
        used: Counter[str] = Counter()
        for page in pages:
            held = [key for key in (*read, *also, *known) if page.get(key)]
            is_read = any(key in read or key in also for key in held)
            used.update([] if is_read else held[:1])
        if used:
            found[name] = (*read, *(key for key, _ in used.most_common()))
    return found


def _pages(root: Path, generator: Generator, sources: Sources) -> Pages:
    paths = sorted(
        {
            path
            for folder in sources.folders
            for path, entry in walk(root, folder, without=generator.output, needed=())
            if PurePosixPath(path).suffix.lower() in PAGES
            and sources.has(path)
            and entry.is_file(follow_symlinks=False)
        }
    )
    return {
        path: _metadata(root / path) if number < READ_AT_MOST else {}
        for number, path in enumerate(paths)
    }


def _is_dated(path: str, metadata: Mapping[str, Any], generator: Generator) -> bool:
    keys = {"reveal", *generator.date_keys, *generator.withholds, *USED["date"]}
    has_name = _DATED_NAME.match(PurePosixPath(path).name)
    return bool(has_name) or any(metadata.get(key) not in (None, "") for key in keys)


def _empty_folders(root: Path, sources: Sources) -> list[str]:
    """Give the folders right below the sources, such as one made for the posts to come."""
    places = [PurePosixPath(folder) for folder in sources.folders]
    return sorted(
        (place / entry.name).as_posix()
        for place in places
        if (root / place).is_dir()
        for entry in (root / place).iterdir()
        if entry.is_dir()
    )


def _metadata(file: Path) -> Mapping[str, Any]:
    try:
        return parse(read_file(file, file.name).data, file.name).metadata
    except PublisherError:
        return {}


def _blogs(folders: Iterable[str]) -> list[str]:
    return sorted({folder for folder in folders if PurePosixPath(folder).name in BLOG_FOLDERS})


def _alike(dated: Counter[str]) -> list[str]:
    """Give the folder with the most dated pages, and those of its name in other languages."""
    names = [PurePosixPath(folder).name for folder, _ in dated.most_common(1)]
    return sorted(folder for folder in dated if PurePosixPath(folder).name in names)


def _folder_of(path: str, sources: Sources) -> str:
    """Give the folder that a dated page shows to be one of posts."""
    top = max((f for f in sources.folders if _is_in(path, f)), key=len, default="")
    inner = PurePosixPath(path).parent.relative_to(top).parts if top else ()
    inner = inner if top else PurePosixPath(path).parent.parts
    first = 2 if inner[1:] and _LANGUAGE.fullmatch(inner[0]) else 1
    named = (n for n, part in enumerate(inner, start=1) if part in BLOG_FOLDERS)
    end = 0 if PurePosixPath(top).name in BLOG_FOLDERS else next(named, min(first, len(inner)))
    return "/".join(filter(None, (top, *inner[:end])))


def _is_in(path: str, folder: str, *, is_deep: bool = True) -> bool:
    parent = PurePosixPath(path).parent
    return is_below(path, folder) if is_deep else parent == PurePosixPath(folder)


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
        name = read_text(file).strip().lower()
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
    names: tuple[str, ...] = (environ.get("TZ", "").lstrip(":"),)
    with suppress(OSError):
        names = (*names, str(LOCALTIME.readlink()))
    return next(filter(None, map(_zone, names)), None)


def _zone(name: str) -> str | None:
    name = name.partition("zoneinfo/")[2] or name
    with suppress(ValueError, OSError, KeyError):
        if name and not name.startswith("/"):
            return ZoneInfo(name).key
    return None
