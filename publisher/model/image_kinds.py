"""Says what kind of image a file is, by its content: names promise too much."""

from __future__ import annotations

import re
from enum import StrEnum

SAMPLE_BYTES = 4096  # of the beginning of a file; enough to tell


class ImageKind(StrEnum):
    JPEG = "JPEG"
    PNG = "PNG"
    GIF = "GIF"
    WEBP = "WebP"
    AVIF = "AVIF"
    HEIC = "HEIC"
    SVG = "SVG"
    TIFF = "TIFF"
    BMP = "BMP"


_SIGNS = (
    (ImageKind.JPEG, re.compile(rb"\xff\xd8\xff")),
    (ImageKind.PNG, re.compile(rb"\x89PNG\r\n\x1a\n")),
    (ImageKind.GIF, re.compile(rb"GIF8[79]a")),
    (ImageKind.WEBP, re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    (ImageKind.AVIF, re.compile(rb".{4}ftyp(?:avif|avis)", re.DOTALL)),
    (ImageKind.HEIC, re.compile(rb".{4}ftyp(?:hei[cmsx]|mif1|msf1)", re.DOTALL)),
    (ImageKind.TIFF, re.compile(rb"II\*\x00|MM\x00\*")),
    (ImageKind.BMP, re.compile(rb"BM.{12}[\x0c\x28\x38\x40\x6c\x7c]\x00\x00\x00", re.DOTALL)),
    (
        ImageKind.SVG,
        re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE|!--|svg)", re.IGNORECASE),
    ),
)


def kind_of(data: bytes) -> ImageKind | None:
    """Tell by its beginning what kind of image ``data`` is; ``None`` for anything else."""
    kind = next((kind for kind, sign in _SIGNS if sign.match(data)), None)
    if kind is ImageKind.SVG and b"<svg" not in data[:SAMPLE_BYTES].lower():
        return None
    return kind
