"""Deleted mail that can still be brought back: how it gets there, how long, and how much of it.

Writes:   trash; what is emptied is erased
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

from spoolmta.spool import deliveries, events
from spoolmta.spool.connection import Spool, Transaction, micros, numbers
from spoolmta.spool.queues import erase

_SLICE = 200
_SLICE_BYTES = 16 << 20


def put(tx: Transaction, message_ids: Sequence[int], now: int, sizes: Mapping[int, int]) -> None:
    """Put messages into the trash that have left their states.

    To look at each for its size is most of the work: as far as they are known, *sizes* tells them.
    """
    known = [message_id for message_id in message_ids if message_id in sizes]
    tx.run_many("put_into_trash", ((one, now, sizes[one]) for one in known))
    if len(known) < len(message_ids):
        unknown = sorted(set(message_ids).difference(known))
        tx.run("trash_messages", {"ids": numbers(unknown), "now": now})


def empty(spool: Spool, before: float, size_limit: int) -> int:
    """Erase a slice of what was deleted before *before* (seconds), or is too much; return how many.

    The oldest goes first. Of a size of more than *size_limit* bytes the rest is erased, too.
    """
    if not spool.read("oldest_trash", {"limit": 1}):
        return 0
    with spool.transaction() as tx:
        oldest = tx.run("oldest_trash", {"limit": _SLICE})
        excess = tx.run("size_of_trash")[0][0] - size_limit
        sizes = accumulate((row[2] for row in oldest), initial=0)
        ids = [
            message_id
            for (message_id, entered_at, _), smaller in zip(oldest, sizes, strict=False)
            if smaller < _SLICE_BYTES and (entered_at < micros(before) or smaller < excess)
        ]
        tx.run("leave_trash", {"ids": numbers(ids)})
        deliveries.withdraw(tx, ids)
        erase(tx, ids)
        # The history takes a message's events at the event that ends it.
        events.record_each(tx, ids, "emptied")
    return len(ids)
