"""A copy of a built site that opens from disk by a double click, without any server.

Links become relative and name their files. Module scripts go: no browser loads them from
``file:`` (HTML standard, fetch a module script, checked 2026-11-20), and the pages of a static
site say everything without them.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

SCRIPT = r"(?P<script><script\b(?P<of>[^>]*)>.*?</script\s*>)"
STYLE = r"(?P<style><style\b[^>]*>.*?</style\s*>)"
TAG = re.compile(
    rf"<!--.*?-->|{SCRIPT}|{STYLE}|"
    r"(?P<tag><[a-z](?:\"[^\"]*\"|'[^']*'|[^\"'>])*>)",
    re.DOTALL | re.IGNORECASE,
)
VALUE = r"(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)"
LINK = re.compile(rf"(?<=\s)(href|src|poster|srcset)\s*=\s*{VALUE}", re.IGNORECASE)
GUARD = re.compile(  # a file has no origin to share, so a check of it always fails
    rf"\s(?:crossorigin|integrity)(?:\s*=\s*{VALUE})?(?=[\s/>])", re.IGNORECASE
)
MODULE = re.compile(r"\btype\s*=\s*[\"']?module\b|\brel\s*=\s*[\"']?modulepreload\b", re.IGNORECASE)
CSS_LINK = re.compile(r"url\(\s*([\"']?)(/[^\"')]*)\1\s*\)")


def take(output: Path, target: Path, *, site_url: str) -> Path | None:
    """Copy the built site to ``target``; give its first page, or ``None`` when it has none."""
    shutil.copytree(output, target, ignore_dangling_symlinks=True)
    links = _Links(target, base=urlsplit(site_url).path.rstrip("/"))
    for path in sorted(target.rglob("*")):
        if path.suffix in (".html", ".htm", ".css") and path.is_file():
            text = path.read_bytes().decode("utf-8", "surrogateescape")
            rewrite = links.rewrite_css if path.suffix == ".css" else links.rewrite_html
            path.write_bytes(rewrite(text, path).encode("utf-8", "surrogateescape"))
    first = target / "index.html"
    return first if first.is_file() else None


class _Links:
    """Turns the links of a site that is served below ``base`` into links between files."""

    def __init__(self, root: Path, *, base: str) -> None:
        self._root = root
        self._base = base

    def rewrite_html(self, text: str, page: Path) -> str:
        def rewrite(match: re.Match[str]) -> str:
            if match["script"]:
                opening, code = match["script"].split(">", 1)
                return "" if MODULE.search(match["of"]) else f"{self._tag(opening, page)}>{code}"
            if match["style"]:
                return self.rewrite_css(match["style"], page)
            if match["tag"]:
                is_module = match["tag"][:5].lower() == "<link" and MODULE.search(match["tag"])
                return "" if is_module else self._tag(match["tag"], page)
            return match[0]

        return TAG.sub(rewrite, text)

    def rewrite_css(self, text: str, sheet: Path) -> str:
        return CSS_LINK.sub(lambda m: f"url({m[1]}{self._local(m[2], sheet)}{m[1]})", text)

    def _tag(self, tag: str, page: Path) -> str:
        def rewrite(match: re.Match[str]) -> str:
            value = unescape(match[2].strip("\"'"))
            if match[1].lower() == "srcset":
                parts = (part.strip().partition(" ") for part in value.split(","))
                value = ", ".join(f"{self._local(a, page)}{b}{c}" for a, b, c in parts)
            else:
                value = self._local(value, page)
            return f'{match[1]}="{escape(value)}"'

        return LINK.sub(rewrite, GUARD.sub("", tag))

    def _local(self, link: str, page: Path) -> str:
        """Give the link from one file to the other; a link to no file of the site stays."""
        try:
            parts = urlsplit(link)
        except ValueError:
            return link
        if parts.scheme or parts.netloc or not parts.path:
            return link
        path = unquote(parts.path)
        folder = page.parent.relative_to(self._root).as_posix()
        if not path.startswith("/"):
            path = posixpath.join("/", folder, path)
        elif f"{path.rstrip('/')}/".startswith(f"{self._base}/"):
            path = path.removeprefix(self._base)
        file = self._file(posixpath.normpath(f"/{path}").lstrip("/"))
        if file is None:
            return link
        query = f"?{parts.query}" if parts.query else ""
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        return quote(posixpath.relpath(file, folder)) + query + fragment

    def _file(self, path: str) -> str | None:
        """Give the file that a static host serves for a path."""
        names = (path, f"{path}.html", f"{path}/index.html") if path else ("index.html",)
        return next((name for name in names if (self._root / name).is_file()), None)
