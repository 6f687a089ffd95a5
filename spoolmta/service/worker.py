"""The loop of a poll-loop stage: run once; wait for a poke or for the next due time.

A stage's run_once claims a batch, works on it and advances it; it returns how many rows it moved,
so that tests can run a whole mail system step by step until nothing moves.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Protocol

from spoolmta.errors import SpoolBusy, SpoolFull, TemporaryError
from spoolmta.service.context import ServiceContext
from spoolmta.spool import queues

# Pokes may be lost: look at least this often.
POLL_SECONDS = 5.0
# After some work, let more gather before the next transaction, the longer the more there was: what
# comes alone does not wait, and a busy system does much less work for each.
GATHER_SECONDS = 0.001
GATHER_TIMES = 2
FULL_BATCH = 20
# The pause after the spool had no room.
RETRY_SECONDS = 1.0


class Stage(Protocol):
    """A stage that moves messages from one table to the next.

    *may_have_more*: the last run, if it moved something, may have left something to do; what comes
    later comes with a poke. *gather_times*: how many GATHER_SECONDS a busy stage lets pass at most
    between two runs.
    """

    name: str
    may_have_more: bool
    gather_times: int

    async def run_once(self) -> int:
        """Move what can be moved now; return how many messages were."""
        ...

    def next_due(self) -> float | None:
        """Return when something is due by itself (seconds), None if nothing is known of."""
        ...


async def serve_stage(
    context: ServiceContext, open_stage: Callable[[ServiceContext], Stage]
) -> None:
    """Run a stage until it is asked to drain."""
    stage = open_stage(context)
    while not context.draining.is_set():
        try:
            moved = await stage.run_once()
        except (SpoolFull, SpoolBusy) as error:
            stage = await _start_afresh(context, open_stage, error)
            continue
        context.flush_logs()
        if 1 < moved < FULL_BATCH:
            _gather(min(moved, stage.gather_times))
        if not moved or not stage.may_have_more:
            await context.wakeup.wait(_patience(stage, context))


def _gather(times: int) -> None:
    """Let more come in; not even pokes are to wake this process meanwhile."""
    time.sleep(times * GATHER_SECONDS)


async def _start_afresh(
    context: ServiceContext, open_stage: Callable[[ServiceContext], Stage], error: TemporaryError
) -> Stage:
    """Nothing was written: wait, give claims back, and begin with what the rows say."""
    context.log.warning(f"{error}; trying again")
    context.flush_logs()
    await context.wakeup.wait(RETRY_SECONDS)
    with contextlib.suppress(SpoolFull, SpoolBusy), context.spool.transaction() as tx:
        queues.release_all(tx, context.process_id)
    return open_stage(context)


def _patience(stage: Stage, context: ServiceContext) -> float:
    due = stage.next_due()
    if due is None:
        return POLL_SECONDS
    return min(POLL_SECONDS, max(0.0, due - context.clock.now()))
