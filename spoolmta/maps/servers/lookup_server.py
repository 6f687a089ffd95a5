"""The server behind a table: one question at a time on a connection, few connections to a server.

Who asks borrows a connection for the time of one question, so that a slow answer holds up nobody
else until the server has as many open questions as it may have connections; who comes then waits
for one of them. All tables of a process that name the same server share its connections. The time
limit covers all that a question may need: the wait, connecting, the question and a second try.
A server that said nothing to anybody for so long is left alone for a while, so that whoever has
many questions waits once for it, and not once for each.

A connection that the server has closed meanwhile is not held against it: the question is asked
again on a new one. It is also asked again, once, when the server closes before it has answered.

Connections are made at the first question and belong to the event loop that runs then.

Postfix:  auto_clnt(3), tcp_table(5), socketmap_table(5)
Must not: know what is asked; let a connection live on after a question that went wrong
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from spoolmta.errors import ConnectionLost, NetworkError, PeerTimeout
from spoolmta.net.endpoint import Endpoint
from spoolmta.net.stream import Stream, connect_endpoint

ReadReply = Callable[[Stream, float], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a question may take, and what may be open for how long."""

    question_s: float = 100.0
    connections: int = 16
    idle_s: float = 10.0
    age_s: float = 100.0
    pause_s: float = 10.0


POSTFIX_LIMITS = Limits()
_NO_ANSWER = "Connection timed out"


@dataclass(frozen=True, slots=True)
class _Idle:
    stream: Stream
    opened: float
    since: float


class LookupServer:
    """One server with its connections; see shared_server."""

    def __init__(self, endpoint: Endpoint, limits: Limits) -> None:
        self._endpoint = endpoint
        self._limits = limits
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room = asyncio.Semaphore(limits.connections)
        self._idle: list[_Idle] = []
        self._closer: asyncio.Task[None] | None = None
        self._heard_at = self._left_alone_until = -math.inf

    async def ask(self, request: bytes, read_reply: ReadReply) -> bytes:
        """Send *request* and return what *read_reply* makes of the answer.

        Raises NetworkError: there was none; and what *read_reply* raises.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._begin(loop)
        # Time limits need a task, and who asks need not be one.
        return await loop.create_task(self._ask_in_time(request, read_reply))

    async def _ask_in_time(self, request: bytes, read_reply: ReadReply) -> bytes:
        asked_at = self._now()
        if asked_at < self._left_alone_until:
            raise PeerTimeout(_NO_ANSWER)
        try:
            async with asyncio.timeout(self._limits.question_s), self._room:
                return await self._ask_twice(request, read_reply)
        except (TimeoutError, PeerTimeout):
            if self._heard_at < asked_at:
                self._left_alone_until = self._now() + self._limits.pause_s
            raise PeerTimeout(_NO_ANSWER) from None

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start afresh: what another loop has opened is not ours, even after a fork."""
        self._loop = loop
        self._room = asyncio.Semaphore(self._limits.connections)
        self._idle = []
        self._closer = None
        self._heard_at = self._left_alone_until = -math.inf

    async def _ask_twice(self, request: bytes, read_reply: ReadReply) -> bytes:
        try:
            while (idle := self._take_idle()) is not None:
                try:
                    return await self._ask_on(idle.stream, idle.opened, request, read_reply)
                except ConnectionLost:
                    continue
            return await self._ask_on_new(request, read_reply)
        except ConnectionLost:
            return await self._ask_on_new(request, read_reply)

    async def _ask_on_new(self, request: bytes, read_reply: ReadReply) -> bytes:
        stream = await connect_endpoint(self._endpoint, timeout_s=self._limits.question_s)
        return await self._ask_on(stream, self._now(), request, read_reply)

    async def _ask_on(
        self, stream: Stream, opened: float, request: bytes, read_reply: ReadReply
    ) -> bytes:
        try:
            stream.write(request)
            reply = await read_reply(stream, self._limits.question_s)
        except BaseException:
            stream.abort()
            raise
        self._heard_at = self._now()
        self._idle.append(_Idle(stream, opened, self._heard_at))
        if self._closer is None:
            self._closer = asyncio.create_task(self._close_idle())
        return reply

    def _take_idle(self) -> _Idle | None:
        """Return the connection that was used last, if it can be used again."""
        while self._idle:
            idle = self._idle.pop()
            if idle.stream.is_usable and self._now() < self._end(idle):
                return idle
            idle.stream.abort()
        return None

    async def _close_idle(self) -> None:
        """Close what has waited too long, until nothing waits; everything, if the loop ends."""
        try:
            while self._idle:
                await asyncio.sleep(max(0.0, min(map(self._end, self._idle)) - self._now()))
                now = self._now()
                for idle in [idle for idle in self._idle if self._end(idle) <= now]:
                    self._idle.remove(idle)
                    idle.stream.close()
        finally:
            self._closer = None
            for idle in self._idle:
                idle.stream.close()
            self._idle.clear()

    def _end(self, idle: _Idle) -> float:
        return min(idle.since + self._limits.idle_s, idle.opened + self._limits.age_s)

    def _now(self) -> float:
        assert self._loop is not None
        return self._loop.time()


_servers: WeakValueDictionary[tuple[Endpoint, Limits], LookupServer] = WeakValueDictionary()


def shared_server(endpoint: Endpoint, limits: Limits) -> LookupServer:
    """Return the one LookupServer of this process for *endpoint*."""
    server = _servers.get((endpoint, limits))
    if server is None:
        server = _servers[endpoint, limits] = LookupServer(endpoint, limits)
    return server


def failure(table: str, error: NetworkError) -> str:
    """Return what is said of a table whose server gave no answer."""
    return f"table {table} lookup error: {error}"
