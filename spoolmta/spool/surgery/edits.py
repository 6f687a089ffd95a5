"""Queued mail that an operator changes: where it goes, to whom, from whom, and how soon.

A message that is on its way to agents is called back: its deliveries end, and it is resolved
afresh at once. One that an agent has in hand is left as it is and named; so is one that has all its
answers, or whose sender is just being told of it. Nothing is changed by halves.

Writes:   recipient, outcome, message.sender, reroute, priority, the state tables, event
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from spoolmta.spool import events
from spoolmta.spool.connection import Transaction, numbers
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin, operations, ways
from spoolmta.spool.surgery.admin import Done
from spoolmta.spool.surgery.operations import Operation
from spoolmta.spool.surgery.returns import leave_out_noticed
from spoolmta.spool.surgery.selection import pattern
from spoolmta.spool.surgery.ways import Route

EDITABLE = (State.INCOMING, State.ACTIVE, State.DEFERRED, State.HOLD)

_BEING_RETURNED = "is being returned to its sender"
_HAS_ENDED = "has its answers already, and is about to end"
_HAS_IT = "has this recipient already"
_LAST_ONE = "would be left without a recipient: delete it, or replace the recipient"
_HAS_NONE = "has no such recipient that waits"


class Change(NamedTuple):
    """A recipient of a message and what happened to it, for the journal."""

    message_id: int
    kind: str
    address: str
    detail: dict[str, object]


def reroute(
    tx: Transaction,
    message_ids: Sequence[int],
    route: Route,
    recipients: Collection[tuple[int, int]] | None,
    operation: Operation,
) -> Done:
    """Send mail elsewhere, at once and at every later try, until that is undone.

    *recipients* are those who are meant, as (message id, number); None: all that wait.
    """
    found, done = _open(tx, message_ids, operation)
    ids = set(done.done)
    if recipients is None:
        rows = tx.run("waiting_recipients", {"ids": numbers(done.done)})
        recipients = [(row[0], row[1]) for row in rows]
    ways.put(tx, (one for one in recipients if one[0] in ids), route, operation)
    _call_back(tx, found, operation)
    tx.run("make_all_due", {"ids": numbers(done.done), "now": operation.stamp})
    told = {"transport": route.transport, "nexthop": route.nexthop, **operation.told}
    events.record_each(tx, done.done, "rerouted", **told)
    return done


def prioritise(tx: Transaction, message_ids: Sequence[int], operation: Operation) -> Done:
    """Let messages go before all others."""
    found, done = _open(tx, message_ids, operation)
    tx.run("put_priority", {"ids": numbers(done.done)})
    _call_back(tx, found, operation, also=(State.INCOMING,))
    tx.run("make_first_due", {"ids": numbers(done.done), "now": operation.stamp})
    events.record_each(tx, done.done, "prioritised", **operation.told)
    return done


def change_sender(
    tx: Transaction, message_ids: Sequence[int], sender: str, operation: Operation
) -> Done:
    """Change the envelope sender; '' is the null sender."""
    found, done = _open(tx, message_ids, operation)
    tx.run("change_sender", {"ids": numbers(done.done), "sender": sender})
    _call_back(tx, found, operation)
    events.record_each(tx, done.done, "sender_changed", sender=sender, **operation.told)
    return done


def add_recipient(
    tx: Transaction, message_ids: Sequence[int], address: str, operation: Operation
) -> Done:
    """Send messages to one more recipient."""

    def unfit(ids: Sequence[int]) -> dict[str, list[int]]:
        rows = tx.run("has_recipient", {"ids": numbers(ids), "address": address})
        return {_HAS_IT: [row[0] for row in rows]}

    found, done = _open(tx, message_ids, operation, unfit)
    tx.run("add_recipient", {"ids": numbers(done.done), "address": address})
    _call_back(tx, found, operation)
    detail = events.detail(address=address, **operation.told)
    events.record_many(tx, ((one, "recipient_added", address, detail) for one in done.done))
    return done


def drop_recipient(
    tx: Transaction, message_ids: Sequence[int], address: str, operation: Operation
) -> Done:
    """Take recipients that wait and fit *address* out of messages; they get nothing."""
    rows: list[tuple[int, int, str]] = []

    def unfit(ids: Sequence[int]) -> dict[str, list[int]]:
        rows.extend(_that_fit(tx, ids, address))
        fitting: dict[int, int] = {}
        for message_id, _, _ in rows:
            fitting[message_id] = fitting.get(message_id, 0) + 1
        waiting: dict[int, int] = dict(tx.run("count_waiting", {"ids": numbers(ids)}))
        last = [one for one, count in fitting.items() if waiting[one] == count]
        return {_HAS_NONE: [one for one in ids if one not in fitting], _LAST_ONE: last}

    found, done = _open(tx, message_ids, operation, unfit)
    ids = set(done.done)
    dropped = [row for row in rows if row[0] in ids]
    for statement in ("delete_recipient", "delete_outcome", "delete_reroute"):
        tx.run_many(statement, (row[:2] for row in dropped))
    _call_back(tx, found, operation)
    kind = "recipient_dropped"
    _tell(tx, (Change(i, kind, a, {"number": n}) for i, n, a in dropped), operation)
    return done


def replace_recipient(
    tx: Transaction, message_ids: Sequence[int], address: str, new: str, operation: Operation
) -> Done:
    """Give the recipients that wait and fit *address* the address *new*."""
    rows: list[tuple[int, int, str]] = []

    def unfit(ids: Sequence[int]) -> dict[str, list[int]]:
        rows.extend(_that_fit(tx, ids, address))
        fitting = {message_id for message_id, _, _ in rows}
        return {_HAS_NONE: [one for one in ids if one not in fitting]}

    found, done = _open(tx, message_ids, operation, unfit)
    ids = set(done.done)
    replaced = [row for row in rows if row[0] in ids]
    tx.run_many("replace_address", ((new, row[0], row[1]) for row in replaced))
    _call_back(tx, found, operation)
    kind = "recipient_replaced"
    told = (Change(i, kind, a, {"number": n, "address": new}) for i, n, a in replaced)
    _tell(tx, told, operation)
    return done


def _open(
    tx: Transaction,
    message_ids: Sequence[int],
    operation: Operation,
    unfit: Callable[[Sequence[int]], dict[str, list[int]]] = lambda _: {},
) -> tuple[dict[State, list[int]], Done]:
    """Return the messages that may be changed, by state; they are written down as they are.

    *unfit* tells those that cannot be changed in this way.
    """
    found = admin.locate(tx, message_ids, EDITABLE)
    busy = admin.leave_out_attempted(tx, found)
    refused = {
        _BEING_RETURNED: leave_out_noticed(tx, found),
        _HAS_ENDED: admin.leave_out_ended(tx, found),
    } | unfit(admin.all_of(found))
    for ids in refused.values():
        admin.leave_out(found, set(ids))
    done = Done(admin.all_of(found), busy, {why: ids for why, ids in refused.items() if ids})
    operations.keep(tx, operation, done.done, rows=True)
    return found, done


def _call_back(
    tx: Transaction,
    found: dict[State, list[int]],
    operation: Operation,
    also: tuple[State, ...] = (),
) -> None:
    """Let mail that is on its way be resolved afresh, at once.

    What is being resolved at this moment is resolved again.
    """
    tx.run("delete_claims_of_messages", {"ids": numbers(admin.all_of(found))})
    moved = {state: found[state] for state in (State.ACTIVE, *also)}
    admin.recall(tx, moved, operation.stamp, **operation.told)


def _that_fit(tx: Transaction, ids: Sequence[int], address: str) -> list[tuple[int, int, str]]:
    bindings = {"ids": numbers(ids), "pattern": pattern(address)}
    return [(row[0], row[1], row[2]) for row in tx.run("waiting_that_fit", bindings)]


def _tell(tx: Transaction, changes: Iterable[Change], operation: Operation) -> None:
    rows = ((c.message_id, c.kind, c.address, {**c.detail, **operation.told}) for c in changes)
    events.record_many(tx, ((*row[:3], events.detail(**row[3])) for row in rows))
