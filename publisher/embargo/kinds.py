"""Says what a file of a project is by its name and, if need be, what it says of its own state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from posixpath import splitext

from publisher.embargo.headers import header_of
from publisher.errors import PublisherError
from publisher.fields import Reader
from publisher.frontmatter import FRONTMATTER_MAX_BYTES, UnreadableError, parse
from publisher.model import Embargo, PostState
from publisher.presets import HEADED, as_yaml
from publisher.settings import Preset, SiteSettings

TEXT_MAX_BYTES = 1_000_000
PAGE_SUFFIX = ".md"
PAGES = frozenset({PAGE_SUFFIX, ".markdown", ".mdown", ".mdx", ".mkd"})
MARKUPS = frozenset(  # whose files generators make pages of as well
    {".ad", ".adoc", ".asciidoc", ".ejs", ".haml", ".hbs", ".htm", ".html", ".liquid", ".mdoc"}
    | {".meta", ".mustache", ".njk", ".org", ".pandoc", ".pdc", ".pug", ".rst", ".textile"}
    | {".txt", ".webc", ".xml"}
)
TEXTS = (
    PAGES
    | MARKUPS
    | frozenset(
        {".astro", ".cjs", ".css", ".j2", ".jinja", ".js", ".json", ".jsx"}
        | {".mjs", ".mts", ".sass", ".scss", ".svelte", ".toml", ".ts", ".tsx"}
        | {".vue", ".yaml", ".yml"}
    )
)


PROSE = PAGES | frozenset(
    {".ad", ".adoc", ".asciidoc", ".htm", ".html", ".mdoc", ".org", ".pandoc", ".pdc", ".rst"}
    | {".srt", ".tex", ".textile", ".txt", ".vtt"}
)
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
    """Tell whether a file is what generators commonly make a page of."""
    suffix = splitext(path)[1].lower()
    return suffix in PAGES or (suffix == ".html" and size <= TEXT_MAX_BYTES)


def may_say_state(path: str, size: int) -> bool:
    """Tell whether a file may say its state, and some generator would heed it."""
    suffix = splitext(path)[1].lower()
    return suffix in PAGES or (suffix in MARKUPS and size <= TEXT_MAX_BYTES)


def described_by(path: str) -> Iterator[str]:
    """Give the names that the text may have whose data Nikola keeps in this file beside it."""
    stem, suffix = splitext(path)
    if suffix == ".meta":
        yield from (stem + other for other in PAGES | MARKUPS)


def is_set_aside(path: str, site: SiteSettings) -> bool:
    """Tell whether a file is in the folder where Jekyll leaves drafts, whatever they say."""
    return site.preset.name == "jekyll" and "_drafts" in path.split("/")


def state_said(data: bytes, path: str, site: SiteSettings) -> PostState | None:
    """Give the state that a file says, post or not; ``None`` when nobody can know.

    What looks like a draft and cannot be read is one. What has neither frontmatter nor a header of
    its generator's own is never known to be public.
    """
    preset = site.preset
    if is_set_aside(path, site):
        return PostState.DRAFT
    try:
        reader = Reader(parse(data, path), site)
    except UnreadableError:
        return PostState.DRAFT if _has_draft_line(_head(data), preset) else None
    if reader.document.format is None:
        return _state_in_header(_head(data), path, preset)
    try:
        return reader.stated() or preset.missing
    except PublisherError:
        value = as_yaml(reader.document.metadata.get(preset.state_key))
        return PostState.DRAFT if _is_draft_word(value, preset) else None


def withheld_until(
    data: bytes, path: str, site: SiteSettings, embargo: Embargo = Embargo.OFF
) -> datetime | None:
    """Give the instant before which a file is not to be public.

    For posts under an ``embargo`` that is their date; for other files it is when the generator
    would build their page by itself. Jekyll does so with posts and the documents of collections,
    not with other pages.
    """
    preset = site.preset
    is_free = preset.name == "jekyll" and not any(p.startswith("_") for p in path.split("/")[:-1])
    if embargo is Embargo.OFF and (is_free or not preset.withholds):
        return None
    try:
        document = parse(data, path)
    except UnreadableError:
        return None
    said = dict(document.metadata)
    if document.format is None:
        said = {key: value for _, key, value in header_of(_head(data), path, preset.name)}
    try:
        return Reader(replace(document, metadata=said), site).withheld_until(embargo)
    except PublisherError:
        return None  # nor does the generator know


def _head(data: bytes) -> str:
    return data[:FRONTMATTER_MAX_BYTES].decode("utf-8-sig", "replace")


def _state_in_header(head: str, path: str, preset: Preset) -> PostState | None:
    """Give the state that a page without frontmatter of ours says, as its generator reads it."""
    if _has_draft_header(head, path, preset):
        return PostState.DRAFT
    said = [(key, value) for _, key, value in header_of(head, path, preset.name)]
    if preset.name not in HEADED or not {"title", "date"} & {key for key, _ in said}:
        return None
    words = {value.lower() for key, value in said if key == preset.state_key.lower() and value}
    public = {word for word, state in preset.also.items() if state is PostState.PUBLISHED}
    public.add(as_yaml(preset.values[PostState.PUBLISHED]))
    if not words:
        return preset.missing
    return PostState.PUBLISHED if words <= public else None


def _has_draft_header(head: str, path: str, preset: Preset) -> bool:
    """Tell whether a page without frontmatter of ours says that it is a draft."""
    script = re.match(r"---[ \t]*[A-Za-z]+[ \t]*\r?\n(.*?)^---", head, re.MULTILINE | re.DOTALL)
    if script:  # of Eleventy: ---js
        return _has_draft_line(script[1], preset)
    return any(
        (key == preset.state_key.lower() and _is_draft_word(value, preset))
        or (key == "draft" and value.lower() in ("", "true", "yes"))
        for _, key, value in header_of(head, path, preset.name)
    )


def _has_draft_line(head: str, preset: Preset) -> bool:
    key = re.escape(preset.state_key)
    line = rf"""^[ \t{{]*["']?{key}["']?[ \t]*[:=][ \t]*["']?([\w-]+)"""
    found = re.search(line, head, re.MULTILINE | re.IGNORECASE)
    return found is not None and _is_draft_word(found[1], preset)


def _is_draft_word(word: str, preset: Preset) -> bool:
    hidden = {as_yaml(v) for s, v in preset.values.items() if s is not PostState.PUBLISHED}
    hidden |= {w for w, state in preset.also.items() if state is not PostState.PUBLISHED}
    return word.lower() in {known.lower() for known in hidden}
