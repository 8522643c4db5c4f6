"""What the files of a built site say: bytes become texts, and texts lose markup and escapes.

Files are judged by what they hold, not by their names. What packs or writes a text otherwise is
undone here; which words a text has, and whose they are, is for ``fingerprints``.
"""

from __future__ import annotations

import binascii
import bz2
import gzip
import html
import importlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from mmap import mmap
from typing import IO
from urllib.parse import unquote_to_bytes

import brotli  # type: ignore[import-untyped]

from publisher.errors import SiteError

Data = bytes | mmap

UNPACKED_BYTES = 200_000_000  # more is refused: it is a bomb, or nobody waits for it
PACKED_DEPTH = 2  # a book in a compressed file; more is refused
PIECE_BYTES = 1 << 20  # texts are handed out in pieces, so that a large file needs no large memory
OVERLAP_BYTES = 1 << 14  # what one cut tears apart is whole in the next piece
REMARK_BYTES = 1 << 16  # where images, fonts and films have their texts: at the head or the tail
LEVELS = 4  # how often escapes are undone: JSON in an attribute in JSON has three
SHORTEST_TAG = 18  # three words of fifteen letters do not fit into less
_CHUNK_BYTES = 1 << 16


class Room:
    """How many bytes one file may still unpack, all that is packed within it together."""

    def __init__(self) -> None:
        self.left = UNPACKED_BYTES

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise SiteError(f"unpacks to more than {UNPACKED_BYTES // 1_000_000} MB")


def texts(data: Data, *, name: str, room: Room | None = None, depth: int = 0) -> Iterator[str]:
    """Give all that a file says, in pieces that overlap.

    Compressed files and zip containers are opened, base64 ``data:`` URLs and the source maps in
    them likewise. Of images, fonts and films only head and tail are read, as they stand.

    :raises SiteError: when something packed cannot be opened, or is too much; it says only why.
    """
    room = room or Room()
    kind = _kind(data, name)
    if kind == "media":
        yield from _remarks(data)
    elif kind in {"text", "binary"}:
        yield from _pieces(data)
        for embedded in (*_embedded(data), *(_guessed(data, room) if kind == "binary" else ())):
            yield from texts(embedded, name="", room=room, depth=depth)
    elif depth == PACKED_DEPTH:
        raise SiteError("is packed more than twice")
    else:
        for inner_name, inner in _unpack(kind, data, name, room):
            yield from texts(inner, name=inner_name, room=room, depth=depth + 1)


# --- what is packed -------------------------------------------------------------------------

_PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"LZIP", "lzip"),
    (b"\x1f\x9d", "compress"),
)
_MEDIA = (
    *(b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00"),
    *(b"wOFF", b"wOF2", b"OTTO", b"\x00\x01\x00\x00\x00", b"ttcf"),
    *(b"ID3", b"\xff\xfb", b"OggS", b"fLaC", b"\x1aE\xdf\xa3"),
)
_MEDIA_LATER = {4: (b"ftyp",), 8: (b"WEBP", b"WAVE", b"AVI ")}


def _kind(data: Data, name: str) -> str:
    head = data[:16]
    for magic, kind in _PACKED:
        if head.startswith(magic):
            return kind
    if head.startswith(_MEDIA) or any(head[at:].startswith(m) for at, m in _MEDIA_LATER.items()):
        return "media"
    if name.endswith(".br"):
        return "brotli"  # which has no mark of its own
    return "binary" if _is_binary(data[:1024]) else "text"


def _is_binary(head: bytes) -> bool:
    try:
        head[:-3].decode()
    except UnicodeDecodeError:
        return True
    return b"\x00" in head


def _guessed(data: Data, room: Room) -> Iterator[bytes]:
    """Give what is packed in a way that has no mark, if it is packed like that."""
    for inflate in (_inflate, _inflate_brotli):
        with suppress(zlib.error, brotli.error, EOFError):
            yield b"".join(inflate(data, room))


def _unpack(kind: str, data: Data, name: str, room: Room) -> Iterator[tuple[str, bytes]]:
    """Give what is in a packed file, with names.

    :raises SiteError: when it cannot be opened, or there is too much in it.
    """
    bare = name.rpartition("/")[2].rpartition(".")[0]
    try:
        if kind == "zip":
            yield from _members(data, room)
        elif kind == "brotli":
            yield bare, b"".join(_inflate_brotli(data, room))
        elif kind == "zlib":
            yield bare, b"".join(_inflate(data, room))
        else:
            with _stream(kind, BytesIO(data)) as stream:
                yield bare, b"".join(_read(stream, room))
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise SiteError(f"is no whole {kind} file: {error}") from None
    except (zlib.error, lzma.LZMAError, brotli.error, zipfile.BadZipFile) as error:
        raise SiteError(f"is no whole {kind} file: {error}") from None


def _stream(kind: str, packed: BytesIO) -> IO[bytes]:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=packed)  # type: ignore[return-value]
    if kind == "bzip2":
        return bz2.BZ2File(packed)
    if kind == "xz":
        return lzma.LZMAFile(packed)
    if kind == "zstd":
        with suppress(ImportError):  # Python 3.14 has it
            opened: IO[bytes] = importlib.import_module("compression.zstd").ZstdFile(packed)
            return opened
    raise SiteError(f"is packed with {kind}, which cannot be opened here")


