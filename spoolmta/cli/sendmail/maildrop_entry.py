"""A message goes into maildrop without the mail system: by the spool's owner, or by root as such.

It is on the disk when this returns; pickup finds it when it runs.

Postfix:    postdrop(1)
Writes:     maildrop
Parameters: queue_directory, mail_owner, authorized_submit_users, extract_recipient_limit,
            enable_long_queue_ids
"""

import asyncio
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spoolmta.cli.sendmail.hand_in import Message
from spoolmta.clock import SystemClock
from spoolmta.config.parameters.pickup import SubmissionParameters
from spoolmta.errors import RemoteProtocolError, SpoolmtaError
from spoolmta.maps import open_match_list
from spoolmta.message.envelope import Envelope
from spoolmta.message.queue_id import MessageIds, format_queue_id
from spoolmta.message.submitter import Submitter, find_submitter
from spoolmta.protocols.submission import Answer, extract_recipients
from spoolmta.service.poke import Poker
from spoolmta.service.privileges import account, become
from spoolmta.spool import content, processes, queues
from spoolmta.spool.connection import FILE_NAME, Spool
from spoolmta.spool.queues import NewMessage, State

_SERVICE = "sendmail"


def enter(parameters: SubmissionParameters, message: Message) -> Answer:
    """Put a message into maildrop; return its queue id, or why the caller must keep it."""
    submitter = find_submitter(message.uid)
    try:
        refusal = _refusal(parameters, submitter)
        if refusal is not None:
            return refusal
        queue_directory = Path(parameters.queue_directory)
        queue_directory.mkdir(parents=True, exist_ok=True)
        spool = Spool.open(queue_directory / FILE_NAME, SystemClock(), create=True)
        try:
            answer = _Entry(spool, parameters, submitter, message).write()
        finally:
            spool.close()
    except RemoteProtocolError as error:
        return Answer(status=os.EX_DATAERR, text=str(error))
    except (SpoolmtaError, OSError) as error:
        return Answer(status=os.EX_TEMPFAIL, text=str(error))
    poker = Poker(queue_directory)
    poker.poke("pickup")
    poker.close()
    return answer


def _refusal(parameters: SubmissionParameters, submitter: Submitter) -> Answer | None:
    """Become the spool's owner; return why the user may not write the spool, None if it may.

    Raises ConfigError: mail_owner does not exist.
    """
    owner = account(parameters.mail_owner)
    if os.geteuid() not in (0, owner.pw_uid):
        return Answer(
            status=os.EX_TEMPFAIL,
            text="the mail system is not running, and only root and"
            f" {parameters.mail_owner} may write its queue; try again when it runs",
        )
    become(owner)
    users = open_match_list(parameters.authorized_submit_users, exact=True)
    if not asyncio.run(users.matches(submitter.name)):
        user = f"{submitter.name}({submitter.uid})"
        return Answer(status=os.EX_NOPERM, text=f"User {user} is not allowed to submit mail")
    return None


@dataclass(slots=True)
class _Entry:
    """One message on its way into maildrop."""

    spool: Spool
    parameters: SubmissionParameters
    submitter: Submitter
    message: Message
    uploaded: int = field(default=0, init=False)

    def write(self) -> Answer:
        """Write the message: a large one piece by piece, the last of them in the durable commit.

        Raises SpoolmtaError: it is not in maildrop; the caller tries again later.
        Raises RemoteProtocolError: a recipient in its headers cannot be an address.
        """
        pieces = _regrouped(self.message.draft.pieces())
        first = next(pieces)
        recipients = list(self.message.recipients)
        if self.message.submission.extract:
            recipients += extract_recipients(first)
        if not recipients:
            text = "No recipient addresses found in message header"
            return Answer(status=os.EX_TEMPFAIL, text=text)
        if len(recipients) > self.parameters.extract_recipient_limit + len(self.message.recipients):
            return Answer(status=os.EX_DATAERR, text="too many recipients")
        envelope = self.message.submission.envelope(self.submitter, recipients)
        with self.spool.transaction() as tx:
            process_id = processes.register(tx, _SERVICE)
        message_id = MessageIds(process_id, self.spool.clock).next()
        try:
            last = self._upload(pieces, message_id, process_id)
            queue_id = self._accept(message_id, process_id, envelope, (first, *last))
        except SpoolmtaError:
            self._give_up(message_id, process_id)
            raise
        return Answer(queue_id=queue_id)

    def _upload(self, pieces: Iterable[bytes], message_id: int, process_id: int) -> list[bytes]:
        """Store pieces but the last one, and return that."""
        last: list[bytes] = []
        for piece in pieces:
            if last:
                self.uploaded += 1
                with self.spool.transaction() as tx:
                    content.upload(tx, message_id, self.uploaded, last.pop(), process_id)
            last.append(piece)
        return last

    def _accept(
        self, message_id: int, process_id: int, envelope: Envelope, pieces: tuple[bytes, ...]
    ) -> str:
        queue_id = format_queue_id(message_id, long=self.parameters.enable_long_queue_ids)
        new = NewMessage(
            message_id,
            queue_id,
            envelope,
            self.message.draft.size,
            pieces,
            self.spool.clock.now(),
            uploaded=self.uploaded,
        )
        with self.spool.transaction(durable=True) as tx:
            queues.enqueue(tx, State.MAILDROP, new)
            processes.retire(tx, process_id)
        return queue_id

    def _give_up(self, message_id: int, process_id: int) -> None:
        with self.spool.transaction() as tx:
            content.abandon(tx, message_id)
            processes.retire(tx, process_id)


def _regrouped(data: Iterable[bytes]) -> Iterator[bytes]:
    """Yield data as pieces of the spool's size."""
    gathered = b""
    for some in data:
        gathered += some
        while len(gathered) > content.PIECE_BYTES:
            yield gathered[: content.PIECE_BYTES]
            gathered = gathered[content.PIECE_BYTES :]
    yield gathered
