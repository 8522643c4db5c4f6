"""The records of the generators: complete, and the only place that knows one by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import publisher
from publisher.generators import GENERATORS
from publisher.model import PostState

PACKAGE = Path(publisher.__file__).parent
COMPARED = re.compile(r"generator\.name\s*(?:[=!]=|in\b|not in\b)|match \S*generator\.name")


@pytest.mark.parametrize("name", GENERATORS)
def test_a_record_says_every_state_and_where_things_are(name: str) -> None:
    generator = GENERATORS[name]

    assert generator.name == name
    assert set(generator.values) == set(PostState)
    assert generator.config_files
    assert generator.rebuild
    assert generator.output
    assert generator.data


def test_no_other_code_decides_by_the_name_of_a_generator() -> None:
    found = [
        f"{file.relative_to(PACKAGE)}: {line.strip()}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if file.parent.name != "generators"
        for line in file.read_text().splitlines()
        if COMPARED.search(line)
    ]

    assert found == []
