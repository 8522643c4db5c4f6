"""Mail through a submission server: one message for all recipients, and no way to look it up.

Whoever has sent the final dot and got no answer does not know whether the mail is on its way
(RFC 5321, 4.2.5 and 4.5.3.2). Everything before the dot proves that it is not. Recipients beyond
the server's limit get it in further transactions of the same session (4.5.3.1.10).
"""

from __future__ import annotations

import ipaddress
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from typing import Any, BinaryIO, ClassVar
from urllib.parse import urlsplit

from publisher.channels import MAIL_TEMPLATE, ChannelContext, Option
from publisher.channels._http import UnknownOutcome
from publisher.model import Limits, Message, Receipt, Recovery, RecoveryKind
from publisher.model.errors import ConfigError, NotDelivered
from publisher.model.secret import Secret, redact
from publisher.system.http import Line, Timeouts
from publisher.text.printable import escaped

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0  # RFC 5321 allows ten minutes; the engine's own limit is the default here

# 7bit, since 8BITMIME is an extension that a server need not have.
POLICY = SMTP_POLICY.clone(cte_type="7bit")
ADDRESS = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")  # ASCII without blanks, control characters, < >
TOO_MANY = frozenset({452, 552})  # recipients: RFC 5321, 4.5.3.1.10; 552 is what RFC 821 said
REPLY_BYTES = 100_000  # of one answer, with its continuation lines
NAMED = 5  # recipients that a reason names
NEEDS_AUTH = frozenset({530, 534, 535, 538})  # RFC 4954, section 6
URI = re.compile(r"https://[!-;=?-~]{1,900}")


