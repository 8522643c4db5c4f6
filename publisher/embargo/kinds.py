"""Says what a file of a project is by its name and, if need be, what it says of its own state."""

from __future__ import annotations

import re
from posixpath import splitext

from publisher.errors import PublisherError
from publisher.fields import Reader
from publisher.frontmatter import FRONTMATTER_MAX_BYTES, UnreadableError, parse
from publisher.model import PostState
from publisher.presets import as_yaml
from publisher.settings import Preset, SiteSettings

TEXT_MAX_BYTES = 1_000_000
PAGE_SUFFIX = ".md"
PAGES = frozenset({PAGE_SUFFIX, ".markdown", ".mdown", ".mdx", ".mkd"})
TEXTS = PAGES | frozenset(
    {".astro", ".cjs", ".css", ".html", ".j2", ".jinja", ".js", ".json", ".jsx", ".liquid"}
    | {".mjs", ".mts", ".njk", ".rst", ".sass", ".scss", ".svelte", ".toml", ".ts", ".tsx"}
    | {".txt", ".vue", ".xml", ".yaml", ".yml"}
)


PROSE = PAGES | frozenset({".htm", ".html", ".org", ".rst", ".srt", ".tex", ".txt", ".vtt"})
LEGIBLE = TEXTS | frozenset(
    {".bash", ".bib", ".c", ".cc", ".cfg", ".conf", ".cpp", ".cs", ".csv", ".dart", ".diff"}
    | {".dot", ".ex", ".geojson", ".go", ".h", ".hpp", ".hs", ".htm", ".ini", ".ipynb", ".java"}
    | {".jl", ".json5", ".jsonl", ".kt", ".lua", ".m", ".ml", ".mmd", ".org", ".patch", ".php"}
    | {".pl", ".po", ".ps1", ".puml", ".py", ".r", ".rb", ".rs", ".scala", ".sh", ".sql", ".srt"}
    | {".swift", ".tex", ".tsv", ".vtt", ".zig"}
)


def is_legible(path: str, size: int) -> bool:
    """Tell whether a file holds words or code that a page, or a link, may show as they are."""
    return splitext(path)[1].lower() in LEGIBLE and size <= TEXT_MAX_BYTES


def is_text(path: str, size: int) -> bool:
    """Tell whether a file may hold words that a reader sees, or names of images."""
    suffix = splitext(path)[1].lower()
    return suffix in TEXTS and (size <= TEXT_MAX_BYTES or suffix == PAGE_SUFFIX)


def is_page(path: str, size: int) -> bool:
    """Tell whether a generator may make a page of a file, whose frontmatter says its state."""
    suffix = splitext(path)[1].lower()
    return suffix in PAGES or (suffix == ".html" and size <= TEXT_MAX_BYTES)


def is_set_aside(path: str, site: SiteSettings) -> bool:
    """Tell whether a file is in the folder where Jekyll leaves drafts, whatever they say."""
    return site.preset.name == "jekyll" and "_drafts" in path.split("/")


def state_said(data: bytes, path: str, site: SiteSettings) -> PostState | None:
    """Give the state that a file says, post or not; ``None`` when nobody can know.

    What looks like a draft and cannot be read is one.
    """
    preset = site.preset
    if is_set_aside(path, site):
        return PostState.DRAFT
    try:
        reader = Reader(parse(data, path), site)
    except UnreadableError:
        head = data[:FRONTMATTER_MAX_BYTES].decode("utf-8", "replace")
        return PostState.DRAFT if _has_draft_line(head, preset) else None
    if reader.document.format is None:
        return None
    try:
        return reader.stated() or preset.missing
    except PublisherError:
        value = as_yaml(reader.document.metadata.get(preset.state_key))
        return PostState.DRAFT if _is_draft_word(value, preset) else None


def _has_draft_line(head: str, preset: Preset) -> bool:
    key = re.escape(preset.state_key)
    line = rf"""^[ \t{{]*["']?{key}["']?[ \t]*[:=][ \t]*["']?([\w-]+)"""
    found = re.search(line, head, re.MULTILINE | re.IGNORECASE)
    return found is not None and _is_draft_word(found[1], preset)


def _is_draft_word(word: str, preset: Preset) -> bool:
    hidden = {as_yaml(v) for s, v in preset.values.items() if s is not PostState.PUBLISHED}
    hidden |= {w for w, state in preset.also.items() if state is not PostState.PUBLISHED}
    return word.lower() in {known.lower() for known in hidden}
