"""Wake-ups: an empty datagram to $queue_directory/public/NAME says "look again".

The master binds these sockets; the processes of a service share theirs, each pokes all others by
path. A poke carries no data and may be lost: polling is the truth, a poke only saves time.
"""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

FOLDER = "public"
_DRAIN_BYTES = 16


class Poker:
    """Sends pokes; never waits, never fails."""

    def __init__(self, queue_directory: Path) -> None:
        """Pokes go to sockets in *queue_directory*/public."""
        self._folder = queue_directory / FOLDER
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def poke(self, name: str) -> None:
        """Wake the stage or transport *name*, if somebody listens."""
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", f"{self._folder}/{name}")

    def close(self) -> None:
        """Close the sending socket."""
        self._socket.close()


def bind(queue_directory: Path, name: str) -> socket.socket:
    """Return the receiving socket of a stage or transport, fresh."""
    path = queue_directory / FOLDER / name
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    receiver.bind(str(path))
    os.chmod(path, 0o660)  # noqa: PTH101
    return receiver


class Wakeup:
    """The wait of a loop: ended by a poke, by `wake`, or by time."""

    def __init__(self, receiver: socket.socket | None) -> None:
        """*receiver* is the shared poke socket; None if nobody pokes this loop."""
        self._loop = asyncio.get_running_loop()
        self._receiver = receiver
        self._woken = False
        self._waiter: asyncio.Future[None] | None = None
        if receiver is not None:
            self._loop.add_reader(receiver, self._on_poke)

    def wake(self) -> None:
        """End the present wait, or the next one at once."""
        self._woken = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self, seconds: float | None) -> None:
        """Return when woken since the last call, or after *seconds* (None: no limit)."""
        if not self._woken:
            self._waiter = self._loop.create_future()
            timer = None if seconds is None else self._loop.call_later(max(seconds, 0), self.wake)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        self._woken = False

    def close(self) -> None:
        """Stop listening."""
        if self._receiver is not None:
            self._loop.remove_reader(self._receiver)

    def _on_poke(self) -> None:
        receiver = self._receiver
        if receiver is None:
            return
        try:
            # Siblings share the socket: who finds it empty was woken by the same poke.
            while True:
                receiver.recv(_DRAIN_BYTES)
        except OSError:
            self.wake()
