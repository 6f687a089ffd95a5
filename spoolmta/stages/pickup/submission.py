"""The socket public/submit: local users hand in mail without the right to write the spool.

The kernel tells who the user is; nothing that a client says can make it somebody else. A message
is answered once it is on the disk. Large ones are stored piece by piece as they arrive.

Postfix:    postdrop(1), sendmail(1)
Writes:     maildrop
Parameters: authorized_submit_users, message_size_limit, extract_recipient_limit
Must not:   take a uid, an origin or a client from the wire
Limits:     SESSIONS_OF_USER at a time for each uid; READ_SECONDS between two reads
"""

import asyncio
import os
import socket
from collections import Counter
from functools import partial

from spoolmta.config.parameters.pickup import SubmissionParameters
from spoolmta.errors import MapUnavailable, RemoteProtocolError, SpoolBusy, SpoolFull
from spoolmta.maps import open_match_list
from spoolmta.message.submitter import Submitter, find_submitter
from spoolmta.net.credentials import peer_uid
from spoolmta.protocols import submission
from spoolmta.protocols.submission import Begun, Content, Event, SubmissionReader
from spoolmta.service.context import ServiceContext
from spoolmta.service.crash import crash_point
from spoolmta.spool import content, queues
from spoolmta.spool.queues import NewMessage, State

READ_SECONDS = 60.0
SESSIONS_OF_USER = 50

_DRAIN_SECONDS = 3.0
_RECEIVE_BYTES = 65536
_REST_SECONDS = 0.1


