"""What is wrong with one content file, each problem with the line of the key it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from publisher.model import Problem
from publisher.model.errors import PublisherError
from publisher.text.frontmatter import Document

T = TypeVar("T")


@dataclass(slots=True)
class ProblemList:
    """Collects the problems of a document; ``inner`` are keys within the value of ``key``."""

    document: Document
    problems: list[Problem] = field(default_factory=list)

    def has(self, rule: str) -> bool:
        return any(problem.rule == rule for problem in self.problems)

    def attempt(self, rule: str, key: str, read: Callable[[], T], *inner: str) -> T | None:
        try:
            return read()
        except PublisherError as error:
            self.fail(rule, key, error.what, error.advice, *inner)
            return None

    def fail(self, rule: str, key: str, message: str, hint: str = "", *inner: str) -> None:
        self._add("error", rule, key, message, hint, *inner)

    def warn(self, rule: str, key: str, message: str, hint: str = "", *inner: str) -> None:
        self._add("warning", rule, key, message, hint, *inner)

    def _add(
        self, severity: str, rule: str, key: str, message: str, hint: str, *inner: str
    ) -> None:
        line = self.document.line_of(key, *inner) if key else 1
        path = self.document.path
        self.problems.append(
            Problem(rule=rule, severity=severity, path=path, line=line, message=message, hint=hint)
        )
