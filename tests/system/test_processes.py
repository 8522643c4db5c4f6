"""The loop that every program runs in, with real programs."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher.system.processes import CannotStart, Cause, Ending, follow

ENVIRON = {"PATH": os.defpath}
LIMIT = timedelta(seconds=30)


def python(code: str, **options: Any) -> Ending:
    settings = {"cwd": Path("/"), "environ": ENVIRON, "limit": LIMIT, **options}
    return follow((sys.executable, "-c", code), **settings)


def test_program_reads_its_input_and_its_outputs_arrive_apart() -> None:
    out, err, data = bytearray(), bytearray(), b"line\n" * 100_000

    ending = python(
        "import sys; sys.stdout.write(sys.stdin.read()); print('odd', file=sys.stderr); exit(3)",
        data=data,
        on_out=out.extend,
        on_err=err.extend,
    )

    assert ending == Ending(3, None)
    assert (bytes(out), bytes(err)) == (data, b"odd\n")


def test_program_is_ended_when_a_sink_has_enough() -> None:
    ending = python("while True: print('more')", on_out=lambda _: True, term_grace_s=0.2)

    assert ending.cause is Cause.LOUD


def test_program_that_hangs_is_late() -> None:
    ending = python(
        "import sys; sys.stdin.read(); import time; time.sleep(60)",
        on_out=lambda _: None,
        limit=timedelta(seconds=0.5),
    )

    assert ending.cause is Cause.LATE


@pytest.mark.parametrize("arguments", [("no-such-program",), ("/",), ("a\0b",)])
def test_what_cannot_be_started_says_why(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CannotStart):
        follow(arguments, cwd=Path("/"), environ=ENVIRON, limit=LIMIT, on_out=lambda _: None)
