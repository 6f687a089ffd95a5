"""Clients that keep on sending whatever happens to the server, and write every answer down.

A session sends one message after another over one connection; when the connection breaks it makes
a new one. A message whose answer was not seen is unknown: it may arrive, and nobody promised it.

Must not: import spoolmta; a client of ours that shared the server's parser would share its errors.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.ledger import PROMISED, REFUSED, UNKNOWN, Ledger

REPLY_TIMEOUT = 30.0
PAUSE_AFTER_A_LOSS = 0.05
LINE = b"The quick brown fox jumps over the lazy dog, and then does it again and again.\r\n"


class DialogueError(Exception):
    """The connection ended, or said something else than expected, in the middle of a dialogue."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to be sent; the tokens are its recipients."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


Submit = Callable[[Letter], Awaitable[str]]


class Writer:
    """Makes letters out of a seed: one or two recipients, some refused, some large.

    *mailbox* is a local address with {} where its token goes: "alice+{}@inbox.example".
    """

    def __init__(self, rng: random.Random, mailbox: str) -> None:
        self._rng = rng
        self._mailbox = mailbox
        self._number = 0

    def write(self) -> Letter:
        """Return the next letter."""
        self._number += 1
        number = self._number
        kinds = self._rng.choices(
            [("taken",), ("taken", "refuse"), ("later",), ("refuse",), ("taken", "taken2")],
            weights=[60, 10, 10, 10, 10],
        )[0]
        recipients = tuple(f"{kind}-{number}@outside.example" for kind in kinds)
        if self._rng.random() < 0.1:
            recipients += (self._mailbox.format(number),)
        lines = 4000 if self._rng.random() < 0.02 else self._rng.randrange(5, 50)
        content = (
            f"From: s-{number}@back.example\r\nTo: {', '.join(recipients)}\r\n"
            f"Subject: letter {number}\r\nMessage-ID: <{number}@load.example>\r\n\r\n"
        ).encode() + LINE * lines
        return Letter(f"s-{number}@back.example", recipients, content)


class Session:
    """One SMTP connection that is made anew whenever it is lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def submit(self, letter: Letter) -> str:
        """Send *letter* and return the verdict."""
        try:
            await self._connect()
            await self._talk(f"MAIL FROM:<{letter.sender}> SIZE={len(letter.content)}", "250")
            for recipient in letter.recipients:
                await self._talk(f"RCPT TO:<{recipient}>", "250")
            await self._talk("DATA", "354")
        except (DialogueError, OSError, TimeoutError):
            await self.close()
            await asyncio.sleep(PAUSE_AFTER_A_LOSS)
            return REFUSED
        try:
            await self._send(letter.content + b".\r\n")
            code = await self._reply()
        except (DialogueError, OSError, TimeoutError):
            await self.close()
            return UNKNOWN
        return PROMISED if code == "250" else REFUSED

    async def close(self) -> None:
        """Drop the connection."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        self._reader = self._writer = None

    async def _connect(self) -> None:
        if self._writer is not None:
            return
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        if await self._reply() != "220":
            raise DialogueError
        await self._talk("EHLO load.example", "250")

    async def _talk(self, command: str, expected: str) -> None:
        await self._send(command.encode() + b"\r\n")
        if await self._reply() != expected:
            raise DialogueError

    async def _send(self, data: bytes) -> None:
        if self._writer is None:
            raise DialogueError
        self._writer.write(data)
        await self._writer.drain()

    async def _reply(self) -> str:
        if self._reader is None:
            raise DialogueError
        while True:
            async with asyncio.timeout(REPLY_TIMEOUT):
                line = await self._reader.readline()
            if not line.endswith(b"\n"):
                raise DialogueError
            if line[3:4] != b"-":
                return line[:3].decode("ascii", "replace")


class LocalUser:
    """A program of this machine that hands mail in over the socket public/submit, as users do."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def submit(self, letter: Letter) -> str:
        """Hand *letter* in and return the verdict."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            await asyncio.sleep(PAUSE_AFTER_A_LOSS)
            return REFUSED
        try:
            if await self._frame(reader) != b"H":
                return REFUSED
            writer.write(
                self._format(b"E", b"sender", letter.sender.encode())
                + self._format(b"R", *(recipient.encode() for recipient in letter.recipients))
                + self._format(b"C", letter.content, end=b"")
                + self._format(b"Z", end=b"")
            )
            return PROMISED if await self._frame(reader) == b"A" else REFUSED
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return UNKNOWN
        finally:
            writer.close()

    @staticmethod
    def _format(kind: bytes, *texts: bytes, end: bytes = b"\0") -> bytes:
        payload = b"".join(text + end for text in texts)
        return kind + len(payload).to_bytes(4) + payload

    @staticmethod
    async def _frame(reader: asyncio.StreamReader) -> bytes:
        async with asyncio.timeout(REPLY_TIMEOUT):
            head = await reader.readexactly(5)
            await reader.readexactly(int.from_bytes(head[1:]))
        return head[:1]


async def keep_sending(
    submit: Submit, writer: Writer, ledger: Ledger, stopped: asyncio.Event, pause: float = 0.0
) -> None:
    """Send letters until *stopped*, each answer into the ledger before the next letter."""
    while not stopped.is_set():
        letter = writer.write()
        ledger.record(await submit(letter), letter.recipients)
        await asyncio.sleep(pause)
