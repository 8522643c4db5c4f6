"""What the engine tells while it works: one event per line, for the log and progress views."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from publisher.text.printable import shown

logger = logging.getLogger("publisher")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened. ``name`` is ``noun.verb`` (``delivery.sent``); fields are plain text."""

    name: str
    level: int = logging.INFO
    fields: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Write the event as ``name key=value …``, values with spaces in quotes."""
        pairs = [f"{key}={_quote(value)}" for key, value in self.fields.items() if value]
        return " ".join((self.name, *pairs))


Report = Callable[[Event], None]


def log(event: Event) -> None:
    """Report to the standard log."""
    logger.log(event.level, "%s", event)


def info(report: Report, name: str, **fields: object) -> None:
    report(Event(name=name, fields={k: str(v) for k, v in fields.items()}))


def warn(report: Report, name: str, **fields: object) -> None:
    report(Event(name=name, level=logging.WARNING, fields={k: str(v) for k, v in fields.items()}))


def _quote(value: str) -> str:
    flat = shown(" ".join(value.split()))  # what services answer is in the log
    return f'"{flat}"' if " " in flat or not flat else flat
