"""What keeps the file healthy: checkpoints, expired history. Called by the keeper alone."""

from dataclasses import dataclass

import apsw

from spoolmta.spool.connection import Spool, micros

_SLICE = 2000


@dataclass(frozen=True, slots=True)
class Wal:
    """The write-ahead log: its pages, and how many of them are in the file already."""

    pages: int
    copied: int


def measure(spool: Spool) -> Wal:
    """Return the size of the write-ahead log without doing anything."""
    return Wal(*spool.checkpoint(apsw.SQLITE_CHECKPOINT_NOOP))


def copy(spool: Spool) -> Wal:
    """Copy pages of the log into the file as far as readers allow; blocks nobody."""
    return Wal(*spool.checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE))


def restart(spool: Spool) -> Wal:
    """Copy all and let the log start afresh. Writers wait meanwhile.

    Raises SpoolBusy never: if a reader stands in the way, the log goes on to grow.
    """
    try:
        with spool.gate():
            return Wal(*spool.checkpoint(apsw.SQLITE_CHECKPOINT_RESTART))
    except apsw.BusyError:
        return measure(spool)


def expire_history(spool: Spool, before: float) -> int:
    """Delete a slice of events older than *before* (seconds); return how many."""
    with spool.transaction() as tx:
        tx.run("expire_events", {"before": micros(before), "limit": _SLICE})
        return tx.changes
