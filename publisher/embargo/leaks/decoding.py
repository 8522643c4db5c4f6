"""What the files of a built site say: bytes become texts, and texts lose markup and escapes.

Files are judged by what they hold, not by their names. What packs or writes a text otherwise is
undone here; which words a text has, and whose they are, is for ``fingerprints``.
"""

from __future__ import annotations

import binascii
import codecs
import html
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path
from urllib.parse import unquote_to_bytes

import regex

from publisher.embargo.leaks.unpacking import Budget, Data, guessed, packed_kind, unpack
from publisher.model.errors import SiteError
from publisher.system.files import reason

PACKED_DEPTH = 2  # a book in a compressed file; more is refused
PIECE_BYTES = 1 << 20  # texts are handed out in pieces, so that a large file needs no large memory
OVERLAP_BYTES = 1 << 14  # what one cut tears apart is whole in the next piece
REMARK_BYTES = 1 << 16  # where images, fonts and films have their texts: at the head or the tail
LEVELS = 4  # how often escapes are undone: JSON in an attribute in JSON has three
SHORTEST_TAG = 18  # three words of fifteen letters do not fit into less
MAPPED_BYTES = 1 << 22  # a larger file is not loaded whole
SHORTEST_TEXT = 8  # characters by which a wide encoding is known


def texts_of(file: Path) -> Iterator[str]:
    """Give what a file says, with its name first.

    :raises SiteError: when it cannot be read or unpacked, whatever is in it.
    """
    try:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SiteError("is no regular file")
            if status.st_size < MAPPED_BYTES:
                yield from texts(stream.read(), name=file.name)
            else:
                with mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
                    yield from texts(data, name=file.name)
    except OSError as error:
        raise SiteError(f"cannot be read: {reason(error)}") from None
    except SiteError:
        raise
    except Exception as error:  # anybody's file may be odd in a way that no library expects
        raise SiteError(f"cannot be understood: {type(error).__name__}: {error}") from error


def texts(data: Data, *, name: str, budget: Budget | None = None, depth: int = 0) -> Iterator[str]:
    """Give all that a file says, in pieces that overlap.

    Compressed files and zip containers are opened, base64 ``data:`` URLs and the source maps in
    them likewise. Of images, fonts and films only head and tail are read, as they stand.

    :raises SiteError: when something packed cannot be opened, or is too much; it says only why.
    """
    budget = budget or Budget()
    kind = _kind(data, name)
    if kind == "media":
        yield from _remarks(data)
    elif kind in {"text", "binary"}:
        yield from _pieces(data)
        for embedded in (*_embedded(data), *(guessed(data, budget) if kind == "binary" else ())):
            yield from texts(embedded, name="", budget=budget, depth=depth)
    elif depth == PACKED_DEPTH:
        raise SiteError("is packed more than twice")
    else:
        for inner_name, inner in unpack(kind, data, name, budget):
            yield from texts(inner, name=inner_name, budget=budget, depth=depth + 1)


# --- what a file is -------------------------------------------------------------------------

