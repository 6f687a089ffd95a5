"""Content on its way through cleanup into the spool.

Small content waits in memory and goes into the spool with its envelope, in one commit. Of large
content, pieces are uploaded as they come, so that memory does not grow with the message. Nothing
of it counts before that last commit; until then it can be abandoned.

Postfix:     smtpd(8), cleanup(8)
Advances to: incoming, hold
"""

from collections.abc import Callable

import msgspec

from spoolmta.errors import SpoolBusy, SpoolFull
from spoolmta.message.envelope import Client, Envelope
from spoolmta.protocols.smtp_syntax import MailOptions, Reply
from spoolmta.service.context import ServiceContext
from spoolmta.service.crash import crash_point
from spoolmta.spool import content, queues
from spoolmta.spool.connection import Transaction
from spoolmta.spool.queues import NewMessage, State
from spoolmta.stages.cleanup.run import Cleanup
from spoolmta.stages.cleanup.verdict import CleanupResult

TOO_LARGE = Reply(552, "5.3.4", "Error: message file too big")
NO_ROOM = Reply(452, "4.3.1", "Insufficient system storage")
NOT_NOW = Reply(451, "4.3.0", "Error: queue file write error")


class Arrival(msgspec.Struct, frozen=True):
    """A message that begins to arrive: its names, and what its client said of it."""

    message_id: int
    queue_id: str
    arrived_at: float
    client: Client
    options: MailOptions


class Intake:
    """The content of one message.

    *size* counts the bytes that came. *failure* is the reply to the message once it cannot be
    taken any more; what comes then is thrown away.
    """

    def __init__(
        self, context: ServiceContext, cleanup: Cleanup, arrival: Arrival, limit: int
    ) -> None:
        """More bytes than *limit* are too many (0: no limit)."""
        self.arrival = arrival
        self.cleanup = cleanup
        self.size = 0
        self.failure: Reply | None = None
        self._context = context
        self._limit = limit
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._uploaded = 0

    @property
    def is_in_spool(self) -> bool:
        """True if some of it is in the spool, so that it has to be abandoned if it is not taken."""
        return self._uploaded > 0

    async def take(self, data: bytes) -> None:
        """Take the next bytes of content.

        Raises SpoolFailed: the caller answers NOT_NOW and ends the process.
        """
        self.size += len(data)
        if self.failure is not None:
            return
        if self._limit and self.size > self._limit:
            self.fail(TOO_LARGE)
            return
        body = self.cleanup.feed(data)
        if body:
            self._waiting.append(body)
            self._waiting_bytes += len(body)
        while self._waiting_bytes >= content.PIECE_BYTES:
            await self._upload()

    def fail(self, reply: Reply) -> None:
        """Give the message up; its sender will be told *reply*."""
        self.failure = reply
        self._waiting.clear()
        self._waiting_bytes = 0

    async def enqueue(
        self,
        result: CleanupResult,
        prepended: bytes,
        hold_reason: str | None,
        hand_on: Callable[[], None],
    ) -> Reply | None:
        """Put the message into the spool; return why not, or None once it is there for good.

        *prepended* are header lines in front of all others. *hand_on* is called when the next stage
        can see it.
        Raises SpoolFailed: the caller answers NOT_NOW and ends the process.
        """
        message = self._message(result, prepended)
        state = State.INCOMING if hold_reason is None else State.HOLD
        reason = hold_reason or ""

        def operation(tx: Transaction) -> None:
            queues.enqueue(tx, state, message, reason=reason)
            crash_point("accept.before_commit")

        try:
            await self._context.committer.submit(
                operation,
                durable=True,
                short=message.is_small,
                on_commit=hand_on if state is State.INCOMING else None,
            )
        except SpoolFull:
            return NO_ROOM
        except SpoolBusy:
            return NOT_NOW
        crash_point("accept.after_commit")
        self._uploaded = 0
        return None

    async def _upload(self) -> None:
        piece = self._cut_piece()
        number, message_id = self._uploaded + 1, self.arrival.message_id
        process_id = self._context.process_id

        def operation(tx: Transaction) -> None:
            content.upload(tx, message_id, number, piece, process_id)

        try:
            await self._context.committer.submit(operation, short=False)
        except SpoolFull:
            self.fail(NO_ROOM)
        except SpoolBusy:
            self.fail(NOT_NOW)
        else:
            crash_point("accept.after_upload")
            self._uploaded = number

    def _cut_piece(self) -> bytes:
        """Return the first PIECE_BYTES that wait; what came last, and that alone, reaches over."""
        *whole, last = self._waiting
        rest_bytes = self._waiting_bytes - content.PIECE_BYTES
        end = len(last) - rest_bytes
        self._waiting = [last[end:]]
        self._waiting_bytes = rest_bytes
        return b"".join((*whole, memoryview(last)[:end]))

    def _message(self, result: CleanupResult, prepended: bytes) -> NewMessage:
        arrival = self.arrival
        head = prepended + result.head if prepended else result.head
        rest_bytes = self._waiting_bytes + len(result.tail)
        if not self._uploaded and len(head) + rest_bytes <= content.PIECE_BYTES:
            pieces: tuple[bytes, ...] = (b"".join((head, *self._waiting, result.tail)),)
        elif rest_bytes:
            pieces = (head, b"".join((*self._waiting, result.tail)))
        else:
            pieces = (head,)
        envelope = Envelope(
            sender=result.sender,
            recipients=result.recipients,
            client=arrival.client,
            envid=arrival.options.envid,
            ret=arrival.options.ret,
            encoding=arrival.options.encoding,
            smtputf8=arrival.options.smtputf8,
        )
        return NewMessage(
            message_id=arrival.message_id,
            queue_id=arrival.queue_id,
            envelope=envelope,
            size=result.size + len(prepended),
            pieces=pieces,
            arrived_at=arrival.arrived_at,
            uploaded=self._uploaded,
            header_id=result.message_id,
        )
