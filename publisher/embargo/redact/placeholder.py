"""Makes the placeholder of an image: its format and size, in one colour, and nothing else of it."""

from __future__ import annotations

import gzip
import re
import warnings
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

PIXELS_MAX = 100_000_000  # what is larger is not decoded: it may be a bomb
DEFAULT_SIZE = (1200, 630)  # as cards want it
_GREY = (128, 128, 128)

_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".gif": "GIF",
    ".webp": "WEBP",
    ".avif": "AVIF",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".ico": "ICO",
}
_READ = tuple(sorted(set(_FORMATS.values())))
_TURNED = {5, 6, 7, 8}  # values of Exif's orientation that swap width and height
_ORIENTATION = 0x0112
_ICON_MAX = 256

_SVG = re.compile(rb"""<(?:\w+:)?svg\b((?:[^<>"']|"[^"]*"|'[^']*')*)>""")
_SVG_HEAD = 16 * 1024
_LENGTH = re.compile(r"\d{1,6}(?:\.\d{1,6})?(?:px|em|rem|ex|pt|pc|cm|mm|in|%)?")
_NUMBER = r"-?\d{1,6}(?:\.\d{1,6})?"
_BOX = re.compile(rf"({_NUMBER})[\s,]+({_NUMBER})[\s,]+({_NUMBER})[\s,]+({_NUMBER})")


def placeholder(data: bytes, name: str) -> bytes:
    """Make the placeholder of an image file, the same bytes for the same image.

    It has the size and the mean colour of the image as it is shown (of its first frame), and
    none of its metadata. An image that cannot be read, or is too large to be, gives a grey one of
    ``DEFAULT_SIZE`` in the format its name says; PNG for a name that says none.
    """
    suffix = PurePosixPath(name.lower()).suffix
    if suffix in {".svg", ".svgz"}:
        svg = _svg(data)
        return gzip.compress(svg, mtime=0) if suffix == ".svgz" else svg
    found = _read(data)
    if found is None:
        return _write(_FORMATS.get(suffix, "PNG"), DEFAULT_SIZE, _GREY)
    return _write(*found)


def _read(data: bytes) -> tuple[str, tuple[int, int], tuple[int, int, int]] | None:
    """Give format, size and mean colour; ``None`` for what cannot be read."""
    from PIL import Image, ImageStat

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of broken metadata: none of it is kept
        try:
            with Image.open(BytesIO(data), formats=_READ) as image:
                if image.width * image.height > PIXELS_MAX:
                    return None
                orientation = image.getexif().get(_ORIENTATION)
                width, height = image.size
                image.draft("RGB", (64, 64))  # JPEG: decode no more than the mean needs
                red, green, blue = ImageStat.Stat(image.convert("RGB")).mean
                name = str(image.format)
        except Exception:  # noqa: BLE001 - decoders raise what they like on broken data
            return None
    size = (height, width) if orientation in _TURNED else (width, height)
    return name, size, (round(red), round(green), round(blue))


def _write(name: str, size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
    from PIL import Image

    if name == "ICO":
        size = (min(size[0], _ICON_MAX), min(size[1], _ICON_MAX))
    options: dict[str, Any] = {"sizes": [size]} if name == "ICO" else {}
    if name == "WEBP":
        options["lossless"] = True
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, format=name, **options)
    return buffer.getvalue()


def _svg(data: bytes) -> bytes:
    """Draw one rectangle as large as the drawing; its colours are anyone's guess, so grey."""
    found = _SVG.search(data[:_SVG_HEAD])
    head = found[1].decode(errors="replace") if found else ""
    given = {
        key: (re.search(rf"""\s{key}\s*=\s*["']([^"']*)["']""", head) or ["", ""])[1].strip()
        for key in ("width", "height", "viewBox")
    }
    width, height = DEFAULT_SIZE
    box = _BOX.fullmatch(given["viewBox"])
    attributes = [
        f'{key}="{given[key]}"' for key in ("width", "height") if _LENGTH.fullmatch(given[key])
    ]
    if box:
        attributes.append(f'viewBox="{" ".join(box.groups())}"')
    elif not attributes:
        attributes = [f'width="{width}"', f'height="{height}"']
    left, top = box.groups()[:2] if box else ("0", "0")
    rectangle = f'<rect x="{left}" y="{top}" width="100%" height="100%" fill="#808080"/>'
    root = f'<svg xmlns="http://www.w3.org/2000/svg" {" ".join(attributes)}>'
    return f"{root}{rectangle}</svg>\n".encode()
