"""The keeper: holds the spool open for life and keeps it healthy.

It creates the spool, checkpoints the write-ahead log (no other process does), deletes dead
processes so that their claims fall free, moves the events of finished mail into the day files of
history while little else is written, deletes the oldest of these, empties the trash, gives free
pages back to the disk once the queue is small and at rest, and goes on with a flush of the whole
queue. The master pokes it when a service died.

Reads:      process, crash      Writes: process, claim, attempt, report, crash, corrupt, event,
            deferred, whole_flush, history/*.db
Parameters: history_lifetime, history_size_limit, trash_lifetime, trash_size_limit
Must not:   be run twice over one spool
Limits:     what a dead process held comes back when the keeper looks for it, at most BURIAL_SECONDS
            later
"""

import contextlib

from spoolmta.config.parameters.keeper import KeeperParameters
from spoolmta.errors import SpoolBusy, SpoolFull
from spoolmta.service.context import ServiceContext
from spoolmta.service.worker import GATHER_TIMES
from spoolmta.spool import deliveries, history, liveness, processes, upkeep
from spoolmta.spool.connection import Spool
from spoolmta.spool.history import History
from spoolmta.spool.surgery import bindings, flushing, trash

LOOK_SECONDS = 1.0
BURIAL_SECONDS = 5.0
# Pages of 1 KiB. Many pages are written again and again while mail flows: copying late copies once.
_COPY_PAGES = 16_000
_RESTART_PAGES = 32_000
# What a log of so many pages takes.
_LOG_BYTES = 32 << 20
# A log of so many times that is shortened.
_LONG_LOG = 4
_HISTORY_SECONDS = 60.0
_FORGETTING_SECONDS = 60.0
_COMPACTION_SECONDS = 60.0
# History moves while no more pages than this are written between two looks, or when that was last
# so long ago; and only for so long at a look, since checkpoints wait meanwhile.
_IDLE_PAGES = 300
_LATE_SECONDS = 600.0
_MOVE_SECONDS = 0.05
# So many messages that rules keep are looked at a minute.
_BOUND_SLICE = 2000
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
        self._next_forgetting = 0.0
        self._next_bound = 0
        self._next_compaction = 0.0
        self._history = History(context.spool)
        self._all_moved_at = context.clock.now()
        self._log_pages = -_IDLE_PAGES - 1  # the first look finds much written

    async def run_once(self) -> int:
        """Free what the dead held, checkpoint, expire, flush; return how many things were done."""
        now = self._context.clock.now()
        freed = 0
        poked = now < self._next_look
        if poked or now >= self._next_burial:
            self._next_burial = now + BURIAL_SECONDS
            freed = self._bury_the_dead()
        self._next_look = now + LOOK_SECONDS
        idle = self._checkpoint()
        if now >= self._next_history and (idle or now > self._all_moved_at + _LATE_SECONDS):
            self._keep_history(now)
            self._log_pages = upkeep.measure(self._context.spool).pages
        if now >= self._next_forgetting:
            self._forget_operations(now)
        if idle and now >= self._next_compaction:
            self._compact(now)
        return freed + self._go_on_with_flush()

    def next_due(self) -> float | None:
        """Return when to look again."""
        return self._next_look

    def _bury_the_dead(self) -> int:
        context = self._context
        dead = liveness.dead(context.spool)
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

    def _go_on_with_flush(self) -> int:
        """Let some more of a whole queue be tried now; return whether there was something to do.

        Whoever asked for it does so himself, unless he has come to an end before.
        """
        if flushing.go_on(self._context.spool) is None:
            return 0
        for name in flushing.WAKES:
            self._context.poke(name)
        return 1

    def _checkpoint(self) -> bool:
        """Copy the log if it is long; return whether little was written since the last look."""
        spool = self._context.spool
        wal = upkeep.measure(spool)
        idle = 0 <= wal.pages - self._log_pages <= _IDLE_PAGES
        if wal.pages - wal.copied >= _COPY_PAGES:
            wal = upkeep.copy(spool)
        if wal.pages >= _RESTART_PAGES:
            upkeep.copy(spool)
            wal = upkeep.restart(spool)
            self._shorten_log(spool)
        self._log_pages = wal.pages
        return idle

    def _shorten_log(self, spool: Spool) -> None:
        """Give back what one large transaction made the log longer: each start reads all of it."""
        if upkeep.log_bytes(spool) > _LONG_LOG * _LOG_BYTES:
            upkeep.empty_log(spool)
            self._lay_out_log()

    def _lay_out_log(self) -> None:
        with contextlib.suppress(SpoolFull):
            upkeep.lay_out(self._context.spool, _LOG_BYTES)

    def _compact(self, now: float) -> None:
        """Give the disk back that a queue which was deep once took, if little is left in it."""
        self._next_compaction = now + _COMPACTION_SECONDS
        context = self._context
        try:
            freed = upkeep.compact_at_rest(context.spool)
        except (SpoolBusy, SpoolFull) as error:
            context.log.warning(f"{error}; the spool keeps its free pages for now")
            return
        if freed:
            context.log.info(f"{context.spool.path.name}: {freed >> 20} MiB given back to the disk")
            self._lay_out_log()
            self._log_pages = upkeep.measure(context.spool).pages

    def _forget_operations(self, now: float) -> None:
        """Empty the trash and forget what operators did, a slice of what is too old."""
        spool, parameters = self._context.spool, self._parameters
        emptied = trash.empty(spool, now - parameters.trash_lifetime, parameters.trash_size_limit)
        forgotten = upkeep.expire_operations(spool, now - parameters.history_lifetime)
        self._next_bound = bindings.forget_gone(spool, self._next_bound, _BOUND_SLICE)
        if not (emptied or forgotten):
            self._next_forgetting = now + _FORGETTING_SECONDS

    def _keep_history(self, now: float) -> None:
        """Move what has ended into its day, for a while; when all is moved, delete old days."""
        context, parameters = self._context, self._parameters
        try:
            while self._history.move() or self._history.has_more:
                if context.clock.now() > now + _MOVE_SECONDS:
                    return
        except SpoolBusy as error:
            context.log.warning(f"{error}; it stays in the spool for now")
        self._all_moved_at = now
        self._next_history = now + _HISTORY_SECONDS
        if conflicts := self._history.take_conflicts():
            context.log.warning(
                f"{self._history.folder}: {conflicts} events stay in the spool: there are others"
                " of the same numbers; was a file of another spool put there?"
            )
        lifetime, limit = parameters.history_lifetime, parameters.history_size_limit
        for path in self._history.expire(now - lifetime, limit):
            context.log.info(f"{path.name}: history deleted, it is too old or there is too much")


def open_stage(context: ServiceContext) -> Keeper:
    """Return the keeper of the context's spool, whose log is then laid out."""
    with contextlib.suppress(SpoolFull):
        upkeep.lay_out(context.spool, _LOG_BYTES)
    history.continue_numbering(context.spool)
    return Keeper(context, context.section(KeeperParameters))