class Smtp:
    options: ClassVar[tuple[Option, ...]] = (
        Option(name="host", required=True, help="the submission server of your mail provider"),
        Option(name="port", kind="integer", default=587, help="the port of that server"),
        Option(name="security", default="starttls", help="starttls, tls (port 465) or none"),
        Option(name="allow_plain", kind="boolean", default=False, help="let security be none"),
        Option(name="ca_file", help="PEM file of the certificate authority to trust"),
        Option(name="username", help="the account there"),
        Option(name="password", secret=True, help="its password"),
        Option(name="sender", required=True, help="Name <name@example.org>"),
        Option(name="to", kind="texts", required=True, help="who gets it; nobody sees the list"),
        Option(name="list_address", help="what To: shows; the sender when absent"),
        Option(name="list_unsubscribe", kind="url", help="an https page for one-click (RFC 8058)"),
        Option(
            name="answer_timeout",
            kind="integer",
            default=60,
            help="seconds to wait for each answer; not more than the channel's timeout",
        ),
    )
    limits: Limits = Limits(mail=True, subject_length=200)
    template: ClassVar[str] = MAIL_TEMPLATE
    subject: ClassVar[str] = "{{ post.title }}"

    def __init__(self, options: Mapping[str, Any], context: ChannelContext) -> None:
        self._host: str = options["host"]
        self._port: int = options.get("port") or 587
        self._security: str = options.get("security") or "starttls"
        self._ca_file: str | None = options.get("ca_file")
        self._username: str | None = options.get("username")
        self._password: Secret = options.get("password") or Secret("")
        self._sender: str = options["sender"]
        self._sender_address = parseaddr(self._sender)[1]
        self._to: tuple[str, ...] = tuple(dict.fromkeys(options["to"]))
        self._visible_to: str = options.get("list_address") or self._sender
        self._unsubscribe: str | None = options.get("list_unsubscribe")
        self._answer_timeout_s = context.answer_within(
            options.get("answer_timeout") or ANSWER_TIMEOUT_S
        )
        self._total_s = context.timeout.total_seconds()
        host = urlsplit(context.site_url).hostname or ""
        # A Message-ID is ASCII; a site with an international name lends it the sender's domain.
        self._id_host = host if host and host.isascii() else self._sender_address.split("@")[-1]
        self._check(name=context.name, allow_plain=bool(options.get("allow_plain")))
        self.recovery = Recovery(
            kind=RecoveryKind.NONE,
            look_at=f"the mailbox of {self._sender_address}, or your provider's log",
        )

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        """Send one mail to all recipients, in as few transactions as the server allows.

        A server may take some recipients and refuse others; then the mail goes to those it took.
        The receipt's note counts who was refused for good, and ``missing`` names the others.
        """
        message_id = f"{key}@{self._id_host}"
        content = self._write(message, message_id=message_id, key=key)
        with self._session() as server:
            refused = self._transact(server, self._to, content)
            why = self._send_rest(server, refused, content)
        gone = [recipient for recipient, code in refused.items() if code // 100 == 5]
        left = [recipient for recipient in refused if recipient not in gone]
        note = f"{len(gone)} of {len(self._to)} recipients were refused" if gone else ""
        return Receipt(
            remote_id=f"<{message_id}>", note=note, missing=self._missing(left, why) if left else ""
        )

    def _send_rest(self, server: smtplib.SMTP, refused: dict[str, int], content: bytes) -> str:
        """Send to those who were too many, while the server takes some; say why it ended.

        Takes whoever got it out of ``refused``. Others have the mail already: nothing here may
        end in an error, which would have it sent to all again.
        """
        while waiting := [name for name, code in refused.items() if code in TOO_MANY]:
            try:
                again = self._transact(server, waiting, content)
            except (NotDelivered, UnknownOutcome) as error:
                for name in waiting:
                    refused[name] = 0
                return str(error)
            for name in waiting:
                del refused[name]
            refused |= again
        return "the server refused them for now"

    def _missing(self, left: Sequence[str], why: str) -> str:
        named = ", ".join(left[:NAMED]) + (", …" if len(left) > NAMED else "")
        return (
            f"{len(self._to) - len(left)} of {len(self._to)} recipients were served; not sure to "
            f"have it: {named} ({why})"
        )

    # --- the message

    def _write(self, message: Message, *, message_id: str, key: str) -> bytes:
        """Give the bytes of the mail; the same message and key give the same bytes.

        Date (RFC 5322, 3.6.1) is the instant of the message, since a channel reads no clock.
        """
        mail = EmailMessage(policy=POLICY)
        try:
            mail["Message-ID"] = f"<{message_id}>"
            if message.at is not None:
                mail["Date"] = format_datetime(message.at)
            mail["From"] = self._sender
            mail["To"] = self._visible_to
            mail["Subject"] = message.subject or message.title  # a line break in it is refused
            mail.set_content(message.text)
            if message.html is not None:
                mail.add_alternative(message.html, subtype="html")
                mail.set_boundary(f"=_{key[:32]}")
            # A stray CR or LF must not look like the end of the mail to a lenient server.
            content = re.sub(rb"\r\n|\r|\n", b"\r\n", mail.as_bytes())
        except ValueError as error:  # a line break in a header, a character that cannot be encoded
            raise NotDelivered(f"the mail cannot be written: {error}", permanent=True) from error
        if self._unsubscribe is None:
            return content
        # By hand: EmailMessage would encode a long URI as if it were prose.
        head = f"List-Unsubscribe: <{self._unsubscribe}>\r\n"
        head += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        return head.encode("ascii") + content

    # --- the steps; up to the final dot every failure proves that nothing was delivered

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """Connect, secure and sign in; on leaving, or when the time is over, hang up."""
        server = self._open()
        watch = threading.Timer(self._total_s, server.line.hang_up)
        watch.daemon = True
        try:
            watch.start()
        except RuntimeError as error:  # the system has no thread left
            raise NotDelivered(f"{self._host}: cannot be asked: {error}") from None
        try:
            with self._certainly_not_sent("no connection"):
                code, text = server.connect(self._host, self._port)
                if code != 220:
                    raise smtplib.SMTPConnectError(code, text)
                if server.sock is not None:
                    server.sock.settimeout(self._answer_timeout_s)
            with self._certainly_not_sent("not signed in"):
                server.ehlo_or_helo_if_needed()
                if self._security == "starttls":
                    server.starttls(context=self._tls())
                    server.ehlo()
                if self._username:
                    server.login(self._username, self._password.reveal())
            yield server
            with suppress(OSError):
                server.putcmd("QUIT")  # polite; what it answers changes nothing
        except NotDelivered as error:
            if server.line.is_over:
                raise NotDelivered(
                    f"{error.what} (hung up after {self._total_s:g} s)",
                    hint="give the channel a longer `timeout` if that happens again",
                ) from None
            raise
        finally:
            watch.cancel()
            server.close()

    def _open(self) -> _Bounded:
        connect_s = min(CONNECT_TIMEOUT_S, self._total_s)
        line = Line(Timeouts(total_s=self._total_s, connect_s=connect_s))
        if self._security == "tls":
            with self._certainly_not_sent("no connection"):
                context = self._tls()
            server: _Bounded = _BoundedTls(line, context)
        else:
            server = _Bounded(line)
        server._host = self._host  # noqa: SLF001 - smtplib sets it where it connects at once
        return server

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._ca_file)

    def _transact(
        self, server: smtplib.SMTP, recipients: Sequence[str], content: bytes
    ) -> dict[str, int]:
        """Send the mail once; return the recipients that the server refused, with its codes.

        :raises NotDelivered: when nobody gets it.
        :raises UnknownOutcome: when that cannot be told.
        """
        with self._certainly_not_sent("the sender was not taken"):
            size_note = [f"size={len(content)}"] if server.has_extn("size") else []
            code, text = server.mail(self._sender_address, size_note)
            if code // 100 != 2:
                raise smtplib.SMTPResponseException(code, text)
            codes = {recipient: _code_of(*server.rcpt(recipient)) for recipient in recipients}
        refused = {recipient: code for recipient, code in codes.items() if code // 100 != 2}
        if len(refused) == len(codes):
            kinds = ", ".join(str(code) for code in sorted(set(refused.values())))
            raise NotDelivered(
                f"{self._host} refused every recipient ({kinds})",
                permanent=all(code // 100 == 5 for code in refused.values()),
            )
        self._hand_over(server, content)
        return refused

    def _hand_over(self, server: smtplib.SMTP, content: bytes) -> None:
        """Send the content and the final dot, and judge the answer to it."""
        with self._certainly_not_sent("the mail was not taken"):
            code, text = server.docmd("DATA")
            if code != 354:
                raise smtplib.SMTPResponseException(code, text)
        try:
            server.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
            code, text = server.getreply()
        except OSError as error:  # smtplib's own exceptions are OSErrors too
            raise UnknownOutcome(
                f"{self._host} did not answer after the mail: {self._clean(error)}"
            ) from None
        if code // 100 in (4, 5):
            raise self._refusal("the mail was refused", code, text)
        if code // 100 != 2:
            raise UnknownOutcome(f"{self._host} answered the mail with {self._clean(text)!r}")

    @contextmanager
    def _certainly_not_sent(self, what: str) -> Iterator[None]:
        """Turn whatever goes wrong inside into ``NotDelivered``."""
        try:
            yield
        except smtplib.SMTPResponseException as error:
            raise self._refusal(what, error.smtp_code, error.smtp_error) from None
        except UnicodeError:  # its text would quote the password
            raise NotDelivered(
                f"{self._host}: {what}",
                why="user name or password has characters outside ASCII",
                needs_auth=True,
            ) from None
        except (OSError, ValueError) as error:  # ValueError: a challenge that is no base64
            raise NotDelivered(f"{self._host}:{self._port}: {what}: {self._clean(error)}") from None

    def _refusal(self, what: str, code: int, text: bytes | str) -> NotDelivered:
        """Judge a reply code: 5yz is for good, 4yz for now (RFC 5321, 4.2.1)."""
        needs_auth = code in NEEDS_AUTH
        return NotDelivered(
            f"{self._host}: {what}: {code} {self._clean(text)}",
            hint="renew user name and password, then `publisher retry`" if needs_auth else "",
            permanent=code // 100 == 5 and not needs_auth,
            needs_auth=needs_auth,
        )

    def _clean(self, text: bytes | str | Exception) -> str:
        """Give a server's words or an error on one line without the password."""
        words = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        return escaped(redact(" ".join(words.split())[:300], (self._password,)))

    def _check(self, *, name: str, allow_plain: bool) -> None:
        problems = []
        if self._security not in ("starttls", "tls", "none"):
            problems.append(f"security is {self._security!r}, not starttls, tls or none")
        if self._security == "none" and not (allow_plain or _is_loopback(self._host)):
            problems.append("security: none would send the mail readable to all on its way")
        if self._username and not self._password.reveal():
            problems.append("username needs password")
        if self._unsubscribe and not URI.fullmatch(self._unsubscribe):
            problems.append("list_unsubscribe is not an https URL")
        if not self._to:
            problems.append("to names nobody")
        visible = parseaddr(self._visible_to)[1]
        problems += [
            f"{address!r} is not an address in ASCII, such as name@example.org"
            for address in dict.fromkeys([self._sender_address, visible, *self._to])
            if not ADDRESS.fullmatch(address)
        ]
        if problems:
            raise ConfigError("\n".join(f"channels.{name}: {problem}" for problem in problems))


def _code_of(code: int, text: bytes) -> int:
    """Give the code of an answer; 452 where it says "too many recipients" in another way.

    That is X.5.3 in the codes of RFC 3463, section 3.6 (checked 2026-12-01); servers say it with
    450, 451 and 550 as well.
    """
    return 452 if code // 100 in (4, 5) and re.match(rb"[45]\.5\.3\b", text) else code


class _Bounded(smtplib.SMTP):
    """A session on a line that may be hung up, and whose answers have an end."""

    _host: str  # of smtplib: whose certificate is asked for; only its constructor sets it

    def __init__(self, line: Line) -> None:
        # An address literal, as mail programs send it: the default asks the DNS for our own name.
        super().__init__(local_hostname="[127.0.0.1]", timeout=line.timeouts.connect_s)
        self.line = line

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.line.connect([(host, port)])

    def close(self) -> None:
        super().close()
        self.line.close()

    def getreply(self) -> tuple[int, bytes]:
        self.line.check()
        if self.file is None and self.sock is not None:
            self.file = _BoundedFile(self.sock.makefile("rb"))
        if self.file is not None:
            self.file.left = REPLY_BYTES
        return super().getreply()


class _BoundedTls(_Bounded):
    def __init__(self, line: Line, context: ssl.SSLContext) -> None:
        super().__init__(line)
        self._context = context

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        return self._context.wrap_socket(plain, server_hostname=host)


class _BoundedFile:
    """The lines of a server, as long as an answer has not too many of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.left = REPLY_BYTES

    def readline(self, size: int) -> bytes:
        line = self._file.readline(size)
        self.left -= len(line)
        if self.left < 0:
            raise OSError("its answer has no end")
        return line

    def close(self) -> None:
        self._file.close()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
