"""No decision is made by reading our own sentences back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import publisher

ROOT = Path(publisher.__file__).parent
# What holds sentences for people: fields of records, errors, problems, holds and results.
PROSE = {
    "reason",
    "why",
    "what",
    "hint",
    "message",
    "one_line",
    "restored",
    "sentence",
    "complaint",
}
READS = {
    *("startswith", "endswith", "find", "index", "count", "partition", "rpartition"),
    *("removeprefix", "removesuffix", "match", "search", "fullmatch", "findall"),
}


def decisions(tree: ast.AST) -> Iterator[ast.expr]:
    """Give each expression that compares prose with words, or looks for words in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and _looks_into(node):
            yield node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_ours = _is_prose(node.func.value) or any(map(_is_prose, node.args))
            if node.func.attr in READS and is_ours:
                yield node


def _looks_into(node: ast.Compare) -> bool:
    sides = [node.left, *node.comparators]
    is_equality = all(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
    if not is_equality:  # `in`, or what no text is asked for
        return _is_prose(sides[-1])
    return any(map(_is_prose, sides)) and any(map(_is_words, sides))


def _is_prose(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in PROSE - {"what", "message"}  # these name other things, too
    return isinstance(node, ast.Attribute) and node.attr in PROSE


def _is_words(node: ast.expr) -> bool:
    """Tell whether it is a text of ours: two records may be compared as a whole."""
    is_literal = isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return is_literal or (isinstance(node, ast.Name) and node.id.isupper())


@pytest.mark.parametrize(
    "text",
    [
        "record.reason.startswith(REPLANNED)",
        "record.reason.startswith('withdrawn')",
        "READDRESSED not in record.reason",
        "'publisher ' in record.reason",
        "error.what == 'is not a duration'",
        "error.what != f'there is no post {what!r}'",
        "COMMAND.findall(hold.why)",
        "re.search('x', problem.message)",
    ],
)
def test_reading_a_sentence_is_seen(text: str) -> None:
    assert len(list(decisions(ast.parse(text)))) == 1


@pytest.mark.parametrize(
    "text", ["bool(record.reason)", "look.reason != record.reason", "record.cause is Cause.DELETED"]
)
def test_values_are_not_taken_for_sentences(text: str) -> None:
    assert list(decisions(ast.parse(text))) == []


def test_no_sentence_of_ours_is_read_back() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in sorted(ROOT.rglob("*.py"))
        for node in decisions(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert found == []
