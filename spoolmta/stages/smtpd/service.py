"""The smtpd process: it listens, bounds the number of sessions, keeps time, and drains.

Postfix:    smtpd(8), master(5) maxproc
Claims:     nothing; Advances to: incoming, hold
Parameters: smtpd_timeout
Limits:     when a burst of clients comes in one turn of the event loop, some more than the limit
            are let in before listening stops
"""

import asyncio
import socket
from typing import Any

from spoolmta.service.context import ServiceContext
from spoolmta.stages.smtpd.connection import Connection
from spoolmta.stages.smtpd.server import Server

TICK_SECONDS = 1.0
DRAIN_SECONDS = 20.0

_BACKLOG = 1024


async def serve(context: ServiceContext) -> None:
    """Take mail until the service is asked to drain, and all sessions are over.

    Raises ConfigError: the configuration cannot be used.
    Raises SpoolFailed: the outcome of a commit is not known; the process ends.
    """
    loop = asyncio.get_running_loop()
    server = Server.open(context)
    reception = _Reception(server)
    former_handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, trouble: _fail(server, trouble))
    try:
        await reception.listen()
        await _until(server, context.draining)
        await reception.finish(context.stopping)
    finally:
        reception.close()
        loop.set_exception_handler(former_handler)


class _Reception:
    """The listening sockets, and the connections that came in through them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._limit = server.context.session_limit
        self._connections: set[Connection] = set()
        self._listening: list[asyncio.Server] = []
        self._is_full = False
        self._is_draining = False
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._tick = asyncio.get_running_loop().call_later(TICK_SECONDS, self._check_time)

    async def listen(self) -> None:
        """Accept clients."""
        loop = asyncio.get_running_loop()
        for listening in self._server.context.sockets:
            # The event loop closes what it listened on; the socket itself stays for a later time.
            copy = listening.dup()
            create = (
                loop.create_unix_server
                if listening.family == socket.AF_UNIX
                else loop.create_server
            )
            self._listening.append(await create(self._accept, sock=copy, backlog=_BACKLOG))

    async def finish(self, stopping: asyncio.Event) -> None:
        """Accept nobody, and let sessions go on to their end, as long as nothing stops us."""
        self._is_draining = True
        self._stop_listening()
        ends = [asyncio.ensure_future(event.wait()) for event in (self._is_empty, stopping)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        if self._connections:
            await self._drain()

    async def _drain(self) -> None:
        """Hang up on whoever is idle, and wait for the others."""
        for connection in tuple(self._connections):
            connection.drain()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._is_empty.wait()
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.stop()
            await self._is_empty.wait()

    def close(self) -> None:
        """Stop what goes on by itself."""
        self._tick.cancel()
        self._stop_listening()

    def _accept(self) -> Connection:
        connection = Connection(self._server, self._forget)
        self._connections.add(connection)
        self._is_empty.clear()
        if len(self._connections) >= self._limit and not self._is_full:
            self._is_full = True
            asyncio.get_running_loop().call_soon(self._stop_listening)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._is_empty.set()
        if self._is_full and len(self._connections) < self._limit and not self._is_draining:
            self._is_full = False
            resumed = asyncio.get_running_loop().create_task(self.listen())
            resumed.add_done_callback(self._listens_again)

    def _listens_again(self, task: "asyncio.Task[None]") -> None:
        error = task.exception()
        if error is not None:
            self._server.fail(error)

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, []
        for entry in listening:
            entry.close()

    def _check_time(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self._connections):
            connection.check_time(now)
        self._server.abandon_leftovers()
        self._tick = loop.call_later(TICK_SECONDS, self._check_time)


async def _until(server: Server, draining: asyncio.Event) -> None:
    """Wait for the end of the service, or for what ends the process.

    Raises whatever Server.fail was called with.
    """
    waiting = asyncio.ensure_future(draining.wait())
    try:
        await asyncio.wait((waiting, server.failure), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if server.failure.done():
        await server.failure


def _fail(server: Server, trouble: dict[str, Any]) -> None:
    error = trouble.get("exception")
    server.fail(error if error is not None else RuntimeError(trouble.get("message")))
