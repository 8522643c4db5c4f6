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

from publisher.embargo.kinds import PAGES
from publisher.generators.own_config import GeneratorConfig, mkdocs_blogs
from publisher.generators.source_folders import Sources
from publisher.model.errors import PublisherError
from publisher.model.settings import Preset
from publisher.posts.frontmatter import parse
from publisher.system.files import read_file
from publisher.system.tree import walk

READ_AT_MOST = 2_000  # files; enough to know what the others are like
NAMES = ("blog", "posts", "post", "_posts", "articles", "article", "news", "journal", "writing")

# Keys that themes use, by what they hold; those of the preset come first.
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

    def is_dated(self, preset: Preset) -> bool:
        keys = {"reveal", *preset.date_keys, *preset.withholds, *USED["date"]}
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
    root: Path, preset: Preset, config: GeneratorConfig, sources: Sources, usual: str
) -> Posts:
    """Find the posts of a project; where there are none yet, those of the usual folder."""
    pages = _pages(root, preset, sources)
    named = _named_folders(root, preset, config, sources, pages)
    elsewhere: dict[str, int] = {}
    if named is None:
        dated = Counter(_folder_of(page.path, sources) for page in pages if page.is_dated(preset))
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
        is_deep = _has_subfolders(folder, preset, sources, is_alone=len(named) == 1)
        inside = {p.path: p for p in pages if _is_in(p.path, folder, is_deep=is_deep)}
        posts |= inside
        globs += [
            "/".join(filter(None, (folder, "**" if is_deep else "", f"*{suffix}")))
            for suffix in _suffixes(inside, preset)
        ]
    return Posts(
        globs=tuple(globs),
        folders=tuple(named),
        pages=tuple(posts.values()),
        elsewhere=elsewhere,
    )


def used_keys(preset: Preset, pages: Iterable[Page]) -> dict[str, tuple[str, ...]]:
    """Give the keys that the posts use and the preset does not read, behind those it does."""
    found = {}
    for name, known in USED.items():
        read: tuple[str, ...] = getattr(preset.keys, name)
        also = {"reveal", *preset.withholds} if name == "date" else set()
        used: Counter[str] = Counter()
        for page in pages:
            held = [key for key in (*read, *also, *known) if page.metadata.get(key)]
            is_read = any(key in read or key in also for key in held)
            used.update([] if is_read else held[:1])
        if used:
            found[name] = (*read, *(key for key, _ in used.most_common()))
    return found


def _pages(root: Path, preset: Preset, sources: Sources) -> list[Page]:
    paths = sorted(
        {
            path
            for folder in sources.folders
            for path, entry in walk(root, folder, without=preset.output, needed=())
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


def _named_folders(
    root: Path, preset: Preset, config: GeneratorConfig, sources: Sources, pages: list[Page]
) -> list[str] | None:
    """Give the folders that the generator itself takes for those of posts."""
    if preset.name == "jekyll":
        found = {
            "/".join(parts[: parts.index("_posts") + 1])
            for page in pages
            if "_posts" in (parts := PurePosixPath(page.path).parts)
        }
        return sorted(found) or ["/".join(filter(None, (sources.folders[0], "_posts")))]
    if preset.name == "mkdocs":
        return [f"{sources.folders[0]}/{folder}" for folder in _mkdocs_folders(config)]
    if preset.name == "nikola":
        listed = config.get("POSTS")
        listed = listed if isinstance(listed, list) else [["posts/*.md"]]
        globs = [one[0] for one in listed if isinstance(one, list) and one]
        names = [PurePosixPath(g).parent.as_posix() for g in globs if str(g).endswith(tuple(PAGES))]
        return list(dict.fromkeys(names)) or ["posts"]
    if preset.name == "pelican":
        return _pelican_folders(root, config, sources.folders[0], pages)
    return None


def _mkdocs_folders(config: GeneratorConfig) -> list[str]:
    folders = []
    for options in mkdocs_blogs(config):
        blog = str(options.get("blog_dir") or "blog").strip("/.")
        form = str(options.get("post_dir") or "{blog}/posts")
        folders.append(form.replace("{blog}", blog).strip("/"))
    return folders or ["blog/posts"]


def _pelican_folders(root: Path, config: GeneratorConfig, top: str, pages: list[Page]) -> list[str]:
    """Give the folders of articles: all below the top but pages and what is copied as it is."""
    listed = config.get("ARTICLE_PATHS")
    if isinstance(listed, list) and any(listed):
        return ["/".join(filter(None, (top, str(path).strip("/")))) for path in listed]
    for usual in ("articles", "posts", "blog"):
        if (root / top / usual).is_dir():
            return [f"{top}/{usual}"]
    others = {"pages", "images", "static", "extra", "pdfs", "files", "drafts"}
    for key in ("PAGE_PATHS", "STATIC_PATHS", "ARTICLE_EXCLUDES"):
        value = config.get(key)
        others |= set(map(str, value)) if isinstance(value, list) else set()
    below = (PurePosixPath(page.path).relative_to(top).parts for page in pages)
    folders = sorted({parts[0] for parts in below if parts[1:]})
    if not others & set(folders):
        return [top]
    return [top, *(f"{top}/{name}" for name in folders if name not in others)]


def _blogs(folders: Iterable[str]) -> list[str]:
    return sorted({folder for folder in folders if PurePosixPath(folder).name in NAMES})


def _alike(dated: Counter[str]) -> list[str]:
    """Give the folder with the most dated pages, and those of its name in other languages."""
    names = [PurePosixPath(folder).name for folder, _ in dated.most_common(1)]
    return sorted(folder for folder in dated if PurePosixPath(folder).name in names)


def _has_subfolders(folder: str, preset: Preset, sources: Sources, *, is_alone: bool) -> bool:
    """Tell whether what is further down in a folder of posts are posts: not beside all pages."""
    if preset.name == "pelican":
        return is_alone or folder not in sources.folders
    is_top = folder in sources.folders and preset.name not in ("astro", "nikola")
    return not is_top or PurePosixPath(folder).name in NAMES


def _folder_of(path: str, sources: Sources) -> str:
    """Give the folder that a dated page shows to be one of posts."""
    top = max((f for f in sources.folders if _is_in(path, f)), key=len, default="")
    inner = PurePosixPath(path).parent.relative_to(top).parts if top else ()
    inner = inner if top else PurePosixPath(path).parent.parts
    first = 2 if inner[1:] and _LANGUAGE.fullmatch(inner[0]) else 1
    named = (n for n, part in enumerate(inner, start=1) if part in NAMES)
    end = 0 if PurePosixPath(top).name in NAMES else next(named, min(first, len(inner)))
    return "/".join(filter(None, (top, *inner[:end])))


def _is_in(path: str, folder: str, *, is_deep: bool = True) -> bool:
    if not is_deep:
        return PurePosixPath(path).parent == PurePosixPath(folder)
    return not folder or path.startswith(folder + "/")


def _suffixes(paths: Iterable[str], preset: Preset) -> list[str]:
    """Give the endings of posts: those that are there, and those that the generator expects."""
    expected = {".md", ".markdown"} if preset.name == "jekyll" else {".md"}
    found = {PurePosixPath(path).suffix for path in paths}
    return sorted((found & PAGES) | expected)
