"""A submission server on 127.0.0.1 that behaves, and misbehaves, as a test scripts it.

``accepted`` holds the mails it is responsible for; ``requests`` every command it got.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import ssl
import struct
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import BaseThreadedController
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.platforms.server import main

USERNAME = "bench"
PASSWORD = "smtp-correct-horse"

HANG = "hang"
RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpFault:
    """What goes wrong at one step, once: a reply line, ``HANG`` or ``RESET``.

    ``step`` is EHLO, AUTH, MAIL, RCPT, DATA (its command), BODY (after 354, before the dot) or
    DOT. ``accept`` is for DOT: the mail is taken all the same.
    """

    step: str
    reply: str
    accept: bool = False


class SmtpPlatform:
    """Satisfies ``publisher.channels.testing.Platform``.

    ``tls`` is used for STARTTLS, or from the first byte with ``tls_at_once``.
    ``wants_login`` makes it refuse senders who have not signed in. A mail may have ``most``
    recipients.
    """

    def __init__(
        self,
        *,
        journal: Path | None = None,
        tls: ssl.SSLContext | None = None,
        tls_at_once: bool = False,
        wants_login: bool = False,
        most: int | None = None,
    ) -> None:
        self.faults: list[SmtpFault] = []
        self.requests: list[str] = []
        self.accepted: list[dict[str, Any]] = []
        self.wants_login = wants_login
        self.most = most
        self.stopping = threading.Event()
        self._journal = journal
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # it logs what clients send
        self._controller = _Controller(
            self,
            self._socket,
            ssl_context=tls if tls_at_once else None,
            tls_context=None if tls_at_once else tls,
            authenticator=self._sign_in,
            auth_require_tls=tls is not None and not tls_at_once,
            enable_SMTPUTF8=False,
            hostname="localhost",  # the default asks the DNS
        )

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._controller.stop()
        self._socket.close()

    # --- faults by meaning, for publisher.channels.testing.ChannelContract

    def refuse_credentials(self) -> None:
        # Twice: a client tries AUTH PLAIN and then AUTH LOGIN.
        self.faults += [SmtpFault(step="AUTH", reply="535 5.7.8 credentials invalid")] * 2

    def ask_to_wait(self, seconds: int) -> None:
        raise NotImplementedError("SMTP cannot say for how long")

    def accept_then_reset(self) -> None:
        self.faults.append(SmtpFault(step="DOT", reply=RESET, accept=True))

    def accept_then_hang(self) -> None:
        self.faults.append(SmtpFault(step="DOT", reply=HANG, accept=True))

    def accept_then_fail(self) -> None:
        self.faults.append(SmtpFault(step="DOT", reply="core dumped", accept=True))

    def redirect(self, url: str) -> None:
        raise NotImplementedError("SMTP has no redirects")

    # --- for the server below

    def take_fault(self, step: str) -> SmtpFault | None:
        fault = next((fault for fault in self.faults if fault.step == step), None)
        if fault is not None:
            self.faults.remove(fault)
        return fault

    def accept(self, envelope: Envelope) -> None:
        mail = {
            "sender": envelope.mail_from,
            "recipients": list(envelope.rcpt_tos),
            "content": (envelope.original_content or b"").decode("ascii"),
        }
        self.accepted.append(mail)
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(mail) + "\n")
                file.flush()
                os.fsync(file.fileno())

    def _sign_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        wanted = LoginPassword(USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=data == wanted, handled=False)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = self.take_fault("DOT")
        if fault is None or fault.accept:
            self.accept(envelope)
        if fault is None:
            return "250 2.0.0 taken"
        await _misbehave(server, fault.reply)
        return fault.reply


class _Smtp(SMTP):
    """Asks the platform before each step whether something goes wrong."""

    def __init__(self, platform: SmtpPlatform, **parameters: Any) -> None:
        super().__init__(platform, **parameters)
        self._platform = platform

    async def _step(self, step: str, command: str) -> bool:
        """Say whether the step is over already."""
        self._platform.requests.append(command)
        fault = self._platform.take_fault(step)
        if fault is None:
            return False
        await _misbehave(self, fault.reply)
        await self.push(fault.reply)
        return True

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        if not await self._step("EHLO", f"EHLO {hostname}"):
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        if not await self._step("AUTH", "AUTH"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        if await self._step("MAIL", f"MAIL {arg}"):
            return
        if self._platform.wants_login and not (self.session and self.session.authenticated):
            await self.push("530 5.7.0 authentication required")
            return
        await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        if await self._step("RCPT", f"RCPT {arg}"):
            return
        taken = len(self.envelope.rcpt_tos) if self.envelope else 0
        if self._platform.most is not None and taken >= self._platform.most:
            await self.push("452 4.5.3 Too many recipients")
            return
        await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if await self._step("DATA", "DATA"):
            return
        fault = self._platform.take_fault("BODY")
        if fault is not None:
            await self.push("354 go on")
            await _misbehave(self, fault.reply)
        await super().smtp_DATA(arg)


class _Controller(BaseThreadedController):
    def __init__(self, platform: SmtpPlatform, bound: socket.socket, **parameters: Any) -> None:
        super().__init__(platform, **parameters)
        self._bound = bound

    def factory(self) -> SMTP:
        return _Smtp(self.handler, **self.SMTP_kwargs)

    def _create_server(self) -> Any:
        return self.loop.create_server(
            self._factory_invoker, sock=self._bound, ssl=self.ssl_context
        )

    def _trigger_server(self) -> None:
        """Make the first connection, as the base class wants; the server talks to it alone."""
        with socket.create_connection(self._bound.getsockname(), 5):
            self._factory_invoked.wait(5)


async def _misbehave(server: SMTP, reply: str) -> None:
    """Do what is no reply; return where there is one to give."""
    if reply == HANG:
        await asyncio.Event().wait()
    if reply == RESET:
        transport: Any = server.transport
        if transport is not None:
            linger = struct.pack("ii", 1, 0)  # close() sends RST, not FIN
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        await asyncio.Event().wait()  # until the lost connection cancels us


def make_certificate(folder: Path) -> Path:
    """Make a self-signed certificate with its key for 127.0.0.1 in one PEM file."""
    path = folder / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", str(path)]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    made = subprocess.run(command, capture_output=True, check=True)
    path.write_bytes(path.read_bytes() + made.stdout)
    return path


if __name__ == "__main__":
    main(lambda journal: SmtpPlatform(journal=journal))  # type: ignore[arg-type, return-value]
