"""A command of ours that settles something: a value, written as words in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """``Command("resolve", key, ("--sent", "URL"))``; its words are what a person types."""

    name: str
    target: object = ""
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = ("publisher", self.name, str(self.target), *self.options)
        return " ".join(word for word in words if word)
