"""Where operators want the mail of single recipients to go, whatever the tables say.

A way belongs to a recipient by its number, and to the operation that gave it: an undo takes back
the rows of its operation, and what an earlier one said counts again. Cleanup numbers the
recipients of requeued mail afresh, so pickup tells which are whose.

Writes:   reroute, event
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from spoolmta.spool import events
from spoolmta.spool.connection import Reader, Transaction, numbers
from spoolmta.spool.surgery.operations import Operation


class Route(NamedTuple):
    """Where mail is to go."""

    transport: str
    nexthop: str


class Heirs(NamedTuple):
    """The recipients that cleanup made of one: the numbers of those that go its way.

    *strangers* are the addresses of those that do not.
    """

    numbers: Collection[int]
    strangers: Collection[str]


def of(reader: Reader, message_ids: Sequence[int]) -> dict[tuple[int, int], Route]:
    """Return where operators want the mail of recipients, as (message id, number), to go."""
    rows = reader.read("load_reroutes", {"ids": numbers(message_ids)})
    return {(row[0], row[1]): Route(row[3], row[4]) for row in sorted(rows)}


def put(
    tx: Transaction, recipients: Iterable[tuple[int, int]], route: Route, operation: Operation
) -> None:
    """Let the mail of recipients, as (message id, number), go elsewhere."""
    number = operation.operation_id
    tx.run_many("put_reroute", ((*one, number, *route) for one in recipients))


def follow(tx: Transaction, message_id: int, heirs: Mapping[int, Heirs]) -> None:
    """Give the ways of a message's recipients to their *heirs*, which have numbers of their own."""
    rows = tx.run("load_reroutes", {"ids": numbers([message_id])})
    tx.run("delete_reroutes", {"ids": numbers([message_id])})
    none = Heirs((), ())
    followed = ((heir, row) for row in rows for heir in heirs.get(row[1], none).numbers)
    tx.run_many("put_reroute", ((message_id, heir, *row[2:]) for heir, row in followed))
    lost = ((address, row) for row in rows for address in heirs.get(row[1], none).strangers)
    events.record_many(
        tx,
        (
            (message_id, "unrouted", address, events.detail(transport=row[3], nexthop=row[4]))
            for address, row in lost
        ),
    )