class SubmissionServer:
    """Accepts connections and runs a session for each."""

    def __init__(self, context: ServiceContext, parameters: SubmissionParameters) -> None:
        """Use `open`."""
        self.context = context
        self.size_limit = parameters.message_size_limit
        self.extract_limit = parameters.extract_recipient_limit
        self.authorized = open_match_list(parameters.authorized_submit_users, exact=True)
        self._sessions: set[asyncio.Task[None]] = set()
        self._users: Counter[int] = Counter()
        self._failure: BaseException | None = None

    @classmethod
    def open(cls, context: ServiceContext) -> "SubmissionServer":
        """Return the server with its table of users opened.

        Raises ConfigError: the table cannot be used; the process does not start.
        """
        return cls(context, context.section(SubmissionParameters))

    async def serve(self) -> None:
        """Accept until it is time to drain, then let open sessions come to their end."""
        accepting = [asyncio.create_task(self._accept(s)) for s in self.context.sockets]
        await self.context.draining.wait()
        for task in accepting:
            task.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=_DRAIN_SECONDS)
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:
                # Out of descriptors: the sessions under way will give some back.
                self.context.log.warning(f"cannot accept a submission: {error}")
                await asyncio.sleep(_REST_SECONDS)
                continue
            session = asyncio.create_task(self._serve_one(connection))
            self._sessions.add(session)
            session.add_done_callback(self._ended)

    def _ended(self, session: "asyncio.Task[None]") -> None:
        self._sessions.discard(session)
        failure = None if session.cancelled() else session.exception()
        if failure is not None:
            # A dead spool, or a bug: the process ends, and another one starts afresh.
            self._failure = failure
            self.context.drain()

    async def _serve_one(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        uid = peer_uid(connection)
        self._users[uid] += 1
        try:
            if self._users[uid] > SESSIONS_OF_USER:
                answer = submission.format_refused(os.EX_TEMPFAIL, "too many submissions at once")
            else:
                answer = await self._answer(connection, find_submitter(uid))
            async with asyncio.timeout(READ_SECONDS):
                await asyncio.get_running_loop().sock_sendall(connection, answer)
        except (OSError, TimeoutError):
            pass  # the user's program has gone: nobody is left to be told
        finally:
            self._users[uid] -= 1
            connection.close()
            self.context.flush_logs()

    async def _answer(self, connection: socket.socket, submitter: Submitter) -> bytes:
        """Return what the client is told in the end."""
        session = Session(self, submitter)
        loop = asyncio.get_running_loop()
        reader = SubmissionReader()
        try:
            await loop.sock_sendall(connection, submission.GREETING)
            while True:
                async with asyncio.timeout(READ_SECONDS):
                    data = await loop.sock_recv(connection, _RECEIVE_BYTES)
                if not data:
                    return session.refuse(os.EX_TEMPFAIL, "the message is not complete")
                for event in reader.feed(data):
                    if answer := await session.take(event):
                        return answer
        except RemoteProtocolError as error:
            return session.refuse(os.EX_DATAERR, str(error))
        finally:
            await session.abandon()


class Session:
    """One message as it arrives: its first piece is kept, the others go to the spool."""

    def __init__(self, server: SubmissionServer, submitter: Submitter) -> None:
        self._server = server
        self._context = server.context
        self._submitter = submitter
        self._message_id = self._context.ids.next()
        self._begun: Begun | None = None
        self._first = b""
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._size = 0
        self._uploaded = 0

    async def take(self, event: Event) -> bytes:
        """Take what the client said; return the answer if that ends the session, else b""."""
        if isinstance(event, Begun):
            return await self._begin(event)
        if isinstance(event, Content):
            return await self._add(event.data)
        return await self._end()

    def refuse(self, status: int, text: str) -> bytes:
        """Log why the message is not taken, and return the answer that says so."""
        user = f"{self._submitter.name}({self._submitter.uid})"
        self._context.log.warning(f"submission of {user} refused: {text}")
        return submission.format_refused(status, text)

    async def abandon(self) -> None:
        """Remove what was stored of a message that was not completed."""
        if self._uploaded:
            self._uploaded = 0
            operation = partial(content.abandon, message_id=self._message_id)
            await self._context.committer.submit(operation)

    async def _begin(self, begun: Begun) -> bytes:
        submitter = self._submitter
        try:
            allowed = await self._server.authorized.matches(submitter.name)
        except MapUnavailable as error:
            return self.refuse(os.EX_TEMPFAIL, str(error))
        if not allowed:
            user = f"{submitter.name}({submitter.uid})"
            return self.refuse(os.EX_NOPERM, f"User {user} is not allowed to submit mail")
        self._begun = begun
        return b""

    async def _add(self, data: bytes) -> bytes:
        self._size += len(data)
        limit = self._server.size_limit
        if limit and self._size > limit:
            return self.refuse(os.EX_UNAVAILABLE, "message file too big")
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        if self._gathered_bytes < content.PIECE_BYTES:
            return b""
        piece = self._take_gathered()
        if not self._first:
            self._first = piece
            return b""
        self._uploaded += 1
        return await self._commit(
            partial(
                content.upload,
                message_id=self._message_id,
                piece=self._uploaded,
                data=piece,
                process_id=self._context.process_id,
            ),
            durable=False,
            short=False,
        )

    async def _end(self) -> bytes:
        assert self._begun is not None, "the protocol sends Begun first"
        queue_id = self._context.queue_id(self._message_id)
        last = self._take_gathered()
        pieces = (self._first, last) if self._first and last else (self._first or last,)
        recipients = list(self._begun.recipients)
        if self._begun.submission.extract:
            recipients += submission.extract_recipients(pieces[0])
            if not recipients:
                text = "No recipient addresses found in message header"
                return self.refuse(os.EX_TEMPFAIL, text)
            if len(recipients) > self._server.extract_limit:
                return self.refuse(os.EX_DATAERR, "too many recipients")
        message = NewMessage(
            self._message_id,
            queue_id,
            self._begun.submission.envelope(self._submitter, recipients),
            self._size,
            pieces,
            self._context.clock.now(),
            uploaded=self._uploaded,
        )
        crash_point("submit.before_commit")
        refusal = await self._commit(
            partial(queues.enqueue, state=State.MAILDROP, message=message),
            durable=True,
            short=message.is_small,
        )
        crash_point("submit.after_commit")
        if refusal:
            return refusal
        self._uploaded = 0
        self._context.wakeup.wake()
        return submission.format_accepted(queue_id)

    def _take_gathered(self) -> bytes:
        gathered = b"".join(self._gathered)
        self._gathered.clear()
        self._gathered_bytes = 0
        return gathered

    async def _commit(self, operation: "partial[None]", *, durable: bool, short: bool) -> bytes:
        """Commit an operation; return the answer if the spool cannot take it now, else b""."""
        try:
            await self._context.committer.submit(operation, durable=durable, short=short)
        except SpoolFull as error:
            return self.refuse(os.EX_TEMPFAIL, f"queue file write error: {error}")
        except SpoolBusy as error:
            return self.refuse(os.EX_TEMPFAIL, str(error))
        return b""
