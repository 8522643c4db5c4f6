"""Finds the image that a post names: a file that is public anyway, and an image by its content.

A post names what is to be sent to other services, so it can name nothing else: no other file of
the project, and no image of another post.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from publisher.config.settings import SiteSettings
from publisher.generators.file_kinds import INDEX_PAGES
from publisher.model.errors import PublisherError
from publisher.system.tree import compile_globs

_HEAD = 1024  # bytes that tell what a file is
_MAGIC = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM|II\*\0|MM\0\*|\0\0\x01\0"
    rb"|....ftyp(?:avif|avis|heic|heix|mif1)|\xff\x0a|\0\0\0\x0cJXL |"
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundImage:
    path: str  # below the root, posix
    url: str  # absolute; "" where only the generator knows it


def is_image(head: bytes) -> bool:
    """Tell whether a file that begins like this is an image."""
    return _MAGIC.match(head) is not None


def find_image(source: str, site: SiteSettings, post: str) -> FoundImage:
    """Find what ``source`` means in the post at the path ``post`` below the root.

    :raises PublisherError: when it means no image that is public, or the post's own.
    """
    shown = f"{source[:80]!r}"
    parts = urlsplit(source)
    name, is_elsewhere = unquote(parts.path), bool(parts.scheme or parts.netloc)
    if not name.strip("/") or "\0" in name or len(name) > 1000 or is_elsewhere:
        raise PublisherError(f"{shown} is not the path of an image", hint="write /images/bench.jpg")
    root = site.root.resolve()
    own = root / PurePosixPath(post).parent
    public = [root / folder for folder in site.generator.public]
    is_absolute = name.startswith("/")
    tried = [folder / name.lstrip("/") for folder in public] if is_absolute else [own / name]
    files = (file for path in tried if (file := _file_at(path)) is not None)
    file = next(files, None)
    if file is None:
        raise PublisherError(f"there is no file for {shown}", hint=_where(site))
    folder = next((f for f in public if _is_public(file, f)), None)
    is_own = PurePosixPath(post).name in INDEX_PAGES and _is_public(file, own)
    if not (is_own or folder) or _is_of_another(file, own, root, site):
        raise PublisherError(f"{shown} is not in a folder of public images", hint=_where(site))
    if not _looks_like_image(file):
        raise PublisherError(f"{shown} is not an image", hint="name a PNG, JPEG, GIF or WebP file")
    path = file.relative_to(root).as_posix()
    if is_absolute:
        return FoundImage(path=path, url=site.url + quote(source, safe="/%?=&~!$'()*+,;:@"))
    is_served = folder is not None and not is_own
    place = file.relative_to(folder).as_posix() if folder is not None and is_served else ""
    return FoundImage(path=path, url=f"{site.url}/{quote(place)}" if place else "")


def _file_at(path: Path) -> Path | None:
    try:
        file = path.resolve()
        return file if file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _is_public(file: Path, folder: Path) -> bool:
    """Tell whether a file is below a folder, and nothing on the way to it is hidden."""
    if not file.is_relative_to(folder):
        return False
    hidden = (".", "_", "node_modules")
    return not any(part.startswith(hidden) for part in file.relative_to(folder).parts)


def _is_of_another(file: Path, own: Path, root: Path, site: SiteSettings) -> bool:
    """Tell whether a file lies in the folder of another post."""
    globs = compile_globs(site.posts)
    for folder in file.parents:
        if folder in (own, root):
            return False
        for page in INDEX_PAGES if folder.is_relative_to(root) else ():
            place = (folder / page).relative_to(root).as_posix()
            if globs.matches(place) and (folder / page).exists():
                return True
    return False


def _looks_like_image(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            return is_image(content.read(_HEAD))
    except OSError:
        return False


def _where(site: SiteSettings) -> str:
    places = ", ".join(f"{folder or '.'}/" for folder in site.generator.public)
    return f"looked below {places} in {site.root.name}/; a post that has a folder may use its own"
