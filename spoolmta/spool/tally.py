"""How many messages are deferred, where very many enter or leave that state at once.

The triggers of `deferred` count each row by itself, which takes as long as the move itself; here
all are counted together. A few are left to the triggers.

Writes:   deferred, tally
"""

from collections.abc import Mapping, Sequence
from typing import Any

from spoolmta.spool.connection import Transaction, numbers

MASS = 1000
"""So many messages at once are counted, and told of in the journal, together."""


def enter(tx: Transaction, statement: str, bindings: Mapping[str, Any], most: int) -> None:
    """Run a statement that inserts up to *most* messages into deferred."""
    _counted(tx, statement, bindings, most, 1)


def leave(tx: Transaction, message_ids: Sequence[int]) -> None:
    """Delete messages from deferred."""
    _counted(tx, "leave_deferred", {"ids": numbers(message_ids)}, len(message_ids), -1)


def _counted(
    tx: Transaction, statement: str, bindings: Mapping[str, Any], most: int, each: int
) -> None:
    if most < MASS:
        tx.run(statement, bindings)
        return
    with tx.without_triggers():
        tx.run(statement, bindings)
        changes = tx.changes
    tx.run("count_deferred", {"more": each * changes})
