"""Where the posts of a site are, and under which frontmatter keys they keep what publisher reads.

A generator that names the folders of its posts is asked; else dated pages show them: those in a
folder with the name of a blog, or else in the folder that has the most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from publisher.generators import Generator
from publisher.generators.base import BLOG_FOLDERS
from publisher.generators.config_files import GeneratorConfig
from publisher.generators.file_kinds import PAGES
from publisher.generators.sources import Sources
from publisher.model.errors import PublisherError
from publisher.system.files import read_file
from publisher.system.tree import walk
from publisher.text.frontmatter import parse

READ_AT_MOST = 2_000  # files; enough to know what the others are like

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the site by its path below the root, with its frontmatter."""

    path: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def is_dated(self, generator: Generator) -> bool:
        keys = {"reveal", *generator.date_keys, *generator.withholds, *USED["date"]}
        has_name = _DATED_NAME.match(PurePosixPath(self.path).name)
        return bool(has_name) or any(self.metadata.get(key) not in (None, "") for key in keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """Globs of the posts, the posts themselves, and how many dated pages are elsewhere."""

    globs: tuple[str, ...]
    folders: tuple[str, ...]
    pages: tuple[Page, ...]
    elsewhere: Mapping[str, int] = field(default_factory=dict)


def find_posts(
    root: Path, generator: Generator, config: GeneratorConfig, sources: Sources, usual: str
) -> Posts:
    """Find the posts of a project; where there are none yet, those of the usual folder."""
    pages = _pages(root, generator, sources)
    named = generator.post_folders(root, config, sources, [page.path for page in pages])
    elsewhere: dict[str, int] = {}
    if named is None:
        dated = Counter(
            _folder_of(page.path, sources) for page in pages if page.is_dated(generator)
        )
        named = (
            _blogs(dated)
            or _alike(dated)
            or _blogs(_folder_of(page.path, sources) for page in pages)
            or _blogs(_empty_folders(root, sources))
            or [usual]
        )
        elsewhere = {folder: n for folder, n in sorted(dated.items()) if folder not in named}
    globs: list[str] = []
    posts: dict[str, Page] = {}
    for folder in named:
        is_deep = generator.has_posts_below(folder, sources, is_alone=len(named) == 1)
        inside = {p.path: p for p in pages if _is_in(p.path, folder, is_deep=is_deep)}
        posts |= inside
        globs += [
            "/".join(filter(None, (folder, "**" if is_deep else "", f"*{suffix}")))
            for suffix in _suffixes(inside, generator)
        ]
    return Posts(
        globs=tuple(globs),
        folders=tuple(named),
        pages=tuple(posts.values()),
        elsewhere=elsewhere,
    )


def used_keys(generator: Generator, pages: Iterable[Page]) -> dict[str, tuple[str, ...]]:
    """Give the keys that the posts use and the generator does not read, behind those it does."""
    found = {}
    for name, known in USED.items():
        read: tuple[str, ...] = getattr(generator.keys, name)
        also = {"reveal", *generator.withholds} if name == "date" else set()
        used: Counter[str] = Counter()
        for page in pages:
            held = [key for key in (*read, *also, *known) if page.metadata.get(key)]
            is_read = any(key in read or key in also for key in held)
            used.update([] if is_read else held[:1])
        if used:
            found[name] = (*read, *(key for key, _ in used.most_common()))
    return found


def _pages(root: Path, generator: Generator, sources: Sources) -> list[Page]:
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
    return [
        Page(path=path, metadata=_metadata(root / path) if number < READ_AT_MOST else {})
        for number, path in enumerate(paths)
    ]


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
    if not is_deep:
        return PurePosixPath(path).parent == PurePosixPath(folder)
    return not folder or path.startswith(folder + "/")


def _suffixes(paths: Iterable[str], generator: Generator) -> list[str]:
    """Give the endings of posts: those that are there, and those that the generator expects."""
    found = {PurePosixPath(path).suffix for path in paths}
    return sorted((found & PAGES).union(generator.post_suffixes))
