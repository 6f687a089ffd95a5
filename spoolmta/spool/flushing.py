"""Delivery now, of all deferred mail, of a site's, or of one message: postqueue -f -s -i, ETRN.

A site's mail is found by asking the queue, slice by slice, while mail flows on.

Postfix:  flush(8), postqueue(1), ETRN_README
Writes:   deferred, flush, event
"""

from spoolmta.spool import admin, inspect, selection
from spoolmta.spool.connection import Spool
from spoolmta.spool.state import State

# The stages that look for what is due.
WAKES = ("qmgr", "trivial_rewrite")

_SLICE = 500


def flush_all(spool: Spool) -> None:
    """Let all deferred mail be tried now."""
    more = 1
    while more:
        with spool.transaction() as tx:
            more = admin.make_next_due(tx, _SLICE)
            if not more:
                admin.request_flush(tx)


def flush_site(spool: Spool, site: str) -> None:
    """Let deferred mail be tried now that waits for an address at *site*, a host or literal."""
    wanted = selection.Selector(states=(State.DEFERRED,), domain=(site,))
    ids = selection.select(spool, wanted).message_ids
    for first in range(0, len(ids), _SLICE):
        with spool.transaction() as tx:
            admin.make_due(tx, ids[first : first + _SLICE])
    with spool.transaction() as tx:
        admin.request_flush(tx)


def flush_message(spool: Spool, queue_id: str) -> None:
    """Let a message be tried now, if it is deferred."""
    entry = inspect.find(spool, queue_id)
    if entry is None:
        return
    with spool.transaction() as tx:
        admin.make_due(tx, [entry.message_id])
        admin.request_flush(tx)
