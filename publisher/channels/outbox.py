"""A folder in the place of a service: one JSON file for each announcement and one page for all.

Rehearsals deliver here, and so does a site without any channel. Several outbox channels share a
folder and its ``index.html``; how the page looks is ``outbox_page``'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, assert_never, get_args

from publisher.channels import TEMPLATE, ChannelContext, Option
from publisher.channels.outbox_page import Entry, Shape, render_page
from publisher.model import Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.model.errors import ConfigError, NotDelivered
from publisher.model.image_kinds import ImageKind, kind_of
from publisher.system.files import os_errors_as, write_whole

if TYPE_CHECKING:
    from publisher.channels.buttondown import Buttondown
    from publisher.channels.linkedin import LinkedIn
    from publisher.channels.x import X

SHAPES: tuple[Shape, ...] = get_args(Shape)
NAME_LENGTH = 16  # characters of the key; 64 bits tell a site's deliveries apart

SUFFIXES = {
    ImageKind.PNG: ".png",
    ImageKind.JPEG: ".jpg",
    ImageKind.GIF: ".gif",
    ImageKind.WEBP: ".webp",
}


class Outbox:
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            name="shape",
            default="plain",
            help="what it stands for: x, linkedin, newsletter or plain",
        ),
        Option(
            name="folder",
            default="outbox",
            help="where the files go, absolute or relative to state_dir",
        ),
    )
    limits: Limits = Limits()  # of the plain shape; an instance has those of its own
    template: ClassVar[str] = TEMPLATE
    subject: ClassVar[str] = ""

    def __init__(self, options: Mapping[str, Any], context: ChannelContext) -> None:
        self.shape = _shape(options)
        self.limits = self.limits_for(options)
        self.folder = context.state_dir / (options.get("folder") or "outbox")
        self.recovery = Recovery(kind=RecoveryKind.KEY, look_at=str(self.folder / "index.html"))
        self._context = context

    @classmethod
    def limits_for(cls, options: Mapping[str, Any]) -> Limits:
        """Give the limits of what the shape stands for; a file costs nothing, and any may be."""
        return replace(_original(_shape(options)).limits, cost_usd=None, refuses_repeats=False)

    @classmethod
    def template_for(cls, options: Mapping[str, Any]) -> str:
        """Give the default template of what the shape stands for."""
        return _original(_shape(options)).template

    @classmethod
    def subject_for(cls, options: Mapping[str, Any]) -> str:
        """Give the default subject of what the shape stands for; empty without mail."""
        return _original(_shape(options)).subject

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        """Write the announcement, then the page; a repeat writes the same bytes again.

        :raises NotDelivered: when the announcement's file cannot be written.
        """
        name = key[:NAME_LENGTH]
        hint = "make the folder writable, or name another one with the option folder"
        trouble = "cannot write the announcement"
        with os_errors_as(NotDelivered, str(self.folder), trouble, hint=hint):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            entry = self._entry(message, key=key, image_file=self._keep_image(message, name))
            write_whole(self.folder / f"{name}.json", _to_json(entry), has_rivals=True)
        self._write_page()
        page = self.folder / "index.html"
        return Receipt(remote_id=name, remote_url=f"{page.resolve().as_uri()}#{name}")

    def _entry(self, message: Message, *, key: str, image_file: str | None) -> Entry:
        count = self.limits.count
        return Entry(
            channel=self._context.name,
            key=key,
            shape=self.shape,
            site=self._context.site,
            site_url=self._context.site_url,
            text=message.text,
            length=count(message.text),
            limit=self.limits.length,
            subject=message.subject,
            html=message.html,
            link=message.link,
            title=message.title,
            description=message.description,
            image=(message.image.url or None) if message.image else None,
            image_file=image_file,
            alt=message.image.alt if message.image else "",
        )

    def _keep_image(self, message: Message, name: str) -> str | None:
        """Write the image beside the JSON, so that the page shows it before the site is live."""
        data = message.image_bytes or b""
        kind = kind_of(data)
        suffix = SUFFIXES.get(kind) if kind is not None else None
        if suffix is None or not self.limits.takes_image(data, size=len(data)):
            return None
        write_whole(self.folder / (name + suffix), data, has_rivals=True)
        return name + suffix

    def _write_page(self) -> None:
        """Rewrite the page until it shows what the folder holds.

        Another process may add a file between our look and our rename. Whoever renames last
        looks again afterwards, so the last page is complete.
        """
        shown = None
        while (entries := _load(self.folder)) != shown:
            page = render_page(entries).encode()
            write_whole(self.folder / "index.html", page, has_rivals=True)
            shown = entries


def _shape(options: Mapping[str, Any]) -> Shape:
    wanted = options.get("shape") or "plain"
    for shape in SHAPES:
        if shape == wanted:
            return shape
    raise ConfigError(
        f"an outbox has no shape {wanted!r}", hint=f"known shapes: {', '.join(sorted(SHAPES))}"
    )


def _original(shape: Shape) -> type[Buttondown | LinkedIn | Outbox | X]:
    """Give the channel type that a shape stands for; imported when asked for, as it may be big."""
    match shape:
        case "x":
            from publisher.channels.x import X

            return X
        case "linkedin":
            from publisher.channels.linkedin import LinkedIn

            return LinkedIn
        case "newsletter":
            from publisher.channels.buttondown import Buttondown

            return Buttondown
        case "plain":
            return Outbox
        case _:
            assert_never(shape)


def _to_json(entry: Entry) -> bytes:
    text = json.dumps(entry.to_dict(), ensure_ascii=False, indent=2, sort_keys=True)
    # A lone surrogate has no UTF-8 form; the file shows its escape.
    return text.encode(errors="backslashreplace") + b"\n"


def _load(folder: Path) -> list[Entry]:
    """Read every announcement of the folder, by post and then channel.

    Files that are not ours, or are cut off by a full disk, are no reason to refuse a delivery.
    """
    entries = []
    for path in folder.glob("*.json"):
        with suppress(OSError, ValueError, TypeError, KeyError):
            entries.append(Entry.from_dict(json.loads(path.read_bytes())))
    return sorted(entries, key=lambda entry: (entry.link, entry.channel, entry.key))
