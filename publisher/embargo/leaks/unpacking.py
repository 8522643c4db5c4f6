"""Opens what is packed: compressed files and containers, as far as a bound allows."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from mmap import mmap
from typing import IO, Any

import brotli  # type: ignore[import-untyped]

from publisher.model.errors import SiteError

Data = bytes | mmap

UNPACKED_BYTES = 200_000_000  # more is refused: it is a bomb, or nobody waits for it
_CHUNK_BYTES = 1 << 16


class Budget:
    """How many bytes one file may still unpack, all that is packed within it together."""

    def __init__(self) -> None:
        self.left = UNPACKED_BYTES

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise SiteError(f"unpacks to more than {UNPACKED_BYTES // 1_000_000} MB")


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


def packed_kind(data: Data) -> str:
    """Tell by its mark how a file is packed; "" when it has none."""
    head = data[:16]
    return next((kind for magic, kind in _PACKED if head.startswith(magic)), "")


def guessed(data: Data, budget: Budget) -> Iterator[bytes]:
    """Give what is packed in a way that has no mark, if it is packed like that."""
    for kind in ("zlib", "brotli"):
        with suppress(zlib.error, brotli.error, EOFError):
            yield b"".join(_inflate(kind, data, budget))


def unpack(kind: str, data: Data, name: str, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """Give what is in a packed file, with names.

    :raises SiteError: when it cannot be opened, or there is too much in it.
    """
    bare = name.rpartition("/")[2].rpartition(".")[0]
    try:
        if kind == "zip":
            yield from _members(data, budget)
        elif kind in ("brotli", "zlib"):
            yield bare, b"".join(_inflate(kind, data, budget))
        else:
            with _stream(kind, BytesIO(data)) as stream:
                yield bare, b"".join(_read(stream, budget))
    except (
        *(OSError, EOFError, ValueError, RuntimeError),
        *(zlib.error, lzma.LZMAError, brotli.error, zipfile.BadZipFile),
    ) as error:
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


def _members(data: Data, budget: Budget) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(BytesIO(data)) as container:
        for info in container.infolist():
            if not info.filename.endswith("/"):  # is_dir() of Python 3.11 fails without a name
                with container.open(info) as stream:
                    yield info.filename, b"".join(_read(stream, budget))


def _read(stream: IO[bytes], budget: Budget) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        budget.take(len(chunk))
        yield chunk


def _inflate(kind: str, data: Data, budget: Budget) -> Iterator[bytes]:
    """Unpack what brotli or zlib packed, a bounded piece at a time."""
    opener: Any = brotli.Decompressor() if kind == "brotli" else zlib.decompressobj()

    def step(rest: bytes) -> tuple[bytes, bytes, bool]:
        if kind == "brotli":
            chunk = opener.process(rest, output_buffer_limit=_CHUNK_BYTES)
            return chunk, b"", opener.is_finished()
        return opener.decompress(rest, _CHUNK_BYTES), opener.unconsumed_tail, opener.eof

    is_over = False
    for start in range(0, len(data) + 1, _CHUNK_BYTES):
        rest = data[start : start + _CHUNK_BYTES]
        while not is_over:
            chunk, rest, is_over = step(rest)
            budget.take(len(chunk))
            yield chunk
            if not (chunk or rest):
                break
    if not is_over:
        raise EOFError("its end is missing")
