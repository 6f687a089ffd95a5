"""Our own receiver, where Postfix's smtp-sink is not installed, and where moments are noted.

It takes all and keeps nothing but the first bytes of the message that is coming.

Prints "mesg=N" now and then, as smtp-sink -c does. Run as: python -m tools.bench.sink PORT
"""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import cast

import uvloop

REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"HELO": b"250 sink\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"DATA": b"354 Go ahead\r\n",
}
PRINT_INTERVAL = 0.02
HEAD_BYTES = 4096
END = b"\r\n.\r\n"


class Session(asyncio.Protocol):
    """One connection; content is dropped as it comes, but for the few bytes that may be its end.

    *arrived* is called with the first bytes of each message when its final dot has come.
    """

    def __init__(self, arrived: Callable[[bytes], None]) -> None:
        self._arrived = arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._pending = b""
        self._in_data = False
        self._head = b""
        self._looked_at = 0
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every command of the batch in one write."""
        self._pending += data
        replies = []
        while self._pending:
            reply = self._content() if self._in_data else self._command()
            if not reply:
                break
            replies.append(reply)
        if replies:
            self._transport.write(b"".join(replies))
        if replies and replies[-1].startswith(b"221"):
            self._transport.close()

    def _content(self) -> bytes:
        end = self._pending.find(END)
        room = HEAD_BYTES - len(self._head)
        self._head += self._pending[self._looked_at : self._looked_at + room]
        if end < 0:
            self._pending = self._pending[-len(END) + 1 :]
            self._looked_at = len(self._pending)
            return b""
        self._looked_at = 0
        self._pending = self._pending[end + len(END) :]
        self._in_data = False
        self._arrived(self._head)
        self._head = b""
        return b"250 2.0.0 Ok\r\n"

    def _command(self) -> bytes:
        line, end, rest = self._pending.partition(b"\r\n")
        if not end:
            return b""
        self._pending = rest
        verb = line[:4].upper()
        if verb == b"QUIT":
            return b"221 2.0.0 Bye\r\n"
        if verb == b"DATA":
            self._in_data = True
            self._pending = b"\r\n" + self._pending
        return REPLIES.get(verb, b"502 5.5.2 Not here\r\n")


async def listen(port: int, arrived: Callable[[bytes], None]) -> asyncio.Server:
    """Listen on 127.0.0.1:*port*; tell *arrived* of each message."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(partial(Session, arrived), "127.0.0.1", port, backlog=512)


async def count(port: int) -> None:
    """Receive for ever, and print the count whenever it changed."""
    messages, printed = 0, -1

    def arrived(_head: bytes) -> None:
        nonlocal messages
        messages += 1

    await listen(port, arrived)
    while True:
        if printed != messages:
            printed = messages
            sys.stdout.write(f"mesg={printed}\n")
            sys.stdout.flush()
        await asyncio.sleep(PRINT_INTERVAL)


if __name__ == "__main__":
    uvloop.run(count(int(sys.argv[1])))
