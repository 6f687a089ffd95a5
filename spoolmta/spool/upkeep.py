"""What keeps the file healthy: checkpoints. Called by the keeper alone."""

import os
from dataclasses import dataclass

import apsw

from spoolmta.spool.connection import Spool, micros
from spoolmta.spool.surgery import operations, rules

_SLICE = 2000
# What is worth to be given back; and what is written anew, with writers waiting, in half a second.
_LEAST_FREE = 16 << 20
_MOST_USED = 32 << 20
# A log is laid out on a disk with room for so many of them.
_ROOM_FOR_LOG = 20


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
    return _reset(spool, apsw.SQLITE_CHECKPOINT_RESTART)


def empty_log(spool: Spool) -> Wal:
    """Copy all and give the space of the log back. Writers wait meanwhile.

    Raises SpoolBusy never: if a reader stands in the way, the log stays as it is.
    """
    return _reset(spool, apsw.SQLITE_CHECKPOINT_TRUNCATE)


def log_bytes(spool: Spool) -> int:
    """Return how much of the disk the log takes, whatever is in it."""
    return spool.path.with_name(f"{spool.path.name}-wal").stat().st_size


def compact_at_rest(spool: Spool) -> int:
    """Give free pages back to the disk if they are many, and little else has to be written anew.

    Return how many bytes they were, 0 if all stays. A deep queue keeps its free pages: the next
    messages go there.
    Raises SpoolBusy, SpoolFull: nothing was changed; it can be tried again.
    """
    ((pages, free, page_bytes),) = spool.read("measure_file")
    free, used = free * page_bytes, (pages - free) * page_bytes
    if free < _LEAST_FREE or free < used or used > _MOST_USED:
        return 0
    spool.compact()
    empty_log(spool)
    return int(free)


def lay_out(spool: Spool, size: int) -> None:
    """Give the write-ahead log *size* bytes on the disk, if there is much more room than that.

    Where the log grows, each synchronization writes the file system's own books, too, which takes
    longer than the commit. One that is in place is overwritten from its start again and again.
    Raises SpoolFull: there was no room; the log will grow as it is used. SpoolFailed: end the
    process.
    """
    disk = os.statvfs(spool.path.parent)
    if disk.f_bavail * disk.f_frsize < _ROOM_FOR_LOG * size:
        return
    if not spool.extend_log(size):
        return
    while spool.extend_log(size):
        pass
    spool.synchronize()


def expire_operations(spool: Spool, before: float) -> int:
    """Forget a slice of what operators did before *before* (seconds); return how many rows.

    Of mail that is gone it is also forgotten where it was to go, and that it was urgent.
    """
    if spool.read("any_old_rule", {"before": micros(before)}):
        with spool.transaction() as tx:
            rules.expire(tx, before)
    if not spool.read("any_operation"):
        return 0
    with spool.transaction() as tx:
        for statement in ("expire_reroutes", "expire_priorities"):
            tx.run(statement, {"limit": _SLICE})
        return operations.expire(tx, before, _SLICE)


def _reset(spool: Spool, mode: int) -> Wal:
    try:
        with spool.gate():
            return Wal(*spool.checkpoint(mode))
    except apsw.BusyError:
        return measure(spool)
