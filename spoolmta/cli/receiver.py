"""The receiver of spoolmta sink, on aiosmtpd: a server that none of us wrote.

Must not: share code with smtpd; what it takes is evidence of what we send
"""

import asyncio
import contextlib
import fnmatch
import mailbox
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from spoolmta.cli.output import note, print_json, printable
from spoolmta.cli.units import plural
from spoolmta.errors import UsageError

MOMENTS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END")

_TEXTS = {"2": "Ok", "4": "Not now, as told", "5": "No, as told"}
_CLOSING = b"421"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer at one moment; *pattern* says for which recipients."""

    moment: str
    text: str
    pattern: str = "*"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says."""

    host: str = "127.0.0.1"
    port: int = 0
    replies: tuple[Reply, ...] = ()
    delay: float = 0.0
    lmtp: bool = False
    show: bool = False
    quiet: bool = False
    maildir: str | None = None
    count: int = 0
    as_json: bool = False

    def reply(self, moment: str, address: str = "") -> str | None:
        """Return the answer that was asked for at *moment*, None if none was."""
        for reply in self.replies:
            if reply.moment == moment and fnmatch.fnmatch(address.lower(), reply.pattern):
                return reply.text
        return None


def parse_replies(texts: Iterable[str]) -> tuple[Reply, ...]:
    """Return the replies that the options say: "RCPT=450", "RCPT:bob@*=550 5.1.1 unknown".

    Raises UsageError: one of them is not understood.
    """
    return tuple(_parse_reply(text) for text in texts)


def _parse_reply(text: str) -> Reply:
    when, mark, answer = text.partition("=")
    moment, _, pattern = when.partition(":")
    moment = moment.strip().upper()
    code, rest = answer[:3], answer[3:].strip()
    if moment not in MOMENTS or not mark:
        raise UsageError(f"{text}: a reply is WHEN=CODE, and WHEN one of {', '.join(MOMENTS)}")
    if pattern and moment != "RCPT":
        raise UsageError(f"{text}: only RCPT may name addresses")
    if not (code.isascii() and code.isdigit() and len(code) == 3 and code[0] in _TEXTS):
        raise UsageError(f"{text}: the code has three digits and starts with 2, 4 or 5")
    said = rest or f"{code[0]}.0.0 {_TEXTS[code[0]]}"
    return Reply(moment, f"{code} {said}", pattern.lower() or "*")


