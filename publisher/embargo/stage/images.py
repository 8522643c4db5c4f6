"""Says which images are under embargo, and what is shown in the place of each. Pure.

An image is under embargo when an unreleased text shows it and no public one does. What a text
shows may be written in ways that only its generator understands; where its path leads to no file,
every image is meant that ends like it, at worst every one of that name. A public text that only
says the name of a file means none that lies with unreleased texts: themes name `cover.png` for all.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from html import unescape
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit

from publisher.config.settings import SiteSettings
from publisher.generators.file_kinds import IMAGES

UNWRITABLE = frozenset({".heic", ".heif", ".jxl"})  # their placeholders are PNG files
# Below the root, what generators copy as it is.
PUBLIC_FOLDERS = ("public", "docs/public", "src/public", "static", "")
NAME_LENGTH = 300  # of a file's path in a text; longer ones are not looked for
NAME_WORDS = 8

_END = re.compile(rf"\.(?:{'|'.join(s[1:] for s in sorted(IMAGES))})(?![\w-])", re.IGNORECASE)
_BETWEEN = re.compile(r"[\0\\\"'()<>\[\]{}\r\n\t|=`:]")
_EXACT = 1000  # more than the parts of any path
_ALIAS = ("@", "~", "#")  # begin paths that a bundler resolves

Placeholder = tuple[str, str]  # path of the file to make, path of the original or "" for none


def mentions_in(text: str) -> tuple[str, ...]:
    """Give the paths of image files that a text holds, each with the words before it.

    Of a path that a program puts together there is the name only: ``*/name``.
    """
    text = text.replace("\\/", "/")  # JSON
    found: set[str] = set()
    for match in _END.finditer(text):
        before = text[max(0, match.start() - NAME_LENGTH) : match.end()]
        written = _BETWEEN.split(before)[-1]
        is_made_up = before.removesuffix(written).endswith(("}", "\\"))
        found.add(f"*/{posixpath.basename(written)}" if is_made_up else written)
    return tuple(sorted(found))


def readings(mention: str) -> set[str]:
    """Give the paths that a mention may mean, however it is written."""
    found: set[str] = set()
    for form in {mention, unquote(mention), unescape(mention)}:
        words = form.split(" ")[-NAME_WORDS:]
        found.update(" ".join(words[n:]).strip(",;") for n in range(len(words)))
    return found


class Images:
    """The images of one site, by the texts that show them.

    ``files`` are the project's images and ``links`` its links, as paths from its folder;
    ``public`` are the folders and mentions of public texts, ``withheld`` the folders that hold
    unreleased texts and no public ones. ``embargoed`` grows with every ``place``.
    """

    def __init__(
        self,
        site: SiteSettings,
        root: str,
        *,
        files: Iterable[str],
        links: Collection[str],
        folders: Collection[str],
        public: Iterable[tuple[str, str]],
        withheld: Collection[str] = (),
    ) -> None:
        self._site = urlsplit(site.url)
        self._root = root
        self._links = links
        self._files = frozenset(files)
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for path in sorted(self._files):
            self._by_name[posixpath.basename(path)].append(path)
        self._withheld = withheld
        self._public = {path for page in public for path in self._mentioned(*page)}
        places = (_join(root, folder) for folder in PUBLIC_FOLDERS[:-1])
        self._published = next((place for place in places if place in folders), None)
        self._places: dict[tuple[str, str], tuple[str, tuple[Placeholder, ...]]] = {}
        self.embargoed: set[str] = set()

    def place(self, page: str, target: str) -> tuple[str, tuple[Placeholder, ...]]:
        """Give what a staged page shows for an image, and the files that it needs for that.

        ``target`` is as the text of the file ``page`` has it; one that public texts show, too,
        stays. A file that is missing, or elsewhere on the web, has a placeholder made from nothing.
        """
        key = (posixpath.dirname(page), target)
        known = self._places.get(key)
        if known is None:
            known = self._places[key] = self._find_place(*key)
        return known

    def hold(self, path: str) -> None:
        """Take an image beside an unreleased text for embargoed, unless it is public."""
        if path not in self._public:
            self.embargoed.add(path)

    def _find_place(self, folder: str, target: str) -> tuple[str, tuple[Placeholder, ...]]:
        written = self._path(target)
        files = self._meant(folder, written)
        hidden = [path for path in files if path not in self._public]
        if files and not hidden:
            return target, ()
        if hidden:
            self.embargoed.update(hidden)
            name = _neutral(hidden[0], hidden[0])
            made = tuple((_join(posixpath.dirname(path), name), path) for path in hidden)
            return _beside(target, name), made
        name = _neutral(f"{folder} {target}", written)
        return self._place_of_nothing(folder, target, written, name)

    def _place_of_nothing(
        self, folder: str, target: str, written: str, name: str
    ) -> tuple[str, tuple[Placeholder, ...]]:
        """Find a place for the placeholder of a file that is not there."""
        public = self._published
        if written.startswith("/") and public is not None:
            place = posixpath.normpath(f"{public}/{posixpath.dirname(written)}")
            if self._is_usable(place, public):
                return _beside(target, name), ((f"{place}/{name}", ""),)
        elif written and not written.startswith(("/", *_ALIAS)):
            place = posixpath.normpath(_join(folder, posixpath.dirname(written)))
            place = "" if place == "." else place
            if self._is_usable(place, self._root):
                return _beside(target, name), ((_join(place, name), ""),)
        elif not written and public is not None:
            return f"/{name}", ((f"{public}/{name}", ""),)
        return f"./{name}", ((_join(folder, name), ""),)

    def _is_usable(self, place: str, top: str) -> bool:
        is_below = not top or place == top or place.startswith(f"{top}/")
        parts = place.split("/")
        paths = ("/".join(parts[:n]) for n in range(1, len(parts) + 1))
        return is_below and ".." not in parts and not any(path in self._links for path in paths)

    def _path(self, target: str) -> str:
        """Give the path as written, decoded; "" for what is elsewhere or no path at all."""
        try:
            parts = urlsplit(target)
        except ValueError:
            return ""
        if (parts.scheme or parts.netloc) and not self._is_here(parts):
            return ""
        path = unquote(parts.path)
        return "" if "\0" in path or len(path) > 1000 else path

    def _is_here(self, parts: SplitResult) -> bool:
        is_web = parts.scheme in ("", "http", "https")
        return is_web and parts.netloc.lower() == self._site.netloc.lower()

    def _mentioned(self, folder: str, mention: str) -> Iterable[str]:
        """Give the files that a mention in a text means: of each name those that fit best."""
        best: dict[str, tuple[int, set[str]]] = {}
        for reading in readings(mention):
            name = posixpath.basename(reading)
            if name not in self._by_name:
                continue
            written = reading
            if reading.startswith("//"):
                parts = reading[2:].partition("/")
                is_here = parts[0].lower() == self._site.netloc.lower()
                written = f"/{parts[2]}" if is_here else f"*/{name}"
            fit, files = self._match(folder, written)
            if fit == 1:
                files = tuple(path for path in files if not self._is_withheld(path))
            known = best.get(name, (0, set()))
            if fit >= known[0]:
                best[name] = (fit, {*files, *(known[1] if fit == known[0] else ())})
        return [path for _, files in best.values() for path in files]

    def _is_withheld(self, path: str) -> bool:
        return any(str(folder) in self._withheld for folder in PurePosixPath(path).parents)

    def _meant(self, folder: str, written: str) -> tuple[str, ...]:
        """Give the files that a path means; where there is none, all that end like it."""
        return self._match(folder, written)[1]

    def _match(self, folder: str, written: str) -> tuple[int, tuple[str, ...]]:
        """Give those files, and how well they fit: by how many parts of the path."""
        alike = self._by_name.get(posixpath.basename(written))
        if alike is None:
            return 0, ()
        if written.startswith("/"):
            base = self._site.path.rstrip("/")
            bare = {written, written.removeprefix(base) if base else written}
            tops = [_join(self._root, public) for public in PUBLIC_FOLDERS]
            paths = [_join(top, path.lstrip("/")) for top in tops for path in bare]
        else:
            paths = [_join(folder, written)]
        exact = set(map(posixpath.normpath, paths))
        found = tuple(path for path in alike if path in exact)
        if found:
            return _EXACT, found
        parts = [part for part in written.split("/") if part not in ("", ".", "..")]
        for start in range(len(parts)):
            tail = "/" + "/".join(parts[start:])
            found = tuple(path for path in alike if f"/{path}".endswith(tail))
            if found:
                return len(parts) - start, found
        return 0, ()


def _join(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder and path else folder or path


def _neutral(secret: str, path: str) -> str:
    """Name a placeholder so that the name says nothing."""
    suffix = posixpath.splitext(path)[1].lower()
    digest = hashlib.sha256(os.fsencode(secret)).hexdigest()[:12]
    return f"embargoed-{digest}{suffix if suffix in IMAGES - UNWRITABLE else '.png'}"


def _beside(target: str, name: str) -> str:
    """Put another name in the place of the last part of a path as written."""
    path = re.split(r"[?#]", target, maxsplit=1)[0] if not target.startswith("#") else target
    return path[: path.rfind("/") + 1] + name
