"""What an operator does to queued messages: hold, release, requeue, delete, expire, flush.

Each takes a batch of message ids in the caller's transaction and returns what became of them; an
id that is in none of the states meant is left alone without a word. A message that a stage has
claimed is taken away from it: its claim row goes, and the stage drops its work with ClaimLost.
With an *operation* it is written down how the messages were found, so that it can be undone.

An agent that is delivering a message cannot be stopped:
- delete: nothing else of it is delivered; the attempt ends. In the trash its outcome is kept, so
  that no recipient gets it twice if the deletion is undone.
- hold: nothing else of it is delivered; the attempt ends and its outcome is kept, so that no
  recipient gets it twice after the release.
- release, requeue: the message is left where it is and named in `Done.busy`.

Postfix:  postsuper(1)
Writes:   the state tables, trash, delivery, outcome, recipient, claim, notice, flush, event,
          forced_expiry
Limits:   a report of success that was about to be written is lost by hold and requeue
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spoolmta.spool import deliveries, events, slices, tally
from spoolmta.spool.connection import Transaction, numbers
from spoolmta.spool.queues import State, erase
from spoolmta.spool.surgery import expiry, operations, trash
from spoolmta.spool.surgery.operations import Operation

# Mail in maildrop has not been cleaned up; from hold it would go out as it is.
HOLDABLE = (State.INCOMING, State.ACTIVE, State.DEFERRED)
EXPIRABLE = (State.HOLD, State.INCOMING, State.ACTIVE, State.DEFERRED)
REQUEUABLE = (State.HOLD, State.INCOMING, State.ACTIVE, State.DEFERRED, State.CORRUPT)


@dataclass(slots=True)
class Done:
    """What became of a batch: ids that were moved or deleted, and ids that an agent has in hand.

    *unfit* are those that it cannot be done to, by the reason.
    """

    done: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    unfit: dict[str, list[int]] = field(default_factory=dict)


def delete(
    tx: Transaction,
    message_ids: Sequence[int],
    states: Sequence[State] = tuple(State),
    operation: Operation | None = None,
    sizes: Mapping[int, int] = {},
) -> Done:
    """Delete messages; their history stays. With an *operation* they rest in the trash.

    *sizes* are those that the caller knows anyway, in bytes.
    """
    found = locate(tx, message_ids, states)
    ids = all_of(found)
    if operation is None:
        deliveries.withdraw(tx, ids)
        take(tx, found)
        erase(tx, ids)
    else:
        operations.keep(tx, operation, ids)
        withdraw_unattempted(tx, ids)
        take(tx, found)
        trash.put(tx, ids, operation.stamp, sizes)
    _tell(tx, ids, "deleted", operation)
    return Done(ids)


def hold(
    tx: Transaction,
    message_ids: Sequence[int],
    reason: str,
    states: Sequence[State] = HOLDABLE,
    operation: Operation | None = None,
) -> Done:
    """Keep messages until they are released; they do not expire meanwhile."""
    found = locate(tx, message_ids, [state for state in states if state in HOLDABLE])
    ids = all_of(found)
    if operation is not None:
        operations.keep(tx, operation, ids)
    withdraw_unattempted(tx, ids)
    take(tx, found)
    now = tx.now if operation is None else operation.stamp
    tx.run("hold_messages", {"ids": numbers(ids), "now": now, "reason": reason})
    _tell(tx, ids, "held", operation, reason=reason)
    return Done(ids)


def release(
    tx: Transaction, message_ids: Sequence[int], operation: Operation | None = None
) -> Done:
    """Move held messages to deferred, due at once."""
    found = locate(tx, message_ids, (State.HOLD,))
    busy = leave_out_attempted(tx, found)
    ids = all_of(found)
    if operation is not None:
        operations.keep(tx, operation, ids)
        # All that a release changes beside the place: bounces that nobody was told of.
        reopened = [row[0] for row in tx.run("reopenable_messages", {"ids": numbers(ids)})]
        operations.keep_rows(tx, operation, reopened)
    deliveries.withdraw(tx, ids)
    take(tx, found)
    waiting = still_waiting(tx, ids)
    now = tx.now if operation is None else operation.stamp
    tally.enter(tx, "defer_messages", {"ids": numbers(waiting), "now": now}, len(waiting))
    _tell(tx, waiting, "released", operation)
    return Done(ids, busy)


def requeue(
    tx: Transaction,
    message_ids: Sequence[int],
    states: Sequence[State] = REQUEUABLE,
    operation: Operation | None = None,
) -> Done:
    """Move messages to maildrop, with the recipients that still wait; their life starts afresh."""
    found = locate(tx, message_ids, [state for state in states if state in REQUEUABLE])
    busy = leave_out_attempted(tx, found)
    ids = all_of(found)
    if operation is not None:
        operations.keep(tx, operation, ids, rows=True)
    deliveries.withdraw(tx, ids)
    take(tx, found)
    waiting = still_waiting(tx, ids)
    for statement in ("delete_ended_recipients", "delete_outcomes", "delete_crashes"):
        tx.run(statement, {"ids": numbers(waiting)})
    expiry.forget(tx, waiting)
    now = tx.now if operation is None else operation.stamp
    tx.run("submit_messages", {"ids": numbers(waiting), "now": now})
    _tell(tx, waiting, "requeued", operation)
    return Done(ids, busy)


def expire(tx: Transaction, message_ids: Sequence[int], operation: Operation) -> Done:
    """Let messages be returned to their senders when they are due the next time."""
    found = locate(tx, message_ids, EXPIRABLE)
    return Done(expiry.mark(tx, all_of(found), operation))


def make_due(tx: Transaction, message_ids: Sequence[int]) -> int:
    """Let deferred messages be tried now; return how many were not due yet."""
    due = [row[0] for row in tx.run("make_due", {"ids": numbers(message_ids), "now": tx.now})]
    events.record_each(tx, due, "flushed")
    return len(due)


def request_flush(tx: Transaction) -> None:
    """Ask the scheduler to forget which destinations are dead."""
    tx.run("insert_flush", {"now": tx.now})


def locate(
    tx: Transaction, message_ids: Sequence[int], states: Sequence[State]
) -> dict[State, list[int]]:
    """Return the ids by state, for the states that are meant."""
    ids = sorted(dict.fromkeys(message_ids))  # quick if they are in order, as nearly always
    return {
        state: [row[0] for row in tx.run(f"those_in_{state}", {"ids": numbers(ids)})]
        for state in states
    }


def all_of(found: dict[State, list[int]]) -> list[int]:
    """Return the ids of all states."""
    return sorted(message_id for ids in found.values() for message_id in ids)


def leave_out_attempted(tx: Transaction, found: dict[State, list[int]]) -> list[int]:
    """Take the messages that an agent has in hand out of *found*; return them."""
    busy = {row[0] for row in tx.run("attempted_messages", {"ids": numbers(all_of(found))})}
    leave_out(found, busy)
    return sorted(busy)


def leave_out(found: dict[State, list[int]], these: set[int]) -> None:
    """Take some messages out of *found*."""
    if these:
        for state, ids in found.items():
            found[state] = [message_id for message_id in ids if message_id not in these]


def leave_out_ended(tx: Transaction, found: dict[State, list[int]]) -> list[int]:
    """Take the messages that the queue manager is about to end out of *found*; return them.

    All their recipients have their answers, which nobody has yet taken up.
    """
    ended = {row[0] for row in tx.run("ended_messages", {"ids": numbers(all_of(found))})}
    leave_out(found, ended)
    return sorted(ended)


def take(tx: Transaction, found: dict[State, list[int]]) -> None:
    """Take messages out of their states and out of the hands of whoever works on them."""
    for state, ids in found.items():
        if ids:
            _leave(tx, state, ids)
    ids = all_of(found)
    tx.run("delete_claims_of_messages", {"ids": numbers(ids)})
    tx.run("delete_notices_of_messages", {"ids": numbers(ids)})
    slices.forget(tx, ids)


def recall(tx: Transaction, found: dict[State, list[int]], now: int, **told: object) -> None:
    """Let messages that are on their way to agents be resolved afresh, at once."""
    ids = all_of(found)
    deliveries.withdraw(tx, ids)
    take(tx, found)
    tally.enter(tx, "defer_messages", {"ids": numbers(ids), "now": now}, len(ids))
    events.record_each(tx, ids, "recalled", **told)


def withdraw_unattempted(tx: Transaction, message_ids: Sequence[int]) -> None:
    """End the deliveries of messages that no agent has in hand."""
    rows = tx.run("unattempted_deliveries", {"ids": numbers(message_ids)})
    ids = [row[0] for row in rows]
    for statement in ("delete_granted", "delete_reports"):
        tx.run(statement, {"ids": numbers(ids)})
    deliveries.answer(tx, ids)


def still_waiting(tx: Transaction, message_ids: Sequence[int]) -> list[int]:
    """Return the ids that have a recipient to be tried; what is over ends here."""
    answered = _answered(tx, message_ids)
    if not answered:
        return list(message_ids)
    tx.run("reopen_outcomes", {"ids": numbers(answered)})
    ended = {row[0] for row in tx.run("ended_messages", {"ids": numbers(answered)})}
    if ended:
        erase(tx, sorted(ended))
        events.record_each(tx, sorted(ended), "removed")
    return [message_id for message_id in message_ids if message_id not in ended]


def _leave(tx: Transaction, state: State, message_ids: Sequence[int]) -> None:
    if state is State.DEFERRED:
        tally.leave(tx, message_ids)
    else:
        tx.run(f"leave_{state}", {"ids": numbers(message_ids)})


def _answered(tx: Transaction, message_ids: Sequence[int]) -> list[int]:
    """Return the ids that have a recipient with a final answer: few, and all else is about them."""
    return [row[0] for row in tx.run("answered_messages", {"ids": numbers(message_ids)})]


def _tell(
    tx: Transaction,
    message_ids: Sequence[int],
    kind: str,
    operation: Operation | None,
    **values: object,
) -> None:
    if operation is None:
        events.record_each(tx, message_ids, kind, **values)
    elif len(message_ids) < tally.MASS:
        events.record_each(tx, message_ids, kind, **values, **operation.told)
    else:
        told = {**values, **operation.told}
        events.record_mass(tx, operation.operation_id, message_ids, kind, **told)
