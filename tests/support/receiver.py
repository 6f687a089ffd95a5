"""The next hop of a test: a process of its own that writes down what it takes, one fsync a message.

aiosmtpd reads the protocol, so the other end of our client is nobody's code of ours. The local part
of a recipient says what happens to it:

    refuse...   550 at RCPT
    later...    450 the first time it is seen, taken after that
    anything    taken; the record has the address before the client sees its 250

Lines of the record are "taken ADDRESS".

    with Receiver(tmp_path / "taken") as receiver:
        ... mail goes to 127.0.0.1, port receiver.port ...
        assert receiver.taken()["someone@outside.example"] == 1
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope

from tests.support.ledger import Ledger, read_tokens
from tests.support.mail_system import free_port

TAKEN = "taken"
MAXIMUM_SIZE = 256 << 20
ROOT = Path(__file__).resolve().parents[2]


class Receiver:
    """The process, and its record."""

    def __init__(self, record: Path) -> None:
        self.port = free_port()
        self._record = record
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.receiver", str(self.port), self._record],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n"
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        assert self._process is not None
        self._process.terminate()
        self._process.communicate()

    def taken(self) -> Counter[str]:
        """Return how often each address was taken."""
        return read_tokens(self._record, TAKEN)


class Recorder:
    """aiosmtpd's handler: recipients by their local part, data into the record."""

    def __init__(self, record: Ledger) -> None:
        self._record = record
        self._seen: set[str] = set()

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd calls it so
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT as the address asks."""
        if address.startswith("refuse"):
            return "550 5.1.1 No such user here"
        if address.startswith("later") and address not in self._seen:
            self._seen.add(address)
            return "450 4.2.0 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Any, envelope: Envelope
    ) -> str:
        """Record every recipient, then answer."""
        self._record.record(TAKEN, tuple(envelope.rcpt_tos))
        return "250 2.0.0 Taken"


async def receive(port: int, record: Path) -> None:
    """Listen on 127.0.0.1:*port* until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    ledger = Ledger(record)
    handler = Recorder(ledger)

    def session() -> SMTP:
        return SMTP(handler, hostname="receiver.example", data_size_limit=MAXIMUM_SIZE, loop=loop)

    server = await loop.create_server(session, "127.0.0.1", port, backlog=512)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await stopped.wait()
    server.close()
    ledger.close()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(receive(int(sys.argv[1]), Path(sys.argv[2])))
