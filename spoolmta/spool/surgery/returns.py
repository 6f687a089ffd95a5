"""Mail that an operator returns to its sender, as if it had failed or had been here too long.

The recipients that wait get a final answer, and the message a notice, in one transaction; the
bounce stage writes the report and ends the message, so nothing is left to undo once it has.

Postfix:  postsuper(1) -e and -f
Writes:   the state tables, outcome, notice, event
"""

from collections.abc import Sequence
from typing import NamedTuple

from spoolmta.spool import deliveries, events
from spoolmta.spool.connection import Reader, Transaction, numbers, seconds
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin, expiry, operations
from spoolmta.spool.surgery.admin import Done
from spoolmta.spool.surgery.operations import Operation

RETURNABLE = (State.INCOMING, State.ACTIVE, State.DEFERRED, State.HOLD)

_BEING_RETURNED = "is being returned to its sender already"


class Answer(NamedTuple):
    """What the sender is told of each recipient: status code and reason."""

    dsn: str
    reason: str


class Returned(NamedTuple):
    """An operator's word that ends a message: "bounce" or "expire", and when (seconds)."""

    verb: str
    at: float


def by_operators(reader: Reader, message_ids: Sequence[int]) -> dict[int, Returned]:
    """Return those of some messages that an operator has returned to their senders."""
    rows = reader.read("returned_by_operators", {"ids": numbers(message_ids)})
    return {row[0]: Returned(row[1], seconds(row[2])) for row in rows}


def bounce(
    tx: Transaction, message_ids: Sequence[int], answer: Answer, operation: Operation
) -> Done:
    """Return messages to their senders with *answer* for every recipient that waits."""
    return _return(tx, message_ids, "bounce_waiting", answer, operation)


def expire(tx: Transaction, message_ids: Sequence[int], operation: Operation) -> Done:
    """Return messages as if their lifetime were over, with the last reason they waited for."""
    return _return(tx, message_ids, "expire_waiting", Answer(expiry.DSN, expiry.REASON), operation)


def _return(
    tx: Transaction,
    message_ids: Sequence[int],
    statement: str,
    answer: Answer,
    operation: Operation,
) -> Done:
    found = admin.locate(tx, message_ids, RETURNABLE)
    busy = admin.leave_out_attempted(tx, found)
    noticed = leave_out_noticed(tx, found)
    ids = admin.all_of(found)
    operations.keep(tx, operation, ids, rows=True)
    deliveries.withdraw(tx, ids)
    admin.take(tx, found)
    now = operation.stamp
    tx.run(statement, {"ids": numbers(ids), "now": now, **answer._asdict()})
    events.record_each(tx, ids, "returned", verb=operation.verb, **operation.told)
    tx.run("tell_bounced", {"ids": numbers(ids), "now": now})
    tx.run("activate_returned", {"ids": numbers(ids), "now": now})
    tx.run("ask_for_failure_notices", {"ids": numbers(ids)})
    tx.run("ask_for_success_notices", {"ids": numbers(ids)})
    return Done(ids, busy, {_BEING_RETURNED: noticed} if noticed else {})


def leave_out_noticed(tx: Transaction, found: dict[State, list[int]]) -> list[int]:
    """Take the messages whose sender is about to be told of them out of *found*; return them."""
    rows = tx.run("noticed_messages", {"ids": numbers(admin.all_of(found))})
    noticed = {row[0] for row in rows}
    admin.leave_out(found, noticed)
    return sorted(noticed)