_MEDIA = (
    *(b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00"),
    *(b"wOFF", b"wOF2", b"OTTO", b"\x00\x01\x00\x00\x00", b"ttcf"),
    *(b"ID3", b"\xff\xfb", b"OggS", b"fLaC", b"\x1aE\xdf\xa3"),
)
_MEDIA_LATER = {4: (b"ftyp",), 8: (b"WEBP", b"WAVE", b"AVI ")}


_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # no text has any, as bytes


def _kind(data: Data, name: str) -> str:
    head = data[:1024]
    packed = packed_kind(data)
    if packed and not _is_text(data):
        return packed
    if _looks_like_media(head) and _CONTROL.search(head):
        return "media"
    if name.endswith(".br"):
        return "brotli"  # which has no mark of its own
    return "binary" if _is_binary(head) else "text"


def _looks_like_media(head: bytes) -> bool:
    later = (head[at:].startswith(marks) for at, marks in _MEDIA_LATER.items())
    return head.startswith(_MEDIA) or any(later)


def _is_text(data: Data) -> bool:
    """Tell whether a file is text from end to end, whatever it begins with."""
    if _CONTROL.search(data):
        return False
    try:
        data[:].decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_binary(head: bytes) -> bool:
    try:
        head[:-3].decode()
    except UnicodeDecodeError:
        return True
    return b"\x00" in head


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
_WIDE = re.compile(rb"(?:[\t\n\r -~\xa0-\xff]\x00){8,}")  # UTF-16 amid other bytes
_WIDE_REVERSED = re.compile(rb"(?:\x00[\t\n\r -~\xa0-\xff]){8,}")
_LEGIBLE = re.compile(rb"[^\x00-\x08\x0e-\x1f\x7f]{32,}")  # amid other bytes, in any encoding
_NO_TEXT = regex.compile(r"[\p{Cn}\p{Co}\p{Cs}\x00-\x08\x0e-\x1f\x7f-\x9f]")
_BASE64 = re.compile(rb";base64,((?:[A-Za-z0-9+/=_-]|%[0-9A-Fa-f]{2}|\\[/nr]|\\u002[bBfF]){16,})")


def _pieces(data: Data) -> Iterator[str]:
    """Give a text in pieces; in each encoding that it may have when it does not say which.

    What is UTF-8 without NUL bytes, as most of a site, is read once.
    """
    head = data[:1024]
    marked = next((codec for mark, codec in _MARKS if head.startswith(mark)), "")
    for start in range(0, len(data), PIECE_BYTES):
        piece = data[max(0, start - OVERLAP_BYTES) : start + PIECE_BYTES]
        text = piece.decode(marked or "utf-8", "replace")
        yield text
        if marked:
            continue
        is_torn = "\ufffd" in text[4:-4]  # what is torn by the cut is in the overlap
        if is_torn:
            legible = b"\n".join(_LEGIBLE.findall(piece)) if b"\x00" in piece else piece
            with suppress(LookupError, UnicodeError):
                yield legible.decode(_declared(head), "replace")
        if is_torn or b"\x00" in piece:
            yield from (piece.decode(codec, "replace") for codec in _guess(head))
            yield _amid(piece)


def _declared(head: bytes) -> str:
    """Give the encoding that a text names, other than UTF-8."""
    found = _DECLARED.search(head)
    named = found[1].decode().lower() if found else "utf-8"
    return "cp1252" if named in ("utf-8", "utf8") else named


def _guess(head: bytes) -> list[str]:
    """Give the wide encodings without a mark in which this is text."""
    found = []
    for codec in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        with suppress(UnicodeDecodeError):
            text = codecs.getincrementaldecoder(codec)().decode(head)
            if len(text) >= SHORTEST_TEXT and not _NO_TEXT.search(text):
                found.append(codec)
    return found


def _amid(piece: bytes) -> str:
    """Give what is written in UTF-16 amid other bytes, in most scripts of Europe."""
    little = b"\n\x00".join(_WIDE.findall(piece)).decode("utf-16-le")
    big = b"\x00\n".join(_WIDE_REVERSED.findall(piece)).decode("utf-16-be")
    return f"{little}\n{big}"


def _remarks(data: Data) -> Iterator[str]:
    """Give the texts at the head and the tail of an image, a font or a film."""
    for part in (data[:REMARK_BYTES], data[max(REMARK_BYTES, len(data) - REMARK_BYTES) :]):
        yield b"\n".join(_PRINTABLE.findall(part)).decode(errors="replace")
        yield _amid(part)


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
# Of many backslashes each begins at the first: else every one of them would be looked at from
# every other. For the same reason what is opened ends at the next opening, here and elsewhere.
_UNITS = re.compile(r"(?<!\\)(?:\\+u[0-9a-fA-F]{4})+")
_POINT = re.compile(r"(?<!\\)\\+u\{([0-9a-fA-F]{1,6})\}")
_BYTES = re.compile(r"(?<!\\)(?:\\+x[0-9a-fA-F]{2})+")
_NUMBERED = re.compile(r"\\[0-7]")
_OCTAL = re.compile(r"(?<!\\)(?:\\+[0-3]?[0-7]{2}(?!\d))+")  # JavaScript, Python, C
_PADDED = re.compile(r"(?<!\\)\\+00([0-9a-fA-F]{2}(?:[0-9a-fA-F]{2})?)(?:\r\n|\s)?")  # CSS
_CONTINUED = re.compile(r"(?<!\\)\\+\r?\n")
_BLANK = re.compile(r"(?<!\\)\\+[nrtbfv]")
_SOFT_BREAK = re.compile(r"(?<=\w)=\r?\n(?=\w)|=20(?=\r?\n)")  # quoted-printable: mail
_QUOTED = re.compile(r"(?:=[89A-F][0-9A-F]){2,}")
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
        if _NUMBERED.search(text):
            text = _OCTAL.sub(_from_octal, _PADDED.sub(_from_point, text))
        text = _BLANK.sub(" ", _CONTINUED.sub("", text))
    if "&" in text:
        text = html.unescape(text)
    if "=\n" in text or "=\r\n" in text:
        text = _QUOTED.sub(_from_quoted, _SOFT_BREAK.sub("", text))
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
    return _decoded(bytes.fromhex(found[0].replace("\\", "").replace("x", "")))


def _from_octal(found: re.Match[str]) -> str:
    return _decoded(bytes(int(code, 8) for code in found[0].split("\\") if code))


def _from_quoted(found: re.Match[str]) -> str:
    return _decoded(bytes.fromhex(found[0].replace("=", "")))


def _decoded(written: bytes) -> str:
    """JavaScript means characters by them, most other languages bytes of UTF-8."""
    try:
        return written.decode()
    except UnicodeDecodeError:
        return written.decode("latin-1")
