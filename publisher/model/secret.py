"""A credential that cannot be printed by accident."""

from __future__ import annotations

from dataclasses import dataclass


class Secret:
    """Hold a credential; ``str`` and ``repr`` show stars, ``reveal`` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "********"

    def __repr__(self) -> str:
        return "Secret('********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret comes from: ``source`` is ``env``, ``credential`` or ``file``."""

    source: str
    name: str


def redact(text: str, secrets: tuple[Secret, ...]) -> str:
    """Replace every occurrence of a secret in a text by stars."""
    for secret in secrets:
        if secret.reveal():
            text = text.replace(secret.reveal(), "********")
    return text