def _members(data: Data, room: Room) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(BytesIO(data)) as container:
        for info in container.infolist():
            if not info.is_dir():
                with container.open(info) as stream:
                    yield info.filename, b"".join(_read(stream, room))


def _read(stream: IO[bytes], room: Room) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        room.take(len(chunk))
        yield chunk


def _inflate(data: Data, room: Room) -> Iterator[bytes]:
    opener = zlib.decompressobj()
    for start in range(0, len(data) + 1, _CHUNK_BYTES):
        rest = data[start : start + _CHUNK_BYTES]
        while not opener.eof:
            chunk = opener.decompress(rest, _CHUNK_BYTES)
            rest = opener.unconsumed_tail
            if not (chunk or rest):
                break
            room.take(len(chunk))
            yield chunk
    if not opener.eof:
        raise EOFError("its end is missing")


def _inflate_brotli(data: Data, room: Room) -> Iterator[bytes]:
    opener = brotli.Decompressor()
    for start in range(0, len(data) + 1, _CHUNK_BYTES):
        rest = data[start : start + _CHUNK_BYTES]
        while not opener.is_finished():
            chunk = opener.process(rest, output_buffer_limit=_CHUNK_BYTES)
            rest = b""
            if not chunk:
                break
            room.take(len(chunk))
            yield chunk
    if not opener.is_finished():
        raise EOFError("its end is missing")


# --- what is written ------------------------------------------------------------------------

