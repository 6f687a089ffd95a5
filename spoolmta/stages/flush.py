"""Delivery now for those who may not write the spool: requests on public/flush.

The kernel tells who asks; root and mail_owner (smtpd, for ETRN) need no permission. The answer
comes before the work, which goes slice by slice in the spool thread. The master starts it when
somebody connects.

Postfix:    flush(8), postqueue(1), ETRN_README
Writes:     deferred, flush
Parameters: authorized_flush_users, fast_flush_domains, parent_domain_matches_subdomains, max_idle
Must not:   take a user from the wire
Limits:     if the service ends in the middle of a site's mail, the rest has to be asked for again
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from functools import partial

from spoolmta.address.flush_domains import open_flush_domains
from spoolmta.config.parameters.flush import FlushRequestParameters
from spoolmta.errors import MapUnavailable, RemoteProtocolError
from spoolmta.maps import open_match_list
from spoolmta.message.submitter import find_submitter
from spoolmta.net.credentials import peer_uid
from spoolmta.protocols import flush
from spoolmta.service.context import ServiceContext
from spoolmta.spool.connection import Spool
from spoolmta.spool.surgery import flushing

READ_SECONDS = 10.0

_DRAIN_SECONDS = 3.0
_ARRIVAL_SECONDS = 0.05


async def serve(context: ServiceContext) -> None:
    """Answer requests until it is time to drain, or nobody has asked for max_idle."""
    flusher = Flusher(context, context.section(FlushRequestParameters))
    servers = [
        await asyncio.start_unix_server(flusher.take, sock=listener) for listener in context.sockets
    ]
    await flusher.rest()
    for server in servers:
        server.close()
    # In this time, what was accepted before listening stopped has become a session.
    await asyncio.sleep(_ARRIVAL_SECONDS)
    await flusher.finish()


class Flusher:
    """Takes requests, and does what they ask one after the other."""

    def __init__(self, context: ServiceContext, parameters: FlushRequestParameters) -> None:
        self._context = context
        self._users = open_match_list(parameters.authorized_flush_users, exact=True)
        self._sites = open_flush_domains(parameters)
        self._max_idle = parameters.max_idle
        self._work: set[asyncio.Task[None]] = set()
        self._idle_since = context.clock.now()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; the work that it asks for goes on behind the answer."""
        connection = writer.get_extra_info("socket")
        try:
            async with asyncio.timeout(READ_SECONDS):
                writer.write(flush.format_answer(await self._answer(reader, connection)))
                await writer.drain()
        except (OSError, TimeoutError, RemoteProtocolError, asyncio.IncompleteReadError) as error:
            self._context.log.warning(f"flush request not understood: {error}")
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._context.flush_logs()

    async def rest(self) -> None:
        """Return when it is time to drain, or nobody has asked for long."""
        context = self._context
        while not context.draining.is_set():
            idle = 0.0 if self._work else context.clock.now() - self._idle_since
            if idle >= self._max_idle:
                return
            await context.wakeup.wait(self._max_idle - idle)

    async def finish(self) -> None:
        """Let the work come to its end, for a moment."""
        if self._work:
            await asyncio.wait(self._work, timeout=_DRAIN_SECONDS)

    async def _answer(self, reader: asyncio.StreamReader, connection: socket.socket) -> str:
        data = b""
        while (request := flush.parse_request(data)) is None:
            more = await reader.read(flush.REQUEST_BYTES)
            if not more:
                raise asyncio.IncompleteReadError(data, None)
            data += more
        try:
            if not await self._may_ask(peer_uid(connection)):
                return flush.DENIED
            if request.verb == flush.SITE and not await self._sites.matches(request.operand):
                return flush.NOT_ELIGIBLE
        except MapUnavailable as error:
            self._context.log.warning(str(error))
            return flush.FAILED
        self._begin(request)
        return flush.OK

    async def _may_ask(self, uid: int) -> bool:
        return uid in (0, os.geteuid()) or await self._users.matches(find_submitter(uid).name)

    def _begin(self, request: flush.Request) -> None:
        task = asyncio.create_task(self._do(request))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _do(self, request: flush.Request) -> None:
        operations: dict[str, Callable[[Spool], None]] = {
            flush.ALL: self._flush_all,
            flush.SITE: partial(self._flush_site, site=request.operand),
            flush.MESSAGE: partial(flushing.flush_message, queue_id=request.operand),
        }
        await self._context.committer.run(operations[request.verb])
        self._wake()
        self._idle_since = self._context.clock.now()

    def _flush_all(self, spool: Spool) -> None:
        for _ in flushing.flush_all(spool):
            self._wake()

    def _flush_site(self, spool: Spool, site: str) -> None:
        for _ in flushing.flush_site(spool, site):
            self._wake()

    def _wake(self) -> None:
        for name in flushing.WAKES:
            self._context.poke(name)
