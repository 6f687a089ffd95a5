"""What an operator does to queued messages: hold, release, requeue, delete, expire, flush.

Each takes a batch of message ids in the caller's transaction and returns what became of them; an
id that is in none of the states meant is left alone without a word. A message that a stage has
claimed is taken away from it: its claim row goes, and the stage drops its work with ClaimLost.

An agent that is delivering a message cannot be stopped:
- delete: the message is gone; it may still be delivered, the agent's report is dropped.
- hold: nothing else of it is delivered; the attempt ends and its outcome is kept, so that no
  recipient gets it twice after the release.
- release, requeue: the message is left where it is and named in `Done.busy`.

Postfix:  postsuper(1)
Writes:   the state tables, delivery, outcome, recipient, claim, notice, flush, forced_expiry, event
Limits:   a report of success that was about to be written is lost by hold and requeue
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from spoolmta.spool import deliveries, events, expiry, slices
from spoolmta.spool.connection import Transaction, numbers
from spoolmta.spool.queues import State, erase

# Mail in maildrop has not been cleaned up; from hold it would go out as it is.
HOLDABLE = (State.INCOMING, State.ACTIVE, State.DEFERRED)
EXPIRABLE = (State.HOLD, State.INCOMING, State.ACTIVE, State.DEFERRED)
REQUEUABLE = (State.HOLD, State.INCOMING, State.ACTIVE, State.DEFERRED, State.CORRUPT)


@dataclass(slots=True)
class Done:
    """What became of a batch: ids that were moved or deleted, and ids that an agent has in hand."""

    done: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)


def delete(
    tx: Transaction, message_ids: Sequence[int], states: Sequence[State] = tuple(State)
) -> Done:
    """Delete messages for good; their history stays."""
    found = _locate(tx, message_ids, states)
    ids = _all(found)
    deliveries.withdraw(tx, ids)
    _take(tx, found)
    erase(tx, ids)
    _tell(tx, ids, "deleted")
    return Done(ids)


def hold(
    tx: Transaction,
    message_ids: Sequence[int],
    reason: str,
    states: Sequence[State] = HOLDABLE,
) -> Done:
    """Keep messages until they are released; they do not expire meanwhile."""
    found = _locate(tx, message_ids, [state for state in states if state in HOLDABLE])
    ids = _all(found)
    _withdraw_unattempted(tx, ids)
    _take(tx, found)
    now = tx.now
    tx.run_many("enter_hold", ((message_id, now, reason) for message_id in ids))
    _tell(tx, ids, "held", reason=reason)
    return Done(ids)


def release(tx: Transaction, message_ids: Sequence[int]) -> Done:
    """Move held messages to deferred, due at once."""
    found = _locate(tx, message_ids, (State.HOLD,))
    busy = _leave_out_attempted(tx, found)
    ids = _all(found)
    deliveries.withdraw(tx, ids)
    _take(tx, found)
    now = tx.now
    waiting = _still_waiting(tx, ids)
    tx.run_many("enter_deferred", ((message_id, now, now) for message_id in waiting))
    _tell(tx, waiting, "released")
    return Done(ids, busy)


def requeue(
    tx: Transaction, message_ids: Sequence[int], states: Sequence[State] = REQUEUABLE
) -> Done:
    """Move messages to maildrop, with the recipients that still wait; their life starts afresh."""
    found = _locate(tx, message_ids, [state for state in states if state in REQUEUABLE])
    busy = _leave_out_attempted(tx, found)
    ids = _all(found)
    deliveries.withdraw(tx, ids)
    _take(tx, found)
    waiting = _still_waiting(tx, ids)
    for statement in ("delete_ended_recipients", "delete_outcomes", "delete_crashes"):
        tx.run(statement, {"ids": numbers(waiting)})
    expiry.forget(tx, waiting)
    now = tx.now
    tx.run_many("enter_maildrop", ((message_id, now) for message_id in waiting))
    _tell(tx, waiting, "requeued")
    return Done(ids, busy)


def expire(
    tx: Transaction, message_ids: Sequence[int], states: Sequence[State] = EXPIRABLE
) -> Done:
    """Let messages be returned to their senders when they are due the next time."""
    found = _locate(tx, message_ids, [state for state in states if state in EXPIRABLE])
    return Done(expiry.mark(tx, _all(found)))


def make_due(tx: Transaction, message_ids: Sequence[int]) -> int:
    """Let deferred messages be tried now; return how many were not due yet."""
    due = [row[0] for row in tx.run("make_due", {"ids": numbers(message_ids), "now": tx.now})]
    _tell(tx, due, "flushed")
    return len(due)


def make_next_due(tx: Transaction, limit: int) -> int:
    """Let up to *limit* deferred messages be tried now; return how many (0: all are due)."""
    tx.run("make_next_due", {"now": tx.now, "limit": limit})
    count = tx.changes
    if count:
        events.record(tx, events.NO_MESSAGE, "flushed", messages=count)
    return count


def request_flush(tx: Transaction) -> None:
    """Ask the scheduler to forget which destinations are dead."""
    tx.run("insert_flush", {"now": tx.now})


def _locate(
    tx: Transaction, message_ids: Sequence[int], states: Sequence[State]
) -> dict[State, list[int]]:
    """Return the ids by state, for the states that are meant."""
    found: dict[State, list[int]] = {state: [] for state in states}
    for message_id, state in tx.run("states_of_messages", {"ids": numbers(message_ids)}):
        if state in found:
            found[State(state)].append(message_id)
    return found


def _all(found: dict[State, list[int]]) -> list[int]:
    return sorted(message_id for ids in found.values() for message_id in ids)


def _leave_out_attempted(tx: Transaction, found: dict[State, list[int]]) -> list[int]:
    """Take the messages that an agent has in hand out of *found*; return them."""
    busy = {row[0] for row in tx.run("attempted_messages", {"ids": numbers(_all(found))})}
    for state, ids in found.items():
        found[state] = [message_id for message_id in ids if message_id not in busy]
    return sorted(busy)


def _take(tx: Transaction, found: dict[State, list[int]]) -> None:
    """Take messages out of their states and out of the hands of whoever works on them."""
    for state, ids in found.items():
        if ids:
            tx.run(f"leave_{state}", {"ids": numbers(ids)})
    ids = _all(found)
    tx.run("delete_claims_of_messages", {"ids": numbers(ids)})
    tx.run("delete_notices_of_messages", {"ids": numbers(ids)})
    slices.forget(tx, ids)


def _withdraw_unattempted(tx: Transaction, message_ids: Sequence[int]) -> None:
    rows = tx.run("unattempted_deliveries", {"ids": numbers(message_ids)})
    ids = [row[0] for row in rows]
    for statement in ("delete_granted", "delete_reports"):
        tx.run(statement, {"ids": numbers(ids)})
    deliveries.answer(tx, ids)


def _still_waiting(tx: Transaction, message_ids: Sequence[int]) -> list[int]:
    """Return the ids that have a recipient to be tried; what is over ends here."""
    tx.run("reopen_outcomes", {"ids": numbers(message_ids)})
    ended = {row[0] for row in tx.run("ended_messages", {"ids": numbers(message_ids)})}
    if ended:
        erase(tx, sorted(ended))
        _tell(tx, sorted(ended), "removed")
    return [message_id for message_id in message_ids if message_id not in ended]


def _tell(tx: Transaction, message_ids: Sequence[int], kind: str, **values: object) -> None:
    detail = events.detail(**values)
    events.record_many(tx, ((message_id, kind, "", detail) for message_id in message_ids))
