"""Group commit for an event-loop service: one transaction for whatever is pending.

Sessions hand in operations and await them. All that are pending are run in one transaction. While
they wait for the disk the next ones gather, so that batches grow with the load and an idle system
commits at once.

Short operations are run in the event loop's own thread if nobody stands at the write gate: to hand
them over would cost more than they do. What may take a while is the spool thread's: to copy much,
to stand at the gate, to wait for the disk. The connection belongs to that thread while it is busy,
else to the loop.

Must not: let an operation wait for anything but the spool.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from spoolmta.clock import Clock
from spoolmta.errors import SpoolBusy, SpoolFailed, SpoolFull, SpoolmtaError
from spoolmta.spool.connection import Spool, Transaction

T = TypeVar("T")

_BATCH = 256


class _Pending(msgspec.Struct):
    operation: Callable[[Any], Any]
    future: "asyncio.Future[Any]"
    durable: bool = False
    grouped: bool = False
    short: bool = False
    on_commit: Callable[[], None] | None = None
    result: Any = None
    error: BaseException | None = None


class Committer:
    """Runs operations on a spool connection of its own."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Start the thread; call it inside a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._clock = clock
        self._spool: Spool | None = None
        self._pending: list[_Pending] = []
        self._is_busy = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._thread.start()

    def submit(
        self,
        operation: Callable[[Transaction], T],
        *,
        durable: bool = False,
        short: bool = True,
        on_commit: Callable[[], None] | None = None,
    ) -> "asyncio.Future[T]":
        """Run *operation* in the next group's transaction; the result comes after its commit.

        One that copies much is not *short*: it would hold up the event loop. *on_commit* is called
        in the loop once others see the commit, which may be before it is on the disk. An operation
        that raises spoils nobody else's: the group is run again one by one.
        Raises SpoolBusy, SpoolFull, SpoolFailed (see Spool.transaction), and what it raised.
        """
        return self._put(
            _Pending(operation, self._loop.create_future(), durable, True, short, on_commit)
        )

    def run(self, operation: Callable[[Spool], T]) -> "asyncio.Future[T]":
        """Run *operation* in the spool thread, outside any transaction but those it makes."""
        return self._put(_Pending(operation, self._loop.create_future()))

    async def close(self) -> None:
        """Finish what is pending, end the thread and close the connection."""
        with contextlib.suppress(SpoolmtaError):
            await self.run(lambda _: None)
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        if self._spool is not None:
            self._spool.close()

    def _put(self, pending: _Pending) -> "asyncio.Future[Any]":
        if not self._pending and not self._is_busy:
            self._loop.call_soon(self._begin)
        self._pending.append(pending)
        return pending.future

    def _begin(self) -> None:
        """Take what is pending: at once if that can be, else in the spool thread."""
        batch = self._pending[:_BATCH]
        del self._pending[:_BATCH]
        spool = self._spool
        if spool is None or not _commit_at_once(spool, batch):
            self._is_busy = True
            self._jobs.put(partial(self._run, batch))
            return
        _announce(batch)
        if any(pending.durable for pending in batch):
            self._is_busy = True
            self._jobs.put(partial(_synchronize, spool, batch, self._end_soon))
        else:
            self._end(batch)

    def _end(self, batch: Sequence[_Pending]) -> None:
        self._is_busy = False
        if self._pending:
            self._loop.call_soon(self._begin)
        for pending in batch:
            if pending.future.cancelled():
                continue
            if pending.error is None:
                pending.future.set_result(pending.result)
            else:
                pending.future.set_exception(pending.error)

    def _end_soon(self, batch: Sequence[_Pending]) -> None:
        self._loop.call_soon_threadsafe(self._end, batch)

    # What follows is run in the spool thread.

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _run(self, batch: Sequence[_Pending]) -> None:
        try:
            self._spool = self._spool or Spool.open(self._path, self._clock)
        except BaseException as error:
            _fail(batch, error)
            self._end_soon(batch)
            return
        group = [pending for pending in batch if pending.grouped]
        if group:
            _commit(self._spool, group)
        for pending in batch:
            if not pending.grouped:
                _run_alone(self._spool, pending)
        if any(pending.on_commit is not None for pending in group):
            self._loop.call_soon_threadsafe(_announce, group)
        if any(pending.durable for pending in group):
            _synchronize(self._spool, batch, self._end_soon)
        else:
            self._end_soon(batch)


def _commit_at_once(spool: Spool, batch: Sequence[_Pending]) -> bool:
    """Commit short operations if that lets nobody wait; return whether it was done."""
    if not all(pending.short for pending in batch) or not spool.enter_free_gate():
        return False
    return _commit(spool, batch, patient=False)


def _commit(spool: Spool, group: Sequence[_Pending], *, patient: bool = True) -> bool:
    """Run *group* in one transaction; False: another program has the spool locked just now."""
    try:
        with spool.transaction(patient=patient) as tx:
            for pending in group:
                pending.result = pending.operation(tx)
    except (SpoolBusy, SpoolFull, SpoolFailed) as error:
        if isinstance(error, SpoolBusy) and not patient:
            return False
        _fail(group, error)
    except BaseException as error:
        if len(group) == 1:
            group[0].error = error
            return True
        for pending in group:
            _commit(spool, [pending])
    return True


def _announce(batch: Sequence[_Pending]) -> None:
    """Tell who wanted to know that others see the commit; each but once."""
    for call in {p.on_commit for p in batch if p.on_commit is not None and p.error is None}:
        call()


def _synchronize(
    spool: Spool, batch: Sequence[_Pending], end: Callable[[Sequence[_Pending]], None]
) -> None:
    try:
        spool.synchronize()
    except BaseException as error:
        _fail([pending for pending in batch if pending.durable], error)
    end(batch)


def _run_alone(spool: Spool, pending: _Pending) -> None:
    try:
        pending.result = pending.operation(spool)
    except BaseException as error:
        pending.error = error


def _fail(batch: Sequence[_Pending], error: BaseException) -> None:
    for pending in batch:
        pending.error = error