class Receiver:
    """Listens until it is told to stop, or has received enough."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.received = 0
        self.address: tuple[str, int] = ("", 0)
        self.listening = asyncio.Event()
        self._enough = asyncio.Event()
        self._maildir = mailbox.Maildir(settings.maildir) if settings.maildir else None

    async def run(self) -> None:
        """Listen.

        Raises UsageError: the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(RuntimeError, ValueError):
                loop.add_signal_handler(number, self._enough.set)
        settings = self.settings
        try:
            server = await loop.create_server(self._session, settings.host, settings.port)
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise UsageError(f"cannot listen on {where}: {error.strerror or error}") from error
        self.address = server.sockets[0].getsockname()[:2]
        self.listening.set()
        note(f"sink listens on {self.address[0]}:{self.address[1]}; Ctrl-C ends it")
        await self._enough.wait()
        server.close()
        note(f"{plural(self.received, 'message')} received")

    def stop(self) -> None:
        """Let run() return."""
        self._enough.set()

    def take(self, session: Session, envelope: Envelope, answer: str) -> None:
        """Print and keep one message."""
        self.received += 1
        content = bytes(envelope.original_content or b"")
        if self._maildir is not None and answer.startswith("2"):
            self._maildir.add(content.replace(b"\r\n", b"\n"))
        if not self.settings.quiet:
            arrived = Arrived.of(self.received, session, envelope, answer)
            arrived.print(self.settings)
        if self.received == self.settings.count:
            # The last answer goes out before the loop ends.
            asyncio.get_running_loop().call_later(0.1, self._enough.set)

    def _session(self) -> "SMTP":
        handler = Handler(self)
        kind = ObedientLmtp if self.settings.lmtp else ObedientSmtp
        return kind(
            handler,
            hostname="sink.example",
            ident="spoolmta sink",
            data_size_limit=None,
            enable_SMTPUTF8=True,
        )


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message as it is shown."""

    number: int
    peer: str
    helo: str
    sender: str
    recipients: list[str]
    options: list[str]
    size: int
    subject: str
    answer: str
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, number: int, session: Session, envelope: Envelope, answer: str) -> "Arrived":
        """Return what is to be shown of an envelope."""
        content = bytes(envelope.original_content or b"")
        header = message_from_bytes(content.partition(b"\r\n\r\n")[0], policy=policy.compat32)
        peer = session.peer
        return cls(
            number,
            f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) and len(peer) > 1 else str(peer),
            session.host_name or "",
            envelope.mail_from or "",
            list(envelope.rcpt_tos),
            list(envelope.mail_options),
            len(content),
            str(header.get("Subject", "")),
            answer,
            content,
        )

    def print(self, settings: Settings) -> None:
        """Print it as the settings say."""
        text = self.content.decode("utf-8", "replace") if settings.show else None
        if settings.as_json:
            shown = {name: getattr(self, name) for name in self.__slots__ if name != "content"}
            print_json(shown if text is None else {**shown, "content": text})
            return
        to = ", ".join(f"<{recipient}>" for recipient in self.recipients)
        options = f" ({' '.join(self.options)})" if self.options else ""
        line = (
            f"{time.strftime('%H:%M:%S')} {self.number}: {self.peer} helo {self.helo}:"
            f" <{self.sender.strip('<>')}>{options} to {to}, {self.size} bytes,"
            f' "{self.subject}": {self.answer}'
        )
        print(printable(line), flush=True)
        if text is not None:
            for part in text.split("\r\n"):
                print(f"    {printable(part.expandtabs())}", flush=True)


class Handler:
    """The hooks that aiosmtpd calls."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.settings = receiver.settings

    async def handle_MAIL(  # noqa: N802
        self, _s: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer MAIL."""
        answer = self.settings.reply("MAIL")
        if answer is None or answer.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer or "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, _s: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT."""
        answer = self.settings.reply("RCPT", address)
        if answer is None or answer.startswith("2"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return answer or "250 2.1.5 Ok"

    async def handle_DATA(self, _s: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer the end of the data; in LMTP once for each recipient."""
        if self.settings.delay:
            await asyncio.sleep(self.settings.delay)
        answer = self.settings.reply("END") or "250 2.0.0 Ok: taken"
        self.receiver.take(session, envelope, answer)
        count = len(envelope.rcpt_tos) if self.settings.lmtp else 1
        return "\r\n".join([answer] * count)


class _Obedient(SMTP):
    """A session that gives the answers which aiosmtpd has no hook for."""

    event_handler: Handler
    _greeted = False

    async def push(self, status: Any) -> None:
        """Send an answer; close the connection after a 421."""
        if not self._greeted:
            self._greeted = True
            status = self.event_handler.settings.reply("CONNECT") or status
        await super().push(status)
        sent = status.encode() if isinstance(status, str) else status
        if sent.startswith(_CLOSING) and self.transport is not None:
            self.transport.close()

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Answer DATA."""
        answer = self.event_handler.settings.reply("DATA")
        if answer is not None and not answer.startswith("2"):
            await self.push(answer)
        else:
            await super().smtp_DATA(arg)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        """Answer EHLO."""
        answer = self.event_handler.settings.reply("EHLO")
        if answer is not None:
            await self.push(answer)
        else:
            await super().smtp_EHLO(hostname)


class ObedientSmtp(_Obedient):
    """The SMTP server."""


class ObedientLmtp(_Obedient, LMTP):
    """The LMTP server."""

    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802
        """Answer LHLO."""
        answer = self.event_handler.settings.reply("EHLO")
        if answer is not None:
            await self.push(answer)
        else:
            await SMTP.smtp_EHLO(self, arg)

    async def smtp_EHLO(self, arg: str) -> None:  # noqa: N802
        """Refuse EHLO, which is no LMTP."""
        await LMTP.smtp_EHLO(self, arg)
