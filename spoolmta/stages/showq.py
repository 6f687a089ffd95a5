"""The queue listing on public/showq: whoever connects gets it, and says nothing.

Each page of the queue is one short read in the spool thread, so that a slow reader keeps neither
the write-ahead log nor mail waiting. The master starts it when somebody connects.

Postfix:    showq(8)
Reads:      every state table but corrupt
Parameters: empty_address_recipient, ipc_timeout, max_idle
Must not:   read anything from the client: any local user may connect
"""

import asyncio
import contextlib
from functools import partial

from spoolmta.config.parameters.common import CommonParameters
from spoolmta.protocols import showq
from spoolmta.service.context import ServiceContext
from spoolmta.spool.questions import listing
from spoolmta.spool.state import State

_DRAIN_SECONDS = 3.0
# In this time, what was accepted before listening stopped has become a session.
_ARRIVAL_SECONDS = 0.05


async def serve(context: ServiceContext) -> None:
    """Answer connections until it is time to drain, or nobody has asked for max_idle."""
    lister = Lister(context, context.section(CommonParameters))
    servers = [
        await asyncio.start_unix_server(lister.answer, sock=listener)
        for listener in context.sockets
    ]
    await lister.rest()
    for server in servers:
        server.close()
    await asyncio.sleep(_ARRIVAL_SECONDS)
    await lister.finish()


class Lister:
    """Writes listings, a bounded number of them at a time."""

    def __init__(self, context: ServiceContext, parameters: CommonParameters) -> None:
        self._context = context
        self._null_recipient = parameters.empty_address_recipient
        self._patience = parameters.ipc_timeout
        self._max_idle = parameters.max_idle
        self._room = asyncio.Semaphore(context.session_limit)
        self._sessions: set[asyncio.Task[None]] = set()
        self._idle_since = context.clock.now()

    async def answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Write one listing and close the connection."""
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            async with self._room:
                await self._list(writer)
        except (OSError, TimeoutError):
            pass  # the reader has gone, or takes nothing: nobody is left to be told
        finally:
            self._sessions.discard(task)
            self._idle_since = self._context.clock.now()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._context.log.flush()

    async def rest(self) -> None:
        """Return when it is time to drain, or nobody has asked for long."""
        context = self._context
        while not context.draining.is_set():
            idle = 0.0 if self._sessions else context.clock.now() - self._idle_since
            if idle >= self._max_idle:
                return
            await context.wakeup.wait(self._max_idle - idle)

    async def finish(self) -> None:
        """Let the listings that are being written come to their end, for a moment."""
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=_DRAIN_SECONDS)

    async def _list(self, writer: asyncio.StreamWriter) -> None:
        writer.write(showq.GREETING)
        for state in listing.LISTED_STATES:
            await self._list_state(writer, state)
        await self._write(writer, showq.END)

    async def _list_state(self, writer: asyncio.StreamWriter, state: State) -> None:
        after = 0
        while True:
            page = partial(
                listing.listed,
                state=state,
                after=after,
                null_recipient=self._null_recipient,
                external=self._context.log.external_addresses,
            )
            after, messages = await self._context.committer.run(page)
            await self._write(writer, b"".join(map(showq.format_message, messages)))
            if not after:
                return

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        async with asyncio.timeout(self._patience):
            await writer.drain()
