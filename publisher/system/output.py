"""Finds the page of a URL path in a built site, as static hosts do. Reads only."""

from __future__ import annotations

from pathlib import Path

from publisher.model.errors import SiteError


def page_names(path: str) -> list[str]:
    """Give the files that may stand for a path, best first."""
    bare = path.strip("/")
    if not bare:
        return ["index.html"]
    if path.endswith("/"):
        return [f"{bare}/index.html", f"{bare}.html"]
    return [f"{bare}.html", f"{bare}/index.html", bare]


def find_page(output: Path, path: str) -> Path | None:
    """Find the file that a static host would serve for ``path``, percent-decoded.

    :raises SiteError: when the path leads out of the output, or is none.
    """
    try:
        root = output.resolve()
        files = [(root / name).resolve() for name in page_names(path)]
        if not all(file.is_relative_to(root) for file in files):
            raise SiteError(f"the path {path!r} leads out of the output {output}")
        return next((file for file in files if file.is_file()), None)
    except (OSError, ValueError, RuntimeError) as error:  # a NUL; a loop of links
        raise SiteError(f"the path {path!r} cannot be read in the output: {error}") from None
