"""The journal: what happened to a message, written in the transaction that did it.

Read by `spoolmta trace` and the v1_events view; kept after the message is gone.
"""

from collections.abc import Iterable, Sequence

import msgspec

from spoolmta.spool.connection import Transaction, numbers

# The message id of an event that speaks of no message.
NO_MESSAGE = 0

_encode = msgspec.json.Encoder().encode


def detail(**values: object) -> str:
    """Return the detail of an event as JSON text."""
    return _encode(values).decode("utf-8", "surrogatepass")


def record(
    tx: Transaction, message_id: int, kind: str, recipient: str = "", **values: object
) -> None:
    """Write one event; *values* become its detail."""
    tx.run("insert_event", (tx.now, message_id, kind, recipient, detail(**values)))


def last_number(tx: Transaction) -> int:
    """Return the number of the event that was written last, 0 if there never was one."""
    return int(tx.run("last_event")[0][0] or 0)


def record_many(tx: Transaction, events: Iterable[tuple[int, str, str, str]]) -> None:
    """Write events given as (message id, kind, recipient, detail as JSON text)."""
    now = tx.now
    tx.run_many("insert_event", ((now, *event) for event in events))


def record_each(tx: Transaction, message_ids: Sequence[int], kind: str, **values: object) -> None:
    """Write the same event of many messages."""
    _record_each(tx, message_ids, kind, detail(**values), None)


def record_mass(
    tx: Transaction, operation_id: int, message_ids: Sequence[int], kind: str, **values: object
) -> None:
    """Write the same event of very many messages: it is found by the operation that it is of."""
    _record_each(tx, message_ids, kind, detail(**values), operation_id)


def _record_each(
    tx: Transaction, message_ids: Sequence[int], kind: str, text: str, operation_id: int | None
) -> None:
    bindings = {"now": tx.now, "kind": kind, "detail": text, "operation": operation_id}
    tx.run("insert_event_of_each", {**bindings, "ids": numbers(message_ids)})
