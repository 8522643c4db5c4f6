"""The ``channels:`` of ``jobs.yaml``: their options as each type declares them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from publisher.channels import ChannelType, Option
from publisher.config.keys import build, keys_below
from publisher.config.kinds import KINDS, SOURCES, read_secret
from publisher.config.reading import Reading
from publisher.config.settings import OUTBOX, ChannelSettings
from publisher.model import ChannelName

TypeLoader = Callable[[str], ChannelType]

DEFAULT_CHANNELS: Mapping[str, Any] = {OUTBOX: {"type": "outbox"}}

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def read_channels(reading: Reading, value: Any, types: TypeLoader) -> tuple[ChannelSettings, ...]:
    """Read all channels; those with problems are left out."""
    data = reading.mapping(("channels",), value) or DEFAULT_CHANNELS
    channels = (_read_channel(reading, name, channel, types) for name, channel in data.items())
    return tuple(channel for channel in channels if channel is not None)


def _read_channel(
    reading: Reading, name: str, value: Any, types: TypeLoader
) -> ChannelSettings | None:
    path = ("channels", name)
    before = len(reading.problems)
    if not _NAME.fullmatch(name):
        hint = "begin with a small letter; then small letters, digits, - and _, 40 at most"
        reading.report(path, "is not a valid channel name", hint)
    data = reading.mapping(path, value)
    common = keys_below("channels.*")
    type_name = data.get("type")
    kind: ChannelType | None = None
    if isinstance(type_name, str) and type_name.strip():
        with reading.at((*path, "type")):
            kind = types(type_name)
    # Without the type nobody knows which options there are, so none is called unknown.
    declared = [] if kind is None else [o for o in kind.options if o.name not in common]
    more = set(data) if kind is None else {option.name for option in declared}
    found = reading.section(path, data, pattern="channels.*", more=more)
    options = {o.name: _read_option(reading, path, o, data.get(o.name)) for o in declared}
    if len(reading.problems) > before:
        return None
    given = {key: option for key, option in options.items() if option is not None}
    channel: ChannelSettings = build(
        ChannelSettings, found, ".".join(path), name=ChannelName(name), options=given
    )
    return channel


def _read_option(reading: Reading, channel: tuple[str, ...], option: Option, value: Any) -> Any:
    """Read one option; one that is neither given nor has a default is ``None``."""
    path = (*channel, option.name)
    if value is None:
        if option.required:
            help_ = SOURCES if option.secret else option.help
            reading.report(path, "is missing", help_)
        return option.default
    return reading.read(path, read_secret if option.secret else KINDS[option.kind].read, value)
