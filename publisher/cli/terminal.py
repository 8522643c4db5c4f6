"""What a process needs before its first line: names of files in UTF-8, and a terminal that copes.

The names of posts come from the names of their files. These must be the same for the daemon and
for a command in a terminal with another locale, so they are always read as UTF-8.
"""

from __future__ import annotations

import codecs
import os
import sys
from io import TextIOWrapper

ESCAPE = "publisher.escape"
OPTION = "publisher_terminal"  # as `python -X`: the encoding of the terminal


def prepare() -> None:
    """Read names of files as UTF-8, and escape what standard output cannot show."""
    codecs.register_error(ESCAPE, escape)
    if codecs.lookup(sys.getfilesystemencoding()).name != "utf-8":
        start_again()
    encoding = sys._xoptions.get(OPTION)  # noqa: SLF001 - documented in `sys`, with this name
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(
                encoding=encoding if isinstance(encoding, str) else None, errors=ESCAPE
            )


def start_again() -> None:
    """Replace this process by the same command in Python's UTF-8 mode."""
    encoding = sys.stdout.encoding if sys.stdout else "ascii"
    options = ["-X", "utf8", "-X", f"{OPTION}={encoding}"]
    os.execv(sys.executable, [sys.executable, *options, *sys.orig_argv[1:]])  # noqa: S606 - us


def escape(error: UnicodeError) -> tuple[str, int]:
    r"""Write what an encoding lacks as JSON does (``\u00e9``): what is JSON stays so."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    data = found.encode("utf-16-be", "surrogatepass")
    units = (int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    return "".join(f"\\u{unit:04x}" for unit in units), error.end
