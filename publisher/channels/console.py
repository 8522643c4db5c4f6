"""The smallest channel: prints announcements, for trying things out and as an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from publisher.channels import TEMPLATE, ChannelContext, Option
from publisher.model import Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.text.printable import without_controls


class Console:
    options: ClassVar[tuple[Option, ...]] = ()
    limits: Limits = Limits()
    template: ClassVar[str] = TEMPLATE
    subject: ClassVar[str] = ""
    recovery: Recovery = Recovery(kind=RecoveryKind.KEY, look_at="the terminal or log")

    def __init__(self, options: Mapping[str, Any], context: ChannelContext) -> None:
        self._name = context.name

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        text = without_controls(message.text)
        print(f"[{self._name}]\n{text}\n", flush=True)  # noqa: T201 - its whole purpose
        return Receipt(remote_id=key)
