"""Our own sender, where Postfix's smtp-source is not installed: N sessions, no pipelining.

Run as: python -m tools.bench.generator PORT SESSIONS MESSAGES SIZE RECIPIENTS KEEP NUMBERED DOMAIN
KEEP and NUMBERED are 0 or 1: many messages a connection, another recipient for each message.
Exit status 1: the server gave an unexpected reply, which is printed.
"""

import asyncio
import sys
from collections.abc import Iterator
from functools import partial
from typing import cast

import uvloop

HOST = "127.0.0.1"
LINE = b"X" * 78 + b"\r\n"

# What is said, and the code of the reply that must follow. A dialogue goes on when it has come.
Dialogue = Iterator[tuple[bytes, bytes]]


class Session(asyncio.Protocol):
    """Goes through a dialogue on one connection."""

    def __init__(self, dialogue: Dialogue, finished: "asyncio.Future[None]") -> None:
        self._dialogue = dialogue
        self._finished = finished
        self._expected = b"220"
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Compare each whole reply with what was expected, and say the next thing."""
        self._pending += data
        while b"\n" in self._pending:
            line, _, self._pending = self._pending.partition(b"\n")
            if line[3:4] == b"-":
                continue
            if line[:3] != self._expected:
                self._end(RuntimeError(line.decode("utf-8", "replace").strip()))
                return
            step = next(self._dialogue, None)
            if step is None:
                self._end(None)
                return
            said, self._expected = step
            self._transport.write(said)

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._end(error or ConnectionError("connection lost"))

    def _end(self, error: Exception | None) -> None:
        if not self._finished.done():
            self._transport.close()
            if error is None:
                self._finished.set_result(None)
            else:
                self._finished.set_exception(error)


class Work:
    """What is left to send."""

    def __init__(self, messages: int, size: int, recipients: int) -> None:
        self.left = messages
        self.taken = 0
        self.recipients = recipients
        self.content = content(b"Subject: bench", size)

    def dialogue(self, *, keeps: bool, numbered: bool, domain: bytes) -> Dialogue:
        """Yield what is said on one connection."""
        yield b"EHLO bench.example\r\n", b"250"
        while self.left > 0:
            self.left -= 1
            self.taken += 1
            yield b"MAIL FROM:<sender@bench.example>\r\n", b"250"
            for number in range(self.recipients):
                prefix = self.taken * self.recipients + number if numbered else number
                yield b"RCPT TO:<%drcpt@%s>\r\n" % (prefix, domain), b"250"
            yield b"DATA\r\n", b"354"
            yield self.content, b"250"
            if not keeps:
                break
        yield b"QUIT\r\n", b"221"


def content(header: bytes, size: int) -> bytes:
    """Return a message of about *size* bytes, its final dot included."""
    head = b"From: <sender@bench.example>\r\nTo: <rcpt@outside.example>\r\n%s\r\n\r\n" % header
    return head + LINE * (size // len(LINE)) + b".\r\n"


async def converse(port: int, dialogue: Dialogue) -> None:
    """Go through *dialogue* on a connection of its own.

    Raises RuntimeError: the server gave an unexpected reply. OSError: the connection broke.
    """
    loop = asyncio.get_running_loop()
    finished = loop.create_future()
    await loop.create_connection(partial(Session, dialogue, finished), HOST, port)
    await finished


async def send(
    port: int, sessions: int, work: Work, *, keeps: bool, numbered: bool, domain: bytes
) -> None:
    """Send everything over *sessions* simultaneous connections."""

    async def one() -> None:
        while work.left > 0:
            await converse(port, work.dialogue(keeps=keeps, numbered=numbered, domain=domain))

    await asyncio.gather(*(one() for _ in range(sessions)))


def main() -> int:
    """Send as the arguments say."""
    port, sessions, messages, size, recipients, keeps, numbered = map(int, sys.argv[1:8])
    work = Work(messages, size, recipients)
    sending = send(
        port,
        sessions,
        work,
        keeps=bool(keeps),
        numbered=bool(numbered),
        domain=sys.argv[8].encode(),
    )
    try:
        uvloop.run(sending)
    except (RuntimeError, OSError) as error:
        sys.stderr.write(f"generator: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
