"""Delivery now, of all deferred mail, of a site's, or of one message: postqueue -f -s -i, ETRN.

What is much goes slice by slice, while mail flows on: no slice holds the write gate for longer than
it takes to change some hundred rows. Destinations are forgotten to be dead before the first one,
since what it makes due is tried while others follow.

Postfix:  flush(8), postqueue(1), ETRN_README
Writes:   deferred, flush, whole_flush, event
"""

import time
from collections.abc import Iterator

from spoolmta.spool import events
from spoolmta.spool.connection import Spool, numbers
from spoolmta.spool.questions import inspect
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin, selection

# The stages that look for what is due.
WAKES = ("qmgr", "trivial_rewrite")

_SLICE = 500
# Between two slices, so that whoever waits at the gate comes before the next.
_PAUSE_SECONDS = 0.01


def flush_all(spool: Spool) -> Iterator[int]:
    """Let all deferred mail be tried now; yield how many messages became due with each slice.

    Who does not go on to the end leaves the rest to the keeper.
    """
    with spool.transaction() as tx:
        admin.request_flush(tx)
        tx.run("end_whole_flush")
        tx.run("begin_whole_flush", {"now": tx.now})
    while (count := go_on(spool)) is not None:
        yield count
        time.sleep(_PAUSE_SECONDS)


def go_on(spool: Spool) -> int | None:
    """Take the next slice of a whole queue that is flushed; None: there is nothing to go on with.

    Return how many messages became due.
    """
    if not spool.read("load_whole_flush"):
        return None
    with spool.transaction() as tx:
        for requested_at, reached_at, reached_id in tx.run("load_whole_flush"):
            found = {"at": reached_at, "id": reached_id, "limit": _SLICE}
            rows = list(tx.run("slice_of_deferred", found))
            # What was tried meanwhile, and deferred again, has had its try.
            ids = [number for number, _, entered_at in rows if entered_at <= requested_at]
            due = len(list(tx.run("make_due", {"ids": numbers(ids), "now": tx.now})))
            if due:
                events.record(tx, events.NO_MESSAGE, "flushed", messages=due)
            if len(rows) < _SLICE:
                tx.run("end_whole_flush")
            else:
                tx.run("advance_whole_flush", {"at": rows[-1][1], "id": rows[-1][0]})
            return due
    return None


def flush_site(spool: Spool, site: str) -> Iterator[int]:
    """Let deferred mail be tried now that waits for an address at *site*, a host or literal.

    Yield how many messages each slice had. Who does not go on to the end leaves the rest as it is.
    """
    wanted = selection.Selector(states=(State.DEFERRED,), domain=(site,))
    ids = selection.select(spool, wanted).message_ids
    with spool.transaction() as tx:
        admin.request_flush(tx)
    for first in range(0, len(ids), _SLICE):
        with spool.transaction() as tx:
            admin.make_due(tx, ids[first : first + _SLICE])
        yield len(ids[first : first + _SLICE])


def flush_message(spool: Spool, queue_id: str) -> None:
    """Let a message be tried now, if it is deferred."""
    entry = inspect.find(spool, queue_id)
    if entry is None:
        return
    with spool.transaction() as tx:
        admin.make_due(tx, [entry.message_id])
        admin.request_flush(tx)
