"""Our own sender, where Postfix's smtp-source is not installed: N sessions, no pipelining.

Run as: python -m tools.bench.generator PORT SESSIONS MESSAGES SIZE RECIPIENTS KEEP(0|1)
Exit status 1: the server gave an unexpected reply, which is printed.
"""

import asyncio
import sys
from collections.abc import Iterator
from functools import partial
from typing import cast

import uvloop

LINE = b"X" * 78 + b"\r\n"


class Session(asyncio.Protocol):
    """Sends messages one after another; a dialogue is a list of (bytes to say, expected code)."""

    def __init__(self, work: "Work", finished: "asyncio.Future[None]") -> None:
        self._work = work
        self.finished = finished
        self._expected = b"220"
        self._steps = self._dialogue()
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
            step = next(self._steps, None)
            if step is None:
                self._end(None)
                return
            said, self._expected = step
            self._transport.write(said)

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._end(error or ConnectionError("connection lost"))

    def _dialogue(self) -> Iterator[tuple[bytes, bytes]]:
        work = self._work
        yield b"EHLO bench.example\r\n", b"250"
        while work.take():
            yield b"MAIL FROM:<sender@bench.example>\r\n", b"250"
            for number in range(work.recipients):
                yield b"RCPT TO:<%drcpt@outside.example>\r\n" % number, b"250"
            yield b"DATA\r\n", b"354"
            yield work.content, b"250"
            if not work.keeps_connections:
                break
        yield b"QUIT\r\n", b"221"

    def _end(self, error: Exception | None) -> None:
        if not self.finished.done():
            self._transport.close()
            if error is None:
                self.finished.set_result(None)
            else:
                self.finished.set_exception(error)


class Work:
    """What is left to send."""

    def __init__(self, messages: int, size: int, recipients: int, keeps: int) -> None:
        self.left = messages
        self.recipients = recipients
        self.keeps_connections = bool(keeps)
        head = (
            b"From: <sender@bench.example>\r\nTo: <rcpt@outside.example>\r\nSubject: bench\r\n\r\n"
        )
        self.content = head + LINE * (size // len(LINE)) + b".\r\n"

    def take(self) -> bool:
        """Take one message; False if none is left."""
        self.left -= 1
        return self.left >= 0


async def send(port: int, sessions: int, work: Work) -> None:
    """Send everything over *sessions* simultaneous connections."""
    loop = asyncio.get_running_loop()

    async def one() -> None:
        while work.left > 0:
            session = Session(work, loop.create_future())
            await loop.create_connection(partial(_same, session), "127.0.0.1", port)
            await session.finished

    await asyncio.gather(*(one() for _ in range(sessions)))


def _same(session: Session) -> Session:
    return session


def main() -> int:
    """Send as the arguments say."""
    port, sessions, messages, size, recipients, keeps = (int(word) for word in sys.argv[1:7])
    try:
        uvloop.run(send(port, sessions, Work(messages, size, recipients, keeps)))
    except (RuntimeError, OSError) as error:
        sys.stderr.write(f"generator: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
