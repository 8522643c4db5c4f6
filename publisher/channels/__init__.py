"""Channels: one file per service behind the protocols of ``model``; discovery is here.

A channel type is a class named by an entry point of the group ``publisher.channels``; the
built-in ones are declared in our own ``pyproject.toml`` the same way. Only the types that
``jobs.yaml`` names are loaded, so a broken plugin breaks its channel and not ``--help``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, cast

from publisher.model import Channel, Limits
from publisher.model.errors import ConfigError

GROUP = "publisher.channels"
TEMPLATE = "{{ post.title }}\n\n{{ post.description }}\n\n{{ post.url }}"
MAIL_TEMPLATE = (
    "# {{ post.title }}\n\n{{ post.description }}\n\n"
    "{% if post.teaser %}{{ post.teaser }}\n\n{% endif %}[Read it here]({{ post.url }})\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One key that a channel type accepts in ``jobs.yaml``.

    ``secret`` options are given as ``{env: …}``, ``{credential: …}`` or ``{file: …}`` and reach
    the channel as ``Secret``; the others as ``kind`` says.
    """

    name: str
    kind: Literal["text", "url", "integer", "boolean", "texts"] = "text"
    required: bool = False
    secret: bool = False
    default: Any = None
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelContext:
    """What a channel may know of the site it speaks for; a send ends within ``timeout``."""

    name: str  # the channel's name in jobs.yaml
    site: str
    site_url: str
    state_dir: Path
    timeout: timedelta = timedelta(seconds=60)

    def answer_within(self, seconds: float) -> float:
        """Give how long to wait for an answer: ``seconds``, or what the person allows if less."""
        return min(seconds, self.timeout.total_seconds())


class ChannelType(Protocol):
    """The class that an entry point names; calling it makes the ``Channel``.

    ``template`` and ``subject`` are the default Jinja texts (see ``compose``). ``options`` need
    not list the keys that every channel has: type, template, subject, after, timeout.
    """

    options: ClassVar[tuple[Option, ...]]
    limits: ClassVar[Limits]
    template: ClassVar[str]
    subject: ClassVar[str]

    def __call__(self, options: Mapping[str, Any], context: ChannelContext) -> Channel:
        """Make the channel; opens no connection and reads no file."""


def load_type(name: str) -> ChannelType:
    """Load the channel type called ``name``.

    :raises ConfigError: when no package declares it, or its module cannot be imported.
    """
    found: dict[str, EntryPoint] = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        near = get_close_matches(name, found, n=1)
        known = f"known types: {', '.join(sorted(found))}"
        hint = f"did you mean {near[0]!r}?" if near else known
        raise ConfigError(
            f"there is no channel type {name!r}",
            hint=hint,
        )
    try:
        return cast("ChannelType", found[name].load())
    except ImportError as error:
        raise ConfigError(
            f"the channel type {name!r} cannot be loaded: {error}",
            hint=f"reinstall the package that provides it ({found[name].value})",
        ) from error
