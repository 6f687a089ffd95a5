"""Ends of a maildrop message that is not simply passed on: returned to its sender, or dropped.

Returning it needs no delivery: it becomes active with every recipient answered, and with the
notice that the bounce stage claims.
"""

from collections.abc import Sequence

from spoolmta.errors import ClaimLost
from spoolmta.message.outcome import Outcome
from spoolmta.spool import completion, events, queues
from spoolmta.spool.connection import Spool, Transaction, numbers
from spoolmta.spool.notices import Kind
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.queues import QueuedMessage, State


def last_piece(reader: Spool, message_id: int) -> int:
    """Return the number of the last piece of a message's content; -1 if it has none."""
    value = reader.read("last_piece", {"message_id": message_id})[0][0]
    return -1 if value is None else int(value)


def put_piece(tx: Transaction, message_id: int, piece: int, data: bytes) -> None:
    """Insert or replace a piece of a claimed message's content."""
    tx.run("put_content", (message_id, piece, data))


def refuse(
    tx: Transaction, message: QueuedMessage, process_id: int, outcomes: Sequence[Outcome]
) -> None:
    """Move a claimed message to active, its recipients answered and its sender to be told.

    Raises ClaimLost: somebody else owns the message; drop the work.
    """
    message_id = message.message_id
    _leave(tx, message_id, process_id)
    tx.run("enter_active", (message_id, tx.now, 0))
    events.record(tx, message_id, "refused")
    addresses = {number: r.address for number, r in message.numbered.items()}
    record_outcomes(tx, message_id, outcomes, addresses)
    completion.ask_for_notice(tx, message_id, Kind.FAILURE, None)


def discard(tx: Transaction, message_id: int, process_id: int) -> None:
    """End a claimed message: nobody gets it, nobody is told.

    Raises ClaimLost: somebody else owns the message; drop the work.
    """
    _give_up(tx, message_id, process_id)
    events.record(tx, message_id, "discarded")
    queues.remove(tx, State.MAILDROP, [message_id])


def _leave(tx: Transaction, message_id: int, process_id: int) -> None:
    _give_up(tx, message_id, process_id)
    tx.run("leave_maildrop", {"ids": numbers([message_id])})
    if tx.changes != 1:
        raise ClaimLost(f"message {message_id} is not in maildrop any more")


def _give_up(tx: Transaction, message_id: int, process_id: int) -> None:
    queues.release(tx, process_id, [message_id])
    if tx.changes != 1:
        raise ClaimLost(f"process {process_id} lost a claim")
