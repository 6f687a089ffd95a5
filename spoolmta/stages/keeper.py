"""The keeper: holds the spool open for life and keeps it healthy.

It creates the spool, checkpoints the write-ahead log (no other process does), deletes dead
processes so that their claims fall free, and expires history. The master pokes it when a
service died.

Reads:      process, crash      Writes: process, claim, attempt, report, crash, corrupt, event
Parameters: history_lifetime
Must not:   be run twice over one spool
Limits:     what a dead process held comes back when the keeper looks for it, at most BURIAL_SECONDS
            later
"""

import contextlib

from spoolmta.config.parameters.keeper import KeeperParameters
from spoolmta.errors import SpoolFull
from spoolmta.service.context import ServiceContext
from spoolmta.service.worker import GATHER_TIMES
from spoolmta.spool import deliveries, processes, upkeep

LOOK_SECONDS = 1.0
BURIAL_SECONDS = 5.0
# Pages of 1 KiB. Many pages are written again and again while mail flows: copying late copies once.
_COPY_PAGES = 16_000
_RESTART_PAGES = 32_000
# What a log of so many pages takes.
_LOG_BYTES = 32 << 20
_HISTORY_SECONDS = 60.0
_POKED = ("pickup", "trivial_rewrite", "qmgr", "bounce")


class Keeper:
    """The keeper as a stage: one look at everything a run."""

    name = "keeper"
    may_have_more = True
    gather_times = GATHER_TIMES

    def __init__(self, context: ServiceContext, parameters: KeeperParameters) -> None:
        """Use `open_stage`."""
        self._context = context
        self._parameters = parameters
        self._next_look = 0.0
        self._next_burial = 0.0
        self._next_history = 0.0

    async def run_once(self) -> int:
        """Free what the dead held, checkpoint, expire; return how many processes were dead."""
        now = self._context.clock.now()
        freed = 0
        poked = now < self._next_look
        if poked or now >= self._next_burial:
            self._next_burial = now + BURIAL_SECONDS
            freed = self._bury_the_dead()
        self._next_look = now + LOOK_SECONDS
        self._checkpoint()
        if now >= self._next_history:
            self._expire_history(now)
        return freed

    def next_due(self) -> float | None:
        """Return when to look again."""
        return self._next_look

    def _bury_the_dead(self) -> int:
        context = self._context
        dead = processes.dead(context.spool)
        if not dead:
            return 0
        with context.spool.transaction() as tx:
            for process in dead:
                processes.prune(tx, process)
            corrupt = processes.quarantine(tx)
        for message_id in corrupt:
            context.log.warning(
                f"{context.queue_id(message_id)}: moved to corrupt:"
                f" {deliveries.CRASH_LIMIT} processes died with it"
            )
        for process in dead:
            context.poke(process.service)
        for name in _POKED:
            context.poke(name)
        return len(dead)

    def _checkpoint(self) -> None:
        spool = self._context.spool
        wal = upkeep.measure(spool)
        if wal.pages - wal.copied >= _COPY_PAGES:
            wal = upkeep.copy(spool)
        if wal.pages >= _RESTART_PAGES:
            upkeep.copy(spool)
            upkeep.restart(spool)

    def _expire_history(self, now: float) -> None:
        before = now - self._parameters.history_lifetime
        if not upkeep.expire_history(self._context.spool, before):
            self._next_history = now + _HISTORY_SECONDS


def open_stage(context: ServiceContext) -> Keeper:
    """Return the keeper of the context's spool, whose log is then laid out."""
    with contextlib.suppress(SpoolFull):
        upkeep.lay_out(context.spool, _LOG_BYTES)
    return Keeper(context, context.section(KeeperParameters))
