"""What operators did to the queue: one row for a command, and each message as it was found.

A row of `operation` is written in the transaction that does the work; what it needs to be undone
stands in `change` (undo.py). Both are kept as long as history.

Writes:   operation, change
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from spoolmta.spool.connection import Reader, Row, Transaction, micros, numbers, seconds


@dataclass(frozen=True, slots=True)
class Author:
    """Who works on the queue: a login name and the user id behind it."""

    name: str
    uid: int


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody is about to do: the verb, why, and what was asked for."""

    verb: str
    author: Author
    because: str = ""
    selection: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A deed as it is written down; times are seconds, *stamp* is *at* as the rows have it."""

    operation_id: int
    stamp: int
    at: float
    author: str
    uid: int
    verb: str
    because: str
    selection: dict[str, Any]
    messages: int = 0
    undone_at: float | None = None

    @property
    def told(self) -> dict[str, object]:
        """What an event of its tells beside the rest."""
        said: dict[str, object] = {"operation": self.operation_id, "by": self.author}
        return said | ({"because": self.because} if self.because else {})


def begin(tx: Transaction, deed: Deed) -> Operation:
    """Write down what is about to be done."""
    now = tx.now
    selection = msgspec.json.encode(deed.selection or {}, enc_hook=str).decode()
    row = (now, deed.author.name, deed.author.uid, deed.verb, deed.because, selection)
    number = tx.run("insert_operation", row)[0][0]
    return _operation((number, *row, 0, None))


def finish(tx: Transaction, operation: Operation, messages: int) -> None:
    """Write how many messages it was done to; an operation that did nothing is forgotten."""
    bindings = {"operation": operation.operation_id, "messages": messages}
    tx.run("count_operation", bindings)
    tx.run("delete_empty_operation", {"operation": operation.operation_id})


class Ongoing:
    """A deed in several transactions, a slice of its messages in each, so that mail flows on.

    It is written down with the first slice that does something.
    """

    def __init__(self, deed: Deed) -> None:
        """Nothing is done yet."""
        self._deed = deed
        self._begun: Operation | None = None

    @property
    def number(self) -> int | None:
        """What undoes it; None if nothing was done."""
        return None if self._begun is None else self._begun.operation_id

    def begin(self, tx: Transaction) -> Operation:
        """Begin a slice."""
        return self._begun or begin(tx, self._deed)

    def finish(self, tx: Transaction, operation: Operation, messages: int) -> None:
        """Write how many messages the slice was done to."""
        finish(tx, operation, messages)
        if messages:
            self._begun = operation


def keep(
    tx: Transaction, operation: Operation, message_ids: Sequence[int], *, rows: bool = False
) -> None:
    """Write down where messages are, with *rows* also what they consist of but content.

    Of a message that comes by again in the same operation it stays how it was found first.
    """
    bindings = {"operation": operation.operation_id, "ids": numbers(message_ids)}
    tx.run("keep_places", bindings)
    if rows:
        keep_rows(tx, operation, message_ids)


def keep_rows(tx: Transaction, operation: Operation, message_ids: Sequence[int]) -> None:
    """Write down also what messages consist of but content; where they are is kept already."""
    bindings = {"operation": operation.operation_id, "ids": numbers(message_ids)}
    tx.run("keep_rows", bindings)


def find(reader: Reader, number: int | None = None) -> Operation | None:
    """Return an operation by its number; without one, the latest that was not undone."""
    if number is None:
        rows = reader.read("last_operation")
    else:
        rows = reader.read("load_operation", {"operation": number})
    return _operation(rows[0]) if rows else None


def recent(reader: Reader, limit: int) -> list[Operation]:
    """Return operations, the latest first."""
    return [_operation(row) for row in reader.read("recent_operations", {"limit": limit})]


def expire(tx: Transaction, before: float, limit: int) -> int:
    """Forget a slice of what operators did before *before* (seconds); return how many rows."""
    tx.run("expire_operations", {"before": micros(before), "limit": limit})
    count = tx.changes
    if not count:
        tx.run("expire_empty_operations", {"before": micros(before)})
        count = tx.changes
    return count


def _operation(row: Row) -> Operation:
    number, at, author, uid, verb, because, selection, messages, undone = row
    return Operation(
        number,
        at,
        seconds(at),
        author,
        uid,
        verb,
        because,
        msgspec.json.decode(selection),
        messages,
        None if undone is None else seconds(undone),
    )
