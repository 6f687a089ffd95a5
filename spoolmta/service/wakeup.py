"""The wait of a loop that pokes end (poke.py)."""

import asyncio
import socket

_DRAIN_BYTES = 16


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