_MARKS = (  # byte order marks; the longer ones first
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xef\xbb\xbf", "utf-8"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)=["']?([A-Za-z][\w.:-]+)""")
_PRINTABLE = re.compile(rb"(?:[\t\n\r -~]|[\xc2-\xf4][\x80-\xbf]{1,3}){16,}")
_WIDE = re.compile(rb"(?:[\t\n\r -~]\x00){8,}")  # UTF-16 amid other bytes
_BASE64 = re.compile(rb";base64,((?:[A-Za-z0-9+/=_-]|%[0-9A-Fa-f]{2}|\\[/nr]|\\u002[bBfF]){16,})")


def _pieces(data: Data) -> Iterator[str]:
    """Give a text in pieces; in each encoding that it may have when it does not say which."""
    head = data[:1024]
    codec = next((codec for mark, codec in _MARKS if head.startswith(mark)), "") or _wide(head)
    declared = _DECLARED.search(head)
    for start in range(0, len(data), PIECE_BYTES):
        piece = data[max(0, start - OVERLAP_BYTES) : start + PIECE_BYTES]
        text = piece.decode(codec or "utf-8", "replace")
        yield text
        if codec or "\ufffd" not in text[4:-4]:
            continue  # what is torn by the cut is in the overlap
        if b"\x00" in piece:
            yield b"\n\x00".join(_WIDE.findall(piece)).decode("utf-16-le")
        else:
            with suppress(LookupError):
                yield piece.decode(declared[1].decode() if declared else "cp1252", "replace")


def _remarks(data: Data) -> Iterator[str]:
    """Give the texts at the head and the tail of an image, a font or a film."""
    for part in (data[:REMARK_BYTES], data[max(REMARK_BYTES, len(data) - REMARK_BYTES) :]):
        yield b"\n".join(_PRINTABLE.findall(part)).decode(errors="replace")
        yield b"\n\x00".join(_WIDE.findall(part)).decode("utf-16-le")


def _wide(head: bytes) -> str:
    """Give the codec of UTF-16 without a mark: every other byte is zero, in most scripts."""
    if len(head) >= 16:
        if head[1::2].count(0) > len(head) * 0.4:
            return "utf-16-le"
        if head[::2].count(0) > len(head) * 0.4:
            return "utf-16-be"
    return ""


def _embedded(data: Data) -> Iterator[bytes]:
    """Give what base64 data URLs hold."""
    if data.find(b";base64,") < 0:
        return
    for found in _BASE64.finditer(data):
        written = re.sub(rb"\\u002([bBfF])", _slash_or_plus, found[1])
        written = re.sub(rb"\\[nr]|\\|=", b"", unquote_to_bytes(written))
        written = written.translate(bytes.maketrans(b"-_", b"+/"))
        whole = written[: len(written) - (len(written) % 4 == 1)]
        with suppress(binascii.Error):
            yield binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def _slash_or_plus(found: re.Match[bytes]) -> bytes:
    return b"+" if found[1] in b"bB" else b"/"


# --- markup and escapes ---------------------------------------------------------------------

TAG = re.compile(r"<([a-zA-Z/!?][^<>]*)>")
_GLUE = re.compile(  # what stands amid a word as well as between two
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span"
    r"|strong|sub|sup|time|tt|u|var|wbr)(?:[\s/][^<>]*)?>|<!--[^<>]*-->",
    re.IGNORECASE,
)
_UNITS = re.compile(r"(?:\\+u[0-9a-fA-F]{4})+")
_POINT = re.compile(r"\\+u\{([0-9a-fA-F]{1,6})\}")
_BYTES = re.compile(r"(?:\\+x[0-9a-fA-F]{2})+")
_CONTINUED = re.compile(r"\\+\r?\n")
_BLANK = re.compile(r"\\+[nrtbfv]")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")


def plain(text: str, *, levels: int = LEVELS) -> Iterator[str]:
    """Give a text without markup and escapes; then what stood inside its tags, likewise.

    Escapes are undone until nothing changes, so that a text comes out the same however often it
    was wrapped. Any number of backslashes counts as one.
    """
    tags: dict[str, None] = {}
    for _ in range(levels):
        if "<" in text:
            tags.update(dict.fromkeys(TAG.findall(text)))
            text = TAG.sub(" ", _GLUE.sub("", text))
        undone = _undo(text)
        if undone == text:
            break
        text = undone
    yield text
    inside = "\n".join(tag for tag in tags if len(tag) >= SHORTEST_TAG)
    if inside and levels > 1:
        yield from plain(inside, levels=levels - 1)


def _undo(text: str) -> str:
    if "\\" in text:
        text = _UNITS.sub(_from_units, text)
        text = _POINT.sub(_from_point, text)
        text = _BYTES.sub(_from_bytes, text)
        text = _BLANK.sub(" ", _CONTINUED.sub("", text))
    if "&" in text:
        text = html.unescape(text)
    if "%" in text:
        text = _PERCENT.sub(lambda found: unquote_to_bytes(found[0]).decode(errors="replace"), text)
    return text


def _from_units(found: re.Match[str]) -> str:
    units = bytes.fromhex(found[0].replace("\\", "").replace("u", ""))
    return units.decode("utf-16-be", "replace")


def _from_point(found: re.Match[str]) -> str:
    with suppress(ValueError, OverflowError):
        return chr(int(found[1], 16))
    return " "


def _from_bytes(found: re.Match[str]) -> str:
    """JavaScript means characters by them, most other languages bytes of UTF-8."""
    written = bytes.fromhex(found[0].replace("\\", "").replace("x", ""))
    try:
        return written.decode()
    except UnicodeDecodeError:
        return written.decode("latin-1")
