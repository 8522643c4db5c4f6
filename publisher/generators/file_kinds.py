"""Says what a file of a project is by its name."""

from __future__ import annotations

from posixpath import splitext

TEXT_MAX_BYTES = 1_000_000
PAGE_SUFFIX = ".md"
PAGES = frozenset({PAGE_SUFFIX, ".markdown", ".mdown", ".mdx", ".mkd"})
INDEX_PAGES = ("index.md", "_index.md", "index.mdx", "index.markdown")  # of a folder
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

IMAGES = frozenset(
    {".apng", ".avif", ".bmp", ".gif", ".heic", ".heif", ".ico", ".jfif", ".jpeg", ".jpg", ".jxl"}
    | {".png", ".svg", ".svgz", ".tif", ".tiff", ".webp"}
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


def is_image(path: str) -> bool:
    return splitext(path)[1].lower() in IMAGES
