"""Placeholders of images: format, size and mean colour, and nothing else of the image."""

from __future__ import annotations

import gzip
import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from publisher.embargo.redact.placeholder import DEFAULT_SIZE, placeholder

SECRET = "zanzibarquokka"
FORMATS = ("jpg", "png", "gif", "webp", "avif", "bmp", "tiff")
GREY = (128, 128, 128)


def a_picture(size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Image.Image:
    """Give a picture of which the left half is red and the right half blue."""
    image = Image.new("RGB", size, (200, 0, 0))
    ImageDraw.Draw(image).rectangle((size[0] // 2, 0, *size), fill=(0, 0, 100))
    return image.convert(mode)


def saved(image: Image.Image, suffix: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format={"jpg": "JPEG"}.get(suffix, suffix.upper()), **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def colour(data: bytes) -> tuple[int, ...]:
    """Give the one colour of an image."""
    colours = opened(data).convert("RGB").getcolors(maxcolors=16)
    assert colours is not None
    assert len(colours) == 1
    found = colours[0][1]
    assert isinstance(found, tuple)
    return found


def is_near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 6 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("suffix", FORMATS)
def test_it_has_format_size_and_mean_colour_of_the_image(suffix: str) -> None:
    original = saved(a_picture(), suffix)

    made = placeholder(original, f"/images/p.{suffix}")

    assert opened(made).format == opened(original).format
    assert opened(made).size == (60, 40)
    assert is_near(colour(made), (100, 0, 50))


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_image_gives_the_same_bytes(suffix: str) -> None:
    original = saved(a_picture(), suffix)

    assert placeholder(original, f"p.{suffix}") == placeholder(original, f"p.{suffix}")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_read(mode: str) -> None:
    made = placeholder(saved(a_picture(mode="L").convert(mode), "png"), "p.png")

    assert opened(made).size == (60, 40)
    assert len(set(colour(made))) == 1


def test_the_pixels_of_print_are_read() -> None:
    made = placeholder(saved(a_picture(mode="CMYK"), "jpg"), "p.jpg")

    assert opened(made).mode == "RGB"
    assert is_near(colour(made), (100, 0, 50))


def test_no_metadata_survives() -> None:
    exif = Image.Exif()
    exif[0x010E] = SECRET  # ImageDescription
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Description", SECRET)
    texts.add_itxt("Title", SECRET, zip=True)
    icc = SECRET.encode() * 20
    originals = {
        "p.jpg": saved(a_picture(), "jpg", exif=exif, icc_profile=icc, comment=SECRET),
        "p.png": saved(a_picture(), "png", exif=exif, pnginfo=texts, icc_profile=icc),
        "p.webp": saved(a_picture(), "webp", exif=exif, icc_profile=icc, xmp=SECRET.encode()),
        "p.avif": saved(a_picture(), "avif", exif=exif, xmp=SECRET.encode()),
        "p.gif": saved(a_picture(), "gif", comment=SECRET.encode()),
        "p.tiff": saved(a_picture(), "tiff", description=SECRET),
    }

    for name, original in originals.items():
        made = placeholder(original, name)

        assert original != made
        assert SECRET.encode() not in made
        assert not dict(opened(made).getexif()) or name == "p.tiff"
        assert {"icc_profile", "comment", "exif", "xmp"}.isdisjoint(opened(made).info)


@pytest.mark.parametrize(("orientation", "size"), [(1, (60, 40)), (3, (60, 40)), (6, (40, 60))])
def test_the_size_is_that_of_the_image_as_shown(orientation: int, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    assert opened(placeholder(saved(a_picture(), "jpg", exif=exif), "p.jpg")).size == size


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif"])
def test_of_a_moving_image_one_frame_is_left(suffix: str) -> None:
    frames = [Image.new("RGB", (20, 10), (200, n * 60, 0)) for n in range(4)]
    original = saved(frames[0], suffix, save_all=True, append_images=frames[1:], duration=100)

    made = opened(placeholder(original, f"p.{suffix}"))

    assert getattr(made, "n_frames", 1) == 1
    assert made.size == (20, 10)


def test_the_format_is_that_of_the_bytes_where_the_name_is_wrong() -> None:
    assert opened(placeholder(saved(a_picture(), "png"), "p.jpg")).format == "PNG"


UNREADABLE = {
    "nothing": b"",
    "text": b"This is no image.",
    "half": saved(a_picture((600, 400)), "png")[:-400],
    "half a photo": saved(a_picture((600, 400)), "jpg")[:700],
    "a header alone": b"\x89PNG\r\n\x1a\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("p.jpg", "JPEG"),
        ("P.JPEG", "JPEG"),
        ("p.png", "PNG"),
        ("p.gif", "GIF"),
        ("p.webp", "WEBP"),
        ("p.avif", "AVIF"),
        ("p.heic", "PNG"),
        ("p", "PNG"),
    ],
)
def test_what_cannot_be_read_gives_a_grey_image_in_the_format_of_its_name(
    data: bytes,
    name: str,
    format: str,  # noqa: A002
) -> None:
    made = placeholder(data, name)

    assert opened(made).format == format
    assert opened(made).size == DEFAULT_SIZE
    assert is_near(colour(made), GREY)


def a_chunk(kind: bytes, data: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + crc


def a_bomb(side: int) -> bytes:
    """Give a small PNG file that claims to be a large square of black and white."""
    header = a_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    pixels = a_chunk(b"IDAT", zlib.compress(b"\0" * 10_000_000))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + a_chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [10_001, 13_000, 50_000, 2**31 - 1])
def test_a_bomb_is_not_decoded(side: int) -> None:
    assert opened(placeholder(a_bomb(side), "p.png")).size == DEFAULT_SIZE


def test_an_icon_stays_one() -> None:
    made = placeholder(saved(a_picture((32, 32)), "ico"), "favicon.ico")

    assert opened(made).format == "ICO"
    assert opened(made).size == (32, 32)


# --- drawings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (
            'width="40" height="30px" viewBox="0 0 400 300"',
            'width="40" height="30px" viewBox="0 0 400 300"',
        ),
        ("viewBox='-5,-5, 10.5 10'", 'viewBox="-5 -5 10.5 10"'),
        ('width="100%"', 'width="100%"'),
        ("", 'width="1200" height="630"'),
        (f'width="{SECRET}" viewBox="{SECRET}"', 'width="1200" height="630"'),
    ],
)
def test_a_drawing_becomes_one_rectangle_as_large(head: str, expected: str) -> None:
    drawing = (
        f'<?xml version="1.0"?><!-- {SECRET} -->\n<svg xmlns="http://www.w3.org/2000/svg" '
        f'aria-label="a > {SECRET}" {head}><title>{SECRET}</title><text>{SECRET}</text></svg>'
    )

    made = placeholder(drawing.encode(), "p.svg").decode()

    assert made.startswith(f'<svg xmlns="http://www.w3.org/2000/svg" {expected}><rect ')
    assert made.count("<") == 3
    assert SECRET not in made


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"<svg " * 100_000, b'<svg "' * 10_000])
def test_a_broken_drawing_becomes_one_of_the_usual_size(data: bytes) -> None:
    made = placeholder(data, "P.SVG")

    assert b'width="1200" height="630"' in made


def test_a_packed_drawing_stays_packed() -> None:
    assert gzip.decompress(placeholder(b"", "p.svgz")).startswith(b"<svg ")
